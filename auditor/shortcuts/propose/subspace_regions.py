"""P3, relevance subspaces: concepts that go together, on a part of the class only.

Non-negative factors of the positive relevance shares of the discovery members; a factor counts
when its share falls into two groups (dip test), which Otsu's threshold tells apart. Several numbers
of factors are tried, so the groups must also hold `SEPARATED` of the variance between them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from auditor.base.streams import library_seed
from auditor.concepts.factors import factor_directions, leading_channels, loadings_of
from auditor.language.speaking import gettext as _
from auditor.shortcuts.propose.concept_regions import region_of
from auditor.shortcuts.propose.proposals import ClassView, Proposal, least_group, proposer
from auditor.shortcuts.whole_pictures.modes import bimodal, otsu, separation

# Most factors that a class is taken apart into, and members that each of them needs.
COMPONENTS = 6
MEMBERS_EACH = 4
# Uniform values have 0.75 of their variance between the two groups of Otsu's threshold.
SEPARATED = 0.8
# Each factor costs a sweep through the model for every member.
PROPOSED = 2
# Concepts of a factor; further ones add little to the heatmap.
CHANNELS = 8


@proposer("P3", by_concept=True)
def subspace_regions(view: ClassView) -> list[Proposal]:
    """Propose for every factor with a bimodal share the place of its concepts."""
    if view.table is None:
        return []
    proposals = []
    seed = library_seed(view.seed, "factors", view.output)
    for direction, high in bimodal_factors(view.table.shares(), view.discovery, seed):
        channels = leading_channels(direction, most=CHANNELS)
        reason = _(
            "where the concepts lie that go together on %(sum)s of %(high)s pictures of the class "
            "and hardly count on the others.",
            sum=int(high.sum()),
            high=len(high),
        )
        heats = view.table.heat_of(channels)
        shape = _("region of a subspace")
        proposals.append(region_of(view, shape, heats, channels, reason, high))
    return proposals


def bimodal_factors(
    shares: Float[np.ndarray, "member concept"],
    discovery: Bool[np.ndarray, "member"],
    seed: int,
) -> list[tuple[Float[np.ndarray, "concept"], Bool[np.ndarray, "member"]]]:
    """Return direction and high group of each bimodal factor, the widest apart first.

    From 2 up to `COMPONENTS` factors, one for `MEMBERS_EACH` members; the smallest number at which
    one is bimodal. Both groups must be large enough.
    """
    positive = np.maximum(shares, 0.0)
    most = min(COMPONENTS, int(discovery.sum()) // MEMBERS_EACH, shares.shape[1])
    for number in range(2, most + 1) if positive[discovery].any() else ():
        factors = _of_number(positive, discovery, number, seed)
        if factors:
            return factors[:PROPOSED]
    return []


def _of_number(
    positive: Float[np.ndarray, "member concept"],
    discovery: Bool[np.ndarray, "member"],
    number: int,
    seed: int,
) -> list[tuple[Float[np.ndarray, "concept"], Bool[np.ndarray, "member"]]]:
    chosen = positive[discovery]
    directions = factor_directions(chosen, number, seed)
    loadings = loadings_of(positive, directions) * directions.sum(axis=1)
    least = least_group(len(chosen))
    factors = []
    for direction, values in zip(directions, loadings.T, strict=True):
        own = values[discovery]
        threshold = otsu(own)
        high = int((own > threshold).sum())
        large = min(high, len(own) - high) >= least
        if not large or separation(own) < SEPARATED or not bimodal(own):
            continue
        gap = own[own > threshold].mean() - own[own <= threshold].mean()
        factors.append((-gap, direction, values > threshold))
    factors.sort(key=lambda factor: factor[0])
    return [(direction, group) for _, direction, group in factors]
