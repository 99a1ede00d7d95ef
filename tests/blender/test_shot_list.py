"""The list of shots: what markers and strips become, what a second press does, and what a file from elsewhere holds."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest
from PIL import Image

from . import editing
from .test_foreign_files import raw
from .test_orders import Drawn, refused

Module = Callable[[str], ModuleType]
ops = bpy.ops.grok_video
LITE = "grok-imagine-video-1.5-lite"


@pytest.fixture
def filmed(scene: Any) -> Any:
    """A scene of 24 frames a second, 1 to 240, with the cameras *A* and *B*, and no marker."""
    scene.render.fps, scene.render.fps_base = 24, 1.0
    scene.frame_start, scene.frame_end = 1, 240
    for name in ("A", "B"):
        add_camera(scene, name)
    return scene


def add_camera(scene: Any, name: str) -> Any:
    camera = bpy.data.objects.new(name, bpy.data.cameras.new(name))
    scene.collection.objects.link(camera)
    return camera


def mark(scene: Any, frame: int, name: str, camera: str = "") -> Any:
    marker = scene.timeline_markers.new(name, frame=frame)
    if camera:
        marker.camera = bpy.data.objects[camera]
    return marker


def rows(scene: Any, *names: str) -> list[Any]:
    """What the rows hold, by names of properties; of one alone its values."""
    found = [tuple(getattr(row, name) for name in names) for row in scene.grok_video.shots]
    return [values[0] for values in found] if len(names) == 1 else found


def said(capfd: Any) -> str:
    return capfd.readouterr().out


# ---------------------------------------------------------------------------------------------- by hand


def test_shots_are_added_copied_moved_and_removed(filmed: Any) -> None:
    chosen = filmed.grok_video
    filmed.frame_set(30)
    ops.add_shot()
    ops.add_shot(name="Wide")
    ops.add_shot()
    assert rows(filmed, "name", "frame", "target_frame") == [
        ("Shot", 30, 30),
        ("Wide", 30, 30),
        ("Shot.001", 30, 30),
    ]
    assert chosen.shots_index == 2
    wide = chosen.shots[1]
    wide.prompt, wide.seconds, wide.source, wide.enabled = "rain", 9, "NONE", False
    wide.camera, wide.job = bpy.data.objects["B"], "a job"
    ops.duplicate_shot(index=1)
    assert rows(filmed, "name") == ["Shot", "Wide", "Wide.001", "Shot.001"]
    assert chosen.shots_index == 2
    copy = chosen.shots[2]
    assert (copy.prompt, copy.seconds, copy.source, copy.enabled) == ("rain", 9, "NONE", False)
    assert copy.camera == bpy.data.objects["B"]
    assert copy.job == "", "the copy was not made"
    marks = rows(filmed, "mark")
    assert all(marks)
    assert len(set(marks)) == 4
    ops.move_shot(direction="UP")
    assert (rows(filmed, "name"), chosen.shots_index) == (
        ["Shot", "Wide.001", "Wide", "Shot.001"],
        1,
    )
    ops.move_shot(index=0, direction="UP")  # there is no place above
    ops.remove_shot(index=0)
    assert (rows(filmed, "name"), chosen.shots_index) == (["Wide.001", "Wide", "Shot.001"], 0)
    ops.remove_shot(index=2)
    ops.remove_shot()
    ops.remove_shot()
    assert (len(chosen.shots), chosen.shots_index) == (0, 0)


def test_an_empty_list_is_told_of(filmed: Any) -> None:
    for call in (
        ops.remove_shot,
        ops.duplicate_shot,
        ops.move_shot,
        ops.clear_shots,
        ops.enable_shots,
    ):
        refused(call, "There is no shot in the list.")
    ops.add_shot()
    filmed.grok_video.shots_index = 44
    refused(ops.remove_shot, "No shot of the list is chosen. Click one.")


def test_shots_are_switched_on_and_off_and_the_list_cleared(filmed: Any) -> None:
    for _ in range(3):
        ops.add_shot()
    ops.enable_shots(which="NONE")
    assert rows(filmed, "enabled") == [False] * 3
    ops.enable_shots(which="ALL")
    assert rows(filmed, "enabled") == [True] * 3
    refused(lambda: ops.enable_shots(which="FAILED"), "No shot of the list has failed.")
    ops.clear_shots()
    assert not len(filmed.grok_video.shots)


# ------------------------------------------------------------------------------------------ from markers


def test_camera_markers_become_shots(filmed: Any, capfd: Any) -> None:
    mark(filmed, 97, "Close", "B")
    mark(filmed, 1, "Wide", "A")
    mark(filmed, 50, "no camera")
    mark(filmed, 145, "Wide again", "A")
    ops.shots_from_markers()
    assert rows(filmed, "name", "frame", "seconds", "target_frame", "source") == [
        ("Wide", 1, 4, 1, "CAMERA"),
        ("Close", 97, 2, 97, "CAMERA"),
        ("Wide again", 145, 4, 145, "CAMERA"),
    ]
    assert [camera.name for camera in rows(filmed, "camera")] == ["A", "B", "A"]
    assert rows(filmed, "scene") == [None] * 3, "the list's own, also of a copy of the scene"
    assert filmed.grok_video.shots_index == 0
    assert "3 shots added." in said(capfd)


def test_a_second_press_updates_the_shots_and_doubles_none(filmed: Any, capfd: Any) -> None:
    markers = [
        mark(filmed, 1, "Wide", "A"),
        mark(filmed, 97, "Close", "B"),
        mark(filmed, 145, "End", "A"),
    ]
    ops.shots_from_markers()
    wide, close, end = filmed.grok_video.shots
    wide.prompt, wide.model, wide.enabled = "fog", LITE, False
    close.name = "my own name"
    end.source = "NONE"
    marks = rows(filmed, "mark")
    markers[0].frame, markers[0].camera = 25, bpy.data.objects["B"]
    markers[2].frame = 169
    said(capfd)
    ops.shots_from_markers()
    assert "3 shots updated." in said(capfd)
    assert rows(filmed, "name", "frame", "target_frame", "seconds") == [
        ("Wide", 25, 25, 3),
        ("my own name", 97, 97, 3),
        ("End", 145, 169, 3),  # text alone begins with no frame of the scene
    ]
    assert (wide.prompt, wide.model, wide.enabled) == ("fog", LITE, False)
    assert (wide.camera, end.source) == (bpy.data.objects["B"], "NONE")
    assert rows(filmed, "mark") == marks
    mark(filmed, 217, "New", "B")
    ops.shots_from_markers()
    assert rows(filmed, "name") == ["Wide", "my own name", "End", "New"]
    assert filmed.grok_video.shots_index == 3


def test_a_shot_with_a_job_stays_as_it_is(filmed: Any, capfd: Any) -> None:
    marker = mark(filmed, 1, "Wide", "A")
    ops.shots_from_markers()
    filmed.grok_video.shots[0].job = "a job"
    marker.frame = 49
    said(capfd)
    ops.shots_from_markers()
    assert rows(filmed, "frame") == [1]
    assert "1 shot with a job, left as it is." in said(capfd)


def test_a_shot_that_was_bought_stays_also_after_an_undo_of_its_properties(
    filmed: Any, stand_in: Any
) -> None:
    """The ledger knows the row by its mark, whatever the row itself says."""
    marker = mark(filmed, 1, "Wide", "A")
    ops.shots_from_markers()
    (row,) = filmed.grok_video.shots
    row.source, row.prompt, row.seconds = "NONE", "A kite", 1
    ops.generate_shots(confirm=False)
    assert len(stand_in.jobs()) == 1
    row = filmed.grok_video.shots[0]
    row.job = ""
    marker.frame = 49
    ops.shots_from_markers()
    assert rows(filmed, "frame", "target_frame") == [(1, 1)]


def test_markers_of_one_name_are_shots_of_their_own(filmed: Any) -> None:
    for frame, camera in ((1, "A"), (97, "B"), (145, "A")):
        mark(filmed, frame, "Cut", camera)
    for _ in range(2):
        ops.shots_from_markers()
        assert rows(filmed, "name", "frame") == [("Cut", 1), ("Cut", 97), ("Cut", 145)]


def test_what_is_longer_than_the_model_makes_is_said(filmed: Any, capfd: Any) -> None:
    filmed.frame_end = 2000
    mark(filmed, 1, "Short", "A")
    mark(filmed, 49, "Long", "B")
    mark(filmed, 3000, "Behind", "A")
    ops.shots_from_markers()
    assert rows(filmed, "seconds") == [2, 15, 0]
    told = said(capfd)
    assert "Longer than the model makes, so with its longest clip: “Long”." in told
    assert "Behind the end of the scene, so as long as Generate says: “Behind”." in told


def test_two_markers_on_a_frame_are_one_shot_of_the_camera_that_blender_takes(
    filmed: Any, capfd: Any
) -> None:
    first = mark(filmed, 49, "First", "B")
    mark(filmed, 49, "Second", "A")
    bpy.data.objects["A"].hide_render = False
    ops.shots_from_markers()
    assert rows(filmed, "name") == ["First"]
    assert "Left out, as an earlier marker has their frame: “Second”." in said(capfd)
    filmed.frame_set(49)
    assert filmed.camera == first.camera, "Blender binds the first one as well"


def test_cameras_that_are_hidden_in_renders_are_passed_over(filmed: Any, capfd: Any) -> None:
    bpy.data.objects["A"].hide_render = True
    mark(filmed, 1, "Hidden", "A")
    refused(ops.shots_from_markers, "Left out, as their cameras are hidden in renders: “Hidden”.")
    mark(filmed, 25, "Seen", "B")
    ops.shots_from_markers()
    assert rows(filmed, "name", "frame") == [("Seen", 25)]


def test_without_camera_markers_it_says_what_to_do(filmed: Any) -> None:
    refused(ops.shots_from_markers, "has no markers. Choose a camera")
    mark(filmed, 1, "plain")
    refused(ops.shots_from_markers, "No marker of “Scene” has a camera. Choose a camera")
    assert not len(filmed.grok_video.shots)


def test_target_frames_go_by_seconds_where_the_edit_has_another_rate(filmed: Any) -> None:
    if bpy.app.version < (5, 0):
        pytest.skip("one scene for both")
    edit = bpy.data.scenes.new("Edit")
    edit.render.fps = 30
    bpy.context.workspace.sequencer_scene = edit
    mark(filmed, 24, "One", "A")
    mark(filmed, 97, "Two", "B")
    ops.shots_from_markers()
    assert rows(filmed, "frame", "target_frame") == [(24, 30), (97, 121)]
    assert not len(edit.grok_video.shots)


def test_a_thousand_markers_and_a_thousand_again(filmed: Any, capfd: Any) -> None:
    filmed.frame_end = 24_000
    for number in range(1000):
        mark(filmed, 1 + 24 * number, f"Shot {number}", "AB"[number % 2])
    start = time.process_time()
    ops.shots_from_markers()
    assert "1000 shots added." in said(capfd)
    for row in filmed.grok_video.shots:
        row.name = "renamed"
    ops.shots_from_markers()
    assert "1000 shots updated." in said(capfd)
    assert time.process_time() - start < 10
    ops.clear_shots()
    assert not len(filmed.grok_video.shots)


# ------------------------------------------------------------------------------------------- from strips


def test_selected_strips_become_shots(filmed: Any, tmp_path: Any, capfd: Any) -> None:
    """Pictures begin with what the strip shows; texts and colors keep a place for what their scene's camera sees."""
    other = bpy.data.scenes.new("Set")
    other.camera = add_camera(other, "Of the set")
    other.frame_start, other.frame_end = 101, 400
    bpy.context.scene.camera = None
    text = editing.color(filmed, 3, 1, 49, "TEXT")
    text.name, text.text = "Title", "  A red kite rises  "
    card = editing.color(filmed, 4, 60, 84)
    card.name = "Card"
    scene_strip = editing.base_of(filmed.sequence_editor).new_scene("Previs", other, 2, 25)
    editing.set_span(scene_strip, 49, 121)
    picture = tmp_path / "still.png"
    Image.new("RGB", (64, 48), (200, 0, 0)).save(picture)
    still = editing.base_of(filmed.sequence_editor).new_image("Still", str(picture), 6, 130)
    editing.set_span(still, 130, 220)
    grade = editing.color(filmed, 5, 1, 10, "ADJUSTMENT")
    grade.name = "Grade"
    left = editing.color(filmed, 7, 1, 10)
    left.name = "Not selected"
    editing.select(filmed, text, card, scene_strip, still, grade)
    ops.shots_from_strips()
    assert rows(filmed, "name", "source", "frame", "seconds", "target_frame") == [
        ("Title", "NONE", 1, 2, 1),  # neither a scene strip nor a camera there
        ("Previs", "CAMERA", 125, 3, 49),
        ("Card", "CAMERA", 136, 1, 60),  # of the scene strip below
        ("Still", "STRIP", 130, 4, 130),
    ]
    assert rows(filmed, "prompt") == ["A red kite rises", "", "", ""]
    assert rows(filmed, "scene") == [None, other, other, None]
    assert rows(filmed, "strip") == ["", "", "", "Still"]
    assert "Left out, as they have no picture of their own: “Grade”." in said(capfd)


