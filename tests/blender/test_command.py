"""The command line as a function: what each subcommand does, says and gives back; that nothing is bought without a word.

With a real binary: tests/gui/test_command.py.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from .conftest import ROOT
from .editing import every

Module = Callable[[str], ModuleType]
HOSTILE = 'A {heron|crow} in {shot}\n"quotes" \\ $HOME `x`\nopenjd_fail: no\nGROK_VIDEO_JSON {}'


@pytest.fixture
def main(blender: ModuleType, module: Module) -> Callable[..., int]:
    run = module("blender.command").main
    return lambda *argv: int(run(list(argv)))


@pytest.fixture
def codes(module: Module) -> ModuleType:
    return module("blender.command.output")


Said = pytest.CaptureFixture[str]


def told(said: Said) -> dict[str, Any]:
    """The one line of JSON, and that no other line looks like it."""
    out = said.readouterr().out
    (line,) = re.findall(r"^GROK_VIDEO_JSON (.*)$", out, re.M)
    return dict(json.loads(line))


def add_shots(scene: Any, *frames: int) -> list[Any]:
    for frame in frames:
        row = scene.grok_video.shots.add()
        row.name, row.source = f"s{frame:03}", "NONE"
        row.prompt, row.target_frame = f"The heron at {frame}", frame
    return list(scene.grok_video.shots)


def clips(scene: Any) -> list[int]:
    return sorted(int(strip.frame_final_start) for strip in every(scene) if strip.type == "MOVIE")


def test_every_subcommand_has_help_with_the_exit_codes(
    main: Callable[..., int], codes: ModuleType, module: Module, said: Said
) -> None:
    found = leaves(module("blender.command.arguments").parser())
    assert {"generate", "jobs list", "jobs log", "jobs stop", "jobs retry", "spending"} <= found
    assert {"shots list", "shots check", "shots run"} <= found
    for words in found:
        assert main(*words.split(), "--help") == 0
        out = said.readouterr().out
        assert all(meaning in out for meaning in codes.CODES.values())
        assert "--json" in out


def leaves(parser: Any, words: str = "") -> set[str]:
    """The subcommands of a parser, such as 'shots run'."""
    found: set[str] = set()
    groups = [a for a in parser._actions if hasattr(a, "choices") and isinstance(a.choices, dict)]
    for group in groups:
        for name, under in group.choices.items():
            found |= leaves(under, f"{words} {name}".strip())
    return found or {words}


@pytest.fixture
def said(capfd: Said) -> Said:
    return capfd


@pytest.mark.parametrize("argv", [[], ["shots"], ["nothing"], ["generate", "--seconds", "x"]])
def test_wrong_arguments(
    main: Callable[..., int], codes: ModuleType, said: Said, argv: list[str]
) -> None:
    assert main(*argv) == codes.USAGE
    assert "usage:" in said.readouterr().err


@pytest.mark.parametrize(
    "argv", [["generate", "--yes"], ["shots", "list"], ["shots", "run", "--yes"]]
)
def test_without_a_file_nothing_is_done(
    blender: ModuleType,
    main: Callable[..., int],
    codes: ModuleType,
    stand_in: Any,
    said: Said,
    argv: list[str],
) -> None:
    """Blender runs the command on its first scene where it could not read the file."""
    assert main(*argv, "--json") == codes.NO_FILE
    assert "No .blend is open" in told(said)["error"]
    assert stand_in.requests("submit") == []


def test_the_list_needs_no_file_and_no_service(
    blender: ModuleType, main: Callable[..., int], said: Said
) -> None:
    for argv in (["jobs", "list"], ["spending"]):
        assert main(*argv, "--json") == 0
        assert told(said)["command"] == " ".join(argv)


def test_offline_is_refused_with_what_helps(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    bpy.context.preferences.system.use_online_access = False
    add_shots(scene, 1)
    for argv in (["generate", "--yes"], ["shots", "run", "--yes"]):
        assert main(*argv) == codes.REFUSED
        assert "--online-mode" in said.readouterr().err
    assert stand_in.requests("submit") == []


def test_a_clip_is_bought_by_a_word_only(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    tmp_path: Path,
) -> None:
    """The prompt goes as it is; the clip is in a copy of the file, and the file is as it was."""
    before = Path(bpy.data.filepath).read_bytes()
    options = ["--prompt", HOSTILE, "--frame", "40", "--seconds", "2"]
    assert main("generate", *options, "--json") == codes.NOT_AGREED
    assert told(said)["price"] > 0
    assert stand_in.requests("submit") == []
    assert main("generate", *options, "--yes", "--json") == codes.DONE
    report = told(said)
    (body,) = stand_in.requests("submit")
    assert body["body"]["prompt"] == HOSTILE
    (job,) = report["jobs"]
    assert (job["state"], job["prompt"]) == ("IMPORTED", HOSTILE)
    assert job["cost"] == pytest.approx(job["price"])
    assert Path(job["clip"]).is_file()
    assert report["saved"] == str(tmp_path / "shot_clips.blend")
    assert Path(bpy.data.filepath).read_bytes() == before
    bpy.ops.wm.open_mainfile(filepath=report["saved"])
    assert clips(bpy.context.scene) == [40]


def test_a_prompt_from_a_file(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    tmp_path: Path,
) -> None:
    file = tmp_path / "prompt.txt"
    file.write_bytes(b"\xef\xbb\xbf" + HOSTILE.encode())
    assert main("generate", "--prompt-file", str(file), "--yes") == codes.DONE
    assert stand_in.requests("submit")[0]["body"]["prompt"] == HOSTILE
    said.readouterr()
    file.write_bytes(b"\xff\xfe\xff")
    for path, words in ((file, "no text in UTF-8"), (tmp_path / "gone", "cannot be read")):
        assert main("generate", "--prompt-file", str(path), "--yes") == codes.REFUSED
        assert words in said.readouterr().err
    assert len(stand_in.requests("submit")) == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--seconds", "99"], "--seconds cannot be 99. The nearest is"),
        (["--seconds", str(10**30)], "--seconds cannot be"),
        (["--model", "none"], "--model cannot be “none”."),
        (["--resolution", "9p"], "--resolution cannot be “9p”."),
        (["--scene", "Gone"], "There is no scene “Gone”"),
        (["--output", "/no/such/folder/a.blend"], "Nothing can be written"),
        (["--output", "shot.blend"], "Say --in-place"),
        (["--source", "CAMERA"], "no camera"),
        (["--prompt", ""], "prompt"),
    ],
)
def test_bad_settings_buy_nothing(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    argv: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main("generate", *argv, "--yes") == codes.REFUSED
    assert words in said.readouterr().err
    assert stand_in.requests("submit") == []


def test_the_result_goes_into_a_file_or_nothing_begins(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    tmp_path: Path,
) -> None:
    assert main("generate", "--yes", "--json", str(tmp_path / "gone" / "a.json")) == codes.USAGE
    assert stand_in.requests("submit") == []
    file = tmp_path / "a.json"
    assert main("generate", "--yes", "--json", str(file)) == codes.DONE
    assert json.loads(file.read_text("utf-8"))["jobs"][0]["state"] == "IMPORTED"
    assert "GROK_VIDEO_JSON" not in said.readouterr().out


def test_jobs_are_told_and_stopped(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    module: Module,
) -> None:
    stand_in.settings(job_seconds=600)
    bpy.ops.grok_video.generate(wait=False)
    (job_id,) = module("blender.session.state").current().documents
    wait_until = module("blender.session.blocking").wait_until
    wait_until(bpy.context, job_id, lambda job: job.state == "RUNNING")
    said.readouterr()
    main("jobs", "list", "--json")
    (job,) = told(said)["jobs"]
    assert main("jobs", "log", job["id"][:8]) == codes.DONE
    assert "WHAT WAS ASKED FOR" in said.readouterr().out
    assert main("jobs", "stop", job["id"], "--json") == codes.DONE
    assert told(said)["job"]["state"] == "CANCELLED"
    stand_in.settings(job_seconds=0.3)
    stand_in.finish()
    assert main("jobs", "retry", job["id"]) == codes.DONE
    assert clips(scene) == [1]
    said.readouterr()
    for wrong in ("", "zz", job["id"] + "0"):
        assert main("jobs", "log", wrong) == codes.REFUSED
        assert "No job begins" in said.readouterr().err
    assert len(stand_in.requests("submit")) == 1


def test_a_held_job_is_sent_by_a_word_only(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    module: Module,
) -> None:
    """A spending limit holds it; the list says so, and does not buy it again."""
    limits = module("blender.session.questions").set_limits
    limits(day=1, count_loopback=True)
    add_shots(scene, 1)
    assert main("shots", "run", "--yes", "--json") == codes.PARTLY
    (shot,) = told(said)["shots"]
    job_id = shot["job"]["id"]
    assert shot["job"]["held"]
    limits(day=0, count_loopback=True)
    assert main("shots", "run", "--yes") == codes.PARTLY
    said.readouterr()
    assert main("jobs", "send", job_id, "--json") == codes.NOT_AGREED
    assert told(said)["price"] == pytest.approx(shot["job"]["price"])
    assert stand_in.requests("submit") == []
    assert main("jobs", "send", job_id, "--yes", "--json") == codes.DONE
    assert told(said)["job"]["state"] == "IMPORTED"
    assert main("jobs", "send", job_id, "--yes") == codes.REFUSED
    assert len(stand_in.requests("submit")) == 1


def test_what_was_spent(
    scene: Any, stand_in: Any, main: Callable[..., int], said: Said, tmp_path: Path, module: Module
) -> None:
    module("blender.session.questions").set_limits(day=5 * 10**10, count_loopback=True)
    bpy.ops.grok_video.generate()
    said.readouterr()
    table = tmp_path / "spent.csv"
    assert main("spending", "--json", "--csv", str(table)) == 0
    report = told(said)
    assert report["spent"]["today"] == report["spent"]["file"] > 0
    assert report["limits"]["day"] == 5.0
    assert "grok-imagine-video" in table.read_text("utf-8-sig")
    assert main("spending", "--csv", str(tmp_path / "gone" / "a.csv")) == 4


# ------------------------------------------------------------------------------------------------ shots


def test_shots_are_told_and_checked(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    rows = add_shots(scene, 1, 100, 200)
    rows[1].prompt, rows[2].enabled = HOSTILE, False
    assert main("shots", "check") == codes.DONE
    assert "2 shots for $" in said.readouterr().out
    rows[1].source = "CAMERA"
    assert main("shots", "check", "--json") == codes.PARTLY
    report = told(said)
    assert [bool(shot["refusal"]) for shot in report["shots"]] == [False, True]
    assert main("shots", "list", "--json") == codes.DONE
    listed = told(said)["shots"]
    assert [(shot["name"], shot["enabled"]) for shot in listed] == [
        ("s001", True), ("s100", True), ("s200", False),
    ]  # fmt: skip
    assert listed[1]["prompt"] == HOSTILE
    assert stand_in.requests("submit") == []


def test_a_list_is_bought_once_and_waited_for(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    add_shots(scene, 1, 100, 200)
    assert main("shots", "run", "--json") == codes.NOT_AGREED
    price = told(said)["price"]
    assert stand_in.requests("submit") == []
    assert main("shots", "run", "--yes", "--json") == codes.DONE
    report = told(said)
    assert [shot["state"] for shot in report["shots"]] == ["IMPORTED"] * 3
    assert sum(shot["job"]["cost"] for shot in report["shots"]) == pytest.approx(price)
    assert main("shots", "run", "--yes", "--json") == codes.DONE  # an engine runs tasks again
    again = told(said)
    assert "saved" not in again
    assert len(stand_in.requests("submit")) == 3
    bpy.ops.wm.open_mainfile(filepath=report["saved"])
    assert clips(bpy.context.scene) == [1, 100, 200]


def test_one_that_is_refused_and_one_that_fails_do_not_cost_the_others(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    rows = add_shots(scene, 1, 100, 200, 300)
    rows[1].source = "CAMERA"
    stand_in.fail("job", "moderated", times=1)
    assert main("shots", "run", "--yes", "--json") == codes.PARTLY
    report = told(said)
    states = [shot["state"] for shot in report["shots"]]
    assert sorted(states) == ["", "FAILED", "IMPORTED", "IMPORTED"]
    assert "no camera" in report["error"]
    assert "oderation" in report["error"]
    assert len(stand_in.requests("submit")) == 3
    # Only the failed one is bought again.
    assert main("shots", "run", "--which", "failed", "--yes", "--json") == codes.PARTLY
    assert len(stand_in.requests("submit")) == 4
    assert [shot["state"] for shot in told(said)["shots"]].count("IMPORTED") == 3


def test_what_an_earlier_run_bought_comes_into_this_file(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    """A run that ended before it saved: the clips are paid for, and in no file."""
    add_shots(scene, 1, 100)
    assert main("shots", "list") == codes.DONE
    bpy.ops.grok_video.generate_shots()
    bpy.ops.wm.save_mainfile()
    for strip in list(every(scene)):
        strips_of(scene).remove(strip)
    bpy.ops.wm.save_mainfile()
    said.readouterr()
    assert main("shots", "run", "--yes", "--in-place", "--json") == codes.DONE
    assert told(said)["saved"] == bpy.data.filepath
    assert len(stand_in.requests("submit")) == 2
    bpy.ops.wm.open_mainfile(filepath=bpy.data.filepath)
    assert clips(bpy.context.scene) == [1, 100]


def strips_of(scene: Any) -> Any:
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def test_a_file_that_was_changed_meanwhile_is_not_written_over(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said, patches: Any,
    module: Module,
) -> None:  # fmt: skip
    add_shots(scene, 1)
    file = Path(bpy.data.filepath)
    shots = module("blender.command.shots")
    before = shots.output.progress

    def artist_saves(*told: Any) -> None:
        file.write_bytes(b"the artist's")
        before(*told)

    patches.set(shots.output, "progress", artist_saves)
    assert main("shots", "run", "--yes", "--in-place", "--json") == codes.DONE
    report = told(said)
    assert file.read_bytes() == b"the artist's"
    assert Path(report["saved"]).name == "shot_clips.blend"


def test_a_list_without_an_enabled_shot_is_refused(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    assert main("shots", "run", "--yes") == codes.REFUSED
    assert "no enabled shot" in said.readouterr().err


def test_an_engine_is_told_how_far_it_is(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    said: Said,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And by no line that a name of a shot makes."""
    rows = add_shots(scene, 1, 100)
    rows[0].name = "a\nopenjd_fail: no"
    assert main("shots", "list") == 0
    assert "openjd_" not in re.findall(r"^openjd_.*$", said.readouterr().out, re.M)
    monkeypatch.setenv("OPENJD_SESSION_WORKING_DIR", "/tmp/x")
    main("shots", "run", "--yes")
    lines = re.findall(r"^openjd_(\w+): (.*)$", said.readouterr().out, re.M)
    assert [float(value) for kind, value in lines if kind == "progress"] == [0, 50, 100]
    assert {kind for kind, _ in lines} == {"progress", "status"}


