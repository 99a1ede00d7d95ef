"""The clip that stands in a slot until the clip itself is there: how long, how large, and which picture stands still in it.

Owns what can be expected of a clip before it is made. Knows nothing of the slots of the open file.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy

from ...core.files import read_file
from ...core.spec import Clip, JobSpec, Kind
from ...core.still_movie import card, still_movie_path, write_still_movie
from ...service import models
from .. import compat, config, said, scenes, sources, timeline
from ..refusal import Interrupted, Refused

FPS = 24.0  # of every clip of the service
_LARGEST_SIDE = 4096  # pixels of a card
_LARGEST_STILL = 64 << 20  # bytes


def still_clip(scene: bpy.types.Scene, spec: JobSpec, size: tuple[int, int] | None) -> Clip:
    """The clip that stands for the clip of ``spec`` until that is there, its file written. Raises OSError."""
    source = _source_strip(scene, spec)
    picture = _picture(scene, spec, source)
    sound = spec.generate_audio
    if spec.video is not None and source is not None:
        sound |= bool(timeline.sounds.sounds_of(source))
    name = f"{spec.id}-still" if picture is not None and spec.image else spec.id
    return written(name, picture, expected_size(scene, spec, size), expected_frames(spec), sound)


def written(
    name: str, picture: bytes | None, size: tuple[int, int], frames: int, sound: bool
) -> Clip:
    """A still movie of a picture, or of a card of that size, in the data folder. Raises OSError."""
    path = still_movie_path(config.data_dir(), name)
    try:
        if picture is None:
            raise ValueError
        width, height = write_still_movie(picture, path, frames, FPS, sound=sound)
    except ValueError:  # a picture that no movie can hold
        width, height = write_still_movie(card(*size), path, frames, FPS, sound=sound)
    return Clip(str(path), 0, width, height, FPS, frames, frames / FPS, sound)


def expected_frames(spec: JobSpec) -> int:
    """How many frames the clip of ``spec`` will have, as far as that can be known."""
    known = round(spec.video.seconds * FPS) if spec.video is not None else 1
    added = 0 if spec.kind is Kind.EDIT else round(spec.duration * FPS)
    return max(known + added, 1)


def expected_size(
    scene: bpy.types.Scene, spec: JobSpec, size: tuple[int, int] | None = None
) -> tuple[int, int]:
    """The pixels that the clip of ``spec`` will have, as far as that can be known; ``size`` of a first frame to come."""
    if spec.video is not None:
        found = spec.video.width, spec.video.height
    elif size is not None:
        found = size
    elif spec.image and all(spec.image_pixels):
        found = spec.image_pixels
    else:
        found = models.PIXELS.get((spec.resolution, spec.aspect_ratio), (0, 0))
    if not all(found):
        width, height = scenes.frame_size(scene)
        found = max(round(width), 1), max(round(height), 1)
    return min(found[0], _LARGEST_SIDE), min(found[1], _LARGEST_SIDE)


def _source_strip(scene: bpy.types.Scene, spec: JobSpec) -> Any | None:
    """The strip that the clip of ``spec`` continues or changes; None for a clip of its own."""
    target = spec.target
    if not target.strip:
        return None
    content = target.offset if target.place == "OVER" else None
    return timeline.source_marks.find_source(
        scene, target.strip, target.mark, target.frame, content=content
    )


def _picture(scene: bpy.types.Scene, spec: JobSpec, source: Any | None) -> bytes | None:
    """The picture that the slot shows: the first frame that is sent, else the frame of its source; None: a card."""
    if spec.image:
        with suppress(OSError):
            return read_file(Path(spec.image), _LARGEST_STILL)
        return None
    # Other strips may hold whole scenes, whose render would let the window wait.
    if spec.video is None or source is None or source.type not in ("MOVIE", "IMAGE"):
        return None
    first, after = timeline.strips.visible_span(source)
    frame = after - 1
    if spec.target.place == "OVER":
        start = compat.content_start(source) + spec.target.offset
        frame = min(max(start, first), after - 1)
    path = still_movie_path(config.data_dir(), spec.id).with_suffix(".png")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        size = spec.video.width, spec.video.height
        sources.capture.strip_still(source.id_data, source, frame, size, path, "PNG")
        return read_file(path, _LARGEST_STILL)
    except (Refused, Interrupted, OSError, *said.BLENDERS_ERRORS):
        return None
    finally:
        sources.pixels.remove(path)


def card_of(strip: Any) -> Clip:
    """A card for a slot of whose job nothing is known here, as long as the slot's own still movie was. Raises OSError."""
    stood = timeline.slots.stands_for(strip)
    size = (stood.width, stood.height) if stood is not None else timeline.strips.pixels_of(strip)
    frames = stood.frames if stood is not None else max(compat.content_length(strip), 1)
    sound = bool(timeline.sounds.sounds_of(strip))
    name = hashlib.sha256(timeline.strips.job_of(strip).encode()).hexdigest()[
        :32
    ]  # an id may be any text
    return written(name, None, size, frames, sound)
