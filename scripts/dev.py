"""Run this checkout in a Blender, against the stand-in of the service: no key, no cost.

The extension there is a link to ``grok_video/``: edit, press F8 in Blender (or F3, *Reload Grok Video*), see it,
without a restart. Preferences, clips and the list of jobs lie in ``dev-home/``, none of yours is touched.

    python3 scripts/dev.py                       a Blender with a window: yours of BLENDER=, else one is fetched
    python3 scripts/dev.py --window 4.3          the other one that is fetched
    python3 scripts/dev.py --background          Blender's core and a Python prompt: bpy, reload()
    python3 scripts/dev.py --debug               waits for nobody, but a debugger may attach (.vscode/launch.json)
    python3 scripts/dev.py --editor              no Blender: what an editor needs to know the types of bpy
    python3 scripts/dev.py -- shot.blend         with arguments for Blender
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import environments
from build import link
from environments import ROOT, Missing, environment, require_python

START_UP = ROOT / "scripts" / "dev_in_blender.py"
DEBUGPY = "debugpy==1.8.22"
HOME = ROOT / "dev-home"
EXTENSION = HOME / "extensions" / "user_default" / "grok_video"


def personal(label: str) -> dict[str, str]:
    """The environment in which a Blender, the extension and its worker keep everything in ``dev-home/``.

    Blender's preferences are one set for each ``label``: an older one cannot read those of a newer.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BLENDER_")}
    screen_key = Path(os.environ.get("XAUTHORITY") or Path.home() / ".Xauthority")
    if screen_key.is_file():  # for a Blender whose home is another, and may see no other folder
        kept["XAUTHORITY"] = shutil.copyfile(screen_key, HOME / ".Xauthority")
    return kept | {
        "HOME": str(HOME),
        "USERPROFILE": str(HOME),
        "LOCALAPPDATA": str(HOME / "local"),
        "XDG_DATA_HOME": str(HOME / "data"),
        "BLENDER_USER_RESOURCES": str(HOME / label),
        "BLENDER_USER_EXTENSIONS": str(EXTENSION.parent.parent),
    }


def in_a_window(version: str, extra: list[str]) -> tuple[str, list[str]]:
    """The name and the command of a Blender in its window. Raises Missing."""
    import blenders

    window = blenders.named() or blenders.window(version)
    if sys.platform == "linux" and not {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        raise Missing("There is no screen (DISPLAY): try `python3 scripts/dev.py --background`.")
    if window.root:  # a fetched system has no driver of this machine's card
        extra = ["env", "LIBGL_ALWAYS_SOFTWARE=1", window.blender, *extra]
    else:
        extra = [window.blender, *extra]
    return window.version, window.command([*extra, "--python", str(START_UP)], [ROOT])


def in_the_background() -> tuple[str, list[str]]:
    """The name and the command of Blender's core with a Python prompt. Raises Missing."""
    version = environments.newest_wheel()
    return f"{version} core", [str(environments.wheel_python(version)), "-i", str(START_UP)]


def for_an_editor() -> Path:
    """Lay out what ``pyrightconfig.json`` names: stubs of bpy, and an environment as ``.venv``; returns its Python."""
    python = environments.tool_python("types-newest")
    stubs = str(ROOT / "test-output" / "stubs-newest")
    subprocess.run([str(python), str(ROOT / "tests" / "types" / "stubs.py"), stubs], check=True)
    venv = ROOT / ".venv"
    if venv.is_symlink():
        venv.unlink()
    with contextlib.suppress(OSError):  # no links on this system, or a folder of the person's
        venv.symlink_to(python.parent.parent, target_is_directory=True)
    return python


def main() -> int:
    """Lay the extension out, start the stand-in and a Blender, and wait for its end."""
    require_python()
    own, extra = sys.argv[1:], []
    if "--" in own:
        cut = own.index("--")
        own, extra = own[:cut], own[cut + 1 :]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--window", default="5.2", choices=("5.2", "4.3"), help="default: 5.2")
    parser.add_argument("--background", action="store_true", help="no window")
    parser.add_argument("--debug", action="store_true", help="listen for a debugger")
    parser.add_argument("--editor", action="store_true", help="only make the stubs for an editor")
    args = parser.parse_args(own)
    if args.editor:
        print(f"Choose this Python in your editor, where it does not find .venv: {for_an_editor()}")
        return 0
    label, command = in_the_background() if args.background else in_a_window(args.window, extra)
    link(EXTENSION)
    settings = personal(label) | {"GROK_VIDEO_DEV": str(EXTENSION)}
    if args.debug:
        settings["GROK_VIDEO_DEBUGPY"] = str(environment("debugpy", DEBUGPY).parent.parent)
    sys.path.insert(0, str(ROOT / "tests"))
    from stand_in.client import StandIn

    with StandIn.start() as service:
        settings |= {"XAI_API_BASE": service.base, "XAI_API_KEY": service.key}
        return subprocess.run(command, env=settings).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Missing as missing:
        sys.exit(str(missing))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
