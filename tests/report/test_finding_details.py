"""What was measured about a candidate reaches audit.json and the page with its own numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor.records.part import Interval
from auditor.records.shortcuts import (
    Change,
    Details,
    Exposure,
    Plausibility,
    Projection,
    SearchLimits,
    SharedClass,
    Signature,
    Subgroup,
    Zeroing,
)
from auditor.records.stages import (
    Candidate,
    Finding,
    Manifest,
    Samples,
    ShortcutReport,
)
from auditor.report.document.result import FindingCard
from auditor.report.draw.zeroing_curves import zeroing_figure
from auditor.report.sections.findings import finding_cards
from auditor.report.show.html import render_html
from auditor.report.show.picture_store import ImageStore
from auditor.run.codec import load_record, save_record
from auditor.shortcuts.seen import CONTEXT
from auditor.shortcuts.tests import FLIP_EXCESS, in_order
from tests.report.conftest import Run
from tests.report.example import CONTEXT as RENDERING
from tests.report.test_html import text_of

SEVEN = Interval(value=0.7, low=0.397, high=0.892, n=10)
DETAILS = Details(
    exposure=Exposure(share=0.7, classes=("a", "c"), lost=0.2),
    subgroups=(Subgroup(group="all of 'a'", carrying=SEVEN, without=None, p=None),),
    projection=Projection(
        layer="last",
        sentence="With its direction projected out, nothing else changes.",
        variance=0.1,
        control_variance=0.09,
        directions=20,
        changes=(
            Change(group="with the region", before=SEVEN, after=None, control=0.7),
            Change(group="other classes", before=SEVEN, after=SEVEN, control=0.6),
        ),
    ),
    zeroing=Zeroing(
        layer="last",
        concepts=("last/5", "last/2"),
        part=(0.8, 0.2),
        counts=(0, 1, 2),
        own=(0.9, 0.4, 0.2),
        others=(0.8, 0.8, 0.7),
        random_own=(0.9, 0.88, 0.87),
        random_others=(0.8, 0.8, 0.8),
        band_own=((0.9, 0.9), (0.8, 0.9), (0.8, 0.9)),
        draws=10,
        n_own=12,
        n_others=30,
        chosen=1,
        classes=(
            SharedClass(
                class_name="c", n=9, share=0.3, accuracy=(1.0, 0.5), confidence=(0.9, 0.45)
            ),
        ),
        sentence="It goes from 90 % to 40 %.",
    ),
    signature=Signature(
        area=0.05,
        place=(0.9, 0.8),
        spread=0.01,
        colour=(1.0, 0.5, 0.0),
        look=(((0.333, 0.333, 0.333),) * 8,) * 8,
    ),
    missing={"brightness": "It is no region."},
)


def finding(details: Details | None = DETAILS) -> Finding:
    candidate = Candidate(
        "0-1", 0, "P1", "spot", None, (), np.array([0]), np.ones((1, 4, 4), bool), 1.0, "a place."
    )
    return Finding(
        candidate=candidate, plausibility=Plausibility(terms={}, score=0.9), fingerprint="f",
        grade="A", severity="high", confidence="high", lead="", detail="", reasons=(), actions=(),
        verification="", evidence=in_order([FLIP_EXCESS.missing("Few.")]), against=("It may be.",),
        details=details,
    )  # fmt: skip


def card(found: Finding, folder: Path) -> FindingCard:
    report = ShortcutReport((found,), SearchLimits(ran=True))
    return finding_cards(report, samples(), ImageStore(folder), [((), ())])[0]


def samples() -> Samples:
    labels = np.array([0, 1, 2])
    return Samples(
        Manifest(("0.png", "1.png", "2.png"), labels, ("a", "b", "c")),
        np.ones(3, bool), (None,) * 3, np.eye(3), labels, labels, np.ones(3, bool),
    )  # fmt: skip


def test_the_document_holds_what_was_found_and_a_figure(tmp_path: Path) -> None:
    made = card(finding(), tmp_path)
    assert made.details is not None
    curve = made.details.zeroing
    assert curve is not None
    assert curve.figure is not None
    assert (tmp_path / curve.figure.file).is_file()
    bare = curve.model_copy(update={"figure": None})
    assert made.details.model_copy(update={"zeroing": bare}) == DETAILS
    assert made.evidence == finding().evidence
    assert (made.against, made.severity) == (("It may be.",), "high")
    assert FindingCard.model_validate_json(made.model_dump_json()) == made
    assert card(finding(), tmp_path) == made


def test_a_finding_without_details_has_none(tmp_path: Path) -> None:
    assert card(finding(None), tmp_path).details is None


def test_pictures_are_named_that_carry_a_region_and_none_for_a_context(tmp_path: Path) -> None:
    found = finding(None)
    (carrier,) = card(found, tmp_path).carriers
    assert (carrier.picture, carrier.half, carrier.box) == ("0.png", "discovery", (0, 0, 4, 4))
    context = replace(found.candidate, kind=CONTEXT)
    assert card(found.model_copy(update={"candidate": context}), tmp_path).carriers == []
    assert card(found.model_copy(update={"grade": "C"}), tmp_path).carriers == []


def test_a_finding_survives_the_run_folder(tmp_path: Path) -> None:
    save_record(tmp_path, finding())
    back = load_record(tmp_path)
    assert back.details == DETAILS
    assert back.evidence == finding().evidence
    assert np.array_equal(back.candidate.masks, finding().candidate.masks)


def test_the_page_shows_all_of_it(run: Run, html: str) -> None:
    text = text_of(html)
    details = run.result.findings[0].details
    assert details is not None
    assert details.zeroing is not None
    assert details.projection is not None
    assert details.zeroing.sentence in text
    assert details.projection.sentence in text
    assert "What speaks against that" in text
    assert run.result.findings[0].against[0] in text
    assert "site = south" in text
    assert "no picture" in text
    assert "Not measured: brightness. It is no region." in text
    assert "85 % of the class's test pictures carry it, and so do pictures of" in text


def test_the_curve_is_a_figure_with_the_same_bytes() -> None:
    assert DETAILS.zeroing is not None
    first = zeroing_figure(DETAILS.zeroing, "$x$ <b>")
    assert first == zeroing_figure(DETAILS.zeroing, "$x$ <b>")
    assert ET.fromstring(first.svg).tag.endswith("svg")
    assert first.width == pytest.approx(380, abs=80)


def page_with(run: Run, exposure: Exposure, elsewhere: Interval | None, kind: str = "P1") -> str:
    rows = [
        Subgroup(group=name, carrying=None, without=SEVEN, p=None) for name in ("own", "others")
    ]
    rows[1] = rows[1].model_copy(update={"carrying": elsewhere})
    card = run.result.findings[0]
    assert card.details is not None
    details = card.details.model_copy(update={"exposure": exposure, "subgroups": tuple(rows)})
    card = card.model_copy(update={"details": details, "kind": kind})
    result = run.result.model_copy(update={"findings": [card], "cues": []})
    return render_html(result, RENDERING, run.folder / "images", max_mb=8)


def test_a_few_carriers_in_other_classes_are_not_denied(run: Run) -> None:
    name = run.result.findings[0].class_name
    alone = Exposure(share=0.7, classes=(name,), lost=0.2)
    nine = Interval(value=0.1, low=0.0, high=0.4, n=9)
    page = page_with(run, alone, nine)
    assert re.search(r"so do 9\s+pictures of other classes;", page)
    assert "of no other class" not in page
    assert "of no other class" in page_with(run, alone, None)


@pytest.mark.parametrize(
    ("kind", "said"), [("P1", "covering it up loses"), (CONTEXT, "other surroundings lose")]
)
def test_what_loses_nothing_is_said_beside_its_control(run: Run, kind: str, said: str) -> None:
    harmless = Exposure(share=0.7, classes=(run.result.findings[0].class_name,), lost=0.0)
    page = page_with(run, harmless, None, kind)
    assert re.search(rf"class do;\s+{said} no more", " ".join(page.split()))
