"""How far the ranking of concepts can be trusted, as the report says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auditor.base.streams import stream
from auditor.concepts.ranking import RANDOM, flipping_areas, ranking_trust
from auditor.language.numbers import decimal
from auditor.language.speaking import N_
from auditor.language.speaking import gettext as _
from auditor.records.concepts import Empty, FlippingAreas, FlippingCurves
from auditor.records.part import Interval, Picture
from auditor.report.document.analyses import FlippingCard, OrderArea, RankingCard

NOT_SWITCHED = N_(
    "No concepts were switched, so the ranking was not tested: no picture of the audited classes "
    "is recognised as its class, or audit.flipping_images is 0."
)

Draw = Callable[[Sequence[FlippingCurves]], Picture]


def ranking_card(
    layer: str, curves: Sequence[FlippingCurves], draw: Draw, *, seed: int
) -> RankingCard:
    """Return the verdict on a layer's ranking; switching to and from zero decides it."""
    found = [
        flipping_areas(
            each.curves,
            each.switched,
            each.direction,
            baseline=each.baseline,
            rng=stream(seed, "ranking", layer, each.direction, each.baseline),
        )
        for each in curves
    ]
    areas = [each for each in found if not isinstance(each, Empty)]
    reasons = [each.reason for each in found if isinstance(each, Empty)]
    trust = ranking_trust(layer, [each for each in areas if each.baseline == "zero"])
    if isinstance(trust, Empty):
        reason = reasons[0] if reasons else _(NOT_SWITCHED)
        return RankingCard(layer=layer, trust="not tested", sentence=reason, ways=[], figure=None)
    sentences = [trust.sentence, *(_mean(each) for each in areas if each.baseline == "mean")]
    return RankingCard(
        layer=layer,
        trust=trust.trust,
        sentence=" ".join(sentences),
        ways=[_card(each) for each in areas],
        figure=draw(curves),
    )


def _mean(areas: FlippingAreas) -> str:
    place = areas.orders.index(RANDOM)
    return _(
        "Set to their mean over the pictures instead of zero, concepts taken off by relevance "
        "lower the score %(gain)s more than in random order (95 %% interval %(gain_low)s to "
        "%(gain_high)s).",
        gain=decimal(areas.gain[place]),
        gain_low=decimal(areas.gain_low[place]),
        gain_high=decimal(areas.gain_high[place]),
    )


def _card(areas: FlippingAreas) -> FlippingCard:
    return FlippingCard(
        direction=areas.direction,
        baseline=areas.baseline,
        orders=[
            OrderArea(
                order=order,
                area=Interval(
                    value=float(areas.area[place]),
                    low=float(areas.low[place]),
                    high=float(areas.high[place]),
                    n=areas.n,
                ),
                gain=Interval(
                    value=float(areas.gain[place]),
                    low=float(areas.gain_low[place]),
                    high=float(areas.gain_high[place]),
                    n=areas.n,
                ),
            )
            for place, order in enumerate(areas.orders)
        ],
    )
