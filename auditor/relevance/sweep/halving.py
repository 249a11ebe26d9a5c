"""Run a batch, and halve it where memory runs short: the one place that knows what that looks like.

A CPU raises MemoryError (Python, numpy) or a RuntimeError of torch's allocator, CUDA an error of
its own. Each image is computed by itself, so the parts of a batch are the batch; only the order in
which a kernel adds may differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from auditor.base.errors import StoppedError
from auditor.base.shortage import cut_to, first_size

T = TypeVar("T")
# What torch says in place of an error of its own kind: its CPU allocator on Linux and Windows, the
# standard library, cuDNN and cuBLAS, and Apple's GPUs.
_SAYS_SO = re.compile(
    r"DefaultCPUAllocator: (can't allocate|not enough) memory|std::bad_alloc|_STATUS_ALLOC_FAILED"
    r"|backend out of memory"
)


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran short."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and _SAYS_SO.search(str(error)) is not None


def in_halves(work: Callable[[slice], T], count: int, *, of_picture: int = 1) -> list[T]:
    """Return what ``work`` gives for the parts of a batch of ``count``, in order.

    That is one part, the whole, unless memory runs short: then it is halved until it fits.
    ``of_picture``: so many of the batch belong to each picture. ``work`` may be called again for
    what it was in the middle of.

    Raises:
        StoppedError: there is not enough memory for one alone.
    """
    parts: list[T] = []
    size, start = max(1, first_size(count)), 0
    if size < count:
        cut_to(max(1, size // of_picture))
    while not parts or start < count:
        stop = min(start + size, count)
        try:
            parts.append(work(slice(start, stop)))
        except Exception as error:
            if not out_of_memory(error):
                raise
            if stop - start <= 1:
                raise _too_little(error) from error
        else:
            start = stop
            continue
        # Here the error is gone, and with it the memory that its frames held.
        size = (stop - start) // 2
        cut_to(max(1, size // of_picture))
        torch.cuda.empty_cache()
    return parts


def joined(parts: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Return the parts of a batch as one tensor; a single part as it is."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim=axis)


def _too_little(error: Exception) -> StoppedError:
    said = next(iter(str(error).splitlines()), "") or type(error).__name__
    return StoppedError(
        f"there is not enough memory for one picture alone ({said[:200]}). Free some, set fewer "
        "run.workers or a smaller preprocess.crop, or take a machine with more; then run the same "
        "command again: it goes on from here."
    )
