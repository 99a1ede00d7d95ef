"""Each part of the session is changed by the file of its name only: read from the source and not from a run.

Panels read the parts, operators call functions; a field that is set from elsewhere is found here, also through a local
name. Not found: what is handed to a function of another file as a plain ``dict`` or ``set`` and changed there.
"""

from __future__ import annotations

import ast
import functools
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

BLENDER = Path(__file__).resolve().parents[2] / "grok_video" / "blender"

#: Part of ``Session`` -> the file of ``session/`` that changes it.
OWNERS = {
    "click": "click",
    "blocking": "blocking",
    "series": "series",
    "renders": "renders",
    "seams": "seams",
    "slots": "slots",
    "imports": "imports",
    "takes": "takes",
    "files": "files",
    "questions": "questions",
    "answers": "answers",
    "sums": "spending",
    "moving": "moving",
    "comparing": "comparing",
    "unused": "unused",
    "stages": "stages",
    "unseen": "unseen",
    "thumbnails": "thumbnails",
    "looks": "looks",
    "watch": "watch",
    "pointing": "pointing",
    "shot_batch": "shot_batch",
    "shot_list": "shots",
}
#: Names of classes in annotations -> the part that they are, or lie in.
CLASSES = {"".join(map(str.capitalize, name.split("_"))): name for name in OWNERS} | {
    "Question": "questions",
    "ShotPress": "shot_batch",
}
#: Methods that change what they belong to: of lists, sets, dictionaries, deques, and of objects in general.
CHANGES = {
    *("append", "appendleft", "extend", "extendleft", "insert", "remove", "reverse", "rotate", "sort"),
    *("pop", "popleft", "popitem", "clear", "update", "setdefault", "add", "discard"),
    *("difference_update", "intersection_update", "symmetric_difference_update"),
    *("__setattr__", "__delattr__", "__setitem__", "__delitem__", "__ior__", "__iadd__"),
}  # fmt: skip
#: Through these a method may be called with what it changes as its first argument.
KINDS = {"object", "dict", "set", "list", "deque"}
#: Methods and functions that give what lies in what they are called of.
GIVES = {"get", "values", "items", "__getitem__", "__getattribute__"}
GIVE = {"vars", "iter", "next", "reversed", "enumerate"}

Names = dict[str, str]  # local name -> the part that it stands for or lies in


def part_in(node: ast.expr | None, names: Names) -> str:
    """The part that an expression is, or that its value lies in; '' for none."""
    match node:
        case ast.Name(name):
            return names.get(name, "")
        case ast.Attribute(_, name) if name in OWNERS:
            return name
        case ast.Attribute(value) | ast.Subscript(value) | ast.Starred(value):
            return part_in(value, names)
        case ast.NamedExpr(_, value) | ast.Await(value):
            return part_in(value, names)
        case ast.IfExp(_, one, other):
            return part_in(one, names) or part_in(other, names)
        case ast.BoolOp(_, values):
            return next(filter(None, (part_in(value, names) for value in values)), "")
        case ast.Call(ast.Name("getattr"), [_, ast.Constant(str(name)), *_]) if name in OWNERS:
            return name
        case ast.Call(ast.Name("getattr"), [value, *_]):
            return part_in(value, names)
        case ast.Call(ast.Name(function), [value, *_]) if function in GIVE:
            return part_in(value, names)
        case ast.Call(ast.Attribute(value, method)) if method in GIVES:
            return part_in(value, names)
    return ""


def bound(target: ast.expr, value: ast.expr, names: Names) -> Iterator[tuple[str, str]]:
    """The names that an assignment lets stand for a part."""
    match target, value:
        case ast.Name(name), _ if part := part_in(value, names):
            yield name, part
        case ((ast.Tuple(targets) | ast.List(targets)), (ast.Tuple(values) | ast.List(values))):
            for one, its in zip(targets, values, strict=False):
                yield from bound(one, its, names)
        case ((ast.Tuple(targets) | ast.List(targets)), _):
            for one in targets:
                yield from bound(one, value, names)
        case ast.Starred(one), _:
            yield from bound(one, value, names)


