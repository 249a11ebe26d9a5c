"""Put the result document together from what the stages found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from auditor.causal.trial import LEAST_IMAGES
from auditor.concepts.concept_map import concept_map
from auditor.concepts.reference_fit import reference_fit
from auditor.config.audit import Config, dump_config
from auditor.config.depth import LEAST_PER_CLASS
from auditor.config.published import shared_config
from auditor.language.speaking import gettext as _
from auditor.language.speaking import listed, ngettext
from auditor.pipeline.analysis import Analysis
from auditor.pipeline.assemble_extras import extra_parts, with_leads
from auditor.pipeline.reading import qualities
from auditor.records.accounting import ClassCount
from auditor.records.concepts import ReferenceCard
from auditor.records.part import concept_id
from auditor.records.shortcuts import GlobalFactor, SearchLimits
from auditor.records.stages import (
    Illustration,
    Samples,
    ShortcutReport,
    Subspaces,
)
from auditor.report.document.audit import (
    AtlasSample,
    AuditResult,
    Calibration,
    ClassReport,
    Crop,
    FindingCard,
    LayerCard,
    Method,
    NotRun,
    Picture,
    Scope,
    Tool,
)
from auditor.report.draw.distributions import factors_figure
from auditor.report.draw.figures import confusion_figure, overview_figure, similarity_figure
from auditor.report.draw.reliability import reliability_figure
from auditor.report.sections.calibration import calibration
from auditor.report.sections.composition import composition_part
from auditor.report.sections.concepts import (
    LayerFindings,
    concepts_of_layer,
    group_illustrations,
    layer_table,
    reference_crops,
    subspace_layer,
)
from auditor.report.sections.factors import factors_part
from auditor.report.sections.findings import finding_cards, finding_ids
from auditor.report.sections.performance import confusion_matrix, data_card, performance
from auditor.report.sections.standing import standing
from auditor.report.sections.verdict import does_not_show, verdict
from auditor.report.show.images import ImageStore
from auditor.shortcuts.grading import ruled_out
from auditor.shortcuts.statistics import median_interval
from auditor.subject.selection import BEYOND_LIMIT

NAMED = 6


def assemble(
    config: Config,
    analysis: Analysis,
    store: ImageStore,
    tool: Mapping[str, Any],
    run_key: str,
) -> AuditResult:
    """Return the result document; figures are drawn here, from arrays alone."""
    samples, outputs = analysis.samples, analysis.outputs
    shared = Config.model_validate(shared_config(config.model_dump(mode="json")))
    names = [samples.manifest.classes[output] for output in outputs]
    groups = group_illustrations(analysis.illustrations)
    layers = _layer_findings(analysis, store)
    cards = (
        finding_cards(analysis.shortcuts, samples, store, analysis.regions)
        if analysis.shortcuts
        else []
    )
    search = (
        analysis.shortcuts.limits
        if analysis.shortcuts
        else SearchLimits(
            ran=False, reason=_("switched off in the config (shortcuts.enabled: false)")
        )
    )
    data = data_card(
        samples,
        source=shared.data.source,
        digest=analysis.facts.data_digest,
        agreement=analysis.agreement,
    )
    not_run = [*_not_run(analysis), *left_by_limit(data.classes), *_over_time(config, samples)]
    factors = factors_part(analysis.shortcuts, partial(_factors, store))
    untested = sum(not _testable(samples, output) for output in outputs)
    matrix, columns = confusion_matrix(samples, outputs)
    concepts = [c for layer in layers for c in concepts_of_layer(layer, samples, groups)]
    more = extra_parts(analysis, analysis.extras, store, config.audit.mistakes, config.audit.seed)
    classes = [
        _class_report(analysis, layers, groups, output, atlas)
        for output, atlas in zip(outputs, analysis.atlases, strict=True)
    ]
    return AuditResult(
        run=run_key,
        tool=Tool(**tool),
        scope=_scope(config),
        verdict=verdict(
            cards,
            search,
            data,
            not_run,
            untested,
            factors.factors if factors else (),
            standing(samples),
        ),
        does_not_show=does_not_show(search, data, unsettled(analysis.shortcuts, cards)),
        model=analysis.facts.model,
        data=data,
        performance=performance(
            samples,
            outputs,
            confusion=store.figure(
                partial(confusion_figure, matrix, columns),
                alt=_("confusion matrix of the audited classes"),
            ),
            calibrated=_calibration(samples, store, config.audit.seed),
        ),
        findings=cards,
        search=search,
        concepts=concepts,
        classes=with_leads(classes, more["units"], [layer.subspaces for layer in analysis.layers]),
        overview=_overview(layers[-1], names, store),
        subspaces=[
            subspace_layer(
                layer.subspaces, outputs, samples, figure=_similarity(layer.subspaces, store)
            )
            for layer in layers
        ],
        maps=[
            concept_map(layer.subspaces)
            for layer in reversed(layers)
            if len(layer.subspaces.concepts)
        ],
        local=analysis.local,
        faces=_faces(analysis.named, samples),
        composition=composition_part(
            analysis.compositions, samples, finding_ids(analysis.shortcuts)
        ),
        method=_method(analysis),
        factors=factors,
        not_run=not_run,
        config=dump_config(shared, evidence=True),
        **more,
    )


def _layer_findings(analysis: Analysis, store: ImageStore) -> list[LayerFindings]:
    quality = qualities(
        analysis.illustrations,
        {each.layer.layer: each.subspaces for each in analysis.layers},
        store,
    )
    return [
        LayerFindings(
            statistics=layer.statistics,
            by_relevance=layer.by_relevance,
            by_activation=layer.by_activation,
            subspaces=layer.subspaces,
            shown=layer.shown,
            leading=layer.leading,
            quality=quality[layer.layer.layer],
        )
        for layer in analysis.layers
    ]


def _class_report(
    analysis: Analysis,
    layers: Sequence[LayerFindings],
    groups: Mapping[Any, list[Illustration]],
    output: int,
    atlas: Sequence[AtlasSample],
) -> ClassReport:
    samples = analysis.samples
    members = samples.members(output)
    note = ""
    if not len(members):
        note = _(
            "None of this class's images is recognised as this class, so there is no decision for "
            "it whose concepts could be shown."
        )
    elif len(members) < 5:
        note = ngettext(
            "Only %(num)s image is recognised: read this table as anecdote.",
            "Only %(num)s images are recognised: read this table as anecdote.",
            len(members),
        )
    return ClassReport(
        name=samples.manifest.classes[output],
        output=output,
        n=int((samples.valid & (samples.labels == output)).sum()),
        members=len(members),
        tables=[layer_table(layer, output, samples, groups) for layer in reversed(layers)],
        atlas=list(atlas),
        note=note,
        searched=analysis.shortcuts is not None and _testable(samples, output),
    )


def _testable(samples: Samples, output: int) -> bool:
    """Say whether a class has images enough for the causal tests."""
    return int(samples.discovery[samples.members(output)].sum()) >= LEAST_IMAGES


def _scope(config: Config) -> Scope:
    project, report = config.project, config.report
    return Scope(
        name=project.name,
        title=report.title or _("Audit of %(name)s", name=project.name),
        owner=project.owner,
        purpose=project.purpose,
        out_of_scope=project.out_of_scope,
        model_version=project.model_version,
        prepared_for=report.prepared_for,
        prepared_by=report.prepared_by,
        classification=report.classification,
    )


def _faces(named: Sequence[Illustration], samples: Samples) -> dict[str, Crop]:
    """Return the reference crop of each concept that is named and has no card."""
    groups = group_illustrations(named)
    return {
        concept_id(item.layer, item.concept): reference_crops(
            groups, item.layer, item.concept, samples
        )[0]
        for item in sorted(named, key=lambda item: concept_id(item.layer, item.concept))
    }


def _method(analysis: Analysis) -> Method:
    facts, conservation = analysis.facts, analysis.facts.conservation
    low, high = median_interval(conservation) or (None, None)
    return Method(
        composite=facts.composite,
        rules=list(facts.rules),
        layers=[
            LayerCard(
                layer=layer.layer.layer,
                concepts=layer.layer.relevance.shape[1],
                size=layer.layer.size,
                cuts=layer.layer.cuts,
            )
            for layer in analysis.layers
        ],
        conservation=float(np.median(conservation)) if len(conservation) else None,
        conservation_n=len(conservation),
        conservation_low=low,
        conservation_high=high,
        notes=list(facts.notes),
        references=_reference_cards(analysis),
    )


def _reference_cards(analysis: Analysis) -> list[ReferenceCard]:
    found = [
        reference_fit(
            layer.layer, analysis.samples, layer.by_relevance, layer.by_activation, layer.leading
        )
        for layer in analysis.layers
    ]
    return [fit for fit in found if fit is not None]


def unsettled(report: ShortcutReport | None, cards: Sequence[FindingCard]) -> list[str]:
    """Return what recurs in a class while its use was neither shown nor ruled out."""
    found = zip(report.findings if report else (), cards, strict=True)
    return [card.what for each, card in found if each.grade == "D" and not ruled_out(each.evidence)]


def _not_run(analysis: Analysis) -> list[NotRun]:
    if not analysis.left_out:
        return []
    return [
        NotRun(
            part=_("the audit of %(left_out)s further classes", left_out=analysis.left_out),
            reason=_(
                "only the classes with the most images were audited in depth; name others in "
                "audit.classes or raise audit.max_classes"
            ),
        )
    ]


def left_by_limit(classes: Sequence[ClassCount]) -> list[NotRun]:
    """Name the classes of which the limit left no picture."""
    names = [each.name for each in classes if each.pictures and not (each.used or each.losses)]
    if not names:
        return []
    shown = names[:NAMED]
    more = len(names) - len(shown)
    if more:
        shown.append(_("%(more)s more", more=more))
    return [
        NotRun(
            part=_("the audit of these classes: %(names)s", names=listed(shown)),
            reason=_("none of their pictures is among those that data.limit allows"),
        )
    ]


def _over_time(config: Config, samples: Samples) -> list[NotRun]:
    """Say what was left out to keep to audit.max_minutes; see `auditor.cli.budget`."""
    minutes, reduced = config.audit.max_minutes, config.audit.reduced
    if minutes is None or not reduced:
        return []
    excluded = samples.manifest.excluded.values()
    left = sum(reasons.get(BEYOND_LIMIT, 0) for reasons in excluded)
    parts = [_("%(left)s further images", left=left)] if "images" in reduced else []
    if "depth" in reduced:
        parts.append(_("a closer look than the preset quick takes"))
    return [
        NotRun(
            part=listed(parts),
            reason=_(
                "audit.max_minutes is %(minutes)s: by the estimate, from passes of this model "
                "timed on this machine, no more fits. The rule: images are cut first, to a "
                "stratified random sample in which no class that has %(least)s falls below; where "
                "that is not enough, search and pictures take the values of the preset quick",
                minutes=f"{minutes:g}",
                least=LEAST_PER_CLASS,
            ),
        )
    ]


def _calibration(samples: Samples, store: ImageStore, seed: int) -> Calibration | None:
    found = calibration(samples, seed=seed)
    if found is None:
        return None
    figure = store.figure(
        partial(reliability_figure, found), alt=_("reliability diagram of the top answer")
    )
    return found.model_copy(update={"figure": figure})


def _overview(layer: LayerFindings, names: list[str], store: ImageStore) -> Picture | None:
    if not layer.shown:
        return None
    shares = layer.statistics.mean_share[:, list(layer.shown)]
    concepts = [str(concept) for concept in layer.shown]
    title = _(
        "how much each class relies on each leading concept of %(layer)s",
        layer=layer.statistics.layer,
    )
    return store.figure(partial(overview_figure, shares, names, concepts), alt=title)


def _similarity(subspaces: Subspaces, store: ImageStore) -> Picture | None:
    if len(subspaces.concepts) < 2:
        return None
    names = [str(concept) for concept in subspaces.concepts]
    return store.figure(
        partial(similarity_figure, subspaces.similarity, subspaces.cluster, names),
        alt=_("similarity of the concepts of %(layer)s", layer=subspaces.layer),
    )


def _factors(store: ImageStore, cards: Sequence[GlobalFactor]) -> Picture:
    return store.figure(
        partial(
            factors_figure,
            [card.what for card in cards],
            [card.own for card in cards],
            [card.others for card in cards],
        ),
        alt=_("quantiles of the statistics that set classes apart"),
    )
