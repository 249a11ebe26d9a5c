"""Fold conditions into the batch axis: which image each row of the reverse sweep belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from auditor.relevance.graph import FIRST, Batch


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
        axis, times = batch.axis, batch.times
        split = _split(values, axis, times)
        return self._rows(split, axis).flatten(axis, axis + 1)

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
        for start, stop, image in runs(self.samples):
            part = result.narrow(axis, start * times, (stop - start) * times)
            own = factor.narrow(axis, image * times, times)
            if times == 1:
                part.mul_(own)
            else:
                _split(part, axis, times).mul_(own.unsqueeze(axis))
        return result


def _split(values: Tensor, axis: int, times: int) -> Tensor:
    """Return a view with an axis of its own for the images."""
    return values.view(*values.shape[:axis], -1, times, *values.shape[axis + 1 :])


def runs(samples: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (start, stop, image) for each run of equal entries."""
    start = 0
    for image, group in groupby(samples):
        stop = start + len(list(group))
        yield start, stop, image
        start = stop
