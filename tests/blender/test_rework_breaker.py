"""Attempts to make extensions and edits cost more than was said, lose work or crash, made after the code."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import imageio_ffmpeg
import pytest

from ..patience import PATIENCE
from . import editing, pictures
from .conftest import patching
from .placed import import_clip
from .test_orders import bodies, footage, made_by, newest, number_at, refused, scene, strip

__all__ = ["footage", "scene", "strip"]  # fixtures

Module = Callable[[str], ModuleType]


class _App:
    """``bpy.app`` of a Blender with windows, where a click waits for nothing."""

    background = False

    def __getattr__(self, name: str) -> Any:
        return getattr(bpy.app, name)


class _Bpy:
    app = _App()

    def __getattr__(self, name: str) -> Any:
        return getattr(bpy, name)


#: Where a click waits in a script, and does not in a window.
CLICKS = {
    *(
        f"blender.session.{name}"
        for name in (
            "click",
            "files",
            "imports",
            "moving",
            "questions",
            "queue",
            "renders",
            "series",
            "shot_batch",
            "shots_export",
            "spending",
            "tick",
            "watch",
        )
    ),
    *(
        f"blender.ui.{name}"
        for name in ("asking", "job_actions", "seam", "shots_generate", "spending", "wait")
    ),
}
#: Where a wheel stays what it is: no screen to draw on, to read or to keep alive, its renders block, nobody waits for its start.
SCREEN = {
    "blender.lazily",
    "blender.session.looks",
    "blender.session.seams",
    "blender.session.shots",
    "blender.session.shots_export",
    "blender.session.thumbnails",
    "blender.session.unseen",
    "blender.session.unused",
    "blender.sources.camera",
    "blender.sources.on_disk",
    "blender.sources.viewport",
    "blender.sources.ways",
    "blender.submission.preparation",
    "blender.ui.compare",
    "blender.ui.finish",
    "blender.ui.look_compare",
    "blender.ui.references",
    "blender.ui.slot_overlay",
    "blender.ui.support",
    "blender.ui.takes",
    "blender.ui.unused",
}


@pytest.fixture
def window(extension: ModuleType, module: Module, patches: Any) -> None:
    """Clicks are answered as in a window: what they need is made on ticks."""
    # A module that asks for the background mode and is in neither list would go on as in a script.
    assert patching.files_reading(extension, "bpy", "app", "background") == CLICKS | SCREEN
    for name in sorted(CLICKS):
        patches.set(module(name), "bpy", _Bpy(), unused_ok="not every click asks both")
    # A test is a script, and here it stands for the artist.
    patches.set(module("blender.session.click"), "may_buy", lambda: True, unused_ok="not all buy")


def tick_until(session: Any, done: Callable[[], object], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, session.current().click.message
        session.tick(bpy.context)
        time.sleep(0.02)


def extend(module: Module, seconds: int = 12) -> str:
    """A click on Extend in a window; gives the id of the job to be."""
    series = module("blender.session.series")
    state = module("blender.session.state")
    orders = module("blender.submission.extend")
    scene = bpy.context.scene
    scene.grok_video.extend_seconds = seconds
    shot = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    passes = orders.passes_of(scene, orders.part_to_extend(scene, shot, state.job_by_id))
    return series.extend(bpy.context, shot, passes)


def job_of(session: Any, job_id: str) -> Any:
    return session.current().bridge.snapshot.jobs.get(job_id)


def in_state(session: Any, job_id: str, state: str) -> Callable[[], bool]:
    return lambda: (job := job_of(session, job_id)) is not None and job.state == state


def settle(session: Any, seconds: float = 1.5) -> None:
    """Give a purchase that must not come the time to come: to begin, to be prepared, and to be sent."""
    for _ in range(2):
        until = time.monotonic() + seconds
        while time.monotonic() < until or session.current().click.preparing is not None:
            session.tick(bpy.context)
            time.sleep(0.02)


# ------------------------------------------------------------------------------------- more than the button said


def test_later_passes_are_not_priced_as_a_larger_picture(
    scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    """A clip of 480p came back with 482 lines: as 720p its next passes would cost more than was agreed."""
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    camera = tmp_path / "482.mp4"
    small = pictures.numbered_clip(tmp_path / "small.mp4", 3, audio=False)
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(small)]
    subprocess.run([*ffmpeg, "-vf", "scale=850:482", str(camera)], check=True)
    editor = scene.sequence_editor_create()
    editor.active_strip = editing.base_of(editor).new_movie("Camera", str(camera), 3, 1)
    bake = module("blender.sources.bake")
    assert bake.bake_size(scene, editor.active_strip)[1] == 480
    models = module("service.pricing")
    agreed = models.price_of_passes(models.plan_passes(12, 3.04, "480p"))
    scene.grok_video.extend_seconds = 12
    bpy.ops.grok_video.extend()
    assert sum(job["ticks"] for job in stand_in.jobs()) == agreed


def test_a_pass_that_would_cost_more_is_not_bought(
    scene: Any, strip: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    refusal = module("blender.refusal")
    blocking = module("blender.session.blocking")
    state = module("blender.session.state")
    models = module("service.pricing")
    cheap = models.plan_passes(12, 3.0, "480p")
    job_id = extend(module)
    for name in ("edit", "extend", "strip_part"):
        patches.set(
            module(f"blender.submission.{name}"),
            "priced_resolution",
            lambda *_size: "720p",
            unused_ok="an edit asks once, an extension twice",
        )
    with pytest.raises(refusal.Refused, match=r"would cost \$0.48 and not \$0.36"):
        blocking.wait_until(
            bpy.context, job_id, lambda job: job_id in state.current().series.follows
        )
    assert [job["ticks"] for job in stand_in.jobs()] == [cheap[0].price]
    assert not state.current().series.agreed


def test_no_more_of_a_part_is_sent_than_was_agreed(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """The artist drew the part longer, or the service did: each second that is sent costs."""
    state, extend_ = module("blender.session.state"), module("blender.submission.extend")
    shots = module("blender.timeline")
    models = module("service.pricing")
    bpy.ops.grok_video.extend()
    job = newest(module)
    shot = shots.source_strip_of(strip)  # 3 s
    order = extend_.next_pass(shot, job, "", state.job_by_id, models.Pass(2, 2.0, None))
    assert order.spec.video.seconds == pytest.approx(2.0)
    assert order.spec.source.frame == shot.end - 48


def test_another_key_pays_for_nothing_that_was_agreed_with_the_first(
    scene: Any, strip: Any, stand_in: Any, module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, extend_ = module("blender.session.state"), module("blender.submission.extend")
    shots = module("blender.timeline")
    bpy.ops.grok_video.extend()
    job = newest(module)
    monkeypatch.setenv("XAI_API_KEY", "xai-another")
    one, shot = module("service.pricing").Pass(2, 3.0, None), shots.source_strip_of(strip)
    with pytest.raises(module("blender.refusal").Refused, match="key was changed"):
        extend_.next_pass(shot, job, "", state.job_by_id, one)


def test_no_price_is_invented_for_a_model_that_was_typed_in(
    scene: Any, strip: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.model, chosen.model_other, chosen.extend_seconds = "OTHER", "grok-9\n" + "x" * 10_000, 12
    orders = module("blender.submission.extend")
    models = module("service.pricing")
    shot = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    passes = orders.passes_of(scene, orders.part_to_extend(scene, shot, lambda _job: None))
    assert len(passes) == 2
    assert models.price_of_passes(passes) is None


def test_what_the_dialog_asked_about_is_what_is_bought(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """While it asks, another clip comes in and becomes the active strip."""
    extend_ = module("blender.ui.extend")
    asking = module("blender.ui.asking")
    extend = extend_.GROK_VIDEO_OT_extend
    scene.grok_video.extend_seconds = 12

    class Asked(asking.OnStrip):
        scene = strip = said = ""
        bl_label = extend.bl_label
        _plan, price, run = extend._plan, extend.price, extend.run
        question = extend.question

        def report(self, _kind: set[str], sentence: str) -> None:
            self.said = sentence

    class Manager:
        def invoke_confirm(self, *_given: Any, **words: Any) -> set[str]:
            self.words = words
            return {"RUNNING_MODAL"}

    class Context:
        window_manager = Manager()

        def __getattr__(self, name: str) -> Any:
            return getattr(bpy.context, name)

    asked, context = Asked(), Context()
    asked.invoke(context, None)
    assert (asked.scene, asked.strip) == (scene.name, "Camera")
    scene.sequence_editor.active_strip = editing.color(scene, 9, 1, 400)
    editing.set_span(strip, 11, 65)
    scene.grok_video.extend_seconds = 20
    assert asked.execute(context) == {"CANCELLED"}
    assert "price" in asked.said
    assert stand_in.requests("submit") == []


# ------------------------------------------------------------------------------- free buttons that buy what follows


@pytest.fixture
def stopped(window: None, scene: Any, strip: Any, stand_in: Any, module: Module) -> str:
    """A job of which a second pass was to follow, stopped by hand while it ran."""
    session = module("blender.session")
    stand_in.fail("job", "stall")
    job_id = extend(module)
    tick_until(session, in_state(session, job_id, "RUNNING"))
    bpy.ops.grok_video.stop(job=job_id)
    return job_id


def test_retry_is_free_although_a_pass_was_to_follow(
    stopped: str, scene: Any, stand_in: Any, module: Module
) -> None:
    session = module("blender.session")
    said = session.current().click.message
    tick_until(session, in_state(session, stopped, "CANCELLED"))
    stand_in.finish()
    bpy.ops.grok_video.retry(job=stopped)
    tick_until(session, in_state(session, stopped, "IMPORTED"))
    settle(session)
    assert len(stand_in.requests("submit")) == 1
    assert len(editing.strips(scene)) == 2
    assert "not extended further" in said


def test_a_series_that_another_blender_stopped_does_not_go_on(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    session = module("blender.session")
    stand_in.fail("job", "stall")
    job_id = extend(module)
    tick_until(session, in_state(session, job_id, "RUNNING"))
    session.send("stop", job=job_id)  # as another's operator puts it down
    tick_until(session, in_state(session, job_id, "CANCELLED"))
    said = session.current().click.message
    session.retry(job_of(session, job_id))
    stand_in.finish()
    tick_until(session, in_state(session, job_id, "IMPORTED"))
    settle(session)
    assert len(stand_in.requests("submit")) == 1
    assert "1 more part was not sent" in said


def test_a_part_that_is_placed_by_hand_buys_nothing(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """Its scene was deleted while it ran; much later the artist presses Import in another one."""
    session = module("blender.session")
    job_id = extend(module)
    tick_until(session, in_state(session, job_id, "RUNNING"))
    other = scene.copy()
    bpy.context.window.scene = other
    bpy.data.scenes.remove(scene)
    tick_until(session, lambda: (job := job_of(session, job_id)).state == "READY" and job.problem)
    bpy.ops.grok_video.import_result(job=job_id, here=True)
    settle(session)
    assert len(stand_in.requests("submit")) == 1
    assert "not extended further" in session.current().click.message
    assert len(editing.strips(other)) == 2


def test_two_series_do_not_lose_one_another(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """Both first parts come in while the source of something else is being prepared."""
    session = module("blender.session")
    stand_in.settings(job_seconds=60)
    first = extend(module)
    tick_until(session, in_state(session, first, "RUNNING"))
    scene.grok_video.extend_prompt = "Another way"
    second = extend(module)
    tick_until(session, in_state(session, second, "RUNNING"))

    class Waiting:
        spec = None
        progress = None
        done = False

        def tick(self, _context: Any) -> bool:
            return False

        def cancel(self) -> None:
            pass

    session.current().click.queue.append(Waiting())
    stand_in.settings(job_seconds=0.3)
    stand_in.finish()
    tick_until(
        session,
        lambda: in_state(session, first, "IMPORTED")() and in_state(session, second, "IMPORTED")(),
    )
    session.current().click.queue.clear()
    tick_until(session, lambda: {first, second} <= set(session.current().series.follows))
    for job_id in (first, second):
        tick_until(session, in_state(session, session.current().series.follows[job_id], "IMPORTED"))
    assert len(stand_in.requests("submit")) == 4


def test_another_file_ends_a_series(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    session = module("blender.session")
    stand_in.fail("job", "stall")
    job_id = extend(module)
    tick_until(session, in_state(session, job_id, "RUNNING"))
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.read_homefile(use_empty=True)
    stand_in.finish()
    tick_until(session, in_state(session, job_id, "READY"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    tick_until(session, in_state(session, job_id, "IMPORTED"))
    settle(session)
    assert len(stand_in.requests("submit")) == 1
    assert len(editing.strips(bpy.context.scene)) == 2


def test_passes_go_on_when_the_worker_is_killed_between_them(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    session = module("blender.session")
    job_id = extend(module)
    tick_until(
        session, lambda: job_id in session.current().series.follows or session.current().series.next
    )
    session.current().bridge.close()
    tick_until(session, lambda: job_id in session.current().series.follows)
    after = session.current().series.follows[job_id]
    tick_until(session, in_state(session, after, "IMPORTED"))
    assert len(stand_in.requests("submit")) == 2


@pytest.mark.parametrize("what", ["removed", "muted"])
def test_a_part_that_is_gone_before_the_next_pass_ends_the_series(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module, what: str
) -> None:
    session = module("blender.session")
    stand_in.settings(job_seconds=60)
    job_id = extend(module)
    tick_until(session, in_state(session, job_id, "RUNNING"))

    def placed(_context: Any) -> bool:
        return False

    with patching.Patches() as patches:
        patches.set(module("blender.session.tick"), "start_next_pass", placed)
        stand_in.finish()
        tick_until(session, in_state(session, job_id, "IMPORTED"))
    made = made_by(scene, job_id)
    if what == "removed":
        editing.base_of(scene.sequence_editor).remove(made)
    else:
        made.mute = True
    settle(session)
    assert "not extended further" in session.current().click.message
    assert session.current().series.agreed == {}
    assert len(stand_in.requests("submit")) == 1


# --------------------------------------------------------------------------------------- a click that never ends


def test_a_bake_that_cannot_begin_ends_its_click(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module,
    patches: Any, tmp_path: Path,
) -> None:  # fmt: skip
    """The disk is full in the moment when the edit is written."""
    session = module("blender.session")
    bake = module("blender.sources.bake")

    def full(*_given: Any) -> Any:
        raise OSError(28, "No space left on device")

    patches.set(bake, "write_edit", full)
    extend(module)
    tick_until(session, lambda: session.current().click.preparing is None)
    assert session.current().click.message == (
        "The strip could not be prepared: No space left on device. Nothing was sent or charged."
    )
    assert session.current().series.agreed == {}
    assert not list((tmp_path / "data").rglob(".grok_video_bake-*"))


def test_a_job_that_cannot_be_put_down_leaves_no_series(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    """The disk is full when the bake is done: what was agreed to must not wait for a job that never comes."""
    session = module("blender.session")

    def full(*_given: Any, **_named: Any) -> Any:
        raise OSError(28, "No space left on device")

    bridge = module("blender.session.bridge")
    patches.set(
        bridge, "put_command", full, copies_ok="no worker's rooms are asked in this process"
    )
    job_id = extend(module)
    assert set(session.current().series.agreed) == {job_id}
    tick_until(session, lambda: session.current().click.preparing is None)
    assert "cannot be written: No space left on device" in session.current().click.message
    assert session.current().series.agreed == {}
    assert job_id not in session.current().documents


def test_a_bug_ends_its_click_and_not_the_add_on(
    window: None, scene: Any, strip: Any, module: Module, patches: Any
) -> None:
    session = module("blender.session")
    bake = module("blender.sources.bake")
    patches.set(bake.Bake, "poll", lambda _self: 1 / 0)
    extend(module)
    tick_until(session, lambda: session.current().click.preparing is None)
    assert "Nothing was sent or charged" in session.current().click.message


@pytest.mark.parametrize("what", ["removed", "filled"])
def test_a_camera_reference_whose_list_is_gone(
    window: None, scene: Any, module: Module, patches: Any,
    tmp_path: Path, what: str,
) -> None:  # fmt: skip
    session = module("blender.session")
    camera_ = module("blender.sources.camera")
    pixels = module("blender.sources.pixels")
    camera = bpy.data.objects.new("Close", bpy.data.cameras.new("Close"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    bpy.ops.grok_video.add_camera_reference(camera="Close")
    step = session.current().click.preparing.steps[0]

    class Rendered:
        """In a wheel a render blocks: here it is done, and the artist was quicker."""

        def poll(self) -> Any:
            pictures.see(scene, tmp_path)
            step.path.write_bytes((tmp_path / "seen.png").read_bytes())
            if what == "removed":
                bpy.context.window.scene = bpy.data.scenes.new("Other")
                bpy.data.scenes.remove(scene)
            else:
                image = bpy.data.images.new("Small", 8, 8)
                for _ in range(7):
                    scene.grok_video.references.add().image = image
            return pixels.Still(
                str(step.path), "image/png", 8, 8, 8, module("core.spec").Source("CAMERA")
            )

        def cancel(self) -> None:
            pass

    patches.set(camera_.CameraRender, "start", lambda *_given: Rendered())
    tick_until(session, lambda: session.current().click.preparing is None)
    assert session.current().click.message
    assert not step.path.exists()
    held = [len(one.grok_video.references) for one in bpy.data.scenes]
    assert held == [0 if what == "removed" else 7]


def test_a_second_click_while_one_is_prepared(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    session = module("blender.session")
    extend(module, 2)
    for click in (
        bpy.ops.grok_video.extend,
        bpy.ops.grok_video.edit,
        bpy.ops.grok_video.continue_shot,
    ):
        refused(click, "being prepared")
    bpy.ops.grok_video.stop_preparing()
    assert session.current().click.preparing is None
    settle(session, 0.5)
    assert stand_in.requests("submit") == []


def children() -> set[str]:
    found = subprocess.run(
        ["ps", "-eo", "pid,args"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    return {line.split()[0] for line in found.splitlines() if "bake_child.py" in line}


def test_the_add_on_disabled_during_a_bake(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    session = module("blender.session")
    before = children()
    scenes = set(bpy.data.scenes.keys())
    extend(module)
    tick_until(session, lambda: session.current().click.preparing.progress or children() - before)
    package = module("blender.compat").__name__.split(".blender")[0]
    bpy.ops.preferences.addon_disable(module=package)
    assert children() <= before
    assert not list((tmp_path / "data").rglob(".grok_video_bake-*"))
    assert not list((tmp_path / "data").rglob("stills/*.mp4"))
    assert set(bpy.data.scenes.keys()) == scenes
    bpy.ops.preferences.addon_enable(module=package)
    assert stand_in.requests("submit") == []


def test_another_file_during_a_bake(
    window: None, scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    session = module("blender.session")
    before = children()
    extend(module)
    tick_until(session, lambda: session.current().click.preparing.progress or children() - before)
    bpy.ops.wm.read_homefile(use_empty=True)
    assert session.current().click.preparing is None
    assert session.current().series.agreed == {}
    settle(session, 0.5)
    assert children() <= before
    assert not list((tmp_path / "data").rglob("stills/*.mp4"))
    assert stand_in.requests("submit") == []


# ------------------------------------------------------------------------------------------ where a clip goes


def test_an_extension_that_is_sent_again_goes_to_its_strip(
    scene: Any, strip: Any, stand_in: Any, module: Module
) -> None:
    """The artist looks at another scene by now, in which a strip has the same name."""
    stand_in.fail("job", "failed")
    refused(bpy.ops.grok_video.extend, "could not be generated")
    job = newest(module)
    other = bpy.data.scenes.new("Other")
    editing.color(other, 3, 1, 300).name = "Camera"
    bpy.context.window.scene = other
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = other
    bpy.ops.grok_video.send_again(job=job.id, confirm=True)
    again = newest(module)
    assert again.spec.parent == job.id
    assert again.spec.estimate == job.spec.estimate
    assert again.state == "IMPORTED"
    assert editing.span(made_by(scene, again.id))[0] == 83
    assert len(editing.strips(other)) == 1


@pytest.mark.parametrize("kind", ["extend", "edit"])
def test_the_artist_chooses_where_a_rework_goes(
    scene: Any, strip: Any, stand_in: Any, module: Module, kind: str
) -> None:
    getattr(bpy.ops.grok_video, kind)()
    job = newest(module)
    before = {s.name for s in editing.strips(scene)}
    assert bpy.ops.grok_video.import_result(job=job.id, frame=300) == {"FINISHED"}
    (made,) = [s for s in editing.strips(scene) if s.name not in before]
    assert editing.span(made)[0] == 300
    landings = module("blender.session.state").current().imports.landings
    assert job.id not in landings or "gone" not in landings[job.id].notice


# ------------------------------------------------------------------------------------------- odd scenes and words


@pytest.mark.parametrize(
    "name", ["a/b\\c", "line\nbreak {x} %s \"q\" 'p'", "x" * 10_000, "🦆" * 30]
)
def test_hostile_names(scene: Any, strip: Any, stand_in: Any, module: Module, name: str) -> None:
    strip.name = name
    scene.name = name
    scene.grok_video.extend_prompt = name[:4000]
    bpy.ops.grok_video.extend()
    job = newest(module)
    assert editing.span(made_by(scene, job.id))[0] == 83
    bpy.ops.grok_video.extend(scene=scene.name, strip=strip.name)


@pytest.mark.parametrize(
    "value",
    [7, [1, 2], {"a": 1}, [{"a": 1}], b"bytes", "", "x" * 10_000, None],
    ids=lambda value: repr(value)[:12],
)
def test_a_property_that_is_no_jobs_id(
    scene: Any, strip: Any, stand_in: Any, module: Module, value: Any
) -> None:
    """Scripts and other add-ons write anything into a strip's properties."""
    scene.grok_video.source, scene.grok_video.duration = "NONE", 3
    scene.grok_video.prompt = "Snow falls"
    bpy.ops.grok_video.generate(frame=500)
    job = newest(module)
    clip = made_by(scene, job.id)  # whole, as it came
    for name in ("grok_video_job", "grok_video_source"):
        if value is None:  # a data-block that is gone
            clip[name] = gone = bpy.data.images.new("Gone", 1, 1)
            bpy.data.images.remove(gone)
        else:
            clip[name] = value
    scene.sequence_editor.active_strip = clip
    bpy.ops.grok_video.extend()
    assert made_by(scene, newest(module).id)
    strips = module("blender.timeline.strips")
    assert not strips.strips_of(scene, "")
    assert not strips.strips_of(scene, job.id)
    bpy.ops.grok_video.import_result(job=job.id)
    assert strips.strips_of(scene, job.id) == [made_by(scene, job.id)]
    bpy.ops.grok_video.use_standard(scene=scene.name)


