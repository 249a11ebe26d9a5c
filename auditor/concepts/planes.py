"""Fine-grained decisions: the two concepts whose relevance separates two confused classes best.

Source: Achtibat et al. 2023, analysis of similar classes by their concepts' relevance. Every sample
is explained as its own prediction: shares of both classes then say what each decision rested on,
and neither class is asked about the other. The choice is made on the discovery half of the data
and measured on the other half.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from auditor.concepts.separation import auc, auc_interval
from auditor.concepts.shares import shares_of
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConfusedPair, DecisionPlane, Empty, UnitKind
from auditor.records.stages import LayerRelevance, Samples, Subspaces

# The smallest margins of all right decisions count as narrow: this share of them.
NARROW = 0.1
# Units that compete for the axes: those with the largest mean absolute share in either class.
POOL = 50
FOLDS = 5
# Cross-validated AUCs that differ by no more than this are equally good.
EQUAL = 0.005
# Fewer samples of a class in either half tell nothing about separation.
LEAST = 5


def confused_pairs(
    samples: Samples,
    outputs: Sequence[int],
    *,
    named: Sequence[tuple[int, int]] = (),
    most: int = 10,
) -> tuple[ConfusedPair, ...]:
    """Return the pairs of classes that the model confuses: named ones, then by mistakes.

    A pair of ``outputs`` counts when a valid sample labelled as one is predicted as the other, or
    decided rightly over the other with a margin (logit units) among the smallest `NARROW` of all
    right decisions of ``outputs``. Named pairs come first, in their order, also when nothing
    confuses them; of the others the ``most`` with most mistakes, ties by narrow decisions.
    """
    rows = np.flatnonzero(samples.valid & np.isin(samples.labels, outputs))
    label, prediction = samples.labels[rows], samples.prediction[rows]
    right = rows[label == prediction]
    margin, rival = _rivals(samples.logits[right], samples.labels[right])
    limit = np.quantile(margin, NARROW, method="lower") if len(right) else 0.0
    narrow = margin <= limit
    mistakes = _counts(label[label != prediction], prediction[label != prediction])
    narrows = _counts(samples.labels[right][narrow], rival[narrow])
    asked = [(min(pair), max(pair)) for pair in named]
    audited = {(a, b) for a, b in combinations(sorted(set(outputs)), 2)}
    met = [pair for pair in {*mistakes, *narrows} if pair in audited and pair not in asked]
    met.sort(key=lambda pair: (-mistakes.get(pair, 0), -narrows.get(pair, 0), pair))
    return tuple(
        ConfusedPair(*pair, mistakes.get(pair, 0), narrows.get(pair, 0), pair in asked)
        for pair in (*dict.fromkeys(asked), *met[:most])
    )


def subspace_units(subspaces: Subspaces, concepts: int) -> Float[np.ndarray, "unit concept"]:
    """Return one row per subspace that sums the shares of its concepts."""
    count = int(subspaces.cluster.max(initial=-1)) + 1
    units = np.zeros((count, concepts))
    units[subspaces.cluster, subspaces.concepts] = 1.0
    return units


def decision_plane(
    samples: Samples,
    layer_relevance: LayerRelevance,
    pair: ConfusedPair,
    *,
    units: Float[np.ndarray, "unit concept"] | None = None,
    kind: UnitKind = "channel",
    pool: int = POOL,
    draws: int = 1000,
    rng: np.random.Generator,
) -> DecisionPlane | Empty:
    """Return the plane of the two units that separate the members of two classes best.

    Members (label, prediction and target agree) of the discovery half choose: of every two of the
    ``pool`` units with the largest mean absolute share in either class, the pair whose linear
    discriminant has the largest cross-validated AUC. Of equals (to `EQUAL`) the pair whose weaker
    unit separates the classes best by itself: one good unit needs no other, and would else be
    shown with any. If still equal, the one whose class means lie farthest apart. The discriminant
    of the chosen two, fitted on the whole discovery half, is measured on the members of the other
    half. Samples of one class that were taken for the other are placed too, explained as what they
    were taken for.

    Args:
        samples: the table.
        layer_relevance: the layer.
        pair: the two classes.
        units: each unit as weights of concepts (`subspace_units`, or directions); None takes
            single channels.
        kind: what the units are, for the record.
        pool: how many units compete.
        draws: bootstrap samples behind the interval.
        rng: folds and bootstrap.
    """
    rows = _decided_between(samples, pair)
    labels, predictions = samples.labels[rows], samples.prediction[rows]
    member, chooses = labels == predictions, samples.discovery[rows]
    is_first = labels == pair.first
    few = _too_few(member, chooses, is_first)
    if few:
        return Empty(few)
    share = shares_of(layer_relevance, rows)
    share = share if units is None else share @ units.T
    if share.shape[1] < 2:
        return Empty(_("A plane needs two units; there are fewer at this layer."))
    select = member & chooses
    chosen, competing = _axes(share[select], is_first[select], pool, rng)
    points = share[:, chosen]
    weights, threshold = _discriminant(points[select], is_first[select])
    score = points @ weights - threshold
    held = member & ~chooses
    speaks_first = points[member & is_first].mean(axis=0) >= points[member & ~is_first].mean(axis=0)
    return DecisionPlane(
        layer=layer_relevance.layer,
        pair=pair,
        kind=kind,
        units=(int(chosen[0]), int(chosen[1])),
        rows=rows,
        labels=labels,
        predictions=predictions,
        held_out=~select,
        coordinates=points,
        weights=weights,
        threshold=threshold,
        score=score,
        wrong=(score > 0) != is_first,
        **_separation(points, score, held & is_first, held & ~is_first, speaks_first, draws, rng),
        speaks_for=_speaks_for(pair, speaks_first),
        rule=_rule(competing, int(select.sum()), int(held.sum())),
    )


def _decided_between(samples: Samples, pair: ConfusedPair) -> Int[np.ndarray, "sample"]:
    """Return the samples of both classes that were decided and explained as one of them."""
    both = [pair.first, pair.second]
    return np.flatnonzero(
        samples.valid
        & np.isin(samples.labels, both)
        & np.isin(samples.prediction, both)
        & (samples.target == samples.prediction)
    )


def _speaks_for(pair: ConfusedPair, first: Bool[np.ndarray, "2"]) -> tuple[int, int]:
    of_both = [pair.first if speaks else pair.second for speaks in first]
    return of_both[0], of_both[1]


def _rule(competing: int, chosen_on: int, measured_on: int) -> str:
    return _(
        "Every two of %(units)s units compared on %(n)s right decisions by the cross-validated "
        "AUC of their linear discriminant; measured on %(held)s others.",
        units=competing,
        n=chosen_on,
        held=measured_on,
    )


def _axes(
    share: Float[np.ndarray, "sample unit"],
    is_first: Bool[np.ndarray, "sample"],
    pool: int,
    rng: np.random.Generator,
) -> tuple[Int[np.ndarray, "2"], int]:
    """Return the two units that separate the classes best, and how many competed."""
    competing = _competing(share, is_first, pool)
    best = _best_pair(share[:, competing], is_first, rng)
    return competing[list(best)], len(competing)


def _separation(
    points: Float[np.ndarray, "sample 2"],
    score: Float[np.ndarray, "sample"],
    first: Bool[np.ndarray, "sample"],
    second: Bool[np.ndarray, "sample"],
    speaks_first: Bool[np.ndarray, "2"],
    draws: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return how well the plane and each axis alone tell held-out samples of both classes apart."""
    low, high = auc_interval(score[first], score[second], rng, draws=draws)
    alone = auc(points[first].T, points[second].T)
    alone = np.where(speaks_first, alone, 1 - alone)
    return {
        "auc": float(auc(score[first], score[second])),
        "low": low,
        "high": high,
        "n": (int(first.sum()), int(second.sum())),
        "unit_auc": (float(alone[0]), float(alone[1])),
    }


