"""A stand-in for xAI's video service on loopback: no key, no cost. See ``client.py`` for how to use it."""
