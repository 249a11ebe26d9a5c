"""What 50,000 photographs and 1,000 classes take, by what one thread takes here.

    python -m tests.benchmarks.scale

Torchvision's ResNet-50 with random weights, two layers, noise of 500 x 375 pixels brought to 224.
Timed is CPU time, so that what else the machine does matters little; everything is counted as
`auditor check` does. All but the pass and the search is counted as done by one worker, although
reference samples and atlases are shared by now.
Times on a GPU are arithmetic and were not measured: operations of the model at `GPU_SHARE` of the
peak that its maker states, and what runs on the CPU beside it as measured here.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from auditor.causal.work import most_candidates, work_of_search
from auditor.cli.check import rates as timing
from auditor.cli.check.rates import HeatmapCost, Rates
from auditor.config.audit import Config, parse_config
from auditor.pipeline.analyses import work_of_analyses
from auditor.pipeline.concepts import pass_plan
from auditor.pipeline.illustrate import work_of_atlas, work_of_samples
from auditor.pipeline.opening import make_explainer
from auditor.records.work import Work
from auditor.subject import load_subject
from auditor.subject.imagenet import imagenet_wnids

IMAGES, CLASSES, SIZE = 50_000, 1_000, (224, 224)
LAYERS, CHANNELS = ("layer3", "layer4"), (1024, 2048)
# Operations of one picture: forward, with relevance at the layers, a conditional heatmap.
FORWARD, PASS, MAP = 8.2e9, 3 * 8.2e9, 2 * 8.2e9
GPU_PEAK, GPU_SHARE = 67e12, 1 / 3  # float32 of an H100 or H200 (SXM), without tensor cores


def audit_in(folder: Path) -> Config:
    """Lay out a model and a few pictures of the size, and return their audit."""
    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None)
    save_file(model.state_dict(), str(folder / "model.safetensors"))
    rng = np.random.default_rng(0)
    for name in imagenet_wnids()[:: CLASSES // 2]:
        (folder / "val" / name).mkdir(parents=True)
        for row in range(16):
            coarse = Image.fromarray(rng.integers(0, 255, (12, 16, 3)).astype(np.uint8))
            coarse.resize((500, 375)).save(folder / "val" / name / f"{row}.jpg")
    return parse_config(
        {
            "model": {
                "source": "torchvision:resnet50?weights=IMAGENET1K_V2",
                "weights": str(folder / "model.safetensors"),
            },
            "data": {"source": str(folder / "val")},
            "audit": {"layers": list(LAYERS)},
        }
    )


def measured(config: Config, folder: Path) -> Rates:
    """Return what everything takes in CPU seconds of one thread."""
    torch.set_num_threads(1)
    subject = load_subject(config, folder)
    explainer = make_explainer(config, subject)
    timing.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]
    rows = list(range(config.audit.batch))
    images = subject.load(rows)
    load = timing.seconds(lambda: subject.load(rows)) / len(rows)
    return timing.measure(config, subject, explainer, images, load)


def on_gpu(here: Rates) -> Rates:
    """Return the rates of a GPU by arithmetic, with the CPU's part as it was measured."""
    speed = GPU_PEAK * GPU_SHARE
    maps = tuple(HeatmapCost(each.layer, PASS / speed, MAP / speed) for each in here.heatmaps)
    return replace(here, statistics=PASS / speed, shown=FORWARD / speed, heatmaps=maps)


@dataclass(frozen=True)
class Taken:
    """Seconds of one worker: the pass and the search, which workers share, and the rest."""

    passing: float
    search: float
    rest: float

    def hours(self, workers: int) -> float:
        return ((self.passing + self.search) / workers + self.rest) / 3600


def taken(config: Config, rates: Rates, classes: int) -> Taken:
    """Return what an audit of so many classes in depth takes."""
    audit = config.audit
    relevance = pass_plan(audit, LAYERS).work(IMAGES, CHANNELS, CLASSES)
    drawn = sum(
        rates.seconds(work_of_samples(audit, IMAGES, classes, count), layer)
        for layer, count in enumerate(CHANNELS)
    ) + rates.seconds(work_of_atlas(audit, classes))
    return Taken(
        rates.seconds(relevance) + rates.seconds(Work(read=IMAGES)),
        rates.seconds(work_of_search(config.shortcuts, IMAGES, classes, SIZE)),
        2 * drawn + rates.seconds(work_of_analyses()),
    )


def main() -> None:
    """Print what was measured, and the tables."""
    with tempfile.TemporaryDirectory() as folder:
        config = audit_in(Path(folder))
        here = measured(config, Path(folder))
    stored = pass_plan(config.audit, LAYERS).work(IMAGES, CHANNELS, CLASSES).stored
    for name in ("load", "forward", "statistics", "shown", "edit"):
        print(f"{name}: {1e3 * getattr(here, name):.1f} ms of CPU a picture")
    for cost in here.heatmaps:
        print(f"heatmap of {cost.layer}: {1e3 * cost.per_map:.0f} ms of CPU")
    print(f"{here.slower:.2f} times the reference machine; arrays {stored / 1e9:.1f} GB")
    print(f"a worker at its peak: {(here.memory_peak or 0) / 1e9:.1f} GB")
    print("| classes | candidates | stage | two cores | 32 CPU workers | one GPU | eight GPUs |")
    print("|---|---|---|---|---|---|---|")
    for classes, most in ((20, 60), (CLASSES, 60), (CLASSES, CLASSES)):
        chosen = config.model_copy(
            update={"shortcuts": config.shortcuts.model_copy(update={"total": most})}
        )
        count = most_candidates(chosen.shortcuts, IMAGES, classes)
        cpu, gpu = taken(chosen, here, classes), taken(chosen, on_gpu(here), classes)
        where = ((cpu, 2), (cpu, 32), (gpu, 1), (gpu, 8))
        for name in ("passing", "search", "rest"):
            hours = [
                getattr(each, name) / (1 if name == "rest" else workers) / 3600
                for each, workers in where
            ]
            print(f"| {classes} | {count} | {name} |", *(f"{each:.2f} |" for each in hours))
        whole = [each.hours(workers) for each, workers in where]
        print(f"| {classes} | {count} | whole |", *(f"{each:.2f} |" for each in whole))


if __name__ == "__main__":
    main()
