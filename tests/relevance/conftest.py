from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import pytest
from torch import nn

from auditor.relevance import explainer as explainer_module
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.capture import capture
from auditor.relevance.graph.graph import Graph
from tests.relevance import models


@cache
def captured(family: str, zero_bias: bool) -> tuple[nn.Module, Graph]:
    """Build and capture a model once per session: nothing may change either."""
    model = models.make(family, zero_bias=zero_bias)
    example = models.images(1, family)
    return model, capture(model, example, example.device)


@cache
def explained(
    family: str, composite: str = "auto", zero_bias: bool = False, epsilon: float = 1e-6
) -> tuple[nn.Module, Explainer]:
    """Return a model and its explainer."""
    model, graph = captured(family, zero_bias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explainer_module, "capture", Captured(graph))
        explainer = Explainer(model, models.images(1, family), composite, epsilon=epsilon)
    return model, explainer


@dataclass(frozen=True, eq=False)
class Captured:
    """Stand in for ``capture`` and return a graph that exists."""

    graph: Graph

    def __call__(self, *_: object, **__: object) -> Graph:
        return self.graph


@pytest.fixture(params=models.FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Return the name of each family in turn."""
    return str(request.param)
