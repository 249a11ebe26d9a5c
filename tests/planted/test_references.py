"""Reference samples of the trained net: near-duplicates, sum and maximum, and how well they fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from auditor.concepts.reference_fit import reference_fit
from auditor.concepts.references import references
from auditor.concepts.shares import shares_of
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.collect import PassPlan, merge, shards_of
from tests.planted.pictures import KINDS, NAMES, Pictures
from tests.planted.world import LAYERS, World, look


def test_copies_of_a_picture_are_left_out_and_counted(world: World, tmp_path: Path) -> None:
    best = int(world.references("parts").rows[0, 0])
    darker = 0.98 * world.pictures.images[best]  # hardly less relevant: it comes up next
    pictures = Pictures(
        np.concatenate([world.pictures.images, [darker, world.pictures.images[best]]]),
        np.concatenate([world.pictures.labels, 2 * [world.pictures.labels[best]]]),
        (*world.pictures.boxes, *2 * [world.pictures.boxes[best]]),
    )
    copied = look(world.net, pictures)
    before, after = world.references("parts", 6), copied.references("parts", 6)
    assert len({best, 200, 201} & {int(row) for row in after.rows[0]}) == 1
    assert after.left_out[0] == before.left_out[0] + 2
    # All other pictures differ: hardly any is taken for a copy.
    assert before.left_out.sum() <= 2


def test_references_by_relevance_hold_the_patch_and_fit_the_classes(world: World) -> None:
    layer, samples = world.layers["parts"], world.samples
    both = [
        references(layer, samples, k=8, origin=origin) for origin in ("relevance", "activation")
    ]
    for channel, kind in enumerate(KINDS):
        assert world.holding(kind)[both[0].rows[channel]].all()
    leading = {output: tuple(np.argsort(-shares_of(layer, samples.members(output)).mean(0))[:2])
               for output in range(len(NAMES))}  # fmt: skip
    found = reference_fit(layer, samples, *both, leading)
    assert found.by_relevance.of_class == 1.0
    assert found.by_activation.of_class <= 1.0
    assert found.by_relevance.carried > 0.4


def test_the_pass_keeps_maximum_and_sum_where_asked(world: World) -> None:
    rows = range(12)
    few = replace(
        world.subject.manifest,
        paths=world.subject.manifest.paths[:12],
        labels=world.subject.manifest.labels[:12],
    )
    plan = PassPlan(LAYERS, "predicted", 5, 100, relmax="max", actmax="sum")
    subject = replace(world.subject, manifest=few)
    shards = shards_of(world.explainer, subject, plan)
    _, layers = merge(shards, few, plan, np.ones(12, bool), [True, True])
    images = world.subject.load(rows)
    explainer: Explainer = world.explainer
    slow = explainer.explain(images, layers=LAYERS, heatmap=False)
    for layer in layers:
        relevance, activation = (part[layer.layer] for part in (slow.relevance, slow.activation))
        np.testing.assert_allclose(
            layer.largest_relevance, relevance.amax((2, 3)), rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(layer.summed_activation, activation.sum((2, 3)), rtol=1e-4)
