"""Find a concept again after the model was trained anew: by its references and who uses it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import linear_sum_assignment

from auditor.language.numbers import decimal
from auditor.language.speaking import gettext as _
from auditor.records.concepts import ConceptMatches, Empty

# Least score of a match: 4 of 12 references shared and a correlation of 0.8. Unrelated concepts
# correlate highly by chance where classes are few, but then share no references.
THRESHOLD = 0.4
# Least score where only references can be compared: 5 of 12 shared.
THRESHOLD_ALONE = 0.25
# Fewer common classes do not make a profile.
CLASSES = 3


@dataclass(frozen=True)
class LayerProfile:
    """What is compared of one layer of one audit.

    ``references`` holds, per concept, the sample ids (paths) of its reference samples; ``samples``
    all sample ids of the audit; ``mean_share`` is that of `ConceptStatistics`, by class name.
    """

    layer: str
    references: tuple[frozenset[str], ...]
    samples: frozenset[str]
    classes: tuple[str, ...]
    mean_share: Float[np.ndarray, "class concept"]


def match_concepts(
    before: LayerProfile,
    after: LayerProfile,
    *,
    threshold: float | None = None,
) -> ConceptMatches | Empty:
    """Return which concept of the earlier audit is which of the later one.

    The score of two concepts is the geometric mean of the Jaccard index of their reference samples
    (only samples that both audits have) and of the correlation of their mean shares over the
    common classes (negative counts as 0): both must agree. The one-to-one assignment with the
    largest sum of scores is taken (Kuhn 1955); its pairs below ``threshold``, or without a common
    reference sample, are no matches. With fewer than `CLASSES` common classes the Jaccard index
    alone is the score, and the default threshold is `THRESHOLD_ALONE` instead of `THRESHOLD`.
    """
    common = sorted(before.samples & after.samples)
    if not common:
        return Empty(
            "The two audits have no sample in common, so concepts cannot be found again by their "
            "reference samples."
        )
    first, second = _incidence(before, common), _incidence(after, common)
    spoken_first, spoken_second = np.flatnonzero(first.any(1)), np.flatnonzero(second.any(1))
    overlap = _jaccard(first[spoken_first], second[spoken_second])
    classes = [name for name in before.classes if name in after.classes]
    correlation: np.ndarray | None = None
    score = overlap
    if len(classes) >= CLASSES:
        correlation = _correlation(
            _profile(before, classes)[:, spoken_first], _profile(after, classes)[:, spoken_second]
        )
        score = np.sqrt(overlap * np.clip(correlation, 0, 1))
    if threshold is None:
        threshold = THRESHOLD_ALONE if correlation is None else THRESHOLD
    rows, columns = linear_sum_assignment(score, maximize=True)
    good = (score[rows, columns] >= threshold) & (overlap[rows, columns] > 0)
    rows, columns = rows[good], columns[good]
    order = np.argsort(-score[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    return ConceptMatches(
        before=spoken_first[rows],
        after=spoken_second[columns],
        score=score[rows, columns],
        overlap=overlap[rows, columns],
        correlation=None if correlation is None else correlation[rows, columns],
        threshold=threshold,
        rule=_rule(len(common), len(classes), threshold),
    )


def _incidence(profile: LayerProfile, common: list[str]) -> Bool[np.ndarray, "concept sample"]:
    place = {path: index for index, path in enumerate(common)}
    found = np.zeros((len(profile.references), len(common)), dtype=bool)
    for concept, paths in enumerate(profile.references):
        found[concept, [place[path] for path in paths if path in place]] = True
    return found


def _jaccard(
    first: Bool[np.ndarray, "a sample"], second: Bool[np.ndarray, "b sample"]
) -> Float[np.ndarray, "a b"]:
    shared = first.astype(np.float32) @ second.astype(np.float32).T
    either = first.sum(axis=1)[:, None] + second.sum(axis=1)[None, :] - shared
    found: np.ndarray = np.asarray(shared / np.maximum(either, 1), dtype=np.float64)
    return found


def _profile(profile: LayerProfile, classes: list[str]) -> Float[np.ndarray, "class concept"]:
    found: np.ndarray = profile.mean_share[[profile.classes.index(name) for name in classes]]
    return found


def _correlation(
    first: Float[np.ndarray, "class a"], second: Float[np.ndarray, "class b"]
) -> Float[np.ndarray, "a b"]:
    """Return Pearson's correlation over classes; 0 with a profile that is flat."""
    found: np.ndarray = _standard(first).T @ _standard(second)
    return found


def _standard(profile: Float[np.ndarray, "class concept"]) -> Float[np.ndarray, "class concept"]:
    centred = profile - profile.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    flat = norms <= 1e-12 * np.maximum(np.abs(profile).max(axis=0, initial=0.0), 1e-300)
    found: np.ndarray = np.divide(centred, norms, out=np.zeros_like(centred), where=~flat)
    return found


def _rule(samples: int, classes: int, threshold: float) -> str:
    compared = (
        _(
            "the geometric mean of the Jaccard index of reference samples (%(samples)s samples in "
            "both audits) and the correlation of class profiles (%(classes)s classes in both)",
            samples=samples,
            classes=classes,
        )
        if classes >= CLASSES
        else _(
            "the Jaccard index of reference samples (%(samples)s samples in both audits; too few "
            "common classes to compare profiles)",
            samples=samples,
        )
    )
    return _(
        "The score is %(compared)s; one-to-one assignment with the largest sum; a match needs "
        "%(threshold)s and a common reference sample.",
        compared=compared,
        threshold=decimal(threshold),
    )
