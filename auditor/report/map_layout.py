"""Where the pictures of a concept map stand: at their positions, moved apart until none overlap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from auditor.report.model import MapCard, MapPoint

WIDTH, HEIGHT, MARGIN = 960.0, 600.0, 10.0
LARGEST, SMALLEST = 68.0, 26.0
FILLED = 0.33  # part of the area that pictures may take
LABEL = 13.0  # height of the text under a picture
ROUNDS = 400


@dataclass(frozen=True)
class PlacedPoint:
    """A concept with the upper left corner of its picture."""

    point: MapPoint
    x: float
    y: float


@dataclass(frozen=True)
class MapLayout:
    """A drawn map; ``side`` is that of every picture."""

    width: float
    height: float
    side: float
    points: tuple[PlacedPoint, ...]


def placed(card: MapCard) -> MapLayout:
    """Return the layout of a map. Overlap is removed by the least moves, the same every time."""
    count = max(1, len(card.points))
    side = float(np.clip(np.sqrt(FILLED * WIDTH * HEIGHT / count), SMALLEST, LARGEST))
    cell = np.array([side + 5, side + LABEL + 5])
    room = np.array([WIDTH, HEIGHT]) - 2 * MARGIN - cell
    at = np.array([[point.x, point.y] for point in card.points]).reshape(-1, 2) * room
    at = _apart(at, cell, room) + MARGIN
    return MapLayout(
        width=WIDTH,
        height=HEIGHT,
        side=round(side),
        points=tuple(
            PlacedPoint(point, float(x), float(y))
            for point, (x, y) in zip(card.points, at, strict=True)
        ),
    )


def _apart(
    at: Float[np.ndarray, "point 2"], cell: Float[np.ndarray, "2"], room: Float[np.ndarray, "2"]
) -> Float[np.ndarray, "point 2"]:
    """Push every two cells that overlap apart along the axis on which they overlap least."""
    # Equal places would have no direction to part in: a tiny spiral gives each one of its own.
    turn = np.arange(len(at)) * 2.4
    at = at + 1e-3 * np.column_stack([np.cos(turn), np.sin(turn)])
    for _ in range(ROUNDS):
        apart = at[:, None] - at[None]
        overlap = cell - np.abs(apart)
        np.einsum("iij->ij", overlap)[...] = 0
        touching = (overlap > 0.01).all(axis=2)
        if not touching.any():
            break
        across = touching & (overlap[..., 0] <= overlap[..., 1])
        push = np.zeros_like(apart)
        push[..., 0] = np.where(across, np.sign(apart[..., 0]) * overlap[..., 0], 0)
        push[..., 1] = np.where(touching & ~across, np.sign(apart[..., 1]) * overlap[..., 1], 0)
        at = np.clip(at + 0.3 * push.sum(axis=1), 0, room)
    return at
