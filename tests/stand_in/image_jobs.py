"""The orders for pictures of the stand-in: how long they run, what is answered, where their pictures are.

Owns such an order's life and its answers in both forms, at once and deferred (docs/api.md). Makes the pictures in
threads from the moment an order is taken. Knows nothing of HTTP but the bodies.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import frame_code, image_rules, pictures, rules
from .faults import FIXTURES

Reply = tuple[int, dict[str, Any] | None]

#: Moderated orders that end without an error, and those that are failed when deferred; the rest is a 400.
_DONE_WITHOUT = ("moderated-null", "moderated-no-url")
_FAILED_AS = {
    "moderated": "invalid_argument",
    "moderated-failed": "invalid_argument",
    "moderated-denied": "permission_denied",
}
_MODERATED = "Generated image rejected by content moderation."


@dataclass(slots=True)
class ImageJob:
    """One order for pictures."""

    id: str
    order: image_rules.ImageOrder
    outcome: str  # a name of faults.OUTCOMES, or ''
    seconds: float  # how long it runs
    said: str  # the media type that answers name
    done_word: str
    charged: int
    started: float = field(default_factory=time.monotonic)
    started_at: float = field(default_factory=time.time)
    made: list[asyncio.Task[Path]] = field(default_factory=list)
    tokens: list[list[str]] = field(default_factory=list)  # of each picture's URLs, the newest last
    file_ids: list[str] = field(default_factory=list)
    gone: bool = False  # every URL is dead, new ones as well
    finished: bool = False  # ended by hand
    polls: int = 0
    downloads: int = 0


class ImageJobs:
    """All orders for pictures since the start or the last reset."""

    def __init__(self, folder: Path, base: str) -> None:
        self._folder = folder
        self._base = base
        self._by_id: dict[str, ImageJob] = {}
        self._plans: dict[pictures.Plan, asyncio.Task[Path]] = {}
        self._makers = asyncio.Semaphore(2)
        self._tokens: dict[str, tuple[ImageJob, int]] = {}

    def __iter__(self) -> Iterator[ImageJob]:
        return iter(self._by_id.values())

    def get(self, request_id: str) -> ImageJob | None:
        """The order with that id."""
        return self._by_id.get(request_id)

    def clear(self) -> None:
        """Forget all orders and their URLs."""
        self._by_id.clear()
        self._tokens.clear()
        self._plans = {plan: task for plan, task in self._plans.items() if task.done()}

    def start(self, job: ImageJob, plans: list[pictures.Plan]) -> None:
        """Take an order; its pictures are made meanwhile."""
        job.tokens = [[] for _ in plans]
        if job.order.storage is not None:
            job.file_ids = [f"file_{secrets.token_hex(8)}" for _ in plans]
        for plan in plans:
            task = self._plans.get(plan)
            if task is None or (task.done() and (task.cancelled() or task.exception())):
                task = self._plans[plan] = asyncio.create_task(self._make(plan))
            job.made.append(task)
        self._by_id[job.id] = job

    async def _make(self, plan: pictures.Plan) -> Path:
        target = self._folder / f"{secrets.token_hex(12)}.{plan.format}"
        async with self._makers:
            await asyncio.to_thread(pictures.make, plan, target)
        return target

    def state(self, job: ImageJob) -> str:
        """'running', 'done', 'failed', 'expired' or 'moderated'."""
        over = time.monotonic() - job.started >= job.seconds
        if not job.finished and (job.outcome == "stall" or not over):
            return "running"
        if job.outcome.startswith("failed") or job.outcome == "unavailable":
            return "failed"
        if job.outcome == "expired":
            return "expired"
        if job.outcome.startswith("moderated"):
            return "moderated"
        if not all(task.done() for task in job.made):
            return "running"
        for task in job.made:
            if error := task.exception():
                print(f"stand-in: {error}", file=sys.stderr, flush=True)
                return "failed"
        return "done"

    # What is answered

    def at_once(self, job: ImageJob) -> Reply:
        """What the POST itself answers, once it is no longer running."""
        state = self.state(job)
        if state == "moderated" and job.outcome not in _DONE_WITHOUT:
            return self._rejected(job)
        if state in ("failed", "expired"):
            if job.outcome == "failed-bare":
                return 500, {}
            status = 503 if job.outcome == "unavailable" else 500
            return status, {"code": "internal", "error": "The image could not be generated."}
        return 200, self._data(job)

    def poll(self, job: ImageJob) -> Reply:
        """What a poll of a deferred order answers; None is an empty body."""
        state = self.state(job)
        if state == "running":
            return 202, None if job.outcome == "empty-202" else {"status": "pending"}
        if state == "expired":
            return unknown(job.id)
        if state == "moderated" and job.outcome in ("moderated-400", "moderated-old"):
            return self._rejected(job)
        body: dict[str, Any] = {"request_id": job.id}
        if state == "failed":
            return 200, body | self._failure(job)
        if state == "moderated" and job.outcome in _FAILED_AS:
            error = {"code": _FAILED_AS[job.outcome], "message": _MODERATED}
            return 200, body | {"status": "failed", "error": error}
        if job.outcome != "no-status" and job.done_word:
            body["status"] = job.done_word
        return 200, body | self._data(job)

    def _rejected(self, job: ImageJob) -> Reply:
        older = job.outcome == "moderated-old"
        seen = FIXTURES["image-400-moderated-old" if older else "image-400-moderated-new"]
        return seen["status"], seen["body"] | {"usage": self._usage(job)}

    def _failure(self, job: ImageJob) -> dict[str, Any]:
        words = "The image could not be generated."
        if job.outcome == "failed-bare":
            return {"status": "failed"}
        if job.outcome == "failed-string":
            return {"status": "failed", "error": words}
        code = "service_unavailable" if job.outcome == "unavailable" else "internal_error"
        return {"status": "failed", "error": {"code": code, "message": words}}

    def _usage(self, job: ImageJob) -> dict[str, Any]:
        usage: dict[str, Any] = {"cost_in_usd_ticks": job.charged}
        if job.outcome == "tokens":
            made = 4056 * job.order.n
            usage |= {
                "input_tokens": 12,
                "input_tokens_details": {"text_tokens": 12, "image_tokens": 0, "cached_tokens": 0},
                "output_tokens": made + 40,
                "output_tokens_details": {
                    "text_tokens": 40,
                    "reasoning_tokens": 0,
                    "image_tokens": made,
                },
                "total_tokens": made + 52,
            }
        return usage

    def _data(self, job: ImageJob) -> dict[str, Any]:
        order = job.order
        if job.outcome == "moderated-null":
            data: list[dict[str, Any]] = []
        elif job.outcome == "moderated-no-url":
            data = [{"respect_moderation": False} for _ in job.made]
        else:
            data = [self._item(job, number) for number in range(len(job.made))]
        body: dict[str, Any] = {"data": data}
        if job.outcome == "older-form":
            return {"created": int(job.started_at)} | body
        if order.asked != order.model:
            body["model"] = order.model
        if job.outcome != "no-usage":
            body["usage"] = self._usage(job)
        return body

    def _item(self, job: ImageJob, number: int) -> dict[str, Any]:
        order = job.order
        item: dict[str, Any] = {}
        if order.response_format == "b64_json":
            text = base64.b64encode(self._file(job, number).read_bytes()).decode()
            item["b64_json"] = text[: len(text) // 2 - 1] if job.outcome == "b64-cut" else text
        elif job.outcome != "no-url":
            item["url"] = self.url(job, number)
        if not order.deferred:
            item["mime_type"] = job.said
        if job.outcome == "older-form":
            item["revised_prompt"] = ""
        if order.storage is not None:
            if job.outcome == "storage-error":
                item["storage_error"] = "The file could not be stored."
            else:
                item["file_output"] = self._stored(job, number, order.storage)
        return item

    def _stored(self, job: ImageJob, number: int, wanted: dict[str, Any]) -> dict[str, Any]:
        seconds = wanted.get("expires_after")
        return {
            "file_id": job.file_ids[number],
            "filename": wanted["filename"],
            "expires_at": int(job.started_at) + seconds if seconds else None,
            "public_url": self.url(job, number) if wanted.get("public_url") else None,
        }

    # Where the pictures are

    def url(self, job: ImageJob, number: int) -> str:
        """The address of a picture; a new one after it expired."""
        tokens = job.tokens[number]
        if not tokens or tokens[-1] not in self._tokens:
            tokens.append(secrets.token_hex(8))
            self._tokens[tokens[-1]] = (job, number)
        return self._address(job, number)

    def _address(self, job: ImageJob, number: int) -> str:
        suffix = "" if job.outcome == "no-suffix" else self._file(job, number).suffix
        return f"{self._base}/xai-imgen/xai-tmp-imgen-{job.tokens[number][-1]}{suffix}"

    def _file(self, job: ImageJob, number: int) -> Path:
        return job.made[number].result()

    def by_token(self, token: str) -> tuple[ImageJob, Path] | None:
        """The order and the file that a result URL stands for, while it is good."""
        job, number = self._tokens.get(token, (None, 0))
        if job is None or job.gone:
            return None
        return job, self._file(job, number)

    def by_file_id(self, file_id: str) -> Path | None:
        """The picture that an order stored under this id."""
        for job in self:
            if file_id in job.file_ids and self.state(job) == "done":
                return self._file(job, job.file_ids.index(file_id))
        return None

    def expire(self, job: ImageJob, for_ever: bool) -> None:
        """Make an order's URLs dead; the next poll gives new ones unless it is for ever."""
        for tokens in job.tokens:
            for token in tokens:
                self._tokens.pop(token, None)
        job.gone = for_ever

    def told(self, job: ImageJob) -> dict[str, Any]:
        """An order for the control API, in the fields of a clip's job and a few more."""
        order = job.order
        first = order.pictures[0] if order.pictures else None
        done = self.state(job) == "done"
        shown = [self._told_picture(job, number) for number in range(len(job.made))] if done else []
        return {
            "id": job.id,
            "kind": order.kind,
            "state": self.state(job),
            "outcome": job.outcome,
            "started_at": job.started_at,
            "model": order.model,
            "asked_model": order.asked,
            "prompt": order.prompt,
            "resolution": order.resolution,
            "quality": order.quality,
            "aspect_ratio": order.aspect_ratio,
            "n": order.n,
            "deferred": order.deferred,
            "image": first.sha256 if first else "",
            "image_pixels": [first.width, first.height] if first else None,
            "others": [picture.sha256 for picture in order.pictures[1:]],
            "ticks": job.charged,
            "pictures": shown,
            "url": shown[0]["url"] if shown else "",
            "polls": job.polls,
            "downloads": job.downloads,
        }

    def _told_picture(self, job: ImageJob, number: int) -> dict[str, Any]:
        data = self._file(job, number).read_bytes()
        return {
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
            "pixels": rules.pixels(data),
            "url": self._address(job, number) if job.tokens[number] else "",
            "file_id": job.file_ids[number] if job.file_ids else "",
        }


