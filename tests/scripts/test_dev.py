"""``scripts/dev.py``: a checkout runs in Blender's core, and ``reload()`` takes up an edit without a restart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what a contributor's clone holds, to be edited."""
    tree = tmp_path / "checkout"
    skipped = shutil.ignore_patterns("__pycache__", "output", "data", "*.png")
    for name in ("grok_video", "scripts", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=skipped)
    for name in ("blender_manifest.toml", "LICENSE"):
        shutil.copy2(ROOT / name, tree)
    return tree


def edited(tree: Path, before: str, after: str) -> None:
    """Replace a line that stands once in the extension, in whatever file."""
    (file,) = [f for f in (tree / "grok_video").rglob("*.py") if before in f.read_text("utf-8")]
    file.write_text(file.read_text("utf-8").replace(before, after), "utf-8")


ATTEMPT = """
def attempt(what):
    try:
        return repr(what())
    except Exception as error:
        return repr(error)
"""


class Prompt:
    """The Python prompt of ``dev.py --background``."""

    def __init__(self, tree: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "scripts/dev.py", "--background"],
            cwd=tree,
            env={k: v for k, v in os.environ.items() if not k.startswith("XAI_")} | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        self.said = ""
        self._tell(f"exec({ATTEMPT!r})")

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def ask(self, expression: str) -> str:
        """The value of an expression or its exception, as ``repr()`` says it."""
        self._tell(f"print('<<', attempt(lambda: {expression}), '>>')")
        assert self._process.stdout
        for line in self._process.stdout:
            self.said += line
            if "<<" in line:
                return line.split("<<")[1].split(">>")[0].strip()
        raise AssertionError(f"it ended:\n{self.said}")

    def leave(self) -> int:
        """End the input, as a person does with Ctrl-D; its exit code."""
        _, _ = self._process.communicate(timeout=120)
        return self._process.returncode


@pytest.fixture
def prompt(checkout: Path) -> Callable[..., Prompt]:
    return lambda **environment: Prompt(checkout, environment)


LABEL = "bpy.types.GROK_VIDEO_PT_request_view3d.bl_label"
CLIP = (
    "[setattr(bpy.context.scene.grok_video, *p) for p in dict(prompt='A heron', source='NONE',"
    " duration=1).items()] and bpy.ops.grok_video.generate()"
)


def test_an_edit_is_taken_up_without_a_restart(
    checkout: Path, prompt: Callable[..., Prompt]
) -> None:
    blender = prompt()
    assert blender.ask(LABEL) == "'Generate'"
    process = blender.ask("os.getpid()")
    edited(checkout, 'bl_label = "Generate"', 'bl_label = "Film It"')
    (checkout / "grok_video" / "fresh.py").write_text("ANSWER = 42\n", "utf-8")
    assert blender.ask("bpy.ops.grok_video_dev.reload()") == "{'FINISHED'}"
    assert blender.ask(LABEL) == "'Film It'"
    assert blender.ask("importlib.import_module(PACKAGE + '.fresh').ANSWER") == "42"
    assert blender.ask("os.getpid()") == process
    # The worker is the edited checkout's as well, and talks to the stand-in.
    assert blender.ask(CLIP) == "{'FINISHED'}", blender.said
    assert list((checkout / "dev-home").rglob("*.mp4"))
    # What cannot be enabled is said, and the next edit mends it.
    edited(checkout, 'bl_label = "Film It"', "bl_label = nothing")
    assert "the console says why" in blender.ask("reload()")
    assert "name 'nothing' is not defined" in blender.said
    edited(checkout, "bl_label = nothing", 'bl_label = "Generate"')
    assert blender.ask("reload()") == "None"
    assert blender.ask(LABEL) == "'Generate'"
    assert blender.leave() == 0
