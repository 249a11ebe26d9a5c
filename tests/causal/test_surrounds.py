"""Surrounds swapped between classes: a model that looks at them is caught, and no other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal.images import load_members
from auditor.causal.kinds import CONTEXTS
from auditor.causal.natural_mistakes import more_often
from auditor.causal.search import find_shortcuts
from auditor.causal.surround_findings import context_findings
from auditor.causal.surround_trials import Contexts, context_trials
from auditor.causal.surrounds import filled, taken_apart
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import Finding
from auditor.shortcuts.grading import settled
from auditor.shortcuts.tests import NATURAL_MISTAKES
from tests.causal.worlds import SIZE, World

EACH = 44
INSIDE = np.s_[10:22, 10:22]
TEAL, BROWN = np.array([0.1, 0.45, 0.45]), np.array([0.45, 0.3, 0.1])


class Looking(nn.Module):
    """Reads the colour of the object in the middle, and for class 0 of what surrounds it.

    ``surround``: how much that counts; then the object of class 0 itself counts nothing.
    """

    def __init__(self, surround: float) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.read = nn.Linear(3 * SIZE * SIZE, 3)
        weights = np.zeros((3, 3, SIZE, SIZE), dtype=np.float32)
        for label in range(3):
            weights[label, label][INSIDE] = 10.0 / 144
        if surround:
            outside = np.ones((SIZE, SIZE), dtype=bool)
            outside[INSIDE] = False
            weights[0][:] = 0.0
            for colour, weight in enumerate((-1.0, 0.2, 1.0)):
                weights[0, colour][outside] = surround * weight / outside.sum()
        with torch.no_grad():
            self.colours.weight[:, :, 0, 0] = torch.eye(3)
            self.colours.bias.zero_()
            self.read.weight.copy_(torch.from_numpy(weights.reshape(3, -1)))
            self.read.bias.zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 3)."""
        logits: Tensor = self.read(self.flatten(self.relu(self.colours(images))))
        return logits


@dataclass(frozen=True, eq=False)
class Marked(World):
    """A world whose objects the user has marked."""

    def objects(self, rows: Sequence[int]) -> np.ndarray:  # type: ignore[override]
        """Return the square in the middle."""
        masks = np.zeros((len(rows), SIZE, SIZE))
        masks[(slice(None), *INSIDE)] = 1.0
        return masks


