"""Replaces a name of the product for a test, and fails where the product would not notice.

A name that has moved may survive as an import in the module that a test patches, while the product reads the name
in its new module: the test passes then and tests nothing. So every replacement is checked three times:

- the name exists there, and some function of the product reads it *there*: as a global of that very module, as an
  attribute of that module, or, for what belongs to a class, as an attribute of that name;
- no other module reads a copy of its own (``from … import NAME``);
- a function, or what stands for a module, was used when the test ends.

One helper for all rings. Standard library only, so that it also runs inside Blender and in forked workers. Names of
other packages (``os``, ``time``, ``socket``) are pytest's ``monkeypatch``'s; they do not move with the product.

    with Patches() as patches:                        the fixture ``patches`` does the same for a whole test
        patches.set(bake, "SILENT_SECONDS", 0.5)
        patches.set(Ledger, "alive", lambda *_: True, unused_ok="only a dead worker asks")
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import symtable
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

#: The product's package, however it was loaded: from the checkout, as the worker's entry, as an extension.
_PACKAGE = "grok_video"
#: Called by Blender itself, for which no line of the product reads the attribute.
_DRAWS = {"draw", "draw_header"}
_BLENDER_CALLS = {*_DRAWS, "execute", "invoke", "modal", "poll"}
_COMPREHENSIONS = {"listcomp", "setcomp", "dictcomp", "genexpr"}
_GONE = object()


class Blind(AssertionError):
    """A replacement that the product does not notice: the test would pass without testing."""


# ------------------------------------------------------------------------------------------ what the product reads


@dataclass(frozen=True, slots=True)
class _Reads:
    """What a module's functions read when they are called; what only the import of the module reads is left out."""

    globals: frozenset[str]
    dotted: frozenset[tuple[str, ...]]  # ("mp4", "probe"): an attribute of a name
    attributes: frozenset[str]  # of anything at all
    late: frozenset[tuple[str, str, str]]  # imports inside of functions: from, name, known as


@functools.cache
def _reads_of_file(file: str, package: str) -> _Reads:
    source = Path(file).read_text("utf-8")
    dotted: set[tuple[str, ...]] = set()
    attributes: set[str] = set()
    late: set[tuple[str, str, str]] = set()
    for node in _in_functions(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Load()):
                attributes.add(name)
                if path := _path(node):
                    dotted.add(path)
            case ast.ImportFrom(module, names, level):
                base = importlib.util.resolve_name("." * (level or 0) + (module or ""), package)
                late |= {(base, name.name, name.asname or name.name) for name in names}
    table = symtable.symtable(source, file, "exec")
    return _Reads(
        frozenset(_globals(table, False)), frozenset(dotted), frozenset(attributes), frozenset(late)
    )


