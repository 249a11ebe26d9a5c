"""Fold conditions into the batch axis: which image each row of the reverse sweep belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from auditor.relevance.graph.graph import FIRST, Batch


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

    def gather(self, values: Tensor, batch: Batch = FIRST) -> Tensor:
        """Return per-image values for every row, as a view where possible."""
        if self.one_to_one:
            return values
        if batch == FIRST:
            return self._rows(values, 0)
        split = _split(values, batch)
        return self._rows(split, batch.axis + 1).flatten(batch.axis, batch.axis + 2)

    def _rows(self, values: Tensor, axis: int) -> Tensor:
        if len(set(self.samples)) == 1:
            first = values.narrow(axis, self.samples[0], 1)
            return first.expand(*values.shape[:axis], len(self.samples), *values.shape[axis + 1 :])
        return values.index_select(axis, torch.tensor(self.samples, device=values.device))

    def scale(
        self,
        coefficient: Tensor,
        factor: Tensor,
        *,
        in_place: bool,
        shared: bool = False,
        batch: Batch = FIRST,
    ) -> Tensor:
        """Multiply the rows of c by a factor that is per image, or ``shared`` by all of them.

        A factor per image has as many axes as c, and its images on the same axis.
        """
        if shared or self.one_to_one:
            return coefficient.mul_(factor) if in_place else coefficient * factor
        axis, times = batch.axis, batch.times
        result = coefficient if in_place else coefficient.clone()
        if times != 1:
            rows, images = _split(result, batch), _split(factor, batch)
            for start, stop, image in runs(self.samples):
                rows.narrow(axis + 1, start, stop - start).mul_(images.narrow(axis + 1, image, 1))
            return result
        for start, stop, image in runs(self.samples):
            result.narrow(axis, start, stop - start).mul_(factor.narrow(axis, image, 1))
        return result


def _split(values: Tensor, batch: Batch) -> Tensor:
    """Return a view with the images on an axis of their own, after that of the outer blocks."""
    axis, inner = batch.axis, batch.times // batch.outer
    return values.view(*values.shape[:axis], batch.outer, -1, inner, *values.shape[axis + 1 :])


def runs(samples: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, image) for each run of equal entries."""
    start = 0
    for image, group in groupby(samples):
        stop = start + len(list(group))
        yield start, stop, image
        start = stop
