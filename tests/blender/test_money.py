"""Money in Blender: limits through the operators, the question, the sums, the table, the preferences.

The limits' own tests are ``tests/core/test_money.py``. What is spent at a service on this computer counts never;
here it is made to count, by a word to the ledger that no button says.
"""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import patching

Module = Callable[[str], ModuleType]
PACKAGE = "bl_ext.user_default.grok_video"
USD = 10**10
PRICE = USD // 20  # a second at 480p, from text


@pytest.fixture
def scene(scene: Any, module: Module) -> Any:
    """The same file; the stand-in's bill counts."""
    module("blender.session.questions").set_limits(count_loopback=True)
    return scene


@pytest.fixture
def own(blender: ModuleType, scene: Any) -> Any:
    """The add-on's preferences, as they came."""
    own = blender.context.preferences.addons[PACKAGE].preferences
    yield own
    own.confirm_above = own.unknown_price = 0.0


def newest(module: Module) -> Any:
    return module("blender.session.state").current().bridge.snapshot.all[0]


def posts(stand_in: Any) -> int:
    return len([one for one in stand_in.requests("submit") if one["complete"]])


# ------------------------------------------------------------------------------------------------ the limits


def test_the_preferences_show_what_the_ledger_has(
    blender: ModuleType, own: Any, module: Module
) -> None:
    """Entered here or by another version of Blender; cents are exact; one leaves the other alone."""
    blocking = module("blender.session.blocking")
    questions = module("blender.session.questions")
    state = module("blender.session.state")
    reader_ = module("ledger.reader")
    inbox = module("ledger.inbox")
    assert (own.day_limit, own.month_limit) == (0, 0)
    own.day_limit = 12.35
    own.month_limit = 100
    reader = reader_.LedgerReader(state.current().bridge.data_dir)
    reader.refresh(1.0)
    assert (reader.limits.day, reader.limits.month) == (1235 * USD // 100, 100 * USD)
    assert own.day_limit == pytest.approx(12.35)
    said = inbox.put_command(state.current().bridge.data_dir, "limits", day=0)  # another Blender
    blocking.wait_for(blender.context, lambda: state.current().bridge.notice(said))
    assert (own.day_limit, own.month_limit) == (0, 100)
    assert questions.limits_trouble() == ""
    reader.close()


def test_a_limit_that_is_refused_is_said(own: Any, module: Module) -> None:
    questions = module("blender.session.questions")
    questions.set_limits(day=-1)
    assert "no spending limit" in questions.limits_trouble()
    own.day_limit = 1
    assert questions.limits_trouble() == ""


def test_a_script_that_clicks_on_is_held_at_the_limit(
    blender: ModuleType,
    scene: Any,
    own: Any,
    stand_in: Any,
    module: Module,
) -> None:
    """Three clips fit; the fourth is held with a sentence, until the limit is raised and Send is pressed."""
    own.day_limit = 0.17
    for _ in range(3):
        blender.ops.grok_video.generate()
    for _ in range(3):
        with pytest.raises(RuntimeError, match=r"limit of \$0\.17 a day .*\$0\.15 .* \$0\.05"):
            blender.ops.grok_video.generate()
    job = newest(module)
    assert job.held
    assert posts(stand_in) == 3
    with pytest.raises(RuntimeError, match="limit"):
        blender.ops.grok_video.release(job=job.id)
    assert posts(stand_in) == 3
    own.day_limit = 0.20
    with patching.Patches() as dearer:
        dearer.set(
            module("blender.submission.common"),
            "price_of",
            lambda spec, *_: spec.estimate + 1,
            copies_ok="only what is sent again is priced here",
        )
        with pytest.raises(RuntimeError, match="price of this clip has changed"):
            blender.ops.grok_video.release(job=job.id)
    assert blender.ops.grok_video.release(job=job.id) == {"FINISHED"}
    assert newest(module).state == "IMPORTED"
    assert posts(stand_in) == len(stand_in.jobs()) == 4


CLICKS = """
import importlib, sys, time
import bpy
bpy.ops.preferences.addon_enable(module={package!r})
bpy.context.preferences.system.use_online_access = True
bpy.context.preferences.addons[{package!r}].preferences.poll_interval = 0.2
click, blocking, state = (
    importlib.import_module({package!r} + ".blender.session." + name) for name in ("click", "blocking", "state")
)
scene = bpy.context.scene
chosen = scene.grok_video
chosen.prompt, chosen.source, chosen.duration = "A heron lifts off", "NONE", 1
chosen.generate_audio = False
print("ready", flush=True)
sys.stdin.readline()
ids = [click.generate(bpy.context, scene, scene, 1) for _ in range(20)]
for job_id in ids:
    blocking.wait_until(bpy.context, job_id, lambda job: job.held or job.finished_at)
jobs = [state.job_by_id(job_id) for job_id in ids]
print(sum(job.held for job in jobs), sum(job.state == "IMPORTED" for job in jobs), flush=True)
"""


def test_twenty_clicks_at_once_in_each_of_two_blenders(
    blender: ModuleType, own: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    own.month_limit = 0.36  # seven clips and some cents
    script = tmp_path / "clicks.py"
    script.write_text(CLICKS.format(package=PACKAGE), "utf-8")
    blenders = [
        subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=dict(os.environ),
        )
        for _ in range(2)
    ]

    def line(process: Any, start: str = "") -> str:
        for text in process.stdout:
            if text.startswith(start) and (start or text[0].isdigit()):
                return text
        pytest.fail("it ended without a word")

    try:
        for process in blenders:
            line(process, "ready")
        for process in blenders:
            process.stdin.write("now\n")
            process.stdin.flush()
        told = [[int(word) for word in line(process).split()] for process in blenders]
    finally:
        for process in blenders:
            process.kill()
            process.communicate()
    assert [sum(counts) for counts in zip(*told, strict=True)] == [33, 7]
    assert posts(stand_in) == len(stand_in.jobs()) == 7
    assert sum(job["ticks"] for job in stand_in.jobs()) == 7 * PRICE


def test_a_model_without_a_price_under_a_limit(
    blender: ModuleType, scene: Any, own: Any, stand_in: Any, module: Module
) -> None:
    chosen = scene.grok_video
    state = module("blender.session.state")
    chosen.model, chosen.model_other = "OTHER", "grok-imagine-video"
    chosen.duration = 3
    own.day_limit = 5
    with pytest.raises(RuntimeError, match=r"costs is not known.*price per second"):
        blender.ops.grok_video.generate()
    assert state.current().bridge.snapshot.all == ()
    own.unknown_price = 0.051
    assert blender.ops.grok_video.generate() == {"FINISHED"}
    job = newest(module)
    assert job.spec.estimate == job.reserved == 3 * 51 * USD // 1000
    assert job.cost == 3 * PRICE == stand_in.jobs()[0]["ticks"]
    own.unknown_price = 0
    own.day_limit = 0
    assert blender.ops.grok_video.generate() == {"FINISHED"}
    assert newest(module).spec.estimate is None


# ---------------------------------------------------------------------------------------------- the question


#: Every button that buys: the operator, and what it is built on.
BUTTONS = {
    "generate": "Spends",
    "extend": "OnStrip",
    "edit": "OnStrip",
    "continue_shot": "OnStrip",
    "send_again": "Spends",
    "release": "Buys",
}


class Unset:
    """The properties of an operator that a button calls with none of them."""

    def is_property_set(self, _name: str) -> bool:
        return False


class Press:
    """A button that is pressed in a window, without one: what it asks, and whether it goes on.

    Blender never asks in background mode, so the question itself is seen in ``tests/gui/test_money.py``.
    """

    def __init__(self, module: Module, name: str, context: Any, **values: Any) -> None:
        operators = module("blender.ui")
        ours = vars(getattr(operators, f"GROK_VIDEO_OT_{name}"))
        kept = {k: v for k, v in ours.items() if not k.startswith("__") and k != "run"}
        self.words: dict[str, Any] = {}
        self.ran = False

        def run(_operator: Any, _context: Any) -> set[str]:
            self.ran = True
            return {"FINISHED"}

        def report(_operator: Any, _kind: set[str], sentence: str) -> None:
            raise AssertionError(sentence)

        class Manager:
            def invoke_confirm(_, *_given: Any, **words: Any) -> set[str]:
                assert not self.words, "asked twice"
                self.words = words
                return {"RUNNING_MODAL"}

        class Context:
            window_manager = Manager()

            def __getattr__(self, name: str) -> Any:
                return getattr(context, name)

        made = {**kept, "run": run, "report": report, "scene": "", "strip": "", "job": ""}
        made |= {"what": "SET", "properties": Unset()} | values
        self.operator = type(name, (getattr(operators, BUTTONS[name]),), made)()
        self.context = Context()
        self.price = self.operator.price(self.context)
        self.operator.invoke(self.context, None)

    def answer(self) -> None:
        """What Blender does when the question's button is pressed."""
        self.operator.execute(self.context)


@pytest.fixture
def shot(blender: ModuleType, scene: Any, module: Module) -> str:
    """A strip of three seconds, prompts for what is done with it, and a job that was stopped."""
    scene.grok_video.duration = 3
    blender.ops.grok_video.generate(frame=1)
    chosen = scene.grok_video
    chosen.extend_prompt = chosen.edit_prompt = "It turns gold"
    chosen.extend_seconds = 2
    editor = scene.sequence_editor
    strip = next(iter(editor.strips if hasattr(editor, "strips") else editor.sequences))
    editor.active_strip = strip
    return strip.name


def test_every_button_that_buys_asks_once_above_the_amount(
    blender: ModuleType, shot: str, scene: Any, own: Any, stand_in: Any, module: Module
) -> None:
    models = module("core.amount")
    context = blender.context
    job = newest(module).id
    before = posts(stand_in)
    for name in BUTTONS:
        values = {"job": job} if name in ("send_again", "release") else {}
        price = Press(module, name, context, **values).price
        assert price
        for above, asks in ((0, False), (price + USD // 100, False), (price, False)):
            own.confirm_above = above / USD
            pressed = Press(module, name, context, **values)
            always = name == "send_again"
            assert pressed.ran is not (asks or always), (name, above)
            assert bool(pressed.words) is (asks or always), (name, above)
        own.confirm_above = (price - USD // 1000) / USD
        pressed = Press(module, name, context, **values)
        assert not pressed.ran, name
        assert pressed.words["confirm_text"].endswith(f" for {models.usd(price)}"), name
        pressed.answer()
        assert pressed.ran, name
        assert not {"REGISTER", "UNDO"} & set(
            getattr(module("blender.ui"), f"GROK_VIDEO_OT_{name}").bl_options
        )
    assert posts(stand_in) == before


class Carried:
    """The context of a button that carries what it shows as its price; '' of a menu, a key or Quick Favorites."""

    def __init__(self, context: Any, shown: str) -> None:
        self._context = context
        self.grok_video_priced = shown

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


def test_a_press_without_the_price_asks(
    blender: ModuleType, shot: str, scene: Any, stand_in: Any, module: Module, patches: Any
) -> None:
    """Each operator; and a button whose price has changed since it was drawn, also to one that is not known."""
    usd = module("core.amount").usd
    job, before = newest(module).id, posts(stand_in)
    patches.set(module("blender.ui.press"), "is_press", lambda *_: True)
    for name in BUTTONS:
        values = {"job": job} if name in ("send_again", "release") else {}
        unshown = Press(module, name, Carried(blender.context, ""), **values)
        price = unshown.price
        assert price
        assert not unshown.ran, name
        assert unshown.words["confirm_text"].endswith(f" for {usd(price)}"), name
        assert usd(price) in unshown.words["message"], name
        unshown.answer()
        assert unshown.ran, name
        shown = Press(module, name, Carried(blender.context, str(price)), **values)
        assert shown.ran is (name != "send_again"), name  # which always asks
        for old in (str(price - 1), "None", "0", "1e9", f" {price}"):
            changed = Press(module, name, Carried(blender.context, old), **values)
            assert not changed.ran, (name, old)
            if name != "send_again":
                assert changed.words["title"] == "The Price Has Changed"
            assert usd(price) in changed.words["confirm_text"]
    scene.grok_video.model, scene.grok_video.model_other = "OTHER", "grok-imagine-video-9"
    unknown = Press(module, "generate", Carried(blender.context, "None"))
    assert unknown.ran, "a button that says no price buys where none is known"
    assert not Press(module, "generate", Carried(blender.context, "")).ran
    assert posts(stand_in) == before


def test_several_passes_are_asked_about_once(
    blender: ModuleType, shot: str, scene: Any, own: Any, module: Module
) -> None:
    scene.grok_video.extend_seconds = 12
    for above in (0, 0.01):
        own.confirm_above = above
        pressed = Press(module, "extend", blender.context)
        assert not pressed.ran
        assert pressed.words["confirm_text"].endswith(module("core.amount").usd(pressed.price))
        pressed.answer()
        assert pressed.ran


def test_a_price_that_is_not_known_is_asked_about(
    blender: ModuleType, scene: Any, own: Any, module: Module
) -> None:
    scene.grok_video.model, scene.grok_video.model_other = "OTHER", "grok-imagine-video-9"
    assert Press(module, "generate", blender.context).ran
    own.confirm_above = 1
    pressed = Press(module, "generate", blender.context)
    assert "not known" in pressed.words["message"]
    assert not pressed.ran


def test_a_price_that_changed_while_it_was_asked_about_is_not_paid(
    blender: ModuleType, scene: Any, own: Any, module: Module
) -> None:
    own.confirm_above = 0.01
    pressed = Press(module, "generate", blender.context)
    scene.grok_video.duration += 1
    with pytest.raises(AssertionError, match="price has changed"):
        pressed.answer()
    assert not pressed.ran


def test_a_script_is_not_asked(blender: ModuleType, scene: Any, own: Any, stand_in: Any) -> None:
    own.confirm_above = 0.01
    assert blender.ops.grok_video.generate() == {"FINISHED"}
    assert posts(stand_in) == 1


def test_what_is_asked_about_is_what_it_costs(
    blender: ModuleType, shot: str, scene: Any, own: Any, stand_in: Any, module: Module
) -> None:
    """The price that is asked about, the estimate of the job, and the service's bill."""
    for name in ("extend", "edit", "continue_shot"):
        price = Press(module, name, blender.context, strip=shot, scene=scene.name).price
        getattr(blender.ops.grok_video, name)(strip=shot)
        assert price == newest(module).spec.estimate == stand_in.jobs()[-1]["ticks"], name
    spent = module("blender.session.spending").sums_now()
    assert spent.file == sum(job["ticks"] for job in stand_in.jobs())


# ------------------------------------------------------------------------------------- the sums and the table


def test_sums_follow_the_jobs_and_the_file(
    blender: ModuleType, scene: Any, own: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    spending = module("blender.session.spending")

    def sums() -> tuple[int, int, int, int]:
        now = spending.sums_now()
        assert now.account_today == now.today
        return now.file, now.today, now.month, now.all_time

    assert sums() == (0, 0, 0, 0)
    blender.ops.grok_video.generate()
    assert sums() == (PRICE,) * 4
    assert spending.sums_now() is spending.sums_now(), "summed up anew for each redraw"
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "other name.blend"))
    assert sums() == (PRICE,) * 4
    blender.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert sums() == (0, PRICE, PRICE, PRICE)
    blender.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert sums() == (PRICE,) * 4
    module("blender.session.questions").set_limits(count_loopback=False)
    assert sums() == (0, 0, 0, 0), "what is spent at a service on this computer never counts"


def test_the_artists_word_that_a_job_was_not_charged(
    blender: ModuleType, scene: Any, own: Any, stand_in: Any, module: Module
) -> None:
    spending = module("blender.session.spending")
    own.day_limit = 0.05
    stand_in.fail("job", "moderated")
    with pytest.raises(RuntimeError):
        blender.ops.grok_video.generate()
    refused = newest(module)
    assert refused.charge_open == (refused.cost is None)
    assert spending.sums_now().today == refused.spent == PRICE
    with pytest.raises(RuntimeError, match="limit"):
        blender.ops.grok_video.generate()
    assert blender.ops.grok_video.not_charged(job=refused.id) == {"FINISHED"}
    assert spending.sums_now().today == 0
    with pytest.raises(RuntimeError, match="is known"):
        blender.ops.grok_video.not_charged(job=refused.id)
    assert blender.ops.grok_video.release() == {"FINISHED"}
    assert posts(stand_in) == 2


def test_the_table_is_written_where_one_says(
    blender: ModuleType, scene: Any, own: Any, stand_in: Any, module: Module, tmp_path: Path
) -> None:
    export = blender.ops.grok_video.export_spending
    blender.ops.grok_video.generate()
    scene.grok_video.prompt = "Ein Käuzchen"
    stand_in.fail("submit", 400)
    with pytest.raises(RuntimeError):
        blender.ops.grok_video.generate()
    path = tmp_path / "geld ü.csv"
    path.write_text("an older table\n" * 1000, "utf-8")
    assert export(filepath=str(path.with_suffix(""))) == {"FINISHED"}
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # else Excel takes it for another encoding
    first, second = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    done = stand_in.jobs()[0]
    assert (first["request id"], first["charged (USD)"]) == (done["id"], "0.05")
    assert first["file"] == newest_clip(module)
    assert (second["state"], second["counted (USD)"]) == ("FAILED", "0.00")
    for secret in (stand_in.key, "heron lifts off", "Käuzchen"):
        assert secret.encode() not in data.replace(first["file"].encode(), b"")
    for wrong in (tmp_path / "none" / "a.csv", tmp_path):
        with pytest.raises(RuntimeError, match="cannot be written"):
            export(filepath=str(wrong) if wrong != tmp_path else f"{path}/x.csv")
    assert path.read_bytes() == data
    assert [one.name for one in tmp_path.glob("*.part")] == []


def newest_clip(module: Module) -> str:
    jobs = module("blender.session.state").current().bridge.snapshot.all
    return next(job.clip.path for job in jobs if job.clip is not None)


# ------------------------------------------------------------------------------- bills, clocks, and spellings


def buy_by_hand(module: Module, base: str, key: str, at: float) -> Any:
    """Put a purchase into the ledger as 0.1.0 did: under a fingerprint of the base as it was spelled."""
    spec_module, events = module("core.spec"), module("core.events")
    spec = spec_module.JobSpec(
        id=spec_module.new_id(),
        kind=spec_module.Kind.GENERATE,
        model="grok-imagine-video",
        prompt="a red ball rolls",
        duration=1,
        resolution="480p",
        aspect_ratio="16:9",
        generate_audio=True,
        account=spec_module._fingerprint(base, key),
        api_base=base,
        estimate=PRICE,
    )
    lost = module("core.problem").Problem(module("core.problem").ProblemCode.ANSWER_LOST, "Lost.")
    ledger = module("ledger.ledger").Ledger.open(module("blender.config").data_dir())
    happened = (
        events.Created(spec),
        events.SubmitStarted(PRICE),
        events.Sending(),
        events.AnswerLost(lost),
    )
    for number, event in enumerate(happened):
        ledger.append(spec.id, number, event, at=at)
    ledger.close()
    module("blender.session.queue").read_all()
    return spec


def test_a_bill_that_differs_is_reported_where_the_clip_was_bought(
    blender: ModuleType,
    scene: Any,
    own: Any,
    stand_in: Any,
    module: Module,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spending = module("blender.session.spending")
    own.day_limit = 0.10
    stand_in.settings(bill=0.5)
    assert blender.ops.grok_video.generate() == {"FINISHED"}
    assert "Info: Charged $0.025, estimated $0.05" in capfd.readouterr().out
    assert spending.bill(newest(module)) == ("Charged $0.025, estimated $0.05", False)
    stand_in.settings(bill=3.0)
    assert blender.ops.grok_video.generate() == {"FINISHED"}
    words = (
        "Charged $0.15, estimated $0.05. With it your limit of $0.10 a day is passed: up to "
        "$0.175 is spent"
    )
    assert f"Warning: {words}" in capfd.readouterr().out
    assert spending.bill(newest(module)) == (words, True)
    assert spending.sums_now().account_today == PRICE * 3 + PRICE // 2
    with pytest.raises(RuntimeError, match=r"\$0.175 is spent"):
        blender.ops.grok_video.generate()
    own.day_limit = 0.0
    stand_in.settings(bill=1.0)
    capfd.readouterr()
    assert blender.ops.grok_video.generate() == {"FINISHED"}
    assert "Charged" not in capfd.readouterr().out
    assert spending.bill(newest(module)) == ("", False)


def test_a_purchase_of_a_clock_that_was_ahead_is_settled_by_a_word(
    blender: ModuleType, scene: Any, own: Any, stand_in: Any, module: Module
) -> None:
    spending, config = module("blender.session.spending"), module("blender.config")
    settle = blender.ops.grok_video.settle_clock
    with pytest.raises(RuntimeError, match="still to come"):
        settle()
    own.day_limit = 0.08
    future = time.time() + 3650 * 86_400
    buy_by_hand(module, config.api_base(), config.api_key(), future)
    assert spending.ahead() == future
    assert spending.sums_now().account_today == PRICE
    with pytest.raises(
        RuntimeError, match="If the clock is right now, press Count as Bought Today"
    ):
        blender.ops.grok_video.generate()
    assert settle() == {"FINISHED"}
    assert not spending.ahead()
    assert spending.sums_now().account_today == PRICE, "the word frees nothing of today"
    with pytest.raises(RuntimeError, match="still to come"):
        settle()
    with pytest.raises(RuntimeError, match="until tomorrow"):
        blender.ops.grok_video.generate()
    own.day_limit = 0.10
    blender.ops.grok_video.generate()
    assert posts(stand_in) == 1
    own.day_limit = 0.0


def test_what_0_1_0_bought_under_another_spelling_is_in_the_sums(
    blender: ModuleType, scene: Any, own: Any, stand_in: Any, module: Module
) -> None:
    spending, config = module("blender.session.spending"), module("blender.config")
    base, key = config.api_base(), config.api_key()
    odd = [base.upper().replace("HTTP", "http"), f"{base}/v1/.", base.replace("//", "//@")]
    for spelling in odd:
        buy_by_hand(module, spelling, key, time.time())
        buy_by_hand(module, spelling, "xai-another", time.time())
    sums = spending.sums_now()
    assert (sums.today, sums.account_today) == (6 * PRICE, 3 * PRICE)
    own.day_limit = 0.19
    with pytest.raises(RuntimeError, match=r"\$0.15 is spent"):
        blender.ops.grok_video.generate()
    assert not posts(stand_in)
    own.day_limit = 0.0
