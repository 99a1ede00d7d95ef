"""What differs between the supported versions of Blender (4.2 LTS to 5.3): nothing else asks which version runs.

Knows nothing of jobs.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any, cast

import bpy

# The stubs of a version do not know the names of other versions: in this file, and only here, pyright lets them pass.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false, reportMissingImports=false


# --------------------------------------------------------------------------------- strips, scenes, frame names


def sequencer_scene(context: bpy.types.Context) -> bpy.types.Scene:
    """The scene whose edit the artist looks at: 5.0 lets a workspace pin one."""
    workspace = context.workspace
    return getattr(workspace, "sequencer_scene", None) or context.scene


#: The panel that shows the file of the active strip: in the sequencer's sidebar, from 5.0 on among the properties.
STRIP_SOURCE_PANEL = "STRIP_PT_source" if bpy.app.version >= (5, 0) else "SEQUENCER_PT_source"


def show_in_sequencer(context: bpy.types.Context, scene: bpy.types.Scene) -> None:
    """Let the workspace's sequencers show ``scene`` where they show none (5.0 on)."""
    workspace = context.workspace
    if hasattr(workspace, "sequencer_scene") and workspace.sequencer_scene is None:
        workspace.sequencer_scene = scene


def sequencer_override(
    area: bpy.types.Area, region: bpy.types.Region, scene: bpy.types.Scene
) -> dict[str, Any]:
    """What ``temp_override`` needs so that sequencer operators act on ``scene``.

    Never with ``window=``: Blender then drops ``scene=`` (measured, 4.2 to 5.2).
    """
    override: dict[str, Any] = {"area": area, "region": region, "scene": scene}
    if bpy.app.version >= (5, 0):
        override["sequencer_scene"] = scene
    return override


def reaches_over_screens(window: bpy.types.Window, scene: bpy.types.Scene) -> bool:
    """Whether a sequencer operator that is given an area of another screen acts on ``scene``.

    With ``screen=``, as with ``window=``, Blender drops ``scene=``; from 5.0 on ``sequencer_scene=`` stays.
    """
    return bpy.app.version >= (5, 0) or window.scene == scene


def strips(owner: bpy.types.SequenceEditor | bpy.types.Strip) -> Any:
    """The strips that lie directly in an editor or in a meta strip."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def strips_all(editor: bpy.types.SequenceEditor) -> Any:
    """The strips of an editor with those inside meta strips."""
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


#: The class of all strips.
STRIP_TYPE: Any = getattr(bpy.types, "Strip", None) or bpy.types.Sequence


def span(strip: bpy.types.Strip) -> tuple[int, int]:
    """The scene frames [first, end) that a strip shows. Blender's old names for them are deprecated from 5.1 on."""
    if hasattr(strip, "left_handle"):
        return int(strip.left_handle), int(strip.right_handle)
    return int(strip.frame_final_start), int(strip.frame_final_end)


def places_of(strips: Any) -> tuple[array[int], array[int], array[int]]:
    """First frames, ends and channels of strips, each in their order: asked of Blender at once, not strip by strip."""
    empty = bytes(4 * len(strips))
    places = array("i", empty), array("i", empty), array("i", empty)
    names = ("frame_final_start", "frame_final_end", "channel")
    if "left_handle" in STRIP_TYPE.bl_rna.properties:
        names = ("left_handle", "right_handle", "channel")
    for name, values in zip(names, places, strict=True):
        strips.foreach_get(name, values)
    return places


def set_span(strip: bpy.types.Strip, start: int, end: int) -> None:
    """Drag the handles of a strip to the scene frames [start, end)."""
    names = ("left_handle", "right_handle")
    if not hasattr(strip, "left_handle"):
        names = ("frame_final_start", "frame_final_end")
    handles = list(zip(names, (start, end), strict=True))
    if start >= span(strip)[1]:  # Blender lets no handle pass the other one
        handles.reverse()
    for name, frame in handles:
        if getattr(strip, name) != frame:
            setattr(strip, name, frame)


def shift(strip: bpy.types.Strip, frames: int) -> None:
    """Move a strip with its handles along the timeline."""
    name = "content_start" if hasattr(strip, "content_start") else "frame_start"
    setattr(strip, name, int(getattr(strip, name)) + frames)


