"""The list of jobs as people look at it: pictures, the time still to be expected, what has ended since."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path
from typing import Any

import bpy
from driver import Steps, Ui
from jobs import let_scripts_buy, newest, quick, strips
from rework import KIND, service, session, to_the_jobs


def clips(ui: Ui, prompts: list[str]) -> Steps:
    """Buy a clip for each prompt, as scripts do, and wait until all are on the timeline."""
    for count, prompt in enumerate(prompts, 1):
        bpy.context.scene.grok_video.prompt = prompt
        bpy.ops.grok_video.generate()
        yield from ui.until(
            lambda count=count: (
                len({strip["grok_video_job"] for strip in strips()}) == count
                and not session(ui).bridge.snapshot.open
            ),
            f"clip {count}",
            120,
        )


def moved(job: Any, number: int) -> Any:
    """``job``, with a copy of its clip."""
    copy = Path(job.clip.path).with_name(f"copy-{number}.mp4")
    shutil.copyfile(job.clip.path, copy)
    return dataclasses.replace(job, clip=dataclasses.replace(job.clip, path=str(copy)))


def _loaded(ui: Ui) -> list[str]:
    return [kind for _, _, kind in session(ui).thumbnails.loaded]


def the_list(ui: Ui) -> Steps:
    """Two clips come while nobody looks; then the list is opened, and one more is under way."""
    quick(bpy.context.scene, seconds=1)
    let_scripts_buy()
    yield from clips(ui, ["A heron lifts off, slowly, and the reeds bow", "It lands again"])
    unseen: Any = ui.module("blender.session.unseen")
    thumbnails: Any = ui.module("blender.session.thumbnails")
    ui.note(unseen=unseen.count(), loaded_before=_loaded(ui))
    yield from ui.sidebar(KIND)
    yield from to_the_jobs(ui)
    yield from ui.until(lambda: len(_loaded(ui)) == 2, "the pictures of two clips")
    yield 1.0
    ui.note(loaded=_loaded(ui), unseen_after=unseen.count())
    yield from ui.shot("list-clips")
    service("settings", job_seconds=60)
    bpy.context.scene.grok_video.prompt = "The reeds stand still"
    bpy.ops.grok_video.generate()
    yield from ui.until(lambda: newest().state == "RUNNING", "the job at the service", 60)
    yield from ui.until(lambda: "IMAGE" in _loaded(ui), "the picture of the still")
    yield 1.0
    yield from to_the_jobs(ui)
    yield from ui.shot("list-running")
    service("finish")
    yield from ui.until(lambda: newest().state == "IMPORTED", "the third clip", 60)
    yield from ui.until(lambda: _loaded(ui).count("MOVIE") == 3, "the picture of the third clip")
    ui.note(unseen_at_last=unseen.count())
    # Once more with copies of the clips: how long the window's own thread works, and the add-on is disabled while
    # Blender's thread reads.
    copies = [moved(job, number) for number, job in enumerate(session(ui).bridge.snapshot.all)]
    for job in copies:
        thumbnails.files.look_now(job)
        assert not thumbnails.icon_of(job)
    began = time.thread_time()
    thumbnails.load()
    ui.note(began=time.thread_time() - began, again=_loaded(ui).count("MOVIE"))
    assert all(map(thumbnails.icon_of, copies))
    yield from ui.redraw(1)
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.grok_video")
    yield 2.0
