"""What is stored of concepts finds them again in another audit."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.matching import match_concepts
from auditor.concepts.references import references
from auditor.concepts.statistics import concept_statistics
from auditor.records.concepts import ConceptMatches
from auditor.records.stages import LayerRelevance, Manifest, Samples
from auditor.report.sections.identity import identity, stored_profile
from tests.concepts.profiles import layer_profile


def world(order: list[int]) -> tuple[Samples, LayerRelevance]:
    """Return 60 samples of four classes with 6 concepts, whose channels stand in ``order``."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 4
    strength = generator.random((4, 6)) ** 3
    relevance = (strength[labels] * generator.uniform(0.5, 1.5, (60, 6))).astype(np.float32)
    samples = Samples(
        manifest=Manifest(tuple(f"{i}.jpg" for i in range(60)), labels, ("a", "b", "c", "d")),
        valid=np.ones(60, bool),
        quarantine=(None,) * 60,
        logits=np.eye(4)[labels],
        prediction=labels,
        target=labels,
        discovery=labels % 2 == 0,
    )
    moved = relevance[:, order]
    layer = LayerRelevance("l", (2, 2), moved, np.zeros((60, 6), int), moved, cuts=True)
    return samples, layer


def stored(order: list[int]):
    samples, layer = world(order)
    statistics = concept_statistics(samples, layer, (0, 1, 2, 3), seed=0)
    found = references(layer, samples, k=8, origin="relevance")
    return identity(samples, [(found, statistics)]), layer_profile(samples, found, statistics)


def test_the_stored_profile_is_the_profile() -> None:
    kept, profile = stored([0, 1, 2, 3, 4, 5])
    again = stored_profile(kept, "l")
    places = kept.layers[0].concepts
    assert again.samples == profile.samples
    assert again.classes == profile.classes
    assert again.references == tuple(profile.references[c] for c in places)
    assert np.allclose(again.mean_share, profile.mean_share[:, places], atol=1e-6)
    with pytest.raises(KeyError):
        stored_profile(kept, "other")


def test_moved_channels_are_found_again() -> None:
    order = [3, 0, 5, 1, 4, 2]
    before, after = stored([0, 1, 2, 3, 4, 5])[0], stored(order)[0]
    found = match_concepts(stored_profile(before, "l"), stored_profile(after, "l"))
    assert isinstance(found, ConceptMatches)
    for old, new in zip(found.before, found.after, strict=True):
        assert order[after.layers[0].concepts[new]] == before.layers[0].concepts[old]
    assert len(found.before) == 6
