"""Where the relevance of a layer lies: components of it, and which unit the report leads with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from auditor.base.progress import Step
from auditor.base.streams import stream
from auditor.concepts.components import positional_components
from auditor.concepts.typical import typical_samples
from auditor.concepts.units import channel_figures, component_figures, leading_unit
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.records.concepts import Empty, PositionalComponents, UnitChoice
from auditor.records.stages import LayerRelevance, Samples, Subspaces
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.geometry import Geometry
from auditor.relevance.over_data.heatmaps import Load
from auditor.report.sections.analysis import LayerAnalysis

# Relevance is summed over blocks until a layer has at most this many positions on a side.
SIDE = 28
# What the positional relevance of a layer may need in memory, in bytes.
MEMORY = 256 * 2**20
# Positions that components of one class, and of all classes, are fitted on.
POSITIONS_CLASS, POSITIONS_ALL = 1000, 3000
# The least share of a layer's absolute relevance that has to lie in the picture.
IN_THE_PICTURE = 0.1

Positional = tuple[
    "PositionalComponents | Empty",
    "tuple[PositionalComponents | Empty, ...]",
    "UnitChoice | Empty",
]


def analyse_positional(
    context: Context, analysis: LayerAnalysis, *, within_classes: bool, progress: Step
) -> Positional:
    """Return components over all classes, those of each class, and the unit that leads.

    Up to ``audit.component_samples`` members of each class are explained, the most typical and then
    various ones; their positional relevance is not kept. Without ``within_classes`` the second part
    is empty.
    """
    audit, outputs, name = context.config.audit, context.outputs, analysis.layer.layer

    def nothing(reason: str) -> Positional:
        empty = Empty(reason)
        return empty, tuple(empty for _output in outputs if within_classes), empty

    rows, explained_as = chosen_rows(
        context.samples, analysis.layer, outputs, audit.component_samples
    )
    if not audit.component_samples:
        return nothing(_("Components were switched off (audit.component_samples: 0)."))
    if not len(rows):
        return nothing(_("No picture of the audited classes is recognised as its class."))
    relevance, placed = positional_relevance(
        context.explainer,
        context.subject.load,
        name,
        rows,
        explained_as,
        batch=audit.batch,
        progress=progress,
    )
    if placed < IN_THE_PICTURE:
        return nothing(
            _(
                "At layer %(layer)s the relevance lies on what has no place in the picture, such as"
                " a class token, so there are no places to split.",
                layer=name,
            )
        )
    over_all: PositionalComponents | Empty
    per_class: tuple[PositionalComponents | Empty, ...]
    if relevance.shape[2:] == (1, 1):
        over_all = Empty(
            _("%(layer)s has one position, so there are no places to split.", layer=name)
        )
        per_class = tuple(over_all for _output in outputs if within_classes)
    else:
        over_all = positional_components(
            name,
            relevance,
            rows,
            explained_as,
            positions=POSITIONS_ALL,
            rng=stream(audit.seed, "components", name),
        )
        per_class = tuple(
            _of_class(name, relevance, rows, explained_as, output, audit.seed)
            for output in outputs
            if within_classes
        )
    decision = _decision(name, relevance, explained_as, analysis.subspaces, over_all)
    return over_all, per_class, decision


def chosen_rows(
    samples: Samples, layer: LayerRelevance, outputs: Sequence[int], most: int
) -> tuple[Int[np.ndarray, "sample"], Int[np.ndarray, "sample"]]:
    """Return the members to look at, up to ``most`` a class and as memory allows, and classes."""
    height, width = layer.size
    if min(height, width) > 1:
        height, width = min(height, SIDE), min(width, SIDE)
    size = layer.relevance.shape[1] * height * width * 4
    fits = MEMORY // max(size * max(len(outputs), 1), 1)
    rows, explained_as = [], []
    for output in outputs:
        members = samples.members(output)
        chosen = sorted(typical_samples(layer, members, min(most, max(fits, 1))))
        rows += chosen
        explained_as += [output] * len(chosen)
    return np.array(rows, dtype=np.int64), np.array(explained_as, dtype=np.int64)


def positional_relevance(
    explainer: Explainer,
    load: Load,
    layer: str,
    rows: Int[np.ndarray, "sample"],
    targets: Int[np.ndarray, "sample"],
    *,
    batch: int,
    progress: Step,
) -> tuple[Float[np.ndarray, "sample concept h w"], float]:
    """Return the relevance of every place, at most `SIDE` x `SIDE` of them, in float32.

    Besides, the share of the absolute relevance that lies on positions with a place: the others, a
    class token, are left out.
    """
    where = explainer.geometry(layer)
    parts = []
    whole = kept = 0.0
    for start in range(0, len(rows), batch):
        part = slice(start, start + batch)
        images = load([int(row) for row in rows[part]])
        asked = torch.as_tensor(np.ascontiguousarray(targets[part]))
        found = explainer.explain(images, asked, layers=(layer,), heatmap=False)
        maps = found.relevance[layer].float().cpu().numpy()
        whole += float(np.abs(maps).sum(dtype=np.float64))
        if isinstance(where, Geometry):
            maps = where.on_grid(maps)
        kept += float(np.abs(maps).sum(dtype=np.float64))
        parts.append(_blocks(torch.from_numpy(maps)).numpy())
        progress(len(images))
    return np.concatenate(parts), kept / whole if whole else 1.0


def _blocks(relevance: Tensor) -> Tensor:
    """Sum the relevance over square blocks, the smallest that leave `SIDE` positions a side."""
    height, width = relevance.shape[2:]
    side = -(-max(height, width) // SIDE)
    if side == 1 or min(height, width) == 1:
        return relevance
    padded = torch.nn.functional.pad(relevance, (0, -width % side, 0, -height % side))
    return torch.nn.functional.avg_pool2d(padded, side) * side**2


def _of_class(
    layer: str,
    relevance: Float[np.ndarray, "sample concept h w"],
    rows: Int[np.ndarray, "sample"],
    explained_as: Int[np.ndarray, "sample"],
    output: int,
    seed: int,
) -> PositionalComponents | Empty:
    own = explained_as == output
    if not own.any():
        return Empty(_("No picture of this class is recognised as this class."))
    return positional_components(
        layer,
        relevance[own],
        rows[own],
        explained_as[own],
        output=output,
        positions=POSITIONS_CLASS,
        rng=stream(seed, "components of a class", layer, output),
    )


def _decision(
    layer: str,
    relevance: Float[np.ndarray, "sample concept h w"],
    explained_as: Int[np.ndarray, "sample"],
    subspaces: Subspaces,
    components: PositionalComponents | Empty,
) -> UnitChoice:
    others = []
    if len(subspaces.concepts):
        groups = np.full(relevance.shape[1], -1, dtype=np.int64)
        groups[subspaces.concepts] = subspaces.cluster
        others.append(channel_figures(relevance, explained_as, kind="subspace", groups=groups))
    if not isinstance(components, Empty):
        others.append(component_figures(components))
    return leading_unit(layer, channel_figures(relevance, explained_as), others)
