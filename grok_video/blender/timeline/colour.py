"""The colours of a clip in a scene: how a strip undoes the view transform, and a sentence where that cannot be."""

from __future__ import annotations

import bpy

from ...core.record import record
from .. import compat
from ..refusal import Refused
from .strips import job_of

#: View transform → the strip's colour space that undoes it. Measured on 4.2 to 5.2 with 48 patches
#: and more: exact for any colour, but for the two that `_NARROW` names.
_INVERSES = {
    "Standard": "sRGB",
    "Filmic": "Filmic sRGB",
    "Filmic Log": "Filmic Log",
    "AgX": "AgX Base sRGB",
    "Khronos PBR Neutral": "Khronos PBR Neutral sRGB",
    "ACES 1.3": "ACES 1.3 sRGB",
    "ACES 2.0": "ACES 2.0 sRGB",
    "Raw": "Linear Rec.709",
}
#: Views that cannot show every colour, so that no colour space brings back what they cut off. For a clip made from a
#: picture in the same AgX view the strip is off by 2 of 255 (before 5.0: 10); for other clips saturated colours are off
#: by up to 60 (AgX) and 140 (Khronos). Khronos has no true inverse even so: off by up to 24, without its space by 31.
_NARROW = {"AgX", "Khronos PBR Neutral"}
#: Colour spaces of the sequencer in which the inverses hold (measured).
_WORKING_SPACES = {"sRGB", "Linear Rec.709", "ACEScg"}


@record
class ColourPlan:
    """How a clip's strip shows its file's colours in a scene."""

    colorspace: str  # for the strip; '' leaves Blender's choice
    notice: str  # '' or why the clip may not look like its file


def colour_plan(scene: bpy.types.Scene, made_from_view: str) -> ColourPlan:
    """How a clip shows the colours of its file in ``scene``, and what is wrong where it cannot."""
    view = scene.view_settings
    name = view.view_transform
    space = _INVERSES.get(name, "")
    working = scene.sequencer_colorspace_settings
    if space and not compat.offers(working, "name", space):  # another OCIO configuration
        space = ""
    why = ""
    if extras := compat.view_extras(view):
        why = f"{' and '.join(extras)} of this scene change its colours"
    elif not space:
        why = f"the view transform “{name}” changes its colours, and nothing undoes that"
    elif working.name not in _WORKING_SPACES:
        why = f"the sequencer works in the colour space “{working.name}”"
    elif name in _NARROW and (made_from_view != name or name != "AgX"):
        why = f"“{name}” cannot show all colours that it may hold"
    return ColourPlan(space, f"The clip may not look like its file: {why}." if why else "")


def use_standard(scene: bpy.types.Scene) -> None:
    """Show ``scene`` in Standard with nothing on top, and its clips with the colours of their files.

    Raises Refused where the OCIO configuration has no Standard.
    """
    space = _INVERSES["Standard"]
    if not (
        compat.offers(scene.view_settings, "view_transform", "Standard")
        and compat.offers(scene.sequencer_colorspace_settings, "name", space)
    ):
        raise Refused("This Blender's colour configuration has no view transform “Standard”.")
    compat.plain_view(scene)
    if scene.sequence_editor is None:
        return
    for strip in compat.strips_all(scene.sequence_editor):
        if strip.type == "MOVIE" and job_of(strip):
            strip.colorspace_settings.name = space
