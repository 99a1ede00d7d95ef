"""A bake holds, frame for frame, what a strip shows; and nothing of the artist's is touched by it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import imageio_ffmpeg
import numpy as np
import pytest

from ..patience import PATIENCE, at_once
from ..stand_in import frame_code
from . import pictures
from .others import CRASH, CRASH_NAME, gone, stop
from .placed import import_clip
from .test_sequencer import RATES, base_of, color, sequencer_operators, span
from .test_sequencer_colour import COLUMNS, ROWS, any_colours, rendered_in

Module = Callable[[str], ModuleType]

WAIT_SECONDS = PATIENCE
HEARS = bpy.app.build_options.audaspace


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds with sound: 49 frames at 24 fps."""
    return pictures.numbered_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 2)


@pytest.fixture
def scene(blender: ModuleType) -> Any:
    scene = blender.context.scene
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    scene.view_settings.view_transform = "Standard"
    scene.sequence_editor_create()
    return scene


@pytest.fixture
def bake(module: Module) -> Any:
    return module("blender.sources")


@pytest.fixture
def place(module: Module) -> Callable[..., tuple[Any, Any]]:
    """``place(scene, path, frame)`` imports a clip at true speed: the movie strip, the sound strip or None."""

    def place(scene: Any, path: Path, frame: int = 1) -> tuple[Any, Any]:
        landing = import_clip(module("blender.timeline"), scene, path, frame=frame, name="A")
        found = all_strips(scene)
        return found[landing.movie], found.get(landing.sound)

    return place


@pytest.fixture
def baked(bake: Any, tmp_path: Path) -> Callable[..., Any]:
    """``baked(scene, strip, start, end, sounds)``: the finished bake; nothing else is left in its folder."""

    def baked(
        scene: Any,
        strip: Any,
        start: int | None = None,
        end: int | None = None,
        sounds: Sequence[Any] = (),
    ) -> Any:
        first, after = span(strip)
        folder = tmp_path / "out"
        job = bake.Bake.strip(
            scene,
            strip,
            first if start is None else start,
            after if end is None else end,
            [sound for sound in sounds if sound],
            folder / "baked.mp4",
        )
        result = finished(job)
        assert [entry.name for entry in folder.iterdir()] == ["baked.mp4"]
        return result

    return baked


def all_strips(scene: Any) -> dict[str, Any]:
    editor = scene.sequence_editor
    found = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    return {strip.name: strip for strip in found}


def finished(job: Any) -> Any:
    """Poll as a timer does, until there is a result."""
    end = time.monotonic() + WAIT_SECONDS
    seen = [job.progress]
    while (result := job.poll()) is None:
        assert time.monotonic() < end, job.progress
        time.sleep(0.02)
        seen.append(job.progress)
    assert seen == sorted(seen)
    assert seen[-1][0] <= job.progress[0] == job.progress[1]
    return result


def failed(bake: Any, job: Any) -> str:
    with pytest.raises(bake.Interrupted) as why:
        finished(job)
    with pytest.raises(bake.Interrupted, match="charged"):
        job.poll()
    return str(why.value)


def frames_of(result: Any) -> list[np.ndarray]:
    """The grey pictures in a baked file."""
    raw = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", result.path, "-fps_mode", "passthrough",
         "-f", "rawvideo", "-pix_fmt", "gray", "-"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    return list(np.frombuffer(raw, np.uint8).reshape(-1, result.height, result.width))


def numbers_of(result: Any) -> list[int]:
    return [frame_code.decode(picture) for picture in frames_of(result)]


