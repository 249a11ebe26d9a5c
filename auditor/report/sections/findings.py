"""The section with a sheet for each finding: outlines, crops, tests and triplets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

import numpy as np

from auditor.base.heatmaps import resize
from auditor.language.speaking import capitalised, joined
from auditor.language.speaking import gettext as _
from auditor.records.part import Picture, concept_id
from auditor.records.shortcuts import Assessment, Carrier, Details, SearchLimits
from auditor.records.stages import Candidate, Finding, Samples, ShortcutReport, Triplet
from auditor.report.document.result import AuditResult, FindingCard, TripletCard
from auditor.report.draw.pictures import outline
from auditor.report.draw.zeroing_curves import zeroing_figure
from auditor.report.sections.analysis import RegionPictures
from auditor.report.sections.section import Audit, Row, Section, Table
from auditor.report.show.picture_store import ImageStore
from auditor.shortcuts.propose.lacking import ABSENCE
from auditor.shortcuts.propose.windows import box_of
from auditor.shortcuts.seen import CONTEXT

SIDE = 192
LEAST_EXAMPLES = 3
PictureOf = Callable[[int], np.ndarray]
# What the pictures of a triplet are, where they show no region of a picture: by kind of candidate.
STEPS: Mapping[str, tuple[str, str, str]] = {
    CONTEXT: (
        _("on its own surroundings"),
        _("on surroundings of this class"),
        _("on surroundings of another class"),
    ),
    ABSENCE: (_("as it is"), _("covered up there"), _("covered up elsewhere")),
}
# Every picture has surroundings, and what a class lacks is in no picture of it.
WITHOUT_CARRIERS = CONTEXT, ABSENCE


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
    findings = report.findings if report else ()
    return {each.candidate.id: f"F{number}" for number, each in enumerate(findings, start=1)}


def _card(
    finding: Finding,
    number: int,
    samples: Samples,
    store: ImageStore,
    regions: RegionPictures,
) -> FindingCard:
    candidate = finding.candidate
    name = samples.manifest.classes[candidate.output]
    outlined, aligned = regions
    said = {field: getattr(finding, field) for field in Assessment.model_fields}
    return FindingCard(
        **said | {"details": _details(finding, name, store)},
        id=f"F{number}",
        title=_title(candidate, name),
        what=_("%(seen)s in %(name)s", seen=_seen(candidate), name=name),
        class_name=name,
        kind=candidate.kind,
        shape=candidate.shape,
        images=len(candidate.rows),
        plausibility=finding.plausibility.score,
        terms=dict(finding.plausibility.terms),
        outside=finding.plausibility.outside,
        outlined=list(outlined),
        aligned=list(aligned),
        triplets=[
            _triplet(triplet, name, candidate.kind, samples, store) for triplet in finding.triplets
        ],
        concepts=[concept_id(candidate.layer, c) for c in candidate.concepts]
        if candidate.layer
        else [],
        carriers=_carriers(finding, samples),
    )


def _carriers(finding: Finding, samples: Samples) -> list[Carrier]:
    """Return the pictures that carry a region of grade A or B, and the box around it in each.

    None of the kinds of `WITHOUT_CARRIERS`.
    """
    candidate = finding.candidate
    carriers: list[Carrier] = []
    if finding.grade not in ("A", "B") or candidate.kind in WITHOUT_CARRIERS:
        return carriers
    for row, mask in zip(candidate.rows, candidate.masks, strict=True):
        if not mask.any():
            continue
        top, left, bottom, right = box_of(np.asarray(mask))
        carriers.append(
            Carrier(
                picture=samples.manifest.paths[row],
                half="discovery" if samples.discovery[row] else "test",
                box=(left, top, right - left, bottom - top),
            )
        )
    return carriers


def _seen(candidate: Candidate) -> str:
    """Return what a person sees in a region, or in older results what was placed there."""
    return candidate.seen or candidate.shape


def _title(candidate: Candidate, name: str) -> str:
    said = {"seen": capitalised(_seen(candidate)), "name": name}
    if candidate.kind == CONTEXT:
        return _("%(seen)s: they decide for '%(name)s'", **said)
    return _("%(seen)s in '%(name)s'", **said)


def _details(finding: Finding, name: str, store: ImageStore) -> Details | None:
    """Return the details of a finding with the figure of its zeroed concepts, kept in the store."""
    curve = finding.details.zeroing if finding.details else None
    if finding.details is None or curve is None:
        return finding.details
    figure = store.figure(
        partial(zeroing_figure, curve, name),
        alt=_(
            "confidence in %(name)s and in other classes while concepts of the region are zeroed",
            name=name,
        ),
    )
    drawn = curve.model_copy(update={"figure": figure})
    return finding.details.model_copy(update={"zeroing": drawn})


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
        large, region = enlarged(photo, mask)
        if candidate.kind == CONTEXT:
            alt, lined = _("%(path)s with the object outlined", path=path), ~region
        else:
            alt, lined = _("%(path)s with the region outlined", path=path), region
        outlined.append(store.jpeg(outline(large, lined), alt=alt, caption=path))
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
    index_of = {int(row): index for index, row in enumerate(rows)}
    best = [index_of[int(row)] for row in candidate.examples if masks[index_of[int(row)]].any()]
    if len(best) >= min(shown, LEAST_EXAMPLES):
        return [(int(rows[index]), np.asarray(masks[index])) for index in best[:shown]]
    usable = [index for index in range(len(rows)) if masks[index].any()]
    picks = np.unique(np.linspace(0, len(usable) - 1, min(shown, len(usable))).round().astype(int))
    return [(int(rows[usable[i]]), np.asarray(masks[usable[i]])) for i in picks]


def _triplet(
    triplet: Triplet, name: str, kind: str, samples: Samples, store: ImageStore
) -> TripletCard:
    paths, names = samples.manifest.paths, samples.manifest.classes
    target = paths[triplet.target_row]
    control = _(triplet.control)
    steps = STEPS.get(kind)
    words = steps or (
        _("before"),
        _("with the region of %(name)s", name=name),
        _("with the control: %(control)s", control=control),
    )
    pictures: Sequence[Picture] = [
        store.jpeg(np.asarray(image), alt=joined((target, word)), caption=word, side=SIDE)
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
        steps=steps,
    )


def findings(audit: Audit) -> list[FindingCard]:
    """Return the card of every finding."""
    report = audit.analysis.shortcuts
    if report is None:
        return []
    return finding_cards(report, audit.analysis.samples, audit.store, audit.analysis.regions)


def search(audit: Audit) -> SearchLimits:
    """Return what the search could have found, or why it did not run."""
    if audit.analysis.shortcuts is not None:
        return audit.analysis.shortcuts.limits
    reason = _("switched off in the config (shortcuts.enabled: false)")
    return SearchLimits(ran=False, reason=reason)


def has_findings(result: AuditResult) -> bool:
    """Say whether there is a finding."""
    return bool(result.findings)


def finding_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each finding."""
    for finding in result.findings:
        yield FINDINGS.of(finding) | {
            "finding": finding.id,
            "class": finding.class_name,
            "pictures": finding.images,
            "meaning": finding.meaning,
        }


