"""Presets in Blender's own system: kept as files, set as far as possible, and what they cannot hold is said."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_settings_back import make_other, panel

Module = Callable[[str], ModuleType]

PROMPT = "Zwei 'Zeilen'\n„da“ \"日の出\" \\ \\{a|b\\} {c|d}\t\u202e''' end"


@pytest.fixture
def folder(blender: ModuleType) -> Iterator[Path]:
    """Where presets go; empty before and after."""
    own = Path(bpy.utils.user_resource("SCRIPTS", path="presets/grok_video", create=True))
    yield own
    for path in own.iterdir():
        path.unlink()


def add(name: str) -> str:
    """Add a preset; gives what Blender reported."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        bpy.ops.grok_video.preset_add(name=name)
    return said.getvalue()


def apply(path: Path) -> None:
    assert bpy.ops.grok_video.use_preset(filepath=str(path)) == {"FINISHED"}


def test_what_is_kept_comes_back(scene: Any, folder: Path, tmp_path: Path) -> None:
    chosen = scene.grok_video
    chosen.model = "grok-imagine-video-1.5"
    chosen.prompt, chosen.duration, chosen.resolution = PROMPT, 9, "1080p"
    chosen.aspect_ratio, chosen.end_frame, chosen.generate_audio = "9:16", True, False
    chosen.edit_prompt = "no part of it"
    image = bpy.data.images.new("Heron", 8, 8)
    image.filepath_raw, image.file_format = str(tmp_path / "hé'ron.png"), "PNG"
    image.save()
    image.source = "FILE"
    chosen.references.add().image = image
    before = panel(scene)
    add("At Dusk")
    (file,) = folder.iterdir()
    assert file.name == "At_Dusk.py"
    make_other(scene)
    bpy.data.images.remove(image)
    chosen.edit_prompt = "stays"
    apply(file)
    assert panel(scene) | {"edit_prompt": "no part of it"} == before
    (reference,) = chosen.references
    assert bpy.path.abspath(reference.image.filepath) == str(tmp_path / "hé'ron.png")
    assert tuple(reference.image.size) == (8, 8)
    bpy.ops.grok_video.preset_add(name="At Dusk", remove_name=True)
    assert not list(folder.iterdir())


def test_a_typed_model_and_the_prompt_of_a_text(scene: Any, folder: Path) -> None:
    chosen = scene.grok_video
    text = bpy.data.texts.new("Shot")
    text.write("From a text")
    chosen.model, chosen.model_other, chosen.prompt_text = "OTHER", "grok-of-tomorrow", text
    add("Text")
    make_other(scene)
    text.clear()
    apply(folder / "Text.py")
    assert (chosen.model, chosen.model_other) == ("OTHER", "grok-of-tomorrow")
    assert (chosen.prompt, chosen.prompt_text) == ("From a text", None)


@pytest.mark.parametrize(
    "name", ["../../evil", "a/b\\c.d", "..x", "C:\\x", "日の出", "x" * 64, "a'b\"c"]
)
def test_any_name(scene: Any, folder: Path, name: str) -> None:
    add(name)
    (file,) = folder.iterdir()
    assert file.suffix == ".py"
    assert not file.name.startswith(".")
    apply(file)


@pytest.mark.parametrize("name", ["...", "___", "'!?'"])
def test_a_name_of_nothing_is_refused(scene: Any, folder: Path, name: str) -> None:
    with pytest.raises(RuntimeError, match="no letter"):
        bpy.ops.grok_video.preset_add(name=name)
    assert not list(folder.iterdir())


