"""What the code of a handler speaks of: its names, followed through what it calls and holds. Runs nothing of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import bpy

_RUNS_TEXT = {"eval", "exec", "compile", "path_resolve", "__import__", "import_module"}
_MANY = 1000


def speaks_of(handler: Any, wanted: re.Pattern[str], kind: type | None = None) -> bool:
    """Whether the code of a handler, as far as it can be followed, has a name like ``wanted``, or holds a ``kind``.

    Where the code cannot be read, or runs text, the answer is yes.
    """
    if not isinstance(getattr(handler, "__func__", handler), FunctionType | partial):
        return True
    todo: list[Any] = [handler]
    seen: set[int] = set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        match thing:
            case partial():
                todo += [thing.func, *thing.args, *thing.keywords.values()]
            case MethodType():
                todo += [thing.__func__, thing.__self__]
            case FunctionType():
                names = set(_names(thing.__code__))
                if names & _RUNS_TEXT or any(wanted.search(name) for name in names):
                    return True
                todo += _reached(thing, names)
            case dict():
                todo += list(thing.values())[:_MANY]
            case list() | tuple() | set():
                todo += list(thing)[:_MANY]
            case _ if kind is not None and isinstance(thing, kind):
                return True
            case _ if not isinstance(thing, bpy.types.bpy_struct | ModuleType):
                cls = thing if isinstance(thing, type) else type(thing)
                todo += [f for f in vars(cls).values() if isinstance(f, FunctionType)]
                todo += list(getattr(thing, "__dict__", {}).values())[:_MANY]
            case _:
                pass
    return False


def _names(code: CodeType) -> Iterator[str]:
    """The names in a function's code, and the texts in it that may be names."""
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _names(value)
        elif isinstance(value, str) and " " not in value:
            yield value


def _reached(function: FunctionType, names: set[str]) -> Iterator[Any]:
    """What a function may call or change: its defaults, what it closes over, globals and their modules' parts."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not filled yet
            continue
    for name in names & function.__globals__.keys():
        value = function.__globals__[name]
        if not isinstance(value, ModuleType):
            yield value
        elif value.__name__.split(".")[0] not in {*sys.stdlib_module_names, "bpy", "mathutils"}:
            yield from (vars(value)[part] for part in names & vars(value).keys())
