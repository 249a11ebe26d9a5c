"""An audit, as a table of contents: each stage runs once and is kept in the run folder."""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

import auditor
from auditor.concepts.references import references
from auditor.concepts.selection import leading_concepts
from auditor.concepts.similarity import similarity_matrix
from auditor.concepts.statistics import concept_statistics
from auditor.concepts.subspaces import find_subspaces
from auditor.config import NOT_EVIDENCE, Config, dump_config
from auditor.detail_records import Compositions, LocalAnalysis
from auditor.errors import UnknownNameError
from auditor.interventions.probe import Probe
from auditor.interventions.search import STEPS, find_shortcuts
from auditor.language import SOURCE, speaking
from auditor.pipeline.analyses import Stages, run_analyses
from auditor.pipeline.assemble import Analysis, LayerAnalysis, assemble
from auditor.pipeline.compose import composer, graded
from auditor.pipeline.illustrate import has_pictures, illustrate, requests_of
from auditor.pipeline.local import local_analysis, named_rows
from auditor.progress import Progress
from auditor.records import (
    ConceptStatistics,
    Illustration,
    LayerRelevance,
    References,
    Samples,
    ShortcutReport,
    Subspaces,
)
from auditor.relevance.collect import PassPlan, merge, run_pass
from auditor.relevance.explainer import Explainer
from auditor.relevance.heatmaps import MapRequest, activation_products
from auditor.report.images import ImageStore
from auditor.report.model import AuditResult
from auditor.runfolder import RunFolder, digest_of, list_files, open_run, write_atomic
from auditor.shortcuts.split import discovery_split
from auditor.subject import Subject, load_subject
from auditor.subject.labels import plain

PACKAGES = ("torch", "torchvision", "numpy", "scikit-image", "scikit-learn", "weasyprint")
LayerConcepts = Mapping[int, tuple[int, ...]]


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
    """
    with progress.stage("loading model and data"):
        subject = load_subject(config, base)
        explainer = make_explainer(config, subject)
    check_classes(config, subject)
    named_rows(config.audit.samples or (), subject.manifest.paths)
    for note in (*subject.notes, *explainer.notes):
        progress.say(f"note: {note}")
    layers = audited_layers(config, explainer)
    out.mkdir(parents=True, exist_ok=True)
    with FileLock(out / ".lock"):  # two that begin at once must find one folder, not make two
        run = _open(config, subject, layers, out, created, argv)
    if opened is not None:
        opened(run.path)
    progress.say(f"run folder: {run.path}")
    with _only_one(run, progress), speaking(config.report.language):
        return _stages(config, subject, explainer, layers, run, progress)


def check_classes(config: Config, subject: Subject) -> None:
    """Say before the pass over the data that a class to audit is none of the model's.

    Raises:
        UnknownNameError: which one.
    """
    _refuse_unknown(config.audit.classes or (), subject.manifest.classes)


def _refuse_unknown(asked: Sequence[str], classes: Sequence[str]) -> None:
    known = {plain(name) for name in classes}
    for name in asked:
        if plain(name) not in known:
            raise UnknownNameError("class", name, classes)


def make_explainer(config: Config, subject: Subject) -> Explainer:
    """Return the relevance engine of a subject, set up as the config says."""
    audit = config.audit
    composite = audit.composite
    return Explainer(
        subject.model,
        subject.example(),
        composite if isinstance(composite, str) else composite.model_dump(),
        epsilon=audit.epsilon,
        bias=audit.bias,
        gamma=audit.gamma,
        signed=audit.signed,
        output=subject.output,
    )


def _stages(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    layers: tuple[str, ...],
    run: RunFolder,
    progress: Progress,
) -> AuditOutcome:
    samples, relevance = _relevance(config, subject, explainer, layers, run, progress)
    outputs, left_out = audited_outputs(config, samples)
    analyses = _concepts(config, subject, explainer, samples, relevance, outputs, run, progress)
    store = ImageStore(run.images)
    illustrations = _illustrations(
        config, subject, explainer, samples, analyses, outputs, store, run, progress
    )
    extras = run_analyses(
        Stages(config, subject, explainer, samples, analyses, outputs, store, run, progress)
    )
    shortcuts = _shortcuts(config, subject, explainer, samples, analyses, outputs, run, progress)
    local = _local(config, subject, explainer, samples, analyses, outputs, store, run, progress)
    compositions = _compositions(
        config, subject, explainer, samples, analyses, outputs, shortcuts, store, run, progress
    )
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
        )
        result = assemble(config, subject, explainer, analysis, store, _tool(subject), run.key[:8])
        write_atomic(run.path / "audit.json", result.model_dump_json(indent=1).encode())
        # Of the first time, as the stages': the same command again gives the same report.
        seconds = run.manifest().get("seconds", round(time.monotonic() - started, 3))
        run.finish("audited", seconds=seconds)
        parts = ("audit.json", "config.yaml", "images", "shards")
        list_files(run.path, [run.path / name for name in parts])
    return AuditOutcome(run, result)


def audited_outputs(config: Config, samples: Samples) -> tuple[tuple[int, ...], int]:
    """Return the outputs audited in depth, and how many classes with samples are left out.

    Raises:
        UnknownNameError: a configured class is none of those that have samples.
    """
    classes = samples.manifest.classes
    present, counts = np.unique(samples.labels[samples.valid], return_counts=True)
    if config.audit.classes is None:
        largest = np.lexsort((present, -counts))[: config.audit.max_classes]
        return tuple(sorted(int(o) for o in present[largest])), len(present) - len(largest)
    _refuse_unknown(config.audit.classes, [classes[output] for output in present])
    places = {plain(classes[output]): int(output) for output in present}
    return tuple(dict.fromkeys(places[plain(name)] for name in config.audit.classes)), 0


@contextmanager
def _only_one(run: RunFolder, progress: Progress) -> Iterator[None]:
    """Hold the run folder, so that a second audit of it waits until this one is done."""
    lock = FileLock(run.path / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say("another process does this very audit: waiting until it is done")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def audited_layers(config: Config, explainer: Explainer) -> tuple[str, ...]:
    """Return the layers that a config names, or those that the engine chooses.

    Raises:
        UnknownNameError: a layer that the model does not have.
    """
    if config.audit.layers == "auto":
        return explainer.automatic_layers()
    for layer in config.audit.layers:
        if layer not in explainer.layers:
            raise UnknownNameError("layer", layer, explainer.layers)
    return tuple(config.audit.layers)


def _open(
    config: Config,
    subject: Subject,
    layers: Sequence[str],
    out: Path,
    created: str,
    argv: Sequence[str],
) -> RunFolder:
    audited = config.model_dump(mode="json", exclude={"report", "project", *NOT_EVIDENCE})
    key = digest_of(
        {
            "config": audited | {"project": config.project.name} | _language(config),
            "layers": list(layers),
            "model": subject.model_digest,
            "data": subject.data_digest,
            "versions": _versions(),
        }
    )
    facts = {"name": config.project.name, "argv": list(argv), "versions": _versions()}
    run = open_run(out, config.project.name, key, created=created, facts=facts)
    write_atomic(run.path / "config.yaml", dump_config(config).encode())
    return run


def _language(config: Config) -> dict[str, str]:
    """Return what the language adds to a run's key: records hold sentences, but for English."""
    code = config.report.language
    return {} if code == SOURCE else {"language": code}


