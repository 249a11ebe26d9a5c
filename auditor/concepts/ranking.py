"""How far the ranking of concepts can be trusted: what happens when they are switched in order.

Source: Achtibat et al. 2023, concept flipping; Samek et al. 2017, area over the perturbation curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from scipy.integrate import trapezoid

from auditor.language.numbers import decimal
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined, listed
from auditor.records.concepts import (
    Baseline,
    Direction,
    Empty,
    FlippingCard,
    OrderArea,
    RankingCard,
    Trust,
)
from auditor.records.part import Interval

NOT_SWITCHED = _(
    "No concepts were switched, so the ranking was not tested: no picture of the audited classes "
    "is recognised as its class, or audit.flipping_images is 0."
)
RELEVANCE = "relevance"
# An order that is ahead by a smaller part of the area than this is level.
NOTABLE = 0.01
RANDOM = "random"
# Fewer samples give no interval worth the name.
LEAST = 5


def flipping_areas(
    curves: Mapping[str, Float[np.ndarray, "sample step"]],
    switched: Float[np.ndarray, "step"],
    direction: Direction,
    *,
    baseline: Baseline = "zero",
    draws: int = 2000,
    rng: np.random.Generator,
) -> FlippingCard | Empty:
    """Return the area over the curve of every order, and how much more the relevance order has.

    The area is the mean over the curve (trapezium rule over ``switched``) of how far the logit has
    fallen since the first step while concepts go off, or risen while they come on, in units of the
    logit. Intervals are 2.5 to 97.5 % percentiles of the mean over bootstrap samples; one resample
    serves all orders, so differences are paired by sample.

    Args:
        curves: order -> the explained logit of each sample after each step, the first before
            anything is switched. ``relevance`` must be among them; a random order may be the mean
            of several.
        switched: share of the concepts that are switched at each step, increasing from 0.
        direction: ``off`` starts from the whole layer, ``on`` from a layer without concepts.
        baseline: what a concept becomes that is off, for the record.
        draws: bootstrap samples.
        rng: draws them.

    Raises:
        ValueError: an order is missing, shapes differ, or the curves do not start alike.
    """
    _check(curves, switched)
    first = curves[RELEVANCE]
    if len(first) < LEAST:
        return Empty(
            _(
                "%(least)s samples are needed to compare orders; there are %(first)s.",
                least=LEAST,
                first=len(first),
            )
        )
    sign = -1.0 if direction == "off" else 1.0
    areas = np.stack([sign * _area(curve, switched) for curve in curves.values()], axis=1)
    gains = areas[:, [list(curves).index(RELEVANCE)]] - areas
    n = len(areas)
    weights = rng.multinomial(n, np.full(n, 1 / n), size=draws) / n

    def intervals(
        values: Float[np.ndarray, "sample order"], bounds: Float[np.ndarray, "bound order"]
    ) -> list[Interval]:
        columns = zip(values.mean(axis=0), *bounds, strict=True)
        return [
            Interval(value=float(mean), low=float(low), high=float(high), n=n)
            for mean, low, high in columns
        ]

    quantiles = [np.quantile(weights @ each, [0.025, 0.975], axis=0) for each in (areas, gains)]
    rows = zip(curves, intervals(areas, quantiles[0]), intervals(gains, quantiles[1]), strict=True)
    orders = [OrderArea(order=order, area=area, gain=gain) for order, area, gain in rows]
    return FlippingCard(direction=direction, baseline=baseline, orders=orders)


def ranking_card(layer: str, measured: Sequence[FlippingCard | Empty]) -> RankingCard:
    """Return how far the ranking by relevance can be trusted at a layer.

    Switching to and from zero decides; switching to the mean is said besides.

    Trusted: in every direction it does better than a random order, and no other order does better
    than it. Partly trusted: better than random in some direction. Else it is not trusted. Better
    means that the 95 % interval of the paired difference lies on one side of 0; an order that is
    ahead by less than `NOTABLE` of the area is level.

    Raises:
        ValueError: the areas have no random order.
    """
    ways = [way for way in measured if isinstance(way, FlippingCard)]
    deciding = [way for way in ways if way.baseline == "zero"]
    if not deciding:
        reasons = [way.reason for way in measured if isinstance(way, Empty)]
        sentence = reasons[0] if reasons else NOT_SWITCHED
        return RankingCard(layer=layer, trust="not tested", sentence=sentence, ways=[])
    above = [way.order(RANDOM).gain.low > 0 for way in deciding]
    rivals = sorted(
        {
            each.order
            for way in deciding
            for each in way.orders
            if each.gain.high < 0
            and -each.gain.value > NOTABLE * abs(way.order(RELEVANCE).area.value)
        }
    )
    trust: Trust = "not trusted"
    if any(above):
        trust = "trusted" if all(above) and not rivals else "partly trusted"
    said = joined((_said(way) for way in deciding), "; ")
    sentences = [
        _("%(measured)s: %(verdict)s.", measured=said, verdict=_verdict(trust, above, rivals)),
        *(_said_of_mean(way) for way in ways if way.baseline == "mean"),
    ]
    return RankingCard(layer=layer, trust=trust, sentence=joined(sentences), ways=ways)


def _check(curves: Mapping[str, np.ndarray], switched: np.ndarray) -> None:
    if RELEVANCE not in curves:
        raise ValueError(f"no order '{RELEVANCE}' among {', '.join(curves) or 'none'}")
    first = curves[RELEVANCE]
    if first.shape[1] != len(switched) or len(switched) < 2:
        raise ValueError(f"curves have {first.shape[1]} steps, but {len(switched)} are named")
    if switched[0] != 0 or (np.diff(switched) <= 0).any():
        raise ValueError("the switched share must increase from 0")
    for order, curve in curves.items():
        if curve.shape != first.shape:
            raise ValueError(
                f"order '{order}' has shape {curve.shape}, '{RELEVANCE}' {first.shape}"
            )
        if not np.allclose(curve[:, 0], first[:, 0], rtol=1e-3, atol=1e-3):
            raise ValueError(f"the curves of '{order}' and '{RELEVANCE}' do not start alike")


def _area(
    curve: Float[np.ndarray, "sample step"], switched: Float[np.ndarray, "step"]
) -> Float[np.ndarray, "sample"]:
    change = curve.astype(np.float64) - curve[:, :1]
    area = trapezoid(change, switched, axis=1) / (switched[-1] - switched[0])
    found: np.ndarray = np.asarray(area)
    return found


def _said(way: FlippingCard) -> str:
    value, gain = way.order(RELEVANCE).area.value, way.order(RANDOM).gain
    lowers = (way.direction == "off") == (value >= 0)
    return _(
        "Switching concepts %(way)s by relevance %(moved)s the score by %(value)s on average over "
        "the curve, %(gain)s %(better)s than in random order (95 %% interval of the difference "
        "%(low)s to %(high)s, n = %(n)s)",
        way=_("off") if way.direction == "off" else _("on"),
        moved=_("lowers") if lowers else _("raises"),
        value=decimal(abs(value)),
        gain=decimal(abs(gain.value)),
        better=_("better") if gain.value >= 0 else _("worse"),
        low=decimal(gain.low),
        high=decimal(gain.high),
        n=gain.n,
    )


def _said_of_mean(way: FlippingCard) -> str:
    gain = way.order(RANDOM).gain
    return _(
        "Set to their mean over the pictures instead of zero, concepts taken off by relevance "
        "lower the score %(gain)s more than in random order (95 %% interval %(gain_low)s to "
        "%(gain_high)s).",
        gain=decimal(gain.value),
        gain_low=decimal(gain.low),
        gain_high=decimal(gain.high),
    )


def _verdict(trust: Trust, above: Sequence[bool], rivals: Sequence[str]) -> str:
    if trust == "trusted":
        return _("the ranking shows which concepts the decision rests on")
    if trust == "not trusted":
        return _("the ranking of concepts at this layer should not be relied on")
    if all(above):
        return _(
            "the ranking is far better than chance, but the order by %(rivals)s does better, so "
            "read it as a guide",
            rivals=listed([_(each) for each in rivals]),
        )
    return _("the ranking is better than chance in one direction only, so read it as a guide")
