"""Runs 0.1.0, the zip in ``tests/data``, on a data folder: ``python -I old_version.py <unzipped> <data folder>``.

Input: a list of jobs, each a list of [kind, payload, time]; 0.1.0 writes them into its ledger. An account "of <key>" becomes
the fingerprint that 0.1.0 makes of the job's API base and that key. Output: every job of
the ledger as 0.1.0 reads it afterwards. The names in here are those of 0.1.0: nothing is renamed any more.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any


def told(value: Any) -> Any:
    """A job and all that is in it as JSON, whichever version it is of."""
    if dataclasses.is_dataclass(value):
        return {field.name: told(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [told(one) for one in value]
    return value


def main(package: Path, data_dir: Path) -> None:
    """Write what the input says, print what there is."""
    spec = importlib.util.spec_from_file_location(
        "grok_video", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    sys.modules["grok_video"] = importlib.util.module_from_spec(spec)
    job, ledger = (importlib.import_module(f"grok_video.core.{name}") for name in ("job", "ledger"))
    with_all = ledger.Ledger.open(data_dir)
    for events in json.load(sys.stdin):
        spec = events[0][1]["spec"]
        job_id = spec["id"]
        if spec["account"].startswith("of "):
            spec["account"] = job.account_of(spec["api_base"], spec["account"][3:])
        for kind, payload, at in events:
            with_all.append(job_id, None, job.from_payload(kind, payload), at=at)
    with_all.close()
    reader = ledger.LedgerReader(data_dir)
    reader.refresh(10.0)
    assert not reader.trouble, reader.trouble
    json.dump({name: told(one) for name, one in reader.jobs.items()}, sys.stdout)
    reader.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
