r"""``@Name`` in a prompt: the characters of a cast whom a prompt names, and what is sent in place of their names.

Owns the rules of the names, the order in which pictures and voices go along, and the words that are sent. Knows nothing
of models: how many pictures and voices one takes is said elsewhere.

``@`` begins a name unless it ends a word: ``a@b`` is an address. Of the cast's names the longest counts that stands
there and ends where a word does, in capitals or not: of *Ann*, *Anna* and *Anna Lee*, ``@Anna Lee's`` is the last. Scripts
that set no blanks between words need no such end. ``\@`` is a plain ``@``, and so is one before anything but a word.
Characters, their pictures and their voices go along in the order of the cast, each once, however often they are named.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from .record import record
from .spec import Character

#: Characters of a prompt in which names are looked for: a longer one is refused for its length.
LONGEST = 4 * 4096
#: Characters of a name that an artist can give.
LONGEST_NAME = 63
#: What no name holds: marks of the prompt's own languages.
_MARKS = "@\\{}|<>"
_AT = re.compile(r"\\@|@")
_SHOWN = 40  # characters of a name in a sentence
#: From here on letters without capitals are of scripts that set no blanks between words: Thai, Chinese, Japanese …
_UNSPACED = 0x0E00


@record
class Told:
    """What a prompt says of a cast."""

    prompt: str  # what is sent
    named: tuple[int, ...] = ()  # numbers of the characters that go along, in the cast's order
    members: tuple[Character, ...] = ()  # those characters
    voices: tuple[str, ...] = ()  # ids: <AUDIO_0>, <AUDIO_1> …
    notes: tuple[str, ...] = ()  # '@Anna is <IMAGE_1>, voice <AUDIO_0>'
    trouble: str = ""  # a sentence why this prompt cannot be sent


def told(prompt: str, cast: Iterable[Character], before: int = 0) -> Told:
    """What ``prompt`` says of ``cast``; ``before``: pictures that are sent before those of the cast.

    Takes any text and any names, and remembers the last answers: panels ask at each redraw.
    """
    if "@" not in prompt or len(prompt) > LONGEST:
        return Told(prompt)
    return _told(prompt, cast if isinstance(cast, Cast) else Cast(cast), before)


def naming(prompts: str) -> Callable[[str], bool]:
    """Whether ``prompts`` may name a character of a name: as quick a look as hundreds of them need, at each redraw."""
    folded = _key(prompts)
    return lambda name: f"@{_key(name)}" in folded


class Cast:
    """The characters of a cast, for ``told`` of several prompts: to hash hundreds again for each takes a redraw's time."""

    __slots__ = ("_hash", "members")

    def __init__(self, members: Iterable[Character]) -> None:
        self.members = tuple(members)
        self._hash = hash(self.members)

    def __iter__(self) -> Iterator[Character]:
        return iter(self.members)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cast) and self.members == other.members


@functools.lru_cache(maxsize=64)
def _told(prompt: str, whole: Cast, before: int) -> Told:
    text, cast = unicodedata.normalize("NFC", prompt), whole.members
    found = _found(text, cast)
    if isinstance(found, str):
        return Told(prompt, trouble=found)
    named = tuple(sorted({number for _, _, number in found if number is not None}))
    members = tuple(replace(cast[number], voice=cast[number].voice.strip()) for number in named)
    for member in members:
        if not (member.pictures or member.voice):
            why = f"The character {_quoted(member.name)} has no picture and no voice. Add one under Cast."
            return Told(prompt, trouble=why)
    voices = _voices(members)
    tokens = _tokens(members, voices, before)
    parts, end = list[str](), 0
    for start, stop, number in found:
        parts += [text[end:start], "@" if number is None else tokens[named.index(number)].inline]
        end = stop
    sent = "".join([*parts, text[end:]])
    if added := " ".join(filter(None, map(_sentence, tokens))):
        sent = f"{sent.rstrip()} {added}" if _ends(sent) else f"{sent.rstrip()}. {added}"
    notes = tuple(map(_note, members, tokens))
    return Told(sent, named, members, voices, notes)


