"""What can be in a scene: a function for each row of the table in docs/blender.md, §5, that puts it there.

Each is given the scene of ``fresh`` and may give back what undoes it in this process. Knows nothing of the extension.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import bpy
import numpy as np

Make = Callable[[Any], Any]
WIDTH, HEIGHT = 64, 36
#: The frame that each row stands at.
FRAME = 12


def fresh(folder: Path) -> Any:
    """A saved file with a scene “Shot” that Cycles renders in a moment: a camera that looks down on the middle."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    scene.name = "Shot"
    quick(scene)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.location, camera.rotation_euler, camera.data.lens = (0, -12, 8), (0.98, 0, 0), 35
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.rotation_euler = 3, (0.5, 0.3, 0)
    for thing in (camera, sun):
        scene.collection.objects.link(thing)
    scene.camera = camera
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "shot.blend"))
    return bpy.context.scene


def quick(scene: Any) -> None:
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = WIDTH, HEIGHT, 100
    scene.cycles.samples, scene.cycles.max_bounces, scene.cycles.use_denoising = 1, 0, False
    scene.view_settings.view_transform = "Standard"
    render.dither_intensity = 0
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "IMAGE"
    render.image_settings.file_format, render.image_settings.color_mode = "PNG", "RGB"


def cube(name: str = "Cube", x: float = 0) -> Any:
    bpy.ops.mesh.primitive_cube_add(size=2, location=(x, 0, 0))
    bpy.context.object.name = name
    return bpy.context.object


def grid() -> Any:
    bpy.ops.mesh.primitive_grid_add(
        x_subdivisions=6, y_subdivisions=6, size=4, location=(0, 0, 2), rotation=(0.3, 0, 0)
    )
    return bpy.context.object


def _play(scene: Any, cache: Any, how: str) -> None:
    """Play to FRAME, or bake: in 'memory' or on the 'disk'."""
    if how == "disk":
        cache.use_disk_cache = True
    if how == "live":
        for frame in range(1, FRAME + 1):
            scene.frame_set(frame)
        return
    with bpy.context.temp_override(point_cache=cache, scene=scene):
        bpy.ops.ptcache.bake(bake=True)
    scene.frame_set(FRAME)


# ------------------------------------------------------------------------------------------- simulations


def rigid_body(how: str, scene: Any) -> None:
    cube().location.z = 2
    bpy.ops.rigidbody.object_add(type="ACTIVE")
    _play(scene, scene.rigidbody_world.point_cache, how)


def cloth(how: str, scene: Any) -> None:
    _play(scene, grid().modifiers.new("cloth", "CLOTH").point_cache, how)


def soft_body(how: str, scene: Any) -> None:
    modifier = grid().modifiers.new("soft", "SOFT_BODY")
    modifier.settings.use_goal = False
    _play(scene, modifier.point_cache, how)


def _particle_system() -> Any:
    bpy.ops.mesh.primitive_ico_sphere_add(radius=0.3, location=(50, 0, 0))
    ball, thing = bpy.context.object, grid()
    thing.modifiers.new("particles", "PARTICLE_SYSTEM")
    system = thing.particle_systems[0]
    settings = system.settings
    settings.render_type, settings.instance_object, settings.particle_size = "OBJECT", ball, 1
    settings.count = 20
    return system


def particles(how: str, scene: Any) -> None:
    system = _particle_system()
    system.settings.frame_end = 10
    _play(scene, system.point_cache, how)


def hair(how: str, scene: Any) -> None:
    """'combed': hair that nothing moves."""
    system = _particle_system()
    system.settings.type = "HAIR"
    system.settings.use_advanced_hair = True
    if how != "combed":
        system.use_hair_dynamics = True
        _play(scene, system.point_cache, how)


def dynamic_paint(how: str, scene: Any) -> None:
    brush = cube("Brush")
    brush.location.z, brush.hide_render = 2, True
    for kind, thing in (("BRUSH", brush), ("CANVAS", grid())):
        bpy.context.view_layer.objects.active = thing
        modifier = thing.modifiers.new("paint", "DYNAMIC_PAINT")
        modifier.ui_type = kind
        bpy.ops.dpaint.type_toggle(type=kind)
    surface = modifier.canvas_settings.canvas_surfaces[0]
    surface.surface_type = "WAVE"
    _play(scene, surface.point_cache, how)


