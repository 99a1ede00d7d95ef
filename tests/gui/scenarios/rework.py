"""Extend, Edit and Continue, clicked: from a clip on the timeline to what follows it and what covers it."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bpy
from driver import Steps, Ui
from jobs import described, let_scripts_buy, newest, quick, strips, timeline, without_slots

KIND = "SEQUENCE_EDITOR"


def session(ui: Ui) -> Any:
    """The extension's session."""
    return ui.module("blender.session.state").current()


# --------------------------------------------------------------------------------------------- what is done


#: How far below *Generate* the title *Extend* lies: three other titles are between, those of the panels *Shots* and
#: *Strip* among them.
TO_EXTEND = 109


def open_section(
    ui: Ui, above: str, inside: str, kind: str = KIND, *, down_from: int = 24
) -> Steps:
    """Click the title of a part of the panel that is closed: it lies below the widget ``above``.

    ``down_from`` is how far below at least, in pixels at an interface scale of 1. Of a part that holds something
    else the title is clicked once more.
    """
    widget = yield from ui.find(above, kind)
    scale = bpy.context.preferences.system.ui_scale
    lacking = (down_from + 190) * scale - (widget.y - ui.region(kind).y)
    if lacking > 0:  # what the part holds, or its title, is below what is seen
        with ui.override(kind):
            for _ in range(int(lacking / 40) + 1):
                if bpy.ops.view2d.scroll_down.poll():
                    bpy.ops.view2d.scroll_down()  # by 40 pixels
        yield from ui.redraw(2, kind)
        widget = yield from at_rest(ui, above, kind)
    region = ui.region(kind)
    # The parts that were opened in vain are looked through, each of them: first the title that was right before.
    place = f"{inside} below {above} in {kind} at {scale:g}, {down_from}"
    before = [round(down) for _, down in ui.hints.get(place)]
    steps = range(int(down_from * scale), int((down_from + 36) * scale), int(5 * scale))
    for down in [*before, *steps]:
        yield from ui.move(region.x + int(80 * scale), widget.y - down)
        if ui.under_mouse(kind) is not None:
            continue  # still the widget above
        yield from ui.press()
        yield from ui.redraw()
        for below in range(0, int(160 * scale), int(8 * scale)):
            for part in (0.2, 0.55):
                y = widget.y - down - below
                yield from ui.move(region.x + int(region.width * part), y)
                found = ui.under_mouse(kind)
                if found is not None and found.name == inside:
                    if down not in before:
                        ui.hints.add(place, (0, down))
                    return
        # Another part, whose title is clicked again. What was opened may have let Blender scroll.
        widget = yield from ui.find(above, kind)
        yield from ui.move(region.x + int(80 * scale), widget.y - down)
        yield from ui.press()
        yield from ui.redraw()
    raise AssertionError(f"there is no part of the panel with {inside} below {above}")


def at_rest(ui: Ui, name: str, kind: str) -> Steps:
    """Find a widget once the sidebar has stopped moving: a press below a widget that moves meets another one."""
    widget = yield from ui.find(name, kind)
    while True:
        yield from ui.redraw(2, kind)
        again = yield from ui.find(name, kind)
        if again.y == widget.y:
            return again
        widget = again


def open_extend(ui: Ui, kind: str = KIND) -> Steps:
    """Open the part *Extend* of the panel *Strip*."""
    return (yield from open_part(ui, "extend_prompt", 0, kind))


def open_part(ui: Ui, inside: str, titles: int, kind: str = KIND) -> Steps:
    """Open the part of the panel *Strip* that has so many titles of closed parts above its own."""
    above, down = "grok_video.generate", TO_EXTEND
    if timeline().sequence_editor.active_strip.get("grok_video_job"):
        above, down = "grok_video.use_settings", 24  # the last button of what a take has
    return (yield from open_section(ui, above, inside, kind, down_from=down + 22 * titles))


