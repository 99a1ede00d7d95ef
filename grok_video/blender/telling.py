"""How operators tell the artist something: a report that Blender takes, whatever names are in the sentence."""

from __future__ import annotations

from typing import Any

import bpy

from ..core.legible import legible


def report(operator: bpy.types.Operator, kind: str, text: str) -> None:
    """Report ``text`` as 'INFO', 'WARNING' or 'ERROR': Blender refuses text that is no UTF-8, which paths may be."""
    kinds: Any = {kind}
    operator.report(kinds, legible(text))
