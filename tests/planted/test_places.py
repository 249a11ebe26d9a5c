"""Where patches are, what errors lack, and which channel is which after training goes on."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from auditor.concepts.components import positional_components
from auditor.concepts.matching import match_concepts
from auditor.concepts.mistakes import mistakes
from auditor.concepts.statistics import concept_statistics
from auditor.pipeline.positional import positional_relevance
from auditor.records.concepts import ConceptMatches, Mistakes, PositionalComponents
from tests.concepts.profiles import layer_profile
from tests.planted.net import train
from tests.planted.pictures import KINDS, NAMES, patch, planted, put, without
from tests.planted.surgery import rewired
from tests.planted.world import World, look


def test_components_lie_where_the_patches_are(world: World, detectors: np.ndarray) -> None:
    rows = np.concatenate([world.samples.members(output)[:20] for output in range(len(NAMES))])
    explained_as = world.samples.target[rows]
    relevance, placed = positional_relevance(
        world.explainer, world.subject.load, "parts", rows, explained_as,
        batch=32, progress=lambda _: None,
    )  # fmt: skip
    assert placed == 1.0
    found = positional_components(
        "parts", relevance, rows, explained_as, rng=np.random.default_rng(0)
    )
    assert isinstance(found, PositionalComponents)
    assert len(found.directions) == len(KINDS)
    kinds = [KINDS[int(detectors[each.argmax()].argmax())] for each in found.directions]
    assert sorted(kinds) == sorted(KINDS)
    for component, kind in enumerate(kinds):
        holding = world.holding(kind)[rows]
        maps = found.place[holding, component]
        seen = np.stack([_sees(world, int(row), kind) for row in rows[holding]])
        assert ((maps * seen).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))).mean() > 0.97
        # It goes up and down with the patch.
        height = maps.sum(axis=2) @ np.arange(maps.shape[1]) / maps.sum(axis=(1, 2))
        tops = [world.pictures.boxes[int(row)][kind][0] for row in rows[holding]]
        assert np.corrcoef(height, tops)[0, 1] > 0.85
        # Without the patch the component carries next to nothing.
        assert found.share[~holding, component].max() < 0.1 < found.share[holding, component].min()


def _sees(world: World, row: int, kind: str) -> np.ndarray:
    """Return the positions of ``parts`` whose field of 12 pixels touches the patch."""
    near = ndimage.binary_dilation(world.pictures.mask(row, kind), np.ones((11, 11)))
    return near[::2, ::2]


def test_errors_name_the_patch_that_was_exchanged(
    world: World, detectors: np.ndarray, tmp_path: Path
) -> None:
    """Pictures of coffee and grass in which tissue lies where the coffee was."""
    output = NAMES.index("coffee and grass")
    chosen = world.samples.members(output)[::4]
    images, rng = world.pictures.images.copy(), np.random.default_rng(0)
    for row in chosen:
        images[row] = without(world.pictures, int(row), "coffee")
        put(images[row], patch("tissue", "val", rng), world.pictures.boxes[row]["coffee"])
    spoiled = look(world.net, replace(world.pictures, images=images))
    found = mistakes(spoiled.samples, spoiled.layers["parts"], [output])
    assert isinstance(found, Mistakes)
    pair = found.pairs[0]
    assert (pair.label, pair.prediction) == (output, NAMES.index("tissue and grass"))
    assert pair.n >= len(chosen) - 1
    assert pair.missing is not None
    assert pair.driving is not None
    assert KINDS[int(detectors[pair.missing.concepts[0]].argmax())] == "coffee"
    assert KINDS[int(detectors[pair.driving.concepts[0]].argmax())] == "tissue"
    # Coffee was not in the picture: its detector did not fire.
    assert pair.missing.activation_difference[0] < -2
    assert pair.driving.activation_difference[0] > 2


def profile(seen: World):
    statistics = concept_statistics(seen.samples, seen.layers["parts"], range(len(NAMES)), seed=0)
    return layer_profile(seen.samples, seen.references("parts"), statistics)


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4, 5), (3, 5, 0, 4, 2, 1)])
def test_concepts_are_found_again_after_fine_tuning(
    world: World, order: tuple[int, ...], tmp_path: Path
) -> None:
    tuned = rewired(train(copy.deepcopy(world.net), planted(32, 3, split="train"), seed=5,
                          steps=20, rate=5e-4), order)  # fmt: skip
    later = look(tuned, world.pictures)
    assert np.abs(later.samples.logits - world.samples.logits).max() > 0.05
    found = match_concepts(profile(world), profile(later))
    assert isinstance(found, ConceptMatches)
    assert {int(a): int(b) for a, b in zip(found.before, found.after, strict=True)} == {
        channel: place for place, channel in enumerate(order)
    }