def to_the_jobs(ui: Ui, kind: str = KIND) -> Steps:
    """Scroll the sidebar to its end, where the jobs are."""
    while (yield from ui.scroll(kind)):
        pass


def by_time(found: list[Any]) -> list[Any]:
    return sorted(found, key=lambda strip: described(strip)["span"][0])


def movies() -> list[Any]:
    """The picture strips of clips, in the order of time."""
    return by_time([strip for strip in strips() if strip.type == "MOVIE"])


def span(strip: Any) -> list[int]:
    return described(strip)["span"]


def wait_for_clip(ui: Ui, count: int, seconds: float = 120) -> Steps:
    """Wait until there are so many clips on the timeline, and none is under way; gives the newest."""
    known = session(ui)
    yield from ui.until(
        lambda: len(movies()) == count and not known.bridge.snapshot.open,
        f"clip number {count}; {known.click.message or known.imports.waiting or 'nothing is said'}",
        seconds,
    )
    yield from ui.redraw()
    return next(strip for strip in movies() if strip["grok_video_job"] == newest().id)


def activate(strip: Any) -> None:
    """Click a strip, as far as the panel is concerned."""
    editor = timeline().sequence_editor
    every = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    for other in every:
        other.select = other == strip
    editor.active_strip = strip


def colour(name: str, start: int, end: int, rgb: tuple[float, float, float]) -> Any:
    """A strip of one colour: it is baked like any other, and needs no file."""
    scene = timeline()
    editor = scene.sequence_editor or scene.sequence_editor_create()
    base = editor.strips if hasattr(editor, "strips") else editor.sequences
    extent = {"length": end - start} if bpy.app.version >= (5, 0) else {"frame_end": end}
    strip = base.new_effect(name=name, type="COLOR", channel=4, frame_start=start, **extent)
    strip.color = rgb
    activate(strip)
    return strip


@contextmanager
def held(ui: Ui) -> Iterator[Any]:
    """The bake's own Blender stands still meanwhile, however long the mouse takes; it can still be killed."""
    process = session(ui).click.preparing.running.work._process
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)


def baking(ui: Ui) -> Steps:
    """Wait for a bake that has begun to write frames."""
    yield from ui.until(
        lambda: (
            session(ui).click.preparing and (session(ui).click.preparing.progress or (0, 0))[0] > 0
        ),
        "the bake",
        60,
    )


def left_over(ui: Ui) -> list[str]:
    """What lies in the folder of sources."""
    folder = session(ui).bridge.data_dir / "stills"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


class Heart:
    """A timer of 10 ms; ``longest`` is the longest time the window stood still, in seconds."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._stopped = False
        self._before = time.monotonic()
        bpy.app.timers.register(self._beat, first_interval=0.01)

    def _beat(self) -> float | None:
        now = time.monotonic()
        self.longest, self._before = max(self.longest, now - self._before), now
        return None if self._stopped else 0.01

    def stop(self) -> float:
        self._stopped = True
        return self.longest


def service(what: str, **body: Any) -> None:
    """Steer the stand-in, as its client's methods of that name do."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    address = f"{os.environ['XAI_API_BASE']}/_stand_in/{what}"
    headers = {"Content-Type": "application/json"}
    with opener.open(urllib.request.Request(address, json.dumps(body).encode(), headers)):
        pass


def sent(ui: Ui, but: str = "") -> Steps:
    """Wait until the service has the newest job, another one than ``but``."""

    def has_it() -> bool:
        job = newest()
        return bool(job and job.id != but and job.open and job.request_id)

    yield from ui.until(has_it, "the job at the service", 90)
    return newest().id


def start_clip(ui: Ui, seconds: int, frame: int) -> Steps:
    """A red clip on the timeline, which a job made."""
    quick(bpy.context.scene, seconds=seconds)
    timeline().frame_set(frame)
    chosen = bpy.context.scene.grok_video
    chosen.prompt, chosen.generate_audio = "A heron lifts off", False
    let_scripts_buy()
    bpy.ops.grok_video.generate()
    return (yield from wait_for_clip(ui, 1))


