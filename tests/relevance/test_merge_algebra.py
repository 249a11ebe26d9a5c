"""However shards are cut, in whatever order and how often they are done: one merge."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.base.errors import IntegrityError
from auditor.records.stages import Manifest
from auditor.relevance.over_data.collect import PassPlan, merge
from auditor.run.codec import Stacked, save_record
from auditor.run.folder import open_run
from auditor.run.tasks import Done, Job, Task, commit, each

CLASSES, CHANNELS = 3, 2
Shard = Mapping[str, np.ndarray]


def table_of(rows: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return what the pass finds in so many pictures, of which some, all or none can be used."""
    valid = rng.random(rows) < rng.choice([0.0, 0.5, 1.0])
    logits, relevance = (
        rng.normal(size=(rows, width)).astype(np.float32) * valid[:, None]
        for width in (CLASSES, CHANNELS)
    )
    return {
        "valid": valid,
        "logits": logits,
        "target": rng.integers(0, CLASSES, rows) * valid,
        "fingerprint": rng.integers(0, 255, (rows, 256)).astype(np.uint8),
        "relevance.0": relevance,
        "activation.0": relevance * 2,
        "peak.0": rng.integers(0, 9, (rows, CHANNELS)).astype(np.int32),
    }


def shard_of(table: dict[str, np.ndarray], rows: range) -> dict[str, np.ndarray]:
    """Return the shard of some rows; one without a usable picture does not know the map's size."""
    cut = {name: values[rows.start : rows.stop] for name, values in table.items()}
    reasons = {row: f"row {row}" for row in rows if not table["valid"][row]}
    return cut | {
        "rows": np.arange(rows.start, rows.stop),
        "reasons": np.array(json.dumps(reasons, sort_keys=True)),
        "size.0": np.array([3, 4] if cut["valid"].any() else [0, 0]),
    }


class Nobody:
    """An executor that does nothing: what others left is all there is."""

    def __call__(self, job: Job) -> Iterator[Done]:
        return iter(())

    def close(self) -> None:
        return None


class Case:
    """A table of random values, cut into shards anyhow."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows = int(self.rng.integers(1, 13))
        self.table = table_of(self.rows, self.rng)
        self.plan = PassPlan(("a",), "prediction", 4, int(self.rng.integers(1, self.rows + 1)))
        self.shards = [shard_of(self.table, rows) for rows in self.plan.ranges(self.rows)]

    def merge(self, shards: Sequence[Shard], plan: PassPlan | None = None, **how: Any) -> Any:
        names = tuple(f"{row}.jpg" for row in range(self.rows))
        manifest = Manifest(names, np.zeros(self.rows, dtype=np.int64), ("x", "y", "z"))
        return merge(shards, manifest, plan or self.plan, np.ones(self.rows, bool), [True], **how)

    def whole(self) -> Any:
        """Return the merge of the table in one piece."""
        plan = replace(self.plan, shard=self.rows)
        return self.merge([shard_of(self.table, range(self.rows))], plan)


class Run:
    """A run folder in which the shards of a case are done by several workers."""

    def __init__(self, case: Case, folder: Path) -> None:
        self.case, self.folder = case, folder
        created = "2026-01-02T03:04:05Z"
        self.run = open_run(folder, "a", f"{case.rows:064}", created=created, facts={})
        self.tasks = [
            Task("pass", f"shard-{index:05d}", {}, "0" * 64) for index in range(len(case.shards))
        ]

    def do(self, left_out: int | None = None) -> None:
        """Have the shards done in any order, some of them more than once."""
        rng, count = self.case.rng, len(self.tasks)
        again = rng.integers(0, count, rng.integers(0, 3))
        for index in rng.permutation([*range(count), *again]):
            if index != left_out:
                commit(self.run.path, self.tasks[index], self.case.shards[index])

    def merged(self) -> dict[str, str]:
        """Return the digest of each file of the merge, as an audit makes it."""
        records = each(self.run, self.tasks, print, Nobody(), None, lambda _: None)
        return files_of(self.folder / "merged", self.case.merge(records, join=Stacked.of))


def files_of(folder: Path, record: object) -> dict[str, str]:
    folder.mkdir()
    return save_record(folder, record)


def same(one: Any, other: Any) -> bool:
    """Say whether two records are the same bytes."""
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if is_dataclass(one):
        return all(same(getattr(one, each.name), getattr(other, each.name)) for each in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def test_2000_ways_to_cut_a_table_are_merged_to_the_same_bytes() -> None:
    for seed in range(2000):
        case = Case(seed)
        assert same(case.merge(case.shards), case.whole()), seed


def test_2000_sets_of_shards_that_are_not_those_planned_are_refused() -> None:
    for seed in range(2000):
        case = Case(seed)
        count, rng = len(case.shards), case.rng
        chosen = [int(index) for index in rng.integers(0, count, rng.integers(0, count + 2))]
        if chosen == list(range(count)):
            continue
        with pytest.raises(IntegrityError) as error:
            case.merge([case.shards[index] for index in chosen])
        assert error.value.exit_code == 5


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)


@pytest.mark.parametrize("seed", range(12))
def test_shards_done_in_any_order_and_twice_are_merged_to_the_same_bytes(
    tmp_path: Path, seed: int
) -> None:
    case = Case(seed)
    run = Run(case, tmp_path / "runs")
    run.do()
    assert run.merged() == files_of(tmp_path / "whole", case.whole())


@pytest.mark.parametrize("seed", range(6))
def test_a_missing_shard_is_named(tmp_path: Path, seed: int) -> None:
    run = Run(Case(seed), tmp_path)
    gone = int(run.case.rng.integers(len(run.tasks)))
    run.do(left_out=gone)
    with pytest.raises(IntegrityError, match=f"'shard-{gone:05d}' of stage 'pass' is not there"):
        run.merged()


@pytest.mark.parametrize("name", ["logits", "relevance.0", "peak.0", "fingerprint", "reasons"])
def test_a_conflicting_shard_is_named(tmp_path: Path, name: str) -> None:
    case = Case(len(name))
    run = Run(case, tmp_path)
    run.do()
    index = len(run.tasks) - 1
    other = case.shards[index][name]
    changed = np.array("{}  ") if name == "reasons" else other + 1
    with pytest.raises(IntegrityError, match=f"'shard-{index:05d}' of .* came out differently"):
        commit(run.run.path, run.tasks[index], case.shards[index] | {name: changed})
