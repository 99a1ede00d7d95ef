"""The blender ring: the built zip, installed and enabled in a `bpy` wheel as an artist would.

One process holds one `bpy`, so the ring runs once for each version: ``scripts/test.py blender-4.2``.
Owns the scratch folders that stand for the artist's, and the fixtures below. Everything is set before
`bpy` is first imported, so test modules may import it at their top, but reach the extension's own
modules through ``module('core.job')`` only: they exist once the zip is installed.

    extension   the enabled package, for a whole session
    module      a function: name -> that module of the extension
    blender     an empty file, the extension freshly enabled with an empty ledger, for one test
    stand_in    the stand-in server as if just started; the extension talks to it and is allowed online
    service_of  a function: options -> a stand-in server that the test itself lets in
    scene       a saved file whose scene asks for the cheapest clip, with ``stand_in``
    clicked     a function: state -> a job as from a click in a window, followed until it is in that state
    keysearch   what looks for a key in everything that was written (tests/keysearch.py)
    patches     replaces names of the product for one test (tests/patching.py)
"""

from __future__ import annotations

import compileall
import functools
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ..patience import PATIENCE
from .others import DATA_HOME, DATA_NAME, workers_gone

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.grok_video"


def load_by_path(path: Path) -> ModuleType:
    """A module that lies in another folder than the tests."""
    spec = importlib.util.spec_from_file_location(f"by_path_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


# The cache of environments is the person's: found before the person's home is put aside.
os.environ["GROK_VIDEO_CACHE"] = str(load_by_path(ROOT / "scripts" / "environments.py").cache_dir())
StandIn = load_by_path(ROOT / "tests" / "stand_in" / "client.py").StandIn

patching = load_by_path(ROOT / "tests" / "patching.py")
rooms = load_by_path(ROOT / "tests" / "rooms.py")

load_by_path(ROOT / "tests" / "noon.py").begin_at_noon()
# Before anything imports bpy: nothing of the person who runs the tests is read, written or spent.
SCRATCH = Path(tempfile.mkdtemp(prefix="grok-video-tests-"))
for _name in [name for name in os.environ if name.startswith(("BLENDER_", "XAI_"))]:
    del os.environ[_name]
os.environ |= {
    "HOME": str(SCRATCH),
    "USERPROFILE": str(SCRATCH),
    "LOCALAPPDATA": str(SCRATCH / "local"),
    "APPDATA": str(SCRATCH / "roaming"),
    "XDG_CONFIG_HOME": str(SCRATCH / "config"),
    "XDG_DATA_HOME": str(SCRATCH / "data"),
    "XDG_STATE_HOME": str(SCRATCH / "state"),
    "XDG_CACHE_HOME": str(SCRATCH / "cache"),
    "BLENDER_USER_RESOURCES": str(SCRATCH / "blender"),
}


def pytest_configure(config: pytest.Config) -> None:
    """What Blender will remove in a coming version must not be used by the extension today."""
    config.addinivalue_line(
        "filterwarnings", rf"error::DeprecationWarning:{PACKAGE.replace('.', '[.]')}.*"
    )


def pytest_unconfigure() -> None:
    shutil.rmtree(SCRATCH, ignore_errors=True)


def pytest_report_header() -> str:
    import bpy

    return f"Blender {bpy.app.version_string}"


#: Whole jobs in which a Blender is only who clicks: what they bake, place and name is asked of each wheel by other modules.
#: The newest wheel has them, see ``ONCE`` of scripts/rings.py.
ONCE = {
    "test_changed_files",
    "test_click_queue",
    "test_command",
    "test_guide",
    "test_likeness",
    "test_prompts",
    "test_rework_breaker",
    "test_slot_lives",
    "test_take_shown",
    "test_unused",
    "test_updated",
    "test_variants",
}


@pytest.hookimpl(tryfirst=True)  # before marks choose
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in ONCE:
            item.add_marker(pytest.mark.once)


@pytest.fixture(scope="session")
def archive() -> Path:
    """The zip under test: the runner's, else built now."""
    if given := os.environ.get("GROK_VIDEO_ZIP"):
        return Path(given)
    build = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "build.py"), "--out", str(SCRATCH)],
        capture_output=True,
        encoding="utf-8",
    )
    assert build.returncode == 0, build.stdout + build.stderr
    return Path(build.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def extension(archive: Path) -> ModuleType:
    """The extension's package, installed from the zip and enabled."""
    import bpy

    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=str(archive), enable_on_install=True
    )
    assert PACKAGE in bpy.context.preferences.addons, (
        "the zip was not enabled: see the output above"
    )
    package = importlib.import_module(PACKAGE)
    # Else each other Blender compiles it anew, which is a third of its start.
    compileall.compile_dir(str(Path(str(package.__file__)).parent), quiet=1)
    return package


