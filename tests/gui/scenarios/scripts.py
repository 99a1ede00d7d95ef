"""What presses Generate without the artist: scripts of a .blend, handlers, timers, key maps, other operators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from jobs import apart, let_scripts_buy, newest, strips
from pictures import NARROW, shown
from rework import to_the_jobs

if TYPE_CHECKING:
    from driver import Steps, Ui

KIND = "VIEW_3D"
ADDON = "bl_ext.user_default.grok_video"
SAID: dict[str, str] = {}  # case → what its script was told

#: A module of the .blend: what it does when the file is opened, and what from then on.
IN_THE_BLEND = """
import bpy
from bpy.app.handlers import persistent

def press(case, *how, **values):
    bpy.context.scene.grok_video.prompt = case
    try:
        bpy.ops.grok_video.generate(*how, **values)
        said = "nothing"
    except RuntimeError as error:
        said = str(error)
    print("SAID", case, said)

def allow():
    own = bpy.context.preferences.addons["bl_ext.user_default.grok_video"].preferences
    try:
        own.scripts_may_buy = True
        own["scripts_may_buy"] = True
    except Exception as error:
        print(error)
    try:
        own.day_limit = 7.0
        own.month_limit = 7.0
    except Exception as error:
        print(error)

@persistent
def loaded(*_):
    bpy.app.handlers.load_post.remove(loaded)
    bpy.context.scene.grok_video.source = "NONE"
    bpy.context.scene.grok_video.duration = 1
    allow()
    press("load_post")
    press("load_post invoke", "INVOKE_DEFAULT")

bpy.app.handlers.load_post.append(loaded)
"""


def press(case: str, *how: str, **values: Any) -> None:
    """Call Generate as a script does, and keep what it says."""
    bpy.context.scene.grok_video.prompt = case
    SAID[case] = "nothing"
    try:
        bpy.ops.grok_video.generate(*how, **values)
    except RuntimeError as error:
        SAID[case] = str(error)


def held(ui: Ui, case: str) -> Steps:
    """Wait until what was asked for under that prompt is in the list, held or not."""
    yield from ui.until(lambda: any(job.spec.prompt == case for job in shown()), case)


def once(function: Callable[[], object]) -> Callable[..., object]:
    """A handler that does something one time; Blender calls handlers with arguments and more often."""
    left = [function]
    return lambda *_: left.pop()() if left else None


@contextmanager
def key_map(operator: str, kind: str, value: str) -> Iterator[bpy.types.KeyMapItem]:
    """A key map of somebody's for the time of the context."""
    keys = bpy.context.window_manager.keyconfigs.addon.keymaps.new(name="Window")
    item = keys.keymap_items.new(operator, kind, value)
    try:
        yield item
    finally:
        keys.keymap_items.remove(item)


class SCRIPTS_OT_another(bpy.types.Operator):
    """An operator of another add-on, which the artist presses for something else."""

    bl_idname = "scripts.another"
    bl_label = "Another"

    def execute(self, _context: bpy.types.Context) -> Any:
        press("another operator", "INVOKE_DEFAULT")
        return {"FINISHED"}


class SCRIPTS_OT_modal(bpy.types.Operator):
    """A modal operator of another add-on, which waits for a key."""

    bl_idname = "scripts.modal"
    bl_label = "Modal"

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> Any:
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, _context: bpy.types.Context, event: bpy.types.Event) -> Any:
        if event.type != "J":
            return {"PASS_THROUGH"}
        press("modal operator", "INVOKE_DEFAULT")
        return {"FINISHED"}


