"""The stand-in as an HTTP server: routes, keys, rate limit, records, failures, the control API.

Owns everything that has to do with sockets. What is accepted stands in ``rules.py``, what a job is in
``jobs.py``, what can go wrong in ``faults.py``.

One handler takes every request instead of a router, because most of the work lies beside the routes:
closing before the body was read, answering before that, and recording what really arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
import re
import secrets
import socket
import struct
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from . import jobs as jobs_module
from . import rules, shapes, voices
from .faults import FIXTURES, OUTCOMES, WIRE, Answer, Fault, Faults
from .image_desk import ImageDesk
from .image_jobs import ImageJob
from .settings import Settings

CONTROL = "/_stand_in/"
_PICTURE = re.compile(r"/xai-imgen/xai-tmp-imgen-([0-9a-f]+)(?:\.\w+)?")
_RESULT = re.compile(r"/xai-vidgen-bucket/xai-video-([0-9a-f]+)(?:\.mp4)?")
_REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9]{15}", re.IGNORECASE)
_SUBMIT = {
    "/v1/videos/generations": "generate",
    "/v1/videos/edits": "edit",
    "/v1/videos/extensions": "extend",
    "/v1/images/edits": "image-edit",
    "/v1/images/generations": "image-generate",
}
_READ = {"GET", "HEAD"}
_ANY = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
#: A client that keeps the limit by its own clock may be seen this much too early.
_TOLERANCE = 0.1


@dataclass(slots=True)
class Record:
    """One request as it came, and what became of it."""

    number: int
    time: float
    method: str
    path: str
    query: str
    endpoint: str  # 'submit' 'poll' 'download' 'key' 'models' 'voices' or '' for anything else
    of: str  # 'video' 'image', or '' where an endpoint is of neither
    headers: list[tuple[str, str]]
    body: Any = None  # JSON with data URIs summarised, or the start of the text
    body_bytes: int = 0
    complete: bool = False  # the whole body arrived
    status: int | None = None  # None: no answer was given
    outcome: str = "running"  # then 'answered', 'refused', 'incomplete', or the failure's name
    job: str = ""  # the id of the job that it started or asked for


class _Incomplete(Exception):
    """The client went away before the end of its body."""


class _Limits:
    """Requests of one key in the last second and the last minute."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=6000)

    def refused(self, settings: Settings) -> str:
        """Why this request is one too many, in the service's words, or ''; counts it if not."""
        now = time.monotonic()
        for name, most, length in (
            ("Second", settings.per_second, 1.0 - _TOLERANCE),
            ("Minute", settings.per_minute, 60.0 - _TOLERANCE),
        ):
            seen = sum(1 for moment in self._times if now - moment < length)
            if most and seen >= most:
                return f"Requests per {name} (actual/limit): {seen}/{most}"
        self._times.append(now)
        return ""


