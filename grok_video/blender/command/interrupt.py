"""Ctrl-C, and the SIGTERM of an engine that ends a task: both interrupt what waits, so that it stops what was not sent."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .. import said


class Stopped:
    """Whether this process was told to stop."""

    def __init__(self) -> None:
        self.now = False

    def why(self, error: Exception) -> str:
        """The sentence in an operator's error; of an operator that was interrupted Blender gives the trace."""
        if self.now and KeyboardInterrupt.__name__ in str(error):
            return "Interrupted."
        return said.sentence(error)


@contextmanager
def heeded() -> Iterator[Stopped]:
    """For the time of the context both signals raise KeyboardInterrupt. Blender heeds Ctrl-C otherwise, and SIGTERM not."""
    stopped = Stopped()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.now = True
        raise KeyboardInterrupt

    before: dict[int, object] = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            before[number] = signal.signal(number, stop)
        except (
            ValueError
        ):  # a thread of somebody's calls ``main``: Python leaves signals to the main one
            break
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            # None: the handler that was there is not Python's. Blender's own lets a render end.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # type: ignore[arg-type]
