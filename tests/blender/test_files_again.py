"""A clip's file that is gone, in Blender: who notices, Download Again, and what the strips show afterwards."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import pictures
from .editing import every, span
from .others import DATA_NAME, wait_for
from .test_flow import newest, posts, refused

Module = Callable[[str], ModuleType]


@pytest.fixture
def imported(blender: ModuleType, scene: Any, module: Module) -> Any:
    """A job whose clip, with sound, lies on the timeline of a saved file."""
    scene.grok_video.generate_audio = True
    blender.ops.grok_video.generate(frame=10)
    blender.ops.wm.save_mainfile()
    return newest(module)


def download(blender: ModuleType, **given: Any) -> set[str]:
    return blender.ops.grok_video.download_again(**given)


def reopen(blender: ModuleType, path: str) -> Any:
    blender.ops.wm.open_mainfile(filepath=path)
    return blender.context.scene


def lay(scene: Any) -> set[tuple[str, str, int, tuple[int, int]]]:
    return {(s.name, s.type, s.channel, span(s)) for s in every(scene)}


def names_of(scene: Any) -> set[str]:
    return {s.filepath if s.type == "MOVIE" else s.sound.filepath for s in every(scene)}


def test_the_strips_show_the_file_again(
    blender: ModuleType, scene: Any, imported: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    """The file was opened while the clip was missing: Blender shows black, and nothing of the edit is lost."""
    before, names = lay(scene), names_of(scene)
    looked = pictures.see(scene, tmp_path, 14)
    Path(imported.clip.path).unlink()
    scene = reopen(blender, blender.data.filepath)
    assert abs(pictures.see(scene, tmp_path, 14) - looked).mean() > 1.0
    assert download(blender) == {"FINISHED"}
    assert abs(pictures.see(scene, tmp_path, 14) - looked).max() < 1.0
    assert (lay(scene), names_of(scene)) == (before, names)
    job = newest(module)
    assert (job.state, job.imported_into, job.clip) == (
        "IMPORTED",
        imported.imported_into,
        imported.clip,
    )
    assert posts(stand_in) == 1


def test_in_the_session_that_has_it_open(
    blender: ModuleType, scene: Any, imported: Any, module: Module, tmp_path: Path
) -> None:
    looked = pictures.see(scene, tmp_path, 14)
    before = lay(scene)
    Path(imported.clip.path).unlink()
    assert module("blender.session.files").look_now(imported) == "gone"
    assert download(blender, job=imported.id) == {"FINISHED"}
    assert module("blender.session.files").lost(imported) == ""
    assert abs(pictures.see(scene, tmp_path, 14) - looked).max() < 1.0
    assert lay(scene) == before


def test_sound_plays_again(blender: ModuleType, scene: Any, imported: Any, tmp_path: Path) -> None:
    if not any(s.type == "SOUND" for s in every(scene)):
        pytest.skip("this Blender has no sound")
    Path(imported.clip.path).unlink()
    scene = reopen(blender, blender.data.filepath)
    download(blender)
    (sound,) = (s.sound for s in every(scene) if s.type == "SOUND")
    assert sound.samplerate > 0


def test_a_cut_edit_whose_folder_is_gone(
    blender: ModuleType, scene: Any, imported: Any, module: Module, tmp_path: Path
) -> None:
    """The clip comes to the data folder; pieces name that, the artist's other strips stay as they are."""
    movie = next(s for s in every(scene) if s.type == "MOVIE")
    movie.split(frame=20, split_method="SOFT")
    own = tmp_path / "own.mp4"
    shutil.copy(imported.clip.path, own)
    left, right = sorted((s for s in every(scene) if s.type == "MOVIE"), key=lambda s: span(s)[0])
    looked = pictures.see(scene, tmp_path, 14)
    right.filepath = str(own)
    before = lay(scene)
    folder = Path(imported.clip.path).parent
    shutil.rmtree(folder)
    folder.write_text("a file in the way", "utf-8")
    assert download(blender) == {"FINISHED"}
    job = newest(module)
    assert Path(job.clip.path).parent == tmp_path / "data" / DATA_NAME / "clips"
    assert "cannot be written" in job.problem.message
    assert lay(scene) == before
    assert blender.path.abspath(left.filepath) == job.clip.path
    assert right.filepath == str(own)
    assert abs(pictures.see(scene, tmp_path, 14) - looked).max() < 1.0


def test_what_the_service_no_longer_has(
    blender: ModuleType, scene: Any, imported: Any, stand_in: Any, module: Module
) -> None:
    before, names = lay(scene), names_of(scene)
    Path(imported.clip.path).unlink()
    stand_in.expire(for_ever=True)
    stand_in.fail("poll", "answer", status=200, body={"status": "expired"}, times=0)
    at_the_strip = module("blender.ui.jobs").words_of_lost
    assert at_the_strip(imported) == "The file of this clip is gone."
    refused(lambda: download(blender), "no longer has this clip")
    job = newest(module)
    assert "no longer has this clip" in at_the_strip(job)
    assert (job.state, job.clip) == ("IMPORTED", imported.clip)
    assert (lay(scene), names_of(scene)) == (before, names)
    assert posts(stand_in) == 1


