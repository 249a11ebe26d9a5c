"""Transplants into the nearest class: what turns pictures of one class only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.images import load_members, load_pool
from auditor.causal.rivals import Rival, nearest_class_test, rival_evidence, rivals_of
from auditor.causal.screening import rival_of, screen
from auditor.causal.transplant import Region, control_windows
from auditor.causal.trial import Trial, next_rank, run_trial
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.propose.proposals import Proposal
from tests.causal.worlds import BRIGHT, MARK, SIZE, KnownModel, world


class AgainstGreen(nn.Module):
    """Like `KnownModel`, but the brightest pixel takes from green what it gives to red."""

    def __init__(self, strength: float) -> None:
        super().__init__()
        self.known = KnownModel(0.0)
        self.strength = strength

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        colours = self.known.mean(self.known.relu(self.known.colours(images))).flatten(1)
        logits: Tensor = self.known.from_colours(colours)
        bright = torch.relu(images.sum(dim=1).amax(dim=(1, 2)) - BRIGHT)
        gain = torch.stack([0.5 * bright, -self.strength * bright, 0 * bright], dim=1)
        return logits + gain


def tried(strength: float, share: float = 1.0) -> tuple[Trial, Evidence, Evidence, Rival]:
    """Return the trial of the mark, what was asked of its rival, the test itself, and the rival."""
    model = AgainstGreen(strength)
    subject = world(per_class=48, marked=(0.8, 0.0, 0.0), reliance=0.0, model=model)
    # Green pictures hold more red than blue ones do, so that green is red's rival.
    subject.images[subject.labels == 1, ..., 0] += 0.06
    stage = subject.stage(60, targets=40, permutations=400)
    rng = np.random.default_rng(0)
    members = load_members(stage.search, 0)
    rivals = rivals_of(stage.search, [members], stage.others)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    marked = np.flatnonzero(members.rows < round(0.8 * 48))
    window = control_windows(members, masks, "mark", rank=0.5)
    region = Region(members, masks, marked, marked[:0], window)
    trial = run_trial(stage, region, next_rank(members, region, "mark"), [], rng)
    asked = nearest_class_test(stage, trial, rivals.get(0), share, rng)
    assert asked is not None
    return trial, asked, rival_evidence(stage, region, rivals[0], rng), rivals[0]


def test_the_rival_is_the_class_nearest_on_the_discovery_half() -> None:
    subject = world(per_class=24, reliance=0.0)
    subject.images[subject.labels == 2, ..., 0] += 0.06
    search = subject.search()
    samples = search.samples
    rows = np.flatnonzero(samples.discovery)
    pool = load_pool(search, rows, 60, name="any")
    assert rival_of(pool, 0) == 2
    alone = load_pool(search, rows[samples.labels[rows] == 0], 60, name="any")
    assert rival_of(alone, 0) is None


def test_what_turns_one_class_only_is_seen_on_its_pictures() -> None:
    trial, _, nearest, rival = tried(3.0)
    overall = trial.evidence["flip_excess"]
    assert rival.name == "green"
    assert (nearest.unit, nearest.of) == ("images", "green")
    assert nearest.effect > 0.9 > 0.6 > overall.effect
    assert nearest.n == len(rival.images.without(0))
    assert nearest.p is not None
    assert nearest.p < 0.01


def test_what_turns_nothing_stops_early() -> None:
    _, asked, nearest, _ = tried(0.0)
    assert asked == nearest
    assert nearest.effect == pytest.approx(0.0, abs=0.05)
    assert nearest.n == 16


def test_it_is_left_out_with_a_reason_where_the_region_moved_little() -> None:
    _, nearest, _, _ = tried(0.0, share=0.01)
    assert (nearest.p, nearest.outcome) == (None, "not applicable")
    assert "too little" in nearest.reason


def test_it_is_not_needed_where_pictures_of_all_classes_turn() -> None:
    _, nearest, _, _ = tried(3.0)
    assert (nearest.p, nearest.outcome) == (None, "not applicable")
    assert "Not needed" in nearest.reason


def test_screening_measures_on_the_rival_and_on_other_classes() -> None:
    subject = world(per_class=24)
    stage = subject.stage(60)
    members, pool = load_members(stage.search, 0), stage.others
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    proposal = Proposal("spot", masks, 1.0, "")
    rng = np.random.default_rng(0)
    found = screen(stage.probe, members, [proposal], pool, classes=1, rng=rng)[0]
    rival = rival_of(pool, 0)
    assert pool.labels[found.targets].tolist().count(rival) == 1
    assert pool.labels[found.targets[0]] == rival
    assert rival not in pool.labels[found.fillers]
    assert len(found.fillers) == len(found.targets) == 3


def test_a_mark_on_few_members_gets_few_references() -> None:
    subject = world(per_class=80, marked=(0.2, 0.0, 0.0))
    stage = subject.stage(60)
    members, pool = load_members(stage.search, 0), stage.others
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    proposal = Proposal("spot", masks, 1.0, "")
    rng = np.random.default_rng(0)
    found = screen(stage.probe, members, [proposal], pool, classes=1, rng=rng)[0]
    assert len(found.tried) == int(members.discovery.sum()) > 32
    carriers = members.rows < round(0.2 * 80)
    assert set(found.references) == set(np.flatnonzero(carriers & members.discovery))
    assert len(found.references) < len(found.tried) / 4