def fluid(scene: Any) -> None:
    """A domain that nobody has played; its folder is in the settings."""
    cube("Seen", 3)
    modifier = cube().modifiers.new("fluid", "FLUID")
    modifier.fluid_type = "DOMAIN"


def group(thing: Any) -> tuple[Any, Any, Any]:
    """A new geometry node modifier of ``thing``: the modifier, its group, and what comes in."""
    modifier = thing.modifiers.new("nodes", "NODES")
    tree = modifier.node_group = bpy.data.node_groups.new("Nodes", "GeometryNodeTree")
    for way in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=way, socket_type="NodeSocketGeometry")
    return modifier, tree, tree.nodes.new("NodeGroupInput").outputs[0]


def finish(tree: Any, geometry: Any) -> None:
    tree.links.new(geometry, tree.nodes.new("NodeGroupOutput").inputs[0])


def simulation_nodes(how: str, scene: Any) -> None:
    modifier, tree, given = group(cube())
    begin = tree.nodes.new("GeometryNodeSimulationInput")
    end = tree.nodes.new("GeometryNodeSimulationOutput")
    begin.pair_with_output(end)
    move = tree.nodes.new("GeometryNodeSetPosition")
    move.inputs["Offset"].default_value = (0, 0, 0.2)
    tree.links.new(given, begin.inputs["Geometry"])
    tree.links.new(begin.outputs["Geometry"], move.inputs["Geometry"])
    tree.links.new(move.outputs[0], end.inputs["Geometry"])
    finish(tree, end.outputs["Geometry"])
    scene.frame_end = 20
    if how == "live":
        for frame in range(1, FRAME + 1):
            scene.frame_set(frame)
        return
    if how == "disk":
        modifier.bake_directory = "//nodes"
    if hasattr(modifier.bakes[0], "bake_target"):
        modifier.bakes[0].bake_target = how.upper()
    bpy.ops.object.simulation_nodes_cache_bake(selected=True)
    scene.frame_set(FRAME)


# ----------------------------------------------------------------------------------------------- drivers


def drive(expression: str, *variables: tuple[str, str, Any, str]) -> Any:
    """Drive the height of a new cube; a variable is (its name, the kind of its owner, the owner, a data path)."""
    driver = cube().driver_add("location", 2).driver
    driver.expression = "0"
    for name, kind, owner, path in variables:
        variable = driver.variables.new()
        variable.name = name
        if kind == "CONTEXT":
            variable.type = "CONTEXT_PROP"
        else:
            variable.targets[0].id_type, variable.targets[0].id = kind, owner
        variable.targets[0].data_path = path
    driver.expression = expression
    return driver


def driven_by_frame(scene: Any) -> None:
    drive("sin(frame * 0.1) * 2")
    scene.frame_set(FRAME)


def driven_by_python(scene: Any) -> None:
    drive("[0, 1.5][int(frame > 3)]")
    scene.frame_set(FRAME)


def driven_by_function(scene: Any) -> Any:
    bpy.app.driver_namespace["height"] = lambda: bpy.data.scenes["Shot"].frame_current * 0.1
    drive("height()")
    scene.frame_set(FRAME)
    return partial(bpy.app.driver_namespace.pop, "height")


def driven_by_scene(path: str, scene: Any) -> None:
    scene["height"] = 15.0
    drive("h * 0.1", ("h", "SCENE", scene, path))
    scene.frame_set(FRAME)


def driven_by_context(scene: Any) -> None:
    drive("h * 0.1", ("h", "CONTEXT", None, "frame_current"))
    scene.frame_set(FRAME)


def driven_by_object(linked: bool, scene: Any) -> None:
    other = bpy.data.objects.new("Other", None)
    if linked:
        scene.collection.objects.link(other)
    _animate(other, "x")
    drive("x", ("x", "OBJECT", other, "location.x"))
    scene.frame_set(FRAME)


def driven_by_other_scene(scene: Any) -> None:
    other = bpy.data.scenes.new("Other")
    other.frame_current = 15
    drive("h * 0.1", ("h", "SCENE", other, "frame_current"))
    scene.frame_set(FRAME)


