"""What finds a concept again in the audit of a retrained model, stored and read back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auditor.concepts.matching import LayerProfile
from auditor.records.stages import ConceptStatistics, References, Samples
from auditor.report.document.analyses import Identity, LayerIdentity

# Concepts with the largest share in any class are kept; the others matter to no decision.
MOST = 256


def identity(samples: Samples, layers: Sequence[tuple[References, ConceptStatistics]]) -> Identity:
    """Return samples with label and answer, references and class profile of each concept."""
    valid = np.flatnonzero(samples.valid)
    place = {int(row): number for number, row in enumerate(valid)}
    used, labels = np.unique(samples.labels[valid], return_inverse=True)
    wrong = np.flatnonzero(samples.labels[valid] != samples.prediction[valid])
    return Identity(
        samples=[samples.manifest.paths[row] for row in valid],
        layers=[_layer(samples, *each, place) for each in layers],
        classes=[samples.manifest.classes[output] for output in used],
        labels=[int(label) for label in labels],
        wrong=[int(number) for number in wrong],
    )


def stored_profile(stored: Identity, layer: str) -> LayerProfile:
    """Return what `match_concepts` compares; its concepts are places in the layer's list.

    Raises:
        KeyError: the layer was not audited.
    """
    found = next((each for each in stored.layers if each.layer == layer), None)
    if found is None:
        raise KeyError(layer)
    return LayerProfile(
        layer=layer,
        references=tuple(
            frozenset(stored.samples[place] for place in places) for places in found.references
        ),
        samples=frozenset(stored.samples),
        classes=tuple(found.classes),
        mean_share=np.array(found.shares).reshape(len(found.concepts), len(found.classes)).T,
    )


def _layer(
    samples: Samples,
    references: References,
    statistics: ConceptStatistics,
    place: dict[int, int],
) -> LayerIdentity:
    known = [number for number, n in enumerate(statistics.n) if n > 0]
    share = statistics.mean_share[known]
    largest = share.max(axis=0) if known else np.zeros(share.shape[1])
    concepts = np.sort(np.argsort(-largest, kind="stable")[:MOST])
    concepts = concepts[largest[concepts] > 0]
    return LayerIdentity(
        layer=references.layer,
        classes=[samples.manifest.classes[statistics.outputs[number]] for number in known],
        concepts=[int(concept) for concept in concepts],
        references=[
            [place[int(row)] for row in references.rows[concept] if row >= 0]
            for concept in concepts
        ],
        shares=[[round(float(v), 6) for v in share[:, concept]] for concept in concepts],
    )
