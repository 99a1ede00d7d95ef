"""The job bundle of Open Job Description, as its own tools read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grok_video.farm import openjd
from tests.farm.conftest import openjd as run

ADD_ON = "bl_ext.user_default.grok_video"


def bundle(folder: Path, stills: list[str], name: str = "Reel 1") -> Path:
    paths = openjd.write_bundle(
        folder, stills, ADD_ON, name, str(folder / "film.blend"), [str(folder / "wood.png")]
    )
    assert [path.name for path in paths] == [
        "template.json",
        "parameter_values.json",
        "asset_references.json",
    ]
    (folder / "film.blend").touch()
    return folder


@pytest.mark.parametrize("count", [0, 1, 3, 1024, 1025, 2500])
def test_a_list_of_any_length_passes_the_checks(tmp_path: Path, count: int) -> None:
    folder = bundle(tmp_path, [f"s{number:05}" for number in range(count)])
    checked = run("check", str(folder / "template.json"))
    assert checked.returncode == 0, checked.stdout
    values = folder / "parameter_values.json"
    told = {
        one["name"]: one["value"]
        for one in json.loads(values.read_text("utf-8"))["parameterValues"]
    }
    arguments = [word for name, value in told.items() for word in ("-p", f"{name}={value}")]
    said = run("summary", str(folder / "template.json"), *arguments, "--output", "json")
    assert said.returncode == 0, said.stdout
    summary = json.loads(said.stdout)
    steps = {step["name"]: step for step in summary["steps"]}
    assert summary["total_tasks"] == count + 2
    stills = [name for name in steps if name.startswith("Stills")]
    assert len(stills) == -(-count // 1024)
    assert all(steps[name]["total_tasks"] <= 1024 for name in stills)
    assert steps["Buy"]["total_tasks"] == steps["Place"]["total_tasks"] == 1
    template = json.loads((folder / "template.json").read_text("utf-8"))
    after = {
        step["name"]: [one["dependsOn"] for one in step.get("dependencies", [])]
        for step in template["steps"]
    }
    assert after["Buy"] == stills
    assert after["Place"] == ["Buy"]
    assert (folder / "template.json").stat().st_size < openjd.MOST_TEMPLATE


def test_a_list_of_ten_thousand_fits() -> None:
    names = [f"{'x' * 35}_{number:04}" for number in range(10_000)]
    assert len(json.dumps(openjd.template(names, ADD_ON), indent=1)) < openjd.MOST_TEMPLATE


def test_no_name_and_no_path_is_syntax(tmp_path: Path) -> None:
    """Braces are syntax in a template: what artists call things stands in values alone."""
    folder = bundle(tmp_path, ["s010"], "{{Param.Evil}} \x00\n" + "é" * 300)
    assert run("check", str(folder / "template.json")).returncode == 0
    values = json.loads((folder / "parameter_values.json").read_text("utf-8"))["parameterValues"]
    (name,) = (one["value"] for one in values if one["name"] == "JobName")
    assert name.isprintable()
    assert len(name) <= 128
    assert "Evil" not in (folder / "template.json").read_text("utf-8")


def test_the_folder_of_claims_is_never_copied(tmp_path: Path) -> None:
    """A host with a copy of the folder would find no claim in it, and buy again."""
    folder = bundle(tmp_path, ["s010"])
    template = json.loads((folder / "template.json").read_text("utf-8"))
    parameters = {one["name"]: one for one in template["parameterDefinitions"]}
    assert parameters["Folder"]["dataFlow"] == "NONE"
    assert parameters["BlendFile"]["dataFlow"] == "IN"
    references = json.loads((folder / "asset_references.json").read_text("utf-8"))[
        "assetReferences"
    ]
    assert references["inputs"]["directories"] == references["outputs"]["directories"] == []
    assert references["inputs"]["filenames"] == [
        str(folder / "film.blend"),
        str(folder / "wood.png"),
    ]
