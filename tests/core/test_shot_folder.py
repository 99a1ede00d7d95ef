"""The folder of an exported list: names of files, the list written again, and stills that are believed."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from grok_video.core.shot import Shot
from grok_video.core.shot_file import MOST_ROWS
from grok_video.core.spec import Source
from grok_video.farm.shot_folder import (
    FolderTrouble,
    Listed,
    ShotList,
    digest_of,
    names_for,
    put_still,
    read_list,
    still_of,
    write_list,
)

BLEND, OTHER = "a" * 64, "b" * 64
SHOTS = [Shot("a"), Shot("b"), Shot("c")]
LISTED = tuple(Listed(name, row, f"mark{row}", name, True, 1) for row, name in enumerate("abc"))


def test_thousands_of_one_name_take_no_time() -> None:
    begun = time.monotonic()
    names = names_for(["Shot"] * MOST_ROWS)
    assert len(set(names)) == MOST_ROWS
    assert names[-1] == f"shot_{MOST_ROWS}"
    assert time.monotonic() - begun < 3


def listing(*shots: Listed, scene: str = "Scene") -> ShotList:
    return ShotList("/film.blend", BLEND, scene, digest_of(SHOTS, "", ""), shots)


def written(folder: Path, *shots: Listed, scene: str = "Scene") -> ShotList:
    return write_list(folder, listing(*shots, scene=scene), SHOTS, "", "")


def test_a_list_that_is_written_again_keeps_what_went_along(tmp_path: Path) -> None:
    written(tmp_path, *LISTED[:2])
    (tmp_path / "claims").mkdir()
    dearer = replace(LISTED[1], price=2)
    assert written(tmp_path, dearer, LISTED[2]).shots == (LISTED[0], dearer, LISTED[2])
    assert read_list(tmp_path).shots == (LISTED[0], dearer, LISTED[2])


@pytest.mark.parametrize("what", ["file", "mark", "row", "scene"])
def test_no_claim_becomes_another_shots(tmp_path: Path, what: str) -> None:
    written(tmp_path, LISTED[0])
    (tmp_path / "claims").mkdir()
    other = {
        "file": replace(LISTED[0], file="z"),
        "mark": replace(LISTED[0], mark="z"),
        "row": replace(LISTED[1], file="a"),
        "scene": LISTED[0],
    }[what]
    with pytest.raises(FolderTrouble, match="another list"):
        written(tmp_path, other, scene="Other" if what == "scene" else "Scene")
    assert read_list(tmp_path) == listing(LISTED[0])


@pytest.mark.parametrize(
    "frame", ["NaN", "Infinity", "1e999", "1" * 400, '"1"', "null"], ids=lambda text: text[:8]
)
def test_a_still_with_a_frame_that_is_none_is_none(tmp_path: Path, frame: str) -> None:
    picture = tmp_path / "made.png"
    picture.write_bytes(b"picture")
    source = Source("CAMERA", scene="Scene", frame=1.0)
    put_still(tmp_path, "a", "mark", picture, "image/png", (4, 2), source, BLEND)
    assert still_of(tmp_path, "a", "mark", BLEND) is not None
    assert still_of(tmp_path, "a", "mark", OTHER) is None
    assert still_of(tmp_path, "a", "of another row", BLEND) is None
    note = tmp_path / "stills" / "a.json"
    text = note.read_text("utf-8")
    assert '"frame": 1.0' in text
    note.write_text(text.replace('"frame": 1.0', f'"frame": {frame}'), "utf-8")
    assert isinstance(json.loads(note.read_text("utf-8")), dict)
    assert still_of(tmp_path, "a", "mark", BLEND) is None
