"""What decides: directions, planes of confused classes, strategies, and wrong decisions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.base.streams import stream
from auditor.concepts.directions import relevance_directions
from auditor.concepts.mistakes import mistakes
from auditor.concepts.planes import confused_pairs, decision_plane, subspace_units
from auditor.concepts.strategies import strategies
from auditor.config.audit import AuditConfig
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.pipeline.opening import named_outputs
from auditor.records.concepts import (
    ConfusedPair,
    DecisionPlane,
    Empty,
    Mistakes,
    RelevanceDirections,
    Strategies,
    UnitChoice,
)
from auditor.records.stages import LayerRelevance, Samples
from auditor.report.sections.analysis import LayerAnalysis

# Members per class that the directions of variation are found on.
DIRECTION_SAMPLES = 200

OfLayer = tuple[
    "RelevanceDirections | Empty",
    "tuple[DecisionPlane | Empty, ...]",
]
OfClasses = tuple["tuple[Strategies | Empty, ...]", "Mistakes | Empty"]


def compared_pairs(
    config: AuditConfig, samples: Samples, outputs: Sequence[int]
) -> tuple[ConfusedPair, ...]:
    """Return the pairs of classes to compare: those of the config, then the confused ones.

    Raises:
        UnknownNameError: a configured class is none of those that have samples.
    """
    if samples.manifest.several is not None:
        return ()  # labels come together: no decision is between two of them
    present = np.unique(samples.labels[samples.valid])
    named = [
        (first, second)
        for pair in config.pairs
        for first, second in [named_outputs(pair, samples.manifest.classes, present)]
    ]
    return confused_pairs(samples, outputs, named=named, most=config.max_pairs)


def analyse_layer(
    context: Context,
    analysis: LayerAnalysis,
    decision: UnitChoice | Empty,
    pairs: Sequence[ConfusedPair],
) -> OfLayer:
    """Return the directions of variation, and the plane of every pair.

    The axes are subspaces where these lead the layer, else single channels.
    """
    samples, outputs, layer = context.samples, context.outputs, analysis.layer
    seed = context.config.audit.seed
    rows = [_spread(samples.members(output), DIRECTION_SAMPLES) for output in outputs]
    explained_as = np.repeat(outputs, [len(members) for members in rows])
    chosen = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    rng = stream(seed, "directions", layer.layer)
    directions = relevance_directions(layer, chosen, explained_as, rng=rng)
    leads = not isinstance(decision, Empty) and decision.leads == "subspace"
    units = subspace_units(analysis.subspaces, layer.relevance.shape[1]) if leads else None
    planes = tuple(
        decision_plane(
            samples,
            layer,
            pair,
            units=units,
            kind="subspace" if leads else "channel",
            rng=stream(seed, "plane", layer.layer, pair.first, pair.second),
        )
        for pair in pairs
    )
    return directions, planes


def analyse_classes(context: Context, layer: LayerRelevance) -> OfClasses:
    """Return the strategies of every class, and what wrong decisions rested on, at one layer."""
    config, samples = context.config.audit, context.samples
    off = Empty(_("Strategies were switched off (audit.strategies: 0)."))
    of_classes = tuple(
        strategies(
            layer,
            output,
            samples.members(output),
            most=config.strategies,
            rng=stream(config.seed, "strategies", layer.layer, output),
        )
        if config.strategies
        else off
        for output in context.outputs
    )
    if not config.mistakes:
        return of_classes, Empty(_("Wrong decisions were switched off (audit.mistakes: 0)."))
    if samples.manifest.several is not None:
        why = _(
            "Not shown where pictures have several labels: a wrong decision takes no label for "
            "another one."
        )
        return of_classes, Empty(why)
    return of_classes, mistakes(samples, layer, context.outputs)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    places = np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int)
    chosen: np.ndarray = rows[np.unique(places)]
    return chosen
