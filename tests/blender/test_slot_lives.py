"""Lives that a slot survives: another Blender with the same file, undo steps that are gone, a click that is stopped.

Its clip is bought once, comes once into each file that has the slot, and what is not bought is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import color, sequencer_operators, split
from .others import Other
from .test_never_twice import spending
from .test_rework_breaker import extend, settle, window
from .test_slot_buttons import Shown, menu, operators, panel
from .test_slots import Desk, camera, desk, is_still, movies, remove

__all__ = ["camera", "desk", "window"]  # fixtures

Module = Callable[[str], ModuleType]

# ------------------------------------------------------------------------------------------ two Blenders, one file


@pytest.fixture
def beside(desk: Desk, tmp_path: Path) -> Iterator[Other]:
    """Another Blender of the same artist, with the same list of jobs."""
    with Other.start(tmp_path / "other.log") as other:
        other.do("enable()")
        yield other


#: What another Blender shows of the slot: (job, is it a still) of each movie strip.
SHOWN = "[(s['grok_video_job'], s.filepath.endswith('.slot.mov')) for s in movie_strips()]"


def opened(other: Other, path: Path) -> None:
    other.do(f"bpy.ops.wm.open_mainfile(filepath={str(path)!r})")


def waiting(desk: Desk, frame: int = 10) -> str:
    """A slot whose job runs, in the file that is saved with it; the job's id."""
    desk.stand_in.settings(job_seconds=600)
    job_id = desk.click(frame=frame)
    desk.follow(job_id, "RUNNING")
    bpy.ops.wm.save_mainfile()
    return job_id


def shown(desk: Desk) -> list[tuple[str, bool]]:
    return [(strip["grok_video_job"], is_still(strip)) for strip in movies(desk.scene)]


@pytest.mark.parametrize("first", ["this", "other"])
def test_two_blenders_with_one_file_both_show_the_clip(
    desk: Desk, beside: Other, tmp_path: Path, first: str
) -> None:
    """A strip each, once: whichever is first, however often each of them looks, and whoever saves or reverts."""
    blend = tmp_path / "shot.blend"
    job_id = waiting(desk)
    opened(beside, blend)
    assert beside.do(SHOWN) == [[job_id, True]]
    if first == "this":
        beside.do("be_still(True)")
    desk.stand_in.finish()
    if first == "other":
        beside.until(f"{SHOWN} == [({job_id!r}, False)]")
        assert shown(desk) == [(job_id, True)], "this one has not looked yet"
    desk.follow(job_id, "IMPORTED")
    beside.do("be_still(False)")
    desk.until(lambda: shown(desk) == [(job_id, False)])
    beside.until(f"{SHOWN} == [({job_id!r}, False)]")
    for _ in range(20):
        desk.tick()
    # The other one saves, this one reverts; then the other way round.
    beside.do("bpy.ops.wm.save_mainfile()")
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    assert shown(desk) == [(job_id, False)]
    bpy.ops.wm.save_mainfile()
    opened(beside, blend)
    for _ in range(20):
        desk.tick()
    assert beside.do(SHOWN) == [[job_id, False]]
    assert shown(desk) == [(job_id, False)]
    assert desk.bought == len(desk.session.bridge.snapshot.all) == 1


def test_a_revert_in_one_of_two_blenders_adds_no_strip(
    desk: Desk, beside: Other, tmp_path: Path
) -> None:
    """While the slot waits: to the file without the slot here, and to the one with it there."""
    blend, bare = tmp_path / "shot.blend", tmp_path / "bare.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(bare), copy=True)
    job_id = waiting(desk)
    opened(beside, blend)
    beside.do("movie_strips()[0].channel = 9")
    opened(beside, blend)  # its change is given up
    bpy.ops.wm.open_mainfile(filepath=str(bare))
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))  # what is on the disk has no slot any more
    desk.stand_in.finish()
    beside.until(f"{SHOWN} == [({job_id!r}, False)]")
    desk.follow(job_id, "IMPORTED")
    settle(desk.module("blender.session"), 0.3)
    assert shown(desk) in ([], [(job_id, False)])
    assert beside.do(SHOWN) == [[job_id, False]]
    assert desk.bought == 1


