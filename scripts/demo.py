"""The main job from end to end in Blender's core, against the stand-in service: no key, no cost.

Sets up what it needs by itself. Leaves in ``demo-output/``: the source still, the clip and its JSON in
``grok_video/``, ``demo.blend``, and ``contact-sheet.png`` (source, first, middle and last frame as the
sequencer shows them). ``--live`` runs it against the real service, after saying the price and asking.
Run by a Python that has ``bpy``, it uses that Blender.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import environments

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))


def blender() -> tuple[Path, Path]:
    """The Python of a Blender, this one or that of the newest wheel, and a Blender's extension tool."""
    own = importlib.util.find_spec("bpy")
    if own is None or own.origin is None:
        python = environments.wheel_python(environments.newest_wheel())
        return python, environments.extension_tool()
    return Path(sys.executable), next(Path(own.origin).parent.rglob("bl_pkg/cli/blender_ext.py"))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--live", action="store_true", help="use the real service and your key")
    parser.add_argument("--output", type=Path, default=ROOT / "demo-output")
    parser.add_argument("--prompt", default="The camera drifts slowly around the glowing cube")
    parser.add_argument(
        "--seconds",
        type=int,
        default=2,
        choices=range(1, 16),
        metavar="1-15",
        help="length of the clip",
    )
    parser.add_argument("--resolution", default="480p", choices=("480p", "720p"))
    args = parser.parse_args()

    if args.live and not os.environ.get("XAI_API_KEY"):
        print(
            "--live needs your key in the environment: XAI_API_KEY=… python3 scripts/demo.py --live"
        )
        return 2

    print("Preparing Blender and the extension …", flush=True)
    python, tool = blender()
    from build import build

    archive = build(tool)
    command = [
        str(python),
        str(ROOT / "scripts" / "demo_in_blender.py"),
        str(archive),
        str(args.output.resolve()),
        args.prompt,
        str(args.seconds),
        args.resolution,
    ]
    with tempfile.TemporaryDirectory(prefix="grok-video-demo-") as profile:
        # Profile and ledger of its own: the artist's preferences and job list stay as they are.
        environment = {**os.environ, "GROK_VIDEO_DEMO_PROFILE": profile}
        if args.live:
            return subprocess.run([*command, "--live"], env=environment).returncode
        from stand_in.client import StandIn

        with StandIn.start() as service:
            environment |= {"XAI_API_BASE": service.base, "XAI_API_KEY": service.key}
            return subprocess.run(command, env=environment).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except environments.Missing as missing:
        sys.exit(str(missing))
