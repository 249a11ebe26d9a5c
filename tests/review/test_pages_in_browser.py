"""The page of a comparison and that of a history in a real Chromium, at both widths and themes."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.review.compare.audits import compare_folders
from auditor.review.compare.pages import comparison_html
from auditor.review.keep.history import read_history
from auditor.review.keep.history_page import history_html
from auditor.review.keep.reviewed import update_review
from tests.report.test_browser import CHROMIUM, chromium, outside, visit
from tests.review.made import audit, card, write

__all__ = ["chromium", "visit"]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is found on this machine")


@pytest.fixture(scope="module")
def pages(base, one, images: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    before = [card(one, 1, seed=1), card(one, 2, seed=2), card(one, 3, seed=3, effect=0.3)]
    after = [card(one, 1, seed=1), card(one, 2, seed=3, effect=0.8), card(one, 3, seed=4)]
    earlier = write(folder / "a", audit(base, before, wrong=range(30)))
    result = audit(base, after, moved=True)
    now = write(folder / "b", result, created="2026-04-01T00:00:00Z")
    for path in (earlier, now):
        (path / "report.html").write_text("report")
    comparison = compare_folders(earlier, now)
    update_review(now, result.run, as_of="2026-04-01", comparison=comparison)
    made = {
        "compare": comparison_html(comparison, result, [images], "1"),
        "history": history_html(
            read_history(folder), folder, folder / "history.html", written="2026-04-01", version="1"
        ),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text)
    return {name: folder / f"{name}.html" for name in made}


@pytest.mark.parametrize("name", ["compare", "history"])
@pytest.mark.parametrize("width", [375, 1440])
def test_it_asks_for_nothing_and_fits(visit, pages, name: str, width: int) -> None:
    seen = visit(pages[name], width)
    assert seen.said == []
    assert outside(seen) == []
    page = seen.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", ["compare", "history"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(visit, pages, name: str, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(pages[name], color_scheme=theme, bypass_csp=True).page
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"][:200]) for each in found] == []
