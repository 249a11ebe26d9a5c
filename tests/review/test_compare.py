"""Like for like, numbers and concepts of two audits, and the comparison's three forms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.__main__ import run as auditor
from auditor.report.document.result import AuditResult
from auditor.review.compare.alike import model_differences, other_differences
from auditor.review.compare.audits import compare, compare_folders
from auditor.review.compare.concept_changes import concept_changes
from auditor.review.compare.differences import paired
from auditor.review.compare.metrics import metric_changes
from auditor.review.compare.pages import comparison_html, comparison_markdown
from auditor.review.keep.runs import latest_before, read_run
from auditor.run.manifest import write_listed
from tests.report.test_html import REFERRING, parse
from tests.review.made import audit, card, identity, write
from tests.runs import without


def named(changes, name: str):
    return next(each for each in changes if each.name == name)


def test_the_same_audit_differs_in_nothing(base) -> None:
    assert model_differences(audit(base), audit(base)) == []
    assert other_differences(audit(base), audit(base)) == []


def test_another_model_is_still_like_for_like(base, tmp_path) -> None:
    model = base.model.model_copy(update={"digest": "ab" * 32})
    after = audit(base, model=model, scope={"model_version": "3.0"})
    found = compare(
        read_run(write(tmp_path / "a", audit(base))), read_run(write(tmp_path / "b", after))
    )
    assert found.like_for_like
    assert [text.split(":")[0] for text in found.differences] == ["Model", "Model version"]
    assert "what changed is the model" in found.sentence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"config": {"audit": {"seed": 3}}}, "Setting audit.seed: 0 before, 3 now."),
        ({"config": {"data": {"limit": 50}}}, "Setting data.limit: not set before, 50 now."),
        (
            {"config": {"preprocess": {"scale": 255}}},
            "Setting preprocess.scale: not set before, 255",
        ),
        ({"scope": {"name": "other"}}, "Are these audits of the same thing?"),
    ],
)
def test_each_difference_is_a_sentence(base, changes, words: str) -> None:
    (found,) = other_differences(audit(base), audit(base, **changes))
    assert words in found


def test_what_does_not_measure_is_no_difference(base) -> None:
    changes = {
        "config": {"report": {"tier": "technical"}, "policy": {"fail_on": "low"}, "targets": {}}
    }
    assert other_differences(audit(base), audit(base, **changes)) == []


def test_pictures_classes_layers_and_program_are_told(base) -> None:
    method = base.method.model_copy(update={"layers": base.method.layers[:1]})
    after = audit(
        base,
        data=base.data.model_copy(update={"digest": "aa" * 32}),
        classes=base.classes[:2],
        method=method,
        model=base.model.model_copy(update={"preprocessing": "other"}),
        tool=base.tool.model_copy(update={"version": "9", "device": "cuda"}),
    )
    heads = [text.split(":")[0] for text in other_differences(audit(base), after)]
    assert heads == [
        "Pictures",
        "Classes audited before and not now",
        "Audited layers",
        "Preprocessing",
        "Program",
        "Device",
    ]


def test_accuracy_is_paired_picture_by_picture(base) -> None:
    before, after = audit(base, wrong=range(20)), audit(base, wrong=range(10, 25))
    found = named(metric_changes(before, after), "accuracy")
    # Right now alone: 0 to 9. Right before alone: 20 to 24. Never: 10 to 19.
    expected = paired(120 - 25, 10, 5, 10, "")
    assert found.difference.value == pytest.approx(5 / 120)
    assert (found.difference.low, found.difference.high) == (expected.low, expected.high)
    assert "paired on 120 pictures that both audits used" in found.difference.rule
    assert found.n == 120


def test_a_clear_change_is_better_or_worse(base) -> None:
    good, bad = audit(base, wrong=range(3)), audit(base, wrong=range(30))
    assert named(metric_changes(bad, good), "accuracy").status == "better"
    worse = named(metric_changes(good, bad), "accuracy")
    assert worse.status == "worse"
    assert worse.sentence.startswith("Right answers: worse, ")


def test_other_pictures_are_not_paired(base) -> None:
    classes = [item.name for item in base.classes]
    other = identity(classes)
    other = other.model_copy(update={"samples": [f"new/{name}" for name in other.samples]})
    found = named(metric_changes(audit(base), audit(base, identity=other)), "accuracy")
    assert found.difference.rule == "two independent samples (Newcombe 1998)"


def test_pictures_of_the_same_name_may_be_others(base) -> None:
    data = base.data.model_copy(update={"digest": "aa" * 32})
    found = named(metric_changes(audit(base), audit(base, data=data)), "accuracy")
    assert "same name" in found.difference.rule


def test_results_without_answers_are_still_compared(base) -> None:
    bare = base.identity.model_copy(update={"labels": None, "wrong": None, "classes": None})
    found = named(metric_changes(audit(base, identity=bare), audit(base)), "accuracy")
    assert "independent" in found.difference.rule


def test_what_only_one_audit_measured_is_not_compared(base) -> None:
    short = base.performance.model_copy(
        update={"classes": base.performance.classes[:2], "calibration": None}
    )
    found = metric_changes(audit(base), audit(base, performance=short))
    for name in ("accuracy of fur", "calibration error"):
        lost = named(found, name)
        assert (lost.status, lost.now, lost.difference) == ("not compared", None, None)
        assert "not measured now" in lost.sentence
    assert named(metric_changes(audit(base, performance=short), audit(base)), "accuracy of fur").now


def test_moved_concepts_are_found_again(base) -> None:
    layers, changes = concept_changes(audit(base), audit(base, moved=True))
    by_layer = {each.layer: each for each in layers}
    assert by_layer["stage3"].reason == ""
    assert by_layer["stage2"].reason == "the layer was not audited before"
    again = {each.id: each.earlier_id for each in changes if each.status == "found again"}
    order = [3, 0, 5, 1, 4, 2]
    expected = {f"stage3/{now}": f"stage3/{was}" for now, was in enumerate(order)}
    assert again
    assert all(expected[now] == was for now, was in again.items())
    assert all(each.share == each.earlier_share for each in changes)


def test_without_identity_concepts_are_not_compared(base) -> None:
    layers, changes = concept_changes(audit(base, identity=None), audit(base))
    assert changes == []
    assert {each.reason for each in layers} == {
        "what identifies its concepts is not in the earlier result"
    }


@pytest.fixture
def pair(base: AuditResult, one, tmp_path: Path, images: Path) -> tuple[Path, Path]:
    earlier = write(tmp_path / "earlier", audit(base, [card(one, seed=1)]))
    now = write(tmp_path / "now", audit(base, [card(one, seed=2)]), created="2026-04-01T00:00:00Z")
    for path in (earlier, now):
        (path / "images").symlink_to(images)
    return earlier, now


def test_the_page_refers_to_nothing_and_shows_before_and_now(pair, images) -> None:
    comparison = compare_folders(*pair)
    page = comparison_html(comparison, read_run(pair[1]).result, [images], "1.0")
    for element in parse(page).iter():
        assert "style" not in element.attrib
        for name, value in element.attrib.items():
            if name.rsplit("}")[-1] in REFERRING:
                assert value.startswith(("#", "data:image/")), (name, value[:60])
    text = " ".join(" ".join(parse(page).itertext()).split())
    for each in comparison.findings:
        assert each.sentence in text
    assert page.count("<figcaption>before</figcaption>") == 1
    assert page.count("<figcaption>now</figcaption>") == 1


def test_markdown_has_every_change_and_no_mark_of_its_own_making(pair) -> None:
    comparison = compare_folders(*pair)
    text = comparison_markdown(comparison)
    assert "| new |" in text
    assert "| gone |" in text
    hostile = comparison.findings[0].model_copy(update={"sentence": "| <b> [x](y)\nz"})
    changed = comparison.model_copy(update={"findings": [hostile]})
    assert r"\| \<b\> \[x\](y) z" in comparison_markdown(changed)


def test_the_command_writes_all_three_forms(pair, tmp_path, capsys) -> None:
    earlier, now = map(str, pair)
    assert auditor(["compare", earlier, now]) == 0
    assert capsys.readouterr().out.startswith("# surfaces: what changed since 2026-03-01")
    assert auditor(["compare", earlier, now, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["status"] for each in document["findings"]] == ["new", "gone"]
    assert (
        auditor(["compare", earlier, now, "--format", "html", "--to", str(tmp_path / "c.html")])
        == 0
    )
    assert "what changed" in (tmp_path / "c.html").read_text()


def test_the_wrong_order_is_said(pair) -> None:
    assert "Give the earlier run first" in compare_folders(*pair[::-1]).notes[0]
    assert not [text for text in compare_folders(*pair).notes if "earlier run first" in text]


def test_a_changed_audit_is_refused(pair) -> None:
    path = pair[0] / "audit.json"
    path.write_text(path.read_text().replace("brick", "brack"))
    assert auditor(["compare", *map(str, pair)]) == 5


def test_latest_is_the_newest_complete_run_of_the_project(base, tmp_path) -> None:
    def made(name: str, month: int, project: str = "surfaces") -> Path:
        result = audit(base, scope={"name": project})
        return write(tmp_path / name, result, created=f"2026-{month:02d}-01T00:00:00Z")

    made("a", 1)
    wanted = made("b", 2)
    made("other", 3, "another")
    without(made("half", 4), "audit.json")
    write_listed(made("of 0.1", 4), {"audit.json": b'{"version": 1}'})
    now = made("now", 5)
    made("later", 6)
    assert latest_before(now) == wanted
    assert compare_folders(wanted, now).earlier.folder == "b"
    assert compare_folders(now, tmp_path / "later").earlier.folder == "now"
    assert latest_before(tmp_path / "a") is None
