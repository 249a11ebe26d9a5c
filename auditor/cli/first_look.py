"""Fill the config's template from a model and its data once both are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from auditor.base.progress import Progress
    from auditor.cli.label_proposal import LabelProposal
    from auditor.config.audit import Config, PreprocessConfig
    from auditor.subject import Subject
    from auditor.subject.scores import Scores

IMAGES = 64  # looked at: enough to tell 0.5 from 0.9, some seconds of a usual network
MOST_CLASSES = 40  # whose names the config lists
# What `decide_preprocessing` calls its own assumption, and the usual ways to normalise pixels
# besides: mean, std and scale.
ASSUMED = "assumed"
ASSUMED_NAME = "0 to 1"
SIDES = (32, 64, 96, 128, 160, 224, 256)
USUAL: Mapping[str, tuple[Any, Any, float]] = {
    "-1 to 1": (0.5, 0.5, 1.0),
    "ImageNet's": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 1.0),
    "0 to 255": (0.0, 1.0, 255.0),
}
SHOWN_COUNTS = 6  # classes named in a note
# 8 in each half of the data, and a margin: which half an image falls into is chance.
RIGHT_OF_A_CLASS = 24


@dataclass(frozen=True, eq=False)
class Seen:
    """Labels and predictions, both as outputs, of the images looked at.

    ``right`` are those recognised; where it is a guess which label is which output, as many as the
    best assignment recognises.
    """

    labels: np.ndarray
    predictions: np.ndarray
    right: int

    @property
    def counts(self) -> tuple[int, int]:
        """Return how many are recognised, of how many."""
        return self.right, len(self.labels)


def first_look(config: Config, base: Path, progress: Progress) -> dict[str, Any]:
    """Return the values of the config's template, from model, data and a few images.

    Raises:
        DataError: none of these images can be read.
    """
    from auditor.cli.label_proposal import propose_labels
    from auditor.pipeline.opening import make_explainer
    from auditor.subject import load_subject

    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
    with progress.stage("finding the layers"):
        explainer = make_explainer(config, subject)
        layers = explainer.automatic_layers()
    with progress.stage(f"looking at up to {IMAGES} images"):
        subject, normalisations, sizes = _fitted(config, subject, explainer.scores)
        seen = _look(subject, explainer.scores)
    manifest = subject.manifest
    counts = Counter(manifest.classes[label] for label in manifest.labels.tolist())
    labels = propose_labels(subject, seen.labels, seen.predictions)
    checked = len(seen.labels)
    right = int((seen.labels == seen.predictions).sum())
    if labels.proposed is not None:
        right = seen.right
    known = len(manifest.classes) <= MOST_CLASSES
    named = not labels.guess and isinstance(config.data.labels, str)
    return {
        "name": config.project.name,
        "classes": _classes(config, subject, labels, known=known),
        "assumed": labels.assumed,
        "outputs": len(manifest.classes),
        "named_by": "named by the model or its weights" if named else "named by the data",
        "images": len(manifest),
        "counts": counts,
        "shown_counts": _shown(counts),
        "label_rule": manifest.label_rule,
        "labels": labels.proposed,
        "labels_why": labels.why,
        "origin": _origin(subject.preprocessing.origin, normalisations),
        "tried": _listed(normalisations) if sizes else "",
        "tried_sizes": _listed(sizes),
        "preprocess": _preprocess(subject, config.preprocess),
        "layers": list(layers) if config.audit.layers == "auto" else config.audit.layers,
        "checked": checked,
        "accuracy": f"{right / checked:.2f}",
        "notes": [
            *subject.notes,
            *labels.notes,
            *_notes(counts, right, checked, min(IMAGES, len(manifest))),
        ],
    }


def _notes(counts: Counter[str], right: int, checked: int, looked: int) -> Iterator[str]:
    """Yield a note on how many images are usable and recognised, and on classes with too few."""
    if checked < looked:
        yield f"{looked - checked} of the {looked} images looked at cannot be used"
    share = right / checked
    yield f"accuracy on {checked} images: {share:.2f}"
    if share < max(0.5, 2 / len(counts)):
        yield (
            f"only {right} of {checked} images are recognised: if you expect more, check the order "
            "of model.classes and preprocess (size, mean, std, scale, channels)"
        )
    small = [
        f"{name} ({count})" for name, count in counts.items() if count * share < RIGHT_OF_A_CLASS
    ]
    if small:
        shown = ", ".join(small[:SHOWN_COUNTS]) + (" and more" if len(small) > SHOWN_COUNTS else "")
        yield (
            f"the causal tests need about {RIGHT_OF_A_CLASS} rightly decided images a class, and "
            f"these may have too few, which the gate calls INCOMPLETE: {shown}. Add images, name "
            "the others in audit.classes, or set policy.require_complete to false"
        )


def _classes(
    config: Config, subject: Subject, labels: LabelProposal, *, known: bool
) -> list[str] | str:
    """Return the names of the outputs that the config states, none where it leaves them open."""
    if config.model.classes is not None:
        return config.model.classes
    named = not labels.guess or labels.assumed
    stated = isinstance(config.data.labels, str)
    return list(subject.manifest.classes) if known and named and stated else []


Tried = dict[str, tuple[int, int]]


def _fitted(config: Config, subject: Subject, scores: Scores) -> tuple[Subject, Tried, Tried]:
    """Return the subject with the usual input that recognises most of a few images.

    Only where neither the weights nor the config say how pictures become inputs. With it, for each
    normalisation and each size tried, how many images were recognised of how many; what was
    assumed wins ties.
    """
    start = subject.preprocessing
    given = config.preprocess
    normalisations = {start.origin: _look(subject, scores).counts}
    if start.origin != ASSUMED or subject.ready or given != type(given)():
        return subject, normalisations, {}
    best = subject
    for origin, (mean, std, scale) in USUAL.items():
        if start.count != len(_all(mean, start.count)):  # of colour alone
            continue
        values: dict[str, Any] = {
            "mean": _all(mean, start.count),
            "std": _all(std, start.count),
            "scale": scale,
        }
        tried = replace(subject, preprocessing=replace(start, origin=origin, **values))
        normalisations[origin] = _look(tried, scores).counts
        if normalisations[origin][0] > normalisations[best.preprocessing.origin][0]:
            best = tried
    most = normalisations[best.preprocessing.origin]
    sizes = {_by(start.size): most}
    for side in SIDES:
        size = (side, side)
        if size == start.size:
            continue
        other = replace(best.preprocessing, size=size, resize=size, crop=None)
        tried = replace(best, preprocessing=other)
        try:
            sizes[_by(size)] = _look(tried, scores).counts
        except RuntimeError:  # a model whose last layers fit one size only
            continue
        if sizes[_by(size)][0] > sizes[_by(best.preprocessing.size)][0]:
            best = tried
    return best, normalisations, sizes


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"


def _all(value: Any, count: int) -> Any:
    return (value,) * count if isinstance(value, float) else value


def _origin(origin: str, tried: Tried) -> str:
    if len(tried) == 1:
        return "CHECK, assumed" if origin == ASSUMED else origin or "as given"
    return "CHECK: exactly as in training; of the usual ones these fit best"


def _listed(tried: Tried) -> str:
    """Return what was tried with the accuracy it gave."""
    return ", ".join(
        f"{ASSUMED_NAME if name == ASSUMED else name}: {right / max(of, 1):.2f}"
        for name, (right, of) in tried.items()
    )


def _preprocess(subject: Subject, stated: PreprocessConfig) -> dict[str, Any]:
    given = subject.preprocessing
    values: dict[str, Any] = {
        name: getattr(given, name)
        for name in ("resize", "crop", "mean", "std", "scale", "channels", "interpolation")
    }
    if given.resize is None and given.crop is None:
        values["resize"] = given.size
    values |= stated.model_dump(
        include={"range", "exif", "window", "display"}, exclude_defaults=True
    )
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in values.items()
        if value is not None
    }


def _look(subject: Subject, scores: Scores) -> Seen:
    """Return what the model says of images spread over the data.

    Raises:
        DataError: none of them can be used.
    """
    from auditor.subject.calling import ask_logits
    from auditor.subject.label_check import best_assignment
    from auditor.subject.usable import nothing_usable

    total = len(subject.manifest)
    rows = np.unique(np.linspace(0, total - 1, min(IMAGES, total)).astype(int))
    read: list[int] = []
    predictions: list[int] = []
    lost: dict[int, str] = {}
    usable = subject.tried(rows.tolist())
    for start in range(0, len(rows), 16):
        batch, quarantine = usable.sift([int(row) for row in rows[start : start + 16]])
        lost |= quarantine
        if not batch.rows:
            continue
        answer = ask_logits(subject.model, batch.inputs, subject.output, scores)
        read += batch.rows
        predictions += answer.argmax(1).tolist()
    if not read:
        asked = f" looked at (of {total})"
        raise nothing_usable(subject.manifest.paths, lost, subject.reader, asked=asked)
    labels, answers = subject.manifest.labels[read], np.array(predictions)
    right = int((labels == answers).sum())
    if subject.matching.guess:
        best = best_assignment(labels, answers, len(subject.manifest.classes))
        pairs = zip(labels.tolist(), answers, strict=True)
        right = sum(best[label] == answer for label, answer in pairs)
    return Seen(labels, answers, right)


def _shown(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common(SHOWN_COUNTS))
    more = len(counts) - SHOWN_COUNTS
    return shown if more <= 0 else f"{shown} and {more} more"
