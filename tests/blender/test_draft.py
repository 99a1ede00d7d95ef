"""Drafts: the cheapest clip that a request allows, its frame kept at full size, and the final clip as a take of its slot."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import MethodType, ModuleType, SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

from ..stand_in import frame_code
from . import pictures
from .editing import span
from .test_flow import newest, refused
from .test_rework_breaker import window
from .test_slots import Desk, camera, desk, movies

__all__ = ["camera", "desk", "window"]  # fixtures

Module = Callable[[str], ModuleType]
V15, OLD = "grok-imagine-video-1.5", "grok-imagine-video"
LITE = f"{V15}-lite"
SMALL, FULL = (848, 480), (1280, 720)


@pytest.fixture
def drafting(scene: Any) -> Any:
    """A scene that asks for the draft of a clip of 720p by 1.5, from an image that is larger."""
    image = bpy.data.images.new("Field", 1920, 1080)
    image.generated_type = "COLOR_GRID"
    chosen = scene.grok_video
    chosen.source, chosen.image, chosen.model, chosen.resolution = "IMAGE", image, V15, "720p"
    chosen.duration = 2
    chosen.draft = True
    return chosen


def bodies(stand_in: Any) -> list[Any]:
    return [request["body"] for request in stand_in.requests("submit")]


def pixels(field: Any) -> tuple[int, int]:
    """Width and height of the picture that a field of a request holds."""
    return tuple(field["url"]["pixels"])


def alike(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures as seen from afar, of 255."""
    a, b = (
        np.asarray(picture.convert("RGB").resize((16, 9), Image.Resampling.BOX), float)
        for picture in (one, other)
    )
    return float(np.abs(a - b).mean())


def finish(module: Module, **given: Any) -> Any:
    assert bpy.ops.grok_video.finish(**given) == {"FINISHED"}
    return newest(module)


def generate(module: Module, **given: Any) -> Any:
    assert bpy.ops.grok_video.generate(frame=10, **given) == {"FINISHED"}
    return newest(module)


# ------------------------------------------------------------------------------------------ the draft


def test_a_draft_is_the_cheapest_clip_and_keeps_its_frame_at_full_size(
    drafting: Any, stand_in: Any, module: Module
) -> None:
    job, (body,) = generate(module), bodies(stand_in)
    assert (body["model"], body["resolution"], body["duration"]) == (LITE, "480p", 2)
    spec = job.spec
    assert (spec.draft, spec.final_model, spec.final_resolution) == (True, V15, "720p")
    assert job.cost == spec.estimate == 2 * 2 * 10**8 + 10**8
    with Image.open(spec.full_image.path) as full, Image.open(spec.image) as small:
        assert (full.size, small.size) == (FULL, SMALL)
        assert pixels(body["image"]) == SMALL == spec.image_pixels
        assert alike(full, small) < 3
    assert spec.full_image.path not in [mark.path for mark in spec.files]
    how = json.loads(Path(job.clip.path).with_suffix(".json").read_text("utf-8"))
    assert how["draft_of"] == {"model": V15, "resolution": "720p"}


def test_the_camera_is_rendered_once(
    scene: Any, camera: Any, drafting: Any, desk: Desk, module: Module
) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    rendered: list[Any] = []

    def note(one: Any, *_: Any) -> None:
        rendered.append(one.render.resolution_y)

    bpy.app.handlers.render_pre.append(note)
    try:
        job = desk.follow(desk.click(source="CAMERA"), "IMPORTED")
    finally:
        bpy.app.handlers.render_pre.remove(note)
    assert rendered == [720]
    with Image.open(job.spec.full_image.path) as full:
        assert full.size == FULL
    assert job.spec.image_pixels == SMALL


def test_pictures_may_be_sent_as_jpeg(drafting: Any, stand_in: Any, module: Module) -> None:
    module("blender.config").preferences().still_format = "JPEG"
    spec = generate(module).spec
    finish(module)
    for path, size, body in zip(
        (spec.image, spec.full_image.path), (SMALL, FULL), bodies(stand_in), strict=True
    ):
        with Image.open(path) as opened:
            assert (opened.format, opened.size) == ("JPEG", size)
        assert pixels(body["image"]) == size


def test_a_picture_that_is_no_larger_is_kept_once(
    drafting: Any, stand_in: Any, module: Module
) -> None:
    image = bpy.data.images.new("Small", 640, 360)
    image.generated_type = "COLOR_GRID"
    drafting.image = image
    spec = generate(module).spec
    assert spec.full_image.path == spec.image
    assert spec.image_pixels == (640, 360)
    finish(module)
    assert pixels(bodies(stand_in)[1]["image"]) == (640, 360)


