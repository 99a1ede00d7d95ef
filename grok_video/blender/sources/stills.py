"""Many stills of one press, rendered one after the other by one second Blender from what was written at the press.

Owns the sequence: what has become of each still, and of the others when a second Blender ends early. A still that fails
is told by its own sentence, and the others go on. The one that a second Blender ended with is left out by the next second
Blender; two in a row that gave nothing end all. Knows nothing of jobs and of shots.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any

from ..refusal import Interrupted
from . import background
from .background import Ordered, collected, fault_in, sentence
from .bake_common import still_name
from .child import Child
from .pixels import Still

#: Second Blenders in a row that may end before they have told of any still.
_BARREN = 2


class Stills:
    """The stills of one press. Call ``poll()`` from a timer until ``done``; ``cancel()`` at any time.

    One second Blender at a time, and for orders of one written file one in all, as long as none ends early.
    """

    def __init__(self, orders: Sequence[Ordered]) -> None:
        """Note the orders, whose written files stay until ``done``: the caller discards them then."""
        self._left = list(enumerate(orders))
        self._count = len(orders)
        self._run: _Run | None = None
        self._barren = 0

    @property
    def done(self) -> bool:
        """Whether all has been told, and the second Blender and its files are gone."""
        return not self._left and self._run is None

    @property
    def progress(self) -> tuple[int, int]:
        """How many stills have been told of, made or failed, and how many there are."""
        return self._count - len(self._left), self._count

    def poll(self) -> list[tuple[int, Still | Interrupted]]:
        """What has become of stills since the last poll, by the places of their orders: a still, or why there is none."""
        if self.done:
            return []
        if self._left and not self._left[0][1].written.is_of_open_file():
            why = background.ANOTHER_FILE
            told = self._told([Interrupted(sentence(one.noun, why)) for _, one in self._left])
            self.cancel()
            return told
        failed, ended = None, True
        try:
            if self._run is None:
                self._run = _Run(self._of_one_file())
            ended = self._run.poll() is not None
        except Interrupted as error:
            failed = error
        told = self._told(self._run.take() if self._run is not None else [])
        if ended:
            self._run = None
        if told:
            self._barren = 0
        elif failed is not None:
            self._barren += 1
        if failed is not None:
            told += self._told([failed] * (len(self._left) if self._barren == _BARREN else 1))
        return told

    def cancel(self) -> None:
        """End the work now: the second Blender and its files are gone on return, and nothing more is told."""
        self._left.clear()
        run, self._run = self._run, None
        if run is not None:
            run.cancel()

    def _of_one_file(self) -> list[Ordered]:
        """The next orders that are of the same written file."""
        written = self._left[0][1].written
        orders = (order for _, order in self._left)
        return list(takewhile(lambda order: order.written is written, orders))

    def _told(self, ended: Sequence[Still | Interrupted]) -> list[tuple[int, Still | Interrupted]]:
        """Tell what has become of the next stills."""
        told = [(index, one) for (index, _), one in zip(self._left, ended, strict=False)]
        del self._left[: len(told)]
        return told


class _Run(Child[bool]):
    """One second Blender, which renders stills of one written file in their order."""

    def __init__(self, orders: Sequence[Ordered]) -> None:
        """Begin; the first ``poll()`` starts the child. Raises Interrupted."""
        self._orders = orders
        self._at = 0  # the still that the child makes now
        self._ended_stills: list[Still | Interrupted] = []
        super().__init__(orders[0].path, orders[0].noun, len(orders))
        self._written = orders[0].written
        self._written.keep()
        each = [order.order for order in orders]
        self._begin(
            lambda _file: self._written.order, {"what": "stills", "passes": 1, "orders": each}
        )

    def take(self) -> list[Still | Interrupted]:
        """What has become of the next stills; each is given once."""
        ended, self._ended_stills = self._ended_stills, []
        return ended

    def poll(self) -> bool | None:
        """True when every still has ended, None while there are some to come. Raises Interrupted."""
        try:
            return super().poll()
        except Interrupted:
            if self._at == len(self._orders):  # the child failed on its way out
                return True
            raise

    @property
    def silent_seconds(self) -> float:
        return background.SILENT_SECONDS

    def _hear(self, word: dict[str, Any]) -> None:
        """Take in that a still is made or failed: the child goes on with the next one."""
        self._why = word["failed"]
        if "still" not in word:
            return
        self._ended_stills.append(self._still_of(self._orders[self._at]))
        self._at += 1
        self._why = ""
        # What the log says of that still says nothing of the next.
        with suppress(OSError):
            self._log_known = (self._folder / "log").stat().st_size
        self._written.keep()

    def _still_of(self, order: Ordered) -> Still | Interrupted:
        """The still that the child has just told of, or why there is none."""
        made = self._folder / still_name(self._at)
        try:
            why = self._ended(1) if self._why else fault_in(made, order)
            if not why:
                return collected(made, order)
        except FileNotFoundError:
            why = "Blender wrote no file"
        except OSError as error:
            why = f"“{order.path}” cannot be written ({error.strerror})"
        return Interrupted(self._sentence(self._disk() or why))

    def _collect(self) -> bool:
        if self._at < len(self._orders):
            self._fail("Blender wrote no file")
        return True

    def _sentence(self, why: str) -> str:
        return sentence(self._orders[min(self._at, len(self._orders) - 1)].noun, why)

    def _ended(self, code: int) -> str:
        return f"{super()._ended(code).rstrip('.')}. {background.HERE}"
