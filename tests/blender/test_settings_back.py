"""*Use These Settings*: the panel is as it was for a job, or the nearest to that, and what is gone is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .test_variants import add_camera, jobs_of

Module = Callable[[str], ModuleType]

#: What of the panel comes back; the pictures are asked for by tests of their own.
NAMES = [
    *("prompt", "source", "model", "model_other", "duration", "resolution", "aspect_ratio"),
    *("generate_audio", "end_frame", "keyframes", "extend_prompt", "extend_seconds"),
    *("edit_prompt", "edit_of", "edit_start"),
]


def panel(scene: Any) -> dict[str, Any]:
    return {name: getattr(scene.grok_video, name) for name in NAMES}


def make_other(scene: Any) -> None:
    """Set the whole panel to something else."""
    chosen = scene.grok_video
    chosen.model = "grok-imagine-video-1.5"
    chosen.prompt, chosen.source, chosen.duration = "Something else", "VIEWPORT", 15
    chosen.resolution, chosen.aspect_ratio, chosen.generate_audio = "1080p", "1:1", True
    chosen.end_frame = chosen.keyframes = True
    chosen.references.add()


@pytest.fixture
def asked(scene: Any, module: Module) -> Callable[..., Any]:
    """A function: fields -> the job that Generate would make now, with other values of those fields; not bought."""

    def ask(**fields: Any) -> Any:
        generate = module("blender.submission.generate")
        spec = generate.generate_draft(bpy.context, scene, "a" * 32)
        target = module("core.spec").Target("other session", blend=bpy.data.filepath)
        spec = replace(spec, id="a" * 32, target=target)
        job = module("core.job")
        return job.Job(replace(spec, **fields), job.State.FAILED, 1, 0.0, 0.0, "", 0.0)

    return ask


@pytest.fixture
def use(scene: Any, module: Module) -> Callable[[Any], Any]:
    """Put the settings of a job that is in no list into the panel; gives what was said."""
    return lambda job: module("blender.ui.use_settings").use(bpy.context, job)


def test_from_a_real_job_in_one_undo_step(scene: Any, stand_in: Any, module: Module) -> None:
    chosen = scene.grok_video
    chosen.resolution, chosen.aspect_ratio = "720p", "9:16"
    before = panel(scene)
    bpy.ops.grok_video.generate()
    (job,) = jobs_of(module)
    make_other(scene)
    assert bpy.ops.grok_video.use_settings(job=job.id) == {"FINISHED"}
    assert panel(scene) == before
    assert len(chosen.references) == 0
    assert "UNDO" in module("blender.ui.use_settings").GROK_VIDEO_OT_use_settings.bl_options
    make_other(scene)
    bpy.ops.grok_video.use_settings()  # without a name: the newest
    assert panel(scene) == before
    with pytest.raises(RuntimeError, match="no job"):
        bpy.ops.grok_video.use_settings(job="gone")
    assert len(stand_in.requests("submit")) == 1, "nothing is bought"


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "grok-imagine-video-1.5-lite", "duration": 3, "resolution": "1080p"},
        {"model": "OTHER", "model_other": "grok-of-tomorrow", "duration": 7},
        {"model": "OTHER", "model_other": "grok-imagine-video", "resolution": "1080p"},
        {"model": "OTHER", "model_other": "grok-imagine-video-1.5-preview"},
        {"prompt": r"A {red|blue} car \{no\}"},
        {"prompt": "Zwei\nZeilen „da“ 日の出 \\"},
        {"aspect_ratio": "1:1", "generate_audio": True},
        {"model": "grok-imagine-video-1.5", "end_frame": True},
    ],
)
def test_each_setting_comes_back(
    scene: Any, asked: Callable[..., Any], use: Any, settings: dict[str, Any], module: Module
) -> None:
    for name, value in settings.items():
        setattr(scene.grok_video, name, value)
    job = asked()
    make_other(scene)
    assert use(job).gone == []
    again = asked().spec
    variants = module("core.variants").variants_of
    assert variants(again.prompt).prompts == (job.spec.prompt,), "what was sent would be sent again"
    assert replace(again, prompt="") == replace(job.spec, prompt="")


def test_the_prompt_of_a_text(scene: Any, asked: Callable[..., Any], use: Any) -> None:
    text = bpy.data.texts.new("Shot")
    text.write("The fog lifts\nand a bell")
    scene.grok_video.prompt_text = text
    job = asked()
    use(job)
    assert scene.grok_video.prompt_text == text, "the artist's text says this already"
    text.clear()
    use(job)
    assert scene.grok_video.prompt_text is None
    assert scene.grok_video.prompt == "The fog lifts\nand a bell"
    assert text.as_string().strip() == "", "a text is the artist's"


def test_the_camera(scene: Any, asked: Callable[..., Any], use: Any, module: Module) -> None:
    add_camera(scene)
    source = module("core.spec").Source
    second = bpy.data.objects.new("Second", bpy.data.cameras.new("Second"))
    scene.collection.objects.link(second)
    job = asked(source=source("CAMERA", scene.name, 3.0, "Second"))
    scene.grok_video.source = "NONE"
    said = use(job)
    assert (said.gone, scene.grok_video.source, scene.camera) == ([], "CAMERA", second)
    assert said.notes == ["“Second” is the scene's camera now."]
    scene.grok_video.source = "NONE"
    bpy.data.objects.remove(second)
    said = use(job)
    assert said.gone == ["The camera “Second” is gone: the source stays as it is."]
    assert scene.grok_video.source == "NONE"
    other = bpy.data.scenes.new("Other")
    other.collection.objects.link(bpy.data.objects.new("Second", bpy.data.cameras.new("Second")))
    assert "is not in this scene" in use(job).gone[0]
    said = use(asked(source=source("VIEWPORT", "Other", 3.0)))
    assert said.notes == ["The clip showed the scene “Other”; the source is this scene."]


def test_the_image_and_references(
    scene: Any, asked: Callable[..., Any], use: Any, module: Module, tmp_path: Path
) -> None:
    """By name in their own file; where a datablock is gone, from the file that was sent."""
    spec = module("core.spec")
    sent = tmp_path / "sent.png"
    image = bpy.data.images.new("Heron", 8, 8)
    image.filepath_raw, image.file_format = str(sent), "PNG"
    image.save()
    image.filepath_raw, image.source = "", "GENERATED"
    picture = spec.Picture(str(sent), "image/png", label="Heron")
    scene.grok_video.model = "grok-imagine-video-1.5"
    job = asked(
        image=str(sent),
        source=spec.Source("IMAGE", scene.name, image="Heron"),
        references=(picture,),
    )
    assert use(job).gone == []
    chosen = scene.grok_video
    assert chosen.source == "IMAGE"
    assert chosen.image == chosen.references[0].image == image
    bpy.data.images.remove(image)
    assert use(job).gone == []
    assert bpy.path.abspath(chosen.references[0].image.filepath) == str(sent)
    assert chosen.references[0].image.name == "Heron"
    assert chosen.image == chosen.references[0].image
    elsewhere = replace(job, spec=replace(job.spec, target=spec.Target("x", blend="/other.blend")))
    stranger = bpy.data.images.new("Stranger", 8, 8)
    chosen.references[0].image.name = "Before"
    stranger.name = "Heron"
    assert use(elsewhere).gone == []
    assert chosen.references[0].image != stranger, "another file's image has the same name"
    for one in list(bpy.data.images):
        bpy.data.images.remove(one)
    sent.unlink()
    chosen.source = "NONE"
    assert use(job).gone == [
        "The image “Heron” is gone: the source stays as it is.",
        "The reference “Heron” is gone.",
    ]
    assert chosen.source == "NONE"
    assert len(chosen.references) == 0


def test_end_frame_and_keyframes(
    scene: Any, asked: Callable[..., Any], use: Any, module: Module
) -> None:
    add_camera(scene)
    chosen = scene.grok_video
    chosen.model, chosen.duration = "grok-imagine-video-1.5", 4
    chosen.end_frame = chosen.keyframes = True
    chosen.end_camera = scene.camera
    scene.timeline_markers.new("Turn", frame=40)
    job = asked()
    chosen.end_frame = chosen.keyframes = False
    chosen.end_camera = None
    assert use(job).gone == []
    assert (chosen.end_frame, chosen.keyframes) == (True, True)
    assert chosen.end_camera == scene.camera
    scene.timeline_markers.clear()
    bpy.data.objects.remove(scene.camera)
    gone = use(job).gone
    assert any("The marker “Turn” of a keyframe is gone" in words for words in gone)
    assert any("of the end frame is gone" in words for words in gone)
    assert chosen.end_camera is None


def test_extensions_continuations_and_edits(
    scene: Any, asked: Callable[..., Any], use: Any, module: Module
) -> None:
    spec, chosen = module("core.spec"), scene.grok_video
    chosen.prompt = "Stays"
    use(asked(kind=spec.Kind.EXTEND, prompt="It dawns", duration=9))
    assert (chosen.extend_prompt, chosen.extend_seconds) == ("It dawns", 9)
    strip = spec.Source("STRIP", scene.name, 9.0, image="Camera")
    use(asked(prompt="It {snows|rains}", duration=15, resolution="720p", source=strip))
    assert (chosen.extend_prompt, chosen.extend_seconds) == ("It {snows|rains}", 15)
    assert chosen.resolution == "720p"
    target = spec.Target("x", place="OVER", offset=24)
    use(asked(kind=spec.Kind.EDIT, prompt="As a drawing", source=strip, target=target))
    assert (chosen.edit_prompt, chosen.edit_of, chosen.edit_start) == ("As a drawing", "STRIP", 24)
    use(asked(kind=spec.Kind.EDIT, prompt="At night", source=spec.Source("VIEWPORT", scene.name)))
    assert (chosen.edit_prompt, chosen.edit_of) == ("At night", "VIEWPORT")
    assert (chosen.prompt, chosen.source) == ("Stays", "NONE")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"duration": 10**30}, {"duration": 15}),
        ({"duration": -5}, {"duration": 1}),
        ({"resolution": "4320p"}, {"resolution": "720p"}),
        ({"resolution": "huge"}, {"resolution": "480p"}),
        ({"aspect_ratio": "170:96"}, {"aspect_ratio": "16:9"}),
        ({"aspect_ratio": "0:0"}, {"aspect_ratio": "AUTO"}),
        ({"aspect_ratio": "9" * 5000 + ":1"}, {"aspect_ratio": "AUTO"}),
        ({"model": "gone\0\n"}, {"model": "OTHER", "model_other": "gone"}),
        ({"model": ""}, {"model": "grok-imagine-video"}),
        ({"prompt": "half \ud800 of it\0"}, {"prompt": "half ? of it"}),
    ],
)
def test_what_a_damaged_list_holds_becomes_the_nearest(
    scene: Any, asked: Callable[..., Any], use: Any, fields: dict[str, Any], wanted: dict[str, Any]
) -> None:
    scene.render.resolution_x, scene.render.resolution_y = 900, 900
    use(asked(**fields))
    assert {name: getattr(scene.grok_video, name) for name in wanted} == wanted


def test_a_source_that_there_is_not(
    scene: Any, asked: Callable[..., Any], use: Any, module: Module
) -> None:
    said = use(asked(source=module("core.spec").Source("HOLODECK\n" + "x" * 10**6)))
    assert said.gone[0].startswith("There is no source “HOLODECK")
    assert len(said.gone[0]) < 200
    assert scene.grok_video.source == "NONE"


def test_a_linked_scene_is_refused(
    scene: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    bpy.ops.grok_video.generate()
    (job,) = jobs_of(module)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.data.scenes["Scene"].name = "Own"
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (_there, wanted):
        wanted.scenes = ["Scene"]
    linked = wanted.scenes[0]
    with bpy.context.temp_override(scene=linked), pytest.raises(RuntimeError, match="is linked"):
        bpy.ops.grok_video.use_settings(job=job.id)


def test_the_strip_offers_its_job(scene: Any, stand_in: Any, module: Module) -> None:
    from .test_orders import Drawn

    bpy.ops.grok_video.generate()
    draw = module("blender.ui.use_settings").draw_use_settings
    layout = Drawn()
    draw(layout, bpy.context)
    assert layout.words == ["grok_video.use_settings: "]
    scene.sequence_editor.active_strip["grok_video_job"] = "unknown"
    layout = Drawn()
    draw(layout, bpy.context)
    assert layout.words == []
