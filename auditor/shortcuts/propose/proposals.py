"""What a proposal is given and what it gives: regions that a class may rest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from auditor.base.registry import Registry
from auditor.concepts.shares import shares_of
from auditor.records.stages import LayerRelevance, Samples
from auditor.shortcuts.propose.heat import eroded

# A larger region is most of the object, and its transplant most of a picture.
MAX_AREA = 0.2
# Of fewer members the tests on half of the class say nothing; see `least_group`.
LEAST_GROUP = 8

PlacedBy = Literal["relevance", "shape", "pictures"]
HeatOf = Callable[[tuple[int, ...]], Float[np.ndarray, "member height width"]]


@dataclass(frozen=True, eq=False)
class ConceptTable:
    """What the concepts of one layer are worth, to all data; of it only discovery rows choose.

    ``rows`` are the members of the class in it; ``means`` the mean relevance share of every concept
    over the discovery members of each class of ``outputs``. ``heat_of`` gives the smoothed positive
    relevance of some channels together in every member, and costs a sweep through the model.
    """

    relevance: LayerRelevance
    samples: Samples
    outputs: tuple[int, ...]
    means: Float[np.ndarray, "class concept"]
    rows: Int[np.ndarray, "member"]
    heat_of: HeatOf

    def shares(self) -> Float[np.ndarray, "member concept"]:
        """Return the relevance shares of the members."""
        shares: np.ndarray = shares_of(self.relevance, self.rows)
        return shares


@dataclass(frozen=True)
class ClassView:
    """Everything a proposal may look at: the members of one class, and pictures of others.

    ``heat`` is the smoothed positive relevance of each member; ``concept_heats`` returns the same
    of each of ``concepts`` of ``layer`` and costs a sweep through the model the first time.
    ``discovery`` marks the members on which a proposal may be chosen. ``table`` is None where
    relevance by concept is not known; ``seed`` is for random choices.
    """

    output: int
    heat: Float[np.ndarray, "member height width"]
    pictures: UInt8[np.ndarray, "member height width 3"]
    discovery: Bool[np.ndarray, "member"]
    others: UInt8[np.ndarray, "other height width 3"]
    layer: str | None
    concepts: tuple[int, ...]
    concept_heats: Callable[[], Sequence[Float[np.ndarray, "member height width"]]]
    table: ConceptTable | None = None
    seed: int = 0


@dataclass(frozen=True)
class Proposal:
    """A region in every member of a class; ``score`` orders proposals before any test.

    ``shape`` says what kind of region it is, as a text, and ``reason`` what led to it.
    ``placed_by`` says what decides where it lies: relevance, its shape (a corner), or the pictures
    alone. ``carriers`` marks the members that it is proposed for, None: all of them. ``grown``: by
    how many pixels its masks were grown, so that its own edges lie inside at full weight; a window
    is not grown. ``too_large``: it is larger than a region may be; it is not tried, but counted.
    ``drawn``: its outline was drawn anew around what it does. ``kind`` is the name of its proposer,
    which fills it in.
    """

    shape: str
    masks: Bool[np.ndarray, "member height width"]
    score: float
    reason: str
    placed_by: PlacedBy = "relevance"
    layer: str | None = None
    concepts: tuple[int, ...] = ()
    carriers: Bool[np.ndarray, "member"] | None = None
    grown: int = 0
    too_large: bool = False
    drawn: bool = False
    kind: str = ""

    @property
    def name(self) -> tuple[str | int, ...]:
        """Return what tells it from the class's other proposals, however many there are."""
        return self.kind, self.shape, *self.concepts

    @property
    def fixed(self) -> bool:
        """Whether its shape says where it lies."""
        return self.placed_by == "shape"

    @property
    def area(self) -> float:
        """Return the share of the picture that it covers, in the members that have it."""
        areas = self.masks.mean(axis=(1, 2))
        return float(areas[areas > 0].mean()) if areas.any() else 0.0

    def cores(self, rows: Int[np.ndarray, "row"]) -> Bool[np.ndarray, "row height width"]:
        """Return the regions of some members as they were before they were grown."""
        return eroded(self.masks[rows], self.grown) if self.grown else self.masks[rows]


Propose = Callable[[ClassView], Sequence[Proposal]]


@dataclass(frozen=True)
class Proposer:
    """Something that candidates are proposed from, by its name in the config.

    ``regions`` proposes regions of a class; None for what is asked of all the data at once (whole
    pictures, columns, samples), which the search runs by itself. ``by_concept``: it reads relevance
    by concept, and is not asked without.
    """

    name: str
    regions: Propose | None = None
    by_concept: bool = False

    def __call__(self, view: ClassView) -> list[Proposal]:
        """Return the proposals of a class, with their kind."""
        regions = self.regions(view) if self.regions else ()
        return [replace(proposal, kind=self.name) for proposal in regions]


PROPOSALS: Registry[Proposer] = Registry(
    "proposal",
    "auditor.shortcuts.propose",
    "auditor.shortcuts.whole_pictures",
    group="proposals",
    accepts=Proposer,
)


def proposer(name: str, *, by_concept: bool = False) -> Callable[[Propose], Propose]:
    """Return a decorator that registers a function as what regions are proposed from."""

    def enter(regions: Propose) -> Propose:
        PROPOSALS.enter(name, Proposer(name, regions, by_concept), made_of=regions)
        return regions

    return enter


def asked_of_all_data(name: str, *, by_concept: bool = False) -> str:
    """Register what is asked of all the data at once, and return its name."""
    PROPOSALS.enter(name, Proposer(name, by_concept=by_concept), made_of=name)
    return name


def chosen_proposals(names: Sequence[str] | None) -> list[str]:
    """Return the proposals of a config in their order; None: all that are registered.

    Raises:
        UnknownNameError: a name is not registered.
    """
    for name in names or ():
        PROPOSALS[name]
    return sorted(PROPOSALS) if names is None else sorted(set(names))


def class_means(
    relevance: LayerRelevance, samples: Samples, outputs: Sequence[int]
) -> Float[np.ndarray, "class concept"]:
    """Return the mean relevance shares over the discovery members of each class, 0 without any."""
    means = np.zeros((len(outputs), relevance.relevance.shape[1]))
    for index, output in enumerate(outputs):
        rows = samples.members(output)
        rows = rows[samples.discovery[rows]]
        if len(rows):
            means[index] = shares_of(relevance, rows).mean(axis=0)
    return means


def least_group(members: int) -> int:
    """Return how many members of a class a group needs: 8, or 3 % of a large class."""
    return max(LEAST_GROUP, -(-3 * members // 100))


def region_score(
    heat: Float[np.ndarray, "member height width"],
    masks: Bool[np.ndarray, "member height width"],
    discovery: Bool[np.ndarray, "member"],
) -> float:
    """Return how much more relevance than area the region holds, on the discovery half.

    Share of positive relevance minus share of area, averaged over the quarter of members where it
    is largest, so that a region that matters on a part of the class counts too.
    """
    chosen = heat[discovery], masks[discovery]
    total = chosen[0].sum(axis=(1, 2))
    inside = (chosen[0] * chosen[1]).sum(axis=(1, 2))
    share = np.divide(inside, total, out=np.zeros_like(inside), where=total > 0)
    excess = np.sort(share - chosen[1].mean(axis=(1, 2)))[::-1]
    return float(excess[: max(1, len(excess) // 4)].mean()) if len(excess) else 0.0
