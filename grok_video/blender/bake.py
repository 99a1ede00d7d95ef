class BakeRefused(Exception): ...


class BakeFailed(Exception): ...


class Bake: ...


class Playblast: ...


def size_of(scene, pixels):
    return (1280, 720)


def isolate(copy, name): ...
