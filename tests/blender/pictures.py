"""Clips to import, and what the sequencer shows of them: the eyes of the sequencer's tests.

Owns making small clips with the stand-in's encoder, rendering a frame of an edit, and reading colours and
frame numbers out of it. Knows nothing of the extension. Pictures are height x width x 3, top row first.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import bpy
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..stand_in import clips, frame_code

WIDTH, HEIGHT = 320, 180
Picture = npt.NDArray[np.float64]


def numbered_clip(path: Path, seconds: int, audio: bool = True) -> Path:
    """A clip as the service makes it: 24 fps, 24·d+1 frames, each with its number, beeps as sound."""
    frames = clips.FPS * seconds + 1
    clips.make(clips.Plan(WIDTH, HEIGHT, frames, audio, False, words="hills"), path)
    return path


def patch_clip(path: Path, patches: npt.NDArray[np.uint8]) -> Path:
    """A clip of flat patches (rows x columns x 3) over the picture, without sound."""
    still = path.with_suffix(".png")
    Image.fromarray(patches).resize((WIDTH, HEIGHT), Image.Resampling.NEAREST).save(still)
    clips.make(clips.Plan(WIDTH, HEIGHT, 25, False, False, picture=str(still)), path)
    return path


def see(scene: Any, folder: Path, frame: int | None = None) -> Picture:
    """What the sequencer of ``scene`` shows at ``frame``, in the scene's own view, 0..255."""
    if frame is not None:
        scene.frame_set(frame)
    images = scene.render.image_settings
    if hasattr(images, "media_type"):  # 5.0
        images.media_type = "IMAGE"
    images.file_format, images.color_mode, images.color_depth = "PNG", "RGB", "8"
    scene.render.filepath = str(folder / "seen.png")
    scene.render.dither_intensity = 0.0
    with bpy.context.temp_override(scene=scene):
        bpy.ops.render.render(write_still=True)
    with Image.open(folder / "seen.png") as picture:
        return np.asarray(picture.convert("RGB")).astype(np.float64)


def number_of(picture: Picture) -> int:
    """The number of the clip's frame that a picture of the same shape shows."""
    return frame_code.decode(picture)


def beeps_of(sound: Path) -> list[tuple[float, int]]:
    """The beeps in a sound file: (seconds from its start, which second of the clip it says)."""
    rate = 48000
    samples = _decoded(sound, "-f", "s16le", "-ac", "1", "-ar", str(rate))
    return frame_code.beeps(np.frombuffer(samples, np.int16), rate)


def held(path: Path, rows: int, columns: int) -> tuple[Picture, Picture]:
    """The colours of the patches in a clip, as two right readings of its BT.709 values.

    The formula to the last digit, and ffmpeg's quicker rounding, which Blender 4.2 has too: by up to 3
    apart.
    """
    planes = np.frombuffer(_decoded(path, "-frames:v", "1", "-f", "rawvideo"), np.uint8)
    size = WIDTH * HEIGHT
    luma = planes[:size].reshape(HEIGHT, WIDTH).astype(np.float64)
    blue, red = (
        (planes[start : start + size // 4].reshape(HEIGHT // 2, WIDTH // 2) - 128.0)
        .repeat(2, axis=0)
        .repeat(2, axis=1)
        for start in (size, size + size // 4)
    )
    grey = (luma - 16) * 255 / 219
    r, b = grey + red * 1.5748 * 255 / 224, grey + blue * 1.8556 * 255 / 224
    g = (grey - 0.2126 * r - 0.0722 * b) / 0.7152
    exact = np.clip(np.rint(np.stack([r, g, b], axis=-1)), 0, 255)
    quick = np.frombuffer(
        _decoded(path, "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24"), np.uint8
    ).reshape(HEIGHT, WIDTH, 3)
    return patches_of(exact, rows, columns), patches_of(quick, rows, columns)


def patches_of(picture: npt.NDArray[Any], rows: int, columns: int) -> Picture:
    """The colour in the middle of each patch of a picture, rows x columns x 3."""
    height, width = picture.shape[0] / rows, picture.shape[1] / columns
    return np.array(
        [
            [
                np.median(
                    picture[
                        int((row + 0.3) * height) : int((row + 0.7) * height),
                        int((column + 0.3) * width) : int((column + 0.7) * width),
                    ].reshape(-1, 3),
                    axis=0,
                )
                for column in range(columns)
            ]
            for row in range(rows)
        ]
    )


def apart(path: Path, picture: Picture, rows: int, columns: int) -> float:
    """How far the patches in a picture are from those that the clip holds, of 255.

    The lowest row carries the frame's number and does not count.
    """
    seen = patches_of(picture, rows, columns)[:-1]
    return float(min(np.abs(seen - reading[:-1]).max() for reading in held(path, rows, columns)))


def _decoded(path: Path, *arguments: str) -> bytes:
    return subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), *arguments, "-"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    ).stdout


def sound_of(path: Path, target: Path) -> None:
    """Write the sound of a clip as an MP4 without pictures."""
    target.write_bytes(
        _decoded(path, "-vn", "-c", "copy", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov")
    )
