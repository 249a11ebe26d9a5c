"""How much of a result a rendering shows: everything on a screen, less where room is short."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from auditor.language.speaking import N_

Medium = Literal["html", "pdf"]


@dataclass(frozen=True)
class Limits:
    """The most that is shown of each thing; None shows all of it.

    ``brief`` is a document with a page per finding, ``full`` adds the whole pictures of crops.
    ``classes`` have half a page, ``ranked`` ones a row of accuracy, ``graphs`` a composition graph
    (of which ``finding_graphs`` stand behind findings), ``sheets`` findings a sheet. ``upright``
    findings fit an upright page of the register.
    """

    brief: bool = False
    full: bool = True
    # Pictures
    examples: int | None = None
    card_crops: int | None = None
    triplets: int | None = None
    pictures: int | None = None
    atlas: int | None = None
    maps: int | None = None
    unit_pictures: int | None = None
    # Findings
    top_findings: int | None = 5
    upright: int | None = None
    sheets: int | None = None
    reasons: int | None = None
    against: int | None = None
    subgroups: int | None = None
    sharing_classes: int | None = None
    factors: int | None = None
    odd_files: int | None = 200
    # Classes and concepts
    classes: int | None = None
    ranked: int | None = None
    rows: int | None = None
    cards: int | None = None
    graphs: int | None = None
    finding_graphs: int | None = None
    planes: int | None = None
    odd: int | None = None
    mistakes: int | None = None
    contrasts: int | None = None
    # Larger units
    subspaces: int | None = None
    members: int | None = None
    subspace_classes: int | None = 5
    subspace_units: int | None = None
    components: int | None = None
    class_components: int | None = None
    directions: int | None = None
    # Changes since an earlier audit
    changes: int | None = 5
    changed_concepts: int | None = None
    # Files by name
    names: int | None = 200


# The PDF of the technical tier: all of it, but rows fit the width of the paper.
PRINTED = Limits(
    full=False,
    card_crops=5,
    top_findings=3,
    upright=24,
    subgroups=6,
    sharing_classes=3,
    members=6,
    subspace_classes=3,
    subspace_units=4,
    unit_pictures=1,
    changes=3,
    changed_concepts=4,
    names=None,
    odd_files=None,
)
# The PDF of the other tiers, which a reader without much time gets through.
BRIEF = replace(
    PRINTED,
    brief=True,
    examples=6,
    triplets=2,
    pictures=5,
    atlas=1,
    maps=1,
    sheets=6,
    reasons=3,
    against=2,
    factors=5,
    odd_files=5,
    classes=10,
    ranked=20,
    rows=4,
    cards=6,
    graphs=2,
    finding_graphs=1,
    planes=3,
    odd=3,
    mistakes=3,
    contrasts=2,
    subspaces=5,
    components=4,
    class_components=4,
    directions=3,
    names=40,
)
BRIEFLY = N_(
    "A row shows at most 6 pictures, a finding 4 and one of its tests on pictures. 6 findings have "
    "a sheet, and 10 classes half a page each with their first 4 concepts. The technical appendix "
    "(concept cards, single pictures, subspaces, strategies, composition, errors, method) is in "
    "report.html, and audit.json, which is attached to this file, lists everything."
)
