"""Find the principal directions of the relevance shares: what varies from sample to sample.

Principal component analysis of the share vectors (Achtibat et al. 2023 analyse classes in the same
space); how many directions mean anything is decided by parallel analysis (Horn 1965).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from auditor.concepts.principal import explained_parts, principal
from auditor.concepts.shares import shares_of
from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.concepts import Empty, RelevanceDirections
from auditor.records.stages import LayerRelevance

MOST = 10
SHUFFLES = 5
LEAST = 3


def relevance_directions(
    layer_relevance: LayerRelevance,
    rows: Int[np.ndarray, "sample"],
    explained_as: Int[np.ndarray, "sample"],
    *,
    most: int = MOST,
    shuffles: int = SHUFFLES,
    rng: np.random.Generator,
) -> RelevanceDirections | Empty:
    """Return the principal directions of the shares of ``rows``, at most ``most``.

    Directions are kept from the first on as long as each explains more of the variance than the
    direction at its place in any of ``shuffles`` copies whose columns are shuffled, in which no
    concept goes with another. Coordinates have the unit of a share.

    Args:
        layer_relevance: the layer.
        rows: the samples, usually the members of all audited classes.
        explained_as: the output that each row's relevance explains.
        most: largest number of directions.
        shuffles: how many shuffled copies are compared.
        rng: shuffles.

    Raises:
        ValueError: explained outputs are not one per row.
    """
    if len(rows) != len(explained_as):
        raise ValueError(f"{len(rows)} rows, but {len(explained_as)} explained outputs")
    if len(rows) < LEAST:
        return Empty(
            _(
                "%(least)s samples are needed to see what varies; there are %(there)s.",
                least=LEAST,
                there=len(rows),
            )
        )
    share = shares_of(layer_relevance, rows)
    if not share.var(axis=0).max() > 1e-20:
        return Empty(_("All samples have the same relevance shares, so nothing varies."))
    number = min(most, len(rows) - 1, share.shape[1])
    fit = principal(share, number)
    chance = _by_chance(share, number, shuffles, rng)
    above = fit.explained > chance
    kept = number if above.all() else int(np.argmin(above))
    if kept == 0:
        return Empty(
            _(
                "No direction explains more of the variance than in shuffled shares: the concepts "
                "vary independently of each other."
            )
        )
    fit = fit.first(kept)
    coordinates = fit.coordinates(share)
    outputs = np.unique(explained_as)
    return RelevanceDirections(
        layer=layer_relevance.layer,
        rows=np.asarray(rows),
        mean=fit.mean,
        directions=fit.components,
        explained=fit.explained,
        chance=chance[:kept],
        coordinates=coordinates,
        outputs=tuple(int(output) for output in outputs),
        class_coordinates=np.stack(
            [coordinates[explained_as == output].mean(axis=0) for output in outputs]
        ),
        rule=_rule(number, shuffles, fit.explained),
    )


def _rule(number: int, shuffles: int, explained: Float[np.ndarray, "direction"]) -> str:
    """Return how many directions were kept, and why."""
    return _(
        "At most %(number)s directions; kept from the first on as long as each explains more "
        "than in any of %(shuffles)s shuffled copies: %(kept)s, which explain %(share)s of the "
        "variance.",
        number=number,
        shuffles=shuffles,
        kept=len(explained),
        share=percent(explained.sum()),
    )


def _by_chance(
    share: Float[np.ndarray, "sample concept"],
    number: int,
    shuffles: int,
    rng: np.random.Generator,
) -> Float[np.ndarray, "direction"]:
    """Return the most that each direction explains of the variance of shuffled copies."""
    copies = (rng.permuted(share, axis=0) for _copy in range(shuffles))
    most: np.ndarray = np.max([explained_parts(copy, number) for copy in copies], axis=0)
    return most
