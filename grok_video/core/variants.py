"""``{a|b|c}`` in a prompt: the prompts that one prompt stands for.

Owns the rules of the braces, and how many variants one press makes at most. Knows nothing of jobs and prices.

Only braces with a bar between them make variants; a brace without its partner or without a bar is a brace. Braces may
stand in braces: ``{a|{b|c}}`` makes a, b and c. An alternative may be empty. ``\\{``, ``\\|`` and ``\\}`` are the plain
characters. Several groups multiply. Equal alternatives count as often as they are written.
"""

from __future__ import annotations

import functools
import re
from dataclasses import field

from .record import mutable_record, record

#: Variants that one press makes at most.
MOST = 16
#: Characters of a prompt in which braces are looked for: as many as ``MOST`` of the longest prompts have together.
LONGEST = 16 * 4096
#: What has more variants is not counted exactly: nobody reads the number, and it may have thousands of digits.
_COUNTED = 1_000_000
_TOKENS = re.compile(r"\\[{|}]|[{|}]|[^\\{|}]+|\\", re.DOTALL)


@record
class Variants:
    """What a prompt stands for: its variants in order, and how many there are."""

    #: One for a prompt without alternatives; () where there are more than ``MOST``.
    prompts: tuple[str, ...]
    count: int  # ``_COUNTED`` for that many, or more

    @property
    def refusal(self) -> str:
        """'' or a sentence why so many variants are not made."""
        if self.count <= MOST:
            return ""
        many = f"{self.count:,}" if self.count < _COUNTED else f"{_COUNTED:,} or more"
        return f"The prompt makes {many} variants; {MOST} are made at a time at most. Write fewer alternatives."


@functools.lru_cache(maxsize=16)  # panels ask at each redraw
def variants_of(prompt: str) -> Variants:
    """What ``prompt`` stands for, blanks around each variant removed. Takes any text, and time in line with its length."""
    if len(prompt) > LONGEST or not any(mark in prompt for mark in ("{", "\\")):
        return Variants((prompt.strip(),), 1)
    tokens = _TOKENS.findall(prompt)
    marks = _marks_of_groups(tokens)
    groups = [_Group()]
    for number, token in enumerate(tokens):
        if number not in marks:
            groups[-1].words.append(token[1:] if len(token) == 2 and token in _ESCAPED else token)
        elif token == "{":
            groups.append(_Group())
        elif token == "|":
            groups[-1].end_alternative()
        else:
            closed = groups.pop()
            closed.end_alternative()
            groups[-1].take_in(closed)
    whole = groups[0]
    whole.end_alternative()
    prompts = tuple(prompt.strip() for prompt in whole.every or ())
    return Variants(prompts, min(whole.every_count, _COUNTED))


def as_typed(prompt: str) -> str:
    """What to type into a prompt to get exactly ``prompt``, and nothing for the braces in it."""
    # Bars are escaped only where that is needed: behind a backslash of the prompt's own.
    escaped = [re.sub(marks, r"\\\g<0>", prompt) for marks in ("[{}]", "[{|}]")]
    ways = (prompt, *escaped)
    return next((one for one in ways if variants_of(one).prompts == (prompt.strip(),)), prompt)


_ESCAPED = ("\\{", "\\|", "\\}")


@mutable_record
class _Group:
    """Alternatives that are being read; the whole prompt is one as well. Texts are given up beyond ``MOST`` of them."""

    words: list[str] = field(
        default_factory=list[str]
    )  # read since ``texts``: the same in all of them
    texts: list[str] | None = field(default_factory=lambda: [""])  # of the alternative so far
    count: int = 1
    every: list[str] | None = field(default_factory=list[str])  # of the alternatives before
    every_count: int = 0

    def end_alternative(self) -> None:
        self._take_words()
        self.every_count += self.count
        both = None if self.every is None or self.texts is None else self.every + self.texts
        self.every = both if self.every_count <= MOST else None
        self.texts, self.count = [""], 1

    def take_in(self, group: _Group) -> None:
        """Let the alternatives of a group that was closed follow what was read so far."""
        self._take_words()
        self.count = min(self.count * group.every_count, _COUNTED)
        if self.texts is None or group.every is None or self.count > MOST:
            self.texts = None
        else:
            self.texts = [before + after for before in self.texts for after in group.every]

    def _take_words(self) -> None:
        if self.words and self.texts is not None:
            said = "".join(self.words)
            self.texts = [text + said for text in self.texts]
        self.words = []


def _marks_of_groups(tokens: list[str]) -> set[int]:
    """The numbers of the braces and bars among ``tokens`` that make variants."""
    marks, open_braces = set[int](), list[list[int]]()
    for number, token in enumerate(tokens):
        if token == "{":
            open_braces.append([number])
        elif token == "|" and open_braces:
            open_braces[-1].append(number)
        elif token == "}" and open_braces:
            group = open_braces.pop()
            if len(group) > 1:
                marks.update((*group, number))
    return marks
