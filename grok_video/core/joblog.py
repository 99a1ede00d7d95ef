"""The log of a job for people: what was sent, what came back, and when; fit for a bug report.

Owns ``jobs/<id>.http``, where the worker notes the calls of a job, the text that is made from it, from the job's
events and from the job itself, and what is taken out of a text that will be shown to others. Nothing here decides
anything, and no trouble with these files ends anything.

``jobs/<id>.http`` has one JSON object a line: ``at`` (wall time), ``what`` ('sends' 'answered' 'unanswered'
'left out') and what goes with it. It holds no key, no picture and of a web address only its host.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PureWindowsPath
from typing import Any, cast
from urllib.parse import urlsplit

from .job import (
    AnswerLost,
    Blocked,
    Clip,
    Created,
    Done,
    DownloadBroken,
    Downloaded,
    Event,
    Held,
    ImportClaimed,
    Imported,
    ImportReleased,
    Job,
    Kind,
    LocalFailed,
    NotCharged,
    NotSent,
    Problem,
    Progress,
    Rejected,
    Released,
    Retried,
    Sending,
    ServiceFailed,
    Slow,
    StopRequested,
    SubmitStarted,
    Submitted,
    Unrecognised,
    UrlGone,
)
from .ledger import read_file, read_twin
from .masking import KeyMask
from .models import usd
from .wire import Upload, hosts_only, mask

LARGEST = 64 << 10  # bytes of a job's calls; the first and the newest are kept
_LONGEST_BODY = 4000  # characters of an answer that are kept
_LONGEST_READ = 16 << 10  # bytes of an answer that are looked at
_LONGEST_REQUEST = 32_000
_FIRST_KEPT = 4  # lines: the request and its answer
_LONGEST_HEADER = 200  # characters that are kept
_LONGEST_READ_HEADER = 4000  # characters that are looked at: an address is longer than its host
_HEADERS = ("content-type", "retry-after", "x-request-id", "location")
_ESCAPED_SLASH = re.compile(r"(?<!\\)\\+/")  # once a run: tried at each backslash, it is slow
_DATA_URI = re.compile(r"data:[\w/+.-]*;base64,[\w+/=-]*")


# ------------------------------------------------------------------------------------ what is taken out


class Redaction:
    """Takes out of a text what others must not read: keys, addresses, folders, and prompts unless wanted."""

    def __init__(
        self,
        key: str = "",
        jobs: Iterable[Job] = (),
        folders: Iterable[str] = (),
        *,
        keep_paths: bool = False,
        prompts: Iterable[str] = (),
    ) -> None:
        """``key`` is the one in use; ``folders`` and the files of ``jobs`` lose their folders; ``prompts`` go."""
        self._mask = KeyMask(key)
        self._keep_paths = keep_paths
        known: dict[str, str] = {}
        for job in jobs:
            for path in _files(job):
                known[path] = _name(path)
                known[str(Path(path).parent)] = "…"
            # The last hop's path is as good as the whole address.
            if len(address := urlsplit(job.url).path) > 8:
                known[address] = "…"
        known |= {str(Path(folder)): "…" for folder in folders if folder}
        self._known = sorted(
            ((path, name) for path, name in known.items() if len(path) > 3),
            key=lambda item: -len(item[0]),
        )
        self._prompts = sorted({p for p in prompts if len(p) > 2}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        text = hosts_only(mask(self._mask.text(text)))
        for prompt in self._prompts:
            quoted = (json.dumps(prompt, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False))
            for written in (prompt, *quoted, " ".join(prompt.split())):
                text = text.replace(written, "<the prompt>")
        if self._keep_paths:
            return text
        for path, name in self._known:
            text = text.replace(path, name)
        return _FOLDERS.sub(lambda found: _name(found[0]), text)


#: Absolute paths of files: those that begin where people keep theirs, so that ``/v1/videos`` stays.
_FOLDERS = re.compile(
    r"(?<![\w.])(?:(?:/(?:home|Users|root|tmp|var|mnt|media|run|opt|private|Volumes|data|srv)(?=/)"
    r"|~(?=/))(?:/[^/\s\"'<>|,;:]+)+/?|(?:[A-Za-z]:[\\/]|\\\\)[^\s\"'<>|,;:]+)"
)


def _files(job: Job) -> Iterator[str]:
    spec = job.spec
    paths = [spec.output, spec.target.blend, *(picture.path for _, picture in spec.pictures)]
    paths += [spec.video.path] if spec.video else []
    paths += [job.clip.path] if job.clip else []
    return (path for path in paths if path)


def _name(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name if "\\" in path else os.path.basename(path.rstrip("/"))


# --------------------------------------------------------------------------------- the worker's side


class Calls:
    """Notes what a job sends and what is answered. Never raises: a call must not end because of its note."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "jobs"
        self._last: dict[str, tuple[int, str]] = {}  # job → status and text of its newest poll
        self._same: dict[str, int] = {}  # job → polls since then that were answered alike

    def sends(self, job_id: str, upload: Upload) -> None:
        """A POST is about to be sent."""
        body = _cut(_request_text(upload), _LONGEST_REQUEST)
        self._note(job_id, what="sends", method="POST", path=upload.path, body=body)

    def answered(
        self,
        job_id: str,
        method: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        began: float,
    ) -> None:
        """An answer came; ``began`` is the monotonic time of the call. Polls that say the same are counted."""
        text = answer_text(body)
        if method == "GET":
            if self._last.get(job_id) == (status, text):
                self._same[job_id] = self._same.get(job_id, 0) + 1
                return
            self._last[job_id] = status, text
        # Only those that are kept, and cut first: a header may be as long as the service likes.
        told = {
            name.lower(): hosts_only(mask(value[:_LONGEST_READ_HEADER]))[:_LONGEST_HEADER]
            for name, value in headers.items()
            if name.lower() in _HEADERS
        }
        self._note(
            job_id,
            what="answered",
            method=method,
            status=status,
            seconds=round(time.monotonic() - began, 3),
            headers={name: told[name] for name in _HEADERS if name in told},
            bytes=len(body),
            body=text,
            same_before=self._same.pop(job_id, 0),
        )

    def unanswered(self, job_id: str, method: str, words: str, began: float) -> None:
        """No whole answer came; ``words`` are our own."""
        seconds = round(time.monotonic() - began, 3)
        self._note(job_id, what="unanswered", method=method, seconds=seconds, words=words)

    def _note(self, job_id: str, **line: Any) -> None:
        path = self._folder / f"{job_id}.http"
        data = json.dumps({"at": time.time(), **line}, ensure_ascii=False)
        with suppress(OSError):  # a full disk: the ledger says so where it matters
            with open(path, "ab") as file:
                file.write(data.encode("utf-8", "replace") + b"\n")
                size = file.tell()
            if size > LARGEST:
                _shorten(path)


