"""Pieces of layout that several parts of the panel draw."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import blf
import bpy

from ...core.amount import priced
from ...core.legible import legible
from ...core.problem import ProblemCode
from ...service import models
from .. import compat
from ..session import queue, spending
from ..session.state import current
from .press import carry_price

if TYPE_CHECKING:
    from ..submission.strip_part import StripPart
    from ..timeline.source_strip import SourceStrip

#: Width in pixels, at an interface scale of 1, of a sidebar that holds two labelled fields in a row.
NARROW = 230
_FEWEST = 12  # characters of a line, however narrow the sidebar


def draw_wrapped(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    text: str,
    icon: Any = "NONE",
    most: int = 20,
) -> None:
    """Draw ``text`` as labels, one a line: in the width of the region, at most ``most`` lines."""
    region = context.region
    scale = context.preferences.system.ui_scale or 1.0  # 0 where there is no window
    width = region.width if region is not None else 400
    # Pixels beside the text: margins of panel and box, the tabs, and the icon.
    beside = 68 if icon == "NONE" else 88
    size = context.preferences.ui_styles[0].widget.points * scale
    column = layout.column(align=True)
    column.scale_y = 0.8
    room = int(width - beside * scale)
    for number, line in enumerate(lines_of(_head(text, room, size, most), room, size, most)):
        if number == 0:
            column.label(text=legible(line), icon=icon, translate=False)
        else:
            beneath = "BLANK1" if icon != "NONE" else "NONE"
            column.label(text=legible(line), icon=beneath, translate=False)


def _most_of_a_line(room: int, size: float) -> int:
    """More characters than fit into ``room`` pixels, of all but the thinnest letters."""
    return max(int(room / (size * 0.4)), _FEWEST)


def _head(text: str, room: int, size: float, most: int) -> str:
    """The part of ``text`` of which ``most`` lines are certainly made: a prompt may be megabytes long."""
    enough = most * (_most_of_a_line(room, size) + 1)
    return text if len(text) <= enough else f"{text[:enough].rstrip()} …"


@functools.lru_cache(maxsize=128)
def lines_of(text: str, room: int, size: float, most: int) -> list[str]:
    """``text`` cut into at most ``most`` lines of ``room`` pixels, in Blender's own font at ``size``."""
    blf.size(0, size)
    characters = _most_of_a_line(room, size)
    while True:
        lines = [
            line
            for paragraph in text.splitlines()
            for line in textwrap.wrap(paragraph, characters, max_lines=most, placeholder=" …")
        ]
        if len(lines) > most:
            lines[most - 1 :] = [f"{lines[most - 1].removesuffix(' …')} …"]
        widest = max((blf.dimensions(0, line)[0] for line in lines), default=0.0)
        if widest <= room or characters <= _FEWEST:
            return lines
        characters -= 1


def draw_section(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    name: str,
    title: str,
    draw: Callable[[bpy.types.UILayout, bpy.types.Context], None],
) -> None:
    """Draw a part of a panel that opens and closes; ``name`` is what Blender remembers that by."""
    header, body = layout.panel(name, default_closed=True)
    header.label(text=title)
    if body is not None:
        draw(body, context)


def draw_quietly(
    layout: bpy.types.UILayout, context: bpy.types.Context, text: str, icon: str = "NONE"
) -> None:
    """Draw a remark: greyed, in the width of the region."""
    words = layout.column()
    words.active = False
    words.use_property_split = False
    draw_wrapped(words, context, text, icon)


def is_narrow(context: bpy.types.Context) -> bool:
    """Whether the sidebar was made so narrow that labels beside fields would be cut."""
    region = context.region
    if region is None or region.type != "UI":
        return False
    return region.width / (context.preferences.system.ui_scale or 1.0) < NARROW


def about_text(seconds: float) -> str:
    """A time that is expected, as coarse as it is known: 'about 20 s', 'about 2 min'."""
    if seconds < 55:
        return f"about {max(round(seconds / 10), 1) * 10} s"
    minutes = max(round(seconds / 60), 1)
    return f"about {minutes} min"


