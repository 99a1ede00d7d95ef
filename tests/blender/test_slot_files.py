"""A slot that is edited while it waits: once its clip is there, the edit shows what it would show of the clip.

Every edit is made twice: on the slot, whose clip arrives then, and on the clip itself. Both are rendered and compared
frame by frame. Of what cannot be made twice, the frame's number is read from the picture.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from ..stand_in import clips
from . import pictures
from .editing import (
    base_of,
    color,
    duplicate,
    every,
    find,
    make_meta,
    overlaps,
    select,
    sequencer_operators,
    set_span,
    shift,
    span,
    split,
    strips,
)

Module = Callable[[str], ModuleType]

SIZE = (pictures.WIDTH, pictures.HEIGHT)
FRAMES = 49  # of the clip that a slot expects: two seconds at 24
HAS_SOUND = bool(bpy.app.build_options.audaspace)
needs_sound = pytest.mark.skipif(not HAS_SOUND, reason="this wheel has no sound")


@pytest.fixture(scope="module")
def clip_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A function: frames, size, sound -> a clip whose frames are numbered."""
    folder = tmp_path_factory.mktemp("takes")

    @functools.cache
    def made(frames: int = FRAMES, size: tuple[int, int] = SIZE, audio: bool = True) -> Path:
        path = folder / f"{frames}_{size[0]}_{audio}.mp4"
        clips.make(clips.Plan(*size, frames, audio, False, words="hills"), path)
        return path

    return made


class Desk:
    """An artist's place of work: what the tests do, in few words."""

    def __init__(self, module: Module, folder: Path) -> None:
        self.slots = module("blender.timeline.slots")
        self.channels = module("blender.timeline.channels")
        self.importing = module("blender.timeline.importing")
        self.still_movie = module("core.still_movie")
        self.mp4 = module("core.mp4")
        self.folder = folder

    @property
    def scene(self) -> Any:
        return bpy.context.scene

    def slot(
        self, frame: int = 1, frames: int = FRAMES, head: float = 0.0, fps: float = 24.0
    ) -> Any:
        """Place a slot that expects so many frames; its movie strip."""
        path = self.still_movie.still_movie_path(self.folder, f"slot{frames}_{fps:g}")
        self.still_movie.write_still_movie(self.still_movie.card(*SIZE), path, frames, fps)
        return self.put(path, frame, head)

    def put(self, path: Path, frame: int = 1, head: float = 0.0) -> Any:
        """Import a file as the job's; its movie strip."""
        landing = self.importing.bring_in(
            bpy.context,
            self.scene,
            self.importing.Clip(str(path), "A frog", "job", ""),
            meta=None,
            frame=frame,
            settle=self.channels.settle_lowest,
        )
        strip = find(self.scene, landing.movie)
        self.slots.stand_for(strip, self.showing(path, head))
        return strip

    def showing(self, path: Path, head: float = 0.0) -> Any:
        return self.slots.Showing.of(self.mp4.probe(path), head)

    def arrive(self, path: Path, head: float = 0.0, job: str = "job") -> list[str]:
        """Let all strips of the slot show a clip; what is said."""
        names = [(strip.id_data, strip.name) for strip in self.slots.strips_of_slot("job")]
        return [
            said
            for scene, name in names
            for said in self.slots.show(
                bpy.context, find(scene, name), self.showing(path, head), job
            )
        ]

    def see(self, frame: int) -> pictures.Picture:
        return pictures.see(self.scene, self.folder, frame)

    def number(self, frame: int) -> int:
        return pictures.number_of(self.see(frame))

    def numbers(self, *frames: int) -> list[int]:
        return [self.number(frame) for frame in frames]


@pytest.fixture
def desk(blender: ModuleType, module: Module, tmp_path: Path) -> Desk:
    render = blender.context.scene.render
    render.resolution_x, render.resolution_y = SIZE
    render.fps, render.fps_base = 24, 1.0
    blender.context.scene.view_settings.view_transform = "Standard"
    return Desk(module, tmp_path)


