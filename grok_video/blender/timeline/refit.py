"""A strip keeps its framing while its file gets another size: scale, crop, their keys and their drivers.

Blender counts scale and crop in pixels of the file, so that another size would show the clip larger or smaller, and cut
elsewhere. Knows nothing of jobs and of slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from .. import compat
from .strips import natural_scale

#: Custom property of a strip: its crop (left, right, bottom, top) in pixels of the file, before it was rounded. So taking
#: turns between two sizes never wears the crop away.
_CROP_PROPERTY = "grok_video_crop"
#: Custom property of an action that several scenes share: name of a strip → the size that the strip's keys stand for.
_SIZES_PROPERTY = "grok_video_sizes"
_ACROSS = ("crop.min_x", "crop.max_x")
_DOWN = ("crop.min_y", "crop.max_y")
_LARGEST = 2.0**31  # pixels that a crop may have
_CROP = tuple(name.removeprefix("crop.") for name in (*_ACROSS, *_DOWN))


def refit(strip: Any, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Let a movie strip whose transform stands for a file of the size ``old`` look the same with one of the size ``new``."""
    if old == new:
        return
    scene = strip.id_data
    for curve in _own_curves(strip, new):
        if factor := _factors(scene, old, new).get(_property_of(curve, strip), 0.0):
            _multiply(curve, factor)
    animation = scene.animation_data
    for driver in animation.drivers if animation is not None else ():
        if factor := _factors(scene, old, new).get(_property_of(driver, strip), 0.0):
            _multiply(driver, factor)
    times = _factors(scene, old, new)
    strip.transform.scale_x *= times["transform.scale_x"]
    strip.transform.scale_y *= times["transform.scale_y"]
    _crop(strip, times)


def _factors(
    scene: bpy.types.Scene, old: tuple[int, int], new: tuple[int, int]
) -> dict[str, float]:
    """By what each property is multiplied."""
    scale = natural_scale(scene, new) / natural_scale(scene, old)
    return {
        "transform.scale_x": scale,
        "transform.scale_y": scale,
        **dict.fromkeys(_ACROSS, new[0] / old[0]),
        **dict.fromkeys(_DOWN, new[1] / old[1]),
    }


def _crop(strip: Any, times: dict[str, float]) -> None:
    crop = strip.crop
    pixels = [getattr(crop, name) for name in _CROP]
    if not any(pixels):
        return
    kept = strip.get(_CROP_PROPERTY)
    exact = [float(value) for value in kept] if _is_crop(kept) else []
    if [round(value) for value in exact] != pixels:  # the artist has changed it since
        exact = [float(value) for value in pixels]
    exact = [value * times[f"crop.{name}"] for name, value in zip(_CROP, exact, strict=True)]
    for name, value in zip(_CROP, exact, strict=True):
        setattr(crop, name, round(value))
    strip[_CROP_PROPERTY] = exact


def _is_crop(kept: Any) -> bool:
    if getattr(kept, "typecode", "") not in ("f", "d") or len(kept) != len(_CROP):
        return False
    return all(0.0 <= pixels < _LARGEST for pixels in kept)  # no NaN, no infinity


def _own_curves(strip: Any, new: tuple[int, int]) -> Iterator[Any]:
    """The animation curves of a strip's scene that do not stand for the size ``new`` yet.

    A copied scene shares its action with the scene that it was made of, so that two strips have the same curves.
    """
    scene = strip.id_data
    yield from compat.nonlinear_curves(scene)
    action = scene.animation_data.action if scene.animation_data is not None else None
    if action is None:
        return
    if action.users - action.use_fake_user > 1:
        sizes = action.get(_SIZES_PROPERTY)
        known = sizes.get(strip.name) if hasattr(sizes, "get") else None
        if known is not None and tuple(known) == new:
            return
        if not hasattr(sizes, "get"):
            action[_SIZES_PROPERTY] = {}
        action[_SIZES_PROPERTY][strip.name] = list(new)
    yield from compat.curves(scene)


def _property_of(curve: Any, strip: Any) -> str:
    """Which property of ``strip`` a curve is about; '' for one of another strip."""
    before, found, name = curve.data_path.partition(
        f'["{bpy.utils.escape_identifier(strip.name)}"].'
    )
    return name if found and before.endswith("_all") else ""


def _multiply(curve: Any, factor: float) -> None:
    """Multiply the values of an animation curve, or of a driver's curve, which turns what the driver says into a value."""
    keys, bends = curve.keyframe_points, curve.modifiers
    for key in keys:
        # The handles first: Blender moves those of some kinds with the key.
        for handle in (key.handle_left, key.handle_right, key.co):
            handle[1] *= factor
    for bend in bends:
        match bend.type:
            case "GENERATOR":
                bend.coefficients = [value * factor for value in bend.coefficients]
            case "FNGENERATOR":
                bend.amplitude *= factor
                bend.value_offset *= factor
            case "NOISE":
                bend.strength *= factor
            case "LIMITS":
                bend.min_y *= factor
                bend.max_y *= factor
            case "ENVELOPE":
                bend.reference_value *= factor
                for point in bend.control_points:
                    point.min *= factor
                    point.max *= factor
            case _:  # cycles and steps repeat or hold what is there
                pass
    if curve.driver is not None and not len(keys) and not len(bends):
        bend = curve.modifiers.new("GENERATOR")
        bend.coefficients = [0.0, factor]
    curve.update()
