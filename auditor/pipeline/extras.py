"""What the analyses beyond single concepts found, as the report is given it."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.records.concepts import (
    ConfusedPair,
    DecisionPlane,
    Empty,
    FlippingCurves,
    Mistakes,
    PositionalComponents,
    RelevanceDirections,
    Strategies,
    UnitDecision,
)
from auditor.records.stages import Illustration, SamplePicture, UnitPicture


@dataclass(frozen=True)
class LayerExtras:
    """What was found at one layer.

    ``class_components`` has one entry per audited class, or none where only components over all
    classes were looked for; ``planes`` one per compared pair; ``curves`` none where the ranking
    was not tested.
    """

    layer: str
    components: PositionalComponents | Empty
    class_components: tuple[PositionalComponents | Empty, ...]
    decision: UnitDecision | Empty
    directions: RelevanceDirections | Empty
    planes: tuple[DecisionPlane | Empty, ...]
    curves: tuple[FlippingCurves, ...]


@dataclass(frozen=True)
class Extras:
    """What was found besides: of pairs of classes, within classes, and about wrong decisions.

    ``strategies`` and ``mistakes`` are of ``deepest``, the last audited layer. ``illustrations``
    are of concepts that lead no class but are named here.
    """

    deepest: str
    pairs: tuple[ConfusedPair, ...]
    layers: tuple[LayerExtras, ...]
    strategies: tuple[Strategies | Empty, ...]
    mistakes: Mistakes | Empty
    illustrations: tuple[Illustration, ...]
    units: tuple[UnitPicture, ...]
    samples: tuple[SamplePicture, ...]
