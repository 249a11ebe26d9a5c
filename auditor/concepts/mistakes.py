"""Wrong decisions: the concepts that drove the wrong class, and those of the right one missing.

Source: Achtibat et al. 2023, analysis of wrong predictions. A wrong decision is explained as what
the model decided, so its shares are comparable with those of right decisions, each explained as
its own class: the wrong class's show how such a decision usually looks, the right class's what it
should have rested on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from auditor.concepts.shares import shares_of
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConceptContrast, Empty, MistakePair, Mistakes
from auditor.records.stages import LayerRelevance, Samples

# Fewer wrong decisions, or typical samples to compare with, say nothing about a pair.
LEAST = 3
# Only the concepts with the largest mean share compete: others matter little whatever they do.
POOL = 30
# The smallest spread that counts, as a part of the median: a concept that hardly varies would
# otherwise turn a negligible difference into the largest.
LEAST_SPREAD = 0.2


def mistakes(
    samples: Samples,
    layer_relevance: LayerRelevance,
    outputs: Sequence[int],
    *,
    top: int = 5,
    least: int = LEAST,
) -> Mistakes | Empty:
    """Return what the wrong decisions of every pair of classes rested on.

    Every pair of label and prediction counts of which one is in ``outputs``, most frequent first.
    Differences are of mean shares, in units of the concept's spread within the two classes (pooled
    standard deviation of their members, at least `LEAST_SPREAD` of the median over concepts).
    Driving concepts are among the `POOL` with the largest mean share in the wrong decisions and
    have a larger share there than in members of the label; missing ones are among the `POOL` with
    the largest mean share in members of the label and have a smaller one. A pair with fewer than
    ``least`` wrong decisions, or members of either class, has a reason instead.

    A concept that is missing by relevance may yet be in the picture: its activation difference
    tells whether it was there (about 0) and went unused, or was not seen (clearly below 0).
    """
    wrong = np.flatnonzero(samples.valid & (samples.labels != samples.prediction))
    label, prediction = samples.labels[wrong], samples.prediction[wrong]
    audited = np.isin(label, outputs) | np.isin(prediction, outputs)
    wrong, label, prediction = wrong[audited], label[audited], prediction[audited]
    if len(wrong) == 0:
        return Empty(_("No sample of the audited classes was decided wrongly."))
    found = []
    for own, taken in np.unique(np.stack([label, prediction], axis=1), axis=0):
        rows = wrong[(label == own) & (prediction == taken)]
        margin = samples.logits[rows, taken].astype(np.float64) - samples.logits[rows, own]
        rows = rows[np.argsort(-margin, kind="stable")]
        found.append(_pair(samples, layer_relevance, int(own), int(taken), rows, top, least))
    found.sort(key=lambda pair: (-pair.n, pair.label, pair.prediction))
    return Mistakes(layer=layer_relevance.layer, n=len(wrong), pairs=tuple(found))


def _pair(
    samples: Samples,
    layer_relevance: LayerRelevance,
    label: int,
    prediction: int,
    rows: Int[np.ndarray, "sample"],
    top: int,
    least: int,
) -> MistakePair:
    read = rows[samples.target[rows] == prediction]
    own, other = samples.members(label), samples.members(prediction)
    sizes = (label, len(own)), (prediction, len(other))
    reason = _reason(samples, len(rows), len(read), sizes, least)
    if reason:
        return MistakePair(label, prediction, len(rows), rows, None, None, reason)
    share = [shares_of(layer_relevance, some) for some in (read, other, own)]
    spread = _spread([share[2], share[1]])
    means = [each.mean(axis=0) for each in share]
    active = [layer_relevance.activation[some].astype(np.float64) for some in (read, own)]
    activation = (active[0].mean(axis=0) - active[1].mean(axis=0)) / _spread([active[1]])
    difference = (means[0] - means[2]) / spread
    driving = _listed(means[0], difference, top)
    missing = _listed(means[2], -difference, top)
    return MistakePair(
        label=label,
        prediction=prediction,
        n=len(rows),
        rows=rows,
        driving=_contrast(driving, means, difference, activation),
        missing=_contrast(missing, means, difference, activation),
        reason="",
    )


def _reason(
    samples: Samples,
    n: int,
    explained: int,
    sizes: Sequence[tuple[int, int]],
    least: int,
) -> str:
    names = samples.manifest.classes
    if n < least:
        return _("Too few to compare: %(n)s, and %(least)s are needed.", n=n, least=least)
    if explained < least:
        return _(
            "These samples are explained as their label, which does not show what drove the "
            "decision; audit with target: predicted."
        )
    for output, members in sizes:
        if members < least:
            return _(
                "'%(names)s' has %(members)s right decisions to compare with, and %(least)s are "
                "needed.",
                names=names[output],
                members=members,
                least=least,
            )
    return ""


def _spread(groups: Sequence[Float[np.ndarray, "member concept"]]) -> Float[np.ndarray, "concept"]:
    """Return the pooled standard deviation within groups, bounded below; infinite where all is."""
    squares = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in groups)
    spread = np.sqrt(squares / (sum(len(group) for group in groups) - len(groups)))
    varying = spread[spread > 0]
    if len(varying) == 0:
        return np.full(spread.shape, np.inf)
    found: np.ndarray = np.maximum(spread, LEAST_SPREAD * np.median(varying))
    return found


def _listed(
    share: Float[np.ndarray, "concept"], excess: Float[np.ndarray, "concept"], top: int
) -> Int[np.ndarray, "top"]:
    """Return up to ``top`` concepts of the pool by excess, positive share and excess only."""
    pool = np.argsort(-share, kind="stable")[:POOL]
    pool = pool[(share[pool] > 0) & (excess[pool] > 0)]
    return pool[np.argsort(-excess[pool], kind="stable")][:top]


def _contrast(
    concepts: Int[np.ndarray, "top"],
    means: Sequence[Float[np.ndarray, "concept"]],
    difference: Float[np.ndarray, "concept"],
    activation: Float[np.ndarray, "concept"],
) -> ConceptContrast:
    return ConceptContrast(
        concepts=concepts,
        share=means[0][concepts],
        share_in_predicted=means[1][concepts],
        share_in_label=means[2][concepts],
        difference=difference[concepts],
        activation_difference=activation[concepts],
    )
