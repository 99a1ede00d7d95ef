"""An exported shot list on the hosts of a farm: stills once, one request a shot, clips in a file beside them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_orders import bodies
from .test_variants import add_camera, jobs_of, movies

Module = Callable[[str], ModuleType]


def add(scene: Any, name: str, **fields: Any) -> Any:
    row = scene.grok_video.shots.add()
    row.name, row.source, row.prompt = name, "NONE", f"Shot {name}"
    row.target_frame = 1 + 100 * (len(scene.grok_video.shots) - 1)
    for field, value in fields.items():
        setattr(row, field, value)
    return row


def add_cube(scene: Any) -> None:
    """What a camera at x = 6 sees: a lit cube before the dark, so no picture of one colour."""
    add_camera(scene)
    scene.camera.location, scene.camera.rotation_euler = (6.0, 0.0, 0.0), (1.5708, 0.0, 1.5708)
    bpy.ops.mesh.primitive_cube_add(size=2)
    bpy.ops.object.light_add(type="SUN", rotation=(0.0, 1.0, 0.3))


def saved() -> Path:
    bpy.ops.wm.save_mainfile()
    return Path(bpy.data.filepath)


def reopened(blend: Path) -> Any:
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    return bpy.context.scene


def refusal(module: Module) -> type[Exception]:
    return module("blender.refusal").Refused


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Farm:
    """A saved file with a list of three shots, exported into a folder, as a host of a farm has it open."""

    def __init__(self, scene: Any, module: Module, folder: Path, engine: str = "") -> None:
        add_cube(scene)
        add(scene, "S 010", source="CAMERA", frame=3)
        add(scene, "S 010", source="CAMERA", frame=7)
        add(scene, "title")
        self.folder, self.module = folder, module
        module("blender.session.shots").marked(scene)
        self.blend = saved()
        export = module("blender.session.shots_export").export
        self.exported = export(bpy.context, scene, folder, engine)
        self.load()

    def load(self) -> None:
        self.scene = reopened(self.blend)
        self.host = self.module("blender.session.farm")
        self.of = self.host.opened(self.folder)

    @property
    def shots(self) -> list[Any]:
        return list(self.of.listing.shots)

    def stills(self) -> int:
        made = 0
        for listed in self.shots:
            if listed.still and not self.host.has_still(self.of, listed):
                self.host.make_still(bpy.context, self.of, listed)
                made += 1
        return made

    def buy(self) -> dict[str, tuple[str, str]]:
        done = self.host.buying_of(bpy.context, self.of, self.shots)
        self.host.follow(done, lambda: None)
        return {one.listed.file: (str(one.end), one.sentence) for one in done.shots}

    def place(self, *, in_place: bool = False) -> tuple[dict[str, str], Path]:
        said = self.host.place(bpy.context, self.of, self.shots)
        return said, self.host.save_placed(self.of, in_place=in_place)


@pytest.fixture
def farm(scene: Any, module: Module, tmp_path: Path) -> Farm:
    return Farm(scene, module, tmp_path / "share")


ALL_DONE = {name: ("DONE", "") for name in ("s_010", "s_010_2", "title")}


def test_a_list_goes_through_a_farm(farm: Farm, stand_in: Any, module: Module) -> None:
    before = sha256(farm.blend)
    assert [one.file for one in farm.exported.listed] == list(ALL_DONE)
    assert farm.stills() == 2
    notes = {path.name for path in (farm.folder / "stills").iterdir()}
    assert notes == {"s_010.png", "s_010.json", "s_010_2.png", "s_010_2.json"}
    assert bodies(stand_in) == []
    assert farm.buy() == ALL_DONE
    assert sorted(body["prompt"] for body in bodies(stand_in)) == [
        "Shot S 010",
        "Shot S 010",
        "Shot title",
    ]
    # What was sent are the stills of the folder.
    sent = {stand_in.image(job["image"]) for job in stand_in.jobs() if job["image"]}
    assert sent == {
        (farm.folder / "stills" / f"{name}.png").read_bytes() for name in ("s_010", "s_010_2")
    }
    assert {job.spec.shot_name for job in jobs_of(module)} == {"S 010", "title"}
    assert {job.state.name for job in jobs_of(module)} == {"READY"}
    said, result = farm.place()
    assert said == dict.fromkeys(ALL_DONE, "")
    assert result == farm.folder / "shot_clips.blend"
    assert sha256(farm.blend) == before, "the input file was touched"
    assert [path.name for path in farm.folder.glob("*.blend*")] == ["shot_clips.blend"]
    scene = reopened(result)
    span = module("blender.compat").span
    found = sorted((span(strip)[0], strip.filepath) for strip in movies(scene))
    assert found == [
        (1, "//clips/s_010.mp4"),
        (101, "//clips/s_010_2.mp4"),
        (201, "//clips/title.mp4"),
    ]
    assert all(os.path.isfile(bpy.path.abspath(path)) for _, path in found)


def test_whatever_runs_again_makes_and_buys_nothing_again(farm: Farm, stand_in: Any) -> None:
    farm.stills()
    still = farm.folder / "stills" / "s_010.png"
    at = still.stat().st_mtime_ns
    assert farm.buy() == ALL_DONE
    farm.place()
    farm.load()
    assert farm.stills() == 0
    assert still.stat().st_mtime_ns == at
    assert farm.buy() == ALL_DONE
    _, result = farm.place()
    assert len(bodies(stand_in)) == 3
    assert len(movies(reopened(result))) == 3


@pytest.mark.parametrize("damage", ["torn", "gone", "no note", "of another file"])
def test_a_still_that_is_not_whole_is_rendered_again_and_never_bought(
    farm: Farm, stand_in: Any, damage: str
) -> None:
    farm.stills()
    still = farm.folder / "stills" / "s_010.png"
    note = still.with_suffix(".json")
    if damage == "torn":
        still.write_bytes(still.read_bytes()[:-10])
    elif damage == "gone":
        still.unlink()
    elif damage == "no note":
        note.write_bytes(b"{")
    else:
        told = json.loads(note.read_text("utf-8"))
        note.write_text(json.dumps(told | {"blend": "0" * 64}), "utf-8")
    said = farm.buy()
    assert said["s_010"][0] == "REFUSED"
    assert "no whole still" in said["s_010"][1]
    assert said["s_010_2"] == said["title"] == ("DONE", "")
    assert not (farm.folder / "claims" / "s_010.json").exists()
    assert farm.stills() == 1
    assert farm.buy() == ALL_DONE
    assert len(bodies(stand_in)) == 3


def test_images_strips_and_drafts_go_along(
    scene: Any, module: Module, tmp_path: Path, stand_in: Any
) -> None:
    picture = bpy.data.images.new("Wood", 64, 36)
    picture.pixels[:] = [value for at in range(64 * 36) for value in (at % 64 / 64, 0.5, 0.1, 1.0)]
    picture.filepath_raw, picture.file_format = str(tmp_path / "wood.png"), "PNG"
    picture.save()
    editor = scene.sequence_editor_create()
    module("blender.compat").strips(editor).new_image("Plate", str(tmp_path / "wood.png"), 1, 1)
    add(scene, "image", source="IMAGE", image=picture)
    add(scene, "strip", source="STRIP", strip="Plate", frame=1, target_frame=300)
    scene.grok_video.draft = True
    scene.grok_video.resolution = "720p"
    one = Farm(scene, module, tmp_path / "share")
    assert one.stills() == 4
    assert set(one.buy().values()) == {("DONE", "")}
    kept = {job.spec.shot_name: job.spec for job in jobs_of(module)}
    full = kept["image"].full_image
    assert full is not None
    assert Path(full.path).read_bytes() == (one.folder / "stills" / "image.png").read_bytes()
    assert len(bodies(stand_in)) == 5
    said, _ = one.place()
    assert set(said.values()) == {""}


def test_another_list_is_refused(farm: Farm, module: Module) -> None:
    bpy.context.scene.grok_video.shots[0].prompt = "Another"
    saved()
    with pytest.raises(refusal(module), match="another one than was exported"):
        farm.load()


def test_a_dearer_shot_is_not_bought(farm: Farm, stand_in: Any) -> None:
    path = farm.folder / "shots.json"
    told = json.loads(path.read_text("utf-8"))
    told["farm"]["shots"][2]["price"] -= 1
    path.write_text(json.dumps(told), "utf-8")
    farm.load()
    said = farm.buy()
    assert "costs more now" in said["title"][1]
    assert bodies(stand_in) == []


def test_what_was_bought_by_a_press_is_not_bought_by_a_farm(
    farm: Farm, stand_in: Any, module: Module
) -> None:
    for row in list(farm.scene.grok_video.shots)[:2]:
        row.enabled = False
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    farm.load()
    assert "bought before" in farm.buy()["title"][1]
    assert len(bodies(stand_in)) == 1


def test_in_place_only_where_nobody_has_saved_since(farm: Farm, module: Module) -> None:
    farm.stills()
    farm.buy()
    _, result = farm.place(in_place=True)
    assert result == farm.blend
    assert len(movies(reopened(result))) == 3
    farm.load()
    with pytest.raises(refusal(module), match="has changed since the export"):
        farm.place(in_place=True)
    assert not list(farm.blend.parent.glob("*.part-*"))


def test_relative_paths_are_remade(
    scene: Any, module: Module, tmp_path: Path, stand_in: Any
) -> None:
    picture = bpy.data.images.new("Wood", 4, 4)
    picture.filepath_raw, picture.file_format = str(tmp_path / "wood.png"), "PNG"
    picture.save()
    picture.filepath = "//wood.png"
    picture.use_fake_user = True
    one = Farm(scene, module, tmp_path / "share", "OPENJD")
    inputs = json.loads((one.folder / "asset_references.json").read_text("utf-8"))
    names = inputs["assetReferences"]["inputs"]["filenames"]
    assert sorted(map(os.path.basename, names)) == ["shot.blend", "wood.png"]
    one.stills()
    one.buy()
    reopened(one.place()[1])
    assert bpy.data.images["Wood"].filepath.replace("\\", "/") == "//../wood.png"


@pytest.mark.parametrize("engine", ["OPENJD", "FLAMENCO"])
def test_no_key_is_anywhere_in_a_job(
    scene: Any, module: Module, tmp_path: Path, stand_in: Any, keysearch: ModuleType, engine: str
) -> None:
    one = Farm(scene, module, tmp_path / "share", engine)
    one.stills()
    one.buy()
    one.place()
    found, count = keysearch.found_in(one.folder, keys=[stand_in.key])
    assert not found
    assert count > 10


NOT_EXPORTED = {
    "unsaved": "Save the file first",
    "no folder": "There is no folder",
    "nothing to buy": "No shot of the list can be bought",
    "empty": "No shot of the list can be bought",
    "refused": "Choose the image",
}


@pytest.mark.parametrize("what", NOT_EXPORTED)
@pytest.mark.parametrize("engine", ["OPENJD", "FLAMENCO"])
def test_what_cannot_be_exported_is_said(
    scene: Any, tmp_path: Path, what: str, engine: str
) -> None:
    folder = tmp_path / ("gone/share" if what == "no folder" else "share")
    if what == "unsaved":
        bpy.ops.wm.read_homefile(use_empty=True)
    if what != "empty":
        row = add(bpy.context.scene, "a", source="IMAGE" if what == "refused" else "NONE")
        row.enabled = what != "nothing to buy"
    with pytest.raises(RuntimeError, match=NOT_EXPORTED[what]):
        bpy.ops.grok_video.export_render_job(filepath=str(folder), engine=engine)
    assert not folder.exists()


def test_the_operator_says_what_it_wrote(
    scene: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add(scene, "a")
    add(scene, "b", source="IMAGE")
    saved()
    folder = tmp_path / "share"
    done = bpy.ops.grok_video.export_render_job(filepath=str(folder), engine="FLAMENCO")
    assert done == {"FINISHED"}
    written = {path.name for path in folder.iterdir()}
    assert written == {"shots.json", "grok_video_shots.js", "flamenco_job.json"}
    said = capfd.readouterr().out
    assert "1 shot for $0.05" in said
    assert "“b” is left out: Choose the image" in said


def test_a_folder_in_use_is_not_given_to_another_list(farm: Farm, module: Module) -> None:
    farm.buy()
    farm.scene.grok_video.shots[0].prompt = "Another"
    saved()
    export = module("blender.session.shots_export").export
    before = (farm.folder / "shots.json").read_bytes()
    add(farm.scene, "more")
    saved()
    with pytest.raises(refusal(module), match="another list"):
        export(bpy.context, farm.scene, farm.folder, "")
    assert (farm.folder / "shots.json").read_bytes() == before


def test_exported_again_no_shot_is_another_and_none_is_lost(farm: Farm, stand_in: Any) -> None:
    """This list of jobs has bought the first shot: an export wants it no more, and the second has the same name."""
    farm.stills()
    first = farm.shots[0]
    done = farm.host.buying_of(bpy.context, farm.of, [first])
    farm.host.follow(done, lambda: None)
    assert len(bodies(stand_in)) == 1
    export = farm.module("blender.session.shots_export").export
    again = export(bpy.context, farm.scene, farm.folder, "")
    assert [one.row for one in again.listed] == [1, 2]
    farm.load()
    assert [(one.row, one.file) for one in farm.shots] == list(enumerate(ALL_DONE))
    assert farm.buy() == ALL_DONE
    assert len(bodies(stand_in)) == 3
    assert len(movies(reopened(farm.place()[1]))) == 3


def test_the_still_of_another_list_of_the_file_is_none(farm: Farm) -> None:
    farm.stills()
    other = bpy.data.scenes.new("Other")
    other.camera = farm.scene.camera
    row = other.grok_video.shots.add()
    row.name, row.source, row.prompt, row.frame = "S 010", "CAMERA", "Another", 5
    saved()
    # One file with both lists: the stills of the first are made, and then the second is exported into the folder.
    export = farm.module("blender.session.shots_export").export
    export(bpy.context, farm.scene, farm.folder, "")
    farm.load()
    farm.stills()
    export(bpy.context, bpy.data.scenes["Other"], farm.folder, "")
    of = farm.host.opened(farm.folder)
    (listed,) = of.listing.shots
    assert listed.file == "s_010"
    assert not farm.host.has_still(of, listed)


def test_shots_of_a_list_that_are_no_rows_are_refused(farm: Farm, module: Module) -> None:
    path = farm.folder / "shots.json"
    told = json.loads(path.read_text("utf-8"))
    for row in (3, 10**30):
        told["farm"]["shots"][2]["row"] = row
        path.write_text(json.dumps(told), "utf-8")
        with pytest.raises(refusal(module), match="no rows of the list"):
            farm.load()


def test_what_the_artist_made_of_the_result_is_not_written_over(farm: Farm, stand_in: Any) -> None:
    """An engine runs the task that places again, after the artist has worked in its file."""
    farm.stills()
    farm.buy()
    _, result = farm.place()
    reopened(result)
    bpy.context.scene.frame_end = 4321
    saved()
    edited = sha256(result)
    for _ in range(2):
        farm.load()
        _, again = farm.place()
        assert again.name == "shot_clips_2.blend"
        assert sha256(result) == edited
        assert len(movies(reopened(again))) == 3


def test_a_file_that_lay_there_before_is_not_written_over(farm: Farm, stand_in: Any) -> None:
    theirs = farm.folder / "shot_clips.blend"
    theirs.write_bytes(b"the artist's")
    _, result = farm.place()
    assert theirs.read_bytes() == b"the artist's"
    assert result.name == "shot_clips_2.blend"
