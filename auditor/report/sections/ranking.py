"""How far the ranking of concepts can be trusted, as the report says it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from auditor.base.streams import stream
from auditor.concepts.ranking import flipping_areas, ranking_card
from auditor.records.concepts import FlippingCurves, RankingCard
from auditor.records.part import Picture

Draw = Callable[[Sequence[FlippingCurves]], Picture]


def ranking_of_layer(
    layer: str, curves: Sequence[FlippingCurves], draw: Draw, *, seed: int
) -> RankingCard:
    """Return the verdict on a layer's ranking with its curves drawn, where it was tested."""
    measured = [
        flipping_areas(
            way.curves,
            way.switched,
            way.direction,
            baseline=way.baseline,
            rng=stream(seed, "ranking", layer, way.direction, way.baseline),
        )
        for way in curves
    ]
    card = ranking_card(layer, measured)
    return card.model_copy(update={"figure": draw(curves)}) if card.ways else card