def test_import_says_what_helps(
    blender: ModuleType, scene: Any, imported: Any, stand_in: Any, module: Module
) -> None:
    before = lay(scene)
    Path(imported.clip.path).unlink()
    refused(
        lambda: blender.ops.grok_video.import_result(job=imported.id, here=True),
        "Download Again is free",
    )
    assert lay(scene) == before
    download(blender, job=imported.id)
    scene.frame_set(100)
    blender.ops.grok_video.import_result(job=imported.id, here=True)
    assert len(every(scene)) == 2 * len(before)
    assert posts(stand_in) == 1


def test_a_clip_that_is_lost_before_it_is_placed(
    blender: ModuleType, clicked: Callable[[str], Any], module: Module, stand_in: Any
) -> None:
    """It waits, says so, and is placed when the artist says so; no loop fetches it again and again."""
    blocking = module("blender.session.blocking")
    bridge = module("blender.session.state").current().bridge
    job = clicked("RUNNING")

    def came() -> Any:
        bridge.tick(1.0)  # no tick of the session, which would place the clip
        now = bridge.snapshot.jobs[job.id]
        return now if now.clip is not None else None

    job = wait_for(came, "the clip")
    scene = blender.context.scene
    Path(job.clip.path).unlink()
    with pytest.raises(Exception, match="is gone"):  # in a window the panel says so
        blocking.wait_until(blender.context, job.id, lambda job: job.problem is not None)
    wait_for(lambda: came().problem, "the clip to be given back")
    waits = came()
    assert (waits.state, waits.problem.code, every(scene)) == ("READY", "SCENE", [])
    assert "is gone" in waits.problem.message
    assert "Download Again" in waits.problem.hint
    downloads = len(stand_in.requests("download"))
    refused(lambda: blender.ops.grok_video.import_result(job=job.id), "Download Again is free")
    assert download(blender, job=job.id) == {"FINISHED"}
    assert len(stand_in.requests("download")) == downloads + 1
    assert (newest(module).state, newest(module).problem, every(scene)) == ("READY", None, [])
    blender.ops.grok_video.import_result(job=job.id)
    assert newest(module).state == "IMPORTED"
    assert posts(stand_in) == 1


def test_a_copy_beside_the_file_is_gone_and_the_clip_is_there(
    blender: ModuleType, scene: Any, imported: Any, stand_in: Any, tmp_path: Path
) -> None:
    """Nothing has to come: the strips name the clip that the record names."""
    moved = tmp_path / "moved.mp4"
    for strip in every(scene):
        owner = strip if strip.type == "MOVIE" else strip.sound
        owner.filepath = str(moved)
    downloads = len(stand_in.requests("download"))
    assert download(blender, job=imported.id) == {"FINISHED"}
    assert names_of(scene) == {imported.clip.path}
    assert len(stand_in.requests("download")) == downloads


@pytest.mark.parametrize(
    "what",
    [
        "folder",
        pytest.param(
            "pipe",
            marks=pytest.mark.skipif(
                sys.platform == "win32", reason="Windows has no pipes among its files"
            ),
        ),
        "link to nothing",
    ],
)
def test_something_that_is_no_file_lies_in_the_clips_place(
    blender: ModuleType, scene: Any, imported: Any, module: Module, tmp_path: Path, what: str
) -> None:
    """It stays, the clip comes under another name, and the strips show the clip."""
    looked, path = pictures.see(scene, tmp_path, 14), Path(imported.clip.path)
    path.unlink()
    if what == "folder":
        path.mkdir()
        path.joinpath("notes.txt").write_text("the artist's", "utf-8")
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(tmp_path / "drive that is not there" / "clip.mp4")
    assert download(blender, job=imported.id) == {"FINISHED"}
    came = newest(module).clip.path
    assert {blender.path.abspath(name) for name in names_of(scene)} == {came}
    assert abs(pictures.see(scene, tmp_path, 14) - looked).max() < 1.0
    assert not path.is_file()  # what lay there stays


def test_what_needs_nothing_is_said(blender: ModuleType, scene: Any, imported: Any) -> None:
    scene.sequence_editor_clear()
    refused(lambda: download(blender, job=imported.id), "The file of this clip is there")
    Path(imported.clip.path).unlink()
    blender.context.preferences.system.use_online_access = False
    refused(lambda: download(blender, job=imported.id), "online access")
    assert not Path(imported.clip.path).exists()


def test_a_job_that_has_no_clip(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.fail("job", "failed")
    with pytest.raises(RuntimeError):
        blender.ops.grok_video.generate()
    refused(lambda: download(blender, job=newest(module).id), "never came")
    refused(lambda: download(blender), "no such job")
