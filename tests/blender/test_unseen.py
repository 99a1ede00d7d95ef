"""What has ended since the artist looked at the list: counted until a panel shows it, and forgotten with the file."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

Module = Callable[[str], ModuleType]


def test_what_ended_is_news_until_a_panel_shows_it(
    blender: ModuleType, scene: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    unseen = module("blender.session.unseen")
    first = clicked("IMPORTED")
    assert (unseen.count(), unseen.is_new(first.id)) == (1, True)
    second = clicked("IMPORTED")
    unseen.drawn(["no such job", first.id])
    assert unseen.count() == 1
    assert unseen.is_new(first.id)  # as long as the mark takes to be seen
    module("blender.session.state").current().unseen.ended[first.id] -= 1e6
    unseen.fade()
    assert not unseen.is_new(first.id)
    assert unseen.is_new(second.id)
    blender.ops.wm.open_mainfile(filepath=blender.data.filepath)
    assert unseen.count() == 0


def test_what_the_artist_stops_is_no_news(
    blender: ModuleType, stand_in: Any, clicked: Callable[[str], Any], module: Module
) -> None:
    stand_in.settings(job_seconds=600)
    job = clicked("RUNNING")
    blender.ops.grok_video.stop(job=job.id)
    assert module("blender.session.unseen").count() == 0
    stand_in.settings(job_seconds=0.3)
