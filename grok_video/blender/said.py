"""What Blender says when something fails, in any language of its interface and with any path.

Loaded by the bake's Blender too, by its path: it knows nothing of the extension.
"""

from __future__ import annotations

import bpy

#: What Blender's functions raise with a sentence. UnicodeDecodeError: the sentence names a path that is no UTF-8.
BLENDERS_ERRORS = (RuntimeError, UnicodeDecodeError)
#: What Blender puts before a report that it raises (``BKE_report_type_str``), translated as all of its interface.
_KINDS = ("Error", "Invalid Input Error", "Invalid Context Error", "Out Of Memory Error")

#: Marks that turn the direction of reading: Blender's Urdu has them around names, and a sentence shows them as escapes.
_TURNS = dict.fromkeys(range(0x202A, 0x202F))


def sentence(error: Exception) -> str:
    """The sentence in an exception of Blender's, without the prefix (“Error:”, “Fehler:”) and the trace."""
    if isinstance(error, UnicodeDecodeError):
        text = error.object.decode("utf-8", "surrogateescape")
    else:
        text = str(error)
    lines = (_without_kind(line.translate(_TURNS).strip()) for line in text.splitlines())
    return next((line for line in lines if line), "Blender gave no reason").rstrip(".") + "."


def _without_kind(line: str) -> str:
    translations = bpy.app.translations
    for kind in _KINDS:
        for word in (kind, translations.pgettext_rpt(kind), translations.pgettext_tip(kind)):
            if line.startswith(f"{word}:"):
                return line.removeprefix(f"{word}:").strip()
    return line
