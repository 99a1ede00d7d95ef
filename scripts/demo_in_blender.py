"""What ``scripts/demo.py`` runs inside the ``bpy`` wheel: a scene, one clip, a contact sheet.

It uses the add-on as any script would: ``bpy.ops.grok_video.generate()`` and ``scene.grok_video``.
"""

from __future__ import annotations

import io
import math
import os
import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROFILE = Path(os.environ["GROK_VIDEO_DEMO_PROFILE"])
# Before bpy is imported, which reads the environment once.
os.environ |= dict.fromkeys(("HOME", "USERPROFILE", "BLENDER_USER_RESOURCES"), str(PROFILE))
# On Windows and elsewhere: else the demo's clips come into the artist's own list.
os.environ |= dict.fromkeys(("LOCALAPPDATA", "XDG_DATA_HOME"), str(PROFILE / "data"))

import bpy  # noqa: E402
import numpy as np  # noqa: E402

FRAME = 10  # where the playhead stands


def install(archive: str) -> None:
    """Install and enable the built extension as an artist would, and allow online access."""
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=archive, enable_on_install=True
    )
    bpy.context.preferences.system.use_online_access = True
    bpy.context.preferences.filepaths.save_version = 0  # no demo.blend1


def build_scene() -> bpy.types.Scene:
    """A glowing cube over a floor, rendered by Cycles: the engine that needs no window."""
    bpy.ops.wm.read_homefile(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 16
    scene.cycles.use_denoising = False
    scene.render.fps = 25  # on purpose not the service's 24
    scene.render.resolution_x, scene.render.resolution_y = 1920, 1080
    scene.world = bpy.data.worlds.new("World")
    scene.world.color = (0.02, 0.03, 0.06)

    def material(name: str, colour: tuple[float, float, float], glow: float) -> bpy.types.Material:
        made = bpy.data.materials.new(name)
        if made.node_tree is None:
            made.use_nodes = True
        shader = made.node_tree.nodes["Principled BSDF"]
        shader.inputs["Base Color"].default_value = (*colour, 1)
        shader.inputs["Emission Color"].default_value = (*colour, 1)
        shader.inputs["Emission Strength"].default_value = glow
        return made

    bpy.ops.mesh.primitive_plane_add(size=40)
    bpy.context.object.data.materials.append(material("Floor", (0.25, 0.28, 0.35), 0))
    bpy.ops.mesh.primitive_cube_add(size=1.6, location=(0, 0, 0.9), rotation=(0, 0, 0.6))
    bpy.context.object.data.materials.append(material("Cube", (1.0, 0.35, 0.08), 1.5))
    bpy.ops.object.light_add(type="AREA", location=(4, -4, 6), rotation=(0.6, 0.3, 0.6))
    bpy.context.object.data.energy = 600
    bpy.context.object.data.size = 4
    bpy.ops.object.camera_add(
        location=(6, -6, 3.6), rotation=(math.radians(68), 0, math.radians(45))
    )
    scene.camera = bpy.context.object
    scene.frame_set(FRAME)
    return scene


def shown_frame(scene: bpy.types.Scene, frame: int, folder: Path) -> np.ndarray:
    """The sequencer's picture at ``frame``: height × width × 3, bytes, top row first."""
    path = folder / f"shown-{frame}.png"
    scene.render.use_sequencer = True
    scene.render.resolution_percentage = 25
    images = scene.render.image_settings
    if hasattr(images, "media_type"):  # Blender 5
        images.media_type = "IMAGE"
    images.file_format = "PNG"
    scene.render.filepath = str(path)
    scene.frame_set(frame)
    bpy.ops.render.render(write_still=True)
    return pixels(path)


def pixels(path: Path) -> np.ndarray:
    """A picture file as height × width × 3 bytes, top row first."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    flat = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(flat)
    bpy.data.images.remove(image)
    picture = flat.reshape(height, width, 4)[::-1, :, :3]
    return (picture * 255 + 0.5).astype(np.uint8)


def contact_sheet(pictures: list[np.ndarray], path: Path, height: int = 270, gap: int = 8) -> None:
    """The pictures side by side at one height (nearest neighbour: it is an overview)."""
    cells = []
    for picture in pictures:
        h, w = picture.shape[:2]
        width = round(w * height / h)
        rows = np.arange(height) * h // height
        columns = np.arange(width) * w // width
        cells.append(picture[rows][:, columns])
    sheet = np.full((height + 2 * gap, sum(c.shape[1] + gap for c in cells) + gap, 3), 40, np.uint8)
    x = gap
    for cell in cells:
        sheet[gap : gap + height, x : x + cell.shape[1]] = cell
        x += cell.shape[1] + gap
    image = bpy.data.images.new("Contact Sheet", sheet.shape[1], sheet.shape[0])
    rgba = np.ones((*sheet.shape[:2], 4), np.float32)
    rgba[..., :3] = sheet[::-1] / 255
    image.pixels.foreach_set(rgba.ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)


def agreed(price: str, seconds: str, resolution: str) -> bool:
    """Whether the person wants to buy the clip from the real service."""
    answer = input(
        f"This buys a clip of {seconds} s at {resolution} for about {price}. Go on? [y/N] "
    )
    return answer.strip().lower() in ("y", "yes")


def pictures_of(scene: bpy.types.Scene, frames: Iterable[int], source: Path, sheet: Path) -> None:
    """Write what the sequencer shows at those frames beside the clip's source into ``sheet``."""
    # A copy of the scene is set up for the pictures: the one in demo.blend stays as it was saved.
    viewer = scene.copy()
    with bpy.context.temp_override(scene=viewer):
        shown = [shown_frame(viewer, frame, PROFILE) for frame in frames]
    contact_sheet([pixels(source), *shown], sheet)


def times(job: Any, started: float, finished: float) -> str:
    """How long each part of a job took, in lines."""
    parts = {
        "source render": job.created_at - started,
        "sending": job.submitted_at - job.created_at,
        "the service": job.done_at - job.submitted_at,
        "download": job.ready_at - job.done_at,
        "import": finished - job.ready_at,
    }
    return "\n".join(f"  {name:15} {seconds:6.1f} s" for name, seconds in parts.items())


def main(arguments: list[str]) -> int:
    archive, output, prompt, seconds, resolution, *live = arguments
    out = Path(output)
    out.mkdir(parents=True, exist_ok=True)
    install(archive)
    scene = build_scene()
    chosen = scene.grok_video
    chosen.prompt, chosen.duration, chosen.resolution = prompt, int(seconds), resolution
    chosen.source = "CAMERA"
    blend = out / "demo.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(blend))

    from bl_ext.user_default.grok_video.blender import compat, config
    from bl_ext.user_default.grok_video.blender.session.state import current
    from bl_ext.user_default.grok_video.blender.submission.generate import generate_draft
    from bl_ext.user_default.grok_video.blender.timeline.strips import strips_of
    from bl_ext.user_default.grok_video.core.amount import usd
    from bl_ext.user_default.grok_video.service.pricing import estimate_of

    price = usd(estimate_of(generate_draft(bpy.context, scene)) or 0)
    if live and not agreed(price, seconds, resolution):
        print("Nothing was sent or charged.")
        return 1

    print("Rendering, sending, waiting, downloading, importing …", flush=True)
    preferences = config.preferences()
    preferences.poll_interval = 0.5 if not live else preferences.poll_interval
    started = time.time()
    try:
        bpy.ops.grok_video.generate()
    except RuntimeError as error:
        print(str(error).strip())
        return 1
    job = current().bridge.snapshot.all[0]
    finished = time.time()
    assert job.clip is not None
    bpy.ops.wm.save_mainfile()

    source = out / "source.png"
    shutil.copyfile(job.spec.image, source)
    strips = strips_of(scene, job.id)
    movie = next(strip for strip in strips if strip.type == "MOVIE")
    start, end = compat.span(movie)
    sheet = out / "contact-sheet.png"
    pictures_of(scene, (start, (start + end) // 2, end - 1), source, sheet)

    clip = job.clip
    print(
        f"""
A {clip.seconds:.1f} s clip of the camera's view now lies at frame {start} of the sequencer in demo.blend
({clip.width} x {clip.height}, {clip.frames} frames at {clip.fps:g} fps, shown in {end - start} frames of a {scene.render.fps} fps scene{", with sound" if clip.has_audio else ""}).
{times(job, started, finished)}
{"It cost" if live else "Nothing was charged; the real service would have cost"} {usd(job.cost if job.cost is not None else job.spec.estimate or 0)}.
Left in {out}:
  {source.name}, {Path(clip.path).relative_to(out)} and its .json, {blend.name}, {sheet.name}"""
    )
    bpy.ops.preferences.addon_disable(module="bl_ext.user_default.grok_video")
    return 0


if __name__ == "__main__":
    # A folder's name may hold what a pipe's encoding lacks (Windows'): the clip is paid by then.
    assert isinstance(sys.stdout, io.TextIOWrapper)
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
