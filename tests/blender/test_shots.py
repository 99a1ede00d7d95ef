"""What a strip shows, why it cannot be a source, and how it is found again after the artist went on."""

from __future__ import annotations

import timeit
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest
from PIL import Image

from . import pictures
from .editing import (
    base_of,
    color,
    duplicate,
    find,
    make_meta,
    select,
    sequencer_operators,
    set_span,
    shift,
    span,
    split,
    strips,
)
from .placed import import_clip

Module = Callable[[str], ModuleType]

#: Sound strips that come with a clip: the wheel of 4.2 has no sound.
SOUNDS = int(bpy.app.build_options.audaspace)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds with sound: 97 frames."""
    return pictures.numbered_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 4)


@pytest.fixture
def scene(blender: ModuleType) -> Any:
    scene = blender.context.scene
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    scene.sequence_editor_create()
    return scene


@pytest.fixture
def shots(module: Module) -> Any:
    return module("blender.timeline")


@pytest.fixture
def place(module: Module, scene: Any) -> Callable[..., Any]:
    """``place(path, frame, …)`` imports a clip; gives its movie strip."""

    def place(path: Path, frame: int = 1, job_id: str = "job") -> Any:
        landing = import_clip(module("blender.timeline"), scene, path, frame=frame, job_id=job_id)
        return next(s for s in strips(scene) if s.name == landing.movie)

    return place


def refused(shots: Any, match: str) -> None:
    with pytest.raises(shots.Refused, match=match):
        shots.active_source_strip(bpy.context)


def activate(strip: Any) -> Any:
    strip.id_data.sequence_editor.active_strip = strip
    return strip


# ----------------------------------------------------------------------------------------- what is shown


def test_a_clip_as_it_came(scene: Any, shots: Any, place: Callable[..., Any], clip: Path) -> None:
    scene.render.fps = 30
    movie = place(clip, 41)
    shot = shots.active_source_strip(bpy.context)
    assert (shot.scene, shot.strip, movie.type) == (scene.name, movie.name, "MOVIE")
    assert (shot.channel, shot.start, shot.end, shot.origin) == (movie.channel, 41, 162, 41)
    assert (shot.fps, shot.seconds, shot.last) == (30.0, pytest.approx(121 / 30), 161)
    assert shots.pixels_of(movie) == (pictures.WIDTH, pictures.HEIGHT)
    assert (shot.job, shot.whole, shot.path) == ("job", True, str(clip))
    assert [sound.type for sound in shots.sounds_of(movie)] == ["SOUND"] * SOUNDS


def test_a_redraw_costs_nothing(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    for number in range(20):
        place(clip, 1 + 200 * number)
    quickest = min(
        timeit.repeat(lambda: shots.active_source_strip(bpy.context), number=1, repeat=20)
    )
    assert quickest < 0.002
    assert not any(shots.SOURCE_PROPERTY in strip.keys() for strip in strips(scene))


def modify(strip: Any) -> Any:
    """Add a modifier. (``modifiers.new()`` crashes the wheel of 5.0.1.)"""
    with sequencer_operators(activate(strip).id_data):
        bpy.ops.sequencer.strip_modifier_add(type="BRIGHT_CONTRAST")
    return strip.modifiers[0]


#: What an artist does to a strip, so that the file no longer shows what the strip does.
CHANGES: dict[str, Callable[[Any], object]] = {
    "left": lambda s: set_span(s, span(s)[0] + 1, span(s)[1]),
    "right": lambda s: set_span(s, span(s)[0], span(s)[1] - 1),
    "held": lambda s: set_span(s, span(s)[0], span(s)[1] + 10),
    "trim": lambda s: setattr(s, "animation_offset_start", 3),
    "moved picture": lambda s: setattr(s.transform, "offset_x", 9.0),
    "zoom": lambda s: setattr(s.transform, "scale_x", 1.2),
    "rotation": lambda s: setattr(s.transform, "rotation", 0.1),
    "crop": lambda s: setattr(s.crop, "min_x", 5),
    "flip": lambda s: setattr(s, "use_flip_x", True),
    "reverse": lambda s: setattr(s, "use_reverse_frames", True),
    "opacity": lambda s: setattr(s, "blend_alpha", 0.5),
    "animated opacity": lambda s: s.keyframe_insert("blend_alpha", frame=5),
    "blend": lambda s: setattr(s, "blend_type", "ADD"),
    "multiply": lambda s: setattr(s, "color_multiply", 1.5),
    "saturation": lambda s: setattr(s, "color_saturation", 0.0),
    "strobe": lambda s: setattr(s, "strobe", 4.0),
    "colour space": lambda s: setattr(s.colorspace_settings, "name", "Linear Rec.709"),
    "modifier": lambda s: modify(s),
    "no job": lambda s: s.__delitem__("grok_video_job"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_clip_is_not_whole(
    shots: Any, place: Callable[..., Any], clip: Path, change: str
) -> None:
    movie = place(clip)
    assert shots.active_source_strip(bpy.context).whole
    CHANGES[change](movie)
    assert not shots.active_source_strip(bpy.context).whole


def test_what_does_not_change_a_clip(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    movie = place(clip)
    modify(movie).mute = True
    shift(movie, 50)
    movie.name = "Renamed"
    movie.channel = 9
    other = color(scene, 20, 1, 50)
    other.keyframe_insert("blend_alpha", frame=5)
    assert shots.active_source_strip(bpy.context).whole
    scene.render.fps = 60
    assert shots.active_source_strip(bpy.context).whole
    assert shots.active_source_strip(bpy.context).seconds == pytest.approx(97 / 24, abs=1 / 50)


def test_another_shape_of_the_frame(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 1000, 1000
    place(clip)
    assert shots.active_source_strip(bpy.context).whole  # between bars, but all of it
    scene.render.resolution_x = 500
    assert not shots.active_source_strip(bpy.context).whole  # now cut by the frame


def test_a_retimed_clip_is_not_whole(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    movie = place(clip)
    select(scene, movie)
    with sequencer_operators(scene):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=50)
    if len(movie.retiming_keys):
        assert not shots.active_source_strip(bpy.context).whole


def test_a_clip_in_a_transition_is_not_whole(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    first, second = place(clip, 1), place(clip, 90)
    activate(first)
    assert shots.active_source_strip(bpy.context).whole
    cross = color(scene, 30, 90, 98, "CROSS", first, second)
    activate(first)
    assert not shots.active_source_strip(bpy.context).whole
    activate(cross)
    shot = shots.active_source_strip(bpy.context)
    assert (shot.strip, cross.type, shot.start, shot.end) == (cross.name, "CROSS", 90, 98)
    assert len(shots.sounds_of(cross)) == 2 * SOUNDS


def test_the_view_of_the_scene(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    scene.view_settings.view_transform = "Filmic"
    movie = place(clip)
    assert movie.colorspace_settings.name == "Filmic sRGB"
    assert shots.active_source_strip(bpy.context).whole
    scene.view_settings.view_transform = "Standard"
    assert not shots.active_source_strip(bpy.context).whole


def test_a_strip_is_seen_as_far_as_its_metas_go(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    movie = place(clip, 1)
    inner = make_meta(scene, *strips(scene))
    outer = make_meta(scene, inner)
    name, inner_name, outer_name = movie.name, inner.name, outer.name
    set_span(outer, 11, 200)
    set_span(inner, 1, 81)
    activate(find(scene, name))
    shot = shots.active_source_strip(bpy.context)
    assert (shot.start, shot.end, shot.origin, shot.whole) == (11, 81, 1, False)
    assert len(shots.sounds_of(find(scene, name))) == SOUNDS
    activate(find(scene, outer_name))
    shot = shots.active_source_strip(bpy.context)
    meta = find(scene, outer_name)
    assert (shot.strip, meta.type, shot.start) == (outer_name, "META", 11)
    assert shots.pixels_of(meta) == (pictures.WIDTH, pictures.HEIGHT)
    assert len(shots.sounds_of(meta)) == SOUNDS
    set_span(find(scene, inner_name), 1, 11)
    activate(find(scene, name))
    refused(shots, "outside of its meta strip")


def test_other_kinds_of_strips(scene: Any, shots: Any, tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    image = base_of(scene.sequence_editor).new_image("still", str(tmp_path / "a.png"), 3, 10)
    set_span(image, 10, 58)
    for strip, pixels in ((image, (64, 48)), (color(scene, 5, 1, 49), (320, 180))):
        activate(strip)
        shot = shots.active_source_strip(bpy.context)
        assert (shot.strip, shots.pixels_of(strip)) == (strip.name, pixels)
        assert (shot.end - shot.start, shots.sounds_of(strip)) == (48, [])
        assert (shot.job, shot.whole, shot.path) == ("", False, "")
        assert shots.file_refusal(strip, 10, 58) == ""
        assert shots.refusal_to_extend(shot, 2.0) == ""
    (tmp_path / "a.png").unlink()
    assert "is missing" in shots.file_refusal(image, 10, 58)


def backwards(strip: Any) -> Any:
    strip.use_reverse_frames = True
    return strip


def held(strip: Any) -> Any:
    strip.strobe = 4.0
    return strip


def hidden_for_good(strip: Any) -> Any:
    """What a hard cut leaves: pictures that no handle brings back."""
    strip.animation_offset_start, strip.animation_offset_end = 3, 2
    return strip


def beyond_its_end(strip: Any) -> Any:
    set_span(strip, 11, 50)
    return strip


def in_a_meta(strip: Any) -> Any:
    return make_meta(strip.id_data, strip)


def in_a_meta_that_is_held(strip: Any) -> Any:
    return held(in_a_meta(strip))


def in_a_meta_backwards(strip: Any) -> Any:
    return backwards(in_a_meta(strip))


def in_a_meta_backwards_and_cut(strip: Any) -> Any:
    meta = in_a_meta_backwards(strip)
    set_span(meta, 21, 41)
    return meta


def in_a_meta_half_as_fast(strip: Any) -> Any:
    return retimed(in_a_meta(strip))


def in_a_meta_twice_as_fast(strip: Any) -> Any:
    return retimed(in_a_meta(strip), 200.0)


def half_as_fast(strip: Any) -> Any:
    effect = color(strip.id_data, 4, 11, 41, "SPEED", strip)
    effect.speed_control, effect.speed_factor = "MULTIPLY", 0.5
    return effect


def retimed(strip: Any, speed: float = 50.0) -> Any:
    select(strip.id_data, activate(strip))
    with sequencer_operators(strip.id_data):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=speed)
    assert span(strip) != (11, 41)
    return strip


@pytest.mark.parametrize(
    "change",
    [
        None,
        backwards,
        held,
        hidden_for_good,
        beyond_its_end,
        in_a_meta,
        in_a_meta_that_is_held,
        in_a_meta_backwards,
        in_a_meta_backwards_and_cut,
        in_a_meta_half_as_fast,
        in_a_meta_twice_as_fast,
        half_as_fast,
        retimed,
    ],
)
def test_only_images_that_are_shown_are_missed(
    scene: Any, shots: Any, tmp_path: Path, change: Callable[[Any], Any] | None
) -> None:
    """All that a click would not miss is removed, and the edit looks as before; what it would miss shows."""
    scene.view_settings.view_transform = "Standard"
    for number in range(30):
        Image.new("RGB", (32, 18), (number * 8, 40, 200)).save(tmp_path / f"{number:02}.png")
    strip = base_of(scene.sequence_editor).new_image("q", str(tmp_path / "00.png"), 2, 11)
    for number in range(1, 30):
        strip.elements.append(f"{number:02}.png")
    set_span(strip, 11, 41)
    shown = strip if change is None else change(strip)
    start = span(shown)[0] + 13
    frames = range(start, start + 6)  # what the handles of the shot would leave

    def seen(frame: int) -> tuple[int, ...]:
        images = find(scene, "q")
        images.directory = images.directory  # read again
        return tuple(int(value) for value in pictures.see(scene, tmp_path, frame)[90, 160])

    before = {frame: seen(frame) for frame in (frames[0], frames[-1])}
    needed: list[Path] = []
    for path in sorted(tmp_path.glob("??.png")):
        path.rename(path.with_suffix(".away"))
        if shots.file_refusal(shown, frames.start, frames.stop):
            needed.append(path)
            path.with_suffix(".away").rename(path)
    assert {frame: seen(frame) for frame in before} == before
    if change is None or not change.__name__.startswith(("half_as", "in_a_meta_")):
        assert len(needed) <= len(frames)
        needed[0].unlink()
        assert any(seen(frame) != was for frame, was in before.items())
    assert needed


def test_an_image_of_which_blender_shows_nothing_is_said(
    scene: Any, shots: Any, tmp_path: Path
) -> None:
    frames = [Image.new("RGB", (32, 18), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "2.webp", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "1.webp")
    (tmp_path / "3.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>", "utf-8")
    strip = base_of(scene.sequence_editor).new_image("q", str(tmp_path / "1.webp"), 2, 1)
    strip.elements.append("2.webp")
    strip.elements.append("3.svg")
    assert shots.file_refusal(strip, 1, 2) == ""
    assert f"a WebP that moves, which is not seen: {tmp_path / '2.webp'}" in shots.file_refusal(
        strip, 2, 3
    )
    assert "an SVG drawing" in shots.file_refusal(strip, 3, 4)


def test_sounds_stay_with_their_pictures(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    if not bpy.app.build_options.audaspace:
        pytest.skip("this wheel has no sound")
    place(clip, 1)
    place(clip, 1, job_id="another")  # the same file at the same time: a take above it
    with sequencer_operators(scene):
        for strip in strips(scene):
            strip.select = strip.get("grok_video_job") == "job"
        bpy.ops.sequencer.split(frame=50, type="SOFT", side="BOTH")
    for strip in strips(scene):
        if strip.type == "MOVIE" and strip.get("grok_video_job") == "job":
            (sound,) = (s for s in shots.sounds_of(strip) if s.get("grok_video_job") == "job")
            assert span(sound) == span(strip)


# -------------------------------------------------------------------------------------------- refusals


def test_no_strip(scene: Any, shots: Any, place: Callable[..., Any], clip: Path) -> None:
    refused(shots, "is empty")
    movie = place(clip)
    scene.sequence_editor.active_strip = None
    shot = shots.active_source_strip(bpy.context)  # the only selected picture
    assert shot.strip == movie.name
    for strip in strips(scene):
        strip.select = False
    refused(shots, "No strip is active")


def test_no_editor(blender: ModuleType, shots: Any) -> None:
    bpy.context.scene.sequence_editor_clear()
    refused(shots, "is empty")


def test_a_sound(scene: Any, shots: Any, place: Callable[..., Any], clip: Path) -> None:
    if not bpy.app.build_options.audaspace:
        pytest.skip("this wheel has no sound")
    movie = place(clip)
    activate(next(s for s in strips(scene) if s.type == "SOUND"))
    refused(shots, f"is a sound. Click the strip “{movie.name}”")
    base_of(scene.sequence_editor).remove(movie)
    refused(shots, "Click a strip with a picture")


@pytest.mark.parametrize("kind", ["ADJUSTMENT", "MULTICAM"])
def test_strips_without_a_picture_of_their_own(scene: Any, shots: Any, kind: str) -> None:
    activate(color(scene, 3, 1, 100, kind))
    refused(shots, "shows what other strips show")


def test_bad_movies(scene: Any, shots: Any, tmp_path: Path, clip: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no movie" * 500)
    for name in ("missing.mp4", "bad.mp4"):
        movie = base_of(scene.sequence_editor).new_movie("m", str(tmp_path / name), 1, 1)
        activate(movie)
        refused(shots, f"cannot read the movie.*{name}")
    (tmp_path / "gone.mp4").write_bytes(clip.read_bytes())
    movie = base_of(scene.sequence_editor).new_movie("m", str(tmp_path / "gone.mp4"), 5, 1)
    activate(movie)
    assert shots.file_refusal(movie, 1, 50) == ""
    (tmp_path / "gone.mp4").unlink()
    shots.active_source_strip(bpy.context)  # a redraw does not look at the disk
    assert "is missing" in shots.file_refusal(movie, 1, 50)


def test_muted_ones(scene: Any, shots: Any, place: Callable[..., Any], clip: Path) -> None:
    movie = place(clip)
    movie.mute = True
    refused(shots, "is muted and shows nothing")
    movie.mute = False
    scene.sequence_editor.channels[movie.channel].mute = True
    refused(shots, f"Channel {movie.channel} is muted")


def test_scenes_and_metas(scene: Any, shots: Any) -> None:
    other = bpy.data.scenes.new("Other")
    strip = activate(base_of(scene.sequence_editor).new_scene("s", other, 1, 1))
    refused(shots, "has no camera")
    strip.scene_input = "SEQUENCER"
    refused(shots, "sequencer of “Other” is empty")
    strip.scene = None
    refused(shots, "shows no scene")
    meta = activate(base_of(scene.sequence_editor).new_meta("Empty", 9, 1))
    refused(shots, "no picture in it")
    assert meta.type == "META"


def test_a_linked_scene(scene: Any, shots: Any, tmp_path: Path) -> None:
    color(scene, 1, 1, 50)
    scene.name = "Linked"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_, wanted):
        wanted.scenes = ["Linked"]
    bpy.context.window.scene = wanted.scenes[0]
    refused(shots, "linked from another file")


def test_too_short(scene: Any, shots: Any) -> None:
    scene.render.fps, scene.render.fps_base = 30, 1.001
    activate(color(scene, 1, 1, 60))
    shot = shots.active_source_strip(bpy.context)
    why = shots.refusal_to_extend(shot, 2.0)
    assert "shows 1.97 s" in why
    assert "at least 2 s" in why
    assert "Continue Shot" in why
    assert shots.refusal_to_edit(shot) == ""
    assert "at least 2 s" in shots.refusal_to_edit(shot, 2.0)
    activate(color(scene, 2, 1, 61))
    assert shots.refusal_to_extend(shots.active_source_strip(bpy.context), 2.0) == ""


# --------------------------------------------------------------------------------------- finding it again


def test_a_mark_is_made_once_and_saved(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path, tmp_path: Path
) -> None:
    movie = place(clip)
    first = shots.source_id(movie)
    assert len(first) == 32
    assert shots.source_id(movie) == first
    movie.name = "Renamed"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    scene = bpy.context.scene
    assert shots.find_source(scene, "A frog", first, 98).name == "Renamed"
    assert shots.find_source(scene, "A frog", "0" * 32, 98) is None


def test_the_name_counts_when_undo_took_the_mark(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    movie = place(clip)
    known = shots.source_id(movie)
    del movie[shots.SOURCE_PROPERTY]
    assert shots.find_source(scene, movie.name, known, 98) == movie
    assert shots.find_source(scene, "another", known, 98) is None


def test_pieces(scene: Any, shots: Any, place: Callable[..., Any], clip: Path) -> None:
    left = place(clip, 1)
    name, known = left.name, shots.source_id(left)
    right = split(left, 50)
    last = split(right, 80)
    copy = duplicate(scene, left, 500)

    def found(**content: int) -> Any:
        return shots.find_source(scene, name, known, 98, **content)

    assert found() == last
    assert found(content=0) == left
    assert found(content=49) == right
    assert set(s.name for s in shots.pieces_of(left, known)) == {left.name, right.name, last.name}
    shift(last, 300)
    assert found() == last
    assert last not in shots.pieces_of(left, known)
    set_span(last, span(last)[0] + 5, span(last)[1] - 5)  # trimmed at both ends
    assert found() == last
    base_of(scene.sequence_editor).remove(last)
    assert found() == right
    base_of(scene.sequence_editor).remove(left)
    assert found() == right
    base_of(scene.sequence_editor).remove(right)
    assert found() == copy
    base_of(scene.sequence_editor).remove(copy)
    assert found() is None


def test_pieces_of_a_still(scene: Any, shots: Any) -> None:
    left = color(scene, 1, 1, 100)
    known = shots.source_id(left)
    right = split(left, 50)
    assert shots.find_source(scene, left.name, known, 100) == right
    shift(right, 300)
    assert shots.find_source(scene, left.name, known, 100) == left


def test_a_click_after_a_cut_means_one_piece(
    scene: Any, shots: Any, place: Callable[..., Any], clip: Path
) -> None:
    left = place(clip)
    whole = shots.source_id(left)
    right = split(left, 50)
    part = shots.source_id(left)
    assert part != whole
    assert shots.source_id(left) == part
    assert shots.find_source(scene, left.name, part, 50) == left
    assert shots.find_source(scene, left.name, whole, 98) == right
    assert shots.find_source(bpy.data.scenes.new("Bare"), left.name, whole, 98) is None