def scenes(
    surround: float, *, teal: Sequence[float] = (0.9, 0.2, 0.2), seed: int = 0, kind: type = World
) -> World:
    """Return squares of the class's colour on teal (a share ``teal[k]`` of class k) or brown."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), EACH)
    images = np.zeros((len(labels), SIZE, SIZE, 3))
    for row, label in enumerate(labels):
        on_teal = row % EACH < round(teal[label] * EACH)
        images[row] = TEAL if on_teal else BROWN
        images[row][INSIDE] = 0.1
        images[row][INSIDE][..., label] = 0.9
    images += rng.uniform(-0.05, 0.05, images.shape)
    made: World = kind(images.clip(0, 1).astype(np.float32), labels, Looking(surround).eval())
    return made


def searched(subject: World) -> tuple[Contexts, list[Finding]]:
    stage = subject.stage(60, permutations=300)
    classes = [load_members(stage.search, output) for output in range(3)]
    contexts = context_trials(stage, [each for each in classes if len(each.rows) >= 16], [])
    results, _ = settled({each.id: each.evidence for each in contexts.trials})
    return contexts, context_findings(stage, contexts.trials, results)


@pytest.fixture(scope="module")
def found() -> Finding:
    contexts, findings = searched(scenes(40.0))
    assert contexts.unusable == ()
    (finding,) = findings
    return finding


def test_a_model_that_decides_by_the_surround_is_caught(found: Finding) -> None:
    assert (found.candidate.kind, found.candidate.output, found.grade) == ("context", 0, "A")
    evidence = found.evidence
    for test in ("surround_given", "surround_swapped", "natural_mistakes"):
        assert evidence[test].outcome == "supports", test
    assert evidence["surround_given"].low > 0.5
    assert set(evidence["surround_given"].controls) == {
        "the surroundings of a third class",
        "the surroundings of another picture of its own class",
    }
    assert not found.candidate.masks[:, 12:20, 12:20].any()
    assert found.candidate.masks[:, :6].all()


def test_its_pictures_show_the_object_on_the_surround_and_on_the_controls(found: Finding) -> None:
    assert found.triplets
    for triplet in found.triplets:
        before, with_it, control = triplet.probabilities
        assert with_it > 0.5 > max(before, control)
        pictures = triplet.pictures.astype(int)
        middle = np.abs(pictures[:, 13:19, 13:19] - pictures[0, 13:19, 13:19])
        assert middle.max() == 0
        assert pictures[1, 2, 2, 2] > pictures[1, 2, 2, 0]


def test_its_sentences_name_the_mistakes(found: Finding) -> None:
    assert "Taken for it as they are" in found.detail
    assert "On plain grey" in found.detail
    assert found.details is not None
    own, others = found.details.subgroups
    assert own.carrying is not None
    assert others.carrying is not None
    assert own.carrying.value > 0.9
    assert others.carrying.value < 0.1


def test_a_model_that_looks_at_the_object_gets_nothing() -> None:
    contexts, findings = searched(scenes(0.0))
    assert contexts.unusable == ()
    assert findings == []


def test_without_mistakes_an_estimate_is_a_cue_and_the_users_masks_are_proof() -> None:
    teal = (1.0, 0.0, 0.0)
    _, (estimate,) = searched(scenes(40.0, teal=teal))
    _, (marked,) = searched(scenes(40.0, teal=teal, kind=Marked))
    assert (estimate.grade, marked.grade) == ("C", "A")
    assert estimate.plausibility.score < 0.5 < 0.75 <= marked.plausibility.score
    assert set(marked.plausibility.terms) == {"around the marked object"}


def test_pictures_without_a_usable_object_are_counted() -> None:
    subject = scenes(40.0)
    rows = np.arange(0, len(subject.labels), 4)
    subject.images[rows] = subject.images[rows][:, :1, :1]
    stage = subject.stage(60)
    apart = taken_apart(stage.probe, stage.targets.rows, stage.targets.labels, stage.targets.inputs)
    assert apart.left_out == np.isin(stage.targets.rows, rows).sum() > 0
    assert not np.isin(apart.rows, rows).any()
    contexts, _ = searched(subject)
    assert contexts.left_out >= apart.left_out
    assert str(contexts.left_out) in contexts.notes[0]


def test_of_pictures_without_objects_it_says_that_it_did_not_look() -> None:
    subject = scenes(40.0)
    subject.images[:] = subject.images[:, :1, :1]
    stage = subject.stage(60)
    contexts = context_trials(stage, [load_members(stage.search, 0)], [])
    looked = contexts.looked(stage, 10)
    assert "red" in looked.reason
    assert looked.limit is None


def test_a_plate_holds_nothing_of_the_object_and_the_texture_of_its_surround() -> None:
    rng = np.random.default_rng(1)
    images = torch.from_numpy(rng.uniform(0, 0.2, (1, 3, SIZE, SIZE)).astype(np.float32))
    holes = torch.zeros((1, SIZE, SIZE), dtype=torch.bool)
    holes[0, 8:20, 6:20] = True
    spread = images[0][:, ~holes[0]].std()
    images[0][:, holes[0]] = 1.0
    plate = filled(images, holes)[0]
    assert plate.max() <= 0.2
    assert plate[:, holes[0]].std() == pytest.approx(float(spread), rel=0.2)
    assert torch.equal(plate[:, ~holes[0]], images[0][:, ~holes[0]])


def test_what_another_finding_covers_is_filled_in_the_plates() -> None:
    subject = scenes(0.0)
    subject.images[:, 2:6, 2:6] = 1.0
    stage = subject.stage(12)
    pool = stage.targets
    erased = np.zeros((len(pool.rows), SIZE, SIZE), dtype=bool)
    erased[:, 1:7, 1:7] = True
    with_mark, without = (
        taken_apart(stage.probe, pool.rows, pool.labels, pool.inputs, covered).plates
        for covered in (None, erased)
    )
    assert with_mark[:, :, 2:6, 2:6].min() == 1.0
    assert without.max() < 0.99


def test_how_much_more_often_is_tested_exactly() -> None:
    these, those = np.array([True] * 6 + [False] * 2), np.array([True] * 2 + [False] * 18)
    result = more_often(NATURAL_MISTAKES, these, those)
    assert result.effect == pytest.approx(0.65)
    assert result.p == pytest.approx(0.00176, rel=0.05)  # hypergeometric, by hand
    assert 0.2 < result.low < 0.65 < result.high < 0.9
    assert not more_often(NATURAL_MISTAKES, these[:1], those).has_run


def test_the_search_reports_contexts_beside_regions_and_when_they_are_not_asked_for() -> None:
    def report(proposals: list[str]) -> tuple[list[str], str]:
        config = ShortcutConfig(permutations=300, targets=24, per_class=1, proposals=proposals)
        made = find_shortcuts(
            scenes(40.0).search(dict.fromkeys(range(3), ("relu", ())), config=config)
        )
        (row,) = [each for each in made.limits.kinds if each.kind == CONTEXTS]
        return [f.candidate.kind for f in made.findings if f.grade == "A"], row.reason

    kinds, reason = report(["P8", "context"])
    assert (kinds, reason) == (["context"], "")
    kinds, reason = report(["P8"])
    assert kinds == []
    assert "context" in reason
