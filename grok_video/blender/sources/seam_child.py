"""What the Blender in the background does to measure a seam: shows source and answer as the sequencer does, and compares.

Loaded by ``bake_child.py``, which hands it what it needs of itself, and imported for nothing else. The order names the
frames that are the same in both clips, the colour spaces of both strips, and the view. Each set of modifiers is tried in
the sequencer's own render, and only what brings the pictures nearer there is reported.
"""

from __future__ import annotations

import json
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

#: Long side of what is rendered, in pixels, and of the squares whose mean is compared: encoders differ from pixel to pixel.
_LONG, _SQUARE = 320, 4
_RAMP = 256
_WIDE = 64  # pixels of a row of colours
#: Codes by which modifiers must bring the pictures nearer to each other: below that only encodings differ.
_SEEN = 0.5 / 255
#: … and *Hue Correct* on top of the curves.
_HUES_SEEN = 0.1 / 255
#: What is left between two clips of the same may be this much, or this part of what there was: else they show other things.
_ALIKE, _PART = 4.0 / 255, 0.6
_TRIED = 4  # frames on which modifiers are tried
_COLOURS = 2000  # of all frames, from which the modifiers are found

Colours = npt.NDArray[Any]


def measure(order: dict[str, Any], kit: Any, result: Path) -> None:
    """Write into ``result`` what takes the shift of the answer's colours back: 'seam', or null, and the figures.

    ``kit``: ``compat``, ``modifiers``, ``fit``, ``space`` (modules), ``render`` of a scene, ``unbakeable``, what is raised with a reason. Figures are
    mean differences in 255ths, before and after, as the sequencer renders both clips.
    """
    work = _Work(order, kit)
    result.write_text(json.dumps(work.measured()), "utf-8")