def driven_by_addon(scene: Any) -> Any:
    bpy.types.Scene.height = bpy.props.FloatProperty()
    scene.height = 1.9
    drive("h", ("h", "SCENE", scene, "height"))
    scene.frame_set(FRAME)

    def undo() -> None:
        del bpy.types.Scene.height

    return undo


def driven_by_self(scene: Any) -> Any:
    """The add-on's property is of the object that has the driver."""
    bpy.types.Object.height = bpy.props.FloatProperty(default=1.9)
    drive("self.height * (frame > 15)").use_self = True
    scene.frame_set(FRAME)

    def undo() -> None:
        del bpy.types.Object.height

    return undo


def driven_and_failed(scene: Any) -> None:
    """A driver that could not be worked out in one frame: Blender does not try it again in the next."""
    driver = drive("[2 / (frame - 11)][0]")
    scene.frame_set(FRAME - 1)
    assert not driver.is_valid
    scene.frame_set(FRAME)


def _animate(thing: Any, axis: str = "z") -> None:
    for frame, value in ((1, 0.0), (24, 2.5)):
        setattr(thing.location, axis, value)
        thing.keyframe_insert("location", frame=frame)


# ---------------------------------------------------------------------------------- handlers and add-ons


def handled(event: str, by_name: bool, scene: Any) -> Any:
    """A handler that moves the cube; ``by_name``: by the frame of the scene that it looks for itself."""
    thing = cube()

    def given(there: Any, *_: object) -> None:
        bpy.data.objects[called].location.z = 0.1 * there.frame_current

    def found(*_: object) -> None:
        given(bpy.data.scenes["Shot"])

    called, handler = thing.name, found if by_name else given
    handlers = getattr(bpy.app.handlers, event)
    handlers.append(handler)
    scene.frame_set(FRAME)
    return partial(handlers.remove, handler)


def coloured(thing: Any, source: Callable[[Any], Any]) -> Any:
    """A material for ``thing`` that shines in the colour that ``source`` makes in its nodes; gives its tree."""
    material = bpy.data.materials.new("Colour")
    if material.node_tree is None:
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    shine = tree.nodes.new("ShaderNodeEmission")
    tree.links.new(source(tree.nodes), shine.inputs["Color"])
    tree.links.new(shine.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs[0])
    thing.data.materials.append(material)
    return tree


def attribute(kind: str, defined: bool, scene: Any) -> Any:
    """A material that reads a property by its name; ``defined``: by an add-on."""
    thing = cube()
    owner = thing if kind == "OBJECT" else scene
    if defined:
        setattr(type(owner), "tint", bpy.props.FloatVectorProperty(default=(0.1, 1, 0.2)))  # noqa: B010
    else:
        owner["tint"] = (1.0, 0.3, 0.1)

    def source(nodes: Any) -> Any:
        node = nodes.new("ShaderNodeAttribute")
        node.attribute_type, node.attribute_name = kind, "tint"
        return node.outputs["Color"]

    coloured(thing, source)
    return (lambda: delattr(type(owner), "tint")) if defined else None


def node_of_addon(scene: Any) -> Any:
    class Red(bpy.types.ShaderNodeCustomGroup):
        bl_idname, bl_label = "RowsRed", "Red"

        def init(self, _context: Any) -> None:
            inside = bpy.data.node_groups.new("Inside", "ShaderNodeTree")
            inside.interface.new_socket("C", in_out="OUTPUT", socket_type="NodeSocketColor")
            red = inside.nodes.new("ShaderNodeRGB")
            red.outputs[0].default_value = (1, 0, 0, 1)
            inside.links.new(red.outputs[0], inside.nodes.new("NodeGroupOutput").inputs[0])
            self.node_tree = inside

    bpy.utils.register_class(Red)
    coloured(cube(), lambda nodes: nodes.new("RowsRed").outputs[0])

    def undo() -> None:
        bpy.data.materials.remove(bpy.data.materials["Colour"])
        bpy.utils.unregister_class(Red)

    return undo


# ------------------------------------------------------------------------------------------ data of Blender


