"""The camera's still rendered by a second Blender, while the artist works on.

Owns the scene as it was at the click, in a file, the order of a still of it, and the still's check; the second Blender's
life is in ``child.py``, what happens there in ``bake_child.py``. The scene itself is written, not a copy of it: drivers
and simulations hang on the scene that they name. What becomes of the scene after the click changes no still, undo does
not end the render, another file that is opened does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from ...core.files import BLENDERS_PATIENCE, replace_patiently
from ...core.record import record
from ...core.spec import Source
from .. import compat, said
from ..refusal import Interrupted, Refused
from ..scenes import camera_of, camera_refusal, frame_size
from . import pixels
from .artist import artists_settings, runs_scripts
from .bake_common import STILL, path_of
from .camera import frame_settings
from .child import NOTHING_LOST, Child
from .edit_copy import copies_of, unsaved_images, write_library
from .pixels import Still
from .private_folder import PrivateFolder
from .scene_copy import plain_output

#: A child that gives no sign of life for so long hangs. Long: EEVEE compiles the shaders of a heavy scene for minutes,
#: once, and says nothing meanwhile; and the artist's Blender, and on a busy machine others, come first.
SILENT_SECONDS = 2700.0
#: What helps where a second Blender cannot render: the last words of the sentence.
HERE = "Choose Here as Render Source in the preferences"
ANOTHER_FILE = "another file was opened"


class Written:
    """Scenes in one file, as they are now, for all stills of one click: second Blenders open it one after the other."""

    def __init__(self, scenes: Sequence[bpy.types.Scene], parent: Path) -> None:
        """Write ``scenes`` into a folder in ``parent``. Raises Interrupted, and leaves nothing.

        Holds Blender up as a save of the file does.
        """
        #: Ids of the scenes of the file that is open: undo leaves them alone, and another file has others.
        self._open = frozenset(_scenes())
        try:
            self._folder = PrivateFolder(parent)
        except OSError as error:
            raise Interrupted(
                sentence("source", f"“{parent}” cannot be written ({error.strerror})")
            ) from error
        file = self._folder.path / "scene.blend"
        try:
            with unsaved_images(scenes) as images:
                write_library({*scenes, *images.values()}, file)
                #: The file's part of each order.
                self.order: dict[str, Any] = {
                    "blend": str(file),
                    "images": copies_of(images),
                    "trusted": runs_scripts(),
                    "artist": artists_settings(scenes),
                }
            file.stat()
        except (OSError, *said.BLENDERS_ERRORS) as error:
            self.discard()
            why = error.strerror if isinstance(error, OSError) else said.sentence(error)
            raise Interrupted(sentence("source", why or "Blender gave no reason")) from error
        except BaseException:
            self.discard()
            raise

    def is_of_open_file(self) -> bool:
        """Whether the file that is open is the one that the scenes were written from."""
        return not self._open.isdisjoint(_scenes())

    def keep(self) -> None:
        """Let no sweep take the file for one that a crash left behind."""
        self._folder.keep()

    def discard(self) -> None:
        """Remove the file: no still is to be made of it any more."""
        self._folder.remove()


@record
class Ordered:
    """The order of one still, noted at the click: a second Blender needs nothing else, whatever the scene becomes."""

    written: Written
    noun: str  # what the still is called in sentences: 'source', 'end frame'
    size: tuple[int, int]  # pixels
    path: Path
    file_format: str  # 'PNG' or 'JPEG'
    rendered: tuple[int, int]  # pixels that the render gives
    source: Source
    order: dict[str, Any]


def ordered(
    written: Written,
    scene: bpy.types.Scene,
    size: tuple[int, int],
    path: Path,
    file_format: str,
    frame: int | None = None,
    camera: bpy.types.Object | None = None,
    noun: str = "source",
) -> Ordered:
    """The order of a still of ``scene``'s camera into ``path``, ``size`` pixels exactly; ``written`` holds that scene.

    ``frame`` and ``camera`` are the scene's own where None; ``scenes.camera_refusal`` has nothing against them.
    """
    at = scene.frame_float if frame is None else float(frame)
    taken = camera or camera_of(scene, frame)
    assert taken is not None
    fit = taken.data.sensor_fit if isinstance(taken.data, bpy.types.Camera) else "AUTO"
    rendered, framing = frame_settings(
        frame_size(scene),
        size,
        fit,
        region=compat.renders_regions(scene.render.engine, compat.composites(scene)),
    )
    order = {
        "what": "still",
        "passes": 1,
        "scene": _name_of(scene),
        "camera": _name_of(camera) if camera is not None else None,
        "frame": scene.frame_current if frame is None else frame,
        "subframe": scene.frame_subframe if frame is None else 0.0,
        "settings": plain_output(scene.render) | framing,
        "format": file_format if rendered == size else "PNG",
        "quality": pixels.JPEG_QUALITY,
    }
    source = Source("CAMERA", scene=scene.name, frame=at, camera=taken.name)
    return Ordered(written, noun, size, path, file_format, rendered, source, order)


class BackgroundRender(Child[Still]):
    """One render of a scene's camera by a second Blender; the same interface as ``camera.CameraRender``."""

    def __init__(self, ordered: Ordered, *, alone: bool = False) -> None:
        """Start the child. ``alone``: the written scene goes with this still's end. Raises Interrupted."""
        super().__init__(ordered.path, ordered.noun, 1)
        self._ordered = ordered
        self._alone = alone
        ordered.written.keep()
        self._begin(lambda _file: ordered.written.order, dict(ordered.order))

    @staticmethod
    def start(
        context: bpy.types.Context,
        scene: bpy.types.Scene,
        size: tuple[int, int],
        path: Path,
        file_format: str,
        frame: int | None = None,
        camera: bpy.types.Object | None = None,
    ) -> BackgroundRender:
        """Write the scene, and begin to render its camera into ``path``, ``size`` pixels exactly.

        ``frame`` and ``camera`` are the scene's own where None. Raises Refused, Interrupted.
        """
        if why := camera_refusal(scene, camera):
            raise Refused(why)
        written = Written([scene], path.parent)
        try:
            return BackgroundRender(
                ordered(written, scene, size, path, file_format, frame, camera), alone=True
            )
        except BaseException:
            written.discard()
            raise

    @property
    def silent_seconds(self) -> float:
        return SILENT_SECONDS

    def poll(self) -> Still | None:
        """The still, or None while it is being rendered. Raises Interrupted.

        Whatever the end, the child is gone afterwards, and nothing but the still is left.
        """
        under_way = self._made is None and not self._failed
        if under_way and not self._ordered.written.is_of_open_file():
            self._fail(ANOTHER_FILE)
        return super().poll()

    def _collect(self) -> Still:
        made = self._folder / STILL
        if why := fault_in(made, self._ordered):
            self._fail(why)
        still = collected(made, self._ordered)
        self.progress = (1, 1)
        return still

    # ------------------------------------------------------------------------------------------- the end

    def _sentence(self, why: str) -> str:
        return sentence(self._noun, why)

    def _ended(self, code: int) -> str:
        return f"{super()._ended(code).rstrip('.')}. {HERE}"

    def _finish(self) -> None:
        super()._finish()
        if self._alone:
            self._ordered.written.discard()


