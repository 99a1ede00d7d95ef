"""Comments and docstrings name what they speak of: the rule of ``scripts/prose.py``, and that nothing breaks it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("prose", ROOT / "scripts" / "prose.py")
assert SPEC is not None
assert SPEC.loader is not None
prose = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(prose)

RIDDLES = [
    "It is not ours then: whoever gets the word may take it.",
    "They would answer each other for ever.",
    "This one shall not be bought beside the last.",
    "That would be sent twice.",
    "Sent once: it costs money.",
    "Whether it has ended.",
    "Nothing is sent, and they say so.",
    "Done here because it must not wait.",
    "One that cannot be read lets nothing be bought.",
    "Others by name.",
    "Those of Blender run on foreign threads.",
    "The other is kept.",
    "These are never sent.",
    "The folder lies there: they are read.",  # one thing is not several
]
PROSE = [
    "A job that waits is not ours: it may be taken by any worker.",
    "Jobs that were held: they wait for the artist.",
    "``data`` is read before it is used.",
    "What Blender says while it renders.",
    "It is enough to look once.",
    "It costs nothing to ask again.",
    "This file is never imported.",
    "Those jobs are kept.",
    "The clip that is whole.",
    "Seconds between two polls: that is the service's limit for a key.",
    "bytes",
    "",
]


@pytest.mark.parametrize("text", RIDDLES)
def test_a_subject_without_its_noun_is_found(text: str) -> None:
    assert prose.riddle(text)


@pytest.mark.parametrize("text", PROSE)
def test_a_subject_that_is_named_is_not(text: str) -> None:
    assert not prose.riddle(text)


def test_no_riddle_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    found = prose.main([])
    assert found == 0, capsys.readouterr().out


def test_what_is_read_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "planted.py"
    file.write_text(
        '"""What a file says of itself."""\n'
        "\n"
        "x = 1  # it stays\n"
        "# A job waits here, and on the next line\n"
        "# it is sent: one comment of two lines.\n"
        'y = "# it is text"  # bytes\n'
        "# of one\n"
        "\n"
        "# They end.\n"
        "class Job:\n"
        '    """Whether it has ended.\n'
        "\n"
        "    It is the second paragraph.\n"
        '    """\n'
        "\n"
        "    async def close(self) -> None:\n"
        '        """When it ends."""\n',
        encoding="utf-8",
    )
    assert prose.main([str(file)]) == 1
    lines = [line.split(": ", 1) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        [f"{file}:3", "it stays"],
        [f"{file}:9", "They end."],
        [f"{file}:11", "Whether it has ended."],
        [f"{file}:17", "When it ends."],
        ["4 left"],
    ]
    file.write_text('"""What a file says of itself."""\n', encoding="utf-8")
    assert prose.main([str(tmp_path)]) == 0


def test_an_exception_is_a_text_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "planted.py"
    file.write_text("# It ends.\n", encoding="utf-8")
    monkeypatch.setitem(prose.EXCEPTIONS, "It ends.", "said so in the manual")
    assert prose.main([str(file)]) == 0
