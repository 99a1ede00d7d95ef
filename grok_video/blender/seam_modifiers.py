"""The strip modifiers named *Grok Video Seam*: made, set, read. The second Blender that measures loads this file alone.

Knows which of Blender's modifiers say what a seam says, and nothing of jobs, of takes and of when a strip gets them. A
``seam`` here is anything with the fields of ``core.seam.Seam``.

*Curves* work in the colours of the sequencer, float by float: they keep what lies below 0 and above 1, as saturated
colours of a strip in a Filmic or AgX space do, where *Color Balance* and *Hue Correct* cut it off (measured, 4.2 to 5.3).
"""

from __future__ import annotations

from typing import Any

import bpy

NAME = "Grok Video Seam"
_CURVES, _HUES = "CURVES", "HUE_CORRECT"
_HUE = 0  # which of the curves of *Hue Correct* adds to what it has; those of saturation and value are factors
_NEUTRAL = 0.5  # of its values
_ALIKE = (
    1e-4  # part by which a point may lie beside what it was set to: Blender keeps floats of 4 bytes
)


def of_strip(strip: Any) -> list[Any]:
    """Our modifiers of a strip, in their order: those that the artist has renamed are the artist's."""
    modifiers = getattr(strip, "modifiers", ())  # a sound has none in some versions
    return [m for m in modifiers if m.name.startswith(NAME) and m.type in (_CURVES, _HUES)]


def lacks(strip: Any, seam: Any) -> bool:
    """Whether a strip has not all the modifiers that ``seam`` needs: making them takes a sequencer's context."""
    kinds = {modifier.type for modifier in of_strip(strip)}
    return not _wanted(seam) <= kinds


def _wanted(seam: Any) -> set[str]:
    return {_CURVES, _HUES} if seam.saturation else {_CURVES}


def make(strip: Any, seam: Any) -> None:
    """Give a strip the modifiers of ``seam``, before all others, and their values.

    Only under an override of a sequencer's area: elsewhere Blender 5.0 ends with a segmentation fault (measured).
    """
    for modifier in of_strip(strip):  # modifiers of another seam may stand in another order
        strip.modifiers.remove(modifier)
    order = (_CURVES, _HUES) if seam.hue else (_HUES, _CURVES)
    made = [strip.modifiers.new(NAME, kind) for kind in order if kind in _wanted(seam)]
    _to_the_top(strip, [modifier.name for modifier in made])
    set_values(strip, seam)


def _to_the_top(strip: Any, names: list[str]) -> None:
    """Let the last modifiers of a strip come before those that the artist has given it."""
    above = len(strip.modifiers) - len(names)
    if not above:
        return
    editor = strip.id_data.sequence_editor
    active, editor.active_strip = editor.active_strip, strip
    for name in names:
        for _ in range(above):
            bpy.ops.sequencer.strip_modifier_move(name=name, direction="UP")
    editor.active_strip = active


def set_values(strip: Any, seam: Any) -> None:
    """Let the modifiers of a strip do what ``seam`` says, as far as they are there. In any context."""
    for modifier in of_strip(strip):
        mapping = modifier.curve_mapping
        if modifier.type == _CURVES:
            mapping.use_clip = False
            # Beyond this range 4.2 goes on straight, also where points lie (measured).
            mapping.clip_min_x = min(0.0, seam.at[0])
            mapping.clip_max_x = max(1.0, seam.at[-1])
            mapping.extend = "EXTRAPOLATED"
            for curve, values in zip(
                mapping.curves, (seam.red, seam.green, seam.blue), strict=False
            ):
                _set_points(curve, seam.at, values)
        else:
            for index, curve in enumerate(mapping.curves):
                for point in curve.points:
                    point.location = (point.location[0], _height(index, point, seam))
        mapping.update()
        # Blender draws its cache on until a property of the modifier itself is set.
        modifier.mute = modifier.mute


def _height(index: int, point: Any, seam: Any) -> float:
    """The value at a point of a curve of *Hue Correct*, whose hues go round from 0 to 1."""
    values = (seam.hue, seam.saturation, seam.value)[index]
    if not values:
        return _NEUTRAL
    value: float = values[round(point.location[0] * len(values)) % len(values)]
    return _NEUTRAL + value if index == _HUE else _NEUTRAL * value


def _set_points(curve: Any, at: Any, values: Any) -> None:
    while len(curve.points) > 2:
        curve.points.remove(curve.points[1])
    last = len(at) - 1
    curve.points[0].location = (at[0], values[0])
    curve.points[1].location = (at[last], values[last])
    for index in range(1, last):
        curve.points.new(at[index], values[index])
    for point in curve.points:
        point.handle_type = "AUTO"


def does(strip: Any, seam: Any) -> bool:
    """Whether the modifiers of a strip are all there, none is muted or masked, and they do what ``seam`` says."""
    found = of_strip(strip)
    return not lacks(strip, seam) and all(
        not modifier.mute
        and modifier.input_mask_strip is None
        and modifier.input_mask_id is None
        and _has_values(modifier, seam)
        for modifier in found
    )


def _has_values(modifier: Any, seam: Any) -> bool:
    curves = modifier.curve_mapping.curves
    if modifier.type == _HUES:
        return all(
            _same(point.location[1], _height(index, point, seam))
            for index, curve in enumerate(curves)
            for point in curve.points
        )
    wanted = (seam.red, seam.green, seam.blue)
    return all(
        len(curve.points) == len(seam.at)
        and all(
            _same(point.location[0], x) and _same(point.location[1], y)
            for point, x, y in zip(curve.points, seam.at, values, strict=True)
        )
        for curve, values in zip(curves, wanted, strict=False)
    )


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _ALIKE * max(1.0, abs(other))
