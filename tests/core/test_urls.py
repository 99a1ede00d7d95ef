"""One rule for an API base; what the panel and the worker make of the same table is in the wheels' test_base.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_video.core.spec import account_of, accounts_of
from grok_video.core.urls import api_base_refusal, is_local, one_base, plain_api_base
from tests.bases import APART, BASES, ONE_SERVICE


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


@pytest.mark.parametrize("spellings", ONE_SERVICE, ids=lambda spellings: spellings[0])
def test_all_spellings_of_a_base_are_one_account(spellings: tuple[str, ...]) -> None:
    assert {one_base(base) for base in spellings} == {spellings[0]}
    assert len({account_of(base, "key") for base in spellings}) == 1
    assert len({is_local(base) for base in spellings}) == 1


def test_bases_that_are_apart_stay_apart() -> None:
    assert len({one_base(base) for base in APART}) == len(APART)
    assert len({account_of(base, key) for base in APART for key in ("a", "b")}) == 2 * len(APART)
    known = [accounts_of(base, key, APART) for base in APART for key in ("a", "b")]
    assert len(frozenset[str]().union(*known)) == sum(map(len, known))


@given(
    st.text(st.sampled_from("@/v1:. x?#\\\\[]h%27eE3\u00df\u3002\uff0e"), max_size=12),
    st.sampled_from(["", "https://", "HTTP://", "https://h", "https://[::1]"]),
)
def test_the_one_spelling_stays_as_it_is(rest: str, scheme: str) -> None:
    one = one_base(scheme + rest)
    assert one_base(one) == one
    assert one_base(plain_api_base(scheme + rest)) == one
