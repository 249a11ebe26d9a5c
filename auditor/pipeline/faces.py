"""A reference sample for every concept that is named somewhere and has no card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from auditor.pipeline.illustrate import illustrate, requests_of
from auditor.records.stages import References, Samples
from auditor.relevance.explainer import Explainer
from auditor.report.document.audit import ClassReport, Crop, LocalPart
from auditor.report.sections.concepts import group_illustrations, reference_crops
from auditor.report.show.images import ImageStore
from auditor.subject import Subject


def named_concepts(classes: Iterable[ClassReport], local: LocalPart | None) -> tuple[str, ...]:
    """Return the ids of the concepts of atlases and single pictures, each once, sorted."""
    legends = [entry for item in classes for sample in item.atlas for entry in sample.legend]
    cards = local.cards if local else []
    found = {entry.concept for entry in legends}
    found |= {each.concept for card in cards for each in card.concepts}
    return tuple(sorted(found))


def faces(
    explainer: Explainer,
    subject: Subject,
    samples: Samples,
    by_relevance: Mapping[str, References],
    wanted: Iterable[str],
    store: ImageStore,
    *,
    batch: int,
) -> dict[str, Crop]:
    """Return the crop of the best reference sample of each concept that has one.

    ``by_relevance`` holds each layer's reference samples over all data; ``wanted`` are concept ids.
    """
    places = {}
    for concept in wanted:
        layer, number = concept.rsplit("/", 1)
        places[concept] = (layer, int(number))
    requests = [
        request
        for layer, channel in places.values()
        for request in requests_of(by_relevance[layer], [channel], 1)
    ]
    groups = group_illustrations(
        illustrate(explainer, subject, samples, requests, store, batch=batch, progress=_no_steps)
    )
    found = {}
    for concept, place in places.items():
        crops = reference_crops(groups, *place, samples)
        if crops:
            found[concept] = crops[0]
    return found


def _no_steps(_: int) -> None:
    """Count nothing: this is one of many small things that writing the result does."""
