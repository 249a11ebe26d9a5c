"""Members that are without a region: the control 'any piece of that class' of transplants.

A member whose own region does little is no proof: its window may have been placed beside a mark
that it carries all the same. The control puts a member's pixels at a reference's mask, so that is
where they have to do little.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from auditor.causal.images import Members, Stage
from auditor.causal.screening import WITHOUT, Screened, effects_of

# Fewer members would all be used again and again.
LEAST = 4
# The masks of so many references are tried.
MASKS = 2


def control_members(
    stage: Stage, members: Members, screened: Screened
) -> Int[np.ndarray, "member_without"]:
    """Return the members that do almost nothing, by their own region and at the references' masks.

    Almost nothing: at most `WITHOUT` of what the references do, at the masks of the `MASKS` with
    the largest effect. Empty when there are fewer than `LEAST`: then the control does not apply.
    """
    rows = screened.non_members
    if len(rows) and screened.measured:
        order = np.argsort(-screened.effects, kind="stable")
        limit = WITHOUT * screened.reference_effect
        for reference in screened.tried[order[:MASKS]]:
            mask = screened.proposal.masks[reference]
            effects = effects_of(
                stage.probe,
                members.inputs[rows],
                np.broadcast_to(mask, (len(rows), *mask.shape)),
                members.output,
                stage.others,
                screened.targets,
                screened.fillers,
            )
            rows = rows[effects <= limit]
    return rows if len(rows) >= LEAST else rows[:0]
