"""What was measured about a candidate reaches audit.json and the page with its own numbers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor.records.shortcuts import (
    Accuracy,
    Change,
    Details,
    Exposure,
    Projection,
    SharedClass,
    Signature,
    Subgroup,
    Zeroing,
)
from auditor.records.stages import Candidate, Finding, Manifest, Plausibility, Samples
from auditor.report.draw.zeroing_curves import zeroing_figure
from auditor.report.sections.finding_details import finding_details
from auditor.report.show.images import ImageStore
from auditor.run.codec import load_record, save_record
from tests.report.conftest import Run
from tests.report.example_findings import BAND, COUNTS, OTHERS, OWN, RANDOM
from tests.report.test_html import text_of

SEVEN = Accuracy(7, 10, 0.397, 0.892)
NONE = Accuracy(0, 0, 0.0, 1.0)
DETAILS = Details(
    exposure=Exposure(0.7, (0, 2), 0.2),
    subgroups=(Subgroup("all of 'a'", SEVEN, NONE, None),),
    projection=Projection(
        "last",
        0.1,
        0.09,
        20,
        (
            Change("with the region", SEVEN, NONE, 0.7),
            Change("without it", NONE, NONE, None),
            Change("other classes", SEVEN, SEVEN, 0.6),
        ),
    ),
    cost="With its direction projected out, nothing else changes.",
    zeroing=Zeroing(
        layer="last",
        concepts=(5, 2),
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
        classes=(SharedClass(2, 9, 0.3, (1.0, 0.5), (0.9, 0.45)),),
    ),
    signature=Signature("a", 0.05, (0.9, 0.8), 0.01, (1.0, 0.5, 0.0), np.full((8, 8, 3), 1 / 3)),
    missing={"brightness": "It is no region."},
)


def finding() -> Finding:
    candidate = Candidate(
        "0-1", 0, "P1", "spot", None, (), np.array([0]), np.ones((1, 4, 4), bool), 1.0, "a place."
    )
    return Finding(
        candidate, (), Plausibility("0-1", {}, 0.9), "A", "high", "high", "", "", (), (), "",
        (), "f", against=("It may be.",), details=DETAILS,
    )  # fmt: skip


def samples() -> Samples:
    labels = np.array([0, 1, 2])
    return Samples(
        Manifest(("0.png", "1.png", "2.png"), labels, ("a", "b", "c")),
        np.ones(3, bool), (None,) * 3, np.eye(3), labels, labels, np.ones(3, bool),
    )  # fmt: skip


def test_every_measured_number_is_in_the_document(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    found = finding_details(finding(), samples(), store)
    assert found is not None
    assert found.exposure is not None
    assert (found.exposure.share, found.exposure.classes) == (0.7, ["a", "c"])
    (row,) = found.subgroups
    assert row.carrying is not None
    assert (row.carrying.value, row.carrying.n) == (0.7, 10)
    assert row.without is None
    assert found.projection is not None
    assert found.projection.sentence == DETAILS.cost
    assert [row.before is None for row in found.projection.changes] == [False, True, False]
    assert found.zeroing is not None
    assert found.zeroing.concepts == ["last/5", "last/2"]
    said = found.zeroing.sentence.replace("\u00a0", " ")
    assert "from 90 % to 40 % (n = 12), with equally many random ones to 88 %" in said
    assert found.zeroing.classes[0].class_name == "c"
    assert found.signature is not None
    assert found.signature.look[0][0] == (0.333, 0.333, 0.333)
    assert found.missing == {"brightness": "It is no region."}
    assert (tmp_path / found.zeroing.figure.file).is_file()
    again = finding_details(finding(), samples(), ImageStore(tmp_path))
    assert again == found


def test_a_finding_without_details_has_none(tmp_path: Path) -> None:
    bare = replace(finding(), details=None)
    assert finding_details(bare, samples(), ImageStore(tmp_path)) is None


def test_details_survive_the_run_folder(tmp_path: Path) -> None:
    save_record(tmp_path, finding())
    back = load_record(tmp_path)
    assert back.against == ("It may be.",)
    assert back.details.zeroing == DETAILS.zeroing
    assert back.details.projection == DETAILS.projection
    assert back.details.subgroups == DETAILS.subgroups
    assert np.array_equal(back.details.signature.look, DETAILS.signature.look)


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
    first = zeroing_figure(COUNTS, OWN, OTHERS, RANDOM, BAND, "$x$ <b>")
    assert first == zeroing_figure(COUNTS, OWN, OTHERS, RANDOM, BAND, "$x$ <b>")
    assert ET.fromstring(first.svg).tag.endswith("svg")
    assert first.width == pytest.approx(380, abs=80)
