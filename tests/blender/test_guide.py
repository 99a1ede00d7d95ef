"""The guide's examples, each through the operators, against the service's real shape and the guide's.

The guide is the document the add-on was made from; where the service is known to do otherwise (references
together with a first frame) the panel says so before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from . import editing

Module = Callable[[str], ModuleType]
USD = 10**10


@pytest.fixture(params=["real", "guide"])
def service(stand_in: Any, request: pytest.FixtureRequest) -> Any:
    """The service in one of its two shapes."""
    stand_in.settings(shape=request.param)
    return stand_in


@pytest.fixture
def scene(blender: ModuleType, service: Any, tmp_path: Path) -> Any:
    """A saved file, text as source, no sound: the guide's first request."""
    chosen = blender.context.scene.grok_video
    chosen.source = "NONE"
    chosen.generate_audio = False
    blender.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    return blender.context.scene


@pytest.fixture
def picture(blender: ModuleType) -> Any:
    """An image of the artist's, with another colour in each half."""
    image = blender.data.images.new("Portrait", 96, 54)
    image.pixels.foreach_set([0.8, 0.1, 0.1, 1.0] * (96 * 27) + [0.1, 0.1, 0.8, 1.0] * (96 * 27))
    return image


def newest(module: Module) -> Any:
    return module("blender.session.state").current().bridge.snapshot.all[0]


def sent(service: Any) -> dict[str, Any]:
    """The body of the last submission."""
    return service.requests("submit")[-1]["body"]


def make_active(scene: Any, module: Module) -> Any:
    """The picture strip of the newest job, clicked."""
    job = newest(module)
    (movie,) = [
        s for s in editing.strips(scene) if s.type == "MOVIE" and s["grok_video_job"] == job.id
    ]
    scene.sequence_editor.active_strip = movie
    return movie


def test_first_request(blender: ModuleType, scene: Any, service: Any, module: Module) -> None:
    """Text to video: submit, take the id, poll until it is done, and there is a URL that is fetched."""
    scene.grok_video.prompt = "A cat lounging in a sunbeam, 6 seconds"
    blender.ops.grok_video.generate()
    body, job = sent(service), newest(module)
    assert body["model"] == "grok-imagine-video"
    assert (body["prompt"], body["duration"]) == ("A cat lounging in a sunbeam, 6 seconds", 6)
    assert (body["resolution"], body["aspect_ratio"]) == ("480p", "16:9")
    assert "image" not in body
    assert job.state == "IMPORTED"
    assert service.jobs()[0]["id"] == job.request_id
    assert all(request["path"].endswith(job.request_id) for request in service.requests("poll"))
    assert service.jobs()[0]["url"] == job.url
    assert len(service.requests("download")) == 1


def test_base64_image(
    blender: ModuleType, scene: Any, service: Any, module: Module, picture: Any
) -> None:
    scene.grok_video.source, scene.grok_video.image = "IMAGE", picture
    scene.grok_video.duration = 1
    scene.grok_video.prompt = "Make the water flow"
    blender.ops.grok_video.generate()
    assert sent(service)["image"]["url"]["data_uri"] == "image/png"
    assert newest(module).state == "IMPORTED"


def test_references_without_an_image(
    blender: ModuleType, scene: Any, service: Any, module: Module, picture: Any
) -> None:
    chosen = scene.grok_video
    chosen.duration = 1
    chosen.prompt = "The person from"
    for _ in range(2):
        blender.ops.grok_video.add_reference(image=picture.name)
    blender.ops.grok_video.insert_reference(index=1)
    assert chosen.prompt == "The person from <IMAGE_1>"
    blender.ops.grok_video.generate()
    body = sent(service)
    assert "image" not in body
    assert [one["url"]["data_uri"] for one in body["reference_images"]] == ["image/png"] * 2
    assert [one["url"]["pixels"] for one in body["reference_images"]] == [[96, 54]] * 2
    assert newest(module).state == "IMPORTED"
    assert newest(module).spec.estimate == service.jobs()[0]["ticks"]


def test_references_with_an_image(
    blender: ModuleType, scene: Any, service: Any, module: Module, picture: Any
) -> None:
    """The guide allows it with its model; the service refuses it there, and takes it from 1.5 on."""
    chosen = scene.grok_video
    chosen.source, chosen.image = "IMAGE", picture
    chosen.duration = 1
    chosen.prompt = "In the style of <IMAGE_0>"
    blender.ops.grok_video.add_reference(image=picture.name)
    with pytest.raises(RuntimeError, match="not both"):
        blender.ops.grok_video.generate()
    assert service.requests("submit") == []
    chosen.model = "grok-imagine-video-1.5"
    blender.ops.grok_video.generate()
    assert {"image", "reference_images"} <= set(sent(service))
    assert newest(module).state == "IMPORTED"


def test_extension(blender: ModuleType, scene: Any, service: Any, module: Module) -> None:
    chosen = scene.grok_video
    chosen.prompt, chosen.duration = "A cat", 2
    blender.ops.grok_video.generate(frame=1)
    source, first = make_active(scene, module), newest(module)
    end = editing.span(source)[1]
    chosen.extend_prompt, chosen.extend_seconds = "The cat jumps down", 3
    blender.ops.grok_video.extend()
    body, job = sent(service), newest(module)
    assert service.requests("submit")[-1]["path"] == "/v1/videos/extensions"
    # Both names of the source: the real service reads one, the guide's the other.
    assert body["video"] == {"url": first.url}
    assert body["video_id"] == first.request_id
    assert (body["prompt"], body["duration"]) == ("The cat jumps down", 3)
    assert not {"resolution", "aspect_ratio", "image"} & set(body)
    assert job.state == "IMPORTED"
    start, after = editing.span(make_active(scene, module))
    assert start == end
    assert abs(after - start - 3 * 24) <= 1
    assert job.spec.estimate == service.jobs()[-1]["ticks"] == round((3 * 0.05 + 2 * 0.01) * USD)


