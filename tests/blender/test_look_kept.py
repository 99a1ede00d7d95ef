"""What an artist did to the picture of a look stays, whatever is pressed; and a look is found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from .test_looks import look, look_scene

__all__ = ["look", "look_scene"]  # fixtures
Module = Callable[[str], ModuleType]
PAINT = 0.25


def paint(image: Any) -> None:
    image.pixels.foreach_set(np.full(image.size[0] * image.size[1] * 4, PAINT, np.float32))
    image.update()
    assert image.is_dirty


def is_painted(image: Any) -> bool:
    return image.pixels[0] == pytest.approx(PAINT, abs=0.01)


def test_a_look_that_was_painted_over_stays_so(look_scene: Any, look: Any) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    image = look_scene.grok_video.look.image
    paint(image)
    bpy.ops.grok_video.use_look(job=look.id)
    assert is_painted(look_scene.grok_video.look.image), "pressed once more"
    bpy.ops.grok_video.use_render()
    bpy.ops.grok_video.use_look(job=look.id)
    assert is_painted(look_scene.grok_video.look.image), "after the render"


def test_a_look_that_was_painted_over_and_packed_stays_so(look_scene: Any, look: Any) -> None:
    bpy.ops.grok_video.use_look(job=look.id)
    image = look_scene.grok_video.look.image
    paint(image)
    image.pack()
    packed = image.packed_file.data
    for press in (bpy.ops.grok_video.use_look, bpy.ops.grok_video.use_render):
        press()
    bpy.ops.grok_video.use_look(job=look.id)
    assert look_scene.grok_video.look.image == image
    assert image.packed_file.data == packed
    assert is_painted(image)


def test_a_look_whose_file_was_missing_for_a_while(look_scene: Any, look: Any) -> None:
    path = Path(look.clip.path)
    bpy.ops.grok_video.use_look(job=look.id)
    bpy.ops.wm.save_mainfile()
    away = path.rename(path.with_name("away.jpg"))
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    image = bpy.context.scene.grok_video.look.image
    assert not all(image.size)
    away.rename(path)
    bpy.ops.grok_video.use_look(job=look.id)
    assert all(bpy.context.scene.grok_video.look.image.size)


def test_looks_of_an_image_that_was_renamed_are_found(
    look_scene: Any, look: Any, module: Module
) -> None:
    looks = module("blender.session.looks")
    bpy.data.images["Block-out"].name = "Renamed"
    assert [job.id for job in looks.of_source(look_scene)] == [look.id]
    bpy.ops.grok_video.use_look(job=look.id)
    assert look_scene.grok_video.look.of_image == bpy.data.images["Renamed"]


def test_a_picture_that_was_compared_stays_where_it_was_painted_over(
    look_scene: Any, look: Any, module: Module
) -> None:
    looks = module("blender.session.looks")
    plain = bpy.data.images.load(look.spec.image)
    painted = bpy.data.images.load(look.spec.image)
    paint(painted)
    names = plain.name, painted.name
    for image in (plain, painted):
        looks.let_go(image)
    assert [name in bpy.data.images for name in names] == [False, True]