def _shorten(path: Path) -> None:
    """Keep the first lines and as many of the newest as half of the room holds."""
    lines = path.read_bytes().splitlines(keepends=True)
    first, rest = lines[:_FIRST_KEPT], lines[_FIRST_KEPT:]
    kept: list[bytes] = []
    size = 0
    for line in reversed(rest):
        size += len(line)
        if size > LARGEST // 2:
            break
        kept.insert(0, line)
    gap = {"at": time.time(), "what": "left out", "lines": len(rest) - len(kept)}
    temporary = path.with_name(path.name + ".part")
    temporary.write_bytes(b"".join([*first, json.dumps(gap).encode() + b"\n", *kept]))
    os.replace(temporary, path)


def _request_text(upload: Upload) -> str:
    """The body of a POST, with each file replaced by its size and checksum."""
    text = "".join(
        part.decode("ascii", "replace") if isinstance(part, bytes) else _summary(part)
        for part in upload.parts
    )
    try:
        text = json.dumps(_shown(json.loads(text)), ensure_ascii=False)
    except ValueError:
        text = _plain(text)
    return text


def _summary(path: Path) -> str:
    """In the place of a file's base64; no character of it needs an escape in JSON."""
    try:
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return "(a file that cannot be read)"
    return f"({size} bytes, sha256 {digest})"


def answer_text(body: bytes) -> str:
    """An answer as one line of text: no key, no result's address, no control characters, and not too long."""
    # What is longer is no answer that anybody reads, and it is not worth the time.
    text = body[:_LONGEST_READ].decode("utf-8-sig", errors="replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(_shown(json.loads(text)), ensure_ascii=False)
    # Also what is no JSON, or JSON inside of a text, whose slashes may be escaped.
    return _cut(_plain(_ESCAPED_SLASH.sub("/", text)), _LONGEST_BODY)


def _shown(value: Any) -> Any:
    """JSON whose texts are fit to be shown."""
    if isinstance(value, str):
        return _plain(value)
    if isinstance(value, dict):
        fields = cast(dict[str, Any], value)
        return {_plain(name): _shown(inner) for name, inner in fields.items()}
    if isinstance(value, list):
        return [_shown(inner) for inner in cast(list[Any], value)]
    return value


def _plain(text: str) -> str:
    text = _DATA_URI.sub(lambda found: f"({len(found[0])} characters of data)", text)
    return mask(hosts_only("".join(c if c.isprintable() or c == "\n" else " " for c in text)))


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]} … ({len(text)} characters)"