def fault_in(made: Path, wanted: Ordered) -> str:
    """'' or why a second Blender's picture is not what was ordered, as a part of a sentence. Raises OSError."""
    made.stat()
    found = pixels.measured(made)
    return "" if found is not None and found[1:] == wanted.rendered else "its picture is not whole"


def collected(made: Path, wanted: Ordered) -> Still:
    """Move a second Blender's picture where it was ordered. Raises OSError."""
    if wanted.rendered == wanted.size:
        replace_patiently(made, wanted.path, BLENDERS_PATIENCE)
    else:
        fitted = pixels.fit(pixels.read(made), 1.0, wanted.size)
        pixels.write(fitted, wanted.path, wanted.file_format)
    return pixels.finished(wanted.path, wanted.file_format, *wanted.size, wanted.source)


def sentence(noun: str, why: str) -> str:
    """What an artist is told of a still that there is not; ``why`` is a part of a sentence."""
    return f"The {noun} could not be rendered in the background: {why.rstrip('.')}. {NOTHING_LOST}"


def _scenes() -> list[int]:
    return [scene.session_uid for scene in bpy.data.scenes]


def _name_of(block: bpy.types.ID) -> list[str]:
    """What a datablock is found by in the written file: its name, and its library's path, '' where it is local."""
    return [block.name, path_of(block.library)]