def test_what_a_preset_cannot_hold_is_named(
    scene: Any, folder: Path, module: Module, tmp_path: Path
) -> None:
    chosen = scene.grok_video
    not_kept = module("blender.ui.presets").not_kept
    assert not_kept(scene) == []
    chosen.model = "grok-imagine-video-1.5"
    chosen.references.add().image = bpy.data.images.new("Painted", 8, 8)
    packed = bpy.data.images.new("Packed", 8, 8)
    packed.filepath_raw, packed.file_format = str(tmp_path / "packed.png"), "PNG"
    packed.save()
    packed.source = "FILE"
    chosen.references.add().image = packed
    assert not_kept(scene) == ["the reference “Painted”"]
    packed.pack()
    chosen.references.add()  # none is chosen yet
    chosen.source, chosen.image = "IMAGE", packed
    chosen.end_frame = True
    chosen.end_camera = bpy.data.objects.new("Second", bpy.data.cameras.new("Second"))
    assert not_kept(scene) == [
        *("the image “Packed”", "the reference “Painted”", "the reference “Packed”"),
        "the end camera “Second”",
    ]
    add("Some")
    assert "Some" in [file.stem for file in folder.iterdir()]


def test_a_picture_that_is_gone_is_not_lost_silently(
    scene: Any, folder: Path, module: Module, tmp_path: Path
) -> None:
    file = folder / "Gone.py"
    path = tmp_path / "gone.png"
    file.write_text(
        f"import bpy\nsettings = bpy.context.scene.grok_video.nearest\nsettings.references = [{str(path)!r}]\n",
        "utf-8",
    )
    apply(file)
    (reference,) = scene.grok_video.references
    assert reference.image.filepath == str(path)
    scene.grok_video.source = "NONE"
    with pytest.raises(RuntimeError, match=r"Reference 0.*missing"):
        bpy.ops.grok_video.generate()
    apply(file)
    assert len(bpy.data.images) == 1, "once more makes no second image"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("duration = 99", {"duration": 15}),
        ("duration = float('inf')", {"duration": 15}),
        ("duration = float('nan')", {"duration": 1}),
        ("duration = 'long'", {"duration": 1}),
        ("resolution = '2160p'", {"resolution": "720p"}),
        ("resolution = ['480p']", {"resolution": "480p"}),
        ("model = 'grok-1999'", {"model": "OTHER", "model_other": "grok-1999"}),
        ("model = None", {"model": "grok-imagine-video"}),
        ("source = 'HOLODECK'", {"source": "NONE"}),
        ("source = []", {"source": "NONE"}),
        ("aspect_ratio = '1000:1'", {"aspect_ratio": "5:2"}),
        ("aspect_ratio = {}", {"aspect_ratio": "AUTO"}),
        ("generate_audio = 'yes'", {"generate_audio": False}),
        ("end_frame = 7", {"end_frame": True}),
        ("prompt = 5", {"prompt": "A heron lifts off"}),
        ("prompt = 'a\\0b\\ud800'", {"prompt": "ab?"}),
        ("prompt = 'x' * 10**7", {"prompt": "A heron lifts off"}),
        ("references = 'x.png'", {}),
        ("references = [None, 5, '', [], '\\0']", {}),
        ("mood = 'of a newer version'", {}),
        ("image = 5", {"image": None}),
    ],
)
def test_a_hostile_or_older_preset_sets_the_nearest(
    scene: Any, folder: Path, line: str, wanted: dict[str, Any]
) -> None:
    file = folder / "Old.py"
    file.write_text(
        f"import bpy\nsettings = bpy.context.scene.grok_video.nearest\nsettings.{line}\n"
        "settings.keyframes = True\n",
        "utf-8",
    )
    apply(file)
    assert {name: getattr(scene.grok_video, name) for name in wanted} == wanted
    assert scene.grok_video.keyframes is True, "the preset broke off"
    assert len(scene.grok_video.references) == 0


def test_a_broken_preset_says_so(scene: Any, folder: Path) -> None:
    (folder / "Broken.py").write_text("settings = 1 +\n", "utf-8")
    with pytest.raises(RuntimeError, match=r"The preset “Broken” broke off"):
        bpy.ops.grok_video.use_preset(filepath=str(folder / "Broken.py"))
    with pytest.raises(RuntimeError, match="There is no preset"):
        bpy.ops.grok_video.use_preset(filepath=str(folder / "Removed.py"))


def test_presets_stay_when_the_extension_goes(scene: Any, folder: Path) -> None:
    add("Kept")
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.grok_video")
    assert (folder / "Kept.py").is_file()
    bpy.ops.preferences.addon_enable(module="bl_ext.user_default.grok_video")
    apply(folder / "Kept.py")
