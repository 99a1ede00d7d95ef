"""Looks from the click to the file: bought once, fetched whole, never lost, in the deferred form and in the older one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.events import (
    IN_THE_ANSWER,
    AnswerLost,
    Bought,
    Created,
    Sending,
    StopRequested,
    SubmitStarted,
)
from grok_video.core.job import Job, State
from grok_video.core.payload import spec_to_payload
from grok_video.core.picture_file import probe
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.spec import JobSpec, Kind, Picture, Source, Target, new_id
from grok_video.ledger.errors import CommandRefused
from grok_video.ledger.ledger import Ledger
from grok_video.service.look_models import DEFAULT_LOOK_MODEL, listed_from
from grok_video.service.pricing import estimate_of
from grok_video.worker import kept_answer
from grok_video.worker.kept_answer import place_of
from tests.core.conftest import make_spec, png, says_free, wait_for
from tests.core.test_picture_file import jpeg
from tests.core.test_worker import (
    Blender,
    blender,
    make_blender,
    one_service,
    posts,
    service,
)
from tests.patching import Patches
from tests.patience import PATIENCE
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

B64 = {
    "data": [{"b64_json": base64.b64encode(jpeg()).decode(), "mime_type": "image/jpeg"}],
    "usage": {"cost_in_usd_ticks": 700_000_000},
}


def look(blender: Blender, **changes: Any) -> JobSpec:
    """A look of the still, with its price."""
    spec = blender.spec(
        **{
            "kind": Kind.LOOK,
            "model": DEFAULT_LOOK_MODEL,
            "prompt": "a gouache storyboard",
            "duration": 0,
            "resolution": "1k",
            "quality": "medium",
            "aspect_ratio": "AUTO",
            "generate_audio": False,
            "image_pixels": (848, 480),
            **changes,
        }
    )
    output = str(blender.project / f"look_{spec.short_id}.jpg")
    return replace(spec, output=output, estimate=estimate_of(spec))


def make(blender: Blender, state: State = State.READY, **changes: Any) -> Job:
    """Ask for a look; its job when that has come so far."""
    spec = look(blender, **changes)
    blender.say("submit", spec=spec)
    return blender.until(spec.id, state)


FRAME = Source("CAMERA", frame=25.0, camera="Shot Camera")
TAKEN = Target("s", blend="/clips/shot.blend", scene="Scene", scene_mark="a-1")


@pytest.mark.parametrize(
    ("changes", "taken"),
    [
        ({}, True),
        ({"target": replace(TAKEN, session="t", scene_mark="b-2")}, True),
        ({"target": replace(TAKEN, blend="/clips/shot_v002.blend")}, True),
        ({"target": replace(TAKEN, blend="", scene_mark="")}, False),
        ({"target": Target("s", blend="/clips/other.blend", scene_mark="c-3")}, False),
        ({"source": replace(FRAME, frame=26.0)}, False),
        ({"source": replace(FRAME, camera="Other")}, False),
        ({"look": "e" * 32}, False),
        ({"look": ""}, False),
        ({"parent": "f" * 32}, False),
    ],
)
def test_a_frame_in_a_look_is_taken_up_once_whoever_asks(
    tmp_path: Path, changes: dict[str, Any], taken: bool
) -> None:
    """Two Blenders with the same file that both press *Apply the Look*: the ledger knows of both."""
    ledger = Ledger.open(tmp_path)
    of_look: dict[str, Any] = {
        "kind": Kind.LOOK,
        "look": "d" * 32,
        "source": FRAME,
        "target": TAKEN,
    }
    of_look |= {"image": "/clips/still.png", "image_mime": "image/png"}

    def ask(spec: JobSpec) -> None:
        asked = spec_to_payload(spec)
        now = time.time()
        ledger.commands.apply({"id": new_id(), "command": "submit", "spec": asked, "said": now})

    first, second = make_spec(**of_look), make_spec(**{**of_look, **changes})
    ask(first)
    if taken:
        with pytest.raises(CommandRefused, match="Frame 25 is being made in this look already"):
            ask(second)
    else:
        ask(second)
    assert (ledger.current(second.id) is None) == taken
    ledger.append(first.id, None, StopRequested())
    if taken:  # what was stopped is nobody's
        ask(second)
        assert ledger.current(second.id) is not None
    ledger.close()


def file_of(job: Job) -> Path:
    assert job.clip is not None
    return Path(job.clip.path)


def folder(blender: Blender) -> list[str]:
    return sorted(os.listdir(blender.project))


def kept(blender: Blender) -> list[str]:
    """What lies in the data folder of clips."""
    return os.listdir(blender.data / "clips") if (blender.data / "clips").exists() else []


# ------------------------------------------------------------------------------------------------- whole looks


@pytest.mark.parametrize("defers", [True, False])
def test_a_whole_look(defers: bool, blender: Blender, service: StandIn) -> None:
    service.settings(defers=defers)
    blender.start()
    job = make(blender)
    (bought,) = service.jobs()
    (picture,) = bought["pictures"]
    path = file_of(job)
    assert job.clip == probe(path)
    assert (job.clip.width, job.clip.height, job.clip.frames) == (*picture["pixels"], 1)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == picture["sha256"] == job.clip_sha256
    assert job.cost == job.spec.estimate == bought["ticks"] == 700_000_000
    assert job.request_id == (bought["id"] if defers else "")
    assert folder(blender) == sorted([path.with_suffix(".json").name, path.name])
    assert (path.suffix, job.problem, job.open, kept(blender)) == (".jpg", None, False, [])
    (post,) = service.requests("image-submit")
    assert post["body"]["image"]["url"]["bytes"] == os.path.getsize(job.spec.image)
    assert service.requests("video-submit") == []
    told = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert told["settings"] == {"resolution": "1k", "quality": "medium"}
    assert (told["kind"], told["model"], told["prompt"]) == (
        "look",
        job.spec.model,
        job.spec.prompt,
    )
    assert told["cost_usd"] == 0.07
    assert (told["source"]["camera"], told["source"]["frame"]) == ("Camera", 12.5)
    sha = hashlib.sha256(Path(job.spec.image).read_bytes()).hexdigest()
    assert told["source_picture"] == {
        "file": "still.png", "width": 848, "height": 480, "sha256": sha,
    }  # fmt: skip
    assert told["clip"]["sha256"] == job.clip_sha256


@pytest.mark.parametrize("form", ["png", "webp"])
def test_a_look_is_called_what_it_is(form: str, blender: Blender, service: StandIn) -> None:
    """Whatever is said of it: the name that was chosen ends in .jpg."""
    service.settings(picture_format=form, picture_said="image/jpeg")
    blender.start()
    job = make(blender)
    assert file_of(job).suffix == f".{form}"
    stem = Path(job.spec.output).stem
    assert folder(blender) == sorted([f"{stem}.json", f"{stem}.{form}"])


def test_a_name_that_another_kind_has_is_taken(blender: Blender) -> None:
    """One JSON tells of one picture."""
    blender.start()
    spec = look(blender)
    other = Path(spec.output).with_suffix(".webp")
    other.write_bytes(b"the artist's own")
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert file_of(job).name == f"{other.stem}-2.jpg"
    assert other.read_bytes() == b"the artist's own"


def test_a_look_of_several_pictures(blender: Blender, service: StandIn) -> None:
    blender.start()
    mood = blender.folder / "mood.png"
    mood.write_bytes(png(320, 240))
    picture = Picture(str(mood), "image/png", mood.stat().st_size, "Mood")
    job = make(blender, references=(picture,) * 4)
    (bought,) = service.jobs()
    assert job.cost == job.spec.estimate == bought["ticks"] == 1_100_000_000
    assert bought["others"] == [hashlib.sha256(mood.read_bytes()).hexdigest()] * 4
    assert [mark.path for mark in job.spec.files] == [job.spec.image, str(mood)]


@pytest.mark.parametrize(
    ("model", "quality", "size", "ticks"),
    [
        (DEFAULT_LOOK_MODEL, "low", "1k", 500_000_000),
        (DEFAULT_LOOK_MODEL, "medium", "2k", 900_000_000),
        ("grok-imagine-image", "", "1k", 220_000_000),
        ("grok-imagine-image-quality", "low", "2k", 700_000_000),
    ],
)
def test_estimates_of_looks_are_what_is_billed_to_the_tick(
    model: str, quality: str, size: str, ticks: int, blender: Blender, service: StandIn
) -> None:
    blender.start()
    job = make(blender, model=model, quality=quality, resolution=size)
    assert job.spec.estimate == job.cost == service.jobs()[0]["ticks"] == ticks


# ------------------------------------------------------------------------------------- never twice, never lost


@pytest.mark.parametrize("defers", [True, False])
@pytest.mark.parametrize("how", ["answer-lost", "answer-cut", "hang-after-body"])
def test_a_lost_answer_is_unknown(
    how: str, defers: bool, blender: Blender, service: StandIn
) -> None:
    service.settings(defers=defers)
    service.fail("image-submit", how, seconds=1)
    blender.start()
    job = make(blender, State.UNKNOWN)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.ANSWER_LOST
    assert "clip" not in f"{job.problem.message} {job.problem.hint}"
    assert job.spent == job.spec.estimate
    make(blender)
    assert blender.until(job.id, State.UNKNOWN) == job
    assert len(posts(service)) == 2


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("gzip", State.READY),  # packed unasked, and the link in it is whole
        ("truncate", State.UNKNOWN),
        ("no-length", State.UNKNOWN),
        ("short-length", State.UNKNOWN),
        ("garbage", State.UNKNOWN),
        ("empty", State.UNKNOWN),
        ("500", State.UNKNOWN),
        ("429", State.READY),
    ],
)
def test_an_answer_that_is_all_there_is_counts_when_its_link_is_whole(
    how: str, state: State, blender: Blender, service: StandIn
) -> None:
    service.settings(defers=False)
    service.fail("image-submit", how)
    blender.start()
    job = make(blender, state)
    assert job.spent == job.spec.estimate
    make(blender)
    assert [one.state for one in map(blender.job, (job.id,)) if one] == [state]
    started = [post for post in posts(service) if post["status"] != 429]
    assert len(started) == 2


def test_a_lost_look_is_recovered_by_its_id(blender: Blender, service: StandIn) -> None:
    service.fail("image-submit", "answer-lost")
    blender.start()
    job = make(blender, State.UNKNOWN)
    (bought,) = service.jobs()
    blender.say("request_id", job=job.id, value=bought["id"])
    after = blender.until(job.id, State.READY)
    assert (after.request_id, after.cost) == (bought["id"], bought["ticks"])
    assert len(posts(service)) == 1


@pytest.mark.parametrize("defers", [True, False])
def test_a_look_killed_while_it_is_fetched_comes_after_all(
    defers: bool, blender: Blender, service: StandIn
) -> None:
    """The older form has no id: its link is on record before the download begins."""
    service.settings(defers=defers)
    service.fail("image-download", "drip", seconds=0.5, times=1)
    blender.start()
    job = make(blender, State.DOWNLOADING)
    blender.kill()
    blender.start()
    after = blender.until(job.id, State.READY)
    assert (after.url, after.cost) == (job.url, job.spec.estimate)
    assert len(posts(service)) == len(service.jobs()) == 1


def test_a_look_killed_while_it_is_made(blender: Blender, service: StandIn) -> None:
    service.fail("image-job", "stall")
    blender.start()
    job = make(blender, State.RUNNING)
    blender.kill()
    service.finish()
    blender.start()
    assert blender.until(job.id, State.READY).request_id == job.request_id
    assert len(posts(service)) == 1


def test_a_picture_in_the_answer_is_kept(blender: Blender, service: StandIn) -> None:
    service.fail("image-submit", "answer-replaced", status=200, body=json.dumps(B64))
    blender.start()
    job = make(blender)
    assert file_of(job).read_bytes() == jpeg()
    assert (job.cost, job.request_id, job.fetchable_again) == (700_000_000, "", False)
    assert len(posts(service)) == 1
    wait_for(lambda: kept(blender) == [], "the answer to be removed")


def test_a_kept_answer_that_nobody_could_tell_of_is_recalled(
    blender: Blender, service: StandIn
) -> None:
    """The worker ended between the disk and the ledger: the next one finds UNKNOWN, and the answer."""
    spec = look(blender)
    ledger = Ledger.open(blender.data)
    lost = Problem(ProblemCode.ANSWER_LOST, "The program ended.")
    for event in (Created(spec), SubmitStarted(spec.estimate or 0), Sending(), AnswerLost(lost)):
        ledger.append(spec.id, None, event)
    ledger.close()
    path = place_of(blender.data, spec.id)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(json.dumps(B64).encode())
    blender.start()
    job = blender.until(spec.id, State.READY)
    assert (file_of(job).read_bytes(), job.cost) == (jpeg(), 700_000_000)
    assert posts(service) == []
    wait_for(lambda: not path.exists(), "the answer to be removed")


def test_an_answer_that_cannot_be_kept_is_tried_again_and_then_said(
    tmp_path: Path, patches: Patches
) -> None:
    """A full disk, or something in the way of the folder."""
    patches.set(kept_answer, "_TRY_AGAIN", 0.01)
    way = tmp_path / "clips"
    way.write_text("in the way", "utf-8")
    kept: list[Problem | None] = []
    thread = threading.Thread(
        target=lambda: kept.append(kept_answer.keep(tmp_path, "j", b"{}")), daemon=True
    )
    thread.start()
    way.unlink()
    thread.join(PATIENCE)
    assert kept == [None]
    assert place_of(tmp_path, "j").read_bytes() == b"{}"
    shutil.rmtree(way)
    way.write_text("in the way", "utf-8")
    patches.set(kept_answer, "HOLDS", 0.0)
    problem = kept_answer.keep(tmp_path, "j", b"{}")
    assert problem is not None
    assert problem.code is ProblemCode.FILE
    assert "could not be written" in problem.message
    assert not says_free(problem)


@pytest.mark.parametrize("cut", ["base64", "picture"])
def test_a_picture_in_the_answer_that_is_cut_was_charged(
    cut: str, blender: Blender, service: StandIn
) -> None:
    item = B64["data"][0]["b64_json"]
    body = {**B64, "data": [{"b64_json": item[:-5] if cut == "base64" else item[:120]}]}
    service.fail("image-submit", "answer-replaced", status=200, body=json.dumps(body))
    blender.start()
    job = make(blender, State.FAILED)
    assert job.problem is not None
    assert "not a whole look" in job.problem.message
    assert job.spent == 700_000_000
    assert len(posts(service)) == 1


def test_a_stop_while_a_look_is_made_at_once_keeps_its_link(
    blender: Blender, service: StandIn
) -> None:
    service.settings(defers=False, job_seconds=2.0)
    blender.start()
    spec = look(blender)
    blender.say("submit", spec=spec)
    blender.until(spec.id, lambda job: job.sent)
    blender.say("stop", job=spec.id)
    job = blender.until(spec.id, State.CANCELLED)
    assert (job.cost, bool(job.url), job.retryable, job.recoverable) == (
        spec.estimate, True, True, False,
    )  # fmt: skip
    blender.say("retry", job=spec.id)
    assert blender.until(spec.id, State.READY).cost == spec.estimate
    assert len(posts(service)) == len(service.jobs()) == 1


@pytest.mark.parametrize("defers", [True, False])
def test_a_look_whose_link_is_dead(defers: bool, blender: Blender, service: StandIn) -> None:
    """Without an id nobody can be asked for another: the job ends, and says that it was charged."""
    service.settings(defers=defers)
    service.fail("image-download", 404, times=0)
    blender.start()
    job = make(blender, State.FAILED)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.EXPIRED
    assert not says_free(job.problem)
    assert ("no request id" in job.problem.message) is not defers
    assert (job.spent, job.retryable) == (job.spec.estimate, True)
    assert len(service.requests("image-download")) == 3
    service.mend()
    blender.say("retry", job=job.id)
    assert blender.until(job.id, State.READY).cost == job.cost
    assert len(posts(service)) == 1


def test_a_page_in_the_place_of_a_look_is_fetched_again(blender: Blender, service: StandIn) -> None:
    service.fail("image-download", "not-mp4")
    blender.start()
    job = make(blender)
    assert len(service.requests("image-download")) == 2
    assert job.clip == probe(file_of(job))


def test_a_look_that_was_bought_before_is_not_bought_again(
    blender: Blender, make_blender: Callable[[], Blender], service: StandIn
) -> None:
    """A list that is older than the picture, as after a backup was put back."""
    service.settings(picture_format="png")
    blender.start()
    job = make(blender)
    blender.kill()
    for path in blender.data.iterdir():
        if path.is_file():
            path.unlink()
    for path in (blender.data / "jobs").iterdir():
        path.unlink()
    blender.reader.close()
    other = make_blender().start()
    other.say("submit", spec=replace(look(other), id=job.id, output=job.spec.output))
    held = other.until(job.id, lambda job: job.held)
    assert held.problem is not None
    assert f"The look of this job is there already ({file_of(job).name})" in held.problem.message
    assert len(posts(service)) == 1


# ------------------------------------------------------------------------------------------------ what it cost


@pytest.mark.parametrize("defers", [True, False])
@pytest.mark.parametrize(
    "how", ["moderated", "moderated-old", "moderated-null", "moderated-no-url"]
)
def test_a_look_that_was_withheld_counts_as_billed(
    how: str, defers: bool, blender: Blender, service: StandIn
) -> None:
    service.settings(defers=defers)
    service.fail("image-job", how)
    blender.start()
    job = make(blender, State.FAILED)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.MODERATED
    assert job.spent == job.spec.estimate
    assert not says_free(job.problem)
    assert not job.retryable
    assert len(posts(service)) == 1


def test_a_bill_in_a_refusal_is_the_cost(blender: Blender, service: StandIn) -> None:
    """Of a clip as well: what the body of an error says is believed."""
    body = {"code": "imagine:content-moderated", "error": "Rejected by content moderation."}
    body = json.dumps({**body, "usage": {"cost_in_usd_ticks": 123}})
    service.fail("submit", "answer", status=400, body=body, times=2)
    blender.start()
    job = make(blender, State.FAILED)
    clip = blender.until(blender.submit(), State.FAILED)
    assert (job.cost, job.spent) == (clip.cost, clip.spent) == (123, 123)
    assert not says_free(job.problem)


def test_a_refusal_without_a_bill_is_free(blender: Blender, service: StandIn) -> None:
    service.fail("submit", "answer", status=400, body='{"error": "No."}')
    blender.start()
    job = make(blender, State.FAILED)
    assert (job.cost, job.spent) == (None, 0)
    assert says_free(job.problem)


def test_a_limit_holds_a_look_to_the_tick(blender: Blender, service: StandIn) -> None:
    blender.start()
    blender.answer(blender.say("limits", day=1_400_000_000, count_loopback=True))
    make(blender)
    make(blender)
    spec = look(blender, quality="low")
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, lambda job: job.held)
    assert job.problem is not None
    assert job.problem.code is ProblemCode.LIMIT
    assert len(posts(service)) == 2


def test_a_picture_that_changed_holds_the_look_at_its_price(
    blender: Blender, service: StandIn
) -> None:
    blender.start(online=False)
    spec = look(blender)
    spec = replace(spec, image_bytes=os.path.getsize(spec.image))
    blender.say("submit", spec=spec)
    blender.until(spec.id, State.QUEUED)
    Path(spec.image).write_bytes(png(840, 480))
    blender.tell(type="online", online=True)
    job = blender.until(spec.id, lambda job: job.held)
    assert job.instead is not None
    assert job.instead.estimate == spec.estimate
    blender.say("release", job=spec.id, session=blender.session, spec=job.instead)
    done = blender.until(spec.id, State.READY)
    assert service.image(service.jobs()[0]["image"]) == Path(spec.image).read_bytes()
    assert done.cost == spec.estimate


# ------------------------------------------------------------------------------------------------- afterwards


@pytest.mark.parametrize("defers", [True, False])
def test_the_file_of_a_look_is_fetched_again(
    defers: bool, blender: Blender, service: StandIn
) -> None:
    service.settings(defers=defers, picture_format="png")
    blender.start()
    job = make(blender)
    whole = file_of(job).read_bytes()
    file_of(job).unlink()
    blender.say("fetch_again", job=job.id)
    after = blender.until(job.id, lambda now: now.seq > job.seq and not now.fetching)
    assert (after.clip, after.problem) == (job.clip, None)
    assert file_of(job).read_bytes() == whole
    file_of(job).write_bytes(whole[:99])  # broken: put aside
    blender.say("fetch_again", job=job.id)
    after = blender.until(job.id, lambda now: now.seq > after.seq and not now.fetching)
    assert file_of(job).read_bytes() == whole
    assert f"{file_of(job).stem}-broken.png" in folder(blender)
    assert len(posts(service)) == 1


def test_a_look_without_an_id_that_the_service_has_no_more(
    blender: Blender, service: StandIn
) -> None:
    service.settings(defers=False)
    blender.start()
    job = make(blender)
    file_of(job).unlink()
    service.expire(for_ever=True)
    blender.say("fetch_again", job=job.id)
    after = blender.until(job.id, lambda now: now.seq > job.seq and not now.fetching)
    assert after.state is State.READY
    assert after.problem is not None
    assert "clip" not in f"{after.problem.message} {after.problem.hint}"
    assert len(posts(service)) == 1


def test_a_look_whose_folder_is_gone_is_safe_elsewhere(blender: Blender, service: StandIn) -> None:
    service.settings(picture_format="webp")
    blender.start()
    spec = look(blender)
    spec = replace(spec, output=str(blender.folder / "gone" / "deep" / "look.jpg"))
    blender.say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    assert job.problem is not None
    assert "so the look is in" in job.problem.message
    assert file_of(job) == blender.data / "clips" / "look.webp"


def test_a_part_that_was_whole_gets_its_name(blender: Blender) -> None:
    """A power cut took the rename back: the part beside the place is the only copy."""
    blender.start()
    job = make(blender)
    blender.kill()
    path = file_of(job)
    path.rename(path.with_name(f"{path.name}.part"))
    blender.start()
    wait_for(path.exists, "the look to have its name again")
    assert probe(path) == job.clip


def test_models_for_looks_are_asked_for(blender: Blender, service: StandIn) -> None:
    service.settings(image_price=2.0)
    blender.start()
    account = blender.spec().account
    answer = blender.answer(blender.say("models", account=account))
    listed = listed_from(answer)
    spec = look(blender)
    assert estimate_of(spec, listed=listed) == 2 * 600_000_000 + 100_000_000
    assert answer["message"].endswith(f"{len(listed)} more make looks.")
    assert [bool(one.prices) for one in listed] == [True] * len(listed)
    service.fail("models", 404, after=1)  # of the second list: a service that makes no pictures
    answer = blender.answer(blender.say("models", account=account))
    assert (answer["ok"], answer["looks"], bool(answer["models"])) == (True, [], True)


def test_the_log_of_a_look_holds_no_picture(blender: Blender, service: StandIn) -> None:
    service.fail("image-submit", "answer-replaced", status=200, body=json.dumps(B64))
    blender.start()
    job = make(blender)
    log = (blender.data / "jobs" / f"{job.id}.http").read_text("utf-8")
    assert "(a picture)" in log
    assert B64["data"][0]["b64_json"][:40] not in log
    assert IN_THE_ANSWER not in file_of(job).with_suffix(".json").read_text("utf-8")


def test_what_a_late_worker_says_of_a_look_is_kept(blender: Blender) -> None:
    """Its answer came after somebody had taken it for dead."""
    spec = look(blender)
    ledger = Ledger.open(blender.data)
    lost = Problem(ProblemCode.ANSWER_LOST, "The program ended.")
    for event in (Created(spec), SubmitStarted(1), Sending(), AnswerLost(lost)):
        ledger.append(spec.id, None, event)
    job = ledger.append(spec.id, None, Bought("https://imgen.x.ai/1.jpeg", 5))
    ledger.close()
    assert (job.state, job.cost, job.problem) == (State.DOWNLOADING, 5, None)
