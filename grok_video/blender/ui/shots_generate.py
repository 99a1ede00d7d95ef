"""*Generate 12 Shots for $4.21*: the button, the one question with everything that there is to know, *Stop*, *Go On*.

What a press does is ``session.shot_batch``'s.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty

from ...core import spending as money
from ...core.amount import priced, usd
from ...core.job import State
from ...core.problem import ProblemCode
from ...core.record import record
from .. import submission, telling
from ..refusal import Refused
from ..session import blocking, moving, queue, shot_batch, shot_looks, shots, spending, watch
from ..session.shot_told import ShotTotals, Told
from ..session.state import ShotPress, current, job_by_id
from .asking import ALLOW_SINGLE_COLOR, ON_THE_TIMELINE, Asks, Buys, Result, refuse, wait_for_end
from .job_buttons import draw_actions
from .widgets import draw_limit, draw_priced, draw_wrapped, is_narrow

#: Which rows are bought. Blender keeps no reference to the strings of items that are made anew.
_WHICH = (
    ("WANTED", "All", "Every enabled shot that was not bought yet"),
    ("LEFT", "The Rest", "Enabled shots without a job"),
    ("FAILED", "Only the Failed Ones", "Enabled shots that failed, or were stopped unsent"),
)
_ROWS = {"WANTED": shots.wanted, "LEFT": shots.left, "FAILED": shots.failed}
_TITLES = {"WANTED": "Generate", "LEFT": "Go On With", "FAILED": "Generate Again"}
MADE = frozenset({State.IMPORTED})  # a look that has come
_NAMED = 4  # shots that a sentence names
_DIALOG = 440  # pixels, at an interface scale of 1


@record
class Offer:
    """What a press would buy now."""

    agreed: dict[str, int | None]  # mark of each row → its price in ticks; None: not known
    names: dict[str, str]  # … → what the shot is called
    refused: tuple[tuple[str, str], ...]  # shots that are left out, and why
    over: tuple[str, ...]  # shots that the spending limits would hold
    here: tuple[str, ...]  # shots during whose pictures Blender pauses
    in_look: dict[str, str]  # mark of each row that begins in the look → path of that picture
    without: tuple[str, ...] = ()  # shots that were to begin in the look, and have none
    noun: str = "clips"  # what is bought

    @property
    def price(self) -> int | None:
        """Ticks that all cost together; None where the price of one is not known."""
        prices = list(self.agreed.values())
        known = [price for price in prices if price is not None]
        return sum(known) if len(known) == len(prices) else None


def offer_of(context: bpy.types.Context, scene: bpy.types.Scene, which: str) -> Offer:
    """What a press would buy of ``scene``'s list now, its files looked at. Raises Refused where that is nothing."""
    shots.marked(scene)
    rows = _ROWS[which](scene)
    if not rows:
        raise Refused(_nothing(scene, which))
    agreed, names = dict[str, int | None](), dict[str, str]()
    refused, here, without = list[tuple[str, str]](), list[str](), list[str]()
    in_look = shot_looks.in_look(context, scene, rows)
    for row in rows:
        made = submission.shots.draft(context, scene, row)
        price = submission.common.price_of(made)
        why = submission.shots.refusal(context, scene, row, made, look=True)
        if not why and price is None:
            why = spending.limit_refusal(None, made.model)
        if not why and (path := in_look.get(row.mark)):
            why = submission.shot_looks.file_refusal(path)
        if why:
            refused.append((row.name, why))
            continue
        agreed[row.mark], names[row.mark] = price, row.name
        if row.mark in in_look:
            continue
        if row.source != "NONE" and shot_looks.is_wanted_by(scene):
            without.append(row.name)
        if submission.shots.pauses(scene, row):
            here.append(row.name)
    if not agreed:
        raise all_refused(refused)
    over = tuple(names[mark] for mark in over_limits(agreed))
    agreed_in_look = {mark: path for mark, path in in_look.items() if mark in agreed}
    return Offer(agreed, names, tuple(refused), over, tuple(here), agreed_in_look, tuple(without))


def all_refused(refused: Sequence[tuple[str, str]]) -> Refused:
    """Why nothing can be bought where all shots are refused."""
    name, why = refused[0]
    more = f" So are {len(refused) - 1} more." if len(refused) > 1 else ""
    return Refused(f"“{name}” is refused: {why}{more}")


