"""Who buys which shot: one claim a shot, made once on the storage that all hosts of a farm share.

Engines run a task again, also on two hosts at the same time. So nothing is sent for a shot before its claim is on the
disk, and of all who try to make it one does. A claim is never taken away by the program: only a person frees a shot.

Knows files. What a job is, and which ledger has it, the caller knows. The clocks of hosts are never compared: whether a
holder lives is told by its heartbeat, a file that changes, as its watcher sees it by a clock of its own.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from ..core.files import NoFile, create_whole, is_there, read_file
from ..core.record import mutable_record, record
from .shared_file import put_shared

#: Seconds between two heartbeats of a holder.
BEAT = 20.0
#: Seconds without a heartbeat after which its holder counts as gone, and a person is asked for.
SILENT = 600.0
#: Seconds between two looks of a watcher at a heartbeat: on a share each look is a request.
_LOOK = 2.0
_LONGEST = 4096  # bytes of a claim
_LOOKS = 5  # at a claim that is not whole, before it is said
_PAUSE = 0.2  # seconds between them
_LONGEST_BEAT = 64
_VERSION = 1
_HEX = re.compile(r"[0-9a-f]{32}")
_HOST = re.compile(r"[!-~]{1,255}")
SHOT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class ClaimTrouble(Exception):
    """A claim that cannot be made, read or changed: a sentence that names the shot. Nothing was bought."""


@record
class Claim:
    """A shot is being bought, or was bought, as one job of one ledger."""

    shot: str  # name of its files in the folder: see ``shot_folder``
    mark: str  # of the row of the shot list
    host: str  # name of the computer that has made the claim
    ledger: str  # 32 hex characters: id of the data folder that has, or will have, the job
    job: str  # 32 hex characters: id of the job


class Claims:
    """The claims in the folder of an exported shot list, as one data folder on one host sees them."""

    def __init__(self, folder: Path, ledger: str, host: str) -> None:
        self.folder = folder / "claims"
        self.ledger = ledger
        self.host = re.sub(r"[^!-~]", "_", host)[:255] or "unknown"
        self._beaten = 0.0  # monotonic time of the last heartbeat

    def take(self, shot: str, mark: str, job: str) -> Claim:
        """Claim a shot for ``job`` unless it is claimed; returns the claim that holds from now on, perhaps another's.

        It is on the disk before this returns. Raises ClaimTrouble.
        """
        mine = Claim(shot, mark, self.host, self.ledger, job)
        try:
            self.folder.mkdir(exist_ok=True)
            create_whole(self._path(shot), _text_of(mine))
        except OSError as error:
            raise ClaimTrouble(_unwritable(shot, self.folder, error)) from error
        # Read and not believed: a share that lost its answer tells of a claim of ours as of another's.
        held = self.read(shot)
        if held is None:
            raise ClaimTrouble(
                f"The claim of shot “{shot}” was taken away as it was made. Nothing was bought: run the task again."
            )
        return held

    def read(self, shot: str) -> Claim | None:
        """The claim of a shot; None where nobody has claimed it. Raises ClaimTrouble for what cannot be read."""
        path = self._path(shot)
        try:
            data = read_file(path, _LONGEST)
            for _ in range(_LOOKS):
                if data.endswith(b"}"):
                    break
                # Where a share has no hard links, a claim has its name before its content.
                time.sleep(_PAUSE)
                data = read_file(path, _LONGEST)
        except FileNotFoundError:
            if not os.path.isdir(self.folder.parent):  # Path.is_dir raises what a share may say
                raise ClaimTrouble(
                    f"The folder {self.folder.parent} is gone. Nothing was bought for shot “{shot}”."
                ) from None
            return None
        except NoFile as error:
            raise ClaimTrouble(_unreadable(shot, path, error.strerror or "")) from error
        except OSError as error:
            raise ClaimTrouble(_unreadable(shot, path, error.strerror or str(error))) from error
        return _claim_in(data, shot, path)

    def is_ours(self, claim: Claim) -> bool:
        """Whether a claim was made by this data folder on this host."""
        return (claim.ledger, claim.host) == (self.ledger, self.host)

    def renew(self, claim: Claim, job: str) -> Claim:
        """Let a claim of ours stand for another job, where this ledger knows for certain that its job bought nothing.

        ``job`` must follow from the claim's alone: two processes that renew at the same time must mean the same job.
        Raises ClaimTrouble.
        """
        fresh = Claim(claim.shot, claim.mark, claim.host, claim.ledger, job)
        if self.read(claim.shot) != claim:
            raise ClaimTrouble(
                f"The claim of shot “{claim.shot}” has changed. Nothing was bought: run the task again."
            )
        self._write(self._path(claim.shot), _text_of(fresh), claim.shot)
        return fresh

    def release(self, shot: str) -> bool:
        """Free a shot, for a person who says so: whoever buys it next pays for it anew. False: nobody had claimed it.

        A claim that cannot be read is freed as well. Raises ClaimTrouble.
        """
        path = self._path(shot)
        try:
            if not is_there(path):
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ClaimTrouble(_unwritable(shot, self.folder, error)) from error
        return True

    def beat(self, now: float | None = None) -> None:
        """Say that this data folder lives; to be called often, writes every ``BEAT`` seconds. Raises ClaimTrouble."""
        now = time.monotonic() if now is None else now
        if self._beaten and now - self._beaten < BEAT:
            return
        self._beaten = now
        self._write(self._beat_path(self.ledger), os.urandom(16).hex().encode(), "")

    def heartbeat(self, claim: Claim) -> str:
        """What the heartbeat of a claim's holder is now: another text after each beat; '' where none can be read."""
        try:
            return read_file(self._beat_path(claim.ledger), _LONGEST_BEAT).decode(
                "ascii", "replace"
            )
        except OSError:
            return ""

    def _path(self, shot: str) -> Path:
        if not SHOT.fullmatch(shot):
            raise ClaimTrouble(f"“{shot[:64]}” is no name of a shot. Nothing was bought.")
        return self.folder / f"{shot}.json"

    def _beat_path(self, ledger: str) -> Path:
        return self.folder / f"{ledger}.beat"

    def _write(self, path: Path, data: bytes, shot: str) -> None:
        try:
            self.folder.mkdir(exist_ok=True)
            put_shared(path, data)
        except OSError as error:
            raise ClaimTrouble(_unwritable(shot, self.folder, error)) from error


