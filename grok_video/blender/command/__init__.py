"""The command line: ``blender -b film.blend --online-mode --command grok_video …``, and the same as a function.

What a subcommand needs is imported when it is called: Blender's start does not wait for argparse.
"""
