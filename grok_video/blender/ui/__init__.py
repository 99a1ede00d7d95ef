"""All that an artist sees and presses: each part of the panel in a file, with the operators that belong to it.

A new feature is a file here, a file of the same name in ``submission``, and a line in MODULES.
"""

from __future__ import annotations

from . import (
    edit,
    extend,
    generate,
    job_actions,
    list_folder,
    menus,
    preferences,
    presets,
    prompts,
    properties,
    references,
    sidebar,
    spending,
    support,
    takes,
    use_settings,
)

#: The files of this folder in the order in which Blender registers their classes: panels after what the panels draw.
MODULES = (
    properties,
    preferences,
    list_folder,
    prompts,
    presets,
    generate,
    extend,
    edit,
    references,
    job_actions,
    spending,
    support,
    use_settings,
    takes,
    sidebar,
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
