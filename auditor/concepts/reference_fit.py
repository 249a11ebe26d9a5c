"""How well reference samples by relevance show what a concept decides, against by activation.

Two measures on the concepts that lead some class: whether a reference sample is explained as a
class that the concept leads in, and what part of its relevance the concept carries there. Samples
that merely make a concept fire score low on both. Source of the question: Achtibat et al. 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auditor.concepts.references import jaccard
from auditor.concepts.selection import shared_with
from auditor.concepts.shares import shares_of
from auditor.records.stages import LayerRelevance, References, Samples


@dataclass(frozen=True)
class SetFit:
    """Of one way to choose reference samples, means over concepts.

    ``of_class`` is the part of the samples explained as a class that the concept leads in,
    ``carried`` the concept's mean share of their relevance; ``left_out`` counts near-duplicates
    (None: not looked for). ``chosen_by`` is what over positions they were chosen by.
    """

    chosen_by: Literal["sum", "max"]

    of_class: float
    carried: float
    left_out: int | None


@dataclass(frozen=True)
class ReferenceFit:
    """Both ways at one layer, over ``concepts`` concepts; ``overlap`` is the mean Jaccard index."""

    layer: str
    concepts: int
    by_relevance: SetFit
    by_activation: SetFit
    overlap: float


def reference_fit(
    layer_relevance: LayerRelevance,
    samples: Samples,
    by_relevance: References,
    by_activation: References,
    leading: Mapping[int, Sequence[int]],
) -> ReferenceFit | None:
    """Return how well both sets fit the concepts of ``leading`` (class -> concepts); None: none.

    Raises:
        ValueError: the references are not of this layer.
    """
    if {by_relevance.layer, by_activation.layer} != {layer_relevance.layer}:
        raise ValueError(
            f"references of '{by_relevance.layer}' and '{by_activation.layer}', but relevance of "
            f"'{layer_relevance.layer}'"
        )
    leads = shared_with(leading)
    if not leads:
        return None
    overlap = jaccard(by_relevance, by_activation)
    return ReferenceFit(
        layer=layer_relevance.layer,
        concepts=len(leads),
        by_relevance=_fit(layer_relevance, samples, by_relevance, leads),
        by_activation=_fit(layer_relevance, samples, by_activation, leads),
        overlap=float(overlap[list(leads)].mean()),
    )


def _fit(
    layer_relevance: LayerRelevance,
    samples: Samples,
    references: References,
    leads: Mapping[int, Sequence[int]],
) -> SetFit:
    of_class, carried = [], []
    for concept, outputs in leads.items():
        rows = references.rows[concept]
        rows = rows[rows >= 0]
        if len(rows):
            of_class.append(np.isin(samples.target[rows], outputs).mean())
            carried.append(shares_of(layer_relevance, rows)[:, concept].mean())
    left_out = references.left_out
    summed = (
        layer_relevance.largest_relevance is None
        if references.origin == "relevance"
        else layer_relevance.summed_activation is not None
    )
    return SetFit(
        chosen_by="sum" if summed else "max",
        of_class=float(np.mean(of_class)) if of_class else 0.0,
        carried=float(np.mean(carried)) if carried else 0.0,
        left_out=None if left_out is None else int(left_out[list(leads)].sum()),
    )
