"""Money in a window: a limit that is set, a clip that is held, a question that is answered."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from jobs import newest, strips, timeline
from rework import open_section, to_the_jobs

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "VIEW_3D"


def enter(ui: Ui, name: str, amount: str) -> Steps:
    """Type an amount into a field of the preferences."""
    yield from ui.find(name, "PREFERENCES", part="WINDOW")
    yield from ui.press("LEFTMOUSE")
    yield from ui.redraw(1)
    yield from ui.press("A", ctrl=True)
    for figure in amount:
        yield from ui.press("PERIOD" if figure == "." else NUMBERS[int(figure)], text=figure)
    yield from ui.press("RET")
    yield from ui.redraw()


NUMBERS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")


def limits_and_questions(ui: Ui) -> Steps:
    """The artist sets a limit of a dollar, is asked, buys one clip, and the next one is held."""
    spending = ui.module("blender.session.spending")
    questions = ui.module("blender.session.questions")
    state = ui.module("blender.session.state")
    own = bpy.context.preferences.addons["bl_ext.user_default.grok_video"].preferences
    questions.set_limits(count_loopback=True)  # no artist can: else the stand-in would cost nothing
    yield from ui.until(lambda: spending.limits().count_loopback, "that the stand-in counts")
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Standard"
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls on a red barn"
    scene.grok_video.duration = 12  # $0.60

    area = ui.area(KIND)
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module="bl_ext.user_default.grok_video")
    yield from ui.redraw()
    yield from enter(ui, "day_limit", "1")
    yield from ui.until(lambda: spending.limits().day == 10**10, "the limit in the ledger")
    yield from enter(ui, "confirm_above", "0.50")
    yield from ui.point("PREFERENCES", "HEADER")
    yield from ui.shot("money-preferences")
    ui.note(entered=[own.day_limit, own.month_limit, own.confirm_above])
    area.type = KIND
    yield from ui.redraw()

    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)
    yield 0.5
    yield from ui.shot("money-question")
    ui.note(jobs_while_asked=len(state.current().bridge.snapshot.all))
    yield from ui.press("ESC")
    yield 0.5
    ui.note(jobs_after_escape=len(state.current().bridge.snapshot.all))
    yield from ui.click("grok_video.generate", KIND)
    yield 0.5
    yield from ui.press("RET")
    yield from ui.until(strips, "the clip on the timeline", 90)

    yield from ui.click("grok_video.generate", KIND)
    yield 0.5
    yield from ui.press("RET")
    yield from ui.until(lambda: newest().held, "the second clip to be held", 60)
    yield from to_the_jobs(ui, KIND)
    yield from ui.point(KIND)
    yield from ui.shot("money-held")
    ui.note(held=said(newest()))

    # The limit is raised, and Send sends what was held.
    questions.set_limits(day=2 * 10**10)
    yield from ui.until(lambda: spending.limits().day == 2 * 10**10, "the raised limit")
    yield from ui.click("grok_video.release", KIND)
    yield 0.5
    yield from ui.press("RET")
    yield from ui.until(
        lambda: {str(job.state) for job in state.current().bridge.snapshot.all} == {"IMPORTED"},
        "both clips",
        90,
    )


def spending_and_a_rebuilt_list(ui: Ui) -> Steps:
    """The artist looks up what was spent and exports it; then the list of clips is damaged, and mends."""
    spending = ui.module("blender.session.spending")
    questions = ui.module("blender.session.questions")
    state = ui.module("blender.session.state")
    bridge = state.current().bridge
    questions.set_limits(count_loopback=True)  # no artist can: else the stand-in would cost nothing
    yield from ui.until(lambda: spending.limits().count_loopback, "that the stand-in counts")
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Standard"
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls on a red barn"
    scene.grok_video.duration = 2
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(strips, "the clip on the timeline", 90)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)

    timeline().sequence_editor.active_strip = (
        None  # what can be done with it takes room from the jobs
    )
    yield from ui.redraw()
    yield from to_the_jobs(ui, KIND)
    yield from open_section(ui, "grok_video.show_log", "grok_video.export_spending", KIND)
    yield from to_the_jobs(ui, KIND)
    yield from ui.find("grok_video.export_spending", KIND)
    yield from ui.shot("money-spending")
    yield from ui.press()
    yield from ui.until(lambda: is_shown(ui, "FILE_BROWSER"), "the file browser")
    yield from ui.redraw()
    yield from ui.shot("money-export")
    yield from ui.point("FILE_BROWSER")
    yield from ui.press("RET")
    table = Path.home() / "grok_video_spending.csv"
    yield from ui.until(table.exists, "the table")
    ui.note(table=table.read_text("utf-8-sig"))

    ledger = bridge.data_dir / "ledger.sqlite3"
    ledger.write_bytes(os.urandom(ledger.stat().st_size))
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(lambda: bridge.rebuilt, "the word of it", 90)
    yield from ui.until(lambda: len(bridge.snapshot.all) > 1, "the second job", 30)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the second clip", 90)
    ui.note(rebuilt=bridge.rebuilt, states=[str(job.state) for job in bridge.snapshot.all])
    yield from to_the_jobs(ui, KIND)
    yield from ui.find("grok_video.heard", KIND)
    yield from ui.shot("money-rebuilt")
    yield from ui.press()
    yield from ui.until(lambda: not bridge.rebuilt, "that it was heard")


def is_shown(ui: Ui, kind: str) -> bool:
    return kind in {area.type for area in ui.window.screen.areas}


def said(job: Any) -> str:
    return f"{job.problem.message} {job.problem.hint}"


def a_bill_and_a_clock(ui: Ui) -> Steps:
    """A bill above the price passes the limit and says so; then a purchase of a wrong clock is settled."""
    spending = ui.module("blender.session.spending")
    questions = ui.module("blender.session.questions")
    state = ui.module("blender.session.state")
    bridge = state.current().bridge
    questions.set_limits(count_loopback=True, day=3 * 10**9)
    yield from ui.until(lambda: spending.limits().day == 3 * 10**9, "the limit")
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Standard"
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls on a red barn"
    scene.grok_video.duration = 2  # $0.10; billed $0.40
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(strips, "the clip on the timeline", 90)
    yield from ui.until(lambda: newest().state == "IMPORTED", "the ledger's word of it", 60)
    yield from to_the_jobs(ui, KIND)
    yield from ui.point(KIND)
    yield from ui.shot("money-bill")
    yield from ui.until(lambda: not state.current().watch.reports, "that it is reported")
    ui.note(row=spending.bill(newest()), reported=(yield from reported(ui)))

    # Ten years ahead by mistake, as the ledger then has it.
    events, spec = ui.module("core.events"), newest().spec
    ledger = ui.module("ledger.ledger").Ledger.open(bridge.data_dir)
    made = ui.module("core.spec").new_id()
    happened = (events.Created(replace(spec, id=made)), events.SubmitStarted(5 * 10**8))
    for number, event in enumerate((*happened, events.Sending(), events.Submitted("r"))):
        ledger.append(made, number, event, at=time.time() + 3650 * 86_400)
    ledger.commands.apply({"id": made, "command": "stop", "job": made})
    ledger.close()
    state.current().bridge.tick(1.0)
    yield from ui.until(spending.ahead, "the purchase that lies ahead")
    yield from to_the_jobs(ui, KIND)
    yield from ui.find("grok_video.settle_clock", KIND)
    yield from ui.shot("money-ahead")
    yield from ui.press()
    yield 0.5
    yield from ui.shot("money-ahead-question")
    ui.note(before=spending.ahead() > 0)
    yield from ui.press("RET")
    yield from ui.until(lambda: not spending.ahead(), "that it counts today", 60)
    yield from ui.redraw()
    yield from ui.shot("money-settled")
    ui.note(today=spending.sums_now().account_today)


def reported(ui: Ui) -> Steps:
    """All that Blender's Info editor shows; gives the text."""
    area = ui.area(KIND)
    area.type = "INFO"
    yield from ui.redraw()
    with ui.override("INFO", "WINDOW"):
        bpy.ops.info.select_all(action="SELECT")
        bpy.ops.info.report_copy()
    text = bpy.context.window_manager.clipboard
    area.type = KIND
    yield from ui.redraw()
    return text


