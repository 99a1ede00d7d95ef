"""Folders as people type them: the clip folder, the job list's folder, and paths that scripts give to operators."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import PACKAGE, SCRATCH

Module = Callable[[str], ModuleType]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="paths of this system alone")


def own(blender: ModuleType) -> Any:
    return blender.context.preferences.addons[PACKAGE].preferences


@pytest.fixture
def here(
    blender: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], str]:
    """A function: what is typed, with its HERE and HOME in their places; Blender was started in HERE/cwd."""
    monkeypatch.setenv("PROJECT", str(tmp_path / "pro ject"))
    monkeypatch.setenv("ROOT", "/")
    monkeypatch.setenv("XAI_API_KEY", "xai-secret-secret")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    (tmp_path / "shots").mkdir()
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shots" / "a.blend"))
    return lambda text: text.replace("HERE", str(tmp_path)).replace("HOME", str(SCRATCH))


UNDERSTOOD = {
    "HERE/clips": "HERE/clips",
    "HERE/clips/": "HERE/clips",
    "HERE/a/../clips": "HERE/clips",
    "~": "HOME",
    "~/clips": "HOME/clips",
    " ~/clips \n": "HOME/clips",
    '"~/my clips"': "HOME/my clips",
    "'HERE/clips'": "HERE/clips",
    "“HERE/clips”": "HERE/clips",
    ' "HERE/clips" ': "HERE/clips",
    "\u202aHERE/clips": "HERE/clips",  # as Windows' own dialog gives a path to the clipboard
    "\ufeffHERE/clips\u200b\r\n": "HERE/clips",
    "//": "HERE/shots",
    "//clips": "HERE/shots/clips",
    "//../clips": "HERE/clips",
    "//$PROJECT/x": "HERE/shotsHERE/pro ject/x",
    "///clips": "HERE/shots/clips",
    "clips": "HERE/cwd/clips",
    "./clips/a": "HERE/cwd/clips/a",
    "../clips": "HERE/clips",
    "$PROJECT/clips": "HERE/pro ject/clips",
    "${PROJECT}/clips": "HERE/pro ject/clips",
    "$ROOT/clips": "/clips",  # not beside the .blend, nor for whom reads it from the list
    "HERE/ca$h": "HERE/ca$h",
    "HERE/$UNSET/clips": "HERE/$UNSET/clips",
    "HERE/$XAI_API_KEY": "HERE/$XAI_API_KEY",  # paths are told, keys never
    "file://HERE/my%20clips": "HERE/my clips",
    "FILE://localhostHERE/clips": "HERE/clips",
    "file:HERE/clips": "HERE/clips",
    "file://HERE/%E2%9C%93%24PROJECT": "HERE/✓$PROJECT",
    "HERE/100%": "HERE/100%",
    "HERE/🎬": "HERE/🎬",
}
REFUSED = {
    "C:\\Users\\me\\clips": "path of Windows",
    "d:/clips": "path of Windows",
    "C:": "path of Windows",
    "\\\\nas\\clips": "path of Windows",
    "file:///C:/clips": "path of Windows",
    "file://C:/clips": "path of Windows",
    "%USERPROFILE%\\clips": "%USERPROFILE%, which is not set",
    "$UNSET/clips": "$UNSET, which is not set",
    "${UNSET}": "${UNSET}, which is not set",
    "$EMPTY/clips": "$EMPTY, which is not set",  # a folder at the root of the disk is not meant
    "$EMPTY": "$EMPTY, which is not set",
    "file://": "names no folder",  # nor is the one where Blender was started
    "file://localhost": "names no folder",
    "\\clips": "path of Windows",
    "..\\clips": "path of Windows",
    "$XAI_API_KEY": "$XAI_API_KEY, which is not set",
    "~nobody-of-this-name/clips": "a user who is not known",
    "https://example.com/clips": "web address",
    "smb://nas/clips": "web address",
    "file://nas/clips": "on another computer",
    "HERE/one\nHERE/two": "more than one line",
}


@POSIX
def test_understood(here: Callable[[str], str], module: Module) -> None:
    understood = module("blender.folders").understood
    assert {typed: str(understood(here(typed))) for typed in UNDERSTOOD} == {
        typed: here(meant) for typed, meant in UNDERSTOOD.items()
    }
    for nothing in ("", "  ", "\n", '""', "''", ' " " ', "\ufeff"):
        assert understood(nothing) is None


@POSIX
def test_refused_with_a_sentence(here: Callable[[str], str], module: Module) -> None:
    for typed, words in REFUSED.items():
        with pytest.raises(module("blender.refusal").Refused) as told:
            module("blender.folders").understood(here(typed))
        assert words in str(told.value), typed
        assert str(told.value).endswith("."), typed


UNDERSTOOD_ON_WINDOWS = {
    "HERE/clips": "HERE\\clips",
    "HERE\\a/..\\clips\\": "HERE\\clips",
    "\\\\?\\HERE\\clips": "HERE\\clips",
    "\\\\?\\UNC\\nas\\films\\clips": "\\\\nas\\films\\clips",
    "\\\\nas\\films\\a": "\\\\nas\\films\\a",
    "\\clips": "DRIVE\\clips",
    "/clips": "DRIVE\\clips",
    "DRIVEclips": "HERE\\cwd\\clips",
    "clips": "HERE\\cwd\\clips",
    "..\\clips": "HERE\\clips",
    "%project%\\clips": "HERE\\pro ject\\clips",
    "~\\clips": "HOME\\clips",
    "//clips": "HERE\\shots\\clips",
    "file:///HERE/my%20clips": "HERE\\my clips",
    "file://nas/films/a": "\\\\nas\\films\\a",
}
REFUSED_ON_WINDOWS = [
    "HERE\\CON",
    "HERE\\nul.x\\clips",
    "\\\\.\\NUL",
    "com1",
    "HERE\\a?b",
    "HERE\\a:b",
]


@pytest.mark.skipif(sys.platform != "win32", reason="paths of Windows")
def test_understood_on_windows(here: Callable[[str], str], module: Module, tmp_path: Path) -> None:
    """Each with its drive: from Python 3.13 on, in Blender 5.1, "\\\\clips" is no whole path, and a worker refuses it."""

    def whole(text: str) -> str:
        return here(text).replace("DRIVE", tmp_path.drive).lower()

    understood = module("blender.folders").understood
    assert {typed: str(understood(whole(typed))).lower() for typed in UNDERSTOOD_ON_WINDOWS} == {
        typed: whole(meant) for typed, meant in UNDERSTOOD_ON_WINDOWS.items()
    }
    for typed in REFUSED_ON_WINDOWS:
        with pytest.raises(module("blender.refusal").Refused, match="can be no folder on Windows"):
            understood(here(typed))


def test_where_blender_was_started_is_gone(
    here: Callable[[str], str], module: Module, tmp_path: Path
) -> None:
    (tmp_path / "cwd").rmdir()
    with pytest.raises(module("blender.refusal").Refused, match="is gone"):
        module("blender.folders").understood("clips")
    assert module("blender.folders").understood("//clips") == tmp_path / "shots" / "clips"


# ---------------------------------------------------------------------------------------------------- the clip folder


@pytest.fixture
def unsaved(blender: ModuleType, scene: Any) -> ModuleType:
    """A file that was never saved, with the cheapest clip."""
    asked = scene.grok_video
    prompt, source = asked.prompt, asked.source
    blender.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    asked = blender.context.scene.grok_video
    asked.prompt, asked.source, asked.duration = prompt, source, 1
    asked.generate_audio = False
    return blender


def newest(module: Module) -> Any:
    return module("blender.session.state").current().bridge.snapshot.all[0]


def test_clips_go_where_the_folder_means(
    unsaved: ModuleType, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOW", str(tmp_path))
    for typed in ("' $SHOW/my clips '", f"file://{tmp_path}/my%20clips\n"):
        own(unsaved).output_dir = typed
        assert unsaved.ops.grok_video.generate() == {"FINISHED"}
        assert Path(newest(module).clip.path).parent == tmp_path / "my clips"


@POSIX
@pytest.mark.parametrize("typed", ["//clips", "D:\\clips"])
def test_a_clip_without_a_folder_is_refused_before_anything(
    unsaved: ModuleType, module: Module, stand_in: Any, tmp_path: Path, typed: str
) -> None:
    own(unsaved).output_dir = typed
    queue = module("blender.session.queue")
    with pytest.raises(RuntimeError, match=r"Clip Folder in the preferences: “"):
        unsaved.ops.grok_video.generate()
    assert queue.click_trouble()[0].startswith("Clip Folder in the preferences: “")
    assert queue.connection_trouble() is None  # the key can be checked all the same
    assert stand_in.jobs() == []
    # Beside a saved .blend no such folder is needed, or it is there.
    unsaved.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert queue.click_trouble() is None
    assert unsaved.ops.grok_video.generate() == {"FINISHED"}


@POSIX
def test_a_folder_that_cannot_be_looked_into_is_said(
    unsaved: ModuleType, module: Module, tmp_path: Path
) -> None:
    """0.1.0 gave a script Python's own error, and no clip."""
    own(unsaved).output_dir = f"{tmp_path}/{'x' * 300}"
    with pytest.raises(RuntimeError, match=r"No clip can go to .*: File name too long\. Choose"):
        unsaved.ops.grok_video.generate()


