"""What counts as found, missed or a false alarm, on results written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.shortcuts.cases import Case, Plant
from tests.benchmarks.shortcuts.detail_tables import own_table, terms_table
from tests.benchmarks.shortcuts.factor_tables import factors_table
from tests.benchmarks.shortcuts.results import put_section, rates_of, write_results
from tests.benchmarks.shortcuts.running import Plan
from tests.benchmarks.shortcuts.summary import SEARCH, kind_of, models, plantings
from tests.benchmarks.shortcuts.tables import headline, positives, spearman
from tests.benchmarks.shortcuts.thresholds import choose, judge

Row = dict[str, Any]


def finding(
    output: int, grade: str, hits: Mapping[int, bool], *, place: int = 0, low: float = 0.5
) -> Row:
    test = {"test": "flip_excess", "outcome": "supports", "effect": 0.6, "low": low}
    overlaps = {
        str(index): {"hit": hit, "iou": 0.4 if hit else 0.0, "pointing": 1.0, "carriers": 9}
        for index, hit in hits.items()
    }
    return {
        "place": place, "class": output, "grade": grade, "shape": "square", "kind": "P1",
        "implausibility": 0.8, "terms": {"near the border": 1.0}, "strength": 0.8 * low,
        "area": 0.05, "evidence": [test], "overlaps": overlaps,
    }  # fmt: skip


def result(
    kind: str,
    effects: Sequence[tuple[str, int, float, str]],
    findings: Sequence[Row],
    *,
    seed: int = 0,
    members: int = 40,
) -> Row:
    plants = [
        {"plant": place, "artefact": artefact, "output": output, "prevalence": 0.8, "fe": fe,
         "verdict": verdict, "n": 50}
        for place, (artefact, output, fe, verdict) in enumerate(effects)
    ]  # fmt: skip
    scores = {"auc": 0.9, "ap": 0.9, "p10": 1.0, "carriers": 30, "members": 40}
    shown = [] if kind in ("clean", "training only") else plants
    baseline = {
        "plants": [
            {"members": None, "class_hit1": 0.5, "class_hit3": 1.0, "class_reciprocal": 0.67}
            for _ in shown
        ],
        "suspicion": {"0": 0.3, "1": 0.9},
    }
    return {
        "id": f"{kind} {seed} {len(findings)}", "code": "c", "settings": "s",
        "case": {"kind": kind, "data": "built-in", "net": "plain", "seed": seed},
        "classes": ["a", "b", "c"], "members": [members] * 3, "effects": plants,
        "accuracy": {"training": 1.0, "audited": 0.9}, "repeated": True,
        "seconds": {"search": {"wall": 2.0, "cpu": 1.0}},
        "search": {
            "findings": list(findings), "factors": [], "members": [scores for _ in shown],
            "wall": 2.0, "cpu": 1.0, "detection_limit": 0.1, "null_rate": 0.0,
        },
        "baselines": {"other": baseline},
    }  # fmt: skip


USED = ("sticker", 1, 0.9, "positive")


def test_the_first_finding_on_the_artefact_is_a_hit() -> None:
    (row,) = plantings([result("planted", [USED], [finding(1, "A", {0: True})])])
    outcome = row.outcomes[SEARCH]
    assert (outcome.hit1, outcome.hit3, outcome.reciprocal, outcome.class_hit1) == (1, 1, 1, 1)
    assert (outcome.flagged, outcome.grade, outcome.iou, outcome.fe) == (True, "A", 0.4, 0.6)
    assert row.why == ""
    assert row.outcomes["other"].hit1 == 0.5


def test_findings_ahead_cost_the_first_place() -> None:
    rows = [
        finding(2, "A", {}),
        finding(1, "B", {0: False}, place=1),
        finding(1, "B", {0: True}, place=2),
        finding(1, "D", {0: True}, place=3),
    ]
    (row,) = plantings([result("planted", [USED], rows)])
    outcome = row.outcomes[SEARCH]
    assert (outcome.hit1, outcome.hit3, outcome.class_hit1) == (0, 1, 0)
    assert outcome.reciprocal == pytest.approx(1 / 3)
    assert row.why.startswith("found with grade B, behind")


def test_unused_and_untestable_findings_are_no_hits() -> None:
    (row,) = plantings([result("planted", [USED], [finding(1, "D", {0: True})])])
    assert row.outcomes[SEARCH].hit1 == 0
    assert not row.outcomes[SEARCH].flagged
    assert "graded D" in row.why


def test_every_miss_says_why() -> None:
    missed = [
        (result("planted", [USED], [], members=9), "too few to be searched"),
        (result("planted", [USED], []), "nothing is listed for 'b'"),
        (result("planted", [USED], [finding(1, "A", {0: False})]), "none on the artefact"),
        (result("planted", [USED], [finding(1, "C", {0: True})]), "but graded C"),
        (result("planted", [("blur", 1, 0.9, "positive")], []), "no statistic of whole pictures"),
    ]
    for given, words in missed:
        (row,) = plantings([given])
        assert words in row.why


def test_two_shortcuts_do_not_push_each_other_down() -> None:
    plants = [USED, ("text", 2, 0.5, "positive")]
    rows = [finding(2, "A", {1: True}), finding(1, "A", {0: True}, place=1)]
    first, second = plantings([result("two", plants, rows)])
    assert first.outcomes[SEARCH].hit1 == 1
    assert second.outcomes[SEARCH].hit1 == 1


def test_kinds_of_models_follow_the_manipulation_check() -> None:
    weak, unused = ("text", 1, 0.1, "weak"), ("text", 1, 0.0, "negative")
    assert kind_of(result("planted", [USED], [])) == "positive"
    assert kind_of(result("planted", [weak], [])) == "weak"
    assert kind_of(result("planted", [unused], [])) == "unused"
    assert kind_of(result("balanced", [unused, unused], [])) == "balanced"
    assert kind_of(result("balanced", [unused, weak], [])) == "balanced, but used"
    assert kind_of(result("training only", [USED], [])) == "training only"


def test_false_alarms_are_findings_beside_every_artefact() -> None:
    clean = result("clean", [], [finding(0, "B", {}), finding(2, "C", {})])
    hit = result("planted", [USED], [finding(1, "A", {0: True}), finding(2, "B", {})])
    part = finding(1, "B", {0: False})
    part["overlaps"]["0"]["covered"] = 0.3
    hit["search"]["findings"].append(part)
    one, other = models([clean, hit])
    assert (one.flagged, one.alarms, other.alarms) == (True, 1, 1)
    assert one.scores["other"] == 0.9
    found = headline(plantings([clean, hit]), [one, other])
    assert found["clean: any A or B"] is not None
    assert found["clean: any A or B"][0] == 1.0
    assert found["balanced: any A or B"] is None


def test_every_report_states_the_counts() -> None:
    clean = result("clean", [], [finding(0, "B", {}), finding(2, "C", {})])
    quiet = result("clean", [], [finding(2, "C", {})])
    hit = result("planted", [USED], [finding(1, "A", {0: True})])
    missed = result("planted", [USED], [finding(2, "B", {})])
    every = [clean, quiet, hit, missed]
    assert rates_of(plantings(every), models(every)) == {
        "models": 4,
        "planted": 2,
        "shown": 1,
        "graded": 1,
        "negatives": 2,
        "alarmed": 1,
        "own": 0,
    }


def test_only_what_the_model_relies_on_counts_for_hit_rates() -> None:
    rows = plantings(
        [
            result("planted", [USED], [finding(1, "A", {0: True})]),
            result("planted", [("text", 1, 0.1, "weak")], []),
            result("planted", [("jpeg", 1, 0.9, "positive")], []),
        ]
    )
    assert [row.artefact for row in positives(rows)] == ["sticker"]
    assert [row.artefact for row in positives(rows, local=False)] == ["jpeg"]
    more = [*rows, *plantings([result("planted", [("text", 0, 0.0, "negative")], [])])]
    assert spearman(more) == pytest.approx(0.866, abs=0.01)


def scored(kind: str, seed: int, low: float) -> Row:
    plants = [] if kind == "clean" else [USED]
    hits = {0: True} if plants else {}
    return result(kind, plants, [finding(1, "B", hits, low=low)], seed=seed)


def test_a_threshold_is_chosen_on_even_seeds_and_judged_on_odd_ones() -> None:
    rows = models(
        [
            scored("planted", 0, 0.9), scored("planted", 2, 0.5), scored("clean", 0, 0.2),
            scored("planted", 1, 0.6), scored("planted", 3, 0.3), scored("clean", 1, 0.55),
            scored("clean", 3, 0.1),
        ]
    )  # fmt: skip
    assert choose([row for row in rows if row.seed % 2 == 0], SEARCH) == pytest.approx(1.4)
    found = judge(rows, SEARCH)
    assert found is not None
    assert found.positives == (1, 2)
    assert found.clean == (1, 2)
    assert found.balanced == (0, 0)
    assert judge([row for row in rows if row.kind == "clean"], SEARCH) is None


def test_a_model_scores_by_its_first_finding() -> None:
    weak, strong = finding(1, "B", {}, low=0.2), finding(2, "C", {}, low=0.9)
    (flagged,), (listed,) = (models([result("clean", [], rows)]) for rows in ([weak], [strong]))
    assert flagged.scores[SEARCH] > listed.scores[SEARCH] > 0


def test_the_page_tells_hits_alarms_and_failures(tmp_path: Path) -> None:
    cases = [
        Case("built-in", "plain", seed, "planted", (Plant("sticker", (1,), 0.8),))
        for seed in range(3)
    ]
    plan = Plan(None, None, tmp_path)
    (tmp_path / "models").mkdir()
    stored = [
        result("planted", [USED], [finding(1, "A", {0: True}), finding(2, "B", {})]),
        result("planted", [USED], [], seed=1),
        {"id": cases[2].id, "code": "c", "error": "Traceback: it broke"},
    ]
    for case, each in zip(cases, stored, strict=True):
        plan.result(case).write_text(json.dumps(each | {"id": case.id}))
    assert write_results("small", cases, plan) == 1
    page = (tmp_path / "results.md").read_text()
    assert "2 of 3 models; 1 failed" in page
    assert "it broke" in page
    assert "nothing is listed for 'b'" in page
    assert "| sticker | 1 / 1 / 2 (FE* 0.90) |" in page
    assert "results are of other code" in page
    numbers = json.loads((tmp_path / "results.json").read_text())
    assert numbers["methods"][SEARCH]["Hit@1"][0] == 0.5
    assert (tmp_path / "methods.png").is_file()
    section = (tmp_path / "readme.md").read_text()
    assert "| Hit@1 | 0.50" in section
    assert "2 of 3 models" in section
    assert "successive states" not in section
    plan.result(cases[0]).write_text(json.dumps(stored[0] | {"id": cases[0].id, "code": "d"}))
    write_results("small", cases, plan)
    assert "searched by 2 successive states" in (tmp_path / "readme.md").read_text()


def test_terms_that_a_grade_rests_on_are_named() -> None:
    marked = finding(1, "A", {0: True})
    marked["terms"] = {"far more alike than usual": 0.85, "in a corner": 1.0}
    alarm = finding(2, "B", {}) | {"terms": {"same look at the same place": 0.6}}
    rows = [result("planted", [USED], [marked]), result("clean", [], [alarm])]
    found = terms_table(rows)
    assert "| nothing left out | 1.00 (0.03 to 1.00) | 1 of 1 | 0 of 0 |" in found
    assert "| far more alike than usual | 0.00 (0.00 to 0.97) | 1 of 1 | 0 of 0 |" in found
    assert "| same look at the same place | 1.00 (0.03 to 1.00) | 0 of 1 | 0 of 0 |" in found


def test_what_the_data_have_of_their_own_is_counted_over_models_without_artefacts() -> None:
    rows = [result("clean", [], []), result("clean", [], [], seed=1), result("planted", [USED], [])]
    for row, share in zip(rows, (0.1, 0.3, 0.9), strict=True):
        row["own"] = [{"name": "white margin", "output": 0, "fe": share, "n": 50}]
    assert "| white margin | 0 | 2 | 0.20 | 0.10 to 0.30 | 1 |" in own_table(models(rows))
    assert own_table(models([result("clean", [], [])])) == ""


def factor(output: int, grade: str | None, hits: Sequence[int]) -> Row:
    return {
        "class": output, "statistic": "brightness", "grade": grade, "strength": 0.2, "auc": 0.9,
        "q": 0.001, "evidence": [], "hits": list(hits),
    }  # fmt: skip


def test_whole_pictures_have_their_own_table() -> None:
    used = ("brightness", 1, 0.9, "positive")
    rows = [
        result("planted", [used], []),
        result("planted", [used], [], seed=1),
        result("planted", [used], [], seed=2),
        result("planted", [("blur", 1, 0.1, "weak")], []),
        result("clean", [], []),
        result("clean", [], [], seed=1),
    ]
    rows[0]["search"]["factors"] = [factor(1, "B", [0]), factor(2, "A", [])]
    rows[1]["search"]["factors"] = [factor(1, "C", [0])]
    rows[2]["search"]["factors"] = [factor(2, "C", [])]
    rows[4]["search"]["factors"] = [factor(0, "B", [])]
    found = factors_table(rows)
    assert "| brightness | 0.8 | 3 | 3 | 1: 0.33 (0.06 to 0.79) | 1 | 1 | 1 |" in found
    assert "| blur | 0.8 | 1 | 0 |  | 0 | 0 | 0 |" in found
    assert "clean: 1 of 2 models" in found
    assert factors_table([result("planted", [USED], [])]) == ""


def test_a_section_of_the_manual_is_put_in_the_place_of_the_old_one(tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\n## Grid 'ci'\n\nold\n\n## Exact\n\nkept\n")
    put_section(page, "## Grid 'ci'\n\nnew\n")
    assert page.read_text() == "# Benchmarks\n\n## Grid 'ci'\n\nnew\n\n## Exact\n\nkept\n"
    with pytest.raises(ValueError, match="no section"):
        put_section(page, "## Grid 'kinds'\n\nnew\n")
