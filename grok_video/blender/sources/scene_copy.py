"""A temporary, tagged copy of a scene, so that the artist's own scene stays as it is.

Owns its render too, in which handlers of other add-ons run: what they set as it begins is put back, Blender writes no
file by a path that they can set, and the picture that is taken afterwards has the size that was asked for.

An undo step that Blender stores while there is a copy contains it, and undo then brings the copy back (measured in
5.2): ``tidy()`` removes such ghosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.record import mutable_record
from ...core.spec import new_id
from .. import compat, identity, said, scenes
from ..refusal import Interrupted
from . import pixels
from .bake_common import show_on_srgb

#: Names that begin with a dot are left out of Blender's menus.
PREFIX = ".grok_video "
TAG = "grok_video_temporary"


def copy_scene(scene: bpy.types.Scene) -> bpy.types.Scene:
    """A tagged copy of ``scene`` whose render writes nothing to disk: ``save`` writes its picture.

    Settings that shape the picture stay as the artist has them; settings of the file are ours. Objects, cameras and
    worlds are shared with the artist's scene and must not be touched.
    """
    copy = _tagged(scene.copy())
    identity.unmark_scene(copy)
    _own_compositor(scene, copy)
    return copy


def empty_scene() -> bpy.types.Scene:
    """A tagged scene with nothing in it, which shows colours as they are; of its render as of ``copy_scene``."""
    made = _tagged(bpy.data.scenes.new("Scene"))
    made.render.dither_intensity = 0.0
    compat.plain_view(made)
    return made


def _tagged(scene: bpy.types.Scene) -> bpy.types.Scene:
    scene.name = f"{PREFIX}{new_id()[:8]}"
    scene[TAG] = True
    render = scene.render
    for name, value in plain_output(render).items():
        setattr(render, name, value)
    render.use_lock_interface = False
    render.use_persistent_data = False
    show_on_srgb(scene)
    return scene


def _own_compositor(scene: bpy.types.Scene, copy: bpy.types.Scene) -> None:
    """Give ``copy``, a copy of ``scene``, compositor nodes of its own that write no files.

    Node groups are shared between scenes, so they are copied and tagged.
    """
    if not compat.composites(copy):
        return
    copies: dict[bpy.types.NodeTree, bpy.types.NodeTree] = {}

    def own(group: bpy.types.NodeTree) -> bpy.types.NodeTree:
        if group not in copies:
            copies[group] = group.copy()
            copies[group].name = PREFIX + group.name
            copies[group][TAG] = True
            adapt(copies[group])
        return copies[group]

    def adapt(nodes: bpy.types.NodeTree) -> None:
        every: Any = nodes.nodes
        for node in list(every):
            if node.type == "OUTPUT_FILE":
                every.remove(node)
            elif getattr(node, "node_tree", None) is not None:
                node.node_tree = own(node.node_tree)
            elif getattr(node, "scene", None) == scene:
                # Without this the node would have Blender render the artist's scene, over its render result.
                layer = getattr(node, "layer", None)
                node.scene = copy
                if layer is not None:
                    node.layer = layer

    compat.give_compositors(copy, own, adapt)


def plain_output(render: bpy.types.RenderSettings) -> dict[str, Any]:
    """The settings with which a render gives one picture of the full frame, and nothing drawn on it."""
    # No stamps: their flags write the .blend's path and more into the file, even with nothing drawn on the picture.
    stamps = [name for name in render.bl_rna.properties.keys() if name.startswith("use_stamp")]
    return {
        "resolution_percentage": 100,
        "use_border": False,
        "use_crop_to_border": False,
        "use_multiview": False,
        "use_render_cache": False,  # writes the picture into the artist's folder of caches
        **dict.fromkeys(stamps, False),
    }


def own_animation(copy: bpy.types.Scene) -> None:
    """Give a tagged copy of a scene keys of its own, tagged as well: its strips can go without the artist's keys."""
    if (action := compat.own_action(copy)) is not None:
        action.name = f"{PREFIX}{action.name}"
        action[TAG] = True


#: Index of the Render Result's slot that the last render went to, which Blender does not tell; None: not known.
_last_slot: int | None = None

#: Settings that decide which pixels are made. The look, which add-ons may set for F12 as well, is not among them.
_SETTINGS = (
    *("resolution_x", "resolution_y", "resolution_percentage", "pixel_aspect_x", "pixel_aspect_y"),
    *("use_border", "use_crop_to_border"),
    *(f"border_{end}_{axis}" for end in ("min", "max") for axis in "xy"),
    *("use_multiview", "use_sequencer"),
)


