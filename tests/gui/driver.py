"""Runs inside Blender's window: drives it with a simulated mouse and keyboard, and reports.

Owns how a scenario moves, finds, clicks, types, waits and looks; knows nothing of pytest, which reads the
report on the other side (``harness.py``). Blender is started with ``--enable-event-simulate`` and this
file; what to run is in the JSON file named after ``--``.

A scenario is a generator function ``def name(ui, **arguments)`` in ``scenarios/``. Each ``yield`` gives
Blender its event loop back: ``yield`` for one turn, ``yield 0.5`` for half a second, ``yield from
ui.until(...)`` for a condition. It checks by ``assert``, and hands values back by ``ui.note(...)``.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

#: A turn of Blender's event loop between two simulated events, in seconds.
TURN = 0.01
#: How long Blender rests at most while nothing is due, in seconds. Started with ``--enable-event-simulate`` it never rests
#: by itself: it keeps a core busy that the worker, the second Blender and the rings beside this one need.
REST = 0.005
#: Keys of a text that are typed in one turn: Blender draws the field once for each turn.
KEYS = 16
#: How long an event may take to have its effect before a step counts as failed, in seconds: tests/patience.py cannot
#: be imported yet.
PATIENCE = 400.0
#: How far from where it lay a widget is looked for first, in pixels at an interface scale of 1: five rows.
NEAR = 100

Steps = Generator[float | None, None, Any]


@dataclass(frozen=True, slots=True)
class Widget:
    """A button or field as the mouse finds it; ``x`` and ``y`` are the window's, from bottom left."""

    name: str  # 'grok_video.generate' for an operator, 'prompt' for a property
    call: str  # the Python of an operator with its arguments; the path of a property
    x: int
    y: int
    area: str  # the editor's type


