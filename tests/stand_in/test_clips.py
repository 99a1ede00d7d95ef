"""The clips of the stand-in are what the service's are, and can be read back (docs/api.md, §2)."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from stand_in import clips, frame_code
from stand_in.calls import data_uri, made
from stand_in.client import StandIn

#: Pure and mixed colours, all of which BT.709 in TV range can hold.
COLOURS = [
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0),
    (0, 0, 0), (128, 128, 128), (255, 255, 255), (201, 119, 43),
]  # fmt: skip


def patches(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height))
    step = width // len(COLOURS)
    for n, colour in enumerate(COLOURS):
        image.paste(colour, (n * step, 0, (n + 1) * step, height))
    return image


def pictures(file: Path) -> npt.NDArray[np.uint8]:
    """All frames as RGB: frames x height x width x 3."""
    probe = clips.probe(file)
    assert probe is not None
    raw = _decoded(file, "-f", "rawvideo", "-pix_fmt", "rgb24", "-sws_flags", "accurate_rnd+full_chroma_int")  # fmt: skip
    return np.frombuffer(raw, np.uint8).reshape(-1, probe.height, probe.width, 3)


def sound(file: Path) -> npt.NDArray[np.int16]:
    return np.frombuffer(_decoded(file, "-f", "s16le", "-ac", "1", "-ar", "48000"), np.int16)


def _decoded(file: Path, *arguments: str) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(file), *arguments, "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


def numbers(frames: npt.NDArray[np.uint8]) -> list[int]:
    return [frame_code.decode(frame) for frame in frames]


@pytest.fixture
def clip(service: StandIn, tmp_path: Path) -> Any:
    """Has a clip made and gives its file."""

    def get(path: str = "generations", **fields: Any) -> Path:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.mp4"
        file.write_bytes(made(service, path, **fields)[1])
        return file

    return get


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"aspect_ratio": "16:9"}, (848, 480)),
        ({}, (848, 480)),
        ({"aspect_ratio": "9:16"}, (480, 848)),
        ({"aspect_ratio": "1:1"}, (480, 480)),
        ({"aspect_ratio": "4:3"}, (640, 480)),
        ({"resolution": "720p"}, (1280, 720)),
        ({"resolution": "1080p"}, (1920, 1080)),
        ({"resolution": "1080p", "aspect_ratio": "9:16"}, (1088, 1920)),
        ({"aspect_ratio": "21:9"}, (1120, 480)),
    ],
)
def test_a_second_is_25_frames_in_the_size_of_its_ratio(
    clip: Any, fields: dict[str, Any], size: tuple[int, int]
) -> None:
    file = clip(model="grok-imagine-video-1.5", **fields)
    probe = clips.probe(file)
    assert probe is not None
    assert (probe.codec, probe.width, probe.height, probe.audio) == ("h264", *size, True)
    assert numbers(pictures(file)) == list(range(25))


@pytest.mark.parametrize("seconds", [2, 15])
def test_frames_and_sound_run_to_the_same_end(clip: Any, seconds: int) -> None:
    file = clip(duration=seconds)
    assert numbers(pictures(file)) == list(range(24 * seconds + 1))
    heard = sound(file)
    assert len(heard) / 48000 == pytest.approx(seconds + 1 / 24, abs=0.03)
    found = frame_code.beeps(heard, 48000)
    assert [said for _, said in found][:seconds] == list(range(seconds))
    assert all(when == pytest.approx(said, abs=0.01) for when, said in found)


def test_no_sound_when_it_was_switched_off(clip: Any) -> None:
    assert b"Audio" not in _told(clip(generate_audio=False))
    assert b"Audio: aac" in _told(clip(generate_audio=True))


def _told(file: Path) -> bytes:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(file)]
    return subprocess.run(command, capture_output=True).stderr


@pytest.mark.parametrize("size", [(848, 480), (1920, 1080), (320, 180)])
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_the_first_frame_is_the_picture_that_was_sent(
    service: StandIn, clip: Any, size: tuple[int, int], kind: str
) -> None:
    service.settings(motion=False)
    image = patches(*size)
    options = {"lossless": True} if kind == "WEBP" else {}
    file = clip(image={"url": data_uri(image, kind, **options)}, prompt=None)
    assert b"yuv420p(tv, bt709" in _told(file)
    frames = pictures(file).astype(int)
    height, width = frames.shape[1:3]
    step = width / len(COLOURS)
    for n, colour in enumerate(COLOURS):
        inside = slice(int((n + 0.25) * step), int((n + 0.75) * step))
        patch = frames[:, : int(height * 0.9), inside]
        assert np.abs(patch - np.array(colour)).max() <= 2, colour


def test_the_picture_moves_unless_it_is_told_not_to(service: StandIn, clip: Any) -> None:
    sent = {"url": data_uri(patches(848, 480))}

    def moved(frames: npt.NDArray[np.uint8]) -> int:
        return int(np.abs(frames[0, :400].astype(int) - frames[-1, :400]).max())

    assert moved(pictures(clip(image=sent))) > 50
    service.settings(motion=False)
    assert moved(pictures(clip(image=sent))) <= 2


def test_a_picture_keeps_its_shape_in_the_real_service_and_is_cut_in_the_guides(
    service: StandIn, clip: Any
) -> None:
    tall, wide = ({"url": data_uri(patches(*size))} for size in ((400, 600), (1148, 480)))
    assert pictures(clip(image=tall, aspect_ratio="16:9")).shape[1:3] == (720, 480)
    assert pictures(clip(image=wide)).shape[1:3] == (480, 1136)
    service.settings(crops=True)
    assert pictures(clip(image=tall, aspect_ratio="16:9")).shape[1:3] == (480, 848)
    assert pictures(clip(image=wide)).shape[1:3] == (480, 848)
    service.settings(shape="guide", crops=False)
    assert pictures(clip(image=tall, aspect_ratio="16:9")).shape[1:3] == (480, 848)


def test_transparency_lies_over_black(service: StandIn, clip: Any) -> None:
    service.settings(motion=False)
    half = Image.new("RGBA", (848, 480), (200, 100, 50, 128))
    middle = pictures(clip(image={"url": data_uri(half)}))[0, 200, 400].astype(int)
    assert np.abs(middle - np.array([100, 50, 25])).max() <= 3


def test_an_extension_is_the_source_and_the_new_part_in_one_clip(
    service: StandIn, clip: Any
) -> None:
    url, _ = made(service, duration=2, image={"url": data_uri(patches(848, 480))})
    file = clip("extensions", prompt="on", video={"url": url}, duration=3)
    frames = pictures(file)
    assert numbers(frames) == list(range(24 * 5 + 1))
    assert [said for _, said in frame_code.beeps(sound(file), 48000)][:5] == list(range(5))
    assert np.abs(frames[48, 200, 53].astype(int) - np.array(COLOURS[0])).max() <= 4
    assert np.abs(frames[119, 200, 53].astype(int) - np.array(COLOURS[0])).max() <= 4


def cut(file: Path, first: int, frames: int, *how: str) -> dict[str, str]:
    """Some frames of a clip and their sound, as a strip that was trimmed is baked."""
    target = file.with_name(f"cut-{first}.mp4")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y"]
    command += ["-ss", str(max(first - 0.25, 0) / 24), "-i", str(file), "-t", str(frames / 24)]
    subprocess.run([*command, "-crf", "12", *how, str(target)], check=True)
    data = base64.b64encode(target.read_bytes()).decode()
    return {"url": f"data:video/mp4;base64,{data}"}


def test_an_extension_holds_what_it_was_sent_and_its_numbers_run_on(
    service: StandIn, clip: Any
) -> None:
    """A trimmed source: its own first and last frame are seen, and then the next number."""
    source = cut(clip(duration=4, image={"url": data_uri(patches(848, 480))}), 30, 60)
    file = clip("extensions", prompt="on", video=source, duration=2)
    assert numbers(pictures(file)) == list(range(30, 90 + 48))
    # The second beep of the source, 60 frames after the first, is not where a new clip would have one.
    said = [(round(at, 1), second) for at, second in frame_code.beeps(sound(file), 48000)]
    assert said[:2] == [(0.8, 2), (1.8, 3)]


@pytest.mark.parametrize("rate", [25, 30, 60])
def test_a_source_of_another_rate_is_shown_at_24(service: StandIn, clip: Any, rate: int) -> None:
    source = cut(clip(duration=2), 0, 48, "-vf", f"fps={rate},scale=640:360")
    shown = numbers(pictures(clip("extensions", prompt="on", video=source, duration=2)))
    assert shown == list(range(96))


def test_what_shows_no_numbers_is_counted(service: StandIn, clip: Any) -> None:
    source = cut(clip(duration=2), 0, 48, "-vf", "crop=848:400:0:0")
    assert numbers(pictures(clip("extensions", prompt="on", video=source, duration=2))) == list(
        range(96)
    )


def test_an_extension_can_come_without_its_source(service: StandIn, clip: Any) -> None:
    service.settings(part_only=True)
    url, _ = made(service, duration=2)
    file = clip("extensions", prompt="on", video={"url": url}, duration=3)
    assert numbers(pictures(file)) == list(range(49, 49 + 72))
    beeps = frame_code.beeps(sound(file), 48000)  # the first is the rest of one
    assert [(round(at, 1), second) for at, second in beeps if at > 0.1][:2] == [(1.0, 3), (2.0, 4)]


def test_an_edit_looks_otherwise_and_keeps_the_numbers(service: StandIn, clip: Any) -> None:
    """It comes back shorter and larger than its source, as it was seen to: the end is missing."""
    service.settings(longest_source=30)
    url, _ = made(service, duration=8, image={"url": data_uri(patches(848, 480))})
    file = clip("edits", prompt="blue", video={"url": url})
    frames = pictures(file)
    assert frames.shape[1:3] == (482, 850)
    assert numbers(frames) == list(range(186))  # of 193, as 185 of 192: 7.71 s of 8.00 s
    assert [second for _, second in frame_code.beeps(sound(file), 48000)] == list(range(8))
    red_was_here = frames[0, 200, 53].astype(int)
    assert red_was_here[2] > red_was_here[0] + 50


def test_an_edit_of_eight_seconds_is_7_71_s_long(service: StandIn, clip: Any) -> None:
    source = cut(clip(duration=9), 12, 192)
    probe = clips.probe(clip("edits", prompt="blue", video=source))
    assert probe is not None
    assert (probe.width, probe.height) == (850, 482)
    assert abs(probe.seconds - 7.71) < 0.03


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"resolution": "720p"}, (1280, 720)),
        ({"resolution": "1080p", "model": "grok-imagine-video-1.5"}, (1280, 720)),
    ],
)
def test_an_edit_is_at_most_720p(
    service: StandIn, clip: Any, fields: dict[str, str], size: tuple[int, int]
) -> None:
    url, _ = made(service, duration=1, **fields)
    probe = clips.probe(clip("edits", prompt="blue", video={"url": url}))
    assert probe is not None
    assert (probe.width, probe.height) == size


def test_an_edit_can_keep_length_and_size(service: StandIn, clip: Any) -> None:
    service.settings(drifts=False)
    url, _ = made(service, duration=2, image={"url": data_uri(patches(848, 480))})
    frames = pictures(clip("edits", prompt="blue", video={"url": url}))
    assert numbers(frames) == list(range(49))
    assert frames.shape[1:3] == (480, 848)


def test_odd_clips_are_odd_in_the_ways_that_are_named(service: StandIn, clip: Any) -> None:
    service.settings(odd="cover no-sound tail")
    file = clip()
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", str(file)]
    told = subprocess.run(command, capture_output=True, encoding="utf-8").stderr
    kinds = re.findall(r"Stream #0:\d.*?: (Video: \w+|Audio: \w+)", told)
    assert kinds == ["Video: mjpeg", "Video: h264", "Audio: aac"]
    assert file.read_bytes().endswith(b"-->\r\n")
    assert _decoded(file, "-map", "0:v:1", "-f", "rawvideo", "-pix_fmt", "gray")
    assert len(sound(file)) == 0


@pytest.fixture(scope="module")
def coded() -> npt.NDArray[np.uint8]:
    """Some numbered frames, before any file: number x height x width."""
    black = np.full((480, 848), 16, np.uint8), np.full((240, 424), 128, np.uint8)
    picked = [0, 1, 144, 360, 1023, frame_code.LARGEST]
    return np.stack([clips.numbered((black[0], black[1], black[1]), n)[0] for n in picked])


@pytest.mark.parametrize("scale", [0.3, 0.47, 1.0, 1.5])
@pytest.mark.parametrize("canvas", [(1.0, 1.0), (1.3, 1.0), (1.0, 2.1)])
def test_the_number_outlives_scaling_borders_and_colours(
    coded: npt.NDArray[np.uint8], scale: float, canvas: tuple[float, float]
) -> None:
    width, height = round(848 * scale * canvas[0]), round(480 * scale * canvas[1])
    rect = frame_code.fit_rect(width, height, 848, 480)
    left, top, shown_width, shown_height = (round(side) for side in rect)
    for frame, number in zip(coded, [0, 1, 144, 360, 1023, frame_code.LARGEST], strict=True):
        picture = np.zeros((height, width, 4))
        small = Image.fromarray(frame).resize((shown_width, shown_height), Image.Resampling.BICUBIC)
        seen = (np.asarray(small) / 255.0) ** 2.2 * 0.6 + 0.1  # as through another view transform
        picture[top : top + shown_height, left : left + shown_width, :3] = seen[..., None]
        assert frame_code.decode(picture, rect) == number
        assert frame_code.decode(picture[::-1], rect, bottom_up=True) == number


def test_what_shows_no_number_is_said_to(coded: npt.NDArray[np.uint8]) -> None:
    mixed = (coded[2].astype(int) + coded[3]) / 2
    for wrong in (np.zeros((480, 848)), coded[2][:400], mixed, coded[2][:, ::-1], 255 - coded[2]):
        with pytest.raises(frame_code.Unreadable):
            frame_code.decode(wrong)


def test_one_wrong_bit_is_seen(coded: npt.NDArray[np.uint8]) -> None:
    step = 848 * frame_code.CELLS_WIDTH / frame_code.CELLS
    for bit in range((frame_code.CELLS - 2) // 2):
        wrong = coded[2].copy()
        cells = slice(round((2 + 2 * bit) * step), round((4 + 2 * bit) * step))
        wrong[-24:, cells] = wrong[-24:, cells][:, ::-1]
        with pytest.raises(frame_code.Unreadable, match="check"):
            frame_code.decode(wrong)


def test_two_jobs_for_the_same_are_two_urls_of_one_file(service: StandIn) -> None:
    sent = {"url": data_uri(patches(848, 480))}
    first, one = made(service, image=sent, prompt="same")
    second, two = made(service, image=sent, prompt="same")
    assert first != second
    assert one == two
