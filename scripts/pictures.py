"""Make the README's pictures anew: the panel in its states, in real windows of both Blenders.

The gui ring's ``test_pictures.py`` takes the pictures (they stay in ``tests/gui/output/``); this cuts out
what matters and puts it together in ``docs/``.

    python3 scripts/pictures.py             take them in both windows, then compose
    python3 scripts/pictures.py --compose   only compose what was taken before
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from environments import ROOT, Missing, require_python, say, tool_python

if TYPE_CHECKING:
    from PIL.Image import Image

TAKEN = ROOT / "tests" / "gui" / "output"
DOCS = ROOT / "docs"
#: Newest first: the upper row of a picture.
WINDOWS = ("5.2", "4.3")
STATES = ("idle", "running", "imported", "failed")
#: Pixels between pictures and around them, and their colour.
GAP, GROUND = 8, (29, 29, 29)
#: Height of a sidebar in a 3D View, in pixels at an interface scale of 1: below, there is nothing of ours.
SIDEBAR_HEIGHT = 820
#: Height of that sidebar with the parts Extend and Edit open.
REWORK_HEIGHT = 780
#: Height of the preferences: below, 4.3's window covers another window.
PREFERENCES_HEIGHT = 680
#: Pictures of the edit while clips are made, and what each is put together from, from top to bottom.
EDITS = {
    "slots": ("slot-waiting", "slot-arrived"),
    "takes": ("takes-three", "compare-held"),
    "gap": ("gap-panel", "gap-filled"),
    "shots": ("shots-priced", "shots-bought"),
}
#: Pictures of the sidebar in a 3D View, and what each is put together from, from left to right.
SIDEBARS = {"looks": ("look-written", "look-made", "look-in-use"), "cast": ("cast",)}
#: Colours of a picture: with Blender's interface one does not see that they are few.
COLOURS = 192


def cut(window: str, name: str, editor: str, part: str, most: int = 10_000) -> Image:
    """An editor or a part of it out of a taken picture, from its top, at most that many pixels high."""
    from PIL import Image

    path = TAKEN / window / f"{name}.png"
    if not path.exists():
        raise Missing(f"{path} was not taken: run this without --compose.")
    left, top, right, bottom = json.loads(path.with_suffix(".json").read_text("utf-8"))[editor][
        part
    ]
    with Image.open(path) as picture:
        return picture.convert("RGB").crop((left, top, right, min(bottom, top + most)))


def montage(rows: Sequence[Sequence[Image]]) -> Image:
    """Pictures in rows, aligned at their tops and left sides."""
    from PIL import Image

    width = max(sum(one.width + GAP for one in row) for row in rows) + GAP
    height = sum(max(one.height for one in row) + GAP for row in rows) + GAP
    sheet = Image.new("RGB", (width, height), GROUND)
    y = GAP
    for row in rows:
        x = GAP
        for one in row:
            sheet.paste(one, (x, y))
            x += one.width + GAP
        y += max(one.height for one in row) + GAP
    return sheet


def save(picture: Image, name: str) -> None:
    """Write a picture into ``docs/``."""
    path = DOCS / f"{name}.png"
    picture.quantize(COLOURS, dither=0).save(path, optimize=True)
    say(f"docs/{path.name}  {picture.width} × {picture.height}  {path.stat().st_size:,} bytes")


def compose() -> None:
    """Every picture of the README, from what the tests have taken."""
    newest = WINDOWS[0]
    save(cut(newest, "timeline-1x", "SEQUENCE_EDITOR", "area"), "panel")
    for scale in (1, 1.5):
        for tag in ("", "-narrow"):
            rows = [
                [
                    cut(window, f"panel-{state}-{scale}x{tag}", "VIEW_3D", "UI",
                        int(SIDEBAR_HEIGHT * scale))
                    for state in STATES
                ]
                for window in WINDOWS
            ]  # fmt: skip
            name = f"states{'' if scale == 1 else '-large'}{tag}"
            save(montage(rows), name)
    open_parts = [
        cut(window, "rework-state-strip-1x", "VIEW_3D", "UI", REWORK_HEIGHT) for window in WINDOWS
    ]
    save(montage([open_parts]), "extend")
    for name, shots in EDITS.items():
        save(montage([[cut(newest, shot, "SEQUENCE_EDITOR", "area")] for shot in shots]), name)
    for name, shots in SIDEBARS.items():
        save(montage([[cut(newest, shot, "VIEW_3D", "UI") for shot in shots]]), name)
    back = ("variants-button", "prompt-history", "settings-back")
    save(montage([[cut(newest, name, "SEQUENCE_EDITOR", "UI") for name in back]]), "settings")
    save(
        montage(
            [
                [cut(window, "preferences-1x", "PREFERENCES", "area", PREFERENCES_HEIGHT)]
                for window in WINDOWS
            ]
        ),
        "preferences",
    )


def take() -> bool:
    """Run the tests that take the pictures, in both windows; False when one failed."""
    rings = [f"gui-{window}" for window in WINDOWS]
    command = [sys.executable, str(ROOT / "scripts" / "test.py"), *rings, "--jobs", "1"]
    files = (
        "pictures",
        "rework",
        "settings",
        "slots",
        "takes",
        "looking",
        "gaps",
        "look_to_seam",
        "cast",
        "shots",
    )
    wanted = "pictures or every_state or becomes or chosen or compare or by_the_mouse or look or cast or six_clips"
    tests = [*(f"tests/gui/test_{name}.py" for name in files), "-k", wanted]
    # The preferences show folders: not the deep ones of a test.
    with tempfile.TemporaryDirectory(prefix="artist-") as folder:
        command += ["--", f"--basetemp={folder}/blender", *tests]
        return subprocess.run(command, cwd=ROOT).returncode == 0


def main() -> int:
    """Take and compose, or compose alone; returns the exit code."""
    require_python()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--compose", action="store_true", help="from the pictures taken before")
    args = parser.parse_args()
    if not args.compose and not take():
        say("The pictures in docs/ are as they were.")
        return 1
    if importlib.util.find_spec("PIL") is None:  # only the environment of the tests has PIL
        return subprocess.run([str(tool_python("host")), __file__, "--compose"]).returncode
    compose()
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except Missing as missing:
        raise SystemExit(str(missing)) from None
    except KeyboardInterrupt:
        raise SystemExit("\nInterrupted.") from None
