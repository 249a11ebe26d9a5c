"""A region that covers another class's mark decides by what is missing, and that is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from auditor.causal.absence import absence_test
from auditor.causal.images import load_members
from auditor.causal.screening import screen
from auditor.causal.search import find_shortcuts
from auditor.causal.transplant import Region, control_windows
from auditor.causal.trial import Trial, next_rank, run_trial
from auditor.config.audit import ShortcutConfig
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.propose.proposals import Proposal
from auditor.shortcuts.propose.windows import FEATHER
from tests.causal.worlds import MARK, SIZE, KnownModel, World, world


class LacksIt(KnownModel):
    """Takes for class 0 what has no bright pixel."""

    def __init__(self) -> None:
        super().__init__(0.0)
        with torch.no_grad():
            self.from_bright.weight[:, 0] = torch.tensor([-9.0, 0.0, 0.0])
            self.from_bright.bias.copy_(torch.tensor([5.0, 0.0, 0.0]))


def covering(subject: World) -> tuple[Evidence | None, Trial]:
    stage = subject.stage(36, targets=24, permutations=300)
    members = load_members(stage.search, 0)
    masks = np.zeros((len(members.rows), SIZE, SIZE), bool)
    masks[:, MARK[0].start - FEATHER :, MARK[1].start - FEATHER :] = True
    proposal = Proposal("corner", masks, 1.0, "")
    rng = np.random.default_rng(0)
    (screened,) = screen(stage.probe, members, [proposal], stage.others, classes=1, rng=rng)
    window = control_windows(members, masks, "corner", rank=0.5)
    region = Region(members, masks, screened.references, screened.non_members, window)
    trial = run_trial(stage, region, next_rank(members, region, "corner"), [0.0] * 8, rng)
    return absence_test(stage, trial, rng), trial


@pytest.fixture(scope="module")
def lacking() -> World:
    return world(per_class=40, marked=(0.0, 1.0, 1.0), model=LacksIt())


def test_covering_the_place_alone_turns_what_the_region_turns(lacking: World) -> None:
    covered, trial = covering(lacking)
    assert trial.evidence["flip_excess"].low > 0.8
    assert covered is not None
    assert covered.low > 0.8
    assert covered.p is not None
    assert covered.p < 0.01


def test_covering_counts_by_what_covering_another_place_does_not(lacking: World) -> None:
    _covered, trial = covering(lacking)
    stage = lacking.stage(36, targets=24, permutations=300)
    same = replace(trial, region=replace(trial.region, window=trial.region.masks))
    control = absence_test(stage, same, np.random.default_rng(0))
    assert control is not None
    assert control.effect == control.high == 0.0


def test_of_a_mark_that_is_there_covering_turns_nothing() -> None:
    covered, trial = covering(world(per_class=40))
    assert trial.evidence["flip_excess"].low > 0.8
    assert covered is not None
    assert covered.high < 0.05


def test_what_turns_nothing_is_not_asked_and_what_was_not_put_in_has_no_result(
    lacking: World,
) -> None:
    covered, trial = covering(world(per_class=40, reliance=0.0))
    assert covered is not None
    assert covered.outcome == "not applicable"
    stage = lacking.stage(36)
    nowhere = replace(trial, pairing=None)
    assert absence_test(stage, nowhere, np.random.default_rng(0)) is None


def test_the_search_says_so_in_words(lacking: World) -> None:
    config = ShortcutConfig(permutations=300, per_class=2, targets=24)
    found = find_shortcuts(lacking.search(config=config)).findings
    results = [(each, each.evidence.get("covered")) for each in found]
    said = [each for each, covered in results if covered and covered.outcome == "supports"]
    assert said
    assert said[0].candidate.output == 0
    assert "what is missing there may decide" in said[0].detail
