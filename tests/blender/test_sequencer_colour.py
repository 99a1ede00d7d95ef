"""The preview shows what a clip holds, in every view that can be undone; where it cannot, that is said."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest

from . import pictures
from .placed import import_clip

Module = Callable[[str], ModuleType]

ROWS, COLUMNS = 6, 8
STANDARD_AND_MORE = ["Standard", "Filmic", "Filmic Log", "Raw", "ACES 1.3", "ACES 2.0"]


def any_colours() -> np.ndarray:
    """Greys, and all mixtures of dark, middle and bright primaries; the lowest row does not count."""
    greys = [(level,) * 3 for level in (0, 30, 60, 90, 128, 160, 190, 220, 240, 255)]
    mixed = list(itertools.product((20, 128, 235), repeat=3))
    return np.resize(np.array(greys + mixed, np.uint8), (ROWS, COLUMNS, 3))


def rendered_in(view: str, folder: Path) -> np.ndarray:
    """Patches of light, from black to the sun and as colourful as lamps, as a render in ``view``."""
    lights = [(level,) * 3 for level in (0.0, 0.02, 0.18, 0.5, 1.0, 4.0, 16.0)]
    lights += list(itertools.product((0.02, 0.3, 2.0), repeat=3))
    lights += [(8.0, 0.1, 0.05), (0.05, 4.0, 0.1), (0.05, 0.1, 8.0)]
    values = np.ones((ROWS, COLUMNS, 4), np.float32)
    values[..., :3] = np.resize(np.array(lights, np.float32), (ROWS, COLUMNS, 3))[::-1]
    image = bpy.data.images.new("light", COLUMNS, ROWS, float_buffer=True)
    image.pixels.foreach_set(values.ravel())
    scene = bpy.data.scenes.new("Render")
    scene.view_settings.view_transform = view
    scene.view_settings.look = "None"
    images = scene.render.image_settings
    if hasattr(images, "media_type"):
        images.media_type = "IMAGE"
    images.file_format, images.color_mode = "PNG", "RGB"
    scene.render.dither_intensity = 0.0
    image.save_render(str(folder / "render.png"), scene=scene)
    with pictures.Image.open(folder / "render.png") as picture:
        return np.asarray(picture.convert("RGB"))


@pytest.fixture
def sequencer(module: Module) -> Any:
    return module("blender.timeline")


@pytest.fixture
def scene(blender: ModuleType) -> Any:
    scene = blender.context.scene
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    scene.view_settings.look = "None"
    return scene


@pytest.fixture
def plain(scene: Any, tmp_path: Path) -> Path:
    """A clip of any colours."""
    return pictures.patch_clip(tmp_path / "any.mp4", any_colours())


def views(scene: Any) -> list[str]:
    """The view transforms that this Blender has."""
    with pytest.raises(TypeError) as refused:
        scene.view_settings.view_transform = "no such view"
    return re.findall(r"'([^']+)'", str(refused.value).partition(" in ")[2])


def place(sequencer: Any, scene: Any, clip: Path, made_from_view: str = "") -> Any:
    return import_clip(sequencer, scene, clip, frame=1, made_from_view=made_from_view)


def difference(scene: Any, clip: Path, folder: Path) -> float:
    return pictures.apart(clip, pictures.see(scene, folder, 5), ROWS, COLUMNS)


# ---------------------------------------------------------------------------------------------- patches


@pytest.mark.parametrize("view", STANDARD_AND_MORE)
def test_any_colour_is_shown_as_the_file_holds_it(
    sequencer: Any, scene: Any, plain: Path, tmp_path: Path, view: str
) -> None:
    if view not in views(scene):
        assert view.startswith("ACES")
        assert bpy.app.version < (5, 0)
        return
    scene.view_settings.view_transform = view
    landing = place(sequencer, scene, plain)
    assert landing.notice == ""
    assert difference(scene, plain, tmp_path) <= 2
    assert scene.view_settings.view_transform == view


@pytest.mark.parametrize("space", ["Linear Rec.709", "ACEScg"])
def test_a_linear_sequencer_shows_it_as_well(
    sequencer: Any, scene: Any, plain: Path, tmp_path: Path, space: str
) -> None:
    scene.sequencer_colorspace_settings.name = space
    scene.view_settings.view_transform = "Filmic"
    assert place(sequencer, scene, plain).notice == ""
    assert difference(scene, plain, tmp_path) <= 2


def test_a_clip_made_from_an_agx_render_is_not_mapped_twice(
    sequencer: Any, scene: Any, tmp_path: Path
) -> None:
    clip = pictures.patch_clip(tmp_path / "agx.mp4", rendered_in("AgX", tmp_path))
    scene.view_settings.view_transform = "AgX"
    assert place(sequencer, scene, clip, "AgX").notice == ""
    assert difference(scene, clip, tmp_path) <= (2 if bpy.app.version >= (5, 0) else 10)


@pytest.mark.parametrize("made_from_view", ["", "Standard", "Filmic"])
def test_agx_says_that_it_cannot_show_every_colour(
    sequencer: Any, scene: Any, plain: Path, tmp_path: Path, made_from_view: str
) -> None:
    scene.view_settings.view_transform = "AgX"
    landing = place(sequencer, scene, plain, made_from_view)
    assert "AgX" in landing.notice
    # Greys are right all the same, which without the strip's colour space would be 50 off.
    shown = pictures.patches_of(pictures.see(scene, tmp_path, 5), ROWS, COLUMNS)[0]
    exact, quick = (held[0] for held in pictures.held(plain, ROWS, COLUMNS))
    assert min(np.abs(shown - exact).max(), np.abs(shown - quick).max()) <= 2


# ---------------------------------------------------------------------------------------------- notices


def test_no_view_goes_wrong_silently(
    sequencer: Any, scene: Any, plain: Path, tmp_path: Path
) -> None:
    for view in views(scene):
        scene.view_settings.view_transform = view
        if scene.sequence_editor:
            scene.sequence_editor_clear()
        landing = place(sequencer, scene, plain)
        assert bool(landing.notice) == (difference(scene, plain, tmp_path) > 2), view


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("look", "High Contrast", "High Contrast"),
        ("exposure", 0.5, "exposure"),
        ("gamma", 1.2, "gamma"),
        ("use_curve_mapping", True, "curves"),
        ("use_white_balance", True, "white balance"),
    ],
)
def test_what_lies_on_top_of_the_view_is_said(
    sequencer: Any, scene: Any, setting: str, value: object, word: str
) -> None:
    for view in ("Standard", "Filmic"):
        scene.view_settings.view_transform = view
        assert sequencer.colour_plan(scene, "").notice == ""
        if not hasattr(scene.view_settings, setting):  # white balance: 4.3
            assert bpy.app.version < (4, 3)
            continue
        before = getattr(scene.view_settings, setting)
        setattr(scene.view_settings, setting, value)
        assert word in sequencer.colour_plan(scene, "").notice
        setattr(scene.view_settings, setting, before)


def test_a_sequencer_in_an_odd_colour_space_is_said(sequencer: Any, scene: Any) -> None:
    scene.view_settings.view_transform = "Standard"
    scene.sequencer_colorspace_settings.name = "Non-Color"
    assert "Non-Color" in sequencer.colour_plan(scene, "").notice


def test_use_standard_sets_all_right(
    sequencer: Any, scene: Any, plain: Path, tmp_path: Path
) -> None:
    view = scene.view_settings
    view.view_transform, view.look = "AgX", "AgX - Punchy"
    view.exposure, view.gamma, view.use_curve_mapping = 1.0, 1.5, True
    artists = bpy.context.scene.sequence_editor_create()
    base = artists.strips if hasattr(artists, "strips") else artists.sequences
    other = base.new_movie(
        name="other", filepath=str(plain), channel=9, frame_start=500, fit_method="FIT"
    )
    other.colorspace_settings.name = "Filmic sRGB"
    assert place(sequencer, scene, plain).notice != ""
    assert difference(scene, plain, tmp_path) > 20
    sequencer.use_standard(scene)
    assert (view.view_transform, view.look) == ("Standard", "None")
    assert difference(scene, plain, tmp_path) <= 2
    assert other.colorspace_settings.name == "Filmic sRGB"
    assert sequencer.colour_plan(scene, "").notice == ""
    sequencer.use_standard(bpy.data.scenes.new("Without Strips"))


# A configuration of a studio's own: Blender reads it once, so it needs a process of its own.
_STUDIO = """
ocio_profile_version: 2
search_path: ""
roles:
  default: Texture
  scene_linear: Linear
  data: Numbers
  color_picking: Texture
  texture_paint: Texture
  default_byte: Texture
  default_float: Linear
  default_sequencer: Texture
