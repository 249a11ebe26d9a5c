"""One row of the engine's benchmark, and how large the measured work is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How large the measured work is; ``peer_concepts`` of the concepts are timed for the peer."""

    runs: int
    size: int
    concepts: int
    peer_concepts: int
    peer_batches: tuple[int, ...]
    images: int


@dataclass(frozen=True)
class Row:
    """A measure of ours beside another's, and what the ratio should reach."""

    measure: str
    ours: float
    other: float
    unit: str
    against: str
    ratio: float
    goal: str

    @classmethod
    def faster(
        cls, measure: str, ours: float, other: float, unit: str, against: str, goal: str
    ) -> Row:
        """Return a row whose ratio is how many times faster we are."""
        return cls(measure, round(ours, 2), round(other, 2), unit, against,
                   round(other / ours, 2), goal)  # fmt: skip

    @classmethod
    def over(
        cls, measure: str, ours: float, other: float, unit: str, against: str, goal: str
    ) -> Row:
        """Return a row whose ratio is how many times the other's cost ours is."""
        return cls(measure, round(ours, 2), round(other, 2), unit, against,
                   round(ours / other, 2), goal)  # fmt: skip
