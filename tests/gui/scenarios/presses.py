"""Every way to press what buys: its button, a menu, a key, the search, Quick Favorites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import apart, newest
from patching import Patches
from pictures import shown
from rework import activate, by_time, movies, start_clip

from scripts import ADDON, key_map, press

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"
#: Operator → the words by which the search finds it, and its place in our menu, counted from 1; 0: not there; -1: further down,
#: where the search alone goes.
OPERATORS = {
    "generate": ("Generate Video Clip", 0),
    "extend": ("Grok Video Extend", 1),
    "continue_shot": ("Grok Video Continue", 2),
    "edit": ("Grok Video Edit", -1),
    "send_again": ("Send Again", 0),
    "release": ("Send", 0),
}


def bought(ui: Ui) -> int:
    """How many clips were bought, or are being prepared."""
    click = ui.module("blender.session.state").current().click
    return sum(not job.held for job in shown()) + (click.preparing is not None)


def every_way(ui: Ui) -> Steps:
    """A key, the search and our menu ask, each operator; Quick Favorites ask; the button buys."""
    yield from start_clip(ui, 2, 1)
    bpy.context.preferences.addons[ADDON].preferences.scripts_may_buy = False
    scene = bpy.context.scene
    chosen = scene.grok_video
    chosen.source, chosen.extend_seconds, chosen.duration = "NONE", 2, 1
    chosen.extend_prompt = chosen.edit_prompt = "It turns gold"
    press("stopped")
    yield from ui.until(lambda: newest().spec.prompt == "stopped", "a job to be stopped")
    stopped = newest().id
    bpy.ops.grok_video.stop(job=stopped)
    yield from ui.until(lambda: newest().state == "CANCELLED", "the stop")
    press("held")
    yield from ui.until(lambda: newest().spec.prompt == "held", "a held job")
    jobs = {"send_again": stopped, "release": newest().id}
    activate(by_time(movies())[0])
    yield from ui.sidebar(KIND)
    asking = ui.module("blender.ui.asking")
    asked: list[str] = []
    real = asking.Buys.ask

    def ask(self: Any, context: Any, *about: Any, **words: Any) -> Any:
        asked.append(f"{about[2]} {about[3]}")
        return real(self, context, *about, **words)

    before, ways = bought(ui), dict[str, list[str]]()

    def answered(case: str) -> Steps:
        yield 0.4
        yield from ui.redraw()
        if case in ("extend by key", "generate by key", "release by key"):
            yield from ui.shot(f"presses-{case.replace(' ', '-')}")
        yield from ui.press("ESC")
        yield 0.2
        yield from ui.point(KIND)
        ways[case] = [*asked]
        asked.clear()
        assert bought(ui) == before, f"{case}: bought unseen"

    with Patches() as patches:
        patches.set(asking.Buys, "ask", ask)
        for name, (words, place) in OPERATORS.items():
            with key_map(f"grok_video.{name}", "J", "PRESS") as item:
                if name in jobs:
                    item.properties.job = jobs[name]
                yield 0.2
                yield from ui.point(KIND)
                yield from ui.press("J")
                yield from answered(f"{name} by key")
            # Blender's search of menus finds what is in ours, its search of operators all that have a name.
            finder = "wm.search_menu" if place else "wm.search_operator"
            with key_map(finder, "J", "PRESS"):
                yield 0.2
                yield from ui.press("J")
                yield 0.3
                yield from ui.type(words)
                yield 0.5
                yield from ui.press("RET")
                yield from answered(f"{name} by search")
            if place > 0:
                with key_map("wm.call_menu", "J", "PRESS") as item:
                    item.properties.name = "GROK_VIDEO_MT_strip"
                    yield 0.2
                    yield from ui.press("J")
                    yield 0.3
                    yield from ui.redraw()
                    if place == 1:
                        yield from ui.shot("presses-menu")
                    for _ in range(place):
                        yield from ui.press("DOWN_ARROW")
                    yield from ui.press("RET")
                    yield from answered(f"{name} by menu")
        yield from _favorite(ui, asked)
    ui.note(ways=ways)


def _favorite(ui: Ui, asked: list[str]) -> Steps:
    """The button's own menu puts it into Quick Favorites, which ask; the button itself buys."""
    before = bought(ui)
    yield from apart(ui)
    yield from ui.find("grok_video.generate")
    yield from ui.press("RIGHTMOUSE")
    yield 0.3
    yield from ui.redraw()
    yield from ui.press("RET")  # the first entry
    yield 0.3
    # Over the button, which Quick Favorites then lie upon.
    yield from ui.press("Q")
    yield 0.3
    yield from ui.press("DOWN_ARROW")
    yield from ui.press("RET")
    yield 0.4
    yield from ui.redraw()
    yield from ui.shot("presses-favorite")
    yield from ui.press("ESC")
    yield 0.2
    ui.note(favorite=[*asked])
    asked.clear()
    assert bought(ui) == before, "Quick Favorites bought unseen"
    yield from ui.find("grok_video.generate")
    yield from ui.press()
    yield from ui.until(lambda: bought(ui) == before + 1, "the clip of the button")
    ui.note(button=asked)