def sounds(scene: Any) -> list[Any]:
    return [strip for strip in every(scene) if strip.type == "SOUND"]


def clear(scene: Any) -> None:
    """An empty edit. Without an editor at all, Blender 4.2 may crash once the scene is evaluated (measured)."""
    scene.animation_data_clear()
    while found := strips(scene):  # with a strip the effects on it go
        base_of(scene.sequence_editor).remove(found[0])


# ------------------------------------------------------------------------- the same edit, of the slot and of the clip


def cut_and_moved(scene: Any, strip: Any, _size: tuple[int, int]) -> None:
    """Three pieces: the first trimmed, the second moved away, the third muted."""
    start, end = span(strip)
    second = split(strip, start + 15)
    third = split(second, start + 30)
    third.mute = True
    set_span(strip, start + 4, start + 12)
    shift(second, end)


def stacked(scene: Any, strip: Any, size: tuple[int, int]) -> None:
    """A transition to a colour, an effect with a modifier on a copy, and a copy inside of a meta strip."""
    start, end = span(strip)
    copy = duplicate(scene, strip, end - start, channel=40)
    other = color(scene, 20, end - 12, end + 12)
    color(scene, 21, end - 12, end, "CROSS", find(scene, "A frog"), other)
    copy = find(scene, copy.name)
    blur = color(scene, 41, *span(copy), "GAUSSIAN_BLUR", copy)
    blur.size_x = 3.0
    with sequencer_operators(scene):
        scene.sequence_editor.active_strip = copy
        bpy.ops.sequencer.strip_modifier_add(type="BRIGHT_CONTRAST")
    find(scene, copy.name).modifiers[0].bright = 20.0
    copy = duplicate(scene, find(scene, "A frog"), 2 * (end - start), channel=60)
    set_span(copy, span(copy)[0] + 9, span(copy)[1] - 5)
    meta = make_meta(scene, copy)
    set_span(meta, span(meta)[0] + 3, span(meta)[1] - 3)


def animated(scene: Any, strip: Any, size: tuple[int, int]) -> None:
    """Framed, cropped, keyed and driven; sizes are in pixels of the file."""
    natural = SIZE[0] / size[0]
    start, end = span(strip)
    strip.crop.min_x, strip.crop.max_y = size[0] // 8, size[1] // 6
    strip.transform.offset_x = 11.0
    for frame, times in ((start, 0.5), (end - 1, 1.25)):
        strip.transform.scale_x = natural * times
        strip.transform.keyframe_insert("scale_x", frame=frame)
        strip.blend_alpha = times / 2
        strip.keyframe_insert("blend_alpha", frame=frame)
    curve = strip.transform.driver_add("scale_y")
    curve.driver.type = "SCRIPTED"
    curve.driver.expression = f"{natural} * (0.5 + frame / 100)"


def retimed(scene: Any, strip: Any, _size: tuple[int, int]) -> None:
    select(scene, strip)
    with sequencer_operators(scene):
        bpy.ops.sequencer.retiming_segment_speed_set(speed=60.0)
    strip = find(scene, "A frog")
    assert len(strip.retiming_keys)
    set_span(strip, span(strip)[0] + 5, span(strip)[1] - 7)


RATES = [(24, 1.0), (25, 1.0), (30, 1.001), (30, 1.0), (60, 1.0)]


