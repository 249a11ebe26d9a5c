"""The parts of the result that go beyond single concepts, put together from what stages found."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from auditor.language.speaking import gettext as _
from auditor.pipeline.analysis import Analysis, Extras
from auditor.records.concepts import DecisionPlane, FlippingCurves
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import LayerUnits
from auditor.report.document.audit import ClassReport, Picture
from auditor.report.draw.decision_plane import Panel, flipping_figure, plane_figure
from auditor.report.sections.identity import identity
from auditor.report.sections.planes import planes
from auditor.report.sections.ranking import ranking_of_layer
from auditor.report.sections.shared import Shelf, shelf
from auditor.report.sections.strategies import error_report, strategy_report
from auditor.report.sections.units import layer_units, lead_units
from auditor.report.show.images import ImageStore


def extra_parts(analysis: Analysis, extras: Extras, store: ImageStore, most: int, seed: int) -> Any:
    """Return the parts of the result by their names in `AuditResult`.

    ``most`` kinds of wrong decision are shown; ``seed`` is of the bootstrap behind the intervals
    of concept flipping.
    """
    found = shelf(
        analysis.samples,
        [*analysis.illustrations, *extras.illustrations],
        extras.samples,
        extras.units,
    )
    names = [layer.layer.layer for layer in analysis.layers]
    return {
        "units": _units(analysis, extras, found),
        "planes": planes(
            extras.pairs,
            [layer.planes for layer in extras.layers],
            names,
            [layer.subspaces for layer in analysis.layers],
            found,
            _PlaneDrawing(store),
        ),
        "strategies": strategy_report(extras.deepest, extras.strategies, analysis.outputs, found),
        "errors": error_report(extras.deepest, extras.mistakes, most, found),
        "ranking": [
            ranking_of_layer(layer.layer, layer.curves, _CurveDrawing(store), seed=seed)
            for layer in extras.layers
        ],
        "identity": identity(
            analysis.samples,
            [(layer.by_relevance, layer.statistics) for layer in analysis.layers],
        ),
    }


def with_leads(
    classes: Sequence[ClassReport], units: Sequence[LayerUnits], subspaces: Sequence[Subspaces]
) -> list[ClassReport]:
    """Return the classes, each layer's table with the larger units that it starts with."""
    known = {each.layer: (each, groups) for each, groups in zip(units, subspaces, strict=True)}
    found = []
    for place, item in enumerate(classes):
        tables = []
        for table in item.tables:
            lead, sentence = lead_units(*known[table.layer], place, item.name)
            tables.append(table.model_copy(update={"lead": lead, "lead_sentence": sentence}))
        found.append(item.model_copy(update={"tables": tables}))
    return found


def _units(analysis: Analysis, extras: Extras, found: Shelf) -> list[LayerUnits]:
    return [
        layer_units(
            extra.layer,
            extra.decision,
            extra.components,
            extra.class_components,
            extra.directions,
            layer.subspaces,
            analysis.outputs,
            found,
        )
        for layer, extra in zip(analysis.layers, extras.layers, strict=True)
    ]


class _PlaneDrawing:
    """Draws a plane into the run's pictures."""

    def __init__(self, store: ImageStore) -> None:
        self.store = store

    def __call__(
        self, plane: DecisionPlane, classes: tuple[str, str], axes: tuple[str, str]
    ) -> Picture:
        draw = partial(
            plane_figure,
            plane.coordinates,
            plane.labels == plane.pair.first,
            plane.labels != plane.predictions,
            plane.held_out,
            (float(plane.weights[0]), float(plane.weights[1]), plane.threshold),
            classes,
            axes,
        )
        alt = _(
            "pictures of %(classes)s and %(classes_2)s by their relevance of two concepts",
            classes=classes[0],
            classes_2=classes[1],
        )
        return self.store.figure(draw, alt=alt)


class _CurveDrawing:
    """Draws flipping curves into the run's pictures."""

    def __init__(self, store: ImageStore) -> None:
        self.store = store

    def __call__(self, curves: Sequence[FlippingCurves]) -> Picture:
        titles = {
            ("off", "zero"): _("off, to zero"),
            ("off", "mean"): _("off, to their mean"),
            ("on", "zero"): _("on, from zero"),
        }
        panels = [
            Panel(titles[each.direction, each.baseline], each.switched, each.curves)
            for each in curves
        ]
        draw = partial(flipping_figure, panels)
        alt = _(
            "score of the class while concepts of %(layer)s are switched", layer=curves[0].layer
        )
        return self.store.figure(draw, alt=alt)
