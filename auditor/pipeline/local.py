"""The stage of local analysis: single samples, their concepts, and the ranking inside regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditor.base.errors import UnknownNameError
from auditor.base.heatmaps import Photo, heat, overlay, upscale
from auditor.base.progress import Step
from auditor.concepts.shares import shares_of
from auditor.concepts.single_pictures import (
    Box,
    Chosen,
    choose_samples,
    mask_of,
    rank_in_region,
    strongest_window,
)
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.pipeline.illustrate import (
    ATLAS_SIDE,
    CROP_SIDE,
    FULL_SIDE,
    crop_of,
    overlay_of,
    with_places,
)
from auditor.records.part import Picture, concept_id
from auditor.records.stages import LayerRelevance
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.heatmaps import (
    Load,
    MapRequest,
    concept_maps,
    plain_heatmaps,
    sample_concept_maps,
)
from auditor.report.document.result import (
    LocalCard,
    LocalConceptRow,
    LocalPart,
    RegionCard,
    RegionRow,
)
from auditor.report.draw.pictures import outline
from auditor.report.sections.analysis import LayerAnalysis
from auditor.report.show.picture_store import ImageStore

# Concepts whose conditional heatmaps are compared inside a region.
COMPARED = 24
RANKED = 6  # concepts of a region that the report lists
NEGLIGIBLE = 5e-4  # a smaller part of the region's relevance would read as nothing


@dataclass(frozen=True)
class Look:
    """One image to look at, explained as ``target``: how to load it, and how it is shown.

    ``row`` is its row in the tables of relevance, ``path`` what it is called. ``label`` (empty
    where there is none), ``explained`` and ``prediction`` are names of classes. Pictures are drawn
    into ``store``.
    """

    explainer: Explainer
    store: ImageStore
    load: Load
    photo: Photo
    path: str
    row: int
    target: int
    why: str
    label: str
    explained: str
    prediction: str

    def shown(self, photo: Photo, alt: str, side: int = FULL_SIDE) -> Picture:
        """Store a picture of the image."""
        return self.store.jpeg(photo, alt=alt, side=side)


def single_pictures(context: Context, last: LayerAnalysis) -> LocalPart:
    """Return the samples that the config names, else those chosen for each class."""
    return context.once(
        "local",
        "single pictures",
        lambda step: _single_pictures(context, last.layer, step),
        reads=["relevance"],
    )


def _single_pictures(context: Context, layer: LayerRelevance, progress: Step) -> LocalPart:
    samples, subject, audit = context.samples, context.subject, context.config.audit
    paths, names = samples.manifest.paths, samples.manifest.classes
    notes: list[str] = []
    chosen: list[Chosen] = []
    if audit.samples is None:
        for output in context.outputs:
            chosen += choose_samples(layer, samples, output)
    else:
        for row in named_rows(audit.samples, paths):
            if samples.valid[row]:
                chosen.append(Chosen(row, _("asked for in the config")))
            else:
                reason = samples.quarantine[row] or _("it cannot be used")
                notes.append(
                    _("'%(paths)s' was not looked at: %(reason)s.", paths=paths[row], reason=reason)
                )
    cards = []
    for row, why in chosen:
        target = int(samples.target[row])
        look = Look(
            explainer=context.explainer,
            store=context.store,
            load=subject.load,
            photo=subject.picture(row),
            path=paths[row],
            row=row,
            target=target,
            why=why,
            label=names[samples.labels[row]],
            explained=names[target],
            prediction=names[samples.prediction[row]],
        )
        cards.append(look_closely(look, layer, (), audit.concepts))
        progress(1)
    return LocalPart(cards=cards, notes=notes)


def named_rows(names: Sequence[str], paths: Sequence[str]) -> list[int]:
    """Return the rows of samples that are named by their paths, each once.

    Raises:
        UnknownNameError: the data has no such sample.
    """
    places = {path: row for row, path in enumerate(paths)}
    for name in names:
        if name not in places:
            raise UnknownNameError("picture in audit.samples", name, paths)
    return list(dict.fromkeys(places[name] for name in names))


def look_closely(look: Look, layer: LayerRelevance, boxes: Sequence[Box], count: int) -> LocalCard:
    """Return one sample at one layer: heatmap, ``count`` concepts, the ranking in each region.

    Without ``boxes`` the region is the window with the most relevance.
    """
    explainer, path = look.explainer, look.path
    share = shares_of(layer, np.array([look.row]))[0]
    order = np.argsort(-np.abs(share), kind="stable")[:COMPARED]
    compared = [int(c) for c in order if share[c] != 0]
    leading = sorted((c for c in compared if share[c] > 0), key=lambda c: -share[c])[:count]
    plain = plain_heatmaps(explainer, look.load, [look.row], [look.target], batch=1)[0]
    maps = sample_concept_maps(explainer, look.load, layer.layer, look.row, look.target, compared)
    ids = [concept_id(layer.layer, concept) for concept in compared]
    regions = [(box, _("region %(written)s", written=_written(box))) for box in boxes]
    if not regions:
        window = strongest_window(plain)
        chosen = _("the window with the most relevance (%(written)s)", written=_written(window))
        regions = [(window, chosen)]
    return LocalCard(
        sample=path,
        label=look.label,
        explained=look.explained,
        prediction=look.prediction,
        why=look.why,
        layer=layer.layer,
        photo=look.shown(look.photo, path),
        heatmap=look.shown(overlay(look.photo, plain), _("relevance over %(path)s", path=path)),
        concepts=_concepts(look, layer, leading, share),
        regions=[_ranking(look, box, chosen, plain, ids, maps) for box, chosen in regions],
        compared=len(compared),
        covered=float(np.abs(share[compared]).sum()),
        alone=look.shown(heat(plain), _("relevance alone, %(path)s", path=path)),
    )


def _concepts(
    look: Look, layer: LayerRelevance, concepts: Sequence[int], share: np.ndarray
) -> list[LocalConceptRow]:
    requests = [
        MapRequest(
            layer=layer.layer,
            concepts=(concept,),
            output=look.target,
            origin="relevance",
            row=look.row,
            score=float(layer.relevance[look.row, concept]),
            peak=int(layer.peak[look.row, concept]),
        )
        for concept in concepts
    ]
    placed = with_places(look.explainer, requests)
    maps = concept_maps(look.explainer, look.load, placed, np.zeros(0, dtype=np.int64))
    shown = (look.photo, look.path, look.store)
    return [
        LocalConceptRow(
            concept=concept_id(layer.layer, request.concepts[0]),
            share=float(share[request.concepts[0]]),
            heatmap=overlay_of(request, heatmap, *shown, CROP_SIDE),
            crop=crop_of(request, heatmap, field, *shown),
        )
        for request, (heatmap, field) in zip(placed, maps, strict=True)
    ]


def _ranking(
    look: Look,
    box: Box,
    chosen: str,
    plain: np.ndarray,
    compared: Sequence[str],
    maps: np.ndarray,
) -> RegionCard:
    mask = mask_of(box, (plain.shape[0], plain.shape[1]))
    order, relevance = rank_in_region(maps, mask)
    total = float(np.abs(plain).sum(dtype=np.float64))
    picture = outline(upscale(look.photo, ATLAS_SIDE), mask)
    absolute = float(np.abs(relevance).sum())
    return RegionCard(
        box=box,
        chosen=chosen,
        picture=look.shown(picture, _("%(path)s with the region outlined", path=look.path)),
        total=float(plain[mask].sum(dtype=np.float64)),
        part=float(np.abs(plain[mask]).sum(dtype=np.float64)) / total if total else 0.0,
        rows=[
            RegionRow(
                concept=compared[index], relevance=float(value), share=float(value) / absolute
            )
            for index, value in zip(order, relevance, strict=True)
            if abs(value) >= NEGLIGIBLE * absolute > 0
        ][:RANKED],
    )


def _written(box: Box) -> str:
    return ",".join(str(number) for number in box)
