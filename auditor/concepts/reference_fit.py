"""How well reference samples by relevance show what a concept decides, against by activation.

Two measures on the concepts that lead some class: whether a reference sample is explained as a
class that the concept leads in, and what part of its relevance the concept carries there. Samples
that merely make a concept fire score low on both. Source of the question: Achtibat et al. 2023.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditor.concepts.references import jaccard
from auditor.concepts.selection import shared_with
from auditor.concepts.shares import shares_of
from auditor.records.concepts import ReferenceCard, ReferenceSet
from auditor.records.stages import LayerRelevance, References, Samples


def reference_fit(
    layer_relevance: LayerRelevance,
    samples: Samples,
    by_relevance: References,
    by_activation: References,
    leading: Mapping[int, Sequence[int]],
) -> ReferenceCard | None:
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
    return ReferenceCard(
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
) -> ReferenceSet:
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
    return ReferenceSet(
        chosen_by="sum" if summed else "max",
        of_class=float(np.mean(of_class)) if of_class else 0.0,
        carried=float(np.mean(carried)) if carried else 0.0,
        left_out=None if left_out is None else int(left_out[list(leads)].sum()),
    )
