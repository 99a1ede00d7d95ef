"""Run by Blender: saves a film of three shots, two of a camera and one of text, at the path behind ``--``."""

import sys

import bpy

(path,) = sys.argv[sys.argv.index("--") + 1 :]
bpy.ops.wm.read_homefile(use_empty=True)
scene = bpy.context.scene
scene.render.resolution_x, scene.render.resolution_y = 160, 90
scene.render.engine = "CYCLES"
scene.cycles.samples = 1
scene.cycles.use_denoising = False
bpy.ops.mesh.primitive_cube_add(size=2)
bpy.ops.object.light_add(type="SUN", rotation=(0.0, 1.0, 0.3))
data = bpy.data.cameras.new("Camera")
camera = scene.camera = bpy.data.objects.new("Camera", data)
camera.location, camera.rotation_euler = (6.0, 0.0, 0.0), (1.5708, 0.0, 1.5708)
scene.collection.objects.link(camera)
chosen = scene.grok_video
chosen.duration = 1
chosen.generate_audio = False
for number, (name, source) in enumerate(
    (("S 010", "CAMERA"), ("S 020", "CAMERA"), ("Title", "NONE"))
):
    row = chosen.shots.add()
    row.name, row.source, row.frame = name, source, 1 + 10 * number
    row.prompt = f"{{shot}}: a cube, {{{{ braces }}}} and “quotes”\nand a second line, {number}"
    row.target_frame = 1 + 100 * number
bpy.ops.wm.save_as_mainfile(filepath=path)
