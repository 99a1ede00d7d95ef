"""A service of the bench's own, on loopback: large bodies both ways, at the pace of a fast line.

Owns nothing but that: no rule of the API is checked here (the tests' stand-in does that). A program of its
own, so that its work is not the measured program's. What a job does is said in its prompt, by words such as
``seconds=0 megabytes=200 answers=2``: how long it runs, how large its clip is, how late the POST is answered. The clip is the MP4 file named on
the command line, made as long as wanted by a box that players skip. The first line of output is JSON:
``{"base": "http://127.0.0.1:…", "key": "…"}``. It ends with its standard input.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

#: Bytes a second either way, as a line of 1 Gbit/s has them.
LINE = 100e6
_CHUNK = 256 << 10


class _Jobs:
    clip = b""
    base = ""
    ends: dict[str, float] = {}  # id → wall time of the job's end
    sizes: dict[str, int] = {}  # id → bytes of the job's clip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_args: object) -> None:
        """Log no request: the work would add to what is measured."""

    def do_POST(self) -> None:
        left = int(self.headers["Content-Length"])
        head, start, total = b"", time.monotonic(), left
        while left:
            data = self.rfile.read(min(_CHUNK, left))
            if not data:
                return
            left -= len(data)
            head = head or data
            _keep_pace(start, total - left)
        words = dict(re.findall(rb"(\w+)=([\d.]+)", head[:4096]))
        job = secrets.token_hex(16)
        _Jobs.ends[job] = time.time() + float(words.get(b"seconds", b"1"))
        _Jobs.sizes[job] = max(int(float(words.get(b"megabytes", b"0")) * 1e6), len(_Jobs.clip) + 8)
        time.sleep(float(words.get(b"answers", b"0")))
        self._json(200, {"request_id": job})

    def do_GET(self) -> None:
        kind, _, job = self.path.rpartition("/")
        job = job.removesuffix(".mp4")
        if kind == "/clip":
            self._send_clip(_Jobs.sizes[job])
        elif job not in _Jobs.ends:
            self._json(404, {"code": "not-found", "error": "There is no such job."})
        elif time.time() < _Jobs.ends[job]:
            # Never twice the same, so that each poll is news for the panel.
            self._json(202, {"status": "pending", "progress": time.time_ns() // 10**7 % 100})
        else:
            video = {"url": f"{_Jobs.base}/clip/{job}.mp4", "duration": 1}
            self._json(200, {"status": "done", "video": video, "usage": {"cost_in_usd_ticks": 0}})

    def _json(self, status: int, body: dict[str, object]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_clip(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        start, sent = time.monotonic(), 0
        data = _Jobs.clip + struct.pack(">I4s", size - len(_Jobs.clip), b"free")
        zeros = bytes(_CHUNK)
        while sent < size:
            self.wfile.write(data)
            sent += len(data)
            data = zeros[: size - sent]
            _keep_pace(start, sent)


def _keep_pace(start: float, done: int) -> None:
    ahead = start + done / LINE - time.monotonic()
    if ahead > 0:
        time.sleep(ahead)


def main() -> None:
    """Serve until standard input ends."""
    _Jobs.clip = Path(sys.argv[1]).read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    _Jobs.base = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"base": _Jobs.base, "key": f"xai-bench-{secrets.token_hex(8)}"}), flush=True)
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main()
