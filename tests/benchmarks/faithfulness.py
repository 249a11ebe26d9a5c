"""Measure which explanation is right about the model: pixel flipping and concept flipping.

    python -m tests.benchmarks.faithfulness --weights-dir DIR --photos DIR \
        --clothing DIR --cache DIR

Pixel flipping: patches of the picture become blurred, most relevant first and least relevant
first; the score is the area between the two curves of the predicted class's logit, in units of
the mean drop from the picture to its blurred version (0: chance). Concept flipping: channels of
an audited layer become zero, most relevant first; the score is the area above the curve of the
logit, in units of the mean drop from none to all channels. Intervals: 95 %, bootstrap over
pictures. ``behind`` is the mean difference to the best composite on the same pictures.

Prints one JSON, then a Markdown table; progress goes to stderr. A model whose weights or
pictures are not found is left out, and the JSON says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auditor import Explainer
from tests.benchmarks import attribution, flipping
from tests.benchmarks.subjects import SUBJECTS, Sources, Subject

BATCH = 8
RESAMPLES = 2000


@dataclass(frozen=True)
class Arm:
    """One composite with its options; the name is what the table shows."""

    composite: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the composite and the options, as one writes them."""
        given = ", ".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.composite} ({given})" if given else self.composite


def _both(composite: str, **options: Any) -> list[Arm]:
    return [Arm(composite, {**options, "bias": bias}) for bias in ("absorb", "exclude")]


ARMS: dict[str, list[Arm]] = {
    "cnn": [
        *_both("epsilon-plus-flat"),
        *_both("epsilon-gamma-box"),
        *_both("epsilon-alpha2-beta1"),
        *_both("epsilon"),
        Arm("gradient-input"),
    ],
    "transformer": [
        *(Arm("attn-cp-gamma", {"gamma": gamma}) for gamma in (0.01, 0.05, 0.1, 0.25)),
        Arm("attn-cp-gamma", {"gamma": 0.05, "bias": "exclude"}),
        *(Arm("attnlrp", {"gamma": gamma}) for gamma in (0.05, 0.25)),
        *_both("epsilon-plus-flat"),
        *_both("epsilon"),
        Arm("gradient-input"),
    ],
}


@dataclass(frozen=True, eq=False)
class Scored:
    """The scores of one explanation: (N,) per picture, and what it cost.

    ``broken``: how many heatmaps held values that are not finite; these count as 0.
    """

    method: str
    values: Mapping[str, np.ndarray]
    seconds: float
    broken: int = 0


def main() -> None:
    """Run the arms on every model and print both forms of the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights-dir", type=Path, nargs="+", default=[], help="wheels, weights")
    parser.add_argument("--photos", type=Path, help="photographs, one folder per class")
    parser.add_argument("--clothing", type=Path, help="clothing-dataset-small: train/ and val/")
    parser.add_argument("--cache", type=Path, help="where the trained transformer is kept")
    parser.add_argument("--models", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--images", type=int, default=60, help="pictures per model")
    parser.add_argument("--arms", nargs="+", help="only the composites whose name starts so")
    parser.add_argument("--baseline", choices=flipping.BASELINES, default="blur")
    parser.add_argument("--patch", type=int, help="pixels, default 1/14 of the side")
    parser.add_argument("--steps", type=int, default=10, help="steps of a pixel curve")
    parser.add_argument("--concept-steps", type=int, default=8, help="steps of a concept curve")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="keep each model's JSON here; skip those it has")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    sources = Sources(
        tuple(arguments.weights_dir), arguments.photos, arguments.clothing, arguments.cache,
        arguments.images, arguments.seed,
    )  # fmt: skip
    results, missing = [], {}
    for name in arguments.models:
        kept = arguments.out / f"{name}.json" if arguments.out else None
        if kept is not None and kept.exists():
            results.append(json.loads(kept.read_text()))
            continue
        try:
            subject = SUBJECTS[name](sources)
        except (FileNotFoundError, ModuleNotFoundError) as error:
            missing[name] = str(error)
            say(f"{name} left out: {error}")
            continue
        results.append(measure(subject, arguments))
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(results[-1]))
    print(json.dumps({"settings": settings(arguments), "models": results, "missing": missing}))
    print()
    print("\n\n".join(table(result) for result in results))


def settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that decide the figures."""
    kept = ("images", "baseline", "patch", "steps", "concept_steps", "seed", "threads")
    return {key: getattr(arguments, key) for key in kept}


