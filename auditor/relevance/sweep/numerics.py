"""The numerical settings that the engine computes under, put back afterwards."""

from __future__ import annotations

import ctypes
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

# Options of glibc's mallopt (malloc.h). Older versions refuse more than 32 MiB for the second.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
TRIM_BYTES, MMAP_BYTES, OLD_MMAP_BYTES = (1 << 31) - 1, 1 << 30, 1 << 25
# Where torch keeps how exactly it computes in float32, the general first: 'none' stands for what
# the more general says.
PRECISIONS = (
    ("generic", "all"),
    *((backend, "all") for backend in ("cuda", "mkldnn")),
    *(
        (backend, operation)
        for backend in ("cuda", "mkldnn")
        for operation in ("conv", "rnn", "matmul")
    ),
)
# What else the user's code may have set: how it is read and written, and what it is to be. Torch's
# own context managers read all precisions too, which fails where the old and the new disagree.
SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], object], Any], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    (torch._C._get_cudnn_enabled, torch._C._set_cudnn_enabled, True),
    (torch._C._get_cudnn_benchmark, torch._C._set_cudnn_benchmark, False),
    (torch._C._get_cudnn_deterministic, torch._C._set_cudnn_deterministic, True),
    (torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled, True),
    (torch._C._get_mkldnn_deterministic, torch._C._set_mkldnn_deterministic, True),
)


@contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Compute without gradients, in full float32 and with repeatable convolutions.

    Whatever the user's code set before holds again afterwards.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.no_grad())
        for kind in dict.fromkeys((device.type, "cpu")):
            stack.enter_context(torch.autocast(kind, enabled=False))
        for read, write, wanted in SETTINGS:
            stack.callback(write, read())
            write(wanted)
        stack.enter_context(_full_float32())
        yield


@contextmanager
def _full_float32() -> Iterator[None]:
    """Switch off TF32 and bfloat16 inside float32 operations, by torch's old and new settings.

    The old ones cannot be read while the two disagree, as they may when the user's code used both;
    so the new ones are put aside first.
    """
    with _without_deprecations():
        fine = _put_aside()
        matmul = torch.get_float32_matmul_precision()
        convolutions = _old_tf32_of_convolutions()
        torch.set_float32_matmul_precision("highest")
        torch._C._set_cudnn_allow_tf32(False)
        torch._C._set_fp32_precision_setter("generic", "all", "ieee")
    try:
        yield
    finally:
        with _without_deprecations():
            _put_aside()
            torch.set_float32_matmul_precision(matmul)
            torch._C._set_cudnn_allow_tf32(convolutions)
            for setting, value in fine.items():
                torch._C._set_fp32_precision_setter(*setting, value)


def _put_aside() -> dict[tuple[str, str], str]:
    """Return what every new setting says on its own, and let none say anything."""
    values = {}
    for setting in PRECISIONS:
        values[setting] = torch._C._get_fp32_precision_getter(*setting)
        torch._C._set_fp32_precision_setter(*setting, "none")
    return values


def _old_tf32_of_convolutions() -> bool:
    """Return the old setting of cuDNN, which cannot be read while the new ones say otherwise."""
    try:
        return bool(torch._C._get_cudnn_allow_tf32())
    except RuntimeError:
        return True  # the new ones say no


@contextmanager
def _without_deprecations() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Please use the new API", category=UserWarning)
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
