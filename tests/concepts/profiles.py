"""The profile of a layer as `match_concepts` compares it, made of arrays in place of a report."""

from __future__ import annotations

from auditor.concepts.matching import LayerProfile
from auditor.records.stages import ConceptStatistics, References, Samples


def layer_profile(
    samples: Samples, references: References, statistics: ConceptStatistics
) -> LayerProfile:
    """Return what identifies the concepts of a layer; references over all data, by relevance.

    Classes without members do not count.
    """
    paths, names = samples.manifest.paths, samples.manifest.classes
    known = [place for place, n in enumerate(statistics.n) if n > 0]
    return LayerProfile(
        layer=references.layer,
        references=tuple(
            frozenset(paths[row] for row in rows if row >= 0) for rows in references.rows
        ),
        samples=frozenset(path for path, valid in zip(paths, samples.valid, strict=True) if valid),
        classes=tuple(names[statistics.outputs[place]] for place in known),
        mean_share=statistics.mean_share[known],
    )
