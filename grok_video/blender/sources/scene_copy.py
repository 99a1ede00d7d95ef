"""A temporary, tagged copy of a scene, so that the artist's own scene stays as it is.

An undo step that Blender stores while there is a copy contains it, and undo then brings the copy back (measured in
5.2): ``tidy()`` removes such ghosts.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.spec import new_id
from .. import compat
from . import pixels

#: Names that begin with a dot are left out of Blender's menus.
PREFIX = ".grok_video "
TAG = "grok_video_temporary"


def copy_scene(scene: bpy.types.Scene, path: Path, file_format: str) -> bpy.types.Scene:
    """A tagged copy of ``scene`` that writes ``path`` as 8-bit RGB, and nothing else to disk.

    Settings that shape the picture stay as the artist has them; settings of the file are ours. Objects, cameras and
    worlds are shared with the artist's scene and must not be touched.
    """
    copy = scene.copy()
    copy.name = f"{PREFIX}{new_id()[:8]}"
    copy[TAG] = True
    render = copy.render
    render.filepath = compat.literal_path(str(path))
    render.use_file_extension = False
    render.use_overwrite = True
    render.use_placeholder = False
    render.resolution_percentage = 100
    render.use_border = render.use_crop_to_border = False
    render.use_multiview = False
    render.use_lock_interface = False
    render.use_persistent_data = False
    # No stamps: their flags write the .blend's path and more into the file, even with nothing drawn on the picture.
    for name in render.bl_rna.properties.keys():
        if name.startswith("use_stamp"):
            setattr(render, name, False)
    compat.write_images(render.image_settings, file_format, pixels.JPEG_QUALITY)
    show_on_srgb(copy)
    compat.own_compositor(scene, copy, TAG, PREFIX)
    return copy


def show_on_srgb(scene: bpy.types.Scene) -> None:
    """Let ``scene`` render for an sRGB display, as the service expects, whatever screen the artist grades for."""
    device, view = scene.display_settings.display_device, scene.view_settings.view_transform
    if device == "sRGB":
        return
    # An OpenColorIO configuration of the studio's may lack this display or view: then the picture stays as it is.
    with suppress(TypeError):
        scene.display_settings.display_device = "sRGB"  # type: ignore[assignment]
        scene.view_settings.view_transform = view


#: Index of the Render Result's slot that the last render went to, which Blender does not tell; None: not known.
_last_slot: int | None = None


def run(copy: bpy.types.Scene, *, wait: bool) -> set[Any]:
    """Render a copy of a scene at its own frame into its file; with ``wait`` the file is there on return.

    Window layout, preferences and the slots of the Render Result stay as they are. Raises RuntimeError.
    """
    preferences = bpy.context.preferences
    display, dirty = preferences.view.render_display_type, preferences.is_dirty
    slots = result.render_slots if (result := render_result()) else None
    shown = slots.active_index if slots else 0
    try:
        # NONE: a render window would change the artist's layout.
        preferences.view.render_display_type = "NONE"
        if slots and _last_slot is not None:
            # Into the slot of the last render: into another one, Blender moves the artist's picture there (measured).
            slots.active_index = _last_slot
        # By an override: the operator's own scene= would render the frame of the context's scene (measured).
        with bpy.context.temp_override(scene=copy):
            if wait:
                return bpy.ops.render.render(write_still=True)
            return bpy.ops.render.render("INVOKE_DEFAULT", write_still=True)
    finally:
        if slots:
            slots.active_index = shown
        preferences.view.render_display_type = display
        # Setting a preference marks the preferences as unsaved, even when the old value is back (measured).
        preferences.is_dirty = dirty


def render_result() -> bpy.types.Image | None:
    """Blender's image *Render Result*; None before there was a render."""
    return next((i for i in bpy.data.images if i.type == "RENDER_RESULT"), None)


def tidy() -> int:
    """Remove temporary copies of scenes, but the one that is being rendered; returns how many were removed."""
    if not (ghosts := _ghosts()) or bpy.app.is_job_running("RENDER"):
        return 0
    for ghost in ghosts:
        if isinstance(ghost, bpy.types.Scene):
            bpy.data.scenes.remove(ghost)
        else:
            bpy.data.node_groups.remove(ghost)
    return len(ghosts)


#: Name of the copy that is being rendered, which ``tidy`` must leave alone; '' for none.
in_use: str = ""


def _ghosts() -> list[bpy.types.Scene | bpy.types.NodeTree]:
    rendering = in_use
    scenes: list[bpy.types.Scene | bpy.types.NodeTree] = [
        s for s in bpy.data.scenes if is_tagged(s) and s.name != rendering
    ]
    if rendering:
        return scenes  # node groups stay: which of them the rendering copy uses cannot be told
    return scenes + [g for g in bpy.data.node_groups if is_tagged(g)]


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
    """Add the handlers that note the slot of the artist's renders."""
    bpy.app.handlers.render_init.insert(0, _note_slot)
    bpy.app.handlers.load_pre.insert(0, _forget_slot)


def unregister_copies() -> None:
    """Remove the handlers of ``register_copies``, and all temporary copies."""
    bpy.app.handlers.load_pre.remove(_forget_slot)
    bpy.app.handlers.render_init.remove(_note_slot)
    tidy()
