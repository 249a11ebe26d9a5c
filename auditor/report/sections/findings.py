"""Clever-Hans candidates as the report shows them: cards with outlines, crops and triplets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from auditor.language.shapes import shape_in_words
from auditor.language.speaking import gettext as _
from auditor.records.part import concept_id
from auditor.records.stages import Candidate, Evidence, Finding, Samples, ShortcutReport, Triplet
from auditor.report.document.audit import (
    FindingCard,
    Picture,
    SearchLimits,
    TestResult,
    TripletCard,
)
from auditor.report.sections.finding_details import finding_details
from auditor.report.show.images import ImageStore, outline, resize

SIDE = 192
LEAST_EXAMPLES = 3
PictureOf = Callable[[int], np.ndarray]
RegionPictures = tuple[tuple[Picture, ...], tuple[Picture, ...]]

TEST_TITLES: Mapping[str, str] = {
    "T1 flip excess": _("Transplant: other images that turn into the class"),
    "T1 nearest class": _("Transplant: images of the nearest class that turn into the class"),
    "T1 evidence share": _("Transplant: share of the class's evidence that comes along"),
    "T2 removal": _("Removal: images that leave the class without the region"),
    "T2 evidence lost": _("Removal: share of the class's evidence that is lost with the region"),
    "T3 latent": _("Latent: images with the region that leave the class without its direction"),
}


def finding_cards(
    report: ShortcutReport,
    samples: Samples,
    store: ImageStore,
    regions: Sequence[RegionPictures],
) -> list[FindingCard]:
    """Return one card per finding, best first; ``regions`` are the pictures of each."""
    return [
        _card(finding, number, samples, store, drawn)
        for number, (finding, drawn) in enumerate(
            zip(report.findings, regions, strict=True), start=1
        )
    ]


def finding_ids(report: ShortcutReport | None) -> dict[str, str]:
    """Return candidate -> the id of its finding."""
    found = report.findings if report else ()
    return {finding.candidate.id: f"F{number}" for number, finding in enumerate(found, start=1)}


def search_limits(report: ShortcutReport | None, *, reason: str) -> SearchLimits:
    """Say what the search could have found; without a report, why it did not run."""
    if report is None:
        return SearchLimits(
            ran=False,
            reason=reason,
            proposed=0,
            tests=0,
            targets=0,
            detection_limit=None,
            null_rate=None,
            null_n=0,
            notes=[],
        )
    return SearchLimits(
        ran=True,
        reason="",
        proposed=report.proposed,
        tests=report.tests,
        targets=report.targets,
        detection_limit=report.detection_limit,
        null_rate=report.null_rate,
        null_n=report.null_n,
        notes=list(report.notes),
    )


def _card(
    finding: Finding,
    number: int,
    samples: Samples,
    store: ImageStore,
    regions: RegionPictures,
) -> FindingCard:
    candidate = finding.candidate
    name = samples.manifest.classes[candidate.output]
    shape = shape_in_words(candidate.shape)
    outlined, aligned = regions
    return FindingCard(
        id=f"F{number}",
        fingerprint=finding.fingerprint,
        title=_("%(shape)s in '%(name)s'", shape=f"{shape[:1].upper()}{shape[1:]}", name=name),
        what=_("%(shape)s in %(name)s", shape=shape, name=name),
        class_name=name,
        kind=candidate.kind,
        shape=candidate.shape,
        grade=finding.grade,
        severity=finding.severity,
        confidence=finding.confidence,
        images=len(candidate.rows),
        lead=finding.lead,
        detail=finding.detail,
        reasons=list(finding.reasons),
        actions=list(finding.actions),
        verification=finding.verification,
        proposed_because=candidate.reason,
        plausibility=finding.plausibility.score,
        terms=dict(finding.plausibility.terms),
        evidence=[_test_result(evidence) for evidence in finding.evidence],
        outlined=list(outlined),
        aligned=list(aligned),
        triplets=[_triplet(triplet, name, samples, store) for triplet in finding.triplets],
        concepts=[concept_id(candidate.layer, c) for c in candidate.concepts]
        if candidate.layer
        else [],
        against=list(finding.against),
        details=finding_details(finding, samples, store),
    )


def region_pictures(
    finding: Finding,
    samples: Samples,
    store: ImageStore,
    picture_of: PictureOf,
    *,
    shown: int = 6,
) -> RegionPictures:
    """Return members with the region outlined, and the regions cut out, of at most ``shown``."""
    outlined, aligned = [], []
    candidate = finding.candidate
    for row, mask in _shown(candidate, shown):
        photo = picture_of(row)
        path = samples.manifest.paths[row]
        alt = _("%(path)s with the region outlined", path=path)
        large, region = enlarged(photo, mask)
        outlined.append(store.jpeg(outline(large, region), alt=alt, caption=path))
        cut = cut_out(large, region)
        aligned.append(
            store.jpeg(cut, alt=_("the region cut out of %(path)s", path=path), caption=path)
        )
    return tuple(outlined), tuple(aligned)


def cut_out(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the box around ``mask``, with what lies outside the mask dimmed."""
    ys, xs = np.nonzero(mask)
    if not len(ys):
        return picture
    box = np.s_[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    inside = mask[box][..., None]
    return np.where(inside, picture[box], picture[box] // 3 + 150).astype(np.uint8)


def enlarged(picture: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return picture and mask with the longer side at `SIDE` pixels, so that lines stay fine."""
    height, width = picture.shape[:2]
    factor = SIDE / max(height, width)
    height, width = round(height * factor), round(width * factor)
    rows = np.arange(height) * mask.shape[0] // height
    columns = np.arange(width) * mask.shape[1] // width
    return resize(picture, height, width), mask[np.ix_(rows, columns)]


def _shown(candidate: Candidate, shown: int) -> list[tuple[int, np.ndarray]]:
    """Return up to ``shown`` members whose region does most, or evenly spread over all.

    Those with an empty mask are left out.
    """
    rows, masks = candidate.rows, candidate.masks
    place = {int(row): index for index, row in enumerate(rows)}
    best = [place[int(row)] for row in candidate.examples if masks[place[int(row)]].any()]
    if len(best) >= min(shown, LEAST_EXAMPLES):
        return [(int(rows[index]), np.asarray(masks[index])) for index in best[:shown]]
    usable = [index for index in range(len(rows)) if masks[index].any()]
    picks = np.unique(np.linspace(0, len(usable) - 1, min(shown, len(usable))).round().astype(int))
    return [(int(rows[usable[i]]), np.asarray(masks[usable[i]])) for i in picks]


def _test_result(evidence: Evidence) -> TestResult:
    return TestResult(
        test=evidence.test,
        title=_(TEST_TITLES.get(evidence.test, evidence.test)),
        outcome=evidence.outcome,
        effect=evidence.effect,
        unit=evidence.unit,
        low=evidence.low,
        high=evidence.high,
        n=evidence.n,
        p=evidence.p,
        q=evidence.q,
        z=evidence.z,
        controls=dict(evidence.controls),
        reason=evidence.reason,
    )


def _triplet(triplet: Triplet, name: str, samples: Samples, store: ImageStore) -> TripletCard:
    paths, names = samples.manifest.paths, samples.manifest.classes
    target = paths[triplet.target_row]
    control = _(triplet.control)
    words = (
        _("before"),
        _("with the region of %(name)s", name=name),
        _("with the control: %(control)s", control=control),
    )
    pictures: Sequence[Picture] = [
        store.jpeg(np.asarray(image), alt=f"{target} {word}", caption=word, side=SIDE)
        for image, word in zip(triplet.pictures, words, strict=True)
    ]
    return TripletCard(
        target=target,
        reference=paths[triplet.reference_row],
        control=control,
        pictures=(pictures[0], pictures[1], pictures[2]),
        probabilities=triplet.probabilities,
        predictions=(
            names[triplet.predictions[0]],
            names[triplet.predictions[1]],
            names[triplet.predictions[2]],
        ),
    )
