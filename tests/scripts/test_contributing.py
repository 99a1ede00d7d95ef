"""What the papers for contributors call is there: scripts, their options, hooks, what CI runs. Nothing is run but --help.

The commands of the README are run by ``test_readme.py``, and ``scripts/dev.py`` by ``test_dev.py``; names and links of
CONTRIBUTING.md are checked by ``tests/core/test_docs.py``.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts")]

import environments  # noqa: E402
import rings  # noqa: E402

WORKFLOW = ROOT / ".github" / "workflows" / "test.yml"
PAPERS = ["CONTRIBUTING.md", ".pre-commit-config.yaml", ".ci/run", ".vscode/launch.json"]
#: What a machine of the workflow has, or gets by its first lines.
THERE = {"apt-get", "python", "python3", "uv", ".ci/run"}


def text_of(paper: str) -> str:
    return (ROOT / paper).read_text("utf-8")


def commands(paper: str) -> list[tuple[str, list[str]]]:
    """(script, words after it) of each `python3 scripts/….py` in a paper."""
    found = re.findall(r"python3 (scripts/\w+\.py)([^`\n]*)", text_of(paper))
    return [(script, rest.split()) for script, rest in found]


@functools.cache
def help_of(script: str) -> str:
    done = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def knows(script: str, word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", help_of(script)) is not None


@pytest.mark.parametrize("paper", PAPERS)
def test_commands_exist_and_take_their_options(paper: str) -> None:
    called = commands(paper)
    assert called
    for script, words in called:
        words = words[: words.index("--")] if "--" in words else words  # the rest is pytest's
        for word in words:
            assert knows(script, word), f"{paper}: {script} knows no {word}"


def test_the_links_of_the_security_paper() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", text_of("SECURITY.md"))
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_contributing_is_one_page() -> None:
    assert len(text_of("CONTRIBUTING.md").splitlines()) <= 70


def test_the_workflow_says_what_it_is_and_runs_what_is_there() -> None:
    lines = WORKFLOW.read_text("utf-8").splitlines()
    assert lines[0].startswith("# We never ran this")
    runs = [line.split("run:", 1)[1] for line in lines if line.strip().startswith("- run:")]
    programs = {part.split()[0] for run in runs for part in run.split("&&")}
    assert ".ci/run" in programs
    assert programs <= THERE
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_the_workflow_names_scripts_rings_pythons_and_folders_that_there_are() -> None:
    """On each system; what the rings are is asked of the list itself."""
    text = WORKFLOW.read_text("utf-8")
    assert set(re.findall(r"(?:runs-on|system): (\w+)-latest", text)) == {
        "ubuntu",
        "windows",
        "macos",
    }
    named = re.findall(r" rings: (.+)", text) + re.findall(r"scripts/test\.py ([^$\n]+)", text)
    assert len(named) == text.count(" system: ")
    for words in named:
        assert set(words.split()) <= rings.RINGS.keys() | rings.GROUPS.keys()
        assert not [word for word in words.split() if word.startswith("gui")], "Linux's alone"
    for script in re.findall(r"python3? (\S+\.py)", text):
        assert (ROOT / script).is_file()
    versions = re.findall(r'python-version: "([\d.]+)"|uv python install ([\d.]+)', text)
    assert {"".join(one) for one in versions} == {environments.OLD_PYTHON, environments.NEW_PYTHON}
    kept = re.findall(r"^ +(?:path: )?([\w/-]+)/(?:\*\.log|output)$", text, re.MULTILINE)
    assert {"test-output", "tests/gui"} == set(kept)
    assert rings.OUTPUT == ROOT / "test-output"


def test_hooks_are_local_ones() -> None:
    text = text_of(".pre-commit-config.yaml")
    assert re.findall(r"repo: (\S+)", text) == ["local"]
    entries = re.findall(r"entry: (.*)", text)
    assert entries
    assert all(entry.startswith("python3 scripts/") for entry in entries)
    assert len(re.findall(r"language: system", text)) == len(entries)


def test_bug_reports_ask_for_the_diagnostics() -> None:
    assert "*Copy Diagnostics*" in text_of(".github/ISSUE_TEMPLATE/bug.yml")
    button = '"Copy Diagnostics"'
    assert any(
        button in path.read_text("utf-8") for path in ROOT.glob("grok_video/blender/**/*.py")
    )


def without_comments(text: str) -> str:
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def test_each_folder_without_blender_is_checked_strictly() -> None:
    told = json.loads(without_comments(text_of("pyrightconfig.json")))
    folders = {path.parent.name for path in ROOT.glob("grok_video/*/__init__.py")} - {"blender"}
    assert set(told["strict"]) == {f"grok_video/{name}" for name in folders}
    other = json.loads(without_comments(text_of("tests/types/blender-4.2.json")))
    assert set(other) == {"extends", "stubPath"}, "its rules would be others than the editor's"
    assert "[tool.pyright]" not in text_of("pyproject.toml"), "there is one configuration"


def test_a_debugger_attaches_where_dev_listens() -> None:
    (attach,) = json.loads(without_comments(text_of(".vscode/launch.json")))["configurations"]
    script = text_of("scripts/dev_in_blender.py")
    assert f"PORT = {attach['connect']['port']}" in script
    home = attach["pathMappings"][0]["remoteRoot"].removeprefix("${workspaceFolder}/")
    assert 'HOME = ROOT / "dev-home"' in text_of("scripts/dev.py")
    assert home == "dev-home/extensions/user_default/grok_video"
