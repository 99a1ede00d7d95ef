"""The log of a job for people: whole, readable, and safe to show to anybody."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.events import Created, Event, Sending, SubmitStarted, Unrecognised
from grok_video.core.job import Job, State
from grok_video.core.redact import Redaction
from grok_video.ledger import job_log
from grok_video.ledger.ledger import Ledger
from grok_video.service.request import RemoteClip, submission
from grok_video.worker.call_log import _LONGEST_BODY, CallLog, answer_text
from tests.core.conftest import KEY, make_spec, replay
from tests.core.test_job import ROADS, SAMPLES
from tests.core.test_worker import Blender, blender, make_blender, one_service, service
from tests.keysearch import held
from tests.posix import OTHERS
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

NOW = 1_800_000_000.0
PLAIN = Redaction()


def log_of(blender: Blender, job: Job) -> str:
    redaction = Redaction(blender.service.key, [job], [str(blender.data)])
    return job_log.text_of(job, blender.data, redaction, now=time.time())


def test_what_was_sent_and_what_came_back(blender: Blender, service: StandIn) -> None:
    service.fail("poll", 503, times=3)
    service.fail("download", "truncate")
    spec = blender.spec(prompt="A “heron”\nlifts off")
    blender.start().say("submit", spec=spec)
    job = blender.until(spec.id, State.READY)
    text = log_of(blender, job)
    sent, answered = text.index("→ POST /v1/videos/generations"), text.index("← 200 to POST")
    assert sent < answered < text.index("submitted, request id")
    assert '"prompt": "A “heron”\\nlifts off"' in text
    assert "  Prompt      A “heron”\n              lifts off\n" in text
    size = os.path.getsize(spec.image)
    assert f"({size} bytes, sha256 {service.jobs()[0]['image']})" in text
    assert text.count("← 503 to GET") == 1  # the others were like it
    assert "(after 2 like the one before)" in text
    assert "download broken" in text
    assert f"it cost ${job.cost / 10**10:.2f}" in text if job.cost else False
    assert f"request id {job.request_id}" in text
    assert f"downloaded: {Path(spec.output).name}, 848 × 480, 25 frames" in text
    zone = f"{datetime.now().astimezone():%z}"  # Wine's own strftime says -0000
    lines = [line for line in text.splitlines() if line.startswith("  20")]
    assert len(lines) > 8
    assert all(f" {zone}  " in line for line in lines)
    assert [line[:25] for line in lines] == sorted(line[:25] for line in lines)
    # What must not be in it.
    assert held(text.encode(), [service.key]) == []
    assert "base64" not in text
    assert "://" not in text
    assert "xai-video" not in text
    assert str(blender.folder) not in text
    assert os.sep + "tmp" + os.sep not in text
    calls = blender.data / "jobs" / f"{spec.id}.http"
    assert calls.stat().st_mode & OTHERS == 0
    assert b"xai-video" not in calls.read_bytes()  # the result's address is a secret there as well


@pytest.mark.parametrize(
    ("at", "what", "how", "told"),
    [
        ("submit", "err-422-aspect", {}, ["← 422 to POST", "rejected: REQUEST", "HTTP 422"]),
        ("submit", "answer-lost", {}, ["← no answer to POST", "answer lost: ANSWER_LOST"]),
        ("submit", "close", {}, ["← no answer to POST", "127.0.0.1"]),
        (
            "submit",
            "answer",
            {"status": 429, "body": "slow", "headers": {"Retry-After": "0"}},
            ["← 429 to POST", "retry-after: 0", "not sent", "slow"],
        ),
        ("job", "moderated", {}, ["respect_moderation", "ended by the service", "MODERATED"]),
        ("poll", "html", {}, ["<title>Oops</title>"]),
        ("download", "not-mp4", {}, ["download broken", "not a whole clip"]),
    ],
)
def test_what_went_wrong_is_told(
    blender: Blender, service: StandIn, at: str, what: str, how: dict[str, Any], told: list[str]
) -> None:
    service.fail(at, what, **how)
    blender.start()
    job_id = blender.submit()
    blender.until(job_id, lambda job: job.state in (State.READY, State.FAILED, State.UNKNOWN))
    job = blender.job(job_id)
    assert job is not None
    text = log_of(blender, job)
    for words in told:
        assert words in text


def test_a_clip_that_is_named_is_told_by_its_host(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    spec = make_spec()
    named = RemoteClip("https://vidgen.x.ai/bucket/secret.mp4?sig=1", "request-1")
    rework = replace(spec, kind="extend", video=None)
    upload = submission(rework, named)
    CallLog(tmp_path).sends(spec.id, upload)
    (line,) = (tmp_path / "jobs" / f"{spec.id}.http").read_text("utf-8").splitlines()
    assert "vidgen.x.ai" in line
    assert "secret" not in line
    assert "sig=1" not in line


def made(data_dir: Path, *events: Event, **changes: Any) -> Job:
    """A job of these events, with its journal in ``data_dir``."""
    ledger = Ledger.open(data_dir)
    spec = make_spec(**changes)
    for event in (Created(spec), *events):
        ledger.append(spec.id, None, event)
    job = ledger.job(spec.id)
    ledger.close()
    assert job is not None
    return job


@pytest.mark.parametrize("kind", list(SAMPLES.values()), ids=lambda event: event.kind)
def test_every_event_has_words(kind: Event) -> None:
    words = job_log._told(kind)
    assert words
    assert not words.startswith(f"{type(kind).__name__}(")
    assert words != kind.kind


@pytest.mark.parametrize("state", State)
def test_every_state_is_told(tmp_path: Path, state: State) -> None:
    job = made(tmp_path, *ROADS[state])
    text = job_log.text_of(job, tmp_path, PLAIN, now=NOW)
    assert f"  State       {state}" in text
    assert text.count("  made, waits to be sent") == 1


def test_events_of_a_newer_version_are_named_and_no_more(tmp_path: Path) -> None:
    job = made(tmp_path, Unrecognised("teleported", {"secret": "inside"}))
    text = job_log.text_of(job, tmp_path, PLAIN, now=NOW)
    assert "“teleported”, of a newer version" in text
    assert "written by a newer version" in text
    assert "inside" not in text


def test_files_that_are_gone_or_damaged_leave_the_job_itself(tmp_path: Path) -> None:
    job = made(tmp_path, SubmitStarted(5), Sending())
    journal = tmp_path / "jobs" / f"{job.id}.jsonl"
    calls = tmp_path / "jobs" / f"{job.id}.http"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(lines[0] + b"\xff\xfe noise\n" + lines[2])
    calls.write_bytes(b'{"at": 1\n[]\n{"at": "x"}\n{"at": 5, "what": "teleported"}\n\xff{}')
    text = job_log.text_of(job, tmp_path, PLAIN, now=NOW)
    assert "sending: the last byte leaves now" in text
    assert "(teleported)" in text
    journal.unlink()
    calls.unlink()
    text = job_log.text_of(job, tmp_path, PLAIN, now=float("inf"))
    assert job.spec.prompt in text
    assert "cannot be read" in text


def test_the_calls_of_a_job_stay_small_and_keep_both_ends(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    spec = make_spec()
    calls = CallLog(tmp_path)
    calls.sends(spec.id, submission(spec))
    for number in range(100):
        body = json.dumps({"status": "pending", "n": number, "filler": "x" * 9000}).encode()
        calls.answered(spec.id, "GET", 200, {}, body, time.monotonic())
    path = tmp_path / "jobs" / f"{spec.id}.http"
    assert path.stat().st_size <= job_log.LARGEST + _LONGEST_BODY + 1000
    first, *_, last = path.read_text("utf-8").splitlines()
    assert json.loads(first)["what"] == "sends"
    assert '\\"n\\": 99' in last
    assert sum('"left out"' in line for line in path.read_text("utf-8").splitlines()) >= 1


def test_an_answer_does_not_wait_for_its_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to a POST is noted before its id is on record: a scanner or a slow disk must not come between."""
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a.http").write_bytes(b"{}\n" * job_log.LARGEST)
    waits: list[object] = []

    def refused(*_paths: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "replace", refused)
    monkeypatch.setattr(os, "fsync", waits.append)
    monkeypatch.setattr(time, "sleep", waits.append)
    CallLog(tmp_path).answered("a", "POST", 200, {}, b"{}", 0.0)
    assert waits == []
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["a.http"]


