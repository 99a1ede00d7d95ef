"""An exported shot list as a job bundle of Open Job Description: template, parameter values, asset references.

Stills are one task a shot, on as many hosts as there are; one task buys; one places. The facts of the format are those
of jobtemplate-2023-09 (https://github.com/OpenJobDescription/openjd-specifications) as openjd-model 0.13 checks them.
No prompt, no key and no name of an artist goes into the template: ``{{`` is syntax there, and engines show all of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .shot_folder import write_note

#: Values that a task parameter may have: a longer list becomes several steps.
MOST_TASKS = 1024
#: Characters of a template that engines take.
MOST_TEMPLATE = 1_000_000
_NAME = 64  # characters of a job's name; the specification has 128
#: Seconds between the word to stop and the end: a task that buys then says what was sent.
_NOTICE = 60
_FILES = ("template.json", "parameter_values.json", "asset_references.json")


def template(stills: Sequence[str], add_on: str) -> dict[str, Any]:
    """The job template; ``stills``: the shots that begin with a picture, ``add_on``: the module that Blender enables."""
    chunks = [stills[at : at + MOST_TASKS] for at in range(0, len(stills), MOST_TASKS)]
    steps: list[dict[str, Any]] = []
    for number, chunk in enumerate(chunks, 1):
        steps.append(
            {
                "name": f"Stills {number}" if len(chunks) > 1 else "Stills",
                "parameterSpace": {
                    "taskParameterDefinitions": [
                        {"name": "Shot", "type": "STRING", "range": list(chunk)}
                    ]
                },
                "script": _script("stills", "--shot", "{{Task.Param.Shot}}"),
            }
        )
    after: dict[str, Any] = {"dependencies": [{"dependsOn": step["name"]} for step in steps]}
    buy = {"name": "Buy", **(after if steps else {}), "script": _script("buy", "--yes")}
    place = {
        "name": "Place",
        "dependencies": [{"dependsOn": "Buy"}],
        "script": _script("place"),
    }
    return {
        "specificationVersion": "jobtemplate-2023-09",
        "name": "{{Param.JobName}}",
        "description": "Stills of a shot list on many hosts, one task that buys the clips, one that places them.",
        "parameterDefinitions": _parameters(add_on),
        "steps": [*steps, buy, place],
    }


def _parameters(add_on: str) -> list[dict[str, Any]]:
    return [
        {"name": "JobName", "type": "STRING", "default": "Shots", "minLength": 1},
        {
            "name": "BlendFile",
            "type": "PATH",
            "objectType": "FILE",
            "dataFlow": "IN",
            "description": "The file with the shot list",
        },
        {
            "name": "Folder",
            "type": "PATH",
            "objectType": "DIRECTORY",
            # Copied to each host and back, the claims in it would hold nobody off: only a folder that is shared will do.
            "dataFlow": "NONE",
            "description": "The exported folder, on storage that all hosts share",
        },
        {
            "name": "Blender",
            "type": "STRING",
            "default": "blender",
            "description": "Blender on the hosts: a command, or a path",
        },
        {
            "name": "AddOn",
            "type": "STRING",
            "default": add_on,
            "description": "The extension on the hosts, as Blender's --addons takes it",
        },
    ]


def _script(*words: str) -> dict[str, Any]:
    subcommand, *more = words
    args = [
        "-b",
        "{{Param.BlendFile}}",
        "--addons",
        "{{Param.AddOn}}",
        "--online-mode",
        "--command",
        "grok_video",
    ]
    args += ["shots", subcommand, "--folder", "{{Param.Folder}}", *more]
    cancel = {"mode": "NOTIFY_THEN_TERMINATE", "notifyPeriodInSeconds": _NOTICE}
    return {
        "actions": {"onRun": {"command": "{{Param.Blender}}", "args": args, "cancelation": cancel}}
    }


def values(name: str, blend: str, folder: str, blender: str = "") -> dict[str, Any]:
    """The parameter values; ``blender``: '' for the command that the hosts know."""
    shown = "".join(c for c in name if c.isprintable())[:_NAME].strip() or "Shots"
    given = {"JobName": shown, "BlendFile": blend, "Folder": folder}
    if blender:
        given["Blender"] = blender
    return {"parameterValues": [{"name": name, "value": value} for name, value in given.items()]}


def references(inputs: Sequence[str]) -> dict[str, Any]:
    """The asset references: the .blend and what it reads. Never the folder itself: see ``Folder`` of the template."""
    return {
        "assetReferences": {
            "inputs": {"filenames": sorted(set(inputs)), "directories": []},
            "outputs": {"directories": []},
            "referencedPaths": [],
        }
    }


def write_bundle(
    folder: Path, stills: Sequence[str], add_on: str, name: str, blend: str, inputs: Sequence[str]
) -> list[Path]:
    """Write the three files of the bundle; returns their paths. Raises FolderTrouble."""
    made = (
        template(stills, add_on),
        values(name, blend, str(folder)),
        references([blend, *inputs]),
    )
    paths = [folder / file for file in _FILES]
    for path, content in zip(paths, made, strict=True):
        write_note(path, (json.dumps(content, indent=1) + "\n").encode())
    return paths
