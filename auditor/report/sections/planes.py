"""Fine-grained decisions as the report shows them: a plane per pair of classes and layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from auditor.language.numbers import bare_percent, percent
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConfusedPair, DecisionPlane, Empty
from auditor.records.part import Crop, Interval, Picture, concept_id, subspace_id
from auditor.records.stages import Subspaces
from auditor.report.document.analyses import PlaneAxis, PlaneCard, PlaneGap, Planes
from auditor.report.sections.shared import Shelf

CROPS = 4
Draw = Callable[[DecisionPlane, tuple[str, str], tuple[str, str]], Picture]


def planes(
    pairs: Sequence[ConfusedPair],
    by_layer: Sequence[Sequence[DecisionPlane | Empty]],
    layers: Sequence[str],
    subspaces: Sequence[Subspaces],
    shelf: Shelf,
    draw: Draw,
) -> Planes:
    """Return a card for each pair and layer, the deepest layer first; only that one is drawn."""
    cards, gaps = [], []
    for number, pair in enumerate(pairs):
        missing: dict[str, list[str]] = {}
        drawn = False
        for place in reversed(range(len(layers))):
            found = by_layer[place][number]
            if isinstance(found, Empty):
                missing.setdefault(_named(found.reason, pair, shelf), []).append(layers[place])
                continue
            cards.append(_card(found, subspaces[place], shelf, None if drawn else draw))
            drawn = True
        gaps += [_gap(pair, reason, where, shelf) for reason, where in missing.items()]
    note = "" if pairs else _nothing(shelf)
    return Planes(cards=cards, gaps=gaps, note=note)


def _nothing(shelf: Shelf) -> str:
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


def _named(reason: str, pair: ConfusedPair, shelf: Shelf) -> str:
    """Say class names where the record knows only outputs."""
    first, second = shelf.class_name(pair.first), shelf.class_name(pair.second)
    return reason.replace(
        _("classes %(first)s and %(second)s", first=pair.first, second=pair.second),
        _("'%(first)s' and '%(second)s'", first=first, second=second),
    )


def _card(plane: DecisionPlane, subspaces: Subspaces, shelf: Shelf, draw: Draw | None) -> PlaneCard:
    pair = plane.pair
    first, second = shelf.class_name(pair.first), shelf.class_name(pair.second)
    axes = _axis(plane, 0, subspaces, shelf), _axis(plane, 1, subspaces, shelf)
    member = plane.labels == plane.predictions
    held = plane.held_out & member
    wrong = int((plane.wrong & held).sum())
    names = axes[0].unit, axes[1].unit
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
        figure=None if draw is None else draw(plane, (first, second), names),
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
