"""Whoever opens a text names its encoding: where none is named, Windows takes the code page of its language.

Read from the source of everything here, the programs that make and test the extension too. (``ruff`` has a rule for it, PLW1514,
which sees neither a program's output nor a path whose type it cannot tell.)
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("grok_video", "scripts", "tests")
#: What opens a file -> the places among its arguments of the mode, and of the encoding.
OPENERS = {"open": (1, 3), "os.fdopen": (1, 3), ".open": (0, 2)}
#: Others of that name: they open no text.
NO_FILES = {"os.open", "Image.open", "self._reopening.open"}
#: What opens a file that is binary unless it is told otherwise.
TEMPORARY = {"TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile"}
#: A path's method -> the place of the encoding among its arguments.
TEXTS = {".read_text": 0, ".write_text": 1}
#: What starts a program.
STARTERS = {".run", ".Popen", ".check_output"}


def _mode(call: ast.Call, place: int, usual: str) -> str:
    """The mode a call opens a file in; 'b' where only the run can tell."""
    given = [word.value for word in call.keywords if word.arg == "mode"] + call.args[place:][:1]
    if not given:
        return usual
    return str(given[0].value) if isinstance(given[0], ast.Constant) else "b"


def unnamed(source: str) -> list[int]:
    """The lines of calls that read or write a text in no encoding of their own."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        words = {word.arg: word.value for word in call.keywords}
        if words.keys() & {"encoding", None}:
            continue
        what = ast.unparse(call.func)
        method = f".{what.rpartition('.')[2]}"
        if method in TEXTS:
            bare = len(call.args) <= TEXTS[method]
        elif what in NO_FILES:
            bare = False
        elif opener := OPENERS.get(what) or OPENERS.get(method):
            text = "b" not in _mode(call, opener[0], "r")
            bare = text and len(call.args) <= opener[1]
        elif method[1:] in TEMPORARY:
            bare = "b" not in _mode(call, 0, "w+b")
        else:
            bare = method in STARTERS and "text" in words
        if bare:
            found.append(call.lineno)
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_text_has_an_encoding(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    found = [
        f"{path.relative_to(ROOT).as_posix()}:{line}"
        for path in files
        for line in unnamed(path.read_text("utf-8"))
    ]
    assert not found
