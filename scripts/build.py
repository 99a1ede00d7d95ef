"""Build the extension: stage, build and validate it with Blender's own extension tool.

The zip is ``dist/grok_video-<version>.zip``: what artists install, and what every test installs. From the same files
it has the same bytes, on whichever system it is built (where zlib is the same).
The tool (``bl_pkg/cli/blender_ext.py``) comes with every Blender and needs no ``bpy``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from environments import ROOT, Missing, extension_tool, require_python

if __name__ == "__main__":
    require_python()  # earlier ones have no tomllib

import tomllib

#: What Python, and the file browsers of macOS and Windows, leave in a folder.
_LEFT = ("__pycache__", "*.pyc", ".*", "Thumbs.db", "desktop.ini")


def stage(target: Path) -> None:
    """Lay out the extension in ``target`` as Blender wants it: the package's files at the top."""
    shutil.copytree(
        ROOT / "grok_video",
        target,
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns(*_LEFT),
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


def same_everywhere(archive: Path) -> None:
    """Write a zip anew without what is of this computer alone: its times, its modes, its order of files, its system."""
    with zipfile.ZipFile(archive) as made:
        contents = {name: made.read(name) for name in sorted(made.namelist())}
    with zipfile.ZipFile(archive, "w") as made:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)  # of 1980
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # as on Unix
            made.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)


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

        def asked(*command: str) -> None:
            subprocess.run([sys.executable, str(tool), *command], check=True)

        asked("validate", str(staged))
        asked("build", "--source-dir", str(staged), "--output-filepath", str(fresh))
        same_everywhere(fresh)
        asked("validate", str(fresh))
        # Only a zip that passed takes the place of the one before.
        shutil.move(fresh, archive)
    return archive


def main() -> None:
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