def test_removed_in_one_of_two_blenders_the_clip_comes_into_the_other(
    desk: Desk, beside: Other, tmp_path: Path
) -> None:
    """Nothing is stopped that the other one waits for, as it was sent; here it is not forced upon anybody."""
    job_id = waiting(desk)
    opened(beside, tmp_path / "shot.blend")
    beside.do("be_still(True)")
    remove(desk.scene, *movies(desk.scene))
    bpy.ops.ed.undo_push(message="Delete")
    desk.stand_in.finish()
    desk.follow(job_id, "READY")
    settle(desk.module("blender.session"), 0.3)
    assert movies(desk.scene) == []
    beside.do("be_still(False)")
    beside.until(f"{SHOWN} == [({job_id!r}, False)]")
    desk.follow(job_id, "IMPORTED")
    assert movies(desk.scene) == []
    desk.undo()
    assert shown(desk) == [(job_id, False)]
    assert desk.bought == 1


def test_removed_in_the_other_blender_before_it_is_sent_it_is_made_all_the_same(
    desk: Desk, beside: Other, tmp_path: Path
) -> None:
    """Only who clicked takes a click back by removing its slot."""
    job_id = desk.click()  # no tick follows, so no worker has begun
    bpy.ops.wm.save_mainfile()
    opened(beside, tmp_path / "shot.blend")
    beside.do("[strips_of(s.id_data).remove(s) for s in movie_strips()]")
    beside.do("bpy.ops.ed.undo_push(message='Delete')")
    assert beside.do(SHOWN) == []
    desk.follow(job_id, "IMPORTED")
    assert shown(desk) == [(job_id, False)]
    assert beside.do(SHOWN) == []
    assert desk.bought == 1


def test_what_was_agreed_goes_on_where_the_other_blender_showed_the_part_first(
    desk: Desk, beside: Other, tmp_path: Path, window: None
) -> None:
    """The clip of a part that two Blenders wait for is reported by one of them; its passes are this one's."""
    desk.follow(desk.click(frame=1, duration=2), "IMPORTED")
    scene = desk.scene
    scene.sequence_editor.active_strip = movies(scene)[0]
    scene.grok_video.extend_prompt = "And lands"
    desk.stand_in.settings(job_seconds=600)
    with desk.module("blender.session.click").begun_by(press=True, slot=True):
        part = extend(desk.module, 14)
    desk.follow(part, "RUNNING")
    assert desk.session.series.agreed
    bpy.ops.wm.save_mainfile()
    opened(beside, tmp_path / "shot.blend")
    desk.stand_in.finish()
    beside.until(f"({part!r}, False) in {SHOWN}")
    beside.until(f"[j['state'] for j in jobs() if j['id'] == {part!r}] == ['IMPORTED']")
    follows = desk.until(lambda: desk.session.series.follows.get(part))
    assert {job for job, still in shown(desk) if still} == {follows}
    assert desk.session.click.message == ""
    desk.module("blender.session.click").drop_all("The test is over.")
    assert desk.bought == 2


def test_a_take_that_a_strip_waits_for_is_shown_in_both_blenders(
    desk: Desk, beside: Other, tmp_path: Path
) -> None:
    first = desk.click()
    desk.follow(first, "IMPORTED")
    desk.stand_in.settings(job_seconds=600)
    takes = desk.module("blender.session.takes")
    second = takes.another_take(bpy.context, movies(desk.scene)[0], changed=False)
    desk.follow(second, "RUNNING")
    bpy.ops.wm.save_mainfile()
    opened(beside, tmp_path / "shot.blend")
    beside.until(f"{second!r} in [job['id'] for job in jobs()]")
    assert beside.do(SHOWN) == [[first, False]]
    desk.stand_in.finish()
    desk.follow(second, "IMPORTED")
    assert shown(desk) == [(second, False)]
    beside.until(f"{SHOWN} == [({second!r}, False)]")
    assert desk.bought == 2


# ------------------------------------------------------------------------------------------ undo steps that are gone


@pytest.fixture
def short_memory(desk: Desk) -> Iterator[int]:
    """A Blender that remembers so many undo steps and no more."""
    edit = bpy.context.preferences.edit
    before, edit.undo_steps = edit.undo_steps, 4
    yield edit.undo_steps
    edit.undo_steps = before


def work(desk: Desk, steps: int) -> None:
    """What an artist does meanwhile: so many undo steps."""
    for number in range(steps):
        color(desk.scene, 40 + number % 50, 500, 510)
        bpy.ops.ed.undo_push(message=f"Add {number}")


def as_far_as_it_goes(desk: Desk, step: str) -> Iterator[None]:
    """Undo, or redo, step by step as long as Blender has a step."""
    taken = 0
    while getattr(bpy.ops.ed, step).poll():
        desk.undo(step)
        taken += 1
        yield
    assert 0 < taken < 8, "Blender remembers more than was asked for"


