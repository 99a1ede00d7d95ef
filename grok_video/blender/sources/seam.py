"""The measurement of a seam: what the service did to the colours of a source, and what takes that back.

Owns which frames of source and answer are the same, the order of the measurement and its report. The work is done by a
second Blender (``seam_child.py``), whose life is in ``child.py``. Knows nothing of jobs.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import bpy

from ...core import mp4
from ...core.files import open_own
from ...core.payload import seam_from_payload
from ...core.record import record
from ...core.seam import Seam
from ..refusal import Interrupted
from .artist import artists_settings
from .bake_common import MEASURED
from .child import Child

#: A child that gives no sign of life for so long hangs. Whoever waits for it has less patience.
SILENT_SECONDS = 60.0
_LONG = 320  # pixels of the long side of what is compared
_MOST = 24  # frames that are compared: a second of what the service makes


@record
class Shown:
    """A clip or a picture as a strip shows it."""

    path: str  # absolute
    space: str  # colour space of the strip
    picture: bool = False  # a still


@record
class Compared:
    """Which frames of two clips are to be compared, pairwise, counted from 0."""

    source: tuple[int, ...]
    answer: tuple[int, ...]
    same: bool = True  # both show the same; else only how often each colour is seen is compared


@record
class Measured:
    """What was measured. The differences are means of all channels, in 255ths, as the sequencer renders both."""

    seam: (
        Seam | None
    )  # what takes the shift back; None: there is none that can be seen, or that could be taken back
    before: float
    after: float


class Measurement(Child[Measured]):
    """One measurement under way; see ``Child``."""

    @property
    def silent_seconds(self) -> float:
        return SILENT_SECONDS

    @staticmethod
    def begin(
        scene: bpy.types.Scene,
        source: Shown,
        answer: Shown,
        compared: Compared,
        folder: Path,
        seam: Seam | None = None,
    ) -> Measurement:
        """Begin to compare two clips as strips of ``scene`` would show them; works in a folder in ``folder``.

        ``seam``: what is on the source's strip. Raises Interrupted.
        """
        self = Measurement(folder / "seam", "colours of the source", 0)
        self._begin(
            lambda _file: {"images": {}},
            {
                "what": "seam",
                "passes": 1,
                "source": {**dataclasses.asdict(source), "frames": compared.source},
                "answer": {**dataclasses.asdict(answer), "frames": compared.answer},
                "same": compared.same,
                "seam": None if seam is None else dataclasses.asdict(seam),
                "size": _size(answer.path),
                "working": scene.sequencer_colorspace_settings.name,
                "view": _view_of(scene),
                "artist": artists_settings([]),
            },
        )
        return self

    def _collect(self) -> Measured:
        with open_own(self._folder / MEASURED, "rb") as file:
            found = json.load(file)
        seam = found["seam"]
        try:
            made = None if seam is None else seam_from_payload(seam)
        except (ValueError, TypeError, KeyError):
            self._fail("what was measured are no curves")
        return Measured(made, found["before"], found["after"])


def _size(path: str) -> tuple[int, int]:
    """Pixels of what is compared of a clip: its ratio. Raises Interrupted."""
    try:
        clip = mp4.probe(path)
    except (OSError, mp4.NotAClip) as error:
        raise Interrupted(f"The clip cannot be read: {error}.") from error
    scale = _LONG / max(clip.width, clip.height)
    return max(8, round(clip.width * scale)), max(8, round(clip.height * scale))


def _view_of(scene: bpy.types.Scene) -> dict[str, Any]:
    view = scene.view_settings
    names = ("view_transform", "look", "exposure", "gamma")
    return {name: getattr(view, name) for name in names}


def last_second(
    source: tuple[float, int], answer: tuple[float, int], source_seconds: float, head: float
) -> Compared | None:
    """The frames of the last second of a source and of the same second in its extension; None: there are none.

    ``source`` and ``answer``: rate and number of frames of each clip; ``head``: seconds of the answer that are the
    source's. Where the answer does not hold the source, its first frame is compared with the source's last.
    """
    (source_fps, source_frames), (fps, frames) = source, answer
    if min(source_frames, frames) < 1 or min(source_fps, fps) <= 0:
        return None
    pairs: list[tuple[int, int]] = []
    for back in range(min(_MOST, round(fps))):
        seconds = head - (back + 0.5) / fps  # in the middle of a frame of the answer
        at = int(seconds * fps)
        before = int((seconds - head + source_seconds) * source_fps)
        if seconds > 0 and 0 <= at < frames and 0 <= before < source_frames:
            pairs.append((before, at))
    if not pairs:
        pairs = [(source_frames - 1, 0)]
    source_side, answer_side = zip(*reversed(pairs), strict=True)
    return Compared(source_side, answer_side)


def all_through(source_frames: int, frames: int) -> Compared | None:
    """Frames from all of a source and of its edit, which shows other things; None: there are none."""
    count = min(_MOST, source_frames, frames)
    if count < 1:
        return None
    source, answer = (
        tuple(int((number + 0.5) * length / count) for number in range(count))
        for length in (source_frames, frames)
    )
    return Compared(source, answer, same=False)
