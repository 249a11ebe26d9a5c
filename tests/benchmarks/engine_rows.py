"""The rows of the engine's benchmark: each measures one thing against one other."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor, nn

from auditor.concepts.references import references
from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.relevance.explainer import Explainer
from tests.benchmarks import peer
from tests.benchmarks.engine_gpu import gpu_rows
from tests.benchmarks.engine_row import Row, Sizes

LAST = {"vgg16": "features.28", "resnet18": "layer4.1.conv2"}
MIDDLE = {"vgg16": "features.14", "resnet18": "layer2.1.conv2"}
BLOCK = {"vgg16": "features.28", "resnet18": "layer4.1"}
REFERENCES = 40
PORTION = 16  # images per call, as the command line has it
NAMES = ("vgg16", "resnet18")


def random_model(name: str) -> nn.Module:
    """Build the model with random weights and batch-norm statistics of its own."""
    torch.manual_seed(0)
    model: nn.Module = getattr(torchvision.models, name)(weights=None)
    model.train()
    with torch.no_grad():
        model(torch.randn(4, 3, 64, 64))
    return model.eval()


def seconds(run: Callable[[], Any]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def interleaved(runs: int, *each: Callable[[], Any]) -> list[float]:
    """Return the median seconds of every call, after a first round that does not count."""
    for run in each:
        run()
    rounds = [[seconds(run) for run in each] for _ in range(runs)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def plain_forward(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    """Return a plain forward pass, channels last, batch norm folded."""
    copy = peer.fused(model).to(memory_format=torch.channels_last)
    laid_out = images.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def run() -> Tensor:
        result: Tensor = copy(laid_out)
        return result

    return run


def conditional(name: str, layer: str, goal: str, sizes: Sizes) -> list[Row]:
    """K conditional heatmaps of one image: against zennit-crp, and against a forward pass."""
    model = random_model(name)
    x = torch.randn(1, 3, sizes.size, sizes.size)
    explainer = Explainer(model, x)
    target = int(explainer.predict(x).argmax())
    total = explainer.explain(x, layers=(layer,), heatmap=False).relevance[layer]
    concepts = total.abs().sum((0, 2, 3)).argsort(descending=True)[: sizes.concepts].tolist()
    few = concepts[: sizes.peer_concepts]
    theirs = partial(peer.heatmaps, peer.attribution(model), name, x, layer, few, target)
    speeds = {batch: seconds(partial(theirs, batch)) for batch in sizes.peer_batches}
    best = min(speeds, key=speeds.__getitem__)
    found = explainer.conditional_heatmaps(x, layer, few)[:, 0]
    expected = theirs(best)
    distance = (found - expected).flatten(1).norm(dim=1) / expected.flatten(1).norm(dim=1)
    forward = plain_forward(model, x)
    mine, other, once = interleaved(
        sizes.runs,
        partial(explainer.conditional_heatmaps, x, layer, concepts),
        partial(theirs, best),
        lambda: [forward() for _ in range(5)],
    )
    mine, other, once = mine / len(concepts), other / len(few), once / 5
    label = f"conditional heatmap, {name} `{layer}`, K = {len(concepts)}"
    note = f"batch {best}; relative L2, median concept {float(distance.median()):.1e}"
    return [
        Row.faster(label, 1e3 * mine, 1e3 * other, "ms", f"zennit-crp, {note}", goal),
        Row.over(label, 1e3 * mine, 1e3 * once, "ms", "one plain forward", "at most 1.1"),
    ]


def pass_over_layers(name: str, every: bool, sizes: Sizes) -> list[Row]:
    """Time the statistics pass per image over a plain forward of the same batch."""
    model = random_model(name)
    images = torch.randn(8, 3, sizes.size, sizes.size)
    explainer = Explainer(model, images[:1])
    convolutions = [key for key, each in model.named_modules() if isinstance(each, nn.Conv2d)]
    layers = convolutions if every else [BLOCK[name]]
    mine, other = interleaved(
        sizes.runs, partial(explainer.statistics, images, layers), plain_forward(model, images)
    )
    what = f"all {len(layers)} convolutions" if every else f"`{layers[0]}`"
    label = f"statistics pass, {name}, {what}, per image"
    scale = 1e3 / len(images)
    goal = "at most 3.2" if every else "at most 1.3"
    return [Row.over(label, scale * mine, scale * other, "ms", "one plain forward", goal)]


def table(explainer: Explainer, images: Tensor, targets: Tensor, layer: str) -> Any:
    """Return the tables of a pass over the images, as the pipeline's records."""
    parts = [
        explainer.statistics(some, [layer], chosen)
        for some, chosen in zip(images.split(PORTION), targets.split(PORTION), strict=True)
    ]
    tables = [part.layers[layer] for part in parts]
    count = len(images)
    records = LayerRelevance(
        layer=layer,
        size=tables[0].size,
        relevance=torch.cat([each.relevance for each in tables]).numpy(),
        peak=torch.cat([each.peak for each in tables]).numpy().astype(np.int32),
        activation=torch.cat([each.activation for each in tables]).numpy(),
        cuts=True,
    )
    logits = torch.cat([part.logits for part in parts]).numpy()
    names = tuple(str(each) for each in range(logits.shape[1]))
    manifest = Manifest(
        paths=tuple(str(row) for row in range(count)), labels=targets.numpy(), classes=names
    )
    samples = Samples(
        manifest=manifest, valid=np.ones(count, dtype=bool), quarantine=(None,) * count,
        logits=logits, prediction=logits.argmax(1), target=targets.numpy(),
        discovery=np.ones(count, dtype=bool),
    )  # fmt: skip
    return records, samples