def back_and_forth(desk: Desk) -> None:
    """Undo as far as Blender goes, and redo all of it."""
    for step in ("undo", "redo"):
        for _ in as_far_as_it_goes(desk, step):
            desk.tick()


def test_an_undo_that_cannot_reach_the_slot_leaves_it(desk: Desk, short_memory: int) -> None:
    """While it waits and when the clip is there: undone as far as Blender remembers, the slot stays and so does the clip."""
    desk.stand_in.settings(job_seconds=600)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    work(desk, short_memory + 2)
    for step in ("undo", "redo"):
        for _ in as_far_as_it_goes(desk, step):
            assert shown(desk) == [(job_id, True)]
            assert desk.state(movies(desk.scene)[0]).words.startswith("Generating")
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    work(desk, 1)  # before it Blender remembers what was done while the slot waited
    for step in ("undo", "redo"):
        for _ in as_far_as_it_goes(desk, step):
            assert shown(desk) == [(job_id, False)]
    assert (desk.job(job_id).state, desk.bought) == ("IMPORTED", 1)
    assert desk.session.click.message == ""


def test_a_slot_whose_deletion_cannot_be_undone_any_more_buys_nothing(
    desk: Desk, short_memory: int
) -> None:
    """Deleted before it was sent, and its step forgotten: stopped, nothing bought, and *Send Again* in the list offers it."""
    job_id = desk.click()
    remove(desk.scene, *movies(desk.scene))
    bpy.ops.ed.undo_push(message="Delete")
    desk.follow(job_id, "CANCELLED")
    work(desk, short_memory + 2)
    back_and_forth(desk)
    assert (movies(desk.scene), desk.bought) == ([], 0)
    assert desk.session.click.message == (
        "Its slot was removed from the timeline. Its clip is stopped, unless it was sent just then."
    )
    again = desk.module("blender.session.click").send_again(
        bpy.context, desk.job(job_id), desk.scene, 10
    )
    desk.follow(again, "IMPORTED")
    assert (shown(desk), desk.bought) == ([(again, False)], 1)


def test_a_slot_that_was_deleted_after_it_was_sent_keeps_its_clip_in_the_list(
    desk: Desk, short_memory: int
) -> None:
    desk.stand_in.settings(job_seconds=600)
    job_id = desk.click()
    desk.follow(job_id, "RUNNING")
    remove(desk.scene, *movies(desk.scene))
    bpy.ops.ed.undo_push(message="Delete")
    work(desk, short_memory + 2)
    back_and_forth(desk)
    desk.stand_in.finish()
    desk.follow(job_id, "READY")
    settle(desk.module("blender.session"), 0.3)
    assert (movies(desk.scene), desk.job(job_id).state) == ([], "READY")
    assert bpy.ops.grok_video.import_result(job=job_id) == {"FINISHED"}
    assert (shown(desk), desk.bought) == ([(job_id, False)], 1)


@pytest.mark.parametrize("pieces", [1, 3])
def test_deleted_after_it_was_sent_the_clip_waits_in_the_list(desk: Desk, pieces: int) -> None:
    """Piece by piece, without an undo, after which Grok Video would look through the strips anyway."""
    desk.stand_in.settings(job_seconds=600)
    job_id = desk.click()
    (slot,) = movies(desk.scene)
    for frame in (20, 28)[: pieces - 1]:
        slot = split(slot, frame)
    desk.follow(job_id, "RUNNING")
    for strip in movies(desk.scene):
        remove(desk.scene, strip)
        desk.tick()
    desk.stand_in.finish()
    desk.follow(job_id, "READY")
    settle(desk.module("blender.session"), 0.3)
    assert (movies(desk.scene), desk.job(job_id).state) == ([], "READY")
    assert bpy.ops.grok_video.import_result(job=job_id) == {"FINISHED"}
    assert (shown(desk), desk.bought) == ([(job_id, False)], 1)


