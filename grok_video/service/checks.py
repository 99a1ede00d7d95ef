"""What the service would refuse, said before anything is sent.

Reads the table of models; knows nothing of HTTP. Each check gives a sentence for an artist.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.problem import Problem, ProblemCode
from ..core.spec import JobSpec, Kind
from .look_models import (
    ANY_LOOK,
    LOOK_MODELS,
    MAX_LOOK_PROMPT,
    QUALITIES,
    RESOLUTIONS,
    ListedLook,
    listed_look,
    look_model_named,
)
from .models import (
    LARGEST_PICTURE,
    MAX_PROMPT,
    MODELS,
    PICTURE_TYPES,
    Model,
    model_named,
    models_that,
)

#: Characters up to which a prompt that is too long is counted: of megabytes nobody waits for the number.
COUNTED = 10_000
#: A clip of d seconds has 24·d+1 frames: what the service made as 15 s measures a frame more than its limit of 15 s.
_ONE_FRAME = 1 / 20


def refusal(spec: JobSpec, listed: Iterable[ListedLook] = ()) -> str:
    """'' or a sentence of the first thing in ``spec`` that the service would refuse, and what to change."""
    problem = check(spec, listed)
    return f"{problem.message} {problem.hint}".strip() if problem else ""


def check(spec: JobSpec, listed: Iterable[ListedLook] = ()) -> Problem | None:
    """The first thing in ``spec`` that the service would refuse, and what to change, as a Problem; or None.

    A spec with a model that was typed in is ``unchecked``: only what holds for every model is looked at.
    ``listed``: what *Refresh Models* brought of the models for looks.
    """
    at_service = listed_look(spec.model, listed) if spec.kind is Kind.LOOK else None
    longest = MAX_LOOK_PROMPT if spec.kind is Kind.LOOK else MAX_PROMPT
    if at_service is not None and at_service.longest_prompt:
        longest = at_service.longest_prompt
    problem = _check_prompt(spec.prompt, longest) or _check_files(spec)
    if problem := problem or _check_cast(spec) or _check_loop(spec):
        return problem
    if spec.kind is Kind.LOOK:
        return _check_look(spec)
    if spec.unchecked:
        return None if spec.model.strip() else _refused("No model is named.", "Choose a model.")
    model = model_named(spec.model)
    if model is None:
        return _refused(f"The model “{spec.model}” is not known.", "Choose another model.")
    match spec.kind:
        case Kind.GENERATE:
            problem = _check_generate(spec, model)
        case Kind.EXTEND:
            problem = _check_extend(spec, model)
        case _:
            problem = _check_edit(spec, model)
    if problem is None and spec.resolution not in model.prices:
        return _refused(
            f"{model.label} does not make {spec.resolution}.",
            f"Choose {' or '.join(model.prices)}.",
        )
    return problem


def _check_prompt(prompt: str, longest: int) -> Problem | None:
    if len(prompt) > max(COUNTED, longest):
        return _refused(
            f"The prompt has more than {max(COUNTED, longest):,} characters; the service takes {longest}.",
            "Shorten it.",
        )
    if len(prompt) > longest:
        return _refused(
            f"The prompt has {len(prompt)} characters; the service takes {longest}.",
            f"Shorten it by {len(prompt) - longest}.",
        )
    return None


def _check_files(spec: JobSpec) -> Problem | None:
    if spec.kind.reworks:
        if spec.video is None or not spec.video.path:
            return _refused(
                f"There is no clip to {spec.kind}.",
                "Select a strip that shows a picture: a movie, an image, a scene or a meta.",
            )
        return None
    for what, picture in spec.pictures:
        if not picture.path:
            return _refused(f"The {what} has no file.", "Choose another one.")
        if picture.size > LARGEST_PICTURE:
            return _refused(
                f"The {what} has {picture.size / (1 << 20):.0f} MB; the service takes "
                f"{LARGEST_PICTURE >> 20}.",
                "Send pictures as JPEG, or choose a smaller one.",
            )
        if picture.mime and picture.mime not in PICTURE_TYPES:
            return _refused(
                f"The service takes no pictures of the kind {picture.mime} ({what}).",
                "Save it as PNG or JPEG.",
            )
    return None


def _check_cast(spec: JobSpec) -> Problem | None:
    """Whether whom the prompt names goes along: an extension, an edit, and a clip from a strip take nobody."""
    if spec.cast and (spec.kind is not Kind.GENERATE or spec.source.kind == "STRIP"):
        name = spec.cast[0].name
        return _refused(
            f"The prompt names @{name}, and only Generate sends characters of the cast.",
            "Say in words who that is, without the @.",
        )
    return None


def _check_loop(spec: JobSpec) -> Problem | None:
    if spec.loop and not spec.image:
        return _refused(
            "A loop ends on its first frame, and a clip from text alone has none.",
            "Choose another source than Text Only, or turn off Loop.",
        )
    return None


def _check_generate(spec: JobSpec, model: Model) -> Problem | None:
    if problem := _check_makes(spec, model):
        return problem
    if not spec.prompt.strip() and not spec.pictures:
        return _refused("The prompt is empty.", "Write what happens in the clip.")
    if not model.min_seconds <= spec.duration <= model.max_seconds:
        return _refused(
            f"{model.label} makes clips of {model.min_seconds} to {model.max_seconds} seconds.",
            "Change the duration.",
        )
    if (spec.references or spec.voices) and (problem := _check_references(spec, model)):
        return problem
    if spec.keyframes and (problem := _check_keyframes(spec, model)):
        return problem
    if problem := _check_reference_resolution(spec, model):
        return problem
    if spec.aspect_ratio not in model.ratios:
        return _refused(
            f"{model.label} does not make {spec.aspect_ratio}.",
            f"Choose one of {', '.join(model.ratios)}.",
        )
    return None


def _check_makes(spec: JobSpec, model: Model) -> Problem | None:
    """Whether the model takes everything that is sent along."""
    used = {
        "image": (bool(spec.image), "makes no clips from an image"),
        "references": (bool(spec.references), f"takes no {_references(spec)}"),
        "voices": (bool(spec.voices), "takes no voices"),
        "last_frame": (spec.last_frame is not None, "takes no end frame"),
        "keyframes": (bool(spec.keyframes), "takes no keyframes"),
    }
    wanted = {make: without for make, (there, without) in used.items() if there}
    wanted = wanted or {"text": "makes no clips from text alone"}
    for make, without in wanted.items():
        if make not in model.makes:
            both = "image" in wanted and bool({"references", "voices"} & wanted.keys())
            can = [
                other
                for other in MODELS.values()
                if other.makes.issuperset(wanted) and (other.references_with_image or not both)
            ]
            off = ", or turn off Loop" if spec.loop else ", or remove it"
            removed = {"last_frame": off, "text": "", "image": ""}
            hint = _choose(can or models_that(make)) + removed.get(make, ", or remove them")
            return _refused(f"{model.label} {without}.", f"{hint}.")
    return None


def _references(spec: JobSpec) -> str:
    """What the references of ``spec`` are called: where the cast brought all of them the artist added none."""
    of_cast = sum(one.pictures for one in spec.cast)
    return "pictures of the cast" if 0 < of_cast == len(spec.references) else "references"


def _check_references(spec: JobSpec, model: Model) -> Problem | None:
    """Whether the model takes so many references and voices, and makes such a clip from them."""
    count, most = len(spec.references), model.max_references
    if count > most:
        of_cast = sum(one.pictures for one in spec.cast)
        with_cast = f", {of_cast} of them pictures of the cast" if of_cast else ""
        return _refused(
            f"There are {count} references{with_cast}; the service takes {most}.",
            f"Remove {count - most}.",
        )
    if len(spec.voices) > model.max_voices:
        return _refused(
            f"The prompt names {len(spec.voices)} voices; the service takes {model.max_voices}.",
            "Name fewer characters that have one, or let some have the same.",
        )
    what = "references" if spec.references else "voices"
    if spec.image and not model.references_with_image:
        can = [other for other in models_that(what) if other.references_with_image]
        return _refused(
            f"{model.label} takes a first frame or {what}, not both.",
            f"Choose Text Only as source, remove the {what}, or {_choose(can, 'choose')}.",
        )
    if spec.duration > model.reference_seconds:
        can = [one for one in models_that(what) if spec.duration <= one.reference_seconds]
        hint = f", or {_choose(can, 'choose')}" if can else ""
        return _refused(
            f"{model.label} makes at most {model.reference_seconds} seconds from {what}.",
            f"Shorten the clip{hint}.",
        )
    return None


def _check_reference_resolution(spec: JobSpec, model: Model) -> Problem | None:
    """Whether the resolution is made along with pictures that are no first frame."""
    along = {
        "references": bool(spec.references),
        "voices": bool(spec.voices),
        "an end frame": spec.last_frame is not None,
        "keyframes": bool(spec.keyframes),
    }
    sent = [what for what, there in along.items() if there]
    offered = [name for name in model.prices if name in model.reference_resolutions]
    if not sent or spec.resolution in offered or spec.resolution not in model.prices:
        return None
    removed = " and ".join(what.replace("an ", "") for what in sent)
    if spec.loop and len(sent) == 1:
        return _refused(
            f"A loop has an end frame, and with one there is no {spec.resolution}.",
            f"Choose {' or '.join(offered)}, or turn off Loop.",
        )
    return _refused(
        f"With {' and '.join(sent)} there is no {spec.resolution}.",
        f"Choose {' or '.join(offered)}, or remove the {removed}.",
    )


def _check_keyframes(spec: JobSpec, model: Model) -> Problem | None:
    count, most = len(spec.keyframes), model.max_keyframes
    if count > most:
        return _refused(
            f"There are {count} keyframes; the service takes {most}.", f"Remove {count - most}."
        )
    seen: set[int] = set()
    for frame in spec.keyframes:
        if not 0 < frame.thirds < 3 * spec.duration:
            return _refused(
                f"The keyframe {frame.picture.name} at {frame.seconds:.2f} s is not inside the "
                f"clip of {spec.duration} s.",
                "Move its marker, or change the duration.",
            )
        if frame.thirds in seen:
            return _refused(
                f"Two keyframes are on the same third of a second, at {frame.seconds:.2f} s.",
                "Move one of their markers by at least a third of a second.",
            )
        seen.add(frame.thirds)
    return None


def _check_look(spec: JobSpec) -> Problem | None:
    if not spec.image:
        return _refused("There is no picture to make a look from.", "Choose a source.")
    if not spec.prompt.strip():
        return _refused("The prompt of the look is empty.", "Write what it shall look like.")
    model = look_model_named(spec.model)
    if model is None and not spec.unchecked:
        return _refused(f"The model “{spec.model}” is not known.", "Choose another model.")
    if not spec.model.strip():
        return _refused("No model is named.", "Choose a model.")
    # Of a model that is not in the table, only what is never made is refused.
    sizes = model.resolutions if model else RESOLUTIONS
    qualities = model.qualities if model else ("", *QUALITIES)
    label = model.label if model else "The service"
    if spec.resolution not in sizes:
        return _refused(f"{label} makes no looks of {spec.resolution}.", f"Choose {_or(sizes)}.")
    if spec.quality not in qualities:
        hint = f"Choose {_or(qualities)}." if any(qualities) else "Leave the quality out."
        return _refused(f"{label} makes no looks of the quality “{spec.quality}”.", hint)
    count, most = len(spec.pictures), (model or ANY_LOOK).most_pictures
    if count > most:
        more = [one.label for one in LOOK_MODELS.values() if one.most_pictures >= count]
        hint = f", or choose {_or(more)}" if more else ""
        return _refused(
            f"There are {count} pictures with the source; {label} takes {most}.",
            f"Remove {count - most}{hint}.",
        )
    return None


def _or(words: Iterable[str]) -> str:
    return " or ".join(word for word in words if word)


def _check_extend(spec: JobSpec, model: Model) -> Problem | None:
    if problem := _check_rework(spec, model, "extend", "Write what happens next."):
        return problem
    if not model.min_added <= spec.duration <= model.max_added:
        return _refused(
            f"An extension adds {model.min_added} to {model.max_added} seconds.",
            "Change how much is added.",
        )
    assert spec.video is not None
    seconds = spec.video.seconds
    if seconds < model.min_source - 0.005:  # a length that was rounded
        return _refused(
            f"The clip is {seconds:.2f} s long; only one of {model.min_source:g} s or more can be "
            "extended.",
            "Make the strip longer, or use Continue Shot: it needs only the last frame.",
        )
    if seconds > model.max_source + _ONE_FRAME:
        return _refused(
            f"The clip is {seconds:.2f} s long; at most {model.max_source:g} s can be extended.",
            f"Cut the strip: its last {model.max_source:g} seconds are enough.",
        )
    return None


def _check_edit(spec: JobSpec, model: Model) -> Problem | None:
    if problem := _check_rework(spec, model, "edit", "Write what shall be different."):
        return problem
    assert spec.video is not None
    if spec.video.seconds > model.max_edit:
        return _refused(
            f"The clip is {spec.video.seconds:.2f} s long; at most {model.max_edit:g} s can be "
            "edited.",
            "Choose a shorter part, or cut the strip.",
        )
    return None


def _check_rework(spec: JobSpec, model: Model, make: str, what: str) -> Problem | None:
    if make not in model.makes:
        return _refused(f"{model.label} cannot {make} clips.", f"{_choose(models_that(make))}.")
    if not spec.prompt.strip():
        return _refused("The prompt is empty.", what)
    assert spec.video is not None
    if spec.video.seconds <= 0:
        return _refused("The clip has no length.", "Choose another strip.")
    return None


def _choose(can: Iterable[Model], verb: str = "Choose") -> str:
    """'Choose Grok Imagine Video', without its full stop."""
    return f"{verb} {' or '.join(model.label for model in can) or 'another model'}"


def _refused(message: str, hint: str) -> Problem:
    return Problem(ProblemCode.REQUEST, message, hint)
