"""``scripts/release.py`` refuses what is no release. What it lays out, Blender takes: ``tests/blender/test_release.py``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import release

    return release


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A clean tree of a version 1.2.0."""
    (tmp_path / "blender_manifest.toml").write_text('version = "1.2.0"\n', "utf-8")
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.2.0\n- New\n\n## 1.1.0\n- Old\n", "utf-8"
    )
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "A version")
    return tmp_path


def test_a_clean_tree_of_one_version(script: ModuleType, tree: Path) -> None:
    assert len(script.check("1.2.0", tree)) == 40


def changed(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0\n- Newer\n", "utf-8")


def unknown(tree: Path) -> None:
    (tree / "left over.txt").touch()


def tagged(tree: Path) -> None:
    git(tree, "tag", "v1.2.0")


def unsaid(tree: Path) -> None:
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## 1.1.0\n- Old\n", "utf-8")
    git(tree, "commit", "-am", "No word of it")


def another(tree: Path) -> None:
    (tree / "blender_manifest.toml").write_text('version = "1.1.0"\n', "utf-8")
    git(tree, "commit", "-am", "The manifest was forgotten")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (changed, "CHANGELOG.md"),
        (unknown, "left over.txt"),
        (tagged, "a tag v1.2.0 already"),
        (unsaid, "“## 1.2.0”"),
        (another, "says 1.1.0, not 1.2.0"),
    ],
)
def test_what_is_no_release(
    script: ModuleType, tree: Path, spoil: Callable[[Path], None], said: str
) -> None:
    spoil(tree)
    with pytest.raises(script.Refused, match=said):
        script.check("1.2.0", tree)


def test_without_git_that_is_said(
    script: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tree))
    with pytest.raises(script.Missing, match="git is needed"):
        script.check("1.2.0", tree)


def test_no_release_without_green_rings(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All rings are asked, as in CI; when they fail, nothing is laid out."""
    asked = []

    def ran(command: list[str], **how: dict[str, str]) -> subprocess.CompletedProcess[str]:
        asked.append((Path(command[1]).name, *command[2:], how["env"]["CI"]))
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(script, "check", lambda version: "a commit")
    monkeypatch.setattr(script.subprocess, "run", ran)
    with pytest.raises(script.Refused, match="green"):
        script.release("1.2.0", tmp_path / "out")
    assert asked == [("test.py", "--all", "true")]
    assert not (tmp_path / "out").exists()
