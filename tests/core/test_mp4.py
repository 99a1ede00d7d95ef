"""The MP4 probe: what it reads, and that nothing in a file can harm it."""

from __future__ import annotations

import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grok_video.core import mp4
from grok_video.core.mp4 import NotAClip, probe, say_bt601, take_off_cover
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


def full(*content: bytes) -> bytes:
    """The content of a full box: version and flags, and what follows."""
    return bytes(4) + b"".join(content)


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def stbl(handler: bytes, *tables: bytes) -> bytes:
    """A ``trak`` of one handler with these tables in the place of its own."""
    inside = box(b"minf", box(b"stbl", *tables))
    return box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler), inside))


def deep(kind: bytes, depth: int, core: bytes = b"") -> bytes:
    for _ in range(depth):
        core = box(kind, core)
    return core


PICTURES = track(1, b"vide", 24, [(25, 1)], (848, 480))
FRAGMENT = box(b"traf", box(b"tfhd", numbers(0, 7)))
RUN = box(b"trun", numbers(0x100, 1, 1))
#: n → a file of some ten n bytes, each with one kind of thing that could be multiplied by another, or by itself.
MULTIPLYING: dict[str, Callable[[int], bytes]] = {
    "tracks by fragments": lambda n: (
        box(b"moov", PICTURES, box(b"trak") * n) + box(b"moof", FRAGMENT * n)
    ),
    "tracks by defaults": lambda n: box(
        b"moov", PICTURES, box(b"trak") * n, box(b"mvex", box(b"trex", numbers(0, 1, 1, 1)) * n)
    ),
    "one number for all tracks": lambda n: (
        box(b"moov", PICTURES, box(b"trak", box(b"tkhd", bytes(20))) * n)
        + box(b"moof", FRAGMENT * n)
    ),
    "runs": lambda n: (
        box(b"moov", PICTURES)
        + box(b"moof", box(b"traf", box(b"tfhd", numbers(0, 1)), RUN * n) * 3)
    ),
    "fragments": lambda n: box(b"moov", PICTURES) + box(b"moof", FRAGMENT) * n,
    "indexes": lambda n: box(b"moov", PICTURES) * n,
    "boxes in boxes": lambda n: box(b"moov", PICTURES, deep(b"trak", n), deep(b"udta", n)),
    "covers in covers": lambda n: box(
        b"moov", deep(b"udta", n, deep(b"meta", n, deep(b"ilst", n))), PICTURES
    ),
    "covers": lambda n: box(b"moov", box(b"udta", box(b"ilst", box(b"covr") * n)), PICTURES),
    "tables of times": lambda n: box(
        b"moov", stbl(b"vide", box(b"stts", full(numbers(1, 25, 1))) * n), PICTURES
    ),
    "sizes that are not there": lambda n: box(
        b"moov", PICTURES, stbl(b"soun", box(b"stsz", full(numbers(0, 2**32 - 1), bytes(n))))
    ),
    "chunks": lambda n: box(
        b"moov", PICTURES, stbl(b"soun", box(b"stco", full(numbers(n), b"\xff" * 4 * n)))
    ),
    "tables of chunks": lambda n: box(
        b"moov", PICTURES, stbl(b"soun", box(b"co64", full(numbers(9, 9, 9))) * n)
    ),
    "edit lists": lambda n: box(
        b"moov", PICTURES, box(b"trak", box(b"edts", box(b"elst", full(numbers(n)))) * n)
    ),
    "boxes to the end": lambda n: box(
        b"moov", PICTURES, struct.pack(">I4s", 0, b"trak") * n, struct.pack(">I4s", 0, b"udta") * n
    ),
    "parts of a file": lambda n: box(b"moov", PICTURES) + box(b"free") * n,
    "long lengths": lambda n: box(b"moov", PICTURES) + struct.pack(">I4sQ", 1, b"free", 16) * n,
}


class Counted:
    """Counts the lines that ``mp4`` runs for one file."""

    def __init__(self, most: int) -> None:
        self.lines = 0
        self.most = most

    def _line(self, frame: FrameType, _event: str, _given: Any) -> Any:
        if frame.f_code.co_filename != mp4.__file__:
            return None
        self.lines += 1
        if self.lines > self.most:
            raise AssertionError(f"more than {self.most} lines were run")
        return self._line

    def probe(self, path: Path) -> int:
        """How many lines ``probe`` runs, whatever it says of the file; no more than ``most`` are let run."""
        before = sys.gettrace()
        sys.settrace(self._line)
        try:
            probe(path)
        except NotAClip:
            pass
        finally:
            sys.settrace(before)
        return self.lines