def as_typed(prompt: str) -> str:
    """What to type to get exactly ``prompt``, and nobody of a cast for the ``@`` in it."""
    return _AT.sub(
        lambda found: (
            rf"\{found.group()}"
            if found.group() != "@" or _may_begin(prompt, found.start())
            else "@"
        ),
        prompt,
    )


def clean_name(typed: str) -> str:
    """``typed`` as a name that a prompt can hold: one line without the marks of a prompt; '' where nothing is left."""
    text = "".join(" " if one in _MARKS or not one.isprintable() else one for one in typed[:1024])
    return unicodedata.normalize("NFC", " ".join(text.split()))[:LONGEST_NAME].rstrip()


def free_name(wanted: str, others: Iterable[str]) -> str:
    """``wanted``, or with the first of .001, .002 … that none of ``others`` has, as Blender numbers names."""
    taken = {_key(other) for other in others}
    name, number = wanted, 0
    while _key(name) in taken:
        number += 1
        name = f"{wanted[: LONGEST_NAME - 4]}.{number:03}"
    return name


def renamed(prompt: str, cast: Sequence[Character], number: int, name: str) -> str:
    """``prompt`` with ``@name`` wherever it names the character of that number in ``cast``, and nothing else changed.

    What is escaped, what nobody is called, and a name that two characters have stays as it is written.
    """
    if "@" not in prompt or len(prompt) > LONGEST:
        return prompt
    text = unicodedata.normalize("NFC", prompt)
    parts, end = list[str](), 0
    for start, stop, named in _places(text, cast):
        if named and list(named) == [number]:
            parts += [text[end:start], f"@{name}"]
            end = stop
    return "".join([*parts, text[end:]]) if parts else prompt


#: (start, end, number of the character; None: a plain ``@`` that was escaped) of each thing that is sent otherwise.
_Found = tuple[int, int, int | None]


def _found(text: str, cast: Sequence[Character]) -> list[_Found] | str:
    """What of ``text`` is sent otherwise, in order; a sentence for a name that is not known, or not clear."""
    found = list[_Found]()
    for start, end, named in _places(text, cast):
        if named is None:
            found.append((start, end, None))
        elif not named:
            return _unknown(text[end:], cast)
        elif len(named) > 1:
            return (
                f"{len(named)} characters are called {_quoted(cast[named[0]].name)}: "
                "the prompt does not say which. Rename one under Cast."
            )
        else:
            found.append((start, end, named[0]))
    return found


def _places(
    text: str, cast: Iterable[Character]
) -> Iterator[tuple[int, int, Sequence[int] | None]]:
    """Start, end and the numbers of the characters of each ``@name`` in ``text``, which is NFC, in order.

    None for an ``@`` that was escaped; no number, and the end of the ``@`` itself, where a word begins that nobody is
    called.
    """
    numbers: dict[str, list[int]] = {}
    for number, character in enumerate(cast):
        if character.name.strip():
            numbers.setdefault(_key(character.name), []).append(number)
    beginnings = {key[:length] for key in numbers for length in range(1, len(key) + 1)}
    end = 0
    for at in _AT.finditer(text):
        if at.start() < end:
            continue
        if at.group() != "@":
            yield at.start(), at.end(), None
        elif _may_begin(text, at.start()) or at.start() == end > 0:  # right behind a name
            named, end = _named(text, at.end(), numbers, beginnings)
            if named or _is_word(text[at.end() : at.end() + 1]):
                yield at.start(), end, named


def _named(
    text: str, start: int, numbers: Mapping[str, list[int]], beginnings: Container[str]
) -> tuple[list[int], int]:
    """The numbers of the characters with the longest name that stands at ``start``, and where that name ends.

    ``beginnings``: of all names. Where none goes on as the text does, nothing behind is looked at.
    """
    named, stop, key = list[int](), start, ""
    for end in range(start + 1, len(text) + 1):
        key += text[end - 1].casefold()
        if key not in beginnings:
            break
        if key in numbers and not _in_word(text, end):
            named, stop = numbers[key], end
    return named, stop