def measure(subject: Subject, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the rows of one model."""
    start = time.perf_counter()
    probe = Explainer(subject.model, subject.images[:1])
    trial = Trial.prepare(subject, probe, arguments)
    scored = []
    for arm in ARMS[subject.kind]:
        if arguments.arms and not arm.name.startswith(tuple(arguments.arms)):
            continue
        scored.append(trial.composite(arm))
        say(f"{subject.name}: {arm.name} after {time.perf_counter() - start:.0f} s")
    compared = trial.others()
    say(f"{subject.name}: compared after {time.perf_counter() - start:.0f} s")
    return {
        "model": subject.name,
        "images": len(subject.images),
        "default": probe.composite,
        "layers": list(trial.channels),
        "rows": rows(scored, compared, np.random.default_rng(arguments.seed)),
        "seconds": round(time.perf_counter() - start, 1),
    }


@dataclass(frozen=True, eq=False)
class Trial:
    """One model, its pictures and what explanations are held against.

    ``drop``: how far the mean logit falls when everything is gone, of the pixels and per layer.
    """

    subject: Subject
    flipper: flipping.Flipper
    channels: Mapping[str, int]
    steps: int
    concept_steps: int
    seed: int
    drop: Mapping[str, float]

    @staticmethod
    def prepare(subject: Subject, probe: Explainer, arguments: argparse.Namespace) -> Trial:
        """Read the model's decisions, and how far each logit falls when everything is gone."""
        images, model = subject.images, subject.model
        with torch.no_grad():
            targets = torch.cat([model(part).argmax(1) for part in images.split(BATCH)])
        baseline = flipping.BASELINES[arguments.baseline](images)
        patch = arguments.patch or images.shape[-1] // 14
        flipper = flipping.Flipper(model, images, baseline, targets, patch)
        parts = torch.zeros(len(images), (images.shape[-1] // patch) ** 2)
        drop = {"pixels": _drop(flipper.pixel_curves(parts, 1))}
        channels = {layer: probe.channels(layer) for layer in probe.automatic_layers()}
        for layer, count in channels.items():
            drop[layer] = _drop(flipper.concept_curves(layer, torch.zeros(len(images), count), 1))
        return Trial(
            subject, flipper, channels, arguments.steps, arguments.concept_steps, arguments.seed,
            drop,
        )  # fmt: skip

    @property
    def batches(self) -> tuple[Tensor, ...]:
        """Return the numbers of the pictures, batch by batch."""
        return torch.arange(len(self.subject.images)).split(BATCH)

    def composite(self, arm: Arm) -> Scored:
        """Return the scores of a composite."""
        images, targets = self.subject.images, self.flipper.targets
        explainer = Explainer(
            self.subject.model, images[:1], arm.composite, box=self.subject.box, **arm.options
        )
        start = time.perf_counter()
        parts = [
            explainer.explain(images[rows], targets[rows], tuple(self.channels))
            for rows in self.batches
        ]
        seconds = time.perf_counter() - start
        heatmaps = torch.cat([part.heatmap for part in parts if part.heatmap is not None])
        values = {"pixels": self.pixels(heatmaps)}
        for layer in self.channels:
            relevance = torch.cat([part.relevance[layer] for part in parts])
            values[layer] = self.concepts(layer, relevance.sum((2, 3)))
        broken = int((~heatmaps.isfinite().flatten(1).all(1)).sum())
        return Scored(arm.name, values, seconds, broken)

    def others(self) -> list[Scored]:
        """Return the scores of what needs no relevance engine."""
        model, images, targets = self.subject.model, self.subject.images, self.flipper.targets
        chance = torch.Generator().manual_seed(self.seed)
        baseline = self.flipper.baseline
        maps: dict[str, Callable[[Tensor], Tensor]] = {
            "gradient x input": lambda rows: attribution.gradient_input(
                model, images[rows], targets[rows]
            ),
            "integrated gradients": lambda rows: attribution.integrated_gradients(
                model, images[rows], baseline[rows], targets[rows]
            ),
            "centre of the picture": lambda rows: attribution.centre(images[rows]),
            "random": lambda rows: torch.rand(images[rows, 0].shape, generator=chance),
        }
        values: dict[str, dict[str, np.ndarray]] = {}
        spent: dict[str, float] = {}
        for name, method in maps.items():
            start = time.perf_counter()
            heatmaps = torch.cat([method(rows) for rows in self.batches])
            spent[name] = time.perf_counter() - start
            values[name] = {"pixels": self.pixels(heatmaps)}
        values["activation"] = {}
        for layer, count in self.channels.items():
            pairs = [
                attribution.layer_scores(model, images[rows], targets[rows], layer, count)
                for rows in self.batches
            ]
            product, value = (torch.cat(each) for each in zip(*pairs, strict=True))
            drawn = torch.rand(product.shape, generator=chance)
            values["gradient x input"][layer] = self.concepts(layer, product)
            values["activation"][layer] = self.concepts(layer, value)
            values["random"][layer] = self.concepts(layer, drawn)
        return [Scored(name, each, spent.get(name, 0.0)) for name, each in values.items()]

    def pixels(self, heatmaps: Tensor) -> np.ndarray:
        """Return the area between the curves of both orders (N,), chance 0."""
        scores = flipping.patch_scores(heatmaps.nan_to_num(), self.flipper.patch)
        most = flipping.area(self.flipper.pixel_curves(scores, self.steps))
        least = flipping.area(self.flipper.pixel_curves(-scores, self.steps))
        result: np.ndarray = ((least - most) / self.drop["pixels"]).numpy()
        return result

    def concepts(self, layer: str, scores: Tensor) -> np.ndarray:
        """Return the area above the curve (N,)."""
        curves = self.flipper.concept_curves(layer, scores.nan_to_num(), self.concept_steps)
        result: np.ndarray = ((curves[:, 0] - flipping.area(curves)) / self.drop[layer]).numpy()
        return result


def _drop(curves: Tensor) -> float:
    return float((curves[:, 0] - curves[:, -1]).mean())


def rows(
    scored: list[Scored], compared: list[Scored], random: np.random.Generator
) -> list[dict[str, Any]]:
    """Return mean, interval and distance to the best composite, for every explanation."""
    best = {
        key: max(scored, key=lambda each: float(each.values[key].mean())).values[key]
        for key in (scored[0].values if scored else ())
    }
    found = []
    for each in [*scored, *compared]:
        row: dict[str, Any] = {
            "method": each.method, "seconds": round(each.seconds, 2), "not_finite": each.broken,
        }  # fmt: skip
        for key, values in each.values.items():
            low, high = interval(values, random)
            row[key] = {"mean": float(values.mean()), "low": low, "high": high}
            if key in best:
                behind = best[key] - values
                low, high = interval(behind, random)
                row[key]["behind"] = {"mean": float(behind.mean()), "low": low, "high": high}
        found.append(row)
    return found


def interval(values: np.ndarray, random: np.random.Generator) -> tuple[float, float]:
    """Return the 95 % interval of the mean, by the percentile bootstrap over pictures."""
    drawn = random.integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[drawn].mean(1), [2.5, 97.5])
    return float(low), float(high)


def table(result: dict[str, Any]) -> str:
    """Return the Markdown table of one model, best pixel flipping first."""
    columns = ["pixels", *result["layers"]]
    head = ["pixel flipping", *(f"concepts of `{layer}`" for layer in result["layers"])]
    lines = [
        f"**{result['model']}** ({result['images']} pictures)",
        "",
        "| explanation | " + " | ".join(head) + " |",
        "|---|" + "---|" * len(head),
    ]
    ordered = sorted(result["rows"], key=lambda row: -row.get("pixels", {"mean": -9})["mean"])
    for row in ordered:
        cells = [cell(row[key]) if key in row else "" for key in columns]
        broken = f", not finite on {row['not_finite']}" if row["not_finite"] else ""
        lines.append(f"| {row['method']}{broken} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(value: dict[str, float]) -> str:
    """Return a mean with its interval."""
    return f"{value['mean']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def say(text: str) -> None:
    """Report progress."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
