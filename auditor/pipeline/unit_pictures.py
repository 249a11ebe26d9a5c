"""Choose which samples show subspaces, components, strategies and errors, and draw them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int

from auditor.base.heatmaps import overlay
from auditor.base.progress import Step
from auditor.concepts.shares import shares_of
from auditor.concepts.typical import typical_samples
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.records.concepts import Empty, Mistakes, PositionalComponents, Strategies
from auditor.records.part import SampleView
from auditor.records.stages import LayerRelevance, Samples, Subspaces, UnitPicture
from auditor.relevance.over_data.heatmaps import HeatmapRequest, heatmaps, plain_heatmaps

SIDE = 144
CHUNK = 64  # heatmaps that are held at a time
SAMPLES_OF_COMPONENT = 4
SAMPLES_OF_SUBSPACE = 3
# Subspaces of two concepts or more that get pictures, the largest first, and components.
MOST_SUBSPACES = 8
MOST_COMPONENTS = 12
NEAREST, ODD, WRONG = 5, 3, 4

Wanted = tuple[HeatmapRequest, str, int, "int | None"]


def component_requests(
    components: PositionalComponents | Empty, *, most: int = SAMPLES_OF_COMPONENT
) -> list[Wanted]:
    """Return the samples in which each component of all classes has its largest share."""
    if isinstance(components, Empty):
        return []
    found: list[Wanted] = []
    for unit, direction in enumerate(components.directions[:MOST_COMPONENTS]):
        for place in _varied(components.share[:, unit], components.explained_as, most):
            request = HeatmapRequest(
                components.layer,
                int(components.rows[place]),
                int(components.explained_as[place]),
                torch.as_tensor(np.array(direction)),
            )
            found.append((request, "component", unit, None))
    return found


def class_component_requests(
    components: PositionalComponents | Empty, layer: LayerRelevance
) -> list[Wanted]:
    """Return every component of a class on the class's most typical sample."""
    if isinstance(components, Empty):
        return []
    rows = typical_samples(layer, np.sort(components.rows), 1)
    return [
        (
            HeatmapRequest(
                layer.layer, row, int(components.output or 0), torch.as_tensor(np.array(direction))
            ),
            "component",
            unit,
            components.output,
        )
        for row in rows
        for unit, direction in enumerate(components.directions)
    ]


def subspace_requests(
    subspaces: Subspaces, layer: LayerRelevance, samples: Samples, outputs: Sequence[int]
) -> list[Wanted]:
    """Return the samples in which each subspace of several concepts has its largest share."""
    members = [samples.members(output) for output in outputs]
    rows = np.concatenate(members) if members else np.zeros(0, dtype=np.int64)
    if len(rows) == 0:
        return []
    share = shares_of(layer, rows)
    found: list[Wanted] = []
    sizes = np.bincount(subspaces.cluster) if len(subspaces.cluster) else np.zeros(0, int)
    for unit in np.flatnonzero(sizes > 1)[:MOST_SUBSPACES]:
        channels = subspaces.concepts[subspaces.cluster == unit]
        summed = share[:, channels].sum(axis=1)
        for place in _varied(summed, samples.target[rows], SAMPLES_OF_SUBSPACE):
            request = HeatmapRequest(
                layer.layer,
                int(rows[place]),
                int(samples.target[rows[place]]),
                tuple(int(channel) for channel in channels),
            )
            found.append((request, "subspace", int(unit), None))
    return found


def draw_units(
    context: Context, wanted: Sequence[Wanted], progress: Step
) -> tuple[UnitPicture, ...]:
    """Return every wanted conditional heatmap, drawn over its sample."""
    subject, samples, batch = context.subject, context.samples, context.config.audit.batch
    drawn: list[UnitPicture] = []
    for start in range(0, len(wanted), CHUNK):
        part = wanted[start : start + CHUNK]
        requests = [request for request, *_rest in part]
        maps = heatmaps(context.explainer, subject.load, requests, batch=batch, progress=progress)
        for (request, kind, unit, output), heatmap in zip(part, maps, strict=True):
            path = samples.manifest.paths[request.row]
            picture = context.store.jpeg(
                overlay(subject.picture(request.row), heatmap),
                alt=_(
                    "relevance of %(kind)s %(value)s of %(layer)s over %(path)s",
                    kind=kind,
                    value=unit + 1,
                    layer=request.layer,
                    path=path,
                ),
                caption=samples.manifest.classes[int(samples.target[request.row])],
                side=SIDE,
            )
            drawn.append(UnitPicture(request.layer, kind, unit, output, request.row, picture))
    return tuple(drawn)


def sample_rows(
    strategies: Sequence[Strategies | Empty],
    mistakes: Mistakes | Empty,
    pairs: int,
    units: Sequence[Wanted],
) -> list[int]:
    """Return the samples that strategies, errors and components of classes show, each once."""
    rows = [request.row for request, _, _, output in units if output is not None]
    for found in strategies:
        if not isinstance(found, Empty):
            if len(found.share_of_class) > 1:
                rows += [int(row) for row in found.nearest[:, :NEAREST].ravel() if row >= 0]
            rows += [int(row) for row in found.odd[: min(found.outlying, ODD)]]
    if not isinstance(mistakes, Empty):
        for pair in mistakes.pairs[:pairs]:
            rows += [int(row) for row in pair.rows[:WRONG]]
    return sorted(set(rows))


def draw_samples(context: Context, rows: Sequence[int], progress: Step) -> Mapping[int, SampleView]:
    """Return every sample with the heatmap of what was explained about it."""
    subject, samples, store = context.subject, context.samples, context.store
    batch = context.config.audit.batch
    classes = samples.manifest.classes
    views: dict[int, SampleView] = {}
    for start in range(0, len(rows), batch):
        part = list(rows[start : start + batch])
        targets = [int(samples.target[row]) for row in part]
        maps = plain_heatmaps(context.explainer, subject.load, part, targets, batch=batch)
        for row, heatmap in zip(part, maps, strict=True):
            photo, path = subject.picture(row), samples.manifest.paths[row]
            alt = _("relevance over %(path)s", path=path)
            views[row] = SampleView(
                sample=path,
                label=classes[samples.labels[row]],
                prediction=classes[samples.prediction[row]],
                photo=store.jpeg(photo, alt=path, side=SIDE),
                heatmap=store.jpeg(overlay(photo, heatmap), alt=alt, side=SIDE),
            )
        progress(len(part))
    return views


def _varied(
    values: Float[np.ndarray, "sample"], classes: Int[np.ndarray, "sample"], most: int
) -> list[int]:
    """Return the places of the largest positive values, at most half of them of one class."""
    counts: Counter[int] = Counter()
    found: list[int] = []
    for place in np.argsort(-values, kind="stable"):
        output = int(classes[place])
        if values[place] <= 0 or len(found) == most:
            break
        if counts[output] < (most + 1) // 2:
            found.append(int(place))
            counts[output] += 1
    return found
