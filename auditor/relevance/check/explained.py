"""Check an explainer on a few images: how exact it is, where relevance stays, what it costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from auditor.base.errors import ConfigError
from auditor.relevance.check import at_layers as check_layers
from auditor.relevance.check import sentences as check_words
from auditor.relevance.check.at_layers import LayerCheck, LayerFlow
from auditor.relevance.check.cost import MAPS, Cost, measure
from auditor.relevance.check.flow import Account, Kept, account, average
from auditor.relevance.check.sentences import Verdict
from auditor.relevance.graph.layers import Layers
from auditor.relevance.sweep.finite import NonFinite, first_non_finite
from auditor.relevance.sweep.numerics import exact
from auditor.relevance.sweep.plan import Plan
from auditor.subject.calling import ask_logits

if TYPE_CHECKING:
    from auditor.relevance.explainer import Explainer

PARTS = 4
NO_LOGIT = 1e-12


@dataclass(frozen=True)
class NodeCheck:
    """One row of the rule table; ``arrives`` and ``kept`` are shares of the explained logit.

    ``reached``: relevance flows here; it does not where a branch only weighs another one (a gate,
    attention weights) and is held constant.
    """

    node: str
    operation: str
    module: str
    rule: str
    fallback: bool
    reached: bool
    arrives: float
    kept: Kept


@dataclass(frozen=True)
class ModuleKept:
    """What the operations of one module keep, in shares of the explained logit."""

    module: str
    operations: tuple[str, ...]
    kept: Kept


@dataclass(frozen=True)
class ExplainedImage:
    """What was explained of one image, and the share of it that arrived at the pixels.

    ``logit`` and ``pixels`` are None where a value was no number: see ``non_finite``.
    """

    target: int | None
    logit: float | None
    pixels: float | None
    non_finite: NonFinite | None


@dataclass(frozen=True)
class Check:
    """What `Explainer.check` found. All shares are of the explained logit, over all images.

    ``pixels``: what arrives there; ``kept`` what stays on the way, by cause, and ``absorbers``
    where, largest first. The two add up to 1. ``forward_difference``: largest difference to the
    logits of the model itself over its largest logit; None where no model was given.
    """

    verdict: Verdict
    composite: str
    images: tuple[ExplainedImage, ...]
    rules: tuple[NodeCheck, ...]
    flow: tuple[LayerFlow, ...]
    pixels: float | None
    kept: Kept
    absorbers: tuple[ModuleKept, ...]
    layers: tuple[LayerCheck, ...]
    forward_difference: float | None
    cost: Cost | None
    notes: tuple[str, ...]

    @property
    def unruled(self) -> tuple[NodeCheck, ...]:
        """Return the nodes whose operation has no rule of its own."""
        return _unruled(self.rules)


def check(
    explainer: Explainer,
    plan: Plan,
    found: Layers,
    images: Tensor,
    targets: Tensor | None,
    layers: Sequence[str] | None,
    *,
    model: nn.Module | None = None,
    output: str | None = None,
    batch: int = 16,
) -> Check:
    """Check ``explainer``, made of ``plan`` and the layers ``found``, on images (B, 3, H, W)."""
    if targets is not None and targets.shape != (images.shape[0],):
        raise ConfigError(
            f"targets must be one class index per image, {images.shape[0]} in all; got "
            f"{tuple(targets.shape)}."
        )
    for layer in layers or ():
        found.node(layer)
    difference = None if model is None else forward_difference(explainer, model, images, output)
    problems = first_non_finite(plan, images, targets)
    usable = [place for place, problem in enumerate(problems) if problem is None]
    audited: tuple[str, ...] = ()
    if usable:
        audited = tuple(explainer.automatic_layers() if layers is None else layers)
    kept_images = images[usable]
    kept_targets = None if targets is None else targets[usable]
    accounts: dict[int, tuple[int, Account]] = {}
    cards: tuple[LayerCheck, ...] = ()
    cost = None
    total = average([])
    if usable:
        views, cost = _views(explainer, found, kept_images, kept_targets, audited, batch)
        with exact(images.device):
            for place in usable:
                target = None if targets is None else int(targets[place])
                accounts[place] = account(plan, images[place : place + 1], target)
        total = average([each for _, each in accounts.values()])
        cards = tuple(
            _card(
                found,
                layer,
                total,
                views[layer],
                automatic=layers is None,
                last=layer == audited[-1],
            )
            for layer in audited
        )
    explained = tuple(_image(problem, accounts.get(i)) for i, problem in enumerate(problems))
    rules = _rules(plan, total)
    kept = Kept()
    for row in rules:
        kept = kept.plus(row.kept)
    pixels = total.pixels if total.logit > NO_LOGIT else None
    flow = check_layers.flow_rows(found, total, audited) if pixels is not None else ()
    return Check(
        verdict=check_words.verdict(
            pixels, kept, cards, problems, difference, _unruled(rules),
            settings=plan.settings,
        ),
        composite=plan.composite.name,
        images=explained,
        rules=rules,
        flow=flow,
        pixels=pixels,
        kept=kept,
        absorbers=_absorbers(rules),
        layers=cards,
        forward_difference=difference,
        cost=cost,
        notes=explainer.notes,
    )  # fmt: skip


def forward_difference(
    explainer: Explainer, model: nn.Module, images: Tensor, output: str | None
) -> float | None:
    """Return the largest difference to the model's own logits over the largest of them.

    Where the model answers with probabilities, these are compared. None where the model gives no
    finite answer.
    """
    with exact(images.device):
        expected = ask_logits(model, images, output, explainer.scores).to(images.device)
    own = explainer.predict(images)
    if explainer.scores != "logits":
        own, expected = own.softmax(1), expected.softmax(1)
    difference = float((own - expected).abs().max()) / (float(expected.abs().max()) or 1.0)
    return difference if math.isfinite(difference) else None


@dataclass(frozen=True, eq=False)
class _View:
    """What the engine itself says of a layer."""

    concentration: tuple[float, int, int] | None
    alike: float | None
    additivity: float | None


def _views(
    explainer: Explainer,
    found: Layers,
    images: Tensor,
    targets: Tensor | None,
    audited: Sequence[str],
    batch: int,
) -> tuple[dict[str, _View], Cost]:
    out = explainer.explain(images, targets, audited)
    assert out.heatmap is not None
    one = images[:1]
    target = out.targets[:1]
    leading = {
        layer: check_layers.leading_channels(out.relevance[layer][0], MAPS + 1) for layer in audited
    }
    views = {}
    for layer in audited:
        maps = explainer.conditional_heatmaps(one, layer, leading[layer][:MAPS], target)[:, 0]
        additivity = None
        if explainer.cuts(layer):
            parts = _parts(found.channels(layer))
            summed = explainer.conditional_heatmaps(one, layer, parts, target)[:, 0].sum(0)
            size = float(out.heatmap[0].norm())
            additivity = float((summed - out.heatmap[0]).norm()) / size if size else None
        views[layer] = _View(
            check_layers.concentration(out.relevance[layer]),
            check_layers.likeness(maps),
            additivity,
        )
    return views, measure(explainer, images, audited, leading, batch=batch)


def _parts(channels: int) -> list[tuple[int, ...]]:
    """Return a partition of the channels into a few sets."""
    count = min(PARTS, channels)
    return [tuple(range(first, channels, count)) for first in range(count)]


def _card(
    found: Layers, layer: str, total: Account, view: _View, *, automatic: bool, last: bool
) -> LayerCheck:
    where = check_layers.position(found, layer)
    top, half, ninety = view.concentration or (None, None, None)
    node = found.node(layer)
    return LayerCheck(
        layer=layer,
        operation=node.operation,
        kind=check_layers.kind(found, layer),
        channels=found.channels(layer),
        size=check_layers.size(found, layer),
        position=where,
        through=total.arrived.get(node.name, 0.0),
        bypass=check_layers.bypass(found, layer, total),
        top=top,
        half=half,
        ninety=ninety,
        alike=view.alike,
        additivity=view.additivity,
        unit=None if half is None else check_layers.unit_of(half, view.alike),
        reason=check_layers.reason(where, automatic=automatic, last=last),
    )


def _image(problem: NonFinite | None, found: tuple[int, Account] | None) -> ExplainedImage:
    if found is None:
        return ExplainedImage(None, None, None, problem)
    target, own = found
    pixels = own.pixels / own.logit if abs(own.logit) > NO_LOGIT else None
    return ExplainedImage(target, own.logit, pixels, None)


def _unruled(rules: Sequence[NodeCheck]) -> tuple[NodeCheck, ...]:
    return tuple(row for row in rules if row.fallback and row.reached)


def _rules(plan: Plan, total: Account) -> tuple[NodeCheck, ...]:
    reached = plan.graph.ancestors({plan.graph.output})
    return tuple(
        NodeCheck(
            node=node.name,
            operation=node.operation,
            module=node.module,
            rule=plan.rules[node.name].name,
            fallback=plan.rules[node.name].fallback,
            reached=node.name in reached,
            arrives=total.arrived.get(node.name, 0.0),
            kept=total.kept.get(node.name, Kept()),
        )
        for node in plan.graph.nodes
        if node.name in plan.rules
    )


def _absorbers(rules: Sequence[NodeCheck]) -> tuple[ModuleKept, ...]:
    """Return what each module keeps, largest first."""
    grouped: dict[str, list[NodeCheck]] = defaultdict(list)
    for row in rules:
        if row.kept.total:
            grouped[row.module].append(row)
    found = []
    for module, rows in grouped.items():
        kept = Kept()
        for row in rows:
            kept = kept.plus(row.kept)
        operations = tuple(dict.fromkeys(row.operation for row in rows))
        found.append(ModuleKept(module, operations, kept))

    def size(each: ModuleKept) -> Any:
        return -abs(each.kept.total), each.module

    return tuple(sorted(found, key=size))
