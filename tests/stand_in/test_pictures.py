"""The pictures of the stand-in are made of the one that was sent, and it can be told of which (docs/api.md)."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from stand_in import frame_code, pictures, shapes
from stand_in.calls import data_uri, edit, fetched, imagine
from stand_in.client import StandIn

Pixels = npt.NDArray[np.uint8]


def scene(width: int, height: int, colour: tuple[int, int, int] = (255, 120, 120)) -> Image.Image:
    """A block off the middle on a grey ramp, nowhere symmetric."""
    ramp = np.linspace(20, 120, width).astype(np.uint8)
    image = Image.fromarray(np.broadcast_to(ramp[None, :, None], (height, width, 3)).copy())
    image.paste(colour, (width // 8, height // 4, width // 3, height // 2))
    return image


def png(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.save(held, "PNG")
    return held.getvalue()


def opened(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return image


def pixels(image: Image.Image) -> Pixels:
    return np.asarray(image.convert("RGB"))


def look(service: StandIn, image: Image.Image, **fields: Any) -> Image.Image:
    (item,) = edit(service, **{"image": {"url": data_uri(image)}} | fields).json["data"]
    return opened(fetched(service, item["url"]))


# What it was made of


def test_the_mark_names_what_was_sent_and_what_was_said(service: StandIn) -> None:
    sent, other = scene(1920, 1080), scene(1920, 1080, (120, 255, 120))
    mark = frame_code.decode_mark(pixels(look(service, sent, prompt="as gouache")))
    assert mark == frame_code.mark_of(png(sent), "as gouache")
    assert mark == frame_code.mark_of(service.jobs()[0]["image"], "as gouache")
    assert mark != frame_code.mark_of(png(sent), "as clay")
    assert mark != frame_code.mark_of(png(other), "as gouache")


def test_the_mark_names_further_pictures_in_their_order(service: StandIn) -> None:
    sent = [scene(640, 360, (200, n, n)) for n in (10, 20, 30)]
    images = [{"url": data_uri(one)} for one in sent]
    data = edit(service, images=images, prompt="x", n=2).json["data"]
    marks = [frame_code.decode_mark(pixels(opened(fetched(service, one["url"])))) for one in data]
    first, *rest = (png(one) for one in sent)
    assert marks == [frame_code.mark_of(first, "x", rest, number) for number in (0, 1)]
    assert marks[0] != frame_code.mark_of(first, "x", rest[::-1])
    assert marks[0] != frame_code.mark_of(first, "x")
    assert service.jobs()[0]["others"] == [
        service.requests("image-submit")[0]["body"]["images"][n]["url"]["sha256"] for n in (1, 2)
    ]


def test_a_picture_of_words_alone_names_them(service: StandIn) -> None:
    (item,) = imagine(service, prompt="a boat", aspect_ratio="16:9").json["data"]
    image = opened(fetched(service, item["url"]))
    assert image.size == (1408, 768)
    assert frame_code.decode_mark(pixels(image)) == frame_code.mark_of(prompt="a boat")


@pytest.mark.parametrize(
    "size", [(1920, 1080), (1080, 1920), (1200, 900), (900, 900), (2390, 1000)]
)
@pytest.mark.parametrize("height", [480, 720])
def test_the_mark_outlives_a_crop_to_the_ratio_of_a_clip(
    service: StandIn, size: tuple[int, int], height: int
) -> None:
    sent = scene(*size)
    whole = look(service, sent)
    shown = round(height * size[0] / size[1]), height
    cropped = ImageOps.fit(whole, shown, Image.Resampling.BICUBIC)
    rect = frame_code.cover_rect(*shown, *whole.size)
    made_of = frame_code.mark_of(png(sent), "as gouache")
    assert frame_code.decode_mark(pixels(cropped), rect) == made_of
    upside = np.asarray(cropped).astype(np.float32)[::-1] / 255
    assert frame_code.decode_mark(upside, rect, bottom_up=True) == made_of


def test_what_shows_no_mark_is_said_to(service: StandIn) -> None:
    service.settings(picture_marked=False)
    plain = pixels(look(service, scene(640, 360)))
    with pytest.raises(frame_code.Unreadable):
        frame_code.decode_mark(plain)
    service.settings(picture_marked=True)
    marked = pixels(look(service, scene(640, 360))).copy()
    step = marked.shape[1] * frame_code.MARK_WIDTH / frame_code.MARK_CELLS
    first = marked.shape[1] * frame_code.MARK_LEFT
    cells = slice(round(first + 2 * step), round(first + 4 * step))
    marked[-40:, cells] = marked[-40:, cells][:, ::-1]
    with pytest.raises(frame_code.Unreadable, match="check"):
        frame_code.decode_mark(marked)


# Colours and edges


def test_a_picture_is_its_source_in_other_colours(service: StandIn) -> None:
    sent = scene(1408, 768)
    gouache = pixels(look(service, sent, prompt="gouache")).astype(int)
    clay = pixels(look(service, sent, prompt="clay")).astype(int)
    assert np.abs(gouache - clay).max() > 5
    block, floor = gouache[300, 300], gouache[300, 1000]
    # The channels of a grey differ by the prompt's colour alone, those of the red block also by its blue.
    more = (block - block[0]) - (floor - floor[0])
    assert abs(more[1]) < 10
    assert more[2] > 50


def edges(image: Pixels) -> npt.NDArray[np.float64]:
    grey = image[: int(image.shape[0] * 0.9)].astype(float).mean(axis=2)
    return np.hypot(np.diff(grey, axis=0)[:, :-1], np.diff(grey, axis=1)[:-1])


def middle_of_edges(image: Pixels) -> tuple[float, float]:
    """Where the block's edges are, in parts of the width and the height."""
    found = np.argwhere(edges(image) > 20)
    down, across = (found.min(axis=0) + found.max(axis=0)) / 2
    return across / image.shape[1], down / image.shape[0]


