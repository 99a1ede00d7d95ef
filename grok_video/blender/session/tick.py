"""One tick of the session: read the ledger, go on with the click, import what is due, start the next pass.

Registered last: ticks begin then, and need operators and handlers in place.
"""

from __future__ import annotations

import bpy
from bpy.app.handlers import persistent

from ...core.spec import new_id
from .. import config
from ..refusal import Refused
from ..sources.scene_copy import tidy
from . import files
from .bridge import Bridge
from .click import drop_all, prepare
from .imports import import_due, imports_by_itself, wait_because
from .queue import account
from .series import end_series, forget_all, start_next_pass
from .spending import tell_bills
from .state import begin, current, end, running
from .watch import GROK_VIDEO_OT_watch, watch, watchdog

TICK_BUDGET = 0.002  # seconds one tick may read the ledger


def tick(context: bpy.types.Context) -> bool:
    """Do everything that is due now; True when the panel has something new to show."""
    session = current()
    changed = session.bridge.tick(TICK_BUDGET)
    tidy()
    changed |= prepare(context)
    end_series()
    changed |= files.came(context)
    try:
        changed |= import_due(context)
        changed |= start_next_pass(context)
    except Refused as error:
        if bpy.app.background:
            raise
        # Said in the panel, and tried again on the next tick: Blender ends a timer that raises.
        wait_because(str(error))
    tell_bills()
    # Not in the same tick as a long read: to start a process takes as long as one tick may. But also when the read met
    # a lock: that may be a killed worker's transaction, which only another worker takes back.
    if (not session.bridge.reader.behind or session.bridge.reader.missed) and busy():
        session.bridge.worker.ensure(account())
    return changed


def busy() -> bool:
    """Whether something is under way that needs ticks."""
    session = current()
    if session.click.queue or session.series.next or session.bridge.expects or files.due():
        return True
    if session.watch.reports:
        return True
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
    ) or any(imports_by_itself(job) for job in session.bridge.snapshot.active)


def preferences_changed() -> None:
    """Let worker and bridge follow preferences that were edited: key, base, interval, or the ledger's folder."""
    session = running()
    if session is None:
        return
    if session.bridge.data_dir != config.data_dir():
        session.bridge.close()
        session.bridge = Bridge(config.data_dir())
    if session.bridge.worker.alive:
        session.bridge.worker.ensure(account())
    watch()


@persistent
def _on_load(*_args: object) -> None:
    session = running()
    if session is not None:
        session.document = new_id()
        forget_all()
        drop_all("Another file was opened.")
        watch()


def register() -> None:
    bpy.utils.register_class(GROK_VIDEO_OT_watch)
    begin(tick, busy)
    bpy.app.handlers.load_post.append(_on_load)
    # From the start: jobs of an earlier session are shown, and fetched where they are paid for.
    watch()


def unregister() -> None:
    bpy.app.handlers.load_post.remove(_on_load)
    for timer in (watchdog, files.look):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)
    if running() is not None:
        drop_all("Grok Video was disabled.")
    session = end()
    if session is not None:
        session.bridge.close()
    bpy.utils.unregister_class(GROK_VIDEO_OT_watch)
