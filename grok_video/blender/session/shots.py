"""The shot list as the session knows it: which row was bought, what each tells, and which a press would buy.

What was bought of a row says the ledger, by the row's mark: an undo takes properties back, and no purchase. A press and what
becomes of it is ``shot_batch``'s (``begin``, ``stop``, ``go_on``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import bpy

from ...core.job import State
from .. import submission
from . import shot_looks, shot_marks, slots, spending
from .shot_state import state_of
from .shot_told import ShotTotals, Told
from .state import current, running
from .watch import redraw

SLICE_SECONDS = 0.002  # of a look at the rows: as long as one tick may take
NEXT_SLICE = 0.02  # seconds between two slices of a look
LOOK_SECONDS = 0.5  # between two looks at least
LOOKS_PART = 10  # … and so many times as long as a look takes
UNDO_STEP = "Grok Video Shots"


# ---------------------------------------------------------------------------------------------- marks


def marked(scene: bpy.types.Scene) -> None:
    """Give a mark of its own to each row of ``scene``'s list that has none, or another row's.

    For a press and other operators, never for a redraw. A row that an undo brought back without the mark of this session
    gets that again: what was bought of the row stays known. The marks are an undo step of their own, so that an undo of
    what follows leaves them.
    """
    # Nothing can be written into a linked scene, and nothing is bought of it.
    if _is_local(scene) and _mark(scene, _twins(scene), unmarked=True):
        slots.push_undo_step(bpy.context, UNDO_STEP)


def part_twins() -> None:
    """Before a save: give copied rows marks of their own, while Blender still counts their originals first.

    It counts scenes anew when it opens the file, in the order of their names.
    """
    if running() is None:
        return
    for scene in list(_with_settings()):
        if len(scene.grok_video.shots):
            _mark(scene, _twins(scene), unmarked=False)


def _mark(scene: bpy.types.Scene, twins: set[int], *, unmarked: bool) -> bool:
    """Give new marks to the rows ``twins``, and to those without one where these are wanted; True when some were."""
    changed = False
    for index, row in enumerate(scene.grok_video.shots):
        if index not in twins and (row.mark or not unmarked):
            continue
        row.mark = _mark_for(scene, row)
        row.job = ""  # the other row's
        changed = True
    return changed


def _with_settings() -> Iterator[bpy.types.Scene]:
    """The local scenes that have settings: asked of another one, Blender would make some, which look like those of 0.1.0."""
    return (s for s in bpy.data.scenes if _is_local(s) and s.is_property_set("grok_video"))


def _is_local(scene: bpy.types.Scene) -> bool:
    return scene.library is None and scene.override_library is None


def _twins(scene: bpy.types.Scene) -> set[int]:
    """The rows whose mark another row had first: of a copied scene, or a row that was copied.

    Blender counts scenes up as they are made, so the original has the lower number.
    """
    seen = {
        row.mark
        for other in _with_settings()
        if other.session_uid < scene.session_uid
        for row in other.grok_video.shots
    }
    twins: set[int] = set()
    for index, row in enumerate(scene.grok_video.shots):
        if row.mark and row.mark in seen:
            twins.add(index)
        seen.add(row.mark)
    return twins


def _mark_for(scene: bpy.types.Scene, row: Any) -> str:
    """A mark for a row: that which this session gave to such a row, where no row has it now; else a new one."""
    like = (scene.session_uid, submission.shots.as_data(scene, row))
    given = current().shot_list.given.setdefault(like, [])
    taken = {one.mark for one in scene.grok_video.shots}
    mark = next((known for known in given if known not in taken), "")
    if not mark:
        marks = (shot_marks.mark_of(scene, row, number) for number in count())
        mark = next(one for one in marks if one not in taken)
        given.append(mark)
    return mark


def _known_mark(scene: bpy.types.Scene, row: Any) -> str:
    """The mark of a row, or the mark that ``marked`` will give to it; '' for a row that gets a new one."""
    if row.mark:
        return row.mark
    unknown = shot_marks.mark_of(scene, row) if bpy.data.filepath else ""
    if not current().shot_list.given:
        return unknown
    like = (scene.session_uid, submission.shots.as_data(scene, row))
    given = current().shot_list.given.get(like, ())
    taken = {one.mark for one in scene.grok_video.shots} if given else set[str]()
    return next((known for known in given if known not in taken), unknown)


# ---------------------------------------------------------------------------------------------- what was bought


def _state(scene: bpy.types.Scene, row: Any) -> Told:
    return state_of(_known_mark(scene, row), row.job)


def wanted(scene: bpy.types.Scene) -> list[Any]:
    """The rows that *Generate Shots* would buy: those that are enabled, and for which nothing stands.

    ``marked`` comes before, or a copied row counts as what its original is.
    """
    rows = scene.grok_video.shots
    return [row for row in rows if row.enabled and _state(scene, row).again]


def failed(scene: bpy.types.Scene) -> list[Any]:
    """The rows among ``wanted`` that were asked for before: that failed, or were stopped before they were sent."""
    return [row for row in wanted(scene) if _state(scene, row).state]


def left(scene: bpy.types.Scene) -> list[Any]:
    """The rows among ``wanted`` that came to no job yet: what *Go On* buys after a stop."""
    return [row for row in wanted(scene) if _is_left(_state(scene, row))]


def _is_left(told: Told) -> bool:
    return told.state in ("", "STOPPED", State.CANCELLED)


def totals_of(rows: Sequence[Told]) -> ShotTotals:
    """What is told of a whole list."""
    wanted = [told for told in rows if told.wanted]
    failed = [told for told in wanted if told.state]
    left = [told for told in wanted if _is_left(told)]
    looks = [told for told in rows if told.look_wanted]
    looks_known = [told.look_price for told in looks if told.look_price is not None]
    return ShotTotals(
        wanted=len(wanted),
        refused=sum(1 for told in wanted if told.refusal),
        price=_price_of(wanted),
        failed=len(failed),
        failed_price=_price_of(failed),
        left=len(left),
        left_price=_price_of(left),
        unsent=sum(told.state == State.QUEUED and not told.held for told in rows),
        bought=sum(told.state not in ("", "STOPPED") and not told.again for told in rows),
        looks=len(looks),
        looks_price=sum(looks_known) if len(looks_known) == len(looks) else None,
    )


def _price_of(rows: Sequence[Told]) -> int | None:
    prices = [told.price for told in rows if not told.refusal]
    known = [price for price in prices if price is not None]
    return sum(known) if len(known) == len(prices) else None


# ---------------------------------------------------------------------------------------------- what is told


def told(context: bpy.types.Context, scene: bpy.types.Scene) -> Sequence[Told]:
    """What panels tell of the rows of ``scene``'s list, in its order: kept, and looked up outside of redraws.

    In background mode looked up now.
    """
    own, uid, count = current().shot_list, scene.session_uid, len(scene.grok_video.shots)
    if bpy.app.background:
        own.told[uid] = _look(context, scene)
        own.totals[uid] = totals_of(own.told[uid])
        return own.told[uid]
    if own.asked_of[0] != uid:
        own.twins = None  # begin anew
    own.asked_of = uid, context.window.as_pointer() if context.window is not None else 0
    if not bpy.app.timers.is_registered(look):
        wait = max(own.next_look - time.monotonic(), 0.0)
        bpy.app.timers.register(look, first_interval=wait)
    known = own.told.get(uid, [])
    return known if len(known) == count else [Told()] * count


def look() -> float | None:
    """Timer: look at the rows that a panel shows, for as long as a tick may take; the next slice goes on."""
    session = running()
    if session is None:
        return None
    own = session.shot_list
    uid, pointer = own.asked_of
    scene = next((one for one in bpy.data.scenes if one.session_uid == uid), None)
    if scene is None:
        own.twins = None
        return None
    windows = bpy.context.window_manager.windows
    window = next((one for one in windows if one.as_pointer() == pointer), None)
    with bpy.context.temp_override(window=window or next(iter(windows), None)):
        over = _look_on(bpy.context, scene)
    if not over:
        return NEXT_SLICE
    shown, own.told[uid], own.twins = own.told.get(uid), own.looked, None
    own.next_look = time.monotonic() + max(LOOK_SECONDS, LOOKS_PART * own.spent)
    if shown != own.told[uid]:
        own.totals[uid] = totals_of(own.told[uid])
        redraw()
    return None


def _look_on(context: bpy.types.Context, scene: bpy.types.Scene) -> bool:
    """Go on with the look at the rows; True when all were looked at. Nothing of Blender's is kept between two slices."""
    own, rows, began = current().shot_list, scene.grok_video.shots, time.perf_counter()
    if own.twins is None or len(own.looked) > len(rows):
        own.twins, own.looked, own.spent = (
            _twins(scene),
            [],
            0.0,
        )  # a new list: the one before is told
    while (at := len(own.looked)) < len(rows):
        own.looked.append(_told_of(context, scene, rows[at], is_twin=at in own.twins))
        if time.perf_counter() - began > SLICE_SECONDS:
            break
    own.spent += time.perf_counter() - began
    return len(own.looked) >= len(rows)


def _look(context: bpy.types.Context, scene: bpy.types.Scene) -> list[Told]:
    """What each row tells, looked up now."""
    twins = _twins(scene)
    return [
        _told_of(context, scene, row, is_twin=index in twins)
        for index, row in enumerate(scene.grok_video.shots)
    ]


def _told_of(
    context: bpy.types.Context, scene: bpy.types.Scene, row: Any, *, is_twin: bool
) -> Told:
    state = Told(again=True) if is_twin else _state(scene, row)
    if not state.again:
        return state
    shots = submission.shots
    made = shots.draft(context, scene, row)
    price = submission.common.price_of(made)
    why = shots.refusal(context, scene, row, made)
    if not why and price is None:
        why = spending.limit_refusal(None, made.model)
    of_look = shot_looks.offered(context, scene, row, is_twin=is_twin) if row.enabled else None
    return replace(
        state,
        price=price,
        refusal=why,
        wanted=row.enabled,
        look_wanted=of_look is not None,
        look_price=of_look.price if of_look is not None else None,
    )
