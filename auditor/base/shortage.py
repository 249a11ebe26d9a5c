"""How many pictures went through the model at once where memory ran short.

The work tells it, and whoever had the work done keeps it; nothing between them has to know.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Cuts:
    """The sizes that batches were cut to; ``divisor``: into how many parts each is cut at once."""

    divisor: int = 1
    sizes: list[int] = field(default_factory=list)

    @property
    def smallest(self) -> int | None:
        """Return the smallest batch that had to do, None where none was cut."""
        return min(self.sizes, default=None)


_CUTS: ContextVar[Cuts | None] = ContextVar("cuts", default=None)


@contextmanager
def cuts_of_batches(divisor: int = 1) -> Iterator[Cuts]:
    """Give what batches are cut to inside of the block, where ``divisor`` cuts all of them."""
    cuts = Cuts(divisor)
    token = _CUTS.set(cuts)
    try:
        yield cuts
    finally:
        _CUTS.reset(token)


def first_size(count: int) -> int:
    """Return how many of ``count`` are to be tried at once."""
    cuts = _CUTS.get()
    return count if cuts is None else -(-count // cuts.divisor)


def cut_to(size: int) -> None:
    """Tell that a batch was cut to so many pictures."""
    cuts = _CUTS.get()
    if cuts is not None:
        cuts.sizes.append(size)


def shortage_note(sizes: Mapping[str, int]) -> str:
    """Say to what the batches of stages were cut, and what that may change."""
    cut = ", ".join(f"{size} in stage '{stage}'" for stage, size in sorted(sizes.items()))
    return (
        f"the batch was halved to {cut}: memory ran short; sums of another batch may differ in the "
        "last digit"
    )
