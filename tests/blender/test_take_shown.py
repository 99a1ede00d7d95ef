"""Edit and Continue use the take that a strip shows: what the service got is the picture of that take, and of no other."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from . import pictures, test_takes
from .editing import find, set_span, span
from .test_flow import newest
from .test_slot_buttons import Shown
from .test_takes import changed, choose, movies, shown

Module = Callable[[str], ModuleType]
first = test_takes.first
SIZE = (160, 90)  # what pictures are compared at


def small(picture: Image.Image) -> pictures.Picture:
    return np.asarray(picture.convert("RGB").resize(SIZE)).astype(np.float64)


def frame_of(clip: Path, number: int) -> pictures.Picture:
    """A frame of a clip, as ffmpeg reads it."""
    data = subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(clip), "-vf",
            f"select=eq(n\\,{number}),scale={SIZE[0]}:{SIZE[1]}", "-frames:v", "1",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "-",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    return np.frombuffer(data, np.uint8).reshape(SIZE[1], SIZE[0], 3).astype(np.float64)


def most_like(seen: pictures.Picture, takes: list[Any], number: int) -> str:
    """Id of the take whose frame ``seen`` is, by far."""
    away = {
        take.id: float(np.abs(frame_of(Path(take.clip.path), number) - seen).mean())
        for take in takes
    }
    one, other, *_ = sorted(away, key=lambda job_id: away[job_id])
    assert away[one] < 0.7 * away[other], away
    return one


@pytest.fixture
def three(blender: ModuleType, scene: Any, first: Any, module: Module) -> list[Any]:
    """Three takes of one strip, oldest first, each of other pictures and two seconds long: shorter ones are no source."""
    prompts = ("A heron lifts off", "A crane lands at night", "Snow falls on a red barn")
    return [changed(blender, module, scene, words, duration=2) for words in prompts]


def test_continue_sends_the_last_picture_of_the_take_that_is_shown(
    blender: ModuleType, scene: Any, three: list[Any], stand_in: Any, module: Module
) -> None:
    name = movies(scene)[0].name
    start, end = span(movies(scene)[0])
    set_span(movies(scene)[0], start, end - 4)
    scene.grok_video.extend_prompt = "It goes on"
    for take in (three[1], three[0], three[2], three[1]):
        choose(blender, take, strip=name)
        blender.ops.grok_video.continue_shot(strip=name)
        job = newest(module)
        with Image.open(job.spec.image) as still:
            assert most_like(small(still), three, take.clip.frames - 5) == take.id
        assert stand_in.requests("submit")[-1]["body"]["image"]


def test_edit_sends_the_take_that_is_shown(
    blender: ModuleType, scene: Any, three: list[Any], stand_in: Any, module: Module
) -> None:
    """Whole, it goes by its address; trimmed, its pictures are sent, which are those of the take."""
    name = movies(scene)[0].name
    scene.grok_video.edit_prompt = "As a drawing"
    for take in (three[1], three[2], three[1]):
        choose(blender, take, strip=name)
        assert blender.ops.grok_video.edit(strip=name) == {"FINISHED"}
        assert newest(module).spec.video.job == take.id
        assert stand_in.requests("submit")[-1]["body"]["video"]["url"] == take.url
    start, end = span(find(scene, name))
    set_span(find(scene, name), start + 3, end)
    blender.ops.grok_video.edit(strip=name)
    sent = newest(module).spec.video
    assert (sent.job, shown(find(scene, name))) == ("", three[1].id)
    seen = frame_of(Path(sent.path), 2)
    assert most_like(seen, three, 5) == three[1].id


def test_each_take_tells_its_prompt_model_and_cost_under_the_mouse(
    blender: ModuleType, three: list[Any], module: Module
) -> None:
    describe = module("blender.ui.takes").GROK_VIDEO_OT_choose_take.description
    amount = module("core.amount").usd
    for take in three:
        told = describe(blender.context, SimpleNamespace(job=take.id, step=1, scope="STRIP"))
        prompt, made_by, *_ = told.splitlines()
        assert prompt == take.spec.prompt
        assert made_by == f"Grok Imagine Video  ·  2 s  ·  {amount(take.cost)}"
    assert "Let the strip show this take" in told
    gone = describe(blender.context, SimpleNamespace(job="f" * 32, step=1, scope="STRIP"))
    assert gone.startswith("Let the strip show this take")


def test_the_menu_says_which_take_is_shown(
    blender: ModuleType, scene: Any, three: list[Any], module: Module
) -> None:
    for number, take in enumerate(three, 2):  # the first of all had other settings
        choose(blender, take)
        layout = Shown()
        module("blender.ui.takes").draw_takes_entries(layout, blender.context)
        assert f"Take {number} of {len(three) + 1}" in layout.words
