"""A person's folders with blanks and letters of other alphabets: the extension, its list, clips and bakes lie in them."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import pictures
from .others import DATA_HOME, DATA_NAME, Other
from .test_lives import installed, state_of

#: Three seconds of a size and a rate at which the frames' numbers can be read.
SHOT = f"""
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = {pictures.WIDTH}, {pictures.HEIGHT}
scene.render.fps, scene.grok_video.duration = 24, 3
"""
#: The clip is cut, so that what is sent is baked by a second Blender.
EXTEND = """
editor = bpy.context.scene.sequence_editor
(movie,) = editor.strips if hasattr(editor, "strips") else editor.sequences
movie.frame_final_end = 61
editor.active_strip = movie
scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "It goes on", 2
scene.grok_video.generate_audio = False
bpy.ops.grok_video.extend()
bpy.ops.wm.save_mainfile()
"""


@pytest.mark.parametrize("name", ["Zoë O'Hara (1)", "Юлия 雪 100% #2"])
def test_a_clip_and_its_extension(
    blender: ModuleType, stand_in: Any, archive: Path, tmp_path: Path, name: str
) -> None:
    home = tmp_path / name
    folders = {"HOME": home, "USERPROFILE": home, "BLENDER_USER_RESOURCES": home / "Blender"}
    folders |= dict.fromkeys(("TEMP", "TMP", "TMPDIR"), home / "Temp")
    folders[DATA_HOME] = home / "App Data"
    (home / "Temp").mkdir(parents=True)
    blend = home / "Übung 1.blend"
    environment = {name: str(folder) for name, folder in folders.items()}
    with Other.start(tmp_path / "other.log", **environment) as other:
        installed(other, archive, blend, "A heron lifts off")
        other.do(SHOT)
        job = other.do("click()")
        other.until(f"{state_of(job)} == 'IMPORTED'")
        other.do(EXTEND)
        jobs = other.do("jobs()")
    assert [one["state"] for one in jobs] == ["IMPORTED", "IMPORTED"]
    assert {Path(one["path"]).parent for one in jobs} == {home / "grok_video"}
    assert (folders[DATA_HOME] / DATA_NAME / "ledger.sqlite3").is_file()
    assert len(stand_in.jobs()) == 2
    blender.ops.wm.open_mainfile(filepath=str(blend))
    shown = [
        pictures.number_of(pictures.see(blender.context.scene, tmp_path, frame))
        for frame in (1, 2, 59, 60, 61, 62, 80)
    ]
    assert shown == [0, 1, 58, 59, 60, 61, 79]
