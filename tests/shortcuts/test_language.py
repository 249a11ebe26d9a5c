"""What an audit writes about findings stands in the language that is spoken."""

from __future__ import annotations

import pytest

from auditor.language.speaking import gettext, speaking, translate
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.propose.regions import PARTS
from auditor.shortcuts.propose.windows import dictionary
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.tests import FLIP_EXCESS, REMOVAL, TESTS, CausalTest, in_order
from auditor.shortcuts.wording import STARTS, actions, meaning, verification


def evidence(test: CausalTest, effect: float) -> Evidence:
    low, high = effect - 0.05, effect + 0.05
    return test.result(outcome="supports", effect=effect, low=low, high=high, n=64)


@pytest.mark.parametrize("grade", ["A", "B", "C", "D", "U"])
def test_a_finding_is_told_in_german(grade: str) -> None:
    found = in_order([evidence(FLIP_EXCESS, 0.61), evidence(REMOVAL, 0.0)])
    with speaking("de"):
        said = " ".join(meaning("Kies", gettext("lower left corner"), grade, found, 65, 80))
        told = " ".join([said, *actions("Kies", grade), verification(grade)])
    assert "untere linke Ecke" in said
    assert "„Kies“" in said
    assert " the " not in told
    assert " pictures " not in told
    if grade != "U":
        told = said.replace("\u00a0", " ")
        assert "kippt es 61 % (95-%-Intervall 56 bis 66 %, n = 64) in „Kies“" in told
        assert "nicht mehr von ihnen fallen aus der Klasse" in said


def test_every_sentence_about_findings_is_translated() -> None:
    with speaking("de"):
        terms = [TERMS[name] for name in TERMS]
        said = [text for term in terms for text in (term.reason, term.objection) if text]
        for test in (TESTS[name] for name in TESTS):
            sentences = test.title, test.question, test.sentence, test.idle, test.objection
            said += [text for text in sentences if text]
        texts = [*said, *TERMS, *STARTS.values()]
        assert not [text for text in texts if translate(text) == text]


def test_shapes_of_regions_are_translated() -> None:
    windows = [window.name for window in dictionary(64, 64)]
    with speaking("de"):
        assert not [name for name in (*windows, *PARTS) if translate(name) == name]
