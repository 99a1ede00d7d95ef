"""List comments and docstrings' first lines that speak of *it*, *this*, *that* or *they* without naming the thing.

Owns the rule: where a clause begins with such a pronoun as its subject, a noun that it can stand for must come before,
in the same comment or the same line. It knows no grammar: nouns are told by the words before them, so it finds riddles
and proves nothing of the rest.

    python3 scripts/prose.py                     grok_video and scripts
    python3 scripts/prose.py FILE_OR_FOLDER …
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Texts that may stay, each with its reason.
EXCEPTIONS: dict[str, str] = {}


def _words(text: str) -> set[str]:
    return set(text.split())


TOKEN = re.compile(r"``[^`]*``|`[^`]*`|\*\w[^*]*\*|[\w](?:[\w.'-]*[\w()])?|[.:;,!?()–—-]")
#: A pronoun stands at once after one of these when a clause begins with it.
OPENERS = _words(
    "after although as because before but how if once since so than that then though till unless until "
    "what when whenever where whether which while whoever whatever"
)
JOINERS = {"and", "but", "or", "so", "yet", "nor"}
SINGULAR, PLURAL = {"it", "this", "that"}, {"they", "these", "those"}
VERBS = _words(
    "is are was were has have had can cannot could may might must shall should will would does do did "
    "also never always only ends stay stays needs need come comes go goes make makes take takes keep keeps "
    "let lets mean means hold holds cost costs say says run runs stand stands belong belongs happen"
)
BARE = re.compile(
    r"((this|that|the|another|the other|the same) ones?|ones? (that|which|who)|(the )?others|"
    rf"the other ({'|'.join(VERBS)})|(those|that) (of|that|which|who|below|above))\b"
)
EXPLETIVE = re.compile(r"it (is|was|takes|makes|costs)( not| no)?( \w+){1,3} (to|that|whether)\b")
#: After one of these comes a noun.
LEADERS = _words(
    "a an the its their his her our my your no each every any some both all several many few most two three "
    "four five six ten other another such whose this that these those of in on at by with without for from "
    "to into over under beside between behind through against about per within outside than like"
)
NAMES = {"Blender", "Windows", "Cycles"}
#: Words that are no nouns wherever they stand.
EMPTY = LEADERS | SINGULAR | PLURAL | OPENERS | JOINERS | VERBS
EMPTY |= _words(
    "itself them he she we us you i one ones who whom why there here be been being not now more less least "
    "just still again too very same own else"
)


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of the comments of a file, those on several lines as one, and of its docstrings' first lines."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = (ast.get_docstring(node) or "").partition("\n")[0]
            if text:
                yield node.body[0].lineno, text
    block: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        below = block and token.start == (block[-1].start[0] + 1, block[-1].start[1])
        if block and not (below and token.line.strip().startswith("#")):
            yield block[0].start[0], _joined(block)
            block = []
        block.append(token)
    if block:
        yield block[0].start[0], _joined(block)


def _joined(block: list[tokenize.TokenInfo]) -> str:
    return " ".join(token.string.lstrip("#: ") for token in block)


def riddle(text: str) -> str:
    """The first clause whose subject is a pronoun that nothing before it explains; '' when there is none."""
    tokens = list(TOKEN.finditer(text))
    words = [token[0].lower() for token in tokens]
    nouns = plurals = 0
    after_noun = False
    for at, word in enumerate(words):
        before, after = ([".", *words][at], [*words, ""][at + 1])
        rest = text[tokens[at].start() :]
        hard = before in ".:;!?()–—" or (before in JOINERS and at > 1 and words[at - 2] in ",;")
        if (hard or before in OPENERS) and _subject(word, after, rest.lower(), hard):
            known = plurals if word in PLURAL else nouns
            if not known and not EXPLETIVE.match(rest.lower()):
                return rest
        noun = _is_noun(tokens[at][0], before)
        if re.fullmatch(r"[\w-]+[^sui]s", word) and word not in EMPTY:
            verb = after_noun or before in ("that", "which", "who", "it", "what", "one")
            plurals += noun or not verb if at else after in EMPTY - {"the", "a", "an", "no"}
        plurals += noun and "and" in words[:at]
        nouns += noun
        after_noun = noun and not word.endswith(("ing", "ed"))
    return ""


def _subject(word: str, following: str, rest: str, hard: bool) -> bool:
    """Whether a clause that begins with ``word`` has a pronoun for its subject."""
    if word in ("it", "they"):
        return True
    if word in SINGULAR | PLURAL and following in VERBS:
        return hard or word != "that"
    return bool(BARE.match(rest)) and (hard or word not in ("one", "that", "those"))


def _is_noun(word: str, before: str) -> bool:
    """Whether ``word`` names a thing: code, a name, a number's unit, or what follows an article or a preposition."""
    if word[0] in "`*" or re.search(r"[_/()]|\w\.\w", word) or word[1:].lower() != word[1:]:
        return True
    if word.lower() in EMPTY or not word[0].isalpha():
        return False
    if word in NAMES:
        return True
    led = before in LEADERS or before.isdigit() or before.endswith(("'s", "s'"))
    return led or (word[0].isupper() and before not in ".:;!?")


def main(arguments: list[str]) -> int:
    """Print what is left, and how much; 1 when that is anything."""
    places = [Path(argument) for argument in arguments] or [ROOT / "grok_video", ROOT / "scripts"]
    files = {file for place in places for file in (place, *place.rglob("*.py")) if file.is_file()}
    count = 0
    for file in sorted(files):
        for line, text in sorted(texts(file)):
            if riddle(text) and text not in EXCEPTIONS:
                print(f"{file}:{line}: {text}")
                count += 1
    print(f"{count} left")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