def _opened(ui: Ui, folder: str) -> Steps:
    """Open a .blend whose scripts the artist trusts."""
    text = bpy.data.texts.new("press.py")
    text.write(IN_THE_BLEND)
    text.use_module = True
    again = bpy.data.texts.new("again.py")
    again.write("import bpy\npress = bpy.data.texts['press.py'].as_module().press\n")
    again.write("press('run script')\npress('run script invoke', 'INVOKE_DEFAULT')\n")
    file = str(Path(folder) / "presses.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file, use_scripts=True)
    yield from ui.redraw()
    yield from ui.sidebar(KIND)


def _called(ui: Ui) -> Steps:
    """A timer, handlers, a driver, a message bus, a mouse that moves, other operators."""
    scene = bpy.context.scene
    bpy.app.timers.register(once(lambda: press("timer")))
    yield from held(ui, "timer")
    bpy.app.timers.register(once(lambda: press("timer invoke", "INVOKE_DEFAULT")))
    yield from held(ui, "timer invoke")
    # Without a function of Python's around it: from 5.1 on nothing of Python is below the operator.
    scene.grok_video.prompt = "timer alone"
    bare = functools.partial(bpy.ops.grok_video.generate, "INVOKE_DEFAULT")
    bpy.app.timers.register(bare)
    yield from held(ui, "timer alone")
    handler = once(lambda: press("depsgraph", "INVOKE_DEFAULT"))
    bpy.app.handlers.depsgraph_update_post.append(handler)
    scene.objects[0].location.x += 1
    yield from held(ui, "depsgraph")
    bpy.app.handlers.depsgraph_update_post.remove(handler)
    bpy.app.driver_namespace["pressed"] = once(lambda: press("driver", "INVOKE_DEFAULT"))
    curve = scene.objects[0].driver_add("location", 1)
    curve.driver.expression = "pressed() or 1.0"
    yield 0.2
    scene.frame_set(3)
    yield 0.3
    scene.objects[0].driver_remove("location", 1)
    owner = object()
    bpy.msgbus.subscribe_rna(
        key=(bpy.types.Object, "name"),
        owner=owner,
        args=(),
        notify=once(lambda: press("message bus", "INVOKE_DEFAULT")),
    )
    scene.objects[0].name = "Another"
    yield from held(ui, "message bus")
    bpy.msgbus.clear_by_owner(owner)
    scene.grok_video.prompt = "mouse"
    with key_map("grok_video.generate", "MOUSEMOVE", "ANY"):
        yield 0.2
        yield from ui.point(KIND)
        yield from held(ui, "mouse")
    yield from ui.press("ESC")  # the popup that says so
    yield from ui.redraw()
    for operator in (SCRIPTS_OT_another, SCRIPTS_OT_modal):
        bpy.utils.register_class(operator)
    with key_map("scripts.another", "J", "PRESS"):
        yield 0.2
        yield from ui.press("J")
        yield from held(ui, "another operator")
    with ui.override(KIND, "WINDOW"):
        bpy.ops.scripts.modal("INVOKE_DEFAULT")
    yield from ui.press("J")
    yield from held(ui, "modal operator")
    press("twice")
    SAID["once"] = SAID["twice"]
    press("twice")


def _in_the_text_editor(ui: Ui) -> Steps:
    """Alt-P over a text of the .blend."""
    area = ui.area(KIND)
    area.type = "TEXT_EDITOR"
    yield 0.3
    area.spaces.active.text = bpy.data.texts["again.py"]
    yield from ui.redraw()
    yield from ui.point("TEXT_EDITOR")
    yield from ui.redraw()
    yield from ui.press("P", alt=True)
    yield from held(ui, "run script invoke")
    area.type = KIND
    yield from ui.redraw()


def _repeated(ui: Ui) -> Steps:
    """F9 and Repeat Last, after a script has called."""
    for key, shift in (("F9", False), ("R", True)):
        yield from ui.point(KIND)
        yield from ui.press(key, shift=shift)
        yield 0.3
        yield from ui.press("ESC")
        yield 0.2


def nobody_presses(ui: Ui, folder: str) -> Steps:
    """Everything that can call Generate without the artist; then the artist: Send, the preference, Generate."""
    yield from _opened(ui, folder)
    yield from _called(ui)
    yield from _in_the_text_editor(ui)
    yield from _repeated(ui)
    yield from held(ui, "twice")
    ui.note(
        said=SAID,
        held={j.spec.prompt: [j.held, j.problem and j.problem.message] for j in shown()},
        allowed=bpy.context.preferences.addons[ADDON].preferences.scripts_may_buy,
    )
    job = newest()
    try:
        bpy.ops.grok_video.release(job=job.id)
    except RuntimeError as error:
        ui.note(release=str(error))
    settled: list[str] = []
    for how in ((), ("INVOKE_DEFAULT",)):
        for word in (
            bpy.ops.grok_video.settle_clock,
            functools.partial(bpy.ops.grok_video.not_charged, job=job.id),
        ):
            try:
                word(*how)
            except RuntimeError as error:
                settled.append(str(error))
    yield 0.5
    limits = ui.module("blender.session.spending").limits()
    ui.note(still_held=newest().held, settled=settled, limits=[limits.day, limits.month])

    yield from ui.sidebar(KIND)
    yield from to_the_jobs(ui, KIND)
    yield from ui.find("grok_video.release", KIND, with_=job.id)
    yield from ui.shot("scripts-held")
    yield from ui.press()
    yield from ui.point(KIND)
    yield from ui.until(strips, "the clip that was sent", 90)
    ui.note(sent=[job.id, strips()[0]["grok_video_job"]])


def _narrow(ui: Ui) -> Steps:
    """The row of a held job in a narrow sidebar."""
    wide = ui.region(KIND).width
    yield from ui.drag_sidebar(KIND, NARROW)
    yield from to_the_jobs(ui, KIND)
    places = []
    for button in ("release", "stop") * 2:  # the first two may let the sidebar scroll
        places.append((yield from ui.find(f"grok_video.{button}", KIND, with_=newest().id)).y)
    ui.note(below_each_other=places[2] - places[3])
    yield from ui.point(KIND)
    yield from ui.shot("scripts-held-narrow")
    yield from ui.drag_sidebar(KIND, wide)


def leave_of_the_artist(ui: Ui) -> Steps:
    """A press buys; a script buys nothing; the artist ticks the preference, and it buys; off again, nothing."""
    scene = bpy.context.scene
    scene.grok_video.source = "NONE"
    scene.grok_video.duration = 1
    scene.grok_video.prompt = "pressed"
    own = bpy.context.preferences.addons[ADDON].preferences
    bpy.app.timers.register(functools.partial(setattr, own, "scripts_may_buy", True))
    yield 0.5
    ui.note(by_a_timer=own.scripts_may_buy)
    yield from ui.sidebar(KIND)
    yield from ui.click("grok_video.generate", KIND)
    yield from ui.until(newest, "the first job")
    press("off")
    yield from ui.until(lambda: newest().spec.prompt == "off", "the held job")
    yield from _narrow(ui)
    area = ui.area(KIND)
    area.type = "PREFERENCES"
    bpy.ops.preferences.addon_show(module=ADDON)
    yield from ui.redraw()
    yield from ui.click("scripts_may_buy", "PREFERENCES", part="WINDOW")
    yield from ui.point("PREFERENCES", "HEADER")
    yield from ui.shot("scripts-preference")
    ui.note(ticked=own.scripts_may_buy)
    area.type = KIND
    yield from ui.redraw()
    press("allowed")
    yield from apart(ui)
    press("allowed invoke", "INVOKE_DEFAULT")
    own.scripts_may_buy = False
    press("off again")
    let_scripts_buy()
    ui.note(by_a_file=own.scripts_may_buy)

    def ended() -> bool:
        return len(shown()) == 5 and all(j.held or j.state == "IMPORTED" for j in shown())

    yield from ui.until(ended, "the clips", 120)
    ui.note(said=SAID, held={job.spec.prompt: job.held for job in shown()})


class SCRIPTS_MT_pie(bpy.types.Menu):
    """A pie menu that the artist made."""

    bl_label = "Mine"

    def draw(self, _context: bpy.types.Context) -> None:
        self.layout.menu_pie().operator("grok_video.generate")


def other_presses(ui: Ui) -> Steps:
    """A key of the artist's, a pie menu, and our entry of a menu that is opened by a key: each asks, and then buys."""
    scene = bpy.context.scene
    scene.grok_video.source = "NONE"
    scene.grok_video.duration = 1
    bpy.utils.register_class(SCRIPTS_MT_pie)
    for case, operator, menu in (
        ("key", "grok_video.generate", ""),
        ("pie", "wm.call_menu_pie", "SCRIPTS_MT_pie"),
        ("menu", "wm.call_menu", "VIEW3D_MT_view"),
    ):
        scene.grok_video.prompt = case
        with key_map(operator, "J", "PRESS") as item:
            if menu:
                item.properties.name = menu
            yield 0.2
            yield from ui.point(KIND)
            ui.event("J", "PRESS")
            yield 0.4
            if case == "pie":
                x, y = ui._mouse
                yield from ui.move(x - 120, y)
                yield from ui.redraw()
            ui.event("J", "RELEASE")
            yield 0.2
        if case == "menu":
            yield from ui.press("UP_ARROW")  # from the first entry to the last, which is ours
            yield from ui.redraw()
            yield from ui.press("RET")
            yield 0.5
            yield from ui.shot("scripts-dialog")
        else:
            yield 0.3
            yield from ui.redraw()
        assert all(job.spec.prompt != case for job in shown()), f"{case}: bought without a price"
        yield from ui.press("RET")  # the question, with the price
        yield from held(ui, case)
        yield from apart(ui)
    ui.note(held={job.spec.prompt: job.held for job in shown()})