def test_a_second_press_keeps_what_was_written(filmed: Any) -> None:
    filmed.camera = bpy.data.objects["B"]
    text = editing.color(filmed, 3, 10, 58, "TEXT")
    text.name, text.text = "Title", "A kite"
    editing.select(filmed, text)
    ops.shots_from_strips()
    assert rows(filmed, "source", "frame", "prompt") == [("CAMERA", 10, "A kite")]
    (row,) = filmed.grok_video.shots
    row.prompt = "A kite at night"
    editing.shift(text, 24)
    text.text = "A boat"
    ops.shots_from_strips()
    assert rows(filmed, "frame", "target_frame", "prompt") == [(34, 34, "A kite at night")]


def test_without_strips_it_says_so(filmed: Any) -> None:
    refused(ops.shots_from_strips, "No strip of “Scene” is selected. Select image")
    grade = editing.color(filmed, 5, 1, 10, "ADJUSTMENT")
    editing.select(filmed)
    refused(ops.shots_from_strips, "No strip of “Scene” is selected. Select image")
    grade.name = "Grade"
    editing.select(filmed, grade)
    refused(ops.shots_from_strips, "Left out, as they have no picture of their own: “Grade”.")


def test_a_slot_that_waits_is_no_shot(filmed: Any, module: Module) -> None:
    filmed.grok_video.source = "NONE"
    filmed.grok_video.prompt = "x"
    ops.generate(slot=True, wait=False)
    slot = filmed.sequence_editor.active_strip
    assert slot.select
    refused(ops.shots_from_strips, f"Left out, as they wait for their clips: “{slot.name}”.")


