"""Where memory runs short a batch is halved, and what comes out is what the whole batch gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from auditor.base.errors import ConfigError, StoppedError
from auditor.base.shortage import Cuts, cuts_of_batches
from auditor.relevance.explainer import Explainer
from auditor.relevance.sweep.conditions import Condition
from auditor.relevance.sweep.halving import in_halves, out_of_memory
from tests.relevance.scarce import Short

IMAGES = 7
CPU = "[enforce fail] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8"


def memory() -> Exception:
    return MemoryError()


def allocator() -> Exception:
    return RuntimeError(CPU)


def device() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 8 GiB")


@pytest.fixture(scope="module")
def explainer() -> Explainer:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip
    return Explainer(model, torch.rand(1, 3, 12, 12))


@pytest.fixture(scope="module")
def images() -> Tensor:
    torch.manual_seed(1)
    return torch.rand(IMAGES, 3, 12, 12)


def flat(value: Any) -> Iterator[Tensor]:
    """Yield every tensor of a result."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from flat(each)
    elif hasattr(value, "__dataclass_fields__"):
        yield from flat(vars(value))


@contextmanager
def short(most: int, error: Callable[[], Exception], *, reverse: bool = False) -> Iterator[Cuts]:
    with cuts_of_batches() as cuts, Short(most, error, reverse=reverse):
        yield cuts


CALLS: dict[str, Callable[[Explainer, Tensor], Any]] = {
    "predict": lambda e, x: e.predict(x),
    "activations": lambda e, x: e.activations(x, ("0", "2")),
    "penultimate": lambda e, x: e.penultimate(x),
    "explain": lambda e, x: e.explain(x, None, ("2",)),
    "explain a class": lambda e, x: e.explain(x, torch.arange(IMAGES) % 3, ("0",), heatmap=False),
    "statistics": lambda e, x: e.statistics(x, ("0", "2"), torch.arange(IMAGES) % 3),
    "concepts": lambda e, x: e.conditional_heatmaps(x, "2", [0, (1, 2)]),
    "pairs": lambda e, x: e.paired_heatmaps(x, "2", [3, 0, 3], [0, 1, 2], positions=[None, 2, 5]),
    "conditions": lambda e, x: e.conditional_relevance(
        x, [Condition({"2": 1}), Condition({})], ("0",)
    ),
    "composition": lambda e, x: e.composition(x, [Condition({"2": 1}), Condition({"2": 0})], "0"),
    "upper": lambda e, x: e.upper(x, "0").logits(torch.ones(IMAGES, 4, dtype=torch.bool)),
    "gradient": lambda e, x: e.upper(x, "0").gradient(torch.arange(IMAGES) % 3),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [memory, allocator, device])
def test_a_batch_is_halved_until_it_fits(
    explainer: Explainer, images: Tensor, call: str, error: Callable[[], Exception]
) -> None:
    whole = list(flat(CALLS[call](explainer, images)))
    assert whole
    with short(2, error) as cuts:
        parts = list(flat(CALLS[call](explainer, images)))
    assert cuts.smallest in (1, 2)
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one)


@pytest.mark.parametrize("call", ["explain", "statistics", "concepts", "composition"])
def test_memory_may_run_short_on_the_way_back_only(
    explainer: Explainer, images: Tensor, call: str
) -> None:
    whole = list(flat(CALLS[call](explainer, images)))
    with short(3, memory, reverse=True) as cuts:
        explainer.predict(images)
        assert not cuts.sizes
        parts = list(flat(CALLS[call](explainer, images)))
        assert cuts.sizes
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(other, one)


def test_one_picture_that_is_too_much_says_what_to_do(explainer: Explainer, images: Tensor) -> None:
    with short(0, allocator), pytest.raises(StoppedError, match="for one picture alone") as caught:
        explainer.predict(images)
    assert "run.workers" in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_other_errors_go_through_at_once(explainer: Explainer, images: Tensor) -> None:
    with cuts_of_batches() as cuts:
        with Short(2, lambda: RuntimeError("shapes do not fit")), pytest.raises(RuntimeError):
            explainer.predict(images)
        with pytest.raises(ConfigError, match="7 class indices"):
            explainer.explain(images, torch.zeros(6, dtype=torch.long))
        with pytest.raises(ConfigError):
            explainer.predict(images[:0])
    assert not cuts.sizes


def test_a_batch_can_be_cut_before_it_is_tried() -> None:
    with cuts_of_batches(4) as cuts:
        assert [len(range(16)[part]) for part in in_halves(lambda part: part, 16)] == [4] * 4
        assert [len(range(3)[part]) for part in in_halves(lambda part: part, 3)] == [1, 1, 1]
        in_halves(lambda part: part, 1)
    assert cuts.sizes == [4, 1]


def test_memory_that_really_runs_short_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert out_of_memory(caught.value)
    with pytest.raises(MemoryError):
        bytearray(1 << 60)
