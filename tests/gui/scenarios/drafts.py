"""A draft and its final clip, clicked: the switch, both buttons with their prices, and a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from jobs import JOB, newest, quick, timeline
from rework import open_section
from slots import movies, span

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"


def drafted_and_finished(ui: Ui, prompt: str, model: str) -> Steps:
    """Choose a loop and a draft of it; Generate; Finish with the frames of the draft."""
    scene = bpy.context.scene
    quick(scene, seconds=2)
    chosen = scene.grok_video
    chosen.model, chosen.resolution, chosen.generate_audio = model, "720p", False
    timeline().frame_set(20)
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", prompt)
    yield from ui.click("draft")
    yield from ui.until(lambda: chosen.draft, "the switch Draft")
    yield from ui.shot("draft-panel")
    yield from open_section(ui, "draft", "loop", down_from=62)  # three lines are between
    yield from ui.click("loop")
    yield from ui.until(lambda: chosen.loop, "the switch Loop")
    yield from ui.shot("draft-loop")
    yield from ui.click("grok_video.generate")
    yield from ui.until(movies, "the slot")
    lay = [span(strip) for strip in movies()]
    yield from ui.until(lambda: newest() and newest().state == "IMPORTED", "the draft", 120)
    draft = newest().id
    ui.note(draft=newest().spec.estimate, cost=newest().cost)

    yield from ui.find("grok_video.finish")
    yield from ui.shot("draft-strip")
    yield from ui.click("keep_motion")
    yield from ui.until(lambda: chosen.keep_motion, "Keep the Motion")
    yield from ui.find("grok_video.finish")
    yield from ui.shot("draft-motion")
    yield from ui.click("grok_video.finish")
    yield from ui.until(lambda: newest().id != draft, "the second job")
    yield from ui.shot("draft-finishing")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the final clip", 120)
    final = newest()
    yield from ui.shot("draft-finished")
    ui.note(
        shown=[strip[JOB] for strip in movies()] == [final.id],
        stays=[span(strip) for strip in movies()] == lay,
        length=lay[0][1] - lay[0][0],
        final=[final.spec.estimate, final.cost],
        loop=final.spec.loop,
    )
    yield from ui.point(KIND)
    yield from ui.click("grok_video.choose_take", with_="step=-1")
    yield from ui.until(lambda: movies()[0][JOB] == draft, "the draft again")