def test_edges_are_where_they_were_unless_they_are_moved(service: StandIn) -> None:
    sent = scene(1408, 768)
    x, y = middle_of_edges(pixels(sent))

    def middle(geometry: str) -> tuple[float, float]:
        service.settings(geometry=geometry)
        return middle_of_edges(pixels(look(service, sent)))

    assert middle("") == pytest.approx((x, y), abs=0.005)
    assert middle("shift=0.1,0.05") == pytest.approx((x + 0.1, y + 0.05), abs=0.005)
    assert middle("mirror") == pytest.approx((1 - x, y), abs=0.005)
    larger = 0.5 + (x - 0.5) * 1.2, 0.5 + (y - 0.5) * 1.2
    assert middle("scale=1.2") == pytest.approx(larger, abs=0.005)
    with pytest.raises(ValueError, match="none of"):
        service.settings(geometry="rotate=3")
    with pytest.raises(ValueError, match="takes 2"):
        service.settings(geometry="shift=3")


def test_another_ratio_is_cut_or_stretched(service: StandIn) -> None:
    sent = scene(1920, 1080)
    x, y = middle_of_edges(pixels(sent))
    stretch = (1408 / 768) / (1920 / 1080)  # wider: cut at the top and the bottom
    cut = middle_of_edges(pixels(look(service, sent)))
    assert cut == pytest.approx((x, 0.5 + (y - 0.5) * stretch), abs=0.005)
    service.settings(stretches=True)
    assert middle_of_edges(pixels(look(service, sent))) == pytest.approx((x, y), abs=0.005)


# Sizes and files


@pytest.mark.parametrize(
    ("sent", "size"),
    [
        ((1920, 1080), (1408, 768)),
        ((848, 480), (1408, 768)),
        ((1408, 768), (1408, 768)),
        ((1280, 896), (1280, 896)),
        ((1080, 1920), (768, 1408)),
        ((1024, 768), (1280, 896)),
        ((500, 500), (1024, 1024)),
        ((1500, 1000), (1296, 864)),
        ((2000, 1000), (1408, 704)),
    ],
)
def test_sizes_of_one_megapixel(
    service: StandIn, sent: tuple[int, int], size: tuple[int, int]
) -> None:
    image = look(service, scene(*sent))
    assert image.size == size
    assert list(image.size) == service.jobs()[0]["pictures"][0]["pixels"]


@pytest.mark.parametrize("ratio", [0.1, 0.42, 0.75, 1.0, 1.37, 1.85, 2.39, 9.0])
@pytest.mark.parametrize(("resolution", "pixels"), [("1k", 1), ("1.5k", 2.25), ("2k", 4)])
def test_every_size_is_of_its_resolution(ratio: float, resolution: str, pixels: float) -> None:
    width, height = pictures.size_of(resolution, ratio)
    assert width % 16 == height % 16 == 0
    assert width * height / 2**20 == pytest.approx(pixels, rel=0.3)
    assert width / height == pytest.approx(min(max(ratio, 1 / 4), 4), rel=0.08)


def test_the_first_picture_or_the_asked_ratio_decides(service: StandIn) -> None:
    tall, wide = scene(360, 640), scene(640, 360)
    images = [{"url": data_uri(tall)}, {"url": data_uri(wide)}]

    def size(**fields: Any) -> list[int]:
        assert edit(service, **fields).status == 200
        return service.jobs()[-1]["pictures"][0]["pixels"]

    assert size(images=images) == [768, 1408]
    assert size(images=images, aspect_ratio="1:1") == [1024, 1024]
    assert size(images=images, aspect_ratio="auto") == [768, 1408]
    one = {"url": data_uri(tall)}
    assert size(image=one, aspect_ratio="16:9") == [1408, 768]
    older = {"model": "grok-imagine-image", "quality": None}
    assert size(image=one, aspect_ratio="16:9", **older) == [768, 1408]
    assert size(image=one, resolution="2k") == [1536, 2816]


@pytest.mark.parametrize("kind", shapes.PICTURE_FORMATS)
def test_formats(service: StandIn, kind: str) -> None:
    service.settings(picture_format=kind)
    sent = scene(640, 360)
    (item,) = edit(service, image={"url": data_uri(sent)}).json["data"]
    image = opened(fetched(service, item["url"]))
    assert (image.format, item["mime_type"]) == (kind.upper(), f"image/{kind}")
    assert frame_code.decode_mark(pixels(image)) == frame_code.mark_of(png(sent), "as gouache")


def test_transparency_lies_over_black(service: StandIn) -> None:
    clear = Image.new("RGBA", (1024, 1024), (200, 100, 50, 0))
    black = Image.new("RGB", (1024, 1024))
    assert (
        np.abs(
            pixels(look(service, clear)).astype(int)[:900] - pixels(look(service, black))[:900]
        ).max()
        <= 2
    )
