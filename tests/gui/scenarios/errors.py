"""What an artist sees and can press when something is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
from jobs import newest, quick, strips, timeline

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "VIEW_3D"
ADDON = "bl_ext.user_default.grok_video"


def offline_then_wrong_key(ui: Ui) -> Steps:
    """Online access is off: the panel's own button turns it on. Then the key is refused."""
    scene = bpy.context.scene
    quick(scene, seconds=1)
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls"
    own = bpy.context.preferences.addons[ADDON].preferences
    own.output_dir = "D:\\clips"  # preferences that were brought along from another computer
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)  # greyed out
    yield from ui.find("grok_video.show_preferences", KIND)
    yield from ui.shot("error-folder")
    ui.note(job_without_folder=newest() is not None, saved=bpy.data.filepath)
    own.output_dir = '"~/my clips" '
    system = bpy.context.preferences.system
    system.use_online_access = False
    yield from ui.redraw()
    yield from ui.click("grok_video.generate", KIND)  # greyed out
    yield from ui.point(KIND)
    yield from ui.shot("error-offline")
    ui.note(job_while_offline=newest() is not None)
    yield from ui.click("extensions.userpref_allow_online", KIND)
    yield from ui.until(lambda: system.use_online_access, "online access")
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.point(KIND)
    yield from ui.until(lambda: newest() and newest().state == "FAILED", "the refusal", 60)
    yield from ui.shot("error-key")
    bpy.context.window_manager.clipboard = ""
    yield from ui.click("grok_video.copy_error", KIND)
    yield from ui.until(lambda: bpy.context.window_manager.clipboard, "the copied error")
    ui.note(copied=bpy.context.window_manager.clipboard)
    yield from ui.find("grok_video.show_preferences", KIND)
    # Once it is mended, the same clip is one click away.
    yield from ui.click("grok_video.send_again", KIND)
    yield 0.3
    yield from ui.press("RET")  # the question whether to buy
    yield from ui.until(strips, "the clip on the timeline", 90)
    ui.note(strips=len(strips()), clip=newest().clip.path)
    yield from _in_german(ui)
    yield from _refused_and_understood(ui)


def _refused_and_understood(ui: Ui) -> Steps:
    """A command that comes too late is told, and the preferences show what they understand of a folder."""
    yield from ui.until(lambda: newest().state == "IMPORTED", "the import on record")
    answers = ui.module("blender.session.state").current().answers
    bpy.ops.grok_video.stop(job=newest().id)
    yield from ui.until(lambda: answers.refusal, "the refusal")
    yield from ui.shot("error-refused")
    ui.note(refusal=answers.refusal)
    ui.area(KIND).type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module=ADDON)
    yield from ui.redraw()
    yield from ui.find("grok_video.check_connection", "PREFERENCES", part="WINDOW")
    yield from ui.point("PREFERENCES", "HEADER")
    yield from ui.shot("folder-understood")


def _in_german(ui: Ui) -> Steps:
    """The clip cannot be placed: the panel says so without the word that Blender puts before reports."""
    yield from ui.until(lambda: newest().state == "IMPORTED", "the record of the import", 60)
    editor = timeline().sequence_editor
    for strip in list(strips()):
        (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(strip)
    for channel in editor.channels:
        channel.lock = True
    view = bpy.context.preferences.view
    if "de_DE" in bpy.app.translations.locales:  # a Blender without its languages speaks English
        view.language = "de_DE"
        for name in ("use_translate_interface", "use_translate_reports"):
            if hasattr(view, name):
                setattr(view, name, True)
    ui.module("blender.session.imports")._import_as_operator(newest())
    yield from ui.redraw()
    yield from ui.point(KIND)
    yield from ui.shot("error-german")
    ui.note(
        translated=bpy.app.translations.pgettext_rpt("Error"),
        message=ui.module("blender.session.state").current().click.message,
    )
    view.language = "en_US" if "en_US" in bpy.app.translations.locales else "DEFAULT"
