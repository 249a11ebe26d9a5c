"""Fold conditions into the batch axis: which image each row of the reverse sweep belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from torch import Tensor


@dataclass(frozen=True)
class Fold:
    """P rows of a reverse sweep over B images: row p explains image ``samples[p]``.

    What belongs to the image (multipliers, indices) exists once per image and is shared by all
    its rows. Rows of one image should stand together: each run of them is one operation.
    """

    samples: tuple[int, ...]
    images: int

    @classmethod
    def one_each(cls, images: int) -> Fold:
        """Return the fold with exactly one row per image."""
        return cls(tuple(range(images)), images)

    @property
    def one_to_one(self) -> bool:
        """Tell whether row p is image p."""
        return self.samples == tuple(range(self.images))

    def gather(self, values: Tensor) -> Tensor:
        """Return per-image values (B, ...) for every row (P, ...), as a view where possible."""
        if self.one_to_one or values.shape[0] != self.images:
            return values
        if len(set(self.samples)) == 1:
            first = values.narrow(0, self.samples[0], 1)
            return first.expand(len(self.samples), *values.shape[1:])
        return values[list(self.samples)]

    def scale(self, coefficient: Tensor, factor: Tensor, *, in_place: bool) -> Tensor:
        """Multiply rows (P, ...) by a factor that is per image (B, ...) or the same for all."""
        shared = factor.dim() < coefficient.dim() or factor.shape[0] == 1
        if shared or self.one_to_one:
            return coefficient.mul_(factor) if in_place else coefficient * factor
        result = coefficient if in_place else coefficient.clone()
        for start, stop, image in runs(self.samples):
            result[start:stop].mul_(factor[image : image + 1])
        return result


def runs(samples: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, image) for each run of equal entries."""
    start = 0
    for image, group in groupby(samples):
        stop = start + len(list(group))
        yield start, stop, image
        start = stop
