"""How much faster parts of the search are than the plain way to compute the same.

    python -m tests.benchmarks.search_speed

Each part runs in turn with its plain twin, in one process with one thread; what is printed are CPU
seconds and their ratio, the median over rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from auditor.causal.pixels import FEATHER, feathered
from auditor.concepts.principal import principal
from auditor.concepts.strategies import strategies
from auditor.records.stages import LayerRelevance
from auditor.shortcuts.likeness import repeats, stereotypy
from auditor.shortcuts.propose.windows import Shape, masks_of
from auditor.shortcuts.scenes import Scene, Windows, scene
from auditor.shortcuts.statistics import bootstrap_interval, sign_flip_p

ROUNDS = 5
Pair = tuple[Callable[[], object], Callable[[], object]]


def weights_by_pooling(masks: Tensor) -> Tensor:
    """Return the weights of masks by pooling over windows of every size."""
    outside = (~masks).float()[:, None]
    depth = torch.zeros_like(outside)
    for reach in range(FEATHER + 1):
        depth += 1 - functional.max_pool2d(outside, 2 * reach + 1, stride=1, padding=reach)
    middle = (depth == functional.max_pool2d(depth, 3, stride=1, padding=1)) & (depth > 0)
    return torch.where(middle, 1.0, depth / (FEATHER + 1))


def p_by_signs(effects: np.ndarray, permutations: int, rng: np.random.Generator) -> float:
    """Return the p-value with a sign drawn for every effect of every permutation."""
    signs = 1.0 - 2.0 * rng.integers(0, 2, size=(permutations, len(effects)), dtype=np.int8)
    return float((1 + (signs @ effects >= effects.sum()).sum()) / (1 + permutations))


def interval_by_multinomials(effects: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Return the bootstrap interval with the counts of every sample drawn as a multinomial."""
    targets, slots = effects.shape
    weights = rng.multinomial(targets, np.full(targets, 1 / targets), size=2000) / targets
    picks = rng.multinomial(slots, np.full(slots, 1 / slots), size=2000) / slots
    low, high = np.quantile(((weights @ effects) * picks).sum(axis=1), [0.025, 0.975])
    return float(low), float(high)


def likeness_of_units(crops: np.ndarray) -> float:
    """Return the stereotypy of crops that are each scaled to a length of 1 first."""
    norms = np.linalg.norm(crops, axis=2, keepdims=True)
    unit = np.divide(crops, norms, out=np.zeros_like(crops), where=norms > 0)
    centre = unit[:, crops.shape[1] // 2]
    best = np.einsum("ap,bsp->abs", centre, unit, optimize=True).max(axis=2)
    best = np.maximum(best, best.T)
    np.fill_diagonal(best, -np.inf)
    return float(np.median(np.sort(best, axis=1)[:, :-4:-1].mean(axis=1)))


def repeats_by_windows(windows: Windows) -> float:
    """Return how well windows are met again, each cut out (for windows that are not thinned)."""
    height, width = windows.shape.height, windows.shape.width
    values = []
    for row, (top, left) in zip(windows.rows, windows.corners, strict=True):
        image = windows.scene.gradients[row, :2]
        tiles = np.lib.stride_tricks.sliding_window_view(image, (height, width), axis=(1, 2))
        down, right = np.ogrid[: tiles.shape[1], : tiles.shape[2]]
        clear = (abs(down - top) >= height) | (abs(right - left) >= width)
        others = tiles.transpose(1, 2, 0, 3, 4)[clear].reshape(int(clear.sum()), -1)
        itself = image[:, top : top + height, left : left + width].ravel()
        lengths = np.linalg.norm(others, axis=1) * np.linalg.norm(itself)
        values.append(float((others @ itself / np.maximum(lengths, 1e-6)).max()))
    return float(np.median(values))


def random_scene(rng: np.random.Generator) -> Scene:
    """Return a class of noise."""
    pictures = rng.integers(0, 256, (60, 64, 64, 3)).astype(np.uint8)
    return scene(pictures, rng.random((60, 64, 64)))


def relevance_of(members: int, concepts: int, rng: np.random.Generator) -> LayerRelevance:
    """Return relevance of a class with three strategies."""
    means = rng.gamma(0.5, size=(3, concepts))[rng.integers(0, 3, members)]
    relevance = (means * rng.gamma(2.0, size=means.shape)).astype(np.float32)
    places = np.zeros(means.shape, np.int64)
    return LayerRelevance("layer", (7, 7), relevance, places, relevance, cuts=True)


def pairs() -> dict[str, Pair]:
    """Return what is compared: the plain way, and the package's."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 150, (64, 2))
    masks = torch.from_numpy(masks_of(corners, Shape("square", 65, 65), (224, 224)))
    effects = rng.normal(0.1, 1.0, (64, 4))
    shares = rng.random((400, 512))
    crops = rng.normal(size=(12, 25, 2904)).astype(np.float32)
    places = rng.integers(0, 42, (12, 2))
    windows = Windows(random_scene(rng), np.arange(12), places, Shape("square", 22, 22))

    def by_values() -> object:
        return np.linalg.svd(shares - shares.mean(axis=0), full_matrices=False)

    return {
        "weights of 64 masks of 224 pixels": (
            lambda: weights_by_pooling(masks),
            lambda: feathered(masks),
        ),
        "20,000 sign flips of 64 effects": (
            lambda: p_by_signs(effects[:, 0], 20_000, rng),
            lambda: sign_flip_p(effects[:, 0], 20_000, rng),
        ),
        "interval of 64 x 4 effects": (
            lambda: interval_by_multinomials(effects, rng),
            lambda: bootstrap_interval(effects, rng),
        ),
        "10 components of 400 x 512 shares": (by_values, lambda: principal(shares, 10)),
        "likeness of 12 windows": (lambda: likeness_of_units(crops), lambda: stereotypy(crops)),
        "repeats of 12 windows": (lambda: repeats_by_windows(windows), lambda: repeats(windows)),
    }


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"{'part':36} {'plain, s':>9} {'here, s':>9} {'ratio':>6}")
    for name, pair in pairs().items():
        for work in pair:
            work()
        rounds = [[cpu_seconds(work) for work in pair] for _round in range(ROUNDS)]
        plain, here = np.median(rounds, axis=0)
        print(f"{name:36} {plain:9.4f} {here:9.4f} {plain / here:6.1f}")
    rng = np.random.default_rng(0)
    for members in (200, 800, 5000):
        layer = relevance_of(members, 512, rng)
        rows = np.arange(members)
        seconds = cpu_seconds(lambda one=layer, of=rows: strategies(one, 0, of, rng=rng))
        print(f"strategies of {members} members x 512 concepts: {seconds:.2f} s")


if __name__ == "__main__":
    main()
