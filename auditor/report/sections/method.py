"""The section on the method: rules, layers, conservation, and how far rankings can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from auditor.base.streams import stream
from auditor.concepts.ranking import flipping_areas, ranking_card
from auditor.concepts.reference_fit import reference_fit
from auditor.language.speaking import gettext as _
from auditor.records.concepts import FlippingCurves, RankingCard, ReferenceCard
from auditor.records.part import Picture
from auditor.report.document.result import LayerCard, Method
from auditor.report.draw.decision_plane import Panel, flipping_figure
from auditor.report.sections.analysis import Analysis
from auditor.report.sections.section import Audit, Section
from auditor.shortcuts.statistics import median_interval

TITLES = {
    ("off", "zero"): _("off, to zero"),
    ("off", "mean"): _("off, to their mean"),
    ("on", "zero"): _("on, from zero"),
}


def method(audit: Audit) -> Method:
    """Return how relevance was computed and how exact it is."""
    analysis = audit.analysis
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


def ranking(audit: Audit) -> list[RankingCard]:
    """Return how far the ranking can be trusted at every layer, with its curves where tested."""
    return [_ranking(audit, layer.layer, layer.curves) for layer in audit.analysis.decisions]


def _ranking(audit: Audit, layer: str, curves: Sequence[FlippingCurves]) -> RankingCard:
    measured = [
        flipping_areas(
            way.curves,
            way.switched,
            way.direction,
            baseline=way.baseline,
            rng=stream(audit.config.audit.seed, "ranking", layer, way.direction, way.baseline),
        )
        for way in curves
    ]
    card = ranking_card(layer, measured)
    return card.model_copy(update={"figure": _curves(audit, curves)}) if card.ways else card


def _curves(audit: Audit, curves: Sequence[FlippingCurves]) -> Picture:
    panels = [
        Panel(TITLES[way.direction, way.baseline], way.switched, way.curves) for way in curves
    ]
    alt = _("score of the class while concepts of %(layer)s are switched", layer=curves[0].layer)
    return audit.store.figure(partial(flipping_figure, panels), alt=alt)


def _reference_cards(analysis: Analysis) -> list[ReferenceCard]:
    found = [
        reference_fit(
            layer.layer, analysis.samples, layer.by_relevance, layer.by_activation, layer.leading
        )
        for layer in analysis.layers
    ]
    return [fit for fit in found if fit is not None]


SECTION = Section(
    "method", _("Method and limits"), parts={"method": method, "ranking": ranking}, tier="technical"
)
