"""*Compare*: a look and the render that it was made from, one after the other in one Image Editor."""

from __future__ import annotations

import os
from typing import Any

import bpy

from ...core.job import Job
from ...core.spec import Kind
from .. import said
from ..refusal import Refused
from ..session import files, looks, queue, watch
from .asking import JOB, Asks, Result

_RENDER = "Render of the Look"  # the datablock that the Image Editor shows meanwhile


class GROK_VIDEO_OT_compare_look(Asks, bpy.types.Operator):
    bl_idname = "grok_video.compare_look"
    bl_label = "Compare"
    bl_description = "Show the look in an Image Editor; press again for the render that it was made from, and again for the look"
    bl_options = {"INTERNAL"}

    job: JOB

    def run(self, context: bpy.types.Context) -> Result:
        if bpy.app.background:
            raise Refused("Pictures are compared in a window.")
        job = queue.job_of(self.job, lambda job: job.spec.kind is Kind.LOOK and bool(job.clip))
        if job.clip is None:
            raise Refused("This look is not there yet.", "Wait for it.")
        area = _editor(context)
        space: Any = area.spaces.active
        look = _picture(job.clip.path, "")
        shown = space.image
        if shown == look:
            space.image = _render_of(job)
        else:
            space.image = look
        if shown is not None and shown.name.startswith(_RENDER):
            looks.let_go(shown)
        files.show((job.clip.path,))
        area.tag_redraw()
        watch.redraw()
        return {"FINISHED"}


def _render_of(job: Job) -> bpy.types.Image:
    return _picture(job.spec.image, _RENDER)


def _picture(path: str, name: str) -> bpy.types.Image:
    """The datablock of the picture at ``path``, called ``name`` where that is given. Raises Refused."""
    if not os.path.isfile(path):
        raise Refused(f"The picture is gone: {path}.")
    before = set(bpy.data.images)
    try:
        image = bpy.data.images.load(path, check_existing=True)
    except said.BLENDERS_ERRORS as error:
        raise Refused(f"Blender cannot read the picture: {said.sentence(error)}") from error
    if name and image not in before:
        image.name = name
    return image


def _editor(context: bpy.types.Context) -> bpy.types.Area:
    """An Image Editor of any window, else one in a new window."""
    windows = list(context.window_manager.windows)
    for window in sorted(windows, key=lambda one: one != context.window):
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR" and area.ui_type == "IMAGE_EDITOR":
                return area
    bpy.ops.wm.window_new()
    fresh = next((one for one in context.window_manager.windows if one not in windows), None)
    if fresh is None:
        raise Refused("No window could be opened.", "Open an Image Editor.")
    area = max(fresh.screen.areas, key=lambda one: one.width * one.height)
    area.ui_type = "IMAGE_EDITOR"
    return area


register, unregister = bpy.utils.register_classes_factory((GROK_VIDEO_OT_compare_look,))
