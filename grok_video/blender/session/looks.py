"""Looks: made, arrived, looked through, and put to use as the first frame.

A look is never placed on a timeline: once its picture is there and its file is open, its job is done. Owns which looks a
source has, which of them is shown, how far each has moved away from its render, and the datablock of the one in use. It
must not know drawing.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Generator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ...core.job import Job, State
from ...core.spec import JobSpec, Kind, Source
from .. import identity, said, scenes, sources, submission, timeline
from ..refusal import Interrupted, Refused
from . import click, files, look_frames
from .questions import listed_looks
from .queue import read_soon, send
from .state import (
    current,
    is_as_clicked,
    is_of_file,
    is_open,
    job_by_id,
    running,
    session_id,
)
from .watch import redraw

if TYPE_CHECKING:
    from ..submission.look_frames import Wanted

_LOOKED_THROUGH = 500  # looks, the newest: a list may have thousands
_KEPT = 256  # looks of which is known how far they have moved
#: Sources whose picture is there without a render.
_TAKEN_AT_ONCE = frozenset({"RENDER_RESULT", "IMAGE", "SEQUENCER"})
_LARGEST = 2**31 - 1  # of Blender's whole numbers
_SLICE = 0.004  # seconds of one turn of the event loop in which a look is measured
_NEXT = 0.02  # … until the next one
_LATER = 0.5  # seconds until a look is measured for which Blender has no time now
_DOWNLOAD = "Download Again brings it back, free."


def make(context: bpy.types.Context, scene: bpy.types.Scene, *, allow_single_color: bool) -> str:
    """Start a look of ``scene``'s source; returns the id of the job to be. Raises Refused, Interrupted."""
    click.refuse_now()
    asked = submission.look.making(context, scene, session_id(), listed_looks())
    return click.accept(context, asked, allow_single_color=allow_single_color)


def apply(
    context: bpy.types.Context, scene: bpy.types.Scene, *, allow_single_color: bool = False
) -> list[str]:
    """Start looks of the end frame and the keyframes, in the look in use; returns the ids of the jobs to be.

    Raises Refused, Interrupted: also where some of them are bought already.
    """
    click.refuse_now()
    look = submission.first_frame.look_of(scene)
    read_soon()  # another Blender with this file may have asked since the last tick
    asked_for = frames_to_make(scene)
    if look is None:
        raise Refused("No look is in use.", "Use one first.")
    if not asked_for:
        raise Refused(
            "There is no end frame or keyframe to make.", "Turn on End Frame or Keyframes."
        )
    made = made_so(look)
    asked = [
        submission.look_frames.frame_in_look(
            context, scene, look, one, made, session_id(), listed_looks()
        )
        for one in asked_for
    ]
    jobs: list[str] = []
    for wanted, one in zip(asked_for, asked, strict=True):
        try:
            click.accept(context, one, allow_single_color=allow_single_color)
        except (Refused, Interrupted) as error:
            if not jobs:
                raise
            there = "1 is" if len(jobs) == 1 else f"{len(jobs)} are"
            raise Refused(
                f"Of {len(asked)} frames {there} being made. The others were not sent or charged: {error}"
            ) from error
        jobs.append(one.spec.id)
        current().looks.frames[one.spec.id] = look.job, wanted.key
    return jobs


def made_so(look: Any) -> JobSpec | None:
    """What the look in use was asked for with; None where its job is not in the list."""
    job = job_by_id(look.job)
    return job.spec if job is not None else None


def frames_to_make(scene: bpy.types.Scene) -> list[Wanted]:
    """The frames of the clip that are not in the look yet, and not on their way. Cheap enough for a redraw."""
    made = look_frames.jobs_of_frames(scene).keys() | look_frames.on_their_way(scene)
    return [one for one in submission.look_frames.wanted(scene) if one.key not in made]


def _due() -> list[Job]:
    """The looks that have arrived, and that this Blender is to say so of."""
    # Not by the file of the click alone: that may have another name by now, by which no job knows it.
    newest = islice(current().bridge.snapshot.jobs.looks, _LOOKED_THROUGH)
    return [job for job in newest if job.state is State.READY and _is_mine(job)]


