"""A client of image services that nobody of this project wrote, the ``openai`` package, orders pictures of the stand-in.

It speaks plain REST. Its call for an edit sends a form, which the service refuses (docs/api.md); the same edit as JSON goes
through the client's own HTTP and types.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import openai
import pytest
from openai.types import Image as MadeImage
from openai.types import ImagesResponse
from PIL import Image

from stand_in import frame_code
from stand_in.calls import data_uri, fetched
from stand_in.client import StandIn

MODEL = "grok-imagine-image-2.0"
RED = Image.new("RGB", (640, 360), (200, 30, 30))


@pytest.fixture
def client(service: StandIn) -> Iterator[openai.OpenAI]:
    # No proxy of the system may stand between a test and loopback.
    with (
        openai.DefaultHttpxClient(trust_env=False) as direct,
        openai.OpenAI(
            api_key=service.key, base_url=f"{service.base}/v1", max_retries=0, http_client=direct
        ) as made,
    ):
        yield made


def mark(data: bytes) -> frame_code.Mark:
    with Image.open(io.BytesIO(data)) as image:
        return frame_code.decode_mark(np.asarray(image.convert("RGB")))


def edit(client: openai.OpenAI, **fields: Any) -> ImagesResponse:
    body = {"model": MODEL, "prompt": "as clay", "image": {"url": data_uri(RED)}} | fields
    return client.post("/images/edits", body=body, cast_to=ImagesResponse)


def made(answer: ImagesResponse) -> list[MadeImage]:
    assert answer.data
    return answer.data


def test_pictures_of_words(client: openai.OpenAI, service: StandIn) -> None:
    more = {"quality": "medium", "resolution": "2k", "aspect_ratio": "16:9"}
    answer = client.images.generate(
        model=MODEL, prompt="a boat", n=2, response_format="b64_json", extra_body=more
    )
    shown = [base64.b64decode(item.b64_json or "") for item in made(answer)]
    assert [mark(data) for data in shown] == [
        frame_code.mark_of(prompt="a boat", number=number) for number in (0, 1)
    ]
    assert service.jobs()[0]["pictures"][0]["pixels"] == [2816, 1536]
    (item,) = made(client.images.generate(model=MODEL, prompt="a boat"))
    assert item.url
    assert mark(fetched(service, item.url)) == frame_code.mark_of(prompt="a boat")


def test_an_edit_as_json(client: openai.OpenAI, service: StandIn) -> None:
    (item,) = made(edit(client, quality="low", resolution="1k"))
    assert item.url
    sent = base64.b64decode(data_uri(RED).partition(",")[2])
    assert mark(fetched(service, item.url)) == frame_code.mark_of(sent, "as clay")
    assert service.jobs()[0]["ticks"] == 5 * 10**8


def test_an_edit_as_a_form_is_refused(client: openai.OpenAI, service: StandIn) -> None:
    held = io.BytesIO()
    RED.save(held, "PNG")
    with pytest.raises(openai.APIStatusError) as refused:
        client.images.edit(model=MODEL, prompt="as clay", image=("a.png", held.getvalue()))
    assert refused.value.status_code == 415
    assert service.jobs() == []


def test_refusals_are_read_as_what_they_are(client: openai.OpenAI, service: StandIn) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.generate(model=MODEL, prompt="a boat", size="1024x1024")
    assert refused.value.response.json()["error"] == "Argument not supported: size"
    with pytest.raises(openai.UnprocessableEntityError):
        edit(client, resolution="4k")
    with pytest.raises(openai.NotFoundError):
        edit(client, model="grok-imagine-image-9")
    assert service.jobs() == []
    service.fail("image-job", "moderated")
    with pytest.raises(openai.BadRequestError) as moderated:
        edit(client)
    body = moderated.value.response.json()
    assert body["usage"]["cost_in_usd_ticks"] == service.jobs()[0]["ticks"] > 0
    service.settings(per_minute=1)
    with pytest.raises(openai.RateLimitError):
        edit(client)
    with pytest.raises(openai.BadRequestError) as wrong:  # the service's word for a wrong key
        client.with_options(api_key="xai-wrong").images.generate(model=MODEL, prompt="a boat")
    assert "API key" in wrong.value.response.json()["error"]
