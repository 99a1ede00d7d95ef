"""The stand-in speaks with the voices that the service has, and lists them (docs/api.md, §1)."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import pytest

from stand_in import voices
from stand_in.calls import Answer, call, generate
from stand_in.client import StandIn

V15 = "grok-imagine-video-1.5"
LINK = {"url": "https://example.com/a.png"}


def wav(seconds: float) -> str:
    """A silent sound as a data URI."""
    held = io.BytesIO()
    with wave.open(held, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(int(seconds * 8000) * 2))
    return f"data:audio/wav;base64,{base64.b64encode(held.getvalue()).decode()}"


def speak(service: StandIn, *ids: str, **fields: Any) -> Answer:
    audios = [{"voice_id": name} for name in ids]
    return generate(service, **({"model": V15, "reference_audios": audios} | fields))


def test_voices_are_heard_in_their_order_whatever_their_letters(service: StandIn) -> None:
    assert speak(service, "Ara", "rex", "ZENITH", prompt="<AUDIO_0> says").status == 200
    assert service.jobs()[0]["voices"] == ["ara", "rex", "zenith"]
    assert service.jobs()[0]["ticks"] == 8 * 10**8  # a voice costs nothing
    assert generate(service).status == 200
    assert service.jobs()[1]["voices"] == []


def test_an_unknown_voice_is_refused_with_the_list_of_them(service: StandIn) -> None:
    answer = speak(service, "ara", "bob")
    assert (answer.status, answer.json["code"]) == (400, "invalid-argument")
    words = answer.json["error"]
    assert "bob" in words
    named = words.partition(": ")[2].rstrip(".").split(", ")
    listed = call(service, "GET", "/v1/tts/voices").json["voices"]
    assert named == [voice["voice_id"] for voice in listed]
    assert len(named) == len(voices.VOICES) > 20
    assert service.jobs() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"reference_images": [LINK] * 14},
        {"image": LINK},
        {"image": LINK, "last_frame": LINK, "resolution": "720p"},
        {"duration": 15, "resolution": "720p"},
        {"generate_audio": False},
    ],
    ids=lambda fields: "-".join(fields),
)
def test_what_goes_along_with_a_voice(service: StandIn, fields: dict[str, Any]) -> None:
    answer = speak(service, "eve", **fields)
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"resolution": "1080p"}, "1080p"),
        ({"resolution": "1080p", "image": LINK}, "1080p"),
        ({"prompt": ""}, "Prompt"),
        ({"duration": 16}, "Duration"),
        ({"model": "grok-imagine-video"}, "not supported for this model"),
        ({"model": "grok-imagine-video-1.5-lite"}, "not supported for this model"),
        ({"reference_audios": [{"voice_id": "ara"}] * 4}, "Maximum allowed is 3"),
        ({"reference_audios": [{}]}, "either a voice_id or a url"),
        ({"reference_audios": [{"voice_id": ""}]}, "either a voice_id or a url"),
        ({"reference_audios": [{"voice_id": "ara", "url": wav(1)}]}, "either a voice_id or a url"),
        ({"reference_audios": [{"url": wav(1)}]}, "trusted"),
    ],
)
def test_what_is_refused(service: StandIn, fields: dict[str, Any], words: str) -> None:
    answer = speak(service, "ara", **fields)
    assert answer.status == 400
    assert words in answer.json["error"]
    assert service.jobs() == []


def test_the_shape_of_a_voice(service: StandIn) -> None:
    for wrong in (["ara"], "ara", [{"voice_id": 7}], {"voice_id": "ara"}):
        assert speak(service, reference_audios=wrong).status == 422
    assert speak(service, reference_audios=[]).status == 200


def test_sounds_of_ones_own_are_for_the_trusted(service: StandIn) -> None:
    def say(url: str) -> Answer:
        return speak(service, reference_audios=[{"url": url}])

    service.settings(trusted=True)
    assert say(wav(15)).status == 200
    assert service.jobs()[0]["voices"] == ["url"]
    assert say("https://example.com/a.wav").status == 200
    for wrong in (
        wav(15.1),
        wav(1)[:60],
        wav(1).replace("audio/wav", "audio/mpeg"),
        wav(1).replace("audio/", "video/"),
        "file:///etc/passwd",
    ):
        assert say(wrong).status == 400, wrong[:40]


def test_voices_of_the_account(service: StandIn) -> None:
    assert speak(service, "nlbqfwie").status == 400
    service.settings(custom_voices="nlbqfwie abcd1234")
    assert speak(service, "nlbqfwie", "ara").status == 200
    own = call(service, "GET", "/v1/custom-voices").json["voices"]
    assert [voice["voice_id"] for voice in own] == ["nlbqfwie", "abcd1234"]
    assert call(service, "GET", "/v1/custom-voices/abcd1234").json == own[1]
    assert "nlbqfwie" not in str(call(service, "GET", "/v1/tts/voices").json)


def test_the_list_of_voices(service: StandIn) -> None:
    listed = call(service, "GET", "/v1/tts/voices").json["voices"]
    assert {"voice_id": "eve", "name": "Eve", "language": "en"} in listed  # the official SDK's test
    assert call(service, "GET", "/v1/tts/voices/Eve").json["voice_id"] == "eve"
    assert call(service, "GET", "/v1/tts/voices/bob").status == 404
    assert call(service, "GET", "/v1/tts/voices", key="").status == 401
    assert call(service, "POST", "/v1/tts/voices", {}).status == 405
    assert {record["endpoint"] for record in service.requests()} == {"voices"}
    service.settings(voices_forbidden=True)
    for path in ("/v1/tts/voices", "/v1/custom-voices"):
        refused = call(service, "GET", path)
        assert (refused.status, refused.json["code"]) == (403, "permission-denied")
    assert speak(service, "ara").status == 200
    service.fail("voices", 500)
    assert call(service, "GET", "/v1/tts/voices").status == 500