def test_no_trouble_with_the_note_ends_the_call(tmp_path: Path) -> None:
    calls = CallLog(tmp_path / "not there")
    calls.sends("a", submission(make_spec(image=str(tmp_path / "gone.png"), image_mime="x/y")))
    calls.answered("a", "POST", 200, {}, b"{}", 0.0)
    calls.unanswered("a", "GET", "words", 0.0)


# ------------------------------------------------------------------------------------ what is taken out


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://vidgen.x.ai/a/b.mp4?sig=1, then", "see vidgen.x.ai then"),
        ("HTTPS://user:pw@h.example:8/x", "h.example"),
        ("file:///home/ann/secret/x.png", "x.png"),
        ("_https://v.x.ai/p 7https://v.x.ai/p -https://v.x.ai/p", "_v.x.ai v.x.ai v.x.ai"),
        ("at ://v.x.ai/p", "at v.x.ai"),
        (f"Bearer {KEY}", "Bearer xai-***"),
        ("key xa***jU", "key ***"),
        ("The folder /home/ann/films cannot be written", "The folder films cannot be written"),
        ("in /Users/ann/films/shot.blend:", "in shot.blend:"),
        (r"in C:\Users\ann\shot.blend today", "in shot.blend today"),
        (r"on \\server\share\shot.blend", "on shot.blend"),
        ("~/films/a.mp4 is", "a.mp4 is"),
        ("→ GET /v1/videos/abc", "→ GET /v1/videos/abc"),
        ("16:9 and 24/25", "16:9 and 24/25"),
    ],
)
def test_addresses_keys_and_folders_are_taken_out(text: str, shown: str) -> None:
    assert Redaction()(text) == shown


