"""The rows for a GPU: absolute times, and the share of the arithmetic or bandwidth reached.

The arithmetic and the bandwidth of the device are measured beside, by a matrix product and a copy
in float32, not taken from a data sheet.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import torch
import torchvision
from torch import nn

from auditor.relevance.explainer import Explainer
from tests.benchmarks.engine_row import Row, Sizes

CASES = {"resnet50": "layer4.2", "vgg16": "features.28"}
IMAGES, BATCH = 10_000, 64
SIDE = 8192


def gpu_rows(sizes: Sizes) -> list[Row]:
    """Return the rows of every model; none without a GPU, which is said on stderr."""
    if not torch.cuda.is_available():
        print("no GPU is at hand: its rows are left out", file=sys.stderr)
        return []
    rate, bandwidth = arithmetic(), copying()
    return [row for name in CASES for row in _rows(name, sizes, rate, bandwidth)]


def timed(run: Callable[[], object], runs: int = 3) -> float:
    """Return the median seconds of a call, after one that does not count."""
    run()
    found = []
    for _ in range(runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def arithmetic() -> float:
    """Return the multiplications and additions per second of a float32 matrix product."""
    left = torch.randn(SIDE, SIDE, device="cuda")
    return 2 * SIDE**3 / timed(lambda: left @ left)


def copying() -> float:
    """Return the bytes per second that a copy reads and writes."""
    values = torch.empty(1 << 28, device="cuda")
    other = torch.empty_like(values)
    return 2 * values.numel() * 4 / timed(lambda: other.copy_(values))


def work(model: nn.Module, size: int) -> tuple[float, float]:
    """Return the operations of one forward pass of an image and the bytes of its feature maps."""
    operations = maps = 0.0

    def count(module: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal operations, maps
        weight = module.get_parameter("weight")
        positions = output[0, 0].numel() if output.dim() == 4 else 1
        operations += 2 * weight.numel() * positions
        maps += 4 * output[0].numel()

    hooks = [
        each.register_forward_hook(count)
        for each in model.modules()
        if isinstance(each, (nn.Conv2d, nn.Linear))
    ]
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size, device="cuda"))
    for hook in hooks:
        hook.remove()
    return operations, maps


def _rows(name: str, sizes: Sizes, rate: float, bandwidth: float) -> list[Row]:
    model = getattr(torchvision.models, name)(weights=None).eval().cuda()
    images = torch.randn(BATCH, 3, sizes.size, sizes.size, device="cuda")
    explainer = Explainer(model, images[:1])
    layer = CASES[name]
    operations, maps = work(model, sizes.size)
    full, rest = divmod(IMAGES, BATCH)

    def whole_pass() -> None:
        for _ in range(full):
            explainer.statistics(images, [layer])
        explainer.statistics(images[:rest], [layer])

    one = timed(whole_pass, 1)
    least = IMAGES * max(operations / rate, 2 * maps / bandwidth)
    concepts = range(sizes.concepts)
    maps_took = timed(lambda: explainer.conditional_heatmaps(images[:1], layer, concepts))
    # One adjoint per convolution and heatmap; c is written and read once per feature map.
    bound = sizes.concepts * max(operations / rate, 2 * maps / bandwidth)
    goal = "absolute"
    return [
        Row.over(
            f"statistics pass of {IMAGES} images, {name} `{layer}`, GPU", one, least, "s",
            "the limit of one forward pass each", goal,
        ),
        Row.over(
            f"{sizes.concepts} conditional heatmaps, {name} `{layer}`, GPU", 1e3 * maps_took,
            1e3 * bound, "ms", "the limit of one adjoint pass each", goal,
        ),
    ]  # fmt: skip
