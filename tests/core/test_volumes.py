"""A folder on a share, a stick or a disk of another system, which macOS and Linux let artists use as any other.

Such a volume keeps no rights of a file, shows macOS's own files between ours, and is found under more than one path.
"""

from __future__ import annotations

import errno
import os

import pytest

from grok_video.core.spec import new_id
from grok_video.worker.delivery import deliver
from grok_video.worker.desk import Desk, RunningCall
from grok_video.worker.http.call import Call
from grok_video.worker.http.transport import Transport
from tests.core.test_power import before_its_name
from tests.core.test_same_clip import content
from tests.core.test_worker import Blender, blender, make_blender, one_service, service
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

# ----------------------------------------------------------------------------------------------------- rights


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
@pytest.mark.parametrize("folder", ["there", "made"])
def test_a_clip_comes_to_a_volume_that_keeps_no_rights(
    blender: Blender,
    service: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    folder: str,
    number: int,
) -> None:
    """What it refuses is to change them (SMB, FAT that root has mounted); what it takes is the clip."""
    output = blender.project / ("grok_video" if folder == "made" else "") / "clip.mp4"
    job, clip, part = before_its_name(blender, output=str(output))
    assert clip == output
    part.unlink()
    clip.with_suffix(".json").unlink()
    if folder == "made":
        clip.parent.rmdir()
    desk = Desk(blender.data, blender.session, new_id(), 0o022)

    def chmod(path: str | os.PathLike[str], _mode: int, **_how: object) -> None:
        raise OSError(number, os.strerror(number), str(path))

    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "chmod", chmod)
            call = RunningCall("download", job.id, Call())
            done = deliver(call, desk, job, Transport(service.base, ""))
    finally:
        desk.ledger.close()
    assert (done.clip.path, done.problem) == (str(clip), None)
    assert content(clip) == done.sha256
    assert clip.with_suffix(".json").exists()
    assert not part.exists()
