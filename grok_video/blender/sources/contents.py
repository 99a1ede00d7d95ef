"""What is in a scene that a way of rendering would not carry: the table in docs/blender.md, §5, as code.

Owns the detectors, and a phrase for each find. Changes nothing, plays nothing, opens no file. Knows nothing of which way
is taken.

A find is a doubt more often than a certainty. A render of the artist's own scene is never wrong, and a wrong picture is
paid for: so what could not be measured to be equal counts as lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Any

import bpy

from .. import compat
from . import driven, foreign, handler_code, on_disk
from .scene_copy import is_tagged

#: Whoever looks for a scene by himself finds the artist's and not the copy that he is given.
_LOOKS_FOR_SCENES = re.compile(r"scenes|context|window|^name|session_uid|as_pointer")


#: Pixels of images that are packed for a second Blender although they have files; it takes about 0.2 s in all.
PACKED_PIXELS = 1024 * 1024


class By(Flag):
    """Ways of rendering."""

    BACKGROUND = auto()  #: one frame, from a written copy in a second Blender
    COPY = auto()  #: one frame, from a copy of the scene in this Blender
    ITSELF = auto()  #: one frame of the artist's own scene
    BAKE = auto()  #: a range of frames, from a written copy in a second Blender
    STRIP = auto()  #: one frame, as a strip of an edit in this Blender shows the scene


CHILD = By.BACKGROUND | By.BAKE
ANY = CHILD | By.COPY | By.ITSELF | By.STRIP
NOWHERE = By(0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked about: the scenes that a render shows, their objects, and whether time moves."""

    scene: bpy.types.Scene
    scenes: list[bpy.types.Scene]
    objects: list[bpy.types.Object]
    #: Another frame than the current one is to be rendered, so what was played there is not known.
    elsewhere: bool
    #: Blender sets frames while it renders: another one than the current, or those that a motion blur is made of.
    moves: bool


class Found:
    """What has been found so far in one scene for a picture of one frame, so that several ways cost one walk.

    For one answer only: what the scene is may change as soon as Blender goes on.
    """

    def __init__(self, scene: bpy.types.Scene, frame: int | None, *, several: bool = False) -> None:
        """``frame`` None is the scene's current one; ``several``: those after it are shown as well."""
        self.elsewhere = several or (frame is not None and frame != scene.frame_float)
        self._scene = scene
        self._asked: Asked | None = None
        self._finds: dict[int, tuple[list[tuple[str, By]], _Finds]] = {}

    def lost(self, way: By) -> str:
        """'' or what ``way`` would not carry, as a part of a sentence; looks no further than that."""
        if self._asked is None:
            self._asked = _asked(self._scene, self.elsewhere)
        for number, (detector, finds) in enumerate(_DETECTORS):
            if way not in finds:
                continue
            if number not in self._finds:
                self._finds[number] = [], detector(self._asked)
            before, more = self._finds[number]
            for what, ways in before:
                if way in ways:
                    return what
            for find in more:
                before.append(find)
                if way in find[1]:
                    return find[0]
        return ""


def lost_in_background(
    scene: bpy.types.Scene, frame: int | None = None, found: Found | None = None
) -> str:
    """'' or what a second Blender would show otherwise than F12 at ``frame``, as a part of a sentence.

    The second Blender opens what ``bpy.data.libraries.write`` wrote of the scene after ``bpy.ops.ed.flush_edits``, with
    packed copies of unsaved images; with factory settings, no add-ons, and scripts trusted as they are here. ``frame``
    None is the scene's current one. ``found``: what was found of them just now, for another way.
    """
    return (found or Found(scene, frame)).lost(By.BACKGROUND)


def lost_in_copy(
    scene: bpy.types.Scene, frame: int | None = None, found: Found | None = None
) -> str:
    """'' or what ``scene.copy()``, rendered in this Blender, would show otherwise than F12 at ``frame``."""
    return (found or Found(scene, frame)).lost(By.COPY)


def lost_in_itself(
    scene: bpy.types.Scene, frame: int | None = None, found: Found | None = None
) -> str:
    """'' or what even the artist's scene, set to the size of a clip, would show otherwise than F12 at ``frame``.

    What ``unplayed`` finds, and what reads settings of the render that ``kept_settings`` cannot keep.
    """
    return (found or Found(scene, frame)).lost(By.ITSELF)


