"""The inbox: the folder in which Blender puts commands for the workers, one file a command.

Owns how a command is put down, listed and set aside, and what it may hold: everything in a command is checked
before it can reach the ledger. What a command does is ``ledger.commands``'s.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import heapq
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..core import word
from ..core.files import (
    BLENDERS_PATIENCE,
    INSIDE,
    NoFile,
    is_of_the_system,
    read_file,
    replace_patiently,
    write_whole,
)
from ..core.payload import problem_from_payload, spec_from_payload
from ..core.problem import Problem, ProblemCode
from ..core.spec import JobSpec, Kind, new_id
from ..core.spending import LARGEST_LIMIT
from .errors import CommandRefused
from .schema import ID

_LONGEST_COMMAND = 1 << 20  # bytes
#: What Blender's word is named. A worker of 0.1.0 lists and takes ``.json`` alone: it would buy by a word that is too old
#: or was to be held, and set aside what it does not know. All commands have this ending, for their order's sake: a *stop*
#: that 0.1.0 takes before the *submit* is taken here stops nothing.
_ENDING = ".command"
_ENDINGS = (_ENDING, ".json")
#: What a crash leaves of a command, or a scanner of Windows that holds it when the click fails; ``.tmp`` is 0.1.0's.
_UNFINISHED = (".part", ".tmp")
_LEFT_AFTER = 3600.0  # seconds after which nobody goes on with one
_LATEST = 2**63  # ns since the epoch
#: Seconds in which whoever has a command's file open, a scanner of Windows, lets go of it again.
_READ_WITHIN = 30.0
_said_at = 0
_saying = threading.Lock()


def _later() -> int:
    """The time of a command: wall time in ns, but always later than that of the command before.

    Commands are applied in this order. A clock ticks coarsely and may be set back, and a *stop* that is applied
    before its *submit* stops nothing. After a clock that was set back further than a word may lie ahead, the order
    begins anew: every *submit* from before is still to come by that clock, and held.
    """
    global _said_at
    with _saying:
        now = time.time_ns()
        _said_at = max(now, _said_at + 1) if _said_at - now <= word.AHEAD * 1e9 else now
        return _said_at


def put_command(data_dir: Path, command: str, **fields: Any) -> str:
    """Put a command for the workers into the inbox; returns its id. Without a sync: Blender's window waits.

    A ``spec`` may be a JobSpec, a ``problem`` a Problem. Raises OSError when the folder cannot be written, and NoFile
    for a command that no worker would read.
    """
    command_id = new_id()
    for name, value in fields.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields[name] = dataclasses.asdict(value)
    text = json.dumps({"id": command_id, "command": command, "at": _later(), **fields})
    if len(text) > _LONGEST_COMMAND:
        raise NoFile(errno.EFBIG, "what is asked for is too long", str(data_dir))
    inbox = Path(data_dir) / "inbox"
    inbox.mkdir(mode=INSIDE, parents=True, exist_ok=True)
    write_whole(
        inbox / f"{command_id}{_ENDING}",
        text.encode(),
        durable=False,
        private=True,
        patience=BLENDERS_PATIENCE,
    )
    return command_id


def _is_command(name: str) -> bool:
    return name.endswith(_ENDINGS) and not is_of_the_system(name)


def holds_commands(data_dir: Path) -> bool:
    """Whether a command waits in the inbox; False where there is no inbox."""
    try:
        return any(_is_command(entry.name) for entry in os.scandir(data_dir / "inbox"))
    except OSError:
        return False


def is_waiting(data_dir: Path, command_id: str) -> bool:
    """Whether a command of this version still lies in the inbox."""
    return os.path.lexists(data_dir / "inbox" / f"{command_id}{_ENDING}")


def waiting_commands(
    data_dir: Path, unread: Callable[[list[str]], None] | None = None
) -> list[tuple[Path, dict[str, Any]]]:
    """The commands in the inbox, oldest first, each with its file; see ``Inbox``."""
    return list(Inbox(data_dir, unread).take(lambda: False))


class Inbox:
    """The commands of the inbox as one worker takes them: oldest first, as many at a time as the worker wants.

    Each file is read once. All that one look at the folder has found are read before the first of them is taken: what
    was said first is done first. What is no command goes to ``inbox/bad``; ``unread`` is told the ids by which others
    may wait for that, before.
    """

    def __init__(self, data_dir: Path, unread: Callable[[list[str]], None] | None = None) -> None:
        self._folder = data_dir / "inbox"
        self._unread = unread
        self._found: list[str] = []  # names of files that are not read yet
        self._bad: list[Path] = []  # files that are no commands
        self._read: list[tuple[int, Path, dict[str, Any]]] = []  # a heap: the oldest is the first

    def __bool__(self) -> bool:
        """Whether something of the last look is still to be taken."""
        return bool(self._found or self._bad or self._read)

    def take(self, enough: Callable[[], bool]) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Commands with their files, until there are no more or, after one file at least, it is ``enough``.

        A command stays the next one until the next is asked for: after an error in between it is taken again.
        """
        if not self:
            try:
                names = os.listdir(self._folder)
            except OSError:
                return  # no inbox: ``put_command`` makes the folder again
            self._found = [name for name in names if _is_command(name)]
            for name in names:
                if name.endswith(_UNFINISHED):
                    _remove_left(self._folder / name)
        while self._found:
            path = self._folder / self._found.pop()
            try:
                command = _command_in(path)
                if command is not None:
                    heapq.heappush(self._read, (command["at"], path, command))
            except (NoFile, ValueError, RecursionError):
                self._bad.append(path)
            if enough():
                return
        self._put_bad_aside()
        while self._read:
            _, path, command = self._read[0]
            if os.path.lexists(path):  # else another worker has applied it meanwhile
                yield path, command
            heapq.heappop(self._read)
            if enough():
                return

    def _put_bad_aside(self) -> None:
        ids = [path.stem for path in self._bad if ID.fullmatch(path.stem)]
        if ids and self._unread is not None:
            self._unread(ids)
        for path in self._bad:
            set_command_aside(path)
        self._bad.clear()


