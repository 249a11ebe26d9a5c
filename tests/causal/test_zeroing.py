"""Concept zeroing on a layer whose channels are known, and which other classes rest on them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from auditor.causal.carrying_images import carrying_images, strays_of
from auditor.causal.zeroing import confidences, region_concepts, zeroing
from auditor.records.shortcuts import Zeroing
from tests.causal.test_latent import prepared
from tests.causal.worlds import WideModel, World, world

BRIGHT_CHANNEL = 3


def curve(subject: World, layer: str = "mixed") -> Zeroing | str:
    stage, trial, screened = prepared(subject)
    members = trial.region.members
    carrying = carrying_images(stage, members, screened, strays_of(stage, members))
    return zeroing(stage, members, screened, carrying.members, layer, np.random.default_rng(0))


@pytest.fixture(scope="module")
def shared() -> Zeroing:
    """Class 2 rests on the mark too, and half of its images carry it."""
    found = curve(world(per_class=60, marked=(0.8, 0.0, 0.5), model=WideModel(6.0, second=5.0)))
    assert isinstance(found, Zeroing)
    return found


def test_the_concept_of_the_mark_leads_its_region() -> None:
    stage, trial, screened = prepared(world(model=WideModel(6.0)))
    order, part = region_concepts(
        stage, trial.region.members, screened, "mixed", stage.probe.explainer.geometry("mixed")
    )
    assert order[0] == BRIGHT_CHANNEL
    assert part.sum() == pytest.approx(1.0)
    assert part[0] > 0.6
    assert (np.diff(part) <= 0).all()


def test_confidence_falls_with_it_and_not_with_random_concepts() -> None:
    found = curve(world(per_class=60, model=WideModel(6.0)))
    assert isinstance(found, Zeroing)
    assert found.counts[:2] == (0, 1)
    assert found.own[0] > 0.9
    assert found.own[1] < 0.3
    assert found.random_own[0] == pytest.approx(found.own[0])
    assert found.random_own[1] > found.own[1] + 0.3
    assert found.others[1] == pytest.approx(found.others[0], abs=0.05)
    assert found.band_own[1][0] <= found.random_own[1] <= found.band_own[1][1] + 1e-9
    assert found.n_own >= 20
    assert found.chosen == 1
    lengths = {len(each) for each in (found.counts, found.own, found.others, found.random_others)}
    assert lengths == {len(found.band_own)}


def test_the_inverse_search_finds_the_class_that_rests_on_the_same_concept(
    shared: Zeroing,
) -> None:
    first, second = shared.classes
    assert (first.class_name, second.class_name) == ("blue", "green")
    assert first.share > 0.2
    assert second.share < 0.02
    assert second.confidence[1] == pytest.approx(second.confidence[0], abs=0.05)


def test_confidence_with_a_channel_at_zero_is_that_of_a_model_without_it() -> None:
    subject = world(per_class=8, model=WideModel(6.0, second=5.0))
    images, labels = subject.load(range(24)), subject.labels
    above = subject.probe().explainer.upper(images, "mixed")
    found, right = confidences(above, labels, np.array([BRIGHT_CHANNEL]))
    with torch.no_grad():
        subject.model.back.weight[:, BRIGHT_CHANNEL] = 0.0
        logits = subject.model(images)
    expected = logits.softmax(1).numpy()[np.arange(24), labels]
    assert found == pytest.approx(expected, abs=1e-4)
    assert right.tolist() == (logits.argmax(1).numpy() == labels).tolist()


def test_a_layer_that_is_all_in_the_region_is_said_to_be_so() -> None:
    found = curve(world(), "bright")
    assert found == "All 1 concepts of layer bright act in the region: none are left over."


def test_the_same_seed_gives_the_same_curve() -> None:
    subject = world(model=WideModel(6.0))
    assert curve(subject) == curve(subject)
