"""Global factors, columns and odd samples in the result, its verdict and the report."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from auditor.records.part import Interval, Picture
from auditor.records.shortcuts import Factors, GlobalFactor, SearchLimits
from auditor.records.stages import ShortcutReport
from auditor.report.draw.distributions import factors_figure
from auditor.report.sections.data import factors, strongest
from auditor.report.sections.summary import untested_factors
from auditor.report.sections.verdict import does_not_show, verdict
from auditor.report.show.factor_rows import factor_rows
from auditor.report.show.html import render_html
from auditor.report.show.summary import text_files
from auditor.shortcuts.tests import STATISTIC_GIVEN, STATISTIC_TAKEN, in_order
from tests.report.conftest import Run
from tests.report.example import CONTEXT
from tests.report.test_build import data, limits

PICTURE = Picture(file="a.svg", alt="drawn", width=10, height=10)
FACTOR = GlobalFactor(
    id="0-g1",
    what="noise in red",
    class_name="red",
    statistic="noise",
    unit="of 255",
    own=(1.0, 2.0, 3.0, 4.0, 5.0),
    others=(0.0, 1.0, 2.0, 3.0, 4.0),
    n=80,
    auc=0.9,
    p=1e-6,
    q=1e-4,
    evidence=in_order(
        [
            STATISTIC_GIVEN.result(
                outcome="supports", effect=0.4, low=0.3, high=0.5, n=64, q=0.001
            ),
            STATISTIC_TAKEN.missing("Why."),
        ]
    ),
    plausibility=0.4,
    terms={"made by camera or processing": 0.4},
    grade="C",
    meaning="Noise is higher in 'red'.",
)


def report(**parts: Any) -> ShortcutReport:
    return ShortcutReport((), SearchLimits(ran=True), Factors(**parts))


def audit(found: ShortcutReport | None) -> Any:
    store = SimpleNamespace(figure=lambda draw, alt: PICTURE)
    return SimpleNamespace(analysis=SimpleNamespace(shortcuts=found), store=store)


def test_what_was_found_is_in_the_part() -> None:
    part = factors(audit(report(factors=(FACTOR,), odd_total=7)))
    assert part is not None
    assert part.factors == (FACTOR,)
    assert (part.figure, part.drawn, part.odd_total) == (PICTURE, 1, 7)
    given, taken = FACTOR.evidence.values()
    assert given.interval == Interval(value=0.4, low=0.3, high=0.5, n=64)
    assert taken.interval is None


def test_nothing_found_is_no_part() -> None:
    assert factors(audit(report())) is None
    assert factors(audit(None)) is None


def test_a_factor_counts_in_the_verdict_like_a_region(run: Run) -> None:
    assert run.result.factors is not None
    card = run.result.factors.factors[0]
    found = verdict([], limits(), data(run), [], 0, [card])
    assert (card.grade, found.code) == ("B", "needs_decision")
    worse = card.model_copy(update={"grade": "A"})
    assert verdict([], limits(), data(run), [], 0, [worse]).code == "do_not_use"
    assert card.what in found.sentence
    fine = card.model_copy(update={"grade": "C"})
    assert verdict([], limits(), data(run), [], 0, [fine]).code == "pass"


def test_a_factor_that_decides_the_verdict_is_among_the_findings(run: Run) -> None:
    assert run.result.factors is not None
    whole = run.result.factors.model_copy(
        update={"factors": (FACTOR.model_copy(update={"grade": "A"}),)}
    )
    result = run.result.model_copy(update={"findings": [], "cues": [], "factors": whole})
    page = render_html(result, CONTEXT, run.folder / "images", max_mb=8)
    summary = page.partition('<h2 id="summary">')[2].partition("<h2 ")[0]
    assert "Nothing was found" not in summary
    assert '<a href="#factors">0-g1</a>' in summary
    texts = text_files(result, CONTEXT)
    assert "| 0-g1 | noise in red | red | A | high |" in texts["summary.md"].decode()
    assert "0-g1 (red, grade A, high): noise in red." in texts["model_card.md"].decode()


def test_the_data_section_shows_all_three(run: Run, html: str) -> None:
    whole = run.result.factors
    assert whole is not None
    for text in (
        "What sets whole pictures of a class apart",
        "Columns of metadata",
        "Pictures to look at",
        "The oddest 1 of 3.",
        whole.odd[0].sample,
    ):
        assert text in html, text


def test_without_them_the_section_is_as_before(run: Run) -> None:
    bare = run.result.model_copy(update={"factors": None})
    page = render_html(bare, CONTEXT, run.folder / "images", max_mb=8)
    assert "What sets whole pictures" not in page
    assert "Pictures to look at" not in page


def test_the_figure_is_the_same_for_the_same_numbers() -> None:
    numbers = [[0.0, 1.0, 2.0, 3.0, 4.0]], [[1.0, 1.0, 1.0, 1.0, 1.0]]
    first = factors_figure(["noise in red"], *numbers)
    assert first == factors_figure(["noise in red"], *numbers)
    assert first.svg.count("<path") > 5


def cards_of(run: Run, *made: tuple[str, str, str | None, float]) -> list[GlobalFactor]:
    """Cards like the example's: statistic, class, grade, effect."""
    assert run.result.factors is not None
    card = run.result.factors.factors[0]
    (test,) = card.evidence.values()
    return [
        card.model_copy(
            update={
                "id": f"g{place}",
                "statistic": statistic,
                "class_name": name,
                "grade": grade,
                "evidence": in_order([test.model_copy(update={"effect": effect})]),
            }
        )
        for place, (statistic, name, grade, effect) in enumerate(made)
    ]


