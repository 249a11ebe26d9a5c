"""Concept flipping: switch a layer's concepts off or on in order of relevance, and read the logit.

Source: Achtibat et al. 2023, evaluation of concept relevance by flipping. A good ranking makes the
explained logit fall early while concepts go off, and rise early while they come on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.base.progress import Step
from auditor.base.streams import stream
from auditor.records.concepts import Baseline, Direction, FlippingCurves
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.heatmaps import Load
from auditor.relevance.sweep.partial import Upper

STEPS = 8
RANDOM_ORDERS = 2
WAYS: tuple[tuple[Direction, Baseline], ...] = (("off", "zero"), ("off", "mean"), ("on", "zero"))
RANDOM = "random"


def flipping_curves(
    explainer: Explainer,
    load: Load,
    layer: str,
    rows: Sequence[int],
    targets: Sequence[int],
    *,
    steps: int = STEPS,
    random_orders: int = RANDOM_ORDERS,
    batch: int = 16,
    progress: Step | None = None,
    seed: int,
) -> tuple[FlippingCurves, ...]:
    """Return the explained logit while the concepts of a layer are switched, in every order.

    Orders, the largest first: ``relevance`` (summed over positions), ``activation`` (the largest
    over positions, as activation maximisation ranks), ``gradient`` (times activation, summed) and
    ``random`` (the mean curve of ``random_orders`` orders). Concepts go off to zero and to their
    mean over positions and samples, and come on from zero. After step s of S the first
    ``(s / S) ** 2`` of the concepts are switched, so that the first ones are looked at closely.
    Only the part of the model above the layer runs again.

    Args:
        explainer: the engine.
        load: rows -> images.
        layer: whose channels are switched.
        rows: the samples.
        targets: the output whose logit is read and explained, per sample.
        steps: how many steps follow the start.
        random_orders: how many random orders are averaged.
        batch: images per batch.
        progress: told the number of samples done.
        seed: of the random orders, which are each sample's own.
    """
    portions = [slice(start, start + batch) for start in range(0, len(rows), batch)]
    fill = _mean_activation(explainer, load, layer, [rows[part] for part in portions])
    counts = steps_of(len(fill), steps)
    parts = []
    for part in portions:
        asked = torch.tensor([int(target) for target in targets[part]])
        images = load([int(row) for row in rows[part]])
        above = explainer.upper(images, layer)
        orders = _orders(explainer, above, images, asked, layer)
        draws = [stream(seed, "flipping", layer, row) for row in rows[part]]
        orders[RANDOM] = _random_orders(draws, random_orders, len(fill))
        parts.append([_curves(above, asked, orders, counts, *way, fill) for way in WAYS])
        if progress is not None:
            progress(len(asked))
    return tuple(
        FlippingCurves(
            layer=layer,
            direction=direction,
            baseline=baseline,
            rows=np.asarray(rows, dtype=np.int64),
            switched=counts / len(fill),
            curves={
                name: np.concatenate([part[index][name] for part in parts])
                for name in parts[0][index]
            },
        )
        for index, (direction, baseline) in enumerate(WAYS)
    )


def flipping_samples(samples: Samples, outputs: Sequence[int], count: int) -> tuple[int, ...]:
    """Return up to ``count`` members, the classes in turn, spread over each class's rows."""
    most = -(-count // max(len(outputs), 1))
    spread = []
    for output in outputs:
        members = samples.members(output)
        evenly = np.linspace(0, len(members) - 1, min(most, len(members))).round().astype(int)
        spread.append([int(row) for row in members[np.unique(evenly)]])
    longest = max((len(rows) for rows in spread), default=0)
    turns = [rows[turn] for turn in range(longest) for rows in spread if turn < len(rows)]
    return tuple(sorted(turns[:count]))


def steps_of(concepts: int, steps: int) -> Int[np.ndarray, "step"]:
    """Return how many concepts are switched after each step, from none to all."""
    share = (np.arange(steps + 1) / steps) ** 2
    counts: np.ndarray = np.unique(np.ceil(share * concepts - 1e-9).astype(np.int64))
    return counts


def _mean_activation(
    explainer: Explainer, load: Load, layer: str, portions: Sequence[Sequence[int]]
) -> Tensor:
    sums, count = None, 0
    for rows in portions:
        images = load([int(row) for row in rows])
        maps = explainer.activations(images, (layer,))[layer]
        means = maps.mean(dim=(2, 3)).sum(0)
        sums = means if sums is None else sums + means
        count += len(maps)
    assert sums is not None  # there are samples
    mean: Tensor = sums / count
    return mean


def _orders(
    explainer: Explainer,
    above: Upper,
    images: Tensor,
    targets: Tensor,
    layer: str,
) -> dict[str, list[Int[np.ndarray, "sample concept"]]]:
    """Return the place of every concept in every measured order, 0 for the first to be switched."""
    activation = above.activation()
    relevance = explainer.explain(images, targets, layers=(layer,), heatmap=False).relevance[layer]
    scores = {
        "relevance": relevance.sum((2, 3)),
        "activation": activation.amax((2, 3)),
        "gradient": (above.gradient(targets) * activation).sum((2, 3)),
    }
    return {name: [_places(score.cpu().numpy())] for name, score in scores.items()}


def _random_orders(
    draws: Sequence[np.random.Generator], count: int, concepts: int
) -> list[Int[np.ndarray, "sample concept"]]:
    """Return ``count`` random orders of the concepts of every sample, drawn for each alone."""
    scores = np.stack([each.random((count, concepts)) for each in draws], axis=1)
    return [_places(each) for each in scores]


def _places(scores: Float[np.ndarray, "sample concept"]) -> Int[np.ndarray, "sample concept"]:
    order = np.argsort(-scores, axis=1, kind="stable")
    places: np.ndarray = np.argsort(order, axis=1, kind="stable")
    return places


def _curves(
    above: Upper,
    targets: Tensor,
    orders: dict[str, list[Int[np.ndarray, "sample concept"]]],
    counts: Int[np.ndarray, "step"],
    direction: Direction,
    baseline: Baseline,
    fill: Tensor,
) -> dict[str, Float[np.ndarray, "sample step"]]:
    """Return the logit after every step; the ends are the same for all orders and run once."""
    value = fill if baseline == "mean" else None

    def read(keep: Bool[np.ndarray, "sample concept"]) -> Float[np.ndarray, "sample"]:
        logits = above.logits(torch.from_numpy(keep), value).cpu()
        chosen: np.ndarray = logits.gather(1, targets[:, None])[:, 0].numpy().astype(np.float64)
        return chosen

    shape = orders[RANDOM][0].shape
    start, end = read(np.full(shape, direction == "off")), read(np.full(shape, direction == "on"))
    found = {}
    for name, several in orders.items():
        curves = [
            [read(_kept(places, int(count), direction)) for count in counts[1:-1]]
            for places in several
        ]
        between = np.mean(curves, axis=0).reshape(-1, len(start)).T
        found[name] = np.column_stack([start, between, end])
    return found


def _kept(
    places: Int[np.ndarray, "sample concept"], count: int, direction: Direction
) -> Bool[np.ndarray, "sample concept"]:
    kept: np.ndarray = places >= count if direction == "off" else places < count
    return kept
