"""The references of a clip: pictures of this file that are sent along.

Owns how a picture gets into the list: an image that is there, what a strip shows, a camera's render. Each is an
image datablock, packed into the file, so that what the list shows is what is sent. It knows nothing of jobs.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from ..core.files import make_private
from ..core.spec import new_id
from . import capture, flow, orders, render, shots, still
from .preparing import CameraStep, Interrupted, Preparation


def trouble(scene: bpy.types.Scene) -> str:
    """'' or why the list takes no more pictures."""
    most = scene.grok_video.model_row().max_references
    if len(scene.grok_video.references) < most:
        return ""
    return f"A clip takes {most} references at most. Remove one first."


def add(scene: bpy.types.Scene, image: bpy.types.Image | None) -> None:
    """One more picture in the list; None for one that is yet to be chosen. Raises Refused."""
    if why := trouble(scene):
        raise orders.Refused(why)
    scene.grok_video.references.add().image = image


def from_strip(shot: shots.Shot) -> bpy.types.Image:
    """What a strip shows at the playhead, or at its nearest frame. Raises Refused."""
    strip = orders.strip_of(shot)
    scene: bpy.types.Scene = strip.id_data
    frame = min(max(scene.frame_current, shot.start), shot.last)
    path = _spare_path()
    try:
        capture.strip_still(scene, strip, frame, _whole_frame(scene), path, "PNG")
    except (capture.CaptureRefused, capture.CaptureInterrupted) as error:
        raise orders.Refused(str(error)) from error
    return capture.packed_image(path, f"{shot.strip}, frame {frame}")


def add_from_camera(context: bpy.types.Context, name: str) -> None:
    """Render a camera at the playhead and add the picture. Raises Refused.

    In a window the picture comes when it is rendered, as an undo step of its own.
    """
    if flow.current().pending is not None:
        raise orders.Refused("Something else is being prepared.", "Wait until it is done.")
    scene = context.scene
    camera = scene.objects.get(name)
    if camera is None or camera.type != "CAMERA":
        raise orders.Refused(f"There is no camera “{name}” in this scene.")
    if why := trouble(scene) or render.camera_refusal(scene, camera):
        raise orders.Refused(why)
    owner, frame = scene.name, scene.frame_current

    def take(_no_job: None, made: capture.Still) -> None:
        # Much may have happened since the click.
        scene = bpy.data.scenes.get(owner)
        why = trouble(scene) if scene else f"The scene “{owner}” is gone."
        if scene is None or why:
            still.remove(Path(made.path))
            raise Interrupted(why)
        add(scene, capture.packed_image(Path(made.path), f"{name}, frame {frame}"))
        if not bpy.app.background:
            bpy.ops.ed.undo_push(message="Add Reference from Camera")

    size, path = _whole_frame(scene), _spare_path()
    step = CameraStep(owner, size, path, "PNG", take, None, name, "Rendering Reference…")
    flow.begin(context, Preparation(None, [step]))


def _whole_frame(scene: bpy.types.Scene) -> tuple[int, int]:
    width, height = render.frame_size(scene)
    return round(width), round(height)


def _spare_path() -> Path:
    """A place for a picture until it is packed."""
    data_dir = flow.current().bridge.data_dir
    make_private(data_dir)
    folder = data_dir / "stills"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder / f"{new_id()}-reference.png"