def all_references(explainer: Explainer, images: Tensor, targets: Tensor, layer: str) -> None:
    """Run the pass and choose references by both origins, over all data and per class."""
    records, samples = table(explainer, images, targets, layer)
    for output in (None, *sorted(set(targets.tolist()))):
        for origin in ("relevance", "activation"):
            references(records, samples, k=40, origin=origin, output=output)


def data_set(count: int, size: int) -> tuple[Tensor, Tensor]:
    """Return images that differ in colour, and the class to explain of each."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(count, 3, size, size, generator=generator)
    tint = torch.randn(count, 3, 1, 1, generator=generator)
    return images + tint, torch.arange(count) % 4


def statistics_against_peer(name: str, sizes: Sizes) -> list[Row]:
    """Time the pass with references per class against ``FeatureVisualization.run``."""
    model, layer = random_model(name), LAST[name]
    images, targets = data_set(sizes.images, sizes.size)
    explainer = Explainer(model, images[:1])
    attributor = peer.attribution(model)
    with tempfile.TemporaryDirectory() as folder:

        def theirs(batch: int) -> None:
            place = Path(tempfile.mkdtemp(dir=folder))
            analysis = peer.visualisation(attributor, images, targets, [layer], place)
            peer.analyse(analysis, name, len(images), batch)

        speeds = {batch: seconds(partial(theirs, batch)) for batch in sizes.peer_batches}
        best = min(speeds, key=speeds.__getitem__)
        mine, other = interleaved(
            sizes.runs,
            partial(all_references, explainer, images, targets, layer),
            partial(theirs, best),
        )
    scale = 1e3 / len(images)
    label = f"statistics with references per class, {name} `{layer}`, per image"
    against = f"FeatureVisualization.run, batch {best}"
    return [Row.faster(label, scale * mine, scale * other, "ms", against, "at least 8")]


def reference_heatmaps(name: str, sizes: Sizes) -> list[Row]:
    """40 reference samples of each of 64 concepts, against zennit-crp's own loop.

    The data set has four times the images of the other rows, so that an image is a reference of
    about ten concepts.
    """
    model, layer = random_model(name), LAST[name]
    images, targets = data_set(4 * sizes.images, sizes.size)
    explainer = Explainer(model, images[:1])
    records, _ = table(explainer, images, targets, layer)
    count = min(REFERENCES, len(images))
    concepts = np.argsort(-np.abs(records.relevance).sum(0))[: sizes.concepts].tolist()
    chosen = {each: np.argsort(-records.relevance[:, each])[:count].tolist() for each in concepts}
    few = concepts[: max(1, sizes.peer_concepts // 8)]

    def ours() -> None:
        for first in range(0, len(images), PORTION):
            here = range(first, min(first + PORTION, len(images)))
            pairs = [
                (int(row) - first, each) for each in concepts for row in chosen[each] if row in here
            ]
            explainer.paired_heatmaps(
                images[here.start : here.stop], layer, [row for row, _ in pairs],
                [each for _, each in pairs], targets[here.start : here.stop],
            )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        analysis = peer.visualisation(
            peer.attribution(model), images, targets, [layer], Path(folder)
        )
        peer.analyse(analysis, name, len(images), 8)
        theirs = partial(peer.references, analysis, name, layer, few, count)
        speeds = {batch: seconds(partial(theirs, batch)) for batch in sizes.peer_batches}
        best = min(speeds, key=speeds.__getitem__)
        mine, other = interleaved(1, ours, partial(theirs, best))
    mine, other = 1e3 * mine / (len(concepts) * count), 1e3 * other / (len(few) * count)
    label = (
        f"reference heatmap, {name} `{layer}`, {count} references x {len(concepts)} concepts "
        f"out of {len(images)} images"
    )
    against = f"get_max_reference on {len(few)} of the concepts, batch {best}"
    return [Row.faster(label, mine, other, "ms", against, "at least 10")]


def peak_memory(sizes: Sizes) -> list[Row]:
    """Peak memory of a process that only explains VGG-16, over one that only runs it."""
    explains, runs = (_peak(each, sizes) for each in ("explain", "run"))
    label = f"peak memory, vgg16 `features.28`, K = {sizes.concepts}"
    return [
        Row.over(label, explains, runs, "GB", "a process that only runs the model", "3 GB at most")
    ]


def _peak(what: str, sizes: Sizes) -> float:
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.engine_rows", what]
    command += [str(sizes.size), str(sizes.concepts), str(torch.get_num_threads())]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(found.stdout.split()[-1])


def _child(what: str, size: int, concepts: int, threads: int) -> None:
    torch.set_num_threads(threads)
    model = torchvision.models.vgg16(weights=None).eval()
    x = torch.randn(1, 3, size, size)
    if what == "explain":
        explainer = Explainer(model, x)
        explainer.conditional_heatmaps(x, "features.28", range(concepts))
    else:
        with torch.no_grad():
            model(x)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


ROWS: dict[str, Callable[[Sizes], list[Row]]] = {
    "vgg16-last": partial(conditional, "vgg16", LAST["vgg16"], "at least 10"),
    "resnet18-last": partial(conditional, "resnet18", LAST["resnet18"], "at least 7"),
    "vgg16-middle": partial(conditional, "vgg16", MIDDLE["vgg16"], "at least 10"),
    "resnet18-middle": partial(conditional, "resnet18", MIDDLE["resnet18"], "at least 10"),
    "references": partial(reference_heatmaps, "resnet18"),
    "pass-last": lambda sizes: [
        row for each in NAMES for row in pass_over_layers(each, False, sizes)
    ],
    "pass-all": lambda sizes: [
        row for each in NAMES for row in pass_over_layers(each, True, sizes)
    ],
    "pass-peer": partial(statistics_against_peer, "resnet18"),
    "memory": peak_memory,
    "gpu": gpu_rows,
}

if __name__ == "__main__":
    _child(sys.argv[1], *(int(each) for each in sys.argv[2:]))
