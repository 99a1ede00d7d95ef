"""*Generate Shots*: a list of shots bought with one press, each once, and what becomes of the rest.

Scripts call the operator; presses are made as from a window, whose ticks the tests give.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .editing import span
from .test_orders import bodies
from .test_rework_breaker import window
from .test_slots import PACKAGE, Desk, camera, desk, movies

__all__ = ["camera", "desk", "window"]  # fixtures

Module = Callable[[str], ModuleType]


def add(scene: Any, name: str, **fields: Any) -> Any:
    """A row of the list, which begins 100 frames after the one before it."""
    row = scene.grok_video.shots.add()
    row.name, row.source, row.prompt = name, "NONE", f"Shot {name}"
    row.target_frame = 1 + 100 * (len(scene.grok_video.shots) - 1)
    for field, value in fields.items():
        setattr(row, field, value)
    return row


class Batch(Desk):
    """An artist's Blender with a list of shots."""

    def fill(self, *names: str, **fields: Any) -> None:
        for name in names:
            add(self.scene, name, **fields)

    def press(self, which: str = "WANTED", *, slot: bool = True, press: bool = True) -> list[str]:
        """Press the button and agree; the ids of the jobs to be."""
        scene = self.scene
        offer = self.module("blender.ui.shots_generate").offer_of(bpy.context, scene, which)
        rows = [row for row in scene.grok_video.shots if row.mark in offer.agreed]
        with self.module("blender.session.click").begun_by(press=press, slot=slot):
            return self.module("blender.session.shot_batch").begin(
                bpy.context, scene, rows, offer.agreed
            )

    @property
    def under_way(self) -> Any:
        return self.session.shot_batch.press

    @property
    def told(self) -> list[Any]:
        return list(self.module("blender.session.shots").told(bpy.context, self.scene))

    @property
    def states(self) -> list[str]:
        return [one.state for one in self.told]

    def wanted(self) -> list[str]:
        return [row.name for row in self.module("blender.session.shots").wanted(self.scene)]

    def place_all(self) -> None:
        self.until(lambda: not (self.under_way.to_place or self.under_way.unpushed))

    def settle(self) -> None:
        """Until every shot has come, or came to nothing."""
        self.until(lambda: self.under_way is None)
        ends = {"IMPORTED", "FAILED", "CANCELLED", "UNKNOWN", "STOPPED", ""}
        self.until(lambda: set(self.states) <= ends)

    def names(self) -> list[str]:
        """The shots that were sent, in the order in which they were."""
        return [body["prompt"].removeprefix("Shot ") for body in bodies(self.stand_in)]


@pytest.fixture
def batch(scene: Any, module: Module, stand_in: Any) -> Batch:
    scene.render.fps = 24
    return Batch(module, stand_in)


# ------------------------------------------------------------------------------------------ scripts


def test_a_script_buys_a_list_and_waits(batch: Batch) -> None:
    batch.fill("a", "b", "c")
    assert bpy.ops.grok_video.generate_shots() == {"FINISHED"}
    assert batch.names() == ["a", "b", "c"]
    jobs = list(reversed(batch.session.bridge.snapshot.all))
    assert [job.spec.shot_name for job in jobs] == ["a", "b", "c"]
    assert [span(s)[0] for s in movies(batch.scene)] == [1, 101, 201]
    assert [row.job for row in batch.scene.grok_video.shots] == [job.id for job in jobs]
    assert batch.states == ["IMPORTED"] * 3
    with pytest.raises(RuntimeError, match="Every enabled shot was bought"):
        bpy.ops.grok_video.generate_shots()
    assert batch.bought == 3


def test_a_script_may_leave_the_list_and_wait_later(batch: Batch) -> None:
    batch.fill("a", "b")
    batch.stand_in.settings(job_seconds=600)
    assert bpy.ops.grok_video.generate_shots(wait=False) == {"FINISHED"}
    assert set(batch.states) <= {"QUEUED", "SUBMITTING", "RUNNING"}
    batch.until(lambda: batch.states == ["RUNNING", "RUNNING"])
    batch.stand_in.finish()
    assert bpy.ops.grok_video.wait() == {"FINISHED"}
    assert batch.states == ["IMPORTED"] * 2


def test_what_goes_wrong_is_told_in_one_error_after_all_others(batch: Batch) -> None:
    batch.fill("a")
    add(batch.scene, "bad", prompt="x" * 5000)
    add(batch.scene, "gone", source="IMAGE")
    batch.fill("d")
    with pytest.raises(RuntimeError) as raised:
        bpy.ops.grok_video.generate_shots()
    assert batch.names() == ["a", "d"]
    assert batch.states == ["IMPORTED", "", "", "IMPORTED"]
    told = str(raised.value)
    assert "2 shots are not on the timeline" in told
    assert "“bad”: The prompt has 5000 characters" in told
    assert "“gone”: Choose the image" in told


