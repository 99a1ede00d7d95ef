"""The part of an edit that a bake needs: which strips, why it may be refused, and a .blend with nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import bpy

from ...core.spec import new_id
from .. import compat, scenes
from . import contents, edit_motion, foreign
from .bake_common import ROLE, show_on_srgb, show_only
from .scene_copy import PREFIX, TAG, own_animation, tidy


def _walk(base: Any) -> Iterator[tuple[Any, Any]]:
    """All strips of an editor or meta strip, each with what it lies in (such a one), always in the same order."""
    for strip in compat.strips(base):
        yield strip, base
        if strip.type == "META":
            yield from _walk(strip)


class NeededStrips:
    """The strips that a bake needs, and the role of each.

    'shown': to be seen or heard. 'around': a meta strip around one of those. 'feeds': an input of an effect, or a
    mask. 'part': what a meta strip, a multicam or an adjustment is made of, left as the artist has it. 'read': drivers
    of the others read a property of the strip, which itself is neither seen nor heard.
    """

    def __init__(
        self,
        scene: bpy.types.Scene,
        strip: bpy.types.Strip,
        start: int,
        end: int,
        sounds: Sequence[bpy.types.Strip],
    ) -> None:
        self.scene = scene
        self.strip: Any = strip
        self.start = start
        self.end = end
        self.roles: dict[int, str] = {}
        self.strips: list[Any] = []
        self._owners = {s.as_pointer(): base for s, base in _walk(scene.sequence_editor)}
        self._include(strip, "shown")
        for sound in sounds:
            self._include(sound, "shown")
            self.roles[sound.as_pointer()] = "shown"
        for inner in (strip, *sounds):
            for meta in self._around(inner):
                if meta.as_pointer() not in self.roles:
                    self._add(meta, "around")
        self.drivers = self._include_read()

    def _include_read(self) -> list[tuple[Any, Any]]:
        """Include the strips that drivers of the needed strips read; returns all those drivers."""
        named = {strip.name: strip for strip, _ in _walk(self.scene.sequence_editor)}
        while True:
            drivers = edit_motion.drivers_of(self.scene, self.strips)
            read = edit_motion.strips_read(self.scene, drivers) & named.keys()
            more = [named[name] for name in read if named[name].as_pointer() not in self.roles]
            if not more:
                return drivers
            while more:
                strip = more.pop()
                if strip.as_pointer() not in self.roles:
                    self._add(strip, "read")
                    # Blender removes with an input the effect that is made of it.
                    more += [*self._around(strip), *compat.inputs(strip)]

    def seen(self) -> list[Any]:
        """The needed strips without those of which drivers only read a property."""
        return [strip for strip in self.strips if self.roles[strip.as_pointer()] != "read"]

    def _add(self, strip: Any, role: str) -> None:
        self.roles[strip.as_pointer()] = role
        self.strips.append(strip)

    def _around(self, strip: Any) -> Iterator[Any]:
        owner = self._owners[strip.as_pointer()]
        while owner != self.scene.sequence_editor:
            yield owner
            owner = self._owners[owner.as_pointer()]

    def _include(self, strip: Any, role: str) -> None:
        if strip.as_pointer() in self.roles:
            return
        self._add(strip, role)
        feeds = "part" if role == "part" else "feeds"
        for other in compat.inputs(strip):
            self._include(other, feeds)
        for modifier in getattr(strip, "modifiers", ()):
            if modifier.input_mask_strip is not None:
                self._include(modifier.input_mask_strip, feeds)
        for other in self._below(strip):
            self._include(other, "part")

    def _below(self, strip: Any) -> list[Any]:
        """The strips that a meta strip, a multicam or an adjustment is made of."""
        if strip.type == "META":
            return list(compat.strips(strip))
        siblings = compat.strips(self._owners[strip.as_pointer()])
        match strip.type:
            case "MULTICAM":
                below = [s for s in siblings if s.channel == strip.multicam_source]
            case "ADJUSTMENT":
                below = [s for s in siblings if s.channel < strip.channel]
            case _:
                return []
        first, end = compat.span(strip)
        return [s for s in below if compat.span(s)[0] < end and compat.span(s)[1] > first]

    def has_sound(self) -> bool:
        """Whether the bake may have something to hear."""
        if not bpy.app.build_options.audaspace:  # the wheel of 4.2 has no sound
            return False
        return any(
            (s.type == "SOUND" and (self.roles[s.as_pointer()] == "shown" or not s.mute))
            or (s.type == "SCENE" and _sounds(s.scene))
            for s in self.seen()
        )

    def roles_in_order(self) -> list[str]:
        """The roles of all strips of the edit, in the order of ``_walk``; '' for a strip that is not needed."""
        return [self.roles.get(s.as_pointer(), "") for s, _ in _walk(self.scene.sequence_editor)]

    def plain(self) -> bool:
        """Whether the needed strips are only movies and images, which can be placed smaller in a smaller frame."""
        scene = self.scene
        return scene.animation_data is None and (
            scene.render.pixel_aspect_x == scene.render.pixel_aspect_y
            and all(
                s.type in ("MOVIE", "IMAGE", "SOUND")
                or (self.roles[s.as_pointer()] == "around" and not _crops(s))
                for s in self.strips
            )
        )

    def has_scenes(self) -> bool:
        """Whether one of the needed strips shows a scene, which is written with its objects."""
        return any(strip.type == "SCENE" for strip in self.seen())

    def rendered(self) -> list[bpy.types.Scene]:
        """The scenes whose cameras are rendered for the bake."""
        shown = [strip for strip in self.seen() if strip.type == "SCENE"]
        return [
            inner.scene
            for strip in shown
            for inner, _, _ in _rendered(strip, self.start, self.end, [self.scene])
        ]

    # -------------------------------------------------------------------------------------- refusals

    def refusal(self) -> str:
        """'' or why the strip cannot be baked."""
        name, kind = self.strip.name, self.strip.type
        if does := scenes.busy():
            return f"Blender {does} something else. Wait until it is done."
        if kind == "SOUND":
            return f"“{name}” is a sound and shows no picture. Choose its movie strip."
        if kind == "META" and not any(s.type != "SOUND" for s in compat.strips(self.strip)):
            return f"The meta strip “{name}” holds nothing to see. Choose another strip."
        if self.end <= self.start:
            return f"There is nothing of “{name}” to take: the range is empty."
        if self.start < 0:
            # Blender renders an animation from Scene.frame_start, which cannot be negative.
            return f"“{name}” begins before frame 0. Move it to frame 0 or later."
        for shown in (self.strip, *self._around(self.strip)):
            first, end = compat.span(shown)
            if self.start < first or self.end > end:
                return f"“{shown.name}” is shown from frame {first} to {end - 1} only."
        for strip in self.seen():
            if why := self._strip_refusal(strip):
                return why
        return edit_motion.refusal(self.scene, self.strip, self.drivers, self.start, self.end)

    def still_refusal(self) -> str:
        """'' or why a still of the strip at the first needed frame would not show what the artist sees there."""
        scene_strips = [strip for strip in self.seen() if strip.type == "SCENE"]
        for strip in scene_strips:
            for inner, frame, _ in _rendered(strip, self.start, self.end, [self.scene]):
                if lost := contents.unplayed(inner.scene, frame):
                    return (
                        f"“{strip.name}” shows {lost}. Bake that, or choose another strip. "
                        "Nothing was sent or charged."
                    )
        return edit_motion.still_refusal(self.scene, self.strip, self.drivers, self.start)

    def _strip_refusal(self, strip: Any) -> str:
        if strip.type == "SCENE":
            if strip.scene is None:
                return f"“{strip.name}” has no scene any more. Choose another strip."
            shown = _rendered(strip, self.start, self.end, [self.scene])
            return next(filter(None, (_scene_refusal(*one) for one in shown)), "")
        if strip.type == "SOUND" and strip.mute and self.roles[strip.as_pointer()] != "shown":
            return ""
        for path in self._files(strip):
            if not os.path.isfile(path):
                return f"“{strip.name}” shows “{path}”, which is not there. Find the file, or choose another strip."
        return ""

    def _files(self, strip: Any) -> Iterator[str]:
        """The paths of the files that a strip reads in the frames to be baked."""
        library = self.scene.library
        match strip.type:
            case "MOVIE":
                yield bpy.path.abspath(strip.filepath, library=library)
            case "IMAGE":
                folder = bpy.path.abspath(strip.directory, library=library)
                first, end = compat.span(strip)
                frames = range(max(first, self.start), min(end, self.end))
                found = (strip.strip_elem_from_frame(frame) for frame in frames)
                yield from dict.fromkeys(
                    os.path.join(folder, element.filename) for element in found if element
                )
            case "SOUND" if strip.sound is not None and strip.sound.packed_file is None:
                yield bpy.path.abspath(strip.sound.filepath, library=strip.sound.library)
            case "MOVIECLIP" if strip.clip is not None and strip.clip.source == "MOVIE":
                yield bpy.path.abspath(strip.clip.filepath, library=strip.clip.library)
            case _:
                return


def _crops(strip: Any) -> bool:
    crop = strip.crop
    return any((crop.min_x, crop.max_x, crop.min_y, crop.max_y))


def _rendered(
    strip: Any, start: int, end: int, above: list[bpy.types.Scene]
) -> Iterator[tuple[Any, int, int]]:
    """The scene strips whose cameras are rendered for the frames [start, end) of the edit that ``strip`` lies in.

    Each with the first frame of its own scene and the one after the last. ``strip`` itself, or those in the edit that
    ``strip`` shows. ``above``: the scenes whose edits ``strip`` lies in; Blender shows none of them again.
    """
    scene = strip.scene
    if scene is None:
        return
    first = compat.scene_frame(strip, max(start, compat.span(strip)[0]))
    after = compat.scene_frame(strip, min(end, compat.span(strip)[1]) - 1) + 1
    if compat.is_retimed(strip) or strip.use_reverse_frames or strip.strobe > 1.0:
        first, after = scene.frame_start, scene.frame_end + 1
    if strip.scene_input != "SEQUENCER":
        yield strip, first, after
    elif scene.sequence_editor is not None and scene not in above:
        for inner, _ in _walk(scene.sequence_editor):
            begin, end = compat.span(inner)
            if inner.type == "SCENE" and not inner.mute and begin < after and end > first:
                yield from _rendered(inner, first, after, [*above, scene])


def _scene_refusal(strip: Any, first: int, after: int) -> str:
    """'' or why a scene strip cannot be baked that shows the frames [first, after) of its scene."""
    scene = strip.scene
    if strip.scene_camera is None and scenes.camera_of(scene) is None:
        return f"The scene “{scene.name}” has no camera. Add one, or choose another strip."
    if scene.render.engine == "CYCLES" and compat.lacks_denoiser(scene):
        return (
            "This Blender was built without Cycles' denoiser. Turn off Denoise in the Render properties of "
            f"“{scene.name}”, or choose another strip."
        )
    if lost := foreign.engine(scene) or contents.lost_in_bake(scene, first, after):
        return (
            f"“{strip.name}” shows the scene “{scene.name}”, and Blender in the background does not carry {lost}. "
            f"{edit_motion.RENDER_IT}"
        )
    return ""


def _sounds(scene: bpy.types.Scene | None) -> bool:
    if scene is None:
        return False
    editor = scene.sequence_editor
    return any(o.type == "SPEAKER" for o in scene.objects) or (
        editor is not None and any(s.type in ("SOUND", "SCENE") for s in compat.strips_all(editor))
    )


def write_edit(scene: bpy.types.Scene, needed: NeededStrips, file: Path) -> dict[str, Any]:
    """Write the needed strips, with all that they depend on, into the .blend ``file``; returns its part of the order.

    The artist's scene is not touched: a copy that has nothing else is written and removed.
    """
    roles = needed.roles_in_order()
    copy = scene.copy()
    try:
        copy.name = name = f"{PREFIX}{new_id()[:8]}"
        copy[TAG] = True
        _lighten(copy, keep_custom=bool(needed.drivers))
        show_on_srgb(copy)
        _keep(copy, roles)
        shown = needed.rendered()
        with unsaved_images(shown) if needed.has_scenes() else nullcontext({}) as images:
            write_library({copy, *images.values()}, file)
            return {"scene": name, "original": scene.name_full, "images": copies_of(images)}
    finally:
        tidy()


def write_library(blocks: set[Any], file: Path) -> None:
    compat.sync_view_layers()
    # A mesh in Edit Mode or Sculpt Mode is written as it was before: this is what Blender's own save does first.
    bpy.ops.ed.flush_edits()
    bpy.data.libraries.write(str(file), blocks, path_remap="ABSOLUTE", compress=False)


@contextmanager
def unsaved_images(
    rendered: Iterable[bpy.types.Scene], engine: str = ""
) -> Iterator[dict[str, bpy.types.Image]]:
    """For the time of the context: packed copies of images, by their names, whose pixels are in memory only.

    ``rendered``: the scenes that are to be shown with them; ``engine``: by which, where it is not their own. A .blend
    holds such pixels only packed. The artist's own images are not ours to pack, and the copies that Blender makes have no
    pixels (measured).
    """
    import numpy as np

    copies: dict[str, bpy.types.Image] = {}
    try:
        for image in contents.images_to_write(rendered, engine):
            copy = bpy.data.images.new(
                f"{PREFIX}{new_id()[:8]}",
                *image.size,
                alpha=True,
                float_buffer=image.is_float,
            )
            copies[image.name] = copy
            copy.colorspace_settings.name = image.colorspace_settings.name
            copy.alpha_mode = image.alpha_mode
            values = np.empty(image.size[0] * image.size[1] * 4, np.float32)
            pixels: Any = image.pixels
            pixels.foreach_get(values)
            pixels = copy.pixels
            pixels.foreach_set(values)
            copy.pack()
        yield copies
    finally:
        for copy in copies.values():
            bpy.data.images.remove(copy)


def copies_of(images: dict[str, bpy.types.Image]) -> dict[str, str]:
    return {name: image.name for name, image in images.items()}


def isolate(scene: bpy.types.Scene, copy: bpy.types.Scene, strip: bpy.types.Strip) -> None:
    """Leave in the edit of ``copy``, a copy of ``scene``, only what ``strip`` shows: for a still of the strip."""
    needed = NeededStrips(scene, strip, *compat.span(strip), ())
    _keep(copy, needed.roles_in_order())
    show_only(copy.sequence_editor, compat.strips)


def _keep(copy: bpy.types.Scene, roles: list[str]) -> None:
    """Remove the strips of a copied edit that have no role, and write the role of every other into a property."""
    own_animation(copy)
    unwanted: list[tuple[int, Any, Any]] = []
    for (strip, base), role in zip(_walk(copy.sequence_editor), roles, strict=True):
        if role:
            strip[ROLE] = role
        elif base == copy.sequence_editor or base.get(ROLE):
            unwanted.append((_depth(strip), strip, base))
    # Effects first: Blender removes with a strip the effects that it feeds.
    for _, strip, base in sorted(unwanted, key=lambda item: -item[0]):
        compat.strips(base).remove(strip)


def _depth(strip: Any) -> int:
    """How many effects a strip is made of, one on the other; 0 for a strip that is none."""
    return 1 + max((_depth(other) for other in compat.inputs(strip)), default=-1)


def _lighten(copy: bpy.types.Scene, *, keep_custom: bool) -> None:
    """Unlink everything but the edit from a copied scene, or it would be written along."""
    compat.drop_properties(copy, keep_custom=keep_custom)
    copy[TAG] = True
    compat.drop_compositor(copy)
    copy.timeline_markers.clear()
    copy.camera = copy.world = copy.background_set = copy.active_clip = None
    for layer in copy.view_layers:
        layer.material_override = None
    for child in list(copy.collection.children):
        copy.collection.children.unlink(child)
    for thing in list(copy.collection.objects):
        copy.collection.objects.unlink(thing)
