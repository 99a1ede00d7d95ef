"""JSON read as the service reads it: typed, with serde's words and columns for what does not fit.

Owns the parser that knows positions, and the types that fields can have. Knows no field of the API.
The words follow the captured bodies of ``fixtures.json`` (``err-422-…``) and serde's own source.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from json.decoder import scanstring
from typing import Any

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_DEEPEST = 128


class Malformed(ValueError):
    """The body is no JSON; the text is the service's."""


class Misfit(ValueError):
    """The body is JSON of another shape; the text is the service's."""


@dataclass(frozen=True, slots=True)
class Node:
    """A JSON value and the characters it spans.

    ``value`` of an object is a list of (key, end of the key, Node), of an array a list of Nodes.
    """

    kind: str  # 'string' 'integer' 'float' 'boolean' 'null' 'map' 'sequence'
    value: Any
    start: int
    end: int


class Document:
    """A parsed body. Raises Malformed."""

    def __init__(self, body: bytes) -> None:
        try:
            self._text = body.decode()
        except UnicodeDecodeError as error:
            raise Malformed(
                "Failed to parse the request body as JSON: invalid unicode code point at "
                f"line 1 column {error.start}"
            ) from None
        if not self._text.strip():
            raise Malformed(self._failed("EOF while parsing a value", len(self._text)))
        self.root, position = self._value(self._skip(0), 0)
        position = self._skip(position)
        if position != len(self._text):
            raise Malformed(self._failed("trailing characters", position + 1))

    def read(self, kind: Reader) -> Any:
        """The body as that type. Raises Misfit."""
        return kind(self.root, self, "")

    def misfit(self, path: str, words: str, position: int) -> Misfit:
        """What is wrong at a path, in serde's form; ``position`` is how much of the body was read."""
        place = f"{path}: " if path else ""
        return Misfit(
            "Failed to deserialize the JSON body into the target type: "
            f"{place}{words} at {self._where(position)}"
        )

    def _failed(self, words: str, position: int) -> str:
        return f"Failed to parse the request body as JSON: {words} at {self._where(position)}"

    def _where(self, position: int) -> str:
        before = self._text[:position]
        line = before.rpartition("\n")[2]
        return f"line {before.count(chr(10)) + 1} column {len(line.encode())}"

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        assert match is not None
        return match.end()

    def _value(self, at: int, depth: int) -> tuple[Node, int]:
        text = self._text
        if depth > _DEEPEST:
            raise Malformed(self._failed("recursion limit exceeded", at + 1))
        if at >= len(text):
            raise Malformed(self._failed("EOF while parsing a value", at))
        if text[at] == '"':
            word, end = self._string(at)
            return Node("string", word, at, end), end
        if text[at] == "{":
            return self._object(at, depth)
        if text[at] == "[":
            return self._array(at, depth)
        for word, value in (("true", True), ("false", False), ("null", None)):
            if text.startswith(word, at):
                end = at + len(word)
                return Node("null" if value is None else "boolean", value, at, end), end
        if match := _NUMBER.match(text, at):
            end = match.end()
            if match[1] or match[2]:
                return Node("float", float(match[0]), at, end), end
            return Node("integer", int(match[0][:400]), at, end), end
        raise Malformed(self._failed("expected value", at + 1))

    def _string(self, at: int) -> tuple[str, int]:
        try:
            return scanstring(self._text, at + 1, True)
        except json.JSONDecodeError as error:
            raise Malformed(self._failed("EOF while parsing a string", error.pos)) from None

    def _object(self, at: int, depth: int) -> tuple[Node, int]:
        members: list[tuple[str, int, Node]] = []
        position = self._skip(at + 1)
        if self._text.startswith("}", position):
            return Node("map", members, at, position + 1), position + 1
        while True:
            if not self._text.startswith('"', position):
                raise Malformed(self._failed(self._ended("object", "key must be a string", position), position + 1))  # fmt: skip
            key, key_end = self._string(position)
            position = self._skip(key_end)
            if not self._text.startswith(":", position):
                raise Malformed(self._failed(self._ended("object", "expected `:`", position), position + 1))  # fmt: skip
            node, position = self._value(self._skip(position + 1), depth + 1)
            members.append((key, key_end, node))
            position = self._skip(position)
            if self._text.startswith("}", position):
                return Node("map", members, at, position + 1), position + 1
            if not self._text.startswith(",", position):
                raise Malformed(self._failed(self._ended("object", "expected `,` or `}`", position), position + 1))  # fmt: skip
            position = self._skip(position + 1)

    def _array(self, at: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        position = self._skip(at + 1)
        if self._text.startswith("]", position):
            return Node("sequence", items, at, position + 1), position + 1
        while True:
            node, position = self._value(position, depth + 1)
            items.append(node)
            position = self._skip(position)
            if self._text.startswith("]", position):
                return Node("sequence", items, at, position + 1), position + 1
            if not self._text.startswith(",", position):
                raise Malformed(self._failed(self._ended("list", "expected `,` or `]`", position), position + 1))  # fmt: skip
            position = self._skip(position + 1)

    def _ended(self, what: str, words: str, position: int) -> str:
        if position < len(self._text):
            return words
        return f"EOF while parsing {'an' if what[0] in 'aeiou' else 'a'} {what}"


#: A type that a field can have: (node, document, path) -> value. Raises Misfit.
Reader = Callable[[Node, Document, str], Any]


def _wrong(node: Node, document: Document, path: str, expected: str) -> Misfit:
    value = node.value
    match node.kind:
        case "string":
            seen = f"string {json.dumps(value, ensure_ascii=False)}"
        case "integer":
            seen = f"integer `{value}`"
        case "float":
            seen = f"floating point `{value}`"
        case "boolean":
            seen = f"boolean `{json.dumps(value)}`"
        case kind:
            seen = kind
    # serde has read a scalar to its end, but has only looked at a bracket.
    position = node.start if node.kind in {"map", "sequence"} else node.end
    return document.misfit(path, f"invalid type: {seen}, expected {expected}", position)


def string(node: Node, document: Document, path: str) -> str:
    """A string."""
    if node.kind != "string":
        raise _wrong(node, document, path, "a string")
    return node.value


def boolean(node: Node, document: Document, path: str) -> bool:
    """True or false."""
    if node.kind != "boolean":
        raise _wrong(node, document, path, "a boolean")
    return node.value


def integer(node: Node, document: Document, path: str) -> int:
    """A whole number of 32 bits; 5.0 is none."""
    if node.kind != "integer":
        raise _wrong(node, document, path, "i32")
    if not -(2**31) <= node.value < 2**31:
        words = f"invalid value: integer `{node.value}`, expected i32"
        raise document.misfit(path, words, node.end)
    return node.value


def number(node: Node, document: Document, path: str) -> float:
    """Any number."""
    if node.kind not in {"integer", "float"}:
        raise _wrong(node, document, path, "f64")
    return float(node.value)


def option(kind: Reader) -> Reader:
    """That type, or null."""

    def read(node: Node, document: Document, path: str) -> Any:
        return None if node.kind == "null" else kind(node, document, path)

    return read


def sequence(kind: Reader) -> Reader:
    """A list of that type."""

    def read(node: Node, document: Document, path: str) -> list[Any]:
        if node.kind != "sequence":
            raise _wrong(node, document, path, "a sequence")
        return [kind(item, document, f"{path}[{n}]") for n, item in enumerate(node.value)]

    return read


def variant(*named: str, also: tuple[str, ...] = ()) -> Reader:
    """One of these words; the error names only ``named``, as the captured body does."""

    def read(node: Node, document: Document, path: str) -> str:
        if node.kind != "string":
            raise document.misfit(path, "expected value", node.start + 1)
        if node.value not in (*named, *also):
            known = ", ".join(f"`{word}`" for word in named)
            words = f"unknown variant `{node.value}`, expected one of {known}"
            raise document.misfit(path, words, node.end)
        return node.value

    return read


def either(name: str, *kinds: Reader) -> Reader:
    """The first of these types that fits."""

    def read(node: Node, document: Document, path: str) -> Any:
        for kind in kinds:
            try:
                return kind(node, document, path)
            except Misfit:
                continue
        words = f"data did not match any variant of untagged enum {name}"
        raise document.misfit(path, words, node.end)

    return read


def struct(name: str, required: tuple[str, ...] = (), /, **fields: Reader) -> Reader:
    """An object with these fields; others are ignored. Gives a dict of the fields that came."""

    def read(node: Node, document: Document, path: str) -> dict[str, Any]:
        if node.kind != "map":
            raise _wrong(node, document, path, f"struct {name}")
        found: dict[str, Any] = {}
        for key, key_end, member in node.value:
            if key not in fields:
                continue
            if key in found:
                raise document.misfit(path, f"duplicate field `{key}`", key_end)
            found[key] = fields[key](member, document, f"{path}.{key}" if path else key)
        for key in fields:
            if key in required and key not in found:
                raise document.misfit(path, f"missing field `{key}`", node.end)
        return found

    return read
