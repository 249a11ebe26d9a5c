"""What a concept is called after what its reference samples show: colour, surface or form, place.

Unlike a region of a candidate, which is named by `auditor.shortcuts.seen`, a concept is a detector:
"vertical edges", "dark fine texture", "orange mark at the bottom". A place is said only where the
concept keeps to one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from auditor.language.speaking import N_, joined
from auditor.language.speaking import gettext as _
from auditor.shortcuts.seen import ANYWHERE, LOOKS, Look, colour_of, look_of, place_of

SURFACES = {
    "horizontal edges": Look(N_("%(colour)s horizontal edge"), N_("horizontal edge")),
    "vertical edges": Look(N_("%(colour)s vertical edge"), N_("vertical edge")),
    "slanted edges": Look(N_("%(colour)s slanted edge"), N_("slanted edge")),
    "edges": Look(N_("%(colour)s edge"), N_("edge")),
    "shading": Look(N_("%(colour)s shading"), N_("shading")),
    "smooth": Look(N_("%(colour)s smooth area"), N_("smooth area")),
    "fine": Look(N_("%(colour)s fine texture"), N_("fine texture")),
    "coarse": Look(N_("%(colour)s coarse texture"), N_("coarse texture")),
}
# Gradients are taken at this share of the picture's smaller side; fine is half as large as coarse.
SCALE = 1 / 64
# How far gradients of a picture have to share one axis (coherence of the structure tensor): where
# the references agree in its direction (length of their mean), and where they do not.
COHERENT, AGREE, ANY_WAY = 0.45, 0.75, 0.6
# The largest spread of a smooth area, of 255.
SMOOTH = 14.0
# Part of the variance that is finer than twice the scale: below the first the picture only grows
# darker, from the second on a texture is fine.
SHADED, FINE = 0.1, 0.5


def concept_look(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str:
    """Return a phrase for what a concept sees, such as "vertical edge" or "orange mark at the top".

    Args:
        pictures: the reference samples.
        masks: where in them the concept looks; references without any are left out.
    """
    kept = masks.any(axis=(1, 2))
    if not kept.any():
        return ""
    pictures, masks = pictures[kept], masks[kept]
    place, look = place_of(masks), look_of(pictures, masks)
    if look in ("patch", "texture") or (look == "mark" and place == ANYWHERE):
        said = SURFACES[surface_of(pictures, masks)]
    else:
        said = LOOKS[look]
    colour = colour_of(pictures, masks)
    phrase = _(said.plain) if colour is None else _(said.coloured, colour=_(colour))
    return joined((phrase, _(place))) if said.placed and place != ANYWHERE else phrase


@dataclass(frozen=True)
class _Surface:
    """Of one reference: spread in levels, coherence and doubled angle of the gradients.

    ``fine`` is the part of the variance that blurring by twice the scale removes.
    """

    spread: float
    fine: float
    coherence: float
    axis: complex


def surface_of(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str:
    """Return the key of `SURFACES` that fits most references."""
    found = [_surface(*each) for each in zip(pictures, masks, strict=True)]
    if np.median([each.spread for each in found]) <= SMOOTH:
        return "smooth"
    fine = np.median([each.fine for each in found])
    coherence, axis = (
        np.median([each.coherence for each in found]),
        np.mean([each.axis for each in found]),
    )
    agrees = coherence >= COHERENT and abs(axis) >= AGREE
    if agrees or coherence >= ANY_WAY:
        if fine < SHADED:
            return "shading"
        return _edges(complex(axis)) if agrees else "edges"
    return "fine" if fine >= FINE else "coarse"


def _edges(axis: complex) -> str:
    """Return how edges run across which gradients stand; ``axis`` has their doubled angle."""
    turned = abs(np.degrees(np.angle(axis)) / 2)
    names = ("vertical edges", "slanted edges", "horizontal edges")
    return names[int(turned > 22.5) + int(turned > 67.5)]


def _surface(
    picture: UInt8[np.ndarray, "height width 3"], mask: Bool[np.ndarray, "height width"]
) -> _Surface:
    grey: Float[np.ndarray, "height width"] = picture.mean(axis=-1, dtype=np.float64)
    scale = max(1.0, SCALE * min(grey.shape))
    soft = ndimage.gaussian_filter(grey, scale)
    down, across = (ndimage.sobel(soft, axis=axis)[mask] for axis in (0, 1))
    axis = np.sum((across + 1j * down) ** 2)
    energy = np.sum(across**2 + down**2)
    finer = grey - ndimage.gaussian_filter(grey, 2 * scale)
    whole = float(((grey[mask] - grey[mask].mean()) ** 2).sum())
    return _Surface(
        spread=float(grey[mask].std()),
        fine=float((finer[mask] ** 2).sum() / whole) if whole else 0.0,
        coherence=float(abs(axis) / energy) if energy else 0.0,
        axis=complex(axis / abs(axis)) if abs(axis) else 0j,
    )