def edited(kind: str, scene: Any) -> None:
    """In Edit Mode, with changes that only the edit has."""
    match kind:
        case "MESH":
            thing = cube()
        case "CURVE":
            bpy.ops.curve.primitive_bezier_circle_add(radius=2)
            bpy.context.object.data.bevel_depth = 0.4
        case "LATTICE":
            bpy.ops.object.add(type="LATTICE")
            thing = bpy.context.object
            cube().modifiers.new("lattice", "LATTICE").object = thing
            bpy.context.view_layer.objects.active = thing
        case "FONT":
            bpy.ops.object.text_add()
            bpy.context.object.scale = (3, 3, 3)
    bpy.ops.object.mode_set(mode="EDIT")
    match kind:
        case "MESH":
            bpy.ops.mesh.select_all(action="SELECT")
            bpy.ops.transform.translate(value=(0, 0, 1.5))
        case "CURVE":
            for point in bpy.context.object.data.splines[0].bezier_points:
                point.co.x *= 2
        case "LATTICE":
            for point in thing.data.points:
                point.co_deform.x *= 2
        case "FONT":
            bpy.ops.font.text_insert(text="ABC")


def image(kind: str, scene: Any) -> None:
    """A texture: 'generated', 'painted', 'float', 'packed', 'file', 'tiled' (painted on), 'sequence'."""
    made = bpy.data.images.new("Picture", 8, 8, float_buffer=kind == "float")
    made.generated_type = "COLOR_GRID"
    folder = Path(bpy.data.filepath).parent
    if kind != "generated":
        _paint(made, 1)
    if kind in ("packed",):
        made.pack()
    if kind in ("file", "tiled", "sequence"):
        for number in range(1, 31) if kind == "sequence" else (1001,):
            _paint(made, number)
            made.filepath_raw, made.file_format = str(folder / f"{kind}.{number:04}.png"), "PNG"
            made.save()
        first = folder / f"{kind}.{1 if kind == 'sequence' else 1001:04}.png"
        made = bpy.data.images.load(str(first))
        if kind != "file":
            made.source = kind.upper()
        if kind == "tiled":
            made.filepath = str(folder / "tiled.<UDIM>.png")
            made.reload()
            _paint(made, 7)

    def source(nodes: Any) -> Any:
        node = nodes.new("ShaderNodeTexImage")
        node.image, node.interpolation = made, "Closest"
        if kind == "sequence":
            node.image_user.frame_duration, node.image_user.use_auto_refresh = 30, True
        return node.outputs[0]

    coloured(cube(), source)
    scene.frame_set(FRAME)


def _paint(made: Any, seed: int) -> None:
    values = np.random.RandomState(seed).rand(8, 8, 4).astype(np.float32)
    values[..., 3] = 1
    made.pixels.foreach_set(values.ravel())
    made.update()


def linked(override: bool, scene: Any) -> None:
    """A collection out of another file, by a relative path; ``override``: with a library override that is moved."""
    thing = cube("Linked")
    own = bpy.data.collections.new("Linked")
    own.objects.link(thing)
    file = Path(bpy.data.filepath).with_name("library.blend")
    bpy.data.libraries.write(str(file), {own})
    bpy.data.meshes.remove(thing.data)
    bpy.data.collections.remove(own)
    with bpy.data.libraries.load(str(file), link=True, relative=True) as (_there, here):
        here.collections = ["Linked"]
    (other,) = here.collections
    if override:
        scene.collection.children.link(other)
        other.override_hierarchy_create(scene, bpy.context.view_layer)
        moved = next(t for t in scene.collection.all_objects if t.override_library)
        moved.location.x = 2
        return
    empty = bpy.data.objects.new("Instance", None)
    empty.instance_type, empty.instance_collection, empty.location.x = "COLLECTION", other, 1
    scene.collection.objects.link(empty)


def library_written_over(reloaded: bool, scene: Any) -> None:
    """A linked cube that another Blender has moved since; ``reloaded``: and it was read anew."""
    linked(False, scene)
    (library,) = bpy.data.libraries
    bpy.context.view_layer.update()
    write_over(library, scene)
    if reloaded:
        library.reload()
        bpy.context.view_layer.update()


