"""The colours in which the sequencer works, in the second Blender that measures a seam: from what a render gives.

Knows nothing of seams: a colour space is what Blender makes of a few colours in it. The second Blender loads this file
alone. Colours are arrays of shape (n, 3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Colours = npt.NDArray[Any]
#: Values of a channel from which its curve is seen: those of a strip in Filmic or AgX go to 3.3.
_RAMP = np.linspace(0.0, 4.0, 4096)
_CHECKED = np.array([[0.2, 0.5, 0.8], [0.7, 0.1, 0.3], [0.4, 0.9, 0.05], [0.05, 0.3, 0.6]])
_ALIKE = 2e-3


def encoding(linear_of: Callable[[Colours], Colours]) -> Callable[[Colours], Colours] | None:
    """What gives colours in a space of scene-linear Rec.709, which a render gives; None for one that mixes otherwise.

    ``linear_of`` is the other way, as Blender goes it. A space is taken as a curve, the same for each channel, and a
    matrix behind that: sRGB, ACEScg and ACEScct are, the views of Filmic and AgX are not.
    """
    greys = _RAMP[:, None].repeat(3, axis=1)
    seen = linear_of(np.concatenate([np.zeros((1, 3)), np.eye(3), _CHECKED, greys]))
    black, primaries, checked, ramp = np.split(seen, [1, 4, 8])
    white = ramp - black
    main = int(abs(white[-1]).argmax()) if np.isfinite(white[-1]).all() else 0
    unit = np.interp(1.0, _RAMP, white[:, main])
    if not np.isfinite(seen[:8]).all() or unit <= 0:
        return None
    curve = white[:, main] / unit
    rising = np.append(True, np.diff(np.maximum.accumulate(curve)) > 0) & np.isfinite(curve)
    known, values = curve[rising], _RAMP[rising]
    straight = bool(np.allclose(curve, _RAMP, atol=_ALIKE))
    try:
        back = np.linalg.inv(primaries - black)
    except np.linalg.LinAlgError:
        return None

    def encoded(linear: Colours) -> Colours:
        # No product of matrices: see ``seam_fit``.
        parts = np.einsum("...i,io->...o", linear - black[0], back)
        if straight:
            return parts
        slope = (values[1] - values[0]) / (known[1] - known[0])
        made: Colours = np.interp(parts, known, values) + np.minimum(parts - known[0], 0.0) * slope
        return made

    return encoded if np.allclose(encoded(checked), _CHECKED, atol=_ALIKE) else None
