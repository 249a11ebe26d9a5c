"""Matching: permuted and noisy copies are found again, a new concept is not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.concepts.matching import LayerProfile, match_concepts
from auditor.concepts.references import references
from auditor.concepts.statistics import concept_statistics
from auditor.records.concepts import ConceptMatches, Empty
from tests.concepts.profiles import layer_profile

N, CONCEPTS, CLASSES = 120, 24, 6


def planted():
    """Return relevance where each concept has samples and classes of its own."""
    rng = np.random.default_rng(0)
    labels = np.arange(N) % CLASSES
    relevance = (
        rng.gamma(1.0, 1.0, (N, CONCEPTS)) * rng.gamma(1.0, 1.0, (CLASSES, CONCEPTS))[labels]
    )
    return relevance, labels


@pytest.fixture
def profile(make_samples, make_layer):
    """Return a function: relevance and labels -> the layer's profile."""

    def make(relevance, labels, k=12):
        samples, layer = make_samples(labels), make_layer(relevance)
        found = references(layer, samples, k=k, origin="relevance")
        statistics = concept_statistics(
            samples, layer, sorted(set(labels.tolist())), seed=0, resamples=2
        )
        return layer_profile(samples, found, statistics)

    return make


def test_permuted_noisy_copies_are_matched_and_a_new_concept_is_not(profile):
    relevance, labels = planted()
    rng = np.random.default_rng(1)
    order = rng.permutation(CONCEPTS)
    later = (relevance * rng.lognormal(0, 0.1, relevance.shape))[:, order]
    replaced = 5
    later[:, replaced] = rng.permutation(later[:, replaced])
    found = match_concepts(profile(relevance, labels), profile(later, labels))
    assert isinstance(found, ConceptMatches)
    kept = np.delete(np.arange(CONCEPTS), replaced)
    assert sorted(found.after.tolist()) == kept.tolist()
    assert (order[found.after] == found.before).all()
    assert order[replaced] not in found.before
    assert replaced not in found.after
    assert found.score.min() > 0.4
    assert (np.diff(found.score) <= 0).all()
    assert "120 samples in both audits" in found.rule
    assert "6 classes in both" in found.rule


def test_an_unrelated_model_matches_nothing(profile):
    relevance, labels = planted()
    other = np.random.default_rng(7).permuted(relevance, axis=0)[:, ::-1]
    found = match_concepts(profile(relevance, labels), profile(other, labels))
    assert len(found.before) == 0


def test_the_same_audit_matches_wholly(profile):
    relevance, labels = planted()
    found = match_concepts(profile(relevance, labels), profile(relevance, labels))
    assert sorted(found.before.tolist()) == list(range(CONCEPTS))
    np.testing.assert_array_equal(found.before, found.after)
    np.testing.assert_allclose(found.score, 1)


def by_hand(references, classes, mean_share, samples="abcdefgh"):
    """Return a profile from strings of sample ids."""
    sets = tuple(frozenset(letters) for letters in references)
    return LayerProfile("x", sets, frozenset(samples), classes, np.asarray(mean_share, float))


def test_scores_and_assignment_equal_brute_force():
    rng = np.random.default_rng(3)
    sets = [["".join(rng.choice(list("abcdefgh"), 4, replace=False)) for _ in "1234"] for _ in "12"]
    shares = rng.uniform(size=(2, 3, 4))
    names = ("p", "q", "r")
    found = match_concepts(
        by_hand(sets[0], names, shares[0]), by_hand(sets[1], names, shares[1]), threshold=0.0
    )
    score = np.zeros((4, 4))
    for a, b in itertools.product(range(4), repeat=2):
        one, two = set(sets[0][a]), set(sets[1][b])
        correlation = np.corrcoef(shares[0][:, a], shares[1][:, b])[0, 1]
        score[a, b] = (len(one & two) / len(one | two) * max(correlation, 0)) ** 0.5
    best = max(
        itertools.permutations(range(4)),
        key=lambda way: sum(score[a, b] for a, b in enumerate(way)),
    )
    assert dict(zip(found.before.tolist(), found.after.tolist(), strict=True)) == dict(
        enumerate(best)
    )
    np.testing.assert_allclose(found.score, score[found.before, found.after])


def test_only_common_samples_and_classes_count():
    before = by_hand(["abx", "cd", ""], ("p", "q"), [[1, 0, 0], [0, 1, 0]], samples="abcdx")
    after = by_hand(["cd", "aby"], ("q", "p"), [[1, 0], [0, 1]], samples="abcdy")
    found = match_concepts(before, after)
    assert dict(zip(found.before.tolist(), found.after.tolist(), strict=True)) == {0: 1, 1: 0}
    assert found.score.tolist() == [1, 1]
    assert found.correlation is None
    assert found.threshold == 0.25
    assert 2 not in found.before
    assert "too few common classes" in found.rule


def test_a_profile_alone_is_no_match():
    shares = [[1, 0], [2, 0], [3, 0]]
    names = ("p", "q", "r")
    found = match_concepts(
        by_hand(["ab", "cd"], names, shares), by_hand(["ef", "gh"], names, shares)
    )
    assert len(found.before) == 0


def test_no_common_sample_is_said_in_words():
    before, after = (
        by_hand(["a"], (), np.zeros((0, 1)), "a"),
        by_hand(["b"], (), np.zeros((0, 1)), "b"),
    )
    found = match_concepts(before, after)
    assert isinstance(found, Empty)
    assert "no sample in common" in found.reason
