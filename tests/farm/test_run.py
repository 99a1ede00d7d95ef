"""A film of three shots through OpenJD's own runner: a real Blender renders, buys and places, at a stand-in service."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.farm.conftest import HERE, ROOT, openjd, run
from tests.keysearch import found_in
from tests.stand_in.client import StandIn

import blenders  # isort: skip - of scripts/, and harness of tests/gui
import harness  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Debian's Blender")


@dataclass(slots=True)
class Studio:
    """A studio's share, and Blender as its hosts call it."""

    share: Path
    blender: Path  # a program with Blender's own arguments
    environment: dict[str, str]
    stand_in: StandIn

    @property
    def film(self) -> Path:
        return self.share / "film.blend"

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run([str(self.blender), *words], env=self.environment)

    def shots(self, *words: str) -> subprocess.CompletedProcess[str]:
        line = ["-b", str(self.film), "--online-mode", "--command", "grok_video", "shots"]
        return self.run(*line, words[0], "--folder", str(self.share / "job"), *words[1:])

    def job(self) -> subprocess.CompletedProcess[str]:
        """The whole job, as an engine runs it: step after step, task after task."""
        values = json.loads((self.share / "job" / "parameter_values.json").read_text("utf-8"))
        given = {one["name"]: one["value"] for one in values["parameterValues"]}
        given["Blender"] = str(self.blender)
        words = [word for name, value in given.items() for word in ("-p", f"{name}={value}")]
        return openjd(
            "run", str(self.share / "job" / "template.json"), *words, env=self.environment
        )

    def strips(self, blend: Path) -> Any:
        done = self.run("-b", str(blend), "--python", str(HERE / "strips.py"))
        return json.loads(done.stdout.partition("STRIPS ")[2].splitlines()[0])

    def posts(self) -> int:
        return len([one for one in self.stand_in.requests("submit") if one["complete"]])


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip under test: the runner's, else built now."""
    if given := os.environ.get("GROK_VIDEO_ZIP"):
        return Path(given)
    out = tmp_path_factory.mktemp("zip")
    built = run([sys.executable, str(ROOT / "scripts" / "build.py"), "--out", str(out)])
    assert built.returncode == 0, built.stdout
    return Path(built.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def studio(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A share with the film, and one host."""
    folder = tmp_path_factory.mktemp("studio")
    share = folder / "a share"
    share.mkdir()
    profile = harness.Profile(
        blenders.window("5.2"), folder / "home", harness.Screen("", (0, 0)), [folder]
    )
    profile.install(archive)
    blender = folder / "blender"
    own = {name: value for name, value in profile.environment({}).items() if name != "DISPLAY"}
    words = [f"export {name}={shlex.quote(value)}" for name, value in own.items()]
    words.append(f'exec {shlex.join(profile.blender([]))} "$@"')
    blender.write_text("\n".join(["#!/bin/sh", "unset DISPLAY", *words, ""]), "utf-8")
    blender.chmod(0o755)
    with StandIn.start(job_seconds=0.3, per_second=0, per_minute=0) as stand_in:
        environment = os.environ | {
            "XAI_API_BASE": stand_in.base,
            "XAI_API_KEY": stand_in.key,
        }
        yield Studio(share, blender, environment, stand_in)


@pytest.fixture(scope="session")
def finished(studio: Studio) -> str:
    """The job was exported and run once; what the runner has printed."""
    made = studio.run(
        "-b", "--python-exit-code", "7", "--python", str(HERE / "film.py"), "--", str(studio.film)
    )
    assert made.returncode == 0, made.stdout
    exported = studio.shots("export", "--engine", "openjd")
    assert exported.returncode == 0, exported.stdout
    checked = openjd("check", str(studio.share / "job" / "template.json"))
    assert checked.returncode == 0, checked.stdout
    before = hashlib.sha256(studio.film.read_bytes()).hexdigest()
    done = studio.job()
    assert done.returncode == 0, done.stdout
    assert hashlib.sha256(studio.film.read_bytes()).hexdigest() == before
    return done.stdout


def test_three_shots_become_three_clips(studio: Studio, finished: str) -> None:
    assert studio.posts() == 3
    prompts = {one["body"]["prompt"].splitlines()[0] for one in studio.stand_in.requests("submit")}
    assert prompts == {
        f"{name}: a cube, {{{{ braces }}}} and “quotes”" for name in ("S 010", "S 020", "Title")
    }
    strips, there = studio.strips(studio.share / "job" / "film_clips.blend")
    assert strips == [
        [1, "//clips/s_010.mp4"],
        [101, "//clips/s_020.mp4"],
        [201, "//clips/title.mp4"],
    ]
    assert all(there)


def test_engines_read_how_far_it_is(finished: str) -> None:
    assert "openjd_status: 3 of 3 clips are there" in finished
    assert "openjd_progress: 100" in finished


def test_the_key_is_in_no_file_and_no_line_of_it(studio: Studio, finished: str) -> None:
    found, count = found_in(studio.share, keys=[studio.stand_in.key])
    assert not found
    assert count > 10
    assert studio.stand_in.key not in finished


def test_a_job_that_runs_again_buys_nothing_again(studio: Studio, finished: str) -> None:
    stills = {path: path.stat().st_mtime_ns for path in (studio.share / "job" / "stills").iterdir()}
    done = studio.job()
    assert done.returncode == 0, done.stdout
    assert studio.posts() == 3
    assert {path: path.stat().st_mtime_ns for path in stills} == stills
    assert len(studio.strips(studio.share / "job" / "film_clips.blend")[0]) == 3


def test_offline_or_without_a_key_nothing_is_claimed(
    studio: Studio, finished: str, tmp_path: Path
) -> None:
    claims = sorted(os.listdir(studio.share / "job" / "claims"))
    keyless = {name: value for name, value in studio.environment.items() if name != "XAI_API_KEY"}
    line = ["-b", str(studio.film), "--online-mode", "--command", "grok_video"]
    folder = str(studio.share / "job")
    done = run(
        [str(studio.blender), *line, "shots", "buy", "--yes", "--folder", folder], env=keyless
    )
    assert done.returncode == 4, done.stdout
    assert "no API key" in done.stdout
    assert sorted(os.listdir(studio.share / "job" / "claims")) == claims
