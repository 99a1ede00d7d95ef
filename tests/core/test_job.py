"""The one transition table: every (state, event) pair, the money rules, replay, and what files may hold."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.events import (
    EVENTS,
    MONEY_EVENTS,
    AnswerLost,
    Billed,
    Blocked,
    Bought,
    Created,
    Dated,
    Done,
    DownloadBroken,
    Downloaded,
    Event,
    FetchAgain,
    FetchedAgain,
    FetchEnded,
    FetchLink,
    FetchTrouble,
    Held,
    ImportClaimed,
    Imported,
    ImportReleased,
    LocalFailed,
    NotCharged,
    NotSent,
    Progress,
    Rejected,
    Released,
    Retried,
    SeamMeasured,
    Sending,
    ServiceFailed,
    Slow,
    StopRequested,
    SubmitStarted,
    Submitted,
    Unrecognised,
    UrlGone,
)
from grok_video.core.job import IllegalTransition, Job, State, apply
from grok_video.core.payload import (
    from_payload,
    job_from_payload,
    job_to_payload,
    spec_from_payload,
    spec_to_payload,
    to_payload,
)
from grok_video.core.problem import Problem, ProblemCode
from grok_video.core.seam import Seam
from grok_video.core.spec import Clip, Keyframe, Kind, Picture, SourceVideo, Target, account_of
from tests.core.conftest import KEY, make_spec, replay

CLIP = Clip("/clips/a.mp4", 5000, 848, 480, 24.0, 145, 145 / 24, True)
TROUBLE = Problem(ProblemCode.NETWORK, "It broke.", "Try again.", http_status=502)
URL = "https://a.example/c.mp4"

CURVES = (0.0, 0.5, 1.0), (0.0, 0.4, 1.0), (0.0, 0.5, 1.0), (0.1, 0.6, 1.0)
SEAM = Seam("sRGB", *CURVES, (1.1,) * 8, (0.01,) * 8, (0.99,) * 8)
PICTURE = Picture("/stills/a.png", "image/png", 5000, "Camera.001")
#: A spec that has everything in it; no service takes all of this at once.
RICH = make_spec(
    kind=Kind.EXTEND,
    image_pixels=(848, 480),
    target=Target(
        *("session-a", "/films/a.blend", "Scene", 97, "AFTER", "Shot", "m1", 3, 96, 4),
        scene_uid=71,
        scene_mark="session-a-71",
    ),
    video=SourceVideo("/stills/a.mp4", 4.04, 90_000, 848, 480, "job-1", SEAM),
    references=(PICTURE, Picture("/stills/b.jpg", "image/jpeg")),
    last_frame=PICTURE,
    keyframes=(Keyframe(PICTURE, 4), Keyframe(PICTURE, 7)),
    unchecked=True,
)

#: One of each event, as the wire, the worker and the user make them.
SAMPLES: dict[type[Event], Event] = {
    type(event): event
    for event in (
        Created(RICH),
        Held(TROUBLE),
        Released("session-b"),
        SubmitStarted(520_000_000),
        Sending(),
        Submitted("request-1"),
        NotSent(TROUBLE, 7.5),
        Rejected(TROUBLE),
        AnswerLost(TROUBLE),
        Bought(URL, 500_000_000),
        Billed(TROUBLE, 500_000_000),
        Progress(42),
        Blocked(TROUBLE),
        Slow(),
        Done(URL, 500_000_000),
        ServiceFailed(TROUBLE, 500_000_000),
        DownloadBroken(TROUBLE, 3.0),
        UrlGone(),
        Downloaded(CLIP, TROUBLE),
        LocalFailed(TROUBLE),
        StopRequested(),
        Retried(),
        NotCharged(),
        Dated(50.0),
        ImportClaimed("session-a"),
        ImportReleased(TROUBLE),
        Imported("Scene", "/films/a.blend"),
        SeamMeasured(SEAM),
        FetchAgain(),
        FetchLink(URL, 500_000_000),
        FetchTrouble(TROUBLE, 3.0),
        FetchedAgain(CLIP, TROUBLE),
        FetchEnded(TROUBLE),
    )
}

SENT = (SubmitStarted(520_000_000), Sending())
BOUGHT = (*SENT, Submitted("request-1"))
#: How a job comes into each state.
ROADS: dict[State, tuple[Event, ...]] = {
    State.QUEUED: (),
    State.SUBMITTING: (SubmitStarted(520_000_000),),
    State.RUNNING: BOUGHT,
    State.DOWNLOADING: (*BOUGHT, Done(URL)),
    State.READY: (*BOUGHT, Done(URL), Downloaded(CLIP)),
    State.IMPORTED: (*BOUGHT, Done(URL), Downloaded(CLIP), Imported("Scene")),
    State.FAILED: (*BOUGHT, LocalFailed(TROUBLE)),
    State.CANCELLED: (*BOUGHT, StopRequested()),
    State.UNKNOWN: (*SENT, AnswerLost(TROUBLE)),
}

#: What may happen in each state and where it leads, from the architecture's states and the rules of safety.
#: '.' stays. Everything that is not here must be refused.
ALLOWED: dict[str, str] = {
    "QUEUED": "held . released . submit_started SUBMITTING local_failed FAILED stop_requested CANCELLED",
    "SUBMITTING": "sending . submitted RUNNING not_sent QUEUED rejected FAILED answer_lost UNKNOWN"
    " bought DOWNLOADING billed FAILED stop_requested .",
    "RUNNING": "progress . blocked . slow . done DOWNLOADING service_failed FAILED local_failed FAILED"
    " stop_requested CANCELLED",
    "DOWNLOADING": "blocked . download_broken . url_gone RUNNING downloaded READY local_failed FAILED"
    " stop_requested CANCELLED",
    # Of the fetching of a file that is gone only its beginning and its success: see FETCHING.
    "READY": "import_claimed . import_released . imported IMPORTED fetch_again . fetched_again ."
    " seam_measured .",
    "IMPORTED": "imported . import_released . fetch_again . fetched_again . seam_measured .",  # Import Again always stays
    "FAILED": "retried RUNNING not_charged .",
    "CANCELLED": "retried RUNNING not_charged .",
    # Not retried: without an id there is nothing to ask for.
    "UNKNOWN": "submitted RUNNING bought DOWNLOADING billed FAILED stop_requested CANCELLED not_charged .",
}


#: What may happen while the file of a delivered clip is fetched again: all of it leaves the job where it is.
FETCHING = "fetch_link fetch_trouble fetched_again fetch_ended"


def made(*events: Event, at: float = 100.0) -> Job:
    """A job to which these happened, one a second from ``at`` on."""
    return replay(
        [(event, at + second) for second, event in enumerate((SAMPLES[Created], *events))]
    )


def there(state: State) -> Job:
    job = made(*ROADS[state])
    assert job.state is state
    return job


# ------------------------------------------------------------------------------------------------- the table


def test_every_event_and_every_state_has_a_sample() -> None:
    assert set(SAMPLES) == set(EVENTS.values())
    assert set(ROADS) == set(State) == {State(name) for name in ALLOWED}
    assert all(cls.kind == kind for kind, cls in EVENTS.items())
    assert set(EVENTS) >= MONEY_EVENTS


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: event.kind)
@pytest.mark.parametrize("state", State)
def test_the_table(state: State, event: Event) -> None:
    words = ALLOWED[state].split()
    leads = {**dict(zip(words[::2], words[1::2], strict=True)), "dated": "."}
    before = there(state)
    kept = dataclasses.replace(before)
    if event.kind not in leads:
        with pytest.raises(IllegalTransition):
            apply(before, event, 500.0)
    else:
        after = apply(before, event, 500.0)
        wanted = leads[event.kind]
        assert after.state == (state if wanted == "." else wanted)
        assert after.seq == before.seq + 1
        assert after.updated_at == 500.0
        assert after.spec is before.spec
    assert before == kept


def test_a_job_begins_with_being_created() -> None:
    for event in SAMPLES.values():
        if isinstance(event, Created):
            job = apply(None, event, 7.0)
            assert (job.state, job.seq, job.created_at) == (State.QUEUED, 1, 7.0)
            assert job.released_by == event.spec.target.session
        else:
            with pytest.raises(IllegalTransition):
                apply(None, event, 7.0)


# --------------------------------------------------------------------------------------------------- money


def test_the_last_byte_leaves_once() -> None:
    sent = made(*SENT)
    with pytest.raises(IllegalTransition):
        apply(sent, Sending(), 9.0)
    # After *later* (429, 425) nothing was started, so it may leave again.
    again = made(*SENT, NotSent(TROUBLE, 7.5), SubmitStarted(5), Sending())
    assert again.sent


def test_the_estimate_is_reserved_until_it_is_known_that_nothing_was_bought() -> None:
    reserved = made(SubmitStarted(520_000_000))
    assert reserved.reserved == 520_000_000
    for free in (NotSent(TROUBLE), Rejected(TROUBLE)):
        assert apply(reserved, free, 9.0).reserved == 0
    for state in (
        State.RUNNING,
        State.DOWNLOADING,
        State.READY,
        State.FAILED,
        State.CANCELLED,
        State.UNKNOWN,
    ):
        assert there(state).reserved == 520_000_000, state
    assert made(*BOUGHT, ServiceFailed(TROUBLE)).reserved == 520_000_000


def test_what_the_service_says_of_the_cost_is_kept() -> None:
    assert made(*BOUGHT, Done(URL, 5)).cost == 5
    assert made(*BOUGHT, ServiceFailed(TROUBLE, 7)).cost == 7
    # A second poll, after the URL was gone, may say nothing of it.
    assert made(*BOUGHT, Done(URL, 5), UrlGone(), Done(URL, None)).cost == 5
    assert made(*BOUGHT, Done(URL, 5), UrlGone(), ServiceFailed(TROUBLE)).cost == 5


def test_the_users_word_that_nothing_was_charged() -> None:
    """It counts where nobody knows better, and no longer once the job goes on."""
    lost = made(*SENT, AnswerLost(TROUBLE))
    assert (lost.spent, lost.charge_open) == (520_000_000, True)
    free = apply(lost, NotCharged(), 9.0)
    assert (free.spent, free.charge_open, free.reserved) == (0, False, 520_000_000)
    with pytest.raises(IllegalTransition):
        apply(free, NotCharged(), 10.0)
    assert apply(free, Submitted("request-1"), 10.0).spent == 520_000_000
    stopped = apply(made(*BOUGHT, StopRequested()), NotCharged(), 9.0)
    assert stopped.spent == 0
    assert apply(stopped, Retried(), 10.0).spent == 520_000_000
    assert made(*BOUGHT, Done(URL, 7)).spent == 7
    for known in (made(*SENT, Rejected(TROUBLE)), made(*BOUGHT, ServiceFailed(TROUBLE, 5))):
        with pytest.raises(IllegalTransition):
            apply(known, NotCharged(), 9.0)


def test_a_stop_while_the_answer_is_awaited_ends_with_the_id() -> None:
    stopped = made(*SENT, StopRequested())
    assert stopped.state is State.SUBMITTING
    done = apply(stopped, Submitted("request-1"), 9.0)
    assert (done.state, done.request_id, done.finished_at) == (State.CANCELLED, "request-1", 9.0)
    assert apply(done, Retried(), 10.0).state is State.RUNNING
    assert apply(stopped, NotSent(TROUBLE), 9.0).state is State.CANCELLED
    assert apply(stopped, Rejected(TROUBLE), 9.0).state is State.FAILED
    assert apply(stopped, AnswerLost(TROUBLE), 9.0).state is State.UNKNOWN


@pytest.mark.parametrize("stops", [(), (StopRequested(),)])
def test_an_unknown_job_takes_an_id(stops: tuple[Event, ...]) -> None:
    lost = made(*SENT, *stops, AnswerLost(TROUBLE))
    job = apply(lost, Submitted("request-1"), 9.0)
    assert (job.state, job.request_id, job.problem) == (State.RUNNING, "request-1", None)
    assert job.finished_at == 0
    assert not job.stop_requested
    assert job.open


@pytest.mark.parametrize("delivered", [False, True])
def test_without_an_id_no_link_is_forgotten(delivered: bool) -> None:
    """Of an answer that said it all: nobody can be asked for another."""
    job = made(*SENT, Bought(URL))
    gone: Event = UrlGone()
    if delivered:
        job = made(*SENT, Bought(URL), Downloaded(CLIP), FetchAgain())
        gone = FetchLink("")
    with pytest.raises(IllegalTransition):
        apply(job, gone, 500.0)
    assert not job.awaits_link


def test_a_job_without_an_id_was_not_submitted() -> None:
    with pytest.raises(IllegalTransition):
        apply(made(*SENT), Submitted(""), 9.0)


@pytest.mark.parametrize("code", ProblemCode)
def test_what_is_about_the_request_is_final_and_the_rest_is_asked_for_again(
    code: ProblemCode,
) -> None:
    problem = Problem(code, "It broke.")
    job = made(*BOUGHT, LocalFailed(problem))
    if code in {"DOWNLOAD", "FILE", "NETWORK", "CRASHED", "SERVICE", "EXPIRED"}:
        assert job.retryable
        assert apply(job, Retried(), 9.0).state is State.RUNNING
    else:
        assert not job.retryable
        with pytest.raises(IllegalTransition):
            apply(job, Retried(), 9.0)


def test_what_was_never_bought_is_not_retried() -> None:
    for job in (made(StopRequested()), made(LocalFailed(TROUBLE)), there(State.UNKNOWN)):
        assert not job.retryable
        with pytest.raises(IllegalTransition):
            apply(job, Retried(), 9.0)


def test_a_retry_goes_on_where_it_stopped_and_is_clean() -> None:
    job = made(
        *BOUGHT,
        Slow(),
        Done(URL),
        UrlGone(),
        Done(URL),
        DownloadBroken(TROUBLE, 60.0),
        Blocked(TROUBLE),
        StopRequested(),
        Retried(),
    )
    assert job.state is State.DOWNLOADING
    assert (job.url, job.request_id) == (URL, "request-1")
    assert (job.slow, job.blocked, job.stop_requested, job.problem) == (False, False, False, None)
    assert (job.urls_gone, job.downloads_broken, job.not_before, job.finished_at) == (0, 0, 0, 0)
    assert job.open


# ------------------------------------------------------------------------------------------------- the fold


def test_waiting() -> None:
    assert made(SubmitStarted(5), NotSent(TROUBLE, 7.5), at=100.0).not_before == 102.0 + 7.5
    broken = made(*BOUGHT, Done(URL), DownloadBroken(TROUBLE, 3.0), DownloadBroken(TROUBLE, 9.0))
    assert broken.not_before == 106.0 + 9.0
    assert broken.downloads_broken == 2
    assert apply(broken, Downloaded(CLIP), 200.0).downloads_broken == 0


@pytest.mark.parametrize(
    "event", [e for e in SAMPLES.values() if hasattr(e, "problem")], ids=lambda event: event.kind
)
def test_a_trouble_is_the_jobs_trouble(event: Event) -> None:
    befores = [there(state) for state in State if event.kind in ALLOWED[state].split()]
    befores += [fetching(State.IMPORTED)] if event.kind in FETCHING.split() else []
    assert befores
    for before in befores:
        assert apply(before, event, 9.0).problem == TROUBLE


def test_urls_that_are_gone_are_counted_in_a_row() -> None:
    job = made(*BOUGHT, Done(URL), UrlGone(), Done(URL), UrlGone())
    assert (job.urls_gone, job.url, job.state) == (2, "", State.RUNNING)
    assert apply(apply(job, Done(URL), 9.0), Downloaded(CLIP), 9.0).urls_gone == 0


def test_a_good_poll_clears_what_blocked_it() -> None:
    blocked = made(*BOUGHT, Blocked(TROUBLE))
    assert (blocked.blocked, blocked.problem) == (True, TROUBLE)
    for good in (Progress(5), Done(URL)):
        job = apply(blocked, good, 9.0)
        assert (job.blocked, job.problem) == (False, None)
    assert apply(blocked, Progress(5), 9.0).progress == 5
    assert apply(blocked, Done(URL), 9.0).progress == 100


def test_held_jobs_wait_for_the_users_word() -> None:
    held = made(Held(TROUBLE))
    assert held.held
    assert not held.open
    job = apply(held, Released("session-b"), 300.0)
    assert not job.held
    assert job.open
    assert (job.released_by, job.released_at, job.problem) == ("session-b", 300.0, None)
    assert apply(held, StopRequested(), 300.0).state is State.CANCELLED


def test_an_import_is_claimed_once() -> None:
    claimed = made(*ROADS[State.READY], ImportClaimed("session-a"))
    with pytest.raises(IllegalTransition):
        apply(claimed, ImportClaimed("session-b"), 9.0)
    freed = apply(claimed, ImportReleased(TROUBLE), 9.0)
    assert (freed.claimed_by, freed.problem) == ("", TROUBLE)
    assert apply(freed, ImportClaimed("session-b"), 9.0).claimed_by == "session-b"
    assert apply(claimed, Imported("Edit"), 9.0).imported_into == "Edit"


def test_a_clip_that_is_safe_but_elsewhere_says_so() -> None:
    job = made(*BOUGHT, Done(URL), Downloaded(CLIP, TROUBLE))
    assert (job.clip, job.problem, job.state) == (CLIP, TROUBLE, State.READY)


def test_the_end_has_its_time_once() -> None:
    for state in (State.FAILED, State.CANCELLED, State.UNKNOWN, State.IMPORTED):
        job = there(state)
        assert job.finished_at == job.updated_at
    assert there(State.READY).finished_at == 0
    twice = apply(there(State.IMPORTED), Imported("Other"), 999.0)
    assert twice.finished_at == there(State.IMPORTED).finished_at


def test_an_event_of_a_newer_version_is_kept_and_stops_the_driving() -> None:
    event = from_payload("teleported", {"to": "the moon"})
    assert to_payload(event) == {"to": "the moon"}
    for state in State:
        before = there(state)
        after = apply(before, event, 500.0)
        assert (after.state, after.seq, after.driven) == (state, before.seq + 1, False)
        assert not after.retryable


# --------------------------------------------------------------------------------------- a file, fetched again

DELIVERED = (State.READY, State.IMPORTED)


def fetching(state: State) -> Job:
    return apply(there(state), FetchAgain(), 300.0)


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: event.kind)
@pytest.mark.parametrize("state", DELIVERED)
def test_what_may_happen_while_a_file_is_fetched_again(state: State, event: Event) -> None:
    before = fetching(state)
    assert (before.state, before.open, before.fetchable_again) == (state, True, False)
    also = {*ALLOWED[state].split()[::2], *FETCHING.split(), "dated"} - {"fetch_again"}
    if event.kind not in also:
        with pytest.raises(IllegalTransition):
            apply(before, event, 500.0)
        return
    after = apply(before, event, 500.0)
    assert after.state is (State.IMPORTED if isinstance(event, Imported) else state)
    assert after.fetching == (not isinstance(event, FetchedAgain | FetchEnded))
    assert after.open == after.fetching


@pytest.mark.parametrize("state", DELIVERED)
def test_a_file_that_is_fetched_again_changes_nothing_else(state: State) -> None:
    before = there(state)
    job = before
    trouble = Problem(ProblemCode.KEY, "There is no API key.")
    for second, event in enumerate(
        (
            FetchAgain(),
            FetchLink(""),
            FetchTrouble(trouble, blocked=True),
            FetchTrouble(),
            FetchLink("https://a.example/d.mp4"),
            FetchTrouble(TROUBLE, 3.0),
            FetchedAgain(CLIP),
        )
    ):
        job = apply(job, event, 900.0 + second)
    assert job.awaits_link is job.awaits_file is False
    kept = {"seq": before.seq, "updated_at": before.updated_at, "not_before": before.not_before}
    kept |= {"url": before.url, "urls_gone": 0, "downloads_broken": 0}
    assert dataclasses.replace(job, **kept) == before


def test_a_link_that_is_named_again_bills_nothing() -> None:
    known = made(*BOUGHT, Done(URL, 7), Downloaded(CLIP), FetchAgain(), FetchLink(URL, 9))
    assert known.spent == 7
    unknown = made(*BOUGHT, Done(URL), Downloaded(CLIP), FetchAgain(), FetchLink(URL, 9))
    assert unknown.spent == 9
    assert unknown.done_at == made(*BOUGHT, Done(URL)).done_at  # it makes no clip younger


def test_what_is_due_while_a_file_is_fetched_again() -> None:
    job = fetching(State.IMPORTED)
    assert (job.awaits_file, job.awaits_link) == (True, False)
    job = apply(job, FetchLink(""), 1.0)
    assert (job.awaits_file, job.awaits_link, job.urls_gone) == (False, True, 1)
    ended = apply(job, FetchEnded(TROUBLE), 2.0)
    assert (ended.open, ended.problem, ended.fetchable_again) == (False, TROUBLE, True)
    assert apply(job, FetchEnded(), 2.0).problem is None
    job = apply(job, FetchLink(URL), 3.0)
    assert (job.awaits_file, job.awaits_link) == (True, False)


# ------------------------------------------------------------------------------------------- random histories


@given(
    st.lists(
        st.sampled_from([e for e in SAMPLES.values() if not isinstance(e, Created)]), max_size=60
    )
)
def test_no_history_breaks_the_rules(wanted: list[Event]) -> None:
    happened: list[tuple[Event, float]] = [(SAMPLES[Created], 100.0)]
    job = replay(happened)
    posts = 0
    for second, event in enumerate(wanted):
        at = 101.0 + second
        try:
            after = apply(job, event, at)
        except IllegalTransition:
            continue
        happened.append((event, at))
        posts += isinstance(event, Sending)
        posts -= isinstance(event, NotSent) and job.sent  # *later*: it was not bought
        # One job, one purchase; and an id is never forgotten.
        assert posts <= 1
        assert not job.request_id or after.request_id
        assert after.seq == job.seq + 1
        assert (after.finished_at > 0) == (
            after.state in {State.IMPORTED, State.FAILED, State.CANCELLED, State.UNKNOWN}
        )
        if after.state is State.RUNNING or after.awaits_link:
            assert after.request_id
        if after.state in {State.DOWNLOADING, State.READY, State.IMPORTED}:
            assert after.request_id or after.url
        job = after
    # What went through JSON, event by event or as a whole, is the same job.
    stored = [(event.kind, json.dumps(to_payload(event)), at) for event, at in happened]
    assert replay([(from_payload(k, json.loads(p)), at) for k, p, at in stored]) == job
    assert job_from_payload(json.loads(json.dumps(job_to_payload(job)))) == job


# ------------------------------------------------------------------------------------------------- payloads


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: event.kind)
def test_an_event_survives_the_ledger(event: Event) -> None:
    stored = json.loads(json.dumps(to_payload(event)))
    assert from_payload(event.kind, stored) == event
    # A newer version may say more.
    assert from_payload(event.kind, {**stored, "mood": "sunny"}) == event


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: event.kind)
def test_an_event_that_lacks_something_or_holds_a_wrong_thing_is_refused(event: Event) -> None:
    stored = to_payload(event)
    for field in dataclasses.fields(event):
        without = {name: value for name, value in stored.items() if name != field.name}
        if field.default is dataclasses.MISSING:
            with pytest.raises(ValueError, match=event.kind):
                from_payload(event.kind, without)
        else:
            assert type(from_payload(event.kind, without)) is type(event)
        with pytest.raises(ValueError, match=event.kind):
            from_payload(event.kind, {**stored, field.name: object()})


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("progress", {"percent": "42"}),
        ("progress", {"percent": True}),
        ("progress", {"percent": 4.2}),
        ("submitted", {"request_id": None}),
        ("not_sent", {"problem": {"code": "NETWORK", "message": "x"}, "wait": float("nan")}),
        ("not_sent", {"problem": {"code": "NETWORK", "message": "x"}, "wait": float("inf")}),
        ("not_sent", {"problem": None}),
        ("held", {"problem": {"code": "NO SUCH CODE", "message": "x"}}),
        ("held", {"problem": {"code": "HELD"}}),
        ("held", {"problem": {"code": "HELD", "message": "x", "http_status": "502"}}),
        ("held", {"problem": ["HELD", "x"]}),
        ("done", {"url": "https://a.b/c", "cost": "5"}),
        ("downloaded", {"clip": {"path": "a"}}),
        ("downloaded", {"clip": None}),
        ("created", {"spec": {}}),
        ("created", {"spec": "spec"}),
    ],
)
def test_wrong_events_are_refused(kind: str, payload: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=kind):
        from_payload(kind, payload)


@pytest.mark.parametrize(
    "change",
    [
        {"duration": "6"},
        {"duration": True},
        {"kind": "print"},
        {"prompt": None},
        {"image_pixels": [1, 2, 3]},
        {"image_pixels": "ab"},
        {"image_pixels": [1, "2"]},
        {"references": {"path": "/a.png", "mime": "image/png"}},
        {"references": "ab"},
        {"references": [{"path": "/a.png", "mime": "image/png"}, "2"]},
        {"source": {"kind": 5}},
        {"target": {"blend": "a.blend"}},
        {"estimate": 0.5},
    ],
)
def test_wrong_specs_are_refused(change: dict[str, Any]) -> None:
    stored = {**spec_to_payload(make_spec()), **change}
    with pytest.raises((TypeError, KeyError, AttributeError, ValueError)):
        spec_from_payload(stored)
    with pytest.raises(ValueError, match="created"):
        from_payload("created", {"spec": stored})


@pytest.mark.parametrize(
    "change",
    [
        {"references": None},
        {"references": "ab"},
        {"references": {"path": "/a.png", "mime": "image/png"}},
        {"references": [{"path": "/a.png"}]},
        {"references": [{"path": 5, "mime": "image/png"}]},
        {"references": [["/a.png", "image/png"]]},
        {"references": [None]},
        {"last_frame": "/a.png"},
        {"last_frame": []},
        {"keyframes": [{"picture": None, "thirds": 1}]},
        {"keyframes": [{"picture": {"path": "/a.png", "mime": "image/png"}, "thirds": 1.5}]},
        {"video": {"path": "/a.mp4"}},
        {"video": {"path": "/a.mp4", "seconds": "4"}},
        {"video": {"path": "/a.mp4", "seconds": float("nan")}},
        {"video": {"path": "/a.mp4", "seconds": 4.0, "size": True}},
        {"unchecked": 1},
        {"target": {"session": "s", "length": 1.5}},
        {"target": {"session": "s", "place": None}},
    ],
)
def test_wrong_parts_of_a_spec_are_refused(change: dict[str, Any]) -> None:
    stored = {**json.loads(json.dumps(spec_to_payload(RICH))), **change}
    with pytest.raises((TypeError, ValueError)):
        spec_from_payload(stored)


def test_a_spec_comes_back_whole_from_its_text() -> None:
    stored = json.loads(json.dumps(spec_to_payload(RICH)))
    assert spec_from_payload(stored) == RICH
    stored["video"]["mood"] = stored["references"][0]["mood"] = "of a newer version"
    assert spec_from_payload(stored) == RICH


def test_a_spec_of_an_older_version_is_still_read() -> None:
    spec = make_spec()
    stored = json.loads(json.dumps(spec_to_payload(spec)))
    for field in dataclasses.fields(spec):
        optional = field.default is not dataclasses.MISSING or (
            field.default_factory is not dataclasses.MISSING
        )
        if optional:
            del stored[field.name]
    assert spec_from_payload(stored).prompt == spec.prompt
    for part in ("source", "target"):
        stored[part] = None
    old = spec_from_payload(stored)
    assert (old.video, old.references, old.last_frame, old.keyframes) == (None, (), None, ())
    assert (old.unchecked, old.target.place) == (False, "AT")


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.sampled_from([*ProblemCode, *State]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.sampled_from(["code", "message", "kind", "session", "path", "spec", "clip"]),
                st.text(),
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)


@given(st.data(), st.sampled_from(sorted(EVENTS)))
def test_noise_in_a_payload_is_refused_or_harmless(data: st.DataObject, kind: str) -> None:
    """Whatever stands in a file, reading it ends in an event that can be applied or in a ValueError."""
    stored = to_payload(SAMPLES[EVENTS[kind]])
    payload: Any = data.draw(JSON)
    if data.draw(st.booleans()):
        payload = dict(stored)
        for name in stored:
            if data.draw(st.booleans()):
                payload[name] = data.draw(JSON)
    try:
        event = from_payload(kind, payload)
    except ValueError:
        return
    for state in State:
        try:
            job = apply(there(state), event, 500.0)
        except IllegalTransition:
            continue
        assert job_from_payload(json.loads(json.dumps(job_to_payload(job)))) == job


@pytest.mark.parametrize("payload", [None, 5, "text", [1, 2], [["a"]]])
def test_a_payload_that_is_no_object_is_refused(payload: Any) -> None:
    for kind in ("held", "teleported"):
        with pytest.raises(ValueError, match=kind):
            from_payload(kind, payload)


@pytest.mark.parametrize(
    "break_it",
    [
        lambda p: p.update(state="LOST"),
        lambda p: p.update(seq="3"),
        lambda p: p.update(not_before=float("nan")),
        lambda p: p.update(problem={"code": "?"}),
        lambda p: p.update(clip={}),
        lambda p: p.update(spec=None),
        lambda p: p.pop("spec"),
        lambda p: p.pop("created_at"),
        lambda p: p.update(url=None),
    ],
)
def test_a_wrong_fold_is_refused(break_it: Callable[[dict[str, Any]], Any]) -> None:
    stored = job_to_payload(there(State.READY))
    break_it(stored)
    with pytest.raises((TypeError, KeyError, AttributeError, ValueError)):
        job_from_payload(stored)


def test_unrecognised_is_written_as_it_was() -> None:
    event = Unrecognised("teleported", {"to": {"the": ["moon"]}})
    assert from_payload("teleported", json.loads(json.dumps(to_payload(event)))) == event


# --------------------------------------------------------------------------------------------------- account


def test_an_account_is_a_base_and_a_key_and_tells_neither() -> None:
    base = "https://api.x.ai"
    account = account_of(base, KEY)
    assert account == account_of(base + "/", KEY)
    assert len(account) == 16
    assert int(account, 16) >= 0
    others = {account_of("https://api.example", KEY), account_of(base, KEY + "x")}
    # The border between the two cannot be moved.
    others.add(account_of(base + "x", KEY[1:]))
    assert account not in others
    assert len(others) == 3
