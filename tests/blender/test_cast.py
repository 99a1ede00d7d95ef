"""The cast: characters kept in the file, named in the prompt as @Name, and what the service gets of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest
from PIL import Image

from . import editing
from .test_orders import Drawn, bodies, colour_of, newest, refused
from .test_rework_breaker import tick_until, window
from .test_variants import add_camera

__all__ = ["window"]  # fixtures

Module = Callable[[str], ModuleType]
V15 = "grok-imagine-video-1.5"
VOICES = ("ara", "eve", "leo", "rex", "sal")  # of those that the service has
COLOURS = {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200), "white": (220,) * 3}


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[str], Any]:
    """Opens a picture of one colour, by the name of the colour."""

    def of(colour: str) -> Any:
        path = tmp_path / f"{colour}.png"
        Image.new("RGB", (64, 48), COLOURS[colour]).save(path)
        return bpy.data.images.load(str(path), check_existing=True)

    return of


@pytest.fixture
def cast(scene: Any, opened: Callable[[str], Any]) -> Any:
    """Anna with one picture, Anna Lee with two and a voice, Off with a voice alone; 1.5 makes the clip."""
    chosen = scene.grok_video
    chosen.model, chosen.resolution = V15, "480p"
    chosen.generate_audio = True
    for name, colours, voice in (
        ("Anna", ["red"], ""),
        ("Anna Lee", ["green", "blue"], "leo"),
        ("Off", [], "ara"),
    ):
        bpy.ops.grok_video.add_character(name=name)
        for colour in colours:
            bpy.ops.grok_video.add_reference(image=opened(colour).name, character=name)
        chosen.cast[-1].voice = voice
    return chosen.cast


def colours_of(stand_in: Any, body: dict[str, Any]) -> list[str]:
    """The colours of the references that were sent, in order."""

    def nearest(pixel: tuple[int, ...]) -> str:
        return min(
            COLOURS,
            key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], pixel, strict=True)),
        )

    return [nearest(colour_of(stand_in, one)) for one in body.get("reference_images", [])]


def voices_of(body: dict[str, Any]) -> list[str]:
    return [one["voice_id"] for one in body.get("reference_audios", [])]


def words(module: Module, part: str = "draw_generate") -> str:
    layout = Drawn()
    getattr(module("blender.ui.generate"), part)(layout, bpy.context)
    return " ".join(layout.words)


def test_who_is_named_goes_along_and_nobody_else(
    scene: Any, cast: Any, stand_in: Any, module: Module, opened: Callable[[str], Any]
) -> None:
    chosen = scene.grok_video
    bpy.ops.grok_video.add_reference(image=opened("white").name)
    chosen.prompt = "A room like <IMAGE_0>"
    bpy.ops.grok_video.generate()
    chosen.prompt = "@Anna waves"
    bpy.ops.grok_video.generate()
    chosen.prompt = "@anna lee's friend @Anna hears @Off"
    bpy.ops.grok_video.generate()
    nobody, anna, all_three = bodies(stand_in)
    assert colours_of(stand_in, nobody) == ["white"]
    assert voices_of(nobody) == []
    assert anna["prompt"] == "<IMAGE_1> waves"
    assert colours_of(stand_in, anna) == ["white", "red"]
    assert voices_of(anna) == []
    # The rest of the sentence: which pictures are of one character, and who speaks how.
    sent, rest = all_three["prompt"].split(". ", 1)
    assert sent == "<IMAGE_2>'s friend <IMAGE_1> hears <AUDIO_1>"
    assert "<IMAGE_2> and <IMAGE_3> show the same character" in rest
    assert "<IMAGE_2> speaks with the voice from <AUDIO_0>" in rest
    assert colours_of(stand_in, all_three) == ["white", "red", "green", "blue"]
    assert voices_of(all_three) == ["leo", "ara"]
    jobs = list(reversed(module("blender.session.state").current().bridge.snapshot.all))
    assert [job.spec.estimate for job in jobs] == [one["ticks"] for one in stand_in.jobs()]
    assert [job.spec.written for job in jobs] == [
        "",
        "@Anna waves",
        "@anna lee's friend @Anna hears @Off",
    ]
    assert [job.spec.prompt for job in jobs] == [body["prompt"] for body in bodies(stand_in)]
    told = json.loads(Path(jobs[2].clip.path).with_suffix(".json").read_text("utf-8"))
    assert told["written"] == jobs[2].spec.written
    assert [one["name"] for one in told["cast"]] == ["Anna", "Anna Lee", "Off"]
    assert told["voices"] == ["leo", "ara"]
    assert "anna" in Path(jobs[1].clip.path).name.lower(), "artists know it by the name"


@pytest.mark.parametrize(
    ("prompt", "change", "said"),
    [
        ("@Bob waves", {}, "no character “@Bob”"),
        ("@Annabel", {}, "no character “@Annabel”"),
        ("@Empty", {}, "“Empty” has no picture and no voice"),
        ("@Hollow", {}, "Picture 1 of @Hollow: Choose an image"),
        ("@Anna", {"model": "grok-imagine-video-1.5-lite"}, "takes no pictures of the cast"),
        ("@Off", {"model": "grok-imagine-video"}, "takes no voices"),
        ("@Anna Lee", {"model": "grok-imagine-video"}, "takes no voices"),
        ("@Off", {"resolution": "1080p"}, "With voices there is no 1080p"),
        ("@Many", {}, "There are 15 references, 15 of them pictures of the cast"),
        ("@V0 @V1 @V2 @V3", {}, "names 4 voices; the service takes 3"),
        ("@Anna" + "x" * 5000, {}, "no character"),
        ("x" * 4090 + " @Anna Lee", {}, "the service takes 4096"),
    ],
)
def test_what_cannot_be_sent_is_said_and_nothing_is_sent(
    scene: Any,
    cast: Any,
    stand_in: Any,
    module: Module,
    opened: Callable[[str], Any],
    prompt: str,
    change: dict[str, str],
    said: str,
) -> None:
    chosen = scene.grok_video
    for name in ("Empty", "Hollow", "Many", "V0", "V1", "V2", "V3"):
        bpy.ops.grok_video.add_character(name=name)
        cast[-1].voice = name if name[0] == "V" else ""
    cast["Hollow"].images.add()
    for _ in range(15):
        cast["Many"].images.add().image = opened("red")
    for name, value in change.items():
        setattr(chosen, name, value)
    chosen.prompt = prompt
    shown = words(module)
    assert said in shown
    refused(bpy.ops.grok_video.generate, said)
    assert bodies(stand_in) == []
    assert len(module("blender.session.state").current().bridge.snapshot.all) == 0


def test_the_price_counts_the_pictures_that_go_along(scene: Any, cast: Any, module: Module) -> None:
    chosen = scene.grok_video
    chosen.prompt = "Anna waves"
    assert "Generate for $0.08" in words(module)
    chosen.prompt = "@Anna Lee waves"
    assert "Generate for $0.10" in words(module)
    chosen.prompt = "{Nobody|@Anna Lee|@Anna} waves"
    assert "Generate 3 Variants for $0.27" in words(module)
    chosen.prompt = "{Nobody|@Anna Lee|Somebody} waves"
    assert "Generate 3 Variants for $0.26" in words(module)


def test_each_variant_sends_its_own(scene: Any, cast: Any, stand_in: Any, module: Module) -> None:
    chosen = scene.grok_video
    chosen.prompt = r"{Nobody|@Anna Lee|@Anna and @Off|a\@b} waves"
    bpy.ops.grok_video.generate(variants=True)
    by_prompt = {body["prompt"].split(".")[0]: body for body in bodies(stand_in)}
    assert {words: colours_of(stand_in, body) for words, body in by_prompt.items()} == {
        "Nobody waves": [],
        "<IMAGE_0> waves": ["green", "blue"],
        "<IMAGE_0> and <AUDIO_0> waves": ["red"],
        "a@b waves": [],
    }
    assert voices_of(by_prompt["<IMAGE_0> and <AUDIO_0> waves"]) == ["ara"]
    jobs = list(module("blender.session.state").current().bridge.snapshot.all)
    assert sorted(job.spec.estimate for job in jobs) == sorted(
        one["ticks"] for one in stand_in.jobs()
    )
    assert {job.spec.written for job in jobs} == {chosen.prompt}
    for job in jobs:
        assert all(picture.size for picture in job.spec.references)
        sent = {picture.path for picture in job.spec.references}
        assert sent <= {mark.path for mark in job.spec.files}


def test_each_variant_of_a_draft_has_the_model_that_takes_what_goes_along(
    scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.draft, chosen.prompt = True, "{Nobody|@Anna Lee} waves"
    bpy.ops.grok_video.generate(variants=True)
    models = {len(body.get("reference_images", ())): body["model"] for body in bodies(stand_in)}
    cheapest = module("service.cheapest")
    jobs = list(module("blender.session.state").current().bridge.snapshot.all)
    assert models == {len(job.spec.references): job.spec.model for job in jobs}
    assert models[0] != models[2]
    for job in jobs:
        assert job.spec.model == cheapest.drafted(job.spec).model
    assert sorted(job.spec.estimate for job in jobs) == sorted(
        one["ticks"] for one in stand_in.jobs()
    )


def test_one_variant_that_cannot_be_sent_refuses_all(
    scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    scene.grok_video.prompt = "{@Anna|@Bob} waves"
    assert "Variant 2: There is no character “@Bob”" in words(module)
    refused(lambda: bpy.ops.grok_video.generate(variants=True), "Variant 2: There is no character")
    assert bodies(stand_in) == []


def test_settings_come_back_with_names(
    scene: Any, cast: Any, stand_in: Any, module: Module, opened: Callable[[str], Any]
) -> None:
    chosen = scene.grok_video
    bpy.ops.grok_video.add_reference(image=opened("white").name)
    chosen.prompt = r"{@Anna Lee|@Off} says \{hi\} to \@all"
    bpy.ops.grok_video.generate(variants=True)
    jobs = list(module("blender.session.state").current().bridge.snapshot.all)
    (with_lee,) = [job for job in jobs if len(job.spec.references) == 3]
    chosen.prompt = "Something else"
    chosen.references.clear()
    chosen.cast.clear()
    bpy.ops.grok_video.use_settings(job=with_lee.id)
    assert [one.image.name for one in chosen.references] == ["white.png"]
    (lee,) = chosen.cast
    assert (lee.name, lee.voice) == ("Anna Lee", "leo")
    assert [one.image.name for one in lee.images] == ["green.png", "blue.png"]
    told = module("blender.submission.generate").generate_draft(bpy.context, scene)
    asked = module("blender.submission.variants").asked_for(scene)
    assert asked.count == 1
    told = module("blender.submission.generate").generate_draft(
        bpy.context, scene, prompt=asked.prompts[0]
    )
    assert told.prompt == with_lee.spec.prompt
    assert (told.voices, told.cast) == (with_lee.spec.voices, with_lee.spec.cast)
    # A character that was changed meanwhile is the artist's.
    lee.voice = "rex"
    bpy.ops.grok_video.use_settings(job=with_lee.id)
    assert [(one.name, one.voice) for one in chosen.cast] == [("Anna Lee", "rex")]


def test_the_history_and_a_preset_keep_the_names(
    scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    chosen, prompts = scene.grok_video, module("blender.ui.prompts")
    written = [r"@Anna, mail \@b or a@b.c", r"{@Anna|@Off} waves", "a@b.c"]
    for prompt in written:
        chosen.prompt = prompt
        bpy.ops.grok_video.generate(variants=True)
    assert [prompts.typed_for(job) for job in prompts.history(scene)] == list(reversed(written))
    chosen.prompt = "@Anna waves"
    assert chosen.nearest.prompt == "@Anna waves"
    assert "the character “Anna”" in module("blender.ui.presets").not_kept(scene)
    chosen.prompt = "Anna waves"
    assert "the character “Anna”" not in module("blender.ui.presets").not_kept(scene)


def test_another_take_with_the_panels_settings(
    scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.prompt = "@Anna Lee waves"
    bpy.ops.grok_video.generate(slot=True)
    chosen.prompt = "@Anna Lee smiles"
    cast["Anna Lee"].voice = "rex"
    bpy.ops.grok_video.another_take(changed=True)
    chosen.prompt = "@Anna smiles"
    bpy.ops.grok_video.another_take(changed=True)
    _, smiles, anna = bodies(stand_in)
    assert smiles["prompt"].startswith("<IMAGE_0> smiles")
    assert (colours_of(stand_in, smiles), voices_of(smiles)) == (["green", "blue"], ["rex"])
    assert (colours_of(stand_in, anna), voices_of(anna)) == (["red"], [])
    assert newest(module).spec.written == "@Anna smiles"
    chosen.prompt = "@Bob smiles"
    refused(lambda: bpy.ops.grok_video.another_take(changed=True), "no character “@Bob”")
    bpy.ops.grok_video.another_take()
    assert bodies(stand_in)[-1]["prompt"] == anna["prompt"]


def test_another_take_of_a_clip_without_pictures_names_nobody_unknown(
    scene: Any, cast: Any, stand_in: Any
) -> None:
    scene.grok_video.prompt = "Somebody waves"
    bpy.ops.grok_video.generate(slot=True)
    scene.grok_video.prompt = "@Bob smiles"
    refused(lambda: bpy.ops.grok_video.another_take(changed=True), "no character “@Bob”")
    scene.grok_video.prompt = r"\@Bob smiles at @Off"
    bpy.ops.grok_video.another_take(changed=True)
    assert bodies(stand_in)[-1]["prompt"] == "@Bob smiles at <AUDIO_0>"
    assert voices_of(bodies(stand_in)[-1]) == ["ara"]


def test_fourteen_references_go_along(
    scene: Any, stand_in: Any, opened: Callable[[str], Any]
) -> None:
    chosen = scene.grok_video
    chosen.model = V15
    for _ in range(14):
        bpy.ops.grok_video.add_reference(image=opened("red").name)
    refused(lambda: bpy.ops.grok_video.add_reference(image="red.png"), "14 references at most")
    bpy.ops.grok_video.generate()
    assert len(bodies(stand_in)[0]["reference_images"]) == 14
    chosen.model = "grok-imagine-video"
    refused(bpy.ops.grok_video.generate, "There are 14 references; the service takes 7")


def test_names_are_clean_and_each_is_there_once(scene: Any) -> None:
    cast = scene.grok_video.cast
    for name in ("Anna", "anna", "", "  a@b{c|d}  ", "x" * 500, "\n", "é" * 500):
        bpy.ops.grok_video.add_character(name=name)
    assert [one.name for one in cast][:4] == ["Anna", "anna.001", "Character", "a b c d"]
    assert cast[4].name == "x" * 63
    assert cast[5].name == "Character.001"
    assert len(cast[6].name) <= 63
    cast[1].name = "Anna"
    assert cast[1].name == "Anna.001"
    cast[1].name = "Anna.001"
    assert cast[1].name == "Anna.001"
    bpy.ops.grok_video.move_character(index=1, direction="UP")
    assert [one.name for one in cast][:2] == ["Anna.001", "Anna"]
    assert scene.grok_video.cast_index == 0
    assert bpy.ops.grok_video.move_character(direction="UP") == {"CANCELLED"}
    bpy.ops.grok_video.remove_character(index=0)
    scene.grok_video.cast_index = len(cast) - 1
    for _ in range(len(cast)):
        bpy.ops.grok_video.remove_character()
    assert len(cast) == 0
    refused(bpy.ops.grok_video.remove_character, "no such character")
    refused(lambda: bpy.ops.grok_video.insert_character(index=5), "no such character")
    refused(lambda: bpy.ops.grok_video.add_reference(character="Bob"), "no character “Bob”")


def test_a_new_name_goes_into_the_prompts_of_the_scene(scene: Any, cast: Any) -> None:
    chosen, other = scene.grok_video, bpy.data.scenes.new("Other")
    other.grok_video.prompt = chosen.prompt = r"{@Anna|@Anna Lee} and \@Anna"
    chosen.extend_prompt = "@anna goes on"
    text, shared = bpy.data.texts.new("Own"), bpy.data.texts.new("Shared")
    for one in (text, shared):
        one.write("A hill.\n@Anna's hat\n@Anna Lee")
    chosen.prompt_text = text
    bpy.ops.ed.undo_push(message="before")
    cast[0].name = "Berta"
    assert chosen.prompt == r"{@Berta|@Anna Lee} and \@Anna"
    assert chosen.extend_prompt == "@Berta goes on"
    assert text.as_string() == "A hill.\n@Berta's hat\n@Anna Lee"
    assert other.grok_video.prompt == r"{@Anna|@Anna Lee} and \@Anna"
    bpy.ops.ed.undo_push(message="Name")
    bpy.ops.ed.undo()
    chosen = bpy.context.scene.grok_video
    assert chosen.cast[0].name == "Anna"
    assert chosen.prompt == r"{@Anna|@Anna Lee} and \@Anna"
    assert bpy.data.texts["Own"].as_string() == "A hill.\n@Anna's hat\n@Anna Lee"
    bpy.ops.ed.redo()
    chosen = bpy.context.scene.grok_video
    assert chosen.prompt == r"{@Berta|@Anna Lee} and \@Anna"
    chosen.prompt_text = bpy.data.texts["Shared"]
    bpy.data.scenes["Other"].grok_video.prompt_text = bpy.data.texts["Shared"]
    chosen.cast[0].name = "Carla"
    assert bpy.data.texts["Shared"].as_string() == "A hill.\n@Anna's hat\n@Anna Lee"


def test_a_new_name_that_is_taken_or_unclean_goes_into_the_prompt_as_it_became(
    scene: Any, cast: Any
) -> None:
    scene.grok_video.prompt = "@Anna waves"
    cast[0].name = "Off"
    assert scene.grok_video.prompt == "@Off.001 waves"
    cast[0].name = "@Be{rta"
    assert scene.grok_video.prompt == f"@{cast[0].name} waves"
    cast[0].name = ""
    assert scene.grok_video.prompt == "@Character waves"


def test_a_character_of_an_older_file_is_renamed_in_the_prompt_too(
    scene: Any, cast: Any, tmp_path: Path
) -> None:
    scene.grok_video.prompt = "@Anna waves"
    for one in cast:
        one.property_unset("prompted")
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    chosen = bpy.context.scene.grok_video
    chosen.cast[0].name = "Berta"
    assert chosen.prompt == "@Berta waves"


def test_a_name_is_put_at_the_end_or_at_a_texts_cursor(scene: Any) -> None:
    chosen = scene.grok_video
    bpy.ops.grok_video.add_character(name="Anna")
    chosen.prompt = "Here comes "
    bpy.ops.grok_video.insert_character()
    assert chosen.prompt == "Here comes @Anna"
    text = bpy.data.texts.new("Prompt")
    text.write("Here walks")
    chosen.prompt_text = text
    bpy.ops.grok_video.insert_character(index=0)
    assert text.as_string() == "Here walks @Anna"


def test_a_camera_view_of_a_character(scene: Any, stand_in: Any, module: Module) -> None:
    add_camera(scene)
    scene.grok_video.source = "NONE"
    bpy.ops.grok_video.add_character(name="Anna")
    bpy.ops.grok_video.add_camera_reference(camera="Camera", character="Anna")
    (picture,) = scene.grok_video.cast["Anna"].images
    assert picture.image.packed_file is not None
    assert len(scene.grok_video.references) == 0
    scene.grok_video.prompt = "@Anna waves"
    bpy.ops.grok_video.generate()
    (body,) = bodies(stand_in)
    assert len(body["reference_images"]) == 1
    bpy.ops.grok_video.remove_reference(index=0, character="Anna")
    assert len(scene.grok_video.cast["Anna"].images) == 0


def test_the_cast_is_kept_in_the_file(scene: Any, cast: Any, tmp_path: Path) -> None:
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    kept = bpy.context.scene.grok_video.cast
    assert [(one.name, one.voice, len(one.images)) for one in kept] == [
        ("Anna", "", 1),
        ("Anna Lee", "leo", 2),
        ("Off", "ara", 0),
    ]


def test_what_is_drawn(scene: Any, cast: Any, module: Module) -> None:
    def notes() -> str:
        layout = Drawn()
        module("blender.ui.cast").draw_notes(layout, bpy.context)
        return " ".join(layout.words)

    assert notes() == ""
    scene.grok_video.prompt = "@Anna Lee and @Off wave"
    assert "@Anna Lee is <IMAGE_0> <IMAGE_1>, voice <AUDIO_0>" in notes()
    assert "@Off is voice <AUDIO_1>" in notes()
    assert "no voice is heard" not in notes()
    scene.grok_video.generate_audio = False
    assert "no voice is heard" in notes()
    scene.grok_video.prompt = "{Nobody|@Anna} waves"
    assert "Variant 2: @Anna is <IMAGE_0>" in notes()


def test_many_characters_are_read_once_for_all_variants(
    scene: Any, module: Module, patches: Any
) -> None:
    chosen = scene.grok_video
    chosen.model, chosen.resolution = V15, "480p"
    for number in range(200):
        character = chosen.cast.add()
        character.name, character.voice = f"Extra {number}", "leo"

    def reads(prompt: str) -> int:
        of_cast, read = module("blender.submission.cast"), list[int]()
        characters = of_cast.characters

        def counted(*given: Any) -> Any:
            read.append(1)
            return characters(*given)

        chosen.prompt = prompt
        words(module), words(module, "draw_request")  # what is remembered is there
        patches.set(of_cast, "characters", counted)
        words(module), words(module, "draw_request")
        patches.undo()
        return len(read)

    many = "|".join(f"@Extra {number} waves" for number in range(16))
    assert 0 < reads(f"{{{many}}}") <= reads("{@Extra 1|@Extra 2}")


def test_only_generate_sends_characters(
    scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    chosen.duration = 3
    bpy.ops.grok_video.generate()
    (strip,) = [one for one in editing.strips(scene) if one.type == "MOVIE"]
    chosen.model = "grok-imagine-video"
    chosen.extend_prompt = chosen.edit_prompt = "@Anna waves"
    for call in (
        bpy.ops.grok_video.extend,
        bpy.ops.grok_video.edit,
        bpy.ops.grok_video.continue_shot,
    ):
        refused(
            lambda call=call: call(strip=strip.name), "The prompt names @Anna, and only Generate"
        )
    chosen.extend_prompt = "@nobody@a.b waves"
    bpy.ops.grok_video.extend(strip=strip.name)
    assert bodies(stand_in)[-1]["prompt"] == "@nobody@a.b waves"


def test_a_refused_voice_offers_those_that_there_are(
    scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    voices, chosen = module("blender.session.voices"), scene.grok_video
    cast["Off"].voice = "nobody"
    chosen.prompt = "@Off speaks"
    assert not voices.is_unknown("nobody"), "nobody has named the voices yet"
    refused(bpy.ops.grok_video.generate, "nobody")
    job = newest(module)
    assert (job.state, job.cost or 0, stand_in.jobs()) == ("FAILED", 0, [])
    assert voices.is_unknown("nobody")
    assert not voices.is_unknown("ARA")
    offered = voices.offered_by(job)
    assert set(VOICES) <= set(offered)
    layout = Drawn()
    module("blender.ui.job_buttons").draw_actions(layout, job, False)
    assert any("Voice of Off" in words for words in layout.words)
    bpy.ops.grok_video.choose_voice(index=2, voice=offered[-1])
    assert cast["Off"].voice == offered[-1]
    layout = Drawn()
    module("blender.ui.job_buttons").draw_actions(layout, job, False)
    assert not any("Voice of" in words for words in layout.words)
    bpy.ops.grok_video.generate()
    assert voices_of(bodies(stand_in)[-1]) == [offered[-1]]


def test_the_list_of_voices_where_the_key_may_read_it(
    scene: Any, stand_in: Any, module: Module
) -> None:
    voices, table = module("blender.session.voices"), module("service.models").VOICES
    waiting = module("blender.session.waiting")
    questions, queue = module("blender.session.questions"), module("blender.session.queue")
    asked = module("blender.session.state").current().questions.voices

    def refresh() -> Any:
        bpy.ops.grok_video.refresh_models()
        waiting.until(lambda: questions.answer_to(asked), queue.read_all)
        return questions.answer_to(asked)

    stand_in.settings(voices_forbidden=True)
    assert refresh()["ok"] is False
    assert (tuple(voices.named()), tuple(voices.known())) == ((), table)
    assert "oices" not in words(module), "nothing is said about it"
    stand_in.settings(voices_forbidden=False)
    assert refresh()["ok"] is True
    assert set(VOICES) <= set(voices.named())
    assert voices.is_unknown("abcd1234")
    stand_in.settings(custom_voices="abcd1234")
    assert refresh()["ok"] is True
    assert (voices.known()[0], voices.own()) == ("abcd1234", ["abcd1234"])
    assert set(VOICES) <= set(voices.known())
    assert not voices.is_unknown("ABCD1234")
    stand_in.fail("voices", 403)  # of the service's list alone
    assert refresh()["own_voices"] == ["abcd1234"]
    assert tuple(voices.known()) == ("abcd1234", *table)
    assert not voices.is_unknown("ara"), "only the account's own are named"


def test_the_character_is_renamed_while_its_picture_is_rendered(
    window: None, scene: Any, cast: Any, module: Module, tmp_path: Path
) -> None:
    add_camera(scene)
    click = module("blender.session.state").current().click
    module("blender.ui.references").add_from_camera(bpy.context, "Camera", "Anna")
    cast["Anna"].name = "Anne"
    tick_until(module("blender.session"), lambda: not click.queue)
    assert "no character “Anna”" in click.message
    assert [len(one.images) for one in cast] == [1, 2, 0]
    assert list((tmp_path / "data").rglob("*-reference.png")) == []


def test_a_press_that_is_stopped_leaves_no_picture_of_any_variant(
    window: None, scene: Any, cast: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    add_camera(scene)
    scene.grok_video.prompt = "{@Anna|@Anna Lee} waves"
    module("blender.session.variants").generate(bpy.context, scene, scene, 1)
    assert len(list((tmp_path / "data").rglob("*-cast-*.png"))) == 3
    module("blender.session.click").stop_preparing()
    assert list((tmp_path / "data").rglob("*-cast-*")) == []
    assert bodies(stand_in) == []


def test_the_cast_changes_after_the_click(
    window: None, scene: Any, cast: Any, stand_in: Any, module: Module
) -> None:
    """What is sent is what was clicked, also where the camera is rendered after that."""
    add_camera(scene)
    session, chosen = module("blender.session"), scene.grok_video
    chosen.prompt = "{@Anna|@Anna Lee} waves"
    ids = module("blender.session.variants").generate(
        bpy.context, scene, scene, 1, allow_single_color=True
    )
    cast.clear()
    chosen.prompt = "Something else"
    job_by_id = module("blender.session.state").job_by_id
    tick_until(
        session, lambda: all((job := job_by_id(one)) and job.state == "IMPORTED" for one in ids)
    )
    sent = bodies(stand_in)
    # The first frame is no reference: it has no number.
    assert {body["prompt"].split(".")[0] for body in sent} == {"<IMAGE_0> waves"}
    assert sorted(colours_of(stand_in, body) for body in sent) == [["green", "blue"], ["red"]]
    assert len({str(body["image"]) for body in sent}) == 1
