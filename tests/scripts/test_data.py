"""The files of ``tests/data`` are the ones their checksums name, and no zip that we build holds them."""

from __future__ import annotations

import hashlib
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"


def test_the_files_are_the_ones_that_were_kept() -> None:
    sums = dict(
        line.split()[::-1] for line in (DATA / "SHA256SUMS").read_text("utf-8").splitlines()
    )
    kept = {path.name for path in DATA.iterdir()} - {"SHA256SUMS", "README.md"}
    assert kept == set(sums)
    for name, digest in sums.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


def test_the_old_version_is_whole_and_of_its_version() -> None:
    with zipfile.ZipFile(DATA / "grok_video-0.1.0.zip") as archive:
        assert archive.testzip() is None
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode("utf-8"))
    assert (manifest["id"], manifest["version"]) == ("grok_video", "0.1.0")


def test_no_zip_holds_the_files_of_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``stage()`` lays out all that a zip can hold."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import build

    build.stage(tmp_path / "staged")
    staged = {path.name for path in (tmp_path / "staged").rglob("*")}
    assert "__init__.py" in staged
    assert not staged & {path.name for path in DATA.iterdir()}
