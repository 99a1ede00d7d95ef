"""The MP4 probe: what it reads, and that nothing in a file can harm it."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grok_video.core.mp4 import NotAClip, probe, say_bt601
from tests.core.conftest import box, clip_bytes, track

FTYP = box(b"ftyp", b"isom", bytes(4))
MDAT = box(b"mdat", bytes(100))


def at(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    return path


def test_a_clip_says_its_size_rate_length_and_sound(tmp_path: Path) -> None:
    data = clip_bytes(frames=145, size=(1088, 1920))
    clip = probe(at(tmp_path, data))
    assert (clip.width, clip.height, clip.frames, clip.fps) == (1088, 1920, 145, 24.0)
    assert clip.seconds == pytest.approx(145 / 24)
    assert clip.has_audio
    assert clip.size == len(data)
    assert clip.path == str(tmp_path / "clip.mp4")


def test_a_silent_clip_has_no_sound(tmp_path: Path) -> None:
    assert not probe(at(tmp_path, clip_bytes(audio=False))).has_audio


@pytest.mark.parametrize(
    ("scale", "ticks", "fps"),
    [(24000, 1001, 24000 / 1001), (30000, 1001, 30000 / 1001), (25, 1, 25.0), (12, 1, 12.0)],
)
def test_the_rate_is_exact(tmp_path: Path, scale: int, ticks: int, fps: float) -> None:
    assert probe(at(tmp_path, clip_bytes(scale=scale, ticks=ticks))).fps == pytest.approx(fps)


def test_a_coarse_clock_still_means_24(tmp_path: Path) -> None:
    pictures = track(1, b"vide", 1000, [(97, 42), (48, 41)], (848, 480))
    data = FTYP + box(b"moov", pictures) + MDAT
    assert probe(at(tmp_path, data)).fps == 24.0


def test_the_index_may_come_last(tmp_path: Path) -> None:
    moov = box(b"moov", track(1, b"vide", 24, [(25, 1)], (848, 480)))
    assert probe(at(tmp_path, FTYP + MDAT + moov)).frames == 25


def test_a_clip_can_be_told_its_colours(tmp_path: Path) -> None:
    sound = track(2, b"soun", 48000, [(50, 1024)]).replace(b"avc1", b"mp4a")
    moov = box(b"moov", track(1, b"vide", 24, [(25, 1)], (848, 480)), sound)
    path = at(tmp_path, FTYP + MDAT + moov)
    before = probe(path)
    say_bt601(path)
    data = path.read_bytes()
    assert data.startswith(FTYP + MDAT)
    assert data.count(b"colrnclx" + struct.pack(">HHHB", 1, 1, 6, 0)) == 1
    after = probe(path)
    assert (after.frames, after.width, after.has_audio) == (before.frames, 848, True)
    assert after.size == before.size + 19
    say_bt601(path)  # it is said already
    assert path.read_bytes() == data


def test_pictures_behind_the_index_are_not_moved(tmp_path: Path) -> None:
    data = clip_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    path = at(tmp_path, data)
    say_bt601(path)
    assert path.read_bytes() == data
    with pytest.raises(NotAClip):
        say_bt601(at(tmp_path, FTYP))


def test_64_bit_and_open_ended_boxes(tmp_path: Path) -> None:
    moov = box(b"moov", track(1, b"vide", 24, [(25, 1)], (848, 480)))
    large = struct.pack(">I4sQ", 1, b"mdat", 16 + 7) + bytes(7)
    assert probe(at(tmp_path, FTYP + moov + large)).frames == 25
    to_the_end = struct.pack(">I4s", 0, b"mdat") + bytes(33)
    assert probe(at(tmp_path, FTYP + moov + to_the_end)).frames == 25


def test_a_fragmented_clip_is_counted_over_its_fragments(tmp_path: Path) -> None:
    moov = box(
        b"moov",
        track(1, b"vide", 24, [], (848, 480)),
        box(b"mvex", box(b"trex", bytes(4), struct.pack(">III", 1, 1, 1), bytes(8))),
    )
    plain = box(b"trun", struct.pack(">II", 0, 10))
    timed = box(b"trun", struct.pack(">II", 0x100, 2), struct.pack(">II", 1, 1))
    data = FTYP + moov
    for run in (plain, timed):
        data += box(b"moof", box(b"traf", box(b"tfhd", struct.pack(">II", 0, 1)), run)) + MDAT
    clip = probe(at(tmp_path, data))
    assert (clip.frames, clip.fps, clip.seconds) == (12, 24.0, 0.5)


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    """Index first or last, whatever is missing at the end makes it *not whole*."""
    moov = box(b"moov", track(1, b"vide", 24, [(25, 1)], (848, 480)))
    for data in (FTYP + moov + MDAT, FTYP + MDAT + moov):
        for length in range(len(data)):
            with pytest.raises(NotAClip):
                probe(at(tmp_path, data[:length]))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        FTYP + MDAT,
        FTYP + box(b"moov") + MDAT,
        FTYP + box(b"moov", track(2, b"soun", 44100, [(44, 1024)])) + MDAT,
        FTYP + box(b"moov", track(1, b"vide", 0, [(25, 1)], (848, 480))) + MDAT,
        FTYP + box(b"moov", track(1, b"vide", 24, [(25, 0)], (848, 480))) + MDAT,
        FTYP + struct.pack(">I4s", 7, b"moov") + MDAT,
        FTYP + struct.pack(">I4sQ", 1, b"moov", 2**63) + MDAT,
    ],
)
def test_what_is_no_clip(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotAClip):
        probe(at(tmp_path, data))


def test_a_claim_of_billions_of_samples_costs_nothing(tmp_path: Path) -> None:
    stts = box(b"stts", bytes(4), struct.pack(">I", 2**32 - 1), struct.pack(">II", 1, 1))
    moov = box(b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", stts)))))
    path = at(tmp_path, FTYP + moov + MDAT)
    with pytest.raises(NotAClip):
        probe(path)


def test_a_long_clip_is_not_read_into_memory(tmp_path: Path) -> None:
    path = at(tmp_path, clip_bytes(media=30_000_000))
    tracemalloc.start()
    probe(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.data())
def test_any_damage_ends_in_a_word(tmp_path: Path, data: st.DataObject) -> None:
    """Bytes of a good clip overwritten anywhere: a clip or NotAClip, never another exception."""
    good = bytearray(clip_bytes(media=64))
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(good) - 1))
        noise = data.draw(st.binary(min_size=1, max_size=8))
        good[start : start + len(noise)] = noise
    path = at(tmp_path, bytes(good))
    try:
        clip = probe(path)
    except NotAClip:
        return
    assert clip.frames > 0
    assert clip.fps > 0
