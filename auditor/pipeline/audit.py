"""An audit, as a table of contents: each stage runs once and is kept in the run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from auditor.base.progress import Progress
from auditor.causal.probe import Probe
from auditor.causal.search import find_shortcuts, steps_of
from auditor.config.audit import Config
from auditor.language.speaking import speaking
from auditor.pipeline.analyses import Stages, run_analyses
from auditor.pipeline.analysis import Analysis
from auditor.pipeline.assemble import assemble
from auditor.pipeline.compose import composer, graded
from auditor.pipeline.concept_stages import concept_stages, relevance_stage
from auditor.pipeline.facts import model_facts
from auditor.pipeline.identity import identity_of
from auditor.pipeline.illustrate import illustrate, requests_of, samples_of
from auditor.pipeline.label_stage import confirmed
from auditor.pipeline.local import local_analysis, named_rows
from auditor.pipeline.opening import (
    audited_layers,
    audited_outputs,
    check_classes,
    make_explainer,
    only_one,
    open_audit,
    shared_yaml,
    tool,
)
from auditor.pipeline.report_pictures import atlases, finding_regions, named_concepts
from auditor.pipeline.resume import check_left, remove_unlisted_pictures
from auditor.records.details import Compositions
from auditor.records.stages import Illustration, ShortcutReport
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.heatmaps import MapRequest
from auditor.relevance.sweep.numerics import exact
from auditor.report.document.audit import AuditResult, LocalPart
from auditor.report.show.images import ImageStore
from auditor.run.folder import RunFolder, open_run
from auditor.run.storage import locked, make_folder
from auditor.subject import Subject, load_subject


@dataclass(frozen=True)
class AuditOutcome:
    """A finished audit: its folder and its result."""

    run: RunFolder
    result: AuditResult


def run_audit(
    config: Config,
    base: Path,
    out: Path,
    *,
    created: str,
    argv: Sequence[str],
    progress: Progress,
    opened: Callable[[Path], object] | None = None,
    repair: bool = False,
) -> AuditOutcome:
    """Run or continue an audit up to ``audit.json``; rendering is a step of its own.

    Args:
        config: the whole audit.
        base: folder that relative paths of the config start from.
        out: folder that holds runs.
        created: UTC time as ``YYYY-MM-DDTHH:MM:SSZ``, used when the run is new.
        argv: the command, for the reproducibility page.
        progress: told what is going on.
        opened: told the run folder as soon as there is one.
        repair: make the damaged files of a finished run again.

    Raises:
        IntegrityError: the run is finished and its files are not as they were written.
        StorageError: a file cannot be written now.
    """
    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
        explainer = make_explainer(config, subject)
    check_classes(config, subject)
    named_rows(config.audit.samples or (), subject.manifest.paths)
    for note in (*subject.notes, *explainer.notes):
        progress.say(f"note: {note}")
    layers = audited_layers(config, explainer)
    begin = partial(open_run, say=progress.say, repair=repair)
    make_folder(out)
    with locked(out / ".lock"):  # two that begin at once must find one folder, not make two
        identity = identity_of(config, subject, explainer, layers)
        run = open_audit(config, identity, out, created, argv, progress, begin=begin)
    if opened is not None:
        opened(run.path)
    progress.say(f"run folder: {run.path}")
    with only_one(run, progress), speaking(config.report.language), exact(subject.device):
        check_left(run, repair=repair)
        run.write({"config.yaml": shared_yaml(config).encode()})
        return _stages(config, subject, explainer, layers, run, progress)


def _stages(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    layers: tuple[str, ...],
    run: RunFolder,
    progress: Progress,
) -> AuditOutcome:
    samples, relevance = relevance_stage(config, subject, explainer, layers, run, progress)
    subject = confirmed(subject, samples, progress)
    outputs, left_out = audited_outputs(config, samples)
    analyses = concept_stages(
        config, subject, explainer, samples, relevance, outputs, run, progress
    )
    store = ImageStore(run.images, run.note_picture)
    stages = Stages(config, subject, explainer, samples, analyses, outputs, store, run, progress)
    illustrations = _illustrations(stages)
    extras = run_analyses(stages)
    shortcuts = _shortcuts(stages)
    local = _local(stages)
    compositions = _compositions(stages, shortcuts)
    drawn = atlases(stages)
    regions = finding_regions(stages, shortcuts)
    named = named_concepts(stages, illustrations, drawn, local)
    facts = model_facts(stages)
    started = time.monotonic()
    with progress.stage("writing the result"):
        analysis = Analysis(
            samples=samples,
            outputs=outputs,
            left_out=left_out,
            layers=tuple(analyses),
            illustrations=illustrations,
            shortcuts=shortcuts,
            compositions=compositions,
            local=local,
            extras=extras,
            facts=facts,
            atlases=drawn,
            regions=regions,
            named=named,
        )
        result = assemble(config, analysis, store, tool(subject), run.key[:8])
        # Of the first time, as the stages': the same command again gives the same report.
        seconds = run.manifest().get("seconds", round(time.monotonic() - started, 3))
        document = result.model_dump_json(indent=1).encode()
        remove_unlisted_pictures(run)
        run.write({"audit.json": document}, status="audited", seconds=seconds)
    return AuditOutcome(run, result)


def _illustrations(stages: Stages) -> tuple[Illustration, ...]:
    audit, store, run = stages.config.audit, stages.store, stages.run
    requests: list[MapRequest] = []
    count, active, in_class = samples_of(audit)
    for analysis in stages.layers:
        requests += requests_of(analysis.by_relevance, analysis.shown, count)
        requests += requests_of(analysis.by_activation, analysis.shown, active)
        for output, own in zip(stages.outputs, analysis.per_class, strict=True):
            requests += requests_of(own, analysis.leading.get(output, ()), in_class)

    def make() -> tuple[Illustration, ...]:
        with stages.progress.stage("reference samples", len(requests)) as step:
            return illustrate(
                stages.explainer,
                stages.subject,
                stages.samples,
                requests,
                store,
                batch=audit.batch,
                progress=step,
            )

    inputs = {"concepts": [run.digest(f"concepts-{index}") for index in range(len(stages.layers))]}
    return run.once("illustrations", inputs, make)


def _shortcuts(stages: Stages) -> ShortcutReport | None:
    config, outputs, run = stages.config, stages.outputs, stages.run
    if not config.shortcuts.enabled:
        return None
    last = stages.layers[-1]
    leading = {output: (last.layer.layer, last.leading.get(output, ())) for output in outputs}

    def make() -> ShortcutReport:
        with stages.progress.stage("clever-Hans candidates", steps_of(outputs)) as step:
            return find_shortcuts(
                Probe(stages.explainer, stages.subject),
                stages.samples,
                leading,
                outputs,
                config.shortcuts,
                seed=config.audit.seed,
                layer_relevance=last.layer,
                progress=step,
            )

    inputs = {
        "relevance": run.digest("relevance"),
        "leading": run.digest(f"concepts-{len(stages.layers) - 1}"),
        "config": config.shortcuts.model_dump(mode="json"),
    }
    return run.once("shortcuts", inputs, make)


def _local(stages: Stages) -> LocalPart:
    def make() -> LocalPart:
        with stages.progress.stage("single pictures") as step:
            return local_analysis(
                stages.config,
                stages.subject,
                stages.explainer,
                stages.samples,
                stages.layers[-1].layer,
                stages.outputs,
                stages.store,
                step,
            )

    found: LocalPart = stages.once("local", ["relevance"], make)
    return found


def _compositions(stages: Stages, shortcuts: ShortcutReport | None) -> Compositions:
    def make() -> Compositions:
        total = len(stages.outputs) + len(graded(shortcuts))
        with stages.progress.stage("composition of concepts", total) as step:
            layers = [analysis.layer for analysis in stages.layers]
            found = composer(
                stages.config, stages.subject, stages.explainer, stages.samples, layers
            )
            return found.all(stages.outputs, shortcuts, stages.store, step)

    read = ["relevance", "shortcuts"] if shortcuts else ["relevance"]
    found: Compositions = stages.once("composition", read, make)
    return found
