"""From the button to the strip, headless: the operators as a script calls them, against the stand-in.

Every job here is a real one: a worker process, HTTP, an MP4 file, strips in the sequencer.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Module = Callable[[str], ModuleType]


def newest(module: Module) -> Any:
    return module("blender.session.state").current().bridge.snapshot.all[0]


def strips(scene: Any) -> list[Any]:
    editor = scene.sequence_editor
    if editor is None:
        return []
    return list(editor.strips if hasattr(editor, "strips") else editor.sequences)


def posts(stand_in: Any) -> int:
    return len(stand_in.requests("submit"))


def refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(RuntimeError, match=re.escape(words)):
        call()


# ------------------------------------------------------------------------------------------ the main job


def test_text_becomes_a_clip_at_the_given_frame(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    scene.frame_set(7)
    assert blender.ops.grok_video.generate(scene=scene.name, frame=40) == {"FINISHED"}
    job = newest(module)
    assert job.state == "IMPORTED"
    movies = [s for s in strips(scene) if s.type == "MOVIE"]
    assert [movie["grok_video_job"] for movie in movies] == [job.id]
    assert module("blender.compat").span(movies[0])[0] == 40
    assert movies[0].name.startswith("A heron lifts off")
    assert scene.frame_current == 7
    assert posts(stand_in) == 1
    clip = Path(job.clip.path)
    assert clip.parent == tmp_path / "grok_video"
    how = json.loads(clip.with_suffix(".json").read_text("utf-8"))
    assert how["prompt"] == "A heron lifts off"
    assert how["request_id"] == stand_in.jobs()[0]["id"]
    assert how["cost_usd"] == pytest.approx(stand_in.jobs()[0]["ticks"] / 10**10)


def test_without_a_frame_the_clip_goes_to_the_playhead(
    blender: ModuleType, scene: Any, module: Module
) -> None:
    scene.frame_set(33)
    blender.ops.grok_video.generate()
    (movie,) = strips(scene)
    assert module("blender.compat").span(movie)[0] == 33


def test_clip_goes_to_the_scene_that_the_sequencer_edits(
    blender: ModuleType, scene: Any, module: Module
) -> None:
    """Blender 5 has a scene of its own for the sequencer; before, it is the window's."""
    edit = blender.data.scenes.new("Edit")
    edit.frame_set(12)
    workspace = blender.context.window_manager.windows[0].workspace
    two_scenes = hasattr(workspace, "sequencer_scene")
    if two_scenes:
        workspace.sequencer_scene = edit
    target = edit if two_scenes else scene
    with blender.context.temp_override(window=blender.context.window_manager.windows[0]):
        blender.ops.grok_video.generate()
    assert newest(module).spec.target.scene == target.name
    (movie,) = strips(target)
    assert module("blender.compat").span(movie)[0] == target.frame_current
    assert two_scenes == (strips(scene) == [])


