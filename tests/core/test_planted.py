"""A data folder into which everybody may write: what others planted there is neither followed nor used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from grok_video.core.files import _OWN, NoFile, make_private  # pyright: ignore[reportPrivateUsage]
from grok_video.core.job import State
from grok_video.ledger.errors import LedgerUnwritable
from grok_video.ledger.inbox import put_command
from grok_video.ledger.journal import LIMITS_NAME
from grok_video.ledger.ledger import Ledger
from grok_video.ledger.reader import LedgerReader
from grok_video.ledger.schema import FILE_NAME
from tests.core.conftest import wait_for
from tests.core.test_worker import Blender, blender, make_blender, one_service, service
from tests.patience import PATIENCE
from tests.posix import posix
from tests.stand_in.client import StandIn

pytestmark = posix("modes say nothing of rights there")

__all__ = ["blender", "make_blender", "one_service", "service"]  # fixtures

FOLDERS = ("inbox", "jobs", "workers", "sessions", "stills", "clips")
FILES = sorted({*_OWN} - {*FOLDERS})
NOBODY = 65534


def test_the_names_are_those_of_the_program(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "data").close()
    made = {path.name for path in (tmp_path / "data").iterdir()}
    assert made <= {*_OWN}
    assert {FILE_NAME, f"{FILE_NAME}-journal", LIMITS_NAME} <= {*_OWN}


def victim(tmp_path: Path, name: str) -> Path:
    """What somebody wants to have written, or read, in the place of ours."""
    there = tmp_path / "theirs" / name
    if name in FOLDERS:
        there.mkdir(parents=True)
    else:
        there.parent.mkdir()
        there.write_bytes(b"theirs")
    return there


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o703])
@pytest.mark.parametrize("name", _OWN)
def test_a_planted_link_is_not_followed(tmp_path: Path, name: str, mode: int) -> None:
    data, there = tmp_path / "data", victim(tmp_path, name)
    data.mkdir()
    data.chmod(mode)
    (data / name).symlink_to(there)
    with pytest.raises(NoFile, match="everybody may write"):
        make_private(data)
    with pytest.raises(LedgerUnwritable, match=f"“{name}” is a link"):
        Ledger.open(data)
    assert sorted(path.name for path in data.iterdir()) == [name]
    assert [*there.iterdir()] == [] if there.is_dir() else there.read_bytes() == b"theirs"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives away")
@pytest.mark.parametrize("name", _OWN)
def test_another_users_file_is_not_used(tmp_path: Path, name: str) -> None:
    data, there = tmp_path / "data", victim(tmp_path, name)
    data.mkdir()
    data.chmod(0o777)
    shutil.move(there, data / name)
    os.chown(data / name, NOBODY, NOBODY)
    with pytest.raises(LedgerUnwritable, match="another user's"):
        Ledger.open(data)
    # A share in the network that gives all to one user.
    os.chown(data, NOBODY, NOBODY)
    make_private(data)


def test_the_artists_own_links_are_followed(tmp_path: Path) -> None:
    """Into a folder that is theirs alone nobody else can have put a link."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    for name in FOLDERS:
        (data / name).symlink_to(victim(tmp_path / name, name))
    Ledger.open(data).close()
    put_command(data, "stop", job="x")
    assert [*(tmp_path / "inbox" / "theirs" / "inbox").iterdir()]


def test_a_list_that_somebody_planted_is_not_shown(tmp_path: Path) -> None:
    theirs, data = tmp_path / "theirs", tmp_path / "data"
    Ledger.open(theirs).close()
    data.mkdir()
    data.chmod(0o777)
    (data / FILE_NAME).symlink_to(theirs / FILE_NAME)
    reader = LedgerReader(data)
    reader.refresh(1.0)
    assert FILE_NAME in reader.trouble
    reader.close()


def test_a_worker_says_so_and_buys_nothing(blender: Blender, service: StandIn) -> None:
    """And goes on, all of it, when the folder is the user's alone."""
    theirs = blender.folder / "theirs"
    theirs.mkdir()
    blender.data.chmod(0o777)
    (blender.data / "jobs").symlink_to(theirs)
    job_id = blender.spec().id
    blender.spawn()
    assert blender.process is not None
    assert blender.process.wait(PATIENCE) == 3
    assert "“jobs” is a link" in (blender.folder / "stderr.txt").read_text("utf-8")
    (blender.data / "jobs").unlink()
    blender.start()
    blender.until(blender.submit(id=job_id), State.READY)
    assert wait_for(lambda: (blender.data / "jobs" / f"{job_id}.jsonl").is_file(), "the journal")
    assert not [*theirs.iterdir()]
    assert len(service.requests("submit")) == 1
