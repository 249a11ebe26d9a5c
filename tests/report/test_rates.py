"""The report states how sure the method is by counts that the benchmark wrote."""

from __future__ import annotations

from auditor.report.show.html import render_html
from auditor.report.show.pdf import pdf_html
from auditor.report.show.rates import measured_rates, rates_sentence
from tests.report.conftest import Run
from tests.report.example import CONTEXT


def test_the_counts_hold_one_another() -> None:
    rates = measured_rates()
    assert 0 < rates["graded"] <= rates["shown"] <= rates["planted"]
    assert rates["alarmed"] + rates["own"] <= rates["negatives"]
    assert rates["planted"] + rates["negatives"] <= 2 * rates["models"]
    assert f"{rates['shown']} of {rates['planted']} planted ones" in rates_sentence()


def test_both_forms_say_it_on_their_first_page(run: Run) -> None:
    images = run.folder / "images"
    html = render_html(run.result, CONTEXT, images, max_mb=8)
    for text in (html, pdf_html(run.result, CONTEXT, images)):
        assert rates_sentence() in text[: text.index('id="findings"')]
