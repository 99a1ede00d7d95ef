"""How far a look has moved away from its render: on block-outs that are repainted, and moved by this test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

Module = Callable[[str], ModuleType]
HEIGHT, WIDTH, FACTOR = 432, 768, 4


def block_out(seed: int) -> Any:
    """Boxes and balls of flat greys before a floor that gets lighter, the bottom row first."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture = np.full((HEIGHT, WIDTH, 3), 0.5) * (0.7 + 0.3 * rows / HEIGHT)[..., None]
    for _ in range(7):
        x, y = random.integers(60, WIDTH - 60), random.integers(40, HEIGHT - 40)
        wide, high = random.integers(30, 160), random.integers(30, 150)
        across, up = (columns - x) / (wide / 2), (rows - y) / (high / 2)
        box = (abs(across) < 1) & (abs(up) < 1)
        inside = box if random.random() < 0.5 else across**2 + up**2 < 1
        picture[inside] = random.uniform(0.1, 0.9)
    return picture


def repainted(picture: Any, seed: int) -> Any:
    """The picture in other colours and another contrast, lit from elsewhere, with strokes and grain."""
    random = np.random.default_rng(seed)
    mixed = random.uniform(-0.3, 1.0, (3, 3))
    mixed /= abs(mixed.sum(1))[:, None]
    painted = np.clip(picture @ mixed.T, 0, 1) ** random.uniform(0.6, 1.6)
    strokes = random.normal(0, 1, (HEIGHT // 6, WIDTH // 6, 3)).repeat(6, 0).repeat(6, 1)
    painted = painted + 0.06 * strokes + 0.03 * random.normal(0, 1, painted.shape)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    lamp = (rows / HEIGHT - random.random()) ** 2 + (columns / WIDTH - random.random()) ** 2
    return np.clip(painted * (0.6 + 0.6 * np.exp(-3 * lamp))[..., None], 0, 1)


def moved(picture: Any, right: float = 0.0, up: float = 0.0, scale: float = 1.0) -> Any:
    """The picture with what it shows elsewhere; shifts are parts of the width."""
    rows = (np.arange(HEIGHT) - up * WIDTH - HEIGHT / 2) / scale + HEIGHT / 2
    columns = (np.arange(WIDTH) - right * WIDTH - WIDTH / 2) / scale + WIDTH / 2
    rows = np.clip(np.rint(rows), 0, HEIGHT - 1).astype(int)
    return picture[rows][:, np.clip(np.rint(columns), 0, WIDTH - 1).astype(int)]


def small(picture: Any) -> Any:
    shape = (HEIGHT // FACTOR, FACTOR, WIDTH // FACTOR, FACTOR, 3)
    return picture.reshape(shape).mean((1, 3))


@pytest.fixture
def words(module: Module) -> Callable[..., list[str]]:
    """A function: how to change a block-out -> what is said of four looks of four such renders."""
    compared = module("blender.sources.likeness").compared

    def said(change: Callable[[Any], Any], look_of: int = 0) -> list[str]:
        return [
            compared(
                small(block_out(seed)), small(repainted(change(block_out(seed + look_of)), seed))
            ).words
            for seed in range(4)
        ]

    return said


@pytest.mark.parametrize("right", [0.0, 0.005])
def test_a_look_that_keeps_its_place_is_not_told_of(words: Any, right: float) -> None:
    assert words(lambda picture: moved(picture, right)) == [""] * 4


@pytest.mark.parametrize(
    ("right", "up", "told"),
    [
        (0.02, 0.0, "has moved 2 % right"),
        (0.05, 0.0, "has moved 5 % right"),
        (-0.03, 0.0, "has moved 3 % left"),
        (0.0, 0.05, "has moved 5 % up"),
        (0.0, -0.05, "has moved 5 % down"),
        (0.1, 0.03, "has moved 10 % right and 3 % up"),
    ],
)
def test_a_shift_is_told_with_its_side(words: Any, right: float, up: float, told: str) -> None:
    said = words(lambda picture: moved(picture, right, up))
    assert said == [f"Against the render, the look {told}"] * 4


@pytest.mark.parametrize(
    ("scale", "told", "apart"), [(1.1, "larger", 2), (0.9, "smaller", 2), (0.95, "smaller", 2)]
)
def test_a_scale_is_told_to_two_percent(words: Any, scale: float, told: str, apart: int) -> None:
    for said in words(lambda picture: moved(picture, scale=scale)):
        assert told in said
        percent = int(said.partition("shows things ")[2].partition(" %")[0])
        assert abs(percent - round(abs(scale - 1) * 100)) <= apart


def test_a_mirrored_look_is_told(words: Any) -> None:
    assert (
        words(lambda picture: picture[:, ::-1]) == ["Against the render, the look is mirrored"] * 4
    )


def test_another_picture_is_told(words: Any) -> None:
    told = [said.startswith("Shows something else") for said in words(lambda p: p, look_of=50)]
    assert sum(told) >= 3


def test_what_has_no_edges_is_not_told_of(module: Module) -> None:
    compared = module("blender.sources.likeness").compared
    flat = np.full((108, 192, 3), 0.4)
    assert compared(flat, flat).words == ""
    assert compared(flat, small(block_out(1))).words == ""
    for shape in ((4, 4, 3), (1, 1, 3), (300, 2, 3)):
        assert compared(np.zeros(shape), np.zeros(shape)).words == ""


def test_a_window_compares_in_small_steps(module: Module) -> None:
    likeness = module("blender.sources.likeness")
    render, look = small(block_out(1)), small(repainted(block_out(1), 1))
    took, found = list[float](), list[Any]()

    def steps() -> Iterator[None]:
        found.append((yield from likeness.comparing(render, look)))

    began = time.process_time()
    for _ in steps():
        took.append(time.process_time() - began)
        began = time.process_time()
    assert found == [likeness.compared(render, look)]
    assert len(took) > 20
    assert max(took) < sum(took) / 4