class _Hints:
    """Where widgets were found, in the view's coordinates: a hint that saves the mouse a search.

    Kept in a file from one scenario, and one run of the tests, to the next. A hint may be wrong.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._found: dict[str, list[tuple[float, float]]] = json.loads(file.read_text("utf-8"))
        except (OSError, ValueError):
            self._found = {}

    def get(self, what: str) -> list[tuple[float, float]]:
        """The places, topmost first: of several buttons of a name a search meets that one first."""
        return sorted(self._found.get(what, []), key=lambda place: -place[1])

    def add(self, what: str, place: tuple[float, float]) -> None:
        """Keep a place; of each widget the last few."""
        self._found[what] = [*self._found.get(what, []), place][-8:]
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(self._found), "utf-8")
        fresh.replace(self._file)


class Ui:
    """The hands and eyes of a scenario."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.task = task
        self.output = Path(task["output"])
        self.report: dict[str, Any] = {"notes": {}, "begun": False, "ended": ""}
        self.window_index = 0
        self._mouse = (0, 0)
        self.hints = _Hints(Path(task["hints"]))

    @staticmethod
    def module(name: str) -> Any:
        """A module of the extension as it runs here, such as ``'core.job'``, or a floor (tests/rooms.py)."""
        rooms = importlib.import_module("rooms")
        return rooms.room("bl_ext.user_default.grok_video", name)

    # -------------------------------------------------------------------------------- reporting

    def note(self, **values: Any) -> None:
        """Hand values (JSON) back to the test; written at once, so they outlive a killed Blender."""
        self.report["notes"].update(values)
        self.save()

    def save(self) -> None:
        """Write the report as it stands."""
        path = Path(self.task["report"])
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(self.report, indent=1), "utf-8")
        fresh.replace(path)

    def shot(self, name: str) -> Steps:
        """Save a picture of the whole screen as ``<name>.png`` in the test's output folder.

        ``<name>.json`` beside it says where the editors and their parts are in it.
        """
        yield from self.redraw()
        self.output.joinpath(f"{name}.json").write_text(json.dumps(self._places()), "utf-8")
        target = self.output / f"{name}.png"
        quick = ["-define", "png:compression-level=1"]
        grab = subprocess.Popen(["import", "-silent", "-window", "root", *quick, str(target)])
        yield from self.until(lambda: grab.poll() is not None, f"the picture {name}")
        assert grab.returncode == 0, f"no picture {name}: import ended with {grab.returncode}"

    def _places(self) -> dict[str, Any]:
        """Editor → part → [left, top, right, bottom] in a picture of the screen; the largest of a kind."""
        height = self.window.height

        def box(part: bpy.types.Area | bpy.types.Region) -> list[int]:
            return [part.x, height - part.y - part.height, part.x + part.width, height - part.y]

        return {
            kind: {region.type: box(region) for region in self.area(kind).regions}
            | {"area": box(self.area(kind))}
            for kind in {area.type for area in self.window.screen.areas}
        }

    # ---------------------------------------------------------------------------------- waiting

    def until(self, condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Steps:
        """Wait until ``condition()`` is true and return its value; fail after ``seconds``, and ``PATIENCE`` at least.

        On a machine where three rings run, a second Blender gets what the others leave.
        """
        seconds = max(seconds, PATIENCE)
        end = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < end, f"waited {seconds:g} s in vain for {what}"
            yield 0.05
        return value

    def redraw(self, turns: int = 3, kind: str = "") -> Steps:
        """Let Blender draw everything anew, or the editors of a kind, but the middle of a 3D View: no widget
        lies there, and Blender itself draws it when what it shows has changed.
        """
        for _ in range(turns):
            for window in bpy.context.window_manager.windows:
                for area in window.screen.areas:
                    if kind not in ("", area.type):
                        continue
                    for region in area.regions:
                        # Drawn by the CPU, it takes as long as four sidebars: half of the ring's time.
                        if (area.type, region.type) != ("VIEW_3D", "WINDOW"):
                            region.tag_redraw()
            yield

    # --------------------------------------------------------------------------- places on screen

    @property
    def window(self) -> bpy.types.Window:
        """The window that events go to: ``window_index`` counts them."""
        return bpy.context.window_manager.windows[self.window_index]

    def area(self, kind: str) -> bpy.types.Area:
        """The largest editor of a type such as ``'SEQUENCE_EDITOR'`` in the window.

        Of the Sequencer's, the one with the timeline.
        """
        found = [area for area in self.window.screen.areas if area.type == kind]
        if kind == "SEQUENCE_EDITOR":
            found = [a for a in found if a.spaces.active.view_type != "PREVIEW"] or found
        assert found, f"there is no {kind} in this window"
        return max(found, key=lambda area: area.width * area.height)

    def region(self, kind: str, part: str = "UI") -> bpy.types.Region:
        """The part of an editor: ``'UI'`` is the sidebar, ``'WINDOW'`` the middle."""
        return next(region for region in self.area(kind).regions if region.type == part)

    def override(self, kind: str, part: str = "UI") -> Any:
        """The context of that part of the screen, for ``with``."""
        area = self.area(kind)
        return bpy.context.temp_override(
            window=self.window, area=area, region=self.region(kind, part)
        )

    def sidebar(self, kind: str, tab: str = "Grok Video") -> Steps:
        """Open an editor's sidebar at a tab."""
        self.area(kind).spaces.active.show_region_ui = True
        yield from self.until(lambda: self.region(kind).width > 40, f"the sidebar of {kind}")

        def chosen() -> bool:
            region = self.region(kind)
            if region.active_panel_category == tab:
                return True
            # Refused until the tabs have been drawn once.
            with contextlib.suppress(AttributeError, TypeError):
                region.active_panel_category = tab
            region.tag_redraw()
            return False

        yield from self.until(chosen, f"the tab {tab}")
        yield from self.redraw()

    def drag_sidebar(self, kind: str, width: int) -> Steps:
        """Make an editor's sidebar ``width`` pixels wide, by its edge, as an artist does."""
        scale = bpy.context.preferences.system.ui_scale
        # Where Blender takes the edge differs with versions and editors.
        for part in (0.0, -6.0, 3.0):
            outside = int(part * scale)
            region = self.region(kind)
            if abs(region.width - width) < 12:
                break
            start, aim = region.x - outside, region.x - outside + region.width - width
            # Beside the first label: where a 3D View shows through below the panels there is no edge.
            y = region.y + region.height - int(45 * scale)
            yield from self.move(start, y)
            yield from self.redraw(1)
            self.event("LEFTMOUSE", "PRESS")
            yield from self.redraw(1)
            # In two steps: Blender draws the whole editor at each.
            for step in (0.5, 1.0):
                yield from self.move(start + (aim - start) * step, y)
            self.event("LEFTMOUSE", "RELEASE")
            yield from self.redraw(2)
        got = self.region(kind).width
        assert abs(got - width) < 12, f"the sidebar of {kind} has {got} pixels, not {width}"

    # --------------------------------------------------------------------------- mouse and keys

    def event(self, kind: str, value: str, *, text: str = "", **modifiers: bool) -> None:
        """One raw event at the mouse's place."""
        x, y = self._mouse
        extra = {"unicode": text} if text else {}
        self.window.event_simulate(type=kind, value=value, x=x, y=y, **extra, **modifiers)

    def move(self, x: float, y: float) -> Steps:
        """Move the mouse; two events, as a real mouse never arrives in one jump."""
        for at in (int(x) - 1, int(x)):
            self._mouse = (at, int(y))
            self.event("MOUSEMOVE", "NOTHING")
        yield

    def press(self, kind: str = "LEFTMOUSE", text: str = "", **modifiers: bool) -> Steps:
        """Press and release a mouse button or a key: ``press('Z', ctrl=True)``."""
        self.event(kind, "PRESS", text=text, **modifiers)
        yield
        self.event(kind, "RELEASE", **modifiers)
        yield

    def type(self, text: str) -> Steps:
        """Type text, a key for each character; a newline is Shift-Return."""
        for number, character in enumerate(text, 1):
            if character == "\n":
                yield from self.press("RET", shift=True)
                continue
            key = character.upper() if re.fullmatch("[A-Za-z]", character) else "SPACE"
            self.event(key, "PRESS", text=character)
            self.event(key, "RELEASE")
            if number % KEYS == 0:
                yield
        yield

    def point(self, kind: str, part: str = "WINDOW") -> Steps:
        """Put the mouse in the middle of a part of an editor."""
        region = self.region(kind, part)
        yield from self.move(region.x + region.width // 2, region.y + region.height // 2)

    # ---------------------------------------------------------------------------------- finding

    def under_mouse(self, kind: str, part: str = "UI") -> Widget | None:
        """The widget under the mouse, by what Blender itself says it is."""
        x, y = self._mouse
        with self.override(kind, part):
            if bpy.ops.ui.copy_python_command_button.poll():
                before = bpy.context.window_manager.clipboard
                bpy.ops.ui.copy_python_command_button()
                call = bpy.context.window_manager.clipboard
                bpy.context.window_manager.clipboard = before
                if named := re.match(r"bpy\.ops\.([\w.]+)\(", call):
                    return Widget(named[1], call, x, y, kind)
            if shown := bpy.context.property:
                path = str(shown[1])
                return Widget(re.split(r"[.\[]", path)[-1].strip("]\"'"), path, x, y, kind)
        return None

    def _grid(self, kind: str, part: str, fine: bool) -> Iterator[tuple[int, int]]:
        region = self.region(kind, part)
        scale = bpy.context.preferences.system.ui_scale
        # A row is 20 pixels high: a quick look meets each once.
        step = max(6, int((8 if fine else 14) * scale))
        right = region.width - int(24 * scale)  # left of the tabs and the scroll bar
        if fine:
            columns = range(right, int(10 * scale), -int(10 * scale))
        else:
            # The last one is for the icons at the end of a row.
            columns = [int(right * part_of) for part_of in (0.6, 0.85, 0.25)]
            columns.append(right - int(32 * scale))
        for column in columns:
            for down in range(step, region.height - 2, step):
                yield region.x + column, region.y + region.height - down

    def scan(
        self,
        kind: str,
        wanted: Callable[[Widget], bool] = lambda widget: False,
        *,
        part: str = "UI",
        fine: bool = False,
    ) -> Steps:
        """Run the mouse over a part of the screen; returns the widgets met, up to the wanted one."""
        met: list[Widget] = []
        for x, y in self._grid(kind, part, fine):
            yield from self.move(x, y)
            widget = self.under_mouse(kind, part)
            if widget is not None:
                if not met or (met[-1].name, met[-1].call) != (widget.name, widget.call):
                    met.append(widget)
                if wanted(widget):
                    return met
        return met

    def find(
        self, name: str, kind: str = "SEQUENCE_EDITOR", *, with_: str = "", part: str = "UI"
    ) -> Steps:
        """Find a widget by its operator or property, scrolling where needed; the mouse rests on it.

        ``with_`` is text that the operator's call must hold, such as ``job="…"``.
        """
        seen: dict[str, Widget] = {}

        def wanted(widget: Widget) -> bool:
            return widget.name == name and with_ in widget.call

        # What the scenario has just changed may move it: Blender would still find it at the old place.
        yield from self.redraw(2, kind)
        # First where it lay before, in this scenario or another; then where it is scrolled to, as
        # buttons that are pressed one after the other lie together.
        if (widget := (yield from self._where_it_was(name, kind, part, wanted))) is not None:
            return widget
        # A look at all that is shown costs more than a look where it was on each page.
        if self.hints.get(self._looks_like(name, kind, part)):
            while (yield from self.scroll(kind, part, up=True)):
                pass
            at_end = False
            while not at_end:
                widget = yield from self._where_it_was(name, kind, part, wanted)
                if widget is not None:
                    return widget
                at_end = not (yield from self.scroll(kind, part))
        met = yield from self.scan(kind, wanted, part=part)
        if met and wanted(met[-1]):
            return self._remember(met[-1], part)
        # Then a quick look down the panel; then every few pixels, for small buttons.
        for fine in (False, True):
            while (yield from self.scroll(kind, part, up=True)):
                pass
            at_end = False
            while not at_end:
                widget = yield from self._where_it_was(name, kind, part, wanted)
                if widget is not None:
                    return widget
                met = yield from self.scan(kind, wanted, part=part, fine=fine)
                if met and wanted(met[-1]):
                    return self._remember(met[-1], part)
                seen |= {widget.call: widget for widget in met}
                at_end = not (yield from self.scroll(kind, part))
        met_all = ", ".join(sorted(seen)) or "nothing"
        raise AssertionError(f"there is no {name} {with_} in {kind}; the mouse met: {met_all}")

    def _remember(self, widget: Widget, part: str) -> Widget:
        region = self.region(widget.area, part)
        across, down = region.view2d.region_to_view(widget.x - region.x, widget.y - region.y)
        self.hints.add(self._looks_like(widget.name, widget.area, part), (across, down))
        return widget

    def _looks_like(self, name: str, kind: str, part: str) -> str:
        """What a place depends on: it is another one in another editor, or at another size."""
        scale = bpy.context.preferences.system.ui_scale
        return f"{name} in {kind} {part} {self.region(kind, part).width} wide at {scale:g}"

    def _where_it_was(
        self, name: str, kind: str, part: str, wanted: Callable[[Widget], bool]
    ) -> Steps:
        """The wanted widget where one of that name lay before, or some rows from there; None where it is not."""
        region = self.region(kind, part)
        places: list[tuple[int, int]] = []
        for across, down in self.hints.get(self._looks_like(name, kind, part)):
            x, y = region.view2d.view_to_region(across, down, clip=False)
            if 0 < x < region.width and 0 < y < region.height:
                places.append((x, y))
                yield from self.move(region.x + x, region.y + y)
                widget = self.under_mouse(kind, part)
                if widget is not None and wanted(widget):
                    return widget
        if not places:
            return None
        # What is said above a button moves it by some rows: a look at those is a tenth of a look at all.
        scale = bpy.context.preferences.system.ui_scale
        near, top, bottom = int(NEAR * scale), places[0][1], places[-1][1]
        for y in range(min(top + near, region.height - 2), max(bottom - near, 2), -int(14 * scale)):
            yield from self.move(region.x + places[0][0], region.y + y)
            widget = self.under_mouse(kind, part)
            if widget is not None and wanted(widget):
                return self._remember(widget, part)
        return None

    def scroll(self, kind: str, part: str = "UI", *, up: bool = False) -> Steps:
        """Scroll a part of the screen by most of its height; false when it was at its end."""
        view = self.region(kind, part).view2d
        before = view.region_to_view(0, 0)
        with self.override(kind, part):
            turn = bpy.ops.view2d.scroll_up if up else bpy.ops.view2d.scroll_down
            if turn.poll():
                turn(page=True)
        yield from self.redraw(2, kind)
        return self.region(kind, part).view2d.region_to_view(0, 0) != before

    # ----------------------------------------------------------------------------------- acting

    def click(
        self, name: str, kind: str = "SEQUENCE_EDITOR", *, with_: str = "", part: str = "UI"
    ) -> Steps:
        """Find a widget and click it, once nothing moves it any more: on a busy machine the panel changes late."""
        widget = yield from self.find(name, kind, with_=with_, part=part)
        for _ in range(5):
            yield from self.redraw(2, kind)
            found = self.under_mouse(kind, part)
            if found is not None and found.name == name and with_ in found.call:
                break
            widget = yield from self.find(name, kind, with_=with_, part=part)
        yield from self.press()
        return widget

    def fill(self, name: str, text: str, kind: str = "SEQUENCE_EDITOR") -> Steps:
        """Click into a text field, replace what is there by typing, and accept with Return."""
        yield from self.click(name, kind)
        yield 0.1
        yield from self.press("A", ctrl=True)
        yield from self.type(text)
        yield from self.press("RET")
        yield from self.point(kind, "WINDOW")


def _scenario(ui: Ui) -> Steps:
    file, _, name = ui.task["scenario"].partition(":")
    sys.path.insert(0, str(Path(file).parent))
    scenario = getattr(importlib.import_module(Path(file).stem), name)
    yield from scenario(ui, **ui.task["arguments"])


def _without_overlays() -> None:
    """Take grid and outlines from the 3D Views of the file: drawn by the CPU, they are half of a view's time."""
    for screen in bpy.data.screens:
        for area in screen.areas:
            for space in area.spaces:
                if space.type == "VIEW_3D":
                    space.overlay.show_overlays = space.show_gizmo = False


def main() -> None:
    """Start the scenario on a timer that outlives File › New."""
    task = json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text("utf-8"))
    ui = Ui(task)
    ui.save()
    if not task["overlays"]:
        _without_overlays()
    steps = _scenario(ui)

    def finish(ended: str) -> None:
        ui.report["ended"] = ended
        ui.save()

    def fail() -> Steps:
        try:
            yield from ui.shot("failed")
        finally:
            finish("failed")

    due = time.monotonic()

    def step() -> float | None:
        nonlocal steps, due
        if (left := due - time.monotonic()) > 0:
            time.sleep(min(left, REST))
            return 0.0
        if not ui.report["begun"]:  # from here on a crash is the scenario's, see harness.py
            ui.report["begun"] = True
            ui.save()
        try:
            pause = next(steps)
            due = time.monotonic() + (TURN if pause is None else pause)
            return 0.0
        except StopIteration:
            if not ui.report["ended"]:
                finish("ok")
        except Exception:
            if "error" in ui.report:
                finish("failed")
            else:
                ui.report["error"] = traceback.format_exc()
                ui.save()
                steps = fail()
                return 0.0
        if not task["stay"]:
            # As an artist quits, but without the question about unsaved changes.
            bpy.context.preferences.view.use_save_prompt = False
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
                bpy.ops.wm.quit_blender()
        return None

    bpy.app.timers.register(step, first_interval=0.5, persistent=True)


if __name__ == "__main__":
    # Blender's own __main__ does not outlive a script: run as a module, which scenarios can import.
    sys.path.insert(0, str(Path(__file__).parent))
    sys.path.append(str(Path(__file__).parents[1]))  # patching.py
    importlib.import_module("driver").main()