@pytest.mark.parametrize("pad", ["a.", "a", "://", "http:", "\\", "data:", "xai", "a*", "/tmp"])
def test_no_text_of_the_service_takes_long(tmp_path: Path, pad: str) -> None:
    """Seconds of the processor, with room: patterns that start over at each character took ten times as long."""
    (tmp_path / "jobs").mkdir()
    long = pad * ((64 << 10) // len(pad))
    began = time.process_time()
    for header in ("X-Pad", "Location"):
        CallLog(tmp_path).answered("a", "POST", 200, {header: long}, b"{}", 0.0)
    Redaction(KEY)(long)
    answer_text(long.encode())
    answer_text(json.dumps({"error": long}).encode())
    assert time.process_time() - began < 2
    _, line = (tmp_path / "jobs" / "a.http").read_text("utf-8").splitlines()
    assert len(line) < 1000


def test_of_the_headers_the_few_are_kept_short_and_without_addresses(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    headers = {
        "Location": "https://v.x.ai/SECRETPATH",
        "Retry-After": "7" * 500,
        "X-Request-Id": "see https://" + "v" * 5000 + "/SECRETPATH",
        "Set-Cookie": "session=1",
    }
    CallLog(tmp_path).answered("a", "POST", 200, headers, b"{}", 0.0)
    kept = json.loads((tmp_path / "jobs" / "a.http").read_text("utf-8"))["headers"]
    assert kept.pop("location") == "v.x.ai"
    assert sorted(kept) == ["retry-after", "x-request-id"]
    assert all(len(value) == 200 for value in kept.values())
    assert "SECRETPATH" not in str(kept)


def test_folders_with_blanks_are_known_by_the_job() -> None:
    """No pattern can tell where such a path ends."""
    spec = make_spec(
        output="/home/ann/My Films (2)/shots/clip.mp4",
        image="/odd root/still a.png",
        target=replace(make_spec().target, blend="/home/ann/My Films (2)/shot.blend"),
    )
    job = replay([(Created(spec), 1.0)])
    hide = Redaction(jobs=[job])
    text = (
        "The folder /home/ann/My Films (2)/shots cannot be written; /odd root/still a.png is gone"
    )
    assert hide(text) == "The folder … cannot be written; still a.png is gone"
    assert Redaction(jobs=[job], keep_paths=True)(text) == text


def test_prompts_are_taken_out_however_they_are_written() -> None:
    prompt = 'A “heron”\nsays "hello"'
    hide = Redaction(prompts=[prompt, ""])
    for text in (
        prompt,
        json.dumps(prompt),
        json.dumps(prompt, ensure_ascii=False),
        prompt.replace("\n", " "),
    ):
        shown = hide(f"it said {text}!")
        assert "heron" not in shown
        assert "hello" not in shown


@given(
    st.binary(max_size=400), st.sampled_from(["", '"url": "https://v.x.ai/q/SECRETPATH.mp4"', KEY])
)
def test_any_answer_becomes_plain_text(body: bytes, inside: str) -> None:
    text = answer_text(body + b'{"a": {' + inside.encode() + b"}}" + body)
    assert "SECRETPATH" not in text
    assert KEY[4:] not in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert len(text) < _LONGEST_BODY + 50


@pytest.mark.parametrize(
    "body",
    [
        {"video": {"url": "https:\\/\\/v.x.ai\\/SECRETPATH"}},
        json.dumps({"error": json.dumps({"url": "https://v.x.ai/SECRETPATH"})}),
        '{"url": "https:\\/\\/v.x.ai\\/SECRETPATH"',  # cut short
        {"image": "data:image/png;base64," + "QUJD" * 500},
        "x" * 100_000,
        "[" * 50_000,
    ],
)
def test_odd_answers_are_short_and_without_addresses(body: Any) -> None:
    raw = body if isinstance(body, str) else json.dumps(body)
    text = answer_text(raw.encode())
    assert "SECRETPATH" not in text
    assert "QUJDQUJD" not in text
    assert len(text) < _LONGEST_BODY + 50


def test_the_text_is_put_down_for_its_user_alone(tmp_path: Path) -> None:
    job = replay([(Created(make_spec()), 1.0)])
    folder = tmp_path / "logs"
    path = job_log.write(folder, job, "é\ud800")
    assert path == job_log.write(folder, job, "again")
    assert path.read_text("utf-8") == "again"
    assert path.stat().st_mode & OTHERS == 0
    assert folder.stat().st_mode & OTHERS == 0
    assert os.listdir(folder) == [path.name]