@mutable_record
class _Render:
    """What the render under way is about, as it was when it was asked for."""

    scene: str  # name
    settings: dict[str, Any]  # of _SETTINGS
    frame: float
    engine: str
    camera: str | None  # name; None where an edit is rendered
    changed: str = ""  # what another add-on changed before the picture was made: 'the frame'


_render: _Render | None = None


def run(copy: bpy.types.Scene, *, wait: bool) -> set[Any]:
    """Render a copy of a scene at its own frame; ``save`` takes the picture when it is done: with ``wait`` on return.

    Window layout, preferences and the slots of the Render Result stay as they are. Raises RuntimeError.
    """
    global _last_slot
    _begin(copy)
    preferences = bpy.context.preferences
    display, dirty = preferences.view.render_display_type, preferences.is_dirty
    slots = result.render_slots if (result := render_result()) else None
    shown = slots.active_index if slots else 0
    try:
        # NONE: a render window would change the artist's layout.
        preferences.view.render_display_type = "NONE"
        if slots and (last := _last_of(slots)) is not None:
            # Into the slot of the last render: into another one, Blender moves the artist's picture there (measured).
            slots.active_index = last
        # By an override: the operator's own scene= would render the frame of the context's scene (measured).
        with bpy.context.temp_override(scene=copy):
            done = bpy.ops.render.render() if wait else bpy.ops.render.render("INVOKE_DEFAULT")
        if slots is None or _last_of(slots) is None:
            _last_slot = shown
        return done
    finally:
        if slots:
            slots.active_index = shown
        preferences.view.render_display_type = display
        # Setting a preference marks the preferences as unsaved, even when the old value is back (measured).
        preferences.is_dirty = dirty


def _last_of(slots: bpy.types.RenderSlots) -> int | None:
    """The slot of the last render; None where that is not known, or is not there any more."""
    return _last_slot if _last_slot is not None and _last_slot < len(slots) else None


#: Name of the slot of the Render Result that renders of the artist's own scene go to.
SLOT = "Grok Video"


@contextmanager
def own_slot() -> Iterator[None]:
    """For the time of the context renders go to a slot of their own, and the artist's pictures stay where they are."""
    result = render_result()
    if result is None:
        yield
        return
    slots = result.render_slots
    shown = slots.active_index
    ours = [i for i, slot in enumerate(slots) if slot.name.startswith(SLOT) and i != shown]
    if not ours:
        slots.new(name=SLOT)
    slots.active_index = ours[0] if ours else len(slots) - 1
    try:
        yield
    finally:
        slots.active_index = shown


def _begin(scene: bpy.types.Scene) -> None:
    """Note what the render of ``scene`` is about, and be the last whom Blender tells that it begins."""
    global _render
    render = scene.render
    camera = None if render.use_sequencer else scenes.camera_of(scene)
    _render = _Render(
        scene.name,
        {name: getattr(render, name) for name in _SETTINGS},
        scene.frame_float,
        render.engine,
        camera.name if camera else None,
    )
    for handlers in (bpy.app.handlers.render_init, bpy.app.handlers.render_pre):
        if _put_back in handlers:
            handlers.remove(_put_back)
        handlers.append(_put_back)


def save(copy: bpy.types.Scene, path: Path, file_format: str, size: tuple[int, int]) -> None:
    """Write the picture of a copy that was rendered, as 8-bit 'PNG' or 'JPEG', into ``path``.

    ``size`` is what it must measure, in pixels. Raises Interrupted, and then there is no file.
    """
    if (changed := changed_by_others()) or (result := render_result()) is None:
        raise Interrupted(
            f"Render interrupted: another add-on changed {changed}."
            if changed
            else "Render interrupted: no picture was made."
        )
    slots = result.render_slots
    shown = slots.active_index
    try:
        if (last := _last_of(slots)) is not None:
            slots.active_index = last  # the artist may look at another one by now
        # Only now: until the picture is made, handlers of other add-ons may set a format of their own.
        compat.write_images(copy.render.image_settings, file_format, pixels.JPEG_QUALITY)
        pixels.save_view(result, copy, path)
    except (*said.BLENDERS_ERRORS, OSError) as error:
        pixels.remove(path)
        raise Interrupted(
            f"Render interrupted: there is no picture, or no room for it in “{path.parent}” "
            f"({_reason(error)})."
        ) from error
    finally:
        slots.active_index = shown
    if (found := pixels.measured(path)) is None or found[1:] != size:
        pixels.remove(path)
        measures = "{} × {}".format(*found[1:]) if found else "no picture"
        raise Interrupted(
            f"Render interrupted: it came out as {measures} and not as {size[0]} × {size[1]}. Does another "
            "add-on change the size of renders?"
        )


