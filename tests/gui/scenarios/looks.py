"""A block-out, a look of it, Use, Compare, Generate: all clicked."""

from __future__ import annotations

from typing import Any

import bpy
from driver import Steps, Ui
from jobs import apart, quick, timeline
from rework import open_section

KIND = "VIEW_3D"
LOOK = "A gouache painting of a harbour at dawn"


def block_out(scene: bpy.types.Scene) -> None:
    """A grey set: what an artist blocks a shot out with."""
    quick(scene, seconds=1)
    scene.world.color = (0.4, 0.42, 0.45)
    if scene.world.node_tree is not None:
        background = scene.world.node_tree.nodes["Background"]
        background.inputs["Color"].default_value = (0.4, 0.42, 0.45, 1)
    scene.cycles.samples = 8
    for thing in list(scene.objects):
        if thing.type == "MESH":
            bpy.data.objects.remove(thing)
    for place, size in (((0.0, 0.0, 0.6), 1.2), ((2.2, 1.6, 1.2), 2.4), ((-2.6, 1.0, 0.9), 1.8)):
        bpy.ops.mesh.primitive_cube_add(location=place, size=size)
    bpy.ops.mesh.primitive_plane_add(size=30)
    camera = scene.camera
    camera.location, camera.rotation_euler = (0.5, -9.0, 2.4), (1.42, 0.0, 0.05)


def jobs_of(kind: str) -> list[Any]:
    state = Ui.module("blender.session.state")
    return [job for job in state.current().bridge.snapshot.all if job.spec.kind == kind]


def whole_look(ui: Ui) -> Steps:
    scene = bpy.context.scene
    block_out(scene)
    yield from ui.sidebar(KIND)
    yield from open_section(ui, "source", "look_prompt", KIND, down_from=30)
    yield from ui.point(KIND)
    yield from ui.shot("look-open")
    yield from ui.fill("look_prompt", LOOK, KIND)
    yield from ui.shot("look-written")
    yield from ui.click("grok_video.look", KIND)
    yield from ui.point(KIND)
    yield from ui.until(lambda: jobs_of("look"), "the job of the look")
    yield from ui.shot("look-under-way")
    yield from ui.until(lambda: jobs_of("look")[0].state == "IMPORTED", "the look")
    yield 1.0
    yield from ui.shot("look-made")
    yield from ui.click("grok_video.use_look", KIND)
    yield from ui.until(lambda: scene.grok_video.look.job, "the look in use")
    yield from ui.point(KIND)
    yield 0.5
    yield from ui.shot("look-in-use")
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo()
    ui.note(undone=bpy.context.scene.grok_video.look.job)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.redo()
    scene = bpy.context.scene
    ui.note(redone=scene.grok_video.look.job, look=jobs_of("look")[0].id)
    yield from ui.fill("prompt", "A boat leaves", KIND)
    yield from apart(ui)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.point(KIND)
    yield from ui.until(lambda: jobs_of("generate"), "the job of the clip")
    yield from ui.until(lambda: jobs_of("generate")[0].state == "IMPORTED", "the clip")
    job = jobs_of("generate")[0]
    ui.note(sent=job.spec.look, image=job.spec.image, strips=[s.name for s in movies()])
    yield from ui.shot("look-generated")
    scene.camera.location.x += 1.0
    yield from ui.redraw()
    yield from ui.shot("look-of-an-earlier-view")
    ui.note(asked=Ui.module("blender.session.looks").question(bpy.context, scene))
    yield from apart(ui)
    yield from ui.click("grok_video.generate", KIND)
    yield 0.5
    yield from ui.shot("look-asked")
    yield from ui.press("ESC")
    yield from ui.point(KIND)
    yield 1.0
    ui.note(clips=len(jobs_of("generate")))
    yield from _frames(ui, scene)
    before = len(bpy.context.window_manager.windows)
    yield from ui.click("grok_video.compare_look", KIND)
    yield from ui.until(
        lambda: len(bpy.context.window_manager.windows) > before, "the window of the pictures"
    )
    yield 1.0
    yield from ui.shot("look-compared")
    ui.note(first=compared())
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
        bpy.ops.grok_video.compare_look(job=jobs_of("look")[-1].id)
    ui.note(second=compared())


def _frames(ui: Ui, scene: bpy.types.Scene) -> Steps:
    """The end frame and a keyframe are made in the look."""
    scene.camera.location.x -= 1.0
    chosen = scene.grok_video
    chosen.model, chosen.duration = "grok-imagine-video-1.5", 2
    chosen.end_frame = chosen.keyframes = True
    scene.timeline_markers.new("Turn", frame=20)
    yield from ui.find("grok_video.apply_look", KIND)
    yield from ui.point(KIND)
    yield from ui.shot("look-frames")
    yield from apart(ui)
    yield from ui.click("grok_video.apply_look", KIND)
    yield from ui.point(KIND)
    yield from ui.until(
        lambda: [job.state for job in jobs_of("look")] == ["IMPORTED"] * 3, "the frames in the look"
    )
    yield from ui.shot("look-frames-made")


def compared() -> str:
    """The file that the Image Editor shows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.spaces.active.image is not None:
                return bpy.path.abspath(area.spaces.active.image.filepath)
    return ""


def movies() -> list[Any]:
    editor = timeline().sequence_editor
    every = editor.strips if hasattr(editor, "strips") else editor.sequences
    return [strip for strip in every if strip.type == "MOVIE"]
