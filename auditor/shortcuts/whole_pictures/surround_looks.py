"""What the surround of an object looks like, and which pictures have one as those of a class have.

Read along the border of the picture, where surroundings are and objects seldom: no mask is needed,
and the model is not asked.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage
from skimage.color import rgb2lab
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from auditor.shortcuts.propose.proposals import asked_of_all_data
from auditor.shortcuts.scenes import shrinkage

CONTEXT = asked_of_all_data("context")
# The margin that is read, as a share of the smaller side.
MARGIN = 1 / 6
# Pictures of each side that make a difference of looks at all.
LEAST_PICTURES = 8


def margin_looks(
    pictures: UInt8[np.ndarray, "picture h w 3"],
) -> Float[np.ndarray, "picture look"]:
    """Return means and spreads of the margin's colours (CIELAB), and how rough it is, by scale."""
    looks: Float[np.ndarray, "picture look"] = np.stack([_looks(each) for each in pictures])
    return looks


def _looks(picture: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "look"]:
    factor = shrinkage(picture.shape[:2])
    lab = rgb2lab(picture[::factor, ::factor])
    width = max(2, round(MARGIN * min(lab.shape[:2])))
    margin = np.ones(lab.shape[:2], dtype=bool)
    margin[width:-width, width:-width] = False
    fine = np.hypot(*np.gradient(lab[..., 0]))[margin].mean()
    coarse = np.hypot(*np.gradient(ndimage.gaussian_filter(lab[..., 0], 2.0)))[margin].mean()
    colours = lab[margin]
    return np.array([*colours.mean(axis=0), *colours.std(axis=0), fine, coarse])


def like_those(
    own: Float[np.ndarray, "own look"],
    others: Float[np.ndarray, "other look"],
    looks: Float[np.ndarray, "picture look"],
) -> Bool[np.ndarray, "picture"] | None:
    """Say which pictures' margins look like ``own`` and not like ``others``, None of too few.

    By a linear discriminant with equal priors (Ledoit and Wolf's covariance).
    """
    if min(len(own), len(others)) < LEAST_PICTURES:
        return None
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
    model.fit(np.concatenate([own, others]), np.repeat([1, 0], [len(own), len(others)]))
    alike: Bool[np.ndarray, "picture"] = model.predict(looks) == 1
    return alike