def colours_of(result: Any) -> np.ndarray:
    """The patches in the first frame, as a reader sees them that follows what the file says of itself."""
    raw = pictures._decoded(
        Path(result.path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24"
    )
    picture = np.frombuffer(raw, np.uint8).reshape(result.height, result.width, 3)
    return pictures.patches_of(picture, ROWS, COLUMNS)


def seen_of(scene: Any, folder: Path, start: int, end: int) -> list[int]:
    """The numbers that the sequencer itself shows."""
    return [pictures.number_of(pictures.see(scene, folder, f)) for f in range(start, end)]


def effect(scene: Any, kind: str, channel: int, start: int, end: int, *inputs: Any) -> Any:
    length = {"length": end - start} if bpy.app.version >= (5, 0) else {"frame_end": end}
    names = ("input1", "input2") if bpy.app.version >= (4, 5) else ("seq1", "seq2")
    return base_of(scene.sequence_editor).new_effect(
        name=kind, type=kind, channel=channel, frame_start=start, **length,
        **dict(zip(names, inputs, strict=False)),
    )  # fmt: skip


def trim(strip: Any, start: int, end: int) -> None:
    if hasattr(strip, "left_handle"):
        strip.left_handle, strip.right_handle = start, end
    else:
        strip.frame_final_start, strip.frame_final_end = start, end


# -------------------------------------------------------------------------------------------- frame numbers


@pytest.mark.parametrize("rate", ["24", "25", "29.97", "30", "60"])
@pytest.mark.parametrize("kind", ["whole", "trimmed", "split"])
def test_every_frame_is_the_one_that_the_strip_shows(
    scene: Any, clip: Path, place: Any, baked: Any, tmp_path: Path, rate: str, kind: str
) -> None:
    scene.render.fps, scene.render.fps_base = RATES[rate]
    strip, sound = place(scene, clip, 40)
    if kind == "split":
        for other in all_strips(scene).values():
            other.select = True
        with sequencer_operators(scene):
            bpy.ops.sequencer.split(frame=60, type="SOFT", side="RIGHT")
        strip = next(
            s for s in all_strips(scene).values() if s.type == "MOVIE" and span(s)[0] == 60
        )
        sound = None
    if kind == "trimmed":
        trim(strip, 51, 77)
    first, end = span(strip)
    expected = seen_of(scene, tmp_path, first, end)
    color(scene, 9, 1, 500)  # above it, and not of it
    result = baked(scene, strip, sounds=[sound])
    assert numbers_of(result) == expected
    assert expected[-1] - expected[0] >= 10
    assert result.frames == end - first
    assert result.fps == pytest.approx(scene.render.fps / scene.render.fps_base, rel=1e-4)
    assert result.seconds == pytest.approx(result.frames / result.fps, abs=1e-3)
    assert (result.width, result.height) == (pictures.WIDTH, pictures.HEIGHT)
    assert result.has_audio == (HEARS and kind != "split")
    assert result.size == Path(result.path).stat().st_size
    assert (scene.render.fps, round(scene.render.fps_base, 3)) == RATES[rate]


def test_a_part_of_a_strip(scene: Any, clip: Path, place: Any, baked: Any) -> None:
    strip, _ = place(scene, clip, 10)
    scene.render.fps = 24
    assert numbers_of(baked(scene, strip, 15, 22)) == list(range(5, 12))


@pytest.mark.parametrize("how", ["speed effect", "reversed", "held"])
def test_retimed(scene: Any, clip: Path, place: Any, baked: Any, tmp_path: Path, how: str) -> None:
    strip, _ = place(scene, clip, 10)
    if how == "speed effect":
        strip = effect(scene, "SPEED", 4, 10, 59, strip)
        strip.speed_control, strip.speed_factor = "MULTIPLY", 0.5
    elif how == "reversed":
        strip.use_reverse_frames = True
    else:  # a handle beyond the file's end shows its last frame
        trim(strip, 50, 70)
    first = span(strip)[0]
    expected = seen_of(scene, tmp_path, first, first + 16)
    assert len(set(expected)) > 5
    assert numbers_of(baked(scene, strip, first, first + 16)) == expected


def test_effects_with_the_inputs_of_their_inputs(
    scene: Any, clip: Path, place: Any, baked: Any, tmp_path: Path
) -> None:
    strip, _ = place(scene, clip, 10)
    blur = effect(scene, "GAUSSIAN_BLUR", 4, 10, 59, strip)
    blur.size_x = blur.size_y = 0.0
    speed = effect(scene, "SPEED", 5, 10, 59, blur)
    speed.speed_control, speed.speed_factor = "MULTIPLY", 2.0
    expected = seen_of(scene, tmp_path, 10, 20)
    doubled = list(range(0, 20, 2))
    if bpy.app.version < (5, 1):
        assert expected == doubled
    else:  # 5.2.3 and 5.3.0 show a frame too early there, in the sequencer itself (measured)
        assert expected in (doubled, [0, 2, 2, *doubled[3:]])
    assert numbers_of(baked(scene, speed, 10, 20)) == expected
    # Its input alone shows something else.
    assert numbers_of(baked(scene, strip, 10, 20)) == list(range(10))


def test_what_the_artist_muted_is_seen_in_its_bake(
    scene: Any, clip: Path, place: Any, baked: Any
) -> None:
    strip, _ = place(scene, clip, 10)
    strip.mute = True
    scene.sequence_editor.channels[strip.channel].mute = True
    strip.blend_type = "MULTIPLY"
    assert numbers_of(baked(scene, strip, 10, 14)) == [0, 1, 2, 3]
    assert strip.mute
    assert scene.sequence_editor.channels[strip.channel].mute
    assert strip.blend_type == "MULTIPLY"


@pytest.mark.parametrize("what", ["meta", "inside"])
def test_metas(scene: Any, clip: Path, place: Any, baked: Any, what: str) -> None:
    place(scene, clip, 10)
    place(scene, clip, 200)
    for strip in all_strips(scene).values():
        strip.select = span(strip)[0] < 100
    with sequencer_operators(scene):
        bpy.ops.sequencer.meta_make()
    (meta,) = (s for s in all_strips(scene).values() if s.type == "META")
    trim(meta, 20, 50)
    meta.mute = True
    inner = base_of(meta)
    inside = next(s for s in inner if s.type == "MOVIE")
    length = {"length": 90} if bpy.app.version >= (5, 0) else {"frame_end": 90}
    if what == "meta":
        result = baked(scene, meta)
        assert numbers_of(result) == list(range(10, 40))
        assert result.has_audio == HEARS
    else:
        inner.new_effect(name="above", type="COLOR", channel=9, frame_start=1, **length)
        sounds = [s for s in inner if s.type == "SOUND"]
        result = baked(scene, inside, 25, 40, sounds)
        assert numbers_of(result) == list(range(15, 30))
        assert result.has_audio == HEARS
        assert len(base_of(meta)) == 2 + len(sounds)


def test_images(scene: Any, clip: Path, baked: Any, tmp_path: Path) -> None:
    folder = tmp_path / "pictures {x} #"
    folder.mkdir()
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clip), "-frames:v", "6",
         "-start_number", "0", str(tmp_path / "p%d.png")], check=True
    )  # fmt: skip
    for number in range(6):
        (tmp_path / f"p{number}.png").rename(folder / f"{number}.png")
    strip = base_of(scene.sequence_editor).new_image(
        name="i", filepath=str(folder / "5.png"), channel=2, frame_start=7
    )
    for name in ("3.png", "4.png", "0.png"):
        strip.elements.append(name)
    trim(strip, 7, 13)
    assert numbers_of(baked(scene, strip)) == [5, 3, 4, 0, 0, 0]
    (folder / "4.png").unlink()
    assert numbers_of(baked(scene, strip, 7, 9)) == [5, 3]


