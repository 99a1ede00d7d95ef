"""Real MP4 files out of pictures and out of other MP4 files.

Owns how a clip looks and sounds: H.264 at 24 fps with BT.709 colours in TV range, AAC, the frame code
of ``frame_code.py`` in every frame. Knows nothing of HTTP and of jobs. Everything here blocks: call it in
a thread.

Colours are converted here with numpy and not by ffmpeg, so that what a file holds is what was sent: a
flat patch comes back within 2 of 255.
"""

from __future__ import annotations

import colorsys
import functools
import hashlib
import io
import itertools
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont, ImageOps

from . import frame_code, shapes

FPS = 24
#: Pixels of a clip's long side at most, and of a short one at least: of our own, so that a number finds room.
_LONGEST, _LEAST = 1920, 64
_RATE = 48000
#: Of the frames of its source, those that an edit has: 8.00 s came back 7.71 s (docs/api.md, §1).
KEPT = 185 / 192
#: How fast the picture is drawn near, as a part of its size in a second.
_ZOOM = 0.02
#: Frames in which a picture goes over into one that is pinned.
_FADE = 8

Plane = npt.NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]  # Y, U, V in 4:2:0
#: White and black of a strip, each as Y, U, V.
Levels = tuple[tuple[int, ...], tuple[int, ...]]
PURE: Levels = (235, 128, 128), (16, 128, 128)

