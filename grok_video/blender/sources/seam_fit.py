"""The numbers of a seam: how one picture's colours become another's, found with numpy, pixel by pixel.

Owns the model, which is the one of Blender's modifiers: a curve for each channel, and then *Hue Correct*, which turns each
eighth of the hues and multiplies its saturation and value (HSV). Both are found together, by what the view makes of them.
*Hue Correct* spoils colours below 0 (it takes the hue of what it then cuts off), so that curves before it begin flat.
Knows nothing of Blender; the second Blender loads this file alone. Colours are arrays of shape (n, 3), of the sequencer;
*codes* are colours as a file has them, or as the view shows them, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

HUES = 8
POINTS = 17  # of a curve, at equal steps of the codes
#: Points below the first one, in front of *Hue Correct*: from one to the other the curve goes flat, and on like that.
_FLAT = np.array([0.02, 0.01])
_BENDS = 5  # points at which a curve may leave the form (code * slope + offset) ** power
_ROUNDS = 10
_STEP = 1e-4  # of a parameter, to see what it changes
_COLOUR_STEP = 2e-3  # of a colour, to see what the view makes of that: its pictures have 16 bits
_DONE = 3e-4  # a round that moves no parameter further ends the search
#: The parameters: slopes, offsets and powers of the channels, their bends; turns of the hues, factors of the saturation
#: and of the value.
_CURVES = 9 + 3 * _BENDS
_COUNTS = (3, 3, 3, 3 * _BENDS, HUES, HUES, HUES)
#: What a parameter may be: outside of it the pictures are not two of the same. A grey has a hue by chance, so that the
#: value changes by what cannot be seen.
_LEAST = np.repeat([0.5, -0.3, 0.5, -0.1, -0.06, 0.5, 0.98], _COUNTS)
_MOST = np.repeat([2.0, 0.3, 2.0, 0.1, 0.06, 2.0, 1.02], _COUNTS)
_NEUTRAL = np.repeat([1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0], _COUNTS)
#: How much a parameter is held where the pictures say little of it: a grey clip says nothing of hues, a dark one nothing
#: of what is bright.
_HELD = np.repeat([0.004, 0.004, 0.006, 0.01, 0.01, 0.004, 0.05], _COUNTS) ** 2
_NOISE = 0.7 / 255  # codes by which two encodings of a picture differ at least

Colours = npt.NDArray[Any]
Change = Callable[[Colours], Colours]


class Space(NamedTuple):
    """What becomes of colours of the sequencer."""

    codes: Change  # → codes of the strip's file, channel by channel
    colours: Change  # and back
    shown: Change  # → codes as the view shows them


class Found(NamedTuple):
    """What the modifiers are to do."""

    at: Colours  # (n,): colours of the sequencer
    to: Colours  # (n, 3): what the curves make of them
    hue: list[
        float
    ]  # by how much of the circle each eighth of the hues turns; [] where hues are left alone
    saturation: list[float]  # by which factor that of each eighth is multiplied; [] likewise
    value: list[float]  # and its value


def fitted(before: Colours, wanted: Colours, space: Space, *, hues: bool) -> Found:
    """What makes ``before`` look like ``wanted``, which are codes as the view shows them.

    Least squares, in which pixels count less that are far off: something moved there, or was encoded badly.
    """
    free = np.arange(len(_NEUTRAL) if hues else _CURVES)
    points = np.linspace(0.0, 1.0, POINTS)
    at = space.colours(points)

    if hues:
        before = np.maximum(before, at[0])

    def result(parameters: Colours) -> Colours:
        made = curved(before, at, space.colours(_curves(points, parameters)))
        return _hue_corrected(made, parameters[_CURVES:]) if hues else made

    parameters = best = _NEUTRAL.copy()
    least = np.inf
    for _ in range(_ROUNDS):
        now = result(parameters)
        seen, slopes = _seen(now, space.shown)
        off = wanted - seen
        if abs(off).mean() < least:
            best, least = parameters, abs(off).mean()
        changes = np.empty((len(free), off.size))
        for row, index in enumerate(free):
            moved = parameters.copy()
            moved[index] += _STEP
            changed = (result(moved) - now) / _STEP
            changes[row] = np.einsum("ni,nio->no", changed, slopes).ravel()
        step = _step(changes, off.ravel(), (parameters - _NEUTRAL)[free], _HELD[free])
        parameters = parameters.copy()
        parameters[free] += step
        parameters = parameters.clip(_LEAST, _MOST)
        if abs(step).max() < _DONE:
            break
    corrected = best[_CURVES:].reshape(3, HUES).tolist() if hues else ([], [], [])
    to = space.colours(_curves(points, best))
    if hues:
        at, to = np.append(at[0] - _FLAT, at), np.concatenate([to[:1].repeat(2, axis=0), to])
    return Found(at, to, *corrected)


def _seen(colours: Colours, shown: Change) -> tuple[Colours, Colours]:
    """What the view makes of colours, and how that changes with each channel: (n, 3), (n, channel, shown channel)."""
    moved = [colours + _COLOUR_STEP * channel for channel in np.eye(3)]
    seen, *others = np.split(shown(np.concatenate([colours, *moved])), 4)
    return seen, np.stack([(other - seen) / _COLOUR_STEP for other in others], axis=1)


def _step(changes: Colours, off: Colours, moved: Colours, held: Colours) -> Colours:
    """By how much each parameter is to move, given what each ``changes``, and by how much it has ``moved`` by now."""
    spread = max(1.4826 * float(np.median(abs(off))), _NOISE)
    weights = 1.0 / np.maximum(1.0, abs(off) / (1.5 * spread))
    total = weights.sum()
    # No product of matrices: the threads of numpy's would wait for each other while others keep the machine busy.
    left = np.einsum("in,jn->ij", changes * weights, changes) / total + np.diag(held)
    right = np.einsum("in,n->i", changes, weights * off) / total - held * moved
    step: Colours = np.linalg.solve(left, right).clip(-0.2, 0.2)
    return step


def curved(colours: Colours, at: Colours, to: Colours) -> Colours:
    """``colours`` after curves of these points; beyond them the curves go on straight, as Blender's do."""
    made = np.empty_like(colours)
    for channel, values in enumerate(to.T):
        given = colours[:, channel]
        inside = np.interp(given, at, values)
        first, last = ((values[i + 1] - values[i]) / (at[i + 1] - at[i]) for i in (0, -2))
        below, above = np.minimum(given - at[0], 0.0), np.maximum(given - at[-1], 0.0)
        made[:, channel] = inside + below * first + above * last
    return made


