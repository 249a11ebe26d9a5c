"""The layer on which a region can be looked for: one whose relevance lies in the picture.

A classifier that reads its class token alone has all relevance of the last block on that token,
which has no place, and its patches can be replaced there without moving a logit. What is asked of a
region is then asked of the nearest layer below where patches are read and hold relevance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from auditor.causal.context import Search
from auditor.causal.images import Members
from auditor.causal.probe import Probe
from auditor.causal.reading import moves
from auditor.language.speaking import gettext as _
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.geometry import Geometry

# The least share of a layer's absolute relevance that has to lie in the picture.
IN_THE_PICTURE = 0.1
PICTURES = 8


def no_place(layer: str, why: str) -> str:
    """Return the sentence that a region cannot be found again in a layer."""
    return _(
        "A region of the picture cannot be found again in layer %(layer)s: %(why)s.",
        layer=layer,
        why=_(why),
    )


def standing_layers(search: Search, classes: Sequence[Members]) -> tuple[dict[int, str], list[str]]:
    """Return per class the layer on which its regions are looked for, and notes why there."""
    standing: dict[str, str] = {}
    notes: list[str] = []
    for members in classes:
        layer = search.leading.get(members.output, ("", ()))[0]
        if layer and layer not in standing:
            standing[layer], said = standing_layer(search.probe, classes, layer)
            notes += said
    layers = {
        members.output: search.leading.get(members.output, ("", ()))[0] for members in classes
    }
    return {output: standing[layer] for output, layer in layers.items() if layer}, notes


def standing_layer(
    probe: Probe, members: Sequence[Members], layer: str
) -> tuple[str, tuple[str, ...]]:
    """Return the layer itself or the nearest below whose relevance lies in the picture, and a note.

    The note says why another layer was taken, or that there is none; then the layer stays.
    """
    explainer = probe.explainer
    if not members or lies_in_the_picture(probe, members, layer):
        return layer, ()
    for lower in layers_below(explainer, layer):
        if lies_in_the_picture(probe, members, lower):
            note = _(
                "At layer %(layer)s the relevance lies on what has no place in the picture, such as"
                " a class token: regions were looked for in layer %(lower)s, below it.",
                layer=layer,
                lower=lower,
            )
            return lower, (note,)
    note = _(
        "At layer %(layer)s, and at every layer below, the relevance lies on what has no place in "
        "the picture: the concepts of a region cannot be told.",
        layer=layer,
    )
    return layer, (note,)


def layers_below(explainer: Explainer, layer: str) -> Iterator[str]:
    """Yield the layers that cut the model below another one, the nearest first."""
    for lower in reversed(explainer.layers):
        if explainer.cuts(lower) and explainer.leads_to(layer, lower):
            yield lower


def lies_in_the_picture(probe: Probe, members: Sequence[Members], layer: str) -> bool:
    """Tell whether enough of a layer's relevance lies on positions with a place, which are read."""
    where = probe.explainer.geometry(layer)
    if not isinstance(where, Geometry):
        return False
    if where.placed.all():
        return True
    most = -(-PICTURES // len(members))
    inputs = torch.cat([one.inputs[:most] for one in members])[:PICTURES]
    targets = torch.tensor(
        [one.output for one in members for _row in range(len(one.inputs[:most]))]
    )
    explained = probe.explainer.explain(
        inputs, targets[: len(inputs)], layers=(layer,), heatmap=False
    )
    amount = explained.relevance[layer].abs().sum(dim=1).flatten(1).sum(dim=0).double().cpu()
    placed = amount[torch.from_numpy(where.placed)].sum()
    if placed < IN_THE_PICTURE * amount.sum():
        return False
    return len(inputs) < 2 or moves(probe.explainer.upper(inputs, layer), where.placed)
