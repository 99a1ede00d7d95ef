"""Who may import whom: the arrows of docs/architecture.md, read from the source and not from a run."""

from __future__ import annotations

import ast
import functools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "grok_video"

#: Below every floor of Blender's side: the files of ``blender`` itself but its entry, and what has no Blender.
GROUND = {"blender", "core", "service"}
#: Folder -> the folders that it may import. Its own files it may import too, in a circle never.
FOLDERS: dict[str, set[str]] = {
    "core": set(),
    "service": {"core"},
    "ledger": {"core"},
    "farm": {"core"},
    "worker": {"core", "service", "ledger", "worker/http"},
    "worker/http": {"core"},
    "blender": {
        "core",
        "service",
        "blender/command",
        "blender/ui",
        "blender/session",
        "blender/sources",
    },
    "blender/timeline": GROUND,
    "blender/sources": GROUND,
    "blender/submission": {"blender/timeline", "blender/sources", *GROUND},
    "blender/session": {
        "farm",
        "blender/submission",
        "blender/timeline",
        "blender/sources",
        *GROUND,
    },
    "blender/ui": {
        "farm",
        "blender/session",
        "blender/submission",
        "blender/timeline",
        "blender/sources",
        *GROUND,
    },
    "blender/command": {
        "farm",
        "blender/session",
        "blender/submission",
        "blender/timeline",
        "blender/sources",
        *GROUND,
    },
}
#: What Blender's side may use of the ledger: it reads, and puts commands down.
LEDGER_IN_BLENDER = {
    *(
        "reader",
        "listing",
        "inbox",
        "locks",
        "journal",
        "job_log",
        "errors",
        "schema",
        "place",
        "whereabouts",
    ),
}
#: What Blender's side may not use: no Python thread ever runs inside Blender.
NOT_IN_BLENDER = {"threading", "_thread", "asyncio", "multiprocessing", "concurrent"}
#: HTTP belongs to the worker, and in it to one folder.
HTTP = {"requests", "urllib3", "http", "aiohttp", "httpx"}
#: Files that import by a name which no test can read: the worker's entry, and what loads a folder's own modules late.
BY_MADE_UP_NAMES = {("", "__main__"), ("blender", "lazily")}
#: Blender's modules.
BLENDER = {"bpy", "bpy_extras", "bl_ui", "gpu", "gpu_extras", "blf", "mathutils", "aud", "imbuf"}


def imports(path: Path, package: Path) -> tuple[str, ...]:
    """Everything a file imports, however late: 'module' or 'module.name', ours as 'grok_video.…'."""
    where = ("grok_video", *path.relative_to(package).with_suffix("").parts)
    return _imports(path.read_text("utf-8"), where)


@functools.cache
def _imports(source: str, where: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_imported(ast.parse(source), where))


def _imported(tree: ast.Module, where: tuple[str, ...]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                for name in names:
                    yield name.name
            case ast.ImportFrom(module, names, 0):
                for name in names:
                    yield f"{module}.{name.name}"
            case ast.ImportFrom(module, names, level):
                base = ".".join(
                    [*where[: len(where) - (level or 0)], *([module] if module else [])]
                )
                for name in names:
                    yield f"{base}.{name.name}"
            case ast.Call(
                ast.Name("__import__") | ast.Attribute(attr="import_module"), [first, *_]
            ):
                yield str(first.value) if isinstance(first, ast.Constant) else "?"


@functools.cache
def absolute(source: str) -> tuple[int, ...]:
    """Lines that import this package by its name, which an extension does not have."""
    found: list[int] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names) if any(n.name.split(".")[0] == "grok_video" for n in names):
                found.append(node.lineno)
            case ast.ImportFrom(str(module), _, 0) if module.split(".")[0] == "grok_video":
                found.append(node.lineno)
    return tuple(found)


def module_of(what: str, package: Path) -> tuple[str, str]:
    """(folder, file) of ours that 'grok_video.folder.file.name' imports from; a folder itself is ('folder', '')."""
    parts = what.split(".")[1:]
    folder: list[str] = []
    while parts and (package / Path(*folder, parts[0])).is_dir():
        folder.append(parts.pop(0))
    return "/".join(folder), parts[0] if parts else ""


def allowed(folder: str, module: str, what: str, package: Path) -> bool:
    """Whether a module in a folder of the package ('', 'core', 'worker/http' …) may import ``what``."""
    top = what.split(".")[0]
    if top != "grok_video":
        if top == "?":  # by a name that is made up at run time
            return (folder, module) in BY_MADE_UP_NAMES
        if top in HTTP or what.startswith("urllib.request"):
            return folder == "worker/http"
        if folder.split("/")[0] == "blender":
            return top not in NOT_IN_BLENDER
        return top not in BLENDER
    if folder == "blender" and what == "grok_video.__package__":
        return True  # the name that Blender gave the package
    other, file = module_of(what, package)
    if folder == "":
        return module == "__init__" and other == "blender"
    if folder == "blender" and module != "__init__" and other.startswith("blender/"):
        return False  # the ground floor
    if folder.split("/")[0] == "blender" and other == "ledger":
        return file in LEDGER_IN_BLENDER
    return other == folder or other in FOLDERS[folder]


