"""Fill Gap: both ends are seen, the gap is filled to the frame, and what happened to it meanwhile loses no clip."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import numpy as np
import pytest
from PIL import Image

from ..patience import PATIENCE
from ..stand_in import frame_code
from . import pictures
from .editing import (
    color,
    find,
    make_meta,
    overlaps,
    select,
    set_span,
    shift,
    span,
    split,
    strips,
)
from .placed import import_clip, placed

Module = Callable[[str], ModuleType]
V15 = "grok-imagine-video-1.5"
#: What is said besides up to 4.5, see ``test_its_sound_keeps_step``.
MUTED = "This Blender cannot play a sound at another speed, so the clip's sound is muted."
#: Sound strips that come with a clip: the wheel of 4.2 has no sound.
SOUNDS = int(bpy.app.build_options.audaspace)
LAST = 48  # the number of the last frame of a clip of two seconds
RATES = {24: (24, 1.0), 25: (25, 1.0), 29.97: (30, 1.001), 30: (30, 1.0), 60: (60, 1.0)}


@dataclass(frozen=True)
class Desk:
    """An artist's place of work: two strips with a gap between them."""

    scene: Any
    timeline: Any
    gaps: Any
    target: Callable[..., Any]
    clip: Path  # two seconds with sound: 49 frames
    folder: Path

    def place(self, frame: int, job_id: str = "source") -> Any:
        landing = import_clip(self.timeline, self.scene, self.clip, frame=frame, job_id=job_id)
        return find(self.scene, landing.movie)

    def two(self, gap: int, frame: int = 1) -> tuple[str, str]:
        """The names of two strips of which the second begins so many frames behind the first."""
        left = self.place(frame).name
        right = self.place(span(find(self.scene, left))[1] + gap)
        return left, right.name

    def between(self, left: str, right: str) -> Any:
        """The target of a job for that gap, as the click has it."""
        one, other = (find(self.scene, name) if name else None for name in (left, right))
        found = self.gaps.gap_beside(self.scene, one, other)
        marks = self.timeline
        return self.target(
            "session",
            scene=self.scene.name,
            frame=found.start,
            place="GAP",
            strip=found.left,
            mark=marks.source_id(one) if one else "",
            channel=found.channel,
            length=found.frames,
            right=found.right,
            right_mark=marks.source_id(other) if other else "",
            offset=found.end - int(other.frame_start) if other else 0,
        )

    def fill(self, target: Any, here: bool = True) -> Any:
        clip = self.timeline.Clip(str(self.clip), "It crosses", "filling", "")
        return placed(
            self.scene,
            lambda: self.gaps.place_in_gap(bpy.context, self.scene, clip, target=target, here=here),
        )

    def number(self, frame: int) -> int:
        """The number of the file's frame that the edit shows."""
        return pictures.number_of(pictures.see(self.scene, self.folder, frame))

    def ends(self, landing: Any) -> tuple[int, int]:
        return self.number(landing.start), self.number(landing.end - 1)


def said(landing: Any) -> str:
    """What is said of a clip in a gap, but that its sound is muted."""
    return landing.notice.replace(MUTED, "").strip()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.numbered_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 2)


@pytest.fixture
def desk(scene: Any, module: Module, clip: Path, tmp_path: Path) -> Desk:
    scene.render.resolution_x, scene.render.resolution_y = pictures.WIDTH, pictures.HEIGHT
    scene.render.fps = 24
    scene.view_settings.view_transform = "Standard"
    scene.grok_video.model = V15
    timeline = module("blender.timeline")
    target = module("core.spec").Target
    return Desk(scene, timeline, module("blender.timeline.gaps"), target, clip, tmp_path)


# ------------------------------------------------------------------------------------------- frame by frame