def another_list(ui: Ui) -> Steps:
    """The job list moves by the file browser; then one with its own limit is opened, and says so before it buys."""
    spending = ui.module("blender.session.spending")
    questions = ui.module("blender.session.questions")
    state = ui.module("blender.session.state")
    own = bpy.context.preferences.addons["bl_ext.user_default.grok_video"].preferences
    first = str(state.current().bridge.data_dir)
    questions.set_limits(count_loopback=True, day=3 * 10**10)
    yield from ui.until(lambda: spending.limits().day == 3 * 10**10, "the limit")
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Standard"
    scene.grok_video.source = "NONE"
    scene.grok_video.prompt = "Snow falls on a red barn"
    scene.grok_video.duration = 2  # $0.10
    new = Path.home() / "another list"
    new.mkdir()
    area = ui.area(KIND)
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module="bl_ext.user_default.grok_video")
    yield from ui.redraw()
    yield from ui.click("grok_video.choose_list_folder", "PREFERENCES", part="WINDOW")
    yield from ui.until(lambda: is_shown(ui, "FILE_BROWSER"), "the file browser")
    yield from ui.redraw()
    ui.area("FILE_BROWSER").spaces.active.params.directory = os.fsencode(new)
    yield from ui.redraw()
    yield from ui.point("FILE_BROWSER")
    yield from ui.press("RET")
    yield 0.5
    yield from ui.shot("list-question")
    ui.note(while_asked=own.ledger_dir)
    yield from ui.press("RET")
    yield from ui.until(lambda: own.ledger_dir, "the list in its new folder", 60)
    yield from ui.point("PREFERENCES", "HEADER")
    yield from ui.shot("list-moved")
    yield from ui.until(lambda: spending.limits().day == 3 * 10**10, "the limit that came along")
    ui.note(moved=own.ledger_dir, new=str(new))
    os.remove(Path(first) / "moved.json")  # as if that had been another list all the time
    own.ledger_dir = first
    yield from ui.until(lambda: own.ledger_dir == first, "the list that was there", 60)
    area.type = KIND
    yield from ui.redraw()
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)
    yield 0.5
    yield from ui.shot("list-first-purchase")
    yield from ui.press("ESC")
    yield 0.5
    ui.note(after_escape=len(state.current().bridge.snapshot.all), unseen=own.unseen_list)
    yield from ui.click("grok_video.generate", KIND)
    yield 0.5
    yield from ui.press("RET")
    yield from ui.until(strips, "the clip on the timeline", 90)
    ui.note(seen=own.unseen_list == "")
