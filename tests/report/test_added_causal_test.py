"""A causal test that a user's own module adds: it runs, weighs as its row says, and is reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from auditor.base.errors import ConfigError
from auditor.causal.images import Stage
from auditor.causal.pixels import blend, feathered
from auditor.causal.search import find_shortcuts
from auditor.causal.trial import Trial, least_effect
from auditor.config.audit import ShortcutConfig
from auditor.records.shortcuts import Evidence
from auditor.records.stages import ShortcutReport
from auditor.report.sections.findings import finding_cards
from auditor.report.show.html import render_html
from auditor.report.show.picture_store import ImageStore
from auditor.shortcuts.grading import grade
from auditor.shortcuts.tests import TESTS, CausalTest, causal_test
from tests.causal.worlds import World, world
from tests.report.conftest import Run
from tests.report.example import CONTEXT

CONFIG = ShortcutConfig(permutations=300, per_class=1, targets=16, proposals=["P1c"])
DARKENED = CausalTest(
    "darkened",
    kind="light",
    title="Darkened: images that leave the class",
    question="Made dark where the region lies: how many pictures are no longer recognised?",
    sentence="made dark, %(effect)s of the class's pictures leave '%(name)s' (n = %(n)s)",
)


def darkened(stage: Stage, trial: Trial, rng: np.random.Generator) -> Evidence:
    """Make the region black in the class's test images; the control is another window."""
    region = trial.region
    rows = np.flatnonzero(~region.members.discovery)
    images = region.members.inputs[rows]
    there, elsewhere = (
        stage.probe.predict(
            blend(images, torch.zeros_like(images), feathered(torch.from_numpy(masks[rows])))
        )
        for masks in (region.masks, region.window)
    )
    left = [(logits.argmax(axis=1) != region.members.output) for logits in (there, elsewhere)]
    effects = left[0].astype(float) - left[1].astype(float)
    return least_effect(stage, DARKENED, {"another window of it": effects[:, None]}, rng)


def failing(stage: Stage, trial: Trial, rng: np.random.Generator) -> Evidence:
    raise ValueError("no light here")


@pytest.fixture
def _own_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered in a test is gone after it."""
    monkeypatch.setattr(TESTS, "_entries", dict(TESTS._entries))
    monkeypatch.setattr(TESTS, "_origins", dict(TESTS._origins))


@pytest.fixture(scope="module")
def subject() -> World:
    return world()


def search(subject: World) -> ShortcutReport:
    return find_shortcuts(subject.search(config=CONFIG))


@pytest.mark.usefixtures("_own_tests")
def test_an_added_test_is_evidence_of_every_finding_and_in_the_report(
    subject: World, run: Run, tmp_path: Path
) -> None:
    before = search(subject)
    causal_test(DARKENED)(darkened)
    after = search(subject)
    first = after.findings[0]
    assert all("darkened" in finding.evidence for finding in after.findings)
    added = first.evidence["darkened"]
    assert (added.outcome, added.unit) == ("supports", "images")
    assert added.q is not None
    assert added.low > 0.3
    # A row says how a test weighs: this one is only shown.
    assert first.grade == before.findings[0].grade
    rest = {test: each.effect for test, each in first.evidence.items() if test != "darkened"}
    assert rest == {test: each.effect for test, each in before.findings[0].evidence.items()}
    assert "made dark, " in first.detail
    store = ImageStore(tmp_path)
    (card, *_) = finding_cards(after, subject.samples(), store, [((), ())] * len(after.findings))
    shown = run.result.findings[0].model_copy(update={"evidence": card.evidence})
    result = run.result.model_copy(update={"findings": [shown, *run.result.findings[1:]]})
    page = render_html(result, CONTEXT, run.folder / "images", max_mb=8)
    assert "Darkened: images that leave the class" in page


@pytest.mark.usefixtures("_own_tests")
def test_a_test_that_fails_says_so_in_its_result(subject: World) -> None:
    causal_test(DARKENED)(failing)
    report = search(subject)
    first = report.findings[0]
    # Also of candidates that get no grade, so that no audit passes for want of a test.
    assert report.limits.failed >= len(report.findings)
    assert first.evidence["darkened"].outcome == "error"
    assert "ValueError: no light here" in first.evidence["darkened"].reason
    assert first.grade == "A"


@pytest.mark.usefixtures("_own_tests")
def test_a_test_that_returns_the_result_of_another_says_so(subject: World) -> None:
    causal_test(DARKENED)(lambda *_: TESTS["removal"].missing("mine"))
    evidence = search(subject).findings[0].evidence
    assert evidence["removal"].reason != "mine"
    assert evidence["darkened"].outcome == "error"
    assert "returned no Evidence of 'darkened'" in evidence["darkened"].reason


@pytest.mark.usefixtures("_own_tests")
def test_a_weight_lets_a_test_decide(subject: World) -> None:
    finding = search(subject).findings[0]
    strong = DARKENED.result(
        outcome="supports", effect=0.9, low=0.8, high=1.0, n=64, p=1e-6, q=1e-6
    )
    TESTS.register("darkened")(DARKENED)
    assert grade({"darkened": strong}, finding.plausibility) == "U"
    TESTS._entries["darkened"] = CausalTest(**{**vars(DARKENED), "weight": "necessary"})
    assert grade({"darkened": strong}, finding.plausibility) == "B"


@pytest.mark.usefixtures("_own_tests")
def test_a_row_of_the_table_takes_its_function_and_no_other_test_its_name() -> None:
    TESTS.register("darkened")(DARKENED)
    assert TESTS["darkened"].run is None
    causal_test(DARKENED)(darkened)
    assert TESTS["darkened"].run is darkened
    with pytest.raises(ConfigError, match="causal test 'darkened' is registered twice"):
        causal_test(CausalTest(**{**vars(DARKENED), "title": "Another"}))(failing)
