"""Whether a scene still shows what it showed at a click.

Owns what Blender tells of changes (``depsgraph_update_post``), and a note of what it does not tell. Settings of the
scene that neither knows are missed. Knows nothing of stills.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import bpy

from .borrowed import plain_names
from .scene_copy import is_tagged

#: Blender tells of these too when a scene copy is removed, or somebody selects: they count by their flags alone.
_TOLD_OFTEN = (bpy.types.Scene, bpy.types.Object, bpy.types.Collection)


class Changes:
    """The changes to one scene from now on, until ``close()``."""

    def __init__(self, scene: bpy.types.Scene) -> None:
        self._uid = scene.session_uid
        self._noted = _noted(scene)
        self._told = False
        bpy.app.handlers.depsgraph_update_post.append(self._listen)

    def __bool__(self) -> bool:
        """Whether the scene may show something else now, or is gone, as far as Blender has told: it does at a redraw."""
        scene = next((s for s in bpy.data.scenes if s.session_uid == self._uid), None)
        return self._told or scene is None or _noted(scene) != self._noted

    def close(self) -> None:
        """Listen no longer."""
        listed = bpy.app.handlers.depsgraph_update_post
        if self._listen in listed:  # opening a file takes it away
            listed.remove(self._listen)

    def _listen(self, scene: bpy.types.Scene, depsgraph: bpy.types.Depsgraph) -> None:
        self._told = self._told or (
            not is_tagged(scene) and any(_is_change(update) for update in depsgraph.updates)
        )


def _is_change(update: bpy.types.DepsgraphUpdate) -> bool:
    changed = update.id
    if not isinstance(changed, _TOLD_OFTEN):
        return True  # a material, a mesh, a world
    if isinstance(changed, bpy.types.Collection):
        return update.is_updated_transform
    # A camera has new geometry as soon as a render has another size, be it a copy's.
    is_camera = isinstance(changed, bpy.types.Object) and changed.type == "CAMERA"
    return update.is_updated_transform or (update.is_updated_geometry and not is_camera)


def _noted(scene: bpy.types.Scene) -> tuple[object, ...]:
    """What a render shows by a scene's own settings: of those Blender tells nothing, or nothing by which to know them."""
    hidden = [False] * len(scene.objects)
    scene.objects.foreach_get("hide_render", hidden)
    owners: list[Any] = [scene.render, scene.view_settings, scene.display_settings]
    owners += [getattr(scene, engine, None) for engine in ("cycles", "eevee")]
    return (
        hidden,
        [thing.session_uid for thing in scene.objects[:]],
        [thing and thing.session_uid for thing in (scene.camera, scene.world)],
        [_plain(owner) for owner in owners if owner is not None],
        [
            (layer.name, layer.use, list(_collections(layer.layer_collection)))
            for layer in scene.view_layers
        ],
    )


def _plain(owner: bpy.types.bpy_struct) -> list[object]:
    values = (getattr(owner, name) for name in plain_names(owner))
    return [tuple(each) if hasattr(each, "__len__") else each for each in values]


def _collections(layer: bpy.types.LayerCollection) -> Iterator[tuple[object, ...]]:
    shown = layer.collection
    yield shown.session_uid, shown.hide_render, layer.exclude, layer.holdout, layer.indirect_only
    for child in layer.children:
        yield from _collections(child)