def write_over(library: Any, scene: Any) -> None:
    """What another Blender does: the library's collection with something else in it."""
    file = bpy.path.abspath(library.filepath)
    other = cube("Linked", 2)
    own = bpy.data.collections.new("Linked")
    own.objects.link(other)
    before = Path(file).stat()
    bpy.data.libraries.write(file, {own})
    assert Path(file).stat().st_mtime_ns != before.st_mtime_ns
    bpy.data.meshes.remove(other.data)
    bpy.data.collections.remove(own)


def image_written_over(engine: str, scene: Any) -> None:
    """An image's file that was painted over since Blender has shown it."""
    scene.render.engine = engine
    scene.display.shading.light, scene.display.shading.color_type = "FLAT", "TEXTURE"
    image("file", scene)
    shown = bpy.context.object.data.materials[0].node_tree
    shown.nodes.active = node = next(n for n in shown.nodes if n.type == "TEX_IMAGE")
    assert node.image.pixels[0] >= 0
    assert node.image.has_data
    other = bpy.data.images.new("Other", 8, 8)
    _paint(other, 5)
    other.filepath_raw, other.file_format = node.image.filepath_from_user(), "PNG"
    other.save()
    bpy.data.images.remove(other)


def cloth_of_the_viewport(keyed: bool, scene: Any) -> None:
    """A cloth that takes no part in a render; ``keyed``: until a later frame."""
    cloth("live", scene)
    modifier = bpy.data.objects["Grid"].modifiers["cloth"]
    for shown, frame in ((True, 18), (False, FRAME)) if keyed else ((False, FRAME),):
        modifier.show_render = shown
        if keyed:
            modifier.keyframe_insert("show_render", frame=frame)


def text(scene: Any) -> None:
    bpy.ops.object.text_add()
    bpy.context.object.scale = (3, 3, 3)


def _other_scene() -> Any:
    other = bpy.data.scenes.new("Other")
    quick(other)
    other.camera = bpy.data.objects["Camera"]
    thing = bpy.data.objects.new("Far", bpy.data.objects["Cube"].data)
    thing.location.x = 3
    for each in (thing, other.camera, bpy.data.objects["Sun"]):
        other.collection.objects.link(each)
    return other


def composited(whose: str, scene: Any) -> None:
    """A compositor that inverts a render: 'own', or of the 'other' scene, or of one with a live 'rigid' body."""
    cube()
    other = _other_scene()
    if whose == "rigid":
        with bpy.context.temp_override(scene=other, view_layer=other.view_layers[0]):
            bpy.ops.rigidbody.world_add()
            other.rigidbody_world.collection = bpy.data.collections.new("Bodies")
            other.rigidbody_world.collection.objects.link(bpy.data.objects["Far"])
    if hasattr(scene, "compositing_node_group"):
        tree = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    else:
        scene.use_nodes = True
        tree = scene.node_tree
        tree.nodes.clear()
    layers, invert = (
        tree.nodes.new("CompositorNodeRLayers"),
        tree.nodes.new("CompositorNodeInvert"),
    )
    layers.scene = scene if whose == "own" else other
    end = tree.nodes.new(
        "NodeGroupOutput" if bpy.app.version >= (5, 0) else "CompositorNodeComposite"
    )
    tree.links.new(layers.outputs[0], invert.inputs["Color"])
    tree.links.new(invert.outputs[0], end.inputs[0])


def scene_behind(scene: Any) -> None:
    cube()
    scene.background_set = _other_scene()


def layers(one: bool, scene: Any) -> None:
    """Two view layers, the second in red: the first is off, or (``one``) only the window's is rendered."""

    def red(nodes: Any) -> Any:
        node = nodes.new("ShaderNodeRGB")
        node.outputs[0].default_value = (1, 0, 0, 1)
        return node.outputs[0]

    coloured(cube("Red", 3), red)
    cube("Plain", -1)
    second = scene.view_layers.new("Second")
    second.material_override = bpy.data.materials["Colour"]
    if one:
        scene.render.use_single_layer = True
        bpy.context.window.view_layer = second
    else:
        scene.view_layers[0].use = False


