"""Blenders with a window, for the GUI tests and the bench: fetched from Debian, or named by the user.

Owns the cached systems that hold them and how a program is run inside one. A fetched Blender lives in
a small Debian system of its own (``debootstrap``), entered in a private mount namespace: whatever is
mounted in there vanishes with the process, and deleting the folder can never reach through a mount.
``BLENDER=/path/to/blender`` takes that one instead, in place of the fetched one of its generation (4 or 5).

    python3 scripts/blenders.py [4.3 | 5.2 …] [--fresh]
"""

from __future__ import annotations

import argparse
import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from environments import (
    Missing,
    apt_install,
    cache_dir,
    can_apt,
    downloaded,
    lock,
    megabytes,
    require_python,
    say,
)

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
#: How apt tells the size of a transfer.
APT_DOWNLOADS = r"Fetched ([\d.,]+) (kB|MB|GB|B) in"
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
        return argv if self.root is None else _enter(self.root, argv, shared)


def _enter(root: Path, argv: list[str], shared: list[Path]) -> list[str]:
    quoted = shlex.quote(str(root))
    steps = [
        "set -e",
        f"mount --rbind /dev {quoted}/dev",
        f"mount -t proc proc {quoted}/proc",
    ]
    for folder in shared:
        place = shlex.quote(f"{root}{folder}")
        steps.append(f"mkdir -p {place}; mount --bind {shlex.quote(str(folder))} {place}")
    steps.append(f'exec chroot {quoted} "$@"')
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "; ".join(steps), "sh", *argv]  # fmt: skip


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
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Missing(
            f"A Blender with a window is fetched from Debian ({suite}), which needs Linux and root: "
            f"run `sudo python3 scripts/blenders.py`, or name one of yours with BLENDER=/path/to/blender."
        )
    if missing := [
        package
        for tool, package in (("debootstrap", "debootstrap"), ("unshare", "util-linux"))
        if not shutil.which(tool)
    ]:
        apt_install([*missing, "debian-archive-keyring"] if can_apt() else missing)
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        raise Missing(
            "Mounting is not allowed here, and a fetched Blender needs it (in Docker: --privileged). "
            "Or name a Blender of this machine with BLENDER=/path/to/blender."
        )
    say(f"Fetching a Blender with a window from Debian {suite} (once; minutes, 1.6 GB on disk) …")
    start = time.monotonic()
    partial = folder.with_name(f"{suite}.partial")
    packages_of_base = folder.with_name(f"{suite}.debs")
    remove(partial)
    remove(packages_of_base)
    remove(folder)
    packages_of_base.mkdir(parents=True)
    partial.with_suffix(".log").unlink(missing_ok=True)
    # debootstrap mounts things in the folder that it fills; in a namespace of its own no mount can stay.
    _run(["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase",
          "--include=ca-certificates", f"--cache-dir={packages_of_base}", suite, str(partial)],
         partial)  # fmt: skip
    size = sum(path.stat().st_size for path in packages_of_base.rglob("*.deb")) / 1e6
    remove(packages_of_base)
    shutil.copyfile("/etc/resolv.conf", partial / "etc" / "resolv.conf")
    packages = f"{_COMMON} {_PACKAGES[suite]}".split()
    _run(_enter(partial, ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get", "install",
                          "-q", "-y", "--no-install-recommends", *packages], []), partial)  # fmt: skip
    _run(_enter(partial, ["apt-get", "clean"], []), partial)
    version = _version(_enter(partial, ["/usr/bin/blender"], []))
    partial.joinpath("complete").write_text(version, "utf-8")
    partial.rename(folder)
    # What apt fetched stands in its log; debootstrap prints no sizes, but has kept its packages.
    size += megabytes(APT_DOWNLOADS, partial.with_suffix(".log").read_text("utf-8", "replace"))
    downloaded(f"Blender {version} with a window", size, time.monotonic() - start)


def _run(command: list[str], folder: Path) -> None:
    log = folder.with_suffix(".log")
    with log.open("ab") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    if done.returncode:
        last = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
        raise Missing(f"Could not fetch a Blender from Debian; the end of {log}:\n{last}")


def remove(folder: Path) -> None:
    """Delete a fetched system, and nothing that is mounted in it."""
    if folder.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)


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
                    remove(cache_dir() / "windows" / SUITES[version])
            found = window(version)
            print(f"{version}: Blender {found.version} at {found.root or ''}{found.blender}")
        except Missing as missing:
            raise SystemExit(f"{version}: {missing}") from None


if __name__ == "__main__":
    main()