def unplayed(scene: bpy.types.Scene, frame: int | None = None) -> str:
    """'' or what no Blender can show at ``frame`` without having played the scene: baking it helps."""
    found = Found(scene, frame)
    # At the current frame a strip shows the scene as it was played.
    return found.lost(By.STRIP) if found.elsewhere else ""


def lost_in_bake(scene: bpy.types.Scene, start: int, end: int) -> str:
    """'' or what a second Blender would show otherwise in the frames [start, end) of ``scene``.

    The engine does not count: a playblast has its own, and who renders the scene with its engine asks
    ``foreign.engine``.
    """
    return Found(scene, start, several=True).lost(By.BAKE)


def _asked(scene: bpy.types.Scene, elsewhere: bool) -> Asked:
    scenes = _shown(scene)
    moves = elsewhere or any(each.render.use_motion_blur for each in scenes)
    return Asked(scene, scenes, _objects(scenes), elsewhere, moves)


def _shown(scene: bpy.types.Scene) -> list[bpy.types.Scene]:
    """``scene``, the scenes behind it, and those whose renders its compositor takes."""
    found: list[bpy.types.Scene] = []
    todo: list[bpy.types.Scene | None] = [scene]
    while todo:
        each = todo.pop()
        if each is None or each in found:
            continue
        found.append(each)
        todo.append(each.background_set)
        if compat.composites(each):
            todo += [
                getattr(node, "scene", None)
                for tree in foreign.with_groups(compat.compositors_of(each))
                for node in tree.nodes
            ]
    return found


def _objects(scenes: list[bpy.types.Scene]) -> list[bpy.types.Object]:
    """The objects that a render of ``scenes`` may need: all of the file but those that only other scenes have.

    Hidden objects are among them, and those of other scenes that something else names, as a modifier or an instanced
    collection does: others may be made of what they do.
    """
    others = [s for s in bpy.data.scenes if s not in scenes and not is_tagged(s)]
    if not others:
        return bpy.data.objects[:]
    needed = {thing for scene in scenes for thing in scene.objects[:]}
    elsewhere = {thing for scene in others for thing in scene.objects[:]} - needed
    if elsewhere:
        elsewhere -= _used(elsewhere)
    return [thing for thing in bpy.data.objects[:] if thing not in elsewhere]


#: What has an object without showing it in a render of another scene.
_HOLDERS = (
    bpy.types.Scene,
    bpy.types.Collection,
    bpy.types.WindowManager,
    bpy.types.WorkSpace,
    bpy.types.Screen,
)


def _used(elsewhere: set[bpy.types.Object]) -> set[Any]:
    """The objects of other scenes that more than those scenes and one another name, and the collections between."""
    data: Any = bpy.data  # the stubs want all arguments, and sequences
    users = data.user_map(subset=elsewhere | set(bpy.data.collections))
    found: set[Any] = set()
    todo: list[Any] = []
    uses: dict[Any, list[Any]] = {}
    for block, by in users.items():
        if any(user not in elsewhere and not isinstance(user, _HOLDERS) for user in by):
            todo.append(block)
        for user in by:
            if user in elsewhere or isinstance(user, bpy.types.Collection):
                uses.setdefault(user, []).append(block)
    while todo:
        block = todo.pop()
        if block not in found:
            found.add(block)
            todo += uses.get(block, [])
    return found


_Finds = Iterator[tuple[str, By]]


# ------------------------------------------------------------------------------------------- simulations


def _played(asked: Asked, what: str, baked: bool, carried: By = NOWHERE) -> tuple[str, By]:
    """A simulation: what was played is in this Blender only; what is baked is the same at every frame.

    ``carried``: ways that carry ``what`` when it is baked.
    """
    if baked:
        return f"the baked {what}", CHILD & ~carried
    there = By.COPY | By.ITSELF | By.STRIP if asked.elsewhere else NOWHERE
    return f"the {what}, not baked", CHILD | there