def test_a_frame_of_one_colour_is_bought_where_the_script_says_so(
    batch: Batch, camera: Any
) -> None:
    camera.location.z = -5.0
    batch.fill("a", source="CAMERA")
    with pytest.raises(RuntimeError, match="“a”: The source still is one colour"):
        bpy.ops.grok_video.generate_shots()
    assert batch.states == ["STOPPED"]
    assert bpy.ops.grok_video.generate_shots(allow_single_color=True) == {"FINISHED"}


def test_rows_that_are_off_are_left(batch: Batch) -> None:
    batch.fill("a", "b")
    batch.scene.grok_video.shots[0].enabled = False
    bpy.ops.grok_video.generate_shots()
    assert batch.names() == ["b"]
    batch.scene.grok_video.shots.clear()
    with pytest.raises(RuntimeError, match="The list has no shots yet"):
        bpy.ops.grok_video.generate_shots()


# ------------------------------------------------------------------------------------------ what is sent


def test_a_shot_has_the_panels_settings_and_its_own(batch: Batch) -> None:
    chosen = batch.scene.grok_video
    chosen.shots_begin, chosen.shots_end = "Film {shot}:", "at {frame} of {scene}, {light}"
    chosen.loop, chosen.end_frame, chosen.keyframes = True, True, True
    chosen.aspect_ratio = "9:16"
    add(batch.scene, "s010", prompt='a "quoted"\n{x}', seconds=2, frame=7)
    batch.scene.name = "Sea"
    bpy.ops.grok_video.generate_shots()
    (body,) = bodies(batch.stand_in)
    assert body["prompt"] == 'Film s010: a "quoted"\n{x} at 7 of Sea, {light}'
    assert (body["duration"], body["aspect_ratio"]) == (2, "9:16")
    (job,) = batch.session.bridge.snapshot.all
    assert not job.spec.loop
    assert not job.spec.keyframes
    assert "s010" in Path(job.spec.output).name


def test_each_camera_is_rendered_at_its_frame_by_one_second_blender(
    batch: Batch, camera: Any, patches: Any
) -> None:
    bpy.context.preferences.addons[PACKAGE].preferences.render_source = "BACKGROUND"
    other = bpy.data.objects.new("Other", camera.data)
    batch.scene.collection.objects.link(other)
    other.location = (5.0, 0.0, 5.0)
    add(batch.scene, "a", source="CAMERA", frame=5)
    add(batch.scene, "b", source="CAMERA", frame=9, camera=other, prompt="{camera}")
    stills = batch.module("blender.sources.stills")
    runs = []
    begin = stills._Run.__init__

    def counted(*args: Any) -> None:
        runs.append(True)
        begin(*args)

    patches.set(stills._Run, "__init__", counted)
    bpy.ops.grok_video.generate_shots(slot=True, allow_single_color=True)
    assert len(runs) == 1
    jobs = list(reversed(batch.session.bridge.snapshot.all))
    sources = [(job.spec.source.camera, job.spec.source.frame) for job in jobs]
    assert sources == [("Shot Camera", 5.0), ("Other", 9.0)]
    assert jobs[1].spec.prompt == "Other"
    first, second = (Path(job.spec.image).read_bytes() for job in jobs)
    assert first != second
    assert not list(Path(jobs[0].spec.image).parent.glob("*.blend")), "the written file is gone"


def test_references_are_made_once_for_all(batch: Batch) -> None:
    image = bpy.data.images.new("Coat", 64, 64)
    batch.scene.grok_video.references.add().image = image
    batch.fill("a", "b")
    bpy.ops.grok_video.generate_shots()
    one, two = (job.spec.references for job in batch.session.bridge.snapshot.all)
    assert one == two
    assert one[0].size == Path(one[0].path).stat().st_size
    assert all("reference_images" in body for body in bodies(batch.stand_in))


def test_an_image_and_a_strip_begin_shots(batch: Batch, tmp_path: Path) -> None:
    image = bpy.data.images.new("Board", 64, 36)
    image.pixels[0:4] = (1.0, 0.0, 0.0, 1.0)
    batch.click(frame=300)
    batch.until(lambda: batch.session.bridge.snapshot.all[0].state == "IMPORTED")
    (clip,) = movies(batch.scene)
    add(batch.scene, "image", source="IMAGE", image=image)
    add(batch.scene, "strip", source="STRIP", strip=clip.name, frame=305)
    add(batch.scene, "beside", source="STRIP", strip=clip.name, frame=3)
    add(batch.scene, "nothing", source="STRIP", strip="Nobody")
    told = batch.told
    assert "is seen from frame 300" in told[2].refusal
    assert "There is no strip “Nobody”" in told[3].refusal
    batch.press(slot=False)
    batch.settle()
    kinds = [job.spec.source.kind for job in reversed(batch.session.bridge.snapshot.all)]
    assert kinds == ["NONE", "IMAGE", "STRIP"]
