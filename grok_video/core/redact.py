"""Taken out of texts: the API key in any form, web addresses, and what a bug report must not hold.

Owns the forms in which a key may come back (as it is, escaped for JSON or a URL, as UTF-16, base64 or hex), the
marks of keys that are not known here, and the names that stand for folders and prompts in a text for others.
Of a job it reads what must be taken out of a text about it. Knows nothing of HTTP.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath
from urllib.parse import urlsplit

from .job import Job
from .legible import legible
from .urls import host_of

MASKED = "xai-***"
_SHORTEST = 8  # characters of a key; to hide fewer would hide ordinary words


class KeyMask:
    """Takes one API key out of texts: nothing for '', or for fewer than 8 characters, which may be any word."""

    def __init__(self, key: str) -> None:
        self._found = (
            re.compile(b"|".join(_forms(key)), re.IGNORECASE) if len(key) >= _SHORTEST else None
        )

    def __repr__(self) -> str:
        return "KeyMask()"

    def bytes(self, data: bytes) -> bytes:
        """``data`` with every form of the key replaced."""
        return self._found.sub(MASKED.encode(), data) if self._found else data

    def text(self, text: str) -> str:
        """``text`` with every form of the key replaced."""
        if self._found is None:
            return text
        data = text.encode("utf-8", "surrogatepass")
        return self.bytes(data).decode("utf-8", "surrogatepass")


def _forms(key: str) -> list[bytes]:
    """Regular expressions, each for one form of the key; those of letters in any case."""
    raw = key.encode("utf-8", "replace")
    escaped = b"".join(b"(?:%s|%%%02x|\\\\u00%02x)" % (re.escape(bytes([c])), c, c) for c in raw)
    wide = rb"\x00".join(re.escape(bytes([c])) for c in raw)  # UTF-16, either way round
    return [escaped, wide, raw.hex().encode(), *map(_in_base64, (raw,) * 3, range(3))]


def _in_base64(raw: bytes, before: int) -> bytes:
    """What base64 makes of the key behind ``before`` other bytes, without the characters that hold bits of both."""
    whole = base64.b64encode(bytes(before) + raw)
    certain = whole[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
    return re.escape(certain).replace(rb"\+", b"[+-]").replace(b"/", b"[/_]")


ANY_KEY = re.compile(r"xai-[\w*-]+", re.I)
_SECRET = re.compile(r"xai-[\w*-]+|[\w-]{0,12}\*{3,}[\w-]{0,12}", re.I)
# A match begins only where a run of a scheme's characters begins: tried at each character of the run, the search
# takes seconds for 26 KB (measured).
_ADDRESS = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]*(:/{2}[^\s\"'<>`]+)", re.I)


def mask(text: str) -> str:
    """The text without API keys: ``xai-…`` whole, and what the service shows of one (``xa***jU``)."""
    # A text without stars holds no key but whole ones, which are found a hundred times as fast.
    secret = _SECRET if "***" in text else ANY_KEY
    return secret.sub(lambda m: "xai-***" if m[0].lower().startswith("xai-") else "***", text)


def hosts_only(text: str) -> str:
    """The text with every web address cut down to its host: a result's address is a secret for a day."""
    # An address goes whatever stands before its colon, a scheme or not: "_https", "-https".
    return _ADDRESS.sub(lambda found: host_of(f"x{found[1]}"), text)


#: Absolute paths that begin where people keep files, so that ``/v1/videos`` stays.
_FOLDERS = re.compile(
    r"(?<![\w.])(?:(?:/(?:home|Users|root|tmp|var|mnt|media|run|opt|private|Volumes|data|srv)(?=/)"
    r"|~(?=/))(?:/[^/\s\"'<>|,;:]+)+/?|(?:[A-Za-z]:[\\/]|\\\\)[^\s\"'<>|,;:]+)"
)


class Redaction:
    """Takes out of a text what others must not read: keys, addresses, folders, and prompts unless wanted."""

    def __init__(
        self,
        key: str = "",
        jobs: Iterable[Job] = (),
        folders: Iterable[str] = (),
        *,
        keep_paths: bool = False,
        prompts: Iterable[str] = (),
    ) -> None:
        """``key`` is the one in use; ``folders`` and the files of ``jobs`` lose their folders; ``prompts`` go."""
        self._mask = KeyMask(key)
        self._keep_paths = keep_paths
        known: dict[str, str] = {}
        for job in jobs:
            for path in _files(job):
                known[path] = file_name(path)
                known[str(Path(path).parent)] = "…"
            # The last hop's path is as good as the whole address.
            if len(address := urlsplit(job.url).path) > 8:
                known[address] = "…"
        known |= {str(Path(folder)): "…" for folder in folders if folder}
        known |= {
            legible(path): name for path, name in known.items()
        }  # as the worker's log has them
        self._known = sorted(
            ((path, name) for path, name in known.items() if len(path) > 3),
            key=lambda item: -len(item[0]),
        )
        self._prompts = sorted({p for p in prompts if len(p) > 2}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        text = hosts_only(mask(self._mask.text(text)))
        for prompt in self._prompts:
            quoted = (json.dumps(prompt, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False))
            for written in (prompt, *quoted, " ".join(prompt.split())):
                text = text.replace(written, "<the prompt>")
        if self._keep_paths:
            return text
        for path, name in self._known:
            text = text.replace(path, name)
        return _FOLDERS.sub(lambda found: file_name(found[0]), text)


def _files(job: Job) -> Iterator[str]:
    spec = job.spec
    paths = [spec.output, spec.target.blend, *(picture.path for _, picture in spec.pictures)]
    paths += [spec.video.path] if spec.video else []
    paths += [job.clip.path] if job.clip else []
    return (path for path in paths if path)


def file_name(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name if "\\" in path else os.path.basename(path.rstrip("/"))
