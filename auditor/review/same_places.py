"""Whether two findings lie in the same place of the same pictures."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.records.shortcuts import Carrier

# Pictures that both must have, the share of the shorter list that these must be, the share of them
# in which one box holds the other, and the share of the smaller box that the larger one must hold.
FEWEST, SHARED, OFTEN, HELD = 6, 0.5, 0.75, 0.75

Box = tuple[int, int, int, int]


def same_places(first: Sequence[Carrier], second: Sequence[Carrier]) -> bool:
    """Say whether most pictures that carry both have one box within the other.

    Pictures are known by their paths. Two marks apart share pictures but no place, and two marks in
    one corner of different pictures no picture: neither is taken for the other.
    """
    boxes = [{each.picture: each.box for each in carriers} for carriers in (first, second)]
    shared = boxes[0].keys() & boxes[1].keys()
    if len(shared) < max(FEWEST, SHARED * min(map(len, boxes))):
        return False
    held = sum(_held(boxes[0][name], boxes[1][name]) >= HELD for name in shared)
    return held >= OFTEN * len(shared)


def _held(first: Box, second: Box) -> float:
    """Return the share of the smaller of two boxes (x, y, width, height) that the other holds."""
    sides = [
        min(first[axis] + first[axis + 2], second[axis] + second[axis + 2])
        - max(first[axis], second[axis])
        for axis in (0, 1)
    ]
    smaller = min(box[2] * box[3] for box in (first, second))
    return max(0, sides[0]) * max(0, sides[1]) / smaller if smaller else 0.0
