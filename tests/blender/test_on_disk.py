"""Files that were changed since Blender has read them: a second Blender reads what lies there now.

The pictures are compared in test_contents.py, in the rows of what was written over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

from . import contents_rows as rows

Module = Callable[[str], ModuleType]
CHANGED = "the library “library.blend”, whose file was changed since it was read"


@pytest.fixture
def scene(blender: ModuleType, tmp_path: Path) -> Any:
    return rows.fresh(tmp_path)


@pytest.fixture
def contents(module: Module) -> ModuleType:
    return module("blender.sources.contents")


def opened_again() -> Any:
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    return bpy.data.scenes["Shot"]


@pytest.fixture
def library(scene: Any, tmp_path: Path) -> Path:
    """The file of a library that the .blend, opened just now, shows an object of."""
    rows.linked(False, scene)
    opened_again()
    return tmp_path / "library.blend"


def test_a_library_is_another_one_when_its_file_is(
    contents: ModuleType, library: Path, tmp_path: Path
) -> None:
    shot = bpy.data.scenes["Shot"]
    assert contents.lost_in_background(shot) == contents.lost_in_bake(shot, 1, 9) == ""
    first = tmp_path / "first.blend"
    shutil.copy2(library, first)
    rows.write_over(bpy.data.libraries[0], shot)
    assert contents.lost_in_background(shot) == contents.lost_in_bake(shot, 1, 9) == CHANGED
    assert contents.lost_in_copy(shot) == contents.lost_in_itself(shot) == ""
    # A backup that is put back is the file that was read.
    shutil.copy2(first, library)
    assert contents.lost_in_background(shot) == ""
    # An older file is another one too.
    rows.write_over(bpy.data.libraries[0], shot)
    os.utime(library, (1e9, 1e9))
    assert contents.lost_in_background(shot) == CHANGED
    shot = opened_again()
    assert contents.lost_in_background(shot) == ""


@pytest.mark.long
def test_a_library_that_is_read_anew_is_what_lies_there(
    contents: ModuleType, library: Path
) -> None:
    shot, (linked,) = bpy.data.scenes["Shot"], bpy.data.libraries
    rows.write_over(linked, shot)
    assert contents.lost_in_background(shot) == CHANGED
    # Undo reads no library.
    bpy.ops.ed.undo_push(message="one")
    shot["mark"] = 1
    bpy.ops.ed.undo_push(message="two")
    bpy.ops.ed.undo()
    shot = bpy.data.scenes["Shot"]
    assert "mark" not in shot
    assert contents.lost_in_background(shot) == CHANGED
    # What is linked beside the rest was read now; the rest was not.
    with bpy.data.libraries.load(str(library), link=True) as (there, here):
        here.meshes = there.meshes
    bpy.context.view_layer.update()
    assert contents.lost_in_background(shot) == CHANGED
    bpy.data.libraries[0].reload()
    assert contents.lost_in_background(shot) == ""
    rows.write_over(bpy.data.libraries[0], shot)
    assert contents.lost_in_background(shot) == CHANGED


@pytest.mark.long
def test_a_library_that_comes_late_is_not_what_blender_shows(
    contents: ModuleType, library: Path, tmp_path: Path
) -> None:
    """Missing when the .blend was opened: Blender shows nothing, a second one would find the file."""
    library.rename(tmp_path / "away.blend")
    shot = opened_again()
    assert "is gone" in contents.lost_in_background(shot)
    (tmp_path / "away.blend").rename(library)
    assert contents.lost_in_background(shot) == CHANGED


@pytest.mark.long
def test_a_library_that_is_newer_than_the_blend_is_what_was_read_when_it_was_linked(
    contents: ModuleType, scene: Any, module: Module
) -> None:
    """The file is written, linked and written over, and nobody has asked in between."""
    rows.linked(False, scene)
    bpy.context.view_layer.update()  # 4.2 tells of nothing else
    rows.write_over(bpy.data.libraries[0], scene)
    assert contents.lost_in_background(scene) == CHANGED


# ------------------------------------------------------------------------------------------------ images


def shown(kind: str, scene: Any) -> Any:
    """An image out of a file that Blender has in its memory, in a scene for Workbench."""
    scene.render.engine = "BLENDER_WORKBENCH"
    rows.image(kind, scene)
    nodes = bpy.data.objects["Cube"].data.materials[0].node_tree.nodes
    image = next(node.image for node in nodes if node.type == "TEX_IMAGE")
    if kind == "tiled":  # painted on, and that is saved
        image.save()
    image.reload()
    # Of a sequence Blender does not tell, also when it was shown.
    assert kind == "sequence" or image.pixels[0] >= 0
    assert image.has_data == (kind != "sequence")
    assert not image.is_dirty
    return image


@pytest.fixture
def opened(module: Module, patches: Any) -> Callable[[], None]:
    """A function that lets the .blend be opened after all files were written."""

    def now() -> None:
        on_disk = module("blender.sources.on_disk")
        patches.set(on_disk, "_opened", on_disk.time.time() + 60)
        on_disk._seen.clear()

    return now


def test_an_image_that_was_written_since_is_carried(
    contents: ModuleType, scene: Any, opened: Callable[[], None]
) -> None:
    image = shown("file", scene)
    assert contents.images_to_write([scene]) == [image]
    assert contents.lost_in_background(scene) == ""
    # Cycles reads it when it renders, unless Workbench is asked for a playblast.
    scene.render.engine = "CYCLES"
    assert contents.images_to_write([scene]) == []
    assert contents.images_to_write([scene], "BLENDER_WORKBENCH") == [image]
    scene.render.engine = "BLENDER_WORKBENCH"
    opened()
    assert contents.images_to_write([scene]) == []
    Path(image.filepath_from_user()).unlink()
    assert contents.images_to_write([scene]) == []  # seen a moment ago
    opened()
    assert contents.images_to_write([scene]) == [image]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "sequence", "tiled"])
def test_no_window_waits_for_a_doubt_that_cannot_be_packed(
    contents: ModuleType, scene: Any, patches: Any, kind: str
) -> None:
    """An image that was painted and saved, or reloaded, looks the same as one that was written over."""
    image = shown(kind, scene)
    patches.set(contents, "PACKED_PIXELS", image.size[0] * image.size[1] - 1, unused_ok="one kind")
    assert contents.images_to_write([scene]) == []
    assert contents.lost_in_background(scene) == contents.lost_in_bake(scene, 1, 9) == ""


@pytest.mark.long
def test_a_slow_drive_is_looked_at_a_little_each_time(
    module: Module, scene: Any, tmp_path: Path, patches: Any
) -> None:
    on_disk = module("blender.sources.on_disk")
    images = []
    for number in range(5):
        rows.image("file", scene)
        image = bpy.data.images.load(str(tmp_path / "file.1001.png"))
        copy = shutil.copy(image.filepath, tmp_path / f"{number}.png")
        image.filepath_raw = str(copy)
        image.use_fake_user = True
        assert image.pixels[0] >= 0
        images.append(image)
    for other in set(bpy.data.images) - set(images):
        bpy.data.images.remove(other)
    look = on_disk._is_newer

    def slow(path: str) -> bool:
        clock["now"] += on_disk.LOOKING_SECONDS
        return look(path)

    clock = {"now": 1000.0}
    patches.set(on_disk, "_is_newer", slow)
    patches.set(on_disk, "time", SimpleNamespace(monotonic=lambda: clock["now"]))
    found = []
    for _ in range(4):
        found.append(len(on_disk.images()))
    # Two each time: the one after which the time is over is the last.
    assert found == [2, 4, 5, 5]
