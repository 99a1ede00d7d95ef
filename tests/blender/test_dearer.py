"""A price that rose between the click and the send, as the artist meets it: held, with both prices, until *Send* says today's."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import bpy
import pytest

from .test_flow import newest, posts, refused
from .test_looks import look_scene

__all__ = ["look_scene"]  # fixtures
Module = Callable[[str], ModuleType]


@pytest.fixture
def held(look_scene: Any, stand_in: Any, module: Module, patches: Any) -> Any:
    """A look that was asked for at the table's price, after *Refresh Models* had brought a dearer one: it is held."""
    usd, price_of = module("core.amount").usd, module("blender.submission.common").price_of
    stand_in.settings(image_price=2.0)
    bpy.ops.grok_video.refresh_models()
    # As a Blender that has not read yet what another one was told.
    patches.set(
        module("blender.submission.look"), "price_of", lambda spec, *_: price_of(spec), copies_ok=True
    )  # fmt: skip
    before = posts(stand_in)
    with pytest.raises(RuntimeError, match=r"costs \$.* and not the \$.* Nothing was sent") as said:
        bpy.ops.grok_video.look()
    job = newest(module)
    assert job.held
    assert posts(stand_in) == before
    assert usd(job.spec.estimate) in str(said.value)
    assert usd(job.instead.estimate) in str(said.value)
    return job


def asked_about(module: Module, job: Any) -> tuple[str, str]:
    """The question of *Send*, at the price on its button."""
    price = module("blender.session.click").price_again(job)
    asked = SimpleNamespace(job=job.id)
    return bpy.types.GROK_VIDEO_OT_release.question(asked, bpy.context, price)


def test_send_buys_at_the_price_on_its_button(held: Any, stand_in: Any, module: Module) -> None:
    usd = module("core.amount").usd
    assert module("blender.session.click").price_again(held) == held.instead.estimate
    title, words = asked_about(module, held)
    assert title == "Send at Today's Price?"
    assert f"costs {usd(held.instead.estimate)}, and not {usd(held.spec.estimate)}" in words
    before = posts(stand_in)
    assert bpy.ops.grok_video.release(job=held.id) == {"FINISHED"}
    job = newest(module)
    assert (job.state, job.spec.estimate) == ("IMPORTED", held.instead.estimate)
    assert posts(stand_in) == before + 1


def test_a_price_that_rose_while_the_job_was_held(held: Any, stand_in: Any, module: Module) -> None:
    """A script has read one price and is refused at another; the artist is asked with both."""
    usd, price_again = module("core.amount").usd, module("blender.session.click").price_again
    stand_in.settings(image_price=3.0)
    bpy.ops.grok_video.refresh_models()
    now = price_again(held)
    assert now > held.instead.estimate
    before = posts(stand_in)
    refused(lambda: bpy.ops.grok_video.release(job=held.id), "price of this clip has changed")
    assert posts(stand_in) == before
    _, words = asked_about(module, held)
    assert f"costs {usd(now)}, and not {usd(held.spec.estimate)}" in words


def test_a_look_that_is_sent_again_costs_what_it_costs_today(
    look_scene: Any, stand_in: Any, module: Module
) -> None:
    """Also where the list came before this Blender started: it lies in the ledger."""
    assert bpy.ops.grok_video.look() == {"FINISHED"}
    first = newest(module)
    stand_in.settings(image_price=2.0)
    bpy.ops.grok_video.refresh_models()
    module("blender.session.state").current().questions.models.asked = ""
    price = module("blender.session.click").price_again(first)
    assert price > first.spec.estimate
    assert bpy.ops.grok_video.send_again(job=first.id, confirm=True) == {"FINISHED"}
    assert newest(module).spec.estimate == price
