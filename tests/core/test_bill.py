"""The estimate is the service's bill, to the tick, for everything that the table of models allows.

The two are written apart: ``service/pricing.py`` reckons from a spec, ``rules.py`` of the stand-in from a request's body and
what it finds in it. Between them stands the request that the product really makes.
"""

from __future__ import annotations

import base64
import math
import os
import random
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

from grok_video.core.mp4 import probe
from grok_video.core.spec import JobSpec, Keyframe, Kind, Picture, SourceVideo
from grok_video.service.checks import check
from grok_video.service.models import MODELS, models_that
from grok_video.service.pricing import estimate_of, priced_resolution
from grok_video.service.request import submission
from grok_video.worker.http.call import Call
from grok_video.worker.http.transport import Transport
from tests.core.conftest import ROOT, make_spec, png
from tests.stand_in.client import StandIn, stand_in_python

RATES = (24, 25, Fraction(30000, 1001), 30, 60)
SIZES = ((848, 480), (720, 1280), (1920, 1080))


def lengths(most: float) -> list[float]:
    """Seconds of video: each hundredth, each frame of every rate, and the two floats around each half second."""
    every = {hundredth / 100 for hundredth in range(1, int(most * 100) + 1)}
    for rate in RATES:
        every |= {float(frames / Fraction(rate)) for frames in range(1, int(most * rate) + 1)}
    for half in (whole + 0.5 for whole in range(int(most))):
        every |= {math.nextafter(half, 0.0), half, math.nextafter(half, 99.0)}
    return sorted(every)


def every_generation() -> Iterator[JobSpec]:
    """Each clip that the table could name: whatever can change the bill takes all of its values."""
    picture = Picture("/p.png", "image/png", 100)
    plain = make_spec(image_mime="image/png")
    for model in MODELS.values():
        for resolution, seconds, image, references, last, keys in product(
            model.prices,
            range(model.min_seconds, model.max_seconds + 1),
            ["", "/p.png"],
            range(model.max_references + 1),
            [None, picture],
            range(model.max_keyframes + 1),
        ):
            yield replace(
                plain,
                model=model.id,
                resolution=resolution,
                duration=seconds,
                image=image,
                references=(picture,) * references,
                last_frame=last,
                keyframes=tuple(Keyframe(picture, third + 1) for third in range(keys)),
            )


def every_rework() -> Iterator[JobSpec]:
    """Each edit and extension, likewise."""
    for model, size in product(models_that("edit"), SIZES):
        edit = rework(Kind.EDIT, model.id, size)
        for seconds in lengths(model.max_edit):
            video = SourceVideo("/v.mp4", seconds, 0, *size)
            yield replace(edit, video=video, duration=round(seconds))
    for model, size in product(models_that("extend"), SIZES[:2]):
        extend = rework(Kind.EXTEND, model.id, size)
        for seconds in lengths(model.max_source + 0.05):
            video = SourceVideo("/v.mp4", seconds, 0, *size)
            for added in range(model.min_added, model.max_added + 1):
                yield replace(extend, video=video, duration=added)


def allowed(specs: Iterable[JobSpec]) -> list[JobSpec]:
    """Those that are not refused before anything is sent."""
    return [spec for spec in specs if check(spec) is None]


def rework(kind: Kind, model: str, size: tuple[int, int]) -> JobSpec:
    return make_spec(kind=kind, model=model, resolution=priced_resolution(*size))


#: The stand-in's rules, asked for the bodies on stdin. Pictures are a whole one; in the place of a video's bytes
#: stand its seconds and its size, as the rules would have measured them.
_BILL = """
import sys
from pathlib import Path
from stand_in import clips, rules

def measured(path):
    seconds, width, height = path.name.split()
    return clips.Probe("mov,mp4", "h264", int(width), int(height), float(seconds), True)

clips.probe = measured
world = rules.World(False, None, None, None, lambda data: Path(data.decode()))
bills = []
for line in sys.stdin.buffer:
    kind, _, body = line.partition(b" ")
    bills.append(rules.check(kind.decode(), "application/json", body, world).ticks)
    world.seen.clear()
print(*bills)
"""


def body_of(spec: JobSpec, picture: bytes) -> bytes:
    """The body of the request that buys it, with those pictures."""
    video = spec.video
    sent = f"{video.seconds!r} {video.width} {video.height}".encode() if video else picture
    encoded = base64.b64encode(sent)
    return b"".join(p if isinstance(p, bytes) else encoded for p in submission(spec).parts)


