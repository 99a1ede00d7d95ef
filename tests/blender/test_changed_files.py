"""A file that is another one than the strip's clip, or than at the click: what is sent, and for how much.

What the worker does with a file that changed is in ``tests/core/test_changed_files.py``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from ..stand_in import clips
from .conftest import PACKAGE
from .test_guide import make_active, newest, sent
from .test_money import Press
from .test_orders import drawn

Module = Callable[[str], ModuleType]


@pytest.fixture
def scene(blender: ModuleType, stand_in: Any, tmp_path: Path) -> Any:
    """A saved file with a clip of 2 s that was made here, its strip active."""
    chosen = blender.context.scene.grok_video
    chosen.source, chosen.generate_audio = "NONE", False
    chosen.prompt, chosen.duration = "A cat", 2
    chosen.extend_prompt, chosen.extend_seconds = "It goes on", 2
    chosen.edit_prompt = "As a drawing"
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    blender.ops.grok_video.generate(frame=1)
    return blender.context.scene


@pytest.fixture
def clip(scene: Any, module: Module) -> Path:
    """The file of that clip."""
    make_active(scene, module)
    return Path(newest(module).clip.path)


def film(path: Path, seconds: int) -> Path:
    """Another clip in the place of one: as large, with other pictures."""
    clips.make(clips.Plan(848, 480, 24 * seconds + 1, False, False, words="hills"), path)
    return path


def content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def other_bytes(path: Path) -> None:
    """As many bytes, one of them another one: nothing that a look at the disk tells."""
    data = bytearray(path.read_bytes())
    data[-20] ^= 0xFF
    path.write_bytes(data)


def paid(stand_in: Any, module: Module) -> None:
    """What the newest job was billed is what its button said."""
    job = newest(module)
    assert job.state == "IMPORTED"
    assert stand_in.jobs()[-1]["ticks"] == job.spec.estimate == job.reserved == job.cost


@pytest.mark.parametrize("operator", ["extend", "edit"])
def test_another_film_under_the_name_of_a_clip_is_sent_itself(
    scene: Any, clip: Path, stand_in: Any, module: Module, operator: str
) -> None:
    film(clip, 2)
    getattr(bpy.ops.grok_video, operator)()
    assert sent(stand_in)["video"]["url"]["sha256"] == content(clip)
    assert "video_id" not in sent(stand_in)
    paid(stand_in, module)


def test_of_a_longer_film_the_part_that_the_strip_shows_is_sent(
    scene: Any, clip: Path, stand_in: Any, module: Module
) -> None:
    """The trial: the original went by its address, or, its link being old, the longer film, dearer than was said."""
    scene.render.resolution_x, scene.render.resolution_y = 848, 480  # baked in one pass
    price = newest(module).spec.estimate
    film(clip, 3)
    bpy.ops.grok_video.extend()
    assert sent(stand_in)["video"]["url"]["data_uri"] == "video/mp4"
    assert newest(module).spec.video.seconds == pytest.approx(2.0, abs=0.1)
    assert newest(module).spec.estimate == stand_in.jobs()[-1]["ticks"] > price
    paid(stand_in, module)


def test_as_many_other_bytes_are_no_download(
    scene: Any, clip: Path, stand_in: Any, module: Module
) -> None:
    other_bytes(clip)
    bpy.ops.grok_video.extend()
    assert sent(stand_in)["video"]["url"]["sha256"] == content(clip)
    paid(stand_in, module)


def test_a_clip_that_was_only_touched_goes_by_its_address(
    scene: Any, clip: Path, stand_in: Any, module: Module
) -> None:
    url = newest(module).url
    shutil.copy(clip, clip.with_name("back"))  # without its time, as a sync tool brings files back
    os.replace(clip.with_name("back"), clip)
    bpy.ops.grok_video.extend()
    assert sent(stand_in)["video"] == {"url": url}
    paid(stand_in, module)


def test_rubbish_in_the_place_of_a_clip_is_refused_or_baked(
    scene: Any, clip: Path, stand_in: Any
) -> None:
    clip.write_bytes(b"no clip at all")
    with pytest.raises(RuntimeError, match=r"Nothing was sent or charged|cannot read"):
        bpy.ops.grok_video.extend()
    assert len(stand_in.requests("submit")) == 1


def test_a_window_asks_about_a_changed_file_and_a_redraw_looks_at_no_disk(
    scene: Any, clip: Path, module: Module
) -> None:
    """However cheap the clip is; a file that is the clip is not asked about."""
    before = drawn(module, "draw_extend")
    assert Press(module, "extend", bpy.context).ran
    film(clip, 2)
    assert drawn(module, "draw_extend") == before
    for name in ("extend", "edit"):
        pressed = Press(module, name, bpy.context)
        assert not pressed.ran
        assert pressed.words["title"] == "Send the File as It Is Now?"
        assert "is not the clip that was made. It costs $0." in pressed.words["message"]
        pressed.answer()
        assert pressed.ran
    scene.grok_video.extend_seconds = 12
    assert "is not the clip" in Press(module, "extend", bpy.context).words["message"]


def test_a_following_pass_does_not_go_on_from_another_film(
    scene: Any, clip: Path, module: Module
) -> None:
    orders, state = module("blender.submission.extend"), module("blender.session.state")
    shots, pricing = module("blender.timeline.source_strip"), module("service.pricing")
    shot = shots.active_source_strip(bpy.context)
    film(clip, 2)
    with pytest.raises(module("blender.refusal").Refused, match="was changed"):
        orders.next_pass(shot, newest(module), "", state.job_by_id, pricing.Pass(2, 3.0, None))


@pytest.fixture
def in_between(module: Module, patches: Any) -> Callable[[Callable[[], object]], None]:
    """Lets something happen once, after the click and before the worker hears of it."""

    def set_up(happen: Callable[[], object]) -> None:
        send, left = module("blender.session.click").send, [happen]

        def sent_after(*command: Any, **fields: Any) -> str:
            if left:
                left.pop()()
            return send(*command, **fields)

        patches.set(
            module("blender.session.click"),
            "send",
            sent_after,
            copies_ok="other commands are about jobs that are there",
        )

    return set_up


def test_a_film_that_comes_after_the_click_waits_for_send(
    scene: Any,
    clip: Path,
    stand_in: Any,
    module: Module,
    in_between: Callable[[Callable[[], object]], None],
) -> None:
    in_between(lambda: film(clip, 4))
    with pytest.raises(RuntimeError, match="has changed since your click"):
        bpy.ops.grok_video.extend()
    job = newest(module)
    assert job.held
    assert len(stand_in.requests("submit")) == 1
    click = module("blender.session.click")
    assert click.price_again(job) > job.spec.estimate
    asked = Press(module, "release", bpy.context, job=job.id)
    assert not asked.ran
    assert asked.words["message"].endswith("It costs $0.14, and not $0.12.")
    assert bpy.ops.grok_video.release(job=job.id) == {"FINISHED"}
    assert sent(stand_in)["video"]["url"]["sha256"] == content(clip)
    paid(stand_in, module)


def test_the_limit_counts_the_film_that_is_sent(
    scene: Any,
    clip: Path,
    stand_in: Any,
    module: Module,
    in_between: Callable[[Callable[[], object]], None],
) -> None:
    own = bpy.context.preferences.addons[PACKAGE].preferences
    module("blender.session.questions").set_limits(count_loopback=True)
    in_between(lambda: film(clip, 6))
    with pytest.raises(RuntimeError, match="has changed"):
        bpy.ops.grok_video.extend()
    job = newest(module)
    spent = sum(each["ticks"] for each in stand_in.jobs())
    own.day_limit = (spent + job.spec.estimate) / 10**10 + 0.001
    with pytest.raises(RuntimeError, match="limit"):
        bpy.ops.grok_video.release(job=job.id)
    assert len(stand_in.requests("submit")) == 1


def test_a_still_that_is_written_over_after_the_click_waits_for_send(
    scene: Any,
    stand_in: Any,
    module: Module,
    in_between: Callable[[Callable[[], object]], None],
) -> None:
    image = bpy.data.images.new("Portrait", 96, 54)
    scene.grok_video.source, scene.grok_video.image = "IMAGE", image
    stills = module("blender.submission.common").still_path("x").parent
    other = bytearray()

    def change() -> None:
        (still,) = stills.glob("*.png")
        image.generated_color = (0.8, 0.1, 0.1, 1.0)
        image.save_render(str(still))
        other[:] = still.read_bytes()

    in_between(change)
    with pytest.raises(RuntimeError, match="source still of this job has changed"):
        bpy.ops.grok_video.generate(allow_single_color=True)
    job = newest(module)
    message = Press(module, "release", bpy.context, job=job.id).words["message"]
    assert message.count("$") == 1, message  # the price is what it was
    assert bpy.ops.grok_video.release(job=job.id) == {"FINISHED"}
    assert sent(stand_in)["image"]["url"]["sha256"] == hashlib.sha256(other).hexdigest()
    paid(stand_in, module)


def test_send_again_sends_what_was_sent_before(
    scene: Any, clip: Path, stand_in: Any, module: Module
) -> None:
    """A job that was stopped when it had been sent: its still is known by its content."""
    image = bpy.data.images.new("Portrait", 96, 54)
    scene.grok_video.source, scene.grok_video.image = "IMAGE", image
    stand_in.fail("job", "failed")
    with pytest.raises(RuntimeError):
        bpy.ops.grok_video.generate(allow_single_color=True)
    job = newest(module)
    still = Path(job.spec.image)
    os.utime(still, (1e9, 1e9))
    stand_in.fail("job", "failed")
    with pytest.raises(RuntimeError):
        bpy.ops.grok_video.send_again(job=job.id, confirm=True)
    assert sent(stand_in)["image"]["url"]["sha256"] == content(still)
    posts = len(stand_in.requests("submit"))
    other_bytes(still)
    with pytest.raises(RuntimeError, match="has changed since"):
        bpy.ops.grok_video.send_again(job=job.id, confirm=True)
    assert len(stand_in.requests("submit")) == posts
