"""Taken out of texts: the API key in any form, web addresses, and what a bug report must not hold.

Owns the forms in which a key may come back (as it is, escaped for JSON or a URL, as UTF-16, base64 or hex), the
marks of keys that are not known here, the spellings in which a path may come back, and the names that stand for folders
and prompts in a text for others.
Of a job it reads what must be taken out of a text about it. Knows nothing of HTTP.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
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


#: What spells a part of a path otherwise than the path itself does: separators, one or doubled by ``repr`` and JSON;
#: a character in a ``file:`` address; one escaped in JSON; one that has other forms in Unicode.
_SPELLED = re.compile(
    r"(?P<before>[\\/]*?)(?P<escaped>\\{1,2}u[dD][89abAB][\da-fA-F]{2}\\{1,2}u[\da-fA-F]{4}"
    r"|\\{1,2}u(?!00[0-7])[\da-fA-F]{4})"
    r"|(?P<separators>(?:[\\/]|%2[fF]|%5[cC])+)"
    r"|(?P<quoted>%[\da-fA-F]{2}(?:(?<=%[c-fC-F].)(?:%[89abAB][\da-fA-F])+)?)"
    r"|[^\x00-\x7f]"
)


def _folded(text: str) -> tuple[str, list[int]]:
    """``text`` in the one form that all spellings of a path share, and where in ``text`` each character of that begins.

    Case never tells two paths apart here: it does not on Windows and macOS, and to hide one more hurts nobody.
    """
    pieces: list[str] = []
    begins: list[int] = []
    done = 0
    for found in _SPELLED.finditer(text):
        pieces += text[done : found.start()].lower(), (piece := _one_form(found))
        begins += range(done, found.start())
        begins += [found.start()] * len(piece)
        done = found.end()
    begins += range(done, len(text) + 1)
    return "".join((*pieces, text[done:].lower())), begins


def _one_form(found: re.Match[str]) -> str:
    before, character = "", found[0]
    if found["separators"]:
        return "/"
    if found["escaped"]:
        before = "/" if found["before"] else ""
        units = (int(unit[:4], 16) for unit in found["escaped"].split("u")[1:])
        wide = b"".join(unit.to_bytes(2, "big") for unit in units)
        character = wide.decode("utf-16-be", "replace")
    elif found["quoted"]:
        character = bytes.fromhex(found[0].replace("%", "")).decode("utf-8", "replace")
    # macOS gives names decomposed (é as e and an accent), keyboards give them composed.
    return before + unicodedata.normalize("NFD", character.lower())


_NAME = r"(?:[^\s\\/:*?\"'<>|]|(?<=\w)'(?=\w))"  # a character of a name; O'Brien has his apostrophe
_BEGINS = (
    # Where people keep files, so that "/v1/videos" stays; "\n" of an escaped text is no letter before a path.
    r"(?:(?:(?<![\w.])|(?<=\\[nrt]))(?:\\?[\\/](?:home|Users|root|tmp|var|mnt|media|run|opt|private|Volumes"
    rf"|data|srv)|~)[\\/]+(?={_NAME})"
    r"|(?:(?<![\\/])[\\/]{2,}[?.][\\/]+)?[A-Za-z]:[\\/]+"  # a drive
    rf"|(?<![\w\\/:])(?:[\\/]{{2,}}\?[\\/]+UNC[\\/]+|(?:\\{{2,}}|/{{2,}})(?={_NAME}+(?: +{_NAME}+)*[\\/]))"  # a share
    r"|…(?:[\\/]|%2F|%5C)+)"  # a known folder
)
#: Absolute paths. In quotes one ends with them; else a blank is inside where a separator follows, and at the end not.
_FOLDERS = re.compile(
    rf"(?<=\"){_BEGINS}[^\"\r\n]*(?=\")|(?<='){_BEGINS}[^'\r\n]*(?=')|(?<=“){_BEGINS}[^“”\r\n]*(?=”)"
    rf"|{_BEGINS}(?:{_NAME}+(?: +{_NAME}+)*[\\/]+)*(?:(?![,;]){_NAME})*",
    re.IGNORECASE,
)
_SEPARATOR_IN_ADDRESS = re.compile("%2F|%5C", re.I)
_FILE_ADDRESS = re.compile(r"\bfile:(?://localhost(?=/))?(?:/*(?=[a-z]:[\\/])|(?=[\\/]))", re.I)
#: What may stand before a known path and belongs to it: macOS' own link, and how Windows is told of long paths.
_ALSO_BEFORE = re.compile(r"(?:/private|/[?.](?:/unc)?/?)\Z")
_GOES_ON = re.compile(r"[\w\-~]|\.\w")  # "/home/annex" is no folder below "/home/ann"
_HOMES = ("users", "home", "media", "documents and settings")  # hold folders with users' names


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
                known[path[: len(path) - len(file_name(path))]] = "…"
            # The last hop's path is as good as the whole address.
            if len(address := urlsplit(job.url).path) > 8:
                known[address] = "…"
        known |= dict.fromkeys(folders, "…")
        known |= {
            legible(path): name for path, name in known.items()
        }  # as the worker's log has them
        folded = {_folded(path)[0].rstrip("/"): name for path, name in known.items()}
        self._known = sorted(
            ((path, name) for path, name in folded.items() if len(path) > 3),
            key=lambda item: -len(item[0]),
        )
        self._prompts = sorted({p for p in prompts if len(p) > 2}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without them."""
        # A file has no host: of its address the path is left, which goes below or may stay.
        text = hosts_only(_FILE_ADDRESS.sub("", mask(self._mask.text(text))))
        for prompt in self._prompts:
            quoted = (json.dumps(prompt, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False))
            for written in (prompt, *quoted, " ".join(prompt.split())):
                text = text.replace(written, "<the prompt>")
        if self._keep_paths:
            return text
        return _FOLDERS.sub(_without_folder, self._without_known(text))

    def _without_known(self, text: str) -> str:
        """``text`` with names in place of the known paths, the longest first."""
        folded, begins = _folded(text)
        cuts: list[tuple[int, int, str]] = []
        for path, name in self._known:
            at = folded.find(path)
            while at >= 0:
                end = at + len(path)
                # Half a character is none: "e" of a decomposed "é".
                if begins[end] != begins[end - 1] and not _GOES_ON.match(folded, end):
                    before = _ALSO_BEFORE.search(folded[max(at - 8, 0) : at])
                    at -= len(before[0]) if before else 0
                    cuts.append((begins[at], begins[end], name))
                    folded = folded[:at] + "\0" * (end - at) + folded[end:]
                at = folded.find(path, at + 1)
        done, parts = 0, [""]
        for begin, end, name in sorted(cuts):
            parts += text[done:begin], name
            done = end
        return "".join((*parts, text[done:]))


def _without_folder(found: re.Match[str]) -> str:
    """What stays of a path: its last name, unless that is a user's."""
    *folders, name = _parts(_SEPARATOR_IN_ADDRESS.sub("/", found[0]))
    if not folders or folders[-1].lower() in _HOMES:
        return "…"
    return f"…/{name}" if found[0][0] == "…" else name


def _files(job: Job) -> Iterator[str]:
    spec = job.spec
    paths = [spec.output, spec.target.blend, *(picture.path for _, picture in spec.pictures)]
    paths += [spec.video.path] if spec.video else []
    paths += [job.clip.path] if job.clip else []
    return (path for path in paths if path)


def _parts(path: str) -> list[str]:
    return [part for part in re.split(r"[\\/]+", path) if part] or [""]


def file_name(path: str) -> str:
    """The last part of a path of any system."""
    return _parts(path)[-1]
