"""The parts of the result that are computed, not drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest

from auditor.records.accounting import Agreement, ClassCount
from auditor.records.shortcuts import Exposure, KindSearched
from auditor.records.stages import Manifest, Samples
from auditor.report.document.result import DataCard, FindingCard, NotRun, Quarantined, SearchLimits
from auditor.report.sections.data import data_card
from auditor.report.sections.findings import cut_out, enlarged
from auditor.report.sections.performance import accuracies, confusion_matrix
from auditor.report.sections.summary import switched_off
from auditor.report.sections.verdict import does_not_show, verdict
from auditor.shortcuts.grading import severity
from auditor.shortcuts.statistics import wilson
from tests.report.conftest import Run


def samples() -> Samples:
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    prediction = np.array([0, 0, 1, 1, 3, 2, 2, 0])
    valid = np.array([True] * 7 + [False])
    return Samples(
        manifest=Manifest(
            tuple(f"{i}.jpg" for i in range(8)),
            labels,
            ("a", "b", "c", "d"),
            excluded={"a": {"hidden": 3}},
        ),
        valid=valid,
        quarantine=(*[None] * 7, "truncated"),
        logits=np.eye(4, dtype=np.float32)[prediction],
        prediction=prediction,
        target=prediction,
        discovery=np.array([True, False] * 4),
    )


def test_counts_of_the_data_add_up() -> None:
    card = data_card(samples(), source="x", digest="d")
    assert card.used + len(card.quarantined) == card.total == 8
    assert card.counts == {"a": 3, "b": 2, "c": 2}
    assert card.discovery + card.test == card.used
    assert card.excluded == {"hidden": 3}


def test_performance_by_hand() -> None:
    found = accuracies(samples(), (0, 1))
    assert found.accuracy.value == pytest.approx(5 / 7)
    first, second = found.classes
    assert (first.n, first.accuracy.value, first.confused_with) == (3, 2 / 3, [("b", 1)])
    assert (second.n, second.confused_with) == (2, [("d", 1)])


def test_confusions_outside_the_audited_classes_have_a_column() -> None:
    matrix, names = confusion_matrix(samples(), (0, 1))
    assert names == ["a", "b", "another class"]
    assert matrix.tolist() == [[2, 1, 0], [0, 1, 1]]


@pytest.mark.parametrize(("k", "n"), [(0, 5), (3, 7), (20, 20), (561, 1000)])
def test_wilson_by_its_formula(k: int, n: int) -> None:
    z, p = 1.959963984540054, k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    interval = wilson(k, n)
    assert interval.low == pytest.approx(max(0, centre - half), abs=1e-9)
    assert interval.high == pytest.approx(min(1, centre + half), abs=1e-9)


def test_nothing_counted_is_any_share() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (0, 1)


def limits(**changes: object) -> SearchLimits:
    return SearchLimits(**{"ran": True, "tests": 9, **changes})


def data(run: Run, quarantined: int = 0) -> DataCard:
    listed = [Quarantined(path=str(i), reason="r") for i in range(quarantined)]
    lost = ClassCount(
        name="a",
        found=100,
        used=100 - quarantined,
        set_aside={"r": quarantined},
        losses={"r": quarantined},
        pictures=100,
        share=quarantined / 100,
    )
    update = {"total": 100, "used": 100 - quarantined, "quarantined": listed, "classes": [lost]}
    return run.result.data.model_copy(update={**update, "lost_share": quarantined / 100})


def card(run: Run, grade: str) -> FindingCard:
    """Return F1 with a grade and its plain severity."""
    narrow = Exposure(share=0.1, classes=("one",), lost=0.0)
    same = {"grade": grade, "severity": severity(grade, narrow), "outside": None}
    return run.result.findings[0].model_copy(update=same)


def test_grade_a_fails_whatever_else(run: Run) -> None:
    cards = [card(run, "B"), card(run, "A")]
    found = verdict(cards, limits(ran=False), data(run, 50), [], 3)
    assert found.code == "do_not_use"


def test_what_did_not_run_never_passes(run: Run) -> None:
    assert verdict([], limits(ran=False, reason="off"), data(run), [], 0).code == "incomplete"
    assert verdict([], limits(), data(run), [], 1).code == "incomplete"
    assert verdict([], limits(tests=0), data(run), [], 0).code == "incomplete"
    assert verdict([], limits(), data(run, 2), [], 0).code == "incomplete"
    assert verdict([], limits(), data(run, 1), [], 0).code == "pass"
    left_out = [NotRun(part="the audit of 3 classes", reason="by choice")]
    assert verdict([], limits(), data(run), left_out, 0).code == "conditions"


@pytest.mark.parametrize(
    ("better", "said"),
    [
        ({0: 1, 1: 0}, "12 of 100 pictures (12 %) are right so, and 90 (90 %) with another"),
        (None, "12 of 100 pictures (12 %) are right, fewer than by chance (50 %)"),
    ],
)
def test_answers_that_contradict_how_labels_met_outputs_never_pass(
    run: Run, better: dict[int, int] | None, said: str
) -> None:
    against = Agreement(n=100, right=12, best_right=90, better=better, expected=50, below=True)
    assert against.contradicts
    card = data(run).model_copy(update={"contradiction": against})
    found = verdict([], limits(), card, [], 0)
    assert found.code == "incomplete"
    assert found.gaps[0] in found.sentence
    assert said in found.gaps[0].replace("\u00a0", " ")
    classes = tuple(card.classes[0].model_copy(update={"name": name}) for name in ("cat", "dog"))
    known = verdict([], limits(), card.model_copy(update={"classes": classes}), [], 0)
    assert ("outputs, which moves those of cat and dog" in known.gaps[0]) == bool(better)
    unknown = card.model_copy(update={"classes": card.classes[:1]})
    assert "which moves" not in verdict([], limits(), unknown, [], 0).gaps[0]


def test_what_could_not_be_tested_never_passes(run: Run) -> None:
    found = verdict([card(run, "C"), card(run, "U")], limits(), data(run), [], 0)
    assert found.code == "incomplete"
    assert "1 candidate could not be tested" in found.sentence
    assert verdict([card(run, "C")], limits(failed=1), data(run), [], 0).code == "incomplete"
    assert verdict([card(run, "A")], limits(failed=1), data(run), [], 0).code == "do_not_use"


def test_a_search_that_left_proposals_out_passes_with_conditions(run: Run) -> None:
    left_out = switched_off(("P1", "P4"))
    found = verdict([], limits(), data(run), left_out, 0)
    assert found.code == "conditions"
    assert "the search by P1 and P4 did not run" in found.sentence
    assert switched_off(()) == []


def test_grade_b_waits_for_a_decision_and_c_and_d_for_none(run: Run) -> None:
    found = verdict([card(run, "B")], limits(), data(run), [], 0)
    assert found.code == "needs_decision"
    assert card(run, "B").what in found.sentence
    grave = card(run, "B").model_copy(update={"severity": "high"})
    assert verdict([grave], limits(), data(run), [], 0).code == "do_not_use"
    assert verdict([card(run, "C"), card(run, "D")], limits(), data(run), [], 0).code == "pass"


def test_a_cue_has_to_be_looked_at(run: Run) -> None:
    cue = card(run, "C")
    found = verdict([cue], limits(), data(run), [], 0, cues=[cue.id])
    assert found.code == "needs_look"
    assert cue.what in found.sentence
    gap = verdict([cue], limits(failed=1), data(run), [], 0, cues=[cue.id])
    assert gap.code == "incomplete"
    assert cue.what in gap.sentence


def test_a_cue_inside_the_marked_object_is_confirmed_by_that(run: Run) -> None:
    inside = card(run, "C").model_copy(update={"outside": 0.05, "plausibility": 0.2})
    found = verdict([inside], limits(), data(run), [], 0, cues=[inside.id])
    assert found.code == "pass"
    assert "the objects that are marked in the data" in found.sentence
    partly = inside.model_copy(update={"outside": 0.3})
    assert verdict([partly], limits(), data(run), [], 0, cues=[inside.id]).code == "needs_look"
    artefact = inside.model_copy(update={"plausibility": 0.8})
    assert verdict([artefact], limits(), data(run), [], 0, cues=[inside.id]).code == "needs_look"


def test_a_verdict_without_findings_says_which_kinds_were_not_searched(run: Run) -> None:
    kinds = (
        KindSearched(kind="mark", title="marks in place", how="regions"),
        KindSearched(kind="metadata", title="metadata", how="columns", reason="none given"),
    )
    found = verdict([], limits(kinds=kinds), data(run), [], 0)
    assert found.code == "pass"
    assert found.sentence.endswith("Not searched: metadata.")
    assert "Not searched" not in verdict([], limits(kinds=kinds[:1]), data(run), [], 0).sentence
    left_out = verdict([], limits(kinds=kinds), data(run), switched_off(("P1",)), 0)
    cue = card(run, "C")
    asked = verdict([cue], limits(kinds=kinds), data(run), [], 0, cues=[cue.id])
    assert (left_out.code, asked.code) == ("conditions", "needs_look")
    for each in (left_out, asked):
        assert each.sentence.endswith("Not searched: metadata.")


def test_the_detection_limit_is_said(run: Run) -> None:
    sentences = does_not_show(limits(detection_limit=0.17, targets=640, tests=60), data(run))
    assert "the detection limit of 60 tests on 640 pictures" in sentences[0]
    assert "17\u00a0%" in sentences[0]


def test_what_was_neither_shown_nor_ruled_out_is_said_first(run: Run) -> None:
    named = ["strip in gravel", "corner in ferry"]
    assert "strip in gravel and corner in ferry" in does_not_show(limits(), data(run), named)[0]
    assert not [each for each in does_not_show(limits(), data(run)) if "ruled out" in each]


def test_cut_out_is_the_box_of_the_mask() -> None:
    picture = np.full((10, 12, 3), 90, np.uint8)
    mask = np.zeros((10, 12), bool)
    mask[2:5, 3:9] = True
    mask[2, 3] = False
    cut = cut_out(picture, mask)
    assert cut.shape == (3, 6, 3)
    assert cut[1, 1].tolist() == [90, 90, 90]
    assert cut[0, 0].tolist() == [180, 180, 180]


def test_an_empty_mask_leaves_the_picture() -> None:
    picture = np.full((4, 4, 3), 9, np.uint8)
    assert cut_out(picture, np.zeros((4, 4), bool)) is picture


def test_enlarging_keeps_the_mask_in_place() -> None:
    picture = np.zeros((16, 32, 3), np.uint8)
    mask = np.zeros((16, 32), bool)
    mask[4:8, 8:16] = True
    large, region = enlarged(picture, mask)
    assert large.shape[:2] == region.shape == (96, 192)
    ys, xs = np.nonzero(region)
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (24, 47, 48, 95)
