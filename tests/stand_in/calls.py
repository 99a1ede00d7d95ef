"""A plain HTTP client and shortcuts for the tests of the stand-in."""

from __future__ import annotations

import base64
import http.client
import io
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from .client import StandIn


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def call(
    service: StandIn,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    key: str | None = None,
    timeout: float = 20,
) -> Answer:
    """One request on a connection of its own; ``body`` is JSON unless it is bytes.

    Without ``key`` the right one is sent; with ``''`` none.
    """
    sent = {"Authorization": f"Bearer {service.key if key is None else key}"}
    if key == "":
        sent = {}
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body, separators=(",", ":")).encode()
    if body is not None:
        sent["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(urlsplit(service.base).netloc, timeout=timeout)
    try:
        connection.request(method, path, body, sent | (headers or {}))
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def generate(service: StandIn, **fields: Any) -> Answer:
    """POST a generation of 1 s; ``fields`` change it, None takes one away."""
    asked = {"model": "grok-imagine-video", "prompt": "a boat", "duration": 1, "resolution": "480p"}
    body = {name: value for name, value in (asked | fields).items() if value is not None}
    return call(service, "POST", "/v1/videos/generations", body)


def edit(service: StandIn, **fields: Any) -> Answer:
    """POST the edit of a small red picture; ``fields`` change it, None takes one away."""
    asked = {
        "model": "grok-imagine-image-2.0",
        "prompt": "as gouache",
        "image": {"url": data_uri(Image.new("RGB", (64, 36), (200, 30, 30)))},
        "resolution": "1k",
        "quality": "medium",
    }
    if "images" in fields:
        del asked["image"]
    body = {name: value for name, value in (asked | fields).items() if value is not None}
    return call(service, "POST", "/v1/images/edits", body)


def imagine(service: StandIn, **fields: Any) -> Answer:
    """POST an order for a picture of words alone; ``fields`` as of ``edit``."""
    asked = {"model": "grok-imagine-image-2.0", "prompt": "a boat"}
    body = {name: value for name, value in (asked | fields).items() if value is not None}
    return call(service, "POST", "/v1/images/generations", body)


def fetched(service: StandIn, url: str) -> bytes:
    """What a result URL gives, asked for without a key."""
    got = call(service, "GET", urlsplit(url).path, key="")
    assert got.status == 200
    return got.body


def final(
    service: StandIn, request_id: str, seconds: float = 60, path: str = "/v1/videos"
) -> Answer:
    """Poll until the job is no longer running."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = call(service, "GET", f"{path}/{request_id}")
        running = answer.status == 202 or answer.json.get("status") in ("pending", "processing")
        if not running:
            return answer
        time.sleep(0.02)
    pytest.fail(f"{request_id} is still running after {seconds} s")


def made(service: StandIn, path: str = "generations", **fields: Any) -> tuple[str, bytes]:
    """Have a clip made: its URL and its bytes."""
    if path == "generations":
        started = generate(service, **fields)
    else:
        started = call(service, "POST", f"/v1/videos/{path}", fields)
    assert started.status == 200, started.body
    done = final(service, started.json["request_id"])
    assert done.json["status"] == "done", done.body
    url: str = done.json["video"]["url"]
    got = call(service, "GET", urlsplit(url).path, key="")
    assert got.status == 200
    return url, got.body


def data_uri(image: Image.Image, kind: str = "PNG", mime: str = "", **options: Any) -> str:
    """A picture as a data URI; ``options`` are Pillow's."""
    held = io.BytesIO()
    image.save(held, kind, **options)
    text = base64.b64encode(held.getvalue()).decode()
    return f"data:{mime or f'image/{kind.lower()}'};base64,{text}"
