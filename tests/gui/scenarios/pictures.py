"""The panel in all its states, as an artist sees it: the pictures of the README, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bpy
from jobs import newest, quick, strips, timeline

if TYPE_CHECKING:
    from driver import Steps, Ui

PROMPT = "The camera drifts around the cube while the light wanders across it"


def shown() -> tuple[Any, ...]:
    """The jobs as the panel lists them, newest first."""
    from driver import Ui

    return Ui.module("blender.flow").current().bridge.snapshot.all


def states(ui: Ui, scale: float) -> Steps:
    """Idle, running, imported and failed, at an interface scale."""
    tag = f"{scale:g}x"
    bpy.context.preferences.view.ui_scale = scale
    kind = "VIEW_3D"
    scene = bpy.context.scene
    quick(scene, seconds=2)
    scene.world.color = (0.05, 0.06, 0.1)
    if scene.world.node_tree is not None:
        background = scene.world.node_tree.nodes["Background"].inputs["Color"]
        background.default_value = (0.05, 0.06, 0.1, 1)
    scene.cycles.samples = 16
    timeline().frame_set(37)
    yield from ui.sidebar(kind)
    yield from ui.redraw()
    scene.grok_video.prompt = PROMPT
    yield from ui.point(kind)
    yield from ui.shot(f"panel-idle-{tag}")
    yield from ui.click("grok_video.generate", kind)
    yield from ui.point(kind)
    yield from ui.until(lambda: newest() and (newest().progress or 0) > 0, "some progress", 60)
    yield from ui.shot(f"panel-running-{tag}")
    yield from ui.until(strips, "the clip on the timeline", 120)
    yield from ui.click("grok_video.generate", kind)
    yield from ui.point(kind)
    yield from ui.until(lambda: newest() and newest().state == "FAILED", "the refusal", 60)
    yield from ui.shot(f"panel-failed-{tag}")
    ui.note(problem=newest().problem.message, states=[str(job.state) for job in shown()])


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
    ui.note(engine=scene.render.engine)


def preferences(ui: Ui) -> Steps:
    """The add-on's preferences, reached by the panel's own button."""
    area = ui.area("VIEW_3D")
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module="bl_ext.user_default.grok_video")
    yield from ui.redraw()
    yield 0.5
    yield from ui.shot("preferences")
    ui.note(shown=True)
