"""What add-ons and scripts of the artist's do to a picture: engines, handlers, nodes. A second Blender has none of them.

Tells Blender's own code and ours from all other by where it lies. Changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import bpy

from .. import compat, scenes

#: Engines that Blender has with factory settings.
OWN_ENGINES = {"BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH", "CYCLES"}
#: Where Blender's own nodes have their classes.
_NODES = bpy.types.ShaderNodeAttribute.__module__
_OURS = __package__.removesuffix(".blender.sources")
#: Lists of handlers that may change a picture while it is rendered, and when Blender calls them.
_RENDERING = {
    "frame_change_pre": "when the frame changes",
    "frame_change_post": "when the frame changes",
    "render_init": "when a render begins",
    "render_pre": "when a render begins",
}
#: The same for a picture of another frame, to which the artist would go first.
_GOING = {
    "depsgraph_update_pre": "when the scene changes",
    "depsgraph_update_post": "when the scene changes",
}


def engine(scene: bpy.types.Scene) -> str:
    """'' or the render engine of ``scene``, if it is an add-on's, as a part of a sentence."""
    if scene.render.engine in OWN_ENGINES:
        return ""
    found = scenes.engine_class(scene)
    label = found.bl_label if found is not None else scene.render.engine
    return f"the render engine “{label}”, which an add-on brings"


def handlers_of(*, going: bool) -> Iterator[tuple[str, Any, str]]:
    """Handlers of add-ons and scripts that Blender calls as it renders; ``going``: or goes to another frame.

    Each with the name of its list before it, and what is said of it behind.
    """
    for name, when in (_RENDERING | _GOING if going else _RENDERING).items():
        for handler in getattr(bpy.app.handlers, name):
            if owner := owner_of(handler):
                yield name, handler, f"what {owner} does {when}"


def owner_of(handler: Any) -> str:
    """'' for code of Blender's or ours, else the add-on or script that ``handler`` is of, as a part of a sentence."""
    handler = getattr(handler, "func", handler)  # functools.partial
    handler = getattr(handler, "__func__", handler)
    name = getattr(handler, "__module__", None) or type(handler).__module__
    if name == _OURS or name.startswith(f"{_OURS}."):
        return ""
    code = getattr(handler, "__code__", None)
    path = code.co_filename if code is not None else getattr(sys.modules.get(name), "__file__", "")
    text = Path(path or "").name
    if text in bpy.data.texts and not Path(path).is_file():
        return f"the script “{text}”"
    if path and _is_blenders(Path(path)):
        return ""
    if name == "__main__":
        return "a script"
    package, *inside = name.split(".")
    # An extension is bl_ext.<its repository>.<its name>.
    addon = inside[1] if package == "bl_ext" and len(inside) > 1 else package
    return f"the add-on “{addon}”"


def _is_blenders(path: Path) -> bool:
    """Whether a file is of Blender's own scripts, or of Cycles: what a Blender with factory settings has too."""
    utils: Any = bpy.utils  # the stubs lack the name
    scripts = Path(utils.system_resource("SCRIPTS"))
    if not path.is_relative_to(scripts):
        return False
    folder, *rest = path.relative_to(scripts).parts
    return not folder.startswith("addons") or rest[0] in ("cycles", "bl_pkg")


def nodes() -> Iterator[str]:
    """What nodes in use need of an add-on: nodes of its own, and properties that a material reads by their names."""
    for tree in _trees():
        inside: Any = tree.nodes
        for node in inside:
            kind = type(node)  # not node.type, which costs 8 µs in 4.2
            if kind.__module__ != _NODES and (owner := owner_of(kind)):
                yield f"the node “{node.name}” of {owner}"
            elif node.bl_idname == "ShaderNodeAttribute" and _reads_addon(node):
                yield f"the property “{node.attribute_name}” of an add-on"


def _reads_addon(node: Any) -> bool:
    name = node.attribute_name.partition(".")[0]
    return node.attribute_type != "GEOMETRY" and is_defined(name)


def is_defined(name: str) -> bool:
    """Whether an add-on or a script has defined a property ``name`` where a material may look for it."""
    for owner in (
        bpy.types.Object,
        bpy.types.Mesh,
        bpy.types.Scene,
        bpy.types.ViewLayer,
        bpy.types.World,
    ):
        prop = owner.bl_rna.properties.get(name)
        if prop is not None and prop.is_runtime:
            return True
    return False


def _trees() -> Iterator[bpy.types.NodeTree]:
    for scene in bpy.data.scenes:
        yield from compat.compositors_of(scene)
    yield from bpy.data.node_groups
    for owners in (bpy.data.materials, bpy.data.worlds, bpy.data.lights):
        for owner in owners:
            if owner.users and owner.node_tree is not None:
                yield owner.node_tree


def with_groups(trees: Iterable[bpy.types.NodeTree]) -> list[bpy.types.NodeTree]:
    """Node trees with the groups that are in them, each once."""
    found: list[bpy.types.NodeTree] = []
    todo = list(trees)
    while todo:
        tree = todo.pop()
        if tree not in found:
            found.append(tree)
            groups = [getattr(node, "node_tree", None) for node in tree.nodes]
            todo += [group for group in groups if group is not None]
    return found
