"""Sounds that belong to a picture though they do not begin with it, and those that a scene strip brings along."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import imageio_ffmpeg
import pytest

from . import editing, pictures
from .placed import placed

Module = Callable[[str], ModuleType]
needs_sound = pytest.mark.skipif(
    not bpy.app.build_options.audaspace, reason="this wheel has no sound"
)
pytestmark = needs_sound
LENGTH = 97  # frames of the clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds with sound."""
    return pictures.numbered_clip(tmp_path_factory.mktemp("sounds") / "clip.mp4", 4)


@pytest.fixture
def edit(blender: ModuleType) -> Any:
    scene = blender.context.scene
    scene.render.fps = 24
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    scene.sequence_editor_create()
    return scene


@pytest.fixture
def timeline(module: Module) -> Any:
    return module("blender.timeline")


def movie(scene: Any, path: Path, channel: int, start: int = 1) -> Any:
    """A picture strip that Blender connects with no sound."""
    return editing.base_of(scene.sequence_editor).new_movie("film", str(path), channel, start)


def sound(scene: Any, path: Path, channel: int, start: int = 1) -> Any:
    made = editing.base_of(scene.sequence_editor).new_sound("sound", str(path), channel, start)
    editing.set_span(made, *sorted((start, start + LENGTH)))
    return made


