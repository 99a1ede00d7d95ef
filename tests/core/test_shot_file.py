"""Shot lists as files: what spreadsheets write is understood, and a bad row takes no good one with it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from grok_video.core import shot_file
from grok_video.core.shot import Fields, Shot, frame_at, whole_prompt
from grok_video.core.shot_file import COLUMNS, parse, template, to_csv, to_json

ODD = Shot(
    name="sh 010; “é” ☂",
    enabled=False,
    prompt="He says \"go, now\";\nthen {braces} and 'quotes'",
    source="STRIP",
    scene="Scene.001",
    camera="Cam, left",
    image="a;b.png",
    strip="=SUM(A1)",
    frame=-12,
    seconds=7,
    model="grok-imagine-video",
    resolution="720p",
    target_frame=900,
)


@pytest.mark.parametrize("write", [to_csv, to_json])
def test_what_is_written_is_read_again(write: object) -> None:
    shots = [ODD, Shot("plain"), *template()]
    found = parse(write(shots))  # type: ignore[operator]
    assert (found.shots, found.bad, found.unknown) == (shots, [], [])


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_each_spreadsheet_is_understood(delimiter: str, encoding: str, ends: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=ends)
    writer.writerow(["Name", "Target Frame", "PROMPT", "seconds"])
    writer.writerow(["sh1", "24.0", f"one{delimiter} two\nthree", ""])
    found = parse(out.getvalue().encode(encoding))
    assert found.bad == []
    assert found.shots == [Shot("sh1", prompt=f"one{delimiter} two\nthree", target_frame=24)]


@pytest.mark.parametrize(
    "text", ["@Anna runs", "=1+1", "-dark", "+", "'=quoted", "''@twice", "'plain"]
)
def test_no_text_becomes_a_formula_and_all_comes_back(text: str) -> None:
    data = to_csv([Shot("a", prompt=text)])
    (_, row) = csv.reader(io.StringIO(data.decode("utf-8-sig")))
    assert row[COLUMNS.index("prompt")][0] not in "=+-@"
    assert parse(data).shots == [Shot("a", prompt=text)]


def test_a_negative_frame_stays_a_number() -> None:
    (_, row) = csv.reader(io.StringIO(to_csv([Shot("a", frame=-3)]).decode("utf-8-sig")))
    assert row[COLUMNS.index("frame")] == "-3"


@pytest.mark.parametrize(
    ("row", "about"),
    [
        ("a,abc,p", "frame"),
        ("a,1.5,p", "frame"),
        ("a,nan,p", "frame"),
        ("a,inf,p", "frame"),
        ("a,99999999999999999999,p", "frame"),
        ("a,1,p,more", "cells"),
        (f"{'n' * 300},1,p", "name"),
        ("a,1,p\0q", "prompt"),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_the_others_come(row: str, about: str) -> None:
    found = parse(f"name,frame,prompt\ngood,1,p\n{row}\nlast,2,q\n".encode())
    assert [shot.name for shot in found.shots] == ["good", "last"]
    assert [bad.row for bad in found.bad] == [3]
    assert about in found.bad[0].sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frame", True),
        ("frame", [1]),
        ("seconds", -1),
        ("prompt", 5),
        ("source", "FILM"),
        ("enabled", "maybe"),
    ],
)
def test_a_bad_field_of_a_json_is_named(name: str, value: object) -> None:
    found = parse(json.dumps({"shots": [{name: value}, {"name": "good"}, 7, None]}).encode())
    assert [shot.name for shot in found.shots] == ["good"]
    assert [bad.row for bad in found.bad] == [1, 3, 4]
    assert f"“{name}”" in found.bad[0].sentence


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"name,prompt\n",
        b"[]",
        b"{}",
        b"{",
        b'{"shots": 5}',
        b"[" * 100_000,
        b"\xff\xd8\xff\xe0 a picture",
        "naïve,prompt".encode("cp1252"),
        b"one,two\n1,2\n",
        b"name,name\na,b\n",
        b" " * (shot_file.MOST_BYTES + 1),
    ],
    ids=range(13),
)
def test_what_is_no_shot_list_says_so(data: bytes) -> None:
    found = parse(data)
    assert found.shots == []
    assert len(found.bad) == 1
    assert found.bad[0].sentence.endswith(".")


def test_a_quote_that_stays_open_takes_only_what_it_swallowed() -> None:
    found = parse(b'name,prompt\na,p\nb,"open\nc,q\n')
    assert [shot.name for shot in found.shots] == ["a"]
    assert len(found.bad) == 1
    assert "quote" in found.bad[0].sentence


def test_unknown_columns_are_told_and_empty_lines_passed_over() -> None:
    found = parse(b"Shot No,name,prompt\n1,a,p\n,,\n\n2,b,q\n")
    assert [shot.name for shot in found.shots] == ["a", "b"]
    assert found.unknown == ["shot_no"]


def test_rows_are_counted_as_the_spreadsheet_counts_lines() -> None:
    found = parse(b'name,frame,prompt\na,1,"two\nlines"\nb,x,p\n')
    assert (found.rows, [bad.row for bad in found.bad]) == ([3], [4])


def test_too_many_rows_are_told() -> None:
    rows = "".join(f"s{n}\n" for n in range(shot_file.MOST_ROWS + 5))
    found = parse(f"name\n{rows}".encode())
    assert len(found.shots) == shot_file.MOST_ROWS
    assert str(shot_file.MOST_ROWS + 5) in found.bad[0].sentence


def test_begin_and_end_come_from_a_json() -> None:
    found = parse(to_json([Shot("a")], begin="Film.", end=5))
    assert (found.begin, found.end) == ("Film.", "")


def test_only_four_fields_are_filled_in_and_nothing_twice() -> None:
    fields = Fields("{frame}", "Cam", "Scene", 24)
    text = "{shot} {camera} {scene} {frame} {a|b} {{frame}} {Frame}"
    assert whole_prompt(text, fields) == "{frame} Cam Scene 24 {a|b} {24} {Frame}"
    assert whole_prompt(" b ", replace(fields, shot="x"), "{shot}:", " ") == "x: b"


def test_a_frame_at_another_rate_is_at_the_same_time() -> None:
    assert [frame_at(f, 24.0, 24.0) for f in (-5, 1, 97)] == [-5, 1, 97]
    assert [frame_at(f, 24.0, 30.0) for f in (0, 24, 25, 240)] == [0, 30, 31, 300]
