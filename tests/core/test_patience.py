"""No test says how quick a machine must be: one that is busy with something else is no fault of the product."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from tests.core.conftest import ROOT
from tests.patience import ALONE, at_once, own_clock

CLOCKS = {"monotonic", "perf_counter"}


def timed(source: str) -> list[int]:
    """Lines that assert that less than a fixed time has passed."""
    return [
        node.lineno
        for test in ast.walk(ast.parse(source))
        if isinstance(test, ast.Assert)
        for node in ast.walk(test.test)
        if isinstance(node, ast.Compare)
        for passed, how, most in zip(
            [node.left, *node.comparators], node.ops, node.comparators, strict=False
        )
        if isinstance(how, ast.Lt | ast.LtE) and _is_passed(passed) and not _is_forgiving(most)
    ]


def _is_passed(value: ast.expr) -> bool:
    match value:
        case ast.BinOp(ast.Call(ast.Attribute(attr=name)), ast.Sub()):
            return name in CLOCKS
        case _:
            return False


def _is_forgiving(most: ast.expr) -> bool:
    names = {node.id.lower() for node in ast.walk(most) if isinstance(node, ast.Name)}
    return "at_once" in names


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("assert time.monotonic() - start < 3", [1]),
        ("assert 1 < time.perf_counter() - start <= LIMIT", [1]),
        ("assert time.monotonic() - start < at_once(3.0)", []),
        ("assert A / 2 < time.monotonic() - start < A + AT_ONCE", []),
        ("assert time.monotonic() - start >= 0.4", []),
        ("assert time.thread_time() - start < 0.5", []),
        ("assert time.monotonic() < deadline, words", []),
    ],
)
def test_what_is_taken_for_a_timed_assertion(line: str, found: list[int]) -> None:
    assert timed(line) == found


def test_no_test_says_how_quick_a_machine_must_be() -> None:
    files = sorted(ROOT.joinpath("tests").rglob("*.py"))
    assert len(files) > 100
    found = {
        str(file.relative_to(ROOT)): lines
        for file in files
        if (lines := timed(file.read_text("utf-8")))
    }
    assert not found, f"use at_once of tests/patience.py, or see what was called: {found}"


def test_only_the_ring_that_runs_alone_is_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ALONE, raising=False)
    # The shortest deadline of a call is 30 s: what waits for one is found all the same.
    assert at_once(1.0) == 25.0
    monkeypatch.setenv(ALONE, "1")
    assert at_once(1.0) == 1.0
    rings = Path(ROOT, "scripts", "rings.py").read_text("utf-8")
    assert ALONE in rings


def test_the_own_clock_goes_on_while_something_is_awaited() -> None:
    before = own_clock()
    time.sleep(0.2)
    assert own_clock() - before > 0.1
