"""Global factors, columns of metadata and odd samples as the report shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from auditor.language.speaking import gettext as _
from auditor.language.speaking import listed
from auditor.records.part import Interval, Picture
from auditor.records.stages import (
    ColumnFactor,
    Evidence,
    GlobalFactor,
    OddSample,
    Samples,
    ShortcutReport,
)
from auditor.report.document.whole_pictures import (
    ColumnCard,
    ColumnClass,
    FactorCard,
    Factors,
    FactorTest,
    OddCard,
)

LEVEL = 0.01
# More rows than this make a figure that nobody compares by eye.
MOST_DRAWN = 8
CLEAR_ASSOCIATION = 0.3
TITLES: Mapping[str, str] = {
    "T4 statistic given": _("Given to pictures of other classes: turn into the class"),
    "T4 statistic taken away": _("Taken from pictures of the class: leave it"),
}

Draw = Callable[[Sequence[FactorCard]], Picture]


def factors_part(report: ShortcutReport | None, samples: Samples, draw: Draw) -> Factors | None:
    """Return the part, None when nothing of it was found or looked for."""
    if report is None or not (report.factors or report.columns or report.odd):
        return None
    cards = [_factor(factor, samples) for factor in report.factors]
    drawn = strongest(cards)
    return Factors(
        factors=cards,
        columns=[_column(column, samples) for column in report.columns],
        odd=[_odd(each, samples) for each in report.odd],
        odd_total=report.odd_total,
        figure=draw(drawn) if drawn else None,
        drawn=len(drawn),
    )


def strongest(cards: Sequence[FactorCard], most: int = MOST_DRAWN) -> list[FactorCard]:
    """Return the factors with the largest measured effect, in the order in which they are listed.

    Where effects are equal, or none could be measured, those that tell the class best come first.
    """
    order = sorted(range(len(cards)), key=lambda place: _strength(cards[place]), reverse=True)
    return [cards[place] for place in sorted(order[:most])]


def _strength(card: FactorCard) -> tuple[float, float]:
    effects = [abs(test.effect.value) for test in card.tests if test.effect]
    return max(effects, default=0.0), abs(card.auc - 0.5)


def _factor(factor: GlobalFactor, samples: Samples) -> FactorCard:
    name = samples.manifest.classes[factor.output]
    return FactorCard(
        id=factor.id,
        what=_("%(statistic)s in %(name)s", statistic=_(factor.statistic), name=name),
        class_name=name,
        statistic=factor.statistic,
        unit=factor.unit,
        own=list(factor.own),
        others=list(factor.others),
        n=factor.n,
        auc=factor.auc,
        q=factor.q,
        tests=[_test(each) for each in factor.evidence],
        plausibility=factor.plausibility.score,
        terms=dict(factor.plausibility.terms),
        grade=factor.grade,
        meaning=factor.meaning,
    )


def _test(evidence: Evidence) -> FactorTest:
    ran = evidence.outcome not in ("not applicable", "error")
    effect = Interval(value=evidence.effect, low=evidence.low, high=evidence.high, n=evidence.n)
    return FactorTest(
        title=_(TITLES.get(evidence.test, evidence.test)),
        effect=effect if ran else None,
        q=evidence.q,
        outcome=evidence.outcome,
        reason=evidence.reason,
    )


def _column(column: ColumnFactor, samples: Samples) -> ColumnCard:
    names = samples.manifest.classes
    classes = [
        ColumnClass(name=names[each.output], share=each.share, q=each.q, n=each.n)
        for each in column.classes
    ]
    dependent = [each.name for each in classes if each.q <= LEVEL]
    told = column.q <= LEVEL and column.association >= CLEAR_ASSOCIATION
    if told and dependent:
        reading = _(
            "It goes with the label, and within %(listed)s the model's relevance goes with it: "
            "review.",
            listed=_listed(dependent),
        )
    elif told:
        reading = _("It goes with the label: a model could learn it in place of the class.")
    elif dependent:
        reading = _(
            "Within %(listed)s the model's relevance goes with it.", listed=_listed(dependent)
        )
    else:
        reading = _("No sign that it matters.")
    return ColumnCard(
        column=column.column,
        values=list(column.values),
        n=column.n,
        association=column.association,
        q=column.q,
        classes=classes,
        reading=reading,
    )


def _odd(odd: OddSample, samples: Samples) -> OddCard:
    names, manifest = samples.manifest.classes, samples.manifest
    label = names[odd.output]
    other = names[odd.other] if odd.other is not None else ""
    why = (
        _("decided by other concepts than the rest of '%(label)s'", label=label)
        if odd.other is None
        else _(
            "labelled '%(label)s', but as ordinary for '%(other)s' as that class's own pictures: "
            "check the label",
            label=label,
            other=other,
        )
    )
    return OddCard(sample=manifest.paths[odd.row], label=label, taken_for=other, why=why, p=odd.p)


def _listed(names: Sequence[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return listed(quoted)