def _rivals(
    logits: Float[np.ndarray, "right output"], own: Int[np.ndarray, "right"]
) -> tuple[Float[np.ndarray, "right"], Int[np.ndarray, "right"]]:
    """Return the margin over the strongest other output, in logit units, and that output."""
    others = logits.astype(np.float64)
    places = np.arange(len(own))
    value = others[places, own]
    others[places, own] = -np.inf
    rival = others.argmax(axis=1) if others.size else np.zeros(0, dtype=np.int64)
    return value - others[places, rival], rival


def _counts(a: Int[np.ndarray, "some"], b: Int[np.ndarray, "some"]) -> dict[tuple[int, int], int]:
    pairs = np.stack([np.minimum(a, b), np.maximum(a, b)], axis=1)
    found, counts = np.unique(pairs, axis=0, return_counts=True)
    return {(int(x), int(y)): int(n) for (x, y), n in zip(found, counts, strict=True)}


def _too_few(
    member: Bool[np.ndarray, "sample"],
    chooses: Bool[np.ndarray, "sample"],
    is_first: Bool[np.ndarray, "sample"],
) -> str:
    least = min(
        int((member & (chooses == half) & (is_first == own)).sum())
        for half in (True, False)
        for own in (True, False)
    )
    if least >= LEAST:
        return ""
    return _(
        "%(needed)s right decisions of each class are needed in each half of the data to compare "
        "two classes; one half has %(least)s.",
        needed=LEAST,
        least=least,
    )


