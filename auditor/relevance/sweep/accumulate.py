"""Accumulate what arrives at the nodes of the graph while relevance is sent down."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from auditor.relevance.graph.graph import Graph, Node


@dataclass(frozen=True, eq=False)
class Flow:
    """What arrived at the wanted nodes: c of a node, and R where a terminal rule lies above."""

    coefficients: dict[str, Tensor] = field(default_factory=dict)
    relevances: dict[str, Tensor] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def narrow(self, graph: Graph, start: int, stop: int) -> Flow:
        """Return what arrived for some rows, as views."""

        def some(values: dict[str, Tensor]) -> dict[str, Tensor]:
            return {name: _rows(each, graph[name], start, stop) for name, each in values.items()}

        return Flow(some(self.coefficients), some(self.relevances), set(self.seen))


class Accumulator:
    """Sums of what has arrived at each node so far, freed as soon as they are taken."""

    def __init__(self) -> None:
        self._coefficients: dict[str, tuple[Tensor, bool]] = {}
        self._relevances: dict[str, Tensor] = {}

    def add_coefficient(self, name: str, value: Tensor, *, fresh: bool) -> None:
        """Add to the c of a node; ``fresh`` values may be overwritten later."""
        if name not in self._coefficients:
            self._coefficients[name] = (value, fresh)
            return
        total, fresh_total = self._coefficients[name]
        self._coefficients[name] = (total.add_(value) if fresh_total else total + value, True)

    def add(self, name: str, value: Tensor, *, terminal: bool, fresh: bool) -> None:
        """Add to the c of a node, or to its R if the value is ``terminal``."""
        if not terminal:
            self.add_coefficient(name, value, fresh=fresh)
            return
        total = self._relevances.get(name)
        self._relevances[name] = value if total is None else total + value

    def waiting(self, name: str) -> Tensor | None:
        """Return what arrived at a node, without taking it."""
        if name in self._coefficients:
            return self._coefficients[name][0]
        return self._relevances.get(name)

    def narrow(self, graph: Graph, start: int, stop: int) -> Accumulator:
        """Return what has arrived for some rows, as views."""
        part = Accumulator()
        for name, (value, fresh) in self._coefficients.items():
            part._coefficients[name] = (_rows(value, graph[name], start, stop), fresh)
        for name, value in self._relevances.items():
            part._relevances[name] = _rows(value, graph[name], start, stop)
        return part

    def take(self, name: str) -> tuple[Tensor | None, bool, Tensor | None]:
        """Return c of a node, whether it may be overwritten, and R; forget them."""
        coefficient, fresh = self._coefficients.pop(name, (None, False))
        return coefficient, fresh, self._relevances.pop(name, None)


def _rows(values: Tensor, node: Node, start: int, stop: int) -> Tensor:
    times = node.batch.times
    return values.narrow(node.batch.axis, start * times, (stop - start) * times)
