"""Thresholds chosen on the models of even seeds and judged on those of odd seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.shortcuts.summary import Model

NEGATIVES = ("clean", "balanced", "training only")


@dataclass(frozen=True)
class Judged:
    """A method's threshold from one half, and its hits and false alarms on the other half.

    Pairs are (count, of how many models).
    """

    method: str
    threshold: float
    positives: tuple[int, int]
    clean: tuple[int, int]
    balanced: tuple[int, int]
    training_only: tuple[int, int]


def halves(models: Sequence[Model]) -> tuple[list[Model], list[Model]]:
    """Return the models of even seeds, and those of odd seeds."""
    return [m for m in models if m.seed % 2 == 0], [m for m in models if m.seed % 2 == 1]


def choose(models: Sequence[Model], method: str) -> float | None:
    """Return the threshold with the largest share of positives above less share of negatives.

    A model is called when its score is at least the threshold; of equal ones the largest. None
    without positives or without negatives.
    """
    positive = [m.scores[method] for m in models if m.kind == "positive"]
    negative = [m.scores[method] for m in models if m.kind in NEGATIVES]
    if not positive or not negative:
        return None

    def gain(threshold: float) -> float:
        hits = sum(score >= threshold for score in positive) / len(positive)
        alarms = sum(score >= threshold for score in negative) / len(negative)
        return hits - alarms

    return max(sorted({*positive, *negative}, reverse=True), key=gain)


def judge(models: Sequence[Model], method: str) -> Judged | None:
    """Return what the threshold of the even seeds does on the odd seeds."""
    fitted, reported = halves(models)
    threshold = choose(fitted, method)
    if threshold is None:
        return None

    def count(kind: str) -> tuple[int, int]:
        scores = [m.scores[method] for m in reported if m.kind == kind]
        return sum(score >= threshold for score in scores), len(scores)

    return Judged(
        method, threshold, count("positive"), count("clean"), count("balanced"),
        count("training only"),
    )  # fmt: skip
