"""The panel in all its states, as an artist sees it: the pictures of the README, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import newest, quick, strips, timeline

if TYPE_CHECKING:
    from driver import Steps, Ui, Widget

ADDON = "bl_ext.user_default.grok_video"
PROMPT = "The camera drifts around the cube while the light wanders across it"


def shown() -> tuple[Any, ...]:
    """The jobs as the panel lists them, newest first."""
    from driver import Ui

    return Ui.module("blender.session.state").current().bridge.snapshot.all


#: A sidebar that an artist made narrow, in pixels at an interface scale of 1.
NARROW = 190
Rows = dict[str, tuple[int, int]]
#: What the request's part of the panel holds, from top to bottom.
REQUEST = (
    "source",
    "prompt",
    "model",
    "duration",
    "resolution",
    "aspect_ratio",
    "generate_audio",
    "grok_video.generate",
)


def dusk(scene: bpy.types.Scene, samples: int = 1) -> None:
    """A scene that looks like something and renders at once; ``samples`` where its clip is looked at."""
    quick(scene, seconds=2)
    colour = (0.05, 0.06, 0.1, 1)
    scene.world.color = colour[:3]
    if scene.world.node_tree is not None:
        scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = colour
    scene.cycles.samples = samples


def widths(ui: Ui, kind: str, scale: float) -> tuple[int, int]:
    """The sidebar's width as it comes, and a narrow one, in pixels."""
    return ui.region(kind).width, int(NARROW * scale)


def both_widths(
    ui: Ui,
    name: str,
    kind: str,
    scale: float,
    both: tuple[int, int],
    rows: dict[int, Rows] | None = None,
) -> Steps:
    """A picture of the sidebar in each width, in that order, in which the request's rows stay in place.

    ``rows`` holds where they are, for each width; it is filled the first time. None: not looked at. The sidebar
    keeps the second width: to drag its edge costs more than all else here, as Blender draws each step.
    """
    for width in both:
        tag = "-narrow" if width == min(both) else ""
        yield from ui.drag_sidebar(kind, width)
        yield from ui.point(kind)
        yield from ui.shot(f"{name}-{scale:g}x{tag}")
        if rows is None:
            continue
        if width not in rows:
            rows[width] = yield from request_rows(ui, kind)
        yield from same_rows(ui, kind, rows[width], f"{name}{tag}")


def request_rows(ui: Ui, kind: str) -> Steps:
    """Where the mouse finds the fields of the request: (right, down) from the sidebar's corner."""
    region = ui.region(kind)
    found: Rows = {}

    def complete(widget: Widget) -> bool:
        if widget.name in REQUEST:
            place = widget.x - region.x, region.y + region.height - widget.y
            found.setdefault(widget.name, place)
        return len(found) == len(REQUEST)

    yield from ui.scan(kind, complete)
    assert len(found) == len(REQUEST), f"the mouse does not find {set(REQUEST) - set(found)}"
    return found


def same_rows(ui: Ui, kind: str, rows: Rows, state: str) -> Steps:
    """Nothing of the request has moved, whatever became of the jobs."""
    region = ui.region(kind)
    for name, (right, down) in rows.items():
        yield from ui.move(region.x + right, region.y + region.height - down)
        widget = ui.under_mouse(kind)
        there = widget.name if widget else "nothing"
        assert there == name, f"{state}: {there} is where {name} was"
    yield from ui.point(kind)


def states(ui: Ui, scale: float) -> Steps:
    """Idle, running, imported and failed, at an interface scale, in a wide and in a narrow sidebar.

    Both clicks are in the narrow one.
    """
    bpy.context.preferences.view.ui_scale = scale
    kind = "VIEW_3D"
    scene = bpy.context.scene
    dusk(scene)
    timeline().frame_set(37)
    yield from ui.sidebar(kind)
    scene.grok_video.prompt = PROMPT
    rows: dict[int, Rows] = {}
    narrowing = widths(ui, kind, scale)
    widening = narrowing[::-1]
    yield from both_widths(ui, "panel-idle", kind, scale, narrowing, rows)
    yield from ui.click("grok_video.generate", kind)
    yield from ui.until(lambda: newest() and (newest().progress or 0) > 20, "some progress", 60)
    yield from both_widths(ui, "panel-running", kind, scale, widening, rows)
    ui.note(running=True)
    yield from ui.until(strips, "the clip on the timeline", 120)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)
    yield from both_widths(ui, "panel-imported", kind, scale, narrowing, rows)
    yield from ui.click("grok_video.generate", kind)
    yield from ui.until(lambda: newest() and newest().state == "FAILED", "the refusal", 60)
    yield from both_widths(ui, "panel-failed", kind, scale, widening, rows)
    ui.note(problem=newest().problem.message, states=[str(job.state) for job in shown()])


def timeline_clip(ui: Ui, scale: float) -> Steps:
    """The Sequencer with a clip that came, and its sidebar."""
    bpy.context.preferences.view.ui_scale = scale
    kind = "SEQUENCE_EDITOR"
    dusk(bpy.context.scene, samples=16)
    timeline().frame_set(37)
    yield from ui.sidebar(kind)
    bpy.context.scene.grok_video.prompt = PROMPT
    yield from ui.click("grok_video.generate", kind)
    yield from ui.until(strips, "the clip on the timeline", 120)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)
    with ui.override(kind, "WINDOW"):
        bpy.ops.sequencer.view_all()
    yield 0.5  # Blender's own smooth view
    yield from both_widths(ui, "timeline", kind, scale, widths(ui, kind, scale))
    ui.note(strips=len(strips()))


def sources(ui: Ui) -> Steps:
    """What the panel says of each source before anything is rendered."""
    kind = "VIEW_3D"
    scene = bpy.context.scene  # as it comes: EEVEE
    settings = scene.grok_video
    settings.image = bpy.data.images.new("Small", 320, 320)
    settings.aspect_ratio = "16:9"
    scene.render.resolution_y = 1920
    yield from ui.sidebar(kind)
    for source in ("CAMERA", "VIEWPORT", "RENDER_RESULT", "IMAGE", "SEQUENCER", "NONE"):
        settings.source = source
        yield from ui.shot(f"source-{source.lower()}")
    settings.source, settings.aspect_ratio = "CAMERA", "AUTO"
    scene.render.resolution_x, scene.render.resolution_y = 2048, 858
    yield from both_widths(ui, "source-whole", kind, 1.0, widths(ui, kind, 1.0))
    ui.note(engine=scene.render.engine)


def preferences(ui: Ui, scale: float) -> Steps:
    """The add-on's preferences, reached by the panel's own button."""
    # The tests' own is not what an artist finds.
    bpy.context.preferences.addons[ADDON].preferences.property_unset("poll_interval")
    bpy.context.preferences.view.ui_scale = scale
    area = ui.area("VIEW_3D")
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module=ADDON)
    yield from ui.redraw()
    yield from ui.find("grok_video.check_connection", "PREFERENCES", part="WINDOW")
    yield from ui.point("PREFERENCES", "HEADER")
    yield from ui.shot(f"preferences-{scale:g}x")
    ui.note(shown=True)
