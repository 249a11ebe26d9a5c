"""Runs over time: the table, the page, and which runs may go."""

from __future__ import annotations

import json
from pathlib import Path

import filelock
import pytest

from auditor.__main__ import run as auditor
from auditor.report.document.result import AuditResult
from auditor.review.compare.audits import compare_folders
from auditor.review.keep.history import read_history
from auditor.review.keep.history_page import history_html, history_lines
from auditor.review.keep.retention import plan
from auditor.review.keep.reviewed import update_review
from auditor.review.keep.trends import trends
from tests.report.test_html import REFERRING, parse
from tests.review.made import audit, card, write
from tests.runs import without


@pytest.fixture
def runs(base: AuditResult, one, tmp_path: Path) -> Path:
    """Three audits of one project: with a finding, without it, with it again; and odd ones."""
    made = [audit(base, [card(one)], wrong=range(9)), audit(base), audit(base, [card(one)])]
    earlier = None
    for month, result in enumerate(made, start=1):
        path = write(tmp_path / f"run-{month}", result, created=f"2026-0{month}-01T00:00:00Z")
        (path / "report.html").write_text("report")
        if earlier is not None:
            update_review(
                path,
                result.run,
                as_of=f"2026-0{month}-01",
                comparison=compare_folders(earlier, path),
            )
        earlier = path
    half = write(tmp_path / "half", made[0], created="2025-12-01T00:00:00Z")
    without(half, "audit.json")
    broken = write(tmp_path / "broken", made[0], created="2025-11-01T00:00:00Z")
    (broken / "audit.json").write_text("{")
    (tmp_path / "no run").mkdir()
    return tmp_path


def test_every_run_is_a_row_oldest_first(runs) -> None:
    rows = read_history(runs).rows
    assert [row.folder for row in rows] == ["broken", "half", "run-1", "run-2", "run-3"]
    assert [row.status for row in rows][:2] == ["unreadable", "not finished"]
    assert [row.count for row in rows] == [None, None, 1, 0, 1]
    assert rows[3].changes == {"gone": 1}
    assert rows[4].changes == {"back": 1}
    assert rows[4].baseline == "run-2"
    assert rows[2].accuracy.value == pytest.approx(111 / 120)


def test_the_table_names_every_run(runs) -> None:
    text = "\n".join(history_lines(read_history(runs)))
    for name in ("run-1", "run-2", "run-3", "half", "broken"):
        assert name in text
    assert text.index("run-3") < text.index("run-1")
    assert "1 back" in text


def test_the_page_links_every_report_and_refers_to_nothing_else(runs: Path) -> None:
    history = read_history(runs)
    page = history_html(history, runs, runs / "index.html", written="2026-04-01", version="1")
    links = []
    for element in parse(page).iter():
        assert "style" not in element.attrib
        for name, value in element.attrib.items():
            if name == "href" and not value.startswith(("#", "data:")):
                links.append(value)
            elif name.rsplit("}")[-1] in REFERRING:
                assert value.startswith(("#", "data:image/")), value[:80]
    assert sorted(links) == [f"run-{n}/report.html" for n in (1, 2, 3)]
    assert all((runs / link).is_file() for link in links)
    assert "Content-Security-Policy" in page


def test_links_work_from_elsewhere_and_with_odd_names(base, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    path = write(folder / "100% <b> #1", audit(base))
    (path / "report.html").write_text("report")
    target = tmp_path / "pages" / "index.html"
    page = history_html(read_history(folder), folder, target, written="", version="1")
    assert 'href="../runs/100%25%20%3Cb%3E%20%231/report.html"' in page


def test_trends_are_drawn_inside_their_box(runs) -> None:
    found = {each.title: each for each in trends(read_history(runs).rows)}
    shortcuts = found["Likely shortcuts"]
    assert (shortcuts.first, shortcuts.last) == ("1", "1")
    heights = [y for _, y, _ in shortcuts.dots]
    assert heights[0] == heights[2] < heights[1]
    for trend in found.values():
        assert all(0 < x < 220 and 0 < y < 44 for x, y, _ in trend.dots)
        assert len(trend.lines) == len(trend.dots) - 1


def test_one_run_has_no_trend(base, tmp_path: Path) -> None:
    write(tmp_path / "run", audit(base))
    assert trends(read_history(tmp_path).rows) == []


def test_the_newest_stay_and_a_baseline_too(runs) -> None:
    found = plan(read_history(runs), runs, 1)
    # Run 3 stays, so its baseline run 2 does, and so does that one's baseline.
    assert found.delete == ()
    assert "run-3" in found.spared["run-2"]
    assert "run-2" in found.spared["run-1"]
    assert set(found.spared) == {"run-1", "run-2", "half", "broken"}


def test_old_runs_that_nothing_names_go(runs) -> None:
    without(runs / "run-3", "review.json")
    without(runs / "run-2", "review.json")
    assert plan(read_history(runs), runs, 2).delete == ("run-1",)
    assert plan(read_history(runs), runs, 5).delete == ()
    asked = plan(read_history(runs), runs, 1, unfinished=True)
    assert sorted(asked.delete) == ["half", "run-1", "run-2"]
    assert set(asked.spared) == {"broken"}


def test_what_an_audit_is_at_work_in_stays(runs) -> None:
    with filelock.FileLock(runs / "half" / ".lock"):
        found = plan(read_history(runs), runs, 3, unfinished=True)
    assert found.delete == ()
    assert "at work" in found.spared["half"]


def test_a_link_is_never_deleted(runs: Path, base) -> None:
    elsewhere = write(runs.parent / "elsewhere", audit(base), created="2020-01-01T00:00:00Z")
    (runs / "linked").symlink_to(elsewhere)
    found = plan(read_history(runs), runs, 1)
    assert found.spared["linked"] == "it is a link"


def test_the_command_deletes_what_it_says(runs: Path, capsys) -> None:
    without(runs / "run-3", "review.json")
    without(runs / "run-2", "review.json")
    assert auditor(["history", str(runs), "--keep", "2", "--dry-run"]) == 0
    assert "would delete run-1" in capsys.readouterr().err
    assert (runs / "run-1").is_dir()
    assert auditor(["history", str(runs), "--keep", "2", "--json"]) == 0
    captured = capsys.readouterr()
    assert "deleted run-1" in captured.err
    assert not (runs / "run-1").exists()
    assert [row["folder"] for row in json.loads(captured.out)["rows"]][-2:] == ["run-2", "run-3"]
    assert (runs / "index.html").is_file()
    assert not list(runs.glob(".deleted-*"))


def test_options_that_need_keep_say_so(runs: Path) -> None:
    assert auditor(["history", str(runs), "--dry-run"]) == 2
    assert auditor(["history", str(runs / "nowhere")]) == 2
    assert auditor(["history", str(runs), "--keep", "0"]) == 2


def test_a_run_without_a_search_has_no_count(base, one, tmp_path: Path) -> None:
    off = {"ran": False, "reason": "shortcuts.enabled is false", "tests": 0}
    made = [audit(base, [card(one)]), audit(base, search=off), audit(base, search={"tests": 0})]
    for month, result in enumerate(made, start=1):
        write(tmp_path / f"run-{month}", result, created=f"2026-0{month}-01T00:00:00Z")
    history = read_history(tmp_path)
    assert [row.count for row in history.rows] == [1, None, None]
    assert "Likely shortcuts" not in {trend.title for trend in trends(history.rows)}
    assert "\n".join(history_lines(history)).count("not searched") == 2
    page = history_html(history, tmp_path, tmp_path / "index.html", written="now", version="1")
    assert page.count("Not searched") == 2
