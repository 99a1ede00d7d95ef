"""What the core tests share: jobs, files that are clips, and a server that misbehaves byte by byte."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[2]
if (
    str(ROOT) not in sys.path
):  # `pytest` alone does not put the checkout there; `python -m pytest` does
    sys.path.insert(0, str(ROOT))

from grok_video.core import events  # noqa: E402
from grok_video.core.job import Job, apply  # noqa: E402
from grok_video.core.problem import Problem  # noqa: E402
from grok_video.core.spec import JobSpec, Kind, Source, Target, account_of, new_id  # noqa: E402
from grok_video.worker.http.call import Call  # noqa: E402
from tests.noon import begin_at_noon  # noqa: E402
from tests.patching import Patches  # noqa: E402
from tests.patience import PATIENCE  # noqa: E402

begin_at_noon()
# A busy machine makes an example slow; that is no failure.
settings.register_profile("core", deadline=None)
settings.load_profile("core")

#: Modules whose tests look at something that is made once and takes long: one process runs all of each.
TOGETHER = {
    "test_crash", "test_damaged", "test_docs", "test_faults", "test_moved_meanwhile", "test_tls",
}  # fmt: skip
#: What is about the text of the project, about prices, about what accidents and other versions leave in a folder, or on a clock
#: of its own; and whole jobs in which the worker meets no other code than in those of the other modules, which are in both:
#: clips' files, lists that go, other spellings, bills, disks. The same on every Python. One core ring has it.
ONCE = {
    "test_accounts", "test_bill", "test_bills", "test_carry", "test_changed_files", "test_claims", "test_damaged", "test_dated", "test_days",
    "test_disk", "test_docs", "test_fetch_again", "test_fold", "test_imports", "test_limit", "test_look_jobs", "test_moved",
    "test_moving",
    "test_older_ledger", "test_one_rule", "test_patching", "test_patience", "test_power", "test_prose", "test_same_clip",
    "test_session_parts", "test_shapes", "test_sizes", "test_soak",
}  # fmt: skip


def pytest_make_parametrize_id(val: object) -> str | None:
    """pytest puts a test's name into the environment, where Windows takes 32,767 characters and no NUL."""
    if isinstance(val, str | bytes) and len(val) > 500:
        return f"{val[:40]!a} and so on, {len(val)} long"
    return None


#: Set by ``rings.py`` for Windows under Wine in a run of everything: a long table has one row of each kind. A job is killed
#: in each of its states once; a ledger is damaged in a few places.
EACH_ONCE = bool(os.environ.get("GROK_VIDEO_EACH_ONCE"))


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every other test goes to whichever process is free."""
    for item in items:
        if item.path.stem in ONCE:
            item.add_marker(pytest.mark.once)
        if item.path.stem in TOGETHER:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_collection_finish(session: pytest.Session) -> None:
    """In a process of pytest-xdist: what belongs together is kept together."""
    if session.config.getoption("loadgroup", False):
        # pytest-xdist 3.8 writes the group into a field that pytest 9.2 does not read (measured).
        assert all("@" in item.nodeid for item in session.items if item.path.stem in TOGETHER)


KEY = "xai-TestKeyThatMustNotLeak0123456789abcdef"


def make_spec(**changes: Any) -> JobSpec:
    """A job as Blender would put it down; ``session`` and ``frame`` go into its target."""
    session = changes.pop("session", "session-a")
    base = changes.get("api_base", "http://127.0.0.1:9")
    values: dict[str, Any] = {
        "id": new_id(),
        "kind": Kind.GENERATE,
        "model": "grok-imagine-video",
        "prompt": "a red ball rolls",
        "duration": 1,
        "resolution": "480p",
        "aspect_ratio": "16:9",
        "generate_audio": True,
        "account": account_of(base, KEY),
        "api_base": base,
        "estimate": 520_000_000,
        "source": Source("CAMERA", scene="Scene", frame=12.5, camera="Camera"),
        "target": Target(session, scene="Scene", frame=12),
    }
    return JobSpec(**{**values, **changes})


def says_free(problem: Problem | None) -> bool:
    """Whether the artist is told that this cost nothing."""
    assert problem is not None
    words = f"{problem.message} {problem.hint}"
    free = any(f"Nothing was {what}" in words for what in ("charged", "sent or charged", "bought"))
    assert not (free and "may have been charged" in words)
    return free


def replay(happened: Iterable[tuple[events.Event, float]]) -> Job:
    """The job that these (event, wall time) pairs make, oldest first; at least one. Raises IllegalTransition."""
    job: Job | None = None
    for event, at in happened:
        job = apply(job, event, at)
    assert job is not None
    return job


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The first true value of ``condition``; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"waited {seconds} s for: {what}")


@pytest.fixture
def patches() -> Iterator[Patches]:
    """Replaces names of the product for one test (tests/patching.py)."""
    made = Patches()
    yield made
    made.undo()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """A replacement that the product never noticed fails its test."""
    result = yield
    if "patches" in pyfuncitem.funcargs:
        pyfuncitem.funcargs["patches"].check()
    return result


#: Calls that the test has made.
_CALLS: list[Call] = []


def new_call() -> Call:
    """A call that is closed when its test is over, as the worker closes its own: one that is not goes on to its limit."""
    _CALLS.append(Call())
    return _CALLS[-1]


@pytest.fixture(autouse=True)
def calls_are_closed() -> Iterator[None]:
    """Ends what ``new_call`` has made."""
    yield
    while _CALLS:
        _CALLS.pop().close()


# ------------------------------------------------------------------------------------------------ MP4 files


def box(kind: bytes, *content: bytes) -> bytes:
    """One ISO box."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def track(
    number: int,
    handler: bytes,
    scale: int,
    times: list[tuple[int, int]],
    size: tuple[int, int] = (0, 0),
) -> bytes:
    """A ``trak`` of (frames, ticks of each) runs."""
    entry = box(b"avc1", bytes(24), struct.pack(">HH", *size), bytes(50))
    stts = b"".join(struct.pack(">II", *run) for run in times)
    return box(
        b"trak",
        box(b"tkhd", bytes(12), struct.pack(">I", number), bytes(68)),
        box(
            b"mdia",
            box(b"mdhd", bytes(12), struct.pack(">II", scale, 0), bytes(4)),
            box(b"hdlr", bytes(8), handler, bytes(13)),
            box(
                b"minf",
                box(
                    b"stbl",
                    box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
                    box(b"stts", bytes(4), struct.pack(">I", len(times)), stts),
                ),
            ),
        ),
    )


