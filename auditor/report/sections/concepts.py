"""The concept parts of the result: concepts, per-class tables, subspaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from auditor.concepts.references import jaccard
from auditor.concepts.selection import shared_with
from auditor.records.concepts import ConceptQuality
from auditor.records.part import concept_id, subspace_id
from auditor.records.stages import (
    ConceptStatistics,
    Illustration,
    References,
    Samples,
    Subspaces,
)
from auditor.report.document.audit import (
    Concept,
    ConceptRow,
    Crop,
    LayerTable,
    Picture,
    SubspaceCard,
    SubspaceLayer,
)

CROPS_PER_ROW = 6

IllustrationKey = tuple[str, int, int | None, str]


@dataclass(frozen=True)
class LayerFindings:
    """Everything the array side knows about one layer."""

    statistics: ConceptStatistics
    by_relevance: References
    by_activation: References
    subspaces: Subspaces
    shown: tuple[int, ...]
    leading: Mapping[int, tuple[int, ...]]
    quality: Mapping[int, ConceptQuality] = field(default_factory=dict)


def group_illustrations(
    illustrations: Sequence[Illustration],
) -> dict[IllustrationKey, list[Illustration]]:
    """Return illustrations by layer, concept, class and origin, best reference first."""
    groups: dict[IllustrationKey, list[Illustration]] = defaultdict(list)
    for item in illustrations:
        groups[item.layer, item.concept, item.output, item.origin].append(item)
    for items in groups.values():
        items.sort(key=_best_first)
    return dict(groups)


def concepts_of_layer(
    layer: LayerFindings,
    samples: Samples,
    illustrations: Mapping[IllustrationKey, list[Illustration]],
) -> list[Concept]:
    """Return every shown concept of a layer with its reference samples."""
    name = layer.statistics.layer
    overlap = jaccard(layer.by_relevance, layer.by_activation)
    users: dict[int, list[str]] = defaultdict(list)
    for output, concepts in layer.leading.items():
        for concept in concepts:
            users[concept].append(samples.manifest.classes[output])
    subspace = dict(zip(layer.subspaces.concepts, layer.subspaces.cluster, strict=True))
    return [
        Concept(
            id=concept_id(name, concept),
            layer=name,
            channel=concept,
            name=f"{name} · {concept}",
            by_relevance=_crops(illustrations, (name, concept, None, "relevance"), samples),
            by_activation=_crops(illustrations, (name, concept, None, "activation"), samples),
            jaccard=float(overlap[concept]),
            subspace=subspace_id(name, int(subspace[concept])) if concept in subspace else None,
            classes=users[concept],
            left_out=_count(layer.by_relevance, concept),
            left_out_by_activation=_count(layer.by_activation, concept),
            **dict(layer.quality.get(concept, ConceptQuality())),
        )
        for concept in layer.shown
    ]


def _count(references: References, concept: int) -> int | None:
    return None if references.left_out is None else int(references.left_out[concept])


def layer_table(
    layer: LayerFindings,
    output: int,
    samples: Samples,
    illustrations: Mapping[IllustrationKey, list[Illustration]],
) -> LayerTable:
    """Return the concept table of one class at one layer, most relevant concept first."""
    statistics = layer.statistics
    place = statistics.outputs.index(output)
    others = shared_with(layer.leading)
    names = samples.manifest.classes
    rows = [
        ConceptRow(
            concept=concept_id(statistics.layer, concept),
            rank=int(statistics.rank[place, concept]),
            rank_low=int(statistics.rank_low[place, concept]),
            rank_high=int(statistics.rank_high[place, concept]),
            share=float(statistics.mean_share[place, concept]),
            spread=float(statistics.spread[place, concept]),
            positive=float(statistics.positive[place, concept]),
            frequency=float(statistics.frequency[place, concept]),
            shared_with=[names[o] for o in others.get(concept, ()) if o != output],
            crops=_class_crops(illustrations, statistics.layer, concept, output, samples),
        )
        for concept in layer.leading.get(output, ())
    ]
    return LayerTable(
        layer=statistics.layer,
        top=statistics.top,
        coverage=float(sum(row.share for row in rows)),
        rows=rows,
    )


def subspace_layer(
    subspaces: Subspaces, outputs: Sequence[int], samples: Samples, *, figure: Picture | None
) -> SubspaceLayer:
    """Return the subspaces of a layer with two concepts or more first, largest first."""
    cards = [
        _subspace_card(subspaces, cluster, outputs, samples)
        for cluster in range(subspaces.share.shape[1])
    ]
    cards.sort(key=_largest_first)
    return SubspaceLayer(
        layer=subspaces.layer,
        compared=len(subspaces.concepts),
        rule=subspaces.rule,
        silhouette=float(subspaces.silhouette),
        subspaces=cards,
        figure=figure,
    )


def _subspace_card(
    subspaces: Subspaces, cluster: int, outputs: Sequence[int], samples: Samples
) -> SubspaceCard:
    inside = np.flatnonzero(subspaces.cluster == cluster)
    block = subspaces.similarity[np.ix_(inside, inside)]
    pairs = block[np.triu_indices(len(inside), k=1)]
    return SubspaceCard(
        id=subspace_id(subspaces.layer, cluster),
        layer=subspaces.layer,
        concepts=[concept_id(subspaces.layer, int(c)) for c in subspaces.concepts[inside]],
        similarity=float(pairs.mean()) if len(pairs) else 1.0,
        share={
            samples.manifest.classes[output]: float(subspaces.share[place, cluster])
            for place, output in enumerate(outputs)
        },
    )


def _class_crops(
    illustrations: Mapping[IllustrationKey, list[Illustration]],
    layer: str,
    concept: int,
    output: int,
    samples: Samples,
) -> list[Crop]:
    """Return the class's own reference samples, filled up with the concept's best of all data."""
    own = _crops(illustrations, (layer, concept, output, "relevance"), samples)
    known = {crop.sample for crop in own}
    best = _crops(illustrations, (layer, concept, None, "relevance"), samples)
    others = [crop for crop in best if crop.sample not in known]
    return own + others[: max(0, CROPS_PER_ROW - len(own))]


def reference_crops(
    illustrations: Mapping[IllustrationKey, list[Illustration]],
    layer: str,
    concept: int,
    samples: Samples,
    *,
    output: int | None = None,
) -> list[Crop]:
    """Return the reference samples of a concept by relevance, best first, of a class or of all."""
    return _crops(illustrations, (layer, concept, output, "relevance"), samples)


def _crops(
    illustrations: Mapping[IllustrationKey, list[Illustration]],
    key: IllustrationKey,
    samples: Samples,
) -> list[Crop]:
    names = samples.manifest.classes
    return [
        Crop(
            sample=samples.manifest.paths[item.row],
            label=names[samples.labels[item.row]],
            prediction=names[samples.prediction[item.row]],
            score=item.score,
            crop=item.crop,
            full=item.full,
        )
        for item in illustrations.get(key, [])
    ]


def _best_first(item: Illustration) -> tuple[float, int]:
    return -item.score, item.row


def _largest_first(card: SubspaceCard) -> tuple[int, str]:
    return -len(card.concepts), card.id
