"""Check an explainer on a few images: how exact it is, and where relevance stays."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from auditor.base.errors import ConfigError
from auditor.relevance.check import at_layers
from auditor.relevance.check.at_layers import LayerCheck, LayerFlow
from auditor.relevance.check.flow import Account, Kept, account, average
from auditor.relevance.explainer import Explainer
from auditor.relevance.rules.rule import Bias
from auditor.relevance.sweep.finite import NonFinite
from auditor.relevance.sweep.numerics import exact
from auditor.relevance.sweep.plan import Plan
from auditor.subject.calling import ask_logits

Word = Literal["conserves", "absorbs", "creates", "nothing to explain", "not finite", "not exact"]

CONSERVED = 0.1  # of the logit may go missing before sums stop meaning anything
TOLERANCE = 1e-3  # relative: float32 of deep networks stays below 1e-4, a wrong rule far above
NO_LOGIT = 1e-12  # below, shares of the logit would be rounding errors divided by nothing


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
    """The result of `check`. All shares are of the explained logit, over all images.

    ``pixels``: what arrives there; ``kept`` what stays on the way, by cause, and ``absorbers``
    where, largest first. The two add up to 1. ``forward_difference``: largest difference to the
    logits of the model itself over its largest logit; None where no model was given.
    """

    composite: str
    bias: Bias
    images: tuple[ExplainedImage, ...]
    rules: tuple[NodeCheck, ...]
    flow: tuple[LayerFlow, ...]
    pixels: float | None
    kept: Kept
    absorbers: tuple[ModuleKept, ...]
    layers: tuple[LayerCheck, ...]
    forward_difference: float | None
    notes: tuple[str, ...]

    @property
    def unruled(self) -> tuple[NodeCheck, ...]:
        """Return the nodes whose operation has no rule of its own."""
        return tuple(row for row in self.rules if row.fallback and row.reached)

    @property
    def differs(self) -> bool:
        """Tell whether the captured logits are not the model's own."""
        return self.forward_difference is not None and self.forward_difference > TOLERANCE

    @property
    def inexact(self) -> LayerCheck | None:
        """Return the first layer whose heatmaps do not add up, if there is one."""
        wrong = (row for row in self.layers if row.additivity and row.additivity > TOLERANCE)
        return next(wrong, None)

    @property
    def word(self) -> Word:
        """Return what all of it comes to: the gravest finding decides."""
        if any(image.non_finite is not None for image in self.images):
            return "not finite"
        if self.differs or self.inexact is not None:
            return "not exact"
        if self.pixels is None:
            return "nothing to explain"
        if abs(self.pixels - 1) <= CONSERVED:
            return "conserves"
        return "absorbs" if 0 <= self.pixels < 1 else "creates"


def check(
    explainer: Explainer,
    images: Tensor,
    targets: Tensor | None = None,
    layers: Sequence[str] | None = None,
    *,
    model: nn.Module | None = None,
    output: str | None = None,
) -> Check:
    """Check how exactly images (B, 3, H, W) are explained, and describe the audited layers.

    ``layers``: those to be audited, None for the automatic ones. With ``model``, whose result
    ``output`` holds the logits, its logits are compared with those of the captured graph.
    """
    if targets is not None and targets.shape != (images.shape[0],):
        raise ConfigError(
            f"targets must be one class index per image, {images.shape[0]} in all; got "
            f"{tuple(targets.shape)}."
        )
    for layer in layers or ():
        explainer.layout.node(layer)
    images = explainer.batch(images)
    difference = None if model is None else forward_difference(explainer, model, images, output)
    problems = explainer.non_finite(images, targets)
    usable = [index for index, problem in enumerate(problems) if problem is None]
    accounts: dict[int, tuple[int, Account]] = {}
    with exact(images.device):
        for index in usable:
            target = None if targets is None else int(targets[index])
            accounts[index] = account(explainer.plan, images[index : index + 1], target)
    total = average([one for _, one in accounts.values()])
    audited: tuple[str, ...] = ()
    cards: tuple[LayerCheck, ...] = ()
    if usable:
        audited = tuple(explainer.automatic_layers() if layers is None else layers)
        chosen = None if targets is None else targets[usable]
        out = explainer.explain(images[usable], chosen, audited)
        cards = at_layers.layer_checks(
            explainer, images[usable[:1]], out, total, automatic=layers is None
        )
    rules = _rules(explainer.plan, total)
    kept = Kept.sum(row.kept for row in rules)
    pixels = total.pixels if total.logit > NO_LOGIT else None
    return Check(
        composite=explainer.composite,
        bias=explainer.plan.settings.bias,
        images=tuple(_image(problem, accounts.get(i)) for i, problem in enumerate(problems)),
        rules=rules,
        flow=at_layers.flow_rows(explainer.layout, total, audited) if pixels is not None else (),
        pixels=pixels,
        kept=kept,
        absorbers=_absorbers(rules),
        layers=cards,
        forward_difference=difference,
        notes=explainer.notes,
    )


def forward_difference(
    explainer: Explainer, model: nn.Module, images: Tensor, output: str | None
) -> float | None:
    """Return the largest difference to the model's own logits over the largest of them.

    Where the model answers with probabilities, these are compared. None where the model gives no
    finite answer.
    """
    with exact(images.device):
        expected = ask_logits(model, images, output, explainer.scores).to(images.device)
    captured = explainer.predict(images)
    if explainer.offsets is not None:
        captured = captured[:, :-1] + captured.new_tensor(explainer.offsets)
        if explainer.scores != "logits":
            captured, expected = captured.sigmoid(), expected.sigmoid()
    elif explainer.scores != "logits":
        captured, expected = captured.softmax(1), expected.softmax(1)
    difference = float((captured - expected).abs().max()) / (float(expected.abs().max()) or 1.0)
    return difference if math.isfinite(difference) else None


def _image(problem: NonFinite | None, explained: tuple[int, Account] | None) -> ExplainedImage:
    if explained is None:
        return ExplainedImage(None, None, None, problem)
    target, flow = explained
    pixels = flow.pixels / flow.logit if abs(flow.logit) > NO_LOGIT else None
    return ExplainedImage(target, flow.logit, pixels, None)


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
    modules = [
        ModuleKept(
            module,
            tuple(dict.fromkeys(row.operation for row in rows)),
            Kept.sum(row.kept for row in rows),
        )
        for module, rows in grouped.items()
    ]
    return tuple(sorted(modules, key=lambda row: (-abs(row.kept.total), row.module)))
