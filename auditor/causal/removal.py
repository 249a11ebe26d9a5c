"""Removal: take a region out of the class's own images; do they leave the class?

Two infills (smooth from around the hole, and another class's image at the same place), each minus
the same infill of an equal-area window of the next relevance rank; the smaller difference counts.
Few pictures of a confident model leave, so the evidence that they lose is read too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.images import Members
from auditor.causal.pixels import blend, feathered, inpainted
from auditor.causal.probe import Probe
from auditor.causal.transplant import margin
from auditor.language.speaking import N_

SMOOTH = N_("filled smoothly")
CONTENT = N_("filled from another class's image")


@dataclass(frozen=True, eq=False)
class Removed:
    """What removing the region does to each member, over removing the window compared with.

    ``left``: 1 where only the region's removal leaves the class, or -1. ``lost``: by how much more
    the margin of the class falls.
    """

    left: Float[np.ndarray, "member"]
    lost: Float[np.ndarray, "member"]

    def among(self, carry: Bool[np.ndarray, "all_members"]) -> Removed:
        """Return the same of all members, of which those that ``carry`` the region were tested."""
        whole = [np.zeros(len(carry)) for _ in range(2)]
        for values, measured in zip(whole, (self.left, self.lost), strict=True):
            values[carry] = measured
        return Removed(*whole)


def removal(
    probe: Probe,
    members: Members,
    rows: Int[np.ndarray, "member"],
    masks: Bool[np.ndarray, "all_members h w"],
    windows: Bool[np.ndarray, "all_members h w"],
    content: Float[Tensor, "member channel h w"] | None = None,
) -> Removed:
    """Take the region out of members, and in its place the window compared with.

    Args:
        probe: the model.
        members: the class.
        rows: the members that are tested, as positions in ``members``.
        masks: the region of every member.
        windows: the window compared with, of every member.
        content: for each tested member the image that fills the hole; None: it is filled smoothly
            from around it.
    """
    images = members.inputs[torch.from_numpy(rows)]
    without, control = (
        probe.predict(
            inpainted(images, hole) if content is None else blend(images, content, feathered(hole))
        )
        for hole in (torch.from_numpy(masks[rows]), torch.from_numpy(windows[rows]))
    )
    output = members.output
    left = [(logits.argmax(axis=1) != output).astype(float) for logits in (without, control)]
    return Removed(left[0] - left[1], margin(control, output) - margin(without, output))