@pytest.mark.parametrize("fps", RATES)
def test_both_ends_are_seen(desk: Desk, fps: float) -> None:
    scene = desk.scene
    scene.render.fps, scene.render.fps_base = RATES[fps]
    rate = RATES[fps][0] / RATES[fps][1]
    # The fastest, the slowest, what nearly has its own speed (where 5.0 would miss the last picture), and a long way off.
    for at, speed in ((0, 1.25), (1000, 1.1), (2000, 1.0), (3000, 0.8)):
        gap = round(49 / 24 * rate / speed)
        left, right = desk.two(gap, 1 + at)
        before = [span(find(scene, name)) for name in (left, right)]
        landing = desk.fill(desk.between(left, right))
        assert (landing.start, landing.end) == (before[0][1], before[1][0])
        assert desk.ends(landing) == (0, LAST)
        shown = [desk.number(frame) for frame in range(landing.start, landing.end, gap // 8)]
        assert shown == sorted(set(shown))
        assert landing.channel == find(scene, left).channel
        assert [span(find(scene, name)) for name in (left, right)] == before
        assert not said(landing)
        if SOUNDS:
            assert span(find(scene, landing.sound)) == (landing.start, landing.end)
    assert not overlaps(scene)


def test_a_whole_job(blender: ModuleType, desk: Desk, stand_in: Any, module: Module) -> None:
    left, right = desk.two(60)
    one, other = (find(desk.scene, name) for name in (left, right))
    set_span(one, span(one)[0], span(one)[1] - 5)  # what is seen is sent
    set_span(other, span(other)[0] + 7, span(other)[1])
    desk.scene.grok_video.gap_prompt = "It crosses the river"
    before = {strip.name: (span(strip), strip.channel) for strip in strips(desk.scene)}
    blender.ops.grok_video.fill_gap(left=left, right=right)

    (body,) = [request["body"] for request in stand_in.requests("submit")]
    assert (body["model"], body["duration"], body["prompt"]) == (V15, 3, "It crosses the river")
    (job,) = module("blender.session.state").current().bridge.snapshot.all
    assert job.state == "IMPORTED"
    assert job.spec.estimate == stand_in.jobs()[0]["ticks"]
    assert number_in(job.spec.image) == LAST - 5
    assert number_in(job.spec.last_frame.path) == 7
    (movie,) = [
        s for s in strips(desk.scene) if s.get("grok_video_job") == job.id and s.type == "MOVIE"
    ]
    assert span(movie) == (45, 45 + 72)
    assert (desk.number(45), desk.number(45 + 71)) == (0, 72)
    assert movie.channel == before[left][1]
    assert {
        name: (span(find(desk.scene, name)), find(desk.scene, name).channel) for name in before
    } == before
    assert not overlaps(desk.scene)
    # What a later version of the file says of the gap is what was clicked.
    kept = json.loads(json.dumps(module("core.payload").spec_to_payload(job.spec)))
    assert module("core.payload").spec_from_payload(kept).target == job.spec.target


def number_in(path: str) -> int:
    """The frame's number in a picture that was sent."""
    with Image.open(path) as picture:
        return frame_code.decode(np.asarray(picture.convert("RGB")))


@pytest.mark.parametrize("side", ["start", "end"])
def test_a_gap_with_one_neighbour(
    blender: ModuleType, desk: Desk, stand_in: Any, module: Module, side: str
) -> None:
    desk.scene.frame_start, desk.scene.frame_end = 11, 160
    if side == "start":
        strip = desk.place(60)
        blender.ops.grok_video.fill_gap(right=strip.name)
    else:
        desk.scene.grok_video.model = "grok-imagine-video"  # no end frame is needed
        strip = desk.place(62)
        blender.ops.grok_video.fill_gap(left=strip.name)
    (body,) = [request["body"] for request in stand_in.requests("submit")]
    assert ("image" in body, "last_frame" in body) == (side == "end", side == "start")
    (movie,) = [s for s in strips(desk.scene) if s.type == "MOVIE" and s.name != strip.name]
    assert span(movie) == ((11, 60) if side == "start" else (111, 161))
    assert (desk.number(span(movie)[0]), desk.number(span(movie)[1] - 1)) == (0, LAST)


@pytest.mark.skipif(not SOUNDS, reason="this wheel has no sound")
def test_its_sound_keeps_step(desk: Desk) -> None:
    """Slower, at a rate of which a second is no whole number of the file's frames: the second beep comes later too."""
    scene = desk.scene
    scene.render.fps = 30
    left, right = desk.two(74)
    landing = desk.fill(desk.between(left, right))
    muted = find(scene, landing.sound).mute
    for strip in strips(scene):
        strip.mute = strip.name != landing.sound
    scene.frame_start, scene.frame_end = landing.start, landing.end
    with bpy.context.temp_override(scene=scene):
        bpy.ops.sound.mixdown(
            filepath=str(desk.folder / "mix.wav"), container="WAV", codec="PCM", format="S16"
        )
    if muted:  # up to 4.5, whose mixing of a retimed sound ends that Blender
        assert bpy.app.version < (5, 0)
        assert MUTED in landing.notice
        return
    beeps = [at for at, _ in pictures.beeps_of(desk.folder / "mix.wav")]
    assert beeps == [pytest.approx(second * 74 / 61.25, abs=0.05) for second in range(3)]


@pytest.mark.parametrize("fps", [24, 30])
def test_its_slot_becomes_the_clip(
    desk: Desk, stand_in: Any, module: Module, clicking: Any, fps: int
) -> None:
    """The slot stands in the gap at once, as long as that; what is moved before the clip comes stays moved."""
    scene, session = desk.scene, module("blender.session.state").current()
    scene.render.fps = fps
    scene.grok_video.generate_audio = True
    left, right = desk.two(round(fps * 2.2))
    found = desk.gaps.gap_beside(scene, find(scene, left), find(scene, right))
    job_id = clicking(lambda click: click.fill_gap(bpy.context, found, ""))
    (slot,) = [s for s in strips(scene) if s.get("grok_video_job") == job_id and s.type == "MOVIE"]
    name = slot.name
    assert module("blender.timeline.slots").is_waiting(slot)
    assert (span(slot), slot.channel) == ((found.start, found.end), find(scene, left).channel)
    for strip in [s for s in strips(scene) if span(s)[0] >= found.start]:
        shift(strip, 1000)
    place = span(find(scene, name))
    assert place == (found.start + 1000, found.end + 1000)

    def is_there() -> bool:
        job = session.bridge.snapshot.jobs.get(job_id)
        return job is not None and job.state == "IMPORTED"

    until(is_there, module)
    slot = find(scene, name)
    assert not module("blender.timeline.slots").is_waiting(slot)
    assert span(slot) == place
    assert (desk.number(place[0]), desk.number(place[1] - 1)) == (0, LAST)
    if SOUNDS:
        assert [span(s) for s in strips(scene) if s.get("grok_video_job") == job_id] == [place] * 2
    assert len(stand_in.requests("submit")) == 1


@pytest.fixture
def clicking(module: Module) -> Callable[[Callable[[Any], str]], str]:
    """Calls what a press calls, with a slot wanted."""

    def press(call: Callable[[Any], str]) -> str:
        click = module("blender.session.click")
        with click.begun_by(press=True, slot=True):
            return call(click)

    return press


def until(condition: Callable[[], Any], module: Module) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        module("blender.session.tick").tick(bpy.context)
        time.sleep(0.02)


# ------------------------------------------------------------------------------- what happened meanwhile


def moved(desk: Desk, left: str, right: str) -> None:
    for name in (right, left):
        shift(find(desk.scene, name), 200)


def cut(desk: Desk, left: str, right: str) -> None:
    """The piece beside the gap counts, on either side."""
    split(find(desk.scene, left), 20)
    start, end = span(find(desk.scene, right))
    split(find(desk.scene, right), (start + end) // 2)


def renamed(desk: Desk, left: str, right: str) -> None:
    find(desk.scene, left).name, find(desk.scene, right).name = "One", "Other"


@pytest.mark.outer
@pytest.mark.parametrize("change", [moved, cut, renamed])
def test_the_gap_is_found_again(desk: Desk, change: Callable[[Desk, str, str], None]) -> None:
    left, right = desk.two(50)
    start = span(find(desk.scene, left))[1]
    target = desk.between(left, right)
    change(desk, left, right)
    landing = desk.fill(target)
    start += 200 if change is moved else 0
    assert (landing.start, landing.end, said(landing)) == (start, start + 50, "")
    assert desk.ends(landing) == (0, LAST)
    assert not overlaps(desk.scene)


@pytest.mark.outer
@pytest.mark.parametrize(
    ("now", "words"),
    [
        (45, "has 45 frames now and had 50: the clip fills it at 1.09 times"),
        (30, "which the clip cannot fill: it has the 50 frames of before"),
        (90, "which the clip cannot fill"),
        (0, "There is no gap between"),
    ],
)
def test_a_gap_of_another_length(desk: Desk, now: int, words: str) -> None:
    left, right = desk.two(50)
    target = desk.between(left, right)
    end = span(find(desk.scene, left))[1]
    for strip in [s for s in strips(desk.scene) if span(s)[0] > end]:
        shift(strip, now - 50)
    before = {strip.name: (span(strip), strip.channel) for strip in strips(desk.scene)}
    landing = desk.fill(target)
    assert words in said(landing)
    assert landing.start == end
    assert landing.end == end + (45 if now == 45 else 50)
    assert desk.ends(landing) == (0, LAST) or now in (0, 30)  # the right strip may lie above
    for name, (place, channel) in before.items():
        assert (span(find(desk.scene, name)), find(desk.scene, name).channel) == (place, channel)
    assert not overlaps(desk.scene)


@pytest.mark.outer
@pytest.mark.parametrize("gone", ["left", "right", "both", "scene"])
def test_a_strip_beside_is_gone(desk: Desk, gone: str) -> None:
    left, right = desk.two(50)
    target = desk.between(left, right)
    editor = desk.scene.sequence_editor
    base = editor.strips if hasattr(editor, "strips") else editor.sequences
    for name in {"left": [left], "right": [right], "both": [left, right], "scene": []}[gone]:
        base.remove(find(desk.scene, name))
    landing = desk.fill(target, here=gone != "scene")
    assert (landing.start, landing.end) == (50, 100)
    assert ("gone" in said(landing)) == (gone != "scene")
    assert desk.ends(landing) == (0, LAST)
    assert not overlaps(desk.scene)


@pytest.mark.outer
@pytest.mark.parametrize("why", ["occupied", "locked", "muted"])
def test_its_channel_is_not_free(desk: Desk, why: str) -> None:
    left, right = desk.two(50)
    channel = find(desk.scene, left).channel
    target = desk.between(left, right)
    if why == "occupied":
        color(desk.scene, channel, 60, 70)
    else:
        setattr(
            desk.scene.sequence_editor.channels[channel],
            why.removesuffix("ed").replace("mut", "mute"),
            True,
        )
    landing = desk.fill(target)
    assert landing.channel != channel
    assert f"Channel {channel} is not free there" in said(landing)
    assert (landing.start, landing.end) == (50, 100)
    assert not overlaps(desk.scene)


@pytest.mark.parametrize("opened", [True, False])
def test_inside_a_meta_strip(desk: Desk, opened: bool) -> None:
    left, right = desk.two(50)
    meta = make_meta(desk.scene, *strips(desk.scene))
    name = meta.name
    desk.scene.sequence_editor.display_stack(meta)
    target = desk.between(left, right)
    if not opened:  # the artist has left it meanwhile
        desk.scene.sequence_editor.display_stack(None)
    landing = desk.fill(target)
    movie = find(desk.scene, landing.movie)
    assert movie.parent_meta().name == name
    assert span(movie) == (50, 100)
    assert (desk.number(50), desk.number(99)) == (0, LAST)
    assert bool(len(desk.scene.sequence_editor.meta_stack)) == opened
    assert span(find(desk.scene, name)) == (1, 149)


# ------------------------------------------------------------------------------------------ what is refused


def refused(words: str, **names: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        bpy.ops.grok_video.fill_gap(**names)


@pytest.mark.outer
def test_what_is_refused(desk: Desk, stand_in: Any, module: Module) -> None:
    scene = desk.scene
    refused("No strip is active")
    left, right = desk.two(35)
    refused("has 35 frames .1.46 s.*Make the gap 20 to 31 frames .* or 40 to 451 frames", left=left)
    refused("There is no strip “Nobody”", left="Nobody")
    refused("There is no gap between", left=right, right=left)
    refused("There is no gap between", left=left, right=left)
    shift(find(scene, right), 24 * 3600)
    refused("Make the gap", left=left, right=right)
    shift(find(scene, right), 5 - 24 * 3600)
    refused("The model “grok-9” is not known", left=left, model="grok-9")
    scene.grok_video.model = "grok-imagine-video"
    refused("takes no end frame. Choose Grok Imagine Video 1.5", left=left)
    scene.grok_video.model = V15
    scene.grok_video.resolution = "1080p"
    refused("With an end frame there is no 1080p", left=left)
    scene.grok_video.resolution = "480p"
    find(scene, left).mute = True
    refused("is muted", left=left)
    find(scene, left).mute = False
    assert not stand_in.requests("submit")
    assert not module("blender.session.state").current().bridge.snapshot.all
    assert not any("grok_video_source" in strip.keys() for strip in strips(scene))


@pytest.mark.outer
def test_a_waiting_slot_is_no_neighbour(desk: Desk, stand_in: Any, module: Module) -> None:
    still = module("core.still_movie")
    slot = desk.folder / "slots" / f"x{still.SUFFIX}"
    left, right = desk.two(50)
    waiting = find(desk.scene, right)
    name = waiting.name
    slot.parent.mkdir()
    still.write_still_movie(still.card(64, 36), slot, 49)
    waiting.filepath = str(slot)
    refused(f"“{name}” is a slot whose clip is not there yet", left=left)
    assert not stand_in.requests("submit")


@pytest.mark.outer
def test_the_model_that_can(blender: ModuleType, desk: Desk, stand_in: Any) -> None:
    """The button offers the model that takes an end frame; the panel's stays chosen."""
    left, _ = desk.two(50)
    desk.scene.grok_video.model = "grok-imagine-video"
    blender.ops.grok_video.fill_gap(left=left, model=V15)
    (body,) = [request["body"] for request in stand_in.requests("submit")]
    assert body["model"] == V15
    assert desk.scene.grok_video.model == "grok-imagine-video"


# ------------------------------------------------------------------------------------- which gap, which picture


@pytest.mark.outer
def test_which_gap_is_meant(desk: Desk) -> None:
    scene, gaps = desk.scene, desk.gaps
    left, right = desk.two(50)
    third = desk.place(300).name
    color(scene, 40, 1, 400)  # another channel: no matter
    channel = find(scene, left).channel
    scene.sequence_editor.active_strip = find(scene, left)
    for frame, names in ((60, (left, right)), (200, (right, third)), (10, (left, right))):
        scene.frame_current = frame
        found = gaps.gap_at_playhead(scene)
        assert (found.left, found.right, found.channel) == (*names, channel)
    scene.frame_start, scene.frame_end = 1, 500
    assert (gaps.gap_at(scene, channel, 480).left, gaps.gap_at(scene, channel, 480).end) == (
        third,
        501,
    )
    with pytest.raises(desk.timeline.Refused, match="lies at frame 10"):
        gaps.gap_at(scene, channel, 10)
    with pytest.raises(desk.timeline.Refused, match="no strip on channel 77"):
        gaps.gap_at(scene, 77, 10)
    assert gaps.gap_after(scene, find(scene, third)) is None
    assert gaps.gap_after(scene, find(scene, right)).frames == 300 - 149


def test_the_effect_above_is_what_is_seen(
    blender: ModuleType, desk: Desk, stand_in: Any, module: Module
) -> None:
    """A strip with a speed effect is seen through the effect; texts and colours are pictures too."""
    scene = desk.scene
    left = desk.place(1)
    text = color(scene, left.channel, 100, 140, "TEXT")
    effect = color(scene, 30, 1, 50, "SPEED", left)
    effect.speed_control, effect.speed_factor = "MULTIPLY", 0.5
    seen = desk.number(49)
    assert seen != LAST
    select(scene, left)
    blender.ops.grok_video.fill_gap(left=left.name, right=text.name)
    (job,) = module("blender.session.state").current().bridge.snapshot.all
    assert number_in(job.spec.image) == seen
    assert job.spec.target.strip == left.name
    assert stand_in.requests("submit")[0]["body"]["last_frame"]
