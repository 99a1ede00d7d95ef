"""All that an artist sees and presses: each part of the panel in a file, with the operators that belong to it.

A new feature is a file here, a file of the same name in ``submission``, and a line in MODULES.
"""

from __future__ import annotations

from . import (
    cast,
    compare,
    edit,
    extend,
    finish,
    gap,
    generate,
    job_actions,
    list_folder,
    look,
    look_compare,
    look_frames,
    look_presets,
    look_styles,
    menus,
    preferences,
    presets,
    prompts,
    properties,
    references,
    seam,
    shots,
    shots_export,
    shots_file,
    shots_fill,
    shots_generate,
    shots_list,
    shots_look,
    sidebar,
    slot,
    slot_overlay,
    spending,
    support,
    takes,
    unused,
    use_settings,
    wait,
)

#: The files of this folder in the order in which Blender registers their classes: panels after what the panels draw.
MODULES = (
    properties,
    preferences,
    list_folder,
    look_styles,
    prompts,
    presets,
    look_presets,
    generate,
    look_frames,
    look,
    look_compare,
    extend,
    edit,
    gap,
    references,
    cast,
    job_actions,
    compare,
    spending,
    support,
    wait,
    unused,
    use_settings,
    takes,
    finish,
    slot,
    seam,
    shots_list,
    shots_look,
    shots_file,
    shots_export,
    shots_fill,
    shots_generate,
    shots,
    sidebar,
    slot_overlay,
    menus,
)


def register() -> None:
    """Register every class and menu."""
    for module in MODULES:
        module.register()


def unregister() -> None:
    """Unregister every class and menu, the last first."""
    for module in reversed(MODULES):
        module.unregister()
