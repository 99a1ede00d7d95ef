"""Folders in a text for others: taken out in every spelling that a path of Windows, macOS or Linux comes back in."""

from __future__ import annotations

import json
import time
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest

from grok_video.core.events import Created
from grok_video.core.redact import Redaction
from tests.core.conftest import make_spec, replay

#: What tells whose computer it is, and for whom the work is done.
TELLING = ("ann", "lee", "müller", "client", "o'brien", "nas01")

HOMES = {
    "Windows": "C:\\Users\\Ann Lee",
    "umlauts": "C:\\Users\\Änn Müller (Client)",
    "apostrophe": "D:\\Homes\\Ann O'Brien",
    "share": "\\\\NAS01\\Homes\\Ann Lee",
    "macOS": "/Users/Ann Lee",
    "Linux": "/srv/ann müller",
}

#: How a path is spelled where it comes back: by Blender, the system, Python's errors, JSON, other programs.
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "error": lambda path: str(PermissionError(13, "Denied", path)),
    "error in error": lambda path: repr(str(OSError(2, "No such file", path))),
    "json": json.dumps,
    "json in json": lambda path: json.dumps(json.dumps({"p": path}, ensure_ascii=False)),
    "slashes": lambda path: path.replace("\\", "/"),
    "mixed": lambda path: path.replace("\\", "/", 2),
    "doubled": lambda path: path.replace("\\", "\\\\").replace("/", "//"),
    "upper": str.upper,
    "lower": str.lower,
    "composed": lambda path: unicodedata.normalize("NFC", path),
    "decomposed": lambda path: unicodedata.normalize("NFD", path),
    "address": lambda path: f"file://{address(path)}",
    "address of this host": lambda path: f"file://localhost{address(path)}",
    "address, all quoted": lambda path: quote(f"file:///{path}", safe=""),
    "long": lambda path: f"\\\\?\\UNC{path[1:]}" if path[0] == "\\" else f"\\\\?\\{path}",
}


def address(path: str) -> str:
    path = path.replace("\\", "/").lstrip("/")
    return f"/{quote(path, safe='/:()')}"


def told(text: str) -> list[str]:
    """What ``text`` tells of the artist."""
    plain = unicodedata.normalize("NFC", text).lower()
    return [word for word in TELLING if word in plain or quote(word) in plain]


def hide_for(home: str) -> Redaction:
    """As a bug report is made: by the home, and by a job with a .blend and a clip of a client."""
    below = home + ("\\Videos\\Client X" if "\\" in home else "/Videos/Client X")
    slash = below[len(home)]
    spec = make_spec(
        output=f"{below}{slash}grok_video{slash}clip.mp4",
        target=replace(make_spec().target, blend=f"{below}{slash}shot.blend"),
    )
    return Redaction(jobs=[replay([(Created(spec), 1.0)])], folders=[home, below])


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("home", HOMES.values(), ids=HOMES)
def test_a_known_folder_goes_in_every_spelling(home: str, spelling: str) -> None:
    hide, slash = hide_for(home), "\\" if "\\" in home else "/"
    for below, name in (
        ("", ""),
        ("Videos|Client X|grok_video|clip.mp4", "clip.mp4"),
        ("Videos|Client X|shot.blend", "shot.blend"),
        ("Videos|Client X|grok_video|clip.mp4.part", "clip.mp4.part"),
        ("Videos|Client Y and Z|clip.mp4", "clip.mp4"),  # a folder that is not known
        ("AppData|Client (2)|a, b & c|tex.png", "tex.png"),
    ):
        path = "|".join(part for part in (home, below) if part).replace("|", slash)
        shown = hide(f"Before {SPELLINGS[spelling](path)} after.")
        assert told(shown) == [], shown
        assert name in shown.lower()
        assert shown.startswith("Before ")
        assert shown.endswith(" after.")


UNKNOWN = {
    "The folder C:\\Users\\Ann is gone": "The folder … is gone",
    "in 'C:\\\\Users\\\\Ann Lee' today": "in '…' today",
    "“C:\\Users\\Ann Lee” is gone": "“…” is gone",
    "C:\\Users\\ANNLEE~1\\AppData\\Local\\Temp\\a.png": "a.png",
    "c:/Users/Ann Lee/Client X/a.png, and": "a.png, and",
    "\\\\?\\C:\\Users\\Ann Lee\\a.png": "a.png",
    "\\\\?\\UNC\\NAS01\\Client X\\a.png": "a.png",
    "\\\\NAS01\\Projects\\Client X\\shot 1\\a.mp4 is gone": "a.mp4 is gone",
    "//NAS01/Projects/Client X/a.mp4": "a.mp4",
    "file://NAS01/Client%20X/a.mp4": "a.mp4",
    "file:///C:/Users/Ann%20Lee/a.mp4": "a.mp4",
    "FILE:///Users/Ann%20Lee/a.mp4": "a.mp4",
    '"one\\n/home/ann/client/a.mp4"': '"one\\na.mp4"',
    "'C:\\\\Client\\\\a' -> 'C:\\\\Users\\\\Ann Lee\\\\b'": "'a' -> 'b'",
    "/home/ann": "…",
    "/mnt/c/Users/Ann Lee/Client X/a.mp4": "a.mp4",
    "/private/var/folders/ann/T/a.png": "a.png",
    "//Client X/a.png": "a.png",  # beside the .blend
    "\\/home\\/ann\\/a.png": "a.png",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_folder_goes_as_far_as_its_end_can_be_told(text: str) -> None:
    assert Redaction()(text) == UNKNOWN[text]
    assert told(Redaction()(text)) == []


def test_what_only_begins_like_a_known_folder_is_none() -> None:
    hide = Redaction(folders=["/odd/ann", "/var/folders/x/T"])
    assert hide("/odd/annex/b") == "/odd/annex/b"
    assert hide("/odd/ann: gone; /odd/ann.") == "…: gone; …."
    assert hide("in /private/var/folders/x/T/blender/a.png") == "in …/a.png"


@pytest.mark.parametrize(
    "text",
    [
        "→ GET /v1/videos/abc",
        "16:9 and 24/25, and/or",
        "a // b",
        "line one\\\\nline two/three",
        "100% of 3%20",
        "Rated 5:/ 7",
        "… / …",
    ],
)
def test_what_is_no_folder_stays(text: str) -> None:
    assert Redaction(folders=["/home/ann"])(text) == text


def test_paths_that_are_wanted_stay() -> None:
    hide = Redaction(folders=["C:\\Users\\Ann Lee"], keep_paths=True)
    assert hide("in C:\\Users\\Ann Lee\\a") == "in C:\\Users\\Ann Lee\\a"


@pytest.mark.parametrize(
    "pad",
    [
        *("C:\\", "C:/a b", "…/", "'/home/", "“/home/a", "\\\\a b", "/", "file:/", "%2f", "%e9"),
        *("/home/a b ", "\\\\?\\", "/Users/a'b", "~/", "é", "//a/", "\\n", "/home/ann", "a b,c;"),
    ],
)
def test_no_text_takes_long(pad: str) -> None:
    """Seconds of the processor, with room: 64 KB of what patterns might start over at."""
    long = "/tmp/" + pad * ((64 << 10) // len(pad))
    began = time.process_time()
    Redaction(folders=["/home/ann", "C:\\Users\\Ann Lee"])(long)
    assert time.process_time() - began < 2
