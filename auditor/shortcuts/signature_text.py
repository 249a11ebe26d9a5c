"""What a finding looks like as one line of text, so that a decisions file can hold it.

Shares and colours in steps of 1/255, 201 bytes in base64: area, place (2), spread, colour (3), then
the window's cells row by row. Two signatures that differ by this rounding stay the same finding.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np

from auditor.records.shortcuts import Signature
from auditor.shortcuts.fingerprint import CELLS

# Areas are small: they are stored as their square root.
HEAD = 7
LENGTH = HEAD + CELLS * CELLS * 3


def to_text(look: Signature) -> str:
    """Return a signature as text."""
    head = [look.area**0.5, *look.place, look.spread, *look.colour]
    values = np.concatenate([head, np.array(look.look, dtype=float).ravel()])
    steps = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
    return base64.b64encode(steps.tobytes()).decode("ascii")


def from_text(text: str) -> Signature:
    """Return the signature that a text stands for.

    Raises:
        ValueError: the text is none.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"this is no look of a finding ({error}): copy it whole") from error
    if len(data) != LENGTH:
        raise ValueError(f"this look has {len(data)} bytes instead of {LENGTH}: copy it whole")
    values = [float(value) for value in np.frombuffer(data, dtype=np.uint8) / 255]
    cells = np.array(values[HEAD:]).reshape(CELLS, CELLS, 3)
    return Signature(
        area=values[0] ** 2,
        place=(values[1], values[2]),
        spread=values[3],
        colour=(values[4], values[5], values[6]),
        look=tuple(tuple((float(r), float(g), float(b)) for r, g, b in row) for row in cells),
    )