@pytest.mark.parametrize("what", ["SEQUENCER", "CAMERA"])
def test_scenes(scene: Any, clip: Path, place: Any, baked: Any, what: str) -> None:
    other = bpy.data.scenes.new("Other")
    other.render.resolution_x, other.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    other.view_settings.view_transform = "Standard"
    other.frame_start = 1
    other.sequence_editor_create()
    if what == "SEQUENCER":
        place(other, clip, 1)
    else:
        other.render.engine = "BLENDER_WORKBENCH"
        other.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
        other.collection.objects.link(other.camera)
        mesh = bpy.data.meshes.new("wall")
        mesh.from_pydata([(-9, -9, -5), (9, -9, -5), (9, 9, -5), (-9, 9, -5)], [], [(0, 1, 2, 3)])
        other.collection.objects.link(bpy.data.objects.new("wall", mesh))
    strip = base_of(scene.sequence_editor).new_scene(
        name="s", scene=other, channel=3, frame_start=20
    )
    strip.scene_input = what
    trim(strip, 20, 24)
    result = baked(scene, strip, 20, 24)
    if what == "SEQUENCER":
        assert numbers_of(result) == [0, 1, 2, 3]
    else:
        assert result.frames == 4
        assert min(picture.mean() for picture in frames_of(result)) > 60


def test_an_adjustment_and_a_multicam_show_what_lies_below(
    scene: Any, clip: Path, place: Any, baked: Any
) -> None:
    strip, _ = place(scene, clip, 10)
    for kind, channel in (("ADJUSTMENT", 6), ("MULTICAM", 7)):
        above = effect(scene, kind, channel, 10, 30)
        if kind == "MULTICAM":
            above.multicam_source = strip.channel
        assert numbers_of(baked(scene, above, 12, 15)) == [2, 3, 4]


# -------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("scene_size", "native", "expected"),
    [
        ((1920, 1080), 1080, (1280, 720)),
        ((1920, 1080), 480, (854, 480)),
        ((1280, 720), 1080, (1280, 720)),
        ((321, 181), 1080, (320, 180)),
        ((1080, 1920), 0, (720, 1280)),
        ((3840, 2160), 2160, (1280, 720)),
        ((800, 600), 600, (800, 600)),
        ((2048, 858), 858, (1718, 720)),
    ],
)
def test_sizes(
    bake: Any, scene: Any, scene_size: tuple[int, int], native: int, expected: tuple[int, int]
) -> None:
    class Element:
        filename = ""
        orig_width, orig_height = native * 2, native

    class Strip:
        type = "MOVIE"
        get = dict[str, object]().get
        elements = [Element] if native else []

    scene.render.resolution_x, scene.render.resolution_y = scene_size
    assert bake.bake_size(scene, Strip) == expected


