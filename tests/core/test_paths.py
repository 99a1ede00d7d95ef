"""Rules for paths of Windows and macOS, tried on every system: one file, one spelling; how long a path may be."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest

from grok_video.core.paths import no_name_of_windows, room_for_clip, spelling, with_real_folder

SAME = {
    "win32": [
        ("C:\\Films\\Shot.blend", "c:\\films\\shot.blend"),
        ("C:\\Films\\Shot.blend", "C:/Films/Shot.blend"),
        ("C:\\Films\\Shot.blend", "C:\\Films\\a\\..\\\\Shot.blend"),
        ("C:\\Films\\Shot.blend", "\\\\?\\C:\\Films\\Shot.blend"),
        ("\\\\NAS\\Films\\Shot.blend", "//nas/films/shot.blend"),
        ("\\\\NAS\\Films\\Shot.blend", "\\\\?\\UNC\\NAS\\Films\\Shot.blend"),
        ("C:\\ÄRGER\\a.blend", "c:\\ärger\\a.blend"),
    ],
    "darwin": [
        ("/Users/Ann/Café.blend", unicodedata.normalize("NFD", "/Users/Ann/Café.blend")),
        ("/Users/Ann/Shot.blend", "/users/ann/shot.BLEND"),
        ("/Users/Ann/Shot.blend", "/Users/Ann/./x/../Shot.blend"),
        ("/Users/Ann/ÄRGER.blend", unicodedata.normalize("NFD", "/Users/Ann/ärger.blend")),
    ],
    "linux": [("/films/shot.blend", "/films//a/../shot.blend")],
}
OTHERS = {
    "win32": [
        ("C:\\Films\\Shot.blend", "D:\\Films\\Shot.blend"),
        ("C:\\Café.blend", unicodedata.normalize("NFD", "C:\\Café.blend")),
        ("C:\\Films\\Shot.blend", "\\\\C\\Films\\Shot.blend"),
    ],
    "darwin": [("/Users/Ann/Shot.blend", "/Users/Ann/Shot 2.blend")],
    "linux": [("/films/shot.blend", "/films/Shot.blend"), ("/é.blend", "/e\u0301.blend")],
}


@pytest.mark.parametrize("system", SAME)
def test_one_file_has_one_spelling(system: str) -> None:
    for one, other in SAME[system]:
        assert spelling(one, system) == spelling(other, system), (one, other)
    for one, other in OTHERS[system]:
        assert spelling(one, system) != spelling(other, system), (one, other)


@pytest.mark.skipif(
    sys.platform == "win32", reason="links need a right; Wine does not follow its own"
)
def test_the_folder_behind_a_link_is_followed_and_the_file_is_not(tmp_path: Path) -> None:
    """Who opens “shot.blend”, a link to “shot_v3.blend”, works on shot.blend."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "shot_v3.blend").touch()
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "shot.blend").symlink_to("shot_v3.blend")
    real = with_real_folder(str(tmp_path / "real" / "shot.blend"))
    assert Path(real).name == "shot.blend"
    assert with_real_folder(str(tmp_path / "linked" / "shot.blend")) == real
    assert with_real_folder("") == ""
    assert with_real_folder(str(tmp_path / "gone" / "a.blend")).endswith("a.blend")


def test_a_path_of_windows_is_counted_in_utf_16_with_what_lies_beside_it() -> None:
    longest = len("-9999.json.part") - len(".mp4")
    whole = "C:\\" + "a" * (259 - longest - 7) + ".mp4"
    assert room_for_clip(whole, "win32") == 0
    assert len(whole[:-4] + "-9999.json.part") == 259
    assert room_for_clip(whole.replace("aa", "ä", 1), "win32") == 1
    assert room_for_clip(whole.replace("aa", "🦆", 1), "win32") == 0  # two units, one character
    assert room_for_clip(whole.replace("a", "🦆", 1), "win32") == -1
    for system in ("linux", "darwin"):
        assert room_for_clip("/" + "a" * 900, system) > 0


def test_names_that_windows_keeps_for_itself() -> None:
    for path, part in (
        ("C:\\clips\\CON", "CON"),
        ("C:\\clips\\nul.txt\\x", "nul.txt"),
        ("D:\\Com1\\x", "Com1"),
        ("D:\\lpt¹", "lpt¹"),
        ("D:\\aux .a", "aux .a"),
        ("C:\\cl?ips", "cl?ips"),
        ('\\\\nas\\films\\a"b', 'a"b'),
        ("C:\\clips\\a:b", "a:b"),
        ("C:clips\\prn", "prn"),
        ("\\clips/nul", "nul"),
        ("\\\\.\\NUL", "\\\\.\\NUL"),
    ):
        assert no_name_of_windows(path) == part
    for path in (
        "C:\\clips",
        "\\\\nas\\films\\console\\com10",
        "\\clips",
        "C:clips",
        "..\\clips.",
        "\\\\?\\C:\\clips\\nulls",
        "\\\\?\\UNC\\nas\\films\\auxiliary",
        "C:\\",
    ):
        assert no_name_of_windows(path) == ""
