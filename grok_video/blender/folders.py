"""A path as an artist or a script has typed it, understood as Blender, shells and file managers have such paths.

Owns that one rule, for preferences and for what operators are given. Asks no disk: panels call it.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import bpy

from ..core.paths import no_name_of_windows, short_form
from .refusal import Refused

#: What comes along with a path that is copied and that nobody sees: a mark of order, of no width, of direction.
_UNSEEN = "\ufeff\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
_QUOTES = ('""', "''", "``", "“”", "„“", "«»", "\u2018\u2019", "\u201a\u2018")
_WINDOWS = sys.platform == "win32"
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}" + (r"|%(\w+)%" if _WINDOWS else ""))
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"[A-Za-z]:(?:[\\/]|$)")
_OF_WINDOWS = re.compile(rf"{_DRIVE.pattern}|\.{{0,2}}\\")
_NEVER_SAID = "XAI_API_KEY"  # a path is in lists, logs and strips


def understood(typed: str) -> Path | None:
    """The whole path that ``typed`` means; None for nothing but blanks and quotes.

    Blanks and quotes around it are passed over. ``//`` is the folder of the .blend, ``~`` the home; variables of the
    environment and ``file:`` addresses are followed, and a path that is not whole begins where Blender was started.
    Raises Refused with a sentence for what names no folder of this computer.
    """
    text = _bare(typed)
    if not text:
        return None
    named = text
    if text[:6].lower() == "file:/":
        text = _of_address(text)
    elif _ADDRESS.match(text):
        raise Refused(f"“{named}” is a web address and no path.", _CHOOSE)
    else:
        text = _followed(text)
    if not _WINDOWS and _OF_WINDOWS.match(text):
        raise Refused(f"“{named}” is a path of Windows, which is not on this computer.", _CHOOSE)
    if not text:
        raise Refused(f"“{named}” names no folder.", _TYPE)
    if _WINDOWS:
        text = short_form(text)
        if part := no_name_of_windows(text):
            raise Refused(f"“{part}” in “{named}” can be no folder on Windows.", _CHOOSE)
    if any(ord(character) < 32 for character in text):
        raise Refused(f"“{named!r:.80}” has more than one line or a character of no path.", _TYPE)
    try:
        whole = os.path.abspath(text)
        # POSIX keeps two slashes at the beginning, which Blender takes for the folder of the .blend.
        return Path(whole if _WINDOWS else f"/{whole.lstrip('/')}")
    except OSError as error:
        raise Refused(
            f"“{named}” begins where Blender was started, and that folder is gone.", _TYPE
        ) from error


_TYPE = "Type the whole path."
_CHOOSE = "Choose a path of this computer."


def _bare(text: str) -> str:
    """``text`` without what stands around a path that was copied: blanks, line ends, pairs of quotes."""
    while True:
        inner = text.strip().strip(_UNSEEN)
        if len(inner) > 1 and inner[0] + inner[-1] in _QUOTES:
            inner = inner[1:-1]
        if inner == text:
            return text
        text = inner


def _of_address(text: str) -> str:
    """The path in a ``file:`` address."""
    path, host = text[5:], ""
    if path.startswith("//"):
        host, slash, path = path[2:].partition("/")
        path = slash + path
    path = unquote(path, errors="surrogateescape")
    if re.fullmatch("[A-Za-z]:", host):  # file://C:/clips has a slash too few
        path, host = host + path, ""
    if host.lower() not in ("", "localhost"):
        if not _WINDOWS:
            raise Refused(
                f"“{text}” lies on another computer, “{host}”.",
                "Type the path at which its folder is mounted here.",
            )
        return f"\\\\{host}{path}"
    return path[1:] if _DRIVE.match(path[1:]) else path


def _followed(text: str) -> str:
    """A path with variables, the home and the folder of the .blend in their places. Raises Refused."""
    # Before a variable whose value is "/" makes another path look like one beside the .blend.
    beside_blend = text.startswith("//")
    path = _VARIABLE.sub(_value, text)
    # An unknown name inside of a path is left: folders may be called so.
    if found := re.match(r"\$\{?\w+\}?|%\w+%", path):
        raise Refused(f"“{text}” begins with {found[0]}, which is not set in Blender.", _TYPE)
    if beside_blend:
        if not bpy.data.filepath:
            raise Refused(
                f"“{text}” begins at the folder of the .blend, which is not saved yet.",
                "Save the file, or type the whole path.",
            )
        # Before 5.3 Blender takes a third slash for the beginning of a whole path.
        return bpy.path.abspath(f"//{path.lstrip('/')}")
    if path.startswith("~"):
        path = os.path.expanduser(path)
        if path.startswith("~"):
            raise Refused(f"“{text}” begins with the home of a user who is not known here.", _TYPE)
    return path


def _value(found: re.Match[str]) -> str:
    name = found[found.lastindex or 0]
    # Windows knows variables in any case. One that is empty is as good as unset: "$SHOW/clips" does not mean "/clips".
    value = os.environ.get(name) if name.upper() != _NEVER_SAID else ""
    return value or found[0]
