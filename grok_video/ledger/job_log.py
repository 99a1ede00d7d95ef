"""The log of a job for people: what was sent, what came back, and when; fit for a bug report.

Owns the text that is made from a job, from its events and from the calls that the worker noted in ``jobs/<id>.http``.
Nothing here decides anything, and no trouble with these files ends anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ..core import events
from ..core.amount import usd
from ..core.files import BLENDERS_PATIENCE, INSIDE, read_file, write_whole
from ..core.job import Job
from ..core.legible import legible
from ..core.problem import Problem
from ..core.redact import Redaction, file_name, hosts_only
from ..core.shape import ratio_text
from ..core.spec import Clip, Kind
from ..core.spending import bill_words
from .journal import read_journal

LARGEST = 64 << 10  # bytes of a job's calls; the first and the newest are kept


def text_of(job: Job, data_dir: Path, redaction: Redaction, *, now: float) -> str:
    """The whole log of ``job`` as text, from its files in ``data_dir``; ``now`` is wall time.

    A file that is not there or cannot be read is left out: the job itself is always told.
    """
    spec = job.spec
    lines = [
        f"Grok Video, log of job {job.id}",
        f"Written {_time(now)}. It holds the prompt and the names of files; no API key, no picture, no folder,",
        "and of the service's addresses only the host.",
        "",
        "WHAT WAS ASKED FOR",
        *_pairs(
            ("Made", _time(job.created_at)),
            ("Kind", spec.kind),
            ("Model", spec.model + (", sent unchecked" if spec.unchecked else "")),
            ("Clip", _wanted(job)),
            ("Service", hosts_only(spec.api_base)),
            ("Price", "not known" if spec.estimate is None else usd(spec.estimate)),
            ("Sent again", f"of job {spec.parent}" if spec.parent else ""),
            ("Prompt", spec.prompt),
        ),
        "",
        "WHERE IT IS NOW",
        *_pairs(
            ("State", _state(job)),
            ("Trouble", _problem(job.problem) if job.problem else ""),
            ("Request id", job.request_id),
            ("Reserved", usd(job.reserved) if job.reserved else ""),
            ("Cost", usd(job.cost) if job.cost is not None else ""),
            ("Bill", bill_words(job)),
            ("Clip", _clip(job.clip) if job.clip else ""),
        ),
        "",
        "WHAT HAPPENED",
    ]
    happened = [(at, 0, [_told(event)]) for event, at in _events(data_dir, job.id)]
    happened += [(at, 1, told) for at, told in _calls(data_dir, job.id)]
    if not happened:
        lines.append("  The copy of this job's events is not there or cannot be read.")
    # By time alone: what happened at the same time stays in the order in which it was written.
    for at, _, told in sorted(happened, key=lambda item: item[0]):
        lines.append(f"  {_time(at)}  {told[0]}")
        lines += [f"      {line}" for line in told[1:]]
    return legible(redaction("\n".join(lines)), lines=True) + "\n"


def write(folder: Path, job: Job, text: str) -> Path:
    """Put the text of a job's log down in ``folder`` for a program that shows it; returns the file.

    Raises OSError.
    """
    folder.mkdir(mode=INSIDE, exist_ok=True)
    path = folder / f"log_{job.spec.short_id}.txt"
    data = text.encode("utf-8", "replace")
    write_whole(path, data, durable=False, private=True, patience=BLENDERS_PATIENCE)
    return path


def _time(at: float) -> str:
    """Local time with its zone: '2026-11-25 06:12:01.250 +0100'."""
    try:
        moment = datetime.fromtimestamp(at).astimezone()
    except (ValueError, OverflowError, OSError):
        return f"at {at!r}"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} {moment:%z}"


def _pairs(*pairs: tuple[str, str]) -> Iterator[str]:
    for name, value in pairs:
        first, *rest = value.splitlines() or [""]
        if value:
            yield f"  {name:11} {first}"
            yield from (f"  {'':11} {line}" for line in rest)


def _wanted(job: Job) -> str:
    spec = job.spec
    if spec.kind is Kind.LOOK:
        words = ["a look", spec.resolution, *([f"{spec.quality} quality"] if spec.quality else [])]
    else:
        words = [f"{spec.duration} s", spec.resolution, ratio_text(spec)]
        words.append("with sound" if spec.generate_audio else "silent")
    words += [what for what, _ in spec.pictures]
    if spec.kind.reworks and spec.video is not None:
        words.append(f"a source of {spec.video.seconds:.2f} s")
    return ", ".join(words)


def _state(job: Job) -> str:
    flags = {
        "held": job.held,
        "blocked": job.blocked,
        "slow": job.slow,
        "to be stopped": job.stop_requested and job.open,
        "its file is fetched again": job.fetching,
        "written by a newer version": not job.driven,
    }
    return ", ".join([str(job.state), *(word for word, holds in flags.items() if holds)])


def _problem(problem: Problem) -> str:
    words = [f"{problem.code}: {problem.message} {problem.hint}".strip()]
    if problem.http_status:
        words.append(f"HTTP {problem.http_status}")
    return " · ".join(words)


def _clip(clip: Clip) -> str:
    sound = "with sound" if clip.has_audio else "silent"
    return (
        f"{file_name(clip.path)}, {clip.width} × {clip.height}, {clip.frames} frames at {clip.fps:g}, "
        f"{clip.seconds:.2f} s, {sound}, {clip.size} bytes"
    )


def _told(event: events.Event) -> str:
    """One event of a job in words, the details on lines of their own."""
    match event:
        case events.Created():
            return "made, waits to be sent"
        case events.Held(problem):
            return f"held: {_problem(problem)}"
        case events.Released():
            return "released: Send was pressed"
        case events.SubmitStarted(reserved):
            return f"submit started, {usd(reserved)} reserved"
        case events.Sending():
            return "sending: the last byte leaves now, from here on it may be charged"
        case events.Submitted(request_id):
            return f"submitted, request id {request_id}"
        case events.NotSent(problem, wait):
            return f"not sent, tried again in {wait:.1f} s: {_problem(problem)}"
        case events.Rejected(problem):
            return f"rejected: {_problem(problem)}"
        case events.AnswerLost(problem, cost):
            return f"answer lost{_costs(cost)}: {_problem(problem)}"
        case events.Bought(_, cost):
            return f"made and in the answer{_costs(cost)}; there is no request id"
        case events.Billed(problem, cost):
            return f"refused and billed{_costs(cost)}: {_problem(problem)}"
        case events.Progress(percent, cost):
            words = "running" if percent is None else f"running, {percent} %"
            return words + ("" if cost is None else f", it costs {usd(cost)}")
        case events.Blocked(problem):
            return f"blocked: {_problem(problem)}"
        case events.Slow():
            return "slow: it takes longer than usual"
        case events.Done(_, cost):
            return "done at the service" + ("" if cost is None else f", it cost {usd(cost)}")
        case events.ServiceFailed(problem, cost):
            return f"ended by the service{_costs(cost)}: {_problem(problem)}"
        case events.DownloadBroken(problem, wait):
            return f"download broken, tried again in {wait:.1f} s: {_problem(problem)}"
        case events.UrlGone():
            return "the result's address does not work any more, a new one is asked for"
        case events.Downloaded(clip, problem):
            return f"downloaded: {_clip(clip)}" + (f" ({_problem(problem)})" if problem else "")
        case events.LocalFailed(problem):
            return f"failed on this computer: {_problem(problem)}"
        case events.NotCharged():
            return "not charged, as the user said"
        case events.Dated(bought_at):
            return f"counts as bought on {_time(bought_at)}: the clock had been ahead, as the user said"
        case events.StopRequested():
            return "Stop Tracking was pressed"
        case events.Retried():
            return "taken up again: Retry was pressed"
        case _:
            return _told_of_delivered(event)


def _costs(cost: int | None) -> str:
    return "" if cost is None else f" (it cost {usd(cost)})"


def _told_of_delivered(event: events.Event) -> str:
    """One event of a job whose clip has come, in words."""
    match event:
        case events.ImportClaimed():
            return "a Blender imports it"
        case events.ImportReleased(problem):
            return f"not imported: {_problem(problem)}"
        case events.SeamMeasured():
            return "the shift of its colours was measured"
        case events.Imported(scene, blend):
            return f"imported into the scene “{scene}” of {file_name(blend) or 'an unsaved file'}"
        case events.FetchAgain():
            return "its file is fetched again: Download Again was pressed"
        case events.FetchLink(""):
            return "the clip's address does not work any more, a new one is asked for"
        case events.FetchLink():
            return "the service named the clip's address"
        case events.FetchTrouble(problem, wait, blocked):
            if problem is None:
                return "the service answers again"
            words = "blocked" if blocked else f"download broken, tried again in {wait:.1f} s"
            return f"{words}: {_problem(problem)}"
        case events.FetchedAgain(clip, problem):
            return f"downloaded again: {_clip(clip)}" + (
                f" ({_problem(problem)})" if problem else ""
            )
        case events.FetchEnded(problem):
            why = _problem(problem) if problem else "as the user said"
            return f"not downloaded again: {why}"
        case events.Unrecognised(name):
            return f"“{name}”, of a newer version"
        case _:
            return event.kind


def _events(data_dir: Path, job_id: str) -> list[tuple[events.Event, float]]:
    lines, _torn = read_journal(data_dir / "jobs" / f"{job_id}.jsonl")
    return [lines[number] for number in sorted(lines)]


def _calls(data_dir: Path, job_id: str) -> Iterator[tuple[float, list[str]]]:
    """The noted calls of a job, each as its time and lines. What cannot be read is left out."""
    try:
        data = read_file(data_dir / "jobs" / f"{job_id}.http", 16 * LARGEST)
    except OSError:
        return
    for raw in data.splitlines():
        # A line may be torn, or written by another version: it is left out.
        with suppress(
            ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError
        ):
            line = json.loads(raw)
            yield float(line["at"]), _call(line)


def _call(line: Mapping[str, Any]) -> list[str]:
    match line["what"]:
        case "sends":
            return [f"→ {line['method']} {line['path']}", *_indented(line["body"])]
        case "answered":
            told = [f"← {line['status']} to {line['method']} in {line['seconds']} s"]
            if line["same_before"]:
                told[0] += f" (after {line['same_before']} like the one before)"
            told += [f"{name}: {value}" for name, value in line["headers"].items()]
            return [*told, *(_indented(line["body"]) or [f"{line['bytes']} bytes, no text"])]
        case "unanswered":
            return [f"← no answer to {line['method']} in {line['seconds']} s", str(line["words"])]
        case "left out":
            return [f"({line['lines']} calls are left out here)"]
        case what:
            return [f"({what})"]


def _indented(body: str) -> list[str]:
    """JSON over several lines, anything else as it is."""
    with suppress(ValueError, RecursionError):
        body = json.dumps(json.loads(body), indent=1, ensure_ascii=False)
    return body.splitlines()