def _relevance(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    layers: tuple[str, ...],
    run: RunFolder,
    progress: Progress,
) -> tuple[Samples, tuple[LayerRelevance, ...]]:
    audit = config.audit
    plan = PassPlan(layers, audit.target, audit.batch, audit.shard, audit.relmax, audit.actmax)
    discovery = discovery_split(subject.manifest.labels, config.audit.seed)

    def make() -> tuple[Samples, tuple[LayerRelevance, ...]]:
        with progress.stage("relevance of every image", len(subject.manifest)) as step:
            run_pass(explainer, subject, plan, run.shards, step)
        cuts = [explainer.cuts(layer) for layer in layers]
        return merge(run.shards, subject.manifest, plan, discovery, cuts)

    samples, relevance = run.once("relevance", {"key": run.key}, make)
    return samples, relevance


def _concepts(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    relevance: Sequence[LayerRelevance],
    outputs: Sequence[int],
    run: RunFolder,
    progress: Progress,
) -> list[LayerAnalysis]:
    found = []
    for index, layer in enumerate(relevance):

        def make(
            layer: LayerRelevance = layer,
        ) -> tuple[
            ConceptStatistics,
            References,
            References,
            tuple[References, ...],
            LayerConcepts,
            Subspaces,
        ]:
            with progress.stage(f"concepts of {layer.layer}"):
                return _analyse_layer(config, subject, explainer, samples, layer, outputs)

        inputs = {"relevance": run.digest("relevance"), "outputs": list(outputs)}
        record = run.once(f"concepts-{index}", inputs, make)
        found.append(LayerAnalysis(layer, *record))
    return found