#: ffmpeg processes that run now: ``stop_all`` ends them with the program.
_running: set[subprocess.Popen[bytes]] = set()
_guard = threading.Lock()
_stopping = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What a video file says of itself."""

    container: str
    codec: str
    width: int
    height: int
    seconds: float
    audio: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """All that decides what is in a clip, so that equal plans can share a file."""

    width: int
    height: int
    frames: int  # of a clip from a picture; for one from a source: those added to it
    audio: bool
    motion: bool
    picture: str = ""  # path of the first frame; '' for one made from ``words``
    words: str = ""
    source: str = ""  # path of the MP4 to extend or edit; '' for a new clip
    edited: bool = False
    drifts: bool = False  # an edit a little shorter than its source, as the service's are
    part_only: bool = False  # an extension without its source
    odd: str = ""  # some of shapes.ODD
    #: Frames that are a given picture: their number, its path.
    pins: tuple[tuple[int, str], ...] = ()
    drift: str = ""  # words of shapes.DRIFT


def size_of(resolution: str, ratio: float) -> tuple[int, int]:
    """Width and height of a clip for '480p' '720p' '1080p' and an aspect ratio (width / height).

    docs/api.md, §2: 848x480, 1280x720, 1088x1920 for portrait in 1080p; otherwise the short side is the resolution's
    and the long one a multiple of 16, at most 1920, beyond which the short side shrinks.
    """
    short = int(resolution.removesuffix("p"))
    if short == 1080 and abs(ratio * 16 / 9 - 1) < 0.01:
        return 1088, 1920
    stretch = max(ratio, 1 / ratio)
    long = int(short * stretch + 0.01) // 16 * 16
    if long > _LONGEST:
        long, short = _LONGEST, max(_LEAST, 2 * round(_LONGEST / stretch / 2))
    return (long, short) if ratio >= 1 else (short, long)


def probe(path: Path) -> Probe | None:
    """What a file is, or None when ffmpeg finds no picture in it."""
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-i", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    ).stderr
    video = re.search(r"Stream #.*: Video: (\w+).*?, (\d{2,5})x(\d{2,5})", told)
    length = re.search(r"Duration: (\d+):(\d+):([\d.]+)", told)
    container = re.search(r"Input #0, (\S+), from", told)
    if not (video and length and container):
        return None
    hours, minutes, seconds = (float(part) for part in length.groups())
    return Probe(
        container[1],
        video[1],
        int(video[2]),
        int(video[3]),
        hours * 3600 + minutes * 60 + seconds,
        ": Audio:" in told,
    )


def make(plan: Plan, target: Path) -> int:
    """Write the clip of a plan; returns its number of frames. Raises RuntimeError or OSError."""
    sound = target.with_suffix(".pcm")
    partial = target.with_suffix(".part.mp4")
    fed = 0
    # The length of a source is known only when it was read, so its sound is made long enough first.
    given = round(_source(plan).seconds * FPS) if plan.source else 0
    most = plan.frames + (given + 2 if plan.source else 0)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    command += ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", f"{plan.width}x{plan.height}"]
    command += ["-r", str(FPS), "-i", "pipe:0"]
    if plan.audio:
        samples = _sound(most / FPS)
        if plan.source:
            heard = _heard(plan)[: len(samples)]
            samples[: len(heard)] = heard
        if plan.part_only:
            samples = samples[given * _RATE // FPS :]
        sound.write_bytes(samples.tobytes())
        command += ["-f", "s16le", "-ar", str(_RATE), "-ac", "1", "-i", str(sound)]
    tags = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    command += ["-vf", f"setparams={tags},setsar=1", "-c:v", "libx264", "-preset", "ultrafast"]
    command += ["-crf", "8", "-threads", "2", "-pix_fmt", "yuv420p"]
    if plan.audio:
        command += ["-c:a", "aac", "-b:a", "128k", "-ac", "2"]
        if plan.source:
            command += ["-shortest"]
    command += ["-movflags", "+faststart", str(partial)]
    with _started(command, stdin=subprocess.PIPE) as encoder:
        assert encoder.stdin is not None
        try:
            for frame in _pictures(plan):
                for plane in drifted(frame, plan.drift):
                    encoder.stdin.write(plane.tobytes())
                fed += 1
            encoder.stdin.close()
        except BrokenPipeError:
            pass  # ffmpeg says why, below
        assert encoder.stderr is not None
        words = encoder.stderr.read().decode(errors="replace").strip()
    sound.unlink(missing_ok=True)
    if encoder.returncode:
        partial.unlink(missing_ok=True)
        raise RuntimeError(f"ffmpeg could not write the clip: {words}")
    _make_odd(partial, plan.odd)
    partial.replace(target)
    return fed


def _make_odd(path: Path, odd: str) -> None:
    """Give the MP4 at ``path`` the oddities that are named. Raises RuntimeError."""
    wanted = odd.split()
    if "cover" in wanted:
        _put_cover(path)
    if "no-sound" in wanted:
        path.write_bytes(shapes.silenced(path.read_bytes()))
    if "tail" in wanted:
        with path.open("ab") as file:
            file.write(b"<!-- served by a cache -->\r\n" * 40)


def _put_cover(path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (600, 600), (200, 30, 30)).save(picture, "JPEG")
    covered = path.with_suffix(".cover.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    command += [
        "-f",
        "mjpeg",
        "-r",
        "24",
        "-i",
        "pipe:0",
        "-i",
        str(path),
        "-map",
        "0",
        "-map",
        "1",
    ]
    command += ["-c", "copy", "-movflags", "+faststart", str(covered)]
    told = subprocess.run(command, input=picture.getvalue(), capture_output=True)
    if told.returncode:
        raise RuntimeError(
            f"ffmpeg could not add the cover: {told.stderr.decode(errors='replace')}"
        )
    covered.replace(path)


def stop_all() -> None:
    """End every ffmpeg that runs; none starts any more."""
    global _stopping
    with _guard:
        _stopping = True
        for process in _running:
            process.kill()


class _started:
    """An ffmpeg process that ``stop_all`` knows of."""

    def __init__(self, command: list[str], stdin: int) -> None:
        with _guard:
            if _stopping:
                raise RuntimeError("the stand-in is ending")
            self._process = subprocess.Popen(
                command,
                stdin=stdin,
                # The encoder is asked for its words, the decoder for pictures.
                stdout=subprocess.DEVNULL if stdin == subprocess.PIPE else subprocess.PIPE,
                stderr=subprocess.PIPE if stdin == subprocess.PIPE else subprocess.DEVNULL,
            )
            _running.add(self._process)

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._process.kill()
        try:
            self._process.__exit__(kind, None, None)
        except BrokenPipeError:
            self._process.wait()
        finally:
            with _guard:
                _running.discard(self._process)


def _source(plan: Plan) -> Probe:
    found = probe(Path(plan.source))
    if found is None:
        raise RuntimeError("the source is no video")
    return found


def _pictures(plan: Plan) -> Iterator[Planes]:
    """The frames of a clip, each with its number.

    Those of a source are as they are, so that it is seen which part of it was sent; what shows no number is counted on.
    """
    if not plan.source:
        new = _near(_planes(_first(plan)), plan, 0)
        yield from (numbered(planes, n) for n, planes in enumerate(_pinned(new, plan)))
        return
    last: Planes | None = None
    number, levels = -1, PURE
    kept = max(1, round(_source(plan).seconds * FPS * KEPT)) if plan.drifts else None
    for last in itertools.islice(_read(plan), kept):
        shown = _number(last)
        number, levels = (number + 1, PURE) if shown is None else (shown, _levels(last))
        if not plan.part_only:
            frame = _tinted(last) if plan.edited else last
            yield numbered(frame, number) if shown is None else frame
    if last is None:
        raise RuntimeError("the source has no frames")
    for planes in _near(last, plan, 1):
        number += 1
        yield numbered(planes, number, levels)


def _number(planes: Planes) -> int | None:
    """The number that stands in a frame."""
    height, width = planes[0].shape
    rows = min(height, 2 * round(height * frame_code.STRIP_HEIGHT))
    try:
        return frame_code.decode(planes[0][-rows:], (0.0, float(rows - height), width, height))
    except frame_code.Unreadable:
        return None


def _levels(planes: Planes) -> Levels:
    """How white and how black the strip of a frame is: its colours may have drifted with the rest."""
    step = frame_code.CELLS_WIDTH / frame_code.CELLS
    found: list[tuple[int, ...]] = []
    for cell in (0, 1):
        down, across = 1 - frame_code.STRIP_HEIGHT / 2, (cell + 0.5) * step
        found.append(tuple(int(p[int(len(p) * down), int(p.shape[1] * across)]) for p in planes))
    return found[0], found[1]


def _pinned(frames: Iterator[Planes], plan: Plan) -> Iterator[Planes]:
    """Frames that become the pinned pictures at their numbers, and go over into them shortly before and after."""
    size = (plan.width, plan.height)
    pins = [
        (number, _planes(ImageOps.fit(flattened(Path(path)), size, Image.Resampling.LANCZOS)))
        for number, path in plan.pins
    ]
    for number, frame in enumerate(frames):
        for at, picture in pins:
            part = max(0.0, 1 - abs(number - at) / _FADE)
            if part:
                frame = _mixed(frame, picture, part)
        yield frame


def _mixed(one: Planes, other: Planes, part: float) -> Planes:
    if part == 1:
        return other
    y, u, v = (
        np.rint(a + (b.astype(np.float32) - a) * np.float32(part)).astype(np.uint8)
        for a, b in zip(one, other, strict=True)
    )
    return y, u, v


def _near(planes: Planes, plan: Plan, first: int) -> Iterator[Planes]:
    """A picture that slowly comes nearer, or stands still; ``first`` is its age in frames."""
    if not plan.motion:
        yield from (planes for _ in range(plan.frames))
        return
    images = [Image.fromarray(plane) for plane in planes]
    for age in range(first, first + plan.frames):
        margin = 0.5 - 0.5 / (1 + _ZOOM * age / FPS)
        zoomed: list[Plane] = []
        for image in images:
            w, h = image.size
            box = (w * margin, h * margin, w * (1 - margin), h * (1 - margin))
            zoomed.append(
                np.asarray(image.resize(image.size, Image.Resampling.BILINEAR, box))
                if margin
                else np.asarray(image)
            )
        yield zoomed[0], zoomed[1], zoomed[2]


def _first(plan: Plan) -> Image.Image:
    size = (plan.width, plan.height)
    if not plan.picture:
        return made(plan.words, size)
    flat = flattened(Path(plan.picture))
    if flat.size == size:
        return flat
    return ImageOps.fit(flat, size, Image.Resampling.LANCZOS)


def flattened(path: Path) -> Image.Image:
    """A picture as it is seen: upright, what is transparent over black, RGB."""
    with Image.open(path) as opened:
        upright = ImageOps.exif_transpose(opened)
        flat = Image.new("RGB", upright.size)
        flat.paste(upright.convert("RGB"), None)
        if "A" in upright.getbands() or "transparency" in upright.info:
            flat = Image.new("RGB", upright.size)
            clear = upright.convert("RGBA")
            flat.paste(clear, None, clear)
    return flat


def made(words: str, size: tuple[int, int]) -> Image.Image:
    """A picture for a text: hills below a sky, in colours that the words decide."""
    width, height = size
    seed = hashlib.sha256(words.encode()).digest()
    hue = seed[0] / 256
    rows = np.linspace(0, 1, height)[:, None, None]
    top = np.array(colorsys.hsv_to_rgb(hue, 0.6, 0.45))
    low = np.array(colorsys.hsv_to_rgb((hue + 0.12) % 1, 0.45, 0.95))
    canvas = np.broadcast_to((top * (1 - rows) + low * rows) * 255, (height, width, 3)).copy()
    across = np.linspace(0, 2 * np.pi, width)
    for layer in range(3):
        wave = np.sin(across * (1.3 + layer) + seed[1 + layer] / 20)
        ridge = height * (0.55 + 0.13 * layer - 0.08 * wave)
        colour = np.array(colorsys.hsv_to_rgb((hue + 0.5) % 1, 0.5, 0.55 - 0.15 * layer)) * 255
        canvas[np.arange(height)[:, None] > ridge[None, :]] = colour
    return Image.fromarray(canvas.astype(np.uint8))


def _planes(picture: Image.Image) -> Planes:
    return _of_rgb(np.asarray(picture.convert("RGB")).astype(np.float32))


def _of_rgb(rgb: npt.NDArray[np.float32]) -> Planes:
    """RGB to YUV 4:2:0: BT.709, TV range; chroma is the mean of its four pixels."""
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b

    def quartered(plane: npt.NDArray[np.float32]) -> Plane:
        h, w = plane.shape
        mean = plane.reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3))
        return np.clip(np.rint(128 + mean * 224 / 255), 16, 240).astype(np.uint8)

    y = np.clip(np.rint(16 + luma * 219 / 255), 16, 235).astype(np.uint8)
    return y, quartered((b - luma) / 1.8556), quartered((r - luma) / 1.5748)


def _read(plan: Plan) -> Iterator[Planes]:
    """The frames of the source, at 24 fps and in the plan's size."""
    w, h = plan.width, plan.height
    # As a filter: with `-r` two frames more than the source has come out of 25, 30 and 60 fps (measured).
    scale = f"fps={FPS},scale={w}:{h}:out_color_matrix=bt709:out_range=tv,format=yuv420p"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", plan.source]
    command += ["-an", "-vf", scale, "-f", "rawvideo", "pipe:1"]
    with _started(command, stdin=subprocess.DEVNULL) as decoder:
        assert decoder.stdout is not None
        whole = w * h * 3 // 2
        while len(data := decoder.stdout.read(whole)) == whole:
            flat = np.frombuffer(data, np.uint8)
            quarter = w * h // 4
            yield (
                flat[: w * h].reshape(h, w),
                flat[w * h : w * h + quarter].reshape(h // 2, w // 2),
                flat[w * h + quarter :].reshape(h // 2, w // 2),
            )


def _heard(plan: Plan) -> npt.NDArray[np.int16]:
    """The sound of the source."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-i", plan.source]
    command += ["-vn", "-f", "s16le", "-ac", "1", "-ar", str(_RATE), "pipe:1"]
    with _started(command, stdin=subprocess.DEVNULL) as decoder:
        assert decoder.stdout is not None
        data = decoder.stdout.read()
    return np.frombuffer(data[: len(data) // 2 * 2], np.int16)


def _tinted(planes: Planes) -> Planes:
    """What an edit does to a picture, so that it can be told from its source: red becomes blue."""
    return planes[0], planes[2], planes[1]


def numbered(planes: Planes, number: int, levels: Levels = PURE) -> Planes:
    """A frame with its number in the strip at the bottom; see ``frame_code.py``."""
    height, width = planes[0].shape
    rows = 2 * round(height * frame_code.STRIP_HEIGHT / 2)
    across = width * frame_code.CELLS_WIDTH
    # A pixel belongs to the cell that its middle lies in.
    which = ((np.arange(int(across)) + 0.5) * frame_code.CELLS / across).astype(int)
    cells = np.array(frame_code.cells(number), np.float32)[np.minimum(which, frame_code.CELLS - 1)]
    strip = np.empty((rows, width), np.float32)
    strip[:, : int(across)] = cells
    strip[:, int(across) :] = _digits(f"{number:04d}", rows, width - int(across)) / np.float32(255)
    quarter = strip.reshape(rows // 2, 2, width // 2, 2).mean(axis=(1, 3))
    shown: list[Plane] = []
    for plane, part, white, black in zip(planes, (strip, quarter, quarter), *levels, strict=True):
        plane = plane.copy()
        plane[-len(part) :] = np.rint(black + part * (white - black))
        shown.append(plane)
    return shown[0], shown[1], shown[2]


def drifted(planes: Planes, drift: str) -> Planes:
    """A frame whose colours have drifted; see ``shapes.DRIFT``."""
    words = shapes.numbers(drift, shapes.DRIFT)
    if not words:
        return planes
    y, u, v = (plane.astype(np.float32) for plane in planes)
    u, v = (plane.repeat(2, axis=0).repeat(2, axis=1) - 128 for plane in (u, v))
    luma = (y - 16) * np.float32(255 / 219)
    (saturation,) = words.get("saturation", (1.0,))
    r = luma + np.float32(1.5748 * 255 / 224 * saturation) * v
    b = luma + np.float32(1.8556 * 255 / 224 * saturation) * u
    rgb = np.stack([r, (luma - 0.2126 * r - 0.0722 * b) / np.float32(0.7152), b], axis=-1)
    rgb *= np.array(words.get("gain", (1.0, 1.0, 1.0)), np.float32)
    rgb += np.array(words.get("lift", (0.0, 0.0, 0.0)), np.float32)
    np.clip(rgb, 0, 255, out=rgb)
    (gamma,) = words.get("gamma", (1.0,))
    if gamma != 1:
        rgb = 255 * (rgb / 255) ** np.float32(1 / gamma)
    return _of_rgb(rgb)


@functools.lru_cache(maxsize=2048)
def _digits(text: str, height: int, width: int) -> Plane:
    canvas = Image.new("L", (width, height), 0)
    font = ImageFont.load_default(size=min(height * 0.9, width * 0.35))
    ImageDraw.Draw(canvas).text((width / 2, height / 2), text, 255, font, anchor="mm")
    return np.asarray(canvas)


def _sound(seconds: float) -> npt.NDArray[np.int16]:
    samples = np.zeros(round(seconds * _RATE), np.float64)
    length = int(_RATE * frame_code.BEEP_SECONDS)
    ramp = np.minimum(1, np.minimum(np.arange(length), np.arange(length)[::-1]) / (_RATE * 0.004))
    for second in range(int(seconds) + 1):
        tone = np.sin(2 * np.pi * (400 + 50 * second) * np.arange(length) / _RATE) * ramp
        place = samples[second * _RATE : second * _RATE + length]
        place += 0.3 * tone[: len(place)]
    return (samples * 32767).astype(np.int16)
