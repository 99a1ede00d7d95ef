"""The look in use as the first frame of a clip, in place of the source that it was made from.

Owns when a look counts, why it cannot be sent, and how it is fitted to the clip. What Blender shows of the look is what
is sent. Knows nothing of how looks are made, and of jobs.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.framing import Crop, crop_inside
from ...core.spec import JobSpec, Picture, Source
from .. import scenes
from ..refusal import Refused
from ..sources import capture, pixels, view
from ..sources.image_size import size_of
from ..sources.stage import stage_of
from .common import preferred_format, with_still

if TYPE_CHECKING:
    from .common import Submission

#: Most that two takes of one picture differ by in the mean, of 255: a JPEG of it makes less.
_SAME = 1.0
#: Part of the look that the clip has to keep: of less nobody would know it again.
_LEAST_KEPT = 0.5
#: Pixels of a side: more has no picture that Blender reads.
_LARGEST = 1 << 20
Key = tuple[float, str]  # scene frame, and name of the camera
#: The end frame and keyframes that are sent in the look: path of each picture.
InLook = Mapping[Key, str]
GONE = (
    "The picture of the look in use is not in this file any more. Choose the look again, or press Use "
    "the Render."
)


def look_of(scene: bpy.types.Scene) -> Any | None:
    """The look (``GrokVideoLook``) that is the first frame; None where the source itself is.

    A look counts for the source that it was made from: where another source is chosen, that is sent.
    """
    chosen = scene.grok_video
    look = chosen.look
    if not look.job or look.source != chosen.source:
        return None
    if chosen.source == "IMAGE" and look.of_image is not None and look.of_image != chosen.image:
        return None
    return look


#: Between what stands for the view and what stands for the things in it; looks of 0.5.0 have the first alone.
_AND = "."
#: Sources that show what stands in the scene.
_OF_STAGE = ("CAMERA", "VIEWPORT")


def seen_now(
    context: bpy.types.Context, scene: bpy.types.Scene, source: str, stage: str | None = None
) -> str:
    """What stands for the view of a source and the things in it; '' where nothing tells.

    ``stage``: what is known of the things, for a redraw, which cannot look at them; None: they are looked at now.
    """
    now = view.view_of(context, scene, source, scene.grok_video.image)
    if not now or source not in _OF_STAGE:
        return now
    return f"{now}{_AND}{stage_of(scene) if stage is None else stage}"


def is_earlier(
    context: bpy.types.Context, scene: bpy.types.Scene, look: Any, stage: str | None = None
) -> bool:
    """Whether the look was made from another view, or of things elsewhere, than the source has now; as ``seen_now``."""
    now, before = (
        seen.split(_AND) for seen in (seen_now(context, scene, look.source, stage), look.view)
    )
    return any(a and b and a != b for a, b in zip(now, before, strict=False))


def render_size(look: Any) -> tuple[int, int] | None:
    """Width and height of the render that the look was made from; None where the file has no such size."""
    width, height = look.width, look.height  # a damaged .blend may hold any number
    return (width, height) if 0 < width <= _LARGEST and 0 < height <= _LARGEST else None


def crop_of(look: Any, size: tuple[int, int]) -> Crop | None:
    """What of the look is kept in a clip of that size; None where the look has no pixels."""
    there = size_of(look.image) if look.image is not None else None
    return crop_inside(*there, *size) if there is not None and all(there) else None


def kept_of(look: Any, crop: Crop, size: tuple[int, int]) -> tuple[int, int]:
    """What is kept of a look that has pixels: width and height, in pixels, at which the look is sent for a clip of that size: never enlarged."""
    width, height = look.image.size
    kept = (crop.right - crop.left) * width, (crop.top - crop.bottom) * height
    return (
        size if kept[0] >= size[0] else (max(1, int(kept[0] + 1e-6)), max(1, int(kept[1] + 1e-6)))
    )


def refusal(look: Any, size: tuple[int, int], *, at_file: bool = False) -> str:
    """'' or why the look cannot be the first frame of a clip of that size; ``at_file``: as ``capture.refusal``."""
    if look.image is None:
        return GONE
    if why := capture.image_refusal(look.image, look=at_file):
        return f"The look in use cannot be sent. {why}"
    crop = crop_of(look, size)
    if crop is not None and (crop.right - crop.left) * (crop.top - crop.bottom) < _LEAST_KEPT:
        width, height = look.image.size
        return (
            f"The look is {width} × {height}, and the clip {size[0]} × {size[1]}: more than half of the look "
            "would be cropped. Make a look of this frame, or press Use the Render."
        )
    return ""


def other_picture(
    context: bpy.types.Context, scene: bpy.types.Scene, look: Any, render: Path
) -> str:
    """'' or what stands for the picture that the source shows now, where that is another one than ``render``.

    For sources that need no render. Raises Refused, Interrupted, OSError.
    """
    import numpy as np  # here: Blender's start does not wait

    spare = render.with_name(f"{render.stem}-now.png")
    image, size = scene.grok_video.image, render_size(look)
    if size is None:
        return ""
    try:
        capture.capture_now(context, scene, look.source, image, size, spare, "PNG")
        shown, before = pixels.read(spare), pixels.read(render)
    finally:
        pixels.remove(spare)
    if shown.shape == before.shape:
        apart = np.abs(shown.astype(np.int16) - before.astype(np.int16)).mean()
        if float(apart) <= _SAME:
            return ""
    return hashlib.sha256(shown.tobytes()).hexdigest()


def source_of(look: Any) -> Source:
    """Where the render came from that the look was made from."""
    image = look.of_image.name if look.of_image is not None else ""
    frame = look.frame if math.isfinite(look.frame) else 0.0  # a damaged .blend may hold any
    return Source(look.source, look.scene, frame, look.camera, image, look.view)


def add_look(
    submission: Submission, scene: bpy.types.Scene, look: Any, size: tuple[int, int]
) -> None:
    """Let the look be the first frame of ``submission``: cropped to the ratio of ``size``, and never enlarged."""
    image, source = look.image, source_of(look)

    def add_to(spec: JobSpec) -> JobSpec:
        made = capture.fitted(scene, image, size, Path(spec.image), preferred_format())
        return with_still(spec, replace(made, source=source))

    submission.stills.append(add_to)


def key_of(scene: bpy.types.Scene, frame: int, camera: bpy.types.Object | None = None) -> Key:
    """What the look of another frame of the clip is found by; ``camera`` None: the scene's at that frame."""
    camera = camera or scenes.camera_of(scene, frame)
    return float(frame), camera.name if camera is not None else ""


def frame_from(path: str, picture: Picture, what: str, size: tuple[int, int]) -> Picture:
    """The picture of a frame in the look, from the file at ``path``, for a clip of that size. Raises Refused, Interrupted."""
    if not Path(path).is_file():
        raise Refused(
            f"{what}: the file of its look is gone: {path}.",
            "Download it again from the list, or turn off Frames in the Look.",
        )
    rgb = pixels.fit(pixels.read(Path(path)), 1.0, size)
    place, file_format = Path(picture.path), preferred_format()
    pixels.write(rgb, place, file_format)
    source = Source("IMAGE")
    made = pixels.finished(place, file_format, rgb.shape[1], rgb.shape[0], source)
    return replace(picture, size=made.size)