def _is_mine(job: Job) -> bool:
    session = current()
    if not job.driven or job.fetching or job.id in session.looks.reported:
        return False
    if session.documents.get(job.id) == session.document:
        return True
    if job.id not in session.documents and not session.bridge.session_ended(
        job.spec.target.session
    ):
        return False
    if is_open(job.spec.target.blend):
        return True
    mark = job.spec.target.scene_mark  # a file that was saved under another name since then has it
    return any(scene.library is None and identity.bears(scene, mark) for scene in bpy.data.scenes)


def ends_by_itself(job: Job) -> bool:
    """Whether a look that has arrived ends its job in this Blender without being asked."""
    return job.id in current().looks.reported or _is_mine(job)


def is_busy() -> bool:
    """Whether a look has arrived that is still to be told of."""
    return bool(_due())


def arrive(context: bpy.types.Context) -> bool:
    """Tell of looks that have arrived while their file is open; True when there were any. Raises Refused."""
    due, own = _due(), current().looks
    for job in due:
        scene = _scene_of(job)
        name = scene.name if scene is not None else job.spec.target.scene
        send("imported", job=job.id, scene=name, blend=bpy.data.filepath)
        own.reported.add(job.id)
    if due and (chosen := getattr(context.window_manager, "grok_video", None)) is not None:
        chosen.look = ""  # the newest is shown
    return bool(due)


def _scene_of(job: Job) -> bpy.types.Scene | None:
    return identity.scene_of(job.spec.target, same_file=is_as_clicked(job))


def of_source(scene: bpy.types.Scene) -> list[Job]:
    """The looks of the scene's source that are there, oldest first. Cheap enough for a redraw."""
    session, chosen = current(), scene.grok_video
    image = chosen.image.name if chosen.source == "IMAGE" and chosen.image is not None else ""
    key = (session.document, bpy.data.filepath, scene.session_uid, chosen.source, image)
    own = session.looks
    if own.listed_for[0] is not session.bridge.snapshot or own.listed_for[1] != key:
        newest = islice(session.bridge.snapshot.jobs.looks, _LOOKED_THROUGH)
        images = {one.name for one in bpy.data.images}
        found = [job for job in newest if _is_of(job, scene, image, images)]
        own.listed, own.listed_for = tuple(reversed(found)), (session.bridge.snapshot, key)
    return [job for job in own.listed if job.clip is not None]


def under_way(scene: bpy.types.Scene) -> list[Job]:
    """The looks of the scene's source that are still to come, oldest first. Cheap enough for a redraw."""
    of_source(scene)
    return [job for job in current().looks.listed if job.clip is None and job.open]


def _is_of(job: Job, scene: bpy.types.Scene, image: str, images: set[str]) -> bool:
    """Whether a look is of the scene's source; ``images``: the names of this file's."""
    shown = job.spec.source
    # An image that was renamed is found by nothing: its looks are shown rather than lost.
    alike = shown.kind != "IMAGE" or shown.image == image or shown.image not in images
    same = shown.kind == scene.grok_video.source and alike
    return same and not job.spec.look and _is_of_scene(job, scene)


def _is_of_scene(job: Job, scene: bpy.types.Scene) -> bool:
    """Whether a look was made for ``scene``; in a file that was saved under another name the scene's mark tells."""
    if not is_of_file(job) and not identity.bears(scene, job.spec.target.scene_mark):
        return False
    return _scene_of(job) == scene


def shown(context: bpy.types.Context, scene: bpy.types.Scene) -> Job | None:
    """The look that the panel shows: the one that the artist turned to, else the newest; None without one."""
    found = of_source(scene)
    chosen = context.window_manager.grok_video.look
    return next((job for job in found if job.id == chosen), found[-1] if found else None)


def turn(context: bpy.types.Context, scene: bpy.types.Scene, step: int) -> None:
    """Show the look before (-1) or behind (1) the one that is shown."""
    found, now = of_source(scene), shown(context, scene)
    if now is not None:
        at = min(max(found.index(now) + step, 0), len(found) - 1)
        context.window_manager.grok_video.look = found[at].id


