"""A .blend from elsewhere: settings that no panel can set, and texts of megabytes. What is read of them is sound, and little."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Module = Callable[[str], ModuleType]
MEGABYTES = 5_000_000


def raw(bpy: Any) -> Any:
    """The settings of the scene as the file holds them, without a look at what each may be."""
    scene = bpy.context.scene
    scene.grok_video.generate_audio = True  # the group is made when something in it is set
    if hasattr(scene, "bl_system_properties_get"):  # 5.0 on
        return scene.bl_system_properties_get()["grok_video"]
    return scene["grok_video"]


@pytest.fixture
def strip(blender: Any) -> Any:
    """A strip of 100 frames, which is the active one."""
    editor = blender.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    fields = {"length": 99} if blender.app.version >= (5, 0) else {"frame_end": 100}
    made = strips.new_effect(name="Colour", type="COLOR", channel=1, frame_start=1, **fields)
    editor.active_strip = made
    return made


def passes(bpy: Any, module: Module) -> list[Any]:
    extend = module("blender.submission.extend")
    source = module("blender.timeline.source_strip").active_source_strip(bpy.context)
    part = extend.part_to_extend(bpy.context.scene, source, lambda _job: None)
    extend.continue_draft(bpy.context.scene, source)
    return extend.passes_of(bpy.context.scene, part)


@pytest.mark.parametrize(
    ("held", "read"),
    [(20_000_000, 120), (2**31 - 1, 120), (121, 120), (1, 2), (0, 2), (-(2**31), 2), (9, 9)],
)
@pytest.mark.usefixtures("strip")
def test_seconds_that_no_panel_can_set(blender: Any, module: Module, held: int, read: int) -> None:
    raw(blender)["extend_seconds"] = held
    assert blender.context.scene.grok_video.extend_seconds == read
    made = passes(blender, module)
    assert sum(one.seconds for one in made) == read
    assert len(made) == -(-read // 10)


@pytest.mark.parametrize(
    ("name", "held", "read"),
    [
        ("duration", 10**9, 15),
        ("duration", -5, 1),
        ("duration", "6", 6),
        ("duration", 7.5, 6),
        ("duration", [1, 2], 6),
        ("edit_start", -40, 0),
        ("extend_seconds", float("nan"), 6),
        ("extend_seconds", {"a": 1}, 6),
        ("source", 77, "CAMERA"),
        ("source", -1, "CAMERA"),
        ("source", "NONE", "CAMERA"),
        ("model", 4711, "grok-imagine-video"),
        ("resolution", 99, "480p"),
        ("aspect_ratio", 99, "AUTO"),
        ("edit_of", 3, "STRIP"),
        ("end_frame", 2.5, False),
        ("prompt", 3, ""),
        ("prompt_text", "no text", None),
        ("image", 1.5, None),
    ],
)
@pytest.mark.usefixtures("strip")
def test_a_value_that_no_panel_can_set(
    blender: Any, module: Module, name: str, held: Any, read: Any
) -> None:
    """What the panel and a click ask for is computed from it without an error."""
    raw(blender)[name] = held
    scene, context = blender.context.scene, blender.context
    assert getattr(scene.grok_video, name) == read
    generate = module("blender.submission.generate")
    draft = generate.generate_draft(context, scene)
    assert isinstance(generate.generate_refusal(context, scene, draft), str)
    assert module("blender.submission.common").price_of(draft) is not None
    assert passes(blender, module)
    edit = module("blender.submission.edit")
    edit.animation_draft(scene, edit.range_to_edit(context, scene))
    context.scene.grok_video.model = "grok-imagine-video-1.5-lite"  # as from the menu
    assert generate.generate_draft(context, scene).resolution in ("480p", "720p", "1080p")


@pytest.mark.parametrize("kind", ["Image", "Object", "Scene"])
def test_a_pointer_to_another_kind(blender: Any, module: Module, kind: str) -> None:
    data = blender.data
    made = {
        "Image": lambda: data.images.new("x", 4, 4),
        "Object": lambda: data.objects.new("x", None),
        "Scene": lambda: data.scenes.new("x"),
    }[kind]()
    for name in ("prompt_text", "image", "end_camera"):
        raw(blender)[name] = made
    chosen = blender.context.scene.grok_video
    chosen.prompt = "A heron lifts off"
    assert chosen.written_prompt() == "A heron lifts off"
    assert (chosen.image is None) == (kind != "Image")
    assert (chosen.end_camera is None) == (kind != "Object")
    chosen.end_frame, chosen.source, chosen.model = True, "NONE", "grok-imagine-video-1.5"
    generate = module("blender.submission.generate")
    draft = generate.generate_draft(blender.context, blender.context.scene)
    why = generate.generate_refusal(blender.context, blender.context.scene, draft)
    assert ("no camera" in why) == (kind == "Object" or blender.context.scene.camera is None)


# ------------------------------------------------------------------------------------------------- long texts


def text_of(bpy: Any, folder: Path, text: str) -> Any:
    """A Text datablock. From a file: to write a long line into one takes Blender minutes."""
    path = folder / "prompt.txt"
    path.write_text(text, "utf-8")
    return bpy.data.texts.load(str(path))


LONG = {
    "words": "snow falls " * (MEGABYTES // 11),
    "one word": "x" * MEGABYTES,
    "lines": "a line of it\n" * (MEGABYTES // 13),
    "wide letters": "雪" * (MEGABYTES // 3),
    "blank lines, then words": "\n" * 5000 + "snow falls " * (MEGABYTES // 11),
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
@pytest.mark.usefixtures("blender")
def test_only_what_is_shown_is_wrapped(
    module: Module, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    widgets = module("blender.ui.widgets")
    wrapped: list[int] = []
    real = textwrap.wrap

    def noted(paragraph: str, *given: Any, **named: Any) -> list[str]:
        wrapped.append(len(paragraph))
        return real(paragraph, *given, **named)

    monkeypatch.setattr(textwrap, "wrap", noted)
    head = widgets._head(text, 250, 11.0, 12)
    lines = widgets.lines_of(head, 250, 11.0, 12)
    assert len(lines) <= 12
    assert not lines or "…" in lines[-1]
    assert max(wrapped, default=0) <= len(head) < 1000


@pytest.mark.parametrize("letter", ["i", "W", "a b "])
@pytest.mark.usefixtures("blender")
def test_a_text_of_twelve_lines_is_shown_whole(module: Module, letter: str) -> None:
    """The part that is wrapped is never so short that a line which has room is missing."""
    widgets = module("blender.ui.widgets")
    text = (letter * 5000)[:5000]
    lines = widgets.lines_of(widgets._head(text, 250, 11.0, 12), 250, 11.0, 12)
    assert lines == widgets.lines_of(text, 250, 11.0, 12)


@pytest.mark.parametrize("where", ["prompt", "text"])
@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_prompt_of_megabytes_is_refused_uncounted(
    blender: Any, module: Module, tmp_path: Path, where: str, text: str
) -> None:
    chosen = blender.context.scene.grok_video
    chosen.source = "NONE"
    if where == "prompt":
        chosen.prompt = text
    else:
        chosen.prompt_text = text_of(blender, tmp_path, text)
    generate = module("blender.submission.generate")
    draft = generate.generate_draft(blender.context, blender.context.scene)
    why = generate.generate_refusal(blender.context, blender.context.scene, draft)
    assert why == "The prompt has more than 10,000 characters; the service takes 4096. Shorten it."
    if where == "text" and text.startswith("a line"):
        assert len(draft.prompt) < 30_000  # not all was read


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("A heron" + "\n" * 60_000, "A heron"),
        (" \n" * 40_000 + "A heron\nlifts off", "A heron\nlifts off"),
        ("A heron" + "\n" * 30_000 + "lifts off", "A heron" + "\n" * 30_000 + "lifts off"),
    ],
    ids=["blank lines after", "blank lines before", "blank lines between"],
)
def test_what_blank_lines_hide_is_sent_as_it_stands(
    blender: Any, tmp_path: Path, text: str, prompt: str
) -> None:
    """A text that is long, but whose words are few: no word of it is dropped, and none is bought without the others."""
    chosen = blender.context.scene.grok_video
    chosen.prompt_text = text_of(blender, tmp_path, text)
    assert chosen.written_prompt() == prompt


def test_the_title_of_a_job_looks_at_the_beginning_of_its_prompt(
    module: Module, blender: Any
) -> None:
    jobs, specs = module("blender.ui.jobs"), module("core.spec")
    spec = module("blender.submission.generate").generate_draft(
        blender.context, blender.context.scene
    )
    job = module("core.job").apply(
        None,
        module("core.events").Created(
            dataclasses.replace(spec, id=specs.new_id(), prompt="a\n b " * 10**6)
        ),
        1.0,
    )
    assert jobs._title(job) == " ".join(("a\n b " * 80).split())
