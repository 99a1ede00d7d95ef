"""Takes, clicked: another one by its button, one chosen by its row and by the arrows, undone, and in all pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import JOB, newest, quick, timeline
from slots import movies

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"


def shown() -> list[Any]:
    return [strip[JOB] for strip in movies()]


def another_and_chosen(ui: Ui, prompts: list[str]) -> Steps:
    """A clip, two more takes; the arrows, a row, Ctrl-Z; a cut, and both pieces."""
    scene = bpy.context.scene
    quick(scene, seconds=1)
    scene.grok_video.source = "NONE"
    scene.grok_video.generate_audio = False
    timeline().frame_set(20)
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", prompts[0])
    yield from ui.click("grok_video.generate")
    yield from ui.until(lambda: newest() and newest().state == "IMPORTED", "the clip", 120)
    first = newest().id
    yield from ui.shot("takes-one")

    yield from ui.click("grok_video.another_take", with_='bow")')
    yield from ui.until(lambda: newest().id != first, "the second job")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the second take", 120)
    second = newest().id
    ui.note(second=shown() == [second])

    scene.grok_video.prompt = prompts[1]
    scene.grok_video.duration = 2
    yield from ui.point(KIND)
    yield from ui.click("grok_video.another_take", with_="changed=True")
    yield from ui.until(lambda: newest().id != second, "the third job")
    yield from ui.shot("takes-coming")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the third take", 120)
    third = newest().id
    ui.note(third=shown() == [third])
    yield from ui.shot("takes-three")

    yield from ui.click("grok_video.choose_take", with_=f'job="{first}"')
    yield from ui.until(lambda: shown() == [first], "the first take")
    yield from ui.click("grok_video.choose_take", with_="step=1")
    yield from ui.until(lambda: shown() == [second], "the next take")
    yield from ui.point(KIND)
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: shown() == [first], "the undo")
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: shown() == [third], "the undo of the first choice")
    yield from ui.press("Z", ctrl=True, shift=True)
    yield from ui.until(lambda: shown() == [first], "the redo")

    yield from ui.click("grok_video.star_take", with_=f'job="{first}"')
    yield from ui.until(lambda: ui.module("blender.timeline.takes").stars() == {first}, "the star")
    timeline().frame_set(30)
    yield from ui.point(KIND)
    yield from ui.press("K")
    yield from ui.until(lambda: len(movies()) == 2, "the cut")
    yield from ui.click("grok_video.choose_take", with_=f'job="{third}"')
    yield from ui.until(lambda: sorted(shown()) == sorted([first, third]), "one piece")
    yield from ui.find("grok_video.choose_take", with_="PIECES")
    yield from ui.shot("takes-pieces")
    yield from ui.click("grok_video.choose_take", with_="PIECES")
    yield from ui.until(lambda: shown() == [third, third], "both pieces")
    ui.note(jobs=[first, second, third])
