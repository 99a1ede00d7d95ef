"""The helper that replaces names of the product for a test: what the product would not notice fails the test."""

from __future__ import annotations

import ast
import importlib.util
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from grok_video.core.spec import JobSpec
from tests.core.conftest import ROOT
from tests.patching import Blind, Patches, files_reading, is_product, reading

pytest_plugins = "pytester"

Plant = Callable[[str, str], ModuleType]

#: What a test may replace by ``monkeypatch.setattr``: it does not move with the product.
NOT_OURS = {"os", "os.path", "sys", "textwrap", "time", "socket", "HTTPAdapter", "pictures"}


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    """Makes modules of the product out of their text: ``plant('planted_room', 'SECONDS = 5')``."""
    made: list[str] = []

    def loaded(name: str, text: str) -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        spec = importlib.util.spec_from_file_location(f"grok_video.{name}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        made.append(spec.name)
        spec.loader.exec_module(module)
        return module

    yield loaded
    for name in made:
        del sys.modules[name]


def blind(words: str) -> pytest.RaisesExc[Blind]:
    return pytest.raises(Blind, match=words)


# ------------------------------------------------------------------------------------------------- where it is read


def test_a_name_that_is_gone(plant: Plant) -> None:
    room = plant("planted_room", "class Door:\n    def open(self): return self.open\n")
    with Patches() as patches:
        with blind(r"grok_video\.planted_room has no 'SECONDS'"):
            patches.set(room, "SECONDS", 1)
        with blind(r"grok_video\.planted_room\.Door has no '_close'"):
            patches.set(room.Door, "_close", lambda _: None)
    assert not hasattr(room, "SECONDS")


def test_a_name_that_is_only_imported_there_and_read_elsewhere(plant: Plant) -> None:
    """The definition has moved; an import of it was left behind."""
    plant("planted_new", "SECONDS = 5\ndef wait(): return SECONDS\n")
    old = plant("planted_old", "from grok_video.planted_new import SECONDS, wait\n")
    for name, value in (("SECONDS", 0), ("wait", lambda: 0)):
        with Patches() as patches, blind(f"planted_old holds '{name}', but no function reads it"):
            patches.set(old, name, value)
    with Patches() as patches, blind(r"It is read in grok_video\.planted_new\."):
        patches.set(old, "SECONDS", 0)


@pytest.mark.parametrize(
    "use",
    [
        "LONGER = SECONDS + 1",
        "def wait(seconds=SECONDS): return seconds",
        "class Waits:\n    seconds = SECONDS",
        "EACH = [SECONDS for _ in range(3)]",
        "def wait(SECONDS): return SECONDS",
        "def wait():\n    SECONDS = 3\n    return SECONDS",
        "def change():\n    global SECONDS\n    SECONDS = 3",
    ],
)
def test_what_is_read_before_the_test_or_is_another_name_does_not_count(
    plant: Plant, use: str
) -> None:
    room = plant("planted_room", f"SECONDS = 5\n{use}\n")
    with Patches() as patches, blind("Nobody reads that name"):
        patches.set(room, "SECONDS", 1)


@pytest.mark.parametrize(
    "use",
    [
        "def wait(): return SECONDS",
        "class Waits:\n    def wait(self): return lambda: SECONDS",
        "def wait(): return [SECONDS for _ in range(3)]",
        "wait = lambda: SECONDS",
        "def wait():\n    def inside(): return SECONDS\n    return inside()",
    ],
)
def test_what_is_read_when_it_is_called_counts(plant: Plant, use: str) -> None:
    room = plant("planted_room", f"SECONDS = 5\n{use}\n")
    with Patches() as patches:
        patches.set(room, "SECONDS", 1)
        assert room.SECONDS == 1
    assert room.SECONDS == 5


@pytest.mark.parametrize(
    "use",
    [
        "from grok_video import planted_room as room\ndef wait(): return room.SECONDS",
        "def wait():\n    from . import planted_room as late\n    return late.SECONDS",
        "def wait():\n    from .planted_room import SECONDS\n    return SECONDS",
        "from grok_video import planted_hall as hall\ndef wait(): return hall.room.SECONDS",
    ],
)
def test_what_another_module_reads_of_that_module_counts(
    plant: Plant, use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import grok_video

    room = plant("planted_room", "SECONDS = 5\n")
    monkeypatch.setitem(vars(grok_video), "planted_room", room)
    hall = plant("planted_hall", "from grok_video import planted_room as room\n")
    monkeypatch.setitem(vars(grok_video), "planted_hall", hall)
    with Patches() as patches, blind("no function reads it there"):
        patches.set(room, "SECONDS", 1)
    reader = plant("planted_reader", use)
    with Patches() as patches:
        patches.set(room, "SECONDS", 1)
        assert reader.wait() == 1


def test_a_copy_that_somebody_else_reads(plant: Plant) -> None:
    """Half of what the product does would go on with the old value."""
    room = plant("planted_room", "SECONDS = 5.5\ndef wait(): return SECONDS\n")
    other = plant(
        "planted_other", "from grok_video.planted_room import SECONDS\ndef go(): return SECONDS\n"
    )
    with (
        blind(r"replaced in grok_video\.planted_room, but grok_video\.planted_other imports it"),
        Patches() as patches,
    ):
        patches.set(room, "SECONDS", 1.0)
    assert room.SECONDS == 5.5
    with Patches() as patches:
        patches.set(room, "SECONDS", 1.0)
        patches.set(other, "SECONDS", 1.0)
    with Patches() as patches:
        patches.set(room, "SECONDS", 1.0, copies_ok="nobody goes")


def test_what_no_line_reads_of_a_class(plant: Plant) -> None:
    room = plant(
        "planted_room",
        "class Door:\n    def planted_open(self): ...\n    def planted_shut(self): ...\n"
        "    def draw(self): ...\n    def __len__(self): return 1\n"
        "def go(door): door.planted_open()\n",
    )
    with Patches() as patches:
        patches.set(room.Door, "planted_open", lambda _: 1)
        patches.set(
            room.Door, "draw", drawn := lambda _: 1
        )  # Blender calls it, and counts its arguments
        assert room.Door.draw is drawn
        patches.set(room.Door, "__len__", lambda _: 2)
        with blind("no function of the product reads an attribute of that name"):
            patches.set(room.Door, "planted_shut", lambda _: 1)
        assert len(room.Door()) == 2
        room.go(room.Door())
    assert len(room.Door()) == 1


# -------------------------------------------------------------------------------------------------- that it was used


ROOM = "def wait(): return 5\ndef go(): return wait()\n"


def test_a_replacement_that_was_never_used(plant: Plant) -> None:
    room = plant("planted_room", ROOM)
    with blind(r"'wait' was replaced in grok_video\.planted_room and never used"), Patches() as p:
        p.set(room, "wait", lambda: 1)
    assert room.go() == 5
    with Patches() as patches:
        patches.set(room, "wait", lambda: 1)
        assert room.go() == 1
    with Patches() as patches:
        patches.set(room, "wait", lambda: 1, unused_ok="nobody waits")


def test_a_failure_is_not_hidden_by_what_it_left_unused(plant: Plant) -> None:
    room = plant("planted_room", ROOM)

    def broken() -> None:
        with Patches() as patches:
            patches.set(room, "wait", lambda: 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert room.go() == 5


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_methods_of_a_class(plant: Plant, kind: type) -> None:
    room = plant(
        "planted_room",
        f"class Door:\n    @{kind.__name__}\n    def wait(*_): return 5\n"
        "def go(): return Door.wait()\n",
    )
    with blind("never used"), Patches() as patches:
        patches.set(room.Door, "wait", kind(lambda *_: 1))
    with Patches() as patches:
        patches.set(room.Door, "wait", kind(lambda *_: 1))
        assert room.go() == 1
    assert isinstance(vars(room.Door)["wait"], kind)
    assert room.go() == 5


def test_a_method_of_one_object(plant: Plant) -> None:
    room = plant("planted_room", "class Door:\n    def wait(self): return 5\n    def go(self): return self.wait()\n")  # fmt: skip
    door = room.Door()
    with blind("never used"), Patches() as patches:
        patches.set(door, "wait", lambda: 1)
    with Patches() as patches:
        patches.set(door, "wait", lambda: 1)
        assert (door.go(), room.Door().go()) == (1, 5)
    assert "wait" not in vars(door)


def test_what_stands_for_a_module(plant: Plant) -> None:
    room = plant("planted_room", "import time\ndef go(): return time.time()\n")
    told = types.SimpleNamespace(time=lambda: 7.0)
    with blind("'time' was replaced in grok_video.planted_room and never used"), Patches() as p:
        p.set(room, "time", told)
    with Patches() as patches:
        patches.set(room, "time", told)
        assert room.go() == 7.0
    assert room.time is time


def test_the_fixture_fails_its_test(pytester: pytest.Pytester) -> None:
    """As the rings have it: the test itself fails, and not what is put away behind it."""
    pytester.makepyfile(
        conftest=f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.core.conftest import *\n"
        "from tests.core.conftest import pytest_pyfunc_call, patches\n",
        test_it="""
            from grok_video.ledger import journal
            def test_unused(patches): patches.set(journal, "read_journal", lambda *_: [])
            def test_gone(patches): patches.set(journal, "no_such_name", 1)
            def test_broken(patches):
                patches.set(journal, "read_journal", lambda *_: [])
                assert 1 == 2
        """,
    )
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        ["*'read_journal' was replaced in grok_video.ledger.journal and never*"]
    )
    result.stdout.fnmatch_lines(["*grok_video.ledger.journal has no 'no_such_name'*"])
    result.stdout.fnmatch_lines(["*assert 1 == 2*"])


# -------------------------------------------------------------------------------------------------------- whose it is


def test_what_is_not_the_product_s() -> None:
    assert is_product(JobSpec)
    assert not is_product(time)
    with pytest.raises(TypeError, match="monkeypatch"), Patches() as patches:
        patches.set(time, "sleep", lambda _: None)


def test_who_reads_a_module_or_something_of_it(plant: Plant) -> None:
    room = plant("planted_room", "import time\ndef go(): return time.planted_clock()\n")
    assert room in reading("time")
    room.__path__ = [str(Path(room.__file__ or "").parent)]  # type: ignore[attr-defined]
    assert files_reading(room, "time", "planted_clock") == {"planted_room"}
    assert files_reading(room, "time", "sleep") == set()


def test_no_test_replaces_a_name_of_the_product_by_hand() -> None:
    """``monkeypatch.setattr`` takes any name, whether the product still reads it there or not.

    ``tests/scripts`` replaces names of ``scripts/``, which is no part of the product.
    """
    found = []
    for path in sorted({*ROOT.glob("tests/**/*.py")} - {*ROOT.glob("tests/scripts/*.py")}):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(ast.Attribute(ast.Name(), "setattr"), [owner, *_]):
                    if ast.unparse(owner) not in NOT_OURS:
                        found.append(f"{path.name}:{node.lineno} {ast.unparse(owner)}")
    assert found == []
