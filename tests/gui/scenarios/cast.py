"""A cast, made and named by clicking: the list, a name that is typed, a picture, a voice, and a clip with all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from jobs import newest
from rework import open_section

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "VIEW_3D"
TO_CAST = 46  # from the last row of the request to the title of the part Cast, which is the second


def named_and_sent(ui: Ui) -> Steps:
    scene = bpy.context.scene
    chosen = scene.grok_video
    chosen.source, chosen.duration, chosen.model = "NONE", 1, "grok-imagine-video-1.5"
    face = bpy.data.images.new("Face", 64, 64)
    face.generated_color = (0.8, 0.1, 0.1, 1.0)
    yield from ui.sidebar(KIND)
    yield from ui.fill("prompt", "In a room", KIND)
    yield from open_section(
        ui, "generate_audio", "grok_video.add_character", KIND, down_from=TO_CAST
    )
    yield from ui.click("grok_video.add_character", KIND)
    yield from ui.until(lambda: len(chosen.cast) == 1, "the first character")
    yield from ui.click("grok_video.add_character", KIND)
    yield from ui.until(lambda: len(chosen.cast) == 2, "the second character")
    ui.note(numbered=[one.name for one in chosen.cast])
    yield from ui.click("grok_video.move_character", KIND, with_="UP")
    yield from ui.until(lambda: chosen.cast_index == 0, "the move")
    # As in each of Blender's lists, Ctrl and a click edit a name. The first row is left of the button +.
    more = yield from ui.find("grok_video.add_character", KIND)
    scale = bpy.context.preferences.system.ui_scale
    yield from ui.move(more.x - 130 * scale, more.y - 5 * scale)
    yield from ui.press(ctrl=True)
    yield 0.2
    yield from ui.press("A", ctrl=True)
    yield from ui.type("Anna Lee")
    yield from ui.press("RET")
    yield from ui.until(lambda: chosen.cast[0].name == "Anna Lee", "the typed name")
    yield from ui.point(KIND)
    yield from ui.click("grok_video.add_reference", KIND, with_="IMAGE")
    yield from ui.until(lambda: len(chosen.cast[0].images) == 1, "the picture's place")
    chosen.cast[0].images[0].image = face
    yield from ui.fill("voice", "leo", KIND)
    yield from ui.until(lambda: chosen.cast[0].voice == "leo", "the voice")
    yield from ui.click("grok_video.insert_character", KIND, with_="index=-1")
    yield from ui.until(lambda: "@" in chosen.prompt, "the name in the prompt")
    ui.note(written=chosen.prompt)
    yield from ui.point(KIND)
    yield from ui.shot("cast")
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.undo()
    ui.note(undone=bpy.context.scene.grok_video.prompt)
    with ui.override(KIND, "WINDOW"):
        bpy.ops.ed.redo()
    yield from ui.redraw()
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(lambda: newest() and newest().state == "IMPORTED", "the clip", 120)
    yield from ui.fill("prompt", "@Bob waves", KIND)
    yield from ui.point(KIND)
    yield from ui.shot("cast-unknown")
    ui.note(jobs=len(ui.module("blender.session.state").current().bridge.snapshot.all))
