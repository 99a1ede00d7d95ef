"""The mark of a row of a shot list that has none: the same each time the file is opened, until the file is saved with it.

A file may be saved before its list is bought, and not again afterwards: by a Blender that crashed, by a task of an engine
that is run once more. By a mark of chance the row would be another one then, and be bought again.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import bpy

from ...core.paths import spelling
from ...core.spec import new_id
from .. import submission

_LENGTH = 32  # characters, as of any id


def mark_of(scene: bpy.types.Scene, row: Any, number: int = 0) -> str:
    """The mark of a row of ``scene``'s list in the file that is open; ``number``: of how many like it before it.

    In a file that was never saved, a mark of chance.
    """
    if not bpy.data.filepath:
        return new_id()
    shot = replace(submission.shots.as_data(scene, row), enabled=True)
    of = repr((spelling(bpy.data.filepath), scene.name, shot, number))
    return hashlib.sha256(of.encode("utf-8", "surrogateescape")).hexdigest()[:_LENGTH]
