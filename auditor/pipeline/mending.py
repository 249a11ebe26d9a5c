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
from auditor.pipeline.identity import PARTS, subject_identity
from auditor.pipeline.opening import make_explainer
from auditor.pipeline.plugins import load_plugins
from auditor.records.stages import Finding, Samples, ShortcutReport
from auditor.relevance.explainer import Explainer
from auditor.report.document.result import AuditResult, FindingCard
from auditor.report.sections.findings import finding_ids
from auditor.report.show.render import read_result
from auditor.run.codec import load_record
from auditor.run.folder import STAGES, damage
from auditor.run.manifest import read_manifest
from auditor.run.storage import write_atomic
from auditor.shortcuts.propose.lacking import ABSENCE
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXT
from auditor.subject import Subject, load_subject

# The stages that mending reads: the pass over the data, and the search.
KEPT = ("relevance", "shortcuts")
# Kinds of findings that are no region of pictures of the class, and what they are.
NO_REGION = {CONTEXT: "the surroundings of objects", ABSENCE: "what the class lacks"}


def mend_finding(
    config: Config, base: Path, run: Path, finding: str, progress: Progress
) -> tuple[Mended, str]:
    """Try to take a finding of a run out of its model; return what was tried, and the title.

    Raises:
        ConfigError: the finding is no region, too few pictures hold it, or the config is of another
            model, preprocessing or data than the run.
        UnknownNameError: the run has no such finding.
        IntegrityError: the run is not as it was written.
    """
    card = _card(read_result(run), finding)
    samples, report = _kept(run)
    if samples.manifest.several is not None:
        raise ConfigError(
            "mend changes the weights of a class among others, and this model has several labels "
            "for each picture: train it again without what was found."
        )
    ids = finding_ids(report)
    (found,) = (each for each in report.findings if ids[each.candidate.id] == finding)
    load_plugins(config, base)
    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
        explainer = make_explainer(config, subject)
    _check_same(run, subject, explainer)
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
    return tried, card.title


def write_weights(model: nn.Module, path: Path) -> None:
    """Write the state of a model as safetensors, whole or not at all."""
    state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    try:
        content = save({name: value.contiguous() for name, value in state.items()})
    except ValueError as error:
        raise ConfigError(f"the model's state cannot be written as safetensors: {error}") from error
    write_atomic(path, content)


def _card(result: AuditResult, finding: str) -> FindingCard:
    """Return the card of a finding that is a region.

    Raises:
        ConfigError: it is no region of pictures of the class.
        UnknownNameError: the run has no such finding.
    """
    factors = result.factors.factors if result.factors else ()
    cards = {card.id: card for card in result.findings}
    kind = cards[finding].kind if finding in cards else ""
    if kind and kind not in NO_REGION:
        return cards[finding]
    if finding not in cards and finding not in {factor.id for factor in factors}:
        raise UnknownNameError("finding of this run", finding, list(cards))
    what = NO_REGION.get(kind, "a statistic of whole pictures")
    raise ConfigError(
        f"{finding} is {what}, and only a region can be taken out of the weights: train again with "
        "pictures in which it says nothing of the class."
    )


def _check_same(run: Path, subject: Subject, explainer: Explainer) -> None:
    """Check that a run is the audit of this model on this data.

    Raises:
        ConfigError: it is of another model, preprocessing or data.
    """
    audited = read_manifest(run).get("identity", {})
    own = subject_identity(subject, explainer)
    differing = [part for part in own if audited.get(part) != own[part]]
    if differing:
        how = " and ".join(PARTS[part] for part in differing)
        raise ConfigError(
            f"{run} is an audit {how} than the config's: its findings say nothing about this "
            "model. Audit this one first."
        )


def _kept(run: Path) -> tuple[Samples, ShortcutReport]:
    """Return what the pass and the search of a run kept.

    Raises:
        IntegrityError: they are gone, or not as they were written.
    """
    stages = read_manifest(run)["stages"]
    listed = {
        f"{STAGES}/{stage}/{name}": digest
        for stage in KEPT
        for name, digest in stages.get(stage, {"files": {"record.json": ""}})["files"].items()
    }
    damaged = damage(run, listed)
    if damaged:
        name, how = next(iter(damaged.items()))
        raise IntegrityError(
            f"{run / name} {how}: restore it, or audit again with --repair; 'auditor verify' names "
            "every such file."
        )
    (samples, _relevance), report = (load_record(run / STAGES / stage) for stage in KEPT)
    assert isinstance(samples, Samples)
    assert isinstance(report, ShortcutReport)
    return samples, report


def _layer(found: Finding, layers: tuple[str, ...]) -> str | None:
    """Return the layer of a finding's direction, else of its concepts, if the model has it."""
    details = found.details
    measured = details.projection.layer if details and details.projection else None
    layer = measured or found.candidate.layer
    return layer if layer in layers else None