displays:
  Monitor:
    - !<View> {name: Film, colorspace: Texture}
    - !<View> {name: Filmic, colorspace: Texture}
active_displays: [Monitor]
active_views: [Film, Filmic]
colorspaces:
  - !<ColorSpace>
    name: Linear
    bitdepth: 32f
  - !<ColorSpace>
    name: Texture
    bitdepth: 8ui
    from_reference: !<ExponentTransform> {value: [2.2, 2.2, 2.2, 1], direction: inverse}
  - !<ColorSpace>
    name: Numbers
    isdata: true
"""

_IN_THE_STUDIO = """
import importlib.util, sys, types
root, clip = sys.argv[1:]
for name, folder in (("studio", root), ("studio.blender", root + "/blender")):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
import bpy
from studio.blender.refusal import Refused
from studio.blender.timeline import colour, importing
from studio.blender.timeline.channels import settle_lowest
from studio.blender.timeline.strips import strips_of
scene = bpy.context.scene
assert scene.view_settings.view_transform == "Film", scene.view_settings.view_transform
scene.view_settings.view_transform = "Filmic"  # the name that we know, without its colour space
made = importing.Clip(clip, "A frog", "job", "Filmic")
landing = importing.bring_in(
    bpy.context, scene, made, meta=None, frame=1, settle=settle_lowest
)
assert "Filmic" in landing.notice, landing
strip, = (s for s in strips_of(scene, "job") if s.type == "MOVIE")
assert strip.colorspace_settings.name == "Texture", strip.colorspace_settings.name
try:
    colour.use_standard(scene)
except Refused as refused:
    assert "Standard" in str(refused)
else:
    raise AssertionError("there is no Standard here")
print("all is well")
"""


def test_a_studio_configuration(sequencer: Any, scene: Any, plain: Path, tmp_path: Path) -> None:
    config = tmp_path / "studio.ocio"
    config.write_text(_STUDIO, "utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            _IN_THE_STUDIO,
            str(Path(sequencer.use_standard.__code__.co_filename).parents[2]),
            str(plain),
        ],
        env=os.environ | {"OCIO": str(config)},
        capture_output=True,
        encoding="utf-8",
    )
    assert "all is well" in done.stdout, done.stdout + done.stderr
