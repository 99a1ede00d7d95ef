"""A still of one colour is told as Blender really writes it, spread by dithering; a speck and a faint gradient are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from .test_capture import glowing_world, plane, scene, still  # noqa: F401 - fixtures

Module = Callable[[str], ModuleType]
DITHERING = (0.0, 1.0, 2.0)  # 1.0: a new file; 2.0: the most that there is
#: Scene linear. The greys, and two colours that a JPEG spreads further than any grey.
COLOURS = (
    (0.05,) * 3,
    (0.18,) * 3,
    (0.5,) * 3,
    (0.9,) * 3,
    (0.263, 0.077, 0.08),
    (0.904, 0.028, 0.54),
)


@pytest.fixture
def told(
    still: ModuleType,  # noqa: F811
    module: Module,
    tmp_path: Path,
) -> Callable[[bpy.types.Scene], dict[tuple[str, float], bool]]:
    """A function: a scene → whether its still is told as one colour, by format and dithering."""
    write_images = module("blender.compat").write_images

    def stills(scene: bpy.types.Scene) -> dict[tuple[str, float], bool]:  # noqa: F811
        bpy.ops.render.render()
        found = {}
        for file_format, suffix in (("PNG", "png"), ("JPEG", "jpg")):
            write_images(scene.render.image_settings, file_format, still.JPEG_QUALITY)
            for dithering in DITHERING:
                scene.render.dither_intensity = dithering
                path = tmp_path / f"still.{suffix}"
                still.save_view(bpy.data.images["Render Result"], scene, path)
                found[file_format, dithering] = still.is_single_color(path)
        return found

    return stills


@pytest.mark.parametrize("engine", ["CYCLES", "BLENDER_WORKBENCH"])
def test_an_empty_frame_is_one_colour_however_it_is_dithered(
    scene: bpy.types.Scene,  # noqa: F811
    told: Callable[[bpy.types.Scene], dict[tuple[str, float], bool]],
    engine: str,
) -> None:
    bpy.data.objects.remove(scene.objects["Plane"])
    scene.render.engine = engine
    scene.display.shading.background_type = "WORLD"  # Workbench's
    for colour in COLOURS:
        scene.world = glowing_world(colour)
        scene.world.color = colour
        wrong = [how for how, single in told(scene).items() if not single]
        assert wrong == [], colour


def test_a_speck_and_a_gradient_at_night_are_pictures(
    scene: bpy.types.Scene,  # noqa: F811
    told: Callable[[bpy.types.Scene], dict[tuple[str, float], bool]],
) -> None:
    # From black to 5 of 255, no more than dithering and a JPEG make of one colour.
    (slot,) = scene.objects["Plane"].material_slots
    glow = next(node for node in slot.material.node_tree.nodes if node.type == "EMISSION")
    glow.inputs["Strength"].default_value = 0.0015
    assert not any(told(scene).values())
    bpy.data.objects.remove(scene.objects["Plane"])
    scene.world = glowing_world((0.18, 0.18, 0.18))
    plane(scene, 0.2, 0.2)
    scene.camera.data.ortho_scale = 16.0  # so it is two pixels wide
    assert not any(told(scene).values())