@pytest.mark.parametrize("model", ["a\nb", "x" * 10_000, '"}{'])
def test_hostile_models(scene: Any, strip: Any, stand_in: Any, module: Module, model: str) -> None:
    scene.grok_video.model, scene.grok_video.model_other = "OTHER", model
    refused(bpy.ops.grok_video.extend, "model")
    (body,) = bodies(stand_in)
    assert body["model"] == model
    assert newest(module).spec.estimate is None


@pytest.mark.parametrize(("fps", "base"), [(24, 1.001), (30, 1.001), (1, 1.0)])
def test_odd_rates(
    scene: Any, footage: Path, stand_in: Any, module: Module, tmp_path: Path, fps: int, base: float
) -> None:
    scene.render.fps, scene.render.fps_base = fps, base
    landing = import_clip(
        module("blender.timeline"), scene, footage, frame=1, name="A", job_id="elsewhere"
    )
    source = editing.find(scene, landing.movie)
    end = 1 + round(3 * fps / base)
    editing.set_span(source, 1, end)
    scene.sequence_editor.active_strip = source
    bpy.ops.grok_video.extend()
    job = newest(module)
    assert job.spec.video.seconds == pytest.approx(3.0, abs=0.05)
    made = made_by(scene, job.id)
    assert editing.span(made)[0] == end
    assert editing.span(made)[1] - end == pytest.approx(2 * fps / base, abs=1)
    if fps > 1:
        seam = [number_at(scene, tmp_path, frame) for frame in range(end - 2, end + 3)]
        assert all(0 <= b - a <= 2 for a, b in itertools.pairwise(seam))
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]
    bpy.ops.grok_video.edit(strip=source.name)
    assert editing.span(made_by(scene, newest(module).id))[0] == 1


