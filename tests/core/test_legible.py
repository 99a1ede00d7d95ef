"""Names as the system allows them, in sentences, logs and on a console."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from grok_video.core.legible import legible, tell
from grok_video.core.redact import Redaction
from grok_video.worker.desk import write_log

NAMES = {
    "plain": ("clip", "clip"),
    "umlaut": ("Fähre", "Fähre"),
    "not UTF-8": ("cl\udcff\udcfeip", "cl\\xff\\xfeip"),
    "half a character": ("a\ud800b", "a\\ud800b"),
    "backslash": ("a\\b", "a\\b"),
    "emoji of several": ("👩\u200d🎨", "👩\u200d🎨"),
    "line break": ("a\nb\rc\u2028d", "a\\nb\\rc\\u2028d"),
    "null": ("a\0b\x1b[31m", "a\\x00b\\x1b[31m"),
    "right to left": ("a\u202egpj.exe\u2066", "a\\u202egpj.exe\\u2066"),
    "Arabic": ("مرحبا", "مرحبا"),
    "format": ("{}%s{0}%(x)d", "{}%s{0}%(x)d"),
    "longest": ("ä" * 127, "ä" * 127),
}
names = pytest.mark.parametrize(("name", "told"), NAMES.values(), ids=NAMES.keys())


@names
def test_a_name_is_shown_on_one_line_that_every_program_takes(name: str, told: str) -> None:
    assert legible(f"The file /a/{name}/b is gone.") == f"The file /a/{told}/b is gone."
    assert legible(name).encode().decode() == told
    assert legible(f"a\tb\n{name}", lines=True).startswith("a\tb\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@names
def test_any_console_shows_what_it_can(
    name: str, told: str, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    monkeypatch.setattr(sys, "stdout", out)
    tell(f"“{name}”")
    shown = out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]
    if encoding == "utf-8":
        assert shown == f"“{legible(name, lines=True)}”\n"
    assert shown.endswith("\n")
    assert len(shown) >= len(told)


def test_a_program_without_a_console_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    tell("“A”")


@names
def test_the_workers_log_holds_a_line_for_each_word(name: str, told: str, tmp_path: Path) -> None:
    write_log(tmp_path, f"job 1: /a/{name}/b is gone")
    write_log(tmp_path, "next")
    first, second = (tmp_path / "worker.log").read_text("utf-8").split("\n")[:2]
    assert first.endswith(f"job 1: /a/{told}/b is gone")
    assert second.endswith("] next")
    assert Redaction(folders=[f"/a/{name}"])(first).endswith("job 1: …/b is gone")
