"""The tables of kinds count what they say; the networks and the baselines are what they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn

from tests.benchmarks.shortcuts.cases import Case, Plant
from tests.benchmarks.shortcuts.class_baselines import class_components, error_slices
from tests.benchmarks.shortcuts.kinds_tables import (
    by_kind_table,
    goals_table,
    hours_table,
    left_out_table,
    negatives_table,
)
from tests.benchmarks.shortcuts.nets import NETS, built, features_of
from tests.benchmarks.shortcuts.summary import SEARCH, models, plantings, shown_rows
from tests.benchmarks.shortcuts.train import Shelf, trained
from tests.benchmarks.shortcuts.worlds import BUILT_IN, photographs
from tests.shortcut_benchmark.test_summary import finding, result

HAIR = ("hair", 0, 0.9, "positive")
INK = ("ink", 1, 0.9, "positive")


def test_only_the_three_strongest_cues_of_a_class_are_shown() -> None:
    rows = [finding(1, "C", {}, low=low) for low in (0.3, 0.6, 0.5, 0.4)]
    rows += [finding(2, "C", {}, low=0.3), finding(1, "B", {}), finding(1, "D", {})]
    shown = shown_rows(result("planted", [INK], rows)["search"])
    assert [row["strength"] / 0.8 for row in shown if row["grade"] == "C"] == pytest.approx(
        [0.6, 0.5, 0.4, 0.3]
    )
    assert [row["grade"] for row in shown].count("B") == 1


def test_a_cue_on_the_cause_is_shown_and_no_flag() -> None:
    (row,) = plantings([result("planted", [INK], [finding(1, "C", {0: True})])])
    outcome = row.outcomes[SEARCH]
    assert (outcome.shown, outcome.flagged, outcome.single) == (True, False, 1.0)
    assert row.shortcut == "changing mark"


def test_one_cause_in_two_findings_is_split() -> None:
    twice = [finding(1, "A", {0: True}), finding(1, "B", {0: True}, place=1)]
    (row,) = plantings([result("planted", [INK], twice)])
    assert row.outcomes[SEARCH].single == 0.0
    both = [finding(1, "A", {0: True, 1: True})]
    merged = plantings([result("two", [INK, ("tag", 1, 0.9, "positive")], both)])
    assert [each.outcomes[SEARCH].single for each in merged] == [0.0, 0.0]
    (nothing,) = plantings([result("planted", [INK], [])])
    assert nothing.outcomes[SEARCH].single is None


def test_the_tables_tell_kinds_apart_and_what_no_limit_was_set_on() -> None:
    used = [
        result("planted", [HAIR], [finding(1, "A", {0: True})]),
        result("planted", [HAIR], [], seed=1),
        result("planted", [("sticker", 1, 0.9, "positive")], [finding(1, "A", {0: True})]),
        result("planted", [("tag", 1, 0.1, "weak")], []),
    ]
    planted, rows = plantings(used), models(used)
    table = by_kind_table(planted)
    assert "| **changing mark** (limits were set on it) | 2 | 2 | 0.50" in table
    assert "| **mark in place** (limits were set on it) | 2 | 1 | 1.00" in table
    assert "| kind: changing mark | yes | 2 | 2 | 0.50" in left_out_table(planted)
    (companion,) = plantings([result("planted", [("companion", 1, 0.9, "positive")], [])])
    assert f"| kind: {companion.shortcut} | no | 1 | 1 | 0.00" in left_out_table([companion])
    assert "| net: plain | yes | 4 | 3 |" in left_out_table(planted)
    goals = goals_table(planted, rows)
    assert "| A or B, marks that never look the same | 0.50 (0.00 to 1.00) | 0.50" in goals
    assert "| Hit@1, marks | 1.00 (0.03 to 1.00) |  | 0 | 0.95 |  |" in goals


def test_negatives_that_the_data_explain_are_counted_apart() -> None:
    alarm, quiet = result("clean", [], [finding(0, "B", {})]), result("clean", [], [], seed=1)
    alarm["own"] = [{"name": "white margin", "output": 0, "fe": 0.4, "n": 50}]
    table = negatives_table(models([alarm, quiet]))
    assert "| clean | 2 | 1 | 0.50 (0.09 to 0.91) | 1 | 0.0 |" in table
    alarm["own"][0]["fe"] = 0.1
    assert "| clean | 2 | 1 | 0.50 (0.09 to 0.91) | 0 | 0.0 |" in negatives_table(
        models([alarm]) + models([quiet])
    )


def test_hours_are_of_what_was_measured() -> None:
    cases = [Case(BUILT_IN, net, seed, "clean") for net in ("plain", "vit") for seed in range(3600)]
    table = hours_table([result("clean", [], [])], cases)
    assert "| plain | 64 | 3600 | 1 | 0 | 1 | 1 |" in table
    assert "| vit | 64 | 3600 | 0 |  |  | not measured |" in table
    assert "1.0 CPU hours" in table


@pytest.mark.parametrize("net", NETS)
def test_a_network_is_the_same_for_one_seed(net: str) -> None:
    first, second, other = (built(net, 6, side=64, seed=seed) for seed in (1, 1, 2))
    one, two, three = (
        torch.cat([value.flatten() for value in model.state_dict().values()]).double()
        for model in (first, second, other)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, three)
    inputs = torch.randn(2, 3, 64, 64)
    last = [each for each in first.modules() if isinstance(each, nn.Linear)][-1]
    with torch.no_grad():
        assert torch.equal(last(features_of(first.eval(), inputs)), first(inputs))


def test_missing_weights_are_asked_for() -> None:
    case = Case(BUILT_IN, "mobilenet", 8, "planted", (Plant("ink", (1,), 0.8),))
    with pytest.raises(FileNotFoundError, match="--weights"):
        trained(case, photographs(BUILT_IN, None), Shelf())


def stub(features: np.ndarray, labels: np.ndarray, prediction: np.ndarray) -> Any:
    """Return what the two baselines of the last layer read."""
    layer = nn.Linear(features.shape[1], 2)
    with torch.no_grad():
        layer.weight.copy_(torch.ones(2, features.shape[1]))
    logits = np.eye(2)[prediction] * 4
    rows = {
        output: np.flatnonzero((labels == output) & (prediction == output)) for output in (0, 1)
    }
    return SimpleNamespace(
        outputs=[0, 1],
        features=features,
        members=lambda output: rows[output],
        subject=SimpleNamespace(model=nn.Sequential(layer)),
        samples=SimpleNamespace(labels=labels, prediction=prediction, logits=logits),
    )


def test_a_component_that_other_classes_have_too_is_the_suspicious_one() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    features = np.abs(generator.normal(1, 0.1, (120, 8)))
    carries = np.zeros(120, dtype=bool)
    carries[:20] = carries[60:80] = True  # The mark, on a third of both classes.
    features[carries, 3] += 2
    features[:60, 5] += generator.uniform(0, 3, 60)  # What only class 0 has.
    found = class_components(stub(features, labels, labels))
    assert roc_auc_score(carries[:60], found[0].members) > 0.95


def test_members_like_the_mistaken_pictures_score_high() -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1], 60)
    features = generator.normal(0, 0.1, (120, 6))
    features[60:, 1] += 3
    features[:20, 2] += 3
    features[60:75, 2] += 3  # Of class 1 with the mark of class 0, and taken for it.
    prediction = labels.copy()
    prediction[60:75] = 0
    found = error_slices(stub(features, labels, prediction))
    assert roc_auc_score(np.arange(60) < 20, found[0].members) > 0.9
    assert found[0].suspicion > found[1].suspicion
