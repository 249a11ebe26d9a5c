"""Make reference samples visible: conditional heatmaps from the model, pictures for the report."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from auditor.base.heatmaps import heat, overlay
from auditor.base.progress import Step
from auditor.concepts.atlas import atlas
from auditor.concepts.colours import PALETTE
from auditor.concepts.crops import packed, receptive_crop
from auditor.config.audit import AuditConfig
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.records.part import Crop, Picture
from auditor.records.stages import (
    Illustration,
    LayerRelevance,
    References,
    Samples,
)
from auditor.records.work import Work
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.geometry import has_place
from auditor.relevance.over_data.heatmaps import (
    Heatmap,
    MapRequest,
    concept_maps,
    plain_heatmaps,
    sample_concept_maps,
)
from auditor.report.document.result import AtlasSample, LegendEntry
from auditor.report.draw.pictures import paint_segments
from auditor.report.show.picture_store import ImageStore

CROP_SIDE = 128
FULL_SIDE = 192
ATLAS_SIDE = 256
CHUNK = 64
BY_ACTIVATION = 6  # reference samples by activation that are shown at most
COMPARED = 12  # concepts of a sample that may colour its atlas
# Measured on the demo (two cores at rest): 1,742 reference samples lie in 379 images, and outline,
# crop and files of one take 2.5 ms without the model.
SAMPLES_OF_AN_IMAGE = 3
SAMPLE_SECONDS = 0.0025
PICTURES_OF_A_SAMPLE = 2  # crop and overlay
PICTURES_OF_AN_ATLAS = 4  # photograph, heatmap over it, heatmap alone, atlas


def samples_of(audit: AuditConfig) -> tuple[int, int, int]:
    """Return how many samples show a concept: by relevance, by activation, within each class."""
    return audit.references, min(audit.references, BY_ACTIVATION), audit.class_references


def work_of_samples(audit: AuditConfig, images: int, classes: int, channels: int) -> Work:
    """Return what the reference samples of a layer take at most."""
    leading = classes * audit.concepts
    by_relevance, by_activation, in_class = (min(count, images) for count in samples_of(audit))
    samples = min(leading, channels) * (by_relevance + by_activation) + leading * in_class
    return Work(
        maps=samples,
        started=min(samples // SAMPLES_OF_AN_IMAGE, images),
        pictures=PICTURES_OF_A_SAMPLE * samples,
        fixed=SAMPLE_SECONDS * samples,
    )


def work_of_atlas(audit: AuditConfig, classes: int) -> Work:
    """Return what the atlas takes at most."""
    samples = classes * audit.atlas_samples
    pictures = PICTURES_OF_AN_ATLAS * samples
    return Work(maps=COMPARED * samples, started=samples, pictures=pictures)


def requests_of(references: References, concepts: Sequence[int], count: int) -> list[MapRequest]:
    """Return a request per reference sample of the given concepts, best ``count`` of each."""
    return [
        MapRequest(
            layer=references.layer,
            concepts=(int(concept),),
            output=None if references.output is None else int(references.output),
            origin=references.origin,
            row=int(row),
            score=float(score),
            peak=int(peak),
        )
        for concept in concepts
        for row, score, peak in zip(
            references.rows[concept][:count],
            references.scores[concept][:count],
            references.peaks[concept][:count],
            strict=True,
        )
        if row >= 0
    ]


def with_places(explainer: Explainer, requests: Sequence[MapRequest]) -> list[MapRequest]:
    """Return the requests without the peaks that have no place in the picture: a class token's.

    What such a position sees is the whole picture, and no crop follows from it.
    """
    where = {request.layer: explainer.geometry(request.layer) for request in requests}
    return [
        dataclasses.replace(request, peak=None)
        if request.peak is not None and not has_place(where[request.layer], request.peak)
        else request
        for request in requests
    ]


def illustrate(
    context: Context, requests: Sequence[MapRequest], progress: Step
) -> tuple[Illustration, ...]:
    """Return crop and overlay of every request; each image is loaded and explained once."""
    drawn: list[Illustration] = []
    for chunk in chunks_by_row(requests):
        drawn += illustrate_chunk(context, chunk)
        progress(len(chunk))
    return tuple(drawn)


def illustrate_chunk(context: Context, requests: Sequence[MapRequest]) -> tuple[Illustration, ...]:
    """Return crop and overlay of the requests of a chunk."""
    subject, samples = context.subject, context.samples
    chunk = with_places(context.explainer, requests)
    maps = concept_maps(
        context.explainer,
        subject.load,
        chunk,
        targets=samples.target,
        batch=context.config.audit.batch,
    )
    pictures = {row: subject.picture(row) for row in {request.row for request in chunk}}
    return tuple(
        _illustration(request, *shown, pictures[request.row], samples, context.store)
        for request, shown in zip(chunk, maps, strict=True)
    )


def atlas_sample(
    context: Context, layer: LayerRelevance, row: int, *, compared: int = COMPARED
) -> AtlasSample:
    """Return the superpixel atlas of a sample, of its ``compared`` most relevant concepts."""
    explainer, subject, samples = context.explainer, context.subject, context.samples
    store = context.store
    order = np.argsort(-layer.relevance[row], kind="stable")[:compared]
    concepts = [int(c) for c in order if layer.relevance[row, c] > 0]
    target = int(samples.target[row])
    maps = sample_concept_maps(explainer, subject.load, layer.layer, row, target, concepts)
    plain = plain_heatmaps(explainer, subject.load, [row], [target], batch=1)[0]
    photo = subject.picture(row)
    found = atlas(row, layer.layer, photo, maps, concepts, legend=min(6, len(PALETTE)))
    colours = dict(zip(found.concepts, PALETTE, strict=False))
    painted = paint_segments(photo, found.segments, [colours.get(int(c)) for c in found.dominating])
    path = samples.manifest.paths[row]
    return AtlasSample(
        sample=path,
        layer=layer.layer,
        prediction=samples.manifest.classes[samples.prediction[row]],
        photo=store.jpeg(photo, alt=path, caption=_("photograph"), side=ATLAS_SIDE),
        heatmap=store.jpeg(
            overlay(photo, plain),
            alt=_("relevance over %(path)s", path=path),
            caption=_("relevance"),
            side=ATLAS_SIDE,
        ),
        alone=store.jpeg(
            heat(plain), alt=_("relevance alone, %(path)s", path=path), side=ATLAS_SIDE
        ),
        atlas=store.jpeg(
            painted,
            alt=_("concept atlas of %(path)s", path=path),
            caption=_("concept atlas"),
            side=ATLAS_SIDE,
        ),
        legend=[
            LegendEntry(colour=colours[concept], concept=f"{layer.layer}/{concept}", share=share)
            for concept, share in zip(found.concepts, map(float, found.share), strict=True)
            if concept in colours
        ],
    )


def chunks_by_row(requests: Sequence[MapRequest]) -> Iterator[list[MapRequest]]:
    """Yield the requests in chunks that keep all requests of a row together."""
    by_row: dict[int, list[MapRequest]] = defaultdict(list)
    for request in requests:
        by_row[request.row].append(request)
    chunk: list[MapRequest] = []
    for row in sorted(by_row):
        chunk += by_row[row]
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _illustration(
    request: MapRequest,
    heatmap: Heatmap,
    field: Heatmap | None,
    photo: np.ndarray,
    samples: Samples,
    store: ImageStore,
) -> Illustration:
    path, classes = samples.manifest.paths[request.row], samples.manifest.classes
    sight = receptive_crop(photo, heatmap, field)
    return Illustration(
        layer=request.layer,
        concept=request.concepts[0],
        output=request.output,
        origin=request.origin,
        row=request.row,
        crop=Crop(
            sample=path,
            label=classes[samples.labels[request.row]],
            prediction=classes[samples.prediction[request.row]],
            score=request.score,
            crop=_crop_picture(request, sight.crop, path, store),
            full=overlay_of(request, heatmap, photo, path, store, FULL_SIDE),
        ),
        looked_at=packed(sight.looked_at),
    )


def crop_of(
    request: MapRequest,
    heatmap: Heatmap,
    field: Heatmap | None,
    photo: np.ndarray,
    path: str,
    store: ImageStore,
) -> Picture:
    """Store what the concept asked for sees in a photograph."""
    return _crop_picture(request, receptive_crop(photo, heatmap, field).crop, path, store)


def _crop_picture(request: MapRequest, crop: np.ndarray, path: str, store: ImageStore) -> Picture:
    name = f"{request.layer} · {request.concepts[0]}"
    alt = _("what %(name)s sees in %(path)s", name=name, path=path)
    return store.jpeg(crop, alt=alt, side=CROP_SIDE)


def overlay_of(
    request: MapRequest,
    heatmap: Heatmap,
    photo: np.ndarray,
    path: str,
    store: ImageStore,
    side: int,
) -> Picture:
    """Store a photograph with the relevance of the concept asked for over it."""
    name = f"{request.layer} · {request.concepts[0]}"
    alt = _("relevance of %(name)s over %(path)s", name=name, path=path)
    return store.jpeg(overlay(photo, heatmap), alt=alt, side=side)
