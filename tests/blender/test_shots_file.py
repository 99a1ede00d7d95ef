"""Shot lists from files and into files: bad rows are told, good ones come, and what is written is read again."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_orders import refused
from .test_variants import add_camera

Module = Callable[[str], ModuleType]
KEPT = ("name", "enabled", "prompt", "source", "strip", "frame", "seconds", "model", "resolution")
FIELDS = (*KEPT, "scene", "camera", "image", "target_frame")


@pytest.fixture
def listed(scene: Any) -> Any:
    """The settings of a scene with a camera *Cam* and a second scene *Set* of 30 frames a second."""
    add_camera(scene)
    scene.camera.name = "Cam"
    scene.render.fps = 24
    other = bpy.data.scenes.new("Set")
    other.render.fps = 30
    return scene.grok_video


def from_file(path: Path, text: str) -> set[Any]:
    path.write_text(text, "utf-8")
    return bpy.ops.grok_video.shots_from_file(filepath=str(path))


def told(rows: Any) -> list[dict[str, Any]]:
    return [{name: getattr(row, name) for name in FIELDS} for row in rows]


def test_rows_come_with_what_they_name(listed: Any, tmp_path: Path) -> None:
    picture = bpy.data.images.new("frame.png", 4, 4)
    from_file(
        tmp_path / "list.csv",
        "name;prompt;source;scene;camera;image;frame;seconds;target frame;model;enabled\n"
        'sh1;"one; two\nthree";;Set;Cam;;60;4;;;no\n'
        "sh2;{shot} {a|b};image;;;frame.png;;;-7;grok-imagine-video;\n",
    )
    first, second = listed.shots
    assert (first.prompt, first.scene, first.camera) == (
        "one; two\nthree",
        bpy.data.scenes["Set"],
        bpy.data.objects["Cam"],
    )
    # At the same time: second 2 of a scene of 30 frames a second, in an edit of 24.
    assert (first.frame, first.target_frame, first.seconds, first.enabled) == (60, 48, 4, False)
    assert (second.source, second.image, second.target_frame) == ("IMAGE", picture, -7)
    assert second.prompt == "{shot} {a|b}"
    assert first.mark
    assert second.mark
    assert first.mark != second.mark


def test_a_row_that_names_what_is_not_there_stays_out_alone(
    listed: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bpy.data.objects.new("Not a Camera", None)
    from_file(
        tmp_path / "list.csv",
        "name,scene,camera,frame\na,,Cam,1\nb,Nowhere,,1\nc,,Not a Camera,1\nd,,Gone,1\ne,,,x\nf,,,2\n",
    )
    assert [row.name for row in listed.shots] == ["a", "f"]
    said = capfd.readouterr().out
    for number, about in (
        (3, "scene “Nowhere”"),
        (4, "camera “Not a Camera”"),
        (5, "“Gone”"),
        (6, "“frame”"),
    ):
        assert any(f"Row {number}:" in line and about in line for line in said.splitlines()), said


@pytest.mark.parametrize("suffix", ["csv", "json", "txt"])
def test_an_exported_list_comes_back_as_it_was(listed: Any, tmp_path: Path, suffix: str) -> None:
    bpy.data.images.new("frame.png", 4, 4)
    (tmp_path / "list.json").write_text(
        json.dumps(
            {
                "begin": "Film.",
                "end": "Grain.",
                "shots": [
                    {
                        "name": "=a",
                        "prompt": '@Anna "x",\n{y}',
                        "scene": "Set",
                        "camera": "Cam",
                        "frame": 30,
                    },
                    {"source": "IMAGE", "image": "frame.png", "enabled": False, "seconds": 3},
                    {"source": "STRIP", "strip": "+Movie", "frame": -4, "resolution": "480p"},
                ],
            }
        ),
        "utf-8",
    )
    bpy.ops.grok_video.shots_from_file(filepath=str(tmp_path / "list.json"))
    before = told(listed.shots)
    assert len(before) == 3
    assert (listed.shots_begin, listed.shots_end) == ("Film.", "Grain.")
    bpy.ops.grok_video.export_shots(filepath=str(tmp_path / f"out.{suffix}"))
    written = tmp_path / ("out.txt.csv" if suffix == "txt" else f"out.{suffix}")
    listed.shots.clear()
    bpy.ops.grok_video.shots_from_file(filepath=str(written))
    assert told(listed.shots) == before
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_the_template_is_a_list_that_comes(listed: Any, tmp_path: Path) -> None:
    bpy.data.objects["Cam"].name = "Camera"
    bpy.ops.grok_video.export_shots(filepath=str(tmp_path / "t.csv"), template=True)
    assert len(listed.shots) == 0
    with (tmp_path / "t.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    bpy.ops.grok_video.shots_from_file(filepath=str(tmp_path / "t.csv"))
    assert len(listed.shots) == len(rows) - 1


def test_what_cannot_be_read_or_written_is_a_sentence(listed: Any, tmp_path: Path) -> None:
    ops = bpy.ops.grok_video
    refused(lambda: ops.shots_from_file(filepath=str(tmp_path / "no")), "cannot be read")
    refused(lambda: ops.shots_from_file(filepath=str(tmp_path)), "cannot be read")
    refused(lambda: ops.shots_from_file(filepath=" "), "No file")
    (tmp_path / "empty.csv").write_bytes(b"")
    refused(lambda: ops.shots_from_file(filepath=str(tmp_path / "empty.csv")), "no shot")
    refused(lambda: ops.export_shots(filepath=str(tmp_path / "o.csv")), "no shot")
    from_file(tmp_path / "list.csv", "name\na\n")
    gone = tmp_path / "gone" / "o.csv"
    refused(lambda: ops.export_shots(filepath=str(gone)), "cannot be written")
    (tmp_path / "o.csv").mkdir()
    refused(lambda: ops.export_shots(filepath=str(tmp_path / "o.csv")), "cannot be written")
    assert not list(tmp_path.glob(".*"))


def test_a_thousand_rows_come(listed: Any, tmp_path: Path) -> None:
    from_file(tmp_path / "list.csv", "name,frame\n" + "".join(f"s{n},{n}\n" for n in range(1000)))
    assert len(listed.shots) == 1000
    assert len({row.mark for row in listed.shots}) == 1000
