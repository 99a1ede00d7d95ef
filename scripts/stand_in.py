"""Start the stand-in of the video service on this computer: no key, no cost.

Sets up what it needs by itself. Its first line of output is JSON: where it is, and with which key.

    python3 scripts/stand_in.py
    python3 scripts/stand_in.py --shape guide --job-seconds 20
"""

from __future__ import annotations

import os
import sys

import environments


def main() -> int:
    """Become the stand-in, in the Python that has what it needs."""
    environments.require_python()
    try:
        python = str(environments.tool_python("stand-in"))
    except environments.Missing as missing:
        environments.say(str(missing))
        return 1
    # -P: in the folder of this file, Python would else take the file for the package of the same name.
    command = [python, "-P", "-m", "stand_in", *sys.argv[1:]]
    environments.become(command, os.environ | {"PYTHONPATH": str(environments.ROOT / "tests")})


if __name__ == "__main__":
    sys.exit(main())