@pytest.mark.parametrize(
    ("settings", "model"),
    [
        ({}, LITE),
        ({"source": "NONE"}, LITE),
        ({"loop": True}, V15),
        ({"references": 1, "source": "NONE"}, OLD),
        ({"references": 1}, V15),
        ({"model": OLD}, LITE),
    ],
)
def test_only_a_model_that_takes_what_goes_along_makes_the_draft(
    scene: Any, drafting: Any, stand_in: Any, module: Module, settings: dict[str, Any], model: str
) -> None:
    for name, value in settings.items():
        if name == "references":
            drafting.references.add().image = drafting.image
        else:
            setattr(drafting, name, value)
    draft = module("blender.submission.generate").generate_draft(bpy.context, scene)
    assert (draft.model, draft.resolution) == (model, "480p")
    job = generate(module)
    assert job.cost == module("blender.submission.common").price_of(draft)
    chosen_model, chosen_size = drafting.model, drafting.resolution
    final = finish(module)
    assert (final.spec.model, final.spec.resolution) == (chosen_model, chosen_size)
    first, second = bodies(stand_in)
    for field in {*first, *second} - {"model", "resolution", "image", "last_frame"}:
        assert first[field] == second[field]
    assert ("image" in first) == ("image" in second)


def test_a_draft_that_could_not_be_finished_is_not_bought(drafting: Any, stand_in: Any) -> None:
    drafting.loop, drafting.model = True, LITE
    refused(bpy.ops.grok_video.generate, "Lite takes no end frame. Choose Grok Imagine Video 1.5")
    drafting.model, drafting.resolution = V15, "1080p"
    refused(bpy.ops.grok_video.generate, "there is no 1080p")
    assert not bodies(stand_in)


def test_a_draft_that_is_stopped_leaves_no_picture(
    scene: Any, camera: Any, drafting: Any, window: None, desk: Desk, module: Module
) -> None:
    stills = module("blender.config").data_dir() / "stills"
    desk.click(source="CAMERA", end_frame=True)
    preparing = desk.session.click.preparing
    desk.until(lambda: len(preparing.steps) == 1)
    made = {path.name[32:] for path in stills.iterdir()}
    assert {"-full.png", ".png"} <= made
    module("blender.session.click").stop_preparing()
    assert [path.name for path in stills.iterdir() if path.is_file()] == []


# ------------------------------------------------------------------------------------------ Finish


