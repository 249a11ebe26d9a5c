"""Zero the concepts of a region one after the other: what the class and the others lose.

Source: Achtibat et al. 2023, the watermark experiment. Concepts go in order of their relevance
inside the region; equally many random concepts of the layer say what any concepts would do. The
inverse search then asks which other classes rest on the same concepts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.images import Members, Stage
from auditor.causal.screening import Screened
from auditor.causal.standing import no_place
from auditor.language.speaking import gettext as _
from auditor.records.part import concept_id
from auditor.records.shortcuts import SharedClass, Zeroing
from auditor.relevance.graph.geometry import Geometry
from auditor.relevance.sweep.partial import Upper
from auditor.shortcuts.wording import zeroing_in_words

# Numbers of concepts at zero; a region rests on few, so the first steps are small.
STEPS = (0, 1, 2, 3, 4, 6, 8, 12, 16)
# Sets of random concepts: enough for the quantiles of the band.
DRAWS = 10
# References whose relevance chooses concepts, of these those with conditional heatmaps, and how
# many concepts get one: each heatmap costs a pass through the model.
REFERENCES, LOOKED_UP, COMPARED = 8, 4, 16
# Other classes that are listed, and the pictures that one needs for a mean.
SHOWN_CLASSES, LEAST_PICTURES = 6, 3
# Concepts are switched off until the references' confidence is this part of what it was.
HALF = 0.5
# Images in a batch.
AT_ONCE = 16


def zeroing(
    stage: Stage,
    members: Members,
    screened: Screened,
    carry: Bool[np.ndarray, "member"],
    layer: str,
    rng: np.random.Generator,
) -> Zeroing | str:
    """Return the curve and the other classes, or why there is none.

    Concepts and how many are looked at by class are chosen on the discovery half; confidence is
    read on the test half, of members that carry the region and of images of other classes.

    Args:
        stage: what all trials share.
        members: the class.
        screened: the candidate.
        carry: which members carry it.
        layer: whose channels are zeroed.
        rng: draws the random concepts.
    """
    where = stage.probe.explainer.geometry(layer)
    if isinstance(where, str):
        return no_place(layer, where)
    order, part = region_concepts(stage, members, screened, layer, where)
    tested = np.flatnonzero(carry & ~members.discovery)
    others = np.flatnonzero(stage.targets.labels != members.output)
    channels = stage.probe.explainer.channels(layer)
    if not len(order):
        return _("No concept of layer %(layer)s has positive relevance in the region.", layer=layer)
    if not len(tested) or not len(others):
        return _("It needs test images that carry the region, and test images of other classes.")
    if channels <= len(order):
        return _(
            "All %(channels)s concepts of layer %(layer)s act in the region: none are left over.",
            channels=channels,
            layer=layer,
        )
    counts = [step for step in STEPS if step <= min(len(order), channels - len(order))]
    rest = np.setdiff1d(np.arange(channels), order)
    draws = [rng.permutation(rest)[: counts[-1]] for _ in range(DRAWS)]
    own_labels = np.full(len(tested), members.output)
    own = _curves(stage, layer, members.inputs[tested], own_labels, counts, [order, *draws])
    labels = stage.targets.labels[others]
    inputs = stage.targets.inputs[others]
    away = _curves(stage, layer, inputs, labels, counts, [order, *draws])
    chosen = _enough(stage, members, screened, layer, order, counts)
    quantiles = np.quantile(own[1:].mean(axis=2), [0.1, 0.9], axis=0)
    curve = Zeroing(
        layer=layer,
        concepts=tuple(concept_id(layer, int(concept)) for concept in order),
        part=tuple(float(each) for each in part),
        counts=tuple(counts),
        own=_numbers(own[0].mean(axis=1)),
        others=_numbers(away[0].mean(axis=1)),
        random_own=_numbers(own[1:].mean(axis=(0, 2))),
        random_others=_numbers(away[1:].mean(axis=(0, 2))),
        band_own=tuple((float(low), float(high)) for low, high in quantiles.T),
        draws=DRAWS,
        n_own=len(tested),
        n_others=len(others),
        chosen=chosen,
        classes=_sharing(stage, layer, order[:chosen], inputs, labels),
        sentence="",
    )
    name = stage.search.class_name(members.output)
    return curve.model_copy(update={"sentence": zeroing_in_words(curve, name)})


def region_concepts(
    stage: Stage, members: Members, screened: Screened, layer: str, where: Geometry
) -> tuple[Int[np.ndarray, "concept"], Float[np.ndarray, "concept"]]:
    """Return the concepts with positive relevance inside the region, best first, and their parts.

    Two looks: the `COMPARED` concepts with most relevance at the layer's positions under the
    region, over `REFERENCES` references, and as many with most of it anywhere, since attention
    carries what lies in a region to other positions; of these the conditional heatmaps inside the
    region, over `LOOKED_UP` references. At most `COMPARED` are returned.
    """
    masks = screened.proposal.masks
    rows = screened.references[:REFERENCES]
    rows = rows[masks[rows].any(axis=(1, 2))]
    if not len(rows):
        return np.zeros(0, dtype=int), np.zeros(0)
    inputs = members.inputs[rows]
    targets = torch.full((len(rows),), members.output)
    maps = stage.probe.explainer.explain(inputs, targets, layers=(layer,), heatmap=False)
    relevance = maps.relevance[layer].cpu()
    under = torch.from_numpy(where.covered(masks[rows]))
    inside = (relevance.flatten(2) * under[:, None]).sum(dim=2).mean(dim=0).numpy()
    anywhere = relevance.flatten(2).sum(dim=2).mean(dim=0).numpy()
    leading = (
        np.argsort(-relevances, kind="stable")[:COMPARED] for relevances in (inside, anywhere)
    )
    compared = np.unique(np.concatenate(list(leading)))
    looked = slice(0, LOOKED_UP)
    heat = stage.probe.concept_heatmaps(
        inputs[looked], members.output, layer, [int(c) for c in compared]
    )
    amount = (heat * masks[rows[looked]]).sum(axis=(2, 3)).mean(axis=1)
    order = np.argsort(-amount, kind="stable")
    order = order[amount[order] > 0][:COMPARED]
    return compared[order], amount[order] / amount[order].sum()


def _curves(
    stage: Stage,
    layer: str,
    inputs: Float[Tensor, "sample channel h w"],
    labels: Int[np.ndarray, "sample"],
    counts: Sequence[int],
    orders: Sequence[Int[np.ndarray, "concept"]],
) -> Float[np.ndarray, "order step sample"]:
    """Return the confidence of every image in its label after each step of each order."""
    parts = []
    for above, part in _uppers(stage, layer, inputs):
        parts.append(
            [
                [confidences(above, labels[part], order[:count])[0] for count in counts]
                for order in orders
            ]
        )
    return np.concatenate(parts, axis=2)


def confidences(
    above: Upper, labels: Int[np.ndarray, "sample"], zeroed: Int[np.ndarray, "concept"]
) -> tuple[Float[np.ndarray, "sample"], Bool[np.ndarray, "sample"]]:
    """Return confidence in the labels, and which images are right, with concepts set to zero."""
    keep = None
    if len(zeroed):
        keep = torch.ones(above.activation().shape[:2], dtype=torch.bool)
        keep[:, torch.from_numpy(zeroed)] = False
    logits = above.logits(keep).double().cpu()
    chances = logits.softmax(dim=1).gather(1, torch.from_numpy(labels)[:, None])[:, 0].numpy()
    return chances, logits.argmax(dim=1).numpy() == labels


def _enough(
    stage: Stage,
    members: Members,
    screened: Screened,
    layer: str,
    order: Int[np.ndarray, "concept"],
    counts: Sequence[int],
) -> int:
    """Return after how many concepts the references' confidence is halved, or the largest count."""
    inputs = members.inputs[screened.references]
    labels = np.full(len(inputs), members.output)
    curve = _curves(stage, layer, inputs, labels, counts, [order])[0].mean(axis=1)
    halved = np.flatnonzero(curve <= HALF * curve[0])
    return counts[int(halved[0])] if len(halved) else counts[-1]