def deep(folder: Path, units: int) -> Path:
    """A folder below ``folder`` whose path has so many characters."""
    while (left := units - len(str(folder)) - 1) > 0:
        folder /= "d" * (left if left < 100 else 50)
    return folder


def test_a_clip_that_windows_could_not_open_is_not_bought(
    unsaved: ModuleType, module: Module, stand_in: Any, patches: Any, tmp_path: Path
) -> None:
    """259 characters with the JSON that is being written beside the clip: blender.exe knows no longer paths."""
    clip_files, paths = module("blender.timeline.clip_files"), module("core.paths")
    patches.set(clip_files, "room_for_clip", lambda path: paths.room_for_clip(path, system="win32"))
    beside = "-9999.json.part"
    short = len(f"/2026-11-30_{'x' * 4}_01234567{beside}")
    unsaved.context.scene.grok_video.prompt = "A heron lifts off from the long reeds"
    for length, left in ((259 - short - 20, "a-heron-lifts-off-from-t"), (259 - short, "a-he")):
        folder = deep(tmp_path, length)
        own(unsaved).output_dir = str(folder)
        folder.mkdir(parents=True)
        assert unsaved.ops.grok_video.generate() == {"FINISHED"}
        clip = Path(newest(module).clip.path)
        assert clip.parent == folder
        assert clip.name[11:-13].lower() == left
        assert len(str(clip.with_suffix(""))) + len(beside) <= 259
    bought = len(stand_in.jobs())
    own(unsaved).output_dir = str(deep(tmp_path, 259 - short + 1))
    with pytest.raises(RuntimeError, match=r"Windows could not open a clip in .* Choose another"):
        unsaved.ops.grok_video.generate()
    assert len(stand_in.jobs()) == bought
    # Beside a .blend that lies so deep nothing goes, as beside one that Blender cannot read.
    output = tmp_path / "clips"
    folder = clip_files.clip_folder(str(deep(tmp_path, 259 - short) / "a.blend"), output)
    assert folder == output