def _may_begin(text: str, at: int) -> bool:
    """Whether the ``@`` at that place may begin a name: something follows, and it ends no word."""
    return text[at + 1 : at + 2].strip() != "" and not (at and _joins(text[at - 1]))


def _in_word(text: str, end: int) -> bool:
    """Whether a word goes on at ``end``."""
    return end < len(text) and _joins(text[end]) and _joins(text[end - 1])


def _is_word(one: str) -> bool:
    return one.isalnum() or one == "_" or (one != "" and unicodedata.category(one)[0] == "M")


def _joins(one: str) -> bool:
    """Whether a character makes one word of what it stands beside."""
    return _is_word(one) and not (ord(one) >= _UNSPACED and unicodedata.category(one) == "Lo")


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _unknown(rest: str, cast: Sequence[Character]) -> str:
    word = re.match(r"\w+", rest)
    why = f"There is no character “@{_shown(word.group() if word else rest[:1])}”."
    if not cast:
        return rf"{why} Add one under Cast, or write \@ for a plain @."
    return rf"{why} Choose one of the cast, add one, or write \@ for a plain @."


def _voices(members: Iterable[Character]) -> tuple[str, ...]:
    """The voices in order; two characters with one voice share it, in capitals or not, as the service reads ids."""
    kept = dict[str, str]()
    for member in members:
        if member.voice:
            kept.setdefault(member.voice.casefold(), member.voice)
    return tuple(kept.values())


@record
class _Tokens:
    """How a character is named in what is sent."""

    pictures: tuple[str, ...]
    voice: str  # '' for none

    @property
    def inline(self) -> str:
        """What stands in place of the name."""
        return next(iter(self.pictures), self.voice)


def _tokens(members: Iterable[Character], voices: Sequence[str], before: int) -> list[_Tokens]:
    numbers = {voice.casefold(): number for number, voice in enumerate(voices)}
    made = list[_Tokens]()
    for member in members:
        pictures = tuple(map(picture_token, range(before, before + member.pictures)))
        before += member.pictures
        voice = voice_token(numbers[member.voice.casefold()]) if member.voice else ""
        made.append(_Tokens(pictures, voice))
    return made


def picture_token(number: int) -> str:
    """How a prompt names the reference picture of that number, counted from 0 (likely)."""
    return f"<IMAGE_{number}>"


def voice_token(number: int) -> str:
    """How a prompt names the voice of that number, counted from 0 (likely)."""
    return f"<AUDIO_{number}>"


def _sentence(tokens: _Tokens) -> str:
    """What is added to the prompt: which pictures are of one character, and which voice it has."""
    *before, last = tokens.pictures or ("",)
    said = list[str]()
    if before:
        said.append(f"{', '.join(before)} and {last} show the same character.")
    if last and tokens.voice:
        said.append(f"{tokens.inline} speaks with the voice from {tokens.voice}.")
    return " ".join(said)


def _note(member: Character, tokens: _Tokens) -> str:
    voice = f"voice {tokens.voice}" if tokens.voice else ""
    return (
        f"@{_shown(member.name)} is {', '.join(filter(None, (' '.join(tokens.pictures), voice)))}"
    )


def _ends(sent: str) -> bool:
    """Whether the prompt ends with the end of a sentence, or a quotation of one."""
    for one in reversed(sent.rstrip()):
        if one not in "\"'" and (kind := unicodedata.category(one)) not in ("Pe", "Pf"):
            return kind == "Po"
    return True


def _shown(name: str) -> str:
    one_line = " ".join(name[: 4 * _SHOWN].split())
    return one_line if len(one_line) <= _SHOWN else f"{one_line[:_SHOWN]}…"


def _quoted(name: str) -> str:
    return f"“{_shown(name)}”"
