"""What the Blender in the background does to measure a seam: shows source and answer as the sequencer does, and compares.

Loaded by ``bake_child.py``, which hands it what it needs of itself, and imported for nothing else. The order names the
frames that are the same in both clips, the colour spaces of both strips, and the view. Each set of modifiers is tried in
the sequencer's own render, and only what brings the pictures nearer there is reported.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import numpy.typing as npt

#: Long side of what is rendered, in pixels, and of the squares whose mean is compared: encoders differ from pixel to pixel.
_LONG, _SQUARE = 320, 4
_POINTS = 17  # of a curve
_RAMP = 256
#: Codes by which modifiers must bring the pictures nearer to each other: below that only encodings differ.
_SEEN = 0.5 / 255
#: … and *Hue Correct* on top of the curves.
_SATURATION_SEEN = 0.4 / 255
#: What is left between two clips of the same may be this much, or this part of what there was: else they show other things.
_ALIKE, _PART = 4.0 / 255, 0.6
_TRIED = 4  # frames on which modifiers are tried
_COLOURS = 3000  # of all frames, from which the modifiers are found

Colours = npt.NDArray[Any]


def measure(order: dict[str, Any], kit: Any, result: Path) -> None:
    """Write into ``result`` what takes the shift of the answer's colours back: 'seam', or null, and the figures.

    ``kit``: ``compat``, ``modifiers``, ``fit`` (modules), ``render`` of a scene, ``unbakeable``, what is raised with a reason. Figures are
    mean differences in 255ths, before and after, as the sequencer renders both clips.
    """
    work = _Work(order, kit)
    result.write_text(json.dumps(work.measured()), "utf-8")


class _Work:
    """The two clips in scenes of their own, and what was seen of them."""

    def __init__(self, order: dict[str, Any], kit: Any) -> None:
        self.order, self.kit = order, kit
        if order["working"] not in _ENCODINGS:
            raise kit.unbakeable(f"the sequencer works in the colour space “{order['working']}”")
        self.size = order["size"]
        self.space = order["answer"]["space"]
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
        before, wanted = (
            np.concatenate([self._colours(scene, frame) for frame in frames])
            for (scene, _), frames in ((self.answer, answer), (self.source, source))
        )
        every = -(-len(before) // _COLOURS) | 1  # odd: from all columns of the squares
        before, wanted = before[::every], wanted[::every]
        codes = self._codes(wanted)
        if not order["same"]:  # other things are seen: only how often each colour is
            before = self._colours_of(fit.quantiles(self._codes(before)))
            codes = fit.quantiles(codes)
        some = slice(None, None, -(-len(answer) // _TRIED))
        shown = [self._shown(self.source[0], frame) for frame in source[some]]
        was = self._off(shown, answer[some])
        best, off = None, was
        for saturation, least in ((False, _SEEN), (True, _SATURATION_SEEN)):
            if saturation and not order["same"]:
                break
            found = fit.fitted(before, codes, self._codes, saturation=saturation)
            tried, left = self._tried(found, saturation, shown, answer[some])
            if off - left >= least:
                best, off = tried, left
        if off > max(_ALIKE, was * _PART):
            best = None
        return {"seam": best, "before": was * 255, "after": (off if best else was) * 255}

    def _tried(
        self, found: Colours, saturation: bool, shown: list[Colours], frames: list[int]
    ) -> tuple[dict[str, Any], float]:
        """The seam of those parameters, and how far off the pictures are with it."""
        codes = np.linspace(0.0, 1.0, _POINTS)
        to = self.kit.fit.curved(codes[:, None].repeat(3, axis=1), found)
        curves = [self._colours_of(channel).tolist() for channel in to.T]
        seam = {
            "space": self.space,
            "at": self._colours_of(codes).tolist(),
            **dict(zip(("red", "green", "blue"), curves, strict=True)),
            "saturation": self.kit.fit.saturation_of(found) if saturation else [],
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
        path = str(Path.cwd() / "ramp.png")
        image: Any = bpy.data.images.new("ramp", _RAMP, 8)
        pixels = np.ones((8, _RAMP, 4), np.float32)
        pixels[..., :3] = codes[None, :, None]
        image.pixels.foreach_set(pixels.ravel())
        image.filepath_raw, image.file_format = path, "PNG"
        image.save()
        size, self.size = self.size, (_RAMP, 8)
        scene, _ = self._scene("ramp", {"path": path, "picture": True, "space": self.space})
        self.size = size
        seen = self._encoded(self._rendered(scene, 0, exact=True))[4].mean(axis=-1)
        # Ascending, for both ways between them.
        return np.maximum.accumulate(seen) + np.arange(_RAMP) * 1e-7, codes

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

    def _encoded(self, linear: Colours) -> Colours:
        return _ENCODINGS[self.order["working"]](linear)

    def _rendered(self, scene: bpy.types.Scene, frame: int, *, exact: bool) -> Colours:
        """A frame of a file as rendered, (height, width, 3): scene-linear where ``exact``, else as the view shows it."""
        path = Path.cwd() / ("frame.exr" if exact else "frame.png")
        settings: Any = scene.render.image_settings
        self.kit.compat.write_images(settings, "OPEN_EXR" if exact else "PNG", 100)
        if exact:
            settings.color_depth, settings.exr_codec = "32", "NONE"
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


def _srgb(linear: Colours) -> Colours:
    return np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055
    )


#: Colour spaces that the sequencer may work in → from scene-linear Rec.709, which a render gives.
_ENCODINGS = {"sRGB": _srgb, "Linear Rec.709": lambda linear: linear}
