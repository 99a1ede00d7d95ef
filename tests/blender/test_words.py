"""Sentences with any path that the system allows, on every way out of the program."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from . import editing
from .conftest import SCRATCH
from .test_orders import Drawn, made_by, newest

Module = Callable[[str], ModuleType]

BACKSLASH = "a\\b"
#: Names of a folder, and what a sentence shows of each.
FOLDERS = {
    "not UTF-8": ("cl\udcffip", "cl\\xffip"),
    "backslash": (BACKSLASH, "grok_video"),
    "emoji": ("🦆 Ente 👩‍🎨", "🦆 Ente 👩‍🎨"),
    "line break": ("a\nb", "a\\nb"),
    "right to left": ("a\u202eb", "a\\u202eb"),
    "format": ("{}%s{0}%(x)d", "{}%s{0}%(x)d"),
    "longest": ("ä" * 127, "ä" * 127),
}


@pytest.mark.skipif(sys.platform != "linux", reason="names that other systems refuse")
@pytest.mark.parametrize(("name", "told"), FOLDERS.values(), ids=FOLDERS.keys())
def test_a_folder_of_any_name(
    scene: Any,
    module: Module,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    told: str,
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    scene = bpy.context.scene
    bpy.ops.grok_video.generate(frame=1)
    job = newest(module)
    made = made_by(scene, job.id)
    assert editing.span(made)[0] == 1
    clip = Path(job.clip.path)
    # A path with a backslash is one that Blender cannot read: the clip could not be placed there.
    assert clip.is_relative_to(folder) == (name != BACKSLASH)
    assert json.loads(clip.with_suffix(".json").read_bytes())["clip"]["file"] == clip.name
    editing.base_of(scene.sequence_editor).remove(made)
    clip.unlink()
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.grok_video.import_result(job=job.id)
    assert "is gone" in str(raised.value)
    assert bpy.ops.grok_video.copy_diagnostics(paths=True) == {"FINISHED"}  # onto the console
    for said in (str(raised.value), capsys.readouterr().out):
        assert told in said
        said.encode()  # no half of a character
    log = module("blender.ui.support").write_log(job).read_text("utf-8")
    assert "imported into the scene “Scene” of shot.blend" in log


def test_diagnostics_without_folders_tell_of_none(
    scene: Any, module: Module, tmp_path: Path
) -> None:
    """However the worker's log spells the folder of the .blend, of the list and of the artist."""
    folder = tmp_path / "Client Ö" / "Shot 1"
    folder.mkdir(parents=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    bpy.ops.grok_video.generate(frame=1)
    data_dir = module("blender.session.state").current().bridge.data_dir
    with open(data_dir / "worker.log", "a", encoding="utf-8") as log:
        for path in (
            folder / "a.png",
            data_dir / "stills" / "b.png",
            SCRATCH / "Client Ö" / "c.png",
        ):
            for words in (str(path), repr(str(path)), path.as_uri(), path.as_posix().upper()):
                log.write(f"{words} is gone\n")
    tell = module("blender.ui.support").diagnostics_text
    text = tell(bpy.context, prompts=False, paths=False).lower()
    for word in ("client", "shot 1", "shot%201", tmp_path.name, SCRATCH.name, str(Path.home())):
        assert word.lower() not in text
    assert text.count(" is gone") == 12
    assert "shot 1" in tell(bpy.context, prompts=False, paths=True).lower()


class _Fields(Drawn):
    """A layout that keeps what stands in empty fields."""

    def prop(self, _data: Any, _name: str, placeholder: str = "", **_how: Any) -> None:
        self.words.append(placeholder)

    def separator(self) -> None:
        """No words."""


@pytest.mark.skipif(sys.platform != "linux", reason="a name that other systems refuse")
def test_the_folders_in_empty_fields_can_be_drawn(scene: Any, module: Module, patches: Any) -> None:
    """Blender's layout takes UTF-8 alone, and the home of a user need not be that."""
    config, preferences = module("blender.config"), module("blender.ui.preferences")
    patches.set(config, "data_dir", lambda: Path(os.fsdecode(b"/home/\xff")))
    patches.set(
        module("blender.session.state").current().bridge,
        "data_dir",
        config.data_dir() / "grok_video",
    )
    layout = _Fields()
    preferences.draw_preferences(layout, bpy.context, config.preferences())
    shown = [words for words in layout.words if "home" in words]
    assert shown == ["/home/\\xff/clips", "/home/\\xff/grok_video"]


def test_the_prefix_of_blenders_own_reports_is_taken_off_once(module: Module, scene: Any) -> None:
    said = module("blender.said")
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.wm.open_mainfile(filepath="/nowhere/a: b.blend")
    assert str(raised.value).startswith("Error: ")
    assert said.sentence(raised.value).startswith("Cannot read file")
    assert "a: b.blend" in said.sentence(raised.value)
    with pytest.raises(UnicodeDecodeError) as bytes_raised:
        bpy.data.images.load(os.fsdecode(b"/nowhere/a\xff.png"))
    assert os.fsdecode(b"/nowhere/a\xff.png") in said.sentence(bytes_raised.value)
    assert not said.sentence(bytes_raised.value).startswith("Error")
    assert said.sentence(RuntimeError("Seam 1: the strip is too short")).startswith("Seam 1: ")


def test_a_refusal_of_an_import_is_said_without_blenders_prefix(
    scene: Any, module: Module, clicked: Callable[[str], Any], patches: Any
) -> None:
    job = clicked("READY")
    for channel in scene.sequence_editor_create().channels:
        channel.lock = True
    imports, state = module("blender.session.imports"), module("blender.session.state")
    patches.set(imports, "bpy", _Window())
    imports._import_as_operator(job)
    assert state.current().click.message.startswith("There is no free channel")


class _Window:
    """``bpy`` of a Blender with windows: there, a clip that comes is imported through the operator."""

    class app:
        background = False

    def __getattr__(self, name: str) -> Any:
        return getattr(bpy, name)
