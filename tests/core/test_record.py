"""Records behave like ``@dataclass(frozen=True, slots=True)``: each claim is asked of both."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from grok_video.core.record import mutable_record, record

Maker = Callable[[type[Any]], type[Any]]


def _classes(make: Maker) -> tuple[type[Any], type[Any]]:
    @make
    class Shot:
        kind: ClassVar[str] = "shot"
        name: str
        frames: int = 24
        takes: list[int] = dataclasses.field(default_factory=list)
        key: str = dataclasses.field(default="secret", repr=False)

    @make
    class Cut(Shot):
        kind: ClassVar[str] = "cut"
        at: float = 0.0

    return Shot, Cut


@pytest.fixture(params=[record, dataclasses.dataclass(frozen=True, slots=True)])
def classes(request: pytest.FixtureRequest) -> tuple[type[Any], type[Any]]:
    return _classes(request.param)


def test_fields_in_order_by_name_and_by_default(classes: tuple[type[Any], type[Any]]) -> None:
    shot, cut = classes
    one = shot("a", takes=[1])
    assert (one.name, one.frames, one.takes, one.key) == ("a", 24, [1], "secret")
    assert shot("a").takes is not shot("a").takes
    assert (cut("b", 1, [], "k", 2.0).at, cut.kind, shot.kind) == (2.0, "cut", "shot")


@pytest.mark.parametrize(
    ("args", "given"),
    [((), {}), (("a", 1, [], "k", 5), {}), (("a",), {"name": "b"}), (("a",), {"length": 1})],
)
def test_wrong_fields_are_refused(
    classes: tuple[type[Any], type[Any]], args: tuple[Any, ...], given: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        classes[0](*args, **given)


def test_equal_when_type_and_fields_are(classes: tuple[type[Any], type[Any]]) -> None:
    shot, cut = classes
    assert shot("a") == shot("a") != shot("b")
    assert shot("a") != cut("a")
    assert shot("a") != "a"
    assert hash(shot("a", takes=())) == hash(shot("a", takes=()))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unhashable"):
        hash(shot("a"))


def test_nothing_can_be_changed_or_added(classes: tuple[type[Any], type[Any]]) -> None:
    for one in (classes[0]("a"), classes[1]("a")):
        for name in ("name", "length"):
            with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
                setattr(one, name, "b")
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            del one.name
        assert not hasattr(one, "__dict__")
        assert one.name == "a"


def test_known_to_dataclasses_and_to_match(classes: tuple[type[Any], type[Any]]) -> None:
    shot, _ = classes
    one = shot("a", takes=[1])
    assert dataclasses.asdict(one) == {"name": "a", "frames": 24, "takes": [1], "key": "secret"}
    assert dataclasses.replace(one, frames=2) == shot("a", 2, [1])
    match one:
        case shot(name, frames):
            assert (name, frames) == ("a", 24)
        case _:
            pytest.fail("a record is matched by its class")


def test_shown_without_what_is_not_to_be_shown(classes: tuple[type[Any], type[Any]]) -> None:
    assert repr(classes[0]("a")).endswith("Shot(name='a', frames=24, takes=[])")


def test_a_mutable_record_can_be_set_and_equals_only_itself() -> None:
    shot, cut = _classes(mutable_record)
    one, other = shot("a"), shot("a")
    one.frames, one.takes = 48, [1]
    assert (one.frames, one.takes, other.takes) == (48, [1], [])
    assert one == one
    assert shot("a") != other
    assert len({one, other}) == 2
    with pytest.raises(AttributeError):
        one.no_such_field = 1
    assert dataclasses.replace(cut("b", at=2.0), frames=1).at == 2.0
