"""How far a look has moved away from the render that it was made from: edges against edges.

The service repaints a picture and keeps its geometry only roughly. Colours say nothing of that, so what is compared is
where pictures have edges. Owns the measuring and the words. Knows nothing of jobs and of files.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from ...core.record import record

if TYPE_CHECKING:
    import numpy as np  # functions import numpy themselves: Blender's start does not wait

#: Pixels of the longer side at which pictures are compared: 1 % of the width is about 2 pixels.
LONGEST = 192
_SMALLEST = 32  # pixels of the shorter side: less tells nothing of places
#: How much larger than the render a look is taken to be.
_SCALES = (1.0, 0.88, 0.91, 0.94, 0.97, 1.03, 1.06, 1.09, 1.12)
_CLOSER = (-0.02, -0.01, 0.01, 0.02)  # looked at around the best of these
#: Parts of the picture that are looked at one by one: columns and rows.
_COLUMNS, _ROWS = 3, 3
_NAMES = (
    ("lower left", "bottom", "lower right"),
    ("left", "middle", "right"),
    ("upper left", "top", "upper right"),
)
#: Parts of the width: a shift that is less is not told.
_TOLD_SHIFT = 0.012
#: Of the size of things: to fit the ratio of a clip, a look is cropped by some 3 %, which is said elsewhere.
_TOLD_SCALE = 0.045
#: Likeness by which another place must be better than the same one to be told.
_BETTER = 0.05
_BETTER_PART = 0.15  # … in a part of the picture, which has fewer edges
#: Likeness below which nothing fits any more.
_UNLIKE = 0.25
#: Of the edges of the render: a part of the picture that has fewer is not looked at by itself.
_FEW_EDGES = 0.35


@record
class Moved:
    """Where the look has what the render has; shifts are parts of the picture's width."""

    right: float = 0.0
    up: float = 0.0
    scale: float = 1.0  # the look's size of things, of the render's
    mirrored: bool = False
    likeness: float = 1.0  # of the edges, at the best place: 1 the same, 0 nothing in common
    there: float = 1.0  # … at the same place
    apart: tuple[str, ...] = ()  # parts of the picture that have moved by themselves

    @property
    def words(self) -> str:
        """What the panel says: '' where the look has kept its place."""
        if self.likeness < _UNLIKE:
            return "Shows something else than the render: few of its edges are where the render has some"
        said: list[str] = []
        if self.mirrored:
            said.append("is mirrored")
        if abs(self.scale - 1.0) >= _TOLD_SCALE:
            percent = round(abs(self.scale - 1.0) * 100)
            said.append(f"shows things {percent} % {'larger' if self.scale > 1 else 'smaller'}")
        sides = [
            f"{round(abs(by) * 100)} % {names[by > 0]}"
            for by, names in ((self.right, ("left", "right")), (self.up, ("down", "up")))
            if abs(by) >= _TOLD_SHIFT
        ]
        if sides:
            said.append(f"has moved {' and '.join(sides)}")
        if said:
            return f"Against the render, the look {', '.join(said)}"
        if self.apart:
            return f"The look has moved away from the render at the {', '.join(self.apart)}"
        return ""


def compared(render: np.ndarray, look: np.ndarray) -> Moved:
    """Where ``look`` has what ``render`` has; both (height, width, 3) of one shape, bottom row first, any numbers.

    Takes some 50 ms for pictures whose longer side is LONGEST: for scripts, which may wait. Else see ``comparing``.
    """
    steps = comparing(render, look)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def comparing(render: np.ndarray, look: np.ndarray) -> Generator[None, None, Moved]:
    """As ``compared``, in steps of some 2 ms each, so that a window can do something else in between."""
    if min(render.shape[:2]) < _SMALLEST:
        return Moved()
    first = _edges(render)
    yield
    second = _edges(look)
    yield
    if not first.any() or not second.any():
        return Moved()  # a picture without edges: nothing to compare
    there = _likeness_at(_plain(first), _plain(second))
    best = (there + _BETTER, 1.0, False, 0, 0)
    for mirrored in (False, True):
        turned = second[:, ::-1] if mirrored else second
        for scale in _SCALES:
            found = _best_place(first, turned, scale)
            yield
            # The plainest answer first: a mirrored or scaled one has to be better to count.
            if found[0] > best[0] + (0.0 if scale == 1.0 and not mirrored else 0.02):
                best = (found[0], scale, mirrored, *found[1:])
    if best[1] != 1.0:
        turned = second[:, ::-1] if best[2] else second
        for scale in (best[1] + by for by in _CLOSER):
            found = _best_place(first, turned, scale)
            yield
            if found[0] > best[0]:
                best = (found[0], scale, best[2], *found[1:])
    likeness, scale, mirrored, right, up = best
    width = render.shape[1]
    if (right, up, scale, mirrored) == (0, 0, 1.0, False):
        apart = list[str]()
        for row in range(_ROWS):
            apart += _parts(first, second, row)
            yield
        return Moved(likeness=there, there=there, apart=tuple(apart))
    return Moved(right / width, up / width, scale, mirrored, likeness, there)