# --------------------------------------------------------------------------------- the reader's side


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
            ("Clip", _clip(job.clip) if job.clip else ""),
        ),
        "",
        "WHAT HAPPENED",
    ]
    happened = [(at, 0, [_told(event)]) for event, at in _events(data_dir, job.id)]
    happened += [(at, 1, told) for at, told in _calls(data_dir, job.id)]
    if not happened:
        lines.append("  The copy of this job's events is not there or cannot be read.")
    # Sorted by time alone: what was written first comes first.
    for at, _, told in sorted(happened, key=lambda item: item[0]):
        lines.append(f"  {_time(at)}  {told[0]}")
        lines += [f"      {line}" for line in told[1:]]
    return redaction("\n".join(lines)) + "\n"


def write(folder: Path, job: Job, text: str) -> Path:
    """Put the text of a job's log down in ``folder`` for a program that shows it; returns the file.

    Raises OSError.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"log_{job.spec.short_id}.txt"
    temporary = path.with_name(path.name + ".part")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(text.encode("utf-8", "replace"))
    os.replace(temporary, path)
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
    words = [f"{spec.duration} s", spec.resolution, spec.aspect_ratio]
    words.append("with sound" if spec.generate_audio else "silent")
    words += [what for what, _ in spec.pictures]
    if spec.kind is not Kind.GENERATE and spec.video is not None:
        words.append(f"a source of {spec.video.seconds:.2f} s")
    return ", ".join(words)


def _state(job: Job) -> str:
    flags = {
        "held": job.held,
        "blocked": job.blocked,
        "slow": job.slow,
        "to be stopped": job.stop_requested and job.open,
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
        f"{_name(clip.path)}, {clip.width} × {clip.height}, {clip.frames} frames at {clip.fps:g}, "
        f"{clip.seconds:.2f} s, {sound}, {clip.size} bytes"
    )


def _told(event: Event) -> str:
    """One event in words."""
    match event:
        case Created():
            return "made, waits to be sent"
        case Held(problem):
            return f"held: {_problem(problem)}"
        case Released():
            return "released: Send was pressed"
        case SubmitStarted(reserved):
            return f"submit started, {usd(reserved)} reserved"
        case Sending():
            return "sending: the last byte leaves now, from here on it may be charged"
        case Submitted(request_id):
            return f"submitted, request id {request_id}"
        case NotSent(problem, wait):
            return f"not sent, tried again in {wait:.1f} s: {_problem(problem)}"
        case Rejected(problem):
            return f"rejected: {_problem(problem)}"
        case AnswerLost(problem):
            return f"answer lost: {_problem(problem)}"
        case Progress(percent):
            return "running" if percent is None else f"running, {percent} %"
        case Blocked(problem):
            return f"blocked: {_problem(problem)}"
        case Slow():
            return "slow: it takes longer than usual"
        case Done(_, cost):
            return "done at the service" + ("" if cost is None else f", it cost {usd(cost)}")
        case ServiceFailed(problem, cost):
            words = "" if cost is None else f" (it cost {usd(cost)})"
            return f"ended by the service{words}: {_problem(problem)}"
        case DownloadBroken(problem, wait):
            return f"download broken, tried again in {wait:.1f} s: {_problem(problem)}"
        case UrlGone():
            return "the result's address does not work any more, a new one is asked for"
        case Downloaded(clip, problem):
            return f"downloaded: {_clip(clip)}" + (f" ({_problem(problem)})" if problem else "")
        case LocalFailed(problem):
            return f"failed on this computer: {_problem(problem)}"
        case NotCharged():
            return "not charged, as the user said"
        case StopRequested():
            return "Stop Tracking was pressed"
        case Retried():
            return "taken up again: Retry was pressed"
        case ImportClaimed():
            return "a Blender imports it"
        case ImportReleased(problem):
            return f"not imported: {_problem(problem)}"
        case Imported(scene, blend):
            return f"imported into the scene “{scene}” of {_name(blend) or 'an unsaved file'}"
        case Unrecognised(name):
            return f"“{name}”, of a newer version"
        case _:
            return event.kind


def _events(data_dir: Path, job_id: str) -> list[tuple[Event, float]]:
    lines, _torn = read_twin(data_dir / "jobs" / f"{job_id}.jsonl")
    return [lines[number] for number in sorted(lines)]


def _calls(data_dir: Path, job_id: str) -> Iterator[tuple[float, list[str]]]:
    """The noted calls of a job, each as its time and lines. What cannot be read is left out."""
    try:
        data = read_file(data_dir / "jobs" / f"{job_id}.http", 16 * LARGEST)
    except OSError:
        return
    for raw in data.splitlines():
        # A line may be torn, or of another version.
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
