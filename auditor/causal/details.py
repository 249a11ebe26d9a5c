"""What is measured once a candidate has a grade: exposure, subgroups, concepts, likeness."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool

from auditor.causal.carrying_images import Pictures
from auditor.causal.images import Members
from auditor.causal.latent import Latent
from auditor.causal.screening import Screened
from auditor.causal.subgroups import exposure, subgroups
from auditor.causal.trial import Stage
from auditor.causal.zeroing import zeroing
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Details, Signature
from auditor.records.stages import Evidence, Samples
from auditor.shortcuts.fingerprint import signature
from auditor.shortcuts.weighing import cost


def full_details(
    stage: Stage,
    samples: Samples,
    members: Members,
    screened: Screened,
    carry: Bool[np.ndarray, "member"],
    strays: Pictures,
    evidence: tuple[Evidence, ...],
    latent: Latent,
    layer: str | None,
    generator: np.random.Generator,
) -> Details:
    """Return all details of a candidate of grade A or B."""
    table, classes = subgroups(stage, samples, members, screened, carry, strays)
    missing = {}
    curve = (
        zeroing(stage, members, screened, carry, layer, generator)
        if layer
        else _("No layer was audited.")
    )
    if isinstance(curve, str):
        missing[_("concepts zeroed")] = curve
    if latent.projection is None:
        missing["projection"] = latent.evidence.reason
    return Details(
        exposure=exposure(table, classes, evidence),
        subgroups=table,
        projection=latent.projection,
        cost=cost(samples.manifest.classes[members.output], latent.projection)
        if latent.projection
        else "",
        zeroing=None if isinstance(curve, str) else curve,
        signature=_signature(samples, members, screened),
        missing=missing,
    )


def brief_details(samples: Samples, members: Members, screened: Screened) -> Details:
    """Return the details of any other candidate: only what it looks like."""
    return Details(signature=_signature(samples, members, screened))


def _signature(samples: Samples, members: Members, screened: Screened) -> Signature:
    references = screened.references
    return signature(
        samples.manifest.classes[members.output],
        members.pictures[references],
        screened.proposal.masks[references],
    )
