"""Shot lists as CSV and JSON: read so that each bad row says what is wrong and the good ones come, and written.

What spreadsheets make of a CSV is understood: a byte-order mark, semicolons or tabs, quotes, lines within a cell. Owns
the names of the columns. Knows nothing of Blender and of where the file lies.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, field, fields
from typing import Any, cast

from .record import mutable_record, record
from .shot import SOURCES, Shot

#: The columns of a CSV and the keys of a JSON, in their order.
COLUMNS = tuple(one.name for one in fields(Shot))
MOST_BYTES = 16 << 20
MOST_ROWS = 10_000
LAST_FRAME = 1_048_574  # Blender's
LONGEST_NAME = 255  # characters, of a shot and of what it names
_DELIMITERS = ",;\t"
_YES = {"", "1", "true", "yes", "y", "x", "on"}
_NO = {"0", "false", "no", "n", "off"}
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@")


@record
class Bad:
    """What is wrong with a row, which did not come."""

    row: (
        int  # as a spreadsheet counts the rows; of a JSON the shots are counted from 1; 0: the file
    )
    sentence: str


@mutable_record
class ShotFile:
    """What a file holds."""

    shots: list[Shot] = field(default_factory=list[Shot])
    rows: list[int] = field(default_factory=list[int])  # of each shot, counted as in ``Bad``
    bad: list[Bad] = field(default_factory=list[Bad])
    unknown: list[str] = field(default_factory=list[str])  # columns that were passed over
    begin: str = ""  # what all prompts begin and end with; a CSV has none
    end: str = ""


def parse(data: bytes) -> ShotFile:
    """The shots in the content of a CSV or JSON file. Never raises: what cannot be read is among the ``bad``."""
    found = ShotFile()
    if len(data) > MOST_BYTES:
        found.bad.append(Bad(0, f"The file is larger than {MOST_BYTES >> 20} MB."))
        return found
    try:
        text = _text(data)
    except UnicodeError:
        found.bad.append(
            Bad(0, "The file is not in UTF-8. Save it as “CSV UTF-8” in your spreadsheet.")
        )
        return found
    if text.lstrip()[:1] in ("{", "["):
        _parse_json(text, found)
    else:
        _parse_csv(text, found)
    if not found.shots and not found.bad:
        found.bad.append(Bad(0, "There is no shot in the file."))
    return found


def to_csv(shots: Iterable[Shot]) -> bytes:
    """The shots as a CSV that spreadsheets open: UTF-8 with its mark, commas."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for shot in shots:
        writer.writerow(_cell(getattr(shot, name)) for name in COLUMNS)
    return out.getvalue().encode("utf-8-sig", "replace")


def to_json(shots: Iterable[Shot], **more: Any) -> bytes:
    """The shots as JSON, under the key 'shots', with ``more`` beside them: 'begin' and 'end' of their prompts."""
    text = json.dumps({**more, "shots": [asdict(shot) for shot in shots]}, indent=1)
    return f"{text}\n".encode()


def template() -> tuple[Shot, ...]:
    """Shots that show what goes into the columns."""
    return (
        Shot("sh010", prompt="Slow push-in, {camera} at dusk", camera="Camera", frame=1, seconds=4),
        Shot("sh020", prompt="She turns; rain begins", frame=97, seconds=6, target_frame=97),
        Shot("sh030", enabled=False, prompt="A title card", source="NONE", seconds=3),
    )