@pytest.mark.parametrize("when", ["at once", "sent"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_what_is_not_sent(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    module: Module,
    number: signal.Signals,
    when: str,
    patches: Any,
) -> None:
    """What was sent stays in the list and goes on; the handlers of the signals are as they were."""
    add_shots(scene, 1, 100)
    stand_in.settings(job_seconds=600)
    blocking, state = module("blender.session.blocking"), module("blender.session.state")
    before, handlers = blocking.tick, signal.getsignal(number)
    ended: list[int] = []

    def are_sent() -> bool:
        jobs = [state.job_by_id(job_id) for job_id in state.current().documents]
        return len(jobs) == 2 and all(job is not None and job.state == "RUNNING" for job in jobs)

    def tick_and_end(context: Any) -> Any:
        if not ended and (when == "at once" or are_sent()):
            ended.append(number)
            signal.raise_signal(number)
        return before(context)

    alone = "the loop in which scripts wait is meant"
    patches.set(blocking, "tick", tick_and_end, copies_ok=alone)
    assert main("shots", "run", "--yes", "--json") == codes.INTERRUPTED
    report = told(said)
    assert "Interrupted" in report["error"]
    assert signal.getsignal(number) == handlers
    count = 2 if when == "sent" else 0
    assert len(stand_in.requests("submit")) == count
    assert main("jobs", "list", "--open", "--json") == codes.DONE
    assert [job["state"] for job in told(said)["jobs"]] == ["RUNNING"] * count


def test_what_was_stopped_as_it_was_sent_is_fetched(
    scene: Any,
    stand_in: Any,
    main: Callable[..., int],
    codes: ModuleType,
    said: Said,
    module: Module,
) -> None:
    """An engine may end a task at that moment: the clip is paid for, and its job is stopped."""
    add_shots(scene, 1, 100)
    stand_in.settings(job_seconds=600)
    bpy.ops.grok_video.generate_shots(wait=False)
    session = module("blender.session.state")
    blocking = module("blender.session.blocking")
    first, second = session.current().documents
    for job_id in (first, second):
        blocking.wait_until(bpy.context, job_id, lambda job: job.state == "RUNNING")
    bpy.ops.grok_video.stop(job=second)
    stand_in.settings(job_seconds=0.2)
    stand_in.finish()
    said.readouterr()
    assert main("shots", "run", "--yes", "--json") == codes.DONE
    assert [shot["state"] for shot in told(said)["shots"]] == ["IMPORTED"] * 2
    assert clips(scene) == [1, 100]
    assert len(stand_in.requests("submit")) == 2


def test_a_file_that_was_not_saved_since_its_list_was_made_is_bought_once(
    scene: Any, stand_in: Any, main: Callable[..., int], codes: ModuleType, said: Said
) -> None:
    """An engine runs the task again on the same file, in which no row has a mark; two rows are alike."""
    add_shots(scene, 1, 1, 100)
    bpy.ops.wm.save_mainfile()
    path = bpy.data.filepath
    for _ in range(2):
        assert main("shots", "run", "--yes", "--json") == codes.DONE
        assert Path(told(said)["saved"]).is_file()
        bpy.ops.wm.open_mainfile(filepath=path)
        assert [row.mark for row in bpy.context.scene.grok_video.shots] == [""] * 3
    assert len(stand_in.requests("submit")) == 3
    # Another prompt is another shot.
    bpy.context.scene.grok_video.shots[2].prompt = "Another bird"
    assert main("shots", "run", "--yes") == codes.DONE
    assert len(stand_in.requests("submit")) == 4


def test_the_docs_tell_every_subcommand_option_and_exit_code(
    module: Module, codes: ModuleType
) -> None:
    text = (ROOT / "docs/command.md").read_text("utf-8")
    parser = module("blender.command.arguments").parser()
    rows = dict(re.findall(r"^\| `([a-z ]+)` \|(.*)$", text, re.M))
    assert rows.keys() == leaves(parser)
    for words, row in rows.items():
        own = set(options_of(parser, words.split())) - {"--help", "--json"}
        assert set(re.findall(r"`(--[a-z-]+)`", row)) == own, words
    told_codes = {
        int(code): words for code, words in re.findall(r"^\| (\d+) \| (.+) \|$", text, re.M)
    }
    assert told_codes == codes.CODES


def options_of(parser: Any, words: list[str]) -> list[str]:
    """The long options of a subcommand."""
    for word in words:
        (group,) = [a for a in parser._actions if isinstance(a.choices, dict)]
        parser = group.choices[word]
    told = [action for action in parser._actions if action.help != argparse.SUPPRESS]
    return [o for action in told for o in action.option_strings if o.startswith("--")]
