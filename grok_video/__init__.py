"""Grok Video for Blender: the frame you see becomes a clip on your timeline.

Blender calls ``register()`` and ``unregister()``. Nothing of ``bpy`` is imported before, so that
``import grok_video.core`` works anywhere: in the worker process, in tests, on a render farm.
"""


def register() -> None:
    """Add the operators, panels, properties and handlers to Blender."""
    from . import blender

    blender.register()


def unregister() -> None:
    """Take everything out of Blender; jobs at the service go on and are found again later."""
    from . import blender

    blender.unregister()