@pytest.fixture(scope="session")
def module(extension: ModuleType) -> Callable[[str], ModuleType]:
    """``module('core.job')`` is that module of the installed extension; a floor is one too (tests/rooms.py)."""
    return functools.partial(rooms.room, PACKAGE)


@pytest.fixture(scope="session")
def left_in(module: Callable[[str], ModuleType]) -> Callable[[Path], list[Path]]:
    """``left_in(folder)`` is what a piece of work that has ended left there.

    On Windows a second Blender that is ending may hold a file still: what comes next in that folder sweeps it.
    """

    def left(folder: Path) -> list[Path]:
        deadline = time.monotonic() + PATIENCE
        while sys.platform == "win32" and any(folder.iterdir()) and time.monotonic() < deadline:
            module("blender.sources.private_folder").PrivateFolder(folder).remove()
            time.sleep(0.1)
        return list(folder.iterdir())

    return left


@pytest.fixture
def blender(
    extension: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """An empty file, default preferences, an empty ledger; gives `bpy`.

    The extension is disabled and enabled again around every test, so each one also proves that it
    comes and goes cleanly.
    """
    import bpy

    bpy.ops.preferences.addon_disable(module=PACKAGE)
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))
    # Keeps the add-ons, unlike read_factory_settings().
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.context.preferences.system.use_online_access = False
    bpy.ops.preferences.addon_enable(module=PACKAGE)
    assert PACKAGE in bpy.context.preferences.addons
    take = importlib.import_module(f"{PACKAGE}.ledger.locks").FileLock.take
    yield bpy
    bpy.ops.preferences.addon_disable(module=PACKAGE)
    assert not hasattr(bpy.types.Scene, "grok_video"), "unregister() left Scene.grok_video behind"
    # What a worker of this test still asks for would be counted in the next test.
    until = time.monotonic() + PATIENCE
    while not workers_gone(tmp_path / "data" / DATA_NAME, take) and time.monotonic() < until:
        time.sleep(0.02)


@pytest.fixture(scope="session")
def one_stand_in() -> Iterator[StandIn]:
    """The service on loopback without limits, quick. One for all tests: its start costs half a second of CPU."""
    with StandIn.start(job_seconds=0.3, per_second=0, per_minute=0) as service:
        yield service


@pytest.fixture
def stand_in(
    blender: ModuleType, one_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> StandIn:
    """The service, which knows nothing of earlier tests, asked five times a second, and allowed."""
    one_stand_in.reset()
    monkeypatch.setenv("XAI_API_BASE", one_stand_in.base)
    monkeypatch.setenv("XAI_API_KEY", one_stand_in.key)
    blender.context.preferences.system.use_online_access = True
    blender.context.preferences.addons[PACKAGE].preferences.poll_interval = 0.2
    # A second Blender for each extension: what tests that turns this on.
    blender.context.preferences.addons[PACKAGE].preferences.match_seams = False
    return one_stand_in


@pytest.fixture
def service_of() -> Callable[..., StandIn]:
    """Starts a stand-in with options of the test's own; nothing of the extension is set."""
    return StandIn.start


@pytest.fixture(scope="session")
def keysearch() -> ModuleType:
    """What looks for a key in everything that was written."""
    return load_by_path(ROOT / "tests" / "keysearch.py")


@pytest.fixture
def patches() -> Iterator[Any]:
    """Replaces names of the product for one test."""
    made = patching.Patches()
    yield made
    made.undo()


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """A replacement that the product never noticed fails its test."""
    result = yield
    if "patches" in pyfuncitem.funcargs:
        pyfuncitem.funcargs["patches"].check()
    return result


@pytest.fixture
def scene(blender: ModuleType, stand_in: Any, tmp_path: Path) -> Any:
    """A saved file whose scene asks for the cheapest clip."""
    scene = blender.context.scene
    scene.grok_video.prompt = "A heron lifts off"
    scene.grok_video.source = "NONE"
    scene.grok_video.duration = 1
    scene.grok_video.generate_audio = False
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return blender.context.scene


@pytest.fixture
def clicked(
    blender: ModuleType, scene: Any, module: Callable[[str], ModuleType]
) -> Callable[[str], Any]:
    """A job as from a click in a window, which waits for nothing, followed until it is in a state."""

    def follow(state: str) -> Any:
        click = module("blender.session.click")
        blocking = module("blender.session.blocking")
        job_id = click.generate(blender.context, scene, scene, 1)
        return blocking.wait_until(blender.context, job_id, lambda job: job.state == state)

    return follow
