"""How large a room may be: files, classes and functions of the package and its scripts, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("grok_video", "scripts")
FILE, CLASS, FUNCTION = 550, 450, 60  # lines at most
#: The one table that is read as a whole: what each event makes of a job.
TRANSITION = ("grok_video/core/job.py", "_changed")


def too_large(root: Path) -> Iterator[str]:
    """Everything above its size, as 'file: what has how many lines'."""
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.py")):
        name, source = path.relative_to(root).as_posix(), path.read_text("utf-8")
        if (lines := len(source.splitlines())) > FILE:
            yield f"{name}: the file has {lines} lines"
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                most = CLASS if isinstance(node, ast.ClassDef) else FUNCTION
                lines = lines_of(node)
                if lines > most and (name, node.name) != TRANSITION:
                    yield f"{name}: {node.name} has {lines} lines"


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> int:
    """The lines of a definition with its decorators."""
    assert node.end_lineno is not None
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return node.end_lineno - first + 1


def test_nothing_is_too_large() -> None:
    assert list(too_large(ROOT)) == []


def test_the_transition_is_the_only_one_that_needs_to_be_larger() -> None:
    """Cut one day, it needs no exception."""
    path, name = TRANSITION
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    (found,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    assert lines_of(found) > FUNCTION
    assert any(isinstance(node, ast.Match) for node in found.body)


def lines(count: int, indent: str) -> str:
    return f"{indent}x = 0\n" * count


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("grok_video/a.py", lines(551, ""), "the file has 551 lines"),
        ("scripts/a.py", lines(551, ""), "the file has 551 lines"),
        ("grok_video/worker/http/a.py", "class A:\n" + lines(450, "    "), "A has 451 lines"),
        ("grok_video/a.py", "@record\nclass A:\n" + lines(449, "    "), "A has 451 lines"),
        ("scripts/a.py", "def f():\n" + lines(60, "    "), "f has 61 lines"),
        ("scripts/a.py", "@cache\ndef f():\n" + lines(59, "    "), "f has 61 lines"),
        ("scripts/a.py", "async def f():\n" + lines(60, "    "), "f has 61 lines"),
        (
            "grok_video/a.py",
            "class A:\n    def f(self):\n" + lines(60, "        "),
            "f has 61 lines",
        ),
        (
            "grok_video/a.py",
            "def f():\n    def g():\n" + lines(60, "        "),
            "f has 62 lines, g has 61 lines",
        ),
        ("grok_video/core/job.py", "def f():\n" + lines(60, "    "), "f has 61 lines"),
        ("grok_video/a.py", "def _changed():\n" + lines(60, "    "), "_changed has 61 lines"),
    ],
)
def test_what_is_planted_too_large_is_found(
    tmp_path: Path, file: str, source: str, complaint: str
) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(source, "utf-8")
    found = list(too_large(tmp_path))
    assert found == [f"{file}: {one}" for one in complaint.split(", ")]


def test_what_is_just_not_too_large_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    parts = ["class A:\n" + lines(449, "    "), "def f():\n" + lines(59, "    "), lines(40, "")]
    (tmp_path / "scripts/a.py").write_text("".join(parts), "utf-8")
    assert list(too_large(tmp_path)) == []