def _command_in(path: Path) -> dict[str, Any] | None:
    """The command that a file holds; None for a file that is gone or busy. Raises NoFile, ValueError, RecursionError.

    A command that does not tell when it was said is as old as its file.
    """
    try:
        if not path.exists() and path.is_symlink():
            raise ValueError("leads nowhere")
        data = json.loads(read_file(path, _LONGEST_COMMAND))
        if not isinstance(data, dict):
            raise ValueError("not an object")
        command: dict[str, Any] = data  # pyright: ignore[reportUnknownVariableType]
        command_id = command.get("id")
        if not (isinstance(command_id, str) and ID.fullmatch(command_id)):
            raise ValueError("without an id")
        if not isinstance(command.get("command"), str):
            raise ValueError("without a command")
        if type(command.get("at")) is not int:
            command["at"] = os.stat(path).st_mtime_ns
        return command
    except FileNotFoundError:
        return None  # another worker applied it
    except NoFile:
        raise
    except OSError as error:  # Windows: a scanner has the file open; the next look reads it
        if _age(path) > _READ_WITHIN:
            raise ValueError("cannot be read") from error
        return None


def _remove_left(path: Path) -> None:
    with contextlib.suppress(OSError):  # another worker was first, or a scanner has the file
        if _age(path) > _LEFT_AFTER:
            path.unlink()


def _age(path: Path) -> float:
    """Seconds since a file was written, 0 where that cannot be told."""
    try:
        return time.time() - os.stat(path).st_mtime
    except OSError:
        return 0.0


def said_at(command: Mapping[str, Any], now: float) -> float:
    """The wall time at which a command was said; ``now`` for one that does not tell."""
    at = command.get("at")
    # No whole number is too large for JSON, but for a float.
    return max(-_LATEST, min(at, _LATEST)) / 1e9 if type(at) is int else now


def set_command_aside(path: Path) -> None:
    """Move a command that cannot be read out of the way, for whoever looks into it."""
    bad = path.parent / "bad"
    with contextlib.suppress(OSError):  # another worker was first, or a scanner has the file
        bad.mkdir(mode=INSIDE, exist_ok=True)
        replace_patiently(path, bad / path.name, BLENDERS_PATIENCE)