def content_start(strip: bpy.types.Strip) -> int:
    """The scene frame at which the content of a strip begins, hidden or not.

    The content moves with the strip, and stays when a handle is dragged or the strip is cut. Only the content of
    strips that show one picture (colours, texts, stills) moves with the left handle.
    """
    return round(strip.content_start if hasattr(strip, "content_start") else strip.frame_start)


def content_skipped(strip: bpy.types.Strip) -> int:
    """The frames of its source that a strip leaves out before its content."""
    name = (
        "content_trim_start" if hasattr(strip, "content_trim_start") else "animation_offset_start"
    )
    return round(getattr(strip, name))


def trim(strip: bpy.types.Strip) -> tuple[int, int]:
    """The frames of its file that a movie strip leaves out before and behind its content, as handles do not."""
    return tuple(round(getattr(strip, name)) for name in _trim_names(strip))


def set_trim(strip: bpy.types.Strip, first: int, last: int) -> None:
    """Leave so many frames of its file out before and behind the content of a movie strip. May move the strip."""
    for name, frames in zip(_trim_names(strip), (first, last), strict=True):
        if round(getattr(strip, name)) != frames:
            setattr(strip, name, frames)


def _trim_names(strip: bpy.types.Strip) -> tuple[str, str]:
    if hasattr(strip, "content_trim_start"):
        return "content_trim_start", "content_trim_end"
    return "animation_offset_start", "animation_offset_end"


def is_retimed_meta(meta: bpy.types.Strip) -> bool:
    """Whether a meta strip plays what is in it faster or slower: its length tells, not all versions show its keys."""
    if not (inside := [span(strip) for strip in strips(meta)]):
        return False
    content = max(end for _, end in inside) - min(first for first, _ in inside)
    return span(meta)[1] + round(hidden_at_end(meta)) - content_start(meta) != content


def is_retimed(strip: bpy.types.Strip) -> bool:
    """Whether retiming keys play a strip faster or slower; of metas ``is_retimed_meta`` tells more."""
    return len(getattr(strip, "retiming_keys", ())) > 0


def mixes_retimed_sounds() -> bool:
    """Whether a retimed sound can be mixed: 4.5 divides by zero with that of a filled gap, and is gone (measured)."""
    return bpy.app.version >= (5, 0)


def content_length(strip: bpy.types.Strip) -> int:
    """1 for strips whose content never ends; of other strips the length, in a unit that differs between versions."""
    if hasattr(strip, "content_duration"):
        return int(strip.content_duration)
    return int(strip.frame_duration)


def scene_frame(strip: bpy.types.Strip, frame: int) -> int:
    """The frame of its scene that a scene strip without retiming shows at a frame of the edit."""
    scene: Any = strip.scene
    found = scene.frame_start + frame - content_start(strip) + content_skipped(strip)
    return int(min(max(found, scene.frame_start), scene.frame_end))


def is_trimmed(strip: bpy.types.Strip) -> bool:
    """Whether a strip hides a part of its file's pictures, or holds the first or last one."""
    if hasattr(strip, "left_handle_offset"):
        names = (
            "left_handle_offset",
            "right_handle_offset",
            "content_trim_start",
            "content_trim_end",
        )
    else:
        names = (
            "frame_offset_start",
            "frame_offset_end",
            "animation_offset_start",
            "animation_offset_end",
        )
    return any(abs(getattr(strip, name)) > 0.01 for name in names)


def hidden_at_end(strip: bpy.types.Strip) -> float:
    """Scene frames of a strip's content behind its right handle; below 0 where the last picture is held."""
    name = "right_handle_offset" if hasattr(strip, "right_handle_offset") else "frame_offset_end"
    return float(getattr(strip, name))


def connected(strip: bpy.types.Strip) -> list[Any]:
    """The strips that Blender selects and moves together with ``strip``; [] before 5.2, which does not tell."""
    return list(strip.connections) if hasattr(strip, "connections") else []


def connect_selected() -> None:
    """Let Blender select and move the selected strips together (4.3 on), in the context of a sequencer."""
    if "connect" in dir(bpy.ops.sequencer):
        bpy.ops.sequencer.connect(toggle=False)


