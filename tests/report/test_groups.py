"""The worst group: found among classes and values, with an interval that holds for all at once."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.records.stages import Manifest, Samples
from auditor.report.sections import groups as module
from auditor.report.sections.groups import groups
from auditor.shortcuts.statistics import wilson


def samples(rng: np.random.Generator, n: int = 400, **metadata: list[str]) -> Samples:
    labels = rng.integers(0, 2, n)
    valid = rng.random(n) < 0.9
    prediction = np.where(rng.random(n) < 0.8, labels, 1 - labels)
    return Samples(
        manifest=Manifest(
            paths=tuple(map(str, range(n))),
            labels=labels,
            classes=("land", "water"),
            metadata={name: tuple(values) for name, values in metadata.items()},
        ),
        valid=valid,
        quarantine=tuple(None if each else "broken" for each in valid),
        logits=np.zeros((n, 2), dtype=np.float32),
        prediction=prediction,
        target=labels,
        discovery=np.zeros(n, dtype=bool),
    )


def test_every_group_is_a_class_with_values() -> None:
    rng = np.random.default_rng(0)
    place = [str(each) for each in rng.choice(["sea", "wood", ""], 400, p=[0.6, 0.37, 0.03])]
    hour = [str(each) for each in rng.choice(["day", "night"], 400, p=[0.985, 0.015])]
    given = samples(rng, place=place, hour=hour)
    table = groups(given, ["place", "hour"])
    assert table is not None
    expected, small, seen = {}, 0, 0
    for label, where, when in itertools.product((0, 1), ("sea", "wood"), ("day", "night")):
        rows = [
            row
            for row in range(400)
            if (given.labels[row], place[row], hour[row]) == (label, where, when)
        ]
        seen += bool(rows)
        used = [row for row in rows if given.valid[row]]
        if len(used) < 8:
            small += bool(rows)
            continue
        right = sum(given.prediction[row] == label for row in used)
        name = f"'{given.manifest.classes[label]}', place = {where}, hour = {when}"
        expected[name] = wilson(right, len(used))
    assert {str(row.value): row.accuracy for row in table.rows} == expected
    assert (table.small, table.groups) == (small, seen)
    assert small > 0
    assert table.unknown == place.count("")
    values = [row.accuracy.value for row in table.rows]
    assert values == sorted(values)
    assert table.worst is not None
    assert table.worst.value == values[0]
    assert table.worst.low < min(row.accuracy.low for row in table.rows)


def test_the_interval_of_the_worst_group_holds_for_all_at_once() -> None:
    """The truly worst of 8 groups is in it in 95 % of audits; a plain interval's is not."""
    rng = np.random.default_rng(1)
    truth, trials = 0.8, 300
    held = plain = 0
    for right in rng.binomial(40, truth, (trials, 8)):
        counts = [(int(each), 40) for each in right]
        worst = module._worst(counts)
        held += worst.low <= truth <= worst.high
        single = min((wilson(*each) for each in counts), key=lambda each: each.value)
        plain += single.low <= truth <= single.high
    assert held / trials >= 0.93
    assert plain / trials < 0.9


def test_columns_called_groups_are_found_and_others_have_to_be_named() -> None:
    rng = np.random.default_rng(2)
    halves = ["a", "b"] * 200
    assert groups(samples(rng, camera=halves), None) is None
    assert groups(samples(rng, Group_ID=halves, camera=halves), None).columns == ["Group_ID"]
    assert groups(samples(rng, Group_ID=halves, camera=halves), ["camera"]).columns == ["camera"]


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([str(each) for each in range(400)], "no group has 8 pictures"),
        ([""] * 400, "no group has 8 pictures"),
    ],
)
def test_groups_that_cannot_be_judged_say_why(values: list[str], note: str) -> None:
    table = groups(samples(np.random.default_rng(3), group=values), None)
    assert table.worst is None
    assert str(table.note) == note


def test_too_many_groups_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GROUPS", 3)
    table = groups(samples(np.random.default_rng(4), group=["a", "b"] * 200), None)
    assert (table.worst, table.rows, str(table.note)) == (None, [], "there are 4 groups")
