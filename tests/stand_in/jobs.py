"""The jobs of the stand-in: how long they run, what a poll says, where their clip is.

Owns a job's life and the two shapes of its answers (docs/api.md, §2). Encodes in threads, a few at a time,
from the moment a job starts, so that a poll never waits. Knows nothing of HTTP but the bodies.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from . import clips, rules
from .faults import FIXTURES

Reply = tuple[int, dict[str, Any] | None]


@dataclass(slots=True)
class Job:
    """One generation, edit or extension."""

    id: str
    order: rules.Order
    outcome: str  # a name of faults.OUTCOMES, or ''
    seconds: float  # how long it runs
    suffix: str = ".mp4"
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)
    clip: asyncio.Task[tuple[Path, int]] | None = None
    tokens: list[str] = field(default_factory=list)  # of its result URLs, the newest last
    gone: bool = False  # every URL is dead, new ones as well
    finished: bool = False  # ended by hand
    polls: int = 0
    downloads: int = 0
    charged: int = 0
    file_id: str = ""


class Jobs:
    """All jobs since the start or the last reset."""

    def __init__(self, folder: Path, base: str) -> None:
        self._folder = folder
        self._base = base
        self._by_id: dict[str, Job] = {}
        self._clips: dict[clips.Plan, asyncio.Task[tuple[Path, int]]] = {}
        self._encoders = asyncio.Semaphore(2)
        self._tokens: dict[str, Job] = {}

    def __iter__(self) -> Any:
        return iter(self._by_id.values())

    def get(self, request_id: str) -> Job | None:
        """The job with that id."""
        return self._by_id.get(request_id)

    def clear(self) -> None:
        """Forget all jobs and their URLs; clips that nobody waits for any more are not begun."""
        self._by_id.clear()
        self._tokens.clear()
        self._clips = {plan: task for plan, task in self._clips.items() if task.done()}

    def start(
        self,
        order: rules.Order,
        *,
        seconds: float,
        outcome: str,
        guide: bool,
        motion: bool,
        crops: bool = False,
        drifts: bool = False,
        part_only: bool = False,
        bill: float = 1.0,
        number: bool = False,
        odd: str = "",
        drift: str = "",
    ) -> Job:
        """Start a job; its clip is made meanwhile."""
        request_id = new_id(number)
        job = Job(request_id, order, outcome, seconds, charged=round(order.ticks * bill))
        if outcome == "no-suffix":
            job.suffix = ""
        if order.storage is not None:
            job.file_id = f"file_{secrets.token_hex(8)}"
        self._by_id[request_id] = job
        if not order.fails:
            plan = self._plan(order, guide or crops, motion, drifts)
            if order.kind == "extend" and plan.source:
                plan = replace(plan, part_only=part_only)
            plan = replace(plan, odd=odd, drift=drift)
            if plan not in self._clips or self._failed(plan):
                self._clips[plan] = asyncio.create_task(self._make(plan))
            job.clip = self._clips[plan]
        return job

    def _failed(self, plan: clips.Plan) -> bool:
        task = self._clips[plan]
        return task.done() and (task.cancelled() or task.exception() is not None)

    def _plan(self, order: rules.Order, crops: bool, motion: bool, drifts: bool) -> clips.Plan:
        picture = ""
        if order.video is not None:
            probe = order.video.probe
            drifts = drifts and order.kind == "edit"
            width, height = probe.width, probe.height
            if order.kind == "edit":
                width, height = _edited_size(probe, drifts)
            width, height = width - width % 2, height - height % 2
            if order.video.path is None:  # it lies elsewhere: something of our own instead
                added = order.duration if order.kind == "extend" else 0
                frames = round(probe.seconds * clips.FPS) + added * clips.FPS
                return clips.Plan(width, height, frames, True, motion, words=order.prompt)
            return clips.Plan(
                width,
                height,
                order.duration * clips.FPS if order.kind == "extend" else 0,
                probe.audio,
                motion,
                source=str(order.video.path),
                edited=order.kind == "edit",
                drifts=drifts,
            )
        shown = order.image
        ratio = 16 / 9
        if shown is not None and shown.data:
            picture = str(self.image_path(shown.sha256))
            if not crops:
                ratio = shown.width / shown.height
        if order.aspect_ratio and (crops or not picture):
            across, down = order.aspect_ratio.split(":")
            ratio = int(across) / int(down)
        width, height = clips.size_of(order.resolution, ratio)
        return clips.Plan(
            width,
            height,
            order.duration * clips.FPS + 1,
            order.audio,
            motion,
            picture=picture,
            words="" if picture else order.prompt + (shown.url if shown else ""),
            pins=tuple(
                (round(second * clips.FPS), str(self.image_path(pinned.sha256)))
                for second, pinned in order.pins
                if pinned.sha256
            ),
        )

    async def _make(self, plan: clips.Plan) -> tuple[Path, int]:
        target = self._folder / f"{secrets.token_hex(12)}.mp4"
        async with self._encoders:
            if plan not in self._clips:
                return target, 0
            return target, await asyncio.to_thread(clips.make, plan, target)

    def image_path(self, sha256: str) -> Path:
        """Where a received picture is kept."""
        return self._folder / f"{sha256}.image"

    def clip_path(self, request_id: str) -> Path | None:
        """The file of a job that is done."""
        job = self.get(request_id)
        return self._file(job) if job and self.state(job) == "done" else None

    def file_path(self, file_id: str) -> Path | None:
        """The file that a job stored under this id."""
        for job in self._by_id.values():
            if job.file_id == file_id and self.state(job) == "done":
                return self._file(job)
        return None

    def by_token(self, token: str) -> tuple[Job, Path] | None:
        """The job and file that a result URL stands for, while it is good."""
        job = self._tokens.get(token)
        if job is None or job.gone:
            return None
        file = self._file(job)
        return (job, file) if file else None

    def _file(self, job: Job) -> Path | None:
        if job.clip and job.clip.done() and not job.clip.exception():
            return job.clip.result()[0]
        return None

    def url(self, job: Job) -> str:
        """The address of a job's clip; a new one after it expired."""
        if not job.tokens or job.tokens[-1] not in self._tokens:
            job.tokens.append(secrets.token_hex(8))
            self._tokens[job.tokens[-1]] = job
        return f"{self._base}/xai-vidgen-bucket/xai-video-{job.tokens[-1]}{job.suffix}"

    def expire(self, job: Job, for_ever: bool) -> None:
        """Make a job's URLs dead; the next poll gives a new one unless it is for ever."""
        for token in job.tokens:
            self._tokens.pop(token, None)
        job.gone = for_ever

    def state(self, job: Job) -> str:
        """'running', 'done', 'failed', 'expired' or 'moderated'."""
        over = time.monotonic() - job.started >= job.seconds
        if not job.finished and (job.outcome == "stall" or not over):
            return "running"
        if job.order.fails or job.outcome.startswith("failed") or job.outcome == "unavailable":
            return "failed"
        if job.outcome == "expired":
            return "expired"
        if job.outcome.startswith("moderated"):
            return "moderated"
        if job.clip is None or not job.clip.done():
            return "running"
        if error := job.clip.exception():
            print(f"stand-in: {error}", file=sys.stderr, flush=True)
            return "failed"
        return "done"

    def progress(self, job: Job) -> int:
        """0 to 99 while it runs; what stalls does so at 42."""
        if job.outcome == "stall":
            return 42
        passed = time.monotonic() - job.started
        return min(99, int(100 * passed / job.seconds)) if job.seconds > 0 else 99

    def poll(self, job: Job, guide: bool) -> Reply:
        """What a poll answers: status and body; None is an empty body."""
        state = self.state(job)
        if state == "running":
            if job.outcome == "empty-202":
                return 202, None
            body: dict[str, Any] = {"status": "processing" if guide else "pending"}
            body["progress"] = self.progress(job)
            if job.outcome == "no-status":
                del body["status"]
            return (200 if guide else 202), body
        if state == "failed":
            return self._failure(job, guide)
        if state == "expired":
            return 200, {"status": "expired"} | ({} if guide else {"model": job.order.model})
        if state == "moderated":
            return self._moderated(job)
        return 200, self._done(job, guide)

    def _failure(self, job: Job, guide: bool) -> Reply:
        if job.outcome == "failed-bare" or (guide and not job.outcome):
            return 200, {"status": "failed"}
        if job.outcome == "failed-string":
            return 200, {"status": "failed", "error": "The video could not be generated."}
        code = "service_unavailable" if job.outcome == "unavailable" else "internal_error"
        error = {"code": code, "message": "The video could not be generated."}
        return 200, {"status": "failed", "error": job.order.fails or error, "progress": 0}

    def _moderated(self, job: Job) -> Reply:
        seen = FIXTURES["poll-400-moderated-new"]
        if job.outcome in ("moderated-400", "moderated-old"):
            older = {"code": "Client specified an invalid argument"}
            return seen["status"], seen["body"] | (older if job.outcome.endswith("old") else {})
        if job.outcome in ("moderated-failed", "moderated-denied"):
            denied = job.outcome.endswith("denied")
            code = "permission_denied" if denied else "invalid_argument"
            error = {"code": code, "message": seen["body"]["error"]}
            return 200, {"status": "failed", "error": error}
        body: dict[str, Any] = {"status": "done", "model": job.order.model}
        if job.outcome == "moderated-null":
            return 200, body | {"video": None}
        video = {} if job.outcome == "moderated-no-url" else {"url": ""}
        return 200, body | {"video": video | {"respect_moderation": False}}

    def _done(self, job: Job, guide: bool) -> dict[str, Any]:
        assert job.clip is not None
        video: dict[str, Any] = {"duration": job.clip.result()[1] // clips.FPS}
        if job.outcome != "no-url":
            video = {"url": self.url(job)} | video
        body: dict[str, Any] = {"status": "done", "video": video, "progress": 100}
        if job.outcome == "no-status":
            del body["status"]
        if guide:
            return body
        video["respect_moderation"] = True
        if job.order.storage is not None:
            video["file_output"] = self._stored(job, job.order.storage)
        return body | {
            "model": job.order.model,
            "usage": {"cost_in_usd_ticks": job.charged},
        }

    def _stored(self, job: Job, wanted: dict[str, Any]) -> dict[str, Any]:
        stored: dict[str, Any] = {"file_id": job.file_id, "filename": wanted["filename"]}
        if wanted.get("expires_after"):
            stored["expires_at"] = int(job.started_at) + wanted["expires_after"]
        if wanted.get("public_url"):
            stored["public_url"] = self.url(job)
        return stored

    def told(self, job: Job) -> dict[str, Any]:
        """A job for the control API."""
        file = self._file(job)
        frames = job.clip.result()[1] if file and job.clip else None
        order = job.order
        return {
            "id": job.id,
            "kind": order.kind,
            "state": self.state(job),
            "outcome": job.outcome,
            "progress": self.progress(job),
            "started_at": job.started_at,
            "model": order.model,
            "prompt": order.prompt,
            "duration": order.duration,
            "resolution": order.resolution,
            "aspect_ratio": order.aspect_ratio,
            "audio": order.audio,
            "voices": list(order.voices),
            "image": order.image.sha256 if order.image else "",
            "image_pixels": [order.image.width, order.image.height] if order.image else None,
            "ticks": job.charged,
            "frames": frames,
            "bytes": file.stat().st_size if file else None,
            "url": f"{self._base}/xai-vidgen-bucket/xai-video-{job.tokens[-1]}{job.suffix}"
            if job.tokens
            else "",
            "polls": job.polls,
            "downloads": job.downloads,
        }


def _edited_size(probe: clips.Probe, drifts: bool) -> tuple[int, int]:
    """An edit keeps its source's size, at most 720p; really 848x480 came back 850x482 (docs/api.md, §1)."""
    short = min(probe.width, probe.height)
    if short > 720:
        return round(probe.width * 720 / short), round(probe.height * 720 / short)
    more = 2 if drifts and short + 2 <= 720 else 0
    return probe.width + more, probe.height + more


def new_id(number: bool) -> str:
    """An id that no job has: a whole number, or what looks like a UUID and is none of version 4 (docs/api.md, §2)."""
    if number:
        return str(10**14 + secrets.randbelow(10**14))
    raw = secrets.token_hex(16)
    return f"{raw[:8]}-{raw[8:12]}-9{raw[13:16]}-{raw[16:20]}-{raw[20:]}"


def keep_pictures(jobs: Jobs, pictures: list[rules.Picture]) -> None:
    """Write received pictures where clips and the control API find them."""
    for picture in pictures:
        path = jobs.image_path(picture.sha256)
        if not path.exists():
            # Another POST with this picture may be under way, whose clip would be made of half of it.
            part = path.with_name(secrets.token_hex(8))
            part.write_bytes(picture.data)
            part.replace(path)


def without_data(order: rules.Order) -> rules.Order:
    """An order whose pictures' bytes are let go of: they are on disk."""

    def light(picture: rules.Picture) -> rules.Picture:
        # A mark stays, so that what was decoded is still told from what lies elsewhere.
        return replace(picture, data=picture.data[:1])

    return replace(
        order,
        image=light(order.image) if order.image else None,
        others=tuple(light(picture) for picture in order.others),
        pins=tuple((second, light(picture)) for second, picture in order.pins),
    )
