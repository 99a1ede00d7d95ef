"""One tick of the session: read the ledger, go on with the click, import what is due, start the next pass.

Registered last: ticks begin then, and need operators and handlers in place.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.spec import new_id
from .. import config, sources
from ..refusal import Refused
from ..sources.scene_copy import tidy
from . import (
    answers,
    comparing,
    files,
    looks,
    moving,
    renders,
    seams,
    shot_batch,
    shots,
    slots,
    stages,
    takes,
    thumbnails,
    unseen,
    unused,
)
from .click import drop_all, prepare, say, stop_removed
from .imports import arrive_next, hold_unmeasured, import_due, imports_to_come, wait_because
from .queue import account, read_all
from .series import end_series, forget_all, start_next_pass
from .spending import tell_bills
from .state import Session, begin, current, end, running
from .watch import GROK_VIDEO_OT_watch, report, watch, watchdog

TICK_BUDGET = 0.002  # seconds one tick may read the ledger
#: Between two slices of a long list: the ordinary ticks would take a minute to read it.
READ_SECONDS = 0.01


def tick(context: bpy.types.Context) -> bool:
    """Do everything that is due now; True when the panel has something new to show."""
    session = current()
    if session.moving.process is not None:
        return moving.look()  # all else waits: the list is on its way
    with _without_collection():
        return _tick(session, context)


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Keep Python from collecting its garbage meanwhile: thousands of jobs that are read set that off.

    To look through everything that Blender's Python holds takes tens of milliseconds, which are no tick's.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def read_on() -> float | None:
    """Timer: read one more slice of a list that is too long for the ticks."""
    session = running()
    if session is None or session.moving.process is not None:
        return None
    with _without_collection():
        session.bridge.tick(TICK_BUDGET)
    if session.bridge.reader.behind:
        return READ_SECONDS
    _let_go_at_rest(session)
    return None


def _tick(session: Session, context: bpy.types.Context) -> bool:
    # What is paid for does not wait for the end of a long list. To start a process takes as long as one tick may, so this
    # one reads no more than a job.
    reader = session.bridge.reader
    starts = reader.behind and not session.bridge.worker.alive and _is_under_way(session)
    changed = session.bridge.tick(0.0 if starts else TICK_BUDGET)
    refused, unasked = answers.hear()
    changed |= bool(refused)
    if refused and not bpy.app.background:
        report(refused, bad=True)
    elif unasked:
        raise Refused(refused)
    if reader.behind and not bpy.app.background and not bpy.app.timers.is_registered(read_on):
        bpy.app.timers.register(read_on, first_interval=READ_SECONDS)
    tidy()
    changed |= slots.go_on(context)
    takes.settle_opened(context)
    changed |= shot_batch.stop_removed()
    changed |= stop_removed()
    changed |= prepare(context)
    changed |= shot_batch.go_on(context)
    end_series()
    changed |= files.came(context)
    changed |= seams.go_on(context)
    hold_unmeasured()
    try:
        changed |= looks.arrive(context)
        changed |= import_due(context)
        changed |= start_next_pass(context)
    except Refused as error:
        if bpy.app.background:
            raise
        # Said in the panel, and tried again on the next tick: Blender ends a timer that raises.
        wait_because(str(error))
    renders.hear()
    tell_bills()
    changed |= unseen.look()
    # Also when the read met a lock: that may be a killed worker's transaction, which only another worker takes back.
    if (starts or not reader.behind or reader.missed) and busy():
        session.bridge.worker.ensure(account())
    _let_go_at_rest(session)
    return changed


def _let_go_at_rest(session: Session) -> None:
    """Close the list when no more ticks come, which would let go of it for a worker that has to put it by."""
    if not busy():
        session.bridge.reader.let_go()


def busy() -> bool:
    """Whether something is under way that needs ticks."""
    session = current()
    if session.bridge.reader.elsewhere:
        return session.moving.process is not None or bool(session.watch.reports)
    if (
        session.moving.process is not None
        or session.click.queue
        or session.shot_batch.press is not None
        or session.series.next
        or session.bridge.expects
        or files.due()
        or slots.is_busy()
        or takes.is_busy()
        or looks.is_busy()
        or seams.is_busy()
    ):
        return True
    if session.watch.reports:
        return True
    return _is_under_way(session) or bool(imports_to_come())


def _is_under_way(session: Session) -> bool:
    """Whether a job, as far as the list was read, needs a worker of this Blender."""
    mine = config.accounts(job.spec.api_base for job in session.bridge.snapshot.open)
    # A running worker also downloads what was bought with another key, and must hear of *offline* through ticks.
    downloads = session.bridge.worker.alive
    return any(
        job.driven
        and (
            job.spec.account in mine
            or job.released_by == session.bridge.session
            or (downloads and job.awaits_file)
        )
        for job in session.bridge.snapshot.open
    )


def preferences_changed() -> None:
    """Let the worker follow preferences that were edited: key, base or interval."""
    session = running()
    if session is None:
        return
    if session.bridge.worker.alive:
        session.bridge.worker.ensure(account())
    watch()


@persistent
def _on_load(*_args: object) -> None:
    session = running()
    if session is not None:
        session.document = new_id()
        forget_all()
        unseen.forget()
        drop_all("Another file was opened.")
        shot_batch.drop_all("Another file was opened.")
        slots.file_opened()
        takes.file_opened()
        seams.changed_behind()
        watch()
        if bpy.app.background and (session.slots.waiting or session.takes.expected):
            _settle_slots(session, read=True)


@persistent
def _on_save(*_args: object) -> None:
    shots.part_twins()


@persistent
def _on_undo(*_args: object) -> None:
    """After an undo or a redo: strips are as they were, also those that showed a clip meanwhile."""
    session = running()
    if session is None:
        return
    slots.changed_behind()
    seams.changed_behind()
    shot_batch.undone()
    _settle_slots(session, read=False)
    watch()


def _settle_slots(session: Session, *, read: bool) -> None:
    """Let slots that show a still although their clips are there show these; stop what was removed before it was sent.

    In a window as many as a tick may, and the ticks go on. In the background, where there are no ticks, all of them.
    """
    context = bpy.context
    try:
        if read:
            read_all()
        if bpy.app.background:
            seams.hold_none()
        # Each time a part of what waits: in the background no tick brings the rest, and a render would show stills.
        for _ in range(1 + len(session.slots.waiting) if bpy.app.background else 1):
            slots.go_on(context)
        shot_batch.stop_removed()
        stop_removed()
        if session.moving.process is None:
            while arrive_next(context) and bpy.app.background:
                slots.go_on(context)
            takes.settle(context)
    except Refused as error:
        say(str(error))


def _handlers() -> list[tuple[list[Any], Callable[..., None]]]:
    """Blender's lists of handlers, and what each calls."""
    handlers = bpy.app.handlers
    return [
        (handlers.load_post, _on_load),
        (handlers.save_pre, _on_save),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
        (handlers.depsgraph_update_post, stages.changed),
        *renders.handlers(),
    ]


def register() -> None:
    bpy.utils.register_class(GROK_VIDEO_OT_watch)
    begin(tick, busy)
    for handlers, called in _handlers():
        handlers.append(called)
    comparing.register()
    unused.register()
    # From the start: jobs of an earlier session are shown, and fetched where they are paid for.
    watch()


def unregister() -> None:
    for handlers, called in _handlers():
        handlers.remove(called)
    comparing.unregister()
    unused.unregister()
    timers = (
        watchdog,
        files.look,
        read_on,
        looks.measure,
        seams.look,
        shots.look,
        sources.image_size.read_next,
        stages.look,
        thumbnails.load,
        unseen.fade,
    )
    for timer in timers:
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    if running() is not None:
        drop_all("Grok Video was disabled.")
        shot_batch.drop_all("Grok Video was disabled.")
        moving.stop()
        seams.free()
        thumbnails.free()
    session = end()
    if session is not None:
        session.bridge.close()
    bpy.utils.unregister_class(GROK_VIDEO_OT_watch)
