"""The voices of the service: read from its list, and from its refusal of one that it has not."""

from __future__ import annotations

import json

import pytest

from grok_video.core.problem import Problem, ProblemCode
from grok_video.service.models import VOICES
from grok_video.service.voices import voices_answer, voices_in

#: A refusal, and the voices that it offers. Nobody has published the service's own words.
REFUSALS = [
    ("Unknown voice 'bob'. Available voices: ara, eve, leo, rex.", "ara eve leo rex"),
    ("Voice \"bob\" not found. Available voices: ['ara', 'eve', 'rex']", "ara eve rex"),
    ("Invalid voice_id: bob. Must be one of ara, eve, or leo", "ara eve leo"),
    ("voice_id `bob` is not supported; valid values are: ara | eve | leo", "ara eve leo"),
    ("The voice bob does not exist. Available voices are ara, eve and leo.", "ara eve leo"),
    ("Unknown voice 'bob', available: Ara, eve, ARA, my-voice_2.", "Ara eve my-voice_2"),
    ("Voice bob is not available. Choose one of: ara, eve, custom-1, lu…", "ara eve custom-1"),
    ("No such voice: bob. Voices: ara, eve. See the documents, please.", "ara eve"),
    ("Unknown voice: bob", ""),
    ("Too many voices: 4. Maximum allowed is 3.", ""),
    ("The duration must be one of 1, 2", ""),
    ("voice", ""),
    ("", ""),
]


@pytest.mark.parametrize(("words", "offered"), REFUSALS)
def test_the_voices_that_a_refusal_offers(words: str, offered: str) -> None:
    assert " ".join(voices_in(words)) == offered


def test_every_voice_of_the_table_is_read() -> None:
    assert voices_in(f"Unknown voice. Available voices: {', '.join(VOICES)}") == VOICES


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"voices": [{"voice_id": "ara", "name": "Ara"}, {"voice_id": "leo"}]}, ["ara", "leo"]),
        ({"data": [{"id": "ara"}, {"name": "eve"}]}, ["ara", "eve"]),
        (["ara", "leo", "ARA"], ["ara", "leo"]),
        ({"voices": []}, []),
        ({"voices": "ara"}, []),
        ({}, []),
        ({"voices": [None, 5, {}, "", "x" * 65, "a\nb", ["ara"], {"voice_id": 5}]}, []),
        ({"voices": [f"v{number}" for number in range(1000)]}, [f"v{n}" for n in range(200)]),
    ],
)
def test_the_list_of_the_service(body: object, wanted: list[str]) -> None:
    assert voices_answer(200, {}, json.dumps(body).encode()) == wanted


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"null", b"5", b'"ara"'])
def test_what_is_no_list_names_no_voice(body: bytes) -> None:
    assert voices_answer(200, {}, body) == []


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_key_that_may_not_read_it(status: int) -> None:
    said = voices_answer(status, {}, b'{"code":"x","error":"No."}')
    assert isinstance(said, Problem)
    assert status != 403 or said.code is ProblemCode.KEY