class StandIn:
    """The service. ``folder`` is scratch; ``base`` is known once the socket is bound."""

    def __init__(self, folder: Path, base: str, key: str, settings: Settings) -> None:
        self.settings = settings
        self._first_settings = asdict(settings)
        self._folder = folder
        self._base = base
        self._key = key
        self._jobs = jobs_module.Jobs(folder, base)
        self._faults = Faults()
        self._images = ImageDesk(folder, base, settings, self._faults, self._jobs.image_path)
        self._records: list[Record] = []
        self._count = 0
        self._limits = _Limits()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, record it, or let it go wrong."""
        if request.path.startswith(CONTROL):
            return await self._control(request)
        of, endpoint, allowed = _route(request.path)
        self._count += 1
        record = Record(
            self._count,
            time.time(),
            request.method,
            request.path,
            request.query_string,
            endpoint,
            of,
            [(name, self._hidden(name, value)) for name, value in request.headers.items()],
        )
        self._records.append(record)
        places = (endpoint, f"{of}-{endpoint}", "any") if endpoint else ("any",)
        fault = self._faults.take(*places) if request.method in allowed else None
        try:
            if fault:
                return await self._broken(request, record, fault)
            return await self._answered(request, record, await self._served(request, record))
        except _Incomplete:
            record.outcome = "incomplete"
            return web.Response(status=400)
        except (ConnectionError, asyncio.CancelledError):
            if record.outcome == "running":
                record.outcome = "client left"
            raise

    async def _answered(
        self, request: web.BaseRequest, record: Record, response: web.StreamResponse
    ) -> web.StreamResponse:
        record.status = response.status
        if record.outcome == "running":
            record.outcome = "answered" if response.status < 400 else "refused"
        return response

    # What a request gets when nothing is made to fail

    async def _served(self, request: web.BaseRequest, record: Record) -> web.StreamResponse:
        of, endpoint, allowed = _route(request.path)
        if of == "image" and endpoint == "poll" and not self.settings.defers:
            endpoint = ""  # an older service knows no such address
        if not endpoint:
            await self._body(request, record)
            return _json({"error": {"code": 404, "message": "Not Found"}}, 404)
        if request.method not in allowed:
            await self._body(request, record)
            return web.Response(status=405, headers={"Allow": ", ".join(sorted(allowed))})
        if endpoint == "download":
            await self._body(request, record)
            return self._download(request, record)
        if refusal := self._unwelcome(request):
            await self._body(request, record)
            return refusal
        body = await self._body(request, record)
        match of, endpoint:
            case "video", "submit":
                return await self._submitted(request, record, body)
            case "image", "submit":
                return await self._ordered(request, record, body)
            case "video", "poll":
                return self._polled(request, record)
            case "image", "poll":
                return self._asked(request, record)
            case "image", "models":
                return _json(*self._images.models(_last(request.path, "image-generation-models")))
            case "video", "models":
                return self._models(request)
            case _, "voices":
                return self._voices(request)
        return _json(self._about_key())

    async def _body(self, request: web.BaseRequest, record: Record) -> bytes:
        """The whole body; recorded with its data URIs summarised. Raises _Incomplete."""
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # else aiohttp takes the answer for begun
        received = bytearray()
        try:
            async for piece in request.content.iter_any():
                received += piece
                record.body_bytes = len(received)
        except (ConnectionError, ClientPayloadError, HttpProcessingError, web.PayloadAccessError, web.RequestPayloadError):  # fmt: skip
            raise _Incomplete from None
        record.complete = True
        if received:
            record.body = await asyncio.to_thread(_summary, bytes(received))
        return bytes(received)

    def _unwelcome(self, request: web.BaseRequest) -> web.Response | None:
        """The answer to a missing or wrong key, or to one request too many."""
        scheme, _, given = request.headers.get("Authorization", "").strip().partition(" ")
        given = given.strip()
        if scheme.lower() != "bearer" or not given:
            return _fixture("err-401-nokey")
        if not secrets.compare_digest(given.encode(), self._key.encode()):
            if self.settings.shape == "guide":
                return _json({"code": "unauthenticated:no-credentials", "error": "Invalid API key"}, 401)  # fmt: skip
            words = f"Incorrect API key provided: {_masked(given)}."
            return _json({"code": "invalid-argument", "error": words}, 400)
        if too_many := self._limits.refused(self.settings):
            words = FIXTURES["err-429-rps"]["body"]["error"]
            words = re.sub(r"Requests per Second \(actual/limit\): \d+/\d+", too_many, words)
            return _json({"code": "resource-exhausted", "error": words}, 429)
        return None

    async def _submitted(
        self, request: web.BaseRequest, record: Record, body: bytes
    ) -> web.StreamResponse:
        guide = self.settings.shape == "guide"
        world = self._world()
        kind = _SUBMIT[request.path.rstrip("/ ")]
        content_type = request.headers.get("Content-Type", "")
        try:
            order = await asyncio.to_thread(rules.check, kind, content_type, body, world)
        except rules.Refusal as refusal:
            return _refused(refusal)
        await asyncio.to_thread(jobs_module.keep_pictures, self._jobs, world.seen)
        if not self._knows(record):
            return _closed(request, record)
        ending = self._faults.take("job", "video-job")
        job = self._jobs.start(
            jobs_module.without_data(order),
            seconds=self.settings.job_seconds,
            outcome=ending.what if ending else "",
            guide=guide,
            motion=self.settings.motion,
            crops=self.settings.crops,
            drifts=self.settings.drifts,
            part_only=self.settings.part_only,
            bill=self.settings.bill,
            number=self.settings.number_ids,
            odd=self.settings.odd,
            drift=self.settings.drift if order.kind in self.settings.drift_of.split() else "",
        )
        record.job = job.id
        answer = shapes.started(
            job.id,
            ids=self.settings.ids,
            number=self.settings.number_ids,
            differ=self.settings.ids_differ,
            error=self.settings.id_error,
        )
        return _json(answer)

    async def _ordered(
        self, request: web.BaseRequest, record: Record, body: bytes
    ) -> web.StreamResponse:
        """The answer to an order for pictures: its id, or when it is not deferred the pictures."""
        world = self._world()
        kind = _SUBMIT[request.path.rstrip("/ ")]
        content_type = request.headers.get("Content-Type", "")
        try:
            order = await asyncio.to_thread(self._images.check, kind, content_type, body, world)
        except rules.Refusal as refusal:
            return _refused(refusal)
        await asyncio.to_thread(jobs_module.keep_pictures, self._jobs, world.seen)
        if not self._knows(record):
            return _closed(request, record)
        job = self._images.start(order)
        record.job = job.id
        if order.deferred:
            return _json(
                shapes.started(
                    job.id,
                    ids=self.settings.ids,
                    number=self.settings.number_ids,
                    differ=self.settings.ids_differ,
                    error=self.settings.id_error,
                )
            )
        while self._knows(record):
            reply = await asyncio.to_thread(self._images.at_once, job)
            if reply is not None:
                return _json(reply[1], reply[0])
            await asyncio.sleep(0.02)
        return _closed(request, record)

    def _asked(self, request: web.BaseRequest, record: Record) -> web.StreamResponse:
        """The answer to a poll of a deferred order for pictures."""
        wanted = unquote(request.path.rstrip("/ ").rpartition("/")[2])
        job = self._images.jobs.get(wanted.lower())
        if job is not None:
            record.job = job.id
            job.polls += 1
        status, body = self._images.poll(wanted)
        return web.Response(status=status) if body is None else _json(body, status)

    def _world(self) -> rules.World:
        return rules.World(
            self.settings.shape == "guide",
            self._clip_at,
            self._jobs.clip_path,
            self._jobs.file_path,
            self._keep_video,
            self.settings.longest_source,
            picture_of=self._images.jobs.by_file_id,
            picture_at=self._picture_at,
            custom_voices=tuple(self.settings.custom_voices.split()),
            trusted=self.settings.trusted,
        )

    def _knows(self, record: Record) -> bool:
        # After a reset the record is nobody's: a job would be one of another test.
        return any(record is known for known in self._records)

    def _picture_at(self, url: str) -> Path | None:
        if urlsplit(url).port != urlsplit(self._base).port:
            return None
        found = self._result(urlsplit(url).path)
        if found is None:
            raise rules.bad("Failed to download the image.")
        return found[1]

    def _keep_video(self, data: bytes) -> Path:
        path = self._folder / f"{hashlib.sha256(data).hexdigest()}.source.mp4"
        if not path.exists():
            part = path.with_name(secrets.token_hex(8))
            part.write_bytes(data)
            part.replace(path)  # whole, also for another POST with this film
        return path

    def _clip_at(self, url: str) -> Path | None:
        if urlsplit(url).port != urlsplit(self._base).port:
            return None
        found = self._result(urlsplit(url).path)
        return found[1] if found else None

    def _polled(self, request: web.BaseRequest, record: Record) -> web.StreamResponse:
        wanted = unquote(request.path.rstrip("/ ").rpartition("/")[2])
        if not _REQUEST_ID.fullmatch(wanted):
            return _fixture("poll-400-badid")
        job = self._jobs.get(wanted.lower())
        if job is None:
            return _json(
                {"code": "not-found", "error": f"The video request {wanted} was not found."}, 404
            )
        record.job = job.id
        job.polls += 1
        status, body = self._jobs.poll(job, self.settings.shape == "guide")
        if body is not None and self._jobs.state(job) == "done" and job.outcome != "no-status":
            body = shapes.finished(
                body,
                word=self.settings.done_word,
                link=self.settings.link,
                relative=self.settings.relative,
            )
        return web.Response(status=status) if body is None else _json(body, status)

    def _result(self, path: str) -> tuple[jobs_module.Job | ImageJob, Path] | None:
        if match := _RESULT.fullmatch(path):
            return self._jobs.by_token(match[1])
        match = _PICTURE.fullmatch(path)
        return self._images.jobs.by_token(match[1]) if match else None

    def _download(self, request: web.BaseRequest, record: Record) -> web.StreamResponse:
        found = self._result(request.path)
        if found is None:
            return web.Response(status=404, text="Not Found")
        job, file = found
        record.job = job.id
        if request.method == "GET":
            job.downloads += 1
        # aiohttp does Range, ETag, HEAD and Content-Length, but of If-Range only dates.
        condition = request.headers.get("If-Range", "")
        if condition.startswith('"') and condition != _etag(file):
            headers = {"ETag": _etag(file), "Accept-Ranges": "bytes"}
            return web.Response(body=file.read_bytes(), headers=headers, content_type=_media(job))
        return web.FileResponse(file, headers={"Content-Type": _media(job)})

    def _about_key(self) -> dict[str, Any]:
        return {
            "redacted_api_key": _masked(self._key),
            "user_id": "00000000-0000-4000-8000-000000000001",
            "name": "stand-in",
            "create_time": "2026-01-01T00:00:00.000000Z",
            "modify_time": "2026-01-01T00:00:00.000000Z",
            "modified_by": "00000000-0000-4000-8000-000000000001",
            "team_id": rules.TEAM,
            "acls": ["api-key:endpoint:*", "api-key:model:*"],
            "api_key_id": "00000000-0000-4000-8000-000000000002",
            "api_key_blocked": False,
            "api_key_disabled": False,
            "team_blocked": False,
        }

    def _models(self, request: web.BaseRequest) -> web.StreamResponse:
        about = [_about_model(name) for name in rules.MODELS]
        wanted = _last(request.path, "video-generation-models")
        if not wanted:
            return _json({"models": about})
        for model in about:
            if model["id"] == wanted:
                return _json(model)
        words = f"The model {wanted} does not exist."
        return _json({"code": "not-found", "error": words}, 404)

    def _voices(self, request: web.BaseRequest) -> web.StreamResponse:
        if self.settings.voices_forbidden:
            words = "Your API key does not have permission to list voices."
            return _json({"code": "permission-denied", "error": words}, 403)
        custom = self.settings.custom_voices.split()
        of_account = request.path.startswith("/v1/custom-voices")
        wanted = _last(request.path, "-voices" if of_account else "/voices")
        return _json(*voices.listed(wanted, custom, of_account))

    # What goes wrong

    async def _broken(
        self, request: web.BaseRequest, record: Record, fault: Fault
    ) -> web.StreamResponse:
        record.outcome = fault.what
        if fault.answer and fault.what not in WIRE:
            await self._body(request, record)
            return await self._answered(request, record, _fixed(fault.answer))
        match fault.what:
            case "hang":
                await _client_leaves(request, fault.seconds)
                return _closed(request, record)
            case "answer-early":
                assert fault.answer is not None
                return await self._answered(request, record, _fixed(fault.answer))
            case "close":
                return _closed(request, record)
            case "close-during-body":
                await self._part_of_body(request, record, fault.bytes)
                return _closed(request, record)
            case "close-after-body":
                await self._body(request, record)
                return _closed(request, record)
            case "hang-after-body":
                await self._body(request, record)
                await _client_leaves(request, fault.seconds)
                return _closed(request, record)
            case "redirect":
                await self._body(request, record)
                where = fault.location or f"{request.path}?hop=1"
                answer = web.Response(status=302, headers={"Location": where})
                return await self._answered(request, record, answer)
            case "not-mp4":
                await self._body(request, record)
                said = "image/jpeg" if record.of == "image" else "video/mp4"
                page = web.Response(body=b"<!doctype html><p>Sign in", content_type=said)
                return await self._answered(request, record, page)
        # The rest does all that a good request does, and spoils the answer.
        status, headers, content = await self._whole(request, record)
        record.status = status
        match fault.what:
            case "answer-lost":
                return _closed(request, record)
            case "hang-after-start":
                await _client_leaves(request, fault.seconds)
                return _closed(request, record)
            case "answer-late":
                await self._late(fault)
            case "answer-replaced":
                assert fault.answer is not None
                return await self._answered(request, record, _fixed(fault.answer))
            case "gzip":
                content = gzip.compress(content)
                headers["Content-Encoding"] = "gzip"
            case "no-range":
                for name in ("ETag", "Last-Modified", "Accept-Ranges"):
                    headers.pop(name, None)
            case _:
                return await _dripped(request, fault, status, headers, content)
        return web.Response(status=status, headers=headers, body=content)

    async def _late(self, fault: Fault) -> None:
        """Wait until all is well again after the fault was asked for, or for so long."""
        end = time.monotonic() + fault.seconds if fault.seconds else float("inf")
        # All may be well again before the request is here: a client says *sent* before its last byte has come.
        while time.monotonic() < end and self._faults.mended == fault.mended:
            await asyncio.sleep(0.02)

    async def _whole(
        self, request: web.BaseRequest, record: Record
    ) -> tuple[int, dict[str, str], bytes]:
        """What a good answer to the request would be: status, headers, the whole body."""
        response = await self._served(request, record)
        headers = {k: v for k, v in response.headers.items() if k != "Content-Length"}
        if isinstance(response, web.FileResponse) and (found := self._result(request.path)):
            headers |= {"ETag": _etag(found[1]), "Accept-Ranges": "bytes"}
            return response.status, headers, await asyncio.to_thread(found[1].read_bytes)
        assert isinstance(response, web.Response)
        content = response.body
        return response.status, headers, content if isinstance(content, bytes) else b""

    async def _part_of_body(self, request: web.BaseRequest, record: Record, most: int) -> None:
        if not most:
            most = max(1, (request.content_length or 2000) // 2)
        with contextlib.suppress(ConnectionError, ClientPayloadError, HttpProcessingError):
            async for piece in request.content.iter_any():
                record.body_bytes += len(piece)
                if record.body_bytes >= most:
                    return

    # The control API

    async def _control(self, request: web.BaseRequest) -> web.StreamResponse:
        route = f"{request.method} {request.path.removeprefix(CONTROL).rstrip('/')}"
        try:
            given = await request.json() if request.can_read_body else {}
            if not isinstance(given, dict):
                raise ValueError("an object is expected")
            return await self._steered(route, given)
        except (ValueError, TypeError) as error:
            return _json({"error": str(error)}, 400)

    async def _steered(self, route: str, given: dict[str, Any]) -> web.StreamResponse:
        match route.split("/"):
            case ["GET requests"]:
                return _json({"requests": [asdict(record) for record in self._records]})
            case ["GET jobs"]:
                told = [self._jobs.told(job) for job in self._jobs]
                told += await asyncio.to_thread(self._images.told)
                return _json({"jobs": sorted(told, key=lambda job: job["started_at"])})
            case ["GET images", sha256] if re.fullmatch(r"[0-9a-f]{64}", sha256):
                path = self._jobs.image_path(sha256)
                if path.exists():
                    return web.FileResponse(path, headers={"Content-Type": "application/octet-stream"})  # fmt: skip
            case ["GET settings"]:
                return _json(asdict(self.settings))
            case ["POST settings"]:
                self.settings.change(given)
                return _json(asdict(self.settings))
            case ["GET faults"]:
                return _json({"wire": WIRE, "outcomes": OUTCOMES, "waiting": self._faults.waiting()})  # fmt: skip
            case ["POST fail"]:
                self._faults.add(given)
                return _json({"waiting": self._faults.waiting()})
            case ["POST mend"]:
                self._faults.clear()
                return _json({})
            case ["POST finish"]:
                for job in self._chosen(given):
                    job.finished = True
                return _json({})
            case ["POST expire"]:
                for job in self._chosen(given):
                    jobs = self._images.jobs if isinstance(job, ImageJob) else self._jobs
                    jobs.expire(job, bool(given.get("for_ever")))
                return _json({})
            case ["POST reset"]:
                self._faults.clear()
                self._records.clear()
                self._jobs.clear()
                self._images.jobs.clear()
                self._limits = _Limits()
                self.settings.change(self._first_settings)
                return _json({})
        return _json({"error": f"there is no {route}"}, 404)

    def _chosen(self, given: dict[str, Any]) -> list[Any]:
        """The job that was named, or all, of clips and of pictures."""
        if "job" not in given:
            return [*self._jobs, *self._images.jobs]
        wanted = str(given["job"])
        job = self._jobs.get(wanted) or self._images.jobs.get(wanted)
        if job is None:
            raise ValueError("there is no such job")
        return [job]

    def _hidden(self, name: str, value: str) -> str:
        """A header without a key that could be read."""
        if name.lower() not in {"authorization", "proxy-authorization", "cookie", "x-api-key"}:
            return value.replace(self._key, "<the key>")
        scheme, _, given = value.strip().partition(" ")
        if given.strip() == self._key:
            return f"{scheme} <the key>"
        return f"{scheme} <another key>"


def _route(path: str) -> tuple[str, str, set[str]]:
    """Whose ('video', 'image' or '') the endpoint is that a path belongs to, its name or '', the methods it knows."""
    path = path.rstrip("/ ") or "/"
    if path in _SUBMIT:
        return ("image" if path.startswith("/v1/images/") else "video"), "submit", {"POST"}
    if path == "/v1/api-key":
        return "", "key", _READ
    if re.fullmatch(r"/v1/(tts/|custom-)voices(/[^/]+)?", path):
        return "", "voices", _READ
    if re.fullmatch(r"/v1/(video|image)-generation-models(/.*)?", path):
        return path[4:9], "models", _READ
    if re.fullmatch(r"/v1/(video|image)s/[^/]+", path):
        return path[4:9], "poll", _READ
    if path.startswith("/xai-vidgen-bucket/"):
        return "video", "download", _READ
    if path.startswith("/xai-imgen/"):
        return "image", "download", _READ
    return "", "", _ANY


def _last(path: str, before: str) -> str:
    """What stands in a path behind a part of it, or ''."""
    return unquote(path.rstrip("/ ").partition(before)[2].strip("/"))


def _media(job: jobs_module.Job | ImageJob) -> str:
    """The media type that is said of a result."""
    return job.said if isinstance(job, ImageJob) else "video/mp4"


def _refused(refusal: rules.Refusal) -> web.Response:
    if isinstance(refusal.body, str):
        return web.Response(status=refusal.status, text=refusal.body)
    return _json(refusal.body, refusal.status)


def _json(body: Any, status: int = 200) -> web.Response:
    # Compact, as the service writes it, and without `; charset`: its media type has none.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(status=status, body=text.encode(), content_type="application/json")


def _fixture(name: str) -> web.Response:
    return _json(FIXTURES[name]["body"], FIXTURES[name]["status"])


def _fixed(answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.content_type:
        headers.setdefault("Content-Type", answer.content_type)
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def _etag(path: Path) -> str:
    """The same that aiohttp gives a file, so that a broken download can go on with a good one."""
    stat = path.stat()
    return f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'


def _masked(key: str) -> str:
    """As in the captured body: the ends of a key."""
    return f"{key[:2]}***{key[-2:]}"


def _about_model(name: str) -> dict[str, Any]:
    model = rules.MODELS[name]
    modalities = ["text", "image"] + (["video"] if "edit" in model.makes else [])
    return {
        "id": name,
        "fingerprint": f"fp_{hashlib.sha256(name.encode()).hexdigest()[:10]}",
        "created": model.created,
        "object": "model",
        "owned_by": "xai",
        "version": "1.0" if name == rules.DEFAULT_MODEL else "1.5",
        "input_modalities": modalities,
        "output_modalities": ["video"],
        "aliases": [alias for alias, model in rules.ALIASES.items() if model == name],
    }


def _summary(body: bytes) -> Any:
    """A body for the records: data URIs become what can be checked of them."""
    try:
        return _without_data(json.loads(body))
    except (ValueError, RecursionError):
        return body[:2000].decode(errors="replace")


def _without_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_data(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_without_data(part) for part in value]
    if not (isinstance(value, str) and value.startswith("data:")):
        return value
    try:
        mime, data = rules.data_uri(value, r"\w+")
    except rules.Refusal:
        return {"data_uri": value[:100], "broken": True}
    return {
        "data_uri": mime,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "pixels": rules.pixels(data),
    }


async def _client_leaves(request: web.BaseRequest, seconds: float) -> None:
    """Wait until the client has gone, or for so long."""
    end = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < end and request.transport and not request.transport.is_closing():
        await asyncio.sleep(0.02)


def _closed(request: web.BaseRequest, record: Record) -> web.Response:
    """End the connection without an answer, at once and with what waits to be sent dropped."""
    record.status = None
    if request.transport is not None:
        sock = request.transport.get_extra_info("socket")
        if sock is not None:
            with contextlib.suppress(OSError):
                # A reset, as from a proxy that dies; a quiet end is what `truncate` does.
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def _dripped(
    request: web.BaseRequest, fault: Fault, status: int, headers: dict[str, str], content: bytes
) -> web.StreamResponse:
    """Answers that come slowly, or not to their end: 'drip', 'truncate', 'answer-cut' …"""
    half = fault.bytes or max(1, len(content) // 2)
    head = {name: value for name, value in headers.items() if name != "Transfer-Encoding"}
    if fault.what == "no-length":
        head["Connection"] = "close"
    else:
        head["Content-Length"] = str(half if fault.what == "short-length" else len(content))
    # Written by hand: the framework keeps lengths honest, and these are not.
    lines = [f"HTTP/1.1 {status} OK", *(f"{name}: {value}" for name, value in head.items())]
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    assert isinstance(transport, asyncio.Transport)
    transport.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if fault.what == "drip":
        step = fault.bytes or 1
        for start in range(0, len(content), step):
            if transport.is_closing():
                break
            transport.write(content[start : start + step])
            await asyncio.sleep(fault.seconds or 0.5)
    else:
        transport.write(content[:half])
    transport.close()  # what was written is still sent, then the end of the stream
    while request.transport is not None:
        await asyncio.sleep(0.005)
    return web.Response()
