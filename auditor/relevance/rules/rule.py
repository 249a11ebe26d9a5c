"""The form of a relevance rule: what it may read, what it keeps, what it returns.

The reverse sweep carries ``c = R / a`` (relevance over activation). A rule works in three steps:
``weights`` once per model, ``prepare`` once per image, ``reverse`` once per image and condition.
``prepare`` may return a ``scale``: an elementwise factor on c at the output of the operation,
which the sweep applies before it calls ``reverse``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from auditor.relevance.graph.graph import Node, Ref
from auditor.relevance.sweep.fold import Fold

Bias = Literal["absorb", "exclude"]
Signed = Literal["known", "both", "positive"]


@dataclass(frozen=True)
class Settings:
    """What all rules of an explainer share.

    ``epsilon`` is added to every denominator, away from zero. ``bias``: 'absorb' keeps the biases
    in the denominators, which take their share of the relevance; 'exclude' leaves them out.
    ``gamma`` favours contributions of the sign of the output. ``box`` are the lowest and highest
    values of a pixel after preprocessing, (1, 3, 1, 1) each.
    """

    epsilon: float = 1e-6
    bias: Bias = "absorb"
    gamma: float = 0.25
    box: tuple[Tensor, Tensor] | None = None


Weights = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Local:
    """What a rule sees of the forward pass: one node, its operands and its output."""

    node: Node
    weights: Weights
    values: Mapping[str, Any]
    output: Tensor
    settings: Settings

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Return the operands that relevance flows to."""
        return tuple(self.values[name] for name in self.node.inputs)

    def operand(self, name: str) -> Any:
        """Return the value of an argument, of whatever kind it is."""
        value = self.node.arguments[name]
        return self.values[value.name] if isinstance(value, Ref) else value

    @property
    def source(self) -> Tensor:
        """Return the first of them."""
        return self.values[self.node.inputs[0]]  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Saved:
    """What a rule keeps of the forward pass for one batch.

    ``scale`` belongs to each image, unless ``shared`` says that it is the same for all.
    ``tensors`` are per image; ``others`` are operands by name that no image changes.
    """

    scale: Tensor | None = None
    tensors: tuple[Tensor, ...] = ()
    shared: bool = False
    others: Mapping[str, Any] | None = None


Prepare = Callable[[Local], Saved]
Reverse = Callable[[Node, Weights, Saved, Tensor, Fold], tuple[Tensor, ...]]


def no_weights(node: Node, settings: Settings) -> Weights:
    """Return nothing: the rule has no weights of its own."""
    return ()


def nothing_saved(local: Local) -> Saved:
    """Keep nothing of the forward pass."""
    return Saved()


@dataclass(frozen=True)
class Rule:
    """One relevance rule: a row of the table of operations.

    ``passes``: how relevance R itself, instead of c, goes through, below the terminal rule of the
    first layer: unchanged ('same') or by ``reverse`` ('reverse'); None where it cannot.
    ``elementwise``: all that the rule does is its ``scale``. ``returns``: what ``reverse``
    returns is 'new' (the sweep may overwrite it), a single 'view' of c (it may if it may overwrite
    c) or 'shared'. ``terminal``: ``reverse`` returns R itself. ``fallback``: no rule of its own
    exists for the operation, and a reader of the result must know. ``narrow`` gives weights and
    what was kept for some channels of the output, where all others have c = 0. ``masks``: the rule
    multiplies by a kept mask of the input, into which the factor of the node before is drawn.
    """

    name: str
    reverse: Reverse
    prepare: Prepare = nothing_saved
    weights: Callable[[Node, Settings], Weights] = no_weights
    passes: Literal["same", "reverse"] | None = None
    elementwise: bool = False
    returns: Literal["new", "view", "shared"] = "shared"
    terminal: bool = False
    fallback: bool = False
    narrow: Callable[[Weights, Saved, Tensor], tuple[Weights, Saved]] | None = None
    masks: bool = False
