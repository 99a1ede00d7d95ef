"""The worker as it is, but with deadlines of seconds: ``python -I hasty.py <data> <session> <worker>``.

A test cannot wait 180 s for an answer that never comes. What happens then is the same.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))  # run by its path, with -I

import patching

ANSWER = 12.0  # seconds; a POST that is answered in time must not miss it on a busy machine
OTHERS = 1.0
LONGEST_CLIP = 1 << 20  # bytes


def main() -> None:
    """Load the package as its own entry does, shorten what is waited for, and go on like it."""
    entry_file = Path(__file__).resolve().parents[2] / "grok_video" / "__main__.py"
    spec = importlib.util.spec_from_file_location("entry", entry_file)
    assert spec is not None
    assert spec.loader is not None
    entry = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entry)
    entry._load()
    transport = importlib.import_module("grok_video.worker.http.transport")
    worker = importlib.import_module("grok_video.worker.worker")
    process = importlib.import_module("grok_video.worker.process")
    patches = patching.Patches()
    for owner, name, value in (
        (transport, "ANSWER_TIMEOUT", ANSWER),
        (worker, "ANSWER_TIMEOUT", ANSWER),
        (transport, "PICTURE_TIMEOUT", ANSWER),
        (worker, "PICTURE_TIMEOUT", ANSWER),
        (transport, "CONNECT_TIMEOUT", OTHERS),
        (transport, "UPLOAD_STALL", OTHERS),
        (transport, "SLOWEST_FOR", OTHERS),
        (transport, "LONGEST_CLIP", LONGEST_CLIP),
    ):
        patches.set(owner, name, value)
    patches.check_copies()
    get = transport.Transport.get
    assert get.__defaults__ == (transport.POLL_TIMEOUT,)
    get.__defaults__ = (OTHERS,)
    os._exit(process.main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))


if __name__ == "__main__":
    main()
