"""Same seed, same JSON: the whole search twice, and with another number of threads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import LayerRelevance
from auditor.run.codec import save_record
from tests.causal.worlds import WideModel, World, world

CONFIG = ShortcutConfig(permutations=300, per_class=2, targets=24)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@pytest.fixture(scope="module")
def subject() -> World:
    return world(per_class=48, model=WideModel(6.0, turned=1))


def relevance_of(subject: World) -> LayerRelevance:
    """Return what the pass finds at the layer of eight channels."""
    inputs = subject.load(range(len(subject.labels)))
    totals = subject.probe().explainer.statistics(inputs, ("mixed",)).layers["mixed"]
    return LayerRelevance(
        "mixed",
        totals.size,
        totals.relevance.numpy(),
        totals.peak.numpy(),
        totals.activation.numpy(),
        cuts=True,
    )


def searched(subject: World, folder: Path, *, seed: int = 0) -> Path:
    """Run the search with all proposals and store its report in a new folder, which is returned."""
    leading = dict.fromkeys((0, 1, 2), ("mixed", (0, 3)))
    relevance = relevance_of(subject)
    report = find_shortcuts(subject.search(leading, config=CONFIG, seed=seed, relevance=relevance))
    folder.mkdir()
    save_record(folder, report)
    return folder


def stored(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def alike(first: Any, second: Any) -> bool:
    """Say whether two values from JSON are the same but for the last digits of numbers."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(alike(first[k], second[k]) for k in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(alike, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return first == pytest.approx(second, rel=1e-3, abs=1e-4)
    return bool(first == second)


def test_the_same_seed_stores_the_same_bytes(subject: World, tmp_path: Path) -> None:
    first = searched(subject, tmp_path / "first")
    assert b'"A"' in stored(first)["record.json"]  # there is something that could differ
    assert stored(searched(subject, tmp_path / "again")) == stored(first)
    assert stored(searched(subject, tmp_path / "other seed", seed=1)) != stored(first)


def test_another_number_of_threads_changes_only_the_last_digits(
    subject: World, tmp_path: Path
) -> None:
    """Sums are taken in another order, so the bytes are not promised; all that is said is."""
    one = searched(subject, tmp_path / "one thread")
    with threads(2):
        two = searched(subject, tmp_path / "two threads")
    texts = [json.loads((folder / "record.json").read_text()) for folder in (one, two)]
    assert alike(*texts)
    names = [sorted(stored(folder)) for folder in (one, two)]
    assert names[0] == names[1]
    for name in names[0]:
        if name.endswith(".npy"):
            np.testing.assert_allclose(np.load(one / name), np.load(two / name), atol=1e-4)
