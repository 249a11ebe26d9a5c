"""How fast this machine is, now, at what an audit does besides explaining: timed on real images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from auditor.base.streams import stream

if TYPE_CHECKING:
    from torch import Tensor

    from auditor.relevance.explainer import Explainer
    from auditor.subject import Subject

MOST_AT_ONCE = 64
MOST_PICTURES = 8
LEAST_SECONDS, MOST_REPEATS = 1.0, 50
# Seconds of `yardstick` on the machine (one core, at rest) on which the fixed times of
# `auditor.cli.check.estimate` were measured.
REFERENCE = 0.025


@dataclass(frozen=True)
class Speed:
    """Seconds per image of a forward as the search does it, of editing and of storing a picture.

    ``slower`` is how many times as long as on the reference machine the arrays' work takes.
    """

    predict: float
    edit: float
    picture: float
    slower: float


def speed_of(explainer: Explainer, subject: Subject, images: Tensor) -> Speed:
    """Time it on ``images``, repeated to a full batch; takes a few seconds."""
    import torch

    from auditor.causal.pixels import blend, feathered
    from auditor.causal.probe import PIXELS_ON_CPU, Probe

    probe = Probe(explainer, subject)
    # As many at once as the search shows: a few images of a small model say little of a batch.
    count = int(min(MOST_AT_ONCE, max(1, PIXELS_ON_CPU // images[0].numel())))
    some = images.repeat(-(-count // len(images)), 1, 1, 1)[:count].cpu()
    masks = torch.zeros((count, *some.shape[-2:]), dtype=torch.bool)
    masks[:, : some.shape[-2] // 4, : some.shape[-1] // 4] = True
    other = some.flip(0)
    pictures = subject.pictures(some[:MOST_PICTURES])
    return Speed(
        predict=seconds(lambda: probe.predict(some)) / count,
        edit=seconds(lambda: blend(some, other, feathered(masks))) / count,
        picture=seconds(lambda: [_stored(each) for each in pictures]) / len(pictures),
        slower=seconds(yardstick) / REFERENCE,
    )


def seconds(work: Callable[[], object]) -> float:
    """Return the mean time of work whose result lies on the CPU, after a run that warms up."""
    import torch

    from auditor.relevance.check.cost import mean_seconds

    return mean_seconds(torch.device("cpu"), work, LEAST_SECONDS, MOST_REPEATS)


def yardstick() -> None:
    """Do some of what the search does besides: permutations, filters and sorting."""
    generator = stream(0, "yardstick")
    signs = 1.0 - 2.0 * generator.integers(0, 2, size=(20_000, 64), dtype=np.int8)
    signs @ generator.normal(size=64)
    pictures = generator.random((24, 64, 64))
    for picture in pictures:
        ndimage.gaussian_filter(picture, 2.0)
        ndimage.sobel(picture)
    np.sort(pictures.reshape(len(pictures), -1), axis=1)


def _stored(picture: np.ndarray) -> bytes:
    from auditor.pipeline.illustrate import FULL_SIDE
    from auditor.report.show.images import jpeg_bytes, resize

    factor = min(1.0, FULL_SIDE / max(picture.shape[:2]))
    height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
    return jpeg_bytes(resize(picture, height, width), 82)
