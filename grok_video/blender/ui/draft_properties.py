"""The switches *Loop* and *Draft* of ``scene.grok_video``, and *Keep the Motion* of a draft that is finished."""

from __future__ import annotations

from bpy.props import BoolProperty

from ..session import questions
from .settings_version import touched


class DraftSettings:
    """A part of the settings of a scene: see ``properties.GrokVideoSettings``."""

    loop: BoolProperty(
        name="Loop",
        description="Let the clip end on its first frame, so that its strip can be repeated without a seam. "
        "The frame is sent once more, at the price of a picture",
        update=touched,
    )
    draft: BoolProperty(
        name="Draft",
        description="Make the clip with the cheapest model and size that this request allows. Finish, on its strip, "
        "makes the same clip with the model and size that are chosen here",
        update=touched,
    )
    keep_motion: BoolProperty(
        name="Keep the Motion",
        description="Finish: let the clip pass through frames of the draft and end on its last one. "
        "Only models with keyframes; such a clip ends at 720p",
        update=touched,
    )

    def models_of_key(self) -> list[str]:
        """The names of the models that the key may use, as the service last said; [] before it was asked."""
        return questions.models_of_key()
