"""What the stand-in answers about pictures: orders, polls, the list of models.

Owns the way from a checked order to its job under the settings that hold then. Knows nothing of sockets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import image_jobs, image_rules
from .faults import Faults
from .image_jobs import ImageJob, ImageJobs
from .jobs import new_id
from .rules import World
from .settings import Settings


class ImageDesk:
    """Takes orders for pictures. ``path_of`` gives the file of a picture that came, by its hash."""

    def __init__(
        self,
        folder: Path,
        base: str,
        settings: Settings,
        faults: Faults,
        path_of: Callable[[str], Path],
    ) -> None:
        self.jobs = ImageJobs(folder, base)
        self._settings = settings
        self._faults = faults
        self._path_of = path_of

    def check(
        self, kind: str, content_type: str, body: bytes, world: World
    ) -> image_rules.ImageOrder:
        """A body as an order. Raises rules.Refusal."""
        settings = self._settings
        return image_rules.check(
            kind, content_type, body, world, settings.prompt_length, settings.defers
        )

    def start(self, order: image_rules.ImageOrder) -> ImageJob:
        """Take an order."""
        settings = self._settings
        ending = self._faults.take("job", "image-job")
        job = ImageJob(
            new_id(settings.number_ids),
            order,
            ending.what if ending else "",
            settings.job_seconds,
            settings.picture_said or f"image/{settings.picture_format}",
            settings.done_word,
            round(order.ticks * settings.bill * settings.image_price),
        )
        plans = image_jobs.plans_of(
            order,
            self._path_of,
            format=settings.picture_format,
            geometry=settings.geometry,
            stretches=settings.stretches,
            marked=settings.picture_marked,
        )
        self.jobs.start(job, plans)
        return job

    def at_once(self, job: ImageJob) -> image_jobs.Reply | None:
        """The answer to a POST that is not deferred, or None while it runs."""
        return None if self.jobs.state(job) == "running" else self.jobs.at_once(job)

    def poll(self, request_id: str) -> image_jobs.Reply:
        """The answer to a poll."""
        job = self.jobs.get(request_id.lower())
        if job is None or not job.order.deferred:
            return image_jobs.unknown(request_id)
        return self.jobs.poll(job)

    def told(self) -> list[dict[str, Any]]:
        """All orders for the control API."""
        return [self.jobs.told(job) for job in list(self.jobs)]

    def models(self, wanted: str) -> tuple[Any, int]:
        """The list of models, or the one that is wanted: body and status."""
        about = [self._about(name) for name in image_rules.MODELS]
        if not wanted:
            return {"models": about}, 200
        for model in about:
            if wanted in (model["id"], *model["aliases"]):
                return model, 200
        return {"code": "not-found", "error": f"The model {wanted} does not exist."}, 404

    def _about(self, name: str) -> dict[str, Any]:
        model = image_rules.MODELS[name]
        prices = [
            {"resolution": resolution, "price_per_image": self._dearer(price)}
            | ({"quality": quality} if quality else {})
            for (quality, resolution), price in model.prices.items()
        ]
        return {
            "id": name,
            "fingerprint": f"fp_{hashlib.sha256(name.encode()).hexdigest()[:10]}",
            "max_prompt_length": self._settings.prompt_length,
            "created": model.created,
            "object": "model",
            "owned_by": "xai",
            "version": model.version,
            "input_modalities": ["text", "image"],
            "output_modalities": ["image"],
            # In cents, of a medium picture of 1k: the price list beside it is in ticks.
            "image_price": model.prices.get(("medium", "1k"), model.prices.get(("", "1k"), 0))
            // 10**8,
            "pricing": prices,
            "aliases": list(model.aliases),
        }

    def _dearer(self, ticks: int) -> int:
        return round(ticks * self._settings.image_price)
