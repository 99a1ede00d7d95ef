"""``FOLD`` names the code that folds events into a job: snapshots of another fold are read no more.

What counts is the syntax of everything that ``core.job`` and ``core.payload`` are made of, without comments and
docstrings: a comment must not have every snapshot of every artist folded anew, and a changed rule must.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grok_video.ledger.schema import FOLD
from tests.core.test_imports import PACKAGE, imports, module_of

ROOTS = ("core/job", "core/payload")


def sources(package: Path) -> dict[str, str]:
    """The files that the fold is made of, by name."""
    found: dict[str, str] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        path = package / f"{name}.py"
        if name in found or not path.exists():
            continue
        found[name] = path.read_text("utf-8")
        for what in imports(path, package):
            if what.startswith("grok_video."):
                waiting.append("/".join(module_of(what, package)))
    return found


def syntax(node: Any) -> Iterator[str]:
    """The syntax of a file as words, the same in every version of Python: no places, comments, docstrings."""
    if isinstance(node, list):
        yield "["
        for one in node:
            yield from syntax(one)
        yield "]"
    elif isinstance(node, ast.AST):
        yield type(node).__name__
        for field, value in ast.iter_fields(node):
            if field in ("ctx", "type_comment", "type_params", "kind") or value in (None, []):
                continue
            if field == "body" and isinstance(value, list):
                value = [one for one in value if not is_text(one)]
            yield field
            yield from syntax(value)
    else:
        yield repr(node)


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def fold_of(files: dict[str, str]) -> str:
    """What names the fold of these files."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(files):
        digest.update(" ".join([name, *syntax(ast.parse(files[name]))]).encode())
    return digest.hexdigest()


def test_the_fold_is_named_after_its_code() -> None:
    assert fold_of(sources(PACKAGE)) == FOLD, (
        "The fold has changed: put this value into grok_video/ledger/schema.py"
    )


def test_all_of_the_fold_is_read() -> None:
    assert {
        "core/job",
        "core/payload",
        "core/events",
        "core/spec",
        "core/problem",
        "core/record",
    } <= {*sources(PACKAGE)}


@pytest.mark.parametrize("file", ["core/job", "core/payload", "core/events", "core/problem"])
def test_a_comment_is_no_change_of_the_fold(file: str) -> None:
    files = sources(PACKAGE)
    before = fold_of(files)
    files[file] = files[file].replace('"""', '"""Said otherwise. ', 1) + "\n# A comment more.\n"
    assert fold_of(files) == before


@pytest.mark.parametrize(
    ("file", "before", "after"),
    [
        ("core/job", "_S.RUNNING, events.Slow", "_S.QUEUED, events.Slow"),
        ("core/events", 'kind: ClassVar[str] = "slow"', 'kind: ClassVar[str] = "slower"'),
        ("core/payload", "raise _Misfit", "return _Misfit"),
    ],
)
def test_a_changed_rule_is_a_change_of_the_fold(file: str, before: str, after: str) -> None:
    files = sources(PACKAGE)
    assert before in files[file]
    files[file] = files[file].replace(before, after, 1)
    assert fold_of(files) != FOLD
