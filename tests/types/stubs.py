"""Makes the stubs that pyright checks Blender's side against: fake-bpy-module and what we register.

The extension gives scenes, the window manager and operators properties of its own, which the stubs of
Blender cannot know. Started by ``scripts/test.py types`` in the environment that holds the stubs:

    python tests/types/stubs.py FOLDER
"""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
from pathlib import Path

#: Class of `bpy.types` -> what the extension adds to it.
ADDED = {
    "Scene": "grok_video: typing.Any",
    "WindowManager": "grok_video: typing.Any",
    # `layout.operator(…).job = …`
    "OperatorProperties": "def __setattr__(self, name: str, value: typing.Any) -> None: ...",
}


def main(target: Path) -> None:
    """Copy the installed stubs of `bpy` into ``target`` and add ours."""
    name = next(
        found.metadata["Name"]
        for found in importlib.metadata.distributions()
        if found.metadata["Name"].startswith("fake-bpy-module")
    )
    shutil.rmtree(target, ignore_errors=True)
    for file in importlib.metadata.files(name) or []:
        if file.suffix == ".pyi":
            # Some releases are stub-only packages (bpy-stubs), some not: pyright's stubPath wants `bpy`.
            place = target / re.sub("^([^/]+)-stubs/", r"\1/", file.as_posix())
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), place)
    types = target / "bpy" / "types" / "__init__.pyi"
    text = types.read_text("utf-8")
    for cls, line in ADDED.items():
        text, count = re.subn(rf"^class {cls}\(.*\):$", rf"\g<0>\n    {line}\n", text, flags=re.M)
        assert count == 1, f"bpy.types.{cls} is not in {name} as expected"
    types.write_text(text, "utf-8")
    operators = target / "bpy" / "ops" / "__init__.pyi"
    operators.write_text(
        operators.read_text("utf-8") + "\nimport typing\ngrok_video: typing.Any\n", "utf-8"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
