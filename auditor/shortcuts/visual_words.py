"""What pictures are made of: the colour and the fine contrast of every pixel as one of some words.

A bag of visual words (Csurka et al. 2004) knows stuff, whatever its shape and place. The code book
is a grid of fixed limits, so that no class changes the words of another.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy import ndimage

# Sixths of the luminance; steps of the two opponent colours from what a JPEG leaves of grey (4 of
# 255) to plain colours; faint and strong lines and spots, darker or lighter than what is around.
LUMINANCE = np.arange(1, 6) * 255.0 / 6
COLOUR = np.array([-28.0, -12.0, -4.0, 4.0, 12.0, 28.0])
CONTRAST = np.array([-24.0, -8.0, 8.0, 24.0])
GRID = (len(LUMINANCE) + 1, len(COLOUR) + 1, len(COLOUR) + 1, len(CONTRAST) + 1)
WORDS = int(np.prod(GRID))
# Deviations in pixels of the smoothings whose difference is the contrast: strokes of 1 to 4 pixels.
FINE, COARSE = 0.7, 2.5
# Deviation in cells of the grid by which frequencies are smoothed: limits cut through shades.
SHADES = 0.6
# Words rarer than this are as good as absent.
ABSENT = 5e-4


def words_of(
    colours: Float[np.ndarray, "picture 3 height width"],
) -> Int[np.ndarray, "picture height width"]:
    """Return the word of every pixel; ``colours`` are luminance and two opponent colours."""
    luminance = colours[:, 0]
    contrast = ndimage.gaussian_filter(luminance, (0, FINE, FINE))
    contrast -= ndimage.gaussian_filter(luminance, (0, COARSE, COARSE))
    cells = (
        np.digitize(luminance, LUMINANCE),
        np.digitize(colours[:, 1], COLOUR),
        np.digitize(colours[:, 2], COLOUR),
        np.digitize(contrast, CONTRAST),
    )
    words: np.ndarray = np.ravel_multi_index(cells, GRID).astype(np.int16)
    return words


def frequencies(
    words: Int[np.ndarray, "picture height width"],
    weights: Float[np.ndarray, "picture height width"] | None = None,
) -> Float[np.ndarray, "word"]:
    """Return how frequent each word is, every picture counting the same.

    ``weights`` say how much each pixel counts; a picture without any weight is left out.
    """
    sums = np.zeros(WORDS)
    for index, picture in enumerate(words):
        weight = np.ones(picture.size) if weights is None else weights[index].ravel()
        if (total := weight.sum()) > 0:
            sums += np.bincount(picture.ravel(), weights=weight / total, minlength=WORDS)
    smooth = ndimage.gaussian_filter(sums.reshape(GRID), SHADES, mode="nearest").ravel()
    shares: np.ndarray = smooth / max(float(smooth.sum()), 1e-12)
    return shares


def typical(
    of_these: Float[np.ndarray, "word"], of_others: Float[np.ndarray, "word"]
) -> Float[np.ndarray, "word"]:
    """Return how typical each word is of the first frequencies: the log of the ratio."""
    ratio: np.ndarray = np.log((of_these + ABSENT) / (of_others + ABSENT))
    return ratio
