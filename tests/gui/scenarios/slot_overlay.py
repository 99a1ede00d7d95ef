"""What is drawn over slots that wait, on the timeline and in the preview: pictures to be looked at."""

from __future__ import annotations

import time
from typing import Any

import bpy
from driver import Steps, Ui
from jobs import apart, newest, quick, timeline

KIND = "SEQUENCE_EDITOR"
PROMPT = (
    "A heron lifts off from the reeds while the fog comes in over the water, and nobody is there"
)


def movies() -> list[Any]:
    """The movie strips of the timeline, slots among them."""
    editor = timeline().sequence_editor
    if editor is None:
        return []
    every = editor.strips if hasattr(editor, "strips") else editor.sequences
    return [strip for strip in every if strip.type == "MOVIE"]


def overlay(ui: Ui, scale: float) -> Steps:
    """A slot that is made, one that failed, one that is held, and narrow ones, at an interface scale."""
    bpy.context.preferences.view.ui_scale = scale
    scene = bpy.context.scene
    quick(scene, seconds=4)
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = PROMPT
    timeline().frame_set(1)
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate")
    yield from ui.until(movies, "the slot")
    ui.note(placed=True)
    yield from ui.until(lambda: newest() and (newest().progress or 0) > 20, "some progress", 60)
    first = newest().id
    yield from apart(ui)
    scene.grok_video.prompt = "A fox in the snow"
    timeline().frame_set(101)
    yield from ui.click("grok_video.generate")
    yield from ui.until(lambda: newest() and newest().state == "FAILED", "the refusal", 60)
    yield from apart(ui)
    scene.grok_video.prompt = "Waves"
    try:
        bpy.ops.grok_video.generate(frame=201, slot=True)
    except RuntimeError as held:
        ui.note(held=str(held))
    yield from ui.until(lambda: len(movies()) == 3, "the held slot")
    timeline().frame_set(20)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.sequencer.view_all()
    yield 0.5  # Blender's own smooth view
    yield from ui.point(KIND, "HEADER")
    yield from ui.shot(f"slots-{scale:g}x")
    timeline().frame_set(110)
    yield from ui.shot(f"slots-failed-{scale:g}x")
    # Cut into pieces: narrow ones, and some of a few pixels.
    slot = next(strip for strip in movies() if strip["grok_video_job"] == first)
    for frame in (40, 60, 70, 74):
        slot = slot.split(frame=frame, split_method="SOFT")
    timeline().frame_set(20)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.sequencer.view_all()
    yield 0.5
    yield from ui.shot(f"slots-narrow-{scale:g}x")
    ui.note(one=spent(ui), state=states(ui))
    timeline().frame_set(20)
    timeline().render.resolution_percentage = 10
    with ui.override(KIND, "WINDOW"):
        bpy.ops.render.render("INVOKE_DEFAULT")
    renders = ui.module("blender.session.state").current().renders
    yield from ui.until(lambda: renders.told, "the word of the render", 60)
    ui.note(render=renders.told)
    if len(bpy.context.window_manager.windows) > 1:
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[1]):
            bpy.ops.wm.window_close()
    many(movies()[0])
    with ui.override(KIND, "WINDOW"):
        bpy.ops.sequencer.view_all()
    yield 0.5
    yield from ui.shot(f"slots-many-{scale:g}x")
    ui.note(many=spent(ui))
    bpy.context.preferences.view.ui_scale = 1.0


def many(slot: Any) -> None:
    """200 slots beside each other, each on a screen of its own when it is looked at."""
    editor = timeline().sequence_editor
    base = editor.strips if hasattr(editor, "strips") else editor.sequences
    for number in range(200):
        frame, channel = 400 + 100 * (number // 4), 3 + number % 4
        strip = base.new_movie(
            name=slot.name, filepath=slot.filepath, channel=channel, frame_start=frame
        )
        strip["grok_video_job"] = slot["grok_video_job"]


def states(ui: Ui) -> list[str]:
    """What the slots say, in the order of their frames."""
    state_of = ui.module("blender.session.slot_state").state_of
    told = [(strip, state_of(strip)) for strip in movies()]
    return sorted({state.words.split(" · ")[0].split(":")[0] for _, state in told if state})


def spent(ui: Ui) -> float:
    """Seconds that one drawing of the timeline's overlay takes, the best of some."""
    drawing = ui.module("blender.ui.slot_drawing")
    best = 9.0
    with ui.override(KIND, "WINDOW"):
        for _ in range(20):
            began = time.perf_counter()
            drawing.draw_timeline(bpy.context)
            best = min(best, time.perf_counter() - began)
    return best
