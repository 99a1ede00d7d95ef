"""One rule for an API base; what the panel and the worker make of the same table is in the wheels' test_base.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.urls import api_base_refusal, plain_api_base
from tests.bases import BASES


@pytest.mark.parametrize("written", BASES)
def test_what_is_made_of_a_base(written: str) -> None:
    plain, refusal = BASES[written]
    assert plain_api_base(written) == plain
    said = api_base_refusal(plain)
    assert bool(said) is bool(refusal)
    assert refusal in said
    assert len(said) < 200  # a line of the panel
    assert "word@" not in said


@given(st.text(st.sampled_from("@/v1:. x?#\\[h"), max_size=12), st.sampled_from(["", "https://"]))
def test_a_plain_base_stays_as_it_is(rest: str, scheme: str) -> None:
    """Blender makes a base plain and the worker does so again: the account of a job is a hash of it."""
    plain = plain_api_base(scheme + rest)
    assert plain_api_base(plain) == plain
    if not api_base_refusal(plain):
        assert "@" not in plain.split("/")[2]
