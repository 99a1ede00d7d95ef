"""The shape of a clip: which one a spec asks for, and whether the clip that came has another.

Apart from ``job`` and ``spec``, whose code is the fold: nothing here decides what becomes of a job.
"""

from __future__ import annotations

from .framing import crop_inside, same_shape, sides
from .job import Job
from .spec import JobSpec, Kind

#: Pixels of a side, and numbers in a ratio, at most: a damaged record may hold any.
_LARGEST = 1 << 20


def names_ratio(spec: JobSpec) -> bool:
    """Whether a clip is asked for in ``aspect_ratio``: else it follows its first frame, which has another ratio."""
    named = _named(spec)
    if named is None or not (spec.image and _is_size(*spec.image_pixels)):
        return True
    return crop_inside(*spec.image_pixels, *named).whole


def ratio_text(spec: JobSpec) -> str:
    """The ratio that was asked for as records say it: '16:9', or 'AUTO' where the clip follows its first frame."""
    return spec.aspect_ratio if names_ratio(spec) else "AUTO"


def other_shape(job: Job) -> str:
    """'' or a sentence: the clip has another ratio than was asked for. What was measured counts everywhere."""
    spec, clip = job.spec, job.clip
    if clip is None or spec.kind is not Kind.GENERATE:
        return ""
    named = names_ratio(spec)
    asked = _named(spec) if named else spec.image_pixels
    if asked is None or not _is_size(clip.width, clip.height):
        return ""
    if same_shape(clip.width, clip.height, *asked, pixels=not named):
        return ""
    size = f"The clip is {clip.width} × {clip.height}, which is not the shape of"
    if named:
        return f"{size} {spec.aspect_ratio}."
    return (
        f"{size} the frame that was sent, {asked[0]} × {asked[1]}. If that goes on, turn on Crop to the Nearest Ratio "
        "in the preferences."
    )


def _named(spec: JobSpec) -> tuple[int, int] | None:
    """(16, 9) of a spec that asks for '16:9'; None for a word of another version, or what a damaged record holds."""
    try:
        named = sides(spec.aspect_ratio)
    except ValueError:
        return None
    return named if _is_size(*named) else None


def _is_size(width: int, height: int) -> bool:
    return 0 < width <= _LARGEST and 0 < height <= _LARGEST