@pytest.mark.parametrize(
    ("scene_size", "expected"),
    [((1280, 720), (854, 480)), ((1921, 1081), (852, 480)), ((960, 960), (480, 480))],
)
@pytest.mark.parametrize("passes", [1, 2])
def test_a_large_edit_is_scaled_and_stays_in_step(
    scene: Any,
    clip: Path,
    place: Any,
    baked: Any,
    scene_size: tuple[int, int],
    expected: tuple[int, int],
    passes: int,
) -> None:
    if passes == 2:  # what is animated is not placed anew
        scene.animation_data_create()
    scene.render.fps = 25
    scene.render.resolution_x, scene.render.resolution_y = scene_size
    strip, sound = place(scene, clip, 3)
    result = baked(scene, strip, 3, 3 + 30, [sound])
    assert (result.width, result.height) == expected
    shown = frame_code.fit_rect(*expected, pictures.WIDTH, pictures.HEIGHT)
    top = round(shown[1])
    bars = frames_of(result)[3].astype(float)
    if top:
        assert bars[: top - 2].max() < 20 < bars[top + 4 : top + 40].min()
    numbers = [frame_code.decode(picture, shown) for picture in frames_of(result)]
    assert all(abs(n - i * 24 / 25) <= 1 for i, n in enumerate(numbers))
    if HEARS:
        beeps = pictures.beeps_of(Path(result.path))
        assert [second for _, second in beeps] == [0, 1]
        assert all(abs(at - second) < 0.03 for at, second in beeps)


def test_pixels_that_are_not_square(scene: Any, clip: Path, place: Any, baked: Any) -> None:
    scene.render.resolution_x = pictures.WIDTH // 2
    scene.render.pixel_aspect_x = 2.0
    strip, _ = place(scene, clip, 1)
    strip.transform.scale_x, strip.transform.scale_y = 0.5, 1.0
    result = baked(scene, strip, 1, 4)
    assert (result.width, result.height) == (pictures.WIDTH, pictures.HEIGHT)
    assert numbers_of(result) == [0, 1, 2]


# -------------------------------------------------------------------------------------------------- sound


def test_the_sound_is_trimmed_with_the_picture(
    scene: Any, clip: Path, place: Any, baked: Any
) -> None:
    scene.render.fps = 24
    strip, sound = place(scene, clip, 10)
    if not HEARS:
        assert sound is None
        return
    sound.mute = True  # which the caller overrules by naming it
    result = baked(scene, strip, 22, 46, [sound])
    (beep,) = pictures.beeps_of(Path(result.path))
    assert beep[1] == 1
    assert beep[0] == pytest.approx(0.5, abs=0.03)
    assert not baked(scene, strip, 22, 26).has_audio
    sound.volume = 0.0
    assert pictures.beeps_of(Path(baked(scene, strip, 22, 46, [sound]).path)) == []


# ------------------------------------------------------------------------------------------------ colours


@pytest.mark.parametrize("view", ["Standard", "Filmic", "AgX"])
@pytest.mark.parametrize("scale", [1, 4])
def test_the_colours_are_those_of_the_file(
    scene: Any, place: Any, baked: Any, tmp_path: Path, view: str, scale: int
) -> None:
    patches = any_colours() if view == "Standard" else rendered_in(view, tmp_path)
    clip = pictures.patch_clip(tmp_path / "patches.mp4", patches)
    if scale == 4:  # two passes
        scene.animation_data_create()
    scene.view_settings.view_transform = view
    scene.view_settings.look = "None"
    scene.render.resolution_x, scene.render.resolution_y = (
        pictures.WIDTH * scale,
        pictures.HEIGHT * scale,
    )
    strip, _ = place(scene, clip)
    result = baked(scene, strip, 1, 3)
    assert (result.height == pictures.HEIGHT) == (scale == 1)
    told_bt601 = b"nclx\0\1\0\1\0\6" in Path(result.path).read_bytes()
    assert told_bt601 == (bpy.app.version < (4, 4))  # readers guess otherwise, as ours here does
    held = [reading[:-1] for reading in pictures.held(clip, ROWS, COLUMNS)]
    apart = min(np.abs(colours_of(result)[:-1] - reading).max() for reading in held)
    allowed = 4 if scale == 1 else 6
    if view == "AgX" and bpy.app.version < (5, 0):
        allowed += 8
    assert apart <= allowed


def test_the_scene_s_own_view_applies(scene: Any, place: Any, baked: Any, tmp_path: Path) -> None:
    clip = pictures.patch_clip(tmp_path / "patches.mp4", any_colours())
    strip, _ = place(scene, clip)
    scene.view_settings.exposure = -1.0
    shown = pictures.patches_of(pictures.see(scene, tmp_path, 1), ROWS, COLUMNS)
    apart = np.abs(colours_of(baked(scene, strip, 1, 3)) - shown)[:-1].max()
    assert apart <= 4


# --------------------------------------------------------------------------------------------- nothing else


