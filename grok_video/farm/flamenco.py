"""An exported shot list as a job of Flamenco 3: the job type, and a job of that type as its Manager takes it.

The job type is one JavaScript file beside the Manager, the same for every list. It has neither files nor network: the
names of the shots come as a setting. What a job type may say is Flamenco's
(https://flamenco.blender.org/usage/job-types/); it is compiled in strict mode by an engine without newer syntax.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .shot_folder import LIST, write_note

#: The name of the file makes the name of the type: underscores become hyphens.
FILE = "grok_video_shots.js"
TYPE = "grok-video-shots"
JOB_FILE = "flamenco_job.json"
#: What the Manager calls the systems that jobs come from.
PLATFORMS = {"win32": "windows", "darwin": "darwin"}
#: Evaluated by Flamenco's add-on in Blender: the shots of the list that begin with a picture.
SHOTS = (
    "','.join(s['file'] for s in __import__('json').loads(Path(abspath(settings.folder), "
    f"'{LIST}').read_text('utf-8'))['farm']['shots'] if s['still'])"
)
_JOB_TYPE = r"""// Written by Grok Video for Blender. Put this file into the folder "scripts" beside flamenco-manager.
// Stills: one task a shot, for workers of the type "blender". One task buys: give the type "grok-video" to the one
// worker whose environment has the key. One task places. Run twice, no task renders or buys twice: see docs/farm.md.
const JOB_TYPE = {
    label: "Grok Video Shots",
    description: "Render a still of each shot, buy the clips on one host, place them in the sequencer",
    settings: [
        { key: "folder", type: "string", subtype: "dir_path", required: true,
          label: "Folder", description: "The exported folder, on storage that all workers share" },
        { key: "shots", type: "string", required: false, label: "Shots", eval: @SHOTS@,
          evalInfo: { showLinkButton: true, description: "The shots of the exported list" },
          description: "Names of the shots that begin with a picture, separated by commas" },
        { key: "add_on", type: "string", required: true, default: @ADD_ON@, visible: "submission",
          label: "Add-on", description: "The extension on the workers, as Blender's --addons takes it" },
        { key: "blendfile", type: "string", required: true, visible: "web",
          description: "The file with the shot list" },
    ]
};

function compileJob(job) {
    const settings = job.settings;
    const shots = (settings.shots || "").split(",").map(name => name.trim()).filter(name => name !== "");
    const seen = new Set();
    for (const shot of shots) {
        if (!/^[a-z0-9][a-z0-9_-]{0,63}$/.test(shot)) throw "“" + shot + "” is no name of a shot";
        if (seen.has(shot)) throw "The shot “" + shot + "” is there twice";
        seen.add(shot);
    }
    const stills = [];
    for (const shot of shots) {
        const still = task(settings, "still-" + shot, "blender", ["stills", "--shot", shot]);
        job.addTask(still);
        stills.push(still);
    }
    const buy = task(settings, "buy", "grok-video", ["buy", "--yes"]);
    for (const still of stills) buy.addDependency(still);
    job.addTask(buy);
    const place = task(settings, "place", "blender", ["place"]);
    place.addDependency(buy);
    job.addTask(place);
}

function task(settings, name, type, words) {
    const made = author.Task(name, type);
    made.addCommand(author.Command("blender-render", {
        exe: "{blender}",
        exeArgs: "{blenderArgs}",
        argsBefore: [],
        blendfile: settings.blendfile,
        args: ["--addons", settings.add_on, "--online-mode", "--command", "grok_video", "shots", words[0],
               "--folder", settings.folder].concat(words.slice(1)),
    }));
    return made;
}
"""


def job_type(add_on: str) -> str:
    """The text of the job type; ``add_on``: the module that Blender enables."""
    return _JOB_TYPE.replace("@SHOTS@", json.dumps(SHOTS)).replace("@ADD_ON@", json.dumps(add_on))


def job(
    stills: Sequence[str], add_on: str, name: str, blend: str, folder: str, platform: str
) -> dict[str, Any]:
    """A job of that type as ``POST /api/v3/jobs`` of a Manager takes it; ``platform`` as ``sys.platform`` has it."""
    return {
        "name": name[:255] or "Shots",
        "type": TYPE,
        "priority": 50,
        "submitter_platform": PLATFORMS.get(platform, "linux"),
        "settings": {
            "folder": folder,
            "shots": ",".join(stills),
            "add_on": add_on,
            "blendfile": blend,
        },
        "metadata": {},
    }


def write_job(
    folder: Path, stills: Sequence[str], add_on: str, name: str, blend: str, platform: str
) -> list[Path]:
    """Write the job type and the job into the folder; returns their paths. Raises FolderTrouble."""
    made = job(stills, add_on, name, blend, str(folder), platform)
    texts = {FILE: job_type(add_on), JOB_FILE: json.dumps(made, indent=1) + "\n"}
    for file, text in texts.items():
        write_note(folder / file, text.encode("utf-8", "replace"))
    return [folder / file for file in texts]