def names_in(tree: ast.AST) -> Names:
    """Local names of a function, with all functions inside of it, that stand for a part anywhere in it."""
    names: Names = {}
    for node in ast.walk(tree):
        match node:
            case ast.arg(name, annotation):
                words = (
                    {n.id for n in ast.walk(annotation) if isinstance(n, ast.Name)}
                    if annotation
                    else set()
                )
                part = next((CLASSES[word] for word in words if word in CLASSES), "")
                if part or (name in OWNERS and annotation is None):
                    names[name] = part or name
    before: Names | None = None
    while before != names:  # a name may be given on, and stand further up
        before = dict(names)
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets, value):
                    for target in targets:
                        names.update(bound(target, value, names))
                case ast.AnnAssign(target, _, ast.expr() as value):
                    names.update(bound(target, value, names))
                case ast.NamedExpr(target, value):
                    names.update(bound(target, value, names))
                case ast.For(target, value) | ast.comprehension(target, value):
                    names.update(bound(target, value, names))
                case ast.withitem(value, ast.expr() as target):
                    names.update(bound(target, value, names))
                case ast.Match(value, cases) if part := part_in(value, names):
                    for case in cases:
                        found = (n for n in ast.walk(case.pattern) if isinstance(n, ast.MatchAs))
                        names.update({n.name: part for n in found if n.name})
    return names


def changed(node: ast.AST, names: Names) -> str:
    """The part that one node of a function changes; '' for none."""
    match node:
        case ast.Attribute(_, name, ast.Store() | ast.Del()) if name in OWNERS:
            return name  # another object in its place
        case ast.Attribute(value, _, ast.Store() | ast.Del()):
            return part_in(value, names)
        case ast.Subscript(value, _, ast.Store() | ast.Del()):
            return part_in(value, names)
        case ast.AugAssign(ast.Name(name)):
            return names.get(name, "")  # ``|=`` of a dictionary changes the dictionary
        case ast.Attribute(value, name, ast.Load()) if name in CHANGES and part_in(value, names):
            return part_in(value, names)  # called here, or handed on to be called
        case ast.Call(ast.Attribute(ast.Name(kind), name), [value, *_]) if (
            kind in KINDS and name in CHANGES
        ):
            return part_in(value, names)  # dict.update(part.field, …)
        case ast.Call(ast.Name("setattr" | "delattr"), [_, ast.Constant(str(name)), *_]) if (
            name in OWNERS
        ):
            return name
        case ast.Call(ast.Name("setattr" | "delattr"), [value, *_]):
            return part_in(value, names)
    return ""


@functools.cache
def changes_in(source: str) -> tuple[tuple[int, str], ...]:
    """(line, part) of everything in a file that changes a part of the session."""
    return tuple(_changes_in(source))


