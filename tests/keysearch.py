"""Looks for an API key in whatever was written or handed on, in every form that it could have taken.

One helper for all rings. Standard library only, so that it also runs inside Blender, and written apart from the
product's own mask, so that a form which that one forgets is found here.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

_ZSTANDARD = b"\x28\xb5\x2f\xfd"


def forms(key: str) -> dict[str, bytes]:
    """Name of each form of the key -> the bytes to look for."""
    raw = key.encode()
    found = {
        "plain": raw,
        "upper case": key.upper().encode(),
        "quoted for a URL": quote(key, safe="").encode(),
        "every character quoted": "".join(f"%{c:02X}" for c in raw).encode(),
        "escaped for JSON": json.dumps(key)[1:-1].encode(),
        "every character escaped": "".join(f"\\u{c:04x}" for c in raw).encode(),
        "UTF-16": key.encode("utf-16-le"),
        "UTF-16 reversed": key.encode("utf-16-be"),
        "UTF-32": key.encode("utf-32-le"),
        "backwards": raw[::-1],
        "hex": raw.hex().encode(),
        # Whatever was cut off or masked at either end.
        "its middle": raw[len(raw) // 3 : -len(raw) // 3],
    }
    for before in range(3):
        # But for the characters that share bits with what stands before and after.
        whole = base64.b64encode(bytes(before) + raw)
        certain = whole[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        found[f"base64 at {before}"] = certain
        found[f"base64 for URLs at {before}"] = certain.replace(b"+", b"-").replace(b"/", b"_")
    return found


def held(data: bytes, keys: Iterable[str]) -> list[str]:
    """The forms in which any of the keys stands in ``data``."""
    return [name for key in keys for name, form in forms(key).items() if form in data]


def found_in(
    *folders: Path, keys: Iterable[str], but: Iterable[Path] = ()
) -> tuple[dict[str, list[str]], int]:
    """({file: forms of a key in its name or content}, how many files were looked at).

    ``but`` are files that may hold it. Compressed .blend files are looked into.
    """
    keys, but = list(keys), {path.resolve() for path in but}
    found: dict[str, list[str]] = {}
    count = 0
    for path in _files(folders):
        if path.resolve() in but:
            continue
        try:
            data = path.read_bytes()
        except OSError:  # gone meanwhile
            continue
        count += 1
        if names := held(str(path).encode() + b"\n" + _unpacked(data), keys):
            found[str(path)] = names
    return found, count


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_ZSTANDARD):
        return data
    import zstandard  # Blender has it, and only Blender writes such files

    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True)
    with reader:
        return data + reader.read()


def descendants(pid: int | None = None) -> dict[int, bytes]:
    """Each living process below ``pid`` (this one) -> its arguments and environment. Linux only."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                # The name in brackets may hold anything.
                rest = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(rest[1])
    wanted = {pid or os.getpid()}
    while more := {child for child, parent in parents.items() if parent in wanted} - wanted:
        wanted |= more
    told: dict[int, bytes] = {}
    for child in wanted - {pid or os.getpid()}:
        try:
            place = Path(f"/proc/{child}")
            told[child] = (
                (place / "cmdline").read_bytes() + b"\0\0" + (place / "environ").read_bytes()
            )
        except OSError:
            continue
    return told


def in_processes(told: Mapping[int, bytes], keys: Iterable[str]) -> dict[str, list[str]]:
    """{process: forms of a key in its arguments or environment}."""
    keys = list(keys)
    return {
        data.split(b"\0\0")[0].replace(b"\0", b" ").decode("utf-8", "replace"): names
        for data in told.values()
        if (names := held(data, keys))
    }
