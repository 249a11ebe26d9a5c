"""The parts of a finding's sheet beyond its tests, from what was measured."""

from __future__ import annotations

from functools import partial

from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import ngettext
from auditor.records.part import Interval, concept_id
from auditor.records.shortcuts import Accuracy, Details, Projection, Signature, Zeroing
from auditor.records.stages import Finding, Samples
from auditor.report.document.finding import (
    ChangeRow,
    ExposureCard,
    FindingDetails,
    ProjectionCard,
    SharedClassRow,
    SignatureCard,
    SubgroupRow,
    ZeroingCard,
)
from auditor.report.draw.zeroing_curves import zeroing_figure
from auditor.report.show.images import ImageStore

DIGITS = 3


def finding_details(finding: Finding, samples: Samples, store: ImageStore) -> FindingDetails | None:
    """Return the details of a finding; its figure is kept in the store."""
    if finding.details is None:
        return None
    details, names = finding.details, samples.manifest.classes
    name = names[finding.candidate.output]
    return FindingDetails(
        exposure=_exposure(details, names),
        subgroups=[
            SubgroupRow(
                group=row.group,
                carrying=_interval(row.carrying),
                without=_interval(row.without),
                p=row.p,
            )
            for row in details.subgroups
        ],
        projection=_projection(details.projection, details.cost) if details.projection else None,
        zeroing=_zeroing(details.zeroing, name, names, store) if details.zeroing else None,
        signature=_signature(details.signature) if details.signature else None,
        missing=dict(details.missing or {}),
    )


def _exposure(details: Details, names: tuple[str, ...]) -> ExposureCard | None:
    found = details.exposure
    if found is None:
        return None
    return ExposureCard(
        share=found.share, classes=[names[output] for output in found.classes], lost=found.lost
    )


def _projection(projection: Projection, sentence: str) -> ProjectionCard:
    return ProjectionCard(
        layer=projection.layer,
        sentence=sentence,
        variance=projection.variance,
        control_variance=projection.control_variance,
        directions=projection.directions,
        turned=projection.turned,
        turned_n=projection.turned_n,
        changes=[
            ChangeRow(
                group=_(change.group),
                before=_interval(change.before),
                after=_interval(change.after),
                control=change.control,
            )
            for change in projection.changes
        ],
    )


def _zeroing(curve: Zeroing, name: str, names: tuple[str, ...], store: ImageStore) -> ZeroingCard:
    figure = store.figure(
        partial(
            zeroing_figure,
            curve.counts,
            curve.own,
            curve.others,
            curve.random_own,
            curve.band_own,
            name,
        ),
        alt=_(
            "confidence in %(name)s and in other classes while concepts of the region are zeroed",
            name=name,
        ),
    )
    return ZeroingCard(
        layer=curve.layer,
        concepts=[concept_id(curve.layer, concept) for concept in curve.concepts],
        part=list(curve.part),
        counts=list(curve.counts),
        own=list(curve.own),
        others=list(curve.others),
        random_own=list(curve.random_own),
        random_others=list(curve.random_others),
        band_own=list(curve.band_own),
        draws=curve.draws,
        n_own=curve.n_own,
        n_others=curve.n_others,
        chosen=curve.chosen,
        classes=[
            SharedClassRow(
                class_name=names[row.output],
                n=row.n,
                share=row.share,
                accuracy=row.accuracy,
                confidence=row.confidence,
            )
            for row in curve.classes
        ],
        sentence=_sentence(curve, name),
        figure=figure,
    )


def _sentence(curve: Zeroing, name: str) -> str:
    place = curve.counts.index(curve.chosen)
    return ngettext(
        "With the first %(num)s concept of the region at zero, the mean confidence in '%(name)s' "
        "goes from %(own_before)s to %(own_after)s (n = %(n_own)s), with equally many random ones "
        "to %(random)s; that of other classes' pictures in their own class from %(before)s to "
        "%(after)s (n = %(n)s).",
        "With the first %(num)s concepts of the region at zero, the mean confidence in '%(name)s' "
        "goes from %(own_before)s to %(own_after)s (n = %(n_own)s), with equally many random ones "
        "to %(random)s; that of other classes' pictures in their own class from %(before)s to "
        "%(after)s (n = %(n)s).",
        curve.chosen,
        name=name,
        own_before=percent(curve.own[0]),
        own_after=percent(curve.own[place]),
        n_own=curve.n_own,
        random=percent(curve.random_own[place]),
        before=percent(curve.others[0]),
        after=percent(curve.others[place]),
        n=curve.n_others,
    )


def _signature(found: Signature) -> SignatureCard:
    return SignatureCard(
        area=found.area,
        place=found.place,
        spread=found.spread,
        colour=found.colour,
        look=[
            [
                (round(float(r), DIGITS), round(float(g), DIGITS), round(float(b), DIGITS))
                for r, g, b in row
            ]
            for row in found.look
        ],
    )


def _interval(found: Accuracy) -> Interval | None:
    if not found.n:
        return None
    return Interval(value=found.correct / found.n, low=found.low, high=found.high, n=found.n)
