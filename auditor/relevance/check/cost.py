"""Measure what the engine's work costs on this machine: time from one batch, memory at its peak."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

MAPS = 8
LEAST_SECONDS, MOST_REPEATS = 0.6, 20


class Engine(Protocol):
    """What is measured of an explainer."""

    @property
    def device(self) -> torch.device:
        """Return where it runs."""

    def predict(self, images: Tensor) -> Tensor:
        """Return the logits."""

    def explain(
        self,
        images: Tensor,
        targets: Tensor | None = None,
        layers: Sequence[str] = (),
        *,
        heatmap: bool = True,
    ) -> Any:
        """Return relevance."""

    def paired_heatmaps(
        self,
        images: Tensor,
        layer: str,
        samples: Sequence[int],
        concepts: Sequence[int | tuple[int, ...]],
    ) -> Tensor:
        """Return conditional heatmaps."""


@dataclass(frozen=True)
class HeatmapCost:
    """Seconds of conditional heatmaps of a layer: once per image, and for each map."""

    layer: str
    per_image: float
    per_map: float


@dataclass(frozen=True)
class Cost:
    """What one batch cost. Seconds are wall-clock, per image unless said otherwise.

    ``statistics``: the pass that collects relevance at the audited layers. ``memory_before`` and
    ``memory_peak``: bytes before the first batch and at the highest, measured as
    ``memory_method`` says; None where the platform does not tell.
    """

    device: str
    threads: int
    batch: int
    forward: float
    statistics: float
    heatmaps: tuple[HeatmapCost, ...]
    memory_before: int | None
    memory_peak: int | None
    memory_method: str


def measure(
    engine: Engine,
    images: Tensor,
    layers: Sequence[str],
    leading: dict[str, list[int]],
    *,
    batch: int,
) -> Cost:
    """Measure a forward, the statistics pass and conditional heatmaps on ``images`` repeated.

    ``leading``: channels of each layer whose heatmaps are computed.
    """
    device = engine.device
    memory = _Memory(device)
    repeats = -(-batch // images.shape[0])
    filled = images.repeat(repeats, 1, 1, 1)[:batch]
    heatmaps = tuple(_heatmap_cost(engine, images[:1], layer, leading[layer]) for layer in layers)
    forward = mean_seconds(device, lambda: engine.predict(filled)) / batch
    statistics = mean_seconds(device, lambda: engine.explain(filled, layers=layers, heatmap=False))
    before, peak = memory.before, memory.peak()
    return Cost(
        device=str(device),
        threads=torch.get_num_threads(),
        batch=batch,
        forward=forward,
        statistics=statistics / batch,
        heatmaps=heatmaps,
        memory_before=before,
        memory_peak=peak,
        memory_method=memory.method,
    )


def _heatmap_cost(
    engine: Engine, image: Tensor, layer: str, channels: Sequence[int]
) -> HeatmapCost:
    many = (
        [*channels, *channels][: MAPS + 1] if len(channels) < MAPS + 1 else [*channels[: MAPS + 1]]
    )
    count = len(many)

    def maps(concepts: Sequence[int]) -> Callable[[], object]:
        return lambda: engine.paired_heatmaps(image, layer, [0] * len(concepts), list(concepts))

    one = mean_seconds(engine.device, maps(many[:1]))
    all_of_them = mean_seconds(engine.device, maps(many))
    if count < 2:
        return HeatmapCost(layer, 0.0, one)
    each = max(0.0, all_of_them - one) / (count - 1)
    return HeatmapCost(layer, max(0.0, one - each), each)


def mean_seconds(
    device: torch.device,
    work: Callable[[], object],
    least: float = LEAST_SECONDS,
    most: int = MOST_REPEATS,
) -> float:
    """Return the mean time of some runs after one that warms up: with whatever else is running.

    As many runs as take ``least`` seconds, and at most ``most``.
    """
    work()
    _wait(device)
    started = time.perf_counter()
    taken, count = 0.0, 0
    while taken < least and count < most:
        work()
        _wait(device)
        taken = time.perf_counter() - started
        count += 1
    return taken / count


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class _Memory:
    """The highest memory so far: of the GPU as torch allocates it, else of the process."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.method = "the most that PyTorch had allocated on the GPU"
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        else:
            self.method = "the largest resident size of the process (ru_maxrss)"
        self.before = self.peak()

    def peak(self) -> int | None:
        """Return bytes."""
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        return resident_peak()


def resident_peak() -> int | None:
    """Return the largest resident size of this process so far in bytes, None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(largest) * (1 if sys.platform == "darwin" else 1024)
