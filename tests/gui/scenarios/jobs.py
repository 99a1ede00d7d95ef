"""Whole jobs, from the prompt that is typed to the clip on the timeline."""

from __future__ import annotations

from typing import Any

import bpy
from driver import Steps, Ui

JOB = "grok_video_job"  # the custom property that says which job a strip came from


def quick(scene: bpy.types.Scene, *, seconds: int) -> None:
    """A scene that renders at once: one sample of a red world with something in it, seen from its camera."""
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 1
    scene.cycles.use_denoising = False  # Debian's 4.3 has no denoiser
    scene.view_settings.view_transform = "Standard"
    if scene.camera is None:
        scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
        scene.collection.objects.link(scene.camera)
    world = bpy.data.worlds.new("Red")
    world.color = (0.8, 0.02, 0.02)
    if world.node_tree is not None:  # from 5.0 on every world has nodes
        world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.8, 0.02, 0.02, 1)
    scene.world = world
    if not any(thing.type == "MESH" for thing in scene.objects):
        in_view(scene)
    scene.grok_video.duration = seconds


def in_view(scene: bpy.types.Scene) -> None:
    """Put a dark card before the camera: a picture of one colour would wait for *Send*."""
    mesh = bpy.data.meshes.new("Card")
    mesh.from_pydata([(-1, -0.5, 0), (1, -0.5, 0), (1, 0.5, 0), (-1, 0.5, 0)], [], [(0, 1, 2, 3)])
    dark = bpy.data.materials.new("Dark")
    if dark.node_tree is None:  # from 5.0 on every material has nodes
        dark.use_nodes = True
    shader = dark.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (0.01, 0.01, 0.01, 1)
    mesh.materials.append(dark)
    card = bpy.data.objects.new("Card", mesh)
    card.parent, card.location.z = scene.camera, -8.0  # wherever the camera is and goes
    scene.collection.objects.link(card)


def timeline() -> bpy.types.Scene:
    """The scene that the Sequencer shows: Blender 5 has one of its own for it."""
    return getattr(bpy.context, "sequencer_scene", None) or bpy.context.scene


def strips() -> list[Any]:
    """The strips of clips on the timeline, in the order of their channels; no slots, whose clips have not come."""
    editor = timeline().sequence_editor
    if editor is None:
        return []
    every = editor.strips if hasattr(editor, "strips") else editor.sequences
    clips = (strip for strip in every if JOB in strip and not is_still(strip))
    return sorted(clips, key=lambda strip: strip.channel)


def is_still(strip: Any) -> bool:
    """Whether a movie or sound strip plays the still movie of a slot."""
    owner = strip.sound if strip.type == "SOUND" else strip
    return owner.filepath.endswith(".slot.mov")


def apart(ui: Ui) -> Steps:
    """Wait until the next click is no part of a double click, however slow Blender is just now."""
    click = ui.module("blender.session.click")
    state = ui.module("blender.session.state")
    yield click.DOUBLE_CLICK_SECONDS
    watch = state.current().watch
    yield from ui.until(
        lambda: not watch.running or click.turned_since() >= click.DOUBLE_CLICK_SECONDS,
        "the ticks",
        60,
    )


def described(strip: Any) -> dict[str, Any]:
    """A strip as the test reads it."""
    if hasattr(strip, "left_handle"):
        span = [strip.left_handle, strip.right_handle]
    else:
        span = [strip.frame_final_start, strip.frame_final_end]
    path = strip.sound.filepath if strip.type == "SOUND" else strip.filepath
    return {
        "type": strip.type,
        "name": strip.name,
        "channel": strip.channel,
        "span": span,
        "job": strip[JOB],
        "file": bpy.path.abspath(path),
    }


def let_scripts_buy() -> None:
    """Turn on the preference without which a script buys nothing in a window."""
    addon = bpy.context.preferences.addons["bl_ext.user_default.grok_video"]
    addon.preferences.scripts_may_buy = True


def without_slots() -> None:
    """Turn off slots: what an undo takes back is then what the artist did before the press."""
    bpy.context.preferences.addons["bl_ext.user_default.grok_video"].preferences.place_slot = False


def whole_job(ui: Ui, kind: str, prompt: str, frame: int, seconds: int) -> Steps:
    """Type a prompt, press Generate, wait for the clip, look at it."""
    quick(bpy.context.scene, seconds=seconds)
    timeline().frame_set(frame)
    yield from ui.sidebar(kind)
    yield from ui.fill("prompt", prompt, kind)
    ui.note(prompt=bpy.context.scene.grok_video.prompt)
    yield from ui.shot(f"{kind.lower()}-idle")
    yield from ui.click("grok_video.generate", kind)
    yield from ui.point(kind)
    yield from ui.until(newest, "the job in the list")
    yield from ui.shot(f"{kind.lower()}-running")
    yield from ui.until(strips, "the clip on the timeline", 120)
    ui.note(
        strips=[described(strip) for strip in strips()],
        fps=timeline().render.fps / timeline().render.fps_base,
        scenes=[scene.name for scene in bpy.data.scenes],
    )
    yield 0.5
    yield from ui.shot(f"{kind.lower()}-imported")
    # The import is one undo step of its own: Ctrl-Z takes the clip away and nothing else.
    yield from ui.point(kind)
    yield from ui.press("Z", ctrl=True)
    yield from ui.until(lambda: not strips(), "the undo")
    ui.note(
        undone_prompt=bpy.context.scene.grok_video.prompt,
        undone_scenes=[scene.name for scene in bpy.data.scenes],
    )
    yield from ui.press("Z", ctrl=True, shift=True)
    yield from ui.until(strips, "the redo")


def newest() -> Any:
    """The newest job as the panel shows it, or None."""
    every = Ui.module("blender.session.state").current().bridge.snapshot.all
    return every[0] if every else None


def start_and_leave(ui: Ui, prompt: str, seconds: int) -> Steps:
    """Press Generate and leave once the service has the job; the test ends Blender as it likes."""
    quick(bpy.context.scene, seconds=seconds)
    yield from ui.sidebar("SEQUENCE_EDITOR")
    yield from ui.fill("prompt", prompt)
    yield from ui.click("grok_video.generate")
    yield from ui.until(lambda: newest() and newest().request_id, "the service's answer", 60)
    ui.note(job=newest().id)


def find_it_again(ui: Ui, job: str) -> Steps:
    """In a new Blender: the job goes on by itself, and its clip is one click away."""
    yield from ui.sidebar("SEQUENCE_EDITOR")
    yield from ui.until(lambda: newest() and newest().state == "READY", "the clip", 60)
    assert newest().id == job
    assert not strips(), "a clip of an unsaved file that is gone must not come by itself"
    yield from ui.shot("found-again")
    yield from ui.click("grok_video.import_result", with_=job)
    yield from ui.until(strips, "the clip on the timeline")
    ui.note(strips=[described(strip) for strip in strips()])
