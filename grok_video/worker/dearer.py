"""A price that rose between the artist's word and the send: the job is held, and the sentence names both prices.

Owns what a job costs by what this worker knows now: the table, and what the service last listed of looks. What files
that changed make of a price is ``worker.sources``'s.
"""

from __future__ import annotations

from dataclasses import replace

from ..core import events
from ..core.amount import usd
from ..core.problem import Problem, ProblemCode
from ..core.spec import JobSpec
from ..ledger.reader import looks_notice
from ..service.look_models import ListedLook, listed_from
from ..service.pricing import estimate_of
from .desk import Desk


def risen(spec: JobSpec, listed: tuple[ListedLook, ...]) -> events.Held | None:
    """Why ``spec`` waits for another word; None where it costs what the artist saw, or less, or nobody knows.

    What is typed in has the artist's own price.
    """
    seen = spec.estimate
    price = estimate_of(spec, 0, listed)
    if price is None or seen is None or price <= seen:
        return None
    problem = Problem(
        ProblemCode.HELD,
        f"{costs(price, seen)} Nothing was sent or charged.",
        "Send buys it at the price on its button; Discard takes it off the list.",
    )
    return events.Held(problem, replace(spec, estimate=price))


def costs(price: int, seen: int) -> str:
    """The sentence of a price that is above the one that the artist saw (ticks)."""
    return f"This job costs {usd(price)}, and not the {usd(seen)} that you saw."


def listed_looks(desk: Desk) -> tuple[ListedLook, ...]:
    """What the service last listed of models for looks to the key in use, whichever Blender asked. Raises LedgerError."""
    account = desk.account
    if account is None:
        return ()
    return listed_from(desk.ledger.noticed(looks_notice(account.fingerprint)))
