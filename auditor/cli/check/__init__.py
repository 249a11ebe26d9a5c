"""``auditor check``: how exact the explanation of a model is, and what its audit will cost."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.base.errors import ModelError, on_one_line
from auditor.cli.options import AS_JSON, audit_options, config_of, quiet_option

if TYPE_CHECKING:
    from auditor.cli.check.estimate import Estimate
    from auditor.cli.check.rates import Rates
    from auditor.cli.progress import TerminalProgress
    from auditor.config.audit import Config
    from auditor.relevance.check.explained import Check
    from auditor.relevance.explainer import Explainer
    from auditor.subject import Subject, Usable


@click.command("check")
@audit_options
@click.option(
    "--images",
    "count",
    type=click.IntRange(1, 256),
    default=4,
    show_default=True,
    help="Look at this many images, spread over the data.",
)
@click.option("--all", "everything", is_flag=True, help="Show every layer and every operation.")
@AS_JSON
@quiet_option("the result")
def command(
    config_file: Path | None,
    count: int,
    everything: bool,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> None:
    """Check a model before an audit: how exact relevance is, and how long it takes.

    Give a CONFIG file, or --model and --data, as for `auditor run`. Says which rule runs where,
    how much of the explained logit arrives at each layer and at the pixels and where the rest
    stays, which layers are audited and why, and what the audit costs; what `auditor run` would
    refuse at once is refused here too. The result goes to stdout.
    """
    from auditor.api.performing import check_before
    from auditor.cli.check.text import report, verdict
    from auditor.cli.progress import TerminalProgress
    from auditor.pipeline.audit import check_names
    from auditor.pipeline.opening import make_explainer
    from auditor.subject import load_subject

    progress = TerminalProgress(quiet=quiet)
    config, base = config_of(config_file, options)
    check_before(config, base)
    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
        batch, load, note = load_spread(subject, count)
        explainer = make_explainer(config, subject)
        check_names(config, subject, explainer)
    for said in (*subject.notes, note):
        if said:
            progress.say(f"note: {said}")
    with progress.stage(f"checking {len(batch.rows)} images"):
        result, rates, planned = _checked(config, subject, explainer, batch, load)
    paths = [on_one_line(subject.manifest.paths[row]) for row in batch.rows]
    if as_json:
        click.echo(json.dumps(_document(result, rates, planned, paths), indent=1))
    else:
        classes = [on_one_line(name) for name in subject.manifest.classes]
        name = on_one_line(config.project.name)
        text = report(result, name, paths, classes, rates, planned, everything=everything)
        click.echo(text, nl=False)
    if rates is None:
        raise ModelError(f"no image can be explained. {verdict(result)['sentence']}")
    _confirm_labels(explainer, subject, batch, progress)


def _checked(
    config: Config, subject: Subject, explainer: Explainer, batch: Usable, load: float
) -> tuple[Check, Rates | None, Estimate | None]:
    """Return the check, and what was timed with its estimate: None where no image is explained."""
    import torch

    from auditor.cli.check.estimate import estimate
    from auditor.cli.check.rates import measure
    from auditor.relevance.check.explained import check

    targets = None
    if config.audit.target == "label" and subject.manifest.several is None:
        targets = torch.as_tensor(subject.manifest.labels[list(batch.rows)])
    elif subject.manifest.several is not None:
        targets = explainer.predict(batch.inputs)[:, :-1].argmax(1)  # the surest label of each
    layers = None if config.audit.layers == "auto" else config.audit.layers
    model, output = subject.model, subject.output
    result = check(explainer, batch.inputs, targets, layers, model=model, output=output)
    result = dataclasses.replace(result, notes=(*subject.notes, *result.notes))
    usable = [i for i, image in enumerate(result.images) if image.non_finite is None]
    if not usable:
        return result, None, None
    rates = measure(config, subject, explainer, batch.inputs[usable], load)
    return result, rates, estimate(config, subject, explainer, rates)


def _confirm_labels(
    explainer: Explainer, subject: Subject, batch: Usable, progress: TerminalProgress
) -> None:
    """Report whether the answers for these images agree with how labels were matched to outputs."""
    from auditor.subject.label_check import agreement, confirm
    from auditor.subject.label_scores import confirm_labels

    several = subject.manifest.several
    if several is not None:
        scores = explainer.predict(batch.inputs)[:, :-1].cpu().numpy()
        found = confirm_labels(
            subject.matching, several.states[list(batch.rows)], scores, part=True
        )
        for note in found:
            progress.say(f"note: {note}")
        return
    predictions = explainer.predict(batch.inputs).argmax(1).cpu().numpy()
    labels = subject.manifest.labels[list(batch.rows)]
    matched = agreement(subject.matching, labels, predictions)
    for note in confirm(subject.matching, matched, part=True):
        progress.say(f"note: {note}")


def load_spread(subject: Subject, count: int) -> tuple[Usable, float, str]:
    """Return images spread over the data, the seconds that reading one took, and a note.

    The note says how many of them cannot be used, and why; it is empty where all can be.

    Raises:
        DataError: none of them can be used.
    """
    from auditor.subject.usable import first_and_cause, nothing_usable

    total = len(subject.manifest)
    count = min(count, total)
    rows = sorted({round((index + 0.5) * total / count - 0.5) for index in range(count)})
    started = time.perf_counter()
    batch, quarantine = subject.tried(rows).sift(rows)
    seconds = (time.perf_counter() - started) / len(rows)
    paths = subject.manifest.paths
    if not batch.rows:
        asked = f" looked at (of {total})"
        raise nothing_usable(paths, quarantine, subject.reader, asked=asked)
    if not quarantine:
        return batch, seconds, ""
    why = first_and_cause(paths, quarantine, subject.reader)
    return batch, seconds, f"{len(quarantine)} of {len(rows)} images cannot be used. {why}"


def _document(
    result: Check, rates: Rates | None, planned: Estimate | None, paths: list[str]
) -> Any:
    """Return plain data for JSON: None for what is no number."""
    from auditor.cli.check.text import reason, verdict

    document = {"verdict": verdict(result), **dataclasses.asdict(result)}
    for described, layer in zip(document["layers"], result.layers, strict=True):
        described["reason"] = reason(layer)
    document["cost"] = None if rates is None else dataclasses.asdict(rates)
    document["estimate"] = None if planned is None else dataclasses.asdict(planned)
    for image, path in zip(document["images"], paths, strict=True):
        image["path"] = path
    return _plain(document)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
