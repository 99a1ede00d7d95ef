"""Takes of a slot: another one, the one that a strip shows, undo, files that are gone, and what Extend sends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import pictures
from .editing import (
    base_of,
    duplicate,
    every,
    find,
    make_meta,
    sequencer_operators,
    span,
    split,
    strips,
)
from .test_flow import newest, posts, refused
from .test_rework_breaker import tick_until, window

__all__ = ["window"]  # a fixture

Module = Callable[[str], ModuleType]

FRAME = 22  # of the scene, inside of each clip


@pytest.fixture
def first(blender: ModuleType, scene: Any, module: Module) -> Any:
    """The job of a clip that lies on the timeline, the only take of its slot."""
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    scene.render.resolution_percentage = 100
    blender.ops.grok_video.generate(frame=10)
    return newest(module)


def movies(scene: Any) -> list[Any]:
    return [strip for strip in every(scene) if strip.type == "MOVIE"]


def shown(strip: Any) -> str:
    """Id of the job whose clip a strip shows, as its file says; the property says the same."""
    import bpy

    path = Path(bpy.path.abspath(strip.filepath))
    assert strip["grok_video_job"][:8] == path.stem.rpartition("_")[2]
    return strip["grok_video_job"]


def another(blender: ModuleType, module: Module, **given: Any) -> Any:
    assert blender.ops.grok_video.another_take(**given) == {"FINISHED"}
    return newest(module)


def changed(blender: ModuleType, module: Module, scene: Any, prompt: str, **settings: Any) -> Any:
    """Another take with other words and settings, set in the panel."""
    scene.grok_video.prompt = prompt
    for name, value in settings.items():
        setattr(scene.grok_video, name, value)
    return another(blender, module, changed=True)


def choose(blender: ModuleType, job: Any, **given: Any) -> None:
    assert blender.ops.grok_video.choose_take("EXEC_DEFAULT", True, job=job.id, **given) == {
        "FINISHED"
    }


def step(blender: ModuleType, scene: Any, name: str) -> None:
    """Undo or redo, as Ctrl-Z does."""
    with sequencer_operators(scene):
        getattr(blender.ops.ed, name)()


# ------------------------------------------------------------------------------------------ another take


def test_the_same_request_becomes_a_take_of_the_same_strip(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    """No strip is added: the one that asked shows the new take, and takes are found by their slot."""
    (strip,) = strips(scene)
    lay = (strip.name, span(strip), strip.channel)
    second = another(blender, module)
    (strip,) = strips(scene)
    assert (strip.name, span(strip), strip.channel) == lay
    assert (shown(strip), strip["grok_video_slot"]) == (second.id, first.id)
    assert (second.spec.slot, second.spec.parent) == (first.id, first.id)
    assert (second.state, second.imported_into) == ("IMPORTED", scene.name)
    one, other = (request["body"] for request in stand_in.requests("submit"))
    assert one == other
    third = another(blender, module, strip=strip.name)
    jobs = module("blender.session.state").current().bridge.snapshot.jobs
    assert [job.id for job in jobs.takes_of(first.id)] == [first.id, second.id, third.id]
    assert posts(stand_in) == 3


def test_the_panels_settings_make_a_changed_take(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    second = changed(blender, module, scene, "A crane lands", duration=2, resolution="720p")
    body = stand_in.requests("submit")[-1]["body"]
    assert (body["prompt"], body["duration"], body["resolution"]) == ("A crane lands", 2, "720p")
    assert second.spec.slot == first.id
    assert shown(movies(scene)[0]) == second.id
    assert second.spec.estimate == 2 * 7 * 10**8 or second.spec.estimate > first.spec.estimate


def test_a_changed_take_keeps_the_pictures_while_the_source_is_the_same(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """The playhead stands elsewhere by now: a first frame of that moment would be another clip."""
    image = blender.data.images.new("Field", 848, 480)
    image.generated_type = "COLOR_GRID"
    scene.grok_video.source, scene.grok_video.image = "IMAGE", image
    blender.ops.grok_video.generate(frame=10)
    scene.frame_set(30)
    second = changed(blender, module, scene, "A crane lands")
    one, other = (request["body"] for request in stand_in.requests("submit"))
    assert one["image"] == other["image"]
    assert other["prompt"] == "A crane lands"
    again = blender.data.images.new("Hill", 848, 480)
    again.generated_type = "UV_GRID"
    scene.grok_video.image = again
    third = another(blender, module, changed=True)
    assert third.spec.source.image == "Hill"
    assert third.spec.slot == second.spec.slot
    assert third.spec.parent == second.id
    assert stand_in.requests("submit")[-1]["body"]["image"] != one["image"]
    assert len(movies(scene)) == 1


def test_a_take_whose_frame_is_rendered_first(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    """The camera is rendered before the job exists: the slot that the clip goes to has strips of another take."""
    camera = blender.data.objects.new("Shot Camera", blender.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.world = blender.data.worlds.new("World")
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.grok_video.source = "CAMERA"
    refused(lambda: another(blender, module, changed=True), "allow_single_color")
    assert "grok_video_awaits" not in movies(scene)[0]
    second = another(blender, module, changed=True, allow_single_color=True)
    assert second.spec.source.camera == "Shot Camera"
    assert [shown(strip) for strip in movies(scene)] == [second.id]
    assert second.spec.slot == first.id
    assert posts(stand_in) == 2


def test_a_first_frame_of_another_moment_is_not_bought(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    """A picture that has to be made anew is made at the playhead: where that is elsewhere, nothing is bought."""
    scene.grok_video.source = "SEQUENCER"
    scene.frame_set(15)
    blender.ops.grok_video.generate(frame=100)
    strip = next(s.name for s in movies(scene) if s["grok_video_job"] == newest(module).id)
    scene.frame_set(20)
    scene.grok_video.resolution = "720p"
    refused(lambda: another(blender, module, changed=True, strip=strip), "begins with frame 15")
    assert posts(stand_in) == 2
    scene.frame_set(15)
    third = another(blender, module, changed=True, strip=strip)
    assert (third.spec.source.frame, third.spec.resolution) == (15, "720p")


def test_the_price_of_both_kinds_is_known_before(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    price = module("blender.ui.takes").price_of_take
    assert price(blender.context, first, changed=False) == first.spec.estimate
    scene.grok_video.duration = 3
    assert price(blender.context, first, changed=True) == 3 * first.spec.estimate


def test_a_strip_that_is_no_clip_has_no_takes(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any
) -> None:
    refused(lambda: blender.ops.grok_video.another_take(strip="Nothing"), "There is no strip")
    (strip,) = strips(scene)
    strip["grok_video_job"] = 7
    refused(lambda: blender.ops.grok_video.another_take(), "no clip of Grok Video")
    strip["grok_video_job"] = "f" * 32
    refused(lambda: blender.ops.grok_video.another_take(), "not in the list of clips")
    assert posts(stand_in) == 1


def test_a_take_that_fails_leaves_the_strip(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    stand_in.fail("job", "failed")
    refused(blender.ops.grok_video.another_take, "could not be generated")
    (strip,) = movies(scene)
    assert shown(strip) == first.id
    failed = newest(module)
    assert (failed.state, failed.spec.slot) == ("FAILED", first.id)
    refused(lambda: choose(blender, failed), "This take has no clip")
    third = another(blender, module)
    assert shown(movies(scene)[0]) == third.id
    choice = module("blender.session.takes").choice_of(movies(scene)[0])
    assert choice.beside(-1).id == first.id  # past the one that failed


# --------------------------------------------------------------------------------------- choosing


def test_a_take_is_chosen_and_undone(
    blender: ModuleType, scene: Any, first: Any, module: Module, tmp_path: Path
) -> None:
    """What is seen is the take that was chosen; one undo step brings the other one back."""
    looked = pictures.see(scene, tmp_path, FRAME)
    second = changed(blender, module, scene, "A crane lands at night")
    other = pictures.see(scene, tmp_path, FRAME)
    assert abs(other - looked).mean() > 2.0
    blender.ops.ed.undo_push(message="Before")
    choose(blender, first)
    assert shown(movies(scene)[0]) == first.id
    assert abs(pictures.see(scene, tmp_path, FRAME) - looked).max() < 1.0
    step(blender, scene, "undo")
    scene = blender.context.scene
    assert shown(movies(scene)[0]) == second.id
    assert abs(pictures.see(scene, tmp_path, FRAME) - other).max() < 1.0
    step(blender, scene, "redo")
    assert shown(movies(blender.context.scene)[0]) == first.id


def test_the_arrival_of_a_take_is_no_undo_step(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """What was done before the take came is undone and redone, and the strip goes on showing the take."""
    blender.ops.ed.undo_push(message="Imported")
    movies(scene)[0].blend_alpha = 0.5
    blender.ops.ed.undo_push(message="Fade")
    second = another(blender, module)
    step(blender, scene, "undo")
    (strip,) = movies(blender.context.scene)
    assert (strip.blend_alpha, shown(strip)) == (1.0, second.id)
    step(blender, blender.context.scene, "redo")
    (strip,) = movies(blender.context.scene)
    assert (strip.blend_alpha, shown(strip)) == (0.5, second.id)
    choose(blender, first)
    step(blender, blender.context.scene, "undo")
    assert shown(movies(blender.context.scene)[0]) == second.id
    step(blender, blender.context.scene, "redo")
    assert shown(movies(blender.context.scene)[0]) == first.id


def test_an_undo_to_before_several_takes_shows_the_newest(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """Each take came to the strip while that showed the one before."""
    blender.ops.ed.undo_push(message="Imported")
    movies(scene)[0].blend_alpha = 0.5
    blender.ops.ed.undo_push(message="Fade")
    for _ in range(4):
        newest_take = another(blender, module)
    step(blender, scene, "undo")
    (strip,) = movies(blender.context.scene)
    assert (strip.blend_alpha, shown(strip)) == (1.0, newest_take.id)


def test_a_choice_that_was_made_since_stays(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """A strip that asked for a take, and for which the artist has chosen since, does not show the new one by itself."""
    second = another(blender, module)
    takes = module("blender.timeline.takes")
    takes.await_take(movies(scene)[0], "f" * 32)
    choose(blender, first)
    assert "grok_video_awaits" not in movies(scene)[0]
    module("blender.session.takes").settle(blender.context)
    assert shown(movies(scene)[0]) == first.id
    choose(blender, second)
    assert shown(movies(scene)[0]) == second.id


def test_next_and_previous_go_round(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    second = another(blender, module)
    third = another(blender, module)
    seen = []
    for by in (-1, -1, -1, 1, 1):
        blender.ops.grok_video.choose_take(step=by)
        seen.append(shown(movies(scene)[0]))
    assert seen == [second.id, first.id, third.id, first.id, second.id]


def test_one_take_has_nothing_beside(blender: ModuleType, scene: Any, first: Any) -> None:
    refused(lambda: blender.ops.grok_video.choose_take(), "no other take yet")
    refused(lambda: blender.ops.grok_video.choose_take(job="f" * 32), "is no take of")


def test_all_pieces_or_one(blender: ModuleType, scene: Any, first: Any, module: Module) -> None:
    """Cut in three, one of them in a meta strip, a copy in another scene."""
    second = another(blender, module)
    split(movies(scene)[0], 18)
    right = split(find(scene, "A heron lifts off.001"), 26)
    right_name = right.name
    make_meta(scene, right)
    copy = scene.copy()
    left = min(movies(scene), key=lambda strip: span(strip)[0])
    choose(blender, first, strip=left.name)
    ids = {strip.name: shown(strip) for strip in movies(scene)}
    assert sorted(ids.values()) == sorted([first.id, second.id, second.id])
    assert ids[left.name] == first.id
    choose(blender, first, strip=right_name, scope="PIECES")
    assert [shown(strip) for strip in movies(scene)] == [first.id] * 3
    assert {shown(strip) for strip in movies(copy)} == {second.id}
    assert len(movies(scene)) == 3


@pytest.mark.parametrize(
    "settings",
    [
        {"resolution": "720p"},
        {"duration": 3},
        {"generate_audio": True},
        {"resolution": "720p", "duration": 2, "generate_audio": True},
    ],
    ids=["size", "length", "sound", "all"],
)
def test_takes_that_differ_take_turns(
    blender: ModuleType,
    scene: Any,
    first: Any,
    module: Module,
    tmp_path: Path,
    settings: dict[str, Any],
) -> None:
    """Framed, trimmed and keyed by the artist: as before whenever the first take is chosen again."""
    (strip,) = movies(scene)
    strip.transform.scale_x *= 0.5
    strip.transform.keyframe_insert("scale_y", frame=1)
    looked, lay = pictures.see(scene, tmp_path, FRAME), span(strip)
    second = changed(blender, module, scene, "A crane lands", **settings)
    for _ in range(3):
        choose(blender, first)
        assert span(movies(scene)[0]) == lay
        assert abs(pictures.see(scene, tmp_path, FRAME) - looked).max() < 1.0
        choose(blender, second)
        assert abs(pictures.see(scene, tmp_path, FRAME) - looked).mean() > 1.0


# ------------------------------------------------------------------------------- files, stars, slots


def test_a_take_whose_file_is_gone_comes_back_free(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    second = another(blender, module)
    Path(first.clip.path).unlink()
    refused(lambda: choose(blender, first), "Download Again brings it back, free")
    assert shown(movies(scene)[0]) == second.id
    assert blender.ops.grok_video.download_again(job=first.id) == {"FINISHED"}
    choose(blender, first)
    assert shown(movies(scene)[0]) == first.id
    assert posts(stand_in) == 2


def test_a_file_that_was_replaced_is_shown_and_said(
    blender: ModuleType, scene: Any, first: Any, module: Module, tmp_path: Path
) -> None:
    second = another(blender, module)
    pictures.numbered_clip(Path(first.clip.path), 2, audio=False)
    said = module("blender.session.takes").choose(
        blender.context, movies(scene)[0], first, pieces=False
    )
    assert "Another file lies where the clip of this take was" in " ".join(said)
    Path(first.clip.path).write_bytes(b"no clip at all")
    choose(blender, second)
    refused(lambda: choose(blender, first), "is no clip any more")
    assert shown(movies(scene)[0]) == second.id


def test_stars_are_kept_in_the_file_and_undone(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    second = another(blender, module)
    takes = module("blender.timeline.takes")
    blender.ops.ed.undo_push(message="Before")
    blender.ops.grok_video.star_take("EXEC_DEFAULT", True, job=first.id)
    blender.ops.grok_video.star_take("EXEC_DEFAULT", True)
    assert takes.stars() == {first.id, second.id}
    step(blender, scene, "undo")
    assert takes.stars() == {first.id}
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert takes.is_starred(first.id)
    name = movies(blender.context.scene)[0].name
    blender.ops.grok_video.star_take(strip=name, job=first.id)
    assert takes.stars() == set()
    blender.context.scene["grok_video_stars"] = 5
    assert takes.stars() == set()


def test_as_a_new_strip_and_as_its_own_slot(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    """A new strip has the takes of its slot; a slot of its own has those that it had, and gets its own."""
    second = another(blender, module)
    old = movies(scene)[0].name
    blender.ops.grok_video.take_as_strip(strip=old, job=first.id)
    new = next(strip.name for strip in movies(scene) if strip.name != old)
    assert shown(find(scene, new)) == first.id
    assert find(scene, new)["grok_video_slot"] == first.id
    assert span(find(scene, new))[0] == span(find(scene, old))[0]
    choose(blender, second, strip=new)
    blender.ops.grok_video.own_slot(strip=new)
    choice_of = module("blender.session.takes").choice_of
    own = find(scene, new)["grok_video_slot"]
    assert own not in (first.id, second.id)
    assert [job.id for job in choice_of(find(scene, new)).takes] == [first.id, second.id]
    third = another(blender, module, strip=new)
    assert shown(find(scene, new)) == third.id
    assert shown(find(scene, old)) == second.id
    assert [job.id for job in choice_of(find(scene, old)).takes] == [first.id, second.id]
    choose(blender, first, strip=new)
    assert [job.id for job in choice_of(find(scene, new)).takes] == [first.id, second.id, third.id]
    assert find(scene, new)["grok_video_slot"] == own
    assert posts(stand_in) == 3


def test_a_copy_keeps_the_slot_until_it_is_its_own(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    copy = duplicate(scene, movies(scene)[0], 60).name
    second = another(blender, module, strip=copy)
    ids = {strip.name: shown(strip) for strip in movies(scene)}
    assert ids.pop(copy) == second.id
    assert list(ids.values()) == [first.id]


# ------------------------------------------------------------------------------- what is sent is what is seen


def test_extend_sends_the_take_that_is_shown(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    """As it came it goes by its address, which is that of the file that the strip shows; with another size too."""
    scene.grok_video.duration = 2
    second = changed(blender, module, scene, "A crane lands", resolution="720p", duration=2)
    third = changed(blender, module, scene, "A crane sleeps", resolution="480p", duration=2)
    scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "It goes on", 2
    name = movies(scene)[0].name
    for take in (second, third, second):
        choose(blender, take, strip=name)
        assert blender.ops.grok_video.extend(strip=name) == {"FINISHED"}
        made = newest(module)
        assert (made.spec.video.job, made.spec.video.path) == (take.id, take.clip.path)
        assert (made.spec.video.width, made.spec.video.height) == (
            take.clip.width,
            take.clip.height,
        )
        assert stand_in.requests("submit")[-1]["body"]["video"]["url"] == take.url
        for strip in [s for s in every(scene) if s.get("grok_video_job") == made.id]:
            base_of(scene.sequence_editor).remove(strip)


def test_a_part_of_a_take_is_priced_at_its_own_size(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """Blender's word of the size is that of the file before, and the price depends on the size."""
    second = changed(blender, module, scene, "A crane lands", resolution="720p", duration=3)
    part_of_strip = module("blender.submission.strip_part").part_of_strip
    source_strip_of = module("blender.timeline.source_strip").source_strip_of
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    for take, side in ((second, 720), (first, 480), (second, 720)):
        choose(blender, take)
        source = source_strip_of(movies(scene)[0])
        part = part_of_strip(source, source.start, source.end - 5, lambda _: None)
        assert min(part.pixels) == side


