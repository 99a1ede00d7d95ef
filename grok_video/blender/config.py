"""What the artist has set, read: key, base, folders, prices; the environment wins over the preferences.

Owns no class of Blender's: ``ui.preferences`` and ``ui.properties`` do. Everything below the panel reads settings
here.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import bpy

from .. import __package__ as base_package
from ..core.amount import TICKS_PER_USD
from ..core.files import default_data_dir
from ..core.problem import ProblemCode
from ..core.spec import account_of, accounts_of
from ..core.urls import is_local, plain_api_base
from ..ledger.place import holds_list
from .folders import understood
from .refusal import Refused

PACKAGE = str(base_package)
DEFAULT_API_BASE = "https://api.x.ai"
#: The ratios of the panel that are no names of the service's: the whole frame, and the offered ratio nearest to the
#: source, which 0.1.0 called AUTO.
AUTO, NEAREST = "AUTO", "NEAREST"
MIN_POLL_INTERVAL = 5.0  # seconds: the guide's limit; less only on loopback


class Preferences(Protocol):
    """The add-on's preferences as everything below the panel knows them; ``ui.preferences`` has the class."""

    api_key: str
    api_base: str
    output_dir: str
    poll_interval: float  # seconds
    ledger_dir: str
    unseen_list: str  # the folder of a list that was opened as it is, until its limits were shown
    still_format: str  # 'PNG' or 'JPEG'
    render_source: str  # 'AUTO' 'HERE' 'BACKGROUND'
    crop_to_nearest: bool  # Auto crops, as for a service that does not follow the picture
    place_slot: bool  # a press places a slot at once
    match_seams: bool  # the shift of an extension's colours is measured and taken back
    confirm_above: float  # dollars
    unknown_price: float  # dollars a second
    prompts_of_all_files: bool  # the history of prompts has those of every .blend
    prompts_cleared_at: str  # id of the newest job when the history of all files was cleared


def preferences(context: bpy.types.Context | None = None) -> Preferences:
    """The add-on's preferences (also while registering)."""
    found: Any = (context or bpy.context).preferences.addons[PACKAGE].preferences
    return found


def api_key() -> str:
    """The API key in use: the environment's, else the preferences'; '' when there is none."""
    return os.environ.get("XAI_API_KEY", "").strip() or preferences().api_key.strip()


def api_key_refusal(key: str) -> str:
    """'' or a sentence that says why ``key`` cannot be used."""
    if not key:
        return "There is no API key yet. Enter yours in the preferences."
    if not all("!" <= character <= "~" for character in key):
        return "The API key holds a blank or a letter that no key has. Paste it again in the preferences."
    return ""


def api_base() -> str:
    """The API base that is used, made plain; see ``core.urls``. '' for one that is only what many paste along."""
    base = os.environ.get("XAI_API_BASE", "").strip() or preferences().api_base.strip()
    return plain_api_base(base or DEFAULT_API_BASE)


def account() -> str:
    """The fingerprint of the (API base, key) pair in use; see ``core.spec.account_of``."""
    return account_of(api_base(), api_key())


def accounts(recorded: Iterable[str]) -> frozenset[str]:
    """All fingerprints of the pair in use, among jobs with those API bases; see ``core.spec.accounts_of``."""
    return accounts_of(api_base(), api_key(), recorded)


def poll_interval() -> float:
    """Seconds between two polls of a job: never below 5 unless the service is on this computer."""
    wanted = preferences().poll_interval
    return wanted if is_local(api_base()) else max(wanted, MIN_POLL_INTERVAL)


def ticks(dollars: float) -> int:
    """Ticks of an amount that the artist entered, to a hundredth of a cent: Blender's floats hold no more."""
    return round(dollars * 10_000) * (TICKS_PER_USD // 10_000)


def unknown_second() -> int:
    """Ticks that a second of a typed-in model costs, as the artist says; 0: not said."""
    return ticks(preferences().unknown_price)


def asks_about(price: int | None) -> bool:
    """Whether the artist wants to be asked before ``price`` ticks are spent (None: price not known)."""
    above = ticks(preferences().confirm_above)
    return above > 0 and (price is None or price > above)


def data_dir() -> Path:
    """The data folder: the ledger, the stills, and the clips that cannot lie beside their .blend."""
    chosen = preferences().ledger_dir
    if not chosen.strip():
        return default_data_dir()
    try:
        meant = understood(chosen)
    except Refused:
        meant = None
    return _list_as_typed(chosen, meant) or meant or default_data_dir()


def _list_as_typed(chosen: str, meant: Path | None) -> Path | None:
    """The folder of a list that 0.1.0 has elsewhere than ``meant``: it took what was typed as it stands.

    In a folder called "~", or where Blender was started for one beside a .blend, it has jobs and limits.
    """
    with suppress(OSError):  # where Blender was started is gone, or cannot be read
        as_typed = Path(os.path.abspath(bpy.path.abspath(chosen.strip())))
        if as_typed != meant and holds_list(as_typed):
            return as_typed
    return None


def output_dir() -> Path:
    """Where clips go that cannot lie beside their .blend. Raises Refused for what was typed and is no folder."""
    try:
        return understood(preferences().output_dir) or data_dir() / "clips"
    except Refused as error:
        raise Refused(f"Clip Folder in the preferences: {error}", code=ProblemCode.FILE) from error


def output_refusal() -> str:
    """'' or the sentence with which ``output_dir`` refuses."""
    try:
        output_dir()
    except Refused as error:
        return str(error)
    return ""


def list_refusal() -> str:
    """'' or a sentence why the preferences name no folder for the list of jobs."""
    chosen = preferences().ledger_dir
    try:
        understood(chosen)
    except Refused as error:
        if _list_as_typed(chosen, None) is not None:
            return ""
        return f"Job List Folder in the preferences: {error}"
    return ""
