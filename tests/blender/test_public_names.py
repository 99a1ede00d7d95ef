"""Names that artists' scripts, key maps and files rely on: operators with their properties, preferences, custom properties."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from .test_never_twice import spending

Module = Callable[[str], ModuleType]

OPERATORS = {
    "another_take": {"strip", "changed"},
    "choose_take": {"strip", "job", "scope"},
    "remove_unused_takes": set(),
    "fill_gap": {"scene", "left", "right"},
    "use_settings": {"job"},
    "wait": {"job"},
    "shots_from_markers": set(),
    "shots_from_strips": set(),
    "add_shot": {"name"},
    "duplicate_shot": {"index"},
    "remove_shot": {"index"},
    "move_shot": {"index", "direction"},
    "clear_shots": set(),
    "enable_shots": {"which"},
    "extend": {"strip"},
    "edit": {"strip", "what"},
    "continue_shot": {"strip"},
    "generate": {"scene", "frame", "variants", "allow_single_color"},
}


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_has_its_properties(blender: ModuleType, name: str) -> None:
    kind = getattr(blender.ops.grok_video, name).get_rna_type()
    assert set(kind.properties.keys()) >= OPERATORS[name]


def test_scope_is_a_strip_or_its_pieces(blender: ModuleType) -> None:
    scope = blender.ops.grok_video.choose_take.get_rna_type().properties["scope"]
    assert (scope.enum_items.keys(), scope.default) == (["STRIP", "PIECES"], "STRIP")


def test_what_buys_can_place_a_slot_and_need_not_wait(blender: ModuleType, module: Module) -> None:
    """As scripts have it when they say nothing: no slot, and to wait."""
    for name in spending(module, blender) - {"GROK_VIDEO_OT_retry", "GROK_VIDEO_OT_request_id"}:
        operator = getattr(blender.ops.grok_video, name.removeprefix("GROK_VIDEO_OT_"))
        known = operator.get_rna_type().properties
        assert (known["slot"].default, known["wait"].default) == (False, True), name
        assert known["slot"].is_skip_save, name


def test_strips_tell_their_job_and_their_slot(
    blender: ModuleType, scene: Any, module: Module
) -> None:
    preferences = module("blender.config").preferences()
    assert preferences.place_slot is True
    blender.ops.grok_video.generate(slot=True)
    (job,) = module("blender.session.state").current().bridge.snapshot.all
    strip = scene.sequence_editor.active_strip
    assert (strip["grok_video_job"], strip["grok_video_slot"]) == (job.id, job.id)
    assert len(strip["grok_video_size"]) == 8
