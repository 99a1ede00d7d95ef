"""Every command of the README does what the README says.

A command that is added there and not covered here fails the first test. ``python3 scripts/test.py --all`` itself
is what runs these tests; here its help is asked for, with the interpreter a newcomer has, and ``test_runner.py``
beside this file tests what its sizes are.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
COVERED = {
    "python3 scripts/bench.py",
    "python3 scripts/build.py",
    "python3 scripts/demo.py",
    "python3 scripts/demo.py --live",
    "python3 scripts/dev.py",  # test_dev.py
    "python3 scripts/pictures.py",
    "python3 scripts/release.py",  # test_release.py, and tests/blender/test_release.py
    "python3 scripts/stand_in.py",
    "python3 scripts/test.py",
    "python3 scripts/test.py --all",
    "python3 scripts/test.py --quick",
    "python3 scripts/test.py --soak",
    "python3 scripts/test.py core",
}


def run(command: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def stand_in() -> object:
    process = subprocess.Popen(
        [sys.executable, "scripts/stand_in.py"], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    yield first
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) in (0, -signal.SIGTERM)


def test_every_command_is_covered() -> None:
    found = set(re.findall(r"python3 scripts/[a-z_]+\.py(?: --?[a-z]+| [a-z]+)?(?=[`\n ])", README))
    assert {command.strip() for command in found} == COVERED


def test_build(tmp_path: Path) -> None:
    done = run(f"python3 scripts/build.py --out {tmp_path}")
    assert done.returncode == 0, done.stdout + done.stderr
    (archive,) = tmp_path.glob("grok_video-*.zip")
    assert archive.name in README.replace("<version>", archive.stem.removeprefix("grok_video-"))
    names = zipfile.ZipFile(archive).namelist()
    assert {"blender_manifest.toml", "__init__.py", "__main__.py", "LICENSE"} <= set(names)
    assert not [name for name in names if "pycache" in name or name.startswith("tests")]


def assert_demo_output(folder: Path) -> None:
    assert (folder / "demo.blend").is_file()
    for picture in ("source.png", "contact-sheet.png"):
        assert (folder / picture).read_bytes().startswith(b"\x89PNG")
    (clip,) = (folder / "grok_video").glob("*.mp4")
    how = json.loads(clip.with_suffix(".json").read_text("utf-8"))
    assert how["request_id"]


def test_demo(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XAI_")}
    done = run(f"python3 scripts/demo.py --output {tmp_path / 'out'} --seconds 1", env=clean)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the real service would have cost $0.052" in done.stdout
    assert_demo_output(tmp_path / "out")


def test_demo_live_asks_before_it_buys(tmp_path: Path, stand_in: dict[str, str]) -> None:
    """``--live`` against a service on this computer: said no, nothing is asked of it."""
    env = os.environ | {"XAI_API_BASE": stand_in["base"], "XAI_API_KEY": stand_in["key"]}
    command = f"python3 scripts/demo.py --live --output {tmp_path / 'out'} --seconds 1"
    done = run(command, env=env, input="n\n")
    assert done.returncode == 1
    assert "$0.052" in done.stdout
    assert not list((tmp_path / "out").glob("grok_video/*"))
    done = run(command, env=env, input="y\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_demo_output(tmp_path / "out")


def test_demo_live_without_a_key_says_so(tmp_path: Path) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("XAI_")}
    done = run(f"python3 scripts/demo.py --live --output {tmp_path}", env=clean)
    assert done.returncode == 2
    assert "XAI_API_KEY" in done.stdout


def test_stand_in(stand_in: dict[str, str]) -> None:
    request = urllib.request.Request(
        stand_in["base"] + "/v1/api-key", headers={"Authorization": f"Bearer {stand_in['key']}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_bench() -> None:
    done = run("python3 scripts/bench.py --rows register --quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "register(): median" in done.stdout
    told = json.loads((ROOT / "bench-output" / "bench.json").read_text("utf-8"))
    assert [one["row"] for one in told["figures"]] == ["register", "register"]


def test_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gui ring has taken (each of one colour here) ends up in the README's pictures."""
    from PIL import Image

    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import pictures

    monkeypatch.setattr(pictures, "TAKEN", tmp_path / "taken")
    monkeypatch.setattr(pictures, "DOCS", tmp_path)
    with pytest.raises(pictures.Missing):
        pictures.compose()
    box = {"area": [0, 0, 400, 300], "UI": [300, 20, 400, 300]}
    places = {"VIEW_3D": box, "SEQUENCE_EDITOR": box, "PREFERENCES": box}
    names = ["timeline-1x", "preferences-1x", "rework-state-strip-1x"]
    names += [
        f"panel-{state}-{scale}x{tag}"
        for state in pictures.STATES
        for scale in ("1", "1.5")
        for tag in ("", "-narrow")
    ]
    names += ["variants-button", "prompt-history", "settings-back"]
    parts = (*pictures.EDITS.values(), *pictures.SIDEBARS.values())
    names += [shot for shots in parts for shot in shots]
    for window, colour in zip(pictures.WINDOWS, ("red", "blue"), strict=True):
        folder = tmp_path / "taken" / window
        folder.mkdir(parents=True)
        for name in names:
            Image.new("RGB", (500, 400), colour).save(folder / f"{name}.png")
            (folder / f"{name}.json").write_text(json.dumps(places), "utf-8")
    pictures.compose()
    shown = set(re.findall(r"\(docs/([\w-]+\.png)\)", README))
    assert shown <= {path.name for path in tmp_path.glob("*.png")}
    states = Image.open(tmp_path / "states.png").convert("RGB")
    assert states.size == (4 * 108 + 8, 2 * 288 + 8)
    assert states.getpixel((50, 50)) == (255, 0, 0)
    assert states.getpixel((380, 400)) == (0, 0, 255)


def test_one_ring_alone() -> None:
    done = run("python3 scripts/test.py --help")
    assert done.returncode == 0
    for word in ("--quick", "--all", "core", "types", "blender-5.0", "gui-5.2"):
        assert word in done.stdout


def test_a_soak() -> None:
    done = run("python3 scripts/test.py --soak 0.1 --seed 2")
    assert done.returncode == 0, done.stdout + done.stderr
    counted = dict(re.findall(r"^(.+?) {2,}(\d+)", done.stdout, re.M))
    assert int(counted["jobs"]) > 0
    assert int(counted["losses"]) == int(counted["duplicates"]) == 0
