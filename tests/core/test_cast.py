"""``@Name`` in a prompt: who is meant, what is sent in place of the names, and what cannot be sent."""

from __future__ import annotations

import random
import re
import time
import unicodedata
from dataclasses import replace

import pytest

from grok_video.core.cast import (
    LONGEST,
    LONGEST_NAME,
    as_typed,
    clean_name,
    free_name,
    renamed,
    told,
)
from grok_video.core.spec import Character

ANN, ANNA, LEE = Character("Ann", 1), Character("Anna", 1), Character("Anna Lee", 1)
HANAKO, HANA = Character("花子", 1), Character("花", 1)
CAST = (
    ANN,
    ANNA,
    LEE,
    HANAKO,
    HANA,
    Character("Zoë", 1),
    Character("🐱", 1),
    Character("R2-D2", 1),
)

#: What is written, and whom of CAST it names, in the order of the text.
NAMED = [
    ("A heron lifts off", []),
    ("", []),
    ("@Ann waves", ["Ann"]),
    ("@Anna waves", ["Anna"]),
    ("@Anna Lee waves", ["Anna Lee"]),
    ("@Anna Lees waves", ["Anna"]),
    ("@anna LEE's hat", ["Anna Lee"]),
    ("@Ann, @Anna.", ["Ann", "Anna"]),
    ("(@Ann)", ["Ann"]),
    ("@Ann@Anna", ["Ann", "Anna"]),
    ("@@Ann", ["Ann"]),
    ("Hello\n@Ann\nwaves", ["Ann"]),
    ("@Ann @Ann @ann", ["Ann", "Ann", "Ann"]),
    ("彼は@花子が好き", ["花子"]),
    ("@花が咲く", ["花"]),
    ("@ZOË and @Zoe\u0308", ["Zoë", "Zoë"]),
    ("@🐱 jumps", ["🐱"]),
    ("@R2-D2 beeps", ["R2-D2"]),
    # No names.
    ("mail ann@anna.com", []),
    ("5 @ 3", []),
    ("at the end @", []),
    (r"\@Ann waves", []),
    (r"\@nobody", []),
    ("@… and @!", []),
]


@pytest.mark.parametrize(("written", "named"), NAMED)
def test_whom_a_prompt_names(written: str, named: list[str]) -> None:
    found = told(written, CAST)
    assert found.trouble == ""
    assert {one.name for one in found.members} == set(named)
    assert found.prompt.count("<IMAGE_") == len(named)
    assert [CAST[number] for number in found.named] == list(found.members)
    # In the order of the cast, whatever the order in the text.
    assert list(found.members) == [one for one in CAST if one.name in named]


@pytest.mark.parametrize(
    ("written", "cast", "before", "sent", "notes"),
    [
        ("@Anna waves", (ANNA,), 0, "<IMAGE_0> waves", ["@Anna is <IMAGE_0>"]),
        ("@Anna waves", (ANN, ANNA), 1, "<IMAGE_1> waves", ["@Anna is <IMAGE_1>"]),
        (
            "@Anna sees @Ann",
            (ANN, ANNA),
            2,
            "<IMAGE_3> sees <IMAGE_2>",
            ["@Ann is <IMAGE_2>", "@Anna is <IMAGE_3>"],
        ),
        (
            "@Anna waves",
            (Character("Anna", 3, "ara"),),
            0,
            "<IMAGE_0> waves. <IMAGE_0>, <IMAGE_1> and <IMAGE_2> show the same character. "
            "<IMAGE_0> speaks with the voice from <AUDIO_0>.",
            ["@Anna is <IMAGE_0> <IMAGE_1> <IMAGE_2>, voice <AUDIO_0>"],
        ),
        ("@Off says: Run!", (Character("Off", 0, " leo "),), 4, "<AUDIO_0> says: Run!", ["@Off is voice <AUDIO_0>"]),
        (
            'A says: "Hi, @B!"',
            (Character("B", 1, "ara"), Character("C", 1, "leo")),
            0,
            'A says: "Hi, <IMAGE_0>!" <IMAGE_0> speaks with the voice from <AUDIO_0>.',
            ["@B is <IMAGE_0>, voice <AUDIO_0>"],
        ),
        (r"\@Anna, a\@b, @Anna", (ANNA,), 0, "@Anna, a@b, <IMAGE_0>", ["@Anna is <IMAGE_0>"]),
    ],
)  # fmt: skip
def test_what_is_sent_in_place_of_a_name(
    written: str, cast: tuple[Character, ...], before: int, sent: str, notes: list[str]
) -> None:
    found = told(written, cast, before)
    assert found.prompt == sent
    assert list(found.notes) == notes


