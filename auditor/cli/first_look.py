"""Fill the config's template from a model and its data once both are loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.cli.input_trials import ASSUMED, IMAGES, Trials, try_inputs

if TYPE_CHECKING:
    from auditor.base.progress import Progress
    from auditor.cli.label_proposal import LabelProposal
    from auditor.config.audit import Config, PreprocessConfig
    from auditor.subject import Subject

MOST_CLASSES = 40  # whose names the config lists
SHOWN_COUNTS = 6  # classes named in a note
# 8 in each half of the data, and a margin: which half an image falls into is chance.
RIGHT_OF_A_CLASS = 24


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
        trials = try_inputs(config, subject, explainer.scores)
        subject, seen = trials.best, trials.seen
    manifest = subject.manifest
    counts = Counter(manifest.classes[label] for label in manifest.labels.tolist())
    labels = propose_labels(subject, seen.labels, seen.predictions)
    checked = len(seen.labels)
    right = int((seen.labels == seen.predictions).sum())
    if labels.proposed is not None and subject.manifest.several is None:
        right = seen.right
    known = len(manifest.classes) <= MOST_CLASSES
    outputs = len(manifest.classes) - (subject.manifest.several is not None)
    named = not labels.guess and isinstance(config.data.labels, str)
    return {
        "name": config.project.name,
        "classes": _classes(config, subject, labels, known=known),
        "assumed": labels.assumed,
        "outputs": outputs,
        "named_by": "named by the model or its weights" if named else "named by the data",
        "images": len(manifest),
        "counts": counts,
        "shown_counts": _shown(counts),
        "label_rule": manifest.label_rule,
        "labels": labels.proposed,
        "labels_why": labels.why,
        "origin": _origin(subject.preprocessing.origin, trials),
        "tried": [*trials.table(), labels.tried],
        "preprocess": _preprocess(subject, config.preprocess),
        "layers": list(layers) if config.audit.layers == "auto" else config.audit.layers,
        "checked": checked,
        "accuracy": f"{right / checked:.2f}",
        "notes": [
            *subject.notes,
            *labels.notes,
            *_alarms(trials),
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
    names = subject.manifest.classes
    if subject.manifest.several is not None:
        names = names[:-1]  # without that of the absence
    return list(names) if known and named and stated else []


def _origin(origin: str, trials: Trials) -> str:
    if trials.alarm is not None:
        return f"{origin or 'as given'}. CHECK: {_in_words(trials, trials.alarm)}"
    if not trials.sizes:
        return "CHECK, assumed" if origin == ASSUMED else origin or "as given"
    return "CHECK: exactly as in training; of the usual ones these fit best"


def _alarms(trials: Trials) -> Iterator[str]:
    """Yield that another way to make inputs is clearly better than what is stated."""
    if trials.alarm is not None:
        stated = next(iter(trials.ways.values()))
        yield (
            f"CHECK: preprocess may be wrong: {_in_words(trials, trials.alarm)}, where what is "
            f"stated recognises {stated.right}"
        )


def _in_words(trials: Trials, way: tuple[str, str]) -> str:
    seen = trials.ways[way]
    return f"{way[0]} in {way[1]} recognises {seen.right} of {len(seen.hits)} images"


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


def _shown(counts: Counter[str]) -> str:
    shown = ", ".join(f"{name} {count}" for name, count in counts.most_common(SHOWN_COUNTS))
    more = len(counts) - SHOWN_COUNTS
    return shown if more <= 0 else f"{shown} and {more} more"
