"""Split the positional relevance of a layer into components: what goes together, and where.

Non-negative matrix factorisation of the positive relevance over positions x channels (Lee and
Seung 1999; on activations it is the concept extraction of Zhang et al. 2021 and Fel et al. 2023).
Each sample's positive relevance is scaled to sum to 1, so that samples count alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment

from auditor.concepts.factors import Patches, carried_parts, factor_directions
from auditor.language.numbers import decimal, percent, short_number, whole_percent
from auditor.language.speaking import N_, ngettext
from auditor.language.speaking import gettext as _
from auditor.records.concepts import Empty, PositionalComponents

# Numbers that are tried: up to 8 in one class, over all classes up to some more than classes.
NUMBERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 20, 24)
MOST = 8
# A component is found again when the other half of the samples has one with this cosine.
FOUND_AGAIN = 0.8
# Each further component must add this much to the share of the relevance that is carried.
WORTH = 0.01
# After so many numbers in a row that are not found again, larger ones are not tried in one class.
# Over all classes they are: what belongs to single classes is found when there is room for all.
PATIENCE = 3
# Positions that the factors are fitted on; all positions are then expressed by them.
POSITIONS = 3000


NO_RELEVANCE = N_("No sample has positive relevance at %(layer)s, so it has no components.")


@dataclass(frozen=True)
class _Trial:
    number: int
    stability: float
    explained: float


def positional_components(
    layer: str,
    relevance: Float[np.ndarray, "sample concept h w"],
    rows: Int[np.ndarray, "sample"],
    explained_as: Int[np.ndarray, "sample"],
    *,
    output: int | None = None,
    most: int | None = None,
    positions: int = POSITIONS,
    rng: np.random.Generator,
) -> PositionalComponents | Empty:
    """Return the components of the positive positional relevance of some samples.

    Two random halves of every class's samples are factored apart. The number of components is the
    largest of `NUMBERS` up to ``most`` at which every component is found again in the other half
    (cosine of at least `FOUND_AGAIN` after one-to-one assignment) and each further one adds at
    least `WORTH` to the share of one half's relevance that the components of the other carry. In
    one class no larger number is tried after `PATIENCE` in a row that are not found again. Factors
    are fitted on at most ``positions`` positions, drawn with probability in proportion to their
    relevance.

    What a component carries of an entry x is its part of the reconstruction, but together never
    more than x: ``min(x, x') w_r h_r / x'`` with ``x' = sum of w_r h_r``. So the shares sum to
    what is carried, and the rest is what the reconstruction leaves over. Needs about as much
    memory again as ``relevance`` has in single precision.

    Args:
        layer: name, for the record.
        relevance: signed positional relevance, in units of the explained logit.
        rows: the samples' rows in the table.
        explained_as: the output that each sample's relevance explains.
        output: the class these samples belong to, None for all classes.
        most: largest number tried; None: `MOST` in one class, over all classes 4 more than there
            are classes, if that is more.
        positions: how many positions the factors are fitted on.
        rng: draws positions and halves; the same generator state gives the same components.

    Raises:
        ValueError: rows or explained outputs are not one per sample.
    """
    if not len(relevance) == len(rows) == len(explained_as):
        raise ValueError(
            f"{len(relevance)} samples of relevance, but {len(rows)} rows and "
            f"{len(explained_as)} explained outputs"
        )
    positive, total = _scaled(relevance)
    used = np.flatnonzero(total > 0)
    if len(used) == 0:
        return Empty(_(NO_RELEVANCE, layer=layer))
    explained_as = np.asarray(explained_as)
    if most is None:
        most = MOST if output is not None else max(MOST, len(np.unique(explained_as)) + 4)
    patience = PATIENCE if output is not None else None
    halves = _halves(positive, used, explained_as[used], positions // 2, rng)
    trials, directions = _factors(halves, most, patience, int(rng.integers(2**31)))
    number = len(directions)
    if number == 0:
        return Empty(_unstable(layer, len(used), trials))
    place, directions = _largest_first(positive, directions)
    return PositionalComponents(
        layer=layer,
        output=output,
        rows=np.asarray(rows),
        explained_as=explained_as,
        directions=directions,
        place=place.reshape(len(place), number, *relevance.shape[2:]),
        **_shares(place, total, explained_as),
        **_overlaps(directions),
        **_tried(trials, number),
    )


def _factors(
    halves: tuple[Patches, Patches], most: int, patience: int | None, seed: int
) -> tuple[list[_Trial], Float[np.ndarray, "component concept"]]:
    """Return the numbers tried, and the directions of the one chosen: none where none is stable."""
    trials = _trials(halves, most, patience, seed)
    number = _choose(trials)
    both = np.concatenate(halves)
    return trials, factor_directions(both, number, seed) if number else both[:0]


def _largest_first(
    positive: Float[np.ndarray, "sample concept position"],
    directions: Float[np.ndarray, "component concept"],
) -> tuple[Float[np.ndarray, "sample component position"], Float[np.ndarray, "component concept"]]:
    """Return what components carry of every entry, and their directions, the largest first."""
    place = np.stack([carried_parts(sample.T, directions).T for sample in positive])
    order = np.argsort(-place.sum(axis=(0, 2), dtype=np.float64), kind="stable")
    return place[:, order], directions[order]


def _overlaps(directions: Float[np.ndarray, "component concept"]) -> dict[str, Any]:
    """Return the cosines of components, and of each the largest with another one."""
    overlap = directions @ directions.T
    number = len(directions)
    redundancy = (overlap - np.eye(number)).max(axis=1) if number > 1 else np.zeros(1)
    return {"overlap": overlap, "redundancy": redundancy}


def _tried(trials: list[_Trial], number: int) -> dict[str, Any]:
    """Return what was tried for the record, and the rule that chose ``number``."""
    return {
        "numbers": tuple(trial.number for trial in trials),
        "stability": np.array([trial.stability for trial in trials]),
        "explained": np.array([trial.explained for trial in trials]),
        "rule": _rule(trials, number),
    }


def _scaled(
    relevance: Float[np.ndarray, "sample concept h w"],
) -> tuple[Float[np.ndarray, "sample concept position"], Float[np.ndarray, "sample"]]:
    """Return the positive relevance, scaled to a sum of 1 in every sample, and the sums before."""
    n, concepts = relevance.shape[:2]
    positive = np.maximum(relevance, 0).astype(np.float32, copy=False).reshape(n, concepts, -1)
    total = positive.sum(axis=(1, 2), dtype=np.float64)
    scale = np.divide(1.0, total, out=np.zeros(n), where=total > 0)
    positive *= scale[:, None, None].astype(np.float32)
    return positive, total


def _shares(
    place: Float[np.ndarray, "sample component position"],
    total: Float[np.ndarray, "sample"],
    explained_as: Int[np.ndarray, "sample"],
) -> dict[str, Any]:
    """Return what each component carries of every sample, on average of every class, and the rest.

    Samples without positive relevance are no part of a class's average.
    """
    share = place.sum(axis=2, dtype=np.float64)
    rest = np.where(total > 0, 1.0 - share.sum(axis=1), 0.0)
    outputs = tuple(int(output) for output in np.unique(explained_as))
    members = [np.flatnonzero((total > 0) & (explained_as == output)) for output in outputs]
    return {
        "share": share,
        "rest": rest,
        "outputs": outputs,
        "class_share": np.stack([_mean(share, rows) for rows in members]),
        "class_rest": np.array([float(_mean(rest, rows)) for rows in members]),
    }


def _halves(
    positive: Float[np.ndarray, "sample concept position"],
    used: Int[np.ndarray, "used"],
    explained_as: Int[np.ndarray, "used"],
    count: int,
    rng: np.random.Generator,
) -> tuple[Patches, Patches]:
    """Return positions of two random halves of every class (of one sample: of its positions)."""
    mass = positive.sum(axis=1, dtype=np.float64)
    present = np.argwhere(mass[used] > 0)
    present[:, 0] = used[present[:, 0]]
    if len(used) > 1:
        shuffled = rng.permutation(len(used))
        by_class = shuffled[np.argsort(explained_as[shuffled], kind="stable")]
        one = np.isin(present[:, 0], used[by_class[::2]])
    else:
        one = rng.permutation(len(present)) % 2 == 0
    return (
        _drawn(positive, mass, present[one], count, rng),
        _drawn(positive, mass, present[~one], count, rng),
    )


def _drawn(
    positive: Float[np.ndarray, "sample concept position"],
    mass: Float[np.ndarray, "sample position"],
    group: Int[np.ndarray, "candidate 2"],
    count: int,
    rng: np.random.Generator,
) -> Patches:
    if len(group) == 0:
        return np.zeros((0, positive.shape[1]), dtype=np.float32)
    weight = mass[group[:, 0], group[:, 1]]
    chosen = rng.choice(
        len(group), size=min(count, len(group)), replace=False, p=weight / weight.sum()
    )
    patches: np.ndarray = positive[group[chosen, 0], :, group[chosen, 1]].astype(np.float32)
    return patches


def _trials(
    halves: tuple[Patches, Patches], most: int, patience: int | None, seed: int
) -> list[_Trial]:
    """Return the numbers that were tried; each half needs twice as many positions."""
    possible = min(most, halves[0].shape[1], *(len(half) // 2 for half in halves))
    found: list[_Trial] = []
    for number in NUMBERS:
        latest = found[-patience:] if patience else []
        if number > possible or (
            len(latest) == patience and all(each.stability < FOUND_AGAIN for each in latest)
        ):
            break
        found.append(_try(number, halves, seed))
    return found


def _try(number: int, halves: tuple[Patches, Patches], seed: int) -> _Trial:
    first, second = (factor_directions(half, number, seed) for half in halves)
    cosine = first @ second.T
    carried = carried_parts(halves[0], second).sum() + carried_parts(halves[1], first).sum()
    return _Trial(
        number=number,
        stability=float(cosine[linear_sum_assignment(-cosine)].min()),
        explained=float(carried / (halves[0].sum() + halves[1].sum())),
    )


def _choose(trials: list[_Trial]) -> int:
    """Return the largest number that is stable and worth it, 0 for none."""
    before = _Trial(0, 1.0, 0.0)
    chosen = 0
    for trial in trials:
        gain = (trial.explained - before.explained) / (trial.number - before.number)
        if trial.stability >= FOUND_AGAIN and gain >= WORTH:
            chosen = trial.number
        before = trial
    return chosen


def _unstable(layer: str, samples: int, trials: list[_Trial]) -> str:
    if not trials:
        return ngettext(
            "%(num)s sample has too few positions with positive relevance at layer %(layer)s to be "
            "split into components.",
            "%(num)s samples have too few positions with positive relevance at layer %(layer)s to "
            "be split into components.",
            samples,
            layer=layer,
        )
    return ngettext(
        "No component of the relevance at layer %(layer)s is found again in the other half of the "
        "positions of %(num)s sample (largest cosine %(cosine)s, %(needed)s needed): what recurs "
        "is too little to be split.",
        "No component of the relevance at layer %(layer)s is found again in the other half of the "
        "%(num)s samples (largest cosine %(cosine)s, %(needed)s needed): what recurs is too little "
        "to be split.",
        samples,
        layer=layer,
        cosine=decimal(max(trial.stability for trial in trials)),
        needed=short_number(FOUND_AGAIN),
    )


def _mean(values: np.ndarray, members: Int[np.ndarray, "member"]) -> np.ndarray:
    found: np.ndarray = values[members].mean(axis=0) if len(members) else np.zeros_like(values[0])
    return found


def _rule(trials: list[_Trial], number: int) -> str:
    tried = (
        _("1 to %(most)s components tried", most=trials[-1].number)
        if len(trials) > 1
        else _("1 component tried")
    )
    chosen = next(trial for trial in trials if trial.number == number)
    return _(
        "%(tried)s; the largest number at which each is found again in the other half of the "
        "samples (cosine %(needed)s or more; here %(cosine)s) and each further one adds %(worth)s "
        "or more of the other half's positive relevance: %(number)s, which carry %(carried)s of "
        "it.",
        tried=tried,
        needed=short_number(FOUND_AGAIN),
        cosine=decimal(chosen.stability),
        worth=whole_percent(WORTH),
        number=number,
        carried=percent(chosen.explained),
    )
