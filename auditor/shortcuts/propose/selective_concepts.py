"""P4, selective concepts: they fire on many classes and are used for one.

The samples on which a concept is most relevant (RelMax) are then others than those on which it is
most active (ActMax), and more of them are of the class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.concepts.topk import largest
from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.stages import LayerRelevance, Samples
from auditor.shortcuts.propose.concept_regions import concept_region
from auditor.shortcuts.propose.proposals import ClassView, Proposal, proposer

# Samples in a RelMax and an ActMax set, as the report shows of a concept.
REFERENCES = 12
# Concepts of the largest mean share: the rest hardly count for the class.
CONSIDERED = 16
# Largest overlap (Jaccard) of two sets that are different ones.
APART = 0.25
# Least share of the class among the most relevant samples, and how much more than by activation.
PURE = 0.5
EXCESS = 0.4
# Each costs a sweep through the model for every member.
PROPOSED = 2
# Rows of a class, and of all others, that are sorted for every concept.
MOST_ROWS = 2000


@dataclass(frozen=True)
class Selective:
    """A concept with the share of the class among its RelMax and ActMax sets, and their overlap."""

    concept: int
    by_relevance: float
    by_activation: float
    jaccard: float


@proposer("P4", by_concept=True)
def selective_regions(view: ClassView) -> list[Proposal]:
    """Propose the places of the class's concepts that are active elsewhere as well."""
    table = view.table
    if table is None or view.output not in table.outputs:
        return []
    means = table.means[table.outputs.index(view.output)]
    proposals = []
    for selective in selective_concepts(table.relevance, table.samples, view.output, means):
        reason = _(
            "where concept %(concept)s of layer %(layer)s supports the class: %(by_relevance)s of "
            "the pictures where it is most relevant are of the class, but %(by_activation)s of "
            "those where it is most active.",
            concept=selective.concept,
            layer=view.layer,
            by_relevance=percent(selective.by_relevance),
            by_activation=percent(selective.by_activation),
        )
        heats = table.heat_of((selective.concept,))
        proposals.append(concept_region(view, heats, selective.concept, reason))
    return proposals


def selective_concepts(
    relevance: LayerRelevance,
    samples: Samples,
    output: int,
    means: Float[np.ndarray, "concept"],
) -> list[Selective]:
    """Return the concepts used for the class far more than they are active on it.

    Of the `CONSIDERED` concepts of the largest mean share: at least `PURE` of the RelMax set is of
    the class, and either its purity exceeds that of the ActMax set by `EXCESS`, or the two sets
    share at most `APART` (Jaccard) and purity is higher. On discovery rows, at most `MOST_ROWS` of
    the class and of all others, largest excess first.
    """
    usable = _spread(samples, output)
    own = samples.labels[usable] == output
    count = min(REFERENCES, int(own.sum()))
    if count < 3 or own.all():
        return []
    considered = [int(c) for c in largest(means[None], CONSIDERED)[0] if c >= 0 and means[c] > 0]
    tables = relevance.relevance[usable][:, considered], relevance.activation[usable][:, considered]
    selective = []
    for index, concept in enumerate(considered):
        top = [_top(values[:, index], count) for values in tables]
        purity = [float(own[rows].mean()) if rows.any() else 0.0 for rows in top]
        either = (top[0] | top[1]).sum()
        jaccard = float((top[0] & top[1]).sum() / either) if either else 1.0
        excess = purity[0] - purity[1]
        if purity[0] >= PURE and (excess >= EXCESS or (jaccard <= APART and excess > 0)):
            selective.append(Selective(concept, purity[0], purity[1], jaccard))
    selective.sort(key=lambda one: one.by_activation - one.by_relevance)
    return selective[:PROPOSED]


def _spread(samples: Samples, output: int) -> Int[np.ndarray, "row"]:
    """Return rows of the class and of the others, evenly spaced where there are very many."""
    usable = samples.valid & samples.discovery
    chosen = []
    for rows in (
        np.flatnonzero(usable & (samples.labels == output)),
        np.flatnonzero(usable & (samples.labels != output)),
    ):
        spaced = np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).round().astype(int)
        chosen.append(rows[spaced])
    return np.sort(np.concatenate(chosen))


def _top(values: Float[np.ndarray, "sample"], count: int) -> Bool[np.ndarray, "sample"]:
    """Mark the largest positive values; ties by row."""
    chosen = np.zeros(len(values), dtype=bool)
    chosen[np.argsort(-values, kind="stable")[:count]] = True
    marked: np.ndarray = chosen & (values > 0)
    return marked