def test_another_take_of_an_extension_shows_its_new_part(
    blender: ModuleType, scene: Any, first: Any, module: Module, tmp_path: Path
) -> None:
    """The head that is the source's stays hidden in each take."""
    changed(blender, module, scene, "A crane lands", duration=2)
    source = movies(scene)[0].name
    blender.ops.grok_video.choose_take(strip=source, job=newest(module).id)
    scene.grok_video.extend_prompt, scene.grok_video.extend_seconds = "It goes on", 2
    blender.ops.grok_video.extend(strip=source)
    extension = newest(module)
    strip = next(s for s in movies(scene) if s["grok_video_job"] == extension.id)
    name, lay = strip.name, span(strip)
    seen = pictures.number_of(pictures.see(scene, tmp_path, lay[0] + 5))
    scene.grok_video.extend_prompt = "It goes on and on"
    second = another(blender, module, strip=name, changed=True)
    assert (second.spec.prompt, second.spec.kind) == ("It goes on and on", "extend")
    assert second.spec.video == extension.spec.video
    strip = find(scene, name)
    assert (shown(strip), span(strip)) == (second.id, lay)
    assert pictures.number_of(pictures.see(scene, tmp_path, lay[0] + 5)) == seen


# ------------------------------------------------------------------------------------- slots that wait