@pytest.mark.parametrize("kind", MULTIPLYING)
def test_no_file_makes_the_reader_work_more_than_its_length(tmp_path: Path, kind: str) -> None:
    """What is twice as large takes twice as many steps, whatever in it refers to what."""

    def lines(n: int) -> int:
        path = at(tmp_path, FTYP + MULTIPLYING[kind](n) + MDAT)
        return Counted(400 * (n + 10)).probe(path)

    assert lines(800) <= 2.1 * lines(400) + 100


@pytest.mark.parametrize("kind", [b"trak", b"mdia", b"udta", b"meta", b"ilst", b"traf"])
def test_boxes_as_deep_as_one_likes_are_no_error(tmp_path: Path, kind: bytes) -> None:
    data = box(b"moov", PICTURES, deep(kind, 3000)) + box(b"moof", deep(kind, 3000))
    assert probe(at(tmp_path, FTYP + data + MDAT)).frames == 25


@pytest.mark.parametrize("kind", ["tracks by fragments", "parts of a file"])
def test_more_boxes_than_a_clip_has_are_not_looked_at(tmp_path: Path, kind: str) -> None:
    path = at(tmp_path, FTYP + MULTIPLYING[kind](100_001) + MDAT)
    assert path.stat().st_size > 800_000
    with pytest.raises(NotAClip, match="too many parts"):
        probe(path)


def test_an_index_that_is_longer_than_any_clips_is_not_read(tmp_path: Path) -> None:
    """In one piece, or in many that each look small."""
    padding = box(b"free", bytes(6 << 20))
    whole = box(b"moov", PICTURES) + box(b"moof", padding) + MDAT
    assert probe(at(tmp_path, FTYP + whole)).frames == 25
    for index in (box(b"moov", PICTURES, padding * 3), whole + box(b"moof", padding) * 2):
        with pytest.raises(NotAClip, match="too long"):
            probe(at(tmp_path, FTYP + index + MDAT))


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"\n", id="a new line"),
        pytest.param(b"<html><body>served by a proxy</body></html>", id="a page"),
        pytest.param(bytes(512), id="padding"),
        pytest.param(numbers(1), id="half a header"),
        pytest.param(struct.pack(">I4s", 1, b"abcd"), id="a long length that is not there"),
        pytest.param(struct.pack(">I4s", 3, b"abcd"), id="shorter than its header"),
        pytest.param(struct.pack(">I4sQ", 1, b"uuid", 2**63) + bytes(40), id="a huge length"),
        pytest.param(struct.pack(">I4s", 900, b"free") + bytes(40), id="padding that was cut"),
        pytest.param(b"ID3\x04" + bytes(range(256)), id="tags of another program"),
    ],
)
def test_bytes_behind_the_last_box_are_no_part_of_a_clip(tmp_path: Path, tail: bytes) -> None:
    moov = box(b"moov", PICTURES)
    for data in (FTYP + moov + MDAT, FTYP + MDAT + moov):
        clip = probe(at(tmp_path, data + tail))
        assert (clip.frames, clip.width, clip.size) == (25, 848, len(data + tail))


def test_bytes_behind_half_a_clip_do_not_make_it_whole(tmp_path: Path) -> None:
    moov = box(b"moov", PICTURES)
    half = [FTYP, FTYP + moov, FTYP + MDAT, FTYP + moov + MDAT[:-50], FTYP + MDAT + moov[:-50]]
    half.append(FTYP + moov + MDAT + box(b"moof", FRAGMENT)[:-10])
    for data in half:
        for tail in (b"", b"<html>"):
            with pytest.raises(NotAClip):
                probe(at(tmp_path, data + tail))


def cover(codec: bytes = b"mp4v", frames: int = 1) -> bytes:
    """A track of cover art."""
    return track(9, b"vide", 90_000, [(frames, 3000)], (600, 600)).replace(b"avc1", codec)


