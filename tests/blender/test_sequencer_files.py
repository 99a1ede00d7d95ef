"""Where the files of clips lie, and how they come beside the .blend once there is one."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import pictures
from .placed import import_clip

Module = Callable[[str], ModuleType]
WHEN = datetime(2026, 2, 3, 23, 59)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.numbered_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 1)


@pytest.fixture
def sequencer(blender: ModuleType, module: Module) -> Any:
    return module("blender.timeline")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The artist's project, and the folder of the preferences."""
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    return project, elsewhere


def place(sequencer: Any, scene: Any, path: Path, job: str = "job") -> Any:
    return import_clip(sequencer, scene, path, frame=10, job_id=job)


def save(path: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(path))


def paths(strips: list[Any]) -> set[str]:
    """The files of strips; Blender writes ``//grok_video\\x.mp4`` on Windows, and reads either form everywhere."""
    named = [s.filepath if s.type == "MOVIE" else s.sound.filepath for s in strips]
    return {name.replace(os.sep, "/") if name.startswith("//") else name for name in named}


def state(folder: Path) -> dict[str, str]:
    """Every file below a folder and what is in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


# ---------------------------------------------------------------------------------------- folder and name


def test_clips_lie_beside_the_file(sequencer: Any, folders: tuple[Path, Path]) -> None:
    project, elsewhere = folders
    assert sequencer.clip_folder(str(project / "a.blend"), elsewhere) == project / "grok_video"
    assert state(project) == {}
    (project / "grok_video").mkdir()
    assert sequencer.clip_folder(str(project / "a.blend"), elsewhere) == project / "grok_video"


def test_clips_go_elsewhere_where_they_must(sequencer: Any, folders: tuple[Path, Path]) -> None:
    project, elsewhere = folders
    assert sequencer.clip_folder("", elsewhere) == elsewhere
    assert sequencer.clip_folder(str(project / "gone" / "a.blend"), elsewhere) == elsewhere
    (project / "grok_video").write_text(
        "a file in the way: nothing can be written below it", "utf-8"
    )
    assert sequencer.clip_folder(str(project / "a.blend"), elsewhere) == elsewhere


def test_an_asset_library_is_no_place_for_clips(sequencer: Any, folders: tuple[Path, Path]) -> None:
    project, elsewhere = folders
    (project / "props").mkdir()
    bpy.ops.preferences.asset_library_add(directory=str(project))
    try:
        blend = str(project / "props" / "a.blend")
        assert sequencer.clip_folder(blend, elsewhere) == elsewhere
    finally:
        libraries = bpy.context.preferences.filepaths.asset_libraries
        bpy.ops.preferences.asset_library_remove(index=len(libraries) - 1)
    assert sequencer.clip_folder(blend, elsewhere) != elsewhere


@pytest.mark.parametrize(
    ("prompt", "slug"),
    [
        ("A heron lifts off", "A-heron-lifts-off"),
        ("Ein Fröschlein, das\nhüpft!", "Ein-Froschlein-das-hupft"),
        ("../../etc/passwd & C:\\con", "etc-passwd-C-con"),
        ("鷺が飛び立つ 🐸", "clip"),
        ("", "clip"),
        ("word " * 99, "word-word-word-word-word-word-word-word"),
        ("x" * 99, "x" * 40),
    ],
)
def test_a_clip_is_named_after_day_and_prompt(
    sequencer: Any, tmp_path: Path, prompt: str, slug: str
) -> None:
    path = sequencer.clip_path(tmp_path, WHEN, prompt, "0123456789abcdef")
    assert path == tmp_path / f"2026-02-03_{slug}_01234567.mp4"


def test_a_name_is_never_taken_twice(sequencer: Any, tmp_path: Path) -> None:
    seen = set()
    for suffix in (".mp4", ".json", ".mp4"):
        path = sequencer.clip_path(tmp_path, WHEN, "A frog", "0123456789abcdef")
        assert path not in seen
        assert re.fullmatch(r"[A-Za-z0-9_-]+\.mp4", path.name)
        seen.add(path)
        path.with_suffix(suffix).touch()


def test_a_saved_file_names_its_clips_relatively(
    sequencer: Any, folders: tuple[Path, Path], clip: Path
) -> None:
    project, elsewhere = folders
    save(project / "a.blend")
    path = sequencer.clip_path(
        sequencer.clip_folder(bpy.data.filepath, elsewhere), WHEN, "A frog", "f" * 32
    )
    path.parent.mkdir()
    shutil.copyfile(clip, path)
    scene = bpy.context.scene
    place(sequencer, scene, path)
    assert paths(sequencer.strips_of(scene, "job")) == {f"//grok_video/{path.name}"}
    bpy.ops.file.make_paths_absolute()
    assert sequencer.collect_clips(bpy.context) == (0, [])
    assert paths(sequencer.strips_of(scene, "job")) == {f"//grok_video/{path.name}"}
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


# ---------------------------------------------------------------------------------------------- collecting


def test_collecting_copies_and_links_again(
    sequencer: Any, folders: tuple[Path, Path], clip: Path, tmp_path: Path
) -> None:
    project, elsewhere = folders
    original = elsewhere / "frog.mp4"
    shutil.copyfile(clip, original)
    original.with_suffix(".json").write_text('{"prompt": "A frog"}', "utf-8")
    scene = bpy.context.scene
    scene.render.fps = 30
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    other = bpy.data.scenes.new("Other")
    landing = place(sequencer, scene, original)
    place(sequencer, other, original, "another job")
    strip = next(s for s in sequencer.strips_of(scene, "job") if s.type == "MOVIE")
    strip.transform.offset_x = 7
    before = state(elsewhere)

    assert sequencer.collect_clips(bpy.context)[0] == 0  # nowhere yet
    save(project / "a.blend")
    assert sequencer.collect_clips(bpy.context) == (1, [])
    for target, job in ((scene, "job"), (other, "another job")):
        assert paths(sequencer.strips_of(target, job)) == {"//grok_video/frog.mp4"}
    assert state(project / "grok_video") == before
    assert state(elsewhere) == before
    strip.transform.offset_x = 0
    assert (landing.start, landing.end) == (10, 41)
    assert pictures.number_of(pictures.see(scene, tmp_path, 40)) == 24
    assert sequencer.collect_clips(bpy.context) == (0, [])


def test_collecting_reaches_into_meta_strips_and_leaves_others_alone(
    sequencer: Any, folders: tuple[Path, Path], clip: Path
) -> None:
    project, elsewhere = folders
    original = Path(shutil.copyfile(clip, elsewhere / "frog.mp4"))
    scene = bpy.context.scene
    editor = scene.sequence_editor or scene.sequence_editor_create()
    base = editor.strips if hasattr(editor, "strips") else editor.sequences
    meta = base.new_meta(name="meta", channel=1, frame_start=1)
    place(sequencer, scene, original)
    for strip in sequencer.strips_of(scene, "job"):
        strip.move_to_meta(meta)
    mine = base.new_movie(name="mine", filepath=str(clip), channel=9, frame_start=1)
    save(project / "a.blend")
    assert sequencer.collect_clips(bpy.context) == (1, [])
    assert paths(sequencer.strips_of(scene, "job")) == {"//grok_video/frog.mp4"}
    assert Path(bpy.path.abspath(mine.filepath)).resolve() == clip.resolve()


def test_collecting_never_overwrites(
    sequencer: Any, folders: tuple[Path, Path], clip: Path
) -> None:
    project, elsewhere = folders
    original = Path(shutil.copyfile(clip, elsewhere / "frog.mp4"))
    (project / "grok_video").mkdir()
    (project / "grok_video" / "frog.mp4").write_text("another frog", "utf-8")
    (project / "grok_video" / "frog_2.json").write_text("of a third frog", "utf-8")
    place(sequencer, bpy.context.scene, original)
    original.with_suffix(".json").write_text("{}", "utf-8")
    save(project / "a.blend")
    assert sequencer.collect_clips(bpy.context) == (1, [])
    assert (project / "grok_video" / "frog.mp4").read_text("utf-8") == "another frog"
    assert (project / "grok_video" / "frog_2.json").read_text("utf-8") == "of a third frog"
    linked = paths(sequencer.strips_of(bpy.context.scene, "job"))
    assert len(linked) == 1
    copy = Path(bpy.path.abspath(linked.pop()))
    assert copy.read_bytes() == clip.read_bytes()
    assert copy.with_suffix(".json").read_text("utf-8") == "{}"


def test_what_cannot_be_collected_is_said(
    sequencer: Any, folders: tuple[Path, Path], clip: Path
) -> None:
    project, elsewhere = folders
    gone = Path(shutil.copyfile(clip, elsewhere / "gone.mp4"))
    there = Path(shutil.copyfile(clip, elsewhere / "there.mp4"))
    scene = bpy.context.scene
    place(sequencer, scene, gone, "gone")
    place(sequencer, scene, there, "there")
    gone.unlink()
    save(project / "a.blend")
    count, sentences = sequencer.collect_clips(bpy.context)
    assert count == 1
    assert len(sentences) == 1
    assert "gone.mp4" in sentences[0]
    assert paths(sequencer.strips_of(scene, "there")) == {"//grok_video/there.mp4"}
    assert list((project / "grok_video").iterdir()) == [project / "grok_video" / "there.mp4"]

    blocked = project / "next"
    blocked.mkdir()
    (blocked / "grok_video").write_text("a file in the way", "utf-8")
    save(blocked / "a.blend")
    place(sequencer, scene, there, "again")
    count, sentences = sequencer.collect_clips(bpy.context)
    assert count == 0
    assert any("there.mp4" in sentence for sentence in sentences)
    assert Path(bpy.path.abspath(paths(sequencer.strips_of(scene, "again")).pop())).is_file()
