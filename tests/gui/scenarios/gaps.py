"""Fill Gap, by the mouse: the menu in the gap, the question with the price, the slot in the gap, and the clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import is_still, newest, timeline
from rework import activate, by_time, movies, open_part, session, span, start_clip
from slots import movies as with_slots

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"


def place_of(ui: Ui, frame: float, channel: int) -> tuple[int, int]:
    """Where in the window a frame of a channel is."""
    region = ui.region(KIND, "WINDOW")
    x, y = region.view2d.view_to_region(frame, channel + 0.5, clip=False)
    assert 0 < x < region.width, f"frame {frame} is not in sight"
    assert 0 < y < region.height, f"channel {channel} is not in sight"
    return region.x + x, region.y + y


def menu_at(ui: Ui, frame: float, channel: int) -> Steps:
    """Open the timeline's menu by the mouse."""
    yield from ui.move(*place_of(ui, frame, channel))
    yield from ui.press("RIGHTMOUSE")
    yield 0.4
    yield from ui.redraw()


def filled(ui: Ui) -> Steps:
    """Two strips with a gap: the menu over a strip, the menu in the gap, the question, the clip."""
    first = yield from start_clip(ui, 3, 1)
    right = first.split(frame=25, split_method="SOFT")
    right.frame_start = int(right.frame_start) + 55
    scene, chosen = timeline(), bpy.context.scene.grok_video
    left, right = by_time(movies())
    start, end, channel = span(left)[1], span(right)[0], left.channel
    chosen.gap_prompt = "It crosses the lake"
    activate(left)
    scene.frame_set(1)
    ui.note(gap=[start, end], channel=channel, model=chosen.model)
    asked: list[str] = []
    asking = ui.module("blender.ui.asking")
    real = asking.Buys.ask

    def ask(self: Any, context: Any, *about: Any, **words: Any) -> Any:
        asked.append(f"{about[2]} {about[3]}")
        return real(self, context, *about, **words)

    # Over a strip the menu has Blender's entries and ours for a strip.
    yield from menu_at(ui, 10, channel)
    yield from ui.shot("gap-menu-over-strip")
    yield from ui.press("ESC")
    yield 0.3
    asking.Buys.ask = ask
    try:
        yield from menu_at(ui, (start + end) / 2, channel)
        yield from ui.press("LEFT_ARROW")  # out of the menu that opened below the mouse
        yield 1.5  # as long as an artist looks
        yield from ui.press("HOME")  # the first entry
        yield 0.3
        yield from ui.redraw()
        yield from ui.shot("gap-menu")
        yield from ui.press("RET")
        yield from ui.until(lambda: asked, "the question")
        yield 0.3
        yield from ui.redraw()
        yield from ui.shot("gap-question")
        assert newest().spec.target.place == "AT", "bought unseen"
        yield from ui.press("RET")
        yield from ui.until(lambda: len(with_slots()) == 3, "the slot")
        slot = with_slots()[1]
        ui.note(asked=asked, slot=span(slot), still=is_still(slot))
    finally:
        asking.Buys.ask = real
    yield from ui.until(lambda: newest().spec.target.place == "GAP", "the job")
    yield from ui.shot("gap-slot")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the clip", 120)
    clip = movies()[1]
    ui.note(clip=span(clip), came=not is_still(clip), beside=[span(movies()[0]), span(movies()[2])])
    scene.frame_set(end - 1)
    yield from ui.shot("gap-filled")


def in_the_panel(ui: Ui) -> Steps:
    """The part of the panel for the gap behind the active strip: its price, its speed, and what cannot be filled."""
    first = yield from start_clip(ui, 3, 1)
    right = first.split(frame=25, split_method="SOFT")
    right.frame_start = int(right.frame_start) + 55
    left, right = by_time(movies())
    activate(left)
    yield from ui.sidebar(KIND)
    yield from open_part(ui, "gap_prompt", 2)
    yield from ui.find("grok_video.fill_gap")
    yield from ui.shot("gap-panel")
    right.frame_start = int(right.frame_start) - 20
    yield from ui.redraw()
    yield from ui.shot("gap-panel-refused")
    ui.note(bought=[job.id for job in session(ui).bridge.snapshot.all])
