"""Every test of Blender's version.

Owns the differences between the supported versions (4.2 LTS to 5.2 LTS). It knows nothing of jobs.
"""

from __future__ import annotations

import bpy


# ------------------------------------------------------------------------------ pictures, compositor, Cycles


def write_images(settings: bpy.types.ImageFormatSettings, file_format: str, quality: int) -> None:
    """Make ``settings`` write 8-bit RGB 'PNG' or 'JPEG' as the scene's own view shows it."""
    if hasattr(settings, "media_type"):  # 5.0: decides which formats there are
        settings.media_type = "IMAGE"
    settings.file_format = file_format
    settings.color_mode = "RGB"
    if file_format == "PNG":
        settings.color_depth = "8"
    settings.quality = quality
    settings.compression = 15
    settings.color_management = "FOLLOW_SCENE"


def literal_path(path: str) -> str:
    """``path`` as a render path: 5.0 reads braces in it as a template."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (5, 0) else path


def compositor_of(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    """The compositor's nodes: the scene's own up to 4.5, a shared datablock from 5.0 on."""
    if hasattr(scene, "compositing_node_group"):
        return scene.compositing_node_group
    return scene.node_tree if scene.use_nodes else None


def composites(scene: bpy.types.Scene) -> bool:
    """Whether a render of ``scene`` goes through compositor nodes."""
    return scene.render.use_compositing and compositor_of(scene) is not None


def own_compositor(scene: bpy.types.Scene, copy: bpy.types.Scene, tag: str, prefix: str) -> None:
    """Give ``copy``, a copy of ``scene``, compositor nodes of its own that write no files.

    Node groups are shared between scenes, so they are copied, tagged and named with ``prefix``.
    """
    tree = compositor_of(copy)
    if tree is None or not composites(copy):
        return
    copies: dict[bpy.types.NodeTree, bpy.types.NodeTree] = {}

    def own(group: bpy.types.NodeTree) -> bpy.types.NodeTree:
        if group not in copies:
            copies[group] = group.copy()
            copies[group].name = prefix + group.name
            copies[group][tag] = True
            adapt(copies[group])
        return copies[group]

    def adapt(nodes: bpy.types.NodeTree) -> None:
        for node in list(nodes.nodes):
            if node.type == "OUTPUT_FILE":
                nodes.nodes.remove(node)
            elif getattr(node, "node_tree", None) is not None:
                node.node_tree = own(node.node_tree)
            elif getattr(node, "scene", None) == scene:
                # Else the artist's own scene would be rendered for this node, over its render result.
                layer = getattr(node, "layer", None)
                node.scene = copy
                if layer is not None:
                    node.layer = layer

    if hasattr(copy, "compositing_node_group"):
        copy.compositing_node_group = own(tree)
    else:
        adapt(tree)


def lacks_denoiser(scene: bpy.types.Scene) -> bool:
    """Whether Cycles would fail for want of a denoiser: Debian builds Blender without one."""
    try:
        import _cycles  # Blender's own module; absent where Cycles was not built
    except ImportError:
        return False
    cycles = scene.cycles
    return bool(
        cycles.use_denoising
        and cycles.denoiser != "OPTIX"
        and not getattr(_cycles, "with_openimagedenoise", True)
    )


def plain_view(scene: bpy.types.Scene) -> None:
    """Make ``scene`` show pictures as they are: Standard, nothing on top."""
    view = scene.view_settings
    view.view_transform = "Standard"
    view.look = "None"
    view.exposure = 0.0
    view.gamma = 1.0
    view.use_curve_mapping = False
    if hasattr(view, "use_white_balance"):
        view.use_white_balance = False