def curves(block: Any) -> Iterator[Any]:
    """The animation curves of a datablock's properties; of a scene also those of its strips."""
    animation = block.animation_data
    if animation is not None and animation.action is not None:
        yield from _curves_of(animation.action, getattr(animation, "action_slot", None))


def nonlinear_curves(block: Any) -> Iterator[Any]:
    """The animation curves in the strips of a datablock's nonlinear animation."""
    animation = block.animation_data
    todo = [strip for track in animation.nla_tracks for strip in track.strips] if animation else []
    for strip in todo:
        if strip.action is not None:
            yield from _curves_of(strip.action, getattr(strip, "action_slot", None))
        todo += strip.strips  # of a meta strip


def _curves_of(action: bpy.types.Action, slot: Any) -> Iterator[Any]:
    if not hasattr(action, "layers"):  # before 4.4
        yield from action.fcurves
        return
    for layer in action.layers:
        for strip in layer.strips:
            for bag in strip.channelbags:
                if bag.slot == slot:
                    yield from bag.fcurves


def own_action(scene: bpy.types.Scene) -> bpy.types.Action | None:
    """Give ``scene``, a copy, a copy of its action, and return that; None for a scene without an action.

    A copied scene shares its action with the scene that it was made of, and Blender removes with a strip the strip's
    curves from that action: the other scene would lose its keys (measured, 4.2 to 5.3).
    """
    animation = scene.animation_data
    if animation is None:
        return None
    animation.use_tweak_mode = False  # else the action cannot be set
    if animation.action is None:
        return None
    slot: Any = getattr(animation, "action_slot", None)  # 4.4 on
    own = animation.action.copy()
    animation.action = own
    if hasattr(animation, "action_slot"):
        animation.action_slot = None if slot is None else own.slots[slot.identifier]
    return own


def set_end(strip: bpy.types.Strip, frame: int) -> None:
    """Drag the right handle of ``strip`` to ``frame``: the frame before is the last that is shown."""
    if hasattr(strip, "right_handle"):
        strip.right_handle = frame
    else:
        strip.frame_final_end = frame


def best_filter(transform: bpy.types.StripTransform) -> None:
    """Set the filter that takes every pixel of a picture into account when the strip is scaled down."""
    transform.filter = "BOX"


def inputs(strip: bpy.types.Strip) -> list[bpy.types.Strip]:
    """The strips that an effect strip is made of; [] for all others and for effects that need none."""
    names = ("input_1", "input_2") if hasattr(strip, "input_1") else ()
    return [other for name in names if (other := getattr(strip, name, None)) is not None]


def append_handlers() -> list[list[Any]]:
    """The lists of handlers that Blender calls when datablocks were appended from another file: none in 4.2."""
    after: list[Any] | None = getattr(bpy.app.handlers, "blend_import_post", None)
    return [] if after is None else [after]


def own_nodes(block: Any) -> bpy.types.NodeTree | None:
    """The nodes that are a part of a material, a world, a light, or up to 4.5 of a scene; None: it has none."""
    if isinstance(block, bpy.types.Scene) and bpy.app.version >= (5, 0):
        return None
    return block.node_tree


def drop_compositor(scene: bpy.types.Scene) -> None:
    """Remove the compositor of ``scene``, a copy, and with it the use of all that its nodes name."""
    if hasattr(scene, "compositor_effects"):  # 5.3; asked first: there the older name warns
        scene.compositor_effects.clear()
    elif hasattr(scene, "compositing_node_group"):
        scene.compositing_node_group = None
    elif scene.node_tree is not None:
        scene.node_tree.nodes.clear()


def drop_properties(block: bpy.types.ID, *, keep_custom: bool = False) -> None:
    """Remove the properties that Blender does not know: by one of them a datablock may hold any other datablock.

    ``keep_custom``: but those of the artist's, which drivers may read; properties of add-ons go.
    """
    known = block.bl_rna.properties
    for name in list(block.keys()):
        if not keep_custom or name in known:
            del block[name]
    if hasattr(block, "bl_system_properties_get"):  # 5.0: properties of add-ons live apart
        system: Any = block.bl_system_properties_get()
        for name in list(system.keys()) if system else ():
            del system[name]


