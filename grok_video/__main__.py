"""The worker's entry: ``python -I <this folder> <data folder> <session id> <worker id>``; Blender is its parent.

With ``--move <data folder> <new data folder> <report>`` the process moves the list of clips instead. Runs in the child
process only. The package is loaded by its place, under a fixed name: ``python folder`` runs this file without its
package, and ``-I`` ignores PYTHONPATH.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

_NAME = "grok_video"


def _load() -> None:
    """Make ``grok_video`` importable from this folder, whatever the folder is called."""
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = importlib.util.spec_from_file_location(
        _NAME, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_NAME] = package
    spec.loader.exec_module(package)


def main() -> None:
    """Run the worker; never returns to the interpreter, whose exit would wait for threads."""
    if len(sys.argv) == 5 and sys.argv[1] == "--move":
        _load()
        moving = importlib.import_module(f"{_NAME}.worker.moving")
        os._exit(moving.main(*map(Path, sys.argv[2:])))
    if len(sys.argv) != 4:
        print(
            "usage: python <package folder> <data folder> <session id> <worker id>", file=sys.stderr
        )
        os._exit(2)
    _load()
    process = importlib.import_module(f"{_NAME}.worker.process")
    os._exit(process.main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))


if __name__ == "__main__":
    main()
