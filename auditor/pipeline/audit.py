"""An audit, as a table of contents: each stage runs once and is kept in the run folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from auditor.base.progress import Progress
from auditor.causal.trial import LEAST_IMAGES
from auditor.config.audit import Config
from auditor.pipeline.analyses import (
    analysis_pictures,
    decisions_of_layers,
    further_concepts,
    strategies_and_mistakes,
)
from auditor.pipeline.assemble import assemble
from auditor.pipeline.compose import compositions
from auditor.pipeline.concepts import concepts_of_layers, relevance_of_data
from auditor.pipeline.context import Context, Opened, context_of
from auditor.pipeline.decisions import compared_pairs
from auditor.pipeline.facts import model_facts
from auditor.pipeline.identity import identity_of
from auditor.pipeline.local import named_rows, single_pictures
from auditor.pipeline.naming import concept_names
from auditor.pipeline.opening import (
    audited_layers,
    make_explainer,
    named_outputs,
    only_one,
    open_audit,
    shared_yaml,
    tool,
)
from auditor.pipeline.picture_facts import picture_facts
from auditor.pipeline.plugins import load_plugins, with_proposals
from auditor.pipeline.result_pictures import (
    atlases,
    finding_regions,
    help_pictures,
    named_concepts,
    reference_samples,
)
from auditor.pipeline.resume import check_left, remove_unlisted_pictures
from auditor.pipeline.searching import help_search, shortcuts_of
from auditor.pipeline.workplace import executor_of
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.numerics import exact
from auditor.report.document.result import AuditResult
from auditor.report.sections.analysis import Analysis, LayerAnalysis
from auditor.run.folder import RunFolder, open_run
from auditor.run.mirror import mirror_of, shown
from auditor.run.storage import locked, make_folder
from auditor.subject import Given, Subject, load_subject


def run_audit(
    begun: Opened, *, opened: Callable[[Path], object] | None = None, repair: bool = False
) -> tuple[RunFolder, AuditResult]:
    """Run or continue an audit up to ``audit.json``; rendering is a step of its own.

    Args:
        begun: the audit, as `opened_audit` gives it.
        opened: told the run folder as soon as there is one.
        repair: make the damaged files of a finished run again.

    Raises:
        IntegrityError: the run is finished and its files are not as they were written.
        StorageError: a file cannot be written now.
    """
    config, run = begun.config, begun.run
    if opened is not None:
        opened(run.path)
    with only_one(run, begun.progress):
        check_left(run, repair=repair, alone=config.run.shard is None)
        run.write({"config.yaml": shared_yaml(config).encode()})
        return _stages(begun)


def share_audit(begun: Opened) -> Path:
    """Do this job's part of an audit that another job leads, and return the run folder.

    Arguments and errors are those of `run_audit`. It returns when no task is left for it; the
    other jobs may not be done by then.
    """
    context, layers = _concepts(begun)
    help_pictures(context, layers)
    help_search(context, layers[-1])
    return begun.run.path


def check_names(config: Config, subject: Subject, explainer: Explainer) -> tuple[str, ...]:
    """Return the layers that are audited; all that the config names has to be there.

    Raises:
        UnknownNameError: a class, a picture or a layer that is not.
    """
    named_outputs(config.audit.classes or (), subject.manifest.classes)
    named_rows(config.audit.samples or (), subject.manifest.paths)
    return audited_layers(config, explainer)


@contextmanager
def opened_audit(
    config: Config,
    base: Path,
    out: Path,
    *,
    created: str,
    argv: Sequence[str],
    progress: Progress,
    repair: bool = False,
    objects: Given | None = None,
) -> Iterator[Opened]:
    """Open an audit: model and data, its run folder, and who does its tasks, until the block ends.

    Inside of the block torch computes exactly.

    Args:
        config: the whole audit.
        base: folder that relative paths of the config start from.
        out: folder that holds runs.
        created: UTC time as ``YYYY-MM-DDTHH:MM:SSZ``, used when the run is new.
        argv: the command, for the reproducibility page.
        progress: told what is going on.
        repair: whether damaged files of a finished run are made again.
        objects: model and data where they are given as objects, not by name.
    """
    plugins, plugin_notes = load_plugins(config, base)
    config = with_proposals(config)
    with progress.stage("loading model and data"):
        subject = load_subject(config, base, None, objects)
        explainer = make_explainer(config, subject)
    layers = check_names(config, subject, explainer)
    for note in (*plugin_notes, *subject.notes, *explainer.notes):
        progress.say(f"note: {note}")
    begin = partial(open_run, say=progress.say, repair=repair)
    make_folder(out)
    mirror = mirror_of(out)
    with locked(out / ".lock"):  # two that begin at once must find one folder, not make two
        if mirror is not None:
            mirror.fetch_manifests()
        identity = identity_of(config, subject, explainer, layers, plugins)
        run = open_audit(config, identity, out, created, argv, progress, begin=begin)
    progress.say(f"run folder: {shown(run.path)}")
    if mirror is not None:
        mirror.fetch_folder(run.path)
    run = replace(run, leads=config.run.share.leads)
    with (
        exact(subject.device),
        executor_of(config, base, subject, run, progress.say) as executor,
    ):
        yield Opened(config, subject, explainer, layers, run, progress, executor)


def _concepts(opened: Opened) -> tuple[Context, tuple[LayerAnalysis, ...]]:
    """Return what all later stages are given, after the pass over the data."""
    samples, relevance = relevance_of_data(opened)
    context = context_of(opened, samples)
    return context, concepts_of_layers(context, relevance)


def _stages(opened: Opened) -> tuple[RunFolder, AuditResult]:
    """Run all stages, in the order of `auditor.pipeline.plan.planned`."""
    config, run, progress = opened.config, opened.run, opened.progress
    context, layers = _concepts(opened)
    samples, outputs, store = context.samples, context.outputs, context.store
    illustrations = reference_samples(context, layers)
    names = concept_names(context, illustrations)
    pairs = compared_pairs(config.audit, samples, outputs)
    decisions = decisions_of_layers(context, layers, pairs)
    of_classes = strategies_and_mistakes(context, layers[-1])
    units, views = analysis_pictures(context, layers, decisions, of_classes)
    further = further_concepts(context, layers, decisions, of_classes)
    shortcuts = shortcuts_of(context, layers[-1])
    local = single_pictures(context, layers[-1])
    drawn = atlases(context, layers[-1])
    picture_facts(context, layers[-1])  # kept for the table of all pictures
    analysis = Analysis(
        samples=samples,
        outputs=outputs,
        left_out=context.left_out,
        agreement=context.agreement,
        searched=tuple(_testable(samples, output) for output in outputs),
        layers=layers,
        illustrations=illustrations,
        names=names,
        pairs=pairs,
        decisions=decisions,
        strategies=of_classes[0],
        mistakes=of_classes[1],
        units=units,
        views=views,
        further=further,
        shortcuts=shortcuts,
        local=local,
        compositions=compositions(context, layers, shortcuts),
        atlases=drawn,
        regions=finding_regions(context, shortcuts),
        named=named_concepts(context, layers, illustrations, drawn, local),
        facts=model_facts(context),
    )
    started = time.monotonic()
    with progress.stage("writing the result"):
        result = assemble(config, analysis, store, tool(context.subject), run.key[:8])
        # Of the first time, as the stages': the same command again gives the same report.
        seconds = run.manifest().get("seconds", round(time.monotonic() - started, 3))
        document = result.model_dump_json(indent=1).encode()
        remove_unlisted_pictures(run)
        run.write({"audit.json": document}, status="audited", seconds=seconds)
    return run, result


def _testable(samples: Samples, output: int) -> bool:
    """Say whether a class has images enough for the causal tests."""
    return int(samples.discovery[samples.members(output)].sum()) >= LEAST_IMAGES