def add_movie(path: str, frame: int, channel: int, *, sound: bool, true_speed: bool = True) -> None:
    """Add a movie by Blender's own *Add › Movie*, in the present context, changing nothing but the strips.

    ``sound``: with a sound strip, which Blender makes of a silent file too whose index promises sound (measured).
    Without ``true_speed`` the strip shows one frame of the file at each frame of the scene, for ``retiming``.

    The operator is the only way to true speed: strips made through the data API show one frame of the
    file at each frame of the scene. Raises RuntimeError when Blender cannot read the file.
    """
    operator = bpy.ops.sequencer.movie_strip_add
    arguments: dict[str, Any] = {
        "filepath": path,
        "relative_path": True,
        "frame_start": frame,
        "channel": channel,
        "replace_sel": True,
        "fit_method": "FIT",
        "sound": sound,
        "adjust_playback_rate": true_speed,
        "use_framerate": False,  # else the scene takes the rate of the file
        "set_view_transform": False,  # else the scene's AgX becomes Standard
    }
    # From 5.0 on the new strips would stick to the mouse, which crashes in background mode; from 4.5 on Blender would
    # look for another channel where the one that was chosen is locked.
    offered = cast(Any, operator).get_rna_type().properties
    for name in ("move_strips", "move_strips_after_add", "skip_locked_or_muted_channels"):
        if name in offered:
            arguments[name] = False
    operator("EXEC_DEFAULT", False, **arguments)  # False: the undo step is the caller's


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
    settings.views_format = "INDIVIDUAL"  # else both eyes lie in one picture


def write_movie(settings: bpy.types.ImageFormatSettings) -> None:
    """Make ``settings`` write 8-bit video as the scene's own view shows it."""
    if hasattr(settings, "media_type"):  # 5.0: decides which formats there are
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    settings.color_mode = "RGB"
    settings.color_depth = "8"
    settings.color_management = "FOLLOW_SCENE"


def encodes_bt601() -> bool:
    """Whether Blender writes BT.601 colours into H.264 and does not say so (BT.709, said, from 4.4 on)."""
    return bpy.app.version < (4, 4)


def literal_path(path: str) -> str:
    """``path`` as a render path: 4.5 and later read braces in it as a template."""
    return path.replace("{", "{{").replace("}", "}}") if bpy.app.version >= (4, 5) else path


def compositors_of(scene: bpy.types.Scene) -> list[bpy.types.NodeTree]:
    """The compositor's nodes: the scene's own up to 4.5, a shared datablock from 5.0 on, several from 5.3 on."""
    if hasattr(scene, "compositor_effects"):
        return [one.node_group for one in scene.compositor_effects if one.node_group is not None]
    if hasattr(scene, "compositing_node_group"):
        tree = scene.compositing_node_group
    else:
        tree = scene.node_tree if scene.use_nodes else None
    return [] if tree is None else [tree]


def composites(scene: bpy.types.Scene) -> bool:
    """Whether a render of ``scene`` goes through compositor nodes."""
    if not scene.render.use_compositing:
        return False
    if hasattr(scene, "compositor_effects"):
        effects = scene.compositor_effects
        return any(one.enable_for_render and one.node_group is not None for one in effects)
    return bool(compositors_of(scene))


#: EEVEE has had two names.
_REGIONS = frozenset({"CYCLES", "BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH"})


def renders_regions(engine: str, composited: bool) -> bool:
    """Whether a render of a part of the frame has the pixels that the whole frame has there.

    Not with a compositor, whose vignettes and masks expect the whole frame, and not with an add-on's engine, which may
    know of no region: its picture is then black, or the wrong part.
    """
    return engine in _REGIONS and not composited


def give_compositors(
    scene: bpy.types.Scene,
    own: Callable[[bpy.types.NodeTree], bpy.types.NodeTree],
    adapt: Callable[[bpy.types.NodeTree], object],
) -> None:
    """Let each node group that composites ``scene`` be what ``own`` makes of the group; ``adapt`` the scene's own nodes."""
    if hasattr(scene, "compositor_effects"):
        for effect in scene.compositor_effects:
            if effect.node_group is not None:
                effect.node_group = own(effect.node_group)  # the group's inputs stay as set
    elif hasattr(scene, "compositing_node_group"):
        scene.compositing_node_group = own(cast(Any, scene.compositing_node_group))
    else:
        adapt(cast(Any, scene.node_tree))