@pytest.mark.parametrize("seconds", [0.5, -0.5])
def test_a_file_whose_sound_begins_apart_from_its_picture(
    edit: Any, timeline: Any, module: Module, clip: Path, tmp_path: Path, seconds: float
) -> None:
    """As Blender's own operator places it, with connections and without."""
    apart = tmp_path / "apart.mp4"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error"]
    ffmpeg += ["-itsoffset", str(max(seconds, 0)), "-i", str(clip)]
    ffmpeg += ["-itsoffset", str(max(-seconds, 0)), "-i", str(clip)]
    subprocess.run(
        [*ffmpeg, "-map", "0:v", "-map", "1:a", "-c", "copy", str(apart)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    move = "move_strips_after_add" if bpy.app.version >= (5, 3) else "move_strips"
    still = {move: False} if bpy.app.version >= (5, 0) else {}
    with editing.sequencer_operators(edit):
        bpy.ops.sequencer.movie_strip_add(
            filepath=str(apart), frame_start=1, channel=2, use_framerate=False, **still
        )
    by_type = {strip.type: strip for strip in editing.strips(edit)}
    start = module("blender.compat").content_start
    assert 11 <= abs(start(by_type["SOUND"]) - start(by_type["MOVIE"])) <= 13
    assert timeline.sounds_of(by_type["MOVIE"]) == [by_type["SOUND"]]


#: Frames by which a sound is slipped at 24 a second, and whether it is the picture's still.
SLIPS = [(0, True), (3, True), (-12, True), (24, True), (26, False), (-40, False)]


@pytest.mark.long
@pytest.mark.parametrize(("frames", "belongs"), SLIPS)
def test_a_sound_that_was_slipped(
    edit: Any, timeline: Any, clip: Path, frames: int, belongs: bool
) -> None:
    film, own = movie(edit, clip, 2), sound(edit, clip, 9)
    editing.shift(own, frames)
    assert timeline.sounds_of(film) == ([own] if belongs else [])
    edit.render.fps = 12 if belongs else 60  # a second has other frames there
    still = abs(frames) <= edit.render.fps + 1
    assert timeline.sounds_of(film) == ([own] if still else [])


@pytest.mark.long
def test_which_sound_is_whose(edit: Any, timeline: Any, clip: Path, tmp_path: Path) -> None:
    """Other sounds at the same time: of another file, of another use of the film, of its other pieces."""
    film, own = movie(edit, clip, 2), sound(edit, clip, 1)
    music = tmp_path / "music.mp4"
    music.write_bytes(clip.read_bytes())
    sound(edit, music, 3)
    assert timeline.sounds_of(film) == [own]
    # The same film once more, ten frames on: each with the sound that lies nearer.
    again, with_it = movie(edit, clip, 6, 11), sound(edit, clip, 5, 11)
    assert (timeline.sounds_of(film), timeline.sounds_of(again)) == ([own], [with_it])
    editing.shift(with_it, 2)
    assert (timeline.sounds_of(film), timeline.sounds_of(again)) == ([own], [with_it])
    # An echo of the artist's is no second sound of the film, and a film without a sound takes none of another use.
    editing.base_of(edit.sequence_editor).remove(again)
    assert timeline.sounds_of(film) == [own]
    again = movie(edit, clip, 6, 13)
    editing.shift(own, 90)
    assert (timeline.sounds_of(film), timeline.sounds_of(again)) == ([], [with_it])
    editing.shift(own, -90)
    for strip in (again, with_it):
        editing.base_of(edit.sequence_editor).remove(strip)
    # Cut, its second half slipped, its first half longer than the picture's (an L-cut): each to its picture.
    late_sound, late = editing.split(own, 50), editing.split(film, 50)
    assert (timeline.sounds_of(film), timeline.sounds_of(late)) == ([own], [late_sound])
    editing.shift(late_sound, 4)
    assert timeline.sounds_of(late) == [late_sound]
    assert timeline.sounds_of(film) == [own]


@pytest.mark.long
def test_sounds_in_meta_strips(edit: Any, timeline: Any, clip: Path) -> None:
    film, own = movie(edit, clip, 2), sound(edit, clip, 1)
    editing.shift(own, 5)
    title = editing.color(edit, 5, 1, 97)
    # The same film in a meta strip with its sound: the one outside, twelve frames on, has none there.
    kept = editing.make_meta(edit, movie(edit, clip, 7, 13), sound(edit, clip, 8, 13))
    (inner,) = (s for s in editing.every(kept.id_data) if s.type == "SOUND" and s.parent_meta())
    (film,) = (s for s in editing.strips(edit) if s.type == "MOVIE")
    (own,) = (s for s in editing.strips(edit) if s.type == "SOUND")
    (title,) = (s for s in editing.strips(edit) if s.type == "COLOR")
    own.mute = True
    assert timeline.sounds_of(film) == [own]
    editing.base_of(edit.sequence_editor).remove(own)
    assert timeline.sounds_of(film) == []
    assert timeline.sounds_of(kept) == [inner]
    editing.base_of(edit.sequence_editor).remove(kept)
    own = sound(edit, clip, 1)
    editing.shift(own, 5)
    editing.make_meta(edit, own, title)
    (film,) = (s for s in editing.every(edit) if s.type == "MOVIE")
    (found,) = timeline.sounds_of(film)
    assert found.type == "SOUND"
    assert timeline.is_heard(found)
    meta = editing.make_meta(edit, *editing.strips(edit))
    (film,) = (s for s in editing.every(edit) if s.type == "MOVIE")
    assert [s.type for s in timeline.sounds_of(film)] == ["SOUND"]
    assert [s.type for s in timeline.sounds_of(meta)] == ["SOUND"]


# ---------------------------------------------------------------------------------------------- scene strips


@pytest.fixture
def shown(edit: Any, clip: Path) -> Any:
    """A strip of a scene whose sequencer has the clip, frames 1 to 97, with its sound."""
    inner = bpy.data.scenes.new("Inner")
    inner.sequence_editor_create()
    movie(inner, clip, 2)
    sound(inner, clip, 1)
    strip = editing.base_of(edit.sequence_editor).new_scene("Inner", inner, 2, 1)
    strip.scene_input = "SEQUENCER"
    editing.set_span(strip, 1, 50)
    return strip


def inner_sound(shown: Any) -> Any:
    return next(s for s in editing.strips(shown.scene) if s.type == "SOUND")


def muted_inside(shown: Any) -> None:
    inner_sound(shown).mute = True


def silent_inside(shown: Any) -> None:
    inner_sound(shown).volume = 0.0


def muted_channel_inside(shown: Any) -> None:
    shown.scene.sequence_editor.channels[1].mute = True


def muted_scene(shown: Any) -> None:
    shown.scene.use_audio = False


def silent_strip(shown: Any) -> None:
    shown.volume = 0.0


def no_sound(shown: Any) -> None:
    editing.base_of(shown.scene.sequence_editor).remove(inner_sound(shown))


def another_time(shown: Any) -> None:
    editing.shift(inner_sound(shown), 200)


def later_frames(shown: Any) -> None:
    shown.scene.frame_start = 150  # the strip shows frames 150 to 198 of the scene


def by_camera(shown: Any) -> None:
    shown.scene_input = "CAMERA"  # then the sequencer is neither seen nor heard


def as_it_is(shown: Any) -> None:
    pass


def speaker(shown: Any) -> None:
    no_sound(shown)
    bpy.context.window.scene = shown.scene
    bpy.ops.object.speaker_add()
    bpy.context.object.data.sound = bpy.data.sounds.load(shown.scene["film"])
    bpy.context.window.scene = shown.id_data


def muted_speaker(shown: Any) -> None:
    speaker(shown)
    next(o for o in shown.scene.objects if o.type == "SPEAKER").data.muted = True


def in_a_meta(shown: Any) -> None:
    editing.make_meta(shown.id_data, shown)


def nested(shown: Any) -> None:
    """The sound is that of a scene in the scene."""
    deeper = bpy.data.scenes.new("Deeper")
    deeper.sequence_editor_create()
    sound(deeper, Path(shown.scene["film"]), 1)
    no_sound(shown)
    strip = editing.base_of(shown.scene.sequence_editor).new_scene("Deeper", deeper, 3, 1)
    strip.scene_input = "SEQUENCER"
    editing.set_span(strip, 1, 50)


PLAYS_ON, AS_THAT_IS, OWN = "plays on", "as that of", ""


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "said"),
    [
        *((as_it_is, PLAYS_ON), (speaker, PLAYS_ON), (in_a_meta, PLAYS_ON), (nested, PLAYS_ON)),
        *((muted_inside, AS_THAT_IS), (silent_inside, AS_THAT_IS), (muted_scene, AS_THAT_IS)),
        *((muted_channel_inside, AS_THAT_IS), (silent_strip, AS_THAT_IS)),
        (muted_speaker, AS_THAT_IS),
        *((no_sound, OWN), (another_time, OWN), (later_frames, OWN), (by_camera, OWN)),
    ],
)
def test_an_edit_over_a_scene_strip(
    edit: Any, timeline: Any, clip: Path, shown: Any, change: Callable[[Any], None], said: str
) -> None:
    """Its sound is muted where the scene's plays on below, or was silenced by the artist."""
    shown.scene["film"] = str(clip)
    change(shown)
    (source,) = editing.strips(edit)
    made = timeline.Clip(str(clip), "As a drawing", "edit", "")
    part = timeline.SentPart(1, 49, 0, source.channel)
    landing = placed(
        edit, lambda: timeline.place_over(bpy.context, edit, made, source=source, part=part)
    )
    assert editing.find(edit, landing.sound).mute is bool(said)
    assert said in landing.notice
    assert ("Its sound is muted" in landing.notice) is bool(said)
    # Sent once: with the strip itself, not as a sound beside that.
    assert [s.type for s in timeline.sounds_of(source)] == []
