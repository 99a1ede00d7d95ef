"""``@record`` and ``@mutable_record``: the slotted dataclasses of this program, made without compiling anything.

``@dataclass(frozen=True, slots=True)`` writes and compiles six methods for each class. For the forty classes
of the extension that was more than half of what ``register()`` adds to Blender's start (Python 3.11: 21 of
40 ms; this way 4 ms). A record behaves like such a dataclass, also for ``dataclasses.fields``, ``replace``
and ``asdict``, for ``match`` and for type checkers. Not offered, because nothing here needs it:
``__post_init__``, ``InitVar``, ``field(init=False)``, ordering, pickling.

It knows nothing of what the classes are about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[_T]) -> type[_T]:
    """Make a frozen dataclass with slots out of ``cls``; equal when type and all fields are equal."""
    return _made(cls, __eq__=_eq, __hash__=_hash, __setattr__=_refuse, __delattr__=_refuse)


@dataclass_transform(eq_default=False, field_specifiers=(dataclasses.field,))
def mutable_record(cls: type[_T]) -> type[_T]:
    """Make a dataclass with slots out of ``cls`` whose fields can be set; equal only to itself."""
    return _made(cls)


def _made(cls: type[_T], **methods: Any) -> type[_T]:
    if cls.__doc__ is None:
        cls.__doc__ = cls.__name__  # else dataclass() takes its time to make a signature of it
    made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    for name, method in {"__init__": _init_of(made), "__repr__": _repr, **methods}.items():
        setattr(made, name, method)
    return made


def _init_of(cls: type[Any]) -> Callable[..., None]:
    fields = dataclasses.fields(cls)
    names = tuple(field.name for field in fields)
    # The slots' own setters: a frozen class refuses setattr, also in __init__.
    setters = tuple((name, getattr(cls, name).__set__) for name in names)
    missing = dataclasses.MISSING
    defaults = {field.name: field.default for field in fields if field.default is not missing}
    factories = [
        (field.name, field.default_factory)
        for field in fields
        if field.default_factory is not missing
    ]

    def __init__(self: Any, *args: Any, **given: Any) -> None:
        values = {**defaults, **given}
        if args:
            if len(args) > len(names):
                raise TypeError(f"{cls.__name__} takes {len(names)} fields, not {len(args)}")
            for name, value in zip(names, args, strict=False):
                if name in given:
                    raise TypeError(f"{cls.__name__}.{name} is given twice")
                values[name] = value
        for name, factory in factories:
            if name not in values:
                values[name] = factory()
        try:
            for name, set_slot in setters:
                set_slot(self, values[name])
        except KeyError as error:
            raise TypeError(f"{cls.__name__}.{error.args[0]} is missing") from None
        if len(values) > len(names):
            unknown = ", ".join(values.keys() - set(names))
            raise TypeError(f"{cls.__name__} has no field {unknown}")

    return __init__


def _values(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, name) for name in self.__match_args__)


def _repr(self: Any) -> str:
    shown = (f"{f.name}={getattr(self, f.name)!r}" for f in dataclasses.fields(self) if f.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _eq(self: Any, other: object) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse(self: Any, name: str, *_value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"{type(self).__name__}.{name} cannot be changed")
