"""One .blend, and one clip, under several spellings: another case or slash on Windows, a folder behind a link elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .editing import every
from .others import wait_for
from .test_orders import newest

Module = Callable[[str], ModuleType]

SPELLINGS: dict[str, Callable[[Path], str]]
if sys.platform == "win32":
    SPELLINGS = {
        "upper": lambda path: str(path).upper(),
        "lower": lambda path: str(path).lower(),
        "slashes": lambda path: path.as_posix(),
    }
else:
    SPELLINGS = {
        "link": lambda path: str(linked(path.parent) / path.name),
        "dots": lambda path: f"{path.parent}/./grok_video/../{path.name}",
    }


def linked(folder: Path) -> Path:
    link = folder.with_name(f"{folder.name}-linked")
    if not link.is_symlink():
        link.symlink_to(folder)
    return link


@pytest.fixture(params=SPELLINGS)
def other_spelling(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Another spelling of the path of the saved file."""
    (tmp_path / "grok_video").mkdir(exist_ok=True)
    return SPELLINGS[request.param](tmp_path / "shot.blend")


@pytest.mark.parametrize("clicked_there", [True, False])
def test_a_clip_comes_by_itself_into_the_file_under_another_spelling(
    blender: ModuleType,
    scene: Any,
    stand_in: Any,
    module: Module,
    tmp_path: Path,
    other_spelling: str,
    clicked_there: bool,
) -> None:
    """Clicked in the one, opened as the other, and counted in both as spent for this file."""
    spellings = [str(tmp_path / "shot.blend"), other_spelling]
    first, second = reversed(spellings) if clicked_there else spellings
    blender.ops.wm.save_mainfile()
    blender.ops.wm.open_mainfile(filepath=first)
    module("blender.session.questions").set_limits(count_loopback=True)
    stand_in.fail("job", "stall")
    context, tick = blender.context, module("blender.session.tick").tick
    job_id = module("blender.session.click").generate(context, context.scene, context.scene, 1)
    job_by_id = module("blender.session.state").job_by_id

    def reach(state: str) -> None:
        def is_there() -> bool:
            tick(context)
            job = job_by_id(job_id)
            return job is not None and job.state == state

        wait_for(is_there, state)

    reach("RUNNING")
    blender.ops.wm.save_mainfile()
    blender.ops.wm.read_homefile(use_empty=True)
    stand_in.finish()
    reach("READY")
    assert not module("blender.session.state").is_open(newest(module).spec.target.blend)
    blender.ops.wm.open_mainfile(filepath=second)
    reach("IMPORTED")
    assert len(every(blender.context.scene)) == 1
    assert module("blender.session.spending").sums_now().file > 0


def test_the_clip_of_a_strip_is_known_under_another_spelling(
    blender: ModuleType, scene: Any, module: Module, tmp_path: Path
) -> None:
    """What is extended is the clip itself, without a bake, and *Download Again* finds its strip."""
    blender.ops.grok_video.generate()
    job = newest(module)
    (strip,) = every(blender.context.scene)
    path = Path(job.clip.path)
    other = (
        path.as_posix().upper()
        if sys.platform == "win32"
        else f"{path.parent}/../{path.parent.name}/{path.name}"
    )
    strip.filepath = other
    assert os.path.samefile(blender.path.abspath(strip.filepath), path)
    source = module("blender.timeline.source_strip").source_strip_of(strip)
    part = module("blender.submission.strip_part").part_of_strip(
        source,
        source.start,
        source.end,
        module("blender.session.state").job_by_id,
        look=True,
    )
    assert part.clip == job.clip
    assert module("blender.timeline.media").show_again("", str(path)) == (1, False)
