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

#: Class of `bpy.types` -> what the extension adds to it, or what the stubs forgot of Blender's own.
ADDED = {
    "Scene": "grok_video: typing.Any",
    "WindowManager": "grok_video: typing.Any",
    # `layout.operator(…).job = …`, `operator.properties.frame`
    "OperatorProperties": (
        "def __getattr__(self, name: str) -> typing.Any: ...\n"
        "    def __setattr__(self, name: str, value: typing.Any) -> None: ..."
    ),
    "bpy_prop_array": (
        "def __iter__(self) -> typing.Iterator[typing.Any]: ...\n"
        "    def __getitem__(self, key: typing.Any) -> typing.Any: ..."
    ),
}
#: What is always there while Blender draws or copies, or in every scene; the newest stubs call it optional.
CERTAIN = {
    r"def layout\(self\) -> None \| UILayout \| None:": "def layout(self) -> UILayout:",
    r"(-> ColorManaged\w+Settings)( \| None)+:": r"\1:",
    r"def copy\(self\) -> None \| typing_extensions\.Self:": "def copy(self) -> typing_extensions.Self:",
}
#: Module -> the same for what lies in it.
APPENDED = {
    "ops": "grok_video: typing.Any",
    "app": "python_args: tuple[str, ...]",
}
#: In the stubs of 4.2: what annotations call by its name of 4.5 and later.
RENAMED = "Strip = Sequence"


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
    for cls, lines in ADDED.items():
        head = rf"^class {cls}[(\[].*:$"
        text, count = re.subn(head, rf"\g<0>\n    {lines}\n", text, flags=re.MULTILINE)
        assert count == 1, f"bpy.types.{cls} is not in {name} as expected"
    for said, meant in CERTAIN.items():
        text = re.sub(said, meant, text)
    if "\nclass Strip(" not in text:
        text += f"\n{RENAMED}\n"
    types.write_text(text, "utf-8")
    for module, line in APPENDED.items():
        with (target / "bpy" / module / "__init__.pyi").open("a", encoding="utf-8") as stub:
            stub.write(f"\nimport typing\n{line}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