class _Work:
    """The two clips in scenes of their own, and what was seen of them."""

    def __init__(self, order: dict[str, Any], kit: Any) -> None:
        self.order, self.kit = order, kit
        self._numbers = count()
        self.size = order["size"]
        self.space = order["answer"]["space"]
        encoding = kit.space.encoding(partial(self._seen_of, exact=True))
        if encoding is None:
            raise kit.unbakeable(
                f"the sequencer works in the color space “{order['working']}”, in which colors cannot be compared"
            )
        self._encoded = encoding
        self.source = self._scene("source", order["source"])
        self.answer = self._scene("answer", order["answer"])
        self.codes_at = self._ramp()

    def measured(self) -> dict[str, Any]:
        """The report: see ``measure``."""
        order, fit = self.order, self.kit.fit
        source, answer = order["source"]["frames"], order["answer"]["frames"]
        if order["seam"] is not None:
            with self._sequencer(self.source[0]):
                self.kit.modifiers.make(self.source[1], SimpleNamespace(**order["seam"]))
        before = np.concatenate([self._colours(self.answer[0], frame) for frame in answer])
        wanted = [self._shown(self.source[0], frame) for frame in source]
        every = -(-len(before) // _COLOURS) | 1  # odd: from all columns of the squares
        some = slice(None, None, -(-len(answer) // _TRIED))
        shown = wanted[some]
        before, codes = before[::every], np.concatenate(wanted)[::every]
        space = fit.Space(self._codes, self._colours_of, partial(self._seen_of, exact=False))
        if not order[
            "same"
        ]:  # other things are seen: only how often each colour is, channel by channel
            before = self._colours_of(fit.quantiles(self._codes(before)))
            codes, space = self._source_quantiles(), space._replace(shown=self._codes)
        was = self._off(shown, answer[some])
        best, off = None, was
        for hues in (False, True):
            if hues and not order["same"]:
                break
            tried, left = self._tried(
                fit.fitted(before, codes, space, hues=hues), shown, answer[some]
            )
            if off - left >= (_SEEN if best is None else _HUES_SEEN):
                best, off = tried, left
        if off > max(_ALIKE, was * _PART):
            best = None
        return {"seam": best, "before": was * 255, "after": (off if best else was) * 255}

    def _source_quantiles(self) -> Colours:
        scene, frames = self.source[0], self.order["source"]["frames"]
        found = np.concatenate([self._colours(scene, frame) for frame in frames])
        return self.kit.fit.quantiles(self._codes(found))

    def _tried(
        self, found: Any, shown: list[Colours], frames: list[int]
    ) -> tuple[dict[str, Any], float]:
        """The seam of what was ``found``, and how far off the pictures are with it."""
        seam = {
            "space": self.space,
            "at": found.at.tolist(),
            **dict(zip(("red", "green", "blue"), found.to.T.tolist(), strict=True)),
            "saturation": found.saturation,
            "hue": found.hue,
            "value": found.value,
        }
        with self._sequencer(self.answer[0]):
            self.kit.modifiers.make(self.answer[1], SimpleNamespace(**seam))
        return seam, self._off(shown, frames)

    def _off(self, shown: list[Colours], frames: list[int]) -> float:
        """The mean difference of the answer, as it is shown now, from what is ``shown`` of the source; in codes."""
        now = [self._shown(self.answer[0], frame) for frame in frames]
        if not self.order["same"]:
            quantiles = self.kit.fit.quantiles
            now, shown = [quantiles(np.concatenate(now))], [quantiles(np.concatenate(shown))]
        return float(
            np.mean([abs(one - other).mean() for one, other in zip(now, shown, strict=True)])
        )

    # ---------------------------------------------------------------------------------------------- scenes

    def _scene(self, name: str, what: dict[str, Any]) -> tuple[bpy.types.Scene, Any]:
        """A scene that shows one file as large as the pictures to be compared, frame for frame; and its strip."""
        scene = bpy.data.scenes.new(name)
        output: Any = scene.render
        output.resolution_x, output.resolution_y = self.size
        output.resolution_percentage = 100
        output.use_sequencer, output.use_compositing = True, False
        output.dither_intensity = 0.0
        scene.sequencer_colorspace_settings.name = self.order["working"]
        view: Any = scene.view_settings
        for key, value in self.order["view"].items():
            setattr(view, key, value)
        strips = self.kit.compat.strips(scene.sequence_editor_create())
        new = strips.new_image if what["picture"] else strips.new_movie
        try:
            strip = new(name, what["path"], 1, 1, fit_method="STRETCH")
        except RuntimeError as error:
            raise self.kit.unbakeable(f"Blender cannot read “{what['path']}”") from error
        if strip.type == "MOVIE" and not strip.fps:
            raise self.kit.unbakeable(f"Blender cannot read “{what['path']}”")
        strip.colorspace_settings.name = what["space"]
        self.kit.compat.best_filter(strip.transform)
        return scene, strip

    def _ramp(self) -> tuple[Colours, Colours]:
        """Colours of the sequencer that greys have in the answer's colour space, ascending, and the codes of these."""
        codes = np.linspace(0.0, 1.0, _RAMP)
        greys = codes[:, None].repeat(3, axis=1)
        seen = self._encoded(self._seen_of(greys, self.space, exact=True)).mean(axis=-1)
        # Ascending, for both ways between them.
        return np.maximum.accumulate(seen) + np.arange(_RAMP) * 1e-7, codes

    def _seen_of(self, colours: Colours, space: str = "", *, exact: bool) -> Colours:
        """What becomes of colours, (n, 3), of a colour space, '' for the sequencer's: as ``_rendered``, (n, 3)."""
        height = -(-len(colours) // _WIDE)
        pixels = np.zeros((height * _WIDE, 4), np.float32)
        pixels[:, 3] = 1.0
        pixels[: len(colours), :3] = colours
        image: Any = bpy.data.images.new("colours", _WIDE, height, float_buffer=True, is_data=True)
        image.pixels.foreach_set(pixels.ravel())
        path = (
            Path.cwd() / f"colours{next(self._numbers)}.exr"
        )  # a name again would be Blender's cache
        image.filepath_raw, image.file_format = str(path), "OPEN_EXR"
        image.save()
        bpy.data.images.remove(image)
        size, self.size = self.size, (_WIDE, height)
        what = {"path": str(path), "picture": True, "space": space or self.order["working"]}
        scene, strip = self._scene("colours", what)
        strip.transform.filter = "NEAREST"
        self.size = size
        seen = self._rendered(scene, 0, exact=exact, bits="16").reshape(-1, 3)[: len(colours)]
        bpy.data.scenes.remove(scene)
        path.unlink()
        return seen

    def _codes(self, colours: Colours) -> Colours:
        return np.interp(colours, *self.codes_at)

    def _colours_of(self, codes: Colours) -> Colours:
        """The sequencer's colours of codes; beyond 1 as the last of them go on."""
        seen, known = self.codes_at
        slope = (seen[-1] - seen[-2]) / (known[-1] - known[-2])
        inside: Colours = np.interp(codes, known, seen)
        return inside + np.maximum(codes - 1.0, 0.0) * slope

    # ------------------------------------------------------------------------------------------- pictures

    def _colours(self, scene: bpy.types.Scene, frame: int) -> Colours:
        """A frame in the sequencer's colours, (n, 3), each the mean of a square, which is made in codes."""
        codes = self._codes(self._encoded(self._rendered(scene, frame, exact=True)))
        return self._colours_of(_squares(codes))

    def _shown(self, scene: bpy.types.Scene, frame: int) -> Colours:
        """A frame as the view shows it, in codes, (n, 3), each the mean of a square."""
        return _squares(self._rendered(scene, frame, exact=False))

    def _rendered(
        self, scene: bpy.types.Scene, frame: int, *, exact: bool, bits: str = "8"
    ) -> Colours:
        """A frame of a file as rendered, (height, width, 3): scene-linear where ``exact``, else as the view shows it."""
        path = Path.cwd() / ("frame.exr" if exact else "frame.png")
        settings: Any = scene.render.image_settings
        self.kit.compat.write_images(settings, "OPEN_EXR" if exact else "PNG", 100)
        settings.color_depth = "32" if exact else bits
        if exact:
            settings.exr_codec = "NONE"
        scene.render.filepath = self.kit.compat.literal_path(str(path))
        scene.render.use_file_extension = False
        scene.frame_set(1 + frame)
        self.kit.render(scene)
        image: Any = bpy.data.images.load(str(path))
        image.colorspace_settings.name = "Non-Color"
        pixels = np.empty(image.size[0] * image.size[1] * 4, np.float32)
        image.pixels.foreach_get(pixels)
        shape = image.size[1], image.size[0], 4
        bpy.data.images.remove(image)
        path.unlink()
        return pixels.reshape(shape)[..., :3].astype(np.float64)

    def _sequencer(self, scene: bpy.types.Scene) -> Any:
        """An override in which modifiers can be made for the strips of ``scene``."""
        area = bpy.context.window_manager.windows[0].screen.areas[0]
        area.type = "SEQUENCE_EDITOR"
        region = next(region for region in area.regions if region.type == "WINDOW")
        return bpy.context.temp_override(**self.kit.compat.sequencer_override(area, region, scene))


def _squares(picture: Colours) -> Colours:
    height, width = (side // _SQUARE * _SQUARE for side in picture.shape[:2])
    parts = picture[:height, :width].reshape(
        height // _SQUARE, _SQUARE, width // _SQUARE, _SQUARE, 3
    )
    return parts.mean((1, 3)).reshape(-1, 3)
