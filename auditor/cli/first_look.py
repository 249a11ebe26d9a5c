"""What a config can say about a model and its data once both are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.config import Config
    from auditor.progress import Progress
    from auditor.subject import Subject

IMAGES = 64
MOST_CLASSES = 40
# What `decide_preprocessing` calls its own assumption, and the usual ways to normalise pixels
# besides: mean, std and scale.
ASSUMED = "assumed"
USUAL: Mapping[str, tuple[Any, Any, float]] = {
    "-1 to 1": (0.5, 0.5, 1.0),
    "ImageNet's": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0),
    "0 to 255": (0.0, 1.0, 255.0),
}
SHOWN_COUNTS = 6


def first_look(config: Config, base: Path, progress: Progress) -> dict[str, Any]:
    """Return the values of the config's template, from model, data and a few images."""
    from auditor.pipeline.audit import make_explainer
    from auditor.subject import load_subject

    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
    with progress.stage("finding the layers"):
        layers = make_explainer(config, subject).automatic_layers()
    with progress.stage(f"looking at up to {IMAGES} images"):
        subject, tried = _normalised(config, subject)
    right, checked = tried[subject.preprocessing.origin]
    manifest = subject.manifest
    counts = Counter(manifest.classes[label] for label in manifest.labels.tolist())
    known = len(manifest.classes) <= MOST_CLASSES
    assumed = config.model.classes is None and known and "order" in manifest.label_rule
    notes = list(subject.notes)
    notes.append(f"accuracy on {checked} images: {right / max(checked, 1):.2f}")
    if checked and right / checked < max(0.5, 2 / len(counts)):
        notes.append(
            f"only {right} of {checked} images are recognised: if you expect more, check the order "
            "of model.classes and preprocess (size, mean, std, scale, channels)"
        )
    least = min(counts.values())
    if least < 24:
        notes.append(f"a class has {least} images only: the causal tests need about 24 per class")
    return {
        "name": config.project.name,
        "model": config.model.model_dump(),
        "data": config.data.model_dump(),
        "classes": list(manifest.classes) if known else [],
        "assumed": assumed,
        "outputs": len(manifest.classes),
        "named_by": "the model or its weights",
        "images": len(manifest),
        "counts": counts,
        "shown_counts": _shown(counts),
        "label_rule": manifest.label_rule,
        "origin": _origin(subject.preprocessing.origin, tried),
        "preprocess": _preprocess(subject),
        "layers": list(layers),
        "checked": checked,
        "accuracy": f"{right / checked:.2f}" if checked else "not measured",
        "notes": notes,
    }


def _normalised(config: Config, subject: Subject) -> tuple[Subject, dict[str, tuple[int, int]]]:
    """Return the subject with the usual normalisation that recognises most of a few images.

    Only where neither the weights nor the config say how pixels are normalised; with it, for each
    one tried, how many images were recognised of how many. What was assumed wins ties.
    """
    found = {subject.preprocessing.origin: _right(subject)}
    given = config.preprocess
    said = (given.mean, given.std, given.scale) != (None, None, None)
    if said or subject.preprocessing.origin != ASSUMED or subject.ready:
        return subject, found
    best = subject
    for origin, (mean, std, scale) in USUAL.items():
        values: dict[str, Any] = {"mean": _three(mean), "std": _three(std), "scale": scale}
        other = replace(subject.preprocessing, origin=origin, **values)
        tried = replace(subject, preprocessing=other)
        found[origin] = _right(tried)
        if found[origin][0] > found[best.preprocessing.origin][0]:
            best = tried
    return best, found


def _three(value: Any) -> Any:
    return (value,) * 3 if isinstance(value, float) else value


def _origin(origin: str, tried: dict[str, tuple[int, int]]) -> str:
    if len(tried) == 1:
        return "CHECK, assumed" if origin == ASSUMED else origin or "as given"
    names = {ASSUMED: "0 to 1"} | {name: name for name in USUAL}
    parts = [f"{names[name]} {right / max(of, 1):.2f}" for name, (right, of) in tried.items()]
    return f"CHECK: as in training. Accuracy by normalisation: {', '.join(parts)}"


def _preprocess(subject: Subject) -> dict[str, Any]:
    found = subject.preprocessing
    values = {
        "resize": found.resize,
        "crop": found.crop,
        "mean": list(found.mean),
        "std": list(found.std),
        "scale": found.scale,
        "channels": found.channels,
        "interpolation": found.interpolation,
    }
    if found.resize is None and found.crop is None:
        values["resize"] = found.size
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if value is not None
    }


def _right(subject: Subject) -> tuple[int, int]:
    """Return how many of the images looked at are recognised, and how many those are."""
    import numpy as np
    import torch

    from auditor.subject.answers import Answer, find_answer, logits

    total = len(subject.manifest)
    rows = np.unique(np.linspace(0, total - 1, min(IMAGES, total)).astype(int))
    right = checked = 0
    for start in range(0, len(rows), 16):
        batch = subject.load([int(row) for row in rows[start : start + 16]])
        if not batch.rows:
            continue
        with torch.no_grad():
            result = subject.model(batch.inputs)
        answer: Answer = find_answer(result, subject.output)
        predicted = logits(result, answer).argmax(1).cpu().numpy()
        right += int((predicted == subject.manifest.labels[list(batch.rows)]).sum())
        checked += len(batch.rows)
    return right, checked


def _shown(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common(SHOWN_COUNTS))
    more = len(counts) - SHOWN_COUNTS
    return shown if more <= 0 else f"{shown} and {more} more"
