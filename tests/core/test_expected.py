"""How long a clip is still expected to take: learned from the jobs before, by those most like it."""

from __future__ import annotations

from typing import Any

import pytest

from grok_video.core.events import (
    Created,
    Done,
    Downloaded,
    Imported,
    Sending,
    SubmitStarted,
    Submitted,
)
from grok_video.core.expected import KEPT, LONGEST
from grok_video.core.job import Job
from grok_video.core.spec import Clip, Kind, new_id
from grok_video.ledger.listing import Listing
from tests.core.conftest import make_spec, replay

CLIP = Clip("/clips/clip.mp4", 4_000_000, 1280, 720, 24.0, 145, 6.04, True)


def job(took: float | None, at: float = 1000.0, **asks: Any) -> Job:
    """A job that was sent at ``at`` and done ``took`` seconds later; None: it still runs."""
    happened = [(Created(make_spec(id=new_id(), **asks)), at - 9)]
    happened += [(event, at) for event in (SubmitStarted(7), Sending(), Submitted("request"))]
    if took is not None:
        happened.append((Done("http://127.0.0.1/clip.mp4", 7), at + took))
    return replay(happened)


def listed(*jobs: Job) -> Listing:
    listing = Listing()
    for number, one in enumerate(jobs):
        listing.put(one, number)
    return listing


def test_without_history_nothing_is_said() -> None:
    running = job(None)
    assert Listing().expected(running) is None
    assert listed(running).expected(running) is None


def test_the_median_of_the_same_jobs_counts() -> None:
    times = [job(took, at=n) for n, took in enumerate((40.0, 900.0, 50.0), 1)]
    assert listed(*times, job(7.0, duration=2), job(9.0, resolution="720p")).expected(
        job(None)
    ) == pytest.approx(50.0)


@pytest.mark.parametrize(
    ("others", "seconds"),
    [
        # Another kind of the same size and length, then the size alone, then the model alone.
        ([(10.0, {"kind": Kind.EDIT}), (99.0, {"duration": 9})], 10.0),
        ([(20.0, {"duration": 9}), (99.0, {"resolution": "720p"})], 20.0),
        ([(30.0, {"resolution": "720p", "duration": 9})], 30.0),
        ([(30.0, {"model": "another"})], None),
        ([(30.0, {"api_base": "http://127.0.0.1:8"})], None),  # another service
    ],
)
def test_coarser_groups_where_there_is_no_such_job(
    others: list[tuple[float, dict[str, Any]]], seconds: float | None
) -> None:
    listing = listed(*(job(took, **asks) for took, asks in others))
    assert listing.expected(job(None)) == (None if seconds is None else pytest.approx(seconds))


def test_looks_are_learned_from_looks_alone() -> None:
    """Also where a service makes both with one model."""
    asks: dict[str, Any] = {"kind": Kind.LOOK, "duration": 0, "resolution": "1k", "quality": "low"}
    listing = listed(job(400.0), job(9.0, **asks), job(70.0, **{**asks, "resolution": "2k"}))
    assert listing.expected(job(None, **asks)) == pytest.approx(9.0)
    assert listing.expected(job(None, **{**asks, "quality": "medium"})) == pytest.approx(39.5)
    assert listing.expected(job(None)) == pytest.approx(400.0)
    assert listed(job(400.0)).expected(job(None, **asks)) is None
    assert listed(job(9.0, **asks)).expected(job(None)) is None


@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_count_in_whatever_order_the_list_is_read(order: int) -> None:
    """A list is read from its newest job on, and slower times of last year are not this week's."""
    old = [job(500.0, at=1000.0 + n) for n in range(3 * KEPT)]
    new = [job(60.0, at=90_000.0 + n) for n in range(KEPT)]
    assert listed(*[*old, *new][::order]).expected(job(None)) == pytest.approx(60.0)


def test_a_job_that_changes_counts_once() -> None:
    first, second, third = job(10.0, at=1.0), job(20.0, at=2.0), job(30.0, at=3.0)
    assert listed(first, second, third, third, third, third).expected(job(None)) == pytest.approx(
        20.0
    )


@pytest.mark.parametrize("took", [0.0, -5.0, LONGEST + 1, 1e12])
def test_a_time_that_is_none_teaches_nothing(took: float) -> None:
    """The clock was set back, or Blender was closed until the next morning."""
    assert listed(job(took)).expected(job(None)) is None


def test_a_job_knows_every_file_that_imported_it() -> None:
    """Whoever tidies one file must not take a clip from another."""
    happened: list[tuple[Any, float]] = [(Created(make_spec()), 0.0)]
    events = [SubmitStarted(7), Sending(), Submitted("r"), Done("http://127.0.0.1/c", 7)]
    events += [Downloaded(CLIP), Imported("Scene", "/a.blend"), Imported("Scene", "")]
    events += [Imported("Two", "/b.blend"), Imported("Scene", "/a.blend")]
    found = replay([*happened, *((event, 1.0) for event in events)])
    assert (found.imported_into, found.imported_by) == ("Scene", ("/a.blend", "/b.blend"))
