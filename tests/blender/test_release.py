"""An artist whose Blender has the extension from a repository: installed, and updated while clips are made.

The repository is what ``scripts/release.py`` lays out, served over HTTP on loopback as any static web server would.
"""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT
from .others import DATA_NAME, Other
from .test_lives import OLD, events_of, opened, posts, state_of

PACKAGE = "bl_ext.grok_releases.grok_video"


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], Path]:
    """Lay out a repository of a zip in a folder, with the tool of this Blender."""
    import bpy

    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import release

    scripts = Path(bpy.utils.system_resource("SCRIPTS"))
    tool = scripts / "addons_core" / "bl_pkg" / "cli" / "blender_ext.py"
    return partial(release.repository, tool=tool)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing in the tests' output."""


#: As *Add Remote Repository* does it; Blender's own repository is left out: only loopback is asked.
ADD = """
def add_repository(address):
    preferences = bpy.context.preferences
    preferences.system.use_online_access = True
    for repository in preferences.extensions.repos:
        repository.enabled = False
    return preferences.extensions.repos.new(
        name="Grok Video", module="grok_releases", remote_url=address
    ).directory
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and where it is served on this computer."""
    folder = tmp_path / "served"
    handler = partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}/index.json"
        server.shutdown()


@pytest.mark.deadline
def test_an_update_from_the_repository_while_jobs_run(
    stand_in: Any,
    archive: Path,
    publish: Callable[[Path, Path], Path],
    served: tuple[Path, str],
    tmp_path: Path,
) -> None:
    """One job is made and one awaits its answer: both come home in the new version, and none is bought twice."""
    folder, address = served
    data = tmp_path / "data" / DATA_NAME
    publish(OLD, folder)
    home = {"BLENDER_USER_RESOURCES": str(tmp_path / "other"), "GROK_VIDEO_PACKAGE": PACKAGE}
    with Other.start(tmp_path / "other.log", **home) as other:
        other.do(ADD)
        place = other.do(f"add_repository({address!r})")
        other.do("bpy.ops.extensions.repo_sync_all()")
        other.do(
            "bpy.ops.extensions.package_install("
            f"pkg_id='grok_video', repo_directory={place!r}, enable_on_install=True)"
        )
        opened(other, tmp_path / "other.blend", "A heron lifts off")
        assert other.do("version()") == "0.1.0"

        stand_in.settings(job_seconds=600)
        made = other.do("click()")
        other.until(f"{state_of(made)} == 'RUNNING'")
        stand_in.fail("submit", "answer-late")
        sent = other.do("click(60)")
        other.until(f"jobs()[0]['id'] == {sent!r} and jobs()[0]['sent']")

        publish(archive, folder)
        other.do("bpy.ops.extensions.repo_sync_all()")
        other.do("bpy.ops.extensions.package_upgrade_all()")
        assert other.do("version()") != "0.1.0", other.log
        assert other.do("PACKAGE in bpy.context.preferences.addons"), other.log
        assert events_of(data, sent)[-1][0] == "sending"
        stand_in.mend()
        other.until(f"{state_of(sent)} == 'RUNNING'")
        stand_in.finish()
        for job in (made, sent):
            other.until(f"{state_of(job)} == 'IMPORTED'")
        assert sorted(other.do("movies()")) == sorted([["Scene", made], ["Scene", sent]])
        assert posts(stand_in) == len(stand_in.jobs()) == 2

        other.do("ask_for_the_cheapest('Once more')")
        fresh = other.do("click(120)")
        other.until(f"{state_of(fresh)} == 'RUNNING'")
        stand_in.finish()
        other.until(f"{state_of(fresh)} == 'IMPORTED'")
    assert posts(stand_in) == len(stand_in.jobs()) == 3
    assert not os.listdir(data / "inbox")
