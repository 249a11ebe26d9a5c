"""report.html keeps its size, and says what that cost."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from auditor.base.errors import OutputError
from auditor.report.show import html as render
from auditor.report.show.html import render_html
from auditor.report.show.size_limit import LADDER
from tests.report.conftest import Run
from tests.report.example import CLASSES, CONTEXT, Example
from tests.report.test_html import text_of


def test_everything_is_kept_while_it_fits(html: str, run: Run) -> None:
    assert "Nothing had to be left out" in text_of(html)
    crops = [crop for concept in run.result.concepts for crop in concept.by_relevance]
    crops += [
        c for item in run.result.classes for t in item.tables for r in t.rows for c in r.crops
    ]
    pictures = [crop.crop for crop in crops] + [crop.full for crop in crops]
    pictures += [picture for finding in run.result.findings for picture in finding.outlined]
    for picture in pictures:
        data = base64.b64encode((run.folder / "images" / picture.file).read_bytes()).decode()
        assert html.count(data) == 1


def photographs(html: str) -> list[Image.Image]:
    found = re.findall(r"data:image/(?:jpeg|webp);base64,([^\"]+)", html)
    return [Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB") for text in found]


def test_photographs_are_stored_smaller_before_any_is_left_out(
    run: Run, html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "GOAL", len(html.encode()) * 9 // 10)
    text = render_html(run.result, CONTEXT, run.folder / "images", max_mb=8)
    assert len(text.encode()) <= render.GOAL
    assert "Photographs are stored as WebP of quality 85." in text_of(text)
    before, after = photographs(html), photographs(text)
    assert [each.size for each in before] == [each.size for each in after]
    off = [np.asarray(a, float) - np.asarray(b, float) for a, b in zip(before, after, strict=True)]
    # As near to what was stored as a JPEG of quality 82 is to its photograph: 30 dB and more.
    assert np.median([20 * np.log10(255 / np.sqrt((each**2).mean())) for each in off]) >= 30
    # A goal is no limit: for its sake no picture is left out.
    monkeypatch.setattr(render, "GOAL", 1)
    text = render_html(run.result, CONTEXT, run.folder / "images", max_mb=8)
    assert len(photographs(text)) == len(before)
    assert "WebP of quality 60" in text_of(text)


@pytest.mark.slow
def test_each_step_is_smaller_and_named(run: Run, html: str) -> None:
    images = run.folder / "images"
    budget = len(html.encode()) / 1e6
    seen = [""]
    while "All pictures are left out" not in seen[-1]:
        budget *= 0.9
        text = render_html(run.result, CONTEXT, images, max_mb=budget)
        assert len(text.encode()) <= budget * 1e6
        (said,) = re.findall(r"What this file leaves out</h3>\s*<ul>(.*?)</ul>", text, re.DOTALL)
        seen.append(re.sub(r"<[^>]+>", " ", said))
    assert any("WebP of quality" in said for said in seen)
    assert "All pictures are left out" in seen[-1]
    assert len(set(seen)) >= 4
    with pytest.raises(OutputError, match="even without pictures"):
        render_html(run.result, CONTEXT, images, max_mb=0.03)


def test_a_row_never_shows_more_than_the_step_allows(run: Run, html: str) -> None:
    text = render_html(run.result, CONTEXT, run.folder / "images", max_mb=0.54)
    rows = re.findall(r'<div class="crops">(.*?)</div>', text, flags=re.DOTALL)
    assert rows
    assert max(row.count("<figcaption>") for row in rows) == 1
    before = re.findall(r'<div class="crops">(.*?)</div>', html, flags=re.DOTALL)
    assert max(row.count("<figcaption>") for row in before) == 2


def test_every_step_says_what_it_gives_up() -> None:
    assert LADDER[0].left_out() == ()
    said = [step.left_out() for step in LADDER[1:]]
    assert all(said)
    assert len(set(said)) == len(said)


@pytest.mark.slow
def test_a_hundred_concepts_with_twelve_crops_fit_into_eight_megabytes(tmp_path) -> None:
    example = Example(tmp_path / "images", classes=CLASSES[:2], references=12, rows=48)
    result = example.result()
    assert len(result.concepts) == 100
    text = render_html(result, CONTEXT, tmp_path / "images", max_mb=8)
    assert len(text.encode()) <= 8e6
    assert text_of(text).count("By relevance") >= 100
