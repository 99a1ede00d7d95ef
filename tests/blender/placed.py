"""Clips that tests place, and where their strips lie: as the timeline has them, not as the product says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from .editing import every, find, span


@dataclass(frozen=True, slots=True)
class Placed:
    """A clip that was just placed."""

    movie: str  # name of the movie strip
    sound: str  # name of the sound strip; '' without sound
    channel: int  # the movie's
    start: int  # scene frame of the first picture
    end: int  # scene frame after the last one
    notice: str
    off_colour: bool


def placed(scene: Any, place: Callable[[], Any]) -> Placed:
    """What ``place()`` added to the edit of ``scene``; it gives the product's word of that."""
    before = {strip.name for strip in every(scene)}
    landing = place()
    movie = find(scene, landing.movie)
    new = {strip.type: strip.name for strip in every(scene) if strip.name not in before}
    assert new.pop("MOVIE") == landing.movie
    sound = new.pop("SOUND", "")
    assert not new
    return Placed(
        landing.movie, sound, movie.channel, *span(movie), landing.notice, landing.off_colour
    )


def import_clip(
    timeline: Any,
    scene: Any,
    path: Path,
    *,
    frame: int,
    name: str = "A frog",
    job_id: str = "job",
    made_from_view: str = "",
) -> Placed:
    """Import the clip at ``path`` as a job that is placed at ``frame``; ``timeline``: that floor of the extension."""
    clip = timeline.Clip(str(path), name, job_id, made_from_view)
    return placed(
        scene,
        lambda: timeline.bring_in(
            bpy.context,
            scene,
            clip,
            meta=timeline.meta_at(scene, frame),
            frame=frame,
            settle=timeline.settle_lowest,
        ),
    )
