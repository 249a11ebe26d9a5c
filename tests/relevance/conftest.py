from __future__ import annotations

from functools import cache

import pytest
from torch import nn

from auditor.relevance.explainer import Explainer
from tests.relevance import models


@cache
def explained(
    family: str, composite: str = "auto", zero_bias: bool = False, epsilon: float = 1e-6
) -> tuple[nn.Module, Explainer]:
    """Build a model and its explainer once per session: nothing may change either."""
    model = models.make(family, zero_bias=zero_bias)
    explainer = Explainer(model, models.images(1), composite, epsilon=epsilon)
    return model, explainer


@pytest.fixture(params=models.FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    """Return the name of each family in turn."""
    return str(request.param)