def bakes_nodes_to_disk(modifier: Any, bake: Any) -> bool:
    """Whether a bake of a modifier's geometry nodes is to lie on the disk; before 4.3 there is no other."""
    if not hasattr(bake, "bake_target"):
        return True
    target = bake.bake_target if bake.bake_target != "INHERIT" else modifier.bake_target
    return target == "DISK"


def frees_contexts_in_use() -> bool:
    """Whether Blender (before 5.0) frees the GPU context of a running render whose scene no window shows.

    After every turn of the event loop ``RE_FreeUnusedGPUResources`` frees the contexts of renders whose scene no
    window shows (source of 4.3; later versions ask whether the render runs). A context that is freed before the
    render thread takes it is no loss: the thread takes the shared one. A context that is freed later crashes Blender:
    measured in 4.3, within 12 camera renders of a copy nearly always, in 90 that were held back for one turn never.
    """
    return bpy.app.version < (5, 0)


def gpu_arguments() -> list[str]:
    """The arguments that let another Blender draw by the GPU backend of this one; none where only one is built in."""
    if bpy.app.version < (5, 0):
        return []
    import gpu

    try:
        backend = gpu.platform.backend_type_get()
    except SystemError:  # in the background: nothing was drawn yet
        backend = bpy.context.preferences.system.gpu_backend
    return ["--gpu-backend", backend.lower()] if backend in ("OPENGL", "VULKAN", "METAL") else []


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
    """Let ``scene`` show the colours of pictures unchanged: view transform Standard, nothing on top."""
    view = scene.view_settings
    view.view_transform = "Standard"
    view.look = "None"
    view.exposure = 0.0
    view.gamma = 1.0
    view.use_curve_mapping = False
    if hasattr(view, "use_white_balance"):
        view.use_white_balance = False


def view_extras(view: bpy.types.ColorManagedViewSettings) -> list[str]:
    """What changes colours on top of the view transform, in an artist's words ('the exposure')."""
    extras = []
    if view.look != "None":
        extras.append(f"the look “{view.look}”")
    if abs(view.exposure) > 1e-4:
        extras.append("the exposure")
    if abs(view.gamma - 1.0) > 1e-4:
        extras.append("the gamma")
    if view.use_curve_mapping:
        extras.append("the curves")
    if getattr(view, "use_white_balance", False):  # 4.3 on
        extras.append("the white balance")
    return extras


def offers(data: bpy.types.bpy_struct, name: str, value: str) -> bool:
    """Whether ``value`` is among the choices of an enum whose items Blender makes as it runs."""
    return bpy.types.UILayout.enum_item_name(data, name, value) != ""


def sync_view_layers() -> None:
    """Sync every view layer with its objects, without which ``bpy.data.libraries.write`` may crash Blender 5.2.

    Else ``write`` crashes Blender (BKE_view_layer_copy_data; measured: 5.2.3 always, 5.3.0 and 5.0.1 never) over a
    scene that a script has made and that was neither shown, evaluated nor saved yet. To ask for the active object
    syncs a layer; to count its objects does not.
    """
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            _ = layer.objects.active


def error_color(theme: bpy.types.Theme) -> tuple[float, float, float, float]:
    """The colour in which the theme tells of errors."""
    state = theme.user_interface.wcol_state
    color = state.error if hasattr(state, "error") else theme.info.info_error
    return color[0], color[1], color[2], 1.0


# ------------------------------------------------------------------------------------------------- layout


def textbox(
    layout: bpy.types.UILayout,
    data: bpy.types.bpy_struct,
    name: str,
    *,
    lines: int,
    placeholder: str,
) -> bool:
    """Draw a field of several lines; False, and nothing drawn, where Blender has none (before 5.2)."""
    if not hasattr(layout, "textbox"):
        return False
    layout.textbox(data, name, initial_visible_lines=lines, placeholder=placeholder)
    return True
