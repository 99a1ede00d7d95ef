"""From a grey block-out to a shot whose seam cannot be seen: a look of it, the clip, and an extension; all clicked."""

from __future__ import annotations

from typing import Any

import bpy
from driver import Steps, Ui
from jobs import apart, is_still, newest, quick, timeline
from rework import activate, movies, open_extend, open_section, service, span, wait_for_clip

SET, EDIT = "VIEW_3D", "SEQUENCE_EDITOR"
LOOK = "A gouache painting of a harbour at dawn"
SECONDS = 2  # of the clip, and of what it is extended by
#: Frames before and behind a seam that are looked at.
AROUND = 2


def block_out(scene: bpy.types.Scene) -> None:
    """A grey set: what an artist blocks a shot out with."""
    quick(scene, seconds=SECONDS)
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
    """The jobs of a kind, the newest first."""
    state = Ui.module("blender.session.state")
    return [job for job in state.current().bridge.snapshot.all if job.spec.kind == kind]


def whole_way(ui: Ui, drift: str) -> Steps:
    """A look is made, used and asked about; the clip that begins with it is extended by a service that drifts."""
    block_out(bpy.context.scene)
    bpy.context.scene.grok_video.generate_audio = False
    yield from _make_and_use(ui)
    yield from _ask_of_an_earlier_view(ui)
    yield from _frames(ui)
    yield from _compare(ui)
    clip = yield from _generate(ui)
    yield from _extend(ui, clip, drift)


def _make_and_use(ui: Ui) -> Steps:
    yield from ui.sidebar(SET)
    yield from open_section(ui, "source", "look_prompt", SET, down_from=30)
    yield from ui.point(SET)
    yield from ui.shot("look-open")
    yield from ui.fill("look_prompt", LOOK, SET)
    yield from ui.shot("look-written")
    yield from ui.click("grok_video.look", SET)
    yield from ui.point(SET)
    yield from ui.until(lambda: jobs_of("look"), "the job of the look")
    yield from ui.shot("look-under-way")
    yield from ui.until(lambda: jobs_of("look")[0].state == "IMPORTED", "the look")
    yield 1.0  # Blender reads the preview by and by
    yield from ui.shot("look-made")
    yield from ui.click("grok_video.use_look", SET)
    yield from ui.until(lambda: bpy.context.scene.grok_video.look.job, "the look in use")
    yield from _to_the_top(ui)
    yield from ui.shot("look-in-use")
    with ui.override(SET, "WINDOW"):
        bpy.ops.ed.undo()
    ui.note(undone=bpy.context.scene.grok_video.look.job)
    with ui.override(SET, "WINDOW"):
        bpy.ops.ed.redo()
    ui.note(redone=bpy.context.scene.grok_video.look.job, look=jobs_of("look")[0].id)


def _to_the_top(ui: Ui) -> Steps:
    """Show the sidebar from its top, with no button lit."""
    while (yield from ui.scroll(SET, up=True)):
        pass
    yield from ui.point(SET)


def _ask_of_an_earlier_view(ui: Ui) -> Steps:
    """The camera moves on: *Generate* asks, and Escape buys nothing."""
    scene = bpy.context.scene
    scene.camera.location.x += 1.0
    yield from _to_the_top(ui)
    yield from ui.shot("look-of-an-earlier-view")
    ui.note(asked=Ui.module("blender.session.looks").question(bpy.context, scene))
    yield from apart(ui)
    yield from ui.click("grok_video.generate", SET)
    yield 0.5
    yield from ui.shot("look-asked")
    yield from ui.press("ESC")
    yield from ui.point(SET)
    yield 1.0
    ui.note(unasked=len(jobs_of("generate")))
    scene.camera.location.x -= 1.0


def _frames(ui: Ui) -> Steps:
    """The end frame and a keyframe are made in the look."""
    scene = bpy.context.scene
    chosen = scene.grok_video
    before = chosen.model
    chosen.model = "grok-imagine-video-1.5"
    chosen.end_frame = chosen.keyframes = True
    scene.timeline_markers.new("Turn", frame=20)
    yield from ui.find("grok_video.apply_look", SET)
    yield from ui.point(SET)
    yield from ui.shot("look-frames")
    yield from apart(ui)
    yield from ui.click("grok_video.apply_look", SET)
    yield from ui.point(SET)
    yield from ui.until(
        lambda: [job.state for job in jobs_of("look")] == ["IMPORTED"] * 3, "the frames in the look"
    )
    yield from ui.shot("look-frames-made")
    chosen.end_frame = chosen.keyframes = False
    chosen.model = before


