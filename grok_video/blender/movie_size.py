"""The size of the picture in a strip's file, in pixels: Blender's word is late where the file of a movie strip was changed.

Owns what is noted on such a strip. Knows nothing of jobs.
"""

from __future__ import annotations

from typing import Any

#: Custom property of a movie strip: width and height of the file that its transform stands for, then of the file that
#: its content stands for the rate, frames, seconds of head, and the frames left out before and behind; 1 where a sound strip
#: was made with it; of a loop the frames at its end that show its beginning again. Blender undoes and saves it with the strip.
SIZE_PROPERTY = "grok_video_size"
#: Custom property of a movie strip: the name of the file that SIZE_PROPERTY tells of.
FILE_PROPERTY = "grok_video_file"
_LARGEST = 2.0**31  # pixels


def size_of_file(strip: Any) -> tuple[int, int]:
    """Width and height of the picture in the file of a movie or image strip; 0, 0 where that is not known."""
    if strip.type not in ("MOVIE", "IMAGE") or not len(strip.elements):
        return 0, 0
    element = strip.elements[0]
    # What Blender says is the size of the file before, until the strip is drawn or rendered (measured, 4.2 to 5.2).
    same = strip.get(FILE_PROPERTY) == element.filename
    noted: Any = strip.get(SIZE_PROPERTY) if same else ()
    sizes = noted[:2] if getattr(noted, "typecode", "") == "d" else ()
    if len(sizes) == 2 and all(1 <= size < _LARGEST for size in sizes):  # no NaN, no infinity
        return round(sizes[0]), round(sizes[1])
    if element.orig_width and element.orig_height:
        return element.orig_width, element.orig_height
    return 0, 0