def test_camera_view_is_what_the_service_receives(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    camera = blender.data.objects.new("Shot Camera", blender.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    scene.world = blender.data.worlds.new("World")
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False
    scene.grok_video.source = "CAMERA"
    scene.grok_video.prompt = ""  # optional with an image
    before = {s.name for s in blender.data.scenes}
    blender.ops.grok_video.generate(allow_single_color=True)
    job, sent = newest(module), stand_in.jobs()[0]
    assert tuple(sent["image_pixels"]) == module("service.models").clip_size("480p", "16:9")
    assert stand_in.image(sent["image"]) == Path(job.spec.image).read_bytes()
    assert job.spec.source.camera == "Shot Camera"
    assert (job.spec.image_bytes, job.spec.image_mime) == (
        Path(job.spec.image).stat().st_size,
        "image/png",
    )
    assert {s.name for s in blender.data.scenes} == before


def test_the_guides_answers_work_as_well(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.settings(shape="guide")
    blender.ops.grok_video.generate()
    assert newest(module).state == "IMPORTED"
    assert newest(module).cost is None


def test_an_odd_clip_is_shown_as_its_pictures_and_no_more(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    """Cover art that comes first, sound that is promised and absent, bytes behind the last box."""
    span = module("blender.compat").span
    scene.render.fps = 24
    scene.grok_video.generate_audio = True
    blender.ops.grok_video.generate(scene=scene.name, frame=1)
    (plain,) = [s for s in strips(scene) if s.type == "MOVIE"]
    stand_in.settings(odd="cover no-sound tail")
    blender.ops.grok_video.generate(scene=scene.name, frame=200)
    job = newest(module)
    (odd, *more) = [s for s in strips(scene) if s.get("grok_video_job") == job.id]
    assert (odd.type, more) == ("MOVIE", [])
    shown, wanted = odd.elements[0], plain.elements[0]
    assert (shown.orig_width, shown.orig_height) == (wanted.orig_width, wanted.orig_height)
    assert span(odd)[1] - span(odd)[0] == span(plain)[1] - span(plain)[0]
    assert posts(stand_in) == 2


def test_readme_script(blender: ModuleType, scene: Any, stand_in: Any, module: Module) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    refused(lambda: exec(code, {}), "camera")
    exec(code.replace('"CAMERA"', '"NONE"'), {})
    (movie, *_sound) = [s for s in strips(scene) if s.type == "MOVIE"]
    assert movie["grok_video_job"] == newest(module).id
    assert stand_in.jobs()[0]["duration"] == 6


# ------------------------------------------------------------------------------------------ refused at once


def test_bad_input_is_refused_before_anything_is_sent(
    blender: ModuleType, scene: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch, module: Module
) -> None:
    settings = scene.grok_video
    generate = blender.ops.grok_video.generate

    settings.prompt = " \n"
    refused(generate, "prompt")
    settings.prompt = "x" * (module("service.models").MAX_PROMPT + 1)
    refused(generate, "4096")
    settings.prompt = "x"
    settings.source = "CAMERA"
    refused(generate, "no camera")
    settings.source = "RENDER_RESULT"
    refused(generate, "not been rendered")
    settings.source = "IMAGE"
    refused(generate, "Choose the image")
    settings.source = "SEQUENCER"
    refused(generate, "empty")
    settings.source = "VIEWPORT"
    refused(generate, "without a window")
    settings.source = "NONE"
    refused(lambda: generate(scene="Nowhere"), "Nowhere")
    with pytest.raises(TypeError, match="1080p"):
        settings.resolution = "1080p"  # not offered by this model
    monkeypatch.delenv("XAI_API_KEY")
    refused(generate, "no API key")
    monkeypatch.setenv("XAI_API_KEY", "xai-with a blank")
    refused(generate, "holds a blank")
    monkeypatch.setenv("XAI_API_KEY", stand_in.key)
    refused(lambda: generate(frame=2_000_000), "2000000")
    monkeypatch.setenv("XAI_API_BASE", "http://203.0.113.5")
    refused(generate, "https://")
    monkeypatch.setenv("XAI_API_BASE", stand_in.base)
    blender.context.preferences.system.use_online_access = False
    refused(generate, "Allow Online Access")
    assert stand_in.requests() == []
    assert module("blender.session.state").current().bridge.snapshot.all == ()


def test_a_script_does_not_hang_on_a_service_that_is_down(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    patches: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patches.set(module("blender.ui.asking"), "UNREACHABLE_SECONDS", 0.0)
    monkeypatch.setenv("XAI_API_BASE", "http://127.0.0.1:9")
    with pytest.raises(RuntimeError) as raised:
        blender.ops.grok_video.generate()
    job = newest(module)
    # A script that tries again would buy it beside its next one when the service is back.
    assert job.state == "CANCELLED"
    assert "not sent or charged" in str(raised.value)
    assert job.spent == 0


def test_a_script_that_is_interrupted_says_what_became_of_the_job(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    stand_in.settings(job_seconds=600)
    blocking = module("blender.session.blocking")
    state = module("blender.session.state")
    tick = blocking.tick

    def interrupt(context: Any) -> bool:
        if any(job.state == "RUNNING" for job in state.current().bridge.snapshot.all):
            raise KeyboardInterrupt
        return tick(context)

    patches.set(blocking, "tick", interrupt, copies_ok="in a script only the loop ticks")
    refused(blender.ops.grok_video.generate, "was sent and goes on")


def test_linked_scene_takes_no_clip(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    library = tmp_path / "library.blend"
    blender.data.libraries.write(str(library), {scene}, fake_user=True)
    with blender.data.libraries.load(str(library), link=True) as (there, here):
        here.scenes = there.scenes
    linked = next(s for s in blender.data.scenes if s.library)
    # By name the operator would find the local scene of the same name.
    refusal = module("blender.refusal")
    click = module("blender.session.click")
    with pytest.raises(refusal.Refused, match="linked"):
        click.generate(blender.context, scene, linked, 1)
    assert stand_in.requests() == []


# ------------------------------------------------------------------------------------------ what the service says


@pytest.mark.parametrize(
    ("where", "what", "words"),
    [
        ("submit", "err-422-aspect", "Failed to deserialize"),
        ("submit", "err-429-credits", "used all available credits"),
        ("submit", "err-model-404-new", "does not exist"),
        ("job", "failed", None),
        ("job", "expired", "expired"),
        ("job", "moderated", "moderation"),
        ("job", "moderated-400", "rejected by content moderation"),
        ("job", "moderated-failed", None),
        ("submit", "answer-lost", "may have been charged"),
    ],
)
def test_what_the_service_refuses_raises_with_its_words(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    where: str,
    what: str,
    words: str | None,
) -> None:
    stand_in.fail(where, what)
    with pytest.raises(RuntimeError) as raised:
        blender.ops.grok_video.generate()
    job = newest(module)
    assert job.problem.message in str(raised.value)
    assert words is None or words in str(raised.value)
    assert job.state == ("UNKNOWN" if what == "answer-lost" else "FAILED")
    assert strips(scene) == []
    assert posts(stand_in) == 1


def test_wrong_key_keeps_the_job_and_sending_it_later_costs_once(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XAI_API_KEY", "xai-wrongwrongwrong")
    refused(blender.ops.grok_video.generate, "Incorrect API key")
    failed = newest(module)
    assert "Nothing was charged." in failed.problem.hint
    monkeypatch.setenv("XAI_API_KEY", stand_in.key)
    refused(lambda: blender.ops.grok_video.send_again(job=failed.id), "confirm=True")
    blender.ops.grok_video.send_again(job=failed.id, confirm=True)
    again = newest(module)
    assert (again.spec.parent, again.state) == (failed.id, "IMPORTED")
    assert len(stand_in.jobs()) == 1


def test_broken_download_is_fetched_again_and_paid_once(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.fail("download", "truncate")
    blender.ops.grok_video.generate()
    assert newest(module).state == "IMPORTED"
    assert posts(stand_in) == 1
    assert len(stand_in.requests("download")) >= 2


# ------------------------------------------------------------------------------------------ stop, retry, again


def started(module: Module, blender: ModuleType, scene: Any, state: str) -> Any:
    """A job that was clicked as in a window (not waited for), followed until it is ``state``."""
    click = module("blender.session.click")
    blocking = module("blender.session.blocking")
    job_id = click.generate(blender.context, scene, scene, 1)
    return blocking.wait_until(blender.context, job_id, lambda job: job.state == state)


def test_stop_and_retry_are_free(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.settings(job_seconds=60)
    job = started(module, blender, scene, "RUNNING")
    assert blender.ops.grok_video.stop(job=job.id) == {"FINISHED"}
    assert newest(module).state == "CANCELLED"
    stand_in.finish()
    assert blender.ops.grok_video.retry() == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert posts(stand_in) == 1


def test_a_clip_that_moderation_withheld_is_not_retried(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.fail("job", "moderated")
    with pytest.raises(RuntimeError):
        blender.ops.grok_video.generate()
    refused(lambda: blender.ops.grok_video.retry(job=newest(module).id), "ended for good")
    assert len(stand_in.requests("submit")) == 1


def test_what_the_service_says_has_failed_is_asked_for_again_for_free(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.fail("poll", "answer", status=200, body={"status": "failed"}, times=1)
    with pytest.raises(RuntimeError):
        blender.ops.grok_video.generate()
    assert blender.ops.grok_video.retry(job=newest(module).id) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert len(stand_in.requests("submit")) == 1


def test_import_again_at_another_frame(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    blender.ops.grok_video.generate(frame=1)
    job = newest(module)
    assert blender.ops.grok_video.import_result(job=job.id) == {"CANCELLED"}  # is there already
    blender.ops.grok_video.import_result(job=job.id, frame=200)
    spans = sorted(module("blender.compat").span(strip)[0] for strip in strips(scene))
    assert spans == [1, 200]
    assert posts(stand_in) == 1


# ------------------------------------------------------------------------------------------ closed and opened


def test_job_goes_on_without_the_add_on_and_waits_for_its_file(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.settings(job_seconds=60)
    job = started(module, blender, scene, "RUNNING")
    package = "bl_ext.user_default.grok_video"
    blender.ops.preferences.addon_disable(module=package)
    blender.ops.preferences.addon_enable(module=package)
    blender.context.preferences.addons[package].preferences.poll_interval = 0.2
    stand_in.finish()
    # The .blend is the one that was clicked in, and the session that clicked has ended: imported by itself.
    blocking = module("blender.session.blocking")
    done = blocking.wait_until(blender.context, job.id, lambda job: job.state == "IMPORTED")
    assert [s["grok_video_job"] for s in strips(blender.context.scene)] == [done.id]
    assert posts(stand_in) == 1


def test_another_file_does_not_get_the_clip(
    blender: ModuleType, scene: Any, stand_in: Any, module: Module
) -> None:
    stand_in.settings(job_seconds=60)
    job = started(module, blender, scene, "RUNNING")
    blender.ops.wm.read_homefile(use_empty=True)
    stand_in.finish()
    blocking = module("blender.session.blocking")
    tick = module("blender.session.tick")
    state = module("blender.session.state")
    blocking.wait_until(blender.context, job.id, lambda job: job.state == "READY")
    until = time.monotonic() + 1.0  # a claim would be granted by then
    while time.monotonic() < until:
        tick.tick(blender.context)
        time.sleep(0.02)
    assert newest(module).claimed_by == ""
    assert state.current().imports.claimed == {}
    assert strips(blender.context.scene) == []
    blender.ops.grok_video.import_result(job=job.id, scene=blender.context.scene.name)
    assert len(strips(blender.context.scene)) == 1


def test_unsaved_file_collects_its_clips_after_the_first_save(
    blender: ModuleType, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    scene = blender.context.scene
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Rain"
    scene.grok_video.duration = 1
    blender.ops.grok_video.generate()
    clip = Path(newest(module).clip.path)
    assert tmp_path / "data" in clip.parents
    refused(blender.ops.grok_video.collect_clips, "poll")
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "later.blend"))
    blender.ops.grok_video.collect_clips()
    beside = tmp_path / "grok_video" / clip.name
    assert beside.read_bytes() == clip.read_bytes()
    (movie,) = [s for s in strips(blender.context.scene) if s.type == "MOVIE"]
    assert Path(blender.path.abspath(movie.filepath)) == beside


# ------------------------------------------------------------------------------------------ the key, the money


def test_key_is_nowhere_on_disk(
    blender: ModuleType, scene: Any, stand_in: Any, tmp_path: Path
) -> None:
    blender.ops.grok_video.generate()
    blender.ops.wm.save_mainfile(compress=False)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert stand_in.key.encode() not in path.read_bytes(), path


def test_operators_that_spend_can_not_be_repeated_by_redo(blender: ModuleType) -> None:
    for name in ("generate", "generate_dialog", "send_again", "release"):
        options = getattr(blender.types, f"GROK_VIDEO_OT_{name}").bl_options
        assert not set(options) & {"REGISTER", "UNDO"}, name


def test_check_connection(
    blender: ModuleType, scene: Any, stand_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert blender.ops.grok_video.check_connection() == {"FINISHED"}
    monkeypatch.setenv("XAI_API_KEY", "xai-wrongwrongwrong")
    refused(blender.ops.grok_video.check_connection, "Incorrect API key")
    assert posts(stand_in) == 0