# ------------------------------------------------------------------------------------------------- the job list's folder


def data_dir(module: Module) -> Path:
    return module("blender.session.state").current().bridge.data_dir


@POSIX
def test_the_list_goes_where_the_folder_means(
    blender: ModuleType, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    first = data_dir(module)
    own(blender).ledger_dir = "~/list"
    assert own(blender).ledger_dir == str(data_dir(module)) == str(tmp_path / "list")
    own(blender).ledger_dir = "$HOME/list"  # as a script may say at each start: no move, no error
    assert own(blender).ledger_dir == str(tmp_path / "list")
    assert module("blender.session.state").current().moving.message == ""
    blender.ops.grok_video.move_list(directory=f'"file://{tmp_path}/my%20list"')
    assert data_dir(module) == tmp_path / "my list"
    with pytest.raises(RuntimeError, match=r"stays where it is: “C:.*path of Windows"):
        blender.ops.grok_video.move_list(directory="C:\\list")
    own(blender).ledger_dir = "//list"  # of a file that was not saved
    moving = module("blender.session.state").current().moving
    assert "not saved yet" in moving.message
    assert own(blender).ledger_dir == str(tmp_path / "my list")
    own(blender).ledger_dir = ""
    assert data_dir(module) == first
    assert sorted(os.listdir(tmp_path)) == ["data", "list", "my list"]


def begin_with(blender: ModuleType, module: Module, folder: str) -> None:
    """A new Blender whose preferences say so, as 0.1.0 or another computer left them."""
    tick = module("blender.session.tick")
    tick.unregister()
    own(blender).ledger_dir = folder
    tick.register()


@POSIX
def test_what_0_1_0_kept_in_the_preferences(
    blender: ModuleType, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took ``~/list`` for a folder called "~"; a list that lies there has jobs and limits, and stays open."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    begin_with(blender, module, "~/list")
    assert data_dir(module) == tmp_path / "home" / "list"
    assert own(blender).ledger_dir == str(tmp_path / "home" / "list")
    module("ledger.ledger").Ledger.open(tmp_path / "~" / "list").close()
    begin_with(blender, module, "~/list")
    assert data_dir(module) == tmp_path / "~" / "list"
    monkeypatch.chdir("/")
    begin_with(blender, module, own(blender).ledger_dir)
    assert data_dir(module) == tmp_path / "~" / "list"


@POSIX
def test_what_0_1_0_kept_beside_no_blend_stays_open(
    blender: ModuleType, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder button wrote ``//list``, and Blender has no .blend yet when it reads that: what was bought lies there."""
    blender.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    monkeypatch.chdir(tmp_path)
    module("ledger.ledger").Ledger.open(tmp_path / "list").close()
    begin_with(blender, module, "//list")
    assert own(blender).ledger_dir == str(data_dir(module)) == str(tmp_path / "list")
    assert module("blender.session.queue").list_refusal() == ""


@POSIX
def test_a_list_is_not_another_one_for_the_folder_in_which_blender_was_started(
    blender: ModuleType, module: Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    begin_with(blender, module, "~/list")
    assert own(blender).ledger_dir == str(data_dir(module)) == str(tmp_path / "list")


@POSIX
def test_a_list_that_is_open_for_want_of_another_buys_nothing_when_a_blend_is_opened(
    blender: ModuleType, module: Module, scene: Any, stand_in: Any, tmp_path: Path
) -> None:
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"))
    blender.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    default = data_dir(module)
    begin_with(blender, module, "//list")
    blender.ops.wm.open_mainfile(filepath=str(tmp_path / "a.blend"))
    with pytest.raises(
        RuntimeError, match=rf"Job List Folder in the preferences: .*{tmp_path}/list"
    ):
        blender.ops.grok_video.generate()
    assert stand_in.jobs() == []
    own(blender).ledger_dir = str(default)
    assert (own(blender).ledger_dir, data_dir(module)) == (str(default), default)
    assert blender.ops.grok_video.generate() == {"FINISHED"}


@POSIX
def test_a_list_folder_of_another_computer_buys_nothing_until_it_is_chosen(
    blender: ModuleType, module: Module, scene: Any, stand_in: Any, tmp_path: Path
) -> None:
    default = data_dir(module)
    begin_with(blender, module, "D:\\grok")
    assert data_dir(module) == default
    with pytest.raises(RuntimeError, match=r"Job List Folder in the preferences: “D:.*of Windows"):
        blender.ops.grok_video.generate()
    assert stand_in.jobs() == []
    blender.ops.grok_video.move_list(directory="")
    assert (own(blender).ledger_dir, data_dir(module)) == ("", default)
    assert blender.ops.grok_video.generate() == {"FINISHED"}


# ------------------------------------------------------------------------------------------------------------ a table


@POSIX
def test_the_table_of_purchases_goes_where_its_path_means(
    blender: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert blender.ops.grok_video.export_spending(filepath='"~/spent"') == {"FINISHED"}
    assert (tmp_path / "spent.csv").is_file()
    with pytest.raises(RuntimeError, match="path of Windows"):
        blender.ops.grok_video.export_spending(filepath="C:\\spent.csv")


@pytest.mark.skipif(sys.platform != "win32", reason="Windows' own way to open things")
def test_what_the_system_opens_is_the_real_path(
    module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """For a Blender from the Microsoft Store AppData is another folder than for Explorer, and realpath tells which."""
    monkeypatch.setenv("XAI_API_KEY", "xai-secret-secret")
    opened: list[tuple[str, bool]] = []
    real = str(tmp_path / "Packages" / "Blender" / "LocalCache")

    def start(path: str) -> None:
        opened.append((path, "XAI_API_KEY" in os.environ))

    monkeypatch.setattr(os, "startfile", start)
    monkeypatch.setattr(os.path, "realpath", lambda path: str(path).replace(str(tmp_path), real))
    module("blender.processes").open_path(tmp_path / "log.txt")
    assert opened == [(f"{real}\\log.txt", False)]
