"""The panel and the worker make the same of an API base: what the one lets pass the other does not refuse."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from .conftest import PACKAGE, ROOT, load_by_path

BASES = load_by_path(ROOT / "tests" / "bases.py").BASES
KEY = "xai-TestKeyThatMustNotLeak0123456789abcdef"


@pytest.mark.parametrize("written", BASES)
def test_panel_and_worker_agree_on_a_base(
    blender: ModuleType, module: Callable[[str], Any], patches: Any, written: str
) -> None:
    own = blender.context.preferences.addons[PACKAGE].preferences
    own.api_base, own.api_key = written, KEY
    blender.context.preferences.system.use_online_access = True
    plain, refusal = BASES[written]
    told = module("blender.session.queue").account()
    assert told.base == plain
    trouble = module("blender.session.queue").connection_trouble()
    said = trouble[0] if trouble else ""
    assert bool(said) is bool(refusal)
    assert refusal in said
    for base in (written, told.base):  # a script may speak to a worker without Blender's side
        log: list[str] = []
        worker = SimpleNamespace(
            desk=SimpleNamespace(account=None, log=log.append), _work={}, _memory={}
        )
        line = {"type": "account", "base": base, "key": KEY, "poll_interval": 5.0}
        module("worker.worker").Worker._set_account(worker, line)
        account = worker.desk.account
        assert log == [said] * bool(refusal)
        assert (account.transport is None) is bool(refusal)
        if not refusal:
            assert (account.fingerprint, account.key) == (told.fingerprint, KEY)
            assert account.transport.base == plain