_MOST_PICTURES = 64  # of references or keyframes; how many the service takes say its models
_LARGEST_FILE = 4 << 30  # bytes
_LONGEST_VIDEO = 86_400.0  # seconds
_LARGEST_NUMBER = 2**31 - 1  # what Blender holds as a whole number
#: Largest numbers by field; ``_LARGEST_NUMBER`` for all other fields. Python reckons with larger ones; SQLite, Blender
#: and fractions fail.
_LARGEST = {
    "estimate": LARGEST_LIMIT,
    "size": _LARGEST_FILE,
    "image_bytes": _LARGEST_FILE,
    "mtime_ns": 2**64,
    "inode": 2**128,
}


def _numbers(value: Any, name: str = "") -> Iterator[tuple[str, int | float]]:
    """Every number in JSON-ready data with the name of the field that it is in."""
    if isinstance(value, int | float):
        yield name, value
    elif isinstance(value, Mapping):
        for field, inner in cast(Mapping[str, Any], value).items():
            yield from _numbers(inner, field)
    elif isinstance(value, list | tuple):
        for inner in cast(Sequence[Any], value):
            yield from _numbers(inner, name)


def checked_spec(payload: Any) -> JobSpec:
    """The spec of a *submit*. Raises CommandRefused for what Blender cannot have meant to buy."""
    try:
        spec = spec_from_payload(payload)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise CommandRefused(f"The job cannot be read: {error}") from error
    if not ID.fullmatch(spec.id):
        raise CommandRefused("The job's id is not one.")
    for name, value in _numbers(dataclasses.asdict(spec)):
        if abs(value) > _LARGEST.get(name, _LARGEST_NUMBER):
            raise CommandRefused(f"The job's {name} is no number that it can be.")
    if spec.estimate is not None and spec.estimate < 0:
        raise CommandRefused("The job's estimate is less than nothing.")
    if max(len(spec.references), len(spec.keyframes)) > _MOST_PICTURES:
        raise CommandRefused(f"The job has more than {_MOST_PICTURES} pictures of a kind.")
    if max(len(spec.voices), len(spec.cast)) > _MOST_PICTURES:
        raise CommandRefused(f"The job has more than {_MOST_PICTURES} characters or voices.")
    if spec.kind.reworks and spec.video is None:
        raise CommandRefused(f"A job that is to {spec.kind} has a source video.")
    if spec.kind is Kind.LOOK and not spec.image:
        raise CommandRefused("A look is made from a picture.")
    if len(spec.files) > 2 * _MOST_PICTURES + 3:
        raise CommandRefused("The job has more files than it can send.")
    files = [(spec.output, 0)] if spec.output else []
    files += [(mark.path, mark.size) for mark in spec.files]
    files += [(picture.path, picture.size) for _, picture in spec.pictures]
    if spec.video is not None:
        files.append((spec.video.path, spec.video.size))
        if not 0 < spec.video.seconds <= _LONGEST_VIDEO:
            raise CommandRefused(f"A source video cannot last {spec.video.seconds} seconds.")
        if min(spec.video.width, spec.video.height) < 0:
            raise CommandRefused("A source video has no size below 0.")
    for path, size in files:
        # The worker runs in a folder of its own, where a relative path of Blender's names another file.
        if not os.path.isabs(path):
            raise CommandRefused(f"The path {path!r:.80} is not absolute.")
        if not 0 <= size <= _LARGEST_FILE:
            raise CommandRefused(f"No file has {size} bytes.")
    return spec


def held_problem(command: Mapping[str, Any]) -> Problem | None:
    """Why the job of a *submit* waits for the artist's word; None: the artist's word came with it.

    Raises CommandRefused for nonsense, which might have been meant to hold the job.
    """
    if "held" not in command:
        return None
    try:
        return problem_from_payload(command["held"])
    except (ValueError, KeyError, TypeError) as error:
        raise CommandRefused("Why the job is to be held cannot be read.") from error


def text_field(command: Mapping[str, Any], name: str, longest: int) -> str:
    value = command.get(name)
    if not isinstance(value, str) or not value or len(value) > longest:
        raise CommandRefused(f"The command lacks {name!r}.")
    return value


def given_problem(payload: Any) -> Problem:
    try:
        return problem_from_payload(payload)
    except (ValueError, KeyError, TypeError):
        return Problem(ProblemCode.SCENE, "The clip could not be imported and waits in the queue.")
