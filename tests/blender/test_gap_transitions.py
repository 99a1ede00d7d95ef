"""Fill Gap beside and below transitions: what is sent is what the edit shows, and no clip is bought that nobody would see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from . import pictures, test_gap
from .editing import color, find, set_span, span, strips
from .test_gap import Desk, refused

Module = Callable[[str], ModuleType]
clip, desk = test_gap.clip, test_gap.desk
KINDS = ("CROSS", "GAMMA_CROSS", "WIPE")


def sent(path: str) -> pictures.Picture:
    with Image.open(path) as picture:
        small = picture.convert("RGB").resize((pictures.WIDTH, pictures.HEIGHT))
    return np.asarray(small).astype(np.float64)


def difference(one: pictures.Picture, other: pictures.Picture) -> float:
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("kind", KINDS)
def test_at_both_ends_the_transition_is_what_is_seen(
    blender: ModuleType, desk: Desk, stand_in: Any, module: Module, tmp_path: Path, kind: str
) -> None:
    """The last picture of one before the gap, the first of one behind it; the strips themselves show others there."""
    scene = desk.scene
    left = desk.place(1).name
    over = color(scene, 30, 38, 60)
    color(scene, 31, 38, 60, kind, find(scene, left), over)
    right = desk.place(110).name
    before = color(scene, 40, 100, 122)
    before.color = (0.9, 0.2, 0.1)
    color(scene, 41, 100, 122, kind, before, find(scene, right))
    set_span(over, 38, 50)  # in the gap itself nothing lies
    set_span(before, 110, 122)
    ends = [pictures.see(scene, tmp_path, frame) for frame in (49, 110)]
    alone = []
    for name, frame in ((left, 49), (right, 110)):
        for other in [s for s in strips(scene) if s.name != name]:
            other.mute = True
        alone.append(pictures.see(scene, tmp_path, frame))
        for other in strips(scene):
            other.mute = False
    assert all(difference(a, b) > 5 for a, b in zip(ends, alone, strict=True))
    blender.ops.grok_video.fill_gap(left=left, right=right, allow_single_color=True)
    (job,) = module("blender.session.state").current().bridge.snapshot.all
    assert (job.spec.target.strip, job.spec.target.right) == (left, right)
    for seen, path in zip(ends, (job.spec.image, job.spec.last_frame.path), strict=True):
        assert difference(sent(path), seen) < 3
    (movie,) = [s for s in strips(scene) if s.get("grok_video_job") == job.id and s.type == "MOVIE"]
    assert span(movie) == (50, 110)
    assert movie.channel == find(scene, left).channel
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_transition_over_the_gap_would_hide_the_clip(
    blender: ModuleType, desk: Desk, stand_in: Any, module: Module, kind: str
) -> None:
    """Between strips that lie apart Blender lets a transition last exactly as long as the gap."""
    scene = desk.scene
    left, right = desk.two(50)
    channel = find(scene, left).channel
    transition = color(scene, 30, 50, 100, kind, find(scene, left), find(scene, right))
    assert span(transition) == (50, 100)
    words = f"“{transition.name}” goes from “{left}” to “{right}” in this gap already"
    refused(words, left=left, right=right)
    found = desk.gaps.gap_at(scene, channel, 60)
    gap = module("blender.submission.gap")
    assert words in gap.refusal(scene, found)
    assert not stand_in.requests("submit")
    transition.mute = True
    assert gap.refusal(scene, found) == ""
    transition.mute = False
    scene.sequence_editor.channels[30].mute = True
    assert gap.refusal(scene, found) == ""
    blender.ops.grok_video.fill_gap(left=left, right=right)
    assert len(stand_in.requests("submit")) == 1
