"""How a candidate is known again: a name for the same audit, a likeness for the next one.

`fingerprint` is the same for the same region of the same pictures, and `told_apart` makes it
another one for every finding of an audit. A model trained anew, or other pictures, move the region
a little, so there `same_finding` compares what the candidates look like.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from auditor.records.shortcuts import Signature

# Cells of the picture's sides by which a place is named.
GRID = 4
# From here on two candidates count as the same: chosen on the tests' worlds and on the demo.
SAME = 0.6
# The window of a look as a share of the smaller side, its cells a side, and by how many of them two
# windows are shifted against each other.
WINDOW, CELLS, SHIFT = 0.25, 8, 2
# Mean distance of regions from their middle, in sides, up to which they keep to a place.
KEEPS_TO_A_PLACE = 0.5 / GRID
# Distances of places (sides) and of colours (of 1) at which two are a third as alike as the same,
# and the likeness of what does not compare.
NEAR, ALIKE, UNLIKE = 0.15, 0.25, 0.1
# A look that varies less in every colour is flat: its correlation would be noise.
FLAT = 0.02
# Of the colours of a look, as they are stored.
DIGITS = 3
# Refinements of a name before what shares it is numbered.
FINER = 4
# Where it lies and how it looks tell candidates apart; chosen with `SAME`.
WEIGHTS = {"area": 0.1, "place": 0.3, "colour": 0.2, "look": 0.4}


def fingerprint(
    class_name: str,
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str:
    """Return 16 hex digits from the class, and the region's size, place and colour, coarsely.

    Size in octaves of the area, place as the cell of a 4 x 4 grid when the region keeps to one
    ("anywhere" else), colour in 4 steps per channel. Depends on no row, seed or layer. References
    without the region, such as a picture without a flat border, do not count.
    """
    kept = masks.any(axis=(1, 2))
    if not kept.any():
        return hashlib.sha256(class_name.encode()).hexdigest()[:16]
    pictures, masks = pictures[kept], masks[kept]
    area = float(np.median(masks.mean(axis=(1, 2))))
    parts = [class_name, f"area {round(np.log2(max(area, 1e-6)))}", _place(masks)]
    colour = np.median([p[m].mean(axis=0) for p, m in zip(pictures, masks, strict=True)], axis=0)
    parts.append(f"colour {(colour // 64).astype(int).tolist()}")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def factor_fingerprint(class_name: str, statistic: str, *, larger: bool) -> str:
    """Return 16 hex digits that are the same for the same statistic of the same class.

    ``larger``: the class has more of it than the others, or less.
    """
    way = "more" if larger else "less"
    return hashlib.sha256(f"{class_name}|whole picture|{statistic}|{way}".encode()).hexdigest()[:16]


def _place(masks: Bool[np.ndarray, "reference height width"]) -> str:
    height, width = masks.shape[1:]
    centres = np.array([np.argwhere(mask).mean(axis=0) for mask in masks]) / (height, width)
    if np.abs(centres - np.median(centres, axis=0)).mean() > KEEPS_TO_A_PLACE:
        return "anywhere"
    row, column = np.minimum((np.median(centres, axis=0) * GRID).astype(int), GRID - 1)
    return f"place {row} {column}"


def told_apart(found: Sequence[tuple[str, Signature | None]]) -> list[str]:
    """Return a fingerprint for each of an audit's (fingerprint, signature), no two the same.

    Those that share one all get another, of which none is the shared one: that named no single
    finding, so no decision about it may hold for either by name alone. The other is taken from the
    same size, place and colour in steps 2, 4, ... times as fine, the first that tells all that
    share it apart, and hence stays while they look the same, in whatever order and beside whatever
    else they are found. What `FINER` refinements do not tell apart is numbered in the order given.
    """
    given = Counter(name for name, _ in found)
    made = [name for name, _ in found]
    for shared in (name for name, count in given.items() if count > 1):
        same = [index for index, (name, _) in enumerate(found) if name == shared]
        looks = [found[index][1] for index in same]
        for index, words in zip(same, _finer(looks), strict=True):
            made[index] = hashlib.sha256(f"{shared}|{words}".encode()).hexdigest()[:16]
    return made


def _finer(looks: Sequence[Signature | None]) -> list[str]:
    words: list[str] = []
    for level in range(1, FINER + 1):
        words = [_steps(look, 2**level) for look in looks]
        if len(set(words)) == len(words):
            return words
    return [f"{text}|{words[:index].count(text)}" for index, text in enumerate(words)]


def _steps(look: Signature | None, times: int) -> str:
    if look is None:
        return str(times)
    area = round(times * float(np.log2(max(look.area, 1e-6))))
    place = [int(each * GRID * times) for each in look.place]
    colour = [int(each * 4 * times) for each in look.colour]
    return f"{times}|{area}|{place}|{colour}"


def signature(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> Signature:
    """Return what a candidate looks like in its references."""
    kept = masks.any(axis=(1, 2))
    pictures, masks = pictures[kept], masks[kept]
    size = np.array(masks.shape[1:])
    centres = np.array([np.argwhere(mask).mean(axis=0) for mask in masks]).reshape(-1, 2)
    middle = np.median(centres, axis=0) if len(centres) else size / 2
    side = max(CELLS, round(WINDOW * int(size.min())))
    crops = [
        _window(picture, centre, side) for picture, centre in zip(pictures, centres, strict=True)
    ]
    colours = [picture[mask].mean(axis=0) for picture, mask in zip(pictures, masks, strict=True)]
    red, green, blue = np.median(colours, axis=0) / 255 if colours else np.zeros(3)
    look = np.median(crops, axis=0) if crops else np.zeros((CELLS, CELLS, 3))
    return Signature(
        area=float(np.median(masks.mean(axis=(1, 2)))) if len(masks) else 0.0,
        place=(float(middle[0] / size[0]), float(middle[1] / size[1])),
        spread=float(np.abs(centres - middle).mean() / size.mean()) if len(centres) else 0.0,
        colour=(float(red), float(green), float(blue)),
        look=tuple(
            tuple((float(r), float(g), float(b)) for r, g, b in row) for row in look.round(DIGITS)
        ),
    )


def same_finding(first: Signature, second: Signature) -> float:
    """Return how alike two candidates are, from 0 to 1: the same from `SAME` on.

    They are of one class. The weighted geometric mean of four likenesses: of area, of place (two
    that move about are alike), of colour, and of look (the normalised correlation of the two
    windows at the best shift).
    """
    ratio = np.log2(max(first.area, 1e-6) / max(second.area, 1e-6))
    terms = {
        "area": np.exp(-abs(ratio) / 2),
        "place": _same_place(first, second),
        "colour": np.exp(-((np.subtract(first.colour, second.colour) / ALIKE) ** 2).sum()),
        "look": max(UNLIKE, _correlation(np.array(first.look), np.array(second.look))),
    }
    logs = [WEIGHTS[name] * np.log(max(float(value), 1e-9)) for name, value in terms.items()]
    return float(np.exp(sum(logs)))


def _same_place(first: Signature, second: Signature) -> float:
    stays = [each.spread <= KEEPS_TO_A_PLACE for each in (first, second)]
    if not all(stays):
        return UNLIKE if any(stays) else 1.0
    distance = np.hypot(*np.subtract(first.place, second.place))
    return float(np.exp(-((distance / NEAR) ** 2)))


def _window(
    picture: UInt8[np.ndarray, "height width 3"], centre: Float[np.ndarray, "2"], side: int
) -> Float[np.ndarray, "cell cell 3"]:
    """Return `CELLS` x `CELLS` means of the window of ``side`` pixels, moved inside the picture."""
    last = np.array(picture.shape[:2]) - side
    top, left = np.clip((centre - side / 2).round().astype(int), 0, np.maximum(last, 0))
    crop = picture[top : top + side, left : left + side].astype(np.float64) / 255
    cells = ndimage.zoom(
        ndimage.uniform_filter(crop, (side // CELLS, side // CELLS, 1), mode="nearest"),
        (CELLS / crop.shape[0], CELLS / crop.shape[1], 1),
        order=1,
    )
    window: np.ndarray = cells[:CELLS, :CELLS]
    return window


def _correlation(
    first: Float[np.ndarray, "cell cell 3"], second: Float[np.ndarray, "cell cell 3"]
) -> float:
    """Return the largest normalised correlation over shifts; of flat looks 1 if both are."""
    flat = [each.std(axis=(0, 1)).max() < FLAT for each in (first, second)]
    if any(flat):
        return 1.0 if all(flat) else 0.0
    best = 0.0
    for down in range(-SHIFT, SHIFT + 1):
        for right in range(-SHIFT, SHIFT + 1):
            one = _part(first, down, right)
            two = _part(second, -down, -right)
            one = one - one.mean(axis=(0, 1))
            two = two - two.mean(axis=(0, 1))
            length = float(np.linalg.norm(one) * np.linalg.norm(two))
            if length > 0:
                best = max(best, float((one * two).sum()) / length)
    return best


def _part(look: Float[np.ndarray, "cell cell 3"], down: int, right: int) -> np.ndarray:
    rows = slice(max(0, down), CELLS + min(0, down))
    columns = slice(max(0, right), CELLS + min(0, right))
    return look[rows, columns]