def _rigid_bodies(asked: Asked) -> _Finds:
    for scene in asked.scenes:
        world = scene.rigidbody_world
        if world is None or not world.enabled or world.collection is None:
            continue
        bodies = [thing.rigid_body for thing in world.collection.all_objects]
        if not any(body is not None and body.type == "ACTIVE" for body in bodies):
            continue
        cache = world.point_cache
        what, ways = _played(
            asked,
            f"rigid bodies of “{scene.name}”",
            cache.is_baked,
            NOWHERE if cache.use_disk_cache else CHILD,
        )
        # A copy of the scene has the world of rigid bodies without what was played (measured).
        copied = scene == asked.scene and (not cache.is_baked or cache.use_disk_cache)
        yield what, ways | (By.COPY if copied else NOWHERE)


def _simulations(asked: Asked) -> _Finds:
    for thing in asked.objects:
        modifiers: Any = thing.modifiers  # each kind has names of its own
        if not modifiers:  # half the time of the walk: many objects have none
            continue
        for modifier in modifiers:
            if not _takes_part(asked, thing, modifier):
                continue
            match modifier.type:
                case "CLOTH":
                    yield _played(asked, f"cloth of “{thing.name}”", modifier.point_cache.is_baked)
                case "SOFT_BODY":
                    yield _played(
                        asked, f"soft body of “{thing.name}”", modifier.point_cache.is_baked
                    )
                case "PARTICLE_SYSTEM":
                    yield from _particles(asked, thing, modifier.particle_system)
                case "DYNAMIC_PAINT":
                    yield from _dynamic_paint(asked, thing, modifier)
                case "FLUID":
                    yield from _fluid(asked, thing, modifier)
                case "OCEAN":
                    if modifier.is_cached:
                        yield f"the baked ocean of “{thing.name}”", CHILD
                case "NODES":
                    yield from _nodes(asked, thing, modifier)


def _takes_part(asked: Asked, thing: bpy.types.Object, modifier: Any) -> bool:
    """Whether a modifier may have a part in a picture."""
    if modifier.show_render or (modifier.type == "FLUID" and modifier.show_viewport):
        return True  # a fluid of the viewport too: a second Blender must not come near its folder
    if not asked.moves or thing.animation_data is None:
        return False
    curves = (
        *compat.curves(thing),
        *compat.nonlinear_curves(thing),
        *thing.animation_data.drivers,
    )
    return any(curve.data_path.endswith(".show_render") for curve in curves)


def _particles(asked: Asked, thing: bpy.types.Object, system: Any) -> _Finds:
    settings = system.settings
    if settings is None or (settings.type == "HAIR" and not system.use_hair_dynamics):
        return
    kind = "hair" if settings.type == "HAIR" else "particles"
    yield _played(asked, f"{kind} of “{thing.name}”", system.point_cache.is_baked)


def _dynamic_paint(asked: Asked, thing: bpy.types.Object, modifier: Any) -> _Finds:
    canvas = modifier.canvas_settings
    for surface in canvas.canvas_surfaces if canvas else ():
        if surface.is_active:
            baked = surface.point_cache.is_baked
            yield _played(asked, f"dynamic paint of “{thing.name}”", baked)


def _fluid(asked: Asked, thing: bpy.types.Object, modifier: Any) -> _Finds:
    if modifier.fluid_type != "DOMAIN" or modifier.domain_settings is None:
        return
    # A second Blender must not come near the folder of the cache: as a replay it would write there.
    yield _played(asked, f"fluid of “{thing.name}”", modifier.domain_settings.has_cache_baked_data)


def _nodes(asked: Asked, thing: bpy.types.Object, modifier: Any) -> _Finds:
    for bake in modifier.bakes:
        baked = is_baked_to_disk(modifier, bake, thing.library)
        yield _played(asked, f"simulation nodes of “{thing.name}”", baked)


def is_baked_to_disk(modifier: Any, bake: Any, library: Any) -> bool:
    """Whether a bake of a modifier's nodes lies on the disk. Of one that is packed Blender does not tell."""
    if not compat.bakes_nodes_to_disk(modifier, bake):
        return False
    folder = bake.directory if bake.use_custom_path else modifier.bake_directory
    own = () if bake.use_custom_path else (str(bake.bake_id),)
    return bool(folder) and Path(bpy.path.abspath(folder, library=library), *own, "meta").is_dir()


# ----------------------------------------------------------------------------------- what else is lost


def _images(asked: Asked) -> _Finds:
    for image in _unsaved():
        if not is_written(image):
            yield f"the unsaved image “{image.name}”", CHILD


