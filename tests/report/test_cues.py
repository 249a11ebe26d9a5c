"""The page of cues: a row of pictures each, a question, boxes, and what people answered."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest

from auditor.config.policy import PolicyConfig, TargetsConfig
from auditor.language.speaking import speaking
from auditor.records.shortcuts import GlobalFactor
from auditor.report.document.result import AuditResult, FindingCard
from auditor.report.document.review import Decision, DecisionState, Review
from auditor.report.sections.cues import cues, effect_in_words
from auditor.report.show.html import render_html
from auditor.report.show.pdf import pdf_html
from auditor.report.show.summary import summary, text_files
from auditor.review.judge.policy import judge
from tests.report.conftest import Run
from tests.report.example import CONTEXT


def section(text: str) -> str:
    found = re.search(r'<h2 id="cues">.*?</section>', text, re.DOTALL)
    assert found is not None
    return found[0]


def card(run: Run, **changes: object) -> FindingCard:
    finding = next(each for each in run.result.findings if each.grade == "C")
    return finding.model_copy(update=changes)


def with_cues(run: Run, *cards: FindingCard) -> AuditResult:
    changes = {"findings": list(cards), "cues": [each.id for each in cards]}
    return run.result.model_copy(update=changes)


def state(what: str, finding: str = "F3", holds: str = "in force") -> DecisionState:
    made = Decision(
        what=what, fingerprint="039f3ac1d7", reason="Seen.", person="Ada", date="2026-02-03"
    )
    return DecisionState(decision=made, finding=finding, state=holds, sentence="")


def review(*states: DecisionState) -> Review:
    return Review(run="0f3c9a7b", as_of="2026-03-04", decisions=list(states))


def page(result: AuditResult, run: Run, medium: str, **changes: object) -> str:
    context = CONTEXT.model_copy(update=changes)
    if medium == "pdf":
        return pdf_html(result, context, run.folder / "images")
    return render_html(result, context, run.folder / "images", max_mb=8)


@pytest.mark.parametrize("medium", ["html", "pdf"])
@pytest.mark.parametrize("tier", ["executive", "standard"])
def test_a_cue_is_a_row_of_pictures_a_sentence_and_a_question(
    run: Run, medium: str, tier: str
) -> None:
    text = section(page(run.result, run, medium, tier=tier))
    assert len(re.findall('<article class="cue"', text)) == 1
    assert len(re.findall("<img|<use ", text)) == 5
    assert "Is this part of what 'brick' means?" in text
    assert "62\u00a0% (95\u00a0% interval 54 to 70\u00a0%, n\u00a0=\u00a064)" in text
    boxes = text.count('type="radio"') if medium == "html" else text.count('<rect x="1" y="1"')
    assert boxes == 3


def test_the_page_fills_in_what_the_decisions_file_asks_for(run: Run) -> None:
    text = section(page(run.result, run, "html"))
    entry = json.loads(unescape(re.findall(r'data-entry="([^"]*)"', text)[0]))
    finding = card(run)
    assert entry["finding"] == finding.fingerprint
    assert entry["class_name"] == finding.class_name
    assert (entry["title"], entry["grade"]) == (finding.title, "C")
    assert entry["run"] == run.result.run


@pytest.mark.parametrize(
    ("what", "said", "settled"),
    [
        ("reject", "Yes, says Ada (2026-02-03): Seen.", True),
        ("confirm", "No, says Ada (2026-02-03): Seen.", True),
        ("mitigate", "No, says Ada (2026-02-03), and it is being mended: Seen.", True),
        ("unsure", "Ada was not sure (2026-02-03): Seen.", False),
    ],
)
def test_an_answer_says_whose_it_is_and_of_when(
    run: Run, what: str, said: str, settled: bool
) -> None:
    (row,) = cues(run.result, review(state(what)))
    assert (row.answer, row.settled) == (said, settled)
    assert said in section(page(run.result, run, "pdf", review=review(state(what))))


def test_what_has_expired_is_no_answer(run: Run) -> None:
    (row,) = cues(run.result, review(state("reject", holds="expired")))
    said = "The answer of Ada (2026-02-03) has expired: Seen."
    assert (row.answer, row.settled) == (said, False)


@pytest.mark.parametrize("holds", ["in force", "expired", "replaced", "unmatched"])
@pytest.mark.parametrize("what", ["reject", "confirm", "accept", "mitigate", "unsure"])
@pytest.mark.parametrize("outside", [None, 0.05])
def test_page_summary_and_gate_give_a_cue_the_same_state(
    run: Run, what: str, holds: str, outside: float | None
) -> None:
    """With no judgement too: a run that only a person has looked at is told like one judged."""
    result = with_cues(run, card(run, outside=outside, plausibility=0.2))
    found = review(state(what, holds=holds))
    (row,) = cues(result, found)
    (gated,) = judge(result, PolicyConfig(), TargetsConfig(), None, found.decisions).cues
    context = CONTEXT.model_copy(update={"review": found})
    assert summary(result, context)["cues"] == {gated.finding: gated.state}
    assert (row.state, row.settled) == (gated.state, gated.answered)
    assert bool(row.answer) == (row.state != "new")


def test_the_masks_of_the_data_answer_what_lies_inside(run: Run) -> None:
    (row,) = cues(with_cues(run, card(run, outside=0.05, plausibility=0.2)), None)
    assert row.settled
    assert "marked" in row.answer
    for part, implausible in ((0.5, 0.2), (0.05, 0.8)):
        (row,) = cues(with_cues(run, card(run, outside=part, plausibility=implausible)), None)
        assert not row.settled


@pytest.mark.parametrize("medium", ["html", "pdf"])
def test_the_summary_shows_cues_where_nothing_has_a_sheet(run: Run, medium: str) -> None:
    bare = with_cues(run, card(run)).model_copy(update={"factors": None})
    text = page(bare, run, medium)
    first = text.partition('<h2 id="summary">')[2].partition("<h2 ")[0]
    assert "One thing steers the model and waits for the answer of a person" in first
    assert card(run).title in unescape(first)
    assert first.count('<div class="cue">') == 1
    assert "Nothing was found" not in first
    assert "a person has to decide" not in text
    answered = page(bare, run, medium, review=review(state("reject")))
    assert "Nothing was found" in answered
    assert '<div class="cue">' not in answered


@pytest.mark.parametrize("name", ["summary.md", "model_card.md"])
def test_the_texts_name_cues_where_nothing_has_a_sheet(run: Run, name: str) -> None:
    bare = with_cues(run, card(run)).model_copy(update={"factors": None})
    text = text_files(bare, CONTEXT)[name].decode()
    assert "None was found" not in text
    assert "Nothing was found" not in text
    assert (card(run).title if name == "summary.md" else "one thing steers the model") in text


def test_cues_of_a_class_stand_together(run: Run) -> None:
    names = ("b", "a", "b")
    cards = [card(run, id=f"F{i}", class_name=name) for i, name in enumerate(names, start=1)]
    rows = cues(with_cues(run, *cards), None)
    assert [(row.id, row.class_name) for row in rows] == [("F1", "b"), ("F3", "b"), ("F2", "a")]
    assert [row.anchor for row in rows] == ["cue-1", "cue-2", "cue-3"]


def test_the_strongest_test_is_said(run: Run) -> None:
    results = list(card(run).evidence.values())
    weak = results[0].model_copy(update={"low": 0.1})
    said = effect_in_words([weak, *results[1:]], "brick")
    assert said.startswith("It carries 41\u00a0% (95\u00a0% interval 33 to 49\u00a0%")
    assert said.endswith(".")
    assert effect_in_words([results[0].model_copy(update={"outcome": "refutes"})], "brick") == ""


def test_a_statistic_of_whole_pictures_is_a_row_without_pictures(run: Run) -> None:
    assert run.result.factors is not None
    factor: GlobalFactor = run.result.factors.factors[0]
    result = run.result.model_copy(update={"cues": [factor.id]})
    (row,) = cues(result, None)
    assert (row.members, row.swap) == ((), None)
    text = section(page(result, run, "html"))
    assert "so no region is shown" in text
    assert factor.class_name in text


def test_without_cues_there_is_no_page(run: Run) -> None:
    bare = run.result.model_copy(update={"cues": []})
    assert 'id="cues"' not in page(bare, run, "html")


def test_of_a_context_the_surroundings_are_named(run: Run) -> None:
    steps = ("on its own surroundings", "on surroundings of this class", "on others")
    finding = card(run, kind="context")
    changed = [each.model_copy(update={"steps": steps}) for each in finding.triplets]
    result = with_cues(run, finding.model_copy(update={"triplets": changed}))
    text = page(result, run, "html")
    assert "on surroundings of this class" in section(text)
    assert "with the object outlined: what is meant is all around it" in text


def test_the_page_speaks_german(run: Run) -> None:
    with speaking("de"):
        text = section(page(run.result.model_copy(update={"language": "de"}), run, "pdf"))
    assert "Gehört das zu dem, was „brick“ bedeutet?" in text