@pytest.mark.parametrize(
    ("edit", "fps", "base"),
    [
        *((edit, *rate) for edit in (cut_and_moved, retimed) for rate in RATES),
        *((stacked, *rate) for rate in (RATES[0], RATES[2])),
        *((animated, *rate) for rate in (RATES[1], RATES[4])),
    ],
)
def test_the_same_edit(
    desk: Desk, clip_of: Callable[..., Path], edit: Any, fps: int, base: float
) -> None:
    """Frame by frame, and strip by strip: handles, channels, names."""
    desk.scene.render.fps, desk.scene.render.fps_base = fps, base
    clip = clip_of()

    def seen() -> tuple[list[Any], list[pictures.Picture]]:
        layout = sorted((s.name, s.type, s.channel, *span(s)) for s in every(desk.scene))
        last = max(span(strip)[1] for strip in strips(desk.scene))
        return layout, [desk.see(frame) for frame in range(2, last + 1, max(3, last // 16))]

    edit(desk.scene, desk.slot(), SIZE)
    assert any(desk.slots.is_waiting(s) for s in every(desk.scene))
    desk.arrive(clip)
    assert not any(desk.slots.is_waiting(s) for s in every(desk.scene))
    layout, shown = seen()
    again = desk.arrive(clip)  # a second time changes nothing
    assert again == []
    assert seen()[0] == layout
    clear(desk.scene)
    edit(desk.scene, desk.put(clip), SIZE)
    wanted_layout, wanted = seen()
    assert layout == wanted_layout
    assert [float(np.abs(a - b).max()) for a, b in zip(shown, wanted, strict=True)] == [0.0] * len(
        wanted
    )


# ------------------------------------------------------------------------------------------------ another size


def undo(scene: Any) -> None:
    with sequencer_operators(scene):
        bpy.ops.ed.undo()


def redo(scene: Any) -> None:
    with sequencer_operators(scene):
        bpy.ops.ed.redo()


OTHER = (480, 270)  # half as large again, so that there and back is not exact in binary


def apart(one: list[pictures.Picture], other: list[pictures.Picture]) -> float:
    """The largest difference between pictures, of 255."""
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


def test_another_size_looks_as_it_was_framed(desk: Desk, clip_of: Callable[..., Path]) -> None:
    frames = (1, 9, 30, 49)
    double = (2 * SIZE[0], 2 * SIZE[1])
    animated(desk.scene, desk.put(clip_of(size=double)), double)
    wanted = [desk.see(frame) for frame in frames]
    clear(desk.scene)
    animated(desk.scene, desk.slot(), SIZE)
    desk.arrive(clip_of(size=double))
    # 2: for the last bit of what the driver says.
    assert apart([desk.see(frame) for frame in frames], wanted) <= 2.0


def test_however_often_undo_brings_the_slot_back(desk: Desk, clip_of: Callable[..., Path]) -> None:
    frames = (1, 9, 30, 49)
    clip = clip_of(size=OTHER)
    animated(desk.scene, desk.slot(), SIZE)
    bpy.ops.ed.undo_push(message="a slot")
    desk.arrive(clip)
    once = [desk.see(frame) for frame in frames]
    color(desk.scene, 30, 200, 210)
    bpy.ops.ed.undo_push(message="something else")
    for _ in range(40):
        undo(desk.scene)
        assert desk.slots.is_waiting(find(desk.scene, "A frog"))
        desk.arrive(clip)
        redo(desk.scene)
        desk.arrive(clip)
    assert apart([desk.see(frame) for frame in frames], once) == 0.0
    undo(desk.scene)
    desk.arrive(clip)
    assert apart([desk.see(frame) for frame in frames], once) == 0.0


def test_a_crop_survives_takes_of_other_sizes(desk: Desk, clip_of: Callable[..., Path]) -> None:
    strip = desk.slot()
    strip.crop.min_x, strip.crop.max_y = 7, 3
    strip.transform.scale_x = 0.75
    for _ in range(5):
        desk.arrive(clip_of(size=OTHER))
        assert (strip.crop.min_x, strip.crop.max_y) == (round(10.5), round(4.5))
        desk.arrive(clip_of())
    assert (strip.crop.min_x, strip.crop.max_y) == (7, 3)
    assert strip.transform.scale_x == pytest.approx(0.75, abs=1e-5)
    strip.crop.min_x = 40  # the artist's word counts
    desk.arrive(clip_of(size=OTHER))
    assert strip.crop.min_x == 60
    for odd in (float("nan"), float("inf"), -1.0):  # scripts write anything
        strip["grok_video_crop"] = [odd] * 4
        desk.arrive(clip_of())
        assert strip.crop.min_x == 40
        desk.arrive(clip_of(size=OTHER))


def test_keys_that_two_scenes_share_are_changed_once(
    desk: Desk, clip_of: Callable[..., Path]
) -> None:
    """A copied scene has strips of its own and the action of the scene that it was made of."""
    strip = desk.slot()
    strip.transform.scale_x = 0.5
    strip.transform.keyframe_insert("scale_x", frame=1)
    copy = desk.scene.copy()
    desk.arrive(clip_of(size=OTHER))
    desk.arrive(clip_of(size=OTHER))
    for scene in (desk.scene, copy):
        scene.frame_set(1)
        strip = find(scene, "A frog")
        assert not desk.slots.is_waiting(strip)
        (curve,) = desk.slots.compat.curves(scene)
        assert curve.keyframe_points[0].co[1] == pytest.approx(0.5 / 1.5)


def test_a_file_of_before_stands_for_itself(desk: Desk, clip_of: Callable[..., Path]) -> None:
    """Strips of 0.3.0 carry no size; what a script wrote there instead is none."""
    nan, infinite = float("nan"), float("inf")
    halves = ([5.0, nan], [infinite, 5.0], [5.0, nan, *[1.0] * 6])
    for odd in (None, "wide", [1.0], [0.0] * 8, [nan] * 8, *halves, {"a": 1}, 3):
        strip = desk.put(clip_of())
        strip.transform.scale_x = 0.5
        if odd is None:
            del strip["grok_video_size"]
        else:
            strip["grok_video_size"] = odd
        assert desk.slots.pixels_of(strip) == SIZE
        desk.arrive(clip_of(size=OTHER))
        assert strip.transform.scale_x == pytest.approx(0.5 / 1.5)
        assert strip["grok_video_slot"] == "job"
        clear(desk.scene)


def test_a_slot_whose_still_is_gone_does_not_only_name_its_clip(
    desk: Desk, clip_of: Callable[..., Path], module: Module
) -> None:
    """The clip was downloaded again meanwhile, which lets strips whose files are gone name it."""
    strip = desk.slot()
    scale = strip.transform.scale_x
    Path(bpy.path.abspath(strip.filepath)).unlink()
    clip = clip_of(size=OTHER)
    assert module("blender.timeline.media").show_again("job", str(clip)) == (0, False)
    assert desk.slots.is_waiting(strip)
    desk.arrive(clip)
    assert strip.transform.scale_x == pytest.approx(scale / 1.5)


# --------------------------------------------------------------------------------------- another length, another head


def test_an_untouched_end_follows(desk: Desk, clip_of: Callable[..., Path]) -> None:
    strip = desk.slot()
    long, short = clip_of(FRAMES + 12), clip_of(FRAMES - 12)
    beside = [s for s in sounds(desk.scene)]
    for path, end in ((long, 62), (short, 38), (clip_of(), 50)):
        assert desk.arrive(path) == []
        assert span(strip) == (1, end)
        assert all(span(sound) == (1, end) for sound in beside)
    assert desk.numbers(1, 25, 49) == [0, 24, 48]
    set_span(strip, 5, 40)  # touched: it stays
    for path in (long, short, clip_of()):
        assert desk.arrive(path) == []
        assert span(strip) == (5, 40)
    assert desk.numbers(5, 39) == [4, 38]


@pytest.mark.parametrize(("fps", "base"), RATES[1:])
def test_an_untouched_end_follows_at_every_rate(
    desk: Desk, clip_of: Callable[..., Path], fps: int, base: float
) -> None:
    desk.scene.render.fps, desk.scene.render.fps_base = fps, base
    clip = clip_of(FRAMES + 12)
    wanted = span(desk.put(clip))
    clear(desk.scene)
    strip = desk.slot()
    desk.arrive(clip)
    assert span(strip) == wanted


def test_an_end_with_something_behind_it_stays(desk: Desk, clip_of: Callable[..., Path]) -> None:
    strip = desk.slot()
    color(desk.scene, strip.channel, 52, 60)
    said = desk.arrive(clip_of(FRAMES + 12))
    assert span(strip) == (1, 50)
    assert strip.channel == find(desk.scene, "A frog").channel
    assert len(said) == 1
    assert said[0].startswith("The clip of “A frog” is longer than its strip")
    # One frame less only because of rates: the last picture is held, and nothing flashes.
    assert desk.arrive(clip_of(FRAMES - 1)) == []
    assert span(strip) == (1, 50)


@pytest.mark.parametrize(("fps", "base"), RATES)
def test_a_head_of_another_length(
    desk: Desk, clip_of: Callable[..., Path], fps: int, base: float
) -> None:
    """The new part stays where it was cut and keyed: the head has some frames more, or is not in the file at all."""
    desk.scene.render.fps, desk.scene.render.fps_base = fps, base
    rate = fps / base
    hidden = round(24 / 24 * rate)
    seam = 100
    strip = desk.slot(seam - hidden, head=1.0)
    set_span(strip, seam, span(strip)[1])
    color(desk.scene, strip.channel, seam - 20, seam)  # what it continues
    middle = seam + round(8 / 24 * rate)
    right = split(strip, middle)
    set_span(right, middle + 3, span(right)[1] - 3)
    last = span(right)[1] - 1
    strip.blend_alpha = 1.0
    strip.keyframe_insert("blend_alpha", frame=seam + 2)
    single = duplicate(desk.scene, strip, 0, channel=70)
    set_span(single, middle - 1, middle)
    spans = {s.name: (s.channel, span(s)) for s in every(desk.scene)}

    def new_part(head: int) -> list[int]:
        return [n - head for n in desk.numbers(seam, middle + 3, last)]

    slack = {24: 0}.get(fps, 1)
    wanted = [0, round((middle + 3 - seam) / rate * 24), round((last - seam) / rate * 24)]
    for frames, head in ((FRAMES, 24), (FRAMES + 3, 27), (25, 0), (FRAMES - 2, 22), (FRAMES, 24)):
        desk.arrive(clip_of(frames), head=head / 24)
        assert {s.name: (s.channel, span(s)) for s in every(desk.scene)} == spans
        assert new_part(head) == pytest.approx(wanted, abs=slack)
        curve = next(iter(desk.slots.compat.curves(desk.scene)))
        assert curve.keyframe_points[0].co[0] == seam + 2


def test_a_retimed_slot_plays_the_frames_it_was_retimed_for(
    desk: Desk, clip_of: Callable[..., Path]
) -> None:
    retimed(desk.scene, desk.slot(), SIZE)
    strip = find(desk.scene, "A frog")
    frames = range(*span(strip), 9)
    desk.arrive(clip_of())
    wanted = desk.numbers(*frames)
    place = span(strip)
    assert desk.arrive(clip_of(FRAMES + 12)) == []  # longer: the rest is left out
    assert (desk.numbers(*frames), span(strip)) == (wanted, place)
    assert desk.arrive(clip_of(FRAMES + 12), head=5 / 24) == []  # a head that nobody expected
    assert (desk.numbers(*frames), span(strip)) == ([n + 5 for n in wanted], place)
    (said,) = desk.arrive(clip_of(FRAMES - 12))
    assert "shorter" in said
    assert span(strip) == place
    assert desk.arrive(clip_of()) == []
    assert (desk.numbers(*frames), span(strip)) == (wanted, place)


# ---------------------------------------------------------------------------------------------------- another rate


@pytest.fixture(scope="module")
def fast(clip_of: Callable[..., Path]) -> Path:
    """The frames of a longer clip at 30 a second: 2.03 seconds."""
    path = clip_of(61, audio=False)
    target = path.with_name("fast.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-r", "30", "-i", str(path)]
    subprocess.run([*command, "-r", "30", str(target)], check=True, stdin=subprocess.DEVNULL)
    return target


@pytest.mark.parametrize(
    ("edit", "fps"), [(cut_and_moved, 24), (cut_and_moved, 60), (stacked, 25), (animated, 24)]
)
def test_a_clip_of_another_rate(desk: Desk, fast: Path, edit: Any, fps: int) -> None:
    """At its own speed, and all that was done to the slot is there."""
    desk.scene.render.fps = fps
    edit(desk.scene, desk.slot(), SIZE)
    chosen = {s.name for s in every(desk.scene) if s.select}
    before = {(s.name, s.type): (s.channel, span(s)[0]) for s in every(desk.scene)}
    assert desk.arrive(fast) == []
    assert {(s.name, s.type): (s.channel, span(s)[0]) for s in every(desk.scene)} == before
    assert {s.name for s in every(desk.scene) if s.select} == chosen
    last = max(span(strip)[1] for strip in strips(desk.scene))
    frames = range(2, last - 3, max(3, last // 12))
    shown = [desk.see(frame) for frame in frames]
    clear(desk.scene)
    strip = desk.put(fast)
    set_span(strip, 1, round(FRAMES * fps / 24) + 1)  # as long as the slot
    edit(desk.scene, strip, SIZE)
    assert apart(shown, [desk.see(frame) for frame in frames]) == 0.0


def test_a_clip_of_another_rate_that_is_no_movie(desk: Desk, tmp_path: Path) -> None:
    strip = desk.slot()
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no movie")
    showing = desk.slots.Showing(str(bad), *SIZE, 30.0, 61, 61 / 30, False)
    said = desk.slots.show(bpy.context, strip, showing, "job")
    assert said == [f"Blender cannot read the clip {bad}. It plays as fast as before."]
    assert [s.name for s in strips(desk.scene) if s.type == "MOVIE"] == ["A frog"]
    assert span(strip) == (1, 50)


# --------------------------------------------------------------------------------------------------------- sounds


@needs_sound
def test_each_piece_has_the_sound_of_its_clip(desk: Desk, clip_of: Callable[..., Path]) -> None:
    strip = desk.slot()
    right = split(strip, 20)
    copy = duplicate(desk.scene, right, 100)
    shared = {s.sound for s in sounds(desk.scene)}
    assert len(shared) == 1
    for path in (clip_of(), clip_of(FRAMES, OTHER)):
        desk.arrive(path, job=path.stem)
        heard = sounds(desk.scene)
        assert len(heard) == 2
        assert {bpy.path.abspath(s.sound.filepath) for s in heard} == {str(path)}
        assert {s["grok_video_job"] for s in (*heard, strip, right)} == {path.stem}
    desk.arrive(clip_of(audio=False))
    assert {bpy.path.abspath(s.sound.filepath) for s in sounds(desk.scene)} == {
        str(clip_of(audio=False))
    }
    assert not desk.slots.is_waiting(copy)


@needs_sound
def test_a_clip_with_sound_in_a_silent_slot(desk: Desk, clip_of: Callable[..., Path]) -> None:
    """Each piece gets a sound in step with it, once; a sound that the artist has removed stays removed."""
    strip = desk.put(clip_of(audio=False), 11)
    right = split(strip, 30)
    set_span(right, 35, 50)
    right.mute = True
    color(desk.scene, strip.channel + 1, 1, 20)
    assert not sounds(desk.scene)
    chosen = {s.name for s in every(desk.scene) if s.select}
    for _ in range(2):
        assert desk.arrive(clip_of()) == []
        added = sorted(sounds(desk.scene), key=span)
        assert [(span(s), s.mute) for s in added] == [((11, 30), False), ((35, 50), True)]
        assert {round(s.frame_start) for s in added} == {11}
        assert {s["grok_video_slot"] for s in added} == {"job"}
        assert {s.name for s in every(desk.scene) if s.select and s not in added} == chosen
        assert not overlaps(desk.scene)
    base_of(desk.scene.sequence_editor).remove(added[0])
    desk.arrive(clip_of(FRAMES, OTHER))
    assert len(sounds(desk.scene)) == 1


@needs_sound
def test_a_sound_that_is_packed_and_nowhere_else_is_left_alone(
    desk: Desk, clip_of: Callable[..., Path], tmp_path: Path
) -> None:
    """What an artist packed is in the file too, as long as that is there; the silence of a slot is worth nothing."""
    desk.slot()
    for number, gone in enumerate((False, False, True)):
        (sound,) = sounds(desk.scene)
        sound.sound.pack()
        take = shutil.copyfile(clip_of(), tmp_path / f"take{number}.mp4")
        if gone:
            Path(bpy.path.abspath(sound.sound.filepath)).unlink()
        said = desk.arrive(take)
        heard = Path(bpy.path.abspath(sounds(desk.scene)[0].sound.filepath)).name
        assert (heard == take.name, bool(said)) == (not gone, gone)
    assert "packed" in said[0]
    assert not desk.slots.is_waiting(find(desk.scene, "A frog"))


# ------------------------------------------------------------------------------------------------ which pictures


def test_a_still_movie_shows_its_picture(desk: Desk) -> None:
    """Pictures of every kind that is taken, as a reader of pictures shows them."""
    colours = np.zeros((180, 320, 3), np.uint8)
    colours[:, :160], colours[90:, :, 2] = (200, 90, 40), 160
    whole = Image.fromarray(colours)
    kinds = {
        "rgb.png": (whole, {}, 0.0),
        "grey.png": (whole.convert("L"), {}, 1.0),
        "palette.png": (whole.convert("P"), {}, 0.0),
        "alpha.png": (whole.convert("RGBA"), {}, 0.0),
        "plain.jpg": (whole, {"quality": 95, "subsampling": 0}, 6.0),
        "progressive.jpg": (whole, {"quality": 95, "subsampling": 0, "progressive": True}, 6.0),
        "grey.jpg": (whole.convert("L"), {"quality": 95}, 6.0),
    }
    for name, (picture, options, most) in kinds.items():
        picture.save(desk.folder / name, **options)
        path = desk.folder / f"{name}.slot.mov"
        data = (desk.folder / name).read_bytes()
        assert desk.still_movie.write_still_movie(data, path, 10) == SIZE
        strip = desk.put(path)
        assert span(strip)[1] == 11
        with Image.open(desk.folder / name) as file:
            held = np.asarray(file.convert("RGB"))
        for frame in (1, 10):
            away = np.abs(desk.see(frame) - held.astype(np.float64))[8:82, 8:152]
            assert away.max() <= most, name
        clear(desk.scene)


# ------------------------------------------------------------------------------------------------- waiting, finding


def test_where_a_waiting_slot_is_seen(desk: Desk, clip_of: Callable[..., Path]) -> None:
    scene, slots = desk.scene, desk.slots
    strip = desk.slot(11)
    assert slots.waiting_in(scene, 1, 11) == []
    assert slots.waiting_in(scene, 1, 12) == ["A frog"]
    assert slots.waiting_in(scene, 59, 70) == ["A frog"]
    assert slots.waiting_in(scene, 60, 70) == []
    strip.mute = True
    assert slots.waiting_in(scene, 1, 70) == []
    strip.mute = False
    meta = make_meta(scene, *strips(scene))
    set_span(meta, 30, 60)
    assert slots.waiting_in(scene, 1, 30) == []
    assert slots.waiting_in(scene, 1, 31) == ["A frog"]
    assert slots.waiting_in(scene, 30, 31, meta) == ["A frog"]
    outer = bpy.data.scenes.new("Outer")
    editor = outer.sequence_editor_create()
    shown = base_of(editor).new_scene(name="edit", scene=scene, channel=1, frame_start=101)
    shown.scene_input = "SEQUENCER"
    scene.frame_start, scene.frame_end = 1, 250
    assert slots.waiting_in(outer, 101, 130) == []
    assert slots.waiting_in(outer, 101, 131) == ["A frog"]
    assert slots.waiting_in(outer, 130, 131, shown) == ["A frog"]
    assert [s.name for s in slots.strips_of_job("job")] == ["A frog"]
    assert list(slots.strips_of_job("job", outer)) == []
    desk.arrive(clip_of())
    assert slots.waiting_in(outer, 1, 500) == []
    assert slots.waiting_in(scene, 1, 500) == []
