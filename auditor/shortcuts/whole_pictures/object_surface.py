"""The surface of objects: colours and detail inside their outline, and pieces of it laid elsewhere.

What is read and taken lies inside the object of a picture, as `auditor.shortcuts.objects` has it,
apart from its edge: neither outline nor surround has a part in it.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

# Sides of a piece, as a share of the picture's smaller side, and of its joint with the next, as a
# share of the piece: a piece shows a weave, and no part of the object.
PIECE, JOINT = 1 / 8, 1 / 4
# Places from which a piece can be taken that make a surface: fewer are one piece over and over.
LEAST_PLACES = 6
# Scales in pixels of a picture of 64 between which detail is fine, and coarse.
SCALES = (0.0, 1.0, 2.5)
# A deviation that rounding to bytes may make.
ROUNDING = 0.5
# Parts of the pictures of which each is judged by the others.
PARTS = 5

FEATURES = (
    "brightness",
    "red-green",
    "blue-yellow",
    "saturation",
    "contrast",
    "fine",
    "coarse",
    "direction",
)
# Those of the pattern alone, which no colour has a part in.
OF_PATTERN = slice(4, None)


def surface_features(
    pictures: UInt8[np.ndarray, "sample h w 3"], insides: Bool[np.ndarray, "sample h w"]
) -> Float[np.ndarray, "sample feature"]:
    """Return `FEATURES` of every picture inside its object; none of the masks may be empty.

    Colours are means and contrast is a deviation, of 255. Detail is the logarithm of the deviation
    between two scales over that of the whole, so that it is the same in any light, and direction
    that of steps across over those of steps down.
    """
    rows = [_features(each, mask) for each, mask in zip(pictures, insides, strict=True)]
    features: Float[np.ndarray, "sample feature"] = np.array(rows).reshape(-1, len(FEATURES))
    return features


def _features(
    picture: UInt8[np.ndarray, "h w 3"], inside: Bool[np.ndarray, "h w"]
) -> Float[np.ndarray, "feature"]:
    values = picture.astype(np.float64)
    red, green, blue = values[inside].mean(axis=0)
    colourful = np.ptp(values[inside], axis=1).mean()
    grey = values.mean(axis=2)
    contrast = grey[inside].std()
    unit = min(grey.shape) / 64
    smooth = [_within(grey, inside, scale * unit) for scale in SCALES]
    bands = np.array([(smooth[at] - smooth[at + 1])[inside].std() for at in (0, 1)])
    fine, coarse = np.log((bands + ROUNDING) / (contrast + ROUNDING))
    across, down = (np.abs(np.diff(grey, axis=axis))[_pairs(inside, axis)] for axis in (1, 0))
    direction = np.log((across.mean() + ROUNDING) / (down.mean() + ROUNDING))
    colours = (red + green + blue) / 3, red - green, blue - (red + green) / 2
    return np.array([*colours, colourful, contrast, fine, coarse, direction])


def _pairs(inside: Bool[np.ndarray, "h w"], axis: int) -> Bool[np.ndarray, "first second"]:
    """Say which neighbours along an axis both lie inside."""
    both: np.ndarray = np.delete(inside, -1, axis) & np.delete(inside, 0, axis)
    return both


def _within(
    grey: Float[np.ndarray, "h w"], inside: Bool[np.ndarray, "h w"], scale: float
) -> Float[np.ndarray, "h w"]:
    """Return a picture blurred by what lies inside alone."""
    if not scale:
        return grey
    weight = ndimage.gaussian_filter(inside.astype(np.float64), scale)
    blurred: np.ndarray = ndimage.gaussian_filter(grey * inside, scale) / np.maximum(weight, 1e-6)
    return blurred


def likeness(
    features: Float[np.ndarray, "sample feature"],
    own: Bool[np.ndarray, "sample"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "sample"]:
    """Return the log odds that a surface is one of the class, told by the other surfaces.

    A linear discriminant with equal priors (Ledoit and Wolf's covariance), fitted on all parts of
    `PARTS` but the one that it judges.
    """
    part = np.zeros(len(own), dtype=int)
    for side in (True, False):
        rows = rng.permutation(np.flatnonzero(own == side))
        part[rows] = np.arange(len(rows)) % PARTS
    spread = np.maximum(features.std(axis=0), 1e-9)
    scaled = (features - features.mean(axis=0)) / spread
    values = np.zeros(len(own))
    for each in range(PARTS):
        there = part == each
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
        model.fit(scaled[~there], own[~there])
        values[there] = model.decision_function(scaled[there])
    return values


def piece_of(height: int, width: int) -> int:
    """Return the side of a piece of pictures of a size, in pixels."""
    return max(4, round(PIECE * min(height, width)))


def places(mask: Bool[np.ndarray, "h w"], side: int) -> Int[np.ndarray, "place 2"]:
    """Return the upper left corners of the pieces that lie in the mask."""
    if min(mask.shape) < side:
        return np.zeros((0, 2), dtype=int)
    summed = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=int)
    summed[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    inside = summed[side:, side:] - summed[side:, :-side] - summed[:-side, side:]
    found: np.ndarray = np.argwhere(inside + summed[:-side, :-side] == side * side)
    return found


def covered_with(
    image: Float[np.ndarray, "channel h w"],
    corners: Int[np.ndarray, "place 2"],
    side: int,
    mask: Bool[np.ndarray, "h w"],
    rng: np.random.Generator,
) -> Float[np.ndarray, "channel h w"]:
    """Return a picture whose mask is covered with pieces of ``image``, one fading into the next.

    Each piece is drawn from ``corners``, the upper left ones of pieces. What lies apart from the
    mask means nothing.
    """
    joint = max(1, round(JOINT * side))
    step = side - joint
    to_edge = np.minimum(np.arange(1, side + 1), np.arange(side, 0, -1))
    ramp = np.minimum(1.0, to_edge / (joint + 1))
    fade = np.outer(ramp, ramp).astype(image.dtype)
    (top, height), (left, width) = (_span(mask, axis) for axis in (1, 0))
    # The first pieces begin a joint before the box, so that none of it lies in the first fade.
    down, across = (-(-(length + joint) // step) for length in (height, width))
    rows, columns = corners[rng.integers(len(corners), size=down * across)].T
    windows = np.lib.stride_tricks.sliding_window_view(image, (side, side), axis=(1, 2))
    pieces = (fade * windows[:, rows, columns]).reshape(-1, down, across, side, side)
    weights = np.broadcast_to(fade, (1, down, across, side, side))
    laid = _laid(pieces, step) / np.maximum(_laid(weights, step), 1e-6)
    covered = np.zeros_like(image, shape=(len(image), *mask.shape))
    there = slice(joint, joint + height), slice(joint, joint + width)
    covered[:, top : top + height, left : left + width] = laid[:, *there]
    return covered


def _laid(
    pieces: Float[np.ndarray, "channel down across side side"], step: int
) -> Float[np.ndarray, "channel h w"]:
    """Return the sum of pieces that begin ``step`` pixels apart; only neighbours overlap."""
    channels, down, across, side, _side = pieces.shape
    joint = side - step
    # A cell holds the first of a piece, and the last of those above it and beside it.
    cells = np.zeros((channels, down + 1, across + 1, step, step), pieces.dtype)
    cells[:, :-1, :-1] += pieces[..., :step, :step]
    cells[:, :-1, 1:, :, :joint] += pieces[..., :step, step:]
    cells[:, 1:, :-1, :joint] += pieces[..., step:, :step]
    cells[:, 1:, 1:, :joint, :joint] += pieces[..., step:, step:]
    size = channels, (down + 1) * step, (across + 1) * step
    return cells.swapaxes(2, 3).reshape(size)


def _span(mask: Bool[np.ndarray, "h w"], axis: int) -> tuple[int, int]:
    """Return where a mask begins, and how many rows (``axis`` 1) or columns (0) it goes over."""
    at = np.flatnonzero(mask.any(axis=axis))
    return int(at[0]), int(at[-1] - at[0] + 1)


def with_colour_of(
    image: Float[np.ndarray, "channel h w"],
    like: Float[np.ndarray, "channel h w"],
    mask: Bool[np.ndarray, "h w"],
) -> Float[np.ndarray, "channel h w"]:
    """Return the light and dark of an image in the mean colour that ``like`` has inside the mask.

    Within the range of the values of both, channel by channel.
    """
    grey = image.mean(axis=0)
    toned = like[:, mask].mean(axis=1)[:, None, None] + (grey - grey[mask].mean())
    ends = [
        extreme([extreme(each[:, mask], axis=1) for each in (image, like)], axis=0)[:, None, None]
        for extreme in (np.min, np.max)
    ]
    clipped: np.ndarray = np.clip(toned, *ends).astype(image.dtype)
    return clipped