def unknown(request_id: str) -> Reply:
    """404: no such order."""
    words = f"The image request {request_id} was not found."
    return 404, {"code": "not-found", "error": words}


def plans_of(
    order: image_rules.ImageOrder,
    path_of: Callable[[str], Path],
    *,
    format: str,
    geometry: str,
    stretches: bool,
    marked: bool,
) -> list[pictures.Plan]:
    """What each picture of an order is made of; ``path_of`` gives the file of a picture that came, by its hash."""
    first = order.pictures[0] if order.pictures else None
    ratio = (
        16 / 9 if first else 1.0
    )  # of a picture on another host, and of one that is made of words alone
    if first and first.height:
        ratio = first.width / first.height
    if order.aspect_ratio:
        across, down = order.aspect_ratio.split(":")
        ratio = float(across) / float(down)
    width, height = pictures.size_of(order.resolution, ratio)
    named = [picture.sha256 or _hash_of(picture.url) for picture in order.pictures]
    return [
        pictures.Plan(
            width,
            height,
            format,
            order.prompt,
            frame_code.mark_of(named[0] if named else "", order.prompt, named[1:], number),
            str(path_of(first.sha256)) if first and first.sha256 else "",
            order.prompt + (first.url if first else ""),
            geometry,
            stretches,
            marked,
        )
        for number in range(order.n)
    ]


def _hash_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()
