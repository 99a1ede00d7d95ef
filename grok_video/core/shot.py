"""A shot: a row of a shot list, as data; and what its prompt stands for.

Knows nothing of Blender, of files and of prices.
"""

from __future__ import annotations

import re

from .record import record
from .spec import Source

#: Where a shot's first frame comes from; 'NONE': its clip is made from text alone.
SOURCES = ("CAMERA", "IMAGE", "STRIP", "NONE")
#: What a prompt may name of its shot. Other braces stay as they are.
_FIELD = re.compile(r"\{(shot|camera|scene|frame)\}")


@record
class Shot:
    """What is to be made: a clip that begins with the frame of a camera, with an image, or with what a strip shows."""

    name: str
    enabled: bool = True
    prompt: str = ""
    source: str = "CAMERA"  # of SOURCES
    scene: str = ""  # name of the scene whose camera is rendered; '': the scene of the list
    camera: str = ""  # name; '': the camera that the scene has at the frame
    image: str = ""  # name of the image of the source 'IMAGE'
    strip: str = ""  # name of the strip of the source 'STRIP'
    frame: int = 1  # of ``scene``; of the source 'STRIP' of the sequencer's scene
    seconds: int = 0  # 0: as many as the panel says
    model: str = ""  # '': the panel's
    resolution: str = ""  # '480p' '720p' '1080p'; '': the panel's
    #: Of the sequencer's scene: where the clip begins; None: at the time of ``frame``.
    target_frame: int | None = None


@record
class Fields:
    """What the fields of a shot's prompt stand for."""

    shot: str
    camera: str
    scene: str
    frame: int


def whole_prompt(prompt: str, fields: Fields, begin: str = "", end: str = "") -> str:
    """The prompt of a shot between what all shots of its list begin and end with, its fields filled in.

    What a field stands for is put in as it is: a shot called '{frame}' is no field.
    """
    words = " ".join(part.strip() for part in (begin, prompt, end) if part.strip())
    return _FIELD.sub(lambda found: str(getattr(fields, found[1])), words)


def frame_at(frame: int, rate: float, other: float) -> int:
    """The frame of a scene of ``other`` frames a second that is at the same time as ``frame`` of one of ``rate``."""
    return frame if rate == other else round(frame / rate * other)


def pictured(source: Source) -> tuple[object, ...]:
    """What the picture of a row's source is known by: the same of two jobs that show the same, whenever each was made."""
    match source.kind:
        case "CAMERA":
            return source.kind, source.scene, source.frame, source.camera
        case "IMAGE":
            return source.kind, source.image
        case _:
            return source.kind, source.scene, source.frame, source.image
