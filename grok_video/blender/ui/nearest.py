"""``scene.grok_video.nearest``: the settings of the panel, to be set to anything; what counts is the nearest possible.

Jobs of any version and presets that somebody wrote name models that are gone, sizes that a model has not, numbers
beyond every limit. What is no setting, or of another kind than the setting, changes nothing. Owns how each setting is
found from such a value. It must not know jobs, and not where the values come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import bpy

from ...core.framing import nearest_ratio, sides
from .. import config

_Settings = Any  # ``GrokVideoSettings``, whose file knows this one

OTHER_MODEL = "OTHER"  # the item of the models whose name is typed
_MOST_TEXT = 1 << 20  # characters of a text: more is no prompt
_MOST_PATHS = 64
_MOST_LOOKS = 4  # references of a look


class Nearest:
    """The settings of one scene. A name that is set takes the nearest; a name that is read is what the panel has."""

    def __init__(self, chosen: _Settings) -> None:
        object.__setattr__(self, "_chosen", chosen)

    def __getattr__(self, name: str) -> Any:
        chosen: _Settings = object.__getattribute__(self, "_chosen")
        if name == "prompt":
            return chosen.written_prompt()
        if name == "image":
            return file_of(chosen.image)
        if name == "references":
            return [path for one in chosen.references if (path := file_of(one.image))]
        if name == "look_references":
            return [path for one in chosen.look_references if (path := file_of(one.image))]
        if name not in _SETTERS:
            raise AttributeError(f"There is no setting {name}")
        return getattr(chosen, name)

    def __setattr__(self, name: str, value: object) -> None:
        if (setter := _SETTERS.get(name)) is not None:
            setter(object.__getattribute__(self, "_chosen"), name, value)


def file_of(image: bpy.types.Image | None) -> str:
    """The file that an image is read from, absolute; '' for one that only the .blend holds, or nothing."""
    if image is None or image.packed_file is not None or image.is_dirty or not image.filepath:
        return ""
    if image.source == "GENERATED":
        return ""
    return bpy.path.abspath(image.filepath, library=image.library)


def image_from(path: str) -> bpy.types.Image:
    """The image of the file at ``path``: one that has this file already, else a new one.

    Of a file that is not there, one without pixels: the panel names the file and refuses it.
    """
    try:
        return bpy.data.images.load(path, check_existing=True)
    except RuntimeError:
        for image in bpy.data.images:
            if image.source == "FILE" and image.filepath == path:
                return image
        image = bpy.data.images.new(bpy.path.basename(path) or "Image", 1, 1)
        image.source, image.filepath = "FILE", path
        return image


def _text(chosen: _Settings, name: str, value: object) -> None:
    if (text := _plain(value)) is not None:
        setattr(chosen, name, text)


def _plain(value: object) -> str | None:
    """A text as Blender can hold it: without what is no character, and what would end it. None for no text."""
    if not isinstance(value, str) or len(value) > _MOST_TEXT:
        return None
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _prompt(chosen: _Settings, name: str, value: object) -> None:
    text = _plain(value)
    if text is None:
        return
    if chosen.prompt_text is not None:
        if chosen.written_prompt() == text.strip():
            return  # the artist's text has these words already
        chosen.prompt_text = None
    chosen.prompt = text


def _choice(chosen: _Settings, name: str, value: object) -> None:
    if isinstance(value, str) and value in _items(chosen, name):
        setattr(chosen, name, value)


def _items(chosen: _Settings, name: str) -> set[str]:
    return set(chosen.bl_rna.properties[name].enum_items.keys())


def _model(chosen: _Settings, name: str, value: object) -> None:
    text = (_plain(value) or "").strip()
    if text in _items(chosen, name):
        chosen.model = text
    elif text:
        chosen.model, chosen.model_other = OTHER_MODEL, text


def _number(chosen: _Settings, name: str, value: object) -> None:
    if not isinstance(value, int | float) or math.isnan(value):
        return
    limits = chosen.bl_rna.properties[name]
    least, most = limits.hard_min, limits.hard_max
    if name == "duration":
        row = chosen.model_row()
        least, most = max(least, row.min_seconds), min(most, row.max_seconds)
    setattr(chosen, name, round(min(max(value, least), most)))


def _switch(chosen: _Settings, name: str, value: object) -> None:
    if isinstance(value, bool | int):
        setattr(chosen, name, bool(value))


def _sound(chosen: _Settings, name: str, value: object) -> None:
    _switch(chosen, name, chosen.model_row().audio and value)


def _resolution(chosen: _Settings, name: str, value: object) -> None:
    digits = value.removesuffix("p") if isinstance(value, str) and len(value) < 16 else ""
    if not (digits.isascii() and digits.isdigit()):
        return
    offered = chosen.model_row().prices
    setattr(chosen, name, min(offered, key=lambda one: abs(int(one[:-1]) - int(digits))))


def _ratio(chosen: _Settings, name: str, value: object) -> None:
    offered = chosen.model_row().ratios
    if value in offered or value in (config.AUTO, config.NEAREST):
        setattr(chosen, name, value)
    elif isinstance(value, str):
        try:
            width, height = sides(value)
            nearest = nearest_ratio(width, height, offered)
        except (ValueError, OverflowError, ZeroDivisionError):
            return
        setattr(chosen, name, nearest)


def _image(chosen: _Settings, name: str, value: object) -> None:
    if path := _plain(value):
        chosen.image = image_from(path)


def _references(chosen: _Settings, name: str, value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return
    paths = [path for one in list(value)[:_MOST_PATHS] if (path := _plain(one))]
    put_references(chosen, [image_from(path) for path in paths])


def _look_references(chosen: _Settings, name: str, value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return
    chosen.look_references.clear()
    for path in [path for one in list(value)[:_MOST_LOOKS] if (path := _plain(one))]:
        chosen.look_references.add().image = image_from(path)


def put_references(chosen: _Settings, images: list[bpy.types.Image]) -> None:
    """Let these images be the references, as many of them as the model takes."""
    chosen.references.clear()
    most = chosen.model_row().max_references
    for image in images[:most]:
        chosen.references.add().image = image


_SETTERS: dict[str, Callable[[_Settings, str, object], None]] = {
    # In this order a preset has them: the model first, which says what the others can be.
    "model": _model,
    "model_other": _text,
    "source": _choice,
    "image": _image,
    "duration": _number,
    "resolution": _resolution,
    "aspect_ratio": _ratio,
    "generate_audio": _sound,
    "references": _references,
    "end_frame": _switch,
    "keyframes": _switch,
    "loop": _switch,
    "draft": _switch,
    "prompt": _prompt,
    "extend_prompt": _text,
    "extend_seconds": _number,
    "edit_prompt": _text,
    "edit_of": _choice,
    "edit_start": _number,
    "look_model": _choice,
    "look_quality": _choice,
    "look_size": _choice,
    "look_references": _look_references,
    "look_prompt": _text,
}