def test_one_voice_of_two_characters_goes_along_once() -> None:
    cast = (Character("A", 1, "Ara"), Character("B", 1, "leo"), Character("C", 1, "ara"))
    found = told("@A @B @C", cast)
    assert found.voices == ("Ara", "leo")
    assert found.prompt.count("<AUDIO_0>") == 2
    assert told("@C @B", cast).voices == ("leo", "ara")


@pytest.mark.parametrize(
    ("written", "cast", "said"),
    [
        ("@Bob waves", CAST, "“@Bob”"),
        ("@Ann and @Bob", CAST, "“@Bob”"),
        ("@Annabel", CAST, "“@Annabel”"),
        ("@Ann@Bob", CAST, "“@Bob”"),
        ("@Bob waves", (), "Add one under Cast"),
        ("@24fps", (), "“@24fps”"),
        ("@Anna", (ANNA, Character("ANNA", 2)), "2 characters are called “Anna”"),
        ("@Anna", (ANNA, ANNA, ANNA), "3 characters"),
        ("@Empty", (Character("Empty"),), "“Empty” has no picture and no voice"),
        ("@Empty", (Character("Empty", 0, "   "),), "no picture and no voice"),
        ("@" + "x" * 1000, CAST, "…”"),
        ("@Anna\n@Bob", (ANNA,), "“@Bob”"),
    ],
)
def test_what_cannot_be_sent_is_said(written: str, cast: tuple[Character, ...], said: str) -> None:
    found = told(written, cast)
    assert said in found.trouble
    assert len(found.trouble) < 200
    assert "\n" not in found.trouble
    assert found.members == ()
    assert found.prompt == written


def test_a_name_that_is_there_twice_is_no_trouble_while_nobody_names_it() -> None:
    assert told("@Ann", (ANNA, ANNA, ANN)).trouble == ""


#: Names that no panel lets through: of a script, or of a damaged file.
HOSTILE = ["", " ", "\n", "@", "@Anna", "a\nb", "\\", "{a|b}", "<IMAGE_0>", "x" * 1000, "\0", "́", "Anna\u200b", "ß" * 70]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_nothing_of_others(name: str) -> None:
    cast = (Character(name, 1, "ara"), ANN)
    assert told("@Ann waves", cast).members == (ANN,)
    told(f"@{name} waves", cast)  # whatever is meant, nothing fails


@pytest.mark.parametrize("name", [*HOSTILE, "Ann", "Anna Lee", "  Zoe\u0308 ", "A@B", "a{b|c}d"])
def test_a_clean_name_can_be_named(name: str) -> None:
    clean = clean_name(name)
    assert len(clean) <= LONGEST_NAME
    assert clean == clean_name(clean)
    if clean:
        found = told(f"Hello @{clean}, you", (Character(clean, 1),))
        assert [one.name for one in found.members] == [clean]


def test_free_names_are_numbered_as_blender_numbers() -> None:
    assert free_name("Anna", ["Ann"]) == "Anna"
    assert free_name("Anna", ["anna", "Anna.001"]) == "Anna.002"
    longest = "x" * LONGEST_NAME
    other = free_name(longest, [longest])
    assert len(other) == LONGEST_NAME
    assert other != longest


@pytest.mark.parametrize(
    "sent",
    ["a@b.com", "@Ann", "@ Ann", r"\@Ann", r"\\@Ann", "@@Ann", "@", "\\", "x@", "@🐱 @花", "a\n@b", "@.", r"\@"],
)  # fmt: skip
def test_what_was_sent_can_be_typed(sent: str) -> None:
    found = told(as_typed(sent), CAST)
    assert found.trouble == ""
    assert found.prompt == sent
    assert found.members == ()


