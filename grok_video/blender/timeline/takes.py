"""What strips and scenes say of takes: slots, takes that are to come, choices of the artist's, stars.

Owns the custom properties for that. Knows nothing of jobs beyond their ids, and pushes no undo step.
"""

from __future__ import annotations

from typing import Any

import bpy

from .. import compat
from ..identity import Meant
from .sounds import belongs_to, sounds_of
from .strips import SLOT_PROPERTY, job_of, slot_of, text_of

#: Custom property of a strip: the job whose clip the strip shows when that comes, unless the artist chooses before.
AWAITED_PROPERTY = "grok_video_awaits"
#: Custom property of a strip: the newest take that there was when the artist last chose one.
CHOSEN_PROPERTY = "grok_video_chosen"
#: Custom property of a strip that became a slot of its own: the ids of the takes that it had before.
EARLIER_PROPERTY = "grok_video_takes"
#: Custom property of a scene: the ids of the takes with a star.
STARS_PROPERTY = "grok_video_stars"
_MOST = 4096  # characters of a list of ids: Blender's files may hold anything


def awaited_by(strip: Any) -> str:
    """The id of the job whose clip a strip will show when that comes; '' for none."""
    return text_of(strip, AWAITED_PROPERTY, _MOST)


def chosen_at(strip: Any) -> str:
    """The id of the newest take that there was when the artist last chose one for the strip; '' for never."""
    return text_of(strip, CHOSEN_PROPERTY, _MOST)


def earlier_of(strip: Any) -> list[str]:
    """The ids of the takes that a strip had before it became a slot of its own, oldest first."""
    return text_of(strip, EARLIER_PROPERTY, _MOST).split()


def await_take(strip: Any, job_id: str) -> None:
    """Let a strip show the clip of a job when that comes."""
    strip[AWAITED_PROPERTY] = job_id


def note_choice(strip: Any, newest: str) -> None:
    """Note that the artist has chosen a take for a strip while ``newest`` was the newest: none before it follows."""
    strip.pop(AWAITED_PROPERTY, None)
    strip[CHOSEN_PROPERTY] = newest


def with_sounds(movie: Any) -> list[Any]:
    """A movie strip and the sound strips of its clip."""
    return [movie, *(sound for sound in sounds_of(movie) if job_of(sound) == job_of(movie))]


def keep_slot(movie: Any) -> str:
    """The slot of a movie strip, written down with it: a strip from before 0.4.0 has none on record."""
    slot = slot_of(movie)
    if movie.get(SLOT_PROPERTY) != slot:
        belong_to(movie, slot)
    return slot


def belong_to(movie: Any, slot: str) -> None:
    """Let a strip and its sound show takes of a slot."""
    for strip in with_sounds(movie):
        strip[SLOT_PROPERTY] = slot


def become_own_slot(movie: Any, slot: str, earlier: list[str]) -> None:
    """Let a strip and its sound be a slot of their own, which keeps the takes ``earlier`` as its first ones."""
    kept = earlier[-(_MOST // 33) :]
    belong_to(movie, slot)
    movie.pop(AWAITED_PROPERTY, None)
    movie[EARLIER_PROPERTY] = " ".join(kept)


def movie_of(strip: Any) -> Any:
    """The movie strip of a clip that is meant where ``strip`` is the active one; None where there is no such strip."""
    if strip is None or not job_of(strip):
        return None
    if strip.type == "MOVIE":
        return strip
    every = compat.strips_all(strip.id_data.sequence_editor)
    return next((movie for movie in every if belongs_to(strip, movie)), None)


def active_movie(context: bpy.types.Context) -> Any:
    """The movie strip of ours that is active in the sequencer, or whose sound is; None without one."""
    editor = compat.sequencer_scene(context).sequence_editor
    return None if editor is None else movie_of(editor.active_strip)


def find(meant: Meant, name: str) -> Any:
    """The strip of that name in a scene that was meant; None where one of both is gone."""
    scene = meant.find(bpy.data.scenes)
    if scene is None or scene.sequence_editor is None:
        return None
    return compat.strips_all(scene.sequence_editor).get(name)


def stars() -> set[str]:
    """The ids of the takes that have a star in this file."""
    return {job_id for scene in bpy.data.scenes for job_id in _stars_of(scene)}


def is_starred(job_id: str) -> bool:
    """Whether a take has a star in this file."""
    return any(job_id in _stars_of(scene) for scene in bpy.data.scenes)


def set_star(scene: bpy.types.Scene, job_id: str, starred: bool) -> None:
    """Give a take a star, which ``scene`` keeps, or take the star from it wherever that is kept."""
    if starred:
        scene[STARS_PROPERTY] = " ".join([*_stars_of(scene), job_id])
        return
    for holder in bpy.data.scenes:
        found = _stars_of(holder)
        if job_id in found and holder.library is None:
            holder[STARS_PROPERTY] = " ".join(one for one in found if one != job_id)


def _stars_of(scene: bpy.types.Scene) -> list[str]:
    value = scene.get(STARS_PROPERTY)
    return value.split() if isinstance(value, str) else []
