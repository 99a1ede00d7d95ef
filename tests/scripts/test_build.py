"""``scripts/build.py``: the zip of a version has the same bytes, whoever builds it and on whichever system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts")]

import build  # noqa: E402
import environments  # noqa: E402


def test_two_checkouts_make_the_same_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one was written in another order, at another time, by a person with another umask."""
    tool = environments.extension_tool()
    first = build.build(tool, tmp_path / "first")
    other = tmp_path / "other"
    names = [path.relative_to(ROOT) for path in (ROOT / "grok_video").rglob("*") if path.is_file()]
    for name in (Path("LICENSE"), Path("blender_manifest.toml"), *sorted(names, reverse=True)):
        copy = other / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy)
        os.utime(copy, (1e9, 1e9))
        copy.chmod(0o600)
    for left in (
        ".DS_Store",
        "core/._job.py",
        "Thumbs.db",
        "desktop.ini",
        "core/__pycache__/a.pyc",
    ):
        (other / "grok_video" / left).parent.mkdir(exist_ok=True)
        (other / "grok_video" / left).write_bytes(b"of a file browser")
    monkeypatch.setattr(build, "ROOT", other)
    second = build.build(tool, tmp_path / "second")
    assert zipfile.ZipFile(first).namelist() == zipfile.ZipFile(second).namelist()
    assert first.read_bytes() == second.read_bytes()


LINES, BINARY = b"a line\nanother\n", b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        *((name, LINES) for name in ("a.py", "a.toml", "LICENSE", "run", "SHA256SUMS")),
        *((name, BINARY) for name in ("a.png", "a.blend", "a.zip")),
    ],
)
def test_a_checkout_on_windows_has_the_same_bytes(tmp_path: Path, name: str, kept: bytes) -> None:
    """Git for Windows sets core.autocrlf: lines would end as on Windows, and a checksum or a shell would see it."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    shutil.copy2(ROOT / ".gitattributes", first)
    (first / name).write_bytes(kept)
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    windows = ["-c", "core.autocrlf=true"]
    for command in (
        ["-C", first, "init", "-q"],
        ["-C", first, "add", "."],
        ["-C", first, *who, "commit", "-q", "-m", "A file"],
        [*windows, "clone", "-q", first, second],
    ):
        subprocess.run(["git", *map(str, command)], check=True, capture_output=True)
    assert (second / name).read_bytes() == kept