def _text(data: bytes) -> str:
    """The text of a file. Raises UnicodeError."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _parse_json(text: str, found: ShotFile) -> None:
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        found.bad.append(Bad(0, f"The file is no JSON: {error}."))
        return
    if isinstance(content, dict):
        whole = cast(dict[str, Any], content)
        found.begin, found.end = _words(whole.get("begin")), _words(whole.get("end"))
        content = whole.get("shots")
    if not isinstance(content, list):
        found.bad.append(Bad(0, "The JSON has no list “shots”."))
        return
    for number, one in enumerate(_not_too_many(cast(list[Any], content), found), 1):
        if isinstance(one, dict):
            given = cast(dict[str, Any], one)
            _note_unknown(given, found)
            _take(number, {k: v for k, v in given.items() if v is not None}, found)
        else:
            found.bad.append(Bad(number, "It is no object with the fields of a shot."))


def _parse_csv(text: str, found: ShotFile) -> None:
    head = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=lambda one: len(_known(head.split(one))))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    rows = list[tuple[int, list[str]]]()
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [_column(cell) for cell in cells]
                continue
            rows.append((reader.line_num, cells))
    except csv.Error as error:
        found.bad.append(
            Bad(reader.line_num, f"A quote is open, or stands where none may ({error}).")
        )
    if columns and not _known(columns):
        found.bad.append(Bad(1, f"No column is known. The columns are: {', '.join(COLUMNS)}."))
        return
    if twice := sorted({name for name in columns if name and columns.count(name) > 1}):
        found.bad.append(Bad(1, f"The column “{twice[0]}” is there twice."))
        return
    _note_unknown(columns, found)
    for line, cells in _not_too_many(rows, found):
        if any(cell.strip() for cell in cells[len(columns) :]):
            found.bad.append(
                Bad(
                    line,
                    f"It has {len(cells)} cells for {len(columns)} columns. Put quotes around a prompt with “{delimiter}” in it.",
                )
            )
            continue
        given = {
            name: _uncell(cell) for name, cell in zip(columns, cells, strict=False) if cell.strip()
        }
        _take(line, given, found)


def _not_too_many(rows: Sequence[Any], found: ShotFile) -> Sequence[Any]:
    if len(rows) > MOST_ROWS:
        found.bad.append(Bad(0, f"Only the first {MOST_ROWS} of {len(rows)} shots came."))
    return rows[:MOST_ROWS]


def _column(cell: str) -> str:
    """'Target Frame' is the column 'target_frame'."""
    return "_".join(cell.strip().lower().replace("-", " ").replace("_", " ").split())


def _known(cells: Iterable[str]) -> set[str]:
    return {_column(cell.strip().strip('"')) for cell in cells} & set(COLUMNS)


def _note_unknown(names: Iterable[object], found: ShotFile) -> None:
    for name in names:
        told = str(name)[:LONGEST_NAME]
        if told and told not in COLUMNS and told not in found.unknown:
            found.unknown.append(told)


def _take(row: int, given: Mapping[str, Any], found: ShotFile) -> None:
    """Let a row be a shot, or one of the bad."""
    try:
        values = {name: _READ[name](name, given[name]) for name in COLUMNS if name in given}
    except ValueError as error:
        found.bad.append(Bad(row, str(error)))
        return
    values.setdefault("name", f"Shot {len(found.shots) + 1}")
    found.shots.append(Shot(**values))
    found.rows.append(row)


def _words(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _prompt(name: str, value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(f"“{name}” is no text.")
    return value.replace("\r\n", "\n").replace("\r", "\n").strip()


def _name(name: str, value: object) -> str:
    text = " ".join(_prompt(name, value).split())
    if len(text) > LONGEST_NAME:
        raise ValueError(f"“{name}” is longer than {LONGEST_NAME} characters.")
    return text


def _source(name: str, value: object) -> str:
    text = _column(_name(name, value)).upper()
    text = {"TEXT": "NONE", "TEXT_ONLY": "NONE"}.get(text, text)
    if text not in SOURCES:
        raise ValueError(f"“{name}” is “{value}” and not one of {', '.join(SOURCES)}.")
    return text


def _enabled(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _YES | _NO:
        raise ValueError(f"“{name}” is “{word[:40]}” and neither yes nor no.")
    return word in _YES


def _number(least: int, most: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        number: float | None = None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            number = value
        elif isinstance(value, str):
            try:
                number = float(value.strip())
            except ValueError:
                number = None
        if number is None or number != number or not least <= number <= most:
            raise ValueError(
                f"“{name}” is “{str(value)[:40]}” and no whole number from {least} to {most}."
            )
        if number != int(number):
            raise ValueError(f"“{name}” is “{str(value)[:40]}” and no whole number.")
        return int(number)

    return read


_frame = _number(-LAST_FRAME, LAST_FRAME)
_READ: dict[str, Callable[[str, object], Any]] = {
    "name": _name,
    "enabled": _enabled,
    "prompt": _prompt,
    "source": _source,
    "scene": _name,
    "camera": _name,
    "image": _name,
    "strip": _name,
    "frame": _frame,
    "seconds": _number(0, 3600),
    "model": _name,
    "resolution": _name,
    "target_frame": _frame,
}


def _cell(value: object) -> object:
    """A value as a cell: text that a spreadsheet would take for a formula stands behind an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.lstrip("'").startswith(_FORMULA):
        return f"'{value}"
    return value


def _uncell(cell: str) -> str:
    """What ``_cell`` made a cell of."""
    text = cell.strip()
    behind = text[1:]
    return behind if text.startswith("'") and behind.lstrip("'").startswith(_FORMULA) else text
