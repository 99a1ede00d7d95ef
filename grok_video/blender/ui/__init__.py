"""Everything that is seen and pressed: each part of the panel, with the operators that belong to it.

A new feature is a file here, a file of the same name in ``submission``, and a line in MODULES.
"""

from __future__ import annotations

from . import (
    edit,
    extend,
    generate,
    job_actions,
    preferences,
    properties,
    references,
    sidebar,
    spending,
    support,
)

#: In the order in which they are registered: what the panels draw comes before the panels.
MODULES = (
    properties,
    preferences,
    generate,
    extend,
    edit,
    references,
    job_actions,
    spending,
    support,
    sidebar,
)


def register() -> None:
    """Register every class and menu."""
    for module in MODULES:
        module.register()


def unregister() -> None:
    """Take them back out, the last first."""
    for module in reversed(MODULES):
        module.unregister()
