"""Transplants and removals on a model whose weights, and so the numbers, are known."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from auditor.base.streams import stream
from auditor.causal import trial
from auditor.causal.images import Stage, load_members, load_pool
from auditor.causal.removal import SMOOTH, removal
from auditor.causal.transplant import (
    NON_MEMBER,
    OTHER_CLASS,
    SAME_IMAGE,
    Region,
    Transplanted,
    control_windows,
    margin,
    pair_up,
    transplant,
    with_controls,
)
from auditor.causal.trial import (
    CLEAR_AT_LOOK,
    LOOK,
    SPENT_EARLY,
    Trial,
    last_share,
    least_effect,
    removal_evidence,
    run_trial,
    z_score,
)
from auditor.shortcuts.grading import LEVEL
from auditor.shortcuts.tests import FLIP_EXCESS
from tests.causal.worlds import BRIGHT, MARK, SIZE, World, world


def planted(subject: World) -> tuple:
    stage = subject.stage(30, targets=24, permutations=300)
    members = load_members(stage.search, 0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[(slice(None), *MARK)] = True
    marked = np.flatnonzero(members.rows < 26)
    without = np.flatnonzero(members.rows >= 26)
    window = control_windows(members, masks, "mark", rank=0.5)
    region = Region(members, masks, marked, without, window)
    return stage.probe, region, stage.targets, stage.others


def test_the_pool_takes_turns_between_classes_and_halves_do_not_mix() -> None:
    subject = world()
    search = subject.search()
    samples = search.samples
    rows = np.flatnonzero(~samples.discovery)
    pool = load_pool(search, rows, 9, name="any")
    assert np.bincount(pool.labels).tolist() == [3, 3, 3]
    assert not samples.discovery[pool.rows].any()
    assert set(pool.without(1)) == {i for i in range(9) if pool.labels[i] != 1}
    again = load_pool(search, rows, 9, name="any")
    assert np.array_equal(pool.rows, again.rows)


def test_of_many_classes_half_the_pool_is_near_the_audited_one_and_no_label_comes_first() -> None:
    """A pool filled in the order of labels would hold the first classes of ImageNet: fish."""
    classes, each = 100, 4
    labels = np.repeat(np.arange(classes), each)
    near = range(50, 56)  # what the model mistakes for class 3
    logits = np.zeros((len(labels), classes), np.float32)
    logits[np.arange(len(labels)), labels] = 6.0
    logits[np.isin(labels, near), 3] = 5.0
    search: Any = SimpleNamespace(
        samples=SimpleNamespace(labels=labels, logits=logits, prediction=labels),
        outputs=(3,),
        rng=lambda *names: stream(0, *names),
        probe=SimpleNamespace(inputs=lambda rows: torch.zeros(len(rows), 3, 4, 4)),
    )
    pool = load_pool(search, np.arange(len(labels)), 20, name="targets")
    assert len(set(pool.labels)) == 20
    assert set(near) <= set(pool.labels.tolist())
    drawn = [label for label in pool.labels if label not in near]
    assert max(drawn) > 80
    assert min(drawn) < 20
    other = load_pool(search, np.arange(len(labels)), 20, name="others")
    assert set(near) <= set(other.labels.tolist())
    assert set(other.labels) != set(pool.labels)


def test_transplanting_the_mark_turns_images_and_the_margin_moves_as_computed() -> None:
    probe, region, targets, others = planted(world())
    chosen, fillers = targets.without(0), others.without(0)
    pairing = pair_up(region, targets, chosen, others, fillers, 3, np.random.default_rng(1))
    result = transplant(probe, pairing)
    assert set(result.controls) == {OTHER_CLASS, SAME_IMAGE, NON_MEMBER}
    flips = result.flips(0)
    assert all(values.mean() > 0.95 for values in flips.values())
    assert result.specific(0)
    assert not result.specific(1)
    inside = region.members.inputs[pairing.references.ravel()][(..., *MARK)].numpy()
    brightest = inside.sum(axis=1).max(axis=(1, 2)) - BRIGHT
    seam = others.inputs[pairing.others.ravel()][(..., *MARK)].numpy()
    redder = (inside - seam)[:, 0].sum(axis=(1, 2)) / SIZE**2
    gained = result.region[..., 0] - result.controls[OTHER_CLASS][..., 0]
    assert gained.mean() == pytest.approx(6.0 * brightest.mean() + 20.0 * redder.mean(), rel=0.05)


def test_without_reliance_nothing_turns() -> None:
    probe, region, targets, others = planted(world(reliance=0.0))
    pairing = pair_up(
        region, targets, targets.without(0), others, others.without(0), 2, np.random.default_rng(1)
    )
    result = transplant(probe, pairing)
    assert all(abs(values.mean()) < 0.05 for values in result.flips(0).values())


def test_every_reference_and_control_is_used_evenly() -> None:
    _, region, targets, others = planted(world())
    pairing = pair_up(
        region, targets, targets.without(0), others, others.without(0), 4, np.random.default_rng(2)
    )
    for dealt in (pairing.references, pairing.others, pairing.non_members):
        assert dealt is not None
        counts = np.unique(dealt, return_counts=True)[1]
        assert counts.max() - counts.min() <= 1
    assert np.array_equal(
        np.concatenate([pairing.first(5).references, pairing.rest(5).references]),
        pairing.references,
    )


def test_flip_excess_and_margins_by_hand() -> None:
    region = np.array([[[3.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]]])
    control = np.array([[[1.0, 2.0, 0.0]], [[5.0, 1.0, 4.0]]])
    result = Transplanted(region, {"control": control})
    assert result.flips(0)["control"].tolist() == [[1.0], [-1.0]]
    assert result.margins(0)["control"].tolist() == [[2.0 + 1.0], [-1.0 - 1.0]]
    assert margin(region, 2).ravel().tolist() == [-3.0, -1.0]
    joined = result.joined(result)
    assert joined.region.shape == (4, 1, 3)
    assert joined.controls["control"].shape == (4, 1, 3)


def test_control_windows_keep_area_and_distance() -> None:
    _, region, _, _ = planted(world())
    assert not (region.window & region.masks).any()
    area = region.masks.sum(axis=(1, 2)).mean()
    assert region.window.sum(axis=(1, 2)).mean() == pytest.approx(area, rel=0.25)


def test_removing_the_mark_makes_marked_images_leave_and_others_stay() -> None:
    probe, region, _, others = planted(world())
    members = region.members
    windows = control_windows(members, region.masks, "mark", rank=1.0)
    fillers = np.random.default_rng(0).choice(others.without(0), len(members.rows))
    rows = np.arange(len(members.rows))
    marked = members.rows < 26
    for content in (None, others.inputs[fillers]):
        found = removal(probe, members, rows, region.masks, windows, content)
        assert found.left[~marked].mean() == pytest.approx(0.0, abs=0.15)
        assert found.left[marked].mean() > 0.4
        assert found.lost[marked].mean() > 5 * abs(found.lost[~marked].mean())


def test_members_without_the_region_stay_whatever_is_covered() -> None:
    subject = world(per_class=60)
    _probe, region, _targets, _others = planted(subject)
    members = region.members
    stage = subject.stage(30, targets=24, permutations=300)
    windows = control_windows(members, region.masks, "mark", rank=1.0)
    carriers = members.rows < 26
    tested = ~members.discovery
    some = replace(region, carriers=carriers)
    left, lost = removal_evidence(stage, some, windows, 5.0, np.random.default_rng(0))
    assert left.n == lost.n == tested.sum()
    assert 0 < left.effect <= (carriers & tested).sum() / tested.sum()
    empty = region.masks & carriers[:, None, None]
    again = replace(region, masks=empty)
    assert removal_evidence(stage, again, windows, 5.0, np.random.default_rng(0)) == (left, lost)


def test_of_a_rare_region_it_is_said_how_many_images_would_do() -> None:
    subject = world(per_class=60)
    _probe, region, _targets, _others = planted(subject)
    members = region.members
    tested = np.flatnonzero(~members.discovery)
    stage = subject.stage(30, targets=24, permutations=300)
    windows = control_windows(members, region.masks, "mark", rank=1.0)
    few = np.isin(np.arange(len(members.rows)), tested[:4])
    found = removal_evidence(
        stage, replace(region, carriers=few), windows, 5.0, np.random.default_rng(0)
    )
    for each in found:
        assert not each.has_run
        assert f"4 of {len(tested)}" in each.reason
        assert f"about {4 * len(tested)} images" in each.reason
    none = replace(region, carriers=np.zeros_like(few))
    left, _lost = removal_evidence(stage, none, windows, 5.0, np.random.default_rng(0))
    assert left.reason.startswith(f"None of the {len(tested)}")


def test_windows_beside_a_region_of_parts_have_the_size_of_a_part() -> None:
    members = load_members(world().search(), 0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    for corner in ((0, 0), (0, 22), (22, 0), (22, 22)):
        masks[:, corner[0] : corner[0] + 10, corner[1] : corner[1] + 10] = True
    masks[::3] = False
    window = control_windows(members, masks, "mark", rank=0.5)
    assert (window.sum(axis=(1, 2)) == 100).all()


def test_a_hopeless_region_stops_after_one_control_and_one_infill() -> None:
    subject = world(per_class=60)
    _probe, region, _targets, _others = planted(subject)
    masks = np.zeros_like(region.masks)
    masks[:, 2:6, 2:6] = True
    region = replace(
        region, masks=masks, window=control_windows(region.members, masks, "mark", rank=0.5)
    )
    stage = subject.stage(30, targets=24, permutations=300)
    windows = control_windows(region.members, masks, "mark", rank=1.0)
    found = run_trial(stage, region, windows, [], np.random.default_rng(0))
    assert found.result is not None
    assert set(found.result.controls) == {OTHER_CLASS}
    assert len(found.result.region) == 16 < found.available
    left, lost = found.evidence["removal"], found.evidence["evidence_lost"]
    assert max(each.high for each in found.evidence.values()) < 0.1
    assert set(left.controls) == set(lost.controls) == {SMOOTH}


def clear_trial() -> tuple[Stage, Trial]:
    """Return the trial of a mark that decides, with many targets."""
    subject = world(per_class=120)
    _probe, region, _targets, _others = planted(subject)
    stage = subject.stage(100, targets=64, permutations=300)
    region = replace(region, non_members=region.non_members[:0])
    windows = control_windows(region.members, region.masks, "mark", rank=1.0)
    return stage, run_trial(stage, region, windows, [], np.random.default_rng(0))


def test_a_clear_region_stops_at_the_look() -> None:
    stage, found = clear_trial()
    flips = found.evidence["flip_excess"]
    assert found.clear
    assert flips.n == LOOK < found.available
    assert flips.low >= CLEAR_AT_LOOK
    assert flips.p is not None
    assert flips.p <= LEVEL / stage.tests


def test_what_is_not_clear_at_the_look_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "CLEAR_AT_LOOK", 1.1)
    _stage, found = clear_trial()
    assert not found.clear
    assert found.evidence["flip_excess"].n == found.available > LOOK


def test_a_look_pays_for_itself_in_p_and_interval() -> None:
    stage = world().stage(30, targets=24, permutations=300)
    effects = np.random.default_rng(3).normal(0.2, 1.0, (40, 4))
    alone, looked = (
        least_effect(stage, FLIP_EXCESS, {"one": effects}, np.random.default_rng(0), share=share)
        for share in (1.0, 0.2)
    )
    assert alone.p is not None
    assert looked.p == pytest.approx(min(1.0, alone.p / 0.2))
    assert looked.low < alone.low < alone.effect < alone.high < looked.high
    assert last_share(LOOK) == 1.0
    assert last_share(LOOK + 1) + SPENT_EARLY == 1.0


def test_two_looks_together_pass_by_chance_no_more_often_than_one_may() -> None:
    stage = world().stage(30, targets=24, permutations=300)
    rng = np.random.default_rng(0)
    level, passed = 0.1, 0
    for _run in range(400):
        effects = rng.normal(0.0, 1.0, (64, 1))
        early = least_effect(stage, FLIP_EXCESS, {"": effects[:LOOK]}, rng, share=SPENT_EARLY)
        late = least_effect(stage, FLIP_EXCESS, {"": effects}, rng, share=last_share(64))
        assert early.p is not None
        assert late.p is not None
        passed += min(early.p, late.p) <= level
    # Of 400 with a probability of 0.1 more than 57 pass once in 360 times.
    assert passed <= 57


def test_controls_that_are_added_later_are_the_same() -> None:
    probe, region, targets, others = planted(world())
    pairing = pair_up(
        region, targets, targets.without(0), others, others.without(0), 2, np.random.default_rng(1)
    )
    whole = transplant(probe, pairing)
    first = transplant(probe, pairing, (OTHER_CLASS,))
    assert set(first.controls) == {OTHER_CLASS}
    later = with_controls(probe, first, pairing)
    assert set(later.controls) == set(whole.controls)
    for name, logits in whole.controls.items():
        assert np.allclose(logits, later.controls[name], atol=1e-5)


def test_z_scores_are_robust_and_need_eight_values() -> None:
    assert z_score(5.0, [1.0] * 7) is None
    values = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0]
    assert z_score(10.0, values) == pytest.approx((10 - 4.0) / (1.4826 * 2.0))


def test_without_non_members_that_control_does_not_apply() -> None:
    probe, region, targets, others = planted(world())
    region = replace(region, non_members=region.non_members[:0])
    pairing = pair_up(
        region, targets, targets.without(0), others, others.without(0), 2, np.random.default_rng(0)
    )
    assert pairing.non_members is None
    assert set(transplant(probe, pairing).controls) == {
        OTHER_CLASS,
        SAME_IMAGE,
    }
