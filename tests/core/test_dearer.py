"""A price that rose between the click and the send: nothing dearer than what the button said is bought without a word."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grok_video.core.amount import usd
from grok_video.core.job import Job, State
from grok_video.core.problem import ProblemCode
from grok_video.core.spec import JobSpec, Kind, account_of
from grok_video.core.spending import bill_words
from grok_video.ledger.reader import looks_notice
from grok_video.service.look_models import listed_from
from grok_video.service.pricing import estimate_of
from tests.core.conftest import says_free
from tests.core.test_look_jobs import look
from tests.core.test_worker import (
    Blender,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures


def refreshed(blender: Blender) -> Any:
    """*Refresh Models*, and what it brought of looks."""
    account = account_of(blender.service.base, blender.service.key)
    return listed_from(blender.answer(blender.say("models", account=account)))


def asked(blender: Blender, kind: str) -> JobSpec:
    """A look, or a clip whose button said less than the table does."""
    if kind == "look":
        return look(blender)
    spec = blender.spec(**{"image": "", "image_mime": ""} if kind == "text" else {})
    now = estimate_of(spec)
    assert now is not None
    return replace(spec, estimate=now - 1)


def held_as_dearer(blender: Blender, job_id: str) -> Job:
    """The job, held with a sentence that names both prices; *Send* takes today's."""
    job = blender.until(job_id, lambda job: job.held and job.problem)
    assert job.problem is not None
    assert job.instead is not None
    assert job.problem.code is ProblemCode.HELD
    assert usd(job.instead.estimate or 0) in job.problem.message
    assert usd(job.spec.estimate or 0) in job.problem.message
    assert says_free(job.problem)
    assert job.instead == replace(job.spec, estimate=job.instead.estimate)
    assert (job.instead.estimate or 0) > (job.spec.estimate or 0)
    return job


@pytest.mark.parametrize("kind", ["look", "clip", "text"])
def test_what_costs_more_by_now_is_held_with_both_prices(
    kind: str, blender: Blender, service: StandIn
) -> None:
    service.settings(image_price=2)
    blender.start()
    listed = refreshed(blender)
    spec = asked(blender, kind)
    blender.say("submit", spec=spec)
    job = held_as_dearer(blender, spec.id)
    assert job.instead is not None
    assert (posts(service), job.reserved) == ([], 0)
    assert job.instead.estimate == estimate_of(spec, listed=listed)
    # A Send that does not say the new price buys nothing either.
    blender.say("release", job=job.id, session=blender.session)
    again = blender.until(spec.id, lambda now: now.seq > job.seq + 1 and now.held)
    assert (again.instead, posts(service)) == (job.instead, [])
    blender.say("release", job=job.id, session=blender.session, spec=job.instead)
    done = blender.until(spec.id, State.READY)
    assert done.spec.estimate == job.instead.estimate
    assert len(posts(service)) == 1
    assert kind != "look" or done.cost == service.jobs()[0]["ticks"]


def test_a_job_that_was_held_before_the_price_rose(blender: Blender, service: StandIn) -> None:
    """Held for the limit; then the prices are refreshed, by another Blender's worker too, and *Send* is pressed."""
    blender.start()
    blender.say("limits", day=1, count_loopback=True)
    spec = look(blender)
    blender.say("submit", spec=spec)
    blender.until(spec.id, lambda job: job.held)
    blender.say("limits", day=0)
    service.settings(image_price=3)
    refreshed(blender)
    blender.kill()
    blender.start()  # the list is in the ledger, whoever asked for it
    blender.say("release", job=spec.id, session=blender.session)
    job = blender.until(spec.id, lambda job: job.held and job.instead)
    held_as_dearer(blender, spec.id)
    assert posts(service) == []
    # The limit counts today's price.
    assert job.instead is not None
    blender.say("limits", day=(spec.estimate or 0) + 1)
    blender.say("release", job=spec.id, session=blender.session, spec=job.instead)
    blender.until(spec.id, lambda job: job.problem and job.problem.code is ProblemCode.LIMIT)
    assert posts(service) == []


def test_what_costs_less_by_now_is_sent(blender: Blender, service: StandIn) -> None:
    service.settings(image_price=0.5)
    blender.start()
    refreshed(blender)
    spec = look(blender)
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert (job.cost or 0) < (job.spec.estimate or 0)
    assert len(posts(service)) == 1


@pytest.mark.parametrize("named", [True, False])
def test_another_accounts_list_and_an_empty_one_change_no_price(
    named: bool, blender: Blender, service: StandIn
) -> None:
    service.settings(image_price=2)
    blender.start()
    if named:
        blender.answer(blender.say("models", account=account_of(service.base, service.key)))
        service.fail("models", 404, after=1)  # of the second list, which is the one of looks
        refreshed(blender)
        spec = look(blender)
        blender.say("submit", spec=spec)
        held_as_dearer(blender, spec.id)
        return
    refreshed(blender)
    mine = look(blender)
    service.settings(image_price=1)
    blender.tell_account("xai-another-key-0123456789")
    other = account_of(service.base, "xai-another-key-0123456789")
    assert looks_notice(other) not in blender.reader.notices
    spec = replace(mine, account=other)
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, lambda job: job.sent or job.held)
    assert not job.held


@pytest.mark.parametrize("price", [None, 2 * 10**9])
def test_a_price_that_nobody_knows_or_that_the_artist_typed_stays(
    price: int | None, blender: Blender
) -> None:
    blender.start()
    spec = replace(blender.spec(), model="grok-next", unchecked=True, estimate=price)
    blender.say("submit", spec=spec)
    assert not blender.until(spec.id, lambda job: job.sent or job.held).held


def test_a_recovered_look_is_bought_by_nobody_again_and_its_bill_is_said(
    blender: Blender, service: StandIn
) -> None:
    """The answer was lost, the price rose: *Recover by Request ID* asks, and what was billed counts."""
    service.fail("image-submit", "answer-lost")
    service.settings(image_price=2, bill=1.0)
    blender.start()
    spec = look(blender)
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.UNKNOWN)
    refreshed(blender)
    (bought,) = service.jobs()
    blender.say("request_id", job=job.id, value=bought["id"])
    after = blender.until(job.id, State.READY)
    assert after.spent == after.cost == bought["ticks"] == 2 * (spec.estimate or 0)
    assert bill_words(after) == (
        f"Charged {usd(bought['ticks'])}, estimated {usd(spec.estimate or 0)}"
    )
    assert len(posts(service)) == 1
    assert spec.kind is Kind.LOOK