def _edges(rgb: np.ndarray) -> np.ndarray:
    """How strong the edges of a picture are, 0 to 1, wherever that is: strong and faint contrast alike."""
    import numpy as np

    grey = rgb.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)
    grey = _blurred(_blurred(grey, 1), 1)
    rows, columns = np.gradient(grey)
    strength = np.hypot(rows, columns)
    level = _blurred(strength, max(rgb.shape[0] // 8, 2))
    floor = 0.25 * float(strength.mean()) + 1e-6
    # A band at the rim, which each crop of the picture cuts otherwise, says nothing.
    strength[:2] = strength[-2:] = 0.0
    strength[:, :2] = strength[:, -2:] = 0.0
    if float(strength.max()) < 1e-3 * max(float(np.abs(grey).max()), 1e-6):
        return np.zeros_like(strength)
    return np.clip(strength / (level * 2.0 + floor), 0.0, 1.0)


def _blurred(values: np.ndarray, reach: int) -> np.ndarray:
    """``values`` (height, width), each the mean of those around it up to ``reach`` away."""
    import numpy as np

    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach + 1, reach)
        sums = np.cumsum(np.pad(values, padding, mode="edge"), axis=axis, dtype=np.float64)
        size = values.shape[axis]
        upper = np.take(sums, range(2 * reach + 1, 2 * reach + 1 + size), axis=axis)
        lower = np.take(sums, range(size), axis=axis)
        values = ((upper - lower) / (2 * reach + 1)).astype(np.float32)
    return values


def _plain(edges: np.ndarray) -> np.ndarray:
    """Edges without their mean, of length 1: the product of two is their likeness."""
    import numpy as np

    wide = _blurred(_blurred(edges, 1), 1)  # a pixel beside the edge is near it
    wide = wide - wide.mean()
    return wide / max(float(np.linalg.norm(wide)), 1e-9)


def _likeness_at(first: np.ndarray, second: np.ndarray) -> float:
    return float((first * second).sum())


def _best_place(
    first: np.ndarray, second: np.ndarray, scale: float = 1.0
) -> tuple[float, int, int]:
    """The best likeness of any shift, and that shift in pixels: how far right and up ``second`` lies.

    ``scale``: how much larger ``second`` shows things. The one that shows them smaller is enlarged: shrunk, the other
    would have nothing at its rim.
    """
    import numpy as np

    one, other = (
        (first, _scaled(second, 1.0 / scale)) if scale < 1.0 else (_scaled(first, scale), second)
    )
    likeness = np.fft.irfft2(
        np.conj(np.fft.rfft2(_plain(one))) * np.fft.rfft2(_plain(other)), s=first.shape
    )
    height, width = likeness.shape
    # A look that is shifted by more than a fifth shows something else.
    reach_up, reach_right = height // 5, width // 5
    likeness[reach_up + 1 : height - reach_up] = -1.0
    likeness[:, reach_right + 1 : width - reach_right] = -1.0
    at = divmod(int(likeness.argmax()), width)
    up, right = (
        by - size if by > size // 2 else by for by, size in zip(at, (height, width), strict=True)
    )
    return float(likeness[at]), right, up


def _scaled(edges: np.ndarray, scale: float) -> np.ndarray:
    """``edges`` with all things ``scale`` times as large (1 or more) around the middle, in a picture of the same size."""
    import numpy as np

    if scale == 1.0:
        return edges
    for axis in (0, 1):
        size = edges.shape[axis]
        at = (np.arange(size) - (size - 1) / 2) / scale + (size - 1) / 2
        below = at.astype(int)
        above = np.minimum(below + 1, size - 1)
        part = (at - below).reshape((-1, 1) if axis == 0 else (1, -1)).astype(np.float32)
        edges = np.take(edges, below, axis) * (1 - part) + np.take(edges, above, axis) * part
    return edges


def _parts(first: np.ndarray, second: np.ndarray, row: int) -> list[str]:
    """The names of the parts in a row of a picture in which the edges of the two lie elsewhere."""
    height, width = first.shape
    mean = float(first.mean())
    apart: list[str] = []
    for column in range(_COLUMNS):
        part = (
            slice(row * height // _ROWS, (row + 1) * height // _ROWS),
            slice(column * width // _COLUMNS, (column + 1) * width // _COLUMNS),
        )
        if float(first[part].mean()) < _FEW_EDGES * mean:
            continue
        there = _likeness_at(_plain(first[part]), _plain(second[part]))
        found, right, up = _best_place(first[part], second[part])
        far = max(abs(right), abs(up)) >= 2 * _TOLD_SHIFT * width
        if (far and found > there + _BETTER_PART) or max(there, found) < 0.12:
            apart.append(_NAMES[row][column])
    return apart