def animated(how: str, scene: Any) -> None:
    """An animated cube: 'keys', 'unkeyed' changes, 'nla', 'remapped' time, motion 'blur'."""
    thing = cube()
    _animate(thing)
    if how == "nla":
        track = thing.animation_data.nla_tracks.new()
        track.strips.new("strip", 1, thing.animation_data.action)
        thing.animation_data.action = None
    if how == "remapped":
        scene.render.frame_map_old, scene.render.frame_map_new = 100, 50
    if how == "blur":
        scene.render.use_motion_blur, scene.cycles.samples = True, 4
    scene.frame_set(FRAME)
    if how == "unkeyed":
        thing.location.x = 2


def camera_by_marker(scene: Any) -> None:
    cube()
    near = bpy.data.objects.new("Near", bpy.data.cameras["Camera"].copy())
    near.location, near.rotation_euler = (0, -8, 8), (0.8, 0, 0)
    scene.collection.objects.link(near)
    for frame, camera in ((1, scene.camera), (15, near)):
        scene.timeline_markers.new("cut", frame=frame).camera = camera
    scene.frame_set(FRAME)


def scene_time(scene: Any) -> None:
    _modifier, tree, given = group(cube())
    move, time, place = (
        tree.nodes.new(kind)
        for kind in (
            "GeometryNodeSetPosition",
            "GeometryNodeInputSceneTime",
            "ShaderNodeCombineXYZ",
        )
    )
    tree.links.new(time.outputs[0], place.inputs["Z"])
    tree.links.new(given, move.inputs[0])
    tree.links.new(place.outputs[0], move.inputs["Offset"])
    finish(tree, move.outputs[0])
    scene.frame_set(FRAME)


def world(scene: Any) -> None:
    """A world whose strength is driven."""
    cube()
    scene.world = bpy.data.worlds.new("World")
    if scene.world.node_tree is None:
        scene.world.use_nodes = True
    node = next(n for n in scene.world.node_tree.nodes if n.type == "BACKGROUND")
    node.inputs["Color"].default_value = (0.1, 0.5, 0.9, 1)
    node.inputs["Strength"].driver_add("default_value").driver.expression = "frame * 0.05"
    scene.frame_set(FRAME)


def alembic(scene: Any) -> None:
    folder = Path(bpy.data.filepath).parent
    animated("keys", scene)
    bpy.ops.wm.alembic_export(filepath=str(folder / "cube.abc"), start=1, end=24)
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.wm.alembic_import(filepath=str(folder / "cube.abc"), as_background_job=False)
    bpy.data.cache_files[0].filepath = "//cube.abc"
    scene.frame_set(FRAME)


def ies(scene: Any) -> None:
    """A light whose shape is a text of this file."""
    cube()
    bpy.data.objects["Sun"].data.type = "POINT"
    lamp = bpy.data.lights["Sun"]
    lamp.energy, bpy.data.objects["Sun"].location = 300, (0, -3, 6)
    shape = bpy.data.texts.new("shape")
    shape.write(
        "IESNA:LM-63-1995\nTILT=NONE\n1 1000 1 3 1 1 1 0 0 0\n1 1 100\n0 20 90\n0\n1000 200 0\n"
    )
    if lamp.node_tree is None:
        lamp.use_nodes = True
    node = lamp.node_tree.nodes.new("ShaderNodeTexIES")
    node.ies = shape
    shine = next(n for n in lamp.node_tree.nodes if n.type == "EMISSION")
    lamp.node_tree.links.new(node.outputs[0], shine.inputs["Strength"])


def dicing(scene: Any) -> None:
    other = bpy.data.objects.new("Dicing", bpy.data.cameras["Camera"].copy())
    scene.collection.objects.link(other)
    scene.cycles.dicing_camera = other
    cube().modifiers.new("smooth", "SUBSURF")


def simplified(scene: Any) -> None:
    cube().modifiers.new("smooth", "SUBSURF").render_levels = 3
    scene.render.use_simplify, scene.render.simplify_subdivision_render = True, 1


def shape_key(scene: Any) -> None:
    thing = cube()
    thing.shape_key_add(name="Basis")
    for point in thing.shape_key_add(name="Tall").data:
        point.co.z += 2
    thing.active_shape_key_index, thing.show_only_shape_key = 1, True


def ocean(scene: Any) -> None:
    modifier = cube().modifiers.new("ocean", "OCEAN")
    modifier.spatial_size, modifier.resolution, modifier.time = 5, 3, 3