def test_the_artists_file_is_as_it_was(
    scene: Any, clip: Path, place: Any, baked: Any, tmp_path: Path
) -> None:
    strip, sound = place(scene, clip, 10)
    effect(scene, "SPEED", 6, 10, 59, strip)
    scene.frame_set(33)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "artist.blend"))
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.wm.save_mainfile()
    scene = bpy.context.scene
    strip, sound = all_strips(scene)["A"], sound and all_strips(scene)[sound.name]
    preferences = bpy.context.preferences
    preferences.is_dirty = False

    def state() -> tuple[object, ...]:
        found = all_strips(scene).values()
        return (
            [(s.name, s.channel, span(s), s.mute, s.select, sorted(s.keys())) for s in found],
            scene.sequence_editor.active_strip,
            (scene.frame_current, scene.frame_start, scene.frame_end, sorted(scene.keys())),
            (bpy.context.window.scene.name, [s.name for s in bpy.data.scenes]),
            [
                (n, len(getattr(bpy.data, n)))
                for n in ("images", "sounds", "actions", "node_groups")
            ],
            (bpy.data.is_dirty, preferences.is_dirty, bpy.data.filepath),
            scene.render.filepath,
            scene.render.image_settings.file_format,
        )

    before = state()
    baked(scene, strip, 10, 14, [sound])
    assert state() == before
    strip.name = "renamed"
    bpy.ops.ed.undo_push(message="Rename")
    bpy.ops.ed.undo()
    assert [s.name for s in bpy.data.scenes] == ["Scene"]
    assert "A" in all_strips(bpy.context.scene)


def test_only_the_strip_is_written(
    bake: Any, scene: Any, clip: Path, place: Any, tmp_path: Path
) -> None:
    world = bpy.data.worlds.new("World")
    scene.world = world
    thing = bpy.data.objects.new("thing", bpy.data.meshes.new("thing"))
    scene.collection.objects.link(thing)
    nested = bpy.data.collections.new("nested")
    scene.collection.children.link(nested)
    nested.objects.link(bpy.data.objects.new("other", None))
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.timeline_markers.new("m", frame=3).camera = scene.camera
    scene["mine"] = thing
    scene.grok_video.image = bpy.data.images.new("source", 8, 8)
    strip, _ = place(scene, clip, 10)
    base_of(scene.sequence_editor).new_scene(
        name="s", scene=bpy.data.scenes.new("Heavy"), channel=9, frame_start=20
    )
    job = bake.Bake.strip(scene, strip, 10, 12, [], tmp_path / "baked.mp4")
    try:
        with bpy.data.libraries.load(str(job._folder / "edit.blend")) as (inside, _):
            found = {name: getattr(inside, name) for name in dir(inside) if getattr(inside, name)}
    finally:
        job.cancel()
    assert {name: len(list_) for name, list_ in found.items() if name != "version"} == {"scenes": 1}
    assert scene.world == world
    assert scene.camera is not None
    assert {o.name for o in scene.objects} == {"thing", "other"}
    assert scene.timeline_markers[0].camera == scene.camera
    assert scene["mine"] == thing


