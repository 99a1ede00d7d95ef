"""What a scene says of the slots that were placed in it, in its file.

By it a clip whose slot was removed is told from a clip whose file was never saved with the slot.
"""

from __future__ import annotations

from typing import Any, cast

import bpy

#: Custom property of a scene: the slots that were placed in it and whose clips have not come, with blanks between. By it
#: a clip whose slot was removed is told from one whose file was never saved with the slot.
SLOTS_PROPERTY = "grok_video_slots"
_LONGEST_MARKS = 1 << 16  # characters: two thousand slots have no more


def marks_of(scene: bpy.types.Scene) -> list[str]:
    """The jobs whose slots were placed in a scene, and whose clips have not come."""
    value = cast(Any, scene).get(SLOTS_PROPERTY)  # scripts write anything
    return value.split() if isinstance(value, str) and len(value) <= _LONGEST_MARKS else []


def mark(scene: bpy.types.Scene, job_id: str) -> None:
    """Note that the slot of a job was placed in ``scene``. No undo step is made: an undo may take the note back."""
    marks = [*(known for known in marks_of(scene) if known != job_id), job_id]
    cast(Any, scene)[SLOTS_PROPERTY] = " ".join(marks)[-_LONGEST_MARKS:]


def unmark(scene: bpy.types.Scene, job_id: str) -> None:
    """Note that the clip of a job has come."""
    marks = marks_of(scene)
    if job_id in marks:
        cast(Any, scene)[SLOTS_PROPERTY] = " ".join(known for known in marks if known != job_id)