# -------------------------------------------------------------------------------------------- the scenarios


def a_shot_goes_on(ui: Ui) -> Steps:
    """Extend what came, untouched and cut; stop a bake; edit; continue."""
    first = yield from start_clip(ui, 3, 11)
    scene, chosen = timeline(), bpy.context.scene.grok_video
    chosen.extend_seconds = 2
    yield from ui.sidebar(KIND)
    yield from open_extend(ui)
    yield from ui.fill("extend_prompt", "It lands again")
    assert chosen.extend_prompt == "It lands again"

    # As it came: named by its address, without a bake. A double click is one click.
    yield from ui.find("grok_video.extend")
    yield from ui.shot("rework-extend")
    yield from ui.press()
    yield from ui.press()
    yield from ui.until(lambda: newest().spec.kind == "extend", "the job")
    assert session(ui).click.preparing is None
    yield from ui.press("ESC")  # Blender's popup, which says that it was sent just now
    yield from ui.point(KIND)
    second = yield from wait_for_clip(ui, 2)
    ui.note(whole=[span(first), span(second)], shown=ui.module("blender.compat").is_trimmed(second))

    # Cut: it is baked. The X ends that at once.
    right = first.split(frame=11 + 55, split_method="SOFT")
    base = scene.sequence_editor
    (base.strips if hasattr(base, "strips") else base.sequences).remove(right)
    activate(first)
    yield from ui.click("grok_video.extend")
    heart = Heart()
    yield from baking(ui)
    gap = heart.stop()
    with held(ui) as process:
        yield from to_the_jobs(ui)
        yield from ui.shot("rework-preparing")
        yield from ui.find("grok_video.stop_preparing")
        began = time.monotonic()
        yield from ui.press()
        yield from ui.until(lambda: session(ui).click.preparing is None, "the end of the bake")
    ui.note(
        stopped_after=time.monotonic() - began,
        ended=process.poll() is not None,
        message=session(ui).click.message,
        left=[name for name in left_over(ui) if name.endswith(".mp4") or "bake" in name],
        heart=gap,
    )
    yield from ui.shot("rework-stopped")
    yield from ui.click("grok_video.remove_slot")
    activate(first)

    # Once more, to the end; the strip is moved meanwhile, by the key G.
    service("settings", job_seconds=600)
    before = newest().id
    yield from ui.click("grok_video.extend")
    yield from sent(ui, before)
    activate(first)
    yield from ui.point(KIND)
    yield from ui.press("G")
    yield from ui.press("ONE", text="1")
    yield from ui.press("TWO", text="2")
    yield from ui.press("RET")
    yield from ui.until(lambda: span(first)[0] == 11 + 12, "the move")
    service("settings", job_seconds=1)
    service("finish")
    third = yield from wait_for_clip(ui, 3)
    ui.note(
        cut=[span(first), span(third)], notice=bool(session(ui).imports.landings.get(newest().id))
    )
    yield from ui.shot("rework-cut-extended")

    # Edit: it covers its source; muted, it shows what was there.
    activate(first)
    yield from open_section(ui, "grok_video.continue_shot", "edit_prompt")
    yield from ui.fill("edit_prompt", "As a drawing")
    yield from ui.find("grok_video.edit")
    yield from ui.shot("rework-edit")
    yield from ui.press()
    yield from ui.point(KIND)
    edited = yield from wait_for_clip(ui, 4)
    scene.frame_set(span(first)[0] + 5)
    yield from ui.shot("rework-edited")
    edited.mute = True
    yield from ui.shot("rework-edit-muted")
    ui.note(edit=[span(first), span(edited)], channels=[first.channel, edited.channel])

    activate(third)
    yield from ui.click("grok_video.continue_shot")
    yield from ui.point(KIND)
    fourth = yield from wait_for_clip(ui, 5)
    ui.note(continued=[span(third), span(fourth)])