def circles(package: Path) -> list[str]:
    """Files that import each other in a circle, each circle once."""
    arrows: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).with_suffix("").as_posix()
        ours = (what for what in imports(path, package) if what.startswith("grok_video."))
        others = ("/".join(filter(None, module_of(what, package))) for what in ours)
        arrows[name] = {other for other in others if (package / f"{other}.py").is_file()}
    found: list[str] = []
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for other in sorted(arrows[name]):
                walk(other, [*way, name])
            done.add(name)

    for name in arrows:
        walk(name, [])
    return found


def wrong(package: Path) -> list[str]:
    """Every import that is no arrow of the architecture, as 'folder/file.py: imports what'."""
    found: list[str] = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        folder, module = name.rpartition("/")[0], path.stem
        found += [
            f"{name}: imports itself by name, line {line}"
            for line in absolute(path.read_text("utf-8"))
        ]
        if folder and folder not in FOLDERS:
            found.append(f"{name}: its folder has no place in the architecture")
            continue
        found += [
            f"{name}: imports {what}"
            for what in imports(path, package)
            if not allowed(folder, module, what, package)
        ]
    return found


def test_imports_follow_the_architecture() -> None:
    assert wrong(PACKAGE) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(PACKAGE) == []


def test_the_whole_package_is_read() -> None:
    read = {path.relative_to(PACKAGE).parent.as_posix() for path in PACKAGE.rglob("*.py")}
    assert {*FOLDERS, "."} == read
    assert "requests" in set(imports(PACKAGE / "worker/http/transport.py", PACKAGE))


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("core/job.py", "from ..service.models import MODELS", "grok_video.service.models.MODELS"),
        ("core/job.py", "from ..ledger import schema", "grok_video.ledger.schema"),
        ("core/job.py", "from ..blender import bridge", "grok_video.blender.bridge"),
        ("service/answer.py", "from ..worker.http.errors import Answer", "http.errors.Answer"),
        ("service/answer.py", "from ..ledger.errors import LedgerError", "errors.LedgerError"),
        ("service/answer.py", "import requests", "requests"),
        ("ledger/store.py", "from ..service import models", "grok_video.service.models"),
        ("worker/worker.py", "import requests.exceptions", "requests.exceptions"),
        ("worker/http/body.py", "from ..desk import Desk", "grok_video.worker.desk.Desk"),
        ("core/spec.py", "import bpy", "bpy"),
        ("service/models.py", "def late():\n    from bpy import types", "bpy.types"),
        ("core/spec.py", "from grok_video.core import job", "itself by name"),
        ("core/spec.py", "import grok_video.core.job", "itself by name"),
        ("blender/ui/jobs.py", "import threading", "threading"),
        (
            "blender/ui/jobs.py",
            "from concurrent.futures import Future",
            "concurrent.futures.Future",
        ),
        ("blender/ui/jobs.py", "def late():\n    import asyncio", "asyncio"),
        ("blender/ui/jobs.py", "import multiprocessing.pool", "multiprocessing.pool"),
        ("blender/ui/jobs.py", "__import__('threading')", "threading"),
        ("blender/ui/jobs.py", "import importlib\nimportlib.import_module('requests')", "requests"),
        ("blender/ui/jobs.py", "import requests", "requests"),
        ("blender/ui/jobs.py", "from urllib import request", "urllib.request"),
        ("blender/ui/jobs.py", "__import__('req' + 'uests')", "?"),
        ("blender/ui/jobs.py", "from ...worker.http.call import Call", "worker.http.call.Call"),
        ("blender/ui/jobs.py", "from ...worker import worker", "grok_video.worker.worker"),
        (
            "blender/ui/jobs.py",
            "from ...ledger.store import Store",
            "grok_video.ledger.store.Store",
        ),
        ("blender/ui/jobs.py", "from ... import __main__", "grok_video.__main__"),
        ("blender/config.py", "from .ui import jobs", "grok_video.blender.ui.jobs"),
        ("blender/timeline/colour.py", "from ..sources import pixels", "blender.sources.pixels"),
        ("blender/sources/pixels.py", "from ..timeline import colour", "blender.timeline.colour"),
        ("blender/submission/common.py", "from ..session import state", "blender.session.state"),
        ("blender/session/state.py", "from ..ui import asking", "grok_video.blender.ui.asking"),
        ("__main__.py", "import bpy", "bpy"),
        ("extra/file.py", "", "no place"),
    ],
)
def test_a_planted_wrong_import_is_found(
    tmp_path: Path, file: str, line: str, complaint: str
) -> None:
    package = tmp_path / "grok_video"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / file).parent.mkdir(exist_ok=True)
    with open(package / file, "a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    (found,) = wrong(package)
    assert found.startswith(f"{file}: ")
    assert complaint in found


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    package = tmp_path / "grok_video"
    shutil.copytree(PACKAGE / "core", package / "core")
    with open(package / "core/problem.py", "a", encoding="utf-8") as planted:
        planted.write("\ndef late():\n    from .spec import JobSpec\n")
    with open(package / "core/spec.py", "a", encoding="utf-8") as planted:
        planted.write("\ndef late():\n    from .problem import Problem\n")
    (found,) = circles(package)
    assert {"core/problem", "core/spec"} < set(found.split())
