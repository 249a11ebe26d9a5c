"""What is no number never gets into a shard: its sample is set aside, with the reason."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from auditor.base.errors import IntegrityError
from auditor.relevance.over_data import collect
from auditor.relevance.over_data.collect import PassPlan, collect_shard, merge, shards_of

ROWS, CHANNELS = 6, 4
PLAN = PassPlan(layers=("a",), target="prediction", batch=4, shard=3)


class Subject:
    """Six pictures of two classes."""

    manifest = SimpleNamespace(classes=("x", "y"), labels=np.zeros(ROWS, int), several=None)

    def sift(self, rows: Sequence[int]) -> tuple[SimpleNamespace, dict[int, str]]:
        inputs = torch.tensor([[[[float(row)]]] for row in rows])
        return SimpleNamespace(rows=tuple(rows), inputs=inputs), {}


class Pictures(list):
    classes, labels = Subject.manifest.classes, Subject.manifest.labels
    several = None


class Explainer:
    """Gives every picture its row number everywhere, and one value of one row something else."""

    def __init__(self, where: str, row: int, value: float) -> None:
        self.where, self.row, self.value = where, row, value

    def channels(self, name: str) -> int:
        return CHANNELS

    def non_finite(self, images: torch.Tensor, targets: torch.Tensor) -> list[None]:
        return [None] * len(images)

    def statistics(self, images: torch.Tensor, layers: object, targets: object) -> SimpleNamespace:
        rows = images.reshape(-1)

        def filled(name: str, width: int) -> torch.Tensor:
            values = rows[:, None].repeat(1, width) + 1
            if name == self.where:
                values[rows == self.row, 1] = self.value
            return values

        totals = SimpleNamespace(
            relevance=filled("relevance", CHANNELS),
            activation=filled("activation", CHANNELS),
            peak=torch.zeros(len(rows), CHANNELS, dtype=torch.int64),
            size=(1, 1),
        )
        targets = torch.zeros(len(rows), dtype=torch.int64)
        return SimpleNamespace(logits=filled("logits", 2), targets=targets, layers={"a": totals})


@pytest.fixture(autouse=True)
def plain_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    blank = torch.zeros(1, 256, dtype=torch.uint8)
    monkeypatch.setattr(collect, "fingerprints", lambda images: blank.repeat(len(images), 1))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("where", ["logits", "relevance", "activation"])
@pytest.mark.parametrize("row", [0, 4])
def test_a_sample_with_no_number_is_set_aside(where: str, value: float, row: int) -> None:
    explainer = Explainer(where, row, value)
    found = collect_shard(explainer, Subject(), PLAN, range(ROWS), lambda _: None)
    assert found["valid"].tolist() == [each != row for each in range(ROWS)]
    assert list(json.loads(str(found["reasons"]))) == [str(row)]
    for name, values in found.items():
        if values.dtype.kind == "f":
            assert np.isfinite(values).all(), name
            assert not values[row].any(), name
            assert values[1].tolist() == [2.0] * values.shape[1], name


class Slow(Subject):
    """Takes longest over the batch that is asked for first, and says who read what."""

    def __init__(self) -> None:
        self.readers: set[int] = set()

    def sift(self, rows: Sequence[int]) -> tuple[SimpleNamespace, dict[int, str]]:
        time.sleep(0.05 if rows[0] == 0 else 0)
        self.readers.add(threading.get_ident())
        return super().sift(rows)


@pytest.mark.parametrize("loaders", [1, 3])
def test_loader_threads_change_no_number(loaders: int) -> None:
    plan = replace(PLAN, batch=1)
    explainer: Any = Explainer("none", -1, 0.0)
    plain = collect_shard(explainer, Subject(), plan, range(ROWS), lambda _: None)
    slow = Slow()
    done: list[int] = []
    found = collect_shard(explainer, slow, plan, range(ROWS), done.append, loaders=loaders)
    assert found.keys() == plain.keys()
    assert all(np.array_equal(found[name], plain[name]) for name in plain)
    assert done == [1] * ROWS
    assert threading.get_ident() not in slow.readers


def test_what_a_loader_thread_cannot_read_stops_the_pass() -> None:
    class Broken(Subject):
        def sift(self, rows: Sequence[int]) -> tuple[SimpleNamespace, dict[int, str]]:
            if 3 in rows:
                raise IntegrityError("row 3 was changed")
            return super().sift(rows)

    plan = replace(PLAN, batch=1)
    explainer: Any = Explainer("none", -1, 0.0)
    with pytest.raises(IntegrityError, match="row 3"):
        collect_shard(explainer, Broken(), plan, range(ROWS), lambda _: None, loaders=2)


@pytest.mark.parametrize("planned", [2 * ROWS, ROWS])
def test_shards_of_other_rows_are_refused(planned: int) -> None:
    subject: Any = Subject()
    subject.manifest = Pictures(range(ROWS))
    explainer: Any = Explainer("nowhere", 0, 0.0)
    shards = shards_of(explainer, subject, PLAN)
    manifest: Any = Pictures(range(planned))
    with pytest.raises(IntegrityError, match="shard"):
        merge(shards[::-1], manifest, PLAN, np.ones(planned, bool), [True])
