"""Rules for paths that differ from system to system: which spellings name one file, and how long a path may be.

Asks no disk. Each rule takes the system as a plain word, so that it can be tested on every other one.
"""

from __future__ import annotations

import functools
import ntpath
import os
import posixpath
import re
import sys
import unicodedata

#: Characters of UTF-16 of a path that Windows' own programs open, blender.exe too: MAX_PATH less the closing zero.
LONGEST_ON_WINDOWS = 259
#: What the names beside a clip have more than the clip's own: "-9999.json.part" in place of ".mp4".
_COMPANIONS = len("-9999.json.part") - len(".mp4")
_LONG_FORM = re.compile(r"\\\\\?\\(UNC\\)?", re.I)
#: Names that Windows takes for devices, in each folder and with any suffix.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:[.:]|$)", re.I)


@functools.lru_cache(4096)
def spelling(path: str, system: str = sys.platform) -> str:
    """The form that all spellings of ``path`` share which can be told without a disk; for comparing only.

    On Windows neither case nor the way of the slashes tells two files apart; on macOS neither case nor whether an accent
    is a character of its own, as its disks are formatted unless somebody chose otherwise.
    """
    if not path:
        return ""
    if system == "win32":
        return ntpath.normcase(ntpath.normpath(short_form(path)))
    path = posixpath.normpath(path)
    return unicodedata.normalize("NFD", path).casefold() if system == "darwin" else path


def with_real_folder(path: str) -> str:
    """``path`` with what its folder really is: links, mapped and substituted drives followed. Asks the disk."""
    folder, name = os.path.split(path)
    return os.path.join(short_form(os.path.realpath(folder)), name) if folder else path


def short_form(path: str) -> str:
    """A path of Windows without the mark ``\\\\?\\`` of long paths, which not every program takes."""
    return _LONG_FORM.sub(lambda found: "\\\\" if found[1] else "", path, count=1)


def room_for_clip(path: str, system: str = sys.platform) -> int:
    """How many characters longer the path of a clip may be, with all that is written beside it; below 0: shorter."""
    if system != "win32":
        return LONGEST_ON_WINDOWS
    units = len(path.encode("utf-16-le", "surrogatepass")) // 2
    return LONGEST_ON_WINDOWS - _COMPANIONS - units


def no_name_of_windows(path: str) -> str:
    """'' or the first part of a path of Windows that can be no name of a folder there."""
    if path.startswith("\\\\.\\"):  # a device
        return path
    _, below = ntpath.splitdrive(short_form(path))
    parts = (part for part in re.split(r"[\\/]+", below) if part)
    return next((part for part in parts if _DEVICE.match(part) or re.search('[<>:"|?*]', part)), "")
