"""Time conditional heatmaps against zennit-crp: ``python -m tests.benchmarks.engine --help``.

Prints one JSON object: per model and K the median seconds of interleaved runs of both, their
ratio, and the relative L2 distance of the heatmaps. zennit-crp runs ``CondAttribution.generate``
on a model with batch norm folded beforehand, at the fastest of several batch sizes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torchvision
from crp.attribution import CondAttribution
from torch import Tensor, nn
from zennit.composites import EpsilonPlusFlat
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

from auditor.relevance.explainer import Explainer
from tests.relevance.test_parity import fused

CASES = {
    "vgg16": ("features.28", VGGCanonizer),
    "resnet18": ("layer4.1.conv2", ResNetCanonizer),
}


def main() -> None:
    """Parse the arguments, run, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--concepts", nargs="+", type=int, default=[1, 16, 64])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[4, 8, 16])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = [row for name in arguments.models for row in measure(name, arguments)]
    print(json.dumps({"threads": arguments.threads, "size": arguments.size, "rows": rows}))


def random_model(name: str) -> nn.Module:
    """Build the model with random weights and batch-norm statistics of its own."""
    torch.manual_seed(0)
    model: nn.Module = getattr(torchvision.models, name)(weights=None)
    model.train()
    with torch.no_grad():
        model(torch.randn(4, 3, 64, 64))
    return model.eval()


def measure(name: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row per number of concepts."""
    layer, canonizer = CASES[name]
    model = random_model(name)
    x = torch.randn(1, 3, arguments.size, arguments.size)
    explainer = Explainer(model, x)
    target = int(explainer.predict(x).argmax())
    attribution = CondAttribution(fused(model))
    total = explainer.explain(x, layers=(layer,), heatmap=False).relevance[layer]
    ranked = total.abs().sum((0, 2, 3)).argsort(descending=True).tolist()
    rows = []
    for count in arguments.concepts:
        concepts = ranked[:count]

        conditions = [{"y": [target], layer: [concept]} for concept in concepts]
        ours = partial(by_auditor, explainer, x, layer, concepts)
        theirs = partial(by_zennit, attribution, x, conditions, canonizer)
        sizes = sorted({min(size, count) for size in arguments.batch_sizes})
        speeds = {size: seconds(partial(theirs, size)) for size in sizes}
        best = min(speeds, key=speeds.__getitem__)
        found, expected = ours(), theirs(best)
        pairs = [(seconds(ours), seconds(partial(theirs, best))) for _ in range(arguments.runs)]
        mine = statistics.median(pair[0] for pair in pairs)
        other = statistics.median(pair[1] for pair in pairs)
        distances = (found - expected).flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)
        rows.append({
            "model": name, "layer": layer, "concepts": count, "ours_s": round(mine, 4),
            "zennit_crp_s": round(other, 4), "zennit_batch": best,
            "speed_ratio": round(other / mine, 2),
            "relative_l2_median": float(distances.median()),
            "relative_l2_worst": float(distances.max()),
        })  # fmt: skip
    return rows


def by_auditor(explainer: Explainer, x: Tensor, layer: str, concepts: list[int]) -> Tensor:
    """Return the conditional heatmaps (K, H, W) by this package."""
    return explainer.conditional_heatmaps(x, layer, concepts)[:, 0]


def by_zennit(
    attribution: CondAttribution, x: Tensor, conditions: list[Any], canonizer: type, size: int
) -> Tensor:
    """Return the conditional heatmaps (K, H, W) by zennit-crp."""
    data = x.clone().requires_grad_()
    composite = EpsilonPlusFlat(canonizers=[canonizer()])
    parts = attribution.generate(data, conditions, composite, batch_size=size, verbose=False)
    return torch.cat([part.heatmap.detach() for part in parts])


def seconds(run: Callable[[], Tensor]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
