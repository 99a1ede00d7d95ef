"""A look at another take: whatever comes in between, the strip is as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import pictures
from .editing import every, set_span, span, split
from .test_flow import newest

Module = Callable[[str], ModuleType]


def _plain(value: Any) -> Any:
    """A value to compare: between two sizes a scale goes through two roundings."""
    if hasattr(value, "__len__") and not isinstance(value, str):
        return [_plain(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def look_of(scene: Any) -> dict[str, dict[str, Any]]:
    """All that an artist can set of every strip, and what each shows."""
    found: dict[str, dict[str, Any]] = {}
    for strip in every(scene):
        kept: dict[str, Any] = {"span": span(strip), "job": strip.get("grok_video_job")}
        start = "content_start" if hasattr(strip, "content_start") else "frame_start"
        for name in ("channel", "mute", "blend_alpha", "filepath", start):
            if hasattr(strip, name):
                kept[name] = _plain(getattr(strip, name))
        if strip.type == "MOVIE":
            for part in ("transform", "crop"):
                of = getattr(strip, part)
                kept |= {
                    f"{part}.{p.identifier}": _plain(getattr(of, p.identifier))
                    for p in of.bl_rna.properties
                    if p.identifier not in ("rna_type", "filter")
                }
        elif strip.type == "SOUND":
            kept["sound"] = strip.sound.filepath
        found[strip.name] = kept
    return found


@pytest.fixture
def takes(blender: ModuleType, scene: Any, module: Module) -> tuple[Any, Any, Any]:
    """A strip with two takes: the one that it shows, and another, longer one of another size."""
    scene.grok_video.generate_audio = True
    blender.ops.grok_video.generate(frame=10)
    first = newest(module)
    movie = next(s for s in every(scene) if s.type == "MOVIE")
    names = {strip.name for strip in every(scene)}
    scene.grok_video.duration, scene.grok_video.resolution = 2, "720p"
    blender.ops.grok_video.generate(frame=200)
    other = newest(module)
    base = scene.sequence_editor
    base = base.strips if hasattr(base, "strips") else base.sequences
    for strip in list(base):
        if strip.name not in names:
            base.remove(strip)
        else:
            strip["grok_video_slot"] = other.id
    assert other.clip.width > first.clip.width
    return movie, first, other


@pytest.fixture
def comparing(blender: ModuleType, module: Module) -> ModuleType:
    return module("blender.session.comparing")


def test_the_other_take_is_shown_and_the_first_is_back(
    blender: ModuleType, scene: Any, takes: Any, comparing: ModuleType, tmp_path: Path
) -> None:
    movie, _first, other = takes
    movie.transform.scale_x *= 0.5
    movie.crop.min_x = 11
    movie.keyframe_insert("blend_alpha", frame=12)
    movie.transform.keyframe_insert("scale_y", frame=12)
    before, picture = look_of(scene), pictures.see(scene, tmp_path, 20)
    for _ in range(3):
        comparing.begin(movie)
        assert comparing.words() == ("take 1", "take 2")
        comparing.look(shown=True)
        comparing.step(1)  # there is no third
        comparing.look(shown=True)
        assert comparing.words() == ("take 1", "take 2")
        assert movie["grok_video_job"] == other.id
        assert Path(blender.path.abspath(movie.filepath)) == Path(other.clip.path)
        comparing.look(shown=False)
        assert look_of(scene) == before
        comparing.end()
    comparing.end()
    assert look_of(scene) == before
    assert abs(pictures.see(scene, tmp_path, 20) - picture).max() < 1.0


def test_a_look_adds_no_sound(scene: Any, takes: Any, comparing: ModuleType) -> None:
    """A silent first take, whose slot never had a sound strip, and another take with sound."""
    movie, first, _other = takes
    base = scene.sequence_editor
    base = base.strips if hasattr(base, "strips") else base.sequences
    for sound in [strip for strip in every(scene) if strip.type == "SOUND"]:
        base.remove(sound)
    module_slots = comparing.timeline.slots
    silent = replace(module_slots.Showing.of(first.clip), has_sound=False)
    module_slots.stand_for(movie, silent)
    before = look_of(scene)
    comparing.begin(movie)
    comparing.look(shown=True)
    comparing.look(shown=False)
    assert look_of(scene) == before


@pytest.mark.parametrize("way", ["save", "undo", "load", "disable", "render"])
def test_nothing_meets_the_other_take(
    blender: ModuleType,
    scene: Any,
    takes: Any,
    comparing: ModuleType,
    module: Module,
    tmp_path: Path,
    way: str,
) -> None:
    movie, first, _other = takes
    name = movie.name
    before, picture = look_of(scene), pictures.see(scene, tmp_path, 20)
    blender.ops.wm.save_mainfile()
    blender.ops.ed.undo_push(message="Before")
    scene.frame_current = 3
    blender.ops.ed.undo_push(message="After")
    comparing.begin(movie)
    comparing.look(shown=True)
    if way == "save":
        blender.ops.wm.save_mainfile()
        assert look_of(scene) == before
        comparing.look(shown=False)
        assert look_of(scene) == before
        blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    elif way == "undo":
        blender.ops.ed.undo()
        assert look_of(blender.context.scene) == before
        comparing.look(shown=True)
        blender.ops.ed.redo()
    elif way == "load":
        blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
        assert not comparing.is_there() or look_of(blender.context.scene) == before
    elif way == "disable":
        blender.ops.preferences.addon_disable(module="bl_ext.user_default.grok_video")
        assert look_of(scene) == before
        blender.ops.preferences.addon_enable(module="bl_ext.user_default.grok_video")
    else:
        assert abs(pictures.see(scene, tmp_path, 20) - picture).max() < 1.0
    scene = blender.context.scene
    assert look_of(scene) == before
    assert next(s for s in every(scene) if s.name == name)["grok_video_job"] == first.id


def test_pieces_that_are_trimmed_stay_trimmed(
    scene: Any, takes: Any, comparing: ModuleType
) -> None:
    """The end of the right piece is untouched and follows the longer take; it comes back too."""
    movie, _first, _other = takes
    right = split(movie, 20)
    set_span(movie, 12, span(movie)[1])
    before = look_of(scene)
    for piece in (movie, right):
        comparing.begin(piece)
        comparing.look(shown=True)
        comparing.look(shown=False)
        assert look_of(scene) == before


def test_what_cannot_be_compared_says_why(
    scene: Any, takes: Any, comparing: ModuleType, module: Module, patches: Any
) -> None:
    movie, first, other = takes
    refused = module("blender.refusal").Refused
    with pytest.raises(refused, match="no other take"):
        comparing.begin(movie, first.id)
    with pytest.raises(refused, match="no other take"):
        comparing.begin(movie, "no such job")
    state = module("blender.session.state")
    slow = replace(other, clip=replace(other.clip, fps=30.0))
    jobs = state.current().bridge.snapshot.jobs
    patches.set(type(jobs), "takes_of", lambda *_: [first, slow])
    jobs_here = "only this file is asked for these jobs"
    patches.set(
        comparing,
        "job_by_id",
        lambda i: {other.id: slow, first.id: first}.get(i),
        copies_ok=jobs_here,
    )
    with pytest.raises(refused, match="30 frames a second"):
        comparing.begin(movie, other.id)
    slow = other
    Path(other.clip.path).unlink()
    with pytest.raises(refused, match="gone"):
        comparing.begin(movie, other.id)
    movie["grok_video_job"] = "f" * 32
    with pytest.raises(refused, match="no take yet"):
        comparing.begin(movie)


def test_a_strip_that_is_gone_or_changed_is_left_alone(
    scene: Any, takes: Any, comparing: ModuleType
) -> None:
    movie, first, _other = takes
    comparing.begin(movie)
    comparing.look(shown=True)
    movie["grok_video_job"] = "e" * 32  # a script chose something else
    after = look_of(scene)
    comparing.look(shown=False)
    comparing.end()
    assert look_of(scene) == after
    movie["grok_video_job"] = first.id
    comparing.begin(movie)
    comparing.look(shown=True)
    base = scene.sequence_editor
    (base.strips if hasattr(base, "strips") else base.sequences).remove(movie)
    assert not comparing.is_there()
    comparing.look(shown=False)
    comparing.end()
