"""Accuracy beside chance: said before all else where it is worse, and seldom by chance."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.config.audit import PolicyConfig, TargetsConfig
from auditor.records.accounting import ClassCount
from auditor.records.stages import Manifest, Samples
from auditor.report.sections.standing import standing
from auditor.report.sections.verdict import verdict
from auditor.review.judge.policy import judge
from tests.report.conftest import Run
from tests.report.test_build import data, limits


def samples(labels: np.ndarray, answers: np.ndarray, outputs: int) -> Samples:
    count = len(labels)
    logits = np.eye(outputs, dtype=np.float32)[answers]
    return Samples(
        manifest=Manifest(
            tuple(map(str, range(count))), labels, tuple(f"class {i}" for i in range(outputs))
        ),
        valid=np.ones(count, bool),
        quarantine=(None,) * count,
        logits=logits,
        prediction=answers,
        target=answers,
        discovery=np.zeros(count, bool),
    )


def answered(right: float, counts: list[int], outputs: int, seed: int = 0) -> Samples:
    """Return samples of which a share is right and the rest another of the classes present."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    others = (labels + rng.integers(1, max(2, len(counts)), len(labels))) % len(counts)
    answers = np.where(rng.random(len(labels)) < right, labels, others)
    return samples(labels, answers, outputs)


def test_swapped_labels_are_worse_than_a_guess() -> None:
    found = standing(answered(0.13, [150, 150], 2))
    assert found is not None
    assert found.worse
    assert found.sentence.startswith("The model is worse than guessing: 1")
    assert "data.labels, model.classes" in found.sentence
    assert standing(answered(0.87, [150, 150], 2)) is None


def test_answering_the_largest_class_may_be_better() -> None:
    found = standing(answered(0.8, [285, 15], 2))
    assert found is not None
    assert not found.worse
    assert found.sentence.startswith("Always answering 'class 0' would be right more often")


def test_few_of_many_outputs_are_compared_among_themselves() -> None:
    labels = np.repeat([0, 1], 100)
    elsewhere = samples(labels, np.where(np.arange(200) % 2, labels, 7), 1000)
    logits = elsewhere.logits.copy()
    logits[np.arange(200), labels] += 0.5  # the right one of the two classes that are there
    object.__setattr__(elsewhere, "logits", logits)
    assert standing(elsewhere) is None


def test_one_class_alone_is_compared_with_all_outputs() -> None:
    wrong = samples(np.zeros(90, np.int64), np.ones(90, np.int64), 2)
    found = standing(wrong)
    assert found is not None
    assert found.worse
    assert standing(samples(np.zeros(90, np.int64), np.zeros(90, np.int64), 2)) is None


def test_too_few_to_tell_and_none_at_all_say_nothing() -> None:
    assert standing(answered(0, [2, 2], 2)) is None
    none = answered(0, [2, 2], 2)
    object.__setattr__(none, "valid", np.zeros(4, bool))
    assert standing(none) is None


@pytest.mark.parametrize("counts", [[20, 20], [100, 100, 100], [12] * 10])
def test_a_guess_is_seldom_called_worse_than_one(counts: list[int]) -> None:
    share = 1 / len(counts)
    alarms = sum(
        standing(answered(share, counts, len(counts), seed)) is not None for seed in range(300)
    )
    assert alarms <= 9  # 1 % of 300, and five more than a standard deviation of it


def test_it_stands_before_everything_else(run: Run) -> None:
    worse = standing(answered(0.13, [150, 150], 2))
    assert worse is not None
    found = verdict([], limits(tests=0), data(run), [], 2, (), worse)
    assert found.code == "do_not_use"
    assert found.sentence == found.headline == worse.sentence
    assert "too few" not in found.sentence
    result = run.result.model_copy(update={"verdict": found, "findings": [], "factors": None})
    judgement = judge(result, PolicyConfig(), TargetsConfig())
    assert judgement.code == "do_not_use"
    assert judgement.sentence.startswith(f"Better than chance: {worse.sentence}")
    assert "more pictures" not in judgement.sentence
    less = standing(answered(0.8, [285, 15], 2))
    found = verdict([], limits(), data(run), [], 0, (), less)
    assert found.code == "conditions"
    assert found.sentence.startswith("Always answering")
    result = run.result.model_copy(update={"verdict": found, "findings": [], "factors": None})
    assert "Always answering" in judge(result, PolicyConfig(), TargetsConfig()).sentence


def test_a_class_without_a_picture_has_no_worst_accuracy(run: Run) -> None:
    lost = ClassCount(
        name="gone", found=6, used=0, set_aside={"r": 6}, losses={"r": 6}, pictures=6, share=1
    )
    card = run.result.data.model_copy(update={"classes": [lost]})
    result = run.result.model_copy(update={"data": card})
    judgement = judge(result, PolicyConfig(), TargetsConfig(worst_class_accuracy=">= 0.1"))
    (check,) = [each for each in judgement.checks if each.name == "worst_class_accuracy"]
    assert check.state == "not measured"
    assert "no picture of these classes could be used: gone" in check.sentence


def test_a_target_that_is_missed_for_certain_is_in_the_sentence(run: Run) -> None:
    judgement = judge(run.result, PolicyConfig(), TargetsConfig(accuracy=">= 0.99"))
    assert "misses the target of at least 99" in judgement.sentence
    assert "the whole interval lies below it" in judgement.sentence