def test_a_slot_whose_clip_failed_is_filled_by_another_take(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """Generate Again: its pieces, one of them in a meta strip, wait for the new take, and show that."""
    stand_in.fail("job", "failed")
    refused(lambda: blender.ops.grok_video.generate(frame=10, slot=True), "could not be generated")
    (strip,) = strips(scene)
    assert module("blender.timeline.slots").is_waiting(strip)
    failed = newest(module)
    right = split(strip, 22)
    make_meta(scene, right)
    lay = sorted(span(strip) for strip in movies(scene))
    again = another(blender, module, strip=movies(scene)[0].name)
    assert [shown(strip) for strip in movies(scene)] == [again.id] * 2
    assert sorted(span(strip) for strip in movies(scene)) == lay
    assert (again.spec.slot, again.spec.parent) == (failed.spec.slot, failed.id)
    assert posts(stand_in) == 2


def test_two_clicks_on_generate_again_buy_one_clip(
    blender: ModuleType, scene: Any, window: None, stand_in: Any, module: Module
) -> None:
    """At the second one the strip waits for what the first one bought: it would be a take of that."""
    stand_in.fail("job", "failed")
    session, state = module("blender.session"), module("blender.session.state")
    click, takes = module("blender.session.click"), module("blender.session.takes")
    with click.begun_by(press=True, slot=True):
        failed = click.generate(blender.context, scene, scene, 10)
    tick_until(session, lambda: (job := state.job_by_id(failed)) and job.state == "FAILED")
    again = takes.another_take(blender.context, movies(scene)[0], changed=False)
    tick_until(session, lambda: state.job_by_id(again))
    (strip,) = movies(scene)
    assert strip["grok_video_job"] == again
    with pytest.raises(module("blender.refusal").Refused, match="sent just now"):
        takes.another_take(blender.context, strip, changed=False)
    tick_until(session, lambda: state.job_by_id(again).state == "IMPORTED")
    assert posts(stand_in) == 2


def test_a_take_of_other_pictures_fills_a_slot_whose_clip_failed(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    image = blender.data.images.new("Field", 848, 480)
    image.generated_type = "COLOR_GRID"
    stand_in.fail("job", "failed")
    refused(lambda: blender.ops.grok_video.generate(slot=True), "could not be generated")
    scene.grok_video.source, scene.grok_video.image = "IMAGE", image
    again = another(blender, module, changed=True)
    assert [shown(strip) for strip in movies(scene)] == [again.id]
    assert again.spec.image


def test_a_take_that_was_not_sent_is_taken_back_with_its_strip(
    blender: ModuleType, scene: Any, first: Any, stand_in: Any, module: Module
) -> None:
    blocking, takes = module("blender.session.blocking"), module("blender.session.takes")
    job_id = takes.another_take(blender.context, movies(scene)[0], changed=False)
    base_of(scene.sequence_editor).remove(movies(scene)[0])
    blocking.wait_until(blender.context, job_id, lambda job: job.state == "CANCELLED")
    assert posts(stand_in) == 1


def test_what_was_sent_is_asked_about_before_it_is_bought_again(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """An answer that was lost, or a job that was stopped, may be paid for, and its clip may come free."""
    words = module("blender.ui.takes").words_of_what_was_sent
    stand_in.fail("submit", "answer-cut", times=1)
    with pytest.raises(RuntimeError):
        blender.ops.grok_video.generate(slot=True)
    lost = newest(module)
    assert lost.state == "UNKNOWN"
    assert "Recover by Request ID brings its clip, free" in words(lost)
    stopped = replace(lost, state="CANCELLED", request_id="r1")
    assert "Retry asks for its clip, free" in words(stopped)
    assert words(replace(lost, state="CANCELLED", sent=False)) == ""
    assert words(replace(lost, state="FAILED")) == ""


def test_a_take_whose_strips_are_gone_is_not_forced_upon_anybody(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """It waits in the list, and Import places it."""
    blocking = module("blender.session.blocking")
    takes = module("blender.session.takes")
    job_id = takes.another_take(blender.context, movies(scene)[0], changed=False)
    blocking.wait_until(blender.context, job_id, lambda job: job.state == "RUNNING")
    base = base_of(scene.sequence_editor)
    base.remove(movies(scene)[0])
    job = blocking.wait_until(blender.context, job_id, lambda job: job.clip is not None)
    for _ in range(5):
        module("blender.session.tick").tick(blender.context)
    assert movies(scene) == []
    assert newest(module).state == "READY"
    assert blender.ops.grok_video.import_result(job=job.id) == {"FINISHED"}
    assert [shown(strip) for strip in movies(scene)] == [job.id]


def test_a_take_that_comes_in_a_later_session_is_shown_by_its_strip(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """What a strip asked for is saved with the strip."""
    takes = module("blender.session.takes")
    blocking = module("blender.session.blocking")
    job_id = takes.another_take(blender.context, movies(scene)[0], changed=False)
    blocking.wait_until(blender.context, job_id, lambda job: job.state == "RUNNING")
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    blocking.wait_until(blender.context, job_id, lambda job: job.state == "IMPORTED")
    assert [shown(strip) for strip in movies(blender.context.scene)] == [job_id]


def test_a_take_that_came_since_the_file_was_saved_is_shown(
    blender: ModuleType, scene: Any, first: Any, module: Module
) -> None:
    """As after Revert: where its file is there, and the artist has not chosen since."""
    takes = module("blender.session.takes")
    blocking = module("blender.session.blocking")
    job_id = takes.another_take(blender.context, movies(scene)[0], changed=False)
    blender.ops.wm.save_mainfile()
    second = blocking.wait_until(blender.context, job_id, lambda job: job.state == "IMPORTED")
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    (strip,) = movies(blender.context.scene)
    assert (shown(strip), strip.get("grok_video_awaits")) == (job_id, None)
    # In a window, where the list is read by ticks: on the first of them.
    tick, clip = module("blender.session.tick").tick, Path(second.clip.path)
    for is_there in (False, True):
        choose(blender, first)
        strip["grok_video_awaits"] = job_id
        del strip["grok_video_chosen"]
        takes.file_opened()
        if not is_there:
            clip.rename(clip.with_suffix(".away"))
        tick(blender.context)
        assert shown(strip) == (job_id if is_there else first.id)
        if not is_there:
            clip.with_suffix(".away").rename(clip)
