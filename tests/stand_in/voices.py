"""The voices that a clip can speak with: which there are, what of ``reference_audios`` is accepted (docs/api.md, §1).

Owns their names, the rules of the field, and what the lists answer. Knows nothing of sockets and jobs.
"""

from __future__ import annotations

import io
import re
import wave
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

#: Those of the official SDK's list.
VOICES = (
    "altair", "ara", "atlas", "aurora", "carina", "castor", "celeste", "cosmo", "eve", "helios", "helix", "iris",
    "kepler", "leo", "liora", "lumen", "luna", "lux", "naksh", "orion", "perseus", "rex", "rigel", "sal", "sirius",
    "ursa", "zagan", "zenith",
)  # fmt: skip
MOST = 3
#: Seconds of a sound of one's own.
LONGEST = 15.0


class Unfit(ValueError):
    """What is wrong with the voices; the text is the service's answer."""


def checked(
    audios: Sequence[dict[str, Any]], custom: Sequence[str], trusted: bool
) -> tuple[str, ...]:
    """The voices of a request: ids in small letters, ``'url'`` for a sound of one's own. Raises Unfit.

    ``custom``: ids of voices of the account. ``trusted``: sounds of one's own are taken.
    """
    if len(audios) > MOST:
        raise Unfit(f"Too many reference audio clips: {len(audios)}. Maximum allowed is {MOST}.")
    found: list[str] = []
    for audio in audios:
        voice, url = audio.get("voice_id") or "", audio.get("url") or ""
        if bool(voice) == bool(url):
            raise Unfit("Each reference audio must have either a voice_id or a url.")
        if url:
            _check_sound(url, trusted)
        elif voice.lower() not in (*VOICES, *custom):
            known = ", ".join((*VOICES, *custom))
            raise Unfit(f"Unknown voice_id '{voice}'. Available voices: {known}.")
        found.append(voice.lower() or "url")
    return tuple(found)


def _check_sound(url: str, trusted: bool) -> None:
    if not trusted:
        raise Unfit("Reference audio by url is available to trusted partners only. Use a voice_id.")
    if not url.startswith("data:"):
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise Unfit("Invalid audio URL")
        return
    # Imported here: rules.py asks this file.
    from .rules import Refusal, data_uri

    try:
        mime, data = data_uri(url, "audio")
    except Refusal:
        raise Unfit("Invalid data URI: expected data:audio/wav;base64,…") from None
    if not re.fullmatch(r"audio/(x-)?wav", mime):
        raise Unfit(f"Unsupported audio format {mime}. Only WAV is supported.")
    try:
        with wave.open(io.BytesIO(data)) as sound:
            seconds = sound.getnframes() / sound.getframerate()
    except (wave.Error, EOFError, ZeroDivisionError):
        raise Unfit("Audio could not be decoded.") from None
    if seconds > LONGEST:
        raise Unfit(f"Reference audio is {seconds:.1f}s long. Maximum allowed is {LONGEST:.0f}s.")


def listed(wanted: str, custom: Sequence[str], of_account: bool) -> tuple[Any, int]:
    """What the list of the preset voices, or of the account's own, answers: body and status. ``wanted`` is one id, or ''."""
    names = custom if of_account else VOICES
    about = [{"voice_id": name, "name": name.capitalize(), "language": "en"} for name in names]
    if not wanted:
        return {"voices": about}, 200
    for voice in about:
        if voice["voice_id"] == wanted.lower():
            return voice, 200
    return {"code": "not-found", "error": f"The voice {wanted} was not found."}, 404
