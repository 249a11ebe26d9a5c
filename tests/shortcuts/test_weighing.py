"""What speaks against a candidate, and the cost of a fix, in words with the right numbers."""

from __future__ import annotations

import numpy as np

from auditor.records.part import Interval
from auditor.records.shortcuts import (
    Change,
    Details,
    Evidence,
    Plausibility,
    Projection,
    Subgroup,
    Zeroing,
)
from auditor.shortcuts.statistics import accuracy, gap_p, wilson
from auditor.shortcuts.tests import (
    EVIDENCE_SHARE,
    FLIP_EXCESS,
    LATENT,
    REMOVAL,
    CausalTest,
    in_order,
)
from auditor.shortcuts.weighing import NOTHING, against, cost
from auditor.shortcuts.wording import zeroing_in_words

ALIKE = Plausibility(terms={"stereotyped appearance": 0.95, "near the border": 0.2}, score=0.8)


def ran(test: CausalTest, low: float, *, z: float | None = None, reason: str = "") -> Evidence:
    return test.result(
        outcome="supports", effect=low + 0.1, low=low, high=low + 0.2, n=40, p=0.001, q=0.001, z=z,
        reason=reason,
    )  # fmt: skip


def counted(right: int, n: int) -> Interval | None:
    return accuracy(np.arange(n) < right)


def curve(own: tuple[float, float]) -> Zeroing:
    return Zeroing(
        layer="last", concepts=("last/3",), part=(1.0,), counts=(0, 1), own=own, others=(0.9, 0.9),
        random_own=(0.9, 0.8), random_others=(0.9, 0.9), band_own=((0.9, 0.9), (0.7, 0.9)),
        draws=10, n_own=20, n_others=30, chosen=1, classes=(), sentence="",
    )  # fmt: skip


def cost_of(*changes: Change, **turned: object) -> str:
    projection = Projection(
        layer="last", sentence="", variance=0.1, control_variance=0.1, directions=20,
        changes=changes, **turned,
    )  # fmt: skip
    return cost("gravel", projection)


def test_weak_tests_and_missing_looks_speak_against_it() -> None:
    found = against(
        "gravel",
        in_order(
            [
                ran(FLIP_EXCESS, 0.05),
                ran(EVIDENCE_SHARE, 0.2, z=2.0),
                ran(REMOVAL, -0.1),
                ran(LATENT, -0.1),
            ]
        ),
        ALIKE,
        Details(),
    )
    text = " ".join(found).replace("\u00a0", " ")
    assert "turns few of them into 'gravel' (n = 40, upper end of the interval 25 %)" in text
    assert "no clearly larger share" in text
    assert "still recognised when it is covered" in text
    assert "with its direction projected out" in text
    assert "not lie nearer to the border" in text
    assert "more alike" not in text


def test_strong_tests_leave_nothing_against_it() -> None:
    strong = [
        ran(FLIP_EXCESS, 0.3),
        ran(EVIDENCE_SHARE, 0.3, z=5.0),
        ran(REMOVAL, 0.2),
        ran(LATENT, 0.2),
    ]
    assert against("gravel", in_order(strong), Plausibility(terms={}, score=0.9), Details()) == (
        NOTHING,
    )


def test_reasons_of_tests_are_kept() -> None:
    found = against(
        "gravel",
        in_order([ran(FLIP_EXCESS, 0.3, reason="Another class rises.")]),
        ALIKE,
        Details(),
    )
    assert "Another class rises." in found


def test_equal_accuracy_speaks_against_it_only_where_both_sides_are_large() -> None:
    def rows(without: int) -> Details:
        first, second = counted(19, 20), counted(without, without)
        return Details(
            subgroups=(
                Subgroup(group="all", carrying=first, without=second, p=gap_p(first, second)),
            )
        )

    assert any("9 of 9" in each for each in against("gravel", {}, ALIKE, rows(9)))
    assert not any("as well without" in each for each in against("gravel", {}, ALIKE, rows(3)))


def test_concepts_no_better_than_random_ones_speak_against_it() -> None:
    weak, strong = Details(zeroing=curve((0.9, 0.8))), Details(zeroing=curve((0.9, 0.2)))
    assert any("equally many" in each for each in against("gravel", {}, ALIKE, weak))
    assert not any("equally many" in each for each in against("gravel", {}, ALIKE, strong))


def test_the_cost_is_counted_and_empty_groups_are_left_out() -> None:
    changes = (
        Change(group="with", before=counted(20, 20), after=counted(2, 20), control=0.9),
        Change(group="without", before=None, after=None, control=None),
        Change(group="others", before=counted(55, 60), after=counted(54, 60), control=0.9),
    )
    text = cost_of(*changes)
    assert "with the region in 2 of 20 cases instead of 20" in text
    assert "other classes in 54 of 60 cases instead of 55" in text
    assert "without it" not in text
    assert "put into" not in text
    told = cost_of(*changes, turned=(0.6, 0.05), turned_n=64)
    assert (
        "turns 5.0\u00a0% of the 64 other pictures that it is put into, instead of 60\u00a0%"
        in told
    )


def test_accuracy_and_its_gap_by_hand() -> None:
    found = accuracy(np.array([True] * 9 + [False]))
    assert found is not None
    assert (found.value, found.n) == (0.9, 10)
    assert found == wilson(9, 10)
    assert accuracy(np.zeros(0, bool)) is None
    assert gap_p(found, None) is None
    # Fisher's tea: 3 of 4 against 1 of 4, two-sided 34 / 70.
    assert gap_p(counted(3, 4), counted(1, 4)) is not None
    assert abs((gap_p(counted(3, 4), counted(1, 4)) or 0) - 34 / 70) < 1e-9


def test_zeroing_is_told_with_its_numbers() -> None:
    said = zeroing_in_words(curve((0.9, 0.4)).model_copy(update={"chosen": 1}), "gravel")
    said = said.replace("\u00a0", " ")
    assert "confidence in 'gravel' goes from 90 % to 40 % (n = 20)" in said
    assert "with equally many random ones to 80 %" in said
