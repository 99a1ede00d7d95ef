"""The list of shots, clicked: six camera markers become its rows by a press, a row is renamed, the list is searched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import quick, timeline
from rework import open_section

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "SEQUENCE_EDITOR"
TO_SHOTS = 52  # from the button Generate to the title of the panel: one other title is between
NAMES = ("Harbour", "Close on Anna", "Lighthouse", "Gulls", "Anna runs", "Storm")


def filmed(scene: Any) -> None:
    """A scene with six cameras and as many camera markers, two seconds apart."""
    quick(scene, seconds=2)
    scene.render.fps, scene.frame_start, scene.frame_end = 24, 1, 288
    for number, name in enumerate(NAMES):
        camera = bpy.data.objects.new(f"Camera {number}", bpy.data.cameras.new(name))
        scene.collection.objects.link(camera)
        scene.timeline_markers.new(name, frame=1 + 48 * number).camera = camera


def filled_from_markers(ui: Ui, widths: list[int]) -> Steps:
    scene = timeline()
    filmed(scene)
    chosen = scene.grok_video
    ui.note(same=scene == bpy.context.scene)
    yield from ui.sidebar(KIND)
    yield from open_section(
        ui, "grok_video.generate", "grok_video.shots_from_markers", KIND, down_from=TO_SHOTS
    )
    yield from ui.point(KIND)
    yield from ui.shot("shots-empty")
    yield from ui.click("grok_video.shots_from_markers", KIND)
    yield from ui.until(lambda: len(chosen.shots) == len(NAMES), "six shots")
    ui.note(filled=[[row.name, row.frame, row.seconds, row.target_frame] for row in chosen.shots])
    yield from ui.find("grok_video.move_shot", KIND, with_="DOWN")
    yield from ui.point(KIND)
    yield from ui.shot("shots-filled")
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo()
    ui.note(undone=len(timeline().grok_video.shots))
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.redo()
    chosen = timeline().grok_video
    ui.note(redone=len(chosen.shots))
    # As in each of Blender's lists, Ctrl and a click edit a name. The first row is left of the button +.
    frame = timeline().frame_current
    first = (yield from rows_shown(ui))[0]
    yield from ui.move(*first)
    yield from ui.press(ctrl=True)
    yield 0.2
    yield from ui.press("A", ctrl=True)
    yield from ui.type("Dawn")
    yield from ui.press("RET")
    yield from ui.until(lambda: chosen.shots[0].name == "Dawn", "the typed name")
    ui.note(renamed=[row.name for row in chosen.shots], stays=timeline().frame_current == frame)
    yield from ui.move(*first)
    yield from ui.press("F", ctrl=True)  # Blender's own search of a list
    yield 0.2
    yield from ui.type("anna")
    yield from ui.press("RET")
    yield from ui.redraw()
    rows = yield from rows_shown(ui)
    ui.note(found=[chosen.shots[number].name for number in rows])
    yield from ui.point(KIND)
    yield from ui.shot("shots-searched")
    for width in widths:
        yield from ui.drag_sidebar(KIND, int(width * bpy.context.preferences.system.ui_scale))
        yield from ui.find("grok_video.move_shot", KIND, with_="DOWN")
        yield from ui.point(KIND)
        yield from ui.shot(f"shots-{width}")


def rows_shown(ui: Ui) -> Steps:
    """Where the names of the rows are that the list shows: number of a row -> place, from top to bottom.

    Each checkbox is clicked: before 5.0 Blender does not say of which row it is.
    """
    lowest = yield from ui.find("grok_video.move_shot", KIND, with_="DOWN")  # beside the fifth row
    region, scale = ui.region(KIND), bpy.context.preferences.system.ui_scale
    x, y, end = region.x + 33 * scale, lowest.y + 120 * scale, lowest.y - 60 * scale
    found: dict[int, tuple[float, float]] = {}
    while y > max(end, region.y):
        yield from ui.move(x, y)
        if not is_checkbox(ui):
            y -= 6 * scale
            continue
        # Blender may still tell of what lay there before: it is clicked when it is the same after a redraw.
        yield from ui.redraw(2, KIND)
        yield from ui.move(x, y)
        before = enabled()
        if is_checkbox(ui):
            yield from ui.press()
            yield from ui.redraw(4, KIND)
        if enabled() == before:
            y -= 6 * scale
            continue
        (number,) = (n for n, (a, b) in enumerate(zip(before, enabled(), strict=True)) if a != b)
        timeline().grok_video.shots[number].enabled = before[
            number
        ]  # a second click would be a double click
        found[number] = x + 50 * scale, y
        y -= 20 * scale  # the next row
    return found


def is_checkbox(ui: Ui) -> bool:
    """Whether the mouse is over the checkbox of a row."""
    widget = ui.under_mouse(KIND)
    return widget is not None and widget.name == "enabled"


def enabled() -> list[bool]:
    return [row.enabled for row in timeline().grok_video.shots]


def bought_by_one_press(ui: Ui, widths: list[int]) -> Steps:
    """Six camera markers, three clicks: fill, generate, agree; undo in the middle is for the wheel's tests."""
    scene = timeline()
    filmed(scene)
    chosen = scene.grok_video
    chosen.resolution = "480p"
    mesh = bpy.data.meshes.new("Plane")
    mesh.from_pydata([(0, -1, -5), (2, -1, -5), (2, 1, -5), (0, 1, -5)], [], [(0, 1, 2, 3)])
    scene.collection.objects.link(bpy.data.objects.new("Plane", mesh))
    yield from ui.sidebar(KIND)
    yield from open_section(
        ui, "grok_video.generate", "grok_video.shots_from_markers", KIND, down_from=TO_SHOTS
    )
    yield from ui.click("grok_video.shots_from_markers", KIND)
    yield from ui.until(lambda: len(chosen.shots) == len(NAMES), "six shots")
    session = ui.module("blender.session.state").current()
    yield from ui.until(
        lambda: any(totals.price for totals in session.shot_list.totals.values()), "the price"
    )
    yield from ui.point(KIND)
    yield from ui.shot("shots-priced")
    yield from ui.click("grok_video.generate_shots", KIND)
    yield 0.5
    yield from ui.shot("shots-question")
    ui.note(before=len(session.bridge.snapshot.all), asked=session.shot_batch.press is None)
    yield from ui.press("RET")
    yield from ui.until(lambda: session.shot_batch.press is not None, "the press")
    yield from ui.until(lambda: not session.shot_batch.press.to_place, "the slots")
    yield from ui.point(KIND)
    yield from ui.shot("shots-slots")
    yield from ui.until(
        lambda: [job.state for job in session.bridge.snapshot.all] == ["IMPORTED"] * len(NAMES),
        "six clips",
    )
    yield from ui.redraw()
    yield from ui.point(KIND)
    yield from ui.shot("shots-bought")
    (told,) = session.shot_list.told.values()
    ui.note(states=[one.state for one in told])
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo()
    yield 1.0
    ui.note(jobs=len(session.bridge.snapshot.all), rows=len(timeline().grok_video.shots))
