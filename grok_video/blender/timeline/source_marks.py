"""Marks on strips, by which the source of a job is found again after it was moved, cut or undone."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.spec import new_id
from .. import compat
from .strips import SAME_FRAME, owner_of, text_of

#: Custom property of a source strip: the marks of the jobs that it was a source for, with blanks between.
#: Cuts and duplicates copy the property, files keep it.
SOURCE_PROPERTY = "grok_video_source"
_LONGEST_MARKS = 1 << 16  # characters: two thousand jobs have no more


def source_id(strip: Any) -> str:
    """The mark by which ``find_source`` finds this strip again, or what it was cut into; made where there is none.

    An old mark serves again unless another strip has the same: since then the strip was cut or duplicated, and the
    other piece is not meant now. No undo step is made.
    """
    marks = marks_of(strip)
    others = [s for s in compat.strips_all(strip.id_data.sequence_editor) if s != strip]
    for known in reversed(marks):
        if not any(known in marks_of(s) for s in others):
            return known
    fresh = new_id()
    strip[SOURCE_PROPERTY] = " ".join((*marks, fresh))
    return fresh


def marks_of(strip: Any) -> list[str]:
    """The marks that a strip bears."""
    return text_of(strip, SOURCE_PROPERTY, _LONGEST_MARKS).split()


def find_source(
    scene: bpy.types.Scene, name: str, mark: str, near: int, *, content: int | None = None
) -> Any | None:
    """The strip with the mark, or the piece of it that counts; None when the strip is gone.

    When it was marked, the strip had the name ``name`` and ended at the scene frame ``near``. Of a strip that was cut
    since, the piece with the last of its content counts, wherever that was moved; with ``content`` (frames from the
    start of the content; ``near`` is then where the sent part began) the piece that shows that frame. A duplicate is
    no piece: it shows what the strip itself shows. Without the mark, which undo may take back, the name counts alone.
    """
    if scene.sequence_editor is None:
        return None
    every = [s for s in compat.strips_all(scene.sequence_editor) if s.type != "SOUND"]
    marked = [s for s in every if mark in marks_of(s)] if mark else []
    if not marked:
        return next((s for s in every if s.name == name), None)

    def away(strip: Any) -> int:
        start, end = compat.span(strip)
        return abs(near - end) if content is None else max(start - near, near - end + 1, 0)

    # The left piece of a cut keeps the name, and so does the original of a duplicate.
    pieces = [next((s for s in marked if s.name == name), None) or min(marked, key=away)]
    while after := [s for s in marked if s not in pieces and _continues(pieces[-1], s)]:
        end = compat.span(pieces[-1])[1]
        pieces.append(min(after, key=lambda s: (_content(s)[0], abs(compat.span(s)[0] - end))))
    if content is None:
        return pieces[-1]
    return next((s for s in pieces if _shows_content(s, content)), pieces[0])


def _content(strip: Any) -> tuple[int, int]:
    """Which frames of its content a strip shows: [first, after), counted from the start of the content."""
    start, end = compat.span(strip)
    origin = compat.content_start(strip)
    return start - origin, end - origin


def _shows_content(strip: Any, content: int) -> bool:
    first, after = _content(strip)
    return first <= content < after


def _continues(piece: Any, other: Any) -> bool:
    """Whether ``other`` was cut from the right of ``piece``."""
    if compat.content_length(piece) <= 1:  # one picture, whose content moves with the left handle
        return compat.span(other)[0] == compat.span(piece)[1]
    return _content(other)[0] >= _content(piece)[1] - SAME_FRAME


def pieces_of(strip: Any, mark: str) -> list[Any]:
    """``strip`` and the other pieces of the marked strip that lie where the cuts left them."""
    return [
        s
        for s in compat.strips(owner_of(strip))
        if s == strip or (mark in marks_of(s) and _in_step(s, strip))
    ]


def _in_step(one: Any, other: Any) -> bool:
    return abs(compat.content_start(one) - compat.content_start(other)) <= SAME_FRAME
