"""Small Debian systems in the cache: how one is fetched, entered and deleted.

Owns ``debootstrap``, apt inside of such a system, and the private namespaces in which programs run there:
whatever is mounted in there vanishes with the process, and deleting the folder can never reach through a mount.
What a system is for, its callers know: ``blenders.py`` and ``wine.py``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from environments import Missing, apt_install, can_apt, downloaded, megabytes

#: How apt tells the size of a transfer.
APT_DOWNLOADS = r"Fetched ([\d.,]+) (kB|MB|GB|B) in"


def enter(
    root: Path, argv: list[str], shared: list[Path], *, also: str = "true", apart: bool = False
) -> list[str]:
    """The command that runs ``argv`` in the system at ``root``.

    ``shared`` are folders that it sees at the same paths as the host does; ``also`` is a line of shell, run
    before they are mounted. ``apart``: with processes of its own, of which none outlives ``argv`` or the command.
    """
    quoted = shlex.quote(str(root))
    steps = [
        "set -e",
        also,
        f"mount --rbind /dev {quoted}/dev",
        f"mount -t proc proc {quoted}/proc",
    ]
    for folder in shared:
        place = shlex.quote(f"{root}{folder}")
        steps.append(f"mkdir -p {place}; mount --bind {shlex.quote(str(folder))} {place}")
    steps.append(f'exec chroot {quoted} "$@"')
    unshare = ["unshare", "--mount", "--propagation", "private"]
    unshare += ["--pid", "--fork", "--kill-child"] if apart else []
    return [*unshare, "sh", "-c", "; ".join(steps), "sh", *argv]


def require(what: str, otherwise: str) -> None:
    """Whether a system can be fetched and entered here; ``what`` is fetched, ``otherwise`` what can be done.

    Installs what Debian can install. Raises Missing with what this machine lacks.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise Missing(f"Fetching {what} from Debian needs Linux and root: {otherwise}")
    if missing := [
        package
        for tool, package in (("debootstrap", "debootstrap"), ("unshare", "util-linux"))
        if not shutil.which(tool)
    ]:
        apt_install([*missing, "debian-archive-keyring"] if can_apt() else missing)
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        raise Missing(
            f"Mounting is not allowed here, and {what} needs it (in Docker: --privileged): {otherwise}"
        )


def fetch(
    suite: str, folder: Path, packages: list[str], what: str, finish: Callable[[Path], str]
) -> None:
    """Fetch the Debian ``suite`` with ``packages`` into ``folder``; the caller holds its lock.

    ``finish`` is given the system before it is called whole, and says which version came: the content of its file
    ``complete``, and of the braces in ``what``. Raises Missing with the end of the log.
    """
    start = time.monotonic()
    partial = folder.with_name(f"{folder.name}.partial")
    packages_of_base = folder.with_name(f"{folder.name}.debs")
    remove(partial)
    remove(packages_of_base)
    remove(folder)
    packages_of_base.mkdir(parents=True)
    log_of(partial).unlink(missing_ok=True)
    # debootstrap mounts things in the folder that it fills; in a namespace of its own no mount can stay.
    run(["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase",
         "--include=ca-certificates", f"--cache-dir={packages_of_base}", suite, str(partial)],
        partial)  # fmt: skip
    size = sum(path.stat().st_size for path in packages_of_base.rglob("*.deb")) / 1e6
    remove(packages_of_base)
    shutil.copyfile("/etc/resolv.conf", partial / "etc" / "resolv.conf")
    size += install(partial, packages)
    version = finish(partial)
    partial.joinpath("complete").write_text(version, "utf-8")
    partial.rename(folder)
    downloaded(what.format(version), size, time.monotonic() - start)


def install(root: Path, packages: list[str]) -> float:
    """Install packages in the system at ``root``; the MB that came over the network. Raises Missing."""
    before = len(_told(root))
    run(enter(root, [*_APT, "update", "-q"], []), root)
    run(enter(root, [*_APT, "install", "-q", "-y", "--no-install-recommends", *packages], []), root)
    run(enter(root, [*_APT, "clean"], []), root)
    return megabytes(APT_DOWNLOADS, _told(root)[before:])


def purge(root: Path, packages: list[str]) -> None:
    """Take packages, and what came with them, out of the system at ``root``. Raises Missing."""
    run(enter(root, [*_APT, "purge", "-q", "-y", "--autoremove", *packages], []), root)


#: A mirror that lags behind serves a list of sid whose time is over: what it lists is signed by Debian all the same, and
#: a Blender for tests need not be this week's.
_APT = ["env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "apt-get"]
_APT += ["-o", "Acquire::Check-Valid-Until=false"]


def run(command: list[str], folder: Path) -> None:
    """Run a command about the system in ``folder``, whose log keeps what it prints. Raises Missing."""
    with log_of(folder).open("ab") as output:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    if done.returncode:
        last = "\n".join(_told(folder).splitlines()[-15:])
        raise Missing(f"Could not fetch from Debian; the end of {log_of(folder)}:\n{last}")


def log_of(folder: Path) -> Path:
    """The log of what was done to a system."""
    return folder.with_suffix(".log")


def _told(folder: Path) -> str:
    log = log_of(folder)
    return log.read_text("utf-8", "replace") if log.exists() else ""


def remove(folder: Path) -> None:
    """Delete a fetched system, and nothing that is mounted in it."""
    if folder.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=True)
