"""Blenders with a window, for the GUI tests and the bench: fetched from Debian, or named by the user.

Owns which Debian has which, and what is installed beside it. A fetched Blender lives in a small Debian system of
its own (``debian.py``).
``BLENDER=/path/to/blender`` takes that one instead, in place of the fetched one of its generation (4 or 5).

    python3 scripts/blenders.py [4.3 | 5.2 …] [--fresh]
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import debian
from environments import Missing, apt_install, cache_dir, lock, require_python, say

#: Blender with a window -> the Debian that has it. Debian's sid moves on: the version found is printed.
SUITES = {"5.2": "sid", "4.3": "trixie"}
_PACKAGES = {
    "sid": "python3-cattr",  # without it Blender's own extension add-on does not register
    "trixie": "",
}
_COMMON = (
    "blender xvfb xauth xdotool x11-utils imagemagick libgl1-mesa-dri libegl1 libgl1 "
    "fonts-dejavu-core python3-requests python3-numpy python3-zstandard"
)
#: What a Blender named by the user needs beside it on the host; program -> Debian's package.
_HOST_TOOLS = {"Xvfb": "xvfb", "import": "imagemagick"}


@dataclass(frozen=True, slots=True)
class Window:
    """A Blender that can open a window here, and how to run programs beside it."""

    version: str  # what `blender --version` says, such as '5.2.2 LTS'
    blender: str  # its path, inside ``root`` where there is one
    root: Path | None = None  # the Debian system it lives in; None: the host's own

    @property
    def minor(self) -> tuple[int, int]:
        """The version as numbers, such as (5, 2)."""
        major, minor = re.findall(r"\d+", self.version)[:2]
        return int(major), int(minor)

    def command(self, argv: list[str], shared: list[Path] = []) -> list[str]:  # noqa: B006
        """The command that runs ``argv`` beside this Blender.

        ``shared`` are folders that it sees at the same paths as the host does.
        """
        return argv if self.root is None else debian.enter(self.root, argv, shared)


def _version(command: list[str]) -> str:
    """The version that a Blender prints, such as '5.2.2 LTS'. Raises Missing when that Blender does not start."""
    try:
        asked = subprocess.run(
            [*command, "--version"],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=120,
        )
    except OSError as error:
        raise Missing(f"{command[-1]} does not start: {error}") from error
    found = re.search(r"^Blender (\S+(?: LTS)?)", asked.stdout, re.MULTILINE)
    if asked.returncode or not found:
        raise Missing(f"{command[-1]} does not start:\n{asked.stdout}{asked.stderr}".strip())
    return found[1]


def named() -> Window | None:
    """The Blender of ``BLENDER=``, or None without one. Raises Missing when that Blender does not start."""
    path = os.environ.get("BLENDER")
    return Window(_version([path]), path) if path else None


@functools.cache
def named_by_user() -> Window | None:
    """The Blender of ``BLENDER=``, or None without one. Raises Missing when the host lacks what the tests need too."""
    window = named()
    if window is None:
        return None
    if missing := [package for tool, package in _HOST_TOOLS.items() if not shutil.which(tool)]:
        apt_install(missing)
    return window


def window(version: str) -> Window:
    """The Blender for ``version``, such as ``'5.2'``; fetched when needed (minutes; 0.4 GB, 1.6 GB on disk).

    Raises Missing with what this machine lacks.
    """
    if sys.platform != "linux":
        raise Missing(
            "Windows of Blender are fetched, and clicked by tests, on Linux alone. "
            "To work in yours: BLENDER=/path/to/blender, and scripts/dev.py."
        )
    if (named := named_by_user()) and named.minor[0] == int(version.split(".")[0]):
        return named
    suite = SUITES[version]
    folder = cache_dir() / "windows" / suite
    marker = folder / "complete"
    with lock(f"window-{suite}"):
        if not marker.exists():
            _fetch(suite, folder)
    return Window(marker.read_text("utf-8"), "/usr/bin/blender", folder)


def _fetch(suite: str, folder: Path) -> None:
    debian.require(
        "a Blender with a window",
        "run `sudo python3 scripts/blenders.py`, or name one of yours with BLENDER=/path/to/blender.",
    )
    say(f"Fetching a Blender with a window from Debian {suite} (once; minutes, 1.6 GB on disk) …")
    debian.fetch(
        suite,
        folder,
        f"{_COMMON} {_PACKAGES[suite]}".split(),
        "Blender {} with a window",
        lambda root: _version(debian.enter(root, ["/usr/bin/blender"], [])),
    )


def main() -> None:
    """Fetch the Blenders and print what they are."""
    require_python()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("versions", nargs="*", metavar=" | ".join(SUITES), help="default: all")
    parser.add_argument("--fresh", action="store_true", help="fetch again, for Debian's newest")
    args = parser.parse_args()
    if unknown := set(args.versions) - set(SUITES):
        parser.error(f"no such Blender here: {' '.join(sorted(unknown))}")
    for version in args.versions or SUITES:
        try:
            if args.fresh:
                with lock(f"window-{SUITES[version]}"):
                    debian.remove(cache_dir() / "windows" / SUITES[version])
            found = window(version)
            print(f"{version}: Blender {found.version} at {found.root or ''}{found.blender}")
        except Missing as missing:
            raise SystemExit(f"{version}: {missing}") from None


if __name__ == "__main__":
    main()