def size_text(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size // 1000, 1)} KB"


_IN_PREFERENCES = {
    ProblemCode.KEY,
    ProblemCode.OTHER_KEY,
    ProblemCode.NETWORK,
    ProblemCode.LIMIT,
}


def draw_help_button(layout: bpy.types.UILayout, code: ProblemCode | None) -> None:
    """Draw the button that leads to where a problem of that kind is mended, where there is such a button."""
    if code is ProblemCode.OFFLINE:
        if not bpy.app.online_access_override:
            layout.operator("extensions.userpref_allow_online", text="Allow Online Access")
    elif code in _IN_PREFERENCES:
        draw_preferences_button(layout)


def draw_preferences_button(layout: bpy.types.UILayout) -> None:
    layout.operator("grok_video.show_preferences", text="Preferences…", icon="PREFERENCES")


def draw_limit(
    layout: bpy.types.UILayout, context: bpy.types.Context, price: int | None, clips: int = 1
) -> None:
    """Draw that clips of that price together (ticks) would be held by the spending limits, where they would."""
    if price is None or not spending.limit_refusal(price, ""):
        return
    words = "It would pass your spending limit and be held, not sent"
    if clips > 1:
        words = "Together they would pass your spending limit. Those beyond it are held, not sent"
    draw_wrapped(layout, context, words, "INFO")


def draw_rework_prompt(
    layout: bpy.types.UILayout, context: bpy.types.Context, name: str, placeholder: str
) -> None:
    chosen = context.scene.grok_video
    column = layout.column(align=True)
    if not compat.textbox(column, chosen, name, lines=2, placeholder=placeholder):
        column.prop(chosen, name, text="", placeholder=placeholder)
        text = getattr(chosen, name)
        if len(text) > 30 or "\n" in text:
            draw_wrapped(column, context, text, most=12)


def draw_part(layout: bpy.types.UILayout, part: StripPart) -> None:
    """Draw which seconds of a strip will be sent, and in which size."""
    column = layout.column(align=True)
    column.label(text=legible(part.source.strip), icon="SEQUENCE", translate=False)
    row = column.row()
    row.active = False
    all_of_it = (part.source.end - part.source.start) / part.source.fps
    if part.whole:
        text = f"{part.seconds:.1f} s"
    elif part.end == part.source.end:
        text = f"Last {part.seconds:.1f} of {all_of_it:.1f} s"
    else:
        text = f"{part.seconds:.1f} of {all_of_it:.1f} s"
    row.label(text=f"{text}, {part.pixels[0]} × {part.pixels[1]}", icon="BLANK1")


def draw_who_can(layout: bpy.types.UILayout, context: bpy.types.Context, what: str) -> bool:
    """Whether the chosen model can do ``what``; where it cannot, draw so and offer the models that can."""
    model = context.scene.grok_video.model_row()
    if what in model.makes:
        return True
    draw_wrapped(layout, context, f"{model.label} cannot {what} clips", "INFO")
    for other in models.models_that(what):
        layout.operator("grok_video.use_model", text=f"Use {other.label}").model = other.id
    return False


def draw_priced(
    layout: bpy.types.UILayout, operator: str, words: str, price: int | None, icon: Any = "NONE"
) -> Any:
    """Draw a button that buys at one click, with its price (ticks; None: not known); gives the operator's properties."""
    row = layout.row(align=True)  # a row for this button alone: its neighbours show other prices
    carry_price(row, price)
    return row.operator(operator, text=priced(words, price), icon=icon)


def draw_button(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    operator: str,
    words: str,
    icon: Any,
    price: int | None,
    trouble: str,
    source: SourceStrip | None,
) -> Any:
    """Draw a button that buys, with its price (ticks; None: not known); below, why it cannot be pressed.

    Gives what the button calls the operator with.
    """
    row = layout.row()
    row.scale_y = 1.2
    ready = not current().click.queue and queue.click_trouble() is None
    if not trouble and price is None:
        trouble = spending.limit_refusal(None, context.scene.grok_video.model_id())
    row.enabled = ready and not trouble
    button = draw_priced(row, operator, words, price, icon)
    if source is not None:
        # The button names its strip, whose price it shows: a clip that comes in becomes the active strip.
        button.scene, button.strip = source.scene, source.strip
    if trouble:
        draw_wrapped(layout, context, trouble, "INFO")
    draw_limit(layout, context, price)
    return button