def test_edit(blender: ModuleType, scene: Any, service: Any, module: Module) -> None:
    chosen = scene.grok_video
    chosen.prompt, chosen.duration = "A cat", 2
    blender.ops.grok_video.generate(frame=11)
    source, first = make_active(scene, module), newest(module)
    chosen.edit_prompt = "Make it a drawing"
    blender.ops.grok_video.edit()
    body, job = sent(service), newest(module)
    assert service.requests("submit")[-1]["path"] == "/v1/videos/edits"
    assert set(body) == {"model", "prompt", "video", "video_id"}
    assert (body["video"], body["video_id"]) == ({"url": first.url}, first.request_id)
    assert job.state == "IMPORTED"
    made = make_active(scene, module)
    assert editing.span(made)[0] == editing.span(source)[0] == 11
    assert made.channel > source.channel
    assert job.spec.estimate == service.jobs()[-1]["ticks"]


@pytest.mark.parametrize(
    ("seconds", "resolution", "dollars"), [(10, "720p", 0.702), (6, "480p", 0.302)]
)
def test_price_examples(
    blender: ModuleType,
    scene: Any,
    service: Any,
    module: Module,
    picture: Any,
    seconds: int,
    resolution: str,
    dollars: float,
) -> None:
    chosen = scene.grok_video
    chosen.source, chosen.image = "IMAGE", picture
    chosen.prompt, chosen.duration, chosen.resolution = "It moves", seconds, resolution
    orders = module("blender.submission.generate")
    amount = module("core.amount")
    pricing = module("service.pricing")
    draft = orders.generate_draft(blender.context, scene)
    assert amount.usd(pricing.estimate_of(draft)) == f"${dollars}"
    blender.ops.grok_video.generate()
    assert service.jobs()[0]["ticks"] == round(dollars * USD)


@pytest.mark.parametrize("ratio", ["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"])
def test_seven_ratios(
    blender: ModuleType, scene: Any, service: Any, module: Module, ratio: str
) -> None:
    scene.grok_video.prompt, scene.grok_video.duration = "A tree", 1
    scene.grok_video.aspect_ratio = ratio
    blender.ops.grok_video.generate()
    assert sent(service)["aspect_ratio"] == ratio
    clip = newest(module).clip
    across, down = map(int, ratio.split(":"))
    assert clip.width / clip.height == pytest.approx(across / down, rel=0.01)


@pytest.mark.parametrize(
    ("status", "words", "ends", "charged"),
    [
        (400, "Duration must be between 1 and 15 seconds", "FAILED", False),
        (401, "Invalid API key", "FAILED", False),
        (403, "permission denied", "FAILED", False),
        (404, "The model does not exist", "FAILED", False),
        (422, "Failed to deserialize the JSON body", "FAILED", False),
        (500, "internal error", "UNKNOWN", None),
        (503, "service unavailable", "UNKNOWN", None),
    ],
)
def test_error_table(
    blender: ModuleType,
    scene: Any,
    service: Any,
    module: Module,
    status: int,
    words: str,
    ends: str,
    charged: bool | None,
) -> None:
    """What the guide lists: refused ones cost nothing; after a 5xx nobody knows, and nothing is sent again."""
    scene.grok_video.prompt, scene.grok_video.duration = "A tree", 1
    service.fail("submit", "answer", status=status, body={"error": words})
    with pytest.raises(RuntimeError, match=words):
        blender.ops.grok_video.generate()
    job = newest(module)
    assert job.state == ends
    told = f"{job.problem.message} {job.problem.hint}"
    free, open_ = "Nothing was charged." in told, "may have been charged" in told
    assert (free, open_) == (charged is False, charged is None)
    assert len(service.requests("submit")) == 1
    assert service.jobs() == []


def test_rate_limit_waits_and_goes_on(
    blender: ModuleType, scene: Any, service: Any, module: Module
) -> None:
    """The guide's 429: a request too many is sent later, by itself, and bought once."""
    scene.grok_video.prompt, scene.grok_video.duration = "A tree", 1
    service.fail("submit", "answer", status=429, body={"error": "Too many requests"})
    blender.ops.grok_video.generate()
    assert newest(module).state == "IMPORTED"
    assert len(service.jobs()) == 1


def test_chained_lifecycle(blender: ModuleType, scene: Any, service: Any, module: Module) -> None:
    """Submit, take the id, poll until it is done, assert a URL, and go on from it: twice in a row."""
    chosen = scene.grok_video
    chosen.prompt, chosen.duration = "A boat", 2
    blender.ops.grok_video.generate(frame=1)
    boat = make_active(scene, module)
    chosen.extend_prompt, chosen.extend_seconds = "It sails away", 2
    blender.ops.grok_video.extend()
    scene.sequence_editor.active_strip = boat
    chosen.edit_prompt = "At night"
    blender.ops.grok_video.edit()
    first, *later = service.jobs()
    assert [job["kind"] for job in (first, *later)] == ["generate", "extend", "edit"]
    for request in service.requests("submit")[1:]:
        assert request["body"]["video_id"] == first["id"]
        assert request["body"]["video"] == {"url": first["url"]}
    polled = {request["path"].rsplit("/", 1)[-1] for request in service.requests("poll")}
    assert polled == {job["id"] for job in (first, *later)}
    assert len(editing.strips(scene)) == 3
