"""Marks on strips, by which the source of a job is found again after it was moved, cut or undone."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.spec import new_id
from .. import compat
from .strips import SAME_FRAME, owner_of

#: Custom property of a source strip: the marks of the clicks it was a source for, with blanks between.
#: Cuts and duplicates carry it along, files keep it.
SOURCE_PROPERTY = "grok_video_source"


def source_id(strip: Any) -> str:
    """The mark by which ``find_source`` knows this strip and what becomes of it.

    An old mark serves again unless another strip has it too: then the strip was cut or duplicated since,
    and the others are not meant. No undo step; the property is written only where it must be.
    """
    marks = _marks(strip)
    others = [s for s in compat.strips_all(strip.id_data.sequence_editor) if s != strip]
    for known in reversed(marks):
        if not any(known in _marks(s) for s in others):
            return known
    fresh = new_id()
    strip[SOURCE_PROPERTY] = " ".join((*marks, fresh))
    return fresh


def _marks(strip: Any) -> list[str]:
    return str(strip.get(SOURCE_PROPERTY, "")).split()


def find_source(
    scene: bpy.types.Scene, name: str, mark: str, near: int, *, content: int | None = None
) -> Any | None:
    """The strip that was marked, or the piece of it that counts; None when it is gone.

    It was ``name`` then, and ended at the scene frame ``near`` (for ``content``: the part began there).
    Where it was cut since, the piece is the one with the last of its content, wherever it was moved; with
    ``content``, frames from the start of the content, the piece that shows those. A duplicate is not
    taken for a piece: it shows what the strip itself shows. Without the mark (undo may take it back) the
    name alone counts.
    """
    if scene.sequence_editor is None:
        return None
    every = [s for s in compat.strips_all(scene.sequence_editor) if s.type != "SOUND"]
    marked = [s for s in every if mark in _marks(s)] if mark else []
    if not marked:
        return next((s for s in every if s.name == name), None)

    def away(strip: Any) -> int:
        start, end = compat.span(strip)
        return abs(near - end) if content is None else max(start - near, near - end + 1, 0)

    # A cut leaves the name with the left piece, a duplicate with the original.
    pieces = [next((s for s in marked if s.name == name), None) or min(marked, key=away)]
    while after := [s for s in marked if s not in pieces and _continues(pieces[-1], s)]:
        end = compat.span(pieces[-1])[1]
        pieces.append(min(after, key=lambda s: (_content(s)[0], abs(compat.span(s)[0] - end))))
    if content is None:
        return pieces[-1]
    return next((s for s in pieces if _shows_content(s, content)), pieces[0])


def _content(strip: Any) -> tuple[int, int]:
    """What of its content a strip shows: frames [first, after) from the start of the content."""
    start, end = compat.span(strip)
    origin = compat.content_start(strip)
    return start - origin, end - origin


def _shows_content(strip: Any, content: int) -> bool:
    first, after = _content(strip)
    return first <= content < after


def _continues(piece: Any, other: Any) -> bool:
    """Whether ``other`` was cut from the right of ``piece``."""
    if compat.content_length(piece) <= 1:  # its content moves with its left handle
        return compat.span(other)[0] == compat.span(piece)[1]
    return _content(other)[0] >= _content(piece)[1] - SAME_FRAME


def pieces_of(strip: Any, mark: str) -> list[Any]:
    """The pieces of the marked strip that lie where ``strip`` is, as if nothing but cuts had been made."""
    return [
        s
        for s in compat.strips(owner_of(strip))
        if s == strip or (mark in _marks(s) and _in_step(s, strip))
    ]


def _in_step(one: Any, other: Any) -> bool:
    return abs(compat.content_start(one) - compat.content_start(other)) <= SAME_FRAME
