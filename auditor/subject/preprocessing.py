"""From an upright picture to the model's input, and back to an RGB picture for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F

from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.subject.bands import Bands
from auditor.subject.images import MAX_PIXELS, USUAL, Reading, Unreadable

Interpolation = Literal["bilinear", "bicubic", "nearest"]
Channels = Literal["rgb", "bgr", "grey"] | tuple[int, ...]
Picture = Image.Image | Bands


@dataclass(frozen=True)
class Preprocessing:
    """Resize, centre-crop, scale, order the channels, subtract the mean, divide by std.

    ``resize`` is the shorter side or (height, width); ``crop`` and ``size`` are (height, width);
    ``size`` is what the model is given. ``mean`` and ``std`` are in units of ``scale`` (the
    largest pixel value) and in the order of ``channels``: "grey" is one channel, numbers are those
    of bands, counted from 1, of which ``display`` are drawn. ``origin`` says where this comes from,
    ``reading`` how files become pictures before all this.
    """

    size: tuple[int, int]
    resize: int | tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    scale: float = 1.0
    channels: Channels = "rgb"
    interpolation: Interpolation = "bilinear"
    origin: str = ""
    done_by_dataset: bool = False
    reading: Reading = USUAL
    display: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        """Return how many channels an input has."""
        return count_of(self.channels)

    def describe(self) -> str:
        """Return one plain sentence that says everything."""
        values = _(
            "scaled to 0..%(scale)s, in %(order)s order, minus %(mean)s, divided by %(std)s",
            scale=f"{self.scale:g}",
            order=_order(self.channels),
            mean=_numbers(self.mean),
            std=_numbers(self.std),
        )
        came_from = " (" + joined((self.origin,)) + ")" if self.origin else ""
        if self.done_by_dataset:
            return _(
                "The dataset hands over inputs of %(size)s that it preprocessed itself; pictures "
                "are shown as if %(values)s.",
                size=_by(self.size),
                values=values + came_from,
            )
        steps = [
            _("Pictures are turned upright by their EXIF orientation")
            if self.reading.turn
            else _("Pictures are taken as they are stored, whatever their EXIF orientation"),
            *_converted(self.channels, self._shown()),
        ]
        windows = self.reading.windows or (self.reading.levels,)
        for low, high in dict.fromkeys(each for each in windows if each is not None):
            limits = {"low": f"{low:g}", "high": f"{high:g}"}
            if self.channels in ("rgb", "bgr"):
                steps.append(_("16-bit values from %(low)s to %(high)s made 8-bit", **limits))
            else:
                steps.append(_("values from %(low)s to %(high)s shown as black to white", **limits))
        if isinstance(self.resize, int):
            steps.append(_("resized to %(side)s pixels at the shorter side", side=self.resize))
        elif self.resize is not None:
            steps.append(_("resized to %(size)s", size=_by(self.resize)))
        if self.resize is not None:
            smooth = "" if self.interpolation == "nearest" else _("antialiased")
            steps[-1] += " (" + joined((self.interpolation, smooth), ", ") + ")"
        if self.crop is not None:
            steps.append(_("cropped to the central %(size)s", size=_by(self.crop)))
        return joined((*steps, values), ", ") + came_from + "."

    def frame(self, picture: Picture) -> Picture:
        """Return the picture with the geometry of the input and nothing else changed.

        Raises:
            Unreadable: the picture cannot be brought to ``size``.
        """
        if isinstance(picture, Image.Image):
            return self._frame(picture)
        return Bands(tuple(self._frame(each) for each in picture.images))

    def _frame(self, picture: Image.Image) -> Image.Image:
        if self.resize is not None:
            self._check_elongation(picture)
            size = [self.resize] if isinstance(self.resize, int) else list(self.resize)
            picture = F.resize(picture, size, InterpolationMode(self.interpolation))
        if self.crop is not None:
            if picture.height < self.crop[0] or picture.width < self.crop[1]:
                raise Unreadable(
                    f"is {picture.height} x {picture.width} pixels, smaller than the crop of "
                    f"{_by(self.crop)}"
                )
            picture = F.center_crop(picture, list(self.crop))
        if (picture.height, picture.width) != self.size:
            raise Unreadable(
                f"is {picture.height} x {picture.width} pixels where the model is given "
                f"{_by(self.size)}"
            )
        return picture

    def normalise(self, picture: Picture) -> Float[Tensor, "channel height width"]:
        """Return the input that a framed picture becomes."""
        images = picture.images if isinstance(picture, Bands) else (picture,)
        values = torch.cat([F.pil_to_tensor(each).to(torch.float32) for each in images])
        values = values.div(255.0 / self.scale)
        if self.channels == "bgr":
            values = values.flip(0)
        centred: Tensor = values - self._column(self.mean)
        return centred / self._column(self.std)

    def pictures(
        self, inputs: Float[Tensor, "sample channel height width"]
    ) -> UInt8[np.ndarray, "sample height width 3"]:
        """Return inputs as RGB pictures: the inverse of ``normalise``, clipped to 0..255.

        One channel is drawn as grey; of several those of ``display``.
        """
        values = inputs.detach().to("cpu", torch.float32)
        values = values * self._column(self.std) + self._column(self.mean)
        if self.channels == "bgr":
            values = values.flip(1)
        values = values[:, list(self._shown())].expand(-1, 3, -1, -1)
        pixels = values.mul(255.0 / self.scale).round().clamp(0, 255).to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous().numpy()

    def inputs(
        self, pictures: UInt8[np.ndarray, "sample height width 3"]
    ) -> Float[Tensor, "sample channel height width"]:
        """Return framed pictures as inputs: the inverse of ``pictures``, up to its rounding.

        Bands that are not drawn get the mean of those that are: nothing is known of them.
        """
        shown = [self.normalise(self._given(np.asarray(each))) for each in pictures]
        return torch.stack(shown) if shown else torch.empty((0, self.count, *self.size))

    def neutral(self) -> Float[Tensor, "1 channel height width"]:
        """Return a smooth grey ramp of the right size as an input."""
        ramp = np.linspace(64, 192, self.size[1]).astype(np.uint8)
        grey = np.broadcast_to(ramp[None, :, None], (*self.size, 3))
        return self.normalise(self._given(np.ascontiguousarray(grey)))[None]

    def _given(self, picture: UInt8[np.ndarray, "height width 3"]) -> Picture:
        """Return an RGB picture with as many channels as the model takes."""
        if self.channels in ("rgb", "bgr"):
            return Image.fromarray(picture)
        mean = Image.fromarray(picture.mean(axis=2, dtype=np.float32))
        if self.channels == "grey":
            return mean
        images = [mean] * self.count
        for place, band in enumerate(self._shown()):
            images[band] = Image.fromarray(picture[..., place].astype(np.float32))
        return Bands(tuple(images))

    def _shown(self) -> tuple[int, ...]:
        """Return the places of the channels that are drawn: three, or one."""
        if isinstance(self.channels, str):
            return (0,) if self.channels == "grey" else (0, 1, 2)
        if self.display is not None:
            return tuple(self.channels.index(band) for band in self.display)
        return (0, 1, 2) if self.count >= 3 else (0,)

    def _column(self, values: Sequence[float]) -> Float[Tensor, "channel 1 1"]:
        return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)

    def _check_elongation(self, picture: Image.Image) -> None:
        if isinstance(self.resize, int):
            short, long = sorted(picture.size)
            pixels = self.resize * self.resize * long // short
            if pixels > MAX_PIXELS:
                raise Unreadable(
                    f"is {picture.height} x {picture.width} pixels: resizing the shorter side to "
                    f"{self.resize} would make more than {MAX_PIXELS:,} pixels"
                )


def count_of(channels: Channels) -> int:
    """Return how many channels an input has."""
    if channels == "grey":
        return 1
    return 3 if isinstance(channels, str) else len(channels)


def _order(channels: Channels) -> str:
    if channels == "grey":
        return _("grey")
    return channels.upper() if isinstance(channels, str) else ", ".join(map(str, channels))


def _converted(channels: Channels, shown: tuple[int, ...]) -> tuple[str, ...]:
    if channels == "grey":
        return (_("converted to grey"),)
    if isinstance(channels, str):
        return (_("converted to RGB"),)
    drawn = ", ".join(str(channels[place]) for place in shown)
    return (
        _("taken as the bands %(bands)s", bands=_order(channels)),
        _("drawn here by the bands %(bands)s", bands=drawn),
    )


def _by(size: tuple[int, int]) -> str:
    return _("%(height)s x %(width)s pixels", height=size[0], width=size[1])


def _numbers(values: Sequence[float]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"
