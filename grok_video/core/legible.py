"""Texts as people can read them, whatever names of files are in them: in a sentence, a log, on a console.

A file's name may be no UTF-8, hold line breaks, or turn the direction of reading. Blender's reports refuse the first,
a log would be torn by the second, and the third shows another name than the file has.
"""

from __future__ import annotations

import re
import sys

#: Control characters, halves of characters (what Python makes of bytes that are no UTF-8), line separators, and marks
#: that turn the direction of reading.
_ILLEGIBLE = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff\\ud800-\\udfff]"
)


def legible(text: str, *, lines: bool = False) -> str:
    """``text`` on one line that every program takes: what nobody can read is shown as Python would write it.

    A byte of a name that is no UTF-8 becomes ``\\xff``. With ``lines`` line breaks and tabs stay.
    """
    return _ILLEGIBLE.sub(lambda found: _shown(found[0], lines), text)


def _shown(character: str, lines: bool) -> str:
    if lines and character in "\n\t":
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # of os.fsdecode
        return f"\\x{code - 0xDC00:02x}"
    return ascii(character)[1:-1]


def tell(text: str) -> None:
    """Print ``text`` on the console of a script, whichever characters that can show."""
    text = legible(text, lines=True)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