def _analyse_layer(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    layer: LayerRelevance,
    outputs: Sequence[int],
) -> tuple[
    ConceptStatistics, References, References, tuple[References, ...], LayerConcepts, Subspaces
]:
    audit = config.audit
    rng = np.random.default_rng(audit.seed)
    statistics = concept_statistics(samples, layer, outputs, rng=rng)
    leading = {
        output: tuple(concepts)
        for output, concepts in leading_concepts(statistics, audit.concepts).items()
    }
    by_relevance = references(layer, samples, k=audit.references, origin="relevance")
    by_activation = references(layer, samples, k=audit.references, origin="activation")
    per_class = tuple(
        references(layer, samples, k=audit.class_references, origin="relevance", output=output)
        for output in outputs
    )
    shown = sorted({concept for concepts in leading.values() for concept in concepts})
    dots, squares = activation_products(
        explainer,
        subject.load,
        layer.layer,
        by_relevance,
        shown,
        batch=audit.batch,
        paths=samples.manifest.paths,
    )
    similarity = similarity_matrix(dots, squares)
    subspaces = find_subspaces(layer.layer, shown, similarity, layer, samples, outputs)
    return statistics, by_relevance, by_activation, per_class, leading, subspaces


def _illustrations(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    analyses: Sequence[LayerAnalysis],
    outputs: Sequence[int],
    store: ImageStore,
    run: RunFolder,
    progress: Progress,
) -> tuple[Illustration, ...]:
    requests: list[MapRequest] = []
    for analysis in analyses:
        count = config.audit.references
        requests += requests_of(analysis.by_relevance, analysis.shown, count)
        requests += requests_of(analysis.by_activation, analysis.shown, min(count, 6))
        for output, own in zip(outputs, analysis.per_class, strict=True):
            requests += requests_of(
                own, analysis.leading.get(output, ()), config.audit.class_references
            )

    def make() -> tuple[Illustration, ...]:
        with progress.stage("reference samples", len(requests)) as step:
            return illustrate(
                explainer,
                subject,
                samples,
                requests,
                store,
                batch=config.audit.batch,
                progress=step,
            )

    def whole(illustrations: tuple[Illustration, ...]) -> bool:
        pictures = [picture for item in illustrations for picture in (item.crop, item.full)]
        return all((store.folder / picture.file).is_file() for picture in pictures)

    inputs = {"concepts": [run.digest(f"concepts-{index}") for index in range(len(analyses))]}
    return run.once("illustrations", inputs, make, whole=whole)


def _shortcuts(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    analyses: Sequence[LayerAnalysis],
    outputs: Sequence[int],
    run: RunFolder,
    progress: Progress,
) -> ShortcutReport | None:
    if not config.shortcuts.enabled:
        return None
    last = analyses[-1]
    leading = {output: (last.layer.layer, last.leading.get(output, ())) for output in outputs}

    def make() -> ShortcutReport:
        with progress.stage("clever-Hans candidates", STEPS * len(outputs)) as step:
            return find_shortcuts(
                Probe(explainer, subject),
                samples,
                leading,
                outputs,
                config.shortcuts,
                seed=config.audit.seed,
                layer_relevance=last.layer,
                progress=step,
            )

    inputs = {
        "relevance": run.digest("relevance"),
        "leading": run.digest(f"concepts-{len(analyses) - 1}"),
        "config": config.shortcuts.model_dump(mode="json"),
    }
    return run.once("shortcuts", inputs, make)


def _local(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    analyses: Sequence[LayerAnalysis],
    outputs: Sequence[int],
    store: ImageStore,
    run: RunFolder,
    progress: Progress,
) -> LocalAnalysis:
    layer = analyses[-1].layer

    def make() -> LocalAnalysis:
        with progress.stage("single pictures") as step:
            return local_analysis(config, subject, explainer, samples, layer, outputs, store, step)

    inputs = {"relevance": run.digest("relevance"), "outputs": list(outputs)}
    found: LocalAnalysis = run.once(
        "local", inputs, make, whole=partial(has_pictures, store.folder)
    )
    return found


def _compositions(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    samples: Samples,
    analyses: Sequence[LayerAnalysis],
    outputs: Sequence[int],
    shortcuts: ShortcutReport | None,
    store: ImageStore,
    run: RunFolder,
    progress: Progress,
) -> Compositions:
    layers = [analysis.layer for analysis in analyses]

    def make() -> Compositions:
        total = len(outputs) + len(graded(shortcuts))
        with progress.stage("composition of concepts", total) as step:
            found = composer(config, subject, explainer, samples, layers)
            return found.all(outputs, shortcuts, store, step)

    inputs = {
        "relevance": run.digest("relevance"),
        "outputs": list(outputs),
        "shortcuts": run.digest("shortcuts") if shortcuts else "",
    }
    found: Compositions = run.once(
        "composition", inputs, make, whole=partial(has_pictures, store.folder)
    )
    return found


def _tool(subject: Subject) -> dict[str, Any]:
    return {
        "name": "concept-auditor",
        "version": auditor.__version__,
        "packages": _versions(),
        "device": str(subject.device.type),
    }


def _versions() -> dict[str, str]:
    own = {"concept-auditor": auditor.__version__}
    return own | {name: importlib.metadata.version(name) for name in PACKAGES}
