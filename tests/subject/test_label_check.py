"""What the answers say of how labels met outputs: contradicted guesses stop, small n does not."""

from __future__ import annotations

import json

import numpy as np
import pytest

from auditor.base.errors import LabelError
from auditor.subject.label_check import agreement, best_assignment, confirm, proposed_line
from auditor.subject.labels import match_labels
from auditor.subject.matching import Matching, Outputs


def matched(names: list[str], rule: str = "auto", outputs: Outputs | None = None) -> Matching:
    return match_labels(names, names, outputs or Outputs(len(names), None), rule, "none")


def answers(count: int, n: int, accuracy: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and predictions that are right as often as asked, else any class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(count, size=n)
    known = rng.random(n) < (accuracy - 1 / count) / (1 - 1 / count)
    return labels, np.where(known, labels, rng.integers(count, size=n))


def test_swapped_labels_stop_a_guess_with_both_accuracies_and_the_line() -> None:
    matching = matched(["fracture", "healthy"])
    labels, predictions = answers(2, 300, 0.87)
    with pytest.raises(LabelError) as caught:
        confirm(matching, agreement(matching, labels, 1 - predictions))
    text = str(caught.value)
    right = int((labels == predictions).sum())
    assert f"{300 - right} of 300 pictures ({(300 - right) / 300:.0%}) are right so" in text
    assert f"{right} of 300 pictures ({right / 300:.0%}) are with another" in text
    assert 'data.labels: {"fracture": 1, "healthy": 0}' in text
    assert "data.labels: order to keep" in text


def test_a_permutation_of_many_labels_is_found() -> None:
    names = [f"kind {letter}" for letter in "abcdefgh"]
    matching = matched(names)
    labels, predictions = answers(8, 200, 0.7)
    moved = np.random.default_rng(3).permutation(8)
    found = agreement(matching, labels, moved[predictions])
    assert found.better == {at: int(moved[at]) for at in range(8)}
    line = proposed_line(matching, found.better)
    assert json.loads(line.partition(": ")[2]) == {
        name: int(moved[at]) for at, name in enumerate(names)
    }


def test_a_line_that_is_written_settles_it() -> None:
    labels, predictions = answers(2, 100, 0.9)
    matching = match_labels(
        ["no", "yes"], ["no", "yes"], Outputs(2, None), {"no": 1, "yes": 0}, "none"
    )
    own = np.array([1, 0])
    assert confirm(matching, agreement(matching, own[labels], 1 - predictions)) == ()


@pytest.mark.parametrize("rule", ["order", {"a": 0, "b": 1}, "number", "name"])
def test_what_the_user_stated_goes_on_with_a_note(rule: str) -> None:
    names = ["0", "1"] if rule == "number" else ["a", "b"]
    outputs = Outputs(2, tuple(names)) if rule == "name" else Outputs(2, None)
    matching = matched(names, rule, outputs)
    labels, predictions = answers(2, 60, 0.9)
    (note,) = confirm(matching, agreement(matching, labels, 1 - predictions))
    assert note.startswith("CHECK how labels met the outputs")
    assert '"b": 0' in note or '"1": 0' in note
    assert confirm(matching, agreement(matching, labels, predictions)) == ()


def test_two_orders_of_the_same_names_are_settled_by_the_data_or_asked() -> None:
    matching = matched(["class_1", "class_10", "class_2"])
    labels, predictions = answers(3, 60, 0.64, seed=4)
    (note,) = confirm(matching, agreement(matching, labels, predictions))
    assert "is a guess" in note
    natural = np.array([0, 2, 1])
    with pytest.raises(LabelError, match=r"write data\.labels: natural,"):
        confirm(matching, agreement(matching, labels, natural[predictions]))
    with pytest.raises(LabelError, match=r"too few to tell.*data\.labels: order .*natural"):
        confirm(matching, agreement(matching, labels[:4], predictions[:4]))
    few = agreement(matching, labels[:4], predictions[:4])
    (note,) = confirm(matching, few, part=True)
    assert note.startswith("CHECK: labels met the outputs")
    stated = matched(["class_1", "class_10", "class_2"], "order")
    assert confirm(stated, agreement(stated, labels[:4], predictions[:4])) == ()


def test_fewer_right_than_by_chance_stops_a_guess_without_another_assignment() -> None:
    matching = matched([f"kind {letter}" for letter in "abcdefghijklmnop"])
    labels = np.repeat(np.arange(16), 30)
    predictions = (labels + 1 + np.tile(np.arange(15), 32)) % 16
    with pytest.raises(LabelError, match="fewer than by chance"):
        confirm(matching, agreement(matching, labels, predictions))


def test_few_pictures_are_said_to_be_few() -> None:
    matching = matched(["a", "b"])
    labels = np.array([0, 1, 0, 1, 0])
    (note,) = confirm(matching, agreement(matching, labels, 1 - labels))
    assert "too few to tell: 0 of 5" in note
    (note,) = confirm(matching, agreement(matching, labels[:0], labels[:0]))
    assert "0 of 0" in note


@pytest.mark.parametrize(
    ("count", "n", "accuracy"), [(2, 8, 0.5), (2, 40, 0.6), (3, 20, 1 / 3), (10, 60, 0.3)]
)
def test_false_alarms_are_rare(count: int, n: int, accuracy: float) -> None:
    matching = matched([f"kind {chr(97 + at)}" for at in range(count)])
    alarms = 0
    for seed in range(200):
        found = agreement(matching, *answers(count, n, accuracy, seed))
        alarms += found.better is not None or found.below
    assert alarms <= 4


def test_two_swapped_classes_among_many_are_found() -> None:
    """They move the accuracy of all by less than a tenth, and their own pictures' by most."""
    matching = matched([f"kind {at:02}" for at in range(30)])
    swap = np.arange(30)
    swap[[3, 7]] = 7, 3
    for seed in range(10):
        labels, predictions = answers(30, 600, 0.8, seed)
        found = agreement(matching, labels, swap[predictions])
        assert found.better is not None
        assert [found.better[at] for at in (3, 7)] == [7, 3]


def test_classes_that_are_often_confused_are_no_swap() -> None:
    matching = matched([f"kind {chr(97 + at)}" for at in range(10)])
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        labels = np.arange(200) % 10
        predictions = np.where(rng.random(200) < 0.6, labels, labels ^ 1)
        alarms += agreement(matching, labels, predictions).better is not None
    assert alarms <= 1


def test_a_model_that_always_says_one_class_is_no_contradiction() -> None:
    matching = matched(["a", "b", "c"])
    labels = np.arange(90) % 3
    (note,) = confirm(matching, agreement(matching, labels, np.full(90, 1)))
    assert "no other assignment is better" in note


def test_labels_without_pictures_keep_their_output_where_it_is_free() -> None:
    found = best_assignment(np.array([0, 0, 1]), np.array([1, 1, 0]), 4)
    assert found == {0: 1, 1: 0}
    matching = matched(["a", "b", "c", "d"])
    assert '"a": 1, "b": 0, "c": 2, "d": 3' in proposed_line(matching, found)


def test_labels_of_fewer_outputs_than_the_model_has_find_theirs() -> None:
    names = tuple(f"finding {at}" for at in range(14))
    matching = match_labels(["0", "1"], ["0", "1"], Outputs(14, names), "number", "possible")
    labels = np.arange(60) % 2
    (note,) = confirm(matching, agreement(matching, labels, np.where(labels, 9, 4)))
    assert '{"0": 4, "1": 9}' in note