ILST = box(b"ilst", box(b"covr", box(b"data", bytes(60))))
NAMED_COVERS = {
    "iTunes": box(b"udta", box(b"meta", bytes(4), box(b"hdlr", bytes(25)), ILST)),
    "QuickTime": box(b"udta", box(b"meta", box(b"hdlr", bytes(25)), ILST)),
    "no user data": box(b"meta", bytes(4), box(b"hdlr", bytes(25)), ILST),
}


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(cover(), id="one picture"),
        pytest.param(cover(b"jpeg"), id="JPEG"),
        pytest.param(cover(b"png ", frames=3), id="pictures of chapters"),
        pytest.param(cover() + cover(b"jpeg"), id="two covers"),
        pytest.param(track(9, b"vide", 24, [], (600, 600)), id="pictures that are not there"),
        *(pytest.param(named, id=name) for name, named in NAMED_COVERS.items()),
        pytest.param(NAMED_COVERS["iTunes"] + cover(), id="both kinds"),
    ],
)
def test_cover_art_that_comes_first_is_not_the_picture(tmp_path: Path, first: bytes) -> None:
    sound = track(2, b"soun", 44100, [(44, 1024)])
    path = at(tmp_path, FTYP + box(b"moov", first, PICTURES, sound) + MDAT)
    before = probe(path)
    assert (before.width, before.height, before.frames, before.fps) == (848, 480, 25, 24.0)
    assert take_off_cover(path)
    data = path.read_bytes()
    # The clip's own is the first that a reader finds; not one byte has moved.
    assert b"covr" not in data
    assert data.index(b"trak") == data.index(PICTURES) + 4
    assert probe(path) == before
    assert not take_off_cover(path)
    assert path.read_bytes() == data


@pytest.mark.parametrize("last", [b"", cover(), NAMED_COVERS["iTunes"]], ids=["none", "", "named"])
def test_what_comes_behind_the_pictures_stays(tmp_path: Path, last: bytes) -> None:
    data = FTYP + box(b"moov", PICTURES, last) + MDAT
    path = at(tmp_path, data)
    assert probe(path).frames == 25
    assert not take_off_cover(path)
    assert path.read_bytes() == data


def test_a_picture_that_stands_alone_is_the_clip(tmp_path: Path) -> None:
    path = at(tmp_path, FTYP + box(b"moov", cover(b"jpeg")) + MDAT)
    assert (probe(path).width, probe(path).frames) == (600, 1)
    assert not take_off_cover(path)


SIZES = box(b"stsz", full(numbers(9, 44)))
TIMES = box(b"stts", full(numbers(1, 44, 1024)))
ENTRY = box(b"stsd", full(numbers(1), box(b"mp4a", bytes(60))))
CHUNK = box(b"stco", full(numbers(1, 40)))


@pytest.mark.parametrize(
    ("tables", "heard"),
    [
        (ENTRY + TIMES + SIZES + CHUNK, True),
        (ENTRY + TIMES + box(b"stsz", full(numbers(0, 2, 0, 9))) + CHUNK, True),
        (ENTRY + TIMES + SIZES + box(b"co64", full(numbers(2, 1, 0, 0, 40))), True),
        (ENTRY, False),
        (ENTRY + box(b"stts", full(numbers(0))) + SIZES + CHUNK, False),
        (ENTRY + box(b"stts", full(numbers(1, 0, 1024))) + SIZES + CHUNK, False),
        (ENTRY + TIMES + box(b"stsz", full(numbers(0, 0))) + CHUNK, False),
        (ENTRY + TIMES + box(b"stsz", full(numbers(9, 0))) + CHUNK, False),
        (ENTRY + TIMES + box(b"stsz", full(numbers(0, 3, 0, 0, 0))) + CHUNK, False),
        (ENTRY + TIMES + SIZES + box(b"stco", full(numbers(0))), False),
        (ENTRY + TIMES + SIZES + box(b"stco", full(numbers(1, 1 << 30))), False),
        (TIMES + SIZES + CHUNK, False),
        (box(b"stsd", full(numbers(0))) + TIMES + SIZES + CHUNK, False),
    ],
)
def test_sound_that_is_promised_and_absent_is_none(
    tmp_path: Path, tables: bytes, heard: bool
) -> None:
    path = at(tmp_path, FTYP + box(b"moov", PICTURES, stbl(b"soun", tables)) + MDAT)
    assert probe(path).has_audio is heard


def test_the_sound_of_fragments_is_in_the_fragments(tmp_path: Path) -> None:
    """Their index has all the tables, and nothing in them."""
    empty = box(b"stts", full(numbers(0))) + box(b"stsz", full(numbers(0, 0)))
    sound = stbl(b"soun", ENTRY + empty + box(b"stco", full(numbers(0))))
    sound = box(b"trak", box(b"tkhd", bytes(12), numbers(2)), sound[8:])
    data = FTYP + box(b"moov", PICTURES, sound)
    assert not probe(at(tmp_path, data + MDAT)).has_audio
    run = box(b"trun", numbers(0, 3))
    fragment = box(b"moof", box(b"traf", box(b"tfhd", numbers(0, 2)), run))
    assert probe(at(tmp_path, data + fragment + MDAT)).has_audio


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