def evidence_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each test of each finding."""
    for finding in result.findings:
        for test in finding.evidence.values():
            yield EVIDENCE.of(test) | {"finding": finding.id}


def carrier_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each picture that carries a region of grade A or B."""
    for finding in result.findings:
        for carrier in finding.carriers:
            box = zip(("x", "y", "width", "height"), carrier.box, strict=True)
            yield {
                "finding": finding.id,
                "class": finding.class_name,
                "picture": carrier.picture,
                "half": carrier.half,
            } | dict(box)


FINDINGS = Table(
    (
        *("finding", "title", "class", "grade", "severity", "confidence", "pictures"),
        *("plausibility", "what", "meaning", "fingerprint"),
    ),
    finding_rows,
)
EVIDENCE = Table(
    (
        *("finding", "test", "outcome", "effect", "unit", "of", "low", "high", "n", "p", "q"),
        *("z", "reason"),
    ),
    evidence_rows,
)
CARRIERS = Table(("finding", "class", "picture", "half", "x", "y", "width", "height"), carrier_rows)
SECTION = Section(
    "findings",
    _("Finding sheets"),
    parts={"findings": findings, "search": search},
    has=has_findings,
    tier="executive",
    tables={"findings": FINDINGS, "evidence": EVIDENCE, "carriers": CARRIERS},
)
