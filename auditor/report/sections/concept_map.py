"""The map of a layer's concepts as the report shows it: places, subspaces, colours."""

from __future__ import annotations

from collections import Counter

from auditor.concepts.colours import PALETTE
from auditor.records.details import MapOfConcepts
from auditor.records.part import concept_id, subspace_id
from auditor.report.document.audit import MapCard, MapPoint


def map_card(found: MapOfConcepts) -> MapCard:
    """Return the map; the largest subspaces of two concepts or more have a colour each."""
    sizes = Counter(int(cluster) for cluster in found.subspace)
    several = [
        cluster for cluster in sorted(sizes, key=lambda c: (-sizes[c], c)) if sizes[cluster] > 1
    ]
    colours = dict(zip(several, PALETTE, strict=False))
    return MapCard(
        layer=found.layer,
        points=[
            MapPoint(
                concept=concept_id(found.layer, int(concept)),
                x=float(x),
                y=float(y),
                subspace=subspace_id(found.layer, int(cluster)),
                colour=colours.get(int(cluster)),
            )
            for concept, (x, y), cluster in zip(
                found.concepts, found.position, found.subspace, strict=True
            )
        ],
        fit=found.fit,
        rule=found.rule,
    )
