"""What two audits measured of themselves: how much relevance accounts for, and the ranking."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.concepts import RankingCard
from auditor.records.part import Interval
from auditor.report.document.result import AuditResult, Method
from auditor.report.document.review import MetricChange
from auditor.review import words
from auditor.review.compare.metric_change import metric_change

# The way of switching concepts, and the order, by which audits are compared.
DIRECTION, BASELINE, CHANCE = "off", "zero", "random"


def self_check_changes(earlier: AuditResult, now: AuditResult) -> list[MetricChange]:
    """Return conservation, and per layer how much better than chance the ranking of concepts is."""
    return [_conservation(earlier.method, now.method), *_rankings(earlier, now)]


def _conservation(earlier: Method, now: Method) -> MetricChange:
    before, after = _accounted(earlier), _accounted(now)
    change = metric_change(
        "conservation", words.CONSERVATION, before, after, words.CONSERVATION_RULE
    )
    values = [_share(each.conservation) for each in (earlier, now)]
    if change.difference is not None or None in values:
        return change
    # Both were measured, over too few pictures for an interval or by an early version.
    sentence = _(
        words.NO_INTERVAL,
        title=words.CONSERVATION,
        earlier=percent(values[0]),
        now=percent(values[1]),
    )
    return change.model_copy(update={"sentence": sentence})


def _accounted(method: Method) -> Interval | None:
    """Return the share of the logit that relevance accounts for, by how far it is from all of it.

    The median over pictures and its interval, both folded at 1: 1.2 is as far from it as 0.8.
    """
    value, low, high = (
        _share(each)
        for each in (method.conservation, method.conservation_low, method.conservation_high)
    )
    if value is None or low is None or high is None:
        return None
    assert method.conservation_low is not None
    assert method.conservation_high is not None
    top = 1.0 if method.conservation_low <= 1 <= method.conservation_high else max(low, high)
    return Interval(value=value, low=min(low, high), high=top, n=method.conservation_n)


def _share(conservation: float | None) -> float | None:
    return None if conservation is None else max(0.0, 1 - abs(1 - conservation))


def _rankings(earlier: AuditResult, now: AuditResult) -> Iterator[MetricChange]:
    before, after = (
        {card.layer: _above_chance(card) for card in each.ranking} for each in (earlier, now)
    )
    for layer in [*after, *(layer for layer in before if layer not in after)]:
        one, two = before.get(layer), after.get(layer)
        title = _(words.RANKING, layer=layer)
        yield metric_change(f"ranking of {layer}", title, one, two, words.RANKING_RULE)


def _above_chance(card: RankingCard) -> Interval | None:
    """Return what the relevance order has over a random one, as a share of its own area.

    As a share, since the area is in logits, whose scale is another in every model.
    """
    for way in card.ways:
        if (way.direction, way.baseline) == (DIRECTION, BASELINE):
            orders = {each.order: each for each in way.orders}
            chance, own = orders.get(CHANCE), orders.get("relevance")
            if chance is None or own is None or own.area.value <= 0:
                return None
            gain, area = chance.gain, own.area.value
            return Interval(
                value=gain.value / area, low=gain.low / area, high=gain.high / area, n=gain.n
            )
    return None
