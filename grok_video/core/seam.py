"""What takes the shift of colour back that the service did to a source: curves and saturation, as numbers.

Owns ``Seam`` and what makes one usable. How it is measured is ``blender/sources/seam_child.py``'s, how a strip gets it
``blender/timeline/seam.py``'s. Knows nothing of Blender.
"""

from __future__ import annotations

from itertools import pairwise

from .record import record

#: Hues at which the saturation is set: as many points as Blender's *Hue Correct* begins with.
HUES = 8
_MOST_POINTS = 64
_LARGEST = 1000.0  # a strip in a scene-linear colour space goes beyond 1, none that far


@record
class Seam:
    """A curve for each channel and a factor of saturation for each hue, in the sequencer's colours of a strip."""

    space: str  # the strip's colour space: in another one the same numbers mean other colours
    at: tuple[float, ...]  # where the curves have their points, ascending
    red: tuple[float, ...]  # what the curve of that channel gives there
    green: tuple[float, ...]
    blue: tuple[float, ...]
    #: Factors of the saturation at hues 0, 1/8, 2/8 …; () where it did not drift.
    saturation: tuple[float, ...] = ()
    #: Parts of the circle by which the same hues turn, before that; () in numbers of 0.5.0, whose *Hue Correct* comes
    #: before the curves.
    hue: tuple[float, ...] = ()
    #: Factors of the value (HSV) at the same hues; () like ``hue``.
    value: tuple[float, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether the numbers can be given to Blender: a list or a .blend may hold anything."""
        curves = (self.at, self.red, self.green, self.blue)
        return (
            2 <= len(self.at) <= _MOST_POINTS
            and all(len(curve) == len(self.at) for curve in curves)
            and all(abs(value) <= _LARGEST for curve in curves for value in curve)
            and all(before < after for before, after in pairwise(self.at))
            and len(self.saturation) in (0, HUES)
            and all(0.0 <= factor <= 2.0 for factor in self.saturation)
            and all(abs(turn) <= 0.5 for turn in self.hue)
            and all(0.0 <= factor <= 2.0 for factor in self.value)
            and len(self.hue) == len(self.value)
            and len(self.hue) in (0, len(self.saturation))
        )
