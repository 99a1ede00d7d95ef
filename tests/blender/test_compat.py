"""What differs between the versions of Blender is asked in one module, by what there is."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

Module = Callable[[str], ModuleType]


@pytest.fixture
def compat(blender: ModuleType, module: Module) -> Any:
    return module("blender.compat")


def test_no_other_module_asks_for_the_version(compat: Any) -> None:
    package = Path(compat.__file__).parents[1]
    asked = re.compile(
        r"app\.version(?!_string)|sequences_all|strips_all\b|left_handle|frame_final_"
    )
    asking = {
        path.name
        for path in package.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if asked.search(line) and "compat." not in line
    }
    assert asking == {"compat.py"}


def test_strips_by_any_name(compat: Any) -> None:
    editor = bpy.context.scene.sequence_editor or bpy.context.scene.sequence_editor_create()
    meta = compat.strips(editor).new_meta(name="meta", channel=3, frame_start=20)
    inner = compat.strips(meta).new_meta(name="inner", channel=1, frame_start=30)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        assert compat.span(meta) == (20, 21)
        assert [strip.name for strip in compat.strips(editor)] == ["meta"]
        assert [strip.name for strip in compat.strips(meta)] == ["inner"]
        assert {s.name for s in compat.strips_all(editor)} == {meta.name, inner.name}


def test_choices_that_blender_makes_as_it_runs(compat: Any) -> None:
    space = bpy.context.scene.sequencer_colorspace_settings
    assert compat.offers(space, "name", "sRGB")
    assert not compat.offers(space, "name", "no such space")


def test_a_plain_view_has_nothing_on_top(compat: Any) -> None:
    scene = bpy.context.scene
    view = scene.view_settings
    view.view_transform, view.look = "AgX", "AgX - Punchy"
    view.exposure, view.gamma, view.use_curve_mapping = 1.0, 1.5, True
    assert len(compat.view_extras(view)) == 4
    compat.plain_view(scene)
    assert compat.view_extras(view) == []
    assert view.view_transform == "Standard"