def clip_bytes(
    frames: int = 25,
    size: tuple[int, int] = (848, 480),
    audio: bool = True,
    media: int = 50_000,
    scale: int = 12288,
    ticks: int = 512,
) -> bytes:
    """A small MP4 as a muxer lays it out: index first, then ``media`` bytes of pictures."""
    tracks = [track(1, b"vide", scale, [(frames, ticks)], size)]
    if audio:
        tracks.append(track(2, b"soun", 44100, [(44, 1024)]))
    return (
        box(b"ftyp", b"isom", bytes(4), b"isommp42")
        + box(b"moov", *tracks)
        + box(b"mdat", os.urandom(media))
    )


def png(width: int, height: int) -> bytes:
    """A valid PNG of noise: it does not compress, so its bytes are about width * height * 3."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    noise = random.Random(width).randbytes(width * 3)
    rows = b"".join(b"\0" + noise[y % width :] + noise[: y % width] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows, 0))
        + chunk(b"IEND", b"")
    )


# ---------------------------------------------------------------------------------- a server of single bytes


class Wire:
    """One connection of the misbehaving server."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.head = b""
        self.body = b""

    def read_head(self) -> bytes:
        """The request line and headers."""
        while b"\r\n\r\n" not in self.head:
            data = self.sock.recv(65536)
            if not data:
                break
            self.head += data
        self.head, _, self.body = self.head.partition(b"\r\n\r\n")
        return self.head

    def header(self, name: str) -> str:
        """A header of the request; '' when it is not there."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return ""

    def read_body(self, most: int | None = None) -> bytes:
        """The body as Content-Length announces it, or its first ``most`` bytes."""
        length = int(self.header("Content-Length") or 0)
        while len(self.body) < (length if most is None else most):
            data = self.sock.recv(65536)
            if not data:
                break
            self.body += data
        return self.body

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self.sock.sendall(data)

    def answer(self, status: int, body: bytes = b"", *headers: str) -> None:
        """A whole answer."""
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """End the connection with RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class RawServer:
    """Listens on loopback and gives every connection to ``behave``; keeps what it saw."""

    def __init__(self) -> None:
        self.behave: Callable[[Wire], None] = lambda wire: wire.answer(200, b"{}")
        self.seen: list[Wire] = []
        self.errors: list[BaseException] = []
        self.over = threading.Event()
        self.port = 0  # chosen by the system
        self.listen()
        self.base = f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        """Take connections, at the same port as before."""
        self._sock = socket.create_server(("127.0.0.1", self.port))
        self.port = self._sock.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._sock,), daemon=True).start()

    def stop_listening(self) -> None:
        """Refuse connections until ``listen``. What is connected stays."""
        with contextlib.suppress(OSError):  # not on every system: there closing it is enough
            self._sock.shutdown(socket.SHUT_RDWR)  # a blocked accept() would keep it open
        self._sock.close()

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                sock, _ = listener.accept()
                threading.Thread(target=self._one, args=(sock,), daemon=True).start()

    def _one(self, sock: socket.socket) -> None:
        wire = Wire(sock)
        try:
            wire.read_head()
            self.seen.append(wire)
            self.behave(wire)
        except OSError:
            pass  # the client went: what several tests are about
        except BaseException as error:
            self.errors.append(error)
        finally:
            sock.close()

    def close(self) -> None:
        """Stop listening for good."""
        self.over.set()
        self.stop_listening()


@pytest.fixture
def server() -> Iterator[RawServer]:
    raw = RawServer()
    yield raw
    raw.close()
    assert not raw.errors


# -------------------------------------------------------------------------------------- another process's lock


@pytest.fixture
def holder() -> Iterator[Callable[[Path], subprocess.Popen[bytes]]]:
    """Starts processes that hold a file lock until they are killed; they are killed at the end."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from grok_video.ledger.locks import FileLock\n"
        "lock = FileLock.take(Path(sys.argv[2])); print(lock is not None, flush=True)\n"
        "sys.stdin.read()"
    )
    running: list[subprocess.Popen[bytes]] = []

    def hold(path: Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(ROOT), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"True"
        return process

    yield hold
    for process in running:
        process.kill()
        process.communicate()