def use(scene: bpy.types.Scene, job: Job) -> list[str]:
    """Make a look the first frame of the scene's next clip; sentences for the artist. Raises Refused, Interrupted."""
    if why := scenes.settings_refusal(scene):
        raise Refused(why)
    if job.spec.kind is not Kind.LOOK:
        raise Refused("This job made a clip and no look.", "Choose a look.")
    if job.clip is None:
        raise Refused("This look is not there yet.", "Wait for it, or choose another one.")
    if job.spec.look:
        raise Refused(
            "This look is of another frame of a clip, which is sent in it by itself.",
            "Choose a look of the source.",
        )
    image = _image_of(job)
    said_so: list[str] = []
    if files.look_now(job) == "broken":
        said_so.append(
            "The file of this look has changed since it came: the picture is as Blender shows it."
        )
    chosen, spec = scene.grok_video, job.spec
    before = chosen.look.image
    if spec.source.kind == "IMAGE":
        of_image = identity.named(bpy.data.images, spec.source.image)
        if chosen.source != "IMAGE" and of_image is not None:
            chosen.image = of_image
    if chosen.source != spec.source.kind:
        chosen.nearest.source = spec.source.kind
        said_so.append("The source is the one that the look was made from.")
    _fill(chosen.look, job, image, chosen.image if spec.source.kind == "IMAGE" else None)
    let_go(before, image)
    return said_so


def _fill(
    look: Any, job: Job, image: bpy.types.Image | None, of_image: bpy.types.Image | None
) -> None:
    spec, source = job.spec, job.spec.source
    look.job, look.image, look.of_image = job.id, image, of_image
    # A damaged list holds what no property of Blender's can.
    look.source, look.scene, look.camera, look.view = (
        text.encode("utf-8", "replace").decode()
        for text in (source.kind, source.scene, source.camera, source.view)
    )
    look.frame = source.frame
    look.width, look.height = (min(max(side, 0), _LARGEST) for side in spec.image_pixels)
    look.render = next((mark.sha256 for mark in spec.files if mark.path == spec.image), "")


def put_back(scene: bpy.types.Scene) -> None:
    """Let the source be the first frame again. Raises Refused."""
    if why := scenes.settings_refusal(scene):
        raise Refused(why)
    look = scene.grok_video.look
    image = look.image
    for name in ("job", "source", "scene", "camera", "render", "view"):
        setattr(look, name, "")
    look.image = look.of_image = None
    look.frame, look.width, look.height = 0.0, 0, 0
    let_go(image)


def let_go(image: bpy.types.Image | None, instead: bpy.types.Image | None = None) -> None:
    """Remove the datablock of a look, or of its render, that nothing uses any more; not one that the artist has packed or painted."""
    if image is None or image == instead or image.users or image.library is not None:
        return
    if image.packed_file is None and not image.is_dirty:
        bpy.data.images.remove(image)
    elif image.is_dirty or _is_only_packed(image):
        image.use_fake_user = True  # Blender saves no datablock without a user


def _is_only_packed(image: bpy.types.Image) -> bool:
    """Whether the packed picture lies in no file: painted over, or its file gone. Blender packs by itself as well."""
    assert image.packed_file is not None
    try:
        return os.stat(bpy.path.abspath(image.filepath)).st_size != image.packed_file.size
    except (OSError, ValueError):
        return True


def _image_of(job: Job) -> bpy.types.Image:
    """The look as a datablock of this file. Raises Refused, where the file is no picture."""
    assert job.clip is not None
    path = job.clip.path
    if files.look_now(job) == "gone":
        raise Refused(f"The file of this look is gone: {path}.", _DOWNLOAD)
    before = set(bpy.data.images)
    try:
        image = bpy.data.images.load(path, check_existing=True)
        if image in before and not (image.is_dirty or image.packed_file or all(image.size)):
            image.reload()  # its file was missing for a while
    except said.BLENDERS_ERRORS as error:
        raise Refused(
            f"Blender cannot read this look: {said.sentence(error)}", _DOWNLOAD
        ) from error
    if why := sources.capture.image_refusal(image, look=True):
        if image not in before:
            bpy.data.images.remove(image)
        raise Refused(f"This look cannot be used. {why}")
    folder = os.path.dirname(bpy.data.filepath)
    # Setting a path reads the file anew: what the artist has painted or packed would be gone.
    if image not in before and folder and Path(path).is_relative_to(folder):
        image.filepath = bpy.path.relpath(path)
    return image