@mutable_record
class _Seen:
    beat: str
    changed: float  # monotonic time of the first look that found this beat
    looked: float


class Watch:
    """How long the holders of claims have been silent, by the clock of the process that watches."""

    def __init__(self, claims: Claims, clock: Callable[[], float] = time.monotonic) -> None:
        self._claims = claims
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def silent(self, claim: Claim) -> float:
        """Seconds for which no heartbeat of the claim's holder was seen; 0.0 at the first look."""
        now = self._clock()
        seen = self._seen.get(claim.ledger)
        if seen is None:
            self._seen[claim.ledger] = _Seen(self._claims.heartbeat(claim), now, now)
            return 0.0
        if now - seen.looked >= _LOOK:
            seen.looked = now
            beat = self._claims.heartbeat(claim)
            if beat and beat != seen.beat:
                seen.beat, seen.changed = beat, now
        return now - seen.changed

    def is_gone(self, claim: Claim) -> bool:
        """Whether the claim's holder was silent for so long that a person has to look."""
        return self.silent(claim) >= SILENT


def _text_of(claim: Claim) -> bytes:
    return json.dumps({"version": _VERSION, **asdict(claim)}, indent=1).encode("ascii")


def _claim_in(data: bytes, shot: str, path: Path) -> Claim:
    """The claim that a file holds. Raises ClaimTrouble for what nobody of us has written."""
    try:
        told: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise ClaimTrouble(_unreadable(shot, path, "it is not whole")) from None
    if not isinstance(told, dict):
        raise ClaimTrouble(_unreadable(shot, path, "it is no claim"))
    found = cast(dict[str, Any], told)
    texts = {name: found.get(name) for name in ("shot", "mark", "host", "ledger", "job")}
    good = all(isinstance(text, str) for text in texts.values()) and (
        found.get("version") == _VERSION
        and texts["shot"] == shot
        and len(str(texts["mark"])) <= 64
        and _HOST.fullmatch(str(texts["host"]))
        and _HEX.fullmatch(str(texts["ledger"]))
        and _HEX.fullmatch(str(texts["job"]))
    )
    if not good:
        raise ClaimTrouble(
            _unreadable(shot, path, "it is not of this program, or of a newer version")
        )
    return Claim(**cast(dict[str, str], texts))


def _unreadable(shot: str, path: Path, why: str) -> str:
    return (
        f"The claim of shot “{shot}” cannot be read ({why}): {path}. The shot may have been bought, and is not bought "
        f"now. Look for its clip, then free it with “shots release {shot}”."
    )


def _unwritable(shot: str, folder: Path, error: OSError) -> str:
    of = f" for shot “{shot}”" if shot else ""
    return (
        f"Nothing can be claimed in {folder} ({error.strerror or error}). Nothing was bought{of}."
    )
