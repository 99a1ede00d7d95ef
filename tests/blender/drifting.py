"""Two clips of the same, of which the second has other colours: what a service does that extends a clip.

Knows nothing of the extension. Colours are codes, 0 to 1.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from PIL import Image

WIDTH, HEIGHT, FPS = 320, 180, 24
Picture = np.ndarray[Any, np.dtype[np.float64]]
Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Drift:
    """What becomes of a picture: (value * gain + lift) ** (1 / gamma), then the saturation, around the luma."""

    gain: Three = (1.0, 1.0, 1.0)
    lift: Three = (0.0, 0.0, 0.0)
    gamma: Three = (1.0, 1.0, 1.0)
    saturation: float = 1.0

    def of(self, picture: Picture) -> Picture:
        lit = (picture * self.gain + self.lift).clip(0.0, 1.0) ** (1.0 / np.array(self.gamma))
        luma = (lit @ (0.2126, 0.7152, 0.0722))[..., None]
        return (luma + (lit - luma) * self.saturation).clip(0.0, 1.0)


def picture_at(frame: int, colourful: float = 0.45) -> Picture:
    """A frame of a shot that pans: soft shapes, as dark, bright and colourful as an outdoor picture."""
    across, down = slice(frame, frame + WIDTH), slice(frame // 2, frame // 2 + HEIGHT)
    light = sum(
        share * _soft(size, seed)[down, across]
        for share, size, seed in ((0.55, 45, 1), (0.3, 12, 2), (0.15, 4, 3))
    )
    hue, colour = _soft(60, 4)[down, across], _soft(35, 5)[down, across] * colourful
    at = np.stack([(hue * 6 + offset) % 6 for offset in (5, 3, 1)], axis=-1)
    bright: Picture = light[..., None] - (light * colour)[..., None] * np.minimum(at, 4 - at).clip(
        0, 1
    )
    return ((bright - 0.12) * 1.35).clip(0.0, 1.0)


def _soft(size: int, seed: int) -> Picture:
    rough = np.random.default_rng(seed).random((HEIGHT // size + 3, WIDTH // size + 3))
    image = Image.fromarray((rough * 255).astype(np.uint8))
    return np.asarray(image.resize((WIDTH + 64, HEIGHT + 64), Image.Resampling.BICUBIC)) / 255.0


def write(path: Path, pictures: list[Picture], crf: int = 12) -> Path:
    """A clip of these frames, H.264, BT.709 in TV range."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "rawvideo"]
    command += ["-pix_fmt", "yuv420p", "-s", f"{WIDTH}x{HEIGHT}", "-r", str(FPS), "-i", "pipe:0"]
    tags = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    command += ["-vf", f"setparams={tags}", "-c:v", "libx264", "-crf", str(crf), str(path)]
    data = b"".join(map(_planes, pictures))
    subprocess.run(command, input=data, check=True)
    return path


def _planes(picture: Picture) -> bytes:
    red, green, blue = np.moveaxis(picture, -1, 0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    planes = [np.rint(16 + 219 * luma)]
    for chroma in ((blue - luma) / 1.8556, (red - luma) / 1.5748):
        small = chroma.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3))
        planes.append(np.rint(128 + 224 * small))
    return b"".join(plane.clip(16, 240).astype(np.uint8).tobytes() for plane in planes)


def pair(
    folder: Path, drift: Drift, *, frames: int = 36, added: int = 12, crf: int = 14
) -> tuple[Path, Path]:
    """A source of so many frames, and its extension, which holds all of the source again, drifted and encoded anew."""
    shown = [picture_at(frame) for frame in range(frames + added)]
    source = write(folder / "source.mp4", shown[:frames])
    return source, write(folder / "answer.mp4", [drift.of(one) for one in shown], crf)