def _compare(ui: Ui) -> Steps:
    """Look and render in an Image Editor of its own, by turns."""
    windows = bpy.context.window_manager.windows
    before = len(windows)
    yield from ui.click("grok_video.compare_look", SET)
    yield from ui.until(lambda: len(windows) > before, "the window of the pictures")
    yield 1.0
    yield from ui.shot("look-compared")
    ui.note(first=_compared())
    with bpy.context.temp_override(window=windows[0]):
        bpy.ops.grok_video.compare_look(job=jobs_of("look")[-1].id)
    ui.note(second=_compared())
    with bpy.context.temp_override(window=windows[before]):
        bpy.ops.wm.window_close()
    yield from ui.until(lambda: len(windows) == before, "the end of that window")


def _compared() -> str:
    """The file that the Image Editor shows."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.spaces.active.image is not None:
                return bpy.path.abspath(area.spaces.active.image.filepath)
    return ""


def _generate(ui: Ui) -> Steps:
    """In the edit: the clip comes into its slot, and begins with the look."""
    area = ui.area(SET)
    area.type = EDIT
    area.spaces.active.view_type = "SEQUENCER_PREVIEW"
    yield from ui.sidebar(EDIT)
    yield from ui.fill("prompt", "A boat leaves", EDIT)
    yield from apart(ui)
    yield from ui.click("grok_video.generate", EDIT)
    yield from ui.point(EDIT)
    yield from ui.until(lambda: any(map(is_still, _every_movie())), "the slot")
    yield from ui.shot("shot-slot")
    clip = yield from wait_for_clip(ui, 1)
    job = newest()
    ui.note(sent=job.spec.look, image=job.spec.image, clips=len(jobs_of("generate")))
    yield from ui.shot("shot-clip")
    return clip


def _every_movie() -> list[Any]:
    editor = timeline().sequence_editor
    if editor is None:
        return []
    every = editor.strips if hasattr(editor, "strips") else editor.sequences
    return [strip for strip in every if strip.type == "MOVIE"]


def _extend(ui: Ui, clip: Any, drift: str) -> Steps:
    """What the service drifted is taken back; its frames around the seam are kept as they are seen, and without that."""
    activate(clip)
    bpy.context.scene.grok_video.extend_seconds = SECONDS
    service("settings", drift=drift)
    ui.module("blender.session.seams").PATIENCE = 120.0  # others keep this machine busy
    yield from open_extend(ui)
    yield from ui.fill("extend_prompt", "The tide comes in")
    yield from ui.find("grok_video.extend")
    yield from ui.shot("shot-extend")
    yield from ui.click("grok_video.extend")
    yield from ui.point(EDIT)
    clip = movies()[0]  # the click was an undo step: an earlier pointer would be of the past
    strip = yield from wait_for_clip(ui, 2)
    ours = [modifier for modifier in strip.modifiers if modifier.name.startswith("Grok Video Seam")]
    seam = span(strip)[0]
    ui.note(
        modifiers=[modifier.type for modifier in ours],
        spans=[span(clip), span(strip)],
        kept=newest().seam is not None,
    )
    timeline().frame_set(seam)
    yield from ui.shot("shot-extended")
    yield from _modifiers(ui)
    behind = range(seam, seam + AROUND)
    frames = {f"before-{frame}": frame for frame in range(seam - AROUND, seam)}
    seen = {name: _see(ui, name, frame) for name, frame in frames.items()}
    seen |= {f"with-{frame}": _see(ui, f"with-{frame}", frame) for frame in behind}
    for modifier in ours:
        modifier.mute = True
    seen |= {f"without-{frame}": _see(ui, f"without-{frame}", frame) for frame in behind}
    ui.note(seen=seen)


def _modifiers(ui: Ui) -> Steps:
    """Where an artist finds the modifiers of the strip."""
    if bpy.app.version < (5, 0):
        yield from ui.sidebar(EDIT, "Modifiers")
    else:
        ui.area("PROPERTIES").spaces.active.context = "STRIP_MODIFIER"
        yield from ui.redraw()
    yield from ui.shot("shot-modifiers")


def _see(ui: Ui, name: str, frame: int) -> str:
    """Save what the edit shows at a frame, as a render of it does; gives the file."""
    scene: Any = timeline()
    scene.frame_set(frame)
    render = scene.render
    render.image_settings.file_format = "PNG"
    render.filepath = str(ui.output / f"seam-{name}.png")
    render.use_sequencer = True
    render.resolution_percentage = 50
    bpy.ops.render.render(write_still=True, scene=scene.name)
    return render.filepath
