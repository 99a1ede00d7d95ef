"""Finding a chosen datablock again by what stays of the datablock, never by its name alone.

Within one Blender and one opened file that is Blender's ``session_uid``, which renaming and undo leave alone (measured
in 4.2 and 4.5), for a linked datablock the library and name too. A scene that takes a clip is found across sessions by
a mark, a custom property.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

import bpy

from ..core.record import record
from ..core.spec import Target, new_id

#: Custom property of a scene that takes clips: the marks of the jobs, with blanks between. Files and copies keep it.
SCENE_PROPERTY = "grok_video_scene"
_LONGEST_MARKS = 1 << 16  # characters

_Block = TypeVar("_Block", bound=bpy.types.ID)


def named(blocks: Iterable[_Block], name: str) -> _Block | None:
    """The datablock of that name: a linked one only where no local one has the name, or by its full name.

    Blender's full name of a linked datablock is "Camera [props.blend]".
    """
    alike = [block for block in blocks if name in (block.name, block.name_full)]
    return next((block for block in alike if block.name_full == name), next(iter(alike), None))


@record
class Meant:
    """A scene or an object that was chosen, to be found again while the file stays open."""

    uid: int  # Blender's session_uid
    name: str  # at the choice
    library: str = ""  # path of the library as Blender has it; '' for a local datablock

    @staticmethod
    def of(block: bpy.types.ID) -> Meant:
        """The datablock that is chosen now."""
        return Meant(block.session_uid, block.name, block.library.filepath if block.library else "")

    def find(self, blocks: Iterable[_Block]) -> _Block | None:
        """The chosen datablock among ``blocks``, under whatever name; None when the datablock is gone."""
        every = list(blocks)
        found = next((block for block in every if block.session_uid == self.uid), None)
        if found is not None or not self.library:
            return found
        # Reloading a library makes every datablock of it anew.
        return next(
            (
                block
                for block in every
                if block.library is not None
                and (block.name, block.library.filepath) == (self.name, self.library)
            ),
            None,
        )


def scene_mark(scene: bpy.types.Scene, session: str) -> str:
    """The mark by which ``scene_of`` finds this scene again in a file; the scene has it once ``mark_scene`` was called.

    An old mark serves again unless another scene has the same, which was copied from this one then, or this one from
    that. The first mark of a session is the same after an undo that has taken it back.
    """
    taken = {mark for other in _local() if other != scene for mark in _marks(other)}
    for known in (*reversed(_marks(scene)), f"{session}-{scene.session_uid}"):
        if known not in taken:
            return known
    return new_id()


def mark_scene(scene: bpy.types.Scene, mark: str) -> None:
    """Let ``scene`` bear ``mark``. No undo step is made: an undo may take the mark back."""
    marks = _marks(scene)
    if mark not in marks:
        scene[SCENE_PROPERTY] = " ".join((*marks, mark))


def bears(scene: bpy.types.Scene, mark: str) -> bool:
    """Whether ``scene`` bears the mark, as a scene does in every file that was saved from the one of the click."""
    return bool(mark) and mark in _marks(scene)


def unmark_scene(scene: bpy.types.Scene) -> None:
    """Take the marks off a temporary copy of a scene, which no clip is for."""
    if SCENE_PROPERTY in scene:
        del scene[SCENE_PROPERTY]


def scene_of(target: Target, *, same_file: bool) -> bpy.types.Scene | None:
    """The local scene that takes a job's clip; None when it is gone, or cannot be told from its copies.

    ``same_file``: the file of the click is open in the same Blender since then, so ``session_uid`` tells. Else the
    scene with the mark counts, of several the one that has the name still; where none has the mark (the file was not
    saved after the click, or the job is from 0.1.0) the name alone.
    """
    every = _local()
    if same_file and target.scene_uid:
        return next((scene for scene in every if scene.session_uid == target.scene_uid), None)
    marked = [s for s in every if target.scene_mark in _marks(s)] if target.scene_mark else []
    if len(marked) == 1:
        return marked[0]
    return next((scene for scene in marked or every if scene.name == target.scene), None)


def _local() -> list[bpy.types.Scene]:
    return [scene for scene in bpy.data.scenes if scene.library is None]


def _marks(scene: bpy.types.Scene) -> list[str]:
    value = cast(Any, scene).get(SCENE_PROPERTY)  # scripts write anything
    return value.split() if isinstance(value, str) and len(value) <= _LONGEST_MARKS else []
