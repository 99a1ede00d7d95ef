"""Build the extension: stage, build and validate it with Blender's own extension tool.

The zip is ``dist/grok_video-<version>.zip``: what artists install, and what every test installs.
The tool (``bl_pkg/cli/blender_ext.py``) comes with every Blender and needs no ``bpy``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def stage(target: Path) -> None:
    """Lay out the extension in ``target`` as Blender wants it: the package's files at the top."""
    shutil.copytree(
        ROOT / "grok_video",
        target,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
    )
    for name in ("blender_manifest.toml", "LICENSE"):
        shutil.copy2(ROOT / name, target / name)


def link(target: Path) -> None:
    """Lay out the extension in ``target`` by symbolic links, so that an edit in the checkout is one in the extension.

    Where the system allows no links (Windows, but for its developer mode), copies, which the next call renews.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    sources = [path for path in (ROOT / "grok_video").iterdir() if path.name != "__pycache__"]
    try:
        for source in (*sources, ROOT / "blender_manifest.toml", ROOT / "LICENSE"):
            (target / source.name).symlink_to(source)
    except OSError:
        shutil.rmtree(target)
        stage(target)


def build(tool: Path, out_dir: Path = ROOT / "dist") -> Path:
    """Build and validate the zip with Blender's tool at ``tool``; returns its path.

    Raises subprocess.CalledProcessError with the tool's own words when it refuses.
    """
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"]
    out_dir.mkdir(parents=True, exist_ok=True)
    archive = out_dir / f"grok_video-{version}.zip"
    with tempfile.TemporaryDirectory() as scratch:
        staged = Path(scratch, "grok_video")
        stage(staged)
        fresh = Path(scratch, archive.name)
        for command in (
            ["validate", str(staged)],
            ["build", "--source-dir", str(staged), "--output-filepath", str(fresh)],
            ["validate", str(fresh)],
        ):
            subprocess.run([sys.executable, str(tool), *command], check=True)
        # Only a zip that passed takes the place of the one before.
        shutil.move(fresh, archive)
    return archive


def main() -> None:
    from environments import Missing, extension_tool

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", type=Path, help="Blender's blender_ext.py (default: a wheel's)")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    args = parser.parse_args()
    try:
        print(build(args.tool or extension_tool(), args.out))
    except Missing as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
