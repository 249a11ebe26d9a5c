"""TIFF files of any number of bands, by tifffile: an optional extra."""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Shaped

from auditor.subject.limits import MAX_DECODED, MAX_PIXELS, Unreadable

EXTRA = "pip install 'concept-auditor[tiff]'"


def band_count(data: bytes) -> int:
    """Return how many bands a TIFF holds.

    Raises:
        Unreadable: it cannot be read, or tifffile is not installed.
    """
    return _described(data)[0]


def size_of(data: bytes) -> tuple[int, int]:
    """Return (height, width) of a TIFF.

    Raises:
        Unreadable: as `band_count`.
    """
    return _described(data)[1]


def read_tiff(data: bytes) -> Shaped[np.ndarray, "band height width"]:
    """Return the values of the bands of a TIFF: its samples, or its pages of one size.

    Raises:
        Unreadable: it holds something else, costs too much, or tifffile is not installed.
    """
    with _first_series(data) as series:
        _, axis = _layout(series)
        values = np.asarray(series.asarray(maxworkers=1)).reshape(series.shape)
    return values[None] if axis is None else np.moveaxis(values, axis, 0)


def _described(data: bytes) -> tuple[int, tuple[int, int]]:
    with _first_series(data) as series:
        count, axis = _layout(series)
        shape = [int(side) for at, side in enumerate(series.shape) if at != axis]
    return count, (shape[0], shape[1])


@contextmanager
def _first_series(data: bytes) -> Iterator[Any]:
    """Open a file's first picture; whatever goes wrong becomes a reason."""
    tifffile = _tifffile()
    log = logging.getLogger("tifffile")
    before, log.disabled = log.disabled, True
    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            yield file.series[0]
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # decoders raise nearly anything on damaged files
        packed = re.search(r"COMPRESSION\.(\w+)", str(error))
        why = f"compressed by {packed[1]}, which is not read" if packed else type(error).__name__
        raise Unreadable(f"cannot be decoded ({why})") from None
    finally:
        log.disabled = before


def _layout(series: Any) -> tuple[int, int | None]:
    """Return how many bands there are, and along which axis."""
    shape = tuple(int(side) for side in series.shape)
    if prod(shape) * series.dtype.itemsize > MAX_DECODED or prod(shape[-2:]) > MAX_PIXELS:
        raise Unreadable(f"would take more than the {MAX_DECODED / 1e6:,.0f} MB allowed to decode")
    if series.dtype.kind not in "uif":
        raise Unreadable(f"holds {series.dtype} numbers, which are no picture")
    if len(shape) == 2:
        return 1, None
    axes = str(series.axes)
    if len(shape) == 3 and axes.endswith("YX"):
        return shape[0], 0
    if len(shape) == 3 and axes.startswith("YX"):
        return shape[2], 2
    raise Unreadable(f"holds {' x '.join(map(str, shape))} values, which are not bands x pixels")


def _tifffile() -> ModuleType:
    try:
        return importlib.import_module("tifffile")
    except ImportError:
        raise Unreadable(f"is a TIFF whose bands need an extra: {EXTRA}") from None