def test_finish_buys_the_same_request_at_full_size_as_a_take(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    draft = generate(module)
    (strip,) = movies(scene)
    lay = (strip.name, span(strip), strip.channel)
    scale = strip.transform.scale_x
    # The panel is another one by now: what was chosen at the click counts.
    drafting.model, drafting.prompt, drafting.draft = OLD, "Something else", False
    scene.frame_set(50)
    final = finish(module)
    first, second = bodies(stand_in)
    assert (second["model"], second["resolution"]) == (V15, "720p")
    assert pixels(second["image"]) == FULL
    same = {*first} - {"model", "resolution", "image"}
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    (strip,) = movies(scene)
    assert (strip.name, span(strip), strip.channel) == lay
    assert strip["grok_video_job"] == final.id
    assert strip.transform.scale_x == pytest.approx(scale * 480 / 720, rel=0.01)
    assert (final.spec.slot, final.spec.parent) == (draft.id, draft.id)
    assert (final.spec.draft, final.spec.full_image) == (False, None)
    assert final.spec.image == draft.spec.full_image.path
    assert final.cost == final.spec.estimate == 2 * 14 * 10**8 + 10**8
    assert not module("core.shape").other_shape(final)
    refused(bpy.ops.grok_video.finish, "shows no draft")
    assert bpy.ops.grok_video.choose_take("EXEC_DEFAULT", True, job=draft.id) == {"FINISHED"}
    finish(module, model=LITE, resolution="480p")
    assert (bodies(stand_in)[2]["model"], bodies(stand_in)[2]["resolution"]) == (LITE, "480p")
    assert pixels(bodies(stand_in)[2]["image"]) == FULL


def test_a_draft_that_was_finished_is_asked_about(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    draft = generate(module)
    ui, cls = module("blender.ui.finish"), bpy.types.GROK_VIDEO_OT_finish
    request = module("blender.submission.finish").full_request

    def before(**chosen: Any) -> str:
        return ui.finished_before(draft, request(draft.spec, **chosen), keep_motion=False)

    assert before() == ""
    finish(module)
    assert before() == "This draft was finished with this model and size once already."
    assert before(model=LITE) == "", "another one was not"
    asked = SimpleNamespace(
        _finished=lambda _context: (None, draft, request(draft.spec)), keep_motion=False
    )
    title, words = cls.question(asked, bpy.context, 10**9)
    assert title == "Buy This Clip Once More?"
    assert words == f"{before()} It costs $0.10."
    assert bpy.ops.grok_video.choose_take("EXEC_DEFAULT", True, job=draft.id) == {"FINISHED"}
    stand_in.fail("job", "failed")
    refused(lambda: finish(module, model=LITE), "could not be generated")
    assert before(model=LITE) == "", "a clip that failed is bought again"


@pytest.mark.parametrize("name", ["finish", "another_take"])
def test_another_take_that_comes_while_the_artist_is_asked_is_not_what_is_bought(
    scene: Any, drafting: Any, stand_in: Any, module: Module, name: str
) -> None:
    first = generate(module)
    cls = getattr(bpy.types, f"GROK_VIDEO_OT_{name}")
    own = {"scene": "", "strip": "", "model": "", "resolution": "", "small_frame": False}
    asked = SimpleNamespace(_take="", keep_motion=False, changed=False, **own)
    for method in ("_finished", "_named"):
        if hasattr(cls, method):
            setattr(asked, method, MethodType(getattr(cls, method), asked))
    price = cls.price(asked, bpy.context)
    assert cls.price(asked, bpy.context) == price, "asked again of the same take"
    assert bpy.ops.grok_video.another_take() == {"FINISHED"}
    (strip,) = movies(scene)
    assert strip["grok_video_job"] == newest(module).id != first.id
    with pytest.raises(module("blender.refusal").Refused, match="another take than when you were"):
        cls.price(asked, bpy.context)


def test_a_loop_is_finished_as_a_loop(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    drafting.loop = True
    generate(module)
    lay = span(movies(scene)[0])
    assert finish(module).spec.loop
    first, second = bodies(stand_in)
    assert first["image"] == first["last_frame"]
    assert second["image"] == second["last_frame"] != first["image"]
    assert pixels(second["last_frame"]) == FULL
    assert span(movies(scene)[0]) == lay


def test_an_end_frame_and_keyframes_are_kept_at_full_size(
    scene: Any, camera: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 1280, 720
    scene.timeline_markers.new("Turn", frame=scene.frame_current + 24)
    drafting.source, drafting.end_frame, drafting.keyframes = "CAMERA", True, True
    generate(module)
    finish(module)
    first, second = bodies(stand_in)
    assert (first["model"], first["resolution"]) == (V15, "480p")
    assert (pixels(first["image"]), pixels(second["image"])) == (SMALL, FULL)
    assert first["last_frame"] == second["last_frame"]
    assert first["keyframes"] == second["keyframes"]
    assert pixels(second["last_frame"]) == FULL
    assert pixels(second["keyframes"][0]["image"]) == FULL


@pytest.mark.parametrize("happened", ["gone", "another", "broken"])
def test_without_its_full_size_frame_nothing_is_bought_unless_the_small_one_is_asked_for(
    scene: Any, drafting: Any, stand_in: Any, module: Module, happened: str
) -> None:
    draft = generate(module)
    path = Path(draft.spec.full_image.path)
    match happened:
        case "gone":
            path.unlink()
        case "another":
            Image.new("RGB", FULL, (10, 20, 30)).save(path)
        case _:
            path.write_bytes(path.read_bytes()[:-20])
    refused(bpy.ops.grok_video.finish, "The full-size first frame of this draft is")
    assert len(bodies(stand_in)) == 1
    final = finish(module, small_frame=True)
    assert (final.spec.image, final.spec.image_pixels) == (draft.spec.image, SMALL)
    assert bodies(stand_in)[1]["image"] == bodies(stand_in)[0]["image"]
    assert bodies(stand_in)[1]["resolution"] == "720p"


def test_a_record_without_a_full_size_frame_is_refused(
    scene: Any, drafting: Any, module: Module
) -> None:
    from dataclasses import replace

    finishing = module("blender.submission.finish")
    spec = replace(generate(module).spec, full_image=None)
    with pytest.raises(module("blender.refusal").Refused, match="no full-size"):
        finishing.looked_at(finishing.full_request(spec), spec)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"model": OLD, "resolution": "1080p"}, "does not make 1080p"),
        ({"resolution": "8k"}, "does not make 8k"),
        ({"resolution": "\0" * 3}, ""),
        ({"model": " "}, "No model is named"),
        ({"strip": "No Such Strip"}, "No Such Strip"),
        ({"keep_motion": True, "model": LITE}, "takes no keyframes, which keep the motion"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    scene: Any, drafting: Any, stand_in: Any, module: Module, given: dict[str, Any], words: str
) -> None:
    generate(module)
    if words:
        refused(lambda: bpy.ops.grok_video.finish(**given), words)
        assert len(bodies(stand_in)) == 1
    else:  # an empty text, as Blender reads it
        finish(module, **given)


def test_a_strip_of_another_kind_is_no_draft(scene: Any, drafting: Any, module: Module) -> None:
    refused(bpy.ops.grok_video.finish, "no clip of Grok Video")
    drafting.draft = False
    generate(module)
    refused(bpy.ops.grok_video.finish, "shows no draft")


def test_the_final_clip_may_be_asked_for_before_the_draft_is_there(
    scene: Any, drafting: Any, desk: Desk, stand_in: Any, module: Module
) -> None:
    job_id = desk.click(frame=10)
    desk.until(lambda: desk.job(job_id))
    (slot,) = movies(scene)
    asked = module("blender.ui.finish")
    takes, finishing = module("blender.session.takes"), module("blender.submission.finish")
    refuse = finishing.motion_refusal(desk.job(job_id).spec, desk.job(job_id).spec, None)
    assert "when its clip is there" in refuse
    with module("blender.session.click").begun_by(press=True, slot=True):
        final = takes.finish(
            bpy.context,
            slot,
            finishing.full_request(desk.job(job_id).spec),
            keep_motion=False,
        )
    assert asked
    desk.follow(final, "IMPORTED")
    (strip,) = movies(scene)
    assert strip["grok_video_job"] == final
    assert len(bodies(stand_in)) == 2


# ------------------------------------------------------------------------------------------ Keep the Motion


def test_keep_the_motion_pins_frames_of_the_draft(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    drafting.resolution = "1080p"
    draft = generate(module)
    # What the artist does to the strip is not what the service made.
    (strip,) = movies(scene)
    strip.mute, strip.color_multiply = True, 0.2
    final = finish(module, keep_motion=True)
    body = bodies(stand_in)[1]
    assert (body["model"], body["resolution"]) == (V15, "720p")
    assert [round(frame["timestamp_s"] * 3) for frame in body["keyframes"]] == [1, 2, 4, 5]
    shown = [number_in(frame.picture.path) for frame in final.spec.keyframes]
    assert shown == [round(frame["timestamp_s"] * 24) for frame in body["keyframes"]]
    assert number_in(final.spec.last_frame.path) == draft.clip.frames - 1
    assert pixels(body["last_frame"]) == (draft.clip.width, draft.clip.height)
    assert final.cost == final.spec.estimate == 2 * 14 * 10**8 + 6 * 10**8
    assert movies(scene)[0]["grok_video_job"] == final.id


def number_in(path: str) -> int:
    with Image.open(path) as opened:
        return frame_code.decode(np.asarray(opened.convert("RGB")))


def test_frames_of_the_artist_stay_and_those_of_the_draft_come_between(
    scene: Any, camera: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    scene.timeline_markers.new("Turn", frame=scene.frame_current + 24)
    drafting.source, drafting.end_frame, drafting.keyframes = "CAMERA", True, True
    generate(module)
    finish(module, keep_motion=True)
    first, second = bodies(stand_in)
    assert second["last_frame"] == first["last_frame"]
    thirds = [round(frame["timestamp_s"] * 3) for frame in second["keyframes"]]
    assert thirds == [1, 3, 5]
    assert second["keyframes"][1] == first["keyframes"][0]


def test_a_loop_whose_motion_is_kept_still_ends_on_its_first_frame(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    drafting.loop = True
    generate(module)
    finish(module, keep_motion=True)
    body = bodies(stand_in)[1]
    assert body["last_frame"] == body["image"]
    assert len(body["keyframes"]) == 4


def test_a_draft_whose_clip_is_gone_keeps_no_motion(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    draft = generate(module)
    Path(draft.clip.path).unlink()
    refused(lambda: bpy.ops.grok_video.finish(keep_motion=True), "its motion cannot be kept")
    assert len(bodies(stand_in)) == 1


def test_a_finish_that_is_stopped_takes_no_picture_of_the_draft(
    scene: Any, drafting: Any, window: None, desk: Desk, stand_in: Any, module: Module
) -> None:
    draft = desk.follow(desk.click(frame=10), "IMPORTED")
    stills = module("blender.config").data_dir() / "stills"
    before = {path: path.read_bytes() for path in stills.iterdir()}
    takes, finishing = module("blender.session.takes"), module("blender.submission.finish")
    click = module("blender.session.click")
    with click.begun_by(press=True, slot=True):
        takes.finish(
            bpy.context,
            movies(scene)[0],
            finishing.full_request(draft.spec),
            keep_motion=True,
        )
    preparing = desk.session.click.preparing
    desk.until(lambda: len(preparing.steps) < 4)
    click.stop_preparing()
    assert {path: path.read_bytes() for path in stills.iterdir()} == before
    assert len(bodies(stand_in)) == 1


# ------------------------------------------------------------------------------------------ other takes, settings


def test_another_take_of_a_draft_is_a_draft_of_the_same_frame(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    draft = generate(module)
    bpy.ops.grok_video.another_take()
    again = newest(module)
    assert (again.spec.draft, again.spec.full_image) == (True, draft.spec.full_image)
    drafting.prompt = "A crane lands"
    bpy.ops.grok_video.another_take(changed=True)
    changed = newest(module)
    assert (changed.spec.draft, changed.spec.full_image) == (True, draft.spec.full_image)
    one, other, third = bodies(stand_in)
    assert one == other
    assert (third["image"], third["prompt"]) == (one["image"], "A crane lands")


def test_the_panel_without_draft_makes_the_final_clip_of_the_full_size_frame(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    draft = generate(module)
    drafting.draft, drafting.prompt = False, "A crane lands"
    bpy.ops.grok_video.another_take(changed=True)
    body, spec = bodies(stand_in)[1], newest(module).spec
    assert (body["model"], body["resolution"], body["prompt"]) == (V15, "720p", "A crane lands")
    assert (spec.image, spec.image_pixels) == (draft.spec.full_image.path, FULL)
    assert (spec.draft, spec.full_image) == (False, None)


def test_the_settings_of_a_draft_come_back(scene: Any, drafting: Any, module: Module) -> None:
    job = generate(module)
    drafting.draft, drafting.model, drafting.resolution = False, OLD, "480p"
    bpy.ops.grok_video.use_settings(job=job.id)
    assert (drafting.draft, drafting.model, drafting.resolution) == (True, V15, "720p")
    final = finish(module)
    bpy.ops.grok_video.use_settings(job=final.id)
    assert (drafting.draft, drafting.model, drafting.resolution) == (False, V15, "720p")
    assert "draft" in module("blender.ui.presets")._SETTINGS


def test_variants_are_drafts_of_the_same_frame(
    scene: Any, drafting: Any, stand_in: Any, module: Module
) -> None:
    drafting.prompt = "A {red|blue} car"
    bpy.ops.grok_video.generate(frame=10, variants=True)
    one, other = bodies(stand_in)
    assert (one["model"], one["image"]) == (other["model"], other["image"])
    assert {one["prompt"], other["prompt"]} == {"A red car", "A blue car"}
    jobs = module("blender.session.state").current().bridge.snapshot.all
    assert len({job.spec.full_image.path for job in jobs}) == 1


def test_two_clicks_on_a_draft_are_one_click(scene: Any, drafting: Any, module: Module) -> None:
    generate_now = module("blender.submission.generate").generation
    same = module("blender.submission.common").what_a_click_asks_for
    one, other = (generate_now(bpy.context, scene, scene, 10, "s").spec for _ in range(2))
    assert one.full_image != other.full_image
    assert same(one) == same(other)


def test_a_frame_of_a_clip_has_the_colours_of_its_file(
    scene: Any, module: Module, tmp_path: Path
) -> None:
    """Whatever the view of the artist's scene; and nothing is left in the file."""
    scene.view_settings.view_transform = "AgX" if bpy.app.version >= (4, 0) else "Filmic"
    patches = np.random.default_rng(7).integers(20, 230, (4, 6, 3), dtype=np.uint8)
    path = pictures.patch_clip(tmp_path / "patches.mp4", patches)
    before = [len(getattr(bpy.data, kind)) for kind in ("scenes", "images", "worlds", "movieclips")]
    clip = module("core.mp4").probe(str(path))
    made = module("blender.sources.clip_frame").clip_frame(clip, 3, tmp_path / "frame.png", "PNG")
    assert (made.width, made.height) == (pictures.WIDTH, pictures.HEIGHT)
    with Image.open(made.path) as opened:
        assert pictures.apart(path, np.asarray(opened.convert("RGB"), float), 4, 6) <= 3
    after = [len(getattr(bpy.data, kind)) for kind in ("scenes", "images", "worlds", "movieclips")]
    assert (after[0], after[2:]) == (before[0], before[2:])
