"""The numerical settings that the engine computes under, put back afterwards."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

# Options of glibc's mallopt (malloc.h). Older versions refuse more than 32 MiB for the second.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
TRIM_BYTES, MMAP_BYTES, OLD_MMAP_BYTES = (1 << 31) - 1, 1 << 30, 1 << 25


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Compute without gradients, and on a GPU in full float32 with repeatable convolutions."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        if device.type == "cuda":
            stack.enter_context(
                torch.backends.cudnn.flags(
                    enabled=True, benchmark=False, deterministic=True, allow_tf32=False
                )
            )
        yield


def keep_memory() -> bool:
    """Keep freed memory in the process instead of handing large blocks back; tell if it could.

    Feature maps are large: the C library would give each back to the system when it is freed, and
    the system would clear it again for the next. For the command line only: the setting holds for
    the whole process and cannot be read, so that it could not be put back. Only glibc has it.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    mapped = any(library.mallopt(MMAP_THRESHOLD, size) for size in (MMAP_BYTES, OLD_MMAP_BYTES))
    return bool(library.mallopt(TRIM_THRESHOLD, TRIM_BYTES)) and mapped
