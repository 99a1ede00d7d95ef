"""The numbers of a seam: how one picture's colours become another's, found with numpy, pixel by pixel.

Owns the model, which is the one of Blender's modifiers: first *Hue Correct*, a factor of the saturation (HSV) for each
eighth of the hues, then a curve for each channel: (value * slope + offset) ** power. Knows nothing of Blender; the second
Blender loads this file alone. Colours are arrays of shape (n, 3); *codes* are colours as a file has them, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

HUES = 8
_ROUNDS = 12
_STEP = 1e-4  # of a parameter, to see what it changes
_DONE = 3e-4  # a round that moves no parameter further ends the search
#: What a parameter may be: outside of it the pictures are not two of the same.
_LEAST = np.array([0.5] * 3 + [-0.3] * 3 + [0.5] * 3 + [0.5] * HUES)
_MOST = np.array([2.0] * 3 + [0.3] * 3 + [2.0] * 3 + [2.0] * HUES)
_NEUTRAL = np.array([1.0] * 3 + [0.0] * 3 + [1.0] * 3 + [1.0] * HUES)
#: How much a parameter is held where the pictures say little of it: a grey clip says nothing of hues, a dark one nothing
#: of what is bright.
_HELD = np.array([0.004] * 6 + [0.006] * 3 + [0.004] * HUES) ** 2
_NOISE = 0.7 / 255  # codes by which two encodings of a picture differ at least

Colours = npt.NDArray[Any]
Codes = Callable[[Colours], Colours]


def fitted(before: Colours, wanted: Colours, codes: Codes, *, saturation: bool) -> Colours:
    """The parameters by which ``before``, colours of the sequencer, becomes ``wanted``, which are codes.

    ``codes`` gives the codes of colours of the sequencer. Least squares, in which pixels count less that are far off:
    something moved there, or was encoded badly.
    """
    free = np.arange(len(_NEUTRAL) if saturation else 9)
    shares = _shares(before)
    found = _NEUTRAL.copy()
    for _ in range(_ROUNDS):
        now = _result(before, found, codes, shares)
        off = wanted - now
        spread = max(1.4826 * float(np.median(abs(off))), _NOISE)
        weights = (1.0 / np.maximum(1.0, abs(off) / (1.5 * spread))).ravel()
        changes = np.empty((len(free), off.size))
        for row, index in enumerate(free):
            moved = found.copy()
            moved[index] += _STEP
            changes[row] = ((_result(before, moved, codes, shares) - now) / _STEP).ravel()
        total = weights.sum()
        # No product of matrices: the threads of numpy's would wait for each other while others keep the machine busy.
        left = np.einsum("in,jn->ij", changes * weights, changes) / total + np.diag(_HELD[free])
        right = (
            np.einsum("in,n->i", changes, weights * off.ravel()) / total
            - (_HELD * (found - _NEUTRAL))[free]
        )
        step = np.linalg.solve(left, right).clip(-0.2, 0.2)
        found[free] += step
        found = found.clip(_LEAST, _MOST)
        if abs(step).max() < _DONE:
            break
    return found


def curved(codes: Colours, found: Colours) -> Colours:
    """``codes`` after the curves of the parameters ``found``."""
    return np.maximum(codes * found[0:3] + found[3:6], 0.0) ** found[6:9]


def saturation_of(found: Colours) -> list[float]:
    """The factors of the saturation of the parameters ``found``, for each eighth of the hues."""
    return [float(factor) for factor in found[9:]]


def quantiles(codes: Colours, count: int = 64) -> Colours:
    """What so many parts of the pixels stay below, in each channel: alike where pictures show other things."""
    return np.quantile(codes, (np.arange(count) + 0.5) / count, axis=0)


def _result(before: Colours, found: Colours, codes: Codes, shares: Colours) -> Colours:
    factors = found[9:]
    coloured = (
        before
        if (factors == 1.0).all()
        else _saturated(before, np.einsum("nh,h->n", shares, factors)[:, None])
    )
    return curved(codes(coloured), found)


def _saturated(colours: Colours, factor: Colours) -> Colours:
    top = colours.max(-1, keepdims=True)
    present = (top - colours.min(-1, keepdims=True)) / np.maximum(top, 1e-6)
    return top - (top - colours) * np.minimum(present * factor, 1.0) / np.maximum(present, 1e-6)


def _shares(colours: Colours) -> Colours:
    """Of each colour the share that each eighth of the hues has in it: (n, 8)."""
    red, green, blue = colours.T
    top, spread = colours.max(-1), np.ptp(colours, axis=-1)
    safe = np.maximum(spread, 1e-6)
    hue = np.where(
        top == red,
        ((green - blue) / safe) % 6.0,
        np.where(top == green, (blue - red) / safe + 2.0, (red - green) / safe + 4.0),
    )
    at = np.where(spread < 1e-6, 0.0, hue / 6.0) * HUES
    whole = np.floor(at).astype(int)
    shares, rows = np.zeros((len(colours), HUES)), np.arange(len(colours))
    shares[rows, whole % HUES] = 1.0 - (at - whole)
    shares[rows, (whole + 1) % HUES] += at - whole
    return shares