# ------------------------------------------------------------------------- linked scenes, files from elsewhere


def test_the_list_of_a_linked_scene_can_only_be_read(
    filmed: Any, module: Module, tmp_path: Any
) -> None:
    ops.add_shot(name="Far away")
    mark(filmed, 1, "Wide", "A")
    path = str(tmp_path / "library.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.scenes = ["Scene"]
    linked = next(scene for scene in bpy.data.scenes if scene.library is not None)
    with bpy.context.temp_override(scene=linked):
        for call in (
            *(ops.add_shot, ops.duplicate_shot, ops.remove_shot, ops.move_shot),
            *(ops.clear_shots, ops.enable_shots, ops.shots_from_markers, ops.shots_from_strips),
        ):
            refused(call, "is linked from another file, and its shot list cannot be changed.")
        assert rows(linked, "name") == ["Far away"]
        drawn = words(module)
    assert any("is linked from another file" in line for line in drawn)
    assert not any("grok_video.add_shot" in line for line in drawn)


def words(module: Module) -> list[str]:
    layout = List()
    module("blender.ui.shots").draw_shots(layout, bpy.context)
    return layout.words


class List(Drawn):
    """A layout that keeps what is written in it, the rows of lists as well."""

    def template_list(
        self, kind: str, _id: str, data: Any, name: str, active: Any, index: str, **_how: Any
    ) -> None:
        for number, item in enumerate(getattr(data, name)):
            draw = getattr(bpy.types, kind).draw_item
            draw(None, bpy.context, self, data, item, 0, active, index, number)

    def template_ID(self, _data: Any, name: str, **_how: Any) -> None:
        self.words.append(name)


@pytest.mark.parametrize(
    ("name", "held", "read"),
    [
        ("frame", 2**31 - 1, 1_048_574),
        ("target_frame", -(2**31), -1_048_574),
        ("seconds", -5, 0),
        ("seconds", 2**31 - 1, 3600),
        ("seconds", "9", 0),
        ("seconds", [1], 0),
        ("frame", 2.5, 0),
        ("source", 77, "CAMERA"),
        ("source", "STRIP", "CAMERA"),
        ("enabled", 2.5, True),
        ("enabled", 7, True),
        ("scene", 3, None),
        ("camera", "A", None),
        ("image", {"a": 1}, None),
        ("name", 3, ""),
        ("prompt", [1.0], ""),
        ("model", 4, ""),
        ("mark", 4.5, ""),
    ],
)
def test_a_value_of_a_row_that_no_panel_can_set(
    filmed: Any, module: Module, name: str, held: Any, read: Any
) -> None:
    ops.add_shot(name="a")
    hold(filmed, name, held)
    (row,) = filmed.grok_video.shots
    assert getattr(row, name) == read
    assert words(module)
    mark(filmed, 25, "a", "A")
    ops.shots_from_markers()
    ops.duplicate_shot()
    assert words(module)


def hold(scene: Any, name: str, value: Any) -> None:
    """Let the first row of the scene hold ``value``, as a file may."""
    row = raw(bpy)["shots"][0]
    if name in row:
        del row[name]
    row[name] = value


@pytest.mark.parametrize("name", ["scene", "camera", "image"])
def test_a_pointer_to_something_else(filmed: Any, module: Module, name: str) -> None:
    ops.add_shot(name="a")
    hold(filmed, name, bpy.data.worlds.new("a world"))
    (row,) = filmed.grok_video.shots
    assert getattr(row, name) is None
    for source in ("CAMERA", "IMAGE", "STRIP", "NONE"):
        row.source = source
        assert words(module)


@pytest.mark.parametrize("index", [2**31 - 1, -7, "x"])
def test_a_chosen_row_that_there_is_not(filmed: Any, module: Module, index: Any) -> None:
    ops.add_shot(name="a")
    group = raw(bpy)
    if "shots_index" in group:
        del group["shots_index"]
    group["shots_index"] = index
    assert words(module)
    ops.add_shot(name="b")
    assert rows(filmed, "name") == ["a", "b"]


def test_texts_of_megabytes_are_drawn_in_no_time(filmed: Any, module: Module) -> None:
    ops.add_shot()
    (row,) = filmed.grok_video.shots
    row.name, row.prompt, row.model = "n" * 5_000_000, "p" * 5_000_000, "m" * 5_000_000
    start = time.process_time()
    assert words(module)
    assert time.process_time() - start < 0.5


# ------------------------------------------------------------------------------------------------ what is drawn


def test_an_empty_list_explains_itself(filmed: Any, module: Module) -> None:
    drawn = " ".join(words(module))
    for filler in ("shots_from_markers", "shots_from_strips", "shots_from_file", "add_shot"):
        assert f"grok_video.{filler}:" in drawn
    assert "list what each begins with" in drawn


def test_clips_that_overlap_are_said_at_the_row(filmed: Any, module: Module) -> None:
    for frame, name in ((1, "one"), (40, "two"), (200, "three")):
        filmed.frame_set(frame)
        ops.add_shot(name=name)
        filmed.grok_video.shots[-1].seconds = 2
    expected = ["It overlaps “two”", "It overlaps “one”", "2 other shots overlap"]
    for number, sentence in enumerate(expected):
        filmed.grok_video.shots_index = number
        assert sentence in " ".join(words(module))
    filmed.grok_video.shots[0].enabled = False
    for number in range(3):
        filmed.grok_video.shots_index = number
        assert "overlap" not in " ".join(words(module)), "what is not made lies nowhere"


@pytest.fixture
def searched(filmed: Any, module: Module) -> Callable[..., list[str]]:
    """The names that the list shows, in the order shown; Blender itself inverts and reverses."""
    for name, frame in (("Kite", 30), ("boat", 10), ("Albatross", 20), ("kite 2", 10)):
        filmed.frame_set(frame)
        ops.add_shot(name=name)

    def shown(typed: str = "", order: str = "LIST") -> list[str]:
        view = SimpleNamespace(filter_name=typed, order=order, bitflag_filter_item=1 << 30)
        chosen = filmed.grok_video
        find = bpy.types.GROK_VIDEO_UL_shots.filter_items
        flags, places = find(view, bpy.context, chosen, "shots")
        flags = flags or [1 << 30] * len(chosen.shots)
        places = places or list(range(len(chosen.shots)))
        assert sorted(places) == list(range(len(chosen.shots)))
        ordered = sorted(zip(places, flags, rows(filmed, "name"), strict=True))
        return [name for _, flag, name in ordered if flag]

    return shown


def test_the_list_is_searched_and_ordered(searched: Callable[..., list[str]]) -> None:
    assert searched() == ["Kite", "boat", "Albatross", "kite 2"]
    assert searched("kite") == ["Kite", "kite 2"]
    assert searched("k*2") == ["kite 2"]
    assert searched("10") == ["boat", "kite 2"]
    assert searched("[") == []
    assert searched(order="NAME") == ["Albatross", "boat", "Kite", "kite 2"]
    assert searched(order="FRAME") == ["boat", "kite 2", "Albatross", "Kite"]
    assert searched("kite", "FRAME") == ["kite 2", "Kite"]
    assert searched(order="STATE") == ["Kite", "boat", "Albatross", "kite 2"]
