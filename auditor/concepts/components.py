"""Split the positional relevance of a layer into components: what goes together, and where.

Non-negative matrix factorisation of the positive relevance over positions x channels (Lee and
Seung 1999; on activations it is the concept extraction of Zhang et al. 2021 and Fel et al. 2023).
Each sample's positive relevance is scaled to sum to 1, so that samples count alike.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from auditor.concept_records import Empty, PositionalComponents

MOST = 8
# A component is found again when the other half of the samples has one with this cosine.
FOUND_AGAIN = 0.8
# The last component must add this much to the share of the relevance that is carried.
WORTH = 0.02
# Positions that the factors are fitted on; all positions are then expressed by them.
POSITIONS = 4000
SWEEPS = 50

Patches = Float[np.ndarray, "position concept"]


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
    most: int = MOST,
    positions: int = POSITIONS,
    rng: np.random.Generator,
) -> PositionalComponents | Empty:
    """Return the components of the positive positional relevance of some samples.

    The number of components is the largest from 1 to ``most`` at which every component is found
    again in the other half of the samples (cosine of at least `FOUND_AGAIN` after one-to-one
    assignment) and the last one adds at least `WORTH` to the carried share. Factors are fitted on
    at most ``positions`` positions, drawn with probability in proportion to their relevance.

    What a component carries of an entry x is its part of the reconstruction, but together never
    more than x: ``min(x, x') w_r h_r / x'`` with ``x' = sum of w_r h_r``. So the shares sum to
    what is carried, and the rest is what the reconstruction leaves over.

    Args:
        layer: name, for the record.
        relevance: signed positional relevance, in units of the explained logit.
        rows: the samples' rows in the table.
        explained_as: the output that each sample's relevance explains.
        output: the class these samples belong to, None for all classes.
        most: largest number tried.
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
    n, concepts = relevance.shape[:2]
    positive = np.maximum(relevance, 0).reshape(n, concepts, -1)
    total = positive.sum(axis=(1, 2), dtype=np.float64)
    used = np.flatnonzero(total > 0)
    if len(used) == 0:
        return Empty(f"No sample has positive relevance at {layer}, so it has no components.")
    scale = np.divide(1.0, total, out=np.zeros(n), where=total > 0)
    positive *= scale[:, None, None].astype(positive.dtype)
    halves = _halves(positive, used, positions // 2, rng)
    both = np.concatenate(halves)
    seed = int(rng.integers(2**31))
    trials = [_try(number, halves, both, seed) for number in _numbers(both, halves, most)]
    number = _choose(trials)
    directions = _directions(both, number, seed)
    place = np.stack([_carried(sample.T, directions).T for sample in positive])
    order = np.argsort(-place.sum(axis=(0, 2), dtype=np.float64), kind="stable")
    place, directions = place[:, order], directions[order]
    share = place.sum(axis=2, dtype=np.float64)
    rest = np.where(total > 0, 1.0 - share.sum(axis=1), 0.0)
    outputs = tuple(int(found) for found in np.unique(explained_as))
    members = [used[explained_as[used] == found] for found in outputs]
    overlap = directions @ directions.T
    return PositionalComponents(
        layer=layer,
        output=output,
        rows=np.asarray(rows),
        explained_as=np.asarray(explained_as),
        directions=directions,
        place=place.reshape(n, number, *relevance.shape[2:]),
        share=share,
        rest=rest,
        outputs=outputs,
        class_share=np.stack([_mean(share, some) for some in members]),
        class_rest=np.array([float(_mean(rest, some)) for some in members]),
        overlap=overlap,
        redundancy=(overlap - np.eye(number)).max(axis=1) if number > 1 else np.zeros(1),
        numbers=tuple(trial.number for trial in trials),
        stability=np.array([trial.stability for trial in trials]),
        explained=np.array([trial.explained for trial in trials]),
        rule=_rule(trials, number),
    )


def _halves(
    positive: Float[np.ndarray, "sample concept position"],
    used: Int[np.ndarray, "used"],
    count: int,
    rng: np.random.Generator,
) -> tuple[Patches, Patches]:
    """Return positions of two random halves of the samples (of one sample: of its positions)."""
    mass = positive.sum(axis=1, dtype=np.float64)
    present = np.argwhere(mass[used] > 0)
    present[:, 0] = used[present[:, 0]]
    if len(used) > 1:
        one = np.isin(present[:, 0], rng.permutation(used)[::2])
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
        return np.zeros((0, positive.shape[1]))
    weight = mass[group[:, 0], group[:, 1]]
    chosen = rng.choice(
        len(group), size=min(count, len(group)), replace=False, p=weight / weight.sum()
    )
    patches: np.ndarray = positive[group[chosen, 0], :, group[chosen, 1]].astype(np.float64)
    return patches


def _numbers(both: Patches, halves: tuple[Patches, Patches], most: int) -> range:
    """Return the numbers that can be tried: each half needs more positions than components."""
    possible = min(most, both.shape[1], *(len(half) // 2 for half in halves))
    return range(1, max(possible, 1) + 1)


def _try(number: int, halves: tuple[Patches, Patches], both: Patches, seed: int) -> _Trial:
    explained = float(_carried(both, _directions(both, number, seed)).sum() / both.sum())
    if min(len(half) for half in halves) < number:
        return _Trial(number, 0.0, explained)
    cosine = _directions(halves[0], number, seed) @ _directions(halves[1], number, seed).T
    stability = float(cosine[linear_sum_assignment(-cosine)].min())
    return _Trial(number, stability, explained)


def _choose(trials: list[_Trial]) -> int:
    before = 0.0
    chosen = 1
    for trial in trials:
        if trial.stability >= FOUND_AGAIN and trial.explained - before >= WORTH:
            chosen = trial.number
        before = trial.explained
    return chosen


def _directions(patches: Patches, number: int, seed: int) -> Float[np.ndarray, "component concept"]:
    """Return the channel directions as unit vectors; a factor that died is left as it started."""
    model = NMF(number, init="nndsvda", tol=1e-3, max_iter=300, random_state=seed)
    with warnings.catch_warnings():
        # Stability under halves decides whether a factor is kept, not the last digits of it.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(patches / patches.mean())
    found: np.ndarray = model.components_
    length = np.linalg.norm(found, axis=1, keepdims=True)
    uniform = np.full_like(found, found.shape[1] ** -0.5)
    directions: np.ndarray = np.divide(found, length, out=uniform, where=length > 1e-12)
    return directions


def _carried(
    patches: Patches, directions: Float[np.ndarray, "component concept"]
) -> Float[np.ndarray, "position component"]:
    """Return what each component carries of each position, in the units of ``patches``."""
    loadings = _loadings(patches, directions)
    rebuilt = loadings @ directions
    part = np.divide(
        np.minimum(patches, rebuilt), rebuilt, out=np.zeros_like(rebuilt), where=rebuilt > 0
    )
    carried: np.ndarray = loadings * (part @ directions.T)
    return carried


def _loadings(
    patches: Patches, directions: Float[np.ndarray, "component concept"]
) -> Float[np.ndarray, "position component"]:
    """Return the non-negative least-squares loadings by cyclic coordinate descent."""
    gram = directions @ directions.T
    wanted = patches @ directions.T
    loadings: np.ndarray = np.maximum(wanted, 0) / len(directions)
    for _ in range(SWEEPS):
        for place in range(len(directions)):
            step = (wanted[:, place] - loadings @ gram[:, place]) / gram[place, place]
            loadings[:, place] = np.maximum(loadings[:, place] + step, 0)
    return loadings


def _mean(values: np.ndarray, members: Int[np.ndarray, "member"]) -> np.ndarray:
    found: np.ndarray = values[members].mean(axis=0) if len(members) else np.zeros_like(values[0])
    return found


def _rule(trials: list[_Trial], number: int) -> str:
    tried = f"1 to {trials[-1].number} components tried" if len(trials) > 1 else "1 component tried"
    chosen = trials[number - 1]
    return (
        f"{tried}; the largest number at which each is found again in the other half of the "
        f"samples (cosine {FOUND_AGAIN} or more; here {chosen.stability:.2f}) and the last adds "
        f"{WORTH:.0%} or more of the positive relevance: {number}, which carry "
        f"{chosen.explained:.0%} of it."
    )