def _changes_in(source: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    functions: list[ast.AST] = []
    rest: list[ast.AST] = list(tree.body)
    while rest:
        node = rest.pop()
        if isinstance(node, ast.ClassDef):
            rest += node.body
        else:
            functions.append(node)
    for function in functions:
        names = names_in(function)
        for node in ast.walk(function):
            if part := changed(node, names):
                yield getattr(node, "lineno", 0), part


def changes(blender: Path) -> Iterator[tuple[str, int, str]]:
    """(file, line, part) of every change of a part on Blender's side."""
    for path in sorted(blender.rglob("*.py")):
        name = path.relative_to(blender).as_posix()
        for line, part in changes_in(path.read_text("utf-8")):
            yield name, line, part


def wrong(blender: Path) -> list[str]:
    return [
        f"{name}:{line}: changes {part}"
        for name, line, part in changes(blender)
        if name != f"session/{OWNERS[part]}.py"
    ]


def test_each_part_is_changed_by_the_file_of_its_name_only() -> None:
    assert wrong(BLENDER) == []


def test_every_part_is_known_and_seen_to_be_changed() -> None:
    tree = ast.parse((BLENDER / "session" / "state.py").read_text("utf-8"))
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    parts = {
        field.target.id
        for field in classes["Session"].body
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(field.annotation, ast.Name)
        and field.annotation.id in classes
    }
    assert parts == set(OWNERS)
    assert set(CLASSES) == set(classes) - {"Session"}
    assert {part for _, _, part in changes(BLENDER)} == set(OWNERS)


@pytest.mark.parametrize(
    ("file", "lines", "part"),
    [
        ("ui/jobs.py", "current().click.message = 'x'", "click"),
        ("ui/jobs.py", "current().watch.turned += 1", "watch"),
        ("ui/jobs.py", "current().watch.turned: float = 1.0", "watch"),
        ("ui/jobs.py", "del current().sums.spending", "sums"),
        ("ui/jobs.py", "current().sums.spending, x = 1, 2", "sums"),
        ("ui/jobs.py", "for current().click.message in 'ab': pass", "click"),
        ("ui/jobs.py", "current().questions.key.asked = 'x'", "questions"),
        ("ui/jobs.py", "current().click = None", "click"),
        ("ui/jobs.py", "current().imports.claimed['x'] = 1", "imports"),
        ("ui/jobs.py", "current().imports.claimed['x'] += 1", "imports"),
        ("ui/jobs.py", "del current().series.next['x']", "series"),
        ("ui/jobs.py", "imports = current().imports; imports.claimed['x'] = 1", "imports"),
        ("ui/jobs.py", "now = current()\nown = now.imports\nown.claimed['x'] = 1", "imports"),
        ("ui/jobs.py", "claimed = current().imports.claimed\nclaimed['x'] = 1", "imports"),
        ("ui/jobs.py", "claimed = current().imports.claimed\nclaimed |= {}", "imports"),
        ("ui/jobs.py", "a = current().series\nb = a\nb.follows.clear()", "series"),
        ("ui/jobs.py", "a, b = current().series, 1\na.follows.clear()", "series"),
        ("ui/jobs.py", "(own := current().series).follows.clear()", "series"),
        ("ui/jobs.py", "own: object = current().series\nown.follows.clear()", "series"),
        ("ui/jobs.py", "own = current().series if x else None\nown.follows.clear()", "series"),
        ("ui/jobs.py", "for one in current().click.queue: one.steps.clear()", "click"),
        ("ui/jobs.py", "for _, one in current().imports.landings.items(): one.notice = ''", "imports"),
        ("ui/jobs.py", "current().imports.landings.get('x').notice = ''", "imports"),
        ("ui/jobs.py", "own = current().click\ndef inner():\n    own.message = ''", "click"),
        ("ui/jobs.py", "match current().click:\n    case own: own.message = ''", "click"),
        ("ui/jobs.py", "add = current().imports.reported.add\nadd('x')", "imports"),
        ("ui/jobs.py", "setattr(current().click, 'message', '')", "click"),
        ("ui/jobs.py", "setattr(current(), 'click', None)", "click"),
        ("ui/jobs.py", "getattr(current(), 'click').message = ''", "click"),
        ("ui/jobs.py", "object.__setattr__(current().click, 'message', '')", "click"),
        ("ui/jobs.py", "dict.update(current().series.follows, x='y')", "series"),
        ("session/click.py", "current().series.agreed['x'] = ()", "series"),
        ("session/tick.py", "current().imports.waiting = 'x'", "imports"),
        ("session/spending.py", "current().questions.limits_trouble = ''", "questions"),
        ("session/queue.py", "current().sums.summed_for = None, None", "sums"),
        ("session/state.py", "current().click.message = ''", "click"),
        ("ui/spending.py", "current().sums.summed_for = None, None", "sums"),
        ("submission/preparation.py", "def late(own: Click): own.message = ''", "click"),
        ("submission/preparation.py", "def late(own: Question | None): own.asked = ''", "questions"),
        ("submission/preparation.py", "def late(click): click.queue.popleft()", "click"),
        *(
            ("ui/jobs.py", f"current().click.queue.{method}()", "click")
            for method in sorted(CHANGES)
        ),
    ],
)  # fmt: skip
def test_a_planted_change_is_found(tmp_path: Path, file: str, lines: str, part: str) -> None:
    """In a function of its own, at the end of the file."""
    for folder in ("ui", "session", "submission"):
        shutil.copytree(
            BLENDER / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    with open(tmp_path / file, "a", encoding="utf-8") as planted:
        planted.write("\n\ndef planted(x):\n" + textwrap.indent(lines, "    ") + "\n")
    found = wrong(tmp_path)
    assert found
    assert all(line.startswith(f"{file}:") for line in found)
    assert all(line.endswith(f"changes {part}") for line in found)


@pytest.mark.parametrize(
    "lines",
    [
        "return current().click.message",
        "return list(current().click.queue)",
        "found = []\nfound.append(current().click.message)",
        "message = current().click.message\nmessage = 'other'",
        "imports.forget_landings()",
        "click.say('')",
        "x['click'] = 1",
    ],
)
def test_reading_is_no_change(lines: str) -> None:
    source = "from ..session import click, imports\ndef read(x):\n" + textwrap.indent(lines, "    ")
    assert changes_in(source) == ()