def test_any_text_can_be_typed() -> None:
    chance = random.Random(5)
    for _ in range(2000):
        text = "".join(chance.choices("@\\Anab 花🐱.\n_", k=chance.randrange(12)))
        found = told(as_typed(text), CAST)
        assert (found.prompt, found.members, found.trouble) == (text, (), ""), text


def test_any_text_names_somebody_or_says_why_not() -> None:
    chance = random.Random(7)
    for _ in range(2000):
        text = "".join(chance.choices("@@@\\An a Leb花🐱.\n", k=chance.randrange(16)))
        found = told(text, CAST)
        assert bool(found.trouble) <= ("@" in text)
        if found.trouble:
            assert (found.prompt, found.members) == (text, ())
        else:
            assert found.prompt.count("<IMAGE_") >= len(found.members)


def test_time_in_line_with_the_length() -> None:
    many = tuple(Character("A" * number, 1) for number in range(1, 60))
    began = time.process_time()
    told("@A" * (LONGEST // 2), many)
    told("@" * LONGEST, many)
    told("\\@" * (LONGEST // 2), many)
    assert time.process_time() - began < 3.0
    far_too_long = "@" * (LONGEST + 1)
    assert told(far_too_long, many).prompt == far_too_long


@pytest.mark.parametrize("prompt", ["@" * LONGEST, "@A" * (LONGEST // 2)])
def test_many_names_of_many_lengths_take_no_longer_than_one(prompt: str) -> None:
    def quickest(cast: tuple[Character, ...]) -> float:
        took = list[float]()
        for pictures in (1, 2, 3):  # answers are remembered
            began = time.process_time()
            told(prompt, tuple(replace(one, pictures=pictures) for one in cast))
            took.append(time.process_time() - began)
        return min(took)

    many = tuple(Character("A" * number, 1) for number in range(1, 240))
    assert quickest(many) < 5.0 * quickest(many[:1])


RENAMES = [
    ("@Anna waves", "Berta", "@Berta waves"),
    ("@anna, @ANNA's hat and @Anna", "Berta", "@Berta, @Berta's hat and @Berta"),
    ("{@Anna|@Anna Lee} waves", "Berta", "{@Berta|@Anna Lee} waves"),
    (r"\@Anna, anna@Anna, Anna and @Annabel", "Berta", None),
    ("@Nobody and @Anna", "Berta", "@Nobody and @Berta"),
    ("@Anna @ home\n@Anna", "Anna Bell", "@Anna Bell @ home\n@Anna Bell"),
    ("Nobody waves", "Berta", None),
    ("@" * LONGEST + "@Anna", "Berta", None),
]


@pytest.mark.parametrize(("written", "name", "after"), RENAMES)
def test_a_new_name_is_put_wherever_the_old_one_named_the_character(
    written: str, name: str, after: str | None
) -> None:
    cast = (Character("Anna", 1), Character("Anna Lee", 1), Character("Annabel", 1))
    assert renamed(written, cast, 0, name) == (written if after is None else after)


def test_a_name_that_two_have_is_nobodys_new_one() -> None:
    assert renamed("@Anna", (Character("Anna", 1), Character("anna", 1)), 0, "Berta") == "@Anna"


def test_a_name_of_letters_and_marks_is_the_same_name() -> None:
    one, other = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    assert one != other
    for written, name in ((one, other), (other, one), (other, other)):
        assert len(told(f"@{written}", (Character(name, 1),)).members) == 1


def test_each_picture_has_a_number_of_its_own_in_the_order_of_the_cast() -> None:
    many = tuple(Character(f"C{number}", number % 3 + 1) for number in range(12))
    found = told("@C10 @C9 @C8 @C1", many, 5)
    assert found.named == (1, 8, 9, 10)
    numbers = [int(number) for number in re.findall(r"<IMAGE_(\d+)>", " ".join(found.notes))]
    assert numbers == list(range(5, 5 + sum(one.pictures for one in found.members)))
    assert found.prompt.startswith("<IMAGE_11> <IMAGE_10> <IMAGE_7> <IMAGE_5>")
