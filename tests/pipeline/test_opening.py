"""Which classes are audited in depth when there are more than the limit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from auditor.config.audit import Config
from auditor.pipeline.opening import audited_outputs

EACH = 20


def config(**audit: Any) -> Config:
    return Config.model_validate(
        {"version": 1, "model": {"source": "a.py:b"}, "data": {"source": "c"}, "audit": audit}
    )


def samples(wrong: dict[tuple[int, int], int], classes: int = 30, few: tuple[int, ...] = ()) -> Any:
    """Return classes of `EACH` pictures (``few``: of 5); ``wrong`` counts (label, taken for)."""
    labels = np.concatenate([np.full(5 if k in few else EACH, k) for k in range(classes)])
    taken_for = labels.copy()
    for (label, other), count in wrong.items():
        taken_for[np.flatnonzero(labels == label)[:count]] = other
    manifest = SimpleNamespace(several=None)
    valid = np.ones(len(labels), bool)
    return SimpleNamespace(labels=labels, prediction=taken_for, valid=valid, manifest=manifest)


def test_classes_with_most_wrong_decisions_come_first() -> None:
    outputs, left = audited_outputs(config(max_classes=2), samples({(7, 21): 5, (4, 21): 1}))
    assert (outputs, left) == ((7, 21), 28)


def test_where_nothing_tells_classes_apart_the_seed_draws_and_the_first_are_not_preferred() -> None:
    drawn = {
        seed: audited_outputs(config(max_classes=5, seed=seed), samples({}))[0] for seed in (0, 1)
    }
    assert drawn[0] != drawn[1]
    assert drawn[0] == audited_outputs(config(max_classes=5, seed=0), samples({}))[0]
    assert all(max(outputs) > 9 for outputs in drawn.values())


def test_a_class_too_small_to_be_searched_gives_way() -> None:
    outputs, _left = audited_outputs(
        config(max_classes=2), samples({(7, 21): 5, (4, 9): 1}, few=(7,))
    )
    assert 7 not in outputs
    assert 21 in outputs


def test_all_classes_are_audited_where_the_limit_allows_it() -> None:
    assert audited_outputs(config(max_classes=30), samples({(7, 21): 5})) == (tuple(range(30)), 0)
