"""What was spent and what may be: limits and sums for the panel, as the ledger has them."""

from __future__ import annotations

import time

import bpy

from ...core import spending as money
from ...core.job import Job
from .. import config
from .queue import read_all, send
from .state import current, is_of_file, running
from .watch import report


def limits() -> money.Limits:
    """The spending limits, as they are in the ledger."""
    session = running()
    if session is None:
        return money.Limits()
    if bpy.app.background:  # no timer has read the ledger yet
        read_all()
    return session.bridge.reader.limits


def limits_count() -> bool:
    """Whether there are limits that count for the service in use."""
    known = current().bridge.reader.limits
    return known.any and known.count(config.api_base())


def limit_refusal(price: int | None, model: str) -> str:
    """'' or why the spending limits refuse a clip of that price now (ticks; None: not known)."""
    if not limits_count():
        return ""
    sums = sums_now()
    over = money.over(
        current().bridge.reader.limits,
        sums.account_today,
        sums.account_month,
        price,
        model,
        current().sums.ahead,
    )
    return over.message if over is not None else ""


def sums_now() -> money.Spending:
    """The sums of what was spent, made anew only when a job, the day or the file has changed: cheap for a redraw."""
    session = current()
    snapshot, mine, now = session.bridge.snapshot, config.account(), time.time()
    here = time.localtime(now)
    path, day = bpy.data.filepath, (here[:3], here.tm_gmtoff)
    of = (session.document, len(session.documents), path, mine, session.bridge.reader.limits, day)
    sums = session.sums
    if sums.summed_for[0] is not snapshot or sums.summed_for[1] != of:
        fingerprints = config.accounts({job.spec.api_base for job in snapshot.all})
        sums.spending = money.spending(
            snapshot.all, session.bridge.reader.limits, fingerprints, is_of_file, now
        )
        sums.ahead = money.ahead(now, snapshot.all)
        newest = money.not_before(now, snapshot.all)
        sums.day, sums.month = money.day_start(newest), money.month_start(newest)
        sums.summed_for = snapshot, of
    return sums.spending


def ahead() -> float:
    """The wall time of the newest purchase where that is still to come, and today's sums are that day's; else 0.0."""
    sums_now()
    return current().sums.ahead


def clock_is_right() -> str:
    """Let what is on record as bought later count as bought today; returns the command's id. Raises Refused."""
    return send("today", now=time.time())


def bill(job: Job) -> tuple[str, bool]:
    """'' or what the artist could not know of a job's cost before, and whether that is bad news."""
    words = money.bill_words(job)
    if not words or not money.is_above(job):
        return words, bool(job.bill)
    limits, sums, own = current().bridge.reader.limits, sums_now(), current().sums
    mine = config.accounts([job.spec.api_base])
    if limits.count(job.spec.api_base) and job.spec.account in mine:
        # Only of the day and the month that the job counts for.
        today = sums.account_today if job.started_at >= own.day else 0
        month = sums.account_month if job.started_at >= own.month else 0
        if passed := money.passed(limits, today, month):
            words = f"{words}. With it {passed}"
    return words, True


def tell_bills() -> None:
    """Report, once, each bill of this session's jobs that is not as it was agreed to; scripts are told by ``finish``."""
    session = current()
    snapshot, sums = session.bridge.snapshot, session.sums
    if bpy.app.background or sums.told_for is snapshot:
        return
    sums.told_for = snapshot
    for job_id in session.documents:
        job = snapshot.jobs.get(job_id)
        if job is None or sums.told.get(job_id) == (job.cost, job.bill):
            continue
        words, bad = bill(job)
        if words:
            sums.told[job_id] = (job.cost, job.bill)
            report(f"{job.spec.short_id}: {words}", bad=bad)


def table() -> str:
    """Every purchase as CSV, oldest first."""
    if bpy.app.background:  # no timer has read the ledger yet
        read_all()
    bridge = current().bridge
    return money.table(reversed(bridge.snapshot.all), bridge.reader.limits)
