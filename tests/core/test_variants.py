"""``{a|b|c}`` in a prompt: which prompts it stands for, and how many at most."""

from __future__ import annotations

import random
import time

import pytest

from grok_video.core.variants import LONGEST, MOST, as_typed, variants_of

#: What is typed, and what it stands for.
PROMPTS = [
    ("A heron lifts off", ["A heron lifts off"]),
    ("", [""]),
    ("  A heron  ", ["A heron"]),
    ("{a|b|c}", ["a", "b", "c"]),
    ("A {red|blue} car", ["A red car", "A blue car"]),
    ("A {red|blue} {car|bus}", ["A red car", "A red bus", "A blue car", "A blue bus"]),
    ("{|slowly} on", ["on", "slowly on"]),
    ("{|}", ["", ""]),
    ("{a|a}", ["a", "a"]),
    ("{a|{b|c}}", ["a", "b", "c"]),
    ("{{a|b} x|c}", ["a x", "b x", "c"]),
    ("Zwei\n{Züge|日の出}\nda", ["Zwei\nZüge\nda", "Zwei\n日の出\nda"]),
    # Braces that are braces.
    ("{a}", ["{a}"]),
    ("{}", ["{}"]),
    ("a | b", ["a | b"]),
    ("{a|b", ["{a|b"]),
    ("a|b}", ["a|b}"]),
    ("}a|b{", ["}a|b{"]),
    ("{a} | {b}", ["{a} | {b}"]),
    ("{ {a} | b}", ["{a}", "b"]),
    ("{a {b|c}", ["{a b", "{a c"]),
    ("{b|c} d}", ["b d}", "c d}"]),
    # Escaped.
    (r"\{a|b\}", ["{a|b}"]),
    (r"{a\|b|c}", ["a|b", "c"]),
    (r"{a\|b}", ["{a|b}"]),
    (r"{a|b\}|c}", ["a", "b}", "c"]),
    (r"a \| b", ["a | b"]),
    (r"\\{a|b}", [r"\{a|b}"]),
    (r"C:\new \n", [r"C:\new \n"]),
    ("{a|b}\\", ["a\\", "b\\"]),
]


@pytest.mark.parametrize(("typed", "wanted"), PROMPTS)
def test_what_a_prompt_stands_for(typed: str, wanted: list[str]) -> None:
    found = variants_of(typed)
    assert list(found.prompts) == wanted
    assert found.count == len(wanted)
    assert found.refusal == ""


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{a|b}{c|d}{e|f}{g|h}{i|j}", "makes 32 variants; 16"),
        ("{" + "|" * MOST + "}", "makes 17 variants"),
        ("{a|b}" * 4000, "1,000,000 or more"),
        ("{" * 30 + "a" + "|b}" * 30, "makes 31 variants"),
    ],
)
def test_too_many_are_refused_with_their_number(typed: str, said: str) -> None:
    found = variants_of(typed)
    assert said in found.refusal
    assert found.prompts == ()


def test_sixteen_are_made() -> None:
    found = variants_of("{a|b}{c|d}{e|f}{g|h}")
    assert len(found.prompts) == len(set(found.prompts)) == MOST
    assert found.refusal == ""


def test_any_text_at_all() -> None:
    """It never raises, never gives more than it may, and counts what it gives."""
    dice = random.Random(14)
    for _ in range(20_000):
        typed = "".join(dice.choices("{{||}}\\ ab\n", k=dice.randrange(30)))
        found = variants_of(typed)
        assert found.count >= 1
        if found.count <= MOST:
            assert len(found.prompts) == found.count
        else:
            assert found.prompts == ()
            assert found.refusal
        assert variants_of(as_typed(typed)).prompts == (typed.strip(),)


@pytest.mark.parametrize("typed", ["A heron", "{a}", "a | b", "C:\\new"])
def test_what_stands_for_itself_is_typed_as_it_is(typed: str) -> None:
    assert as_typed(typed) == typed


@pytest.mark.parametrize(
    "piece", ["{", "}", "|", "{|", "|}", "{a|b}", "\\", "\\{", "{a", "{a|{b|", "{{a|b}|c}"]
)
def test_the_longest_take_no_longer_than_a_redraw_may(piece: str) -> None:
    typed = (piece * LONGEST)[:LONGEST]
    began = time.process_time()
    variants_of(typed)
    assert time.process_time() - began < 1.0, "not in line with its length"


def test_what_is_far_too_long_is_left_as_it_is() -> None:
    typed = "{a|b}" * LONGEST
    assert variants_of(typed).prompts == (typed,)


@pytest.mark.parametrize(
    ("meant", "typed"),
    [("{a|b}", r"\{a|b\}"), (r"a\|b", r"a\\|b"), (r"{a\|b}", r"\{a\\|b\}")],
)
def test_no_more_is_escaped_than_is_needed(meant: str, typed: str) -> None:
    assert as_typed(meant) == typed
