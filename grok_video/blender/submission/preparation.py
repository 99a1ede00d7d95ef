"""What must be made before a click can become a job: stills are rendered, strips are baked.

Owns one click between the button and the queue: what its steps show, as it is at the click, the steps one after the
other, how far they are, and their end. No job exists before all of them are done, so whatever ends one of them costs nothing. It knows
nothing of the ledger, of the service and of the panel.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path
from typing import Any

import bpy

from ...core.clock import Clocks
from ...core.record import mutable_record
from ...core.spec import JobSpec, mark_of
from .. import scenes
from ..identity import Meant
from ..refusal import Interrupted
from ..sources import pixels, ways
from ..sources.background import Ordered
from .variants import Variant, put_each

#: Stills that are made here show what the scene has become by then: the sooner, the better.
_EARLY = {ways.Way.ITSELF: 0, ways.Way.COPY: 1, ways.Way.BACKGROUND: 2}
SHOW_SECONDS = 0.15  # between a click and its first step: time for a redraw that shows the click
#: Takes a spec and returns it with what a step has made; takes None and returns None for a picture without a job.
Change = Callable[[Any], Any]


class Step(ABC):
    """One thing to be made for a job without freezing Blender: started, then polled until it is done."""

    label = ""  # what the button says while the step runs

    @abstractmethod
    def start(self, context: bpy.types.Context) -> None:
        """Begin the step. Raises Refused, Interrupted."""

    @abstractmethod
    def poll(self, context: bpy.types.Context) -> Change | None:
        """What adds the finished thing to the spec; None while the step is under way. Raises Interrupted."""

    @abstractmethod
    def cancel(self) -> None:
        """Give the step up and leave nothing behind."""

    @property
    def progress(self) -> tuple[int, int] | None:
        """Frames done and frames in all; None for a step of one frame."""
        return None


@mutable_record
class CameraStep(Step):
    """A still of a scene's camera, where the playhead was at the click or at another frame."""

    scene: Meant
    size: tuple[int, int]
    path: Path
    file_format: str
    add_to: Callable[[Any, pixels.Still], Any]
    playhead: float  # of the scene at the click
    frame: int | None = None  # None: the playhead's
    camera: Meant | None = None  # None: the camera that the scene has then
    label: str = "Rendering…"
    noun: str = "source"  # what the still is called in sentences
    way: ways.Way | None = None  # as chosen at the click
    ordered: Ordered | None = (
        None  # at the click, of a second Blender; for a copy here, should the scene change first
    )
    kept: ways.Kept | None = None  # what the order is of
    render: ways.Render | None = None

    def keep(self, kept: ways.Kept) -> None:
        """At the click: choose the way, and let ``kept`` keep what a second Blender needs. Raises Refused, Interrupted."""
        scene, camera, frame = self._wanted()
        self.way, self.kept = kept.way(scene, frame), kept
        is_spare = self.way is ways.Way.COPY and kept.is_spare(scene, frame)
        if self.way is ways.Way.BACKGROUND or is_spare:
            self.ordered = kept.order(
                scene, self.size, self.path, self.file_format, frame, camera, self.noun
            )

    def start(self, context: bpy.types.Context) -> None:
        if self.ordered is not None and self._is_for_second_blender():
            self.render = ways.begin(self.ordered)
            return
        scene, camera, frame = self._wanted()
        self.render = ways.start(
            context, scene, self.size, self.path, self.file_format, frame, camera
        )

    def _is_for_second_blender(self) -> bool:
        assert self.kept is not None
        return self.way is ways.Way.BACKGROUND or self.kept.changed(self.scene.uid)

    def _wanted(self) -> tuple[bpy.types.Scene, bpy.types.Object | None, int | None]:
        """The scene, the camera and the frame as they are now, the last two None for the scene's own. Raises Interrupted."""
        scene = self.scene.find(bpy.data.scenes)
        if scene is None:
            raise Interrupted(f"The scene “{self.scene.name}” to be rendered is gone.")
        camera = self.camera.find(bpy.data.objects) if self.camera else None
        if self.camera and camera is None:
            raise Interrupted(f"The camera “{self.camera.name}” is gone.")
        frame = self._frame(scene)
        if camera == scenes.camera_of(scene, frame):
            camera = None  # as the artist's own render: with the cameras that markers bind
        return scene, camera, frame

    def _frame(self, scene: bpy.types.Scene) -> int | None:
        """The frame of the still, None for the scene's current one. Raises Interrupted."""
        if self.frame is not None or scene.frame_float == self.playhead:
            return self.frame
        if not self.playhead.is_integer():
            raise Interrupted(
                f"The playhead was moved from {self.playhead:g}, between two frames, before the still was begun."
            )
        return int(self.playhead)

    def poll(self, context: bpy.types.Context) -> Change | None:
        assert self.render is not None
        try:
            made = self.render.poll()
        except Interrupted:
            self.render = None
            raise
        if made is None:
            return None
        self.render = None
        return lambda spec: self.add_to(spec, made)

    def cancel(self) -> None:
        if self.render is not None:
            self.render.cancel()


@mutable_record
class BakeStep(Step):
    """A source clip, made by a Blender of its own in the background, or drawn frame by frame."""

    begin: Callable[[], Any]  # gives a Bake or a Playblast
    label: str
    work: Any = None

    def start(self, context: bpy.types.Context) -> None:
        self.work = self.begin()

    def poll(self, context: bpy.types.Context) -> Change | None:
        made = self.work.poll()
        if made is None:
            return None

        def add_to(spec: JobSpec) -> JobSpec:
            # The seconds stay as they were priced: the bake has the frames that were asked for.
            assert spec.video is not None
            video = replace(spec.video, size=made.size, width=made.width, height=made.height)
            return replace(spec, video=video)

        return add_to

    def cancel(self) -> None:
        if self.work is not None:
            self.work.cancel()

    @property
    def progress(self) -> tuple[int, int] | None:
        return self.work.progress if self.work is not None else None


