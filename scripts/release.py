"""Make a release in ``dist/``: the zip that every ring has tested, and a repository that Blender updates from.

Refuses when the tree has changes, when the manifest or the changelog's first heading is of another version, when
the version is tagged already, or when a ring fails or cannot run. Sends nothing anywhere: ``dist/repository/`` is
a folder of static files for any web server, and the tag is yours to make.

    python3 scripts/release.py 0.3.0
    python3 scripts/release.py 0.3.0 --check     only what takes no time: tree and versions
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from environments import ROOT, Missing, extension_tool, require_python

#: Where ``scripts/test.py`` leaves the zip that its rings have installed.
TESTED = ROOT / "test-output"


class Refused(RuntimeError):
    """Why there is no release; a sentence for the person at the terminal."""


def check(version: str, root: Path = ROOT) -> str:
    """The commit to be released. Raises Refused when the tree or a version is not as it must be."""
    if changes := _git(root, "status", "--porcelain"):
        raise Refused(f"The tree has changes that are in no commit:\n{changes}")
    manifest = tomllib.loads((root / "blender_manifest.toml").read_text("utf-8"))["version"]
    if manifest != version:
        raise Refused(f"blender_manifest.toml says {manifest}, not {version}.")
    headings = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    if headings[:1] != [version]:
        raise Refused(f"The first heading of CHANGELOG.md is not “## {version}”.")
    if _git(root, "tag", "--list", f"v{version}"):
        raise Refused(f"There is a tag v{version} already: name the next version.")
    return _git(root, "rev-parse", "HEAD")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    except FileNotFoundError:
        raise Missing("git is needed and was not found.") from None
    return done.stdout.rstrip()


def repository(archive: Path, folder: Path, tool: Path) -> Path:
    """Lay out a static repository in ``folder`` that offers ``archive``; returns its listing.

    Blender takes the listing's address under *Add Remote Repository*; ``index.html`` beside it is for people, who
    drag the link into Blender. One version only: of two, which one Blender offers is not said.
    ``tool`` is Blender's ``blender_ext.py``; raises subprocess.CalledProcessError when it refuses.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy2(archive, folder)
    generate = [sys.executable, str(tool), "server-generate", "--repo-dir", str(folder), "--html"]
    subprocess.run(generate, check=True, stdout=sys.stderr)
    return folder / "index.json"


def release(version: str, out: Path) -> Path:
    """Run every ring on the checked commit and put the zip that was tested into ``out``; returns the listing."""
    commit = check(version)
    ran = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "test.py"), "--all"],
        env=os.environ | {"CI": "true"},  # a ring that cannot run is no green ring
    )
    if ran.returncode:
        raise Refused("Not all rings are green.")
    if check(version) != commit:
        raise Refused("There was a commit while the rings ran: run this again.")
    out.mkdir(parents=True, exist_ok=True)
    archive = Path(shutil.copy2(TESTED / f"grok_video-{version}.zip", out))
    listing = repository(archive, out / "repository", extension_tool())
    print(f"{archive}\n{listing}\nNow: git tag v{version} {commit}")
    return listing


def main() -> None:
    """Check, test, lay out."""
    require_python()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version", help="as in the manifest and the changelog: 0.3.0")
    parser.add_argument("--check", action="store_true", help="only the tree and the versions")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    args = parser.parse_args()
    try:
        if args.check:
            print(f"{args.version} can be released from {check(args.version)}.")
        else:
            release(args.version, args.out)
    except (Refused, Missing) as refused:
        sys.exit(str(refused))


if __name__ == "__main__":
    main()
