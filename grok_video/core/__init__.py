"""The job engine, in pure Python: it never imports bpy, and never speaks HTTP."""
