"""The job engine, in pure Python: it never imports bpy, and does HTTP in one module only."""
