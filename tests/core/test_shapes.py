"""Whole jobs with every shape of answer and file that docs/api.md, §2 tells of: real workers, the stand-in, real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grok_video.core.job import Job, State
from grok_video.core.mp4 import probe, take_off_cover
from grok_video.core.problem import ProblemCode
from grok_video.worker.delivery import sha256_of
from tests.core.conftest import says_free
from tests.core.test_worker import (
    FAST,
    Blender,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.stand_in import shapes
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures


def ready(blender: Blender, job_id: str) -> Job:
    job = blender.until(job_id, State.READY)
    assert job.clip is not None
    assert (job.clip.width, job.clip.height, job.clip.frames) == (848, 480, 25)
    return job


@pytest.mark.parametrize("number", [False, True])
def test_the_id_stands_anywhere(number: bool, blender: Blender, service: StandIn) -> None:
    service.settings(job_seconds=0)
    blender.start()
    everywhere = " ".join(shapes.ID_PLACES)
    for ids in (*shapes.ID_PLACES, everywhere):
        service.settings(ids=ids, number_ids=number)
        job = ready(blender, blender.submit())
        assert job.request_id == service.jobs()[-1]["id"], ids
        assert job.request_id.isdigit() is number
    assert len(posts(service)) == len(shapes.ID_PLACES) + 1


@pytest.mark.parametrize("relative", [False, True])
def test_the_link_stands_anywhere(relative: bool, blender: Blender, service: StandIn) -> None:
    """Of the service's own host too the key is not told to whoever keeps its clips."""
    service.settings(job_seconds=0)
    blender.start()
    for link in shapes.LINK_PLACES:
        service.settings(link=link, relative=relative)
        job = ready(blender, blender.submit())
        assert job.url.startswith(f"{service.base}/xai-vidgen-bucket/"), link
    asked = service.requests("download")
    assert len(asked) == len(shapes.LINK_PLACES)
    for request in asked:
        assert "authorization" not in {name.lower() for name, _ in request["headers"]}


def test_every_word_for_done_ends_a_job(blender: Blender, service: StandIn) -> None:
    service.settings(job_seconds=0)
    blender.start()
    for word in ("done", "Completed", "succeeded", "success", "finished", "READY", ""):
        service.settings(done_word=word)
        job = ready(blender, blender.submit())
        seen = [one for one in service.requests("poll") if one["job"] == job.request_id]
        assert [one["status"] for one in seen].count(200) == 1, word


def test_a_new_word_for_done_is_believed_the_third_time(blender: Blender, service: StandIn) -> None:
    """A worker that ends in between has forgotten how often: asking is free, and nothing is guessed."""
    service.settings(done_word="rendered", job_seconds=0)

    def said_done() -> int:
        return [one["status"] for one in service.requests("poll")].count(200)

    blender.start(pace={**FAST, "poll_interval": 0.4})
    job_id = blender.submit()
    blender.until(job_id, lambda _: said_done() == 1)
    blender.kill()
    seen = said_done()
    assert seen < 3
    blender.start()
    job = ready(blender, job_id)
    assert said_done() == seen + 3
    assert job.cost == service.jobs()[0]["ticks"]
    # One that names another link each time, or none, is asked for on and on.
    service.settings(link="video_url")
    before, waits = said_done(), blender.submit()
    blender.until(waits, lambda _: said_done() > before + 5)
    assert blender.until(waits, State.RUNNING).problem is None
    service.settings(done_word="done")
    ready(blender, waits)
    assert len(posts(service)) == 2


def test_two_ids_are_shown_and_neither_is_asked_for_by_itself(
    blender: Blender, service: StandIn
) -> None:
    service.settings(ids="request_id data.id", ids_differ=True)
    blender.start()
    job_id = blender.submit()
    job = blender.until(job_id, State.UNKNOWN)
    right = service.jobs()[0]["id"]
    wrong = shapes.started(right, ids="id request_id", number=False, differ=True, error="")
    assert job.problem is not None
    assert job.problem.code is ProblemCode.ANSWER_LOST
    assert not says_free(job.problem)
    assert f"“{right}” and “{wrong['request_id']}”" in job.problem.message
    assert (job.spent, job.request_id) == (job.spec.estimate, "")
    assert service.requests("poll") == []
    # What is entered first may be the wrong one.
    blender.say("request_id", job=job_id, value=wrong["request_id"])
    blender.until(job_id, lambda job: job.blocked)
    blender.say("request_id", job=job_id, value=right)
    ready(blender, job_id)
    assert len(posts(service)) == 1


def test_an_id_beside_an_error_proves_nothing_and_is_not_lost(
    blender: Blender, service: StandIn
) -> None:
    service.settings(ids="data.request_id", id_error="The queue is full.")
    blender.start()
    job_id = blender.submit()
    job = blender.until(job_id, State.UNKNOWN)
    assert job.problem is not None
    assert "The queue is full" in job.problem.message
    assert service.jobs()[0]["id"] in job.problem.message
    assert job.spent == job.spec.estimate
    blender.say("request_id", job=job_id, value=service.jobs()[0]["id"])
    ready(blender, job_id)
    assert len(posts(service)) == 1


@pytest.mark.parametrize("what", ["short-length", "gzip"])
def test_two_ids_of_an_answer_that_is_not_sound_are_shown(
    what: str, blender: Blender, service: StandIn
) -> None:
    """They are nowhere else: a list of jobs the service does not have."""
    service.settings(ids="id request_id", ids_differ=True)
    whole = 10_000 if what == "short-length" else 0
    service.fail("submit", what, bytes=whole)
    blender.start()
    job = blender.until(blender.submit(), State.UNKNOWN)
    assert job.problem is not None
    assert service.jobs()[0]["id"] in job.problem.message


def test_a_clip_with_oddities_is_whole(blender: Blender, service: StandIn) -> None:
    """Bytes behind its last box, cover art in front, sound that is promised and absent."""
    blender.start()
    service.settings(odd="tail cover no-sound")
    job = ready(blender, blender.submit())
    assert job.clip is not None
    path = Path(job.clip.path)
    assert job.clip == probe(path)
    assert not job.clip.has_audio
    assert job.clip.size == os.path.getsize(path) == service.jobs()[0]["bytes"]
    assert not take_off_cover(path), "the pictures are the first that Blender finds"
    assert sha256_of(path) == job.clip_sha256
    # Fetched again it is the same file, which is the clip on record.
    whole = path.read_bytes()
    path.unlink()
    blender.say("fetch_again", job=job.id)
    blender.until(job.id, lambda job: path.exists() and not job.fetching)
    assert path.read_bytes() == whole
    assert len(posts(service)) == 1