def bills_of(specs: list[JobSpec]) -> list[int]:
    """Ticks. The rules need Pillow, which the core ring does not have: they are asked in their own Python."""
    picture = png(1, 1)
    lines = [b"%s %s\n" % (spec.kind.encode(), body_of(spec, picture)) for spec in specs]
    done = subprocess.run(
        [str(stand_in_python()), "-P", "-c", _BILL],
        input=b"".join(lines),
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        stdout=subprocess.PIPE,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


def test_estimates_are_what_the_stand_in_bills_to_the_tick() -> None:
    specs = allowed([*every_generation(), *every_rework()])
    middle = len(specs) // 2
    with ThreadPoolExecutor(2) as pool:  # two processes: most of the time is theirs
        halves = list(pool.map(bills_of, (specs[:middle], specs[middle:])))
    bills = halves[0] + halves[1]
    assert len(bills) == len(specs) > 50_000
    for spec, ticks in zip(specs, bills, strict=True):
        assert estimate_of(spec) == ticks, spec


def covering(specs: list[JobSpec]) -> list[JobSpec]:
    """Orders in which every value of each part meets every model that allows it."""
    random.Random(1).shuffle(specs)
    seen: set[tuple[Any, ...]] = set()
    chosen: list[JobSpec] = []
    for spec in specs:
        values = (
            spec.resolution,
            spec.duration,
            bool(spec.image),
            len(spec.references),
            spec.last_frame is not None,
            len(spec.keyframes),
        )
        pairs = {(spec.model, part, value) for part, value in enumerate(values)}
        if not pairs <= seen:
            seen |= pairs
            chosen.append(spec)
    return chosen


def clips_of_many_lengths(folder: Path) -> list[Path]:
    """Real clips of several rates, in both sizes that have a price of their own, shorter and longer than n.5 s."""
    ask = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
    told = subprocess.run([str(stand_in_python()), "-c", ask], stdout=subprocess.PIPE, check=True)
    made: list[Path] = []
    for rate, frames in product((*RATES[:3], 60), (60, 87, 113, 181)):
        width, height = SIZES[len(made) % 2]
        path = folder / f"{frames} at {float(rate):.2f}.mp4"
        source = f"color=s={width}x{height}:r={rate}"
        command = [os.fsdecode(told.stdout.strip()), "-v", "error", "-f", "lavfi", "-i", source]
        command += ["-frames:v", str(frames), "-preset", "ultrafast", str(path)]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=True)
        made.append(path)
    return made


def test_what_is_sent_is_billed_at_its_estimate(tmp_path: Path) -> None:
    """Whole requests over HTTP, with files whose length and size both sides measure for themselves."""
    still = tmp_path / "p.png"
    still.write_bytes(png(16, 9))
    picture = Picture(str(still), "image/png", still.stat().st_size)

    def filed(spec: JobSpec) -> JobSpec:
        return replace(
            spec,
            image=spec.image and str(still),
            references=(picture,) * len(spec.references),
            last_frame=spec.last_frame and picture,
            keyframes=tuple(replace(frame, picture=picture) for frame in spec.keyframes),
        )

    orders = [filed(spec) for spec in covering(allowed(every_generation()))]
    for number, path in enumerate(clips_of_many_lengths(tmp_path)):
        clip = probe(path)
        video = SourceVideo(str(path), clip.seconds, 0, clip.width, clip.height)
        of: dict[str, Any] = {"resolution": priced_resolution(clip.width, clip.height)}
        of["video"] = video
        orders.append(make_spec(kind=Kind.EDIT, **of))
        orders.append(make_spec(kind=Kind.EXTEND, **of, duration=2 + number % 9))
    orders = allowed(orders)

    with StandIn.start(per_second=0, per_minute=0, still=True) as service:
        transport = Transport(service.base, service.key)
        for spec in orders:
            upload = submission(spec)
            answer = transport.post(upload.path, upload.parts, lambda: None, Call())
            assert answer.status == 200, (spec, answer.body)
            (job,) = service.jobs()
            assert estimate_of(spec) == job["ticks"], spec
            service.reset()  # its clip need not be made
    assert len(orders) > 60