def _nothing(scene: bpy.types.Scene, which: str) -> str:
    if not len(scene.grok_video.shots):
        return "The list has no shots yet. Add some first."
    if which == "FAILED":
        return "No enabled shot has failed."
    if not any(row.enabled for row in scene.grok_video.shots):
        return "No shot of the list is enabled."
    return "Every enabled shot was bought, or waits to be sent."


def over_limits(agreed: dict[str, int | None]) -> list[str]:
    """The marks of the shots that would pass a spending limit, each after those before it."""
    if not spending.limits_count():
        return []
    sums, limits = spending.sums_now(), current().bridge.reader.limits
    spent, over = 0, list[str]()
    for mark, price in agreed.items():
        today, month = sums.account_today + spent, sums.account_month + spent
        if price is not None and money.over(limits, today, month, price, "", spending.ahead()):
            over.append(mark)
        else:
            spent += price or 0
    return over


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are: “A”, “B” and 3 more."""
    shown = [f"“{name}”" for name in names[:_NAMED]]
    if len(names) > _NAMED:
        return f"{', '.join(shown)} and {len(names) - _NAMED} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def lines_of(offer: Offer) -> list[tuple[str, str]]:
    """What the question says: sentences with their icons."""
    count = len(offer.agreed)
    each = "It costs" if count == 1 else f"Together the {count} {offer.noun} cost"
    known = (
        "The price of a shot is not known."
        if offer.price is None
        else f"{each} {usd(offer.price)}."
    )
    lines = [(known, "NONE")]
    if offer.over:
        holds = "is held" if len(offer.over) == 1 else "are held"
        words = f"{listed(offer.over)} would pass a spending limit and {holds} for your Send."
        lines.append((words, "ERROR"))
    if offer.here:
        words = f"{listed(offer.here)}: rendered here first, and Blender pauses meanwhile."
        lines.append((words, "INFO"))
    if offer.in_look:
        begin = "begins" if len(offer.in_look) == 1 else "begin"
        lines.append((f"{count_of(len(offer.in_look))} {begin} in the look.", "INFO"))
    if offer.without:
        begins = (
            "is not in the look yet and begins"
            if len(offer.without) == 1
            else "are not in the look yet and begin"
        )
        lines.append((f"{listed(offer.without)} {begins} with what the source shows.", "INFO"))
    lines += [(f"“{name}” is left out: {why}", "ERROR") for name, why in offer.refused[:_NAMED]]
    if len(offer.refused) > _NAMED:
        lines.append(
            (f"{len(offer.refused) - _NAMED} more are left out: the list says why.", "ERROR")
        )
    return lines


class BuysList(Buys):
    """Operators that buy for many shots of a list, after one question that tells all."""

    confirm: BoolProperty(
        name="Confirm",
        description="Ask a press before anything is bought, whatever the amount. Scripts are not asked",
        default=True,
        options={"SKIP_SAVE"},
    )
    allow_single_color: ALLOW_SINGLE_COLOR

    _offer: Offer | None = None
    _is_fresh = False  # nothing can have changed since the offer was looked up
    _of_looks = False  # pictures in the look are bought, and no clips

    def offer(self, context: bpy.types.Context) -> Offer:
        """What would be bought now. Raises Refused."""
        raise NotImplementedError

    def title(self, shots: str) -> str:
        """The question; ``shots``: how many."""
        raise NotImplementedError

    def price(self, context: bpy.types.Context) -> int | None:
        if self._offer is None or not self._is_fresh:
            self._offer = self.offer(context)
        return self._offer.price

    def question(self, context: bpy.types.Context, price: int | None) -> tuple[str, str] | None:
        assert self._offer is not None
        if not self.confirm and not self._offer.refused and not self._offer.over:
            return super().question(context, price)
        return self._title(), ""

    def _title(self) -> str:
        assert self._offer is not None
        count = len(self._offer.agreed)
        return self.title(count_of(count))

    def ask(
        self,
        context: bpy.types.Context,
        event: bpy.types.Event,
        price: int | None,
        title: str,
        message: str,
        words: str = "",
    ) -> Result:
        try:
            self._told = moving.unseen()
        except Refused as error:
            return refuse(self, error)
        self._asked, self._agreed = True, price
        return context.window_manager.invoke_props_dialog(
            self, width=_DIALOG, title=self._title(), confirm_text=priced("Generate", price)
        )

    def draw(self, context: bpy.types.Context) -> None:
        if self._told:
            draw_wrapped(self.layout, context, self._told, "INFO")
        if self._offer is not None:
            for words, icon in lines_of(self._offer):
                draw_wrapped(self.layout, context, words, icon)

    def execute(self, context: bpy.types.Context) -> Result:
        try:
            if not self._asked:
                self.price(context)
        except Refused as error:
            return refuse(self, error)
        self._is_fresh = True  # what has changed since the question is looked for shot by shot
        return super().execute(context)

    def run(self, context: bpy.types.Context) -> Result:
        assert self._offer is not None
        agreed, scene = self._offer.agreed, context.scene
        rows = [row for row in scene.grok_video.shots if row.mark in agreed]
        ids = shot_batch.begin(
            context,
            scene,
            rows,
            agreed,
            looks=self._of_looks,
            in_look=self._offer.in_look,
            allow_single_color=self.allow_single_color,
        )
        watch.redraw()
        if not bpy.app.background:
            return {"FINISHED"}
        return self._wait(context, ids)

    def _wait(self, context: bpy.types.Context, ids: list[str]) -> Result:
        """Background mode: wait until all shots have ended, then tell all that went wrong in one error."""
        assert self._offer is not None
        names = self._offer.names
        try:
            blocking.wait_for_shots(context)
        except KeyboardInterrupt:
            shot_batch.stop(context.scene)
            raise
        told = [f"“{name}”: {why}" for name, why in self._offer.refused]
        for mark, name in names.items():
            state = self._state_of(context, mark)
            if state.state == "STOPPED":
                told.append(f"“{name}”: {state.words}")
        made = MADE if self._of_looks else ON_THE_TIMELINE
        out_of_reach: float | None = None  # the service, since this monotonic time
        for job_id in ids:
            if job_id not in current().documents:
                continue
            if self.wait:
                began = out_of_reach or time.monotonic()
                told += _trouble_of(self, context, job_id, made, out_of_reach)
                out_of_reach = began if _was_cut_off(job_id) else None
            else:
                blocking.leave(job_id)
        if not told:
            return {"FINISHED"}
        these = "1 shot is" if len(told) == 1 else f"{len(told)} shots are"
        telling.report(self, "ERROR", " ".join((f"{these} {self._failed}.", *told)))
        return {"CANCELLED"}

    @property
    def _failed(self) -> str:
        return "not in the look" if self._of_looks else "not on the timeline"

    def _state_of(self, context: bpy.types.Context, mark: str) -> Told:
        if not self._of_looks:
            return shots.state_of(mark)
        rows = context.scene.grok_video.shots
        row = next((one for one in rows if one.mark == mark), None)
        return shot_looks.state_of(context, context.scene, row) if row is not None else Told()


class GROK_VIDEO_OT_generate_shots(BuysList, bpy.types.Operator):
    bl_idname = "grok_video.generate_shots"
    bl_label = "Generate Shots"
    bl_description = (
        "Buy a clip for each enabled shot of the list that was not bought yet, after one question. You go on working "
        "meanwhile"
    )

    which: EnumProperty(
        name="Which",
        description="Which shots are bought",
        items=_WHICH,
        options={"SKIP_SAVE"},
    )

    def offer(self, context: bpy.types.Context) -> Offer:
        return offer_of(context, context.scene, self.which)

    def title(self, shots: str) -> str:
        return f"{_TITLES[self.which]} {shots}?"


class _Listening:
    """In place of an operator: keeps the errors that would be reported, and lets it report all else."""

    def __init__(self, operator: bpy.types.Operator) -> None:
        self.errors: list[str] = []
        self._operator = operator

    def report(self, kinds: Any, text: str) -> None:
        """Take what an operator would report."""
        if "ERROR" in kinds:
            self.errors.append(text)
        else:
            self._operator.report(kinds, text)


def _trouble_of(
    operator: bpy.types.Operator,
    context: bpy.types.Context,
    job_id: str,
    made: frozenset[State],
    since: float | None,
) -> list[str]:
    """Background mode: wait for a shot's end; why its clip is not on the timeline, with the shot's name.

    ``since``: see ``wait_for_end``.
    """
    listening: Any = _Listening(operator)
    try:
        wait_for_end(listening, context, job_id, made, since=since)
    except Refused as error:  # the job was not taken into the list
        listening.errors.append(str(error))
    job = job_by_id(job_id)
    name = f"“{job.spec.shot_name}”: " if job is not None else ""
    return [f"{name}{why}" for why in listening.errors]


def _was_cut_off(job_id: str) -> bool:
    """Whether a job was stopped because the service was out of reach: for the next ones nobody waits as long again."""
    job = job_by_id(job_id)
    stopped = job is not None and job.state is State.CANCELLED
    return stopped and job.problem is not None and job.problem.code is ProblemCode.NETWORK


class GROK_VIDEO_OT_stop_shots(Asks, bpy.types.Operator):
    bl_idname = "grok_video.stop_shots"
    bl_label = "Stop"
    bl_description = "Stop the shots of this list that were not sent. What was sent comes in"
    bl_options = {"INTERNAL"}

    def run(self, context: bpy.types.Context) -> Result:
        shot_batch.stop(context.scene)
        watch.redraw()
        return {"FINISHED"}


# ---------------------------------------------------------------------------------------------- drawing


def draw_generate_shots(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """Draw the button that buys the list with its price, what is under way, and what can be done about the rest."""
    scene, session = context.scene, current()
    shots.told(context, scene)
    totals = session.shot_list.totals.get(scene.session_uid, ShotTotals())
    row = layout.row(align=True)
    row.scale_y = 1.5
    if session.shot_batch.press is not None:
        part = row.row(align=True)
        part.enabled = False
        part.operator(
            "grok_video.generate_shots",
            text=_words_of(session.shot_batch.press),
            icon="RENDER_STILL",
        )
        row.operator("grok_video.stop_shots", text="", icon="CANCEL")
        return
    ready = totals.wanted - totals.refused
    trouble = queue.click_trouble()
    row.enabled = ready > 0 and trouble is None and not current().click.queue
    verb = "Generate Again" if totals.wanted and totals.failed == totals.wanted else "Generate"
    words = f"{verb}: {count_of(ready)}" if verb != "Generate" else f"Generate {count_of(ready)}"
    if ready:
        draw_priced(row, "grok_video.generate_shots", words, totals.price, "RENDER_ANIMATION")
    else:
        row.operator("grok_video.generate_shots", text="Generate Shots", icon="RENDER_ANIMATION")
    if totals.unsent:
        row.operator("grok_video.stop_shots", text="", icon="CANCEL")
    draw_limit(layout, context, totals.price if ready else 0, ready)
    if 0 < totals.left < totals.wanted:
        _draw_part(layout, "LEFT", f"Go On: {count_of(totals.left)}", totals.left_price)
    if 0 < totals.failed < totals.wanted:
        words = f"Only the Failed: {count_of(totals.failed)}"
        _draw_part(layout, "FAILED", words, totals.failed_price)
    if totals.refused:
        these = "1 shot is" if totals.refused == 1 else f"{totals.refused} shots are"
        draw_wrapped(layout, context, f"{these} left out: the list says why", "INFO")
    if trouble is not None:
        draw_wrapped(layout, context, trouble[0], "ERROR")


def _draw_part(layout: bpy.types.UILayout, which: str, words: str, price: int | None) -> None:
    row = layout.row()
    row.enabled = queue.click_trouble() is None and not current().click.queue
    draw_priced(row, "grok_video.generate_shots", words, price).which = which


def count_of(count: int) -> str:
    """'1 Shot', '12 Shots'."""
    return "1 Shot" if count == 1 else f"{count} Shots"


def _words_of(press: ShotPress) -> str:
    """What a press does just now."""
    if press.to_place:
        return f"Placing Slots, {len(press.items) - len(press.to_place)} of {len(press.items)}"
    making = "Looks" if press.of_looks else "Shots"
    return f"Making {making}, {press.count - len(press.items)} of {press.count}"


def draw_shot_job(
    layout: bpy.types.UILayout, context: bpy.types.Context, row: Any, told: Told
) -> None:
    """Draw what became of a row, and what can be done about its job: *Send*, *Retry*, *Import* and the like."""
    if told.words:
        draw_wrapped(layout, context, told.words, "ERROR" if told.again and told.state else "NONE")
    job = job_by_id(told.job) if told.job else None
    if job is None:
        if told.job and told.job == row.job and not told.again:
            layout.prop(
                row, "job"
            )  # of another computer's list: only the artist knows what became of the shot
        return
    if job.problem is not None and job.problem.message not in told.words:
        draw_wrapped(layout, context, job.problem.message, "INFO")
    draw_actions(layout, job, is_narrow(context), of_slot=True)


register, unregister = bpy.utils.register_classes_factory(
    (GROK_VIDEO_OT_generate_shots, GROK_VIDEO_OT_stop_shots)
)