@mutable_record
class Preparation:
    """A click between the button and the queue: the steps that are still to be made for its job.

    One preparation runs at a time, the others wait in the session's queue. ``spec`` is None for a picture without a
    job (a reference rendered from a camera).
    """

    spec: JobSpec | None
    steps: list[Step]
    #: Monotonic time of the click, of the click's turn, or of the last step's end.
    since: float = field(default_factory=time.monotonic)
    running: Step | None = None
    held: bool = False  # its job waits for the artist's word: a script clicked
    allow_single_color: bool = False  # a script says that frames of one colour are meant
    clicked: Clocks = field(default_factory=Clocks.now)
    kept: ways.Kept | None = None  # of the scenes as they were at the click
    others: tuple[Variant, ...] = ()  # bought along with ``spec``, from the same pictures

    def becomes(self, job_id: str) -> bool:
        """Whether this click is to become that job."""
        own = self.spec is not None and self.spec.id == job_id
        return own or any(one.id == job_id for one in self.others)

    def put_others(self, put: Callable[[JobSpec], None]) -> None:
        """Let ``put`` buy each variant after the first one. Raises Refused, where one could not be bought."""
        if self.spec is not None:
            put_each(self.spec, self.others, put)

    def keep(self) -> None:
        """At the click: keep what its stills show, and order its steps. Raises Refused, Interrupted, and leaves nothing.

        Blender is held up as long as a save of the file takes, where a second Blender renders.
        """
        stills = [step for step in self.steps if isinstance(step, CameraStep)]
        self.kept = ways.Kept(several=len(stills) > 1)
        try:
            for step in stills:
                step.keep(self.kept)
        except BaseException:
            self._forget()
            raise
        self.steps.sort(key=_earliness)
        self.come_up()  # Blender was held up, and the panel is still to show the click

    def _forget(self) -> None:
        """Remove what was kept for the steps."""
        kept, self.kept = self.kept, None
        if kept is not None:
            kept.discard()

    @property
    def label(self) -> str:
        """What the button says: the label of the step that runs, or comes next."""
        return (self.running or self.steps[0]).label if self.steps else ""

    @property
    def progress(self) -> tuple[int, int] | None:
        """Frames done and frames in all of the step that runs; None when that does not tell."""
        return self.running.progress if self.running is not None else None

    def come_up(self) -> None:
        """Let this click's turn begin: its first step waits for a redraw, as right after the click."""
        self.since = time.monotonic()

    def tick(self, context: bpy.types.Context) -> bool:
        """Go on as far as that is possible without waiting; True when something changed.

        The progress of a step is no change: the panel shows it once a second anyway. Raises Refused or Interrupted
        when the click has ended without a job.
        """
        if self.running is None:
            # The panel first shows the click: a render may hold the window.
            if not bpy.app.background and time.monotonic() - self.since < SHOW_SECONDS:
                return False
            self._start(context)
            return True
        change = self.running.poll(context)
        if change is None:
            return False
        self.spec = change(self.spec)
        if self.spec is not None:
            self.spec = marked(self.spec)
        self.steps.remove(self.running)
        self.running = None
        if not self.steps:
            self._forget()
        # The next step waits for a redraw like the first. Besides, Blender 4.3 crashes now and then when a render
        # begins before the event loop has cleared away the render before (see ``compat``).
        self.since = time.monotonic()
        return True

    def _start(self, context: bpy.types.Context) -> None:
        step = self.steps[0]
        step.start(context)
        self.running = step

    @property
    def done(self) -> bool:
        """Whether every step is done, so that the job can be queued."""
        return not self.steps

    def cancel(self) -> None:
        """Give the click up and remove the files that were made for its job."""
        if self.running is not None:
            self.running.cancel()
            self.running = None
        self._forget()
        if self.spec is not None:
            remove_files(self.spec)


def _earliness(step: Step) -> int:
    return _EARLY.get(step.way, 0) if isinstance(step, CameraStep) and step.way else 0


def marked(spec: JobSpec) -> JobSpec:
    """``spec`` with a mark of every file that is there and has none yet: the file that the artist's click is about.

    One look at each file, none is read. A file of another size than is on record gets no mark: it is another one already.
    """
    known = {mark.path for mark in spec.files}
    marks = list(spec.files)
    for _, path, size in spec.sent_files:
        with suppress(OSError):  # not made yet, or gone: the worker looks again
            status = os.stat(path)
            if path not in known and size in (0, status.st_size):
                known.add(path)
                marks.append(mark_of(path, status))
    return replace(spec, files=tuple(marks))


def files_sent(spec: JobSpec) -> list[str]:
    """The paths of the pictures and the source video that go along with a job."""
    paths = [picture.path for _, picture in spec.pictures]
    return [*paths, spec.video.path] if spec.video is not None else paths


def _files_made(spec: JobSpec) -> set[str]:
    """The paths of what goes along with a job, and of what was made for the other variants of its click."""
    named_for_it = {one.path for one in spec.files if Path(one.path).name.startswith(spec.id)}
    return {*files_sent(spec), *named_for_it}


def remove_files(spec: JobSpec) -> None:
    """Remove the files that were made for this job alone, which are called after it: not those of an earlier job."""
    kept = {spec.full_image.path} if spec.full_image is not None else set[str]()
    for path in _files_made(spec) | kept:
        if Path(path).name.startswith(spec.id):
            pixels.remove(Path(path))