@pytest.mark.parametrize("reopened", [False, True])
def test_deleted_after_its_first_variant_the_others_wait_in_the_list(
    desk: Desk, window: None, reopened: bool
) -> None:
    """The slot that was deleted was theirs as well: they are not placed as clips without a slot."""
    desk.stand_in.settings(job_seconds=600)
    desk.scene.grok_video.prompt = "A {red|blue} car"
    click, variants = desk.module("blender.session.click"), desk.module("blender.session.variants")
    with click.begun_by(press=True, slot=True):
        first, second = variants.generate(bpy.context, desk.scene, desk.scene, 10)
    for job_id in (first, second):
        desk.follow(job_id, "RUNNING")
    desk.stand_in.finish(desk.job(first).request_id)
    desk.follow(first, "IMPORTED")
    assert shown(desk) == [(first, False)]
    if reopened:
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    remove(desk.scene, *movies(desk.scene))
    if reopened:
        bpy.ops.wm.save_mainfile()
        bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    desk.stand_in.finish(desk.job(second).request_id)
    desk.follow(second, "READY")
    settle(desk.module("blender.session"), 0.3)
    assert (movies(desk.scene), desk.job(second).state) == ([], "READY")
    assert bpy.ops.grok_video.import_result(job=second) == {"FINISHED"}
    assert (shown(desk), desk.bought) == ([(second, False)], 2)


def test_deleted_in_a_later_session_its_next_take_waits_in_the_list(desk: Desk) -> None:
    first = desk.click()
    desk.follow(first, "IMPORTED")
    desk.stand_in.settings(job_seconds=600)
    takes = desk.module("blender.session.takes")
    second = takes.another_take(bpy.context, movies(desk.scene)[0], changed=False)
    desk.follow(second, "RUNNING")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    remove(desk.scene, *movies(desk.scene))
    desk.stand_in.finish()
    desk.follow(second, "READY")
    settle(desk.module("blender.session"), 0.3)
    assert (movies(desk.scene), desk.job(second).state) == ([], "READY")
    assert bpy.ops.grok_video.import_result(job=second) == {"FINISHED"}
    assert (shown(desk), desk.bought) == ([(second, False)], 2)


# ------------------------------------------------------------------------------------------ redo, repeat


def test_redo_and_repeat_after_a_click_with_a_slot_buy_nothing(desk: Desk, window: None) -> None:
    """F9's panel and Repeat Last have what the artist did before the press, and never the press."""
    bpy.ops.mesh.primitive_cube_add("EXEC_DEFAULT", True)
    desk.stand_in.settings(job_seconds=600)
    assert bpy.ops.grok_video.generate("EXEC_DEFAULT", True, frame=10, slot=True) == {"FINISHED"}
    job_id = desk.until(lambda: desk.session.bridge.snapshot.all)[0].id
    desk.follow(job_id, "RUNNING")
    registered = {one.bl_idname for one in bpy.context.window_manager.operators}
    assert "MESH_OT_primitive_cube_add" in registered
    assert not registered & spending(desk.module, bpy)
    for way in (
        lambda: bpy.ops.screen.repeat_last(),
        lambda: bpy.ops.screen.repeat_history(index=0),
        lambda: bpy.ops.screen.redo_last("INVOKE_DEFAULT"),
    ) * 2:
        with sequencer_operators(desk.scene), suppress(RuntimeError):  # nothing to repeat
            way()
        desk.tick()
    desk.stand_in.finish()
    desk.follow(job_id, "IMPORTED")
    assert shown(desk) == [(job_id, False)]
    assert desk.bought == len(desk.session.bridge.snapshot.all) == 1


# ------------------------------------------------------------------------------------------ a click that is stopped


def test_a_click_that_is_stopped_while_it_is_prepared_leaves_a_slot_to_remove(
    desk: Desk, camera: Any, window: None
) -> None:
    """Nothing was sent, so nothing is bought again there: the strip's part has one button, and no price."""
    desk.stand_in.settings(job_seconds=600)
    job_id = desk.click(source="CAMERA")
    (slot,) = movies(desk.scene)
    desk.scene.sequence_editor.active_strip = slot
    assert operators(panel(desk.module)) == {"stop_preparing", "remove_slot"}
    bpy.ops.grok_video.stop_preparing()
    desk.tick()
    assert shown(desk) == [(job_id, True)]
    assert desk.state(movies(desk.scene)[0]).words == "Stopped. Nothing was sent or charged."
    layout = Shown()
    desk.module("blender.ui.takes").draw_takes(layout, bpy.context)
    desk.module("blender.ui.use_settings").draw_use_settings(layout, bpy.context)
    everything = [*panel(desk.module), *menu(desk.module), *layout.words]
    assert operators(everything) == {"remove_slot"}
    assert not any("$" in words for words in everything)
    assert bpy.ops.grok_video.remove_slot() == {"FINISHED"}
    assert movies(desk.scene) == []
    settle(desk.module("blender.session"), 0.3)
    assert desk.bought == len(desk.session.bridge.snapshot.all) == 0