def _in_functions(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything in the bodies of functions and lambdas: decorators and defaults are read once, at the import."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(body=body) | ast.AsyncFunctionDef(body=body):
                for statement in body:
                    yield from ast.walk(statement)
            case ast.Lambda(body=body):
                yield from ast.walk(body)


def _path(node: ast.expr) -> tuple[str, ...]:
    match node:
        case ast.Name(name):
            return (name,)
        case ast.Attribute(value, name):
            path = _path(value)
            return (*path, name) if path else ()
    return ()


def _globals(table: symtable.SymbolTable, within: bool) -> Iterator[str]:
    """Names of the module that functions read. ``within``: ``table`` stands inside of a function."""
    is_function = table.get_type() == "function"
    if is_function and (within or table.get_name() not in _COMPREHENSIONS):
        within = True
        for symbol in table.get_symbols():
            if symbol.is_global() and symbol.is_referenced():
                yield symbol.get_name()
    for child in table.get_children():
        yield from _globals(child, within)


def _reads(module: ModuleType) -> _Reads:
    assert module.__file__ is not None
    return _reads_of_file(module.__file__, module.__package__ or "")


def is_product(owner: Any) -> bool:
    """Whether a module, a class or an object belongs to the product."""
    if isinstance(owner, ModuleType):
        return _PACKAGE in owner.__name__.split(".")
    kind = owner if isinstance(owner, type) else type(owner)
    return any(_PACKAGE in base.__module__.split(".") for base in kind.__mro__)


def _product() -> list[ModuleType]:
    """The modules of the product that are loaded and have a source."""
    return [
        module
        for module in list(sys.modules.values())
        if isinstance(module, ModuleType)
        and is_product(module)
        and str(getattr(module, "__file__", None)).endswith(".py")
    ]


def reading(name: str) -> list[ModuleType]:
    """The loaded modules whose functions read a global of that name, such as ``time``."""
    return [module for module in _product() if name in _reads(module).globals]


def files_reading(package: ModuleType, *path: str) -> set[str]:
    """Names within ``package`` of all modules, loaded or not, whose functions read ``path``: "bpy", "app" …"""
    found: set[str] = set()
    for folder in package.__path__:
        for file in Path(folder).rglob("*.py"):
            name = ".".join(file.relative_to(folder).with_suffix("").parts)
            within = f"{package.__name__}.{name}".rpartition(".")[0]
            if any(read[: len(path)] == path for read in _reads_of_file(str(file), within).dotted):
                found.add(name)
    return found


def _reads_attribute(reader: ModuleType, owner: ModuleType, name: str) -> bool:
    """Whether ``reader`` reads ``owner.name``, by whatever name it knows ``owner``."""
    reads = _reads(reader)
    known = {known: f"{base}.{what}" for base, what, known in reads.late}
    if any(base == owner.__name__ and what == name for base, what, _ in reads.late):
        return True
    for first, *between, last in reads.dotted:
        if last == name:
            found: Any = vars(reader).get(first) or sys.modules.get(known.get(first, ""))
            for step in between:
                found = vars(found).get(step) if isinstance(found, ModuleType) else None
            if found is owner:
                return True
    return False


def _called(owner: Any) -> str:
    if isinstance(owner, ModuleType):
        return owner.__name__
    kind = owner if isinstance(owner, type) else type(owner)
    return f"{kind.__module__}.{kind.__qualname__}"


def why_blind(owner: Any, name: str) -> str:
    """'' or a sentence why the product would not notice another value of ``owner.name``."""
    where = _called(owner)
    gone = f"{where} has no '{name}': it has moved or is called otherwise. Patch it where it is read now."
    if isinstance(owner, ModuleType):
        if name not in vars(owner):
            return gone
        if name in _reads(owner).globals:
            return ""
        if any(_reads_attribute(reader, owner, name) for reader in _product()):
            return ""
        others = [m.__name__ for m in _product() if m is not owner and name in _reads(m).globals]
        said = f"It is read in {', '.join(others)}." if others else "Nobody reads that name."
        return f"{where} holds '{name}', but no function reads it there. {said}"
    if not hasattr(owner, name):
        return gone
    implicit = name in _BLENDER_CALLS or (name.startswith("__") and name.endswith("__"))
    if implicit or any(name in _reads(module).attributes for module in _product()):
        return ""
    return f"{where} has '{name}', but no function of the product reads an attribute of that name."


# -------------------------------------------------------------------------------------------------- what is replaced


@dataclass(slots=True)
class _Patch:
    owner: Any
    name: str
    before: Any  # as it stood in the owner's own dictionary, or _GONE
    original: Any
    records: bool
    unused_ok: str
    copies_ok: str
    used: bool = False

    def use(self) -> None:
        self.used = True


class _Watched:
    """Stands for what stands for a module, and tells of each read."""

    def __init__(self, value: Any, use: Callable[[], None]) -> None:
        self.__dict__["_of"] = value, use

    def __getattr__(self, name: str) -> Any:
        value, use = self.__dict__["_of"]
        use()
        return getattr(value, name)


class Patches:
    """The replacements of one test, put back at the end of the context.

    The end of a context in which nothing else failed raises ``Blind`` for those that were never used.
    """

    def __init__(self) -> None:
        self._patches: list[_Patch] = []

    def set(
        self, owner: Any, name: str, value: Any, *, unused_ok: str = "", copies_ok: str = ""
    ) -> None:
        """Let the product find ``value`` as ``owner.name``; raises ``Blind`` where it would not look.

        ``owner`` is a module, a class or an object of the product. ``unused_ok`` says why the test is right although
        the replacement may never be called; '' where the test rests on the call. ``copies_ok`` says why it is right
        although another module goes on with what it imported before.
        """
        if not is_product(owner):
            raise TypeError(f"{_called(owner)} is not the product's: monkeypatch is for that.")
        if why := why_blind(owner, name):
            raise Blind(why)
        before = vars(owner).get(name, _GONE) if hasattr(owner, "__dict__") else _GONE
        patch = _Patch(owner, name, before, getattr(owner, name), True, unused_ok, copies_ok)
        # Blender counts the arguments of a panel's draw when the class is registered: nothing may stand around it.
        if name in _DRAWS and not isinstance(owner, ModuleType):
            patch.records = False
        else:
            value, patch.records = _recorded(value, patch)
        setattr(owner, name, value)
        self._patches.append(patch)

    def check_copies(self) -> None:
        """Raises ``Blind`` when a module reads a copy of its own of what was replaced in another."""
        done = {(_called(patch.owner), patch.name) for patch in self._patches}
        for patch in self._patches:
            if not isinstance(patch.owner, ModuleType) or isinstance(patch.original, ModuleType):
                continue
            if patch.copies_ok:
                continue
            for module in _product():
                if (module.__name__, patch.name) in done or module is patch.owner:
                    continue
                same = vars(module).get(patch.name, _GONE) is patch.original
                if same and patch.name in _reads(module).globals:
                    raise Blind(
                        f"'{patch.name}' was replaced in {_called(patch.owner)}, but {module.__name__} "
                        "imports it and reads its own."
                    )

    def check(self) -> None:
        """Raises ``Blind`` for a copy that somebody else reads, and for a replacement that was never used."""
        self.check_copies()
        for patch in self._patches:
            if patch.records and not patch.used and not patch.unused_ok:
                raise Blind(
                    f"'{patch.name}' was replaced in {_called(patch.owner)} and never used: "
                    "the test does not go that way."
                )

    def undo(self) -> None:
        """Put everything back, the last one first."""
        while self._patches:
            patch = self._patches.pop()
            if patch.before is _GONE:
                delattr(patch.owner, patch.name)
            else:
                setattr(patch.owner, patch.name, patch.before)

    def __enter__(self) -> Patches:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.check()
        finally:
            self.undo()


def _recorded(value: Any, patch: _Patch) -> tuple[Any, bool]:
    """``value``, telling ``patch`` of each use; and whether such a value can tell. Constants cannot."""
    if isinstance(value, classmethod | staticmethod):
        return type(value)(_recorded(value.__func__, patch)[0]), True
    if isinstance(patch.original, ModuleType):
        return _Watched(value, patch.use), True
    if not callable(value) or isinstance(value, type):
        return value, False

    @functools.wraps(value)
    def recorded(*given: Any, **named: Any) -> Any:
        patch.use()
        return value(*given, **named)

    return recorded, True
