"""Flamenco's job type, run in node with the globals of its Manager."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grok_video.core.shot import Shot
from grok_video.core.spec import new_id
from grok_video.farm import flamenco
from grok_video.farm.shot_folder import Listed, ShotList, digest_of, write_list
from tests.farm.conftest import HERE, run

ADD_ON = "bl_ext.user_default.grok_video"


def compiled(node: str, folder: Path, settings: dict[str, Any]) -> Any:
    """The job that the Manager would make; None and what was said where it refuses."""
    (folder / flamenco.FILE).write_text(flamenco.job_type(ADD_ON), "utf-8")
    told = json.dumps({"settings": settings})
    done = run([node, str(HERE / "flamenco_manager.js"), str(folder / flamenco.FILE), told])
    return json.loads(done.stdout) if done.returncode == 0 else done.stdout


def job(tmp_path: Path, stills: list[str]) -> dict[str, Any]:
    return flamenco.job(stills, ADD_ON, "Reel 1", "/jobs/film.blend", str(tmp_path), "linux")


def test_tasks_types_and_dependencies(node: str, tmp_path: Path) -> None:
    made = compiled(node, tmp_path, job(tmp_path, ["s010", "s020"])["settings"])
    tasks = {task["name"]: task for task in made["tasks"]}
    names = {task["uuid"]: name for name, task in tasks.items()}
    assert [(name, task["type"]) for name, task in tasks.items()] == [
        ("still-s010", "blender"),
        ("still-s020", "blender"),
        ("buy", "grok-video"),
        ("place", "blender"),
    ]
    after = {name: [names[one] for one in task["dependencies"]] for name, task in tasks.items()}
    assert after == {
        "still-s010": [],
        "still-s020": [],
        "buy": ["still-s010", "still-s020"],
        "place": ["buy"],
    }
    for task in tasks.values():
        (command,) = task["commands"]
        given = command["parameters"]
        assert command["name"] == "blender-render"
        assert (given["exe"], given["exeArgs"]) == ("{blender}", "{blenderArgs}")
        assert given["blendfile"] == "/jobs/film.blend"
        assert "--command" in given["args"]
    words = tasks["still-s020"]["commands"][0]["parameters"]["args"]
    assert words[words.index("shots") :] == [
        "shots", "stills", "--folder", str(tmp_path), "--shot", "s020",
    ]  # fmt: skip


def test_a_list_of_text_alone_has_no_stills(node: str, tmp_path: Path) -> None:
    made = compiled(node, tmp_path, job(tmp_path, [])["settings"])
    assert [task["name"] for task in made["tasks"]] == ["buy", "place"]


@pytest.mark.parametrize("shots", ["../x", "a,a", "a b", "S", "x" * 65, "a;b"])
def test_no_other_name_becomes_a_task(node: str, tmp_path: Path, shots: str) -> None:
    settings = job(tmp_path, [])["settings"] | {"shots": shots}
    assert "shot" in compiled(node, tmp_path, settings).lower()


def test_flamencos_add_on_finds_the_shots_in_the_folder(node: str, tmp_path: Path) -> None:
    shots = [Shot("Take {1}"), Shot("Text", source="NONE"), Shot("Take 2")]
    listed = tuple(
        Listed(file, row, new_id(), shots[row].name, shots[row].source != "NONE", 1)
        for row, file in enumerate(("take_1", "text", "take_2"))
    )
    digest = digest_of(shots, "", "")
    write_list(tmp_path, ShotList("/film.blend", "0" * 64, "Scene", digest, listed), shots, "", "")
    made = compiled(node, tmp_path, job(tmp_path, ["take_1"])["settings"])
    settings = {one["key"]: one for one in made["settings"]}

    class Settings:
        folder = str(tmp_path)

    names = {"Path": Path, "abspath": str, "settings": Settings}
    assert eval(settings["shots"]["eval"], {}, names) == "take_1,take_2"
    # What Flamenco knows of a setting: anything else is refused when the Manager loads the file.
    known = {
        *(
            "key",
            "type",
            "subtype",
            "choices",
            "propargs",
            "description",
            "label",
            "default",
            "eval",
        ),
        *("evalInfo", "visible", "required", "editable"),
    }
    for one in settings.values():
        assert set(one) <= known
        assert one["type"] == "string"
        assert one.get("visible", "visible") in ("visible", "hidden", "submission", "web")
    assert settings["add_on"]["default"] == ADD_ON


def test_the_job_is_one_of_that_type(tmp_path: Path) -> None:
    type_file, job_file = flamenco.write_job(
        tmp_path, ["s010"], ADD_ON, "Reel", "/jobs/film.blend", "win32"
    )
    made = json.loads(job_file.read_text("utf-8"))
    assert made["type"] == type_file.stem.replace("_", "-")
    assert made["submitter_platform"] == "windows"
    assert made["settings"]["shots"] == "s010"
