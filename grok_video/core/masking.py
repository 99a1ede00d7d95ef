"""The API key, found and hidden in whatever form somebody else repeats it.

Owns the forms in which a key may come back: as it is, escaped for JSON or a URL, as UTF-16, base64 or hex. It knows
nothing of jobs or HTTP. Keys that are not known here, of another account or cut short, are ``wire.mask``'s.
"""

from __future__ import annotations

import base64
import re

MASKED = "xai-***"
_SHORTEST = 8  # characters; hiding less than that would hide ordinary words


class KeyMask:
    """Takes one key out of texts. It hides nothing when there is no key, or one too short to be one."""

    def __init__(self, key: str) -> None:
        self._found = (
            re.compile(b"|".join(_forms(key)), re.IGNORECASE) if len(key) >= _SHORTEST else None
        )

    def __repr__(self) -> str:
        return "KeyMask()"

    def bytes(self, data: bytes) -> bytes:
        """``data`` with every form of the key replaced."""
        return self._found.sub(MASKED.encode(), data) if self._found else data

    def text(self, text: str) -> str:
        """``text`` with every form of the key replaced."""
        if self._found is None:
            return text
        data = text.encode("utf-8", "surrogatepass")
        return self.bytes(data).decode("utf-8", "surrogatepass")


def _forms(key: str) -> list[bytes]:
    """Regular expressions, each for one form of the key; those of letters in any case."""
    raw = key.encode("utf-8", "replace")
    escaped = b"".join(b"(?:%s|%%%02x|\\\\u00%02x)" % (re.escape(bytes([c])), c, c) for c in raw)
    wide = rb"\x00".join(re.escape(bytes([c])) for c in raw)  # UTF-16, either way round
    return [escaped, wide, raw.hex().encode(), *map(_in_base64, (raw,) * 3, range(3))]


def _in_base64(raw: bytes, before: int) -> bytes:
    """What base64 makes of the key after ``before`` other bytes, but for the ends they share with it."""
    whole = base64.b64encode(bytes(before) + raw)
    certain = whole[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
    return re.escape(certain).replace(rb"\+", b"[+-]").replace(b"/", b"[/_]")
