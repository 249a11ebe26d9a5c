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
from auditor.records.concepts import Baseline, Direction, Empty, FlippingAreas, RankingTrust, Trust

RELEVANCE = "relevance"
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
) -> FlippingAreas | Empty:
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
    low, high = np.quantile(weights @ areas, [0.025, 0.975], axis=0)
    gain_low, gain_high = np.quantile(weights @ gains, [0.025, 0.975], axis=0)
    return FlippingAreas(
        direction=direction,
        orders=tuple(curves),
        n=n,
        area=areas.mean(axis=0),
        low=low,
        high=high,
        gain=gains.mean(axis=0),
        gain_low=gain_low,
        gain_high=gain_high,
        baseline=baseline,
    )


def ranking_trust(layer: str, areas: Sequence[FlippingAreas]) -> RankingTrust | Empty:
    """Return how far the ranking by relevance can be trusted at a layer.

    Trusted: in every direction it does better than a random order, and no other order does better
    than it. Partly trusted: better than random in some direction. Else it is not trusted. Better
    means that the 95 % interval of the paired difference lies on one side of 0; an order that is
    ahead by less than `NOTABLE` of the area is level.

    Raises:
        ValueError: the areas have no random order.
    """
    if not areas:
        return Empty(_("No concepts were switched, so the ranking was not tested."))
    for each in areas:
        if RANDOM not in each.orders:
            raise ValueError(f"no order '{RANDOM}' among {', '.join(each.orders)}")
    above = [each.gain_low[each.orders.index(RANDOM)] > 0 for each in areas]
    rivals = sorted(
        {
            order
            for each in areas
            for order, gain, high in zip(each.orders, each.gain, each.gain_high, strict=True)
            if high < 0 and -gain > NOTABLE * abs(each.area[each.orders.index(RELEVANCE)])
        }
    )
    trust: Trust = "not trusted"
    if any(above):
        trust = "trusted" if all(above) and not rivals else "partly trusted"
    measured = "; ".join(_said(each) for each in areas)
    return RankingTrust(
        layer,
        tuple(areas),
        trust,
        _("%(measured)s: %(verdict)s.", measured=measured, verdict=_verdict(trust, above, rivals)),
    )


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


def _said(areas: FlippingAreas) -> str:
    random = areas.orders.index(RANDOM)
    value, gain = areas.area[areas.orders.index(RELEVANCE)], areas.gain[random]
    lowers = (areas.direction == "off") == (value >= 0)
    way = {
        ("off", "zero"): _("off"),
        ("off", "mean"): _("off (to their mean)"),
        ("on", "zero"): _("on"),
        ("on", "mean"): _("on (to their mean)"),
    }[areas.direction, areas.baseline]
    return _(
        "Switching concepts %(way)s by relevance %(moved)s the score by %(value)s on average over "
        "the curve, %(gain)s %(better)s than in random order (95 %% interval of the difference "
        "%(low)s to %(high)s, n = %(n)s)",
        way=way,
        moved=_("lowers") if lowers else _("raises"),
        value=decimal(abs(value)),
        gain=decimal(abs(gain)),
        better=_("better") if gain >= 0 else _("worse"),
        low=decimal(areas.gain_low[random]),
        high=decimal(areas.gain_high[random]),
        n=areas.n,
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
            rivals=" and ".join(rivals),
        )
    return _("the ranking is better than chance in one direction only, so read it as a guide")