def test_one_row_speaks_for_a_statistic_without_effect(run: Run) -> None:
    cards = cards_of(
        run,
        ("noise", "red", "B", 0.5),
        ("noise", "green", "D", 0.0),
        ("noise", "blue", "D", 0.0),
        ("noise", "grey", "D", 0.0),
        ("contrast", "red", "D", 0.0),
        ("noise", "white", None, 0.2),
        ("noise", "black", None, 0.2),
    )
    rows = factor_rows(cards, every=False)
    assert [row.card.class_name for row in rows] == ["red", "green", "red", "white", "black"]
    assert rows[1].others == ("blue", "grey")
    assert rows[1].more.endswith(
        "2 other classes apart, tested there without effect: blue and grey."
    )
    assert [row.more for row in rows if not row.others] == [""] * 4
    assert sum(1 + len(row.others) for row in rows) == len(cards)
    assert [row.card for row in factor_rows(cards, every=True)] == cards


def test_the_figure_draws_the_largest_effects_in_the_order_of_the_table(run: Run) -> None:
    effects = [0.1, 0.9, 0.0, -0.5, 0.2]
    cards = cards_of(run, *(("noise", f"c{n}", "D", effect) for n, effect in enumerate(effects)))
    assert [card.class_name for card in strongest(cards, 3)] == ["c1", "c3", "c4"]
    assert strongest(cards) == cards


def test_a_figure_that_leaves_factors_out_says_so(run: Run) -> None:
    whole = run.result.factors
    assert whole is not None
    for drawn, said in ((1, True), (2, False), (None, False)):
        part = whole.model_copy(update={"drawn": drawn})
        result = run.result.model_copy(update={"factors": part})
        page = render_html(result, CONTEXT, run.folder / "images", max_mb=8)
        assert ("The 1 of 2 with the largest measured effect" in page) == said


def test_what_can_never_be_tested_is_said_and_leaves_nothing_out(run: Run) -> None:
    shape = FACTOR.model_copy(update={"grade": "U", "statistic": "aspect ratio", "what": "a shape"})
    assert verdict([], limits(), data(run), [], 0, (shape,)).code == "pass"
    said = does_not_show(limits(), data(run), (), (shape, FACTOR))
    assert sum("cannot be changed in a picture: a shape." in each for each in said) == 1
    untested = FACTOR.model_copy(update={"grade": "U"})
    (left,) = untested_factors(Factors(factors=(untested, shape)))
    assert (left.part, left.reason) == ("the test of noise in red", "Why.")
    assert verdict([], limits(), data(run), [left], 0, (untested,)).code == "conditions"
