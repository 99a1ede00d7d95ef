"""A folder on a share, a stick or a disk of another system, which macOS and Linux let artists use as any other.

Such a volume keeps no rights of a file, shows macOS's own files between ours, and is found under more than one path.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

import pytest

from grok_video.core.files import write_whole
from grok_video.core.job import State
from grok_video.core.spec import new_id
from grok_video.ledger.inbox import holds_commands, put_command
from grok_video.ledger.moving import Moved, move
from grok_video.ledger.place import holds_list
from grok_video.ledger.whereabouts import ARRIVING
from grok_video.worker.delivery import deliver
from grok_video.worker.desk import Desk, RunningCall
from grok_video.worker.http.call import Call
from grok_video.worker.http.transport import Transport
from tests.core.test_moving import go, jobs_of, new, old
from tests.core.test_power import before_its_name
from tests.core.test_same_clip import content
from tests.core.test_worker import Blender, blender, make_blender, one_service, service
from tests.stand_in.client import StandIn

__all__ = ["blender", "make_blender", "new", "old", "one_service", "service"]  # fixtures

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


# ----------------------------------------------------------------------------------------------- a power cut


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fcntl")
@pytest.mark.parametrize("number", [0, errno.ENOTSUP, errno.ENOTTY, errno.EINVAL])
def test_macos_has_the_drive_write_its_cache_where_the_drive_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    import fcntl

    path, done = tmp_path / "a.json", list[str]()

    def flush(_descriptor: int, order: int) -> None:
        done.append(f"flush {order}")
        if number:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", flush)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: done.append("fsync"))
    write_whole(path, b"clip", durable=True, private=False, patience=0.0)
    assert path.read_bytes() == b"clip"
    step = ["flush 51", "fsync"] if number else ["flush 51"]
    assert done == step * 3  # the file, its folder, the folder above


# ------------------------------------------------------------------------------------------ files of the system


def appledouble(folder: Path) -> list[Path]:
    """Write what macOS writes there: ``._name`` beside each file (RFC 1740), with an attribute of it."""
    made: list[Path] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            made.append(path.with_name(f"._{path.name}"))
            made[-1].write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X        \0\2" + bytes(4070))
    return made


def test_what_macos_writes_beside_a_command_is_none(blender: Blender) -> None:
    command = put_command(blender.data, "check", account="0" * 16)
    (beside,) = appledouble(blender.data)
    (blender.data / "inbox" / f"{command}.command").unlink()
    assert not holds_commands(blender.data)
    put_command(blender.data, "check", account="0" * 16)
    blender.start()
    blender.until(blender.submit(), State.READY)
    assert beside.exists()
    assert not (blender.data / "inbox" / "bad").exists()


def test_what_macos_writes_beside_a_copy_is_no_list(old: Path) -> None:
    made = appledouble(old)
    assert holds_list(old)
    for path in old.rglob("*"):
        if path.is_file() and path not in made:
            path.unlink()
    assert not holds_list(old)


def test_a_list_moves_without_what_macos_wrote_beside_it(old: Path, new: Path) -> None:
    jobs = jobs_of(old)
    appledouble(old)
    assert go(old, new) is Moved.MOVED
    assert [path.name for path in new.rglob("._*")] == []
    assert jobs_of(new) == jobs


def test_a_move_that_is_given_up_takes_away_its_own(
    old: Path, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS takes ``._name`` away with ``name``: gone when its turn comes in a list of names."""
    jobs, unlink = jobs_of(old), os.unlink

    def both(path: str | os.PathLike[str]) -> None:
        unlink(path)
        with contextlib.suppress(FileNotFoundError):
            unlink(Path(path).with_name(f"._{Path(path).name}"))

    def stop(done: int, of: int) -> None:
        if done == of:
            appledouble(new / "jobs")
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "unlink", both)
    with pytest.raises(KeyboardInterrupt):
        move(old, new, stop)
    assert not (new / ARRIVING).exists()
    assert list((new / "jobs").iterdir()) == []
    assert jobs_of(old) == jobs
