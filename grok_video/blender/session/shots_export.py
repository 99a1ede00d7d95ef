"""A shot list as a job for a farm: the folder with the list, and what an engine reads beside it.

Owns which rows go along, and what is said of the others. How a folder and the jobs of engines look is ``farm``'s.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bpy

from ...core.amount import usd
from ...core.problem import ProblemCode
from ...core.record import record
from ...farm import flamenco, openjd
from ...farm.shot_folder import (
    LIST,
    FolderTrouble,
    Listed,
    ShotList,
    checksum_of,
    digest_of,
    names_for,
    write_list,
)
from .. import config, submission
from ..refusal import Refused
from . import shots

#: What can be written beside the list -> what artists read.
ENGINES = {"OPENJD": "Open Job Description", "FLAMENCO": "Flamenco"}


@record
class Exported:
    """What was written."""

    paths: tuple[Path, ...]
    listed: tuple[Listed, ...]
    price: int | None  # ticks; None where the price of a shot is not known
    left_out: tuple[str, ...]  # sentences: rows that did not go along, and why


def export(
    context: bpy.types.Context, scene: bpy.types.Scene, folder: Path, engine: str
) -> Exported:
    """Write the rows of ``scene``'s list that *Generate Shots* would buy, and the job of an engine ('': the list alone).

    Waits for the disk. Raises Refused, also for a file that is not saved as it is: hosts of a farm open the file.
    """
    refuse_unsaved()
    blend = bpy.data.filepath
    if not folder.parent.is_dir():
        raise Refused(f"There is no folder {folder.parent}.", "Choose one that all hosts share.")
    shots.marked(scene)
    listed, left_out = _listed(context, scene)
    if not listed:
        raise Refused(" ".join(["No shot of the list can be bought.", *left_out]))
    chosen = scene.grok_video
    rows = [submission.shots.as_data(scene, row) for row in chosen.shots]
    begin, end = chosen.shots_begin, chosen.shots_end
    try:
        listing = ShotList(
            blend, checksum_of(Path(blend)), scene.name, digest_of(rows, begin, end), listed
        )
        written = write_list(folder, listing, rows, begin, end)
        paths = [folder / LIST, *_write_job(folder, written.shots, engine)]
    except FolderTrouble as trouble:
        raise Refused(str(trouble), code=ProblemCode.FILE) from trouble
    except OSError as error:
        raise Refused(f"{blend} cannot be read: {error.strerror}.") from error
    prices = [one.price for one in listed]
    known = [price for price in prices if price is not None]
    total = sum(known) if len(known) == len(prices) else None
    return Exported(tuple(paths), listed, total, tuple(left_out))


def refuse_unsaved() -> None:
    """Raise Refused where the file that is open is not on the disk as it is."""
    if not bpy.data.filepath or not os.path.isfile(bpy.data.filepath):
        raise Refused("Save the file first: the hosts of a farm open it.")
    if bpy.data.is_dirty and not bpy.app.background:
        raise Refused("Save the file first: it has changes that the hosts of a farm would not see.")


def summary_of(made: Exported) -> str:
    """A sentence of what was written, and what it will cost."""
    count = len(made.listed)
    shots_told = "1 shot" if count == 1 else f"{count} shots"
    price = "at a price that is not known" if made.price is None else f"for {usd(made.price)}"
    return (
        f"{shots_told} {price}, when the farm buys them: {', '.join(path.name for path in made.paths)} "
        f"in {made.paths[0].parent}."
    )


def _listed(
    context: bpy.types.Context, scene: bpy.types.Scene
) -> tuple[tuple[Listed, ...], list[str]]:
    """The rows that go along, and sentences about those that would be wanted and cannot be bought."""
    wanted = {row.mark for row in shots.wanted(scene)}
    rows: list[tuple[int, Any, int | None]] = []
    left_out: list[str] = []
    for number, row in enumerate(scene.grok_video.shots):
        if row.mark not in wanted:
            continue
        draft = submission.shots.draft(context, scene, row)
        if why := submission.shots.refusal(context, scene, row, draft):
            left_out.append(f"“{row.name}” is left out: {why}")
        else:
            rows.append((number, row, submission.common.price_of(draft)))
    # Of all rows: what goes along today changes no shot's name, by which its still, claim and clip are known.
    files = names_for(row.name for row in scene.grok_video.shots)
    listed = (
        Listed(files[number], number, row.mark, row.name, row.source != "NONE", price)
        for number, row, price in rows
    )
    return tuple(listed), left_out


def _write_job(folder: Path, listed: tuple[Listed, ...], engine: str) -> list[Path]:
    """The files of an engine's job. Raises FolderTrouble."""
    stills = [one.file for one in listed if one.still]
    blend = bpy.data.filepath
    name = Path(blend).stem
    if engine == "OPENJD":
        used = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
        inputs = sorted({os.path.normpath(path) for path in used if os.path.isfile(path)})
        return openjd.write_bundle(folder, stills, config.PACKAGE, name, blend, inputs)
    if engine == "FLAMENCO":
        return flamenco.write_job(folder, stills, config.PACKAGE, name, blend, sys.platform)
    return []