def test_a_strip_before_frame_0(scene: Any, strip: Any, stand_in: Any, module: Module) -> None:
    editing.shift(strip, -100)
    assert editing.span(strip) == (-89, -17)
    refused(bpy.ops.grok_video.extend, "frame 0")
    assert stand_in.requests("submit") == []
    assert module("blender.session.state").current().click.preparing is None


def test_a_strip_of_ten_thousand_frames(scene: Any, stand_in: Any, module: Module) -> None:
    made = editing.color(scene, 4, 1, 10_001)
    scene.sequence_editor.active_strip = made
    bpy.ops.grok_video.extend()
    job = newest(module)
    assert job.spec.video.seconds == 15.0
    assert editing.span(made_by(scene, job.id))[0] == 10_001


def test_a_clip_with_nothing_to_see(
    scene: Any, strip: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    """An MP4 that holds sound alone is no clip, and the job says so."""
    mp4 = module("core.mp4")
    sound = tmp_path / "sound.mp4"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "sine=d=2"]
    subprocess.run([*ffmpeg, "-c:a", "aac", str(sound)], check=True)
    with pytest.raises(mp4.NotAClip):
        mp4.probe(str(sound))


@pytest.mark.parametrize(
    ("measured", "head"),
    [(2.0, 0.0), (1.0, 0.0), (2.4, 0.0), (0.5, 0.0), (4.0, 3.0), (5.04, 3.04), (40.0, 3.0)],
)
def test_lengths_that_nobody_asked_for(module: Module, measured: float, head: float) -> None:
    """3 s were sent and 2 s were to be added."""
    placing = module("blender.timeline.placement")
    assert placing.head_seconds(measured, 3.0, 2.0) == pytest.approx(head)