def images_to_write(scenes: Iterable[bpy.types.Scene], engine: str = "") -> list[bpy.types.Image]:
    """Images whose pixels a second Blender must be given to show ``scenes``: of all others it reads the same.

    ``engine``: the one that renders them, where it is not their own.
    """
    engines = {engine or each.render.engine for scene in scenes for each in _shown(scene)}
    found = [image for image in _unsaved() if is_written(image)]
    return [*found, *_changed_and_small()] if _shows_memory(engines) else found


def _unsaved() -> list[bpy.types.Image]:
    return [
        image
        for image in bpy.data.images
        if image.users
        and image.type not in ("RENDER_RESULT", "COMPOSITING")
        and image.is_dirty
        and image.has_data
    ]


def _shows_memory(engines: set[str]) -> bool:
    """Whether a render shows images as Blender has read them: Cycles reads their files anew each time (measured)."""
    return bool(engines - {"CYCLES"})


def _changed_and_small() -> list[bpy.types.Image]:
    """Images that may be other ones in their files by now, as many as can be packed without holding a window up.

    Of the others the file is shown. Nearly always it is what Blender has in its memory: painted and saved, or reloaded.
    A window must not wait for such a doubt.
    """
    found, room = [], PACKED_PIXELS
    for image in on_disk.images():
        if image.source == "FILE" and is_written(image):
            room -= image.size[0] * image.size[1]
            if room >= 0:
                found.append(image)
    return found


def is_written(image: bpy.types.Image) -> bool:
    """Whether a packed copy of an unsaved image shows the same."""
    return (
        image.type in ("IMAGE", "UV_TEST")
        and image.source != "TILED"
        and image.library is None
        and image.channels == 4
    )


def _libraries(asked: Asked) -> _Finds:
    for library, why in on_disk.libraries():
        yield f"the library “{library.name}”, whose file {why}", CHILD


def _scene(asked: Asked) -> _Finds:
    scene = asked.scene
    if scene.library is not None:
        yield f"the linked scene “{scene.name}”", CHILD
    if scene.render.use_single_layer and len(scene.view_layers) > 1:
        # Which one is the window's: a written scene has no window.
        yield "the view layer that this window shows", CHILD


def _engine(asked: Asked) -> _Finds:
    for scene in asked.scenes:
        if what := foreign.engine(scene):
            yield what, By.BACKGROUND


def _handlers(asked: Asked) -> _Finds:
    for name, handler, what in foreign.handlers_of(going=asked.elsewhere):
        if name.startswith("depsgraph"):
            # Most are about the interface, and many add-ons have one: a bake goes on without them.
            yield what, By.BACKGROUND | By.COPY
        elif asked.elsewhere or (
            name.startswith("render") and handler_code.speaks_of(handler, _LOOKS_FOR_SCENES)
        ):
            yield what, CHILD | By.COPY
        else:
            # The work of a handler at the current frame is done, and the copy has the same objects.
            yield what, CHILD


def _nodes_of_addons(asked: Asked) -> _Finds:
    for what in foreign.nodes():
        yield what, CHILD


def _drivers(asked: Asked) -> _Finds:
    for what, reads in driven.drivers(asked.scenes, asked.objects):
        match reads:
            case driven.Reads.OUTSIDE:
                # What a Python function reads of the scene is that of the artist's, not of the copy.
                yield what, CHILD | (By.COPY if asked.moves else NOWHERE)
            case driven.Reads.SCENE:
                yield what, By.COPY if asked.moves else NOWHERE
            case driven.Reads.SIZE | driven.Reads.HERE:
                yield what, CHILD
            case driven.Reads.COPYS_SIZE:
                yield what, By.COPY
            case driven.Reads.HIDDEN_SIZE:
                yield what, CHILD | By.ITSELF


#: What looks for what is lost, with the ways in which it may find something; quick ones first.
_DETECTORS = (
    (_scene, CHILD),
    (_engine, By.BACKGROUND),
    (_handlers, CHILD | By.COPY),
    (_rigid_bodies, ANY),
    (_images, CHILD),
    (_libraries, CHILD),
    (_nodes_of_addons, CHILD),
    (_simulations, ANY),
    (_drivers, CHILD | By.COPY | By.ITSELF),
)
