"""DICOM files, by pydicom: an optional extra. Their pixels alone are read, no data of a patient.

Rescale slope and intercept, the window and MONOCHROME1 as DICOM PS3.3 C.11.1 and C.11.2 say; of
several frames the first. What pydicom says of a file may quote its tags, so none of it is shown.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from jaxtyping import Float
from PIL import Image

from auditor.subject.bands import floating, shares
from auditor.subject.depths import Reading
from auditor.subject.limits import MAX_DECODED, MAX_PIXELS, Unreadable

EXTRA = "pip install 'concept-auditor[dicom]'"
DEFLATED = b"1.2.840.10008.1.2.1.99"  # unpacks without a limit
GREYS = ("MONOCHROME1", "MONOCHROME2")


@dataclass(frozen=True)
class _Window:
    low: float
    high: float
    sigmoid: bool = False

    def of(self, values: np.ndarray) -> Float[np.ndarray, "height width"]:
        if not self.sigmoid:
            return shares(values, (self.low, self.high))
        middle, width = (self.low + self.high) / 2, self.high - self.low
        curve: np.ndarray = 1 / (1 + np.exp(-4 * (values.astype(np.float32) - middle) / width))
        return curve


def size_of(data: bytes) -> tuple[int, int]:
    """Return (height, width) of a DICOM file.

    Raises:
        Unreadable: it holds no picture, one that is too large, or pydicom is not installed.
    """
    with _guarded():
        return _checked(_dataset(data, pixels=False))


def read_dicom(data: bytes, reading: Reading) -> Image.Image:
    """Return the picture of a DICOM file: grey as floating numbers of 0 to 255, or 8-bit RGB.

    A window of ``reading`` wins over that of the file.

    Raises:
        Unreadable: it holds no picture, one that is not decoded, or nothing says what is white.
    """
    with _guarded():
        dataset = _dataset(data, pixels=True)
        _checked(dataset)
        kind = str(dataset.get("PhotometricInterpretation", ""))
        values = _pydicom("pydicom.pixels").pixel_array(dataset, index=0)
        if values.ndim == 3 and values.shape[2] == 3 and values.dtype == np.uint8:
            return Image.fromarray(values)
        if kind not in GREYS or values.ndim != 2:
            raise Unreadable(f"is a DICOM file of the kind {kind or 'unknown'}, which is not read")
        slope = float(dataset.get("RescaleSlope", 1) or 1)
        offset = float(dataset.get("RescaleIntercept", 0) or 0)
        grey = _window(dataset, reading, slope, offset).of(values * slope + offset)
        return floating(1 - grey if kind == "MONOCHROME1" else grey)


def _window(dataset: Any, reading: Reading, slope: float, offset: float) -> _Window:
    if reading.window and reading.levels is not None:
        return _Window(*reading.levels)
    centre, width = (_first(dataset.get(key)) for key in ("WindowCenter", "WindowWidth"))
    how = str(dataset.get("VOILUTFunction", "LINEAR") or "LINEAR")
    if centre is not None and width is not None and width > 1:
        if how == "LINEAR":  # C.11.2.1.2.1
            centre, width = centre - 0.5, width - 1
        return _Window(centre - width / 2, centre + width / 2, how == "SIGMOID")
    if dataset.get("PixelRepresentation", 0) or (slope, offset) != (1, 0):
        raise Unreadable("is a DICOM file that states no window; set preprocess.window")
    return _Window(0.0, 2.0 ** int(dataset.BitsStored) - 1)


def _first(value: Any) -> float | None:
    """Return a number, or the first of several."""
    if value is None or value == "":
        return None
    several = isinstance(value, (list, tuple)) or type(value).__name__ == "MultiValue"
    return float(value[0] if several else value)


def _dataset(data: bytes, *, pixels: bool) -> Any:
    if DEFLATED in data[:4096]:
        raise Unreadable("is a DICOM file compressed as a whole, which is not read")
    return _pydicom("pydicom").dcmread(BytesIO(data), stop_before_pixels=not pixels)


def _checked(dataset: Any) -> tuple[int, int]:
    if "Rows" not in dataset or "Columns" not in dataset:
        raise Unreadable("is a DICOM file without a picture")
    height, width = int(dataset.Rows), int(dataset.Columns)
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise Unreadable(f"has {width} x {height} pixels, where 1 to {MAX_PIXELS:,} are allowed")
    if height * width * 8 * int(dataset.get("SamplesPerPixel", 1)) > MAX_DECODED:
        raise Unreadable(f"would take more than the {MAX_DECODED / 1e6:,.0f} MB allowed to decode")
    return height, width


def _pydicom(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Unreadable(f"is a DICOM file, which needs an extra: {EXTRA}") from None


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn what pydicom raises into a reason, and let it log nothing."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        yield
    except (Unreadable, MemoryError):
        raise
    except Exception as error:  # its text may quote the tags
        raise Unreadable(
            f"is a DICOM file that cannot be decoded ({type(error).__name__}): damaged, or "
            "compressed in a way that is not read"
        ) from None
    finally:
        log.disabled = before
