"""What a data set brings along: a mark of one class that nobody planted, drawn to see who uses it.

Caltech's motorbikes are cut out on white and its ketches lie in blue; of the built-in photographs
the one of tissue is the lightest, that of grass by far the sharpest, and that of coffee reddish
where others are grey. A model of the data as they
are may go by that, and a finding about it in a 'clean' model is no error. So it is drawn on the
pictures of other classes, as planted artefacts are for FE*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from torch import nn

from auditor.demo.training import predict
from tests.benchmarks.shortcuts.artefacts import shifted_margin
from tests.benchmarks.shortcuts.drawing import Picture, pixels
from tests.benchmarks.shortcuts.manipulation import turned
from tests.benchmarks.shortcuts.worlds import Half

MARGIN = 0.08
BLUE = np.array([-26.0, -2.0, 30.0])
# The median of the audited crops of tissue; those of the other classes are 104 to 130.
TISSUE = 163.0
# The medians of grass (mean absolute Laplacian; of the other classes 6 to 30) and of coffee.
GRASS = 58.0
COFFEE = np.array([155.0, 93.0, 63.0])
# Finer detail is not made more than so many times stronger.
STRONGEST = 8.0


@dataclass(frozen=True)
class Bias:
    """A mark that a data set has on one class; ``draw`` puts it on a picture.

    ``statistics``: it is no mark but of the whole picture, and what these begin with measure it.
    """

    name: str
    output: int
    draw: Callable[[Picture], Picture]
    statistics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """The share of ``n`` pictures of other classes that turn when a bias is drawn on them."""

    name: str
    output: int
    fe: float
    n: int
    statistics: tuple[str, ...] = ()


def white_margin(picture: Picture) -> Picture:
    """Make the outer `MARGIN` of the sides white."""
    width = round(MARGIN * picture.shape[0])
    drawn = picture.copy()
    inside = np.zeros(picture.shape[:2], dtype=bool)
    inside[width:-width, width:-width] = True
    drawn[~inside] = 250
    return drawn


def blue_margin(picture: Picture) -> Picture:
    """Make the surroundings bluish: most at the border, nothing in the middle.

    By about what the medians of ketches and of the other classes are apart.
    """
    return shifted_margin(picture, BLUE)


def as_light_as_tissue(picture: Picture) -> Picture:
    """Bring a picture to the brightness of the built-in photographs' tissue, its colours kept."""
    return pixels(picture * (TISSUE / max(1.0, float(picture.mean()))))


def as_sharp_as_grass(picture: Picture) -> Picture:
    """Bring the fine detail of a picture to the strength of the built-in photographs' grass."""
    values = picture.astype(np.float64)
    smooth = ndimage.gaussian_filter(values, (1, 1, 0))
    detail = float(np.abs(ndimage.laplace(values.mean(axis=2))).mean())
    return pixels(smooth + (values - smooth) * min(STRONGEST, GRASS / max(1.0, detail)))


def coloured_as_coffee(picture: Picture) -> Picture:
    """Bring the mean colour of a picture to that of the built-in photographs' coffee."""
    return pixels(picture + COFFEE - picture.mean(axis=(0, 1)))


BIASES: Mapping[str, tuple[Bias, ...]] = {
    "caltech": (
        Bias("white margin", 0, white_margin),
        Bias("blue margin", 2, blue_margin),
    ),
    "built-in": (
        Bias("light of tissue", 5, as_light_as_tissue, ("brightness", "highlights")),
        Bias("sharpness of grass", 3, as_sharp_as_grass, ("sharpness",)),
        Bias("colour of coffee", 1, coloured_as_coffee, ("red-green", "blue-yellow", "saturation")),
    ),
}


def own_effects(model: nn.Module, clean: Half, data: str) -> list[Drawn]:
    """Return what the marks of a data set's own do to a model; [] for one of which none is known.

    Counted as FE* is: pictures whose label and prediction are other than the class.
    """
    biases = BIASES.get(data, ())
    if not biases:
        return []
    before = predict(model, clean.images).argmax(axis=1)
    found = []
    for bias in biases:
        after = predict(model, np.stack([bias.draw(each) for each in clean.images])).argmax(axis=1)
        share = turned(clean.labels, before, after, bias.output)
        found.append(Drawn(bias.name, bias.output, *share, bias.statistics))
    return found
