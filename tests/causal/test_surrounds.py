"""Surrounds swapped between classes: a model that looks at them is caught, and no other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from auditor.causal import surround_swaps, surround_trials, surrounds
from auditor.causal.images import load_members
from auditor.causal.kinds import CONTEXTS
from auditor.causal.natural_mistakes import more_often
from auditor.causal.search import find_shortcuts
from auditor.causal.surround_findings import context_findings, plausibility_of
from auditor.causal.surround_swaps import SAME_CLASS, THIRD_CLASS
from auditor.causal.surround_trials import Contexts, context_trials
from auditor.causal.surrounds import filled, objects_in, taken_apart
from auditor.causal.trial import FIRST_TARGETS
from auditor.config.audit import ShortcutConfig
from auditor.records.stages import Finding
from auditor.shortcuts.grading import STRONG, settled
from auditor.shortcuts.objects import Objects, objects_of
from auditor.shortcuts.propose.proposals import Proposal
from auditor.shortcuts.terms.around_the_object import ESTIMATED, MISTAKEN
from auditor.shortcuts.tests import FLIP_EXCESS, NATURAL_MISTAKES
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
    results, _ = settled(contexts.results)
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
    assert str(contexts.left_out) in contexts.notes(0)[0]


def test_of_pictures_without_objects_it_says_that_it_did_not_look() -> None:
    subject = scenes(40.0)
    subject.images[:] = subject.images[:, :1, :1]
    stage = subject.stage(60)
    contexts = context_trials(stage, [load_members(stage.search, 0)], [])
    looked = contexts.looked(10)
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


def test_a_surround_that_two_classes_share_is_found_against_others() -> None:
    """Half of class 1 is on the teal of class 0: on it an object of class 2 turns, as on that."""
    contexts, findings = searched(scenes(40.0, teal=(1.0, 0.6, 0.0)))
    assert (contexts.unusable, contexts.indistinct) == ((), ())
    assert [each.candidate.output for each in findings] == [0]
    assert findings[0].evidence["surround_given"].low > 0.5
    assert "plain grey" in " ".join(findings[0].evidence["surround_given"].controls)
    sides = contexts.trials[0].sides
    colours = sides.others.inputs[:, :, :4].mean(dim=(2, 3)).numpy()
    on_teal = colours[:, 2] > colours[:, 0]
    assert on_teal[sides.shared].all()
    assert on_teal[sides.other_plates].mean() < 0.1
    assert contexts.shared == sum(len(each.sides.shared) for each in contexts.trials) > 0
    assert str(contexts.shared) in contexts.notes(1)[0]


def test_a_class_whose_surroundings_all_others_share_was_not_searched() -> None:
    contexts, _ = searched(scenes(40.0))
    stage = scenes(40.0).stage(60)
    given = contexts.trials[0].sides
    rows = given.others.rows
    for alike, indistinct in ((rows[:0], False), (rows, True)):
        sides = surround_swaps.sides_of(stage, 0, given.own, given.others, given.targets, alike)
        assert (sides.enough, sides.indistinct) == (not indistinct, indistinct)
    few = replace(given, plates=given.plates[:1])
    assert not few.enough
    assert not few.indistinct
    looked = Contexts(indistinct=("red",)).looked(10)
    assert "red" in looked.reason
    assert looked.limit is None
    searched_but_one = Contexts(unusable=("red",), fewest=(60, 20, 20)).looked(10)
    assert searched_but_one.reason == ""
    assert searched_but_one.limit is not None
    assert "red" in searched_but_one.but


def test_mistakes_alone_make_a_cue_and_swaps_that_show_nothing_do_not_hide_it() -> None:
    contexts, _ = searched(scenes(40.0))
    results, _n = settled(contexts.results)
    context = contexts.trials[0]
    told = results[context.id]
    quiet = {"effect": 0.0, "low": -0.1, "high": 0.2, "outcome": "inconclusive", "q": 0.5}
    told = {
        test: each.model_copy(update=quiet) if test.startswith("surround") else each
        for test, each in told.items()
    }
    stage = scenes(40.0).stage(60, permutations=300)
    (finding,) = context_findings(stage, [context], {context.id: told})
    assert finding.grade == "C"
    assert "Swapping the surroundings alone did not show" in finding.lead
    for test in ("natural_mistakes", "component_mistakes"):
        told[test] = told[test].model_copy(update={"low": STRONG - 0.01})
    assert context_findings(stage, [context], {context.id: told}) == []


def test_where_few_pictures_have_an_object_a_context_is_no_more_than_a_cue() -> None:
    """A texture has an object now and then, and everything around it is the texture."""
    contexts, (clear,) = searched(scenes(40.0))
    results, _n = settled(contexts.results)
    (context,) = [each for each in contexts.trials if each.id == clear.candidate.id]
    own = context.sides.own
    assert clear.grade == "A"
    assert own.told == 1.0
    few = replace(context.sides, own=replace(own, left_out=len(own.rows)))
    stage = scenes(40.0).stage(60, permutations=300)
    (finding,) = context_findings(stage, [replace(context, sides=few)], results)
    assert finding.grade == "C"


def test_a_context_is_known_by_what_is_around_and_not_by_the_object(found: Finding) -> None:
    assert found.details is not None
    assert found.details.signature is not None
    look = np.array(found.details.signature.look)
    assert np.abs(look - TEAL).max() < 0.12
    red = scenes(40.0).images[0][12:20, 12:20].mean(axis=(0, 1))
    assert np.abs(red - TEAL).max() > 0.3


def test_what_covers_much_of_the_picture_is_not_filled_in_the_plates() -> None:
    stage = scenes(40.0).stage(60)
    members = load_members(stage.search, 0)

    def candidate(rows: slice, *, promising: bool = True, output: int = 0) -> Any:
        masks = np.zeros(members.heat.shape, bool)
        masks[:, rows] = True
        evidence = FLIP_EXCESS.result(
            outcome="supports", effect=0.5, low=0.4, high=0.6, n=30, p=0.001 if promising else 0.9
        )
        return SimpleNamespace(
            members=SimpleNamespace(output=output),
            screened=SimpleNamespace(proposal=Proposal("strip", masks, 1.0, "because.")),
            evidence={evidence.test: evidence},
        )

    tested = [
        candidate(slice(0, 3)),
        candidate(slice(4, 20)),
        candidate(slice(22, 24), promising=False),
        candidate(slice(26, 28), output=1),
    ]
    erased = surround_trials._erased(members, tested)
    assert erased[:, :3].all()
    assert not erased[:, 3:].any()


def test_what_a_candidate_covers_is_filled_in_the_plates_of_its_class_alone() -> None:
    subject = scenes(0.0)
    subject.images[:, 2:5, 2:5] = 1.0
    stage = subject.stage(60)
    classes = [load_members(stage.search, output) for output in (0, 1)]
    masks = np.zeros(classes[0].heat.shape, bool)
    masks[:, 1:6, 1:6] = True
    evidence = FLIP_EXCESS.result(outcome="supports", effect=0.5, low=0.4, high=0.6, n=30, p=0.001)
    tested: Any = SimpleNamespace(
        members=classes[0],
        screened=SimpleNamespace(proposal=Proposal("mark", masks, 1.0, "because.")),
        evidence={evidence.test: evidence},
    )
    apart = surround_trials._taken_apart(stage, classes, [tested])
    brightest = [float(each.plates[:, :, 2:5, 2:5].max()) for each in apart]
    assert [value > 0.99 for value in brightest] == [True, True, False, True]


def test_a_picture_of_several_groups_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = scenes(0.0).stage(60)
    pool = stage.targets
    seen: list[int] = []

    def counted(pictures: np.ndarray, marked: np.ndarray | None = None) -> Objects:
        seen.append(len(pictures))
        return objects_of(pictures, marked)

    monkeypatch.setattr(surrounds, "objects_of", counted)
    groups = [(pool.rows[at], pool.inputs[at]) for at in (slice(0, 9), slice(6, 15))]
    first, second = objects_in(stage.probe, groups)
    assert seen == [9, 6]
    assert (first.masks[6:] == second.masks[:3]).all()
    alone = objects_of(stage.probe.pictures(pool.inputs[6:15]))
    assert (second.masks == alone.masks).all()
    assert (second.certainty == alone.certainty).all()


def test_a_target_never_meets_its_own_plate() -> None:
    contexts, _ = searched(scenes(40.0))
    sides = contexts.trials[0].sides
    target = int(sides.other_plates[0])
    alone = replace(sides, other_plates=sides.other_plates[:4])
    alone.others.labels[alone.other_plates] = alone.others.labels[target]
    for name in (THIRD_CLASS, SAME_CLASS):
        fitting = surround_swaps._fitting(alone, sides.others, target, name)
        assert len(fitting) == 3
        assert target not in fitting


def test_controls_are_of_third_classes_and_of_the_same_class() -> None:
    contexts, _ = searched(scenes(40.0))
    context = contexts.trials[0]
    swapped, sides = context.swapped, context.sides
    own = swapped.objects.labels[swapped.chosen][:, None]
    # More than the first targets were asked, each of them once.
    assert FIRST_TARGETS < len(np.unique(swapped.chosen)) == len(swapped.result.region)
    assert len(swapped.plates) == len(swapped.chosen)
    for name, same in ((THIRD_CLASS, False), (SAME_CLASS, True)):
        assert name in swapped.result.controls
        drawn = sides.others.labels[swapped.controls[name]]
        assert ((drawn == own) == same).all()
        assert (drawn != sides.output).all()


def test_mistakes_and_misses_are_counted_on_their_own_sides() -> None:
    contexts, _ = searched(scenes(40.0))
    mistakes = contexts.trials[0].mistakes
    assert mistakes is not None
    of_class, taken = mistakes.pool.labels == 0, mistakes.pool.predictions == 0
    assert mistakes.mistaken.n == (mistakes.alike & ~of_class).sum()
    assert mistakes.missed.n == (~mistakes.alike & of_class).sum()
    for evidence, part, wrong in (
        (mistakes.mistaken, ~of_class, taken),
        (mistakes.missed, of_class, ~taken),
    ):
        here = mistakes.alike if evidence is mistakes.mistaken else ~mistakes.alike
        effect = wrong[part & here].mean() - wrong[part & ~here].mean()
        assert evidence.effect == pytest.approx(effect)
    assert mistakes.mistaken.effect > 0.8


@pytest.mark.parametrize(("outcome", "counted"), [("supports", 0.4), ("inconclusive", 0.0)])
def test_only_mistakes_that_are_shown_make_a_context_implausible(
    outcome: str, counted: float
) -> None:
    own = SimpleNamespace(marked=np.zeros(3), certainty=np.array([0.2, 0.3, 0.9]), rows=range(3))
    context: Any = SimpleNamespace(sides=SimpleNamespace(own=own))
    shown = {"effect": 0.6, "low": 0.4, "high": 0.7, "n": 20, "p": 0.001}
    mistakes = NATURAL_MISTAKES.result(outcome=outcome, **shown)
    terms = plausibility_of(context, {mistakes.test: mistakes}).terms
    assert terms == {ESTIMATED: 0.3, MISTAKEN: counted}
