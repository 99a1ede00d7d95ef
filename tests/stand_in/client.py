"""Start the stand-in service for a test, and steer it. Standard library only: works inside Blender.

How to use it (load this file by its path, or import it with ``tests/`` on the path):

    with StandIn.start(job_seconds=0.5, per_second=0) as service:
        service.base, service.key            what XAI_API_BASE and XAI_API_KEY should be
        service.requests("submit")           what came, oldest first (endpoint: 'submit' 'poll' 'download'
                                             'key' 'models' 'voices'; 'image-submit' … of pictures alone,
                                             'video-submit' … of clips; all when not given)
        service.jobs()                       what was bought
        service.image(sha256)                the bytes of a picture that came

Options of ``start``: shape ('real' or 'guide'), job_seconds, per_second, per_minute (0: no limit), still
(True: the picture does not move, only its number, so that colours can be compared), key, port, python.
The limits are on, as in the service. ``settings(job_seconds=…, motion=False, …)`` changes them later.

Its Python is, in this order: ``python=``, the environment variable GROK_VIDEO_STAND_IN_PYTHON, the
environment that ``scripts/environments.py`` keeps (made when missing: do that before a test's time runs).

A request is a dict: number, time, method, path, query, endpoint, of ('video' 'image' ''), headers (list of pairs; keys are
replaced by "<the key>" or "<another key>"), body (JSON; a data URI becomes {data_uri: its media type,
bytes, sha256, pixels}), body_bytes, complete (the whole body came), status (None: no answer),
outcome ('answered' 'refused' 'incomplete' 'client left', or the failure's name), job.

A job is a dict: id, kind, state, progress, model, prompt, duration, resolution, aspect_ratio, audio,
voices (ids, 'url' for a sound of one's own), image (sha256), image_pixels, ticks (its price), frames, bytes, url, polls,
downloads. An order for pictures is one too:
kind 'image-edit' or 'image-generate', id, state, outcome, started_at, model (that served), asked_model, prompt,
resolution, quality, aspect_ratio, n, deferred, image, image_pixels (of the first picture sent), others (sha256 of each
further), ticks, pictures (sha256, bytes, pixels, url, file_id of each that was made), url (of the first), polls,
downloads.

Failures: ``fail(at, what, times=1, after=0, …)``. The oldest that fits happens; ``times=0``: always;
``after=n``: n requests go well before it. ``mend()`` forgets them, ``reset()`` everything.
    at 'submit' 'poll' 'download' 'key' 'models' 'voices' 'any', or 'image-submit' 'video-submit' 'image-poll' … for orders of
      pictures or of clips alone; what is one of
      a fixture's id        that captured answer: fail("submit", "err-429-credits")
      a status              that status with {}: fail("poll", 503, times=3)
      'answer'              status=, body= (text or JSON), content_type=, headers={"Retry-After": "2"}
      garbage html empty huge null list no-id empty-id fraction-id proxy-502 bad-credentials
      permission-denied credits-new string-error unknown-status unknown-route not-found
      'hang'                never answers, body not read; seconds= for how long
      'hang-after-body'     reads the body, starts nothing, never answers
      'hang-after-start'    a job starts, no answer
      'answer-late'         answer after seconds=, or at mend() (without seconds= then only)
      'close'               reset before the body          'close-after-body'  reset, nothing started
      'close-during-body'   reset after bytes= of it (half)
      'answer-lost'         a job starts, reset            'answer-cut'    half of the answer
      'answer-replaced'     a job starts, status= body= … are answered
      'answer-early'        status= body= … are answered while the body is still being sent
      'truncate'            bytes= of a download or answer (half), under the whole Content-Length
      'no-length'           half, without a length         'short-length'  half, said to be all
      'gzip'                compressed unasked
      'drip'                bytes= (1) each seconds= (0.5) 'redirect'      to location=
      'no-range'            for downloads
      'not-mp4'             a web page, said to be what was asked for (video/mp4 or image/jpeg)
    at 'job' 'video-job' 'image-job': how the next job that starts will end: failed unavailable failed-bare
      failed-string expired moderated moderated-null moderated-no-url moderated-400 moderated-old moderated-failed
      moderated-denied no-url stall no-suffix no-status empty-202; pictures also: no-usage tokens older-form
      storage-error b64-cut. Of pictures at once moderated… are a 400 with the price (but -null and -no-url, which are
      a 200), failed… a 5xx; deferred, moderated and -failed and -denied are failed on the poll, -400 and -old a 400
``expire(job=None, for_ever=False)`` makes result URLs dead (a poll gives a new one, unless for ever),
``finish(job=None)`` ends running jobs now.

Clips: 24 fps, 24·d+1 frames. One from a picture has that picture's ratio; with ``settings(crops=True)``, or ``crops``
at the start, the picture is cropped to aspect_ratio, as older documents have it. ``frame_code.py`` beside this file reads the number of a frame from a
picture of it, and the seconds from its sound. Extensions and edits hold what they were sent: its frames
keep the numbers that stand in them (a trimmed source begins where it was cut) and its sound is kept; the
numbers of the added frames run on from the source's last. An edit has red and blue swapped, and comes back
shorter and larger, as from the service (8.00 s: 7.71 s, 848x480: 850x482), unless ``settings(drifts=False)``.
A clip shows its ``last_frame`` and its ``keyframes`` at their frames, exactly, and goes over into them within 8 frames; of
pictures that came as data. ``settings(drift="gain=1.05,1,0.97 lift=6 saturation=0.9 gamma=1.1")``: the whole of an
extension's answer, its source as well, has other colours (``shapes.DRIFT``; gain and lift are one number or one a
channel, in values from 0 to 255); its numbers stay readable. ``drift_of="extend generate edit"``: whose, usually
extend alone. Without drift an extension begins with its source's own frames.
``settings(part_only=True)``: an extension without its source. ``settings(bill=2.0)``: billed at twice the price.

Pictures: what was sent first in other colours (green, blue, red for red, green, blue, and a fifth of a colour that the
prompt decides), its edges where they were, in a size of the service's: 1408x768 for 16:9 at 1k, what is beyond it cut off
at the edges. ``frame_code.decode_mark`` reads from the pixels what it was made of and ``frame_code.mark_of`` says what
that should be:

    frame_code.decode_mark(pixels) == frame_code.mark_of(sent_bytes, "the prompt", [further, bytes], number=0)

``settings(geometry="shift=0.05,0 scale=1.1 mirror")`` moves it (parts of the size, to the right and down; larger about
the middle; left to right), ``stretches=True`` distorts instead of cutting, ``picture_marked=False`` leaves the mark out.
``picture_format="png"`` (or webp), ``picture_said="image/png"``: what it is, what it is said to be. ``defers=False``: a
service that ignores ``deferred`` and answers at once. ``image_price=2.0``: listed and billed at twice the price,
``prompt_length``. An order takes ``job_seconds``, at once as well: the POST is answered then.

Voices: ``GET /v1/tts/voices`` lists them, ``/v1/custom-voices`` those of ``settings(custom_voices="abcd1234 …")``; an id
that is none of either is refused with the list. ``voices_forbidden=True``: the key may not read the lists (403).
``trusted=True``: sounds of one's own are taken.

Other shapes (``shapes.py``): ``settings(ids="id data.id")`` puts the id of a POST there, ``number_ids=True`` makes it a whole
number, ``ids_differ=True`` another one at each place, ``id_error="words"`` names an error beside it. ``done_word="ready"`` is
the status of a job that is done, ``link="video_url"`` where its link stands, ``relative=True`` a link without a host.
``odd="tail cover no-sound"``: clips with bytes behind the last box, cover art that comes first, sound that is promised and
absent.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent
PYTHON_VARIABLE = "GROK_VIDEO_STAND_IN_PYTHON"


class StandIn:
    """A running stand-in. ``base`` and ``key`` are what a client of it needs."""

    def __init__(self, process: subprocess.Popen[bytes], base: str, key: str) -> None:
        self.base = base
        self.key = key
        self._process = process
        # No proxy of the system may stand between a test and loopback.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @classmethod
    def start(cls, *, python: str | Path = "", **options: Any) -> StandIn:
        """Start the service; options as in the module's docstring. Raises RuntimeError."""
        command = [str(python or stand_in_python()), "-P", "-m", _HERE.name, "--parent-pipe"]
        for name, value in options.items():
            flag = f"--{name.replace('_', '-')}"
            if isinstance(value, bool):
                command += [flag] if value else []
            else:
                command += [flag, str(value)]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        environment |= {"PYTHONPATH": str(_HERE.parent), "PYTHONDONTWRITEBYTECODE": "1"}
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        # One that never says its line must not hang the test.
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        try:
            line = process.stdout.readline()
            told = json.loads(line)
        except ValueError:
            process.kill()
            process.wait()
            raise RuntimeError(f"the stand-in did not start ({process.returncode})") from None
        finally:
            watchdog.cancel()
        return cls(process, told["base"], told["key"])

    def stop(self) -> None:
        """End the service; the second time does nothing."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process of the service."""
        return self._process.pid

    def requests(self, endpoint: str = "", method: str = "") -> list[dict[str, Any]]:
        """What came, oldest first; all, or those to an endpoint or of a method."""
        came: list[dict[str, Any]] = self._ask("requests")["requests"]
        return [
            request
            for request in came
            if endpoint in ("", request["endpoint"], f"{request['of']}-{request['endpoint']}")
            and method in ("", request["method"])
        ]

    def jobs(self) -> list[dict[str, Any]]:
        """What was bought, oldest first."""
        return self._ask("jobs")["jobs"]

    def image(self, sha256: str) -> bytes:
        """The bytes of a picture that came in a data URI."""
        with self._opener.open(f"{self.base}/_stand_in/images/{sha256}", timeout=30) as answer:
            return answer.read()

    def fail(self, at: str, what: str | int, **how: Any) -> None:
        """Make something go wrong; see the module's docstring. Raises ValueError."""
        self._ask("fail", {"at": at, "what": str(what), **how})

    def mend(self) -> None:
        """Nothing goes wrong any more."""
        self._ask("mend", {})

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings; gives all of them. Raises ValueError."""
        return self._ask("settings", changes)

    def finish(self, job: str = "") -> None:
        """End running jobs now, stalled ones as well: that one, or all."""
        self._ask("finish", {"job": job} if job else {})

    def expire(self, job: str = "", for_ever: bool = False) -> None:
        """Make result URLs dead: of that job, or of all."""
        self._ask("expire", {"for_ever": for_ever} | ({"job": job} if job else {}))

    def reset(self) -> None:
        """Forget requests, jobs, failures and changed settings."""
        self._ask("reset", {})

    def _ask(self, what: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.base}/_stand_in/{what}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(json.load(error)["error"]) from None


def stand_in_python() -> str | Path:
    """The Python that the stand-in runs in; see the module's docstring."""
    if given := os.environ.get(PYTHON_VARIABLE):
        return given
    path = _ROOT / "scripts" / "environments.py"
    spec = importlib.util.spec_from_file_location("grok_video_environments", path)
    assert spec is not None
    assert spec.loader is not None
    environments = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = environments
    spec.loader.exec_module(environments)
    return environments.tool_python("stand-in")
