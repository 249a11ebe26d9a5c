"""Where the pictures of a concept map stand: in a grid, each as near to its position as can be."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from auditor.records.concepts import MapCard, MapPoint

WIDTH, HEIGHT, MARGIN = 960.0, 600.0, 10.0
LARGEST, SMALLEST = 68.0, 26.0
FILLED = 0.36  # part of the grid that pictures may take, so that groups keep their shape
LABEL = 13.0  # height of the text under a picture
SPACE = 5.0  # between pictures


@dataclass(frozen=True)
class PlacedPoint:
    """A concept with the upper left corner of its picture.

    ``group`` is the number of its subspace, by which its pictures find each other, and None for a
    concept that stands alone.
    """

    point: MapPoint
    x: float
    y: float
    group: int | None


@dataclass(frozen=True)
class MapLayout:
    """A drawn map; ``side`` is that of every picture."""

    width: float
    height: float
    side: int
    points: tuple[PlacedPoint, ...]


def placed(card: MapCard) -> MapLayout:
    """Return the layout of a map: all moves together, squared, are as small as a grid allows.

    The more concepts, the smaller the pictures, down to `SMALLEST`; then the map grows.
    """
    count = max(1, len(card.points))
    side = float(np.clip(np.sqrt(FILLED * WIDTH * HEIGHT / count) - LABEL, SMALLEST, LARGEST))
    cell = np.array([side + SPACE, side + LABEL + SPACE])
    columns = int((WIDTH - 2 * MARGIN) // cell[0])
    cell[0] = (WIDTH - 2 * MARGIN) / columns
    rows = max(int((HEIGHT - 2 * MARGIN) // cell[1]), ceil(count / (FILLED * columns)))
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    wanted = np.array([[point.x, point.y] for point in card.points]).reshape(-1, 2)
    subspaces = list(dict.fromkeys(point.subspace for point in card.points))
    at = _nearest_cells(wanted * cell * [columns - 1, rows - 1], grid * cell) + MARGIN
    return MapLayout(
        width=WIDTH,
        height=float(rows * cell[1] + 2 * MARGIN),
        side=int(side),
        points=tuple(
            PlacedPoint(
                point, float(x), float(y), subspaces.index(point.subspace) if point.colour else None
            )
            for point, (x, y) in zip(card.points, at, strict=True)
        ),
    )


def _nearest_cells(
    wanted: Float[np.ndarray, "point 2"], cells: Float[np.ndarray, "cell 2"]
) -> Float[np.ndarray, "point 2"]:
    """Return a cell of its own for every point (the Hungarian method)."""
    cost = ((wanted[:, None] - cells[None]) ** 2).sum(axis=2)
    _, chosen = linear_sum_assignment(cost)
    nearest: np.ndarray = cells[chosen]
    return nearest
