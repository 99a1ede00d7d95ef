"""Shot lists from files and into files: *From File…*, *Export…*, *Export Template…*."""

from __future__ import annotations

import os
from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from ...core import shot_file
from ...core.files import BLENDERS_PATIENCE, open_given, write_whole
from ...core.legible import legible, tell
from ...core.shot import Shot, frame_at
from ...core.spec import new_id
from .. import folders, identity, scenes, submission, telling, timeline
from ..refusal import Refused
from .asking import Asks, Result
from .shots_list import list_scene

_SHOWN = 3  # bad rows that a sentence names; the console has all
_BY_NAME = {"scene": "scenes", "camera": "objects", "image": "images"}


class GROK_VIDEO_OT_shots_from_file(Asks, bpy.types.Operator):
    bl_idname = "grok_video.shots_from_file"
    bl_label = "Shots from File"
    bl_description = "Add the shots of a CSV or JSON file to the list. Export Template shows which columns there are"
    bl_options = {"REGISTER", "UNDO"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.csv;*.tsv;*.txt;*.json", options={"HIDDEN"})

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> Result:
        scene = list_scene(context)
        found = _read(self.filepath)
        chosen = scene.grok_video
        added = 0
        for number, shot in enumerate(found.shots):
            try:
                _add(context, scene, shot)
                added += 1
            except Refused as error:
                found.bad.append(shot_file.Bad(found.rows[number], str(error)))
        chosen.shots_begin = found.begin or chosen.shots_begin
        chosen.shots_end = found.end or chosen.shots_end
        if added:
            chosen.shots_index = len(chosen.shots) - 1
        return _told(self, added, found)


class GROK_VIDEO_OT_export_shots(Asks, bpy.types.Operator):
    bl_idname = "grok_video.export_shots"
    bl_label = "Export Shots"
    bl_description = "Write the shot list into a CSV or, by its suffix, a JSON file"
    bl_options = {"REGISTER"}

    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_glob: StringProperty(default="*.csv;*.json", options={"HIDDEN"})
    check_existing: BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    template: BoolProperty(
        name="Template",
        description="Write a few rows that show what goes into the columns, and not the list",
        options={"SKIP_SAVE"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Result:
        if not self.filepath:
            name = os.path.splitext(os.path.basename(bpy.data.filepath))[0] or "untitled"
            self.filepath = f"{'shots-template' if self.template else f'{name}-shots'}.csv"
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def run(self, context: bpy.types.Context) -> Result:
        scene = context.scene
        chosen = scene.grok_video
        shots = [submission.shots.as_data(scene, row) for row in chosen.shots]
        if self.template:
            shots = list(shot_file.template())
        if not shots:
            raise Refused("There is no shot in the list.", "Export Template writes an example.")
        path = folders.understood(self.filepath)
        if path is None:
            raise Refused("There is no name for the file.")
        if path.suffix.lower() not in (".csv", ".json"):
            path = path.with_name(f"{path.name}.csv")
        if path.suffix.lower() == ".json":
            words = {} if self.template else _words_of(chosen)
            data = shot_file.to_json(shots, **words)
        else:
            data = shot_file.to_csv(shots)
        try:
            write_whole(path, data, durable=False, private=False, patience=BLENDERS_PATIENCE)
        except OSError as error:
            raise Refused(f"“{path}” cannot be written: {error.strerror}.") from error
        telling.report(self, "INFO", f"{_count(len(shots))} written to “{path.name}”")
        return {"FINISHED"}


def _words_of(chosen: Any) -> dict[str, str]:
    return {"begin": chosen.shots_begin, "end": chosen.shots_end}


def _read(typed: str) -> shot_file.ShotFile:
    path = folders.understood(typed)
    if path is None:
        raise Refused("No file was chosen.")
    try:
        with open_given(path) as file:
            return shot_file.parse(file.read(shot_file.MOST_BYTES + 1))
    except OSError as error:
        raise Refused(f"“{path}” cannot be read: {error.strerror}.") from error


def _add(context: bpy.types.Context, scene: bpy.types.Scene, shot: Shot) -> None:
    """Add a row that says what ``shot`` says. Raises Refused where the file has nothing of a name, and adds none."""
    blocks: dict[str, Any] = {}
    for name, collection in _BY_NAME.items():
        wanted = getattr(shot, name)
        block = identity.named(getattr(bpy.data, collection), wanted) if wanted else None
        if wanted and (block is None or (name == "camera" and block.type != "CAMERA")):
            raise Refused(f"There is no {name} “{wanted}” in this file.")
        blocks[name] = block
    row: Any = scene.grok_video.shots.add()
    row.mark = new_id()
    for name in shot_file.COLUMNS:
        if name not in _BY_NAME and name != "target_frame":
            setattr(row, name, getattr(shot, name))
    for name, block in blocks.items():
        setattr(row, name, block)
    if shot.target_frame is None:
        edit = timeline.strips.target_scene(context)
        rendered = blocks["scene"] or scene
        of_edit = shot.source == "STRIP"
        rate = scenes.rate(edit) if of_edit else scenes.rate(rendered)
        row.target_frame = frame_at(shot.frame, rate, scenes.rate(edit))
    else:
        row.target_frame = shot.target_frame


def _count(number: int) -> str:
    return "1 shot" if number == 1 else f"{number} shots"


def _told(operator: bpy.types.Operator, added: int, found: shot_file.ShotFile) -> Result:
    """Report what came and what did not; the console has every bad row."""
    bad = sorted(found.bad, key=lambda one: one.row)
    lines = [legible(f"Row {one.row}: {one.sentence}" if one.row else one.sentence) for one in bad]
    if not added:
        raise Refused(f"No shot was added. {' '.join(lines[:_SHOWN])}".strip())
    if bad:
        for line in lines:
            tell(f"Grok Video: {line}")
        more = f" The console tells of {len(bad) - _SHOWN} more." if len(bad) > _SHOWN else ""
        words = f"{_count(added)} added, {len(bad)} not. {' '.join(lines[:_SHOWN])}{more}"
        telling.report(operator, "WARNING", words)
    elif found.unknown:
        passed = ", ".join(f"“{name}”" for name in found.unknown[:_SHOWN])
        telling.report(operator, "WARNING", f"{_count(added)} added. Not known: column {passed}")
    else:
        telling.report(operator, "INFO", f"{_count(added)} added")
    return {"FINISHED"}


register, unregister = bpy.utils.register_classes_factory(
    (GROK_VIDEO_OT_shots_from_file, GROK_VIDEO_OT_export_shots)
)
