"""A draft and its final clip in a real window: what is bought by each press, and what the panel says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Gui
    from stand_in.client import StandIn

V15 = "grok-imagine-video-1.5"


@pytest.mark.once
def test_a_draft_of_a_loop_is_finished_with_its_motion(gui: Gui, stand_in: StandIn) -> None:
    notes = gui.run("drafts.py:drafted_and_finished", prompt="It turns", model=V15).notes
    assert notes["shown"]
    assert notes["stays"]
    assert notes["length"] == 48, "2 s of 24 frames: the end of the loop is hidden"
    assert notes["loop"]
    # Two pictures of the loop; the final clip has four frames of the draft besides.
    assert notes["draft"] == notes["cost"] == (2 * 8 + 2) * 10**8
    assert notes["final"] == [(2 * 14 + 6) * 10**8] * 2
    draft, final = (request["body"] for request in stand_in.requests("submit"))
    assert (draft["model"], draft["resolution"]) == (V15, "480p")
    assert (final["model"], final["resolution"]) == (V15, "720p")
    assert draft["image"] == draft["last_frame"]
    assert final["image"] == final["last_frame"] != draft["image"]
    assert len(final["keyframes"]) == 4
