"""P5, shared concepts: they lead in classes that otherwise have nothing in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from auditor.language.numbers import decimal
from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.concept_regions import concept_region
from auditor.shortcuts.propose.proposals import ClassView, Proposal, proposer

# A concept leads in a class when it is among so many, and has this part of the largest share.
LEADING = 4
LEAST_PART = 0.25
# Classes with a larger cosine have more than one concept in common, and may well share another.
DISSIMILAR = 0.5
# Each costs a sweep through the model for every member.
PROPOSED = 1


@dataclass(frozen=True)
class Shared:
    """A concept that leads in two classes, and how alike the classes are without it."""

    concept: int
    other: int
    likeness: float


@proposer("P5", by_concept=True)
def shared_regions(view: ClassView) -> list[Proposal]:
    """Propose the place of the concept that the class shares with the least similar one."""
    table = view.table
    if table is None or view.output not in table.outputs:
        return []
    names = table.samples.manifest.classes
    proposals = []
    for shared in shared_concepts(table.means, table.outputs, view.output)[:PROPOSED]:
        reason = _(
            "where concept %(concept)s of layer %(layer)s supports the class: it also leads in "
            "'%(names)s', whose other concepts are different (likeness %(likeness)s of 1).",
            concept=shared.concept,
            layer=view.layer,
            names=names[shared.other],
            likeness=decimal(shared.likeness),
        )
        heats = table.heat_of((shared.concept,))
        proposals.append(concept_region(view, heats, shared.concept, reason))
    return proposals


def shared_concepts(
    means: Float[np.ndarray, "class concept"], outputs: Sequence[int], output: int
) -> list[Shared]:
    """Return the concepts that a class shares with classes of other concepts, least alike first.

    Shared: among the `LEADING` concepts of both by mean share, with `LEAST_PART` of the largest.
    Likeness is the cosine of the two classes' positive mean shares without the concept; it must not
    exceed `DISSIMILAR`.
    """
    if len(outputs) < 3:
        return []
    positive = np.maximum(means, 0.0)
    own = list(outputs).index(output)
    leading = [set(_leading(row)) for row in positive]
    shared = []
    for concept in sorted(leading[own]):
        pairs = [
            (likeness(positive[own], positive[other], concept), other)
            for other in range(len(outputs))
            if other != own and concept in leading[other]
        ]
        if pairs and min(pairs)[0] <= DISSIMILAR:
            value, other = min(pairs)
            shared.append(Shared(concept, int(outputs[other]), value))
    return sorted(shared, key=lambda one: one.likeness)


def unrelated_classes(
    means: Float[np.ndarray, "class concept"], outputs: Sequence[int], output: int
) -> list[int]:
    """Return the classes whose positive mean shares are unlike those of ``output``.

    By the limit of `shared_concepts`, the most relevant concept of the class left out.
    """
    if len(outputs) < 3 or output not in outputs:
        return []
    positive = np.maximum(means, 0.0)
    own = list(outputs).index(output)
    first = int(positive[own].argmax())
    return [
        int(other)
        for index, other in enumerate(outputs)
        if index != own and likeness(positive[own], positive[index], first) <= DISSIMILAR
    ]


def likeness(
    first: Float[np.ndarray, "concept"], second: Float[np.ndarray, "concept"], without: int
) -> float:
    """Return the cosine of two classes' shares with one concept left out, 0 when one is empty."""
    one, two = np.delete(first, without), np.delete(second, without)
    norm = float(np.linalg.norm(one) * np.linalg.norm(two))
    return float(one @ two) / norm if norm > 0 else 0.0


def _leading(row: Float[np.ndarray, "concept"]) -> list[int]:
    order = np.argsort(-row, kind="stable")[:LEADING]
    return [int(concept) for concept in order if row[concept] > LEAST_PART * row.max()]
