"""The section on fine-grained decisions: a plane per pair of classes and layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from auditor.language.numbers import bare_percent, percent
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConfusedPair, DecisionPlane, Empty
from auditor.records.part import Crop, Interval, concept_id, subspace_id
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import PlaneAxis, PlaneCard, PlaneGap, Planes
from auditor.report.document.result import AuditResult
from auditor.report.draw.decision_plane import plane_figure
from auditor.report.sections.section import Audit, Section
from auditor.report.sections.shared import Shelf

CROPS = 4  # of an axis


def planes(audit: Audit) -> Planes:
    """Return a card for each pair and layer, the deepest layer first; only that one is drawn."""
    shelf, analysis = audit.shelf, audit.analysis
    cards, gaps = [], []
    for number, pair in enumerate(analysis.pairs):
        missing: dict[str, list[str]] = {}
        drawn = False
        for layer, extra in zip(analysis.layers[::-1], analysis.decisions[::-1], strict=True):
            plane = extra.planes[number]
            if isinstance(plane, Empty):
                missing.setdefault(plane.reason, []).append(extra.layer)
                continue
            card = _card(plane, layer.subspaces, shelf)
            cards.append(card if drawn else _drawn(audit, plane, card))
            drawn = True
        gaps += [_gap(pair, reason, where, shelf) for reason, where in missing.items()]
    return Planes(cards=cards, gaps=gaps, note="" if analysis.pairs else _nothing())


def _nothing() -> str:
    return _(
        "No two audited classes are confused: no picture of one was taken for the other, and none "
        "was decided narrowly between them. Name pairs in audit.pairs to compare them anyway."
    )


def _gap(pair: ConfusedPair, reason: str, layers: Sequence[str], shelf: Shelf) -> PlaneGap:
    return PlaneGap(
        layers=list(layers),
        first=shelf.class_name(pair.first),
        second=shelf.class_name(pair.second),
        mistakes=pair.mistakes,
        reason=reason,
    )


def _card(plane: DecisionPlane, subspaces: Subspaces, shelf: Shelf) -> PlaneCard:
    pair = plane.pair
    first, second = shelf.class_name(pair.first), shelf.class_name(pair.second)
    axes = _axis(plane, 0, subspaces, shelf), _axis(plane, 1, subspaces, shelf)
    member = plane.labels == plane.predictions
    held = plane.held_out & member
    wrong = int((plane.wrong & held).sum())
    return PlaneCard(
        layer=plane.layer,
        kind=plane.kind,
        first=first,
        second=second,
        mistakes=pair.mistakes,
        narrow=pair.narrow,
        named=pair.named,
        axes=axes,
        auc=Interval(value=plane.auc, low=plane.low, high=plane.high, n=int(held.sum())),
        samples=plane.n,
        wrong=wrong,
        sentence=_sentence(plane, axes, first, second, wrong, int(held.sum())),
        rule=plane.rule,
        figure=None,
    )


def _axis(plane: DecisionPlane, place: int, subspaces: Subspaces, shelf: Shelf) -> PlaneAxis:
    unit = plane.units[place]
    if plane.kind == "subspace":
        channels = [int(c) for c in subspaces.concepts[subspaces.cluster == unit]]
        name = subspace_id(plane.layer, unit)
    else:
        channels, name = [unit], concept_id(plane.layer, unit)
    return PlaneAxis(
        unit=name,
        concepts=[concept_id(plane.layer, channel) for channel in channels],
        speaks_for=shelf.class_name(plane.speaks_for[place]),
        auc=plane.unit_auc[place],
        crops=_crops(plane.layer, channels, plane.speaks_for[place], shelf),
    )


def _crops(layer: str, channels: Sequence[int], output: int, shelf: Shelf) -> list[Crop]:
    """Return the best crops, of several channels in turn."""
    each = [shelf.of_concept(layer, channel, CROPS, output) for channel in channels]
    turns = [crops[turn] for turn in range(CROPS) for crops in each if turn < len(crops)]
    return turns[:CROPS]


def _sentence(
    plane: DecisionPlane,
    axes: tuple[PlaneAxis, PlaneAxis],
    first: str,
    second: str,
    wrong: int,
    held: int,
) -> str:
    better = int(np.argmax(plane.unit_auc))
    return _(
        "Of two held-out pictures, one of '%(first)s' and one of '%(second)s', these two concepts "
        "tell which is which in %(auc)s of cases (95 %% interval %(low)s to %(high)s); %(wrong)s "
        "of %(held)s lie on the wrong side of the line. The better one alone, %(unit)s, speaks for"
        " '%(speaks_for)s' and reaches %(auc_2)s.",
        first=first,
        second=second,
        auc=percent(plane.auc),
        low=bare_percent(plane.low),
        high=percent(plane.high),
        wrong=wrong,
        held=held,
        unit=axes[better].unit,
        speaks_for=axes[better].speaks_for,
        auc_2=percent(axes[better].auc),
    )


def _drawn(audit: Audit, plane: DecisionPlane, card: PlaneCard) -> PlaneCard:
    """Return the card with its pictures drawn on the plane."""
    draw = partial(
        plane_figure,
        plane.coordinates,
        plane.labels == plane.pair.first,
        plane.labels != plane.predictions,
        plane.held_out,
        (float(plane.weights[0]), float(plane.weights[1]), plane.threshold),
        (card.first, card.second),
        (card.axes[0].unit, card.axes[1].unit),
    )
    alt = _(
        "pictures of %(classes)s and %(classes_2)s by their relevance of two concepts",
        classes=card.first,
        classes_2=card.second,
    )
    return card.model_copy(update={"figure": audit.store.figure(draw, alt=alt)})


def has_planes(result: AuditResult) -> bool:
    """Say whether pairs of classes were looked for."""
    return result.planes is not None


SECTION = Section(
    "planes",
    _("Fine-grained decisions"),
    parts={"planes": planes},
    has=has_planes,
    tier="technical",
)
