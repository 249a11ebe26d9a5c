"""Walk one image through a plan node by node with everything kept: slow, for looking at the flow.

Runs the engine's own rules. In float64 each node's constants and weights are converted while they
are used, so that the walk needs the activations of one image and the weights of one node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.rule import Local, Settings
from auditor.relevance.sweep.fold import Fold
from auditor.relevance.sweep.plan import Plan

Values = dict[str, Any]
ONE = Fold.one_each(1)


@dataclass(frozen=True, eq=False)
class Walk:
    """A plan with the precision that it is walked in: its own ``own``, or ``dtype``."""

    plan: Plan
    own: torch.dtype
    dtype: torch.dtype

    def node(self, name: str) -> Node:
        """Return a node with its constants in the precision of the walk."""
        node = self.plan.graph[name]
        if self.own == self.dtype:
            return node
        arguments = {key: self._converted(value) for key, value in node.arguments.items()}
        return replace(node, arguments=arguments)

    def _converted(self, value: Any) -> Any:
        if isinstance(value, Tensor) and value.is_floating_point():
            return value.to(self.dtype)
        if isinstance(value, Tensor) and value.is_complex():
            return value.to(self.dtype.to_complex())
        if isinstance(value, torch.dtype):
            return self.dtype if value == self.own else value
        if isinstance(value, (list, tuple)):
            return [self._converted(each) for each in value]
        return value

    def forward(self, image: Tensor) -> Values:
        """Return the value of every node for one image (1, 3, H, W)."""
        graph = self.plan.graph
        values: Values = {graph.input: image.to(self.dtype)}
        for node in graph.nodes:
            if node.name != graph.input:
                values[node.name] = self.node(node.name).call(values)
        return values

    def send(
        self, node: Node, values: Values, coefficient: Tensor, settings: Settings
    ) -> tuple[Tensor, ...]:
        """Return what the rule of a node hands to each of its inputs: c, or R if it is terminal.

        ``node`` is that of `node`, ``settings`` may differ from the plan's.
        """
        rule = self.plan.rules[node.name]
        weights = self.plan.weights[node.name]
        if self.own != self.dtype:
            weights = rule.weights(node, settings)
        saved = rule.prepare(Local(node, weights, values, values[node.name], settings))
        if saved.scale is not None:
            coefficient = ONE.scale(
                coefficient, saved.scale, in_place=False, shared=saved.shared, batch=node.batch
            )
        return rule.reverse(node, weights, saved, coefficient, ONE)

    def hand_on(self, node: Node, values: Values, relevance: Tensor) -> tuple[Tensor, ...]:
        """Return what a node below the terminal rule hands on of R itself."""
        rule = self.plan.rules[node.name]
        if rule.passes == "same":
            return (relevance,)
        weights, settings = self.plan.weights[node.name], self.plan.settings
        saved = rule.prepare(Local(node, weights, values, values[node.name], settings))
        return rule.reverse(node, weights, saved, relevance, ONE)

    def back(self, values: Values, target: int) -> Iterator[Step]:
        """Yield every node that relevance reaches, from the logit of ``target`` to the image."""
        graph = self.plan.graph
        seed = torch.zeros_like(values[graph.output])
        seed[0, target] = 1
        waiting = {graph.output: Arrived(coefficient=seed)}
        for place in reversed(graph.nodes):
            here = waiting.pop(place.name, None)
            if here is None:
                continue
            node = self.node(place.name)
            sent = () if node.name == graph.input else tuple(self._sent(node, values, here))
            yield Step(node, here, sent)
            for message in sent:
                waiting[message.to] = waiting.get(message.to, Arrived()).plus(message)

    def _sent(self, node: Node, values: Values, here: Arrived) -> Iterator[Message]:
        if here.coefficient is not None:
            terminal = self.plan.rules[node.name].terminal
            flows = self.send(node, values, here.coefficient, self.plan.settings)
            for name, flow in zip(node.inputs, flows, strict=True):
                yield Message(name, flow, terminal)
        if here.relevance is not None:
            flows = self.hand_on(node, values, here.relevance)
            for name, flow in zip(node.inputs, flows, strict=True):
                yield Message(name, flow, True)


class Message(NamedTuple):
    """What a node sends to one of its inputs: c, or R itself if ``terminal``."""

    to: str
    flow: Tensor
    terminal: bool

    def total(self, values: Values) -> float:
        """Return the sum of the relevance in it."""
        return relevance_of(values[self.to], self.flow, terminal=self.terminal)


@dataclass(frozen=True, eq=False)
class Arrived:
    """What has arrived at a node: c, and R where a terminal rule lies above; None for nothing."""

    coefficient: Tensor | None = None
    relevance: Tensor | None = None

    def plus(self, message: Message) -> Arrived:
        """Return the sum with what another node sends."""
        if message.terminal:
            return replace(self, relevance=_plus(self.relevance, message.flow))
        return replace(self, coefficient=_plus(self.coefficient, message.flow))

    def total(self, activation: Tensor) -> float:
        """Return the sum of the relevance."""
        total = 0.0
        if self.coefficient is not None:
            total += relevance_of(activation, self.coefficient, terminal=False)
        if self.relevance is not None:
            total += relevance_of(activation, self.relevance, terminal=True)
        return total


class Step(NamedTuple):
    """One node of the sweep: what arrived, and what it sends on."""

    node: Node
    here: Arrived
    sent: tuple[Message, ...]


def relevance_of(activation: Tensor, flow: Tensor, *, terminal: bool) -> float:
    """Return the sum of the relevance in a flow: R itself, or c to be multiplied by a.

    Of complex numbers, what the real and the imaginary part carry together.
    """
    if terminal:
        return float(flow.double().sum())
    return float((_real(activation) * _real(flow)).sum())


def _real(values: Tensor) -> Tensor:
    parts = torch.view_as_real(values.resolve_conj()) if values.is_complex() else values
    return parts.double()


def _plus(total: Tensor | None, value: Tensor) -> Tensor:
    return value if total is None else total + value
