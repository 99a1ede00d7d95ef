"""What the ring ``windows`` skips, and why: tests of things that Windows has not."""

from __future__ import annotations

import sys

import pytest

#: What in a file's mode lets others than its user in. Windows tells nothing of rights in modes.
OTHERS = 0 if sys.platform == "win32" else 0o077


def posix(reason: str) -> pytest.MarkDecorator:
    """A test, or a file of tests, of what only POSIX systems have; ``reason`` says what that is, in a line."""
    return pytest.mark.skipif(sys.platform == "win32", reason=reason)
