"""Start the stand-in: ``python -m stand_in``. The first line of output says where and with which key.

Ends at SIGTERM or SIGINT, and with ``--parent-pipe`` when its standard input ends, so that a test that
is killed leaves nothing running.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

from aiohttp import web

from . import clips
from .server import StandIn
from .settings import Settings


def _arguments() -> argparse.Namespace:
    usual = Settings()
    parser = argparse.ArgumentParser(
        prog="stand_in", description="A stand-in for xAI's video and image API."
    )
    parser.add_argument("--port", type=int, default=0, help="0: chosen by the system")
    parser.add_argument(
        "--key", default="", help="the key that is accepted; made up when not given"
    )
    parser.add_argument("--shape", choices=("real", "guide"), default=usual.shape)
    parser.add_argument("--job-seconds", type=float, default=usual.job_seconds)
    parser.add_argument("--per-second", type=int, default=usual.per_second, help="0: no limit")
    parser.add_argument("--per-minute", type=int, default=usual.per_minute, help="0: no limit")
    parser.add_argument("--still", action="store_true", help="clips whose picture does not move")
    parser.add_argument(
        "--crops",
        action="store_true",
        help="pictures are cropped to aspect_ratio, as they once were",
    )
    parser.add_argument("--parent-pipe", action="store_true", help="end when stdin ends")
    return parser.parse_args()


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def wait() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait, daemon=True).start()


async def _serve(args: argparse.Namespace, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    if args.parent_pipe:
        _watch_parent(loop, stop)
    listener = socket.create_server(("127.0.0.1", args.port))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    key = args.key or f"xai-stand-in-{secrets.token_hex(16)}"
    settings = Settings(
        args.shape, args.job_seconds, args.per_second, args.per_minute, not args.still, args.crops
    )
    service = StandIn(folder, base, key, settings)
    runner = web.ServerRunner(web.Server(service.handle), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    print(json.dumps({"base": base, "key": key}), flush=True)
    await stop.wait()
    clips.stop_all()
    await runner.cleanup()


def main() -> int:
    """Serve until told to end."""
    args = _arguments()
    with tempfile.TemporaryDirectory(prefix="stand-in-", ignore_cleanup_errors=True) as folder:
        asyncio.run(_serve(args, Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