def to_a_length(ui: Ui) -> Steps:
    """More than one pass: asked once, bought one after the other; a stop keeps what is there."""
    yield from start_clip(ui, 2, 1)
    chosen = bpy.context.scene.grok_video
    chosen.extend_seconds, chosen.extend_prompt = 12, "It flies on"
    yield from ui.sidebar(KIND)
    yield from open_extend(ui)
    yield from ui.click("grok_video.extend")
    yield 0.5
    yield from ui.shot("rework-passes")
    ui.note(asked=len(session(ui).bridge.snapshot.all))  # nothing before the answer
    yield from ui.press("RET")
    yield from ui.point(KIND)
    yield from wait_for_clip(ui, 3)
    ui.note(spans=[span(strip) for strip in movies()])

    # Again, and the second of its parts is stopped: the first one stays, and nothing more is bought.
    activate(movies()[-1])
    service("settings", job_seconds=600)
    before = newest().id
    yield from ui.click("grok_video.extend")
    yield 0.5
    yield from ui.press("RET")
    yield from ui.point(KIND)
    first = yield from sent(ui, before)
    service("finish")
    yield from ui.until(lambda: len(movies()) == 4, "its first part", 120)
    second = yield from sent(ui, first)
    yield from to_the_jobs(ui)
    yield from ui.click("grok_video.stop", with_=second)
    yield from ui.until(lambda: newest().state == "CANCELLED", "the stop")
    yield 1.0
    known = session(ui)
    ui.note(
        stopped=[str(newest().state), newest().id == second],
        left=[span(strip) for strip in movies()],
        waits=[
            known.click.preparing is not None,
            bool(known.series.next),
            len(known.series.agreed),
        ],
    )
    yield from ui.shot("rework-passes-stopped")


def interrupted(ui: Ui, blend: str) -> Steps:
    """A bake goes on under Escape and Ctrl-Z; with its strip gone or another file open, nothing is sent."""
    without_slots()
    for scene in bpy.data.scenes:  # a bake that does not take long
        scene.render.resolution_x, scene.render.resolution_y = 640, 360
        scene.render.engine = "CYCLES"  # nothing to be said of it: the panel is short
    bpy.ops.wm.save_as_mainfile(filepath=blend, copy=True)
    bpy.ops.ed.undo_push(message="Before")
    colour("Sky", 11, 83, (0.8, 0.02, 0.02))
    chosen = bpy.context.scene.grok_video
    chosen.extend_prompt, chosen.extend_seconds = "It dawns", 2
    bpy.ops.ed.undo_push(message="Add Strip")
    yield from ui.sidebar(KIND)
    yield from open_extend(ui)

    yield from ui.click("grok_video.extend")
    yield from baking(ui)
    with held(ui):
        yield from ui.press("ESC")
        yield from ui.point(KIND)
        yield from ui.press("ESC")
        yield from ui.press("ESC")
        yield 0.5
        ui.note(escaped=session(ui).click.preparing is not None)
        yield from ui.press("Z", ctrl=True)
        yield from ui.until(lambda: not has_strip("Sky"), "the undo")
    yield from ui.until(lambda: session(ui).click.preparing is None, "the end of the bake", 120)
    ui.note(undone=session(ui).click.message)
    yield from ui.shot("rework-undone")
    yield from ui.press("Z", ctrl=True, shift=True)
    yield from ui.until(lambda: has_strip("Sky"), "the redo")

    yield from ui.click("grok_video.extend")
    yield from baking(ui)
    with held(ui) as process:
        bpy.ops.wm.open_mainfile(filepath=blend)
        yield 1.0  # 4.3 crashes when its new window is touched from the same timer
        yield from ui.until(lambda: session(ui).click.preparing is None, "the end of the bake")
    ui.note(opened=session(ui).click.message, ended=process.poll() is not None, left=left_over(ui))
    yield from ui.sidebar(KIND)
    yield from ui.shot("rework-opened")