def _competing(
    share: Float[np.ndarray, "sample unit"], is_first: Bool[np.ndarray, "sample"], pool: int
) -> Int[np.ndarray, "competing"]:
    used = np.maximum(np.abs(share[is_first]).mean(axis=0), np.abs(share[~is_first]).mean(axis=0))
    return np.argsort(-used, kind="stable")[: max(pool, 2)]


def _best_pair(
    share: Float[np.ndarray, "sample unit"],
    is_first: Bool[np.ndarray, "sample"],
    rng: np.random.Generator,
) -> tuple[int, int]:
    """Return the two columns whose discriminant has the best cross-validated AUC."""
    pairs = np.array(list(combinations(range(share.shape[1]), 2)))
    folds = min(FOLDS, int(is_first.sum()), int((~is_first).sum()))
    fold = np.empty(len(share), dtype=np.int64)
    for own in (is_first, ~is_first):
        fold[own] = rng.permutation(np.arange(own.sum()) % folds)
    values = np.zeros(len(pairs))
    for left_out in range(folds):
        train, test = fold != left_out, fold == left_out
        weights = _all_discriminants(share[train], is_first[train], pairs)
        scores = np.einsum("psa,pa->ps", share[test][:, pairs].transpose(1, 0, 2), weights)
        values += auc(scores[:, is_first[test]], scores[:, ~is_first[test]]) / folds
    first, second = share[is_first], share[~is_first]
    alone = np.abs(auc(first.T, second.T) - 0.5)[pairs].min(axis=1)
    apart = np.linalg.norm((first.mean(axis=0) - second.mean(axis=0))[pairs], axis=1)
    worse = values < values.max() - EQUAL
    best = np.lexsort((-apart, -np.round(alone, 2), worse))[0]
    return int(pairs[best, 0]), int(pairs[best, 1])


def _all_discriminants(
    share: Float[np.ndarray, "sample unit"],
    is_first: Bool[np.ndarray, "sample"],
    pairs: Int[np.ndarray, "pair 2"],
) -> Float[np.ndarray, "pair 2"]:
    """Return Fisher's discriminant of every pair of columns."""
    first, second = share[is_first], share[~is_first]
    gap = first.mean(axis=0) - second.mean(axis=0)
    centred = np.concatenate([first - first.mean(axis=0), second - second.mean(axis=0)])
    scatter = centred.T @ centred / max(len(share) - 2, 1)
    covariance = scatter[pairs[:, :, None], pairs[:, None, :]]
    size = np.trace(covariance, axis1=1, axis2=2)
    # A unit without spread, or two that are one, must not make the matrix singular.
    ridge = np.where(size > 0, 1e-6 * size, 1.0)
    covariance = covariance + ridge[:, None, None] * np.eye(2)
    weights: np.ndarray = np.linalg.solve(covariance, gap[pairs][..., None])[..., 0]
    return weights


def _discriminant(
    points: Float[np.ndarray, "sample 2"], is_first: Bool[np.ndarray, "sample"]
) -> tuple[Float[np.ndarray, "2"], float]:
    """Return unit weights, and the threshold midway between the means of both classes."""
    weights = _all_discriminants(points, is_first, np.array([[0, 1]]))
    length = np.linalg.norm(weights[0])
    unit = weights[0] / length if length > 0 else np.array([1.0, 0.0])
    middle = (points[is_first].mean(axis=0) + points[~is_first].mean(axis=0)) / 2
    return unit, float(middle @ unit)
