"""Fingerprints of pictures, by which near-duplicates are known without keeping the pictures.

A difference hash (Krawetz 2013) with three values instead of two: between neighbours of a small
grey copy it becomes darker, stays, or becomes lighter. Plain ground then says nothing, where the
two-valued hash would call pictures alike because of it.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 32  # places along each side: 1,024 bits a direction
# A change below this part of the copy's standard deviation counts as none.
CHANGE = 0.2


def fingerprints(images: Tensor) -> Tensor:
    """Return the fingerprints (B, 256) in bytes of images (B, 3, H, W), in any normalisation.

    The first 128 bytes are a bit per place that becomes lighter to the right, the others darker.
    They do not depend on brightness and contrast, and hardly on size and compression.
    """
    grey = adaptive_avg_pool2d(images.float().mean(1, keepdim=True), (SIDE, SIDE + 1))[:, 0]
    change = grey.diff(dim=2)
    least = CHANGE * grey.flatten(1).std(1)[:, None, None] + 1e-6
    bits = torch.cat([(change > least).flatten(1), (change < -least).flatten(1)], dim=1)
    weights = 2 ** torch.arange(8, device=bits.device)
    return (bits.reshape(len(bits), -1, 8) * weights).sum(2).to(torch.uint8)
