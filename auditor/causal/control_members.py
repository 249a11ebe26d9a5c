"""Members that are without a region: the control 'any piece of that class' of T1.

A member whose own region does little is no proof: its window may have been placed beside a mark
that it carries all the same. The control puts a member's pixels at a reference's mask, so that is
where they have to do little.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from auditor.causal.images import Members, Pool
from auditor.causal.probe import Probe
from auditor.causal.screening import WITHOUT, Screened, effects_of

LEAST = 4
MASKS = 2


def members_without(
    probe: Probe, members: Members, screened: Screened, pool: Pool
) -> Int[np.ndarray, "member_without"]:
    """Return the members that do almost nothing, by their own region and at the references' masks.

    Almost nothing: at most `WITHOUT` of what the references do, at the masks of the `MASKS` with
    the largest effect. Empty when there are fewer than `LEAST`: then the control does not apply.
    """
    found = screened.non_members
    if len(found) and screened.measured:
        order = np.argsort(-screened.effects, kind="stable")
        limit = WITHOUT * screened.reference_effect
        for reference in screened.tried[order[:MASKS]]:
            mask = screened.proposal.masks[reference]
            effects = effects_of(
                probe,
                members.inputs[found],
                np.broadcast_to(mask, (len(found), *mask.shape)),
                members.output,
                pool,
                screened.targets,
                screened.fillers,
            )
            found = found[effects <= limit]
    return found if len(found) >= LEAST else found[:0]