def _reason(error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) else said.sentence(error)
    return str(why).removesuffix(".")


def is_other_slot(index: int | None) -> bool:
    """Whether the last render is known to have gone to another slot of the Render Result than that one."""
    return _last_slot is not None and _last_slot != index


def changed_by_others() -> str:
    """'' or what a handler of another add-on changed before the picture of the last render was made: 'the frame'."""
    return _render.changed if _render is not None else ""


@persistent
def _put_back(scene: bpy.types.Scene, *_: object) -> None:
    """Handler, the last one as a render begins: put back what others have set.

    Blender runs it on the thread of the render, so it sets only what a handler there has just set.
    """
    if _render is None or scene.name != _render.scene:
        return
    for name, value in _render.settings.items():
        if getattr(scene.render, name) != value:
            setattr(scene.render, name, value)


@persistent
def _look(scene: bpy.types.Scene, *_: object) -> None:
    """Handler, the first one with the picture made: what other add-ons set from now on is not in the picture."""
    if _render is None or scene.name != _render.scene:
        return
    camera = scene.camera.name if scene.camera else ""
    if scene.frame_float != _render.frame:
        _render.changed = "the frame"
    elif scene.render.engine != _render.engine:
        _render.changed = "the engine"
    elif _render.camera is not None and camera != _render.camera:
        _render.changed = "the camera"


def render_result() -> bpy.types.Image | None:
    """Blender's image *Render Result*; None before there was a render."""
    return next((i for i in bpy.data.images if i.type == "RENDER_RESULT"), None)


def tidy() -> int:
    """Remove temporary copies of scenes and what is theirs, but the one that renders; returns how many were removed."""
    if not (ghosts := _ghosts()) or bpy.app.is_job_running("RENDER"):
        return 0
    for ghost in ghosts:
        match ghost:
            case bpy.types.Scene():
                bpy.data.scenes.remove(ghost)
            case bpy.types.Action():
                bpy.data.actions.remove(ghost)
            case _:
                bpy.data.node_groups.remove(ghost)
    return len(ghosts)


#: Name of the copy that is being rendered, which ``tidy`` must leave alone; '' for none.
in_use: str = ""


def _ghosts() -> list[bpy.types.Scene | bpy.types.NodeTree | bpy.types.Action]:
    rendering = in_use
    ghosts: list[bpy.types.Scene | bpy.types.NodeTree | bpy.types.Action] = [
        s for s in bpy.data.scenes if is_tagged(s) and s.name != rendering
    ]
    if rendering:
        return (
            ghosts  # groups and actions stay: which of them the rendering copy uses cannot be told
        )
    ghosts += [g for g in bpy.data.node_groups if is_tagged(g)]
    ghosts += [a for a in bpy.data.actions if is_tagged(a)]
    return ghosts


def is_tagged(block: bpy.types.ID) -> bool:
    return block.name.startswith(PREFIX) and TAG in block


def tidy_soon() -> float | None:
    """Timer: remove temporary copies as soon as nothing renders."""
    tidy()
    return 0.5 if _ghosts() and not in_use else None


def set_in_use(name: str) -> None:
    """Note the name of the copy that is being rendered from now on; '' for none."""
    global in_use
    in_use = name


@persistent
def _note_slot(scene: bpy.types.Scene, *_: object) -> None:
    """Handler: note the slot of a render of the artist's; renders of copies leave the slot alone."""
    global _last_slot
    if not is_tagged(scene) and (result := render_result()):
        _last_slot = result.render_slots.active_index


@persistent
def _forget_slot(*_: object) -> None:
    """Handler: forget the slot when another file is opened, which has another Render Result."""
    global _last_slot
    _last_slot = None


def register_copies() -> None:
    """Add the handlers that note the slot of the artist's renders, and those that look after ours."""
    bpy.app.handlers.render_init.insert(0, _note_slot)
    bpy.app.handlers.load_pre.insert(0, _forget_slot)
    bpy.app.handlers.render_post.insert(0, _look)
    bpy.app.handlers.render_init.append(_put_back)
    bpy.app.handlers.render_pre.append(_put_back)


def unregister_copies() -> None:
    """Remove the handlers of ``register_copies``, and all temporary copies."""
    bpy.app.handlers.render_pre.remove(_put_back)
    bpy.app.handlers.render_init.remove(_put_back)
    bpy.app.handlers.render_post.remove(_look)
    bpy.app.handlers.load_pre.remove(_forget_slot)
    bpy.app.handlers.render_init.remove(_note_slot)
    tidy()