def question(context: bpy.types.Context, scene: bpy.types.Scene) -> str:
    """'' or what the artist is asked before a clip is bought from a look of an earlier view; asked once.

    For presses: what the source shows is taken, where that needs no render.
    """
    own, look = current().looks, submission.first_frame.look_of(scene)
    if look is None:
        return ""
    now = submission.first_frame.seen_now(context, scene, look.source)
    words = ""
    if submission.first_frame.is_earlier(context, scene, look):
        from_ = made_from(submission.first_frame.source_of(look))
        words = f"The look in use was made from an earlier view: {from_}."
    elif other := _other_picture(context, scene, look):
        now, words = other, "The source shows something else than when the look in use was made."
    own.asked = look.job, now
    return "" if own.asked == own.agreed else words


def _other_picture(context: bpy.types.Context, scene: bpy.types.Scene, look: Any) -> str:
    """'' or what stands for the picture of a source that is another one than the look was made from."""
    job = job_by_id(look.job)
    if job is None or look.source not in _TAKEN_AT_ONCE or not os.path.isfile(job.spec.image):
        return ""
    try:
        return submission.first_frame.other_picture(context, scene, look, Path(job.spec.image))
    except (Refused, Interrupted, OSError):
        return ""  # a source that cannot be taken is not sent: the look is


def agree() -> None:
    """Ask no more about what was asked about last: the artist has said yes."""
    own = current().looks
    own.agreed = own.asked


def made_from(source: Source) -> str:
    """What a look was made from, as the panel says it: 'Camera, frame 12'."""
    named = source.camera or source.image or source.kind.replace("_", " ").title()
    return f"{named}, frame {source.frame:g}"


def moved(job: Job) -> str:
    """'' or how a look has moved away from its render, once that was measured. No look: panels call this."""
    own = current().looks
    if job.id in own.moved:
        return own.moved[job.id]
    if not bpy.app.background:
        own.unmeasured.setdefault(job.id)
        if not bpy.app.timers.is_registered(measure):  # a file that is opened ends timers
            bpy.app.timers.register(measure, first_interval=0.1)
    return ""


def measure() -> float | None:
    """Timer: go on measuring one of the looks that panels show, for some milliseconds."""
    session = running()
    if session is None or not session.looks.unmeasured:
        return None
    if timeline.importing.unsettled(bpy.context):
        return _LATER  # datablocks come and go here, and playback would stumble
    own, until = session.looks, time.perf_counter() + _SLICE
    if own.measuring is None:
        job_id = next(iter(own.unmeasured))
        own.measuring = job_id, _measured(job_by_id(job_id))
    job_id, steps = own.measuring
    while time.perf_counter() < until:
        try:
            next(steps)
        except StopIteration as end:
            own.measuring = None
            own.unmeasured.pop(job_id, None)
            _keep_measure(job_id, end.value)
            redraw()
            return _NEXT if own.unmeasured else None
    return _NEXT


def measure_now(job: Job) -> str:
    """As ``moved``; a script waits for what a window measures by and by."""
    if bpy.app.background and job.id not in current().looks.moved:
        steps = _measured(job)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                _keep_measure(job.id, end.value)
                break
    return moved(job)


def _keep_measure(job_id: str, words: str) -> None:
    own = current().looks
    while len(own.moved) >= _KEPT:
        del own.moved[next(iter(own.moved))]
    own.moved[job_id] = words


def _measured(job: Job | None) -> Generator[None, None, str]:
    """How a look has moved away from its render, '' where it has not or nobody can tell. Reads both pictures, in steps."""
    if job is None or job.clip is None:
        return ""
    pixels, likeness = sources.pixels, sources.likeness
    try:
        if not (os.path.isfile(job.clip.path) and os.path.isfile(job.spec.image)):
            return ""
        render = pixels.shrunk(Path(job.spec.image), likeness.LONGEST)
        yield
        size = render.shape[1], render.shape[0]
        look = pixels.shrunk(Path(job.clip.path), likeness.LONGEST, size)
        yield
        found = yield from likeness.comparing(render, look)
        return found.words
    except (Interrupted, OSError):
        return ""  # a picture that cannot be read is said where it is used
    except Exception:
        traceback.print_exc()  # a bug here hides a remark, and must not end the timer
        return ""
