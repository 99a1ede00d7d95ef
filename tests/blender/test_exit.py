"""A script that uses the add-on in the ``bpy`` module ends like any other script."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .others import DATA_HOME

SCRIPT = """
import bpy, sys
bpy.ops.extensions.package_install_files(
    repo="user_default", filepath=sys.argv[1], enable_on_install=True
)
print("tab", bpy.context.scene.grok_video.source)
"""


def test_a_script_ends_although_the_add_on_is_enabled(archive: Path, tmp_path: Path) -> None:
    """Blender 4.5 hangs and others crash at exit when handlers or classes are left (measured)."""
    home = {"HOME": str(tmp_path), "BLENDER_USER_RESOURCES": str(tmp_path / "blender")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(archive)],
        env=os.environ | home | {DATA_HOME: str(tmp_path / "data")},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert "tab CAMERA" in done.stdout
    assert done.returncode == 0, done.stderr