@pytest.mark.skipif(
    sys.platform == "win32",
    reason="/proc tells what a process was given; Windows has no groups and no modes",
)
def test_the_child_has_no_key_and_a_group_of_its_own(
    bake: Any, scene: Any, clip: Path, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAI_API_KEY", "xai-secret")
    strip, _ = place(scene, clip, 10)
    job = bake.Bake.strip(scene, strip, 10, 40, [], tmp_path / "out" / "baked.mp4")
    try:
        assert job.poll() is None
        pid = job._process.pid
        until = time.monotonic() + PATIENCE
        while not (environment := Path(f"/proc/{pid}/environ").read_bytes()):
            assert time.monotonic() < until, "the child never started"
        assert b"xai-secret" not in environment
        assert b"HOME=" in environment
        assert b"xai-secret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        assert os.getpgid(pid) == pid
        assert os.getsid(pid) == pid
        assert job._folder.stat().st_mode & 0o777 == 0o700
    finally:
        job.cancel()


# ------------------------------------------------------------------------------------------- how it ends


@pytest.fixture
def long(bake: Any, scene: Any, clip: Path, place: Any, tmp_path: Path) -> Callable[[], Any]:
    """Begins a bake of many frames."""

    def begin() -> Any:
        strip, _ = place(scene, clip, 10)
        trim(strip, 10, 3000)
        return bake.Bake.strip(scene, strip, 10, 3000, [], tmp_path / "out" / "baked.mp4")

    return begin


def moving(job: Any) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while job.progress[0] < 3:
        assert time.monotonic() < end
        assert job.poll() is None
        time.sleep(0.01)
    assert job.progress[1] == 2990


@pytest.mark.parametrize("when", ["at once", "under way"])
@pytest.mark.deadline
def test_cancel(
    long: Any, bake: Any, tmp_path: Path, when: str, left_in: Callable[[Path], list[Path]]
) -> None:
    job = long()
    assert job.poll() is None
    pid = job._process.pid
    if when == "under way":
        moving(job)
    start = time.monotonic()
    job.cancel()
    assert time.monotonic() - start < at_once(1.0)
    assert gone(pid)
    assert left_in(tmp_path / "out") == []
    with pytest.raises(bake.Interrupted, match="stopped"):
        job.poll()
    job.cancel()


def test_a_crash(
    long: Any, bake: Any, tmp_path: Path, left_in: Callable[[Path], list[Path]]
) -> None:
    job = long()
    moving(job)
    os.kill(job._process.pid, CRASH)
    sentence = failed(bake, job)
    assert f"crashed ({CRASH_NAME})" in sentence
    assert sentence.startswith("The strip could not be prepared: ")
    assert left_in(tmp_path / "out") == []


def test_a_hang(
    long: Any,
    bake: Any,
    module: Module,
    tmp_path: Path,
    patches: Any,
    left_in: Callable[[Path], list[Path]],
) -> None:
    job = long()
    moving(job)
    pid = job._process.pid
    stop(pid)
    job.poll()
    patches.set(module("blender.sources.bake"), "SILENT_SECONDS", 0.5)
    assert "did nothing" in failed(bake, job)
    assert gone(pid)
    assert left_in(tmp_path / "out") == []


def test_an_hour_asleep_is_no_hang(
    long: Any, module: Module, monkeypatch: pytest.MonkeyPatch, patches: Any
) -> None:
    """The monotonic clock of Windows goes on in sleep, in which no child gives a sign of life."""
    job = long()
    moving(job)
    stop(job._process.pid)
    job.poll()
    awake = time.monotonic
    patches.set(module("blender.sources.child"), "awake", awake, copies_ok="of the child alone")
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: awake() + 3600.0)
        assert job.poll() is None
    job.cancel()


def test_the_child_ends_with_its_parent(clip: Path, module: Module, tmp_path: Path) -> None:
    package = Path(module("blender.sources.bake").__file__).parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(package), str(clip), str(tmp_path / "out" / "b.mp4")],
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    assert parent.stdout
    pid = 0
    for line in parent.stdout:
        if line.startswith("child "):
            pid = int(line.split()[1])
            break
    assert pid
    assert not gone(pid)
    parent.kill()
    parent.wait()
    out, next_start = tmp_path / "out", module("blender.sources.private_folder").PrivateFolder
    end = time.monotonic() + PATIENCE
    while list(out.iterdir()):
        assert time.monotonic() < end
        if sys.platform == "win32":  # what the child has open itself waits there for the next start
            next_start(out).remove()
        time.sleep(0.05)


