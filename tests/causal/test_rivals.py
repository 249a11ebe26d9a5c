"""T1 on the nearest class: what turns pictures of one class only."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.images import load_members, load_pool
from auditor.causal.rivals import Rival, rival_evidence, rivals_of, with_rival
from auditor.causal.screening import rival_of, screen
from auditor.causal.transplant import Region, control_windows
from auditor.causal.trial import Stage, Trial, next_rank, run_trial
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import Evidence
from auditor.shortcuts.grading import FLIPS, RIVAL
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


def tried(strength: float, share: float = 1.0) -> tuple[Trial, Evidence, Rival]:
    """Return the trial of the mark with what was asked of its rival, and the test itself."""
    model = AgainstGreen(strength)
    subject = world(per_class=48, marked=(0.8, 0.0, 0.0), reliance=0.0, model=model)
    # Green pictures hold more red than blue ones do, so that green is red's rival.
    subject.images[subject.labels == 1, ..., 0] += 0.06
    samples, probe = subject.samples(), subject.probe()
    generator = np.random.default_rng(0)
    members = load_members(probe, samples, 0, ShortcutConfig(), 0)
    found = samples.discovery
    others = load_pool(probe, samples, np.flatnonzero(found), 60, name="any", seed=0)
    targets = load_pool(probe, samples, np.flatnonzero(~found), 60, name="any", seed=0)
    rivals = rivals_of(probe, samples, [members], others, 0)
    stage = Stage(probe, targets, others, 40, 400, 8)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    marked = np.flatnonzero(members.rows < round(0.8 * 48))
    window = control_windows(members, masks, "mark", rank=0.5)
    region = Region(members, masks, marked, marked[:0], window)
    windows = next_rank(members, region, "mark")
    trial = run_trial(stage, "c", region, windows, [], generator)
    asked = with_rival(stage, "c", trial, rivals.get(0), share, generator)
    return asked, rival_evidence(stage, "c", region, rivals[0], generator), rivals[0]


def of(trial: Trial, test: str) -> Evidence:
    return next(each for each in trial.evidence if each.test == test)


def test_the_rival_is_the_class_nearest_on_the_discovery_half() -> None:
    subject = world(per_class=24, reliance=0.0)
    subject.images[subject.labels == 2, ..., 0] += 0.06
    samples, probe = subject.samples(), subject.probe()
    rows = np.flatnonzero(samples.discovery)
    pool = load_pool(probe, samples, rows, 60, name="any", seed=0)
    assert rival_of(pool, 0) == 2
    alone = load_pool(probe, samples, rows[samples.labels[rows] == 0], 60, name="any", seed=0)
    assert rival_of(alone, 0) is None


def test_what_turns_one_class_only_is_seen_on_its_pictures() -> None:
    trial, nearest, rival = tried(3.0)
    overall = of(trial, FLIPS)
    assert rival.name == "green"
    assert nearest.unit == "share of images of 'green'"
    assert nearest.effect > 0.9 > 0.6 > overall.effect
    assert nearest.n == len(rival.images.without(0))
    assert nearest.p is not None
    assert nearest.p < 0.01


def test_what_turns_nothing_stops_early() -> None:
    trial, nearest, _ = tried(0.0)
    assert of(trial, RIVAL) == nearest
    assert nearest.effect == pytest.approx(0.0, abs=0.05)
    assert nearest.n == 16


def test_it_is_left_out_with_a_reason_where_the_region_moved_little() -> None:
    trial, _, _ = tried(0.0, share=0.01)
    nearest = of(trial, RIVAL)
    assert (nearest.p, nearest.outcome) == (None, "not applicable")
    assert "too little" in nearest.reason


def test_it_is_not_needed_where_pictures_of_all_classes_turn() -> None:
    trial, _, _ = tried(3.0)
    nearest = of(trial, RIVAL)
    assert (nearest.p, nearest.outcome) == (None, "not applicable")
    assert "Not needed" in nearest.reason


def test_screening_measures_on_the_rival_and_on_other_classes() -> None:
    subject = world(per_class=24)
    samples, probe = subject.samples(), subject.probe()
    generator = np.random.default_rng(0)
    members = load_members(probe, samples, 0, ShortcutConfig(), 0)
    pool = load_pool(probe, samples, np.flatnonzero(samples.discovery), 60, name="any", seed=0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    proposal = Proposal("P1", "spot", masks, 1.0, "")
    found = screen(probe, members, [proposal], pool, classes=1, generator=generator)[0]
    rival = rival_of(pool, 0)
    assert pool.labels[found.targets].tolist().count(rival) == 1
    assert pool.labels[found.targets[0]] == rival
    assert rival not in pool.labels[found.fillers]
    assert len(found.fillers) == len(found.targets) == 3


def test_a_mark_on_few_members_gets_few_references() -> None:
    subject = world(per_class=80, marked=(0.2, 0.0, 0.0))
    samples, probe = subject.samples(), subject.probe()
    generator = np.random.default_rng(0)
    members = load_members(probe, samples, 0, ShortcutConfig(), 0)
    pool = load_pool(probe, samples, np.flatnonzero(samples.discovery), 60, name="any", seed=0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    proposal = Proposal("P1", "spot", masks, 1.0, "")
    found = screen(probe, members, [proposal], pool, classes=1, generator=generator)[0]
    assert len(found.tried) == int(members.discovery.sum()) > 32
    carriers = members.rows < round(0.2 * 80)
    assert set(found.references) == set(np.flatnonzero(carriers & members.discovery))
    assert len(found.references) < len(found.tried) / 4
