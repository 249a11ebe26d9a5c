"""What each thing that an audit does takes here and now: timed on a few images of the data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from auditor.base.streams import stream
from auditor.base.system import peak_memory

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from auditor.config.audit import Config
    from auditor.records.work import Work
    from auditor.relevance.explainer import Explainer
    from auditor.subject import Subject

MAPS = 8  # conditional heatmaps of one image that are timed beside a single one
MOST_AT_ONCE = 64  # images in a timed pass: as many as the search shows a small model at once
MOST_PICTURES = 8  # pictures whose storing is timed
# A time is the mean of as many runs as take this long together, and at most so many of them: the
# shortest were seen to differ by 2 % from run to run, on two cores that nothing else used.
LEAST_SECONDS, MOST_REPEATS = 0.6, 50
# Seconds of `yardstick` on the machine (one core, at rest) on which every ``fixed`` of a `Work`
# was measured.
REFERENCE = 0.025


@dataclass(frozen=True)
class HeatmapCost:
    """Seconds of conditional heatmaps of a layer: once per image, and for each map."""

    layer: str
    per_image: float
    per_map: float


@dataclass(frozen=True)
class Rates:
    """What one batch took. Seconds are wall-clock, per image unless said otherwise.

    ``load``: reading an image. ``forward``: in a full batch; ``statistics``: with relevance at the
    audited layers; ``shown``: as the search shows images, after an edit (``edit``). ``picture`` and
    ``picture_bytes``: of storing a picture of the report. ``slower``: how many times as long as on
    the reference machine the work on arrays takes. ``memory_peak``: bytes at the highest, measured
    as ``memory_method`` says; None where the platform does not tell.
    """

    device: str
    threads: int
    batch: int
    load: float
    forward: float
    statistics: float
    heatmaps: tuple[HeatmapCost, ...]
    shown: float
    edit: float
    picture: float
    picture_bytes: float
    slower: float
    memory_peak: int | None
    memory_method: str

    def seconds(self, work: Work, layer: int = -1) -> float:
        """Return what work takes; its heatmaps are those of one of the layers."""
        heatmaps = self.heatmaps[layer]
        return (
            work.read * self.load
            + work.explained * self.statistics
            + work.shown * self.shown
            + work.edited * self.edit
            + work.maps * heatmaps.per_map
            + work.started * heatmaps.per_image
            + work.pictures * self.picture
            + work.fixed * self.slower
        )


def measure(
    config: Config, subject: Subject, explainer: Explainer, images: Tensor, load: float
) -> Rates:
    """Time everything on ``images`` (B, 3, H, W), repeated to full batches: some ten seconds.

    ``load``: seconds that reading one of them took.
    """
    import torch

    from auditor.causal.pixels import blend, feathered
    from auditor.causal.probe import PIXELS_ON_CPU, Probe
    from auditor.pipeline.opening import audited_layers

    layers, batch, device = audited_layers(config, explainer), config.audit.batch, explainer.device
    timed = partial(seconds, device=device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    full = _repeated(images, batch)
    heatmaps = tuple(_heatmap_cost(explainer, images[:1], layer) for layer in layers)
    forward = timed(lambda: explainer.predict(full)) / batch
    statistics = timed(lambda: explainer.explain(full, layers=layers, heatmap=False)) / batch
    peak, method = _memory_peak(device)
    # As many at once as the search shows: a few images of a small model say little of a batch.
    count = int(min(MOST_AT_ONCE, max(1, PIXELS_ON_CPU // images[0].numel())))
    some = _repeated(images, count).cpu()
    masks = torch.zeros((count, *some.shape[-2:]), dtype=torch.bool)
    masks[:, : some.shape[-2] // 4, : some.shape[-1] // 4] = True
    other, probe = some.flip(0), Probe(explainer, subject)
    pictures = subject.pictures(images[:MOST_PICTURES].cpu())
    return Rates(
        device=str(device),
        threads=torch.get_num_threads(),
        batch=batch,
        load=load,
        forward=forward,
        statistics=statistics,
        heatmaps=heatmaps,
        shown=seconds(lambda: probe.predict(some)) / count,
        edit=seconds(lambda: blend(some, other, feathered(masks))) / count,
        picture=seconds(lambda: _stored_bytes(pictures)) / len(pictures),
        picture_bytes=_stored_bytes(pictures) / len(pictures),
        slower=seconds(yardstick) / REFERENCE,
        memory_peak=peak,
        memory_method=method,
    )


def _repeated(images: Tensor, count: int) -> Tensor:
    return images.repeat(-(-count // len(images)), 1, 1, 1)[:count]


def _heatmap_cost(explainer: Explainer, image: Tensor, layer: str) -> HeatmapCost:
    """Tell what every map takes from what is the same for all: what several take beyond one."""
    channels = explainer.channels(layer)

    def maps(count: int) -> object:
        concepts = [index % channels for index in range(count)]
        return explainer.paired_heatmaps(image, layer, [0] * count, concepts)

    one, many = (seconds(partial(maps, count), explainer.device) for count in (1, MAPS + 1))
    per_map = max(0.0, many - one) / MAPS
    return HeatmapCost(layer, max(0.0, one - per_map), per_map)


def seconds(work: Callable[[], object], device: torch.device | None = None) -> float:
    """Return the mean time of some runs after one that warms up: with whatever else is running."""

    def run() -> None:
        work()
        if device is not None and device.type == "cuda":
            import torch

            torch.cuda.synchronize(device)

    run()
    started = time.perf_counter()
    taken, count = 0.0, 0
    while taken < LEAST_SECONDS and count < MOST_REPEATS:
        run()
        taken = time.perf_counter() - started
        count += 1
    return taken / count


def yardstick() -> None:
    """Do some of what the search does besides: permutations, filters and sorting."""
    rng = stream(0, "yardstick")
    signs = 1.0 - 2.0 * rng.integers(0, 2, size=(20_000, 64), dtype=np.int8)
    signs @ rng.normal(size=64)
    pictures = rng.random((24, 64, 64))
    for picture in pictures:
        ndimage.gaussian_filter(picture, 2.0)
        ndimage.sobel(picture)
    np.sort(pictures.reshape(len(pictures), -1), axis=1)


def _stored_bytes(pictures: Iterable[np.ndarray]) -> int:
    """Return how large pictures are as the report stores them."""
    from auditor.base.heatmaps import resize
    from auditor.pipeline.illustrate import FULL_SIDE
    from auditor.report.show.picture_store import jpeg_bytes

    total = 0
    for picture in pictures:
        factor = min(1.0, FULL_SIDE / max(picture.shape[:2]))
        height, width = (max(1, round(side * factor)) for side in picture.shape[:2])
        total += len(jpeg_bytes(resize(picture, height, width), 82))
    return total


def _memory_peak(device: torch.device) -> tuple[int | None, str]:
    """Return the highest memory so far in bytes, and how it was measured."""
    if device.type == "cuda":
        import torch

        peak = int(torch.cuda.max_memory_allocated(device))
        return peak, "the most that PyTorch had allocated on the GPU"
    method = "the largest resident size of the process (ru_maxrss)"
    return peak_memory(), method