_PARENT = """
import sys, time, types
from pathlib import Path
root, clip, path = sys.argv[1:]
for name, folder in (("ours", root), ("ours.blender", root + "/blender")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
import bpy
from ours.blender.sources import bake
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 320, 180
editor = scene.sequence_editor_create()
base = editor.strips if hasattr(editor, "strips") else editor.sequences
strip = base.new_movie(name="m", filepath=clip, channel=1, frame_start=1)
strip.frame_final_end = 9000
job = bake.Bake.strip(scene, strip, 1, 9000, [], Path(path))
while job.progress[0] < 2:
    assert job.poll() is None
    time.sleep(0.02)
print("child", job._process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of the size of a file")
def test_a_full_disk(bake: Any, scene: Any, place: Any, tmp_path: Path, clip: Path) -> None:
    strip, _ = place(scene, clip, 10)
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    job = bake.Bake.strip(scene, strip, 10, 50, [], tmp_path / "out" / "baked.mp4")
    assert job.poll() is None
    # The child may not write more than this into a file, as if the disk had no more.
    resource.prlimit(job._process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
    assert "could not be prepared" in failed(bake, job)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_movie_that_blender_cannot_read(
    bake: Any, scene: Any, tmp_path: Path, left_in: Callable[[Path], list[Path]]
) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no movie" * 100)
    strip = base_of(scene.sequence_editor).new_movie(
        name="junk", filepath=str(junk), channel=1, frame_start=1
    )
    job = bake.Bake.strip(scene, strip, 1, 2, [], tmp_path / "out" / "baked.mp4")
    assert f"Blender cannot read “{junk}”" in failed(bake, job)
    assert left_in(tmp_path / "out") == []


def test_a_folder_that_cannot_be_written(
    bake: Any, scene: Any, clip: Path, place: Any, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    strip, _ = place(scene, clip, 10)
    with pytest.raises(
        bake.Interrupted, match=r"could not be prepared: .*file.* cannot be written"
    ):
        bake.Bake.strip(scene, strip, 10, 12, [], tmp_path / "file" / "baked.mp4")
    assert [s.name for s in bpy.data.scenes] == ["Scene"]


def test_refusals(bake: Any, scene: Any, clip: Path, place: Any, tmp_path: Path) -> None:
    strip, sound = place(scene, clip, 10)
    missing = tmp_path / "missing.mp4"
    pictures.numbered_clip(missing, 1, audio=False)
    lost, _ = place(scene, missing, 100)
    missing.unlink()
    meta = base_of(scene.sequence_editor).new_meta(name="meta", channel=8, frame_start=1)
    early, _ = place(scene, clip, -20)
    cases = [
        (strip, 20, 20, "empty"),
        (strip, 20, 15, "empty"),
        (strip, 5, 20, "from frame 10 to 58 only"),
        (strip, 20, 60, "from frame 10 to 58 only"),
        (lost, 100, 110, str(missing)),
        (meta, 1, 2, "nothing to see"),
        (early, -20, 5, "before frame 0"),
    ]
    if sound:
        cases.append((sound, 10, 20, "movie strip"))
    for refused, start, end, words in cases:
        with pytest.raises(bake.Refused) as why:
            bake.Bake.strip(scene, refused, start, end, [], tmp_path / "out" / "baked.mp4")
        assert words in str(why.value)
    assert not (tmp_path / "out").exists()


def test_what_a_crash_left_is_swept(
    bake: Any, scene: Any, clip: Path, place: Any, baked: Any, tmp_path: Path
) -> None:
    old = tmp_path / "out" / ".grok_video_bake-old"
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    strip, _ = place(scene, clip, 10)
    baked(scene, strip, 10, 12)


# ------------------------------------------------------------------------------------------- the animation


def wall(scene: Any) -> Any:
    """A bright wall before a camera, which is bound to a marker as artists do."""
    scene.render.engine = "BLENDER_EEVEE" if bpy.app.version >= (5, 0) else "BLENDER_EEVEE_NEXT"
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.timeline_markers.new("cut", frame=1).camera = camera
    mesh = bpy.data.meshes.new("wall")
    mesh.from_pydata([(-9, -9, -5), (9, -9, -5), (9, 9, -5), (-9, 9, -5)], [], [(0, 1, 2, 3)])
    thing = bpy.data.objects.new("wall", mesh)
    scene.collection.objects.link(thing)
    return thing


@pytest.fixture
def red_lights() -> Iterator[None]:
    """Lights of the artist's preferences, by which Workbench shows a white wall red."""
    system = bpy.context.preferences.system
    before = [tuple(light.diffuse_color) for light in system.solid_lights]
    system.use_studio_light_edit = True
    for light in system.solid_lights:
        light.diffuse_color = (1.0, 0.0, 0.0)
    yield
    system.use_studio_light_edit = False
    for light, colour in zip(system.solid_lights, before, strict=True):
        light.diffuse_color = colour


def test_the_camera_s_animation(bake: Any, scene: Any, tmp_path: Path, red_lights: None) -> None:
    thing = wall(scene)
    scene.render.fps = 25
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    color(scene, 1, 1, 100)  # the edit is not meant
    # Away to the side for the last frames.
    thing.location.x = 0.0
    thing.keyframe_insert("location", frame=12)
    thing.location.x = 500.0
    thing.keyframe_insert("location", frame=13)
    engine, frame = scene.render.engine, scene.frame_current
    result = finished(bake.Bake.camera(scene, 10, 15, tmp_path / "out" / "baked.mp4"))
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["baked.mp4"]
    assert (result.width, result.height, result.frames, result.fps) == (640, 360, 5, 25.0)
    assert not result.has_audio
    bright = [picture.mean() for picture in frames_of(result)]
    assert min(bright[:3]) > max(bright[3:]) + 30
    red, green, blue = colours_of(result)[2, 4]
    assert red > max(green, blue) + 60
    assert (scene.render.engine, scene.frame_current) == (engine, frame)
    assert not scene.render.filepath.startswith(str(tmp_path))


def test_what_is_painted_and_not_saved_is_seen(bake: Any, scene: Any, tmp_path: Path) -> None:
    thing = wall(scene)
    thing.data.uv_layers.new(name="uv")
    image = bpy.data.images.new("paint", 8, 8)
    image.pixels.foreach_set(np.tile(np.array([0.0, 1.0, 0.0, 1.0], np.float32), 64))
    image.update()
    assert image.is_dirty
    material = bpy.data.materials.new("m")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    nodes.active = texture
    thing.data.materials.append(material)
    scene.display.shading.light = "FLAT"
    scene.display.shading.color_type = "TEXTURE"
    result = finished(bake.Bake.camera(scene, 1, 3, tmp_path / "out" / "baked.mp4"))
    red, green, blue = colours_of(result)[2, 4]
    assert green > 200
    assert max(red, blue) < 60
    assert image.is_dirty
    assert image.packed_file is None
    assert [i.name for i in bpy.data.images] == ["paint"]


