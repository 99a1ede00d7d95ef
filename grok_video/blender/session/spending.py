"""The spending limits and sums of this session, as the ledger has them."""

from __future__ import annotations

import time

import bpy

from ...core import spending as money
from ...core.job import Job
from .. import config
from ..refusal import Refused
from .queue import account, read_all, refuse_hopeless, send
from .state import current, is_open, running


def limits() -> money.Limits:
    """The spending limits, as they are in the ledger."""
    session = running()
    if session is None:
        return money.Limits()
    if bpy.app.background:  # no timer has read the ledger yet
        read_all()
    return session.bridge.limits


def set_limits(**ticks: int) -> None:
    """Change ``day`` or ``month``; 0: no limit. Scripts wait for the ledger's word; windows see it on a tick.

    Called by a property, so nothing is raised: what goes wrong is said in the preferences.
    """
    session = current()
    session.limits_trouble = ""
    try:
        session.limits_asked = send("limits", **ticks)
        while bpy.app.background and session.bridge.notice(session.limits_asked) is None:
            refuse_hopeless()
            read_all()
            session.bridge.ensure_worker(account())
            time.sleep(0.02)
    except Refused as error:
        session.limits_trouble = str(error)


def limits_trouble() -> str:
    """'' or why the limits are not as they were last entered."""
    session = current()
    answer = session.bridge.notice(session.limits_asked) if session.limits_asked else None
    refused = answer is not None and not answer["ok"]
    return str(answer["message"]) if answer is not None and refused else session.limits_trouble


def limits_count() -> bool:
    """Whether there are limits, and the service in use counts against them."""
    known = current().bridge.limits
    return known.any and known.count(config.api_base())


def limit_trouble(price: int | None, model: str) -> str:
    """'' or why no clip may be bought for that price (ticks; None: not known) now."""
    if not limits_count():
        return ""
    sums = sums_now()
    over = money.over(current().bridge.limits, sums.account_today, sums.account_month, price, model)
    return over.message if over is not None else ""


def sums_now() -> money.Spending:
    """What was spent; summed up anew when a job, the day or the file has changed, so it may be drawn."""
    session = current()
    snapshot, mine, now = session.bridge.snapshot, config.account(), time.time()
    path, day = bpy.data.filepath, time.localtime(now)[:3]
    of = (session.document, len(session.documents), path, mine, session.bridge.limits, day)
    if session.spending_of[0] is not snapshot or session.spending_of[1] != of:
        session.spending = money.spending(snapshot.all, session.bridge.limits, mine, _in_file, now)
        session.spending_of = snapshot, of
    return session.spending


def _in_file(job: Job) -> bool:
    session = current()
    return session.documents.get(job.id) == session.document or is_open(job.spec.target.blend)


def table() -> str:
    """Every purchase as CSV, oldest first."""
    if bpy.app.background:  # no timer has read the ledger yet
        read_all()
    bridge = current().bridge
    return money.table(reversed(bridge.snapshot.all), bridge.limits)
