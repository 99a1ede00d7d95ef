"""Who may import whom: the arrows of the architecture, read from the source and not from a run."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "grok_video"

#: Inside core: module -> what it may import of core.
CORE = {
    "__init__": set[str](),
    "record": set[str](),
    "job": {"record"},
    "models": {"record", "job"},
    "wire": {"record", "job", "models"},
    "masking": set[str](),
    "schedule": {"record", "job", "models"},
    "money": {"record", "job", "models"},
    "ledger": {"job", "money"},
    "mp4": {"record", "job"},
    "transport": {"record", "job", "masking"},
    "joblog": {"job", "models", "wire", "ledger", "masking"},
    "worker": {
        *("record", "job", "models", "wire", "schedule", "ledger", "transport", "mp4"),
        *("masking", "joblog"),
    },
}
#: What Blender's side may not use: no Python thread ever runs inside Blender.
NOT_IN_BLENDER = {"threading", "_thread", "asyncio", "multiprocessing", "concurrent"}
#: HTTP belongs to the worker, and in it to one module.
HTTP = {"requests", "urllib3", "http", "aiohttp", "httpx"}
#: What only the child process may load.
WORKERS_SIDE = {"worker", "transport"}
#: Blender's modules.
BLENDER = {"bpy", "bpy_extras", "bl_ui", "gpu", "gpu_extras", "blf", "mathutils", "aud", "imbuf"}


def imports(path: Path, package: Path) -> Iterator[str]:
    """Everything a file imports, however late: 'module' or 'module.name', ours as 'grok_video.…'."""
    where = ("grok_video", *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
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


def absolute(path: Path) -> Iterator[int]:
    """Lines that import this package by its name, which an extension does not have."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import(names) if any(n.name.split(".")[0] == "grok_video" for n in names):
                yield node.lineno
            case ast.ImportFrom(str(module), _, 0) if module.split(".")[0] == "grok_video":
                yield node.lineno


def allowed(folder: str, module: str, what: str) -> bool:
    """Whether a module in a folder of the package ('', 'core' or 'blender') may import ``what``."""
    top, *rest = what.split(".")
    if top != "grok_video":
        if top == "?":  # by a name that is made up at run time: the worker's entry does
            return module == "__main__"
        if top in HTTP or what.startswith("urllib.request"):
            return (folder, module) == ("core", "transport")
        if folder == "blender":
            return top not in NOT_IN_BLENDER
        return top not in BLENDER
    match folder, rest:
        case "core", ["core", other, *_]:
            return other in CORE.get(module, set())
        case "blender", ["core", other, *_]:
            return other not in WORKERS_SIDE
        case "blender", ["blender", *_] | ["__package__"]:  # the name that Blender gave the package
            return True
        case "", ["blender", *_]:
            return module == "__init__"
        case _:
            return False


def wrong(package: Path) -> list[str]:
    """Every import that is no arrow of the architecture, as 'folder/file.py: imports what'."""
    found: list[str] = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        folder, module = name.rpartition("/")[0], path.stem
        found += [f"{name}: imports itself by name, line {line}" for line in absolute(path)]
        if folder == "core" and module not in CORE:
            found.append(f"{name}: has no place in the architecture")
        found += [
            f"{name}: imports {what}"
            for what in imports(path, package)
            if not allowed(folder, module, what)
        ]
    return found


def test_imports_follow_the_architecture() -> None:
    assert wrong(PACKAGE) == []


def test_the_whole_package_is_read() -> None:
    read = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py")}
    assert {f"core/{name}.py" for name in CORE} <= read
    assert {"__main__.py", "__init__.py", "blender/operators.py"} <= read
    assert "requests" in set(imports(PACKAGE / "core/transport.py", PACKAGE))


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("core/job.py", "from .models import usd", "grok_video.core.models.usd"),
        ("core/job.py", "from . import ledger", "grok_video.core.ledger"),
        ("core/wire.py", "from .transport import Answer", "grok_video.core.transport.Answer"),
        ("core/wire.py", "import requests", "requests"),
        ("core/worker.py", "import requests.exceptions", "requests.exceptions"),
        ("core/ledger.py", "from ..blender import bridge", "grok_video.blender.bridge"),
        ("core/models.py", "import bpy", "bpy"),
        ("core/models.py", "def late():\n    from bpy import types", "bpy.types"),
        ("core/schedule.py", "from .worker import Op", "grok_video.core.worker.Op"),
        ("core/schedule.py", "from grok_video.core import job", "itself by name"),
        ("core/schedule.py", "import grok_video.core.job", "itself by name"),
        ("blender/panel.py", "import threading", "threading"),
        ("blender/panel.py", "from concurrent.futures import Future", "concurrent.futures.Future"),
        ("blender/panel.py", "def late():\n    import asyncio", "asyncio"),
        ("blender/panel.py", "import multiprocessing.pool", "multiprocessing.pool"),
        ("blender/panel.py", "__import__('threading')", "threading"),
        ("blender/panel.py", "import importlib\nimportlib.import_module('requests')", "requests"),
        ("blender/panel.py", "import requests", "requests"),
        ("blender/panel.py", "from urllib import request", "urllib.request"),
        ("blender/panel.py", "__import__('req' + 'uests')", "?"),
        ("blender/panel.py", "from ..core.transport import Call", "grok_video.core.transport.Call"),
        ("blender/panel.py", "from ..core import worker", "grok_video.core.worker"),
        ("blender/panel.py", "from .. import __main__", "grok_video.__main__"),
        ("__main__.py", "import bpy", "bpy"),
        ("core/extra.py", "", "no place"),
    ],
)
def test_a_planted_wrong_import_is_found(
    tmp_path: Path, file: str, line: str, complaint: str
) -> None:
    package = tmp_path / "grok_video"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    with open(package / file, "a", encoding="utf-8") as planted:
        planted.write(f"\n{line}\n")
    (found,) = wrong(package)
    assert found.startswith(f"{file}: ")
    assert complaint in found
