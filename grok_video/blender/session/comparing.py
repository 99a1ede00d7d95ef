"""A look at another take of a strip: shown while something is held, and the strip is as it was when that is let go.

Owns the way back, which saving, rendering, undo, redo and opening a file take too. A look makes no undo step: none may
be pushed meanwhile, so clips that come wait (``timeline.importing.unsettled``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.job import Job
from ...core.spec import Clip
from .. import compat, timeline
from ..identity import Meant
from ..refusal import Refused
from . import files, placing, seams, takes
from .state import current, job_by_id, running


def takes_of(strip: Any) -> list[Job]:
    """The takes of a strip that have a clip, as the panel counts them; the one that the strip shows is among them."""
    return [job for job in takes.choice_of(strip).takes if job.clip is not None]


def begin(strip: Any, job_id: str = "") -> None:
    """Make ready for looks at another take of ``strip``: the one of ``job_id``, else the one before. Raises Refused."""
    end()
    own = current().comparing
    first = job_by_id(timeline.strips.job_of(strip))
    if first is None or first.clip is None or timeline.slots.is_waiting(strip):
        raise Refused(f"“{strip.name}” shows no take yet.", "Compare when its clip is there.")
    choices = _comparable(strip, first.clip)
    at = next((at for at, job in enumerate(choices) if job.id == first.id), 0)
    # Before the first take comes the last one. Of the first take itself the file may be gone.
    wanted = job_id or (choices[at - 1].id if choices else "")
    other = next((job for job in choices if job.id == wanted and job.id != first.id), None)
    if other is None:
        raise Refused(*_why_not(strip, job_id, first))
    own.scene, own.strip = Meant.of(strip.id_data), strip.name
    own.first, own.other, own.shown = first, other, False
    own.choices = tuple(choices)


def _comparable(strip: Any, clip: Clip) -> list[Job]:
    """The takes between which a strip can change without becoming another strip, their files looked at."""
    return [
        job
        for job in takes_of(strip)
        if job.clip is not None and job.clip.fps == clip.fps and not files.look_now(job)
    ]


def _why_not(strip: Any, job_id: str, first: Job) -> tuple[str, str]:
    """Why there is no other take of a strip to compare with, and what to do."""
    named = job_by_id(job_id) if job_id else None
    if named is None or named.clip is None or first.clip is None or named.id == first.id:
        return (f"“{strip.name}” has no other take to compare with.", "Another Take makes one.")
    if named.clip.fps != first.clip.fps:
        return (
            f"That take has {named.clip.fps:g} frames a second, and the one that is shown {first.clip.fps:g}.",
            "Choose it to see it.",
        )
    return (f"The file of that take is gone: {named.clip.path}.", "Download Again is free.")


def step(by: int) -> None:
    """Compare with the next take (1), or the one before (-1), in the place of the other one."""
    own = current().comparing
    others = [job for job in own.choices if job != own.first]
    if _strip() is None or own.other not in others:
        return
    was_shown = own.shown
    look(shown=False)
    own.other = others[(others.index(own.other) + by) % len(others)]
    look(shown=was_shown)


def look(*, shown: bool) -> None:
    """Let the strip show the other take, or the first again."""
    own = current().comparing
    strip = _strip()
    if strip is None or own.shown == shown or own.first is None or own.other is None:
        return
    sounds = timeline.sounds.sounds_of(strip)
    if shown:
        own.spans = {one.name: compat.span(one) for one in (strip, *sounds)}
        own.shown = True  # before: what goes wrong half-way is put back as well
        _show(strip, own.other)
    elif timeline.strips.job_of(strip) == own.other.id:  # else a script has chosen another take
        _show(strip, own.first)
        for one in (strip, *sounds):
            # An end that nobody touched has followed the other take; the end of a take that is one frame shorter does
            # not come back by itself.
            if compat.span(one) != (span := own.spans.get(one.name, compat.span(one))):
                compat.set_span(one, *span)
    own.shown = shown


def _show(strip: Any, job: Job) -> None:
    assert job.clip is not None
    showing = placing.showing_of(job.spec, job.clip)
    if not timeline.sounds.sounds_of(strip):
        # A take that is chosen gets a sound strip where the slot never had one; a look leaves none behind.
        showing = replace(showing, has_sound=False)
    scene, name = strip.id_data, strip.name
    timeline.slots.show(bpy.context, strip, showing, job.id)
    seams.shown(bpy.context, scene, name, job)


def is_shown() -> bool:
    """Whether the strip shows the other take just now."""
    session = running()
    return session is not None and session.comparing.shown


def is_there() -> bool:
    """Whether the strip that is compared is there still."""
    return _strip() is not None


def words() -> tuple[str, str]:
    """What the take that is shown now is called, and the other: 'take 2', 'take 1'; both '' without a comparison."""
    own = current().comparing
    if _strip() is None or own.first is None or own.other is None:
        return "", ""
    return _called(own.first), _called(own.other)


def _called(job: Job) -> str:
    ids = [take.id for take in current().comparing.choices]
    return f"take {ids.index(job.id) + 1}" if job.id in ids else "the take before"


def end() -> None:
    """Let the strip be as it was, and compare no more. Any number of times."""
    own = current().comparing
    look(shown=False)
    own.scene = own.first = own.other = None
    own.strip, own.shown, own.choices, own.spans = "", False, (), {}


def _strip() -> Any:
    """The strip that is compared; None where there is no comparison, or the strip is gone."""
    own = current().comparing
    scene = own.scene.find(bpy.data.scenes) if own.scene is not None else None
    if scene is None or scene.sequence_editor is None or own.first is None or own.other is None:
        return None
    strip = compat.strips_all(scene.sequence_editor).get(own.strip)
    if strip is None or timeline.strips.job_of(strip) not in (own.first.id, own.other.id):
        return None
    return strip


@persistent
def put_back(*_args: object) -> None:
    """Handler: what is saved, undone, redone or left shows the take that the artist has chosen."""
    if running() is not None:
        look(shown=False)


@persistent
def put_back_for_render(*_args: object) -> None:
    """Handler: renders show the take that the artist has chosen.

    A render with its window calls this from a thread of its own, which may change no strip: there the first take comes
    back with the operator's next event. By F12 no such render begins, as the key ends the comparison before.
    """
    session = running()
    if session is None or not session.comparing.shown:
        return
    if bpy.app.is_job_running("RENDER"):
        session.comparing.is_due = True
    else:
        look(shown=False)


def settle() -> bool:
    """Put the first take back where a render has asked for that; whether it was."""
    own = current().comparing
    due, own.is_due = own.is_due, False
    if due:
        look(shown=False)
    return due


def _handlers() -> tuple[tuple[list[Any], Any], ...]:
    on = bpy.app.handlers
    before: tuple[list[Any], ...] = (on.save_pre, on.undo_pre, on.redo_pre, on.load_pre)
    return (*((one, put_back) for one in before), (on.render_init, put_back_for_render))


def register() -> None:
    """Let what must not meet another take put the first one back."""
    for handlers, handler in _handlers():
        handlers.append(handler)


def unregister() -> None:
    """The strip that is compared just now is as it was, and no handler stays."""
    for handlers, handler in _handlers():
        handlers.remove(handler)
    if running() is not None:
        end()