def quantiles(codes: Colours, count: int = 64) -> Colours:
    """What so many parts of the pixels stay below, in each channel: alike where pictures show other things."""
    return np.quantile(codes, (np.arange(count) + 0.5) / count, axis=0)


def _curves(points: Colours, parameters: Colours) -> Colours:
    """The codes that the curves have at codes: (n, 3)."""
    slope, offset, power = parameters[:9].reshape(3, 3)
    bends = parameters[9:_CURVES].reshape(3, _BENDS)
    form = np.maximum(points[:, None] * slope + offset, 0.0) ** power
    where = np.linspace(0.0, 1.0, _BENDS)
    return form + np.stack([np.interp(points, where, bend) for bend in bends], axis=-1)


def _hue_corrected(colours: Colours, parameters: Colours) -> Colours:
    """``colours`` as *Hue Correct* makes them: the factors are those of the hue to which a colour was turned."""
    turns, factors, lights = parameters.reshape(3, HUES)
    hue, saturation, value = _hsv(np.maximum(colours, 0.0))
    hue = (hue + _round(hue, turns)) % 1.0
    saturation = np.minimum(saturation * _round(hue, factors), 1.0)
    return _rgb(hue, saturation, value * _round(hue, lights))


def _round(hue: Colours, values: Colours) -> Colours:
    """The values at hues, of values at each eighth of the circle, as Blender's curves go through these."""
    at = hue * HUES
    whole = np.floor(at).astype(int)
    part = at - whole
    before, first, last, after = (values[(whole + step) % HUES] for step in (-1, 0, 1, 2))
    bend = (3 * (first - last) + after - before) * part + 2 * before - 5 * first + 4 * last - after
    made: Colours = first + part / 2 * (last - before + part * bend)
    return made


def _hsv(colours: Colours) -> tuple[Colours, Colours, Colours]:
    red, green, blue = colours.T
    value, spread = colours.max(-1), np.ptp(colours, axis=-1)
    safe = np.maximum(spread, 1e-6)
    hue = np.where(
        value == red,
        ((green - blue) / safe) % 6.0,
        np.where(value == green, (blue - red) / safe + 2.0, (red - green) / safe + 4.0),
    )
    return hue / 6.0, spread / np.maximum(value, 1e-6), value


def _rgb(hue: Colours, saturation: Colours, value: Colours) -> Colours:
    at = (hue[:, None] * 6.0 + np.array([5.0, 3.0, 1.0])) % 6.0
    share = np.minimum(at, 4.0 - at).clip(0.0, 1.0)
    return value[:, None] * (1.0 - saturation[:, None] * share)