def test_the_camera_s_refusals(bake: Any, scene: Any, tmp_path: Path) -> None:
    with pytest.raises(bake.Refused, match="no camera"):
        bake.Bake.camera(scene, 1, 5, tmp_path / "out" / "baked.mp4")
    wall(scene)
    for start, end, words in ((5, 5, "empty"), (-3, 5, "before frame 0")):
        with pytest.raises(bake.Refused, match=words):
            bake.Bake.camera(scene, start, end, tmp_path / "out" / "baked.mp4")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def playblast(module: Module, scene: Any, patches: Any) -> Any:
    """The playblast, with a viewport that shows the number of the scene's frame: there is no window here."""
    module_ = module("blender.sources.playblast")

    def draw(_context: Any, scene: Any, size: tuple[int, int]) -> tuple[np.ndarray, str]:
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        cells = np.repeat(
            frame_code.cells(scene.frame_current), size[0] * 4 // 5 // frame_code.CELLS
        )
        picture[: size[1] // 20, : len(cells)] = cells[None, :, None] * 255
        return picture, ""

    patches.set(module_.viewport, "refusal", lambda *_: "")
    patches.set(module_.viewport, "find", lambda *_: module_)
    patches.set(module_.viewport, "frame_size", lambda *_: (850.0, 360.0))
    patches.set(module_.viewport, "draw", draw, unused_ok="stopped before the first frame")
    return module_


def test_the_viewport_s_animation(playblast: Any, scene: Any, tmp_path: Path) -> None:
    scene.render.fps = 30
    scene.frame_set(77, subframe=0.25)
    job = playblast.Playblast.start(bpy.context, scene, 20, 32, tmp_path / "out" / "p.mp4")
    assert job.poll() is None
    assert scene.frame_current == 20
    result = finished(job)
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["p.mp4"]
    assert (scene.frame_current, scene.frame_subframe) == (77, 0.25)
    assert numbers_of(result) == list(range(20, 32))
    assert (result.width, result.height, result.fps, result.has_audio) == (850, 360, 30.0, False)


@pytest.mark.parametrize("when", [0, 3, 12])
@pytest.mark.deadline
def test_a_playblast_is_stopped(playblast: Any, scene: Any, tmp_path: Path, when: int) -> None:
    scene.frame_set(77)
    job = playblast.Playblast.start(bpy.context, scene, 20, 32, tmp_path / "out" / "p.mp4")
    for _ in range(when):
        assert job.poll() is None
    start = time.monotonic()
    job.cancel()
    assert time.monotonic() - start < at_once(1.0)
    assert scene.frame_current == 77
    assert list((tmp_path / "out").iterdir()) == []
    with pytest.raises(playblast.Interrupted, match="stopped"):
        job.poll()


def test_a_playblast_whose_viewport_is_closed(
    playblast: Any, scene: Any, tmp_path: Path, patches: Any
) -> None:
    scene.frame_set(77)
    job = playblast.Playblast.start(bpy.context, scene, 20, 32, tmp_path / "out" / "p.mp4")
    assert job.poll() is None

    def closed(*_: object) -> None:
        raise playblast.Refused("There is no 3D Viewport in this window.")

    patches.set(playblast.viewport, "draw", closed)
    with pytest.raises(playblast.Interrupted, match=r"There is no 3D Viewport .* charged"):
        job.poll()
    assert scene.frame_current == 77
    assert list((tmp_path / "out").iterdir()) == []


def test_a_playblast_whose_encoding_cannot_begin(
    playblast: Any, scene: Any, tmp_path: Path, patches: Any
) -> None:
    """What the bake says is a whole sentence, and is said as it is."""
    scene.frame_set(77)
    job = playblast.Playblast.start(bpy.context, scene, 20, 22, tmp_path / "out" / "p.mp4")
    assert job.poll() is None
    said = "The animation could not be prepared: no child. Nothing was sent or charged."

    def broken(*_: object) -> None:
        raise playblast.Interrupted(said)

    patches.set(playblast.Bake, "pictures", staticmethod(broken))
    for _ in range(2):
        with pytest.raises(playblast.Interrupted) as why:
            job.poll()
        assert str(why.value) == said
    assert scene.frame_current == 77
    assert list((tmp_path / "out").iterdir()) == []


def test_a_playblast_of_a_file_that_was_closed(playblast: Any, scene: Any, tmp_path: Path) -> None:
    job = playblast.Playblast.start(bpy.context, scene, 20, 32, tmp_path / "out" / "p.mp4")
    assert job.poll() is None
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.scene.frame_set(5)
    with pytest.raises(playblast.Interrupted, match="another scene"):
        job.poll()
    assert bpy.context.scene.frame_current == 5
    assert list((tmp_path / "out").iterdir()) == []