def has_strip(name: str) -> bool:
    """Whether the timeline has a strip of that name."""
    editor = timeline().sequence_editor
    if editor is None:
        return False
    # An empty collection counts as false: asked for by name.
    return name in (editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all)


def pictures_for_a_clip(ui: Ui) -> Steps:
    """References, end frame and keyframes; then the animation itself, from the viewport and the camera."""
    kind = "VIEW_3D"
    scene = bpy.context.scene
    quick(scene, seconds=2)
    red_then_blue(scene)
    chosen = scene.grok_video
    chosen.generate_audio = False
    tree = bpy.data.images.new("Tree", 64, 64)
    tree.generated_color = (0.0, 0.6, 0.1, 1.0)
    yield from ui.sidebar(kind)
    yield from ui.fill("prompt", "It turns blue", kind)

    # With the model that has references, but none beside a first frame.
    colour("Sky", 1, 40, (0.1, 0.2, 0.9))
    yield from open_section(ui, "draft", "grok_video.add_reference", kind)
    yield from ui.click("grok_video.add_reference", kind, with_="IMAGE")
    yield from ui.until(lambda: len(chosen.references) == 1, "the first reference")
    chosen.references[0].image = tree
    yield from ui.click("grok_video.add_reference", kind, with_="STRIP")
    yield from ui.until(lambda: len(chosen.references) == 2, "the strip's picture")
    region = ui.region(kind)
    row = yield from ui.find("grok_video.add_reference", kind, with_="STRIP")
    yield from ui.move(region.x + (region.width - 20) // 2, row.y)
    yield from ui.press()
    yield 0.3
    yield from ui.shot("rework-camera-menu")
    yield from ui.press("C")  # the menu's letter of "Camera"
    yield from ui.until(lambda: len(chosen.references) == 3, "the camera's picture", 60)
    yield from ui.point(kind)
    yield from ui.shot("rework-references")
    ui.note(references=[one.image.name for one in chosen.references])
    yield from ui.click("grok_video.insert_reference", kind, with_="index=0")
    yield from ui.click("grok_video.remove_reference", kind, with_="index=2")
    yield from ui.until(lambda: len(chosen.references) == 2, "one reference less")
    ui.note(prompt=chosen.prompt)

    chosen.model = "grok-imagine-video-1.5"
    for name, frame in (("early", 10), ("late", 34), ("outside", 200)):
        scene.timeline_markers.new(name, frame=frame)
    yield from ui.redraw()
    yield from ui.click("end_frame", kind)
    yield from ui.click("keyframes", kind)
    yield from ui.until(lambda: chosen.end_frame and chosen.keyframes, "both switches")
    yield from ui.point(kind)
    yield from ui.shot("rework-keyframes")
    yield from ui.click("grok_video.generate", kind)
    yield from ui.point(kind)
    yield from wait_for_clip(ui, 1)
    ui.note(frame=scene.frame_current)


def the_animation(ui: Ui) -> Steps:
    """The animation itself, from the viewport and the camera, by the model that can edit: the panel offers it."""
    kind = "VIEW_3D"
    scene = bpy.context.scene
    quick(scene, seconds=2)
    colour("Sky", 1, 60, (0.1, 0.2, 0.9))
    chosen = scene.grok_video
    chosen.generate_audio = False
    chosen.model = "grok-imagine-video-1.5"
    yield from ui.sidebar(kind)
    scene.use_preview_range = True
    scene.frame_preview_start, scene.frame_preview_end = 1, 24
    chosen.edit_of = "VIEWPORT"
    yield from open_section(ui, "grok_video.generate", "edit_animation", kind)
    yield from ui.shot("rework-offers")
    yield from ui.click("grok_video.use_model", kind)
    yield from ui.until(lambda: chosen.model == "grok-imagine-video", "the model that can")
    yield from ui.fill("edit_prompt", "As a clay film", kind)
    yield from ui.find("grok_video.edit", kind)
    yield from ui.shot("rework-animation")
    yield from ui.press()
    yield from ui.point(kind)
    yield from baking(ui)
    yield from ui.shot("rework-playblast")
    yield from wait_for_clip(ui, 1)
    chosen.edit_of = "CAMERA"
    yield from ui.click("grok_video.edit", kind)
    yield from ui.point(kind)
    yield from wait_for_clip(ui, 2)
    ui.note(
        spans=[[strip.channel, *span(strip)] for strip in movies()], playhead=scene.frame_current
    )
    yield from ui.shot("rework-animation-edited")


def red_then_blue(scene: bpy.types.Scene) -> None:
    """The world turns blue at frame 20."""
    world = scene.world
    if world.node_tree is None:
        world.use_nodes = True
    background = world.node_tree.nodes["Background"].inputs["Color"]
    for frame, rgba in ((1, (1, 0, 0, 1)), (19, (1, 0, 0, 1)), (20, (0, 0, 1, 1))):
        background.default_value = rgba
        background.keyframe_insert("default_value", frame=frame)
    scene.frame_set(1)


# ------------------------------------------------------------------------------------------------ the states


def states(ui: Ui, narrow: int) -> Steps:
    """What Extend and Edit say in every state, to be looked at: at two scales, and in a narrow sidebar."""
    kind = "VIEW_3D"
    chosen = bpy.context.scene.grok_video
    chosen.prompt = "A heron lifts off"
    yield from ui.sidebar(kind)
    strip = colour("Night sky over the harbour, take 3", 11, 83, (0.1, 0.1, 0.6))
    yield from open_extend(ui, kind)
    yield from open_section(ui, "grok_video.continue_shot", "edit_prompt", kind)
    chosen.extend_prompt = "A lighthouse begins to turn, and the boats come home one by one"
    chosen.edit_prompt = "As a woodcut with two colours"
    yield from ui.point(kind)
    yield from every_state(ui, kind, strip, "1x")
    bpy.context.preferences.view.ui_scale = 1.5
    yield from every_state(ui, kind, strip, "1.5x")
    bpy.context.preferences.view.ui_scale = 1.0
    yield from ui.redraw()
    while (yield from ui.scroll(kind, up=True)):
        pass
    yield from ui.drag_sidebar(kind, narrow)
    yield from every_state(ui, kind, strip, "narrow")
    base = timeline().sequence_editor
    (base.strips if hasattr(base, "strips") else base.sequences).remove(strip)
    yield from ui.shot("rework-state-no-strip-narrow")
    ui.note(width=ui.region(kind).width)


def every_state(ui: Ui, kind: str, strip: Any, tag: str) -> Steps:
    """One picture of each."""
    chosen = bpy.context.scene.grok_video

    def look(name: str, *, up: bool = False) -> Steps:
        while (yield from ui.scroll(kind, up=up)):
            pass
        yield from ui.shot(f"rework-state-{name}-{tag}")

    chosen.extend_seconds = 6
    yield from look("strip")
    chosen.extend_seconds = 25
    yield from look("passes")
    set_end(strip, 11 + 30)
    yield from look("short")
    set_end(strip, 11 + 500)
    yield from look("long")
    chosen.model = "grok-imagine-video-1.5"
    yield from look("other-model")
    chosen.model, chosen.model_other = "OTHER", "grok-imagine-video-9"
    yield from look("unchecked")
    chosen.model = "grok-imagine-video"
    strip.mute = True
    yield from look("muted")
    strip.mute = False
    chosen.edit_of = "CAMERA"
    if tag == "1x":
        yield from open_section(ui, "grok_video.generate", "edit_animation", kind)
    ui.module("blender.session.click").say("Stopped. Nothing was sent or charged.")
    yield from look("animation", up=True)
    ui.module("blender.session.click").say("")
    chosen.edit_of = "STRIP"
    set_end(strip, 83)


def set_end(strip: Any, end: int) -> None:
    if hasattr(strip, "right_handle"):
        strip.right_handle = end
    else:
        strip.frame_final_end = end