def _sharing(
    stage: Stage,
    layer: str,
    concepts: Int[np.ndarray, "concept"],
    inputs: Float[Tensor, "sample channel h w"],
    labels: Int[np.ndarray, "sample"],
) -> tuple[SharedClass, ...]:
    """Return the other classes that rest on the concepts most, and what zeroing does to them."""
    shares, before, after = [], [], []
    for start in range(0, len(inputs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        targets = torch.from_numpy(labels[part])
        explained = stage.probe.explainer.explain(
            inputs[part], targets, layers=(layer,), heatmap=False
        )
        relevance = explained.relevance[layer].sum(dim=(2, 3)).clamp_min(0).double().cpu()
        total = relevance.sum(dim=1).clamp_min(1e-12)
        shares.append((relevance[:, torch.from_numpy(concepts)].sum(dim=1) / total).numpy())
        above = stage.probe.explainer.upper(inputs[part], layer)
        before.append(confidences(above, labels[part], concepts[:0]))
        after.append(confidences(above, labels[part], concepts))
    share = np.concatenate(shares)
    old, new = (
        [np.concatenate([part[kind] for part in parts]) for kind in (0, 1)]
        for parts in (before, after)
    )
    rows = []
    for label in np.unique(labels):
        of = labels == label
        if of.sum() < LEAST_PICTURES:
            continue
        rows.append(
            SharedClass(
                class_name=stage.search.class_name(int(label)),
                n=int(of.sum()),
                share=float(share[of].mean()),
                accuracy=(float(old[1][of].mean()), float(new[1][of].mean())),
                confidence=(float(old[0][of].mean()), float(new[0][of].mean())),
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.share)[:SHOWN_CLASSES])


def _uppers(
    stage: Stage, layer: str, inputs: Float[Tensor, "sample channel h w"]
) -> Iterator[tuple[Upper, slice]]:
    """Yield the network above the layer a batch at a time: each holds its activations."""
    for start in range(0, len(inputs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        yield stage.probe.explainer.upper(inputs[part], layer), part


def _numbers(values: Float[np.ndarray, "step"]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
