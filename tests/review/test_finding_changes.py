"""What became of a finding: every status, and never 'gone' where nobody looked."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.records.shortcuts import Carrier
from auditor.report.document.result import AuditResult, FindingCard
from auditor.review.compare.audits import compare
from auditor.review.keep.runs import AuditedRun, read_run
from tests.review.made import audit, card, look, write


@pytest.fixture
def run(tmp_path: Path):
    """Write an audit and read it back; the n-th is made in the n-th month."""
    count = 0

    def make(result: AuditResult) -> AuditedRun:
        nonlocal count
        count += 1
        path = write(tmp_path / f"run-{count}", result, created=f"2026-0{count}-01T00:00:00Z")
        return read_run(path)

    return make


def only(comparison):
    (change,) = comparison.findings
    return change


def test_a_finding_that_nothing_was_like_is_new(run, base, one) -> None:
    change = only(compare(run(audit(base)), run(audit(base, [card(one)]))))
    assert (change.status, change.id, change.earlier_id) == ("new", "F1", None)
    assert "did not find it" in change.sentence


def test_the_same_fingerprint_is_the_same_finding_unless_it_looks_otherwise(run, base, one) -> None:
    def after(signature):
        details = one.details.model_copy(update={"signature": signature})
        return run(audit(base, [card(one, 3).model_copy(update={"details": details})]))

    before = run(audit(base, [card(one)]))
    for signature in (look(), None):
        change = only(compare(before, after(signature)))
        assert (change.status, change.earlier_id, change.id) == ("persisting", "F1", "F3")
        assert change.likeness >= 0.9
    found = compare(before, after(look(9))).findings
    assert [each.status for each in found] == ["new", "gone"]


def test_the_same_look_is_the_same_finding(run, base, one) -> None:
    moved = card(one, fingerprint="f" * 16)
    change = only(compare(run(audit(base, [card(one)])), run(audit(base, [moved]))))
    assert change.status == "persisting"
    assert change.likeness == pytest.approx(1.0)
    assert change.effect.status == "no clear change"


def stamped(box: tuple[int, int, int, int], names: range = range(12)) -> list[Carrier]:
    pictures = [f"gravel/{number:03d}.png" for number in names]
    return [Carrier(picture=name, half="test", box=box) for name in pictures]


DATE, DIGIT, CORNER = (40, 70, 24, 8), (46, 70, 5, 8), (0, 0, 8, 8)


@pytest.mark.parametrize(
    ("carriers", "same"),
    [
        (stamped(DATE), True),
        (stamped(CORNER), False),  # in the same pictures, but elsewhere in them
        (stamped(DATE, range(12, 24)), False),  # in the same place, but of other pictures
        (stamped(DATE, range(5)), False),  # too few to tell
        ([*stamped(DATE, range(6)), *stamped(CORNER, range(6, 12))], False),
    ],
)
def test_a_digit_and_the_whole_date_are_one_mark_by_their_pictures(
    run, base, one, carriers: list[Carrier], same: bool
) -> None:
    digit, date = card(one, carriers=stamped(DIGIT)), card(one, 2, seed=9, carriers=carriers)
    first, second, third = run(audit(base, [digit])), run(audit(base)), run(audit(base, [date]))
    found = compare(first, third).findings
    assert [each.status for each in found] == (["persisting"] if same else ["new", "gone"])
    later = compare(second, third, [first]).findings
    assert [each.status for each in later] == (["back"] if same else ["new"])


def test_pictures_of_another_set_share_no_place_whatever_they_are_called(run, base, one) -> None:
    digit, date = (card(one, seed=seed, carriers=stamped(DIGIT)) for seed in (0, 9))
    first, second = run(audit(base, [digit])), run(audit(base))
    other = base.data.model_copy(update={"digest": "aa" * 32})
    third = run(audit(base, [date], data=other))
    assert [each.status for each in compare(first, third).findings] == ["new", "gone"]
    assert [each.status for each in compare(second, third, [first]).findings] == ["new"]


def test_what_covers_much_of_the_picture_is_not_known_by_its_place(run, base, one) -> None:
    details = one.details.model_copy(update={"signature": look(9).model_copy(update={"area": 0.3})})
    frame = card(one, 2, seed=9, carriers=stamped((0, 0, 96, 96)))
    frame = frame.model_copy(update={"details": details})
    found = compare(
        run(audit(base, [card(one, carriers=stamped(DIGIT))])), run(audit(base, [frame]))
    ).findings
    assert [each.status for each in found] == ["new", "gone"]


def test_of_another_class_it_is_another_finding(run, base, one) -> None:
    other = card(one, class_name="brick")
    found = compare(run(audit(base, [card(one)])), run(audit(base, [other]))).findings
    assert [each.status for each in found] == ["new", "gone"]


@pytest.mark.parametrize(
    ("before", "after", "status"), [("medium", "high", "worse"), ("critical", "high", "better")]
)
def test_severity_decides_first(run, base, one, before: str, after: str, status: str) -> None:
    change = only(
        compare(
            run(audit(base, [card(one, severity=before, effect=0.5)])),
            run(audit(base, [card(one, severity=after, effect=0.5)])),
        )
    )
    assert change.status == status
    assert f"Severity was {before} and is {after}" in change.sentence


@pytest.mark.parametrize(("before", "after", "status"), [(0.3, 0.7, "worse"), (0.8, 0.4, "better")])
def test_then_the_effect_where_its_interval_leaves_out_0(
    run, base, one, before: float, after: float, status: str
) -> None:
    first, second = card(one, effect=before), card(one, effect=after)
    change = only(compare(run(audit(base, [first])), run(audit(base, [second]))))
    assert change.status == status
    assert change.effect.difference.value == pytest.approx(after - before)


def test_a_finding_that_was_looked_for_and_not_found_is_gone(run, base, one) -> None:
    comparison = compare(run(audit(base, [card(one)])), run(audit(base)))
    change = only(comparison)
    assert (change.status, change.id, change.earlier_id) == ("gone", None, "F1")
    assert "not the same as before" not in change.sentence
    assert [each.fingerprint for each in comparison.remembered] == [change.fingerprint]


def test_on_other_pictures_gone_comes_with_a_warning(run, base, one) -> None:
    other = base.data.model_copy(update={"digest": "aa" * 32})
    change = only(compare(run(audit(base, [card(one)])), run(audit(base, data=other))))
    assert change.status == "gone"
    assert "not the same as before" in change.sentence


@pytest.mark.parametrize(
    ("grade", "effect", "status", "words"),
    [
        ("D", 0.0, "gone", "no longer uses it"),
        ("D", 0.2, "not tested", "neither shown nor ruled out"),
        ("C", 0.6, "persisting", "still steers the decision; F1 is a cue now"),
    ],
)
def test_only_what_the_model_does_not_use_any_more_is_gone(
    run, base, one, grade: str, effect: float, status: str, words: str
) -> None:
    after = card(one, grade=grade, severity="none", effect=effect)
    change = only(compare(run(audit(base, [card(one)])), run(audit(base, [after]))))
    assert change.status == status
    assert words in change.sentence


def without_class(base: AuditResult, name: str) -> dict:
    return {"classes": [item for item in base.classes if item.name != name]}


def small_class(base: AuditResult, name: str) -> dict:
    return {
        "classes": [
            item.model_copy(update={"searched": item.name != name}) for item in base.classes
        ]
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (lambda b, c: {"search": {"ran": False, "reason": "switched off"}}, "switched off"),
        (lambda b, c: without_class(b, c.class_name), "was not audited"),
        (lambda b, c: small_class(b, c.class_name), "too few"),
        (lambda b, c: {"config": {"shortcuts": {"proposals": ["P2"]}}}, "(P1) was switched off"),
        (lambda b, c: {"search": {"detection_limit": 0.9}}, "from 90\u00a0% on"),
        (lambda b, c: {"findings": [card(c, grade="U", severity="none")]}, "grade U"),
    ],
)
def test_what_could_not_be_found_is_not_tested(run, base, one, changes, why: str) -> None:
    found = changes(base, one)
    findings = found.pop("findings", [])
    after = audit(base, findings, **found)
    comparison = compare(run(audit(base, [card(one)])), run(after))
    change = only(comparison)
    assert change.status == "not tested"
    assert why in change.sentence
    assert "Treat it as still there" in change.sentence


def test_new_where_the_earlier_audit_could_not_look_says_so(run, base, one) -> None:
    before = audit(base, search={"ran": False, "reason": "switched off"})
    change = only(compare(run(before), run(audit(base, [card(one)]))))
    assert change.status == "new"
    assert "may be older" in change.sentence


def test_what_was_gone_in_between_is_back(run, base, one) -> None:
    first, second = run(audit(base, [card(one)])), run(audit(base))
    third = run(audit(base, [card(one, fingerprint="e" * 16)]))
    change = only(compare(second, third, [first]))
    assert (change.status, change.last_seen) == ("back", "run-1")
    assert "gone in between" in change.sentence


def test_the_memory_lasts_when_the_old_run_is_deleted(run, base, one) -> None:
    from auditor.review.keep.reviewed import update_review

    first, second = run(audit(base, [card(one)])), run(audit(base))
    gone = compare(first, second)
    update_review(second.path, second.result.run, as_of="2026-02-01", comparison=gone)
    third, fourth = run(audit(base)), run(audit(base, [card(one)]))
    still = compare(read_run(second.path), third)
    assert still.findings == []
    update_review(third.path, third.result.run, as_of="2026-03-01", comparison=still)
    change = only(compare(read_run(third.path), fourth))
    assert (change.status, change.last_seen) == ("back", "run-1")


def test_not_looked_for_in_between_is_not_back(run, base, one) -> None:
    first = run(audit(base, [card(one)]))
    second = run(audit(base, search={"ran": False, "reason": "switched off"}))
    third = run(audit(base, [card(one)]))
    change = only(compare(second, third, [first]))
    assert (change.status, change.last_seen) == ("persisting", "run-1")
    assert "could not test it" in change.sentence


def test_one_artefact_found_as_two_regions_is_no_new_one(run, base, one) -> None:
    two = [card(one, 1), card(one, 2, fingerprint="f" * 16)]
    found = compare(run(audit(base, [card(one)])), run(audit(base, two))).findings
    assert [each.status for each in found] == ["persisting", "persisting"]
    back = compare(run(audit(base, two)), run(audit(base, [card(one)]))).findings
    assert [each.status for each in back] == ["persisting", "persisting"]


def test_grades_that_never_counted_are_not_listed(run, base, one) -> None:
    quiet = [card(one, grade="C", severity="none")]
    assert compare(run(audit(base, quiet)), run(audit(base, quiet))).findings == []


def test_whole_picture_factors_are_findings_too(run, base, one) -> None:
    factors = base.factors
    graded = factors.factors[0].model_copy(update={"grade": "B"})
    found = factors.model_copy(update={"factors": (graded,)})
    change = only(compare(run(audit(base)), run(audit(base, factors=found))))
    assert (change.status, change.severity, change.class_name) == (
        "new",
        "medium",
        graded.class_name,
    )
    same = only(compare(run(audit(base, factors=found)), run(audit(base, factors=found))))
    assert same.status == "persisting"


def test_the_worst_news_stands_first(run, base, one: FindingCard) -> None:
    before = [card(one, 1, seed=1), card(one, 2, seed=2), card(one, 3, seed=3)]
    after = [card(one, 1, seed=1), card(one, 2, seed=2, severity="high"), card(one, 3, seed=4)]
    comparison = compare(run(audit(base, before)), run(audit(base, after)))
    statuses = [each.status for each in comparison.findings]
    assert statuses == ["new", "persisting", "better", "gone"]
    assert comparison.sentence.startswith("Findings since the audit of 2026-01-01: 1 new, ")
