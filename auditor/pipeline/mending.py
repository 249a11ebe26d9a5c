"""Open a finished run again, and try to take one of its findings out of the model's weights."""

from __future__ import annotations

from pathlib import Path

from safetensors.torch import save
from torch import nn

from auditor.base.errors import ConfigError, IntegrityError, UnknownNameError
from auditor.base.progress import Progress
from auditor.causal.context import Search
from auditor.causal.mend import Mended, mend, most_ways
from auditor.causal.probe import Probe
from auditor.config.audit import Config
from auditor.pipeline.identity import model_identity
from auditor.pipeline.opening import make_explainer
from auditor.pipeline.plugins import load_plugins
from auditor.records.stages import Finding, Samples, ShortcutReport
from auditor.report.show.render import read_result
from auditor.run.codec import load_record
from auditor.run.folder import STAGES
from auditor.run.storage import write_atomic
from auditor.subject import load_subject


def mend_finding(
    config: Config, base: Path, run: Path, finding: str, progress: Progress
) -> tuple[Mended, str]:
    """Try to take a finding of a run out of its model; return what was tried, and the title.

    Raises:
        ConfigError: the finding is no region, or too few pictures hold it.
        UnknownNameError: the run has no such finding.
        IntegrityError: the run is of another model or other data, or not as it was written.
    """
    result = read_result(run)
    cards = {card.id: card for card in result.findings}
    if finding not in cards:
        raise UnknownNameError("finding of this run", finding, list(cards))
    load_plugins(config, base)
    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
        explainer = make_explainer(config, subject)
    for name, own, audited in (
        ("model", model_identity(subject, explainer), result.model.digest),
        ("data", subject.data_digest, result.data.digest),
    ):
        if own != audited:
            raise IntegrityError(
                f"{run} is the audit of another {name} ({audited[:12]}, not {own[:12]}): its "
                f"findings say nothing about this one. Audit this {name} first."
            )
    samples, report = _kept(run)
    found = report.findings[list(cards).index(finding)]
    search = Search(
        Probe(explainer, subject),
        samples,
        leading={},
        outputs=(found.candidate.output,),
        config=config.shortcuts,
        seed=config.audit.seed,
    )
    with progress.stage(f"taking {finding} out of the model", most_ways()) as step:
        tried = mend(search, found.candidate, _layer(found, explainer.layers), step)
    return tried, cards[finding].title


def write_weights(model: nn.Module, path: Path) -> None:
    """Write the state of a model as safetensors, whole or not at all."""
    state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    try:
        content = save({name: value.contiguous() for name, value in state.items()})
    except ValueError as error:
        raise ConfigError(f"the model's state cannot be written as safetensors: {error}") from error
    write_atomic(path, content)


def _kept(run: Path) -> tuple[Samples, ShortcutReport]:
    """Return what the pass and the search of a run kept.

    Raises:
        IntegrityError: they are gone, or not as they were written.
    """
    samples, _relevance = load_record(run / STAGES / "relevance")
    report = load_record(run / STAGES / "shortcuts")
    assert isinstance(samples, Samples)
    assert isinstance(report, ShortcutReport)
    return samples, report


def _layer(found: Finding, layers: tuple[str, ...]) -> str | None:
    """Return the layer of a finding's direction, else of its concepts, if the model has it."""
    details = found.details
    measured = details.projection.layer if details and details.projection else None
    layer = measured or found.candidate.layer
    return layer if layer in layers else None
