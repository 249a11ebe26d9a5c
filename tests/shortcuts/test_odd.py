"""P8: planted mislabels and strangers are listed, an ordinary class is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditor.concepts.shares import shares_of
from auditor.shortcuts.whole_pictures.odd import odd_samples, space_of
from tests.shortcuts.tables import layer_of, natural, samples_of

LABELS = np.repeat(np.arange(3), 60)


def test_a_stranger_and_a_wrong_label_are_listed() -> None:
    relevance = natural(LABELS, 0)
    relevance[5, 9] += 8.0
    labels = LABELS.copy()
    labels[70] = 0  # looks and is decided like class 1
    samples = samples_of(labels, prediction=LABELS)
    found, total = odd_samples(layer_of(relevance), samples, (0, 1, 2))
    paths, names = samples.manifest.paths, samples.manifest.classes
    odd = {each.sample: each for each in found}
    assert odd[paths[5]].why == f"decided by other concepts than the rest of '{names[0]}'"
    assert odd[paths[5]].q <= 0.01
    wrong = odd[paths[70]]
    assert wrong.label == names[0]
    assert f"as ordinary for '{names[1]}'" in wrong.why
    assert total == len(found) <= 4


@pytest.mark.parametrize("seed", range(8))
def test_ordinary_classes_have_none(seed: int) -> None:
    found, total = odd_samples(layer_of(natural(LABELS, seed)), samples_of(LABELS), (0, 1, 2))
    assert (found, total) == ([], 0)


def test_small_classes_are_not_judged() -> None:
    labels = np.repeat(np.arange(3), 10)
    assert odd_samples(layer_of(natural(labels, 0)), samples_of(labels), (0, 1, 2)) == ([], 0)


def test_the_p_values_are_uniform_in_a_gaussian_class() -> None:
    rng = np.random.default_rng(4)
    labels = np.zeros(400, dtype=np.int64)
    relevance = 1.0 + 0.05 * rng.normal(size=(400, 4))
    layer = layer_of(relevance)
    space = space_of(layer, np.arange(400))
    assert space is not None
    p = space.own_p(shares_of(layer, np.arange(400)))
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert len(labels) == len(p)


def test_members_beyond_those_that_were_fitted_are_judged_too() -> None:
    labels = np.repeat(np.arange(2), 700)
    relevance = natural(labels, 1)
    layer, samples = layer_of(relevance), samples_of(labels)
    space = space_of(layer, samples.members(0))
    assert space is not None
    assert len(space.rows) == 500
    left = int(np.setdiff1d(np.arange(700), space.rows)[0])
    relevance[left, 9] += 8.0
    found, _ = odd_samples(layer_of(relevance), samples, (0, 1))
    assert samples.manifest.paths[left] in [each.sample for each in found]
