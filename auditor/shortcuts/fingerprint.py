"""A name for a candidate that stays the same when the audit is run again."""

from __future__ import annotations

import hashlib

import numpy as np
from jaxtyping import Bool, UInt8

GRID = 4


def fingerprint(
    class_name: str,
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str:
    """Return 16 hex digits from the class, and the region's size, place and colour, coarsely.

    Size in octaves of the area, place as the cell of a 4 x 4 grid when the region keeps to one
    ("anywhere" else), colour in 4 steps per channel. Depends on no row, seed or layer.
    """
    area = float(np.median(masks.mean(axis=(1, 2))))
    parts = [class_name, f"area {round(np.log2(max(area, 1e-6)))}", _place(masks)]
    colour = np.median([p[m].mean(axis=0) for p, m in zip(pictures, masks, strict=True)], axis=0)
    parts.append(f"colour {(colour // 64).astype(int).tolist()}")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _place(masks: Bool[np.ndarray, "reference height width"]) -> str:
    height, width = masks.shape[1:]
    centres = np.array([np.argwhere(mask).mean(axis=0) for mask in masks])
    centres = centres / (height, width)
    if np.abs(centres - np.median(centres, axis=0)).mean() > 0.5 / GRID:
        return "anywhere"
    row, column = np.minimum((np.median(centres, axis=0) * GRID).astype(int), GRID - 1)
    return f"place {row} {column}"
