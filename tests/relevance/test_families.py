"""Every family of torchvision and timm, and the shapes of users' models: exact to rounding.

Conservation and additivity are asked with everything additive set to zero and epsilon tiny, so
that relevance has nowhere to go but to the pixels.
"""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from auditor.relevance import explainer as explainer_module
from auditor.relevance.explainer import Explainer
from auditor.relevance.graph.capture import capture
from auditor.relevance.graph.graph import Graph
from tests.relevance.conftest import Captured
from tests.relevance.zoo import FAMILIES

TINY = 1e-30
CONSERVING = (
    "auto",
    pytest.param("epsilon", marks=pytest.mark.slow),
    pytest.param("epsilon-plus-flat", marks=pytest.mark.slow),
)
# The flat rule counts zeros that an operation of its own puts around the image as pixels.


@cache
def captured(name: str, zero_bias: bool) -> tuple[nn.Module, Graph]:
    """Build and capture a model once: nothing may change either."""
    case = FAMILIES[name]
    model = case.make(zero_bias=zero_bias)
    output = case.options.get("output")
    return model, capture(model, case.images(1), torch.device("cpu"), output=output)


@cache
def explained(name: str, composite: str = "auto", zero_bias: bool = True) -> Explainer:
    """Return the explainer of a family."""
    case = FAMILIES[name]
    model, graph = captured(name, zero_bias)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explainer_module, "capture", Captured(graph))
        return Explainer(model, case.images(1), composite, epsilon=TINY, **case.options)


@pytest.fixture(params=FAMILIES)
def name(request: pytest.FixtureRequest) -> str:
    """Return the name of each family in turn."""
    return str(request.param)


def test_the_captured_logits_are_the_models(name: str) -> None:
    case = FAMILIES[name]
    model, _ = captured(name, False)
    images = case.images(3)
    expected = case.logits(model, images)
    found = explained(name, zero_bias=False).predict(images)
    assert found.shape == expected.shape
    assert relative(found, expected) < 1e-12


@pytest.mark.parametrize("composite", CONSERVING)
def test_the_pixels_hold_the_whole_logit(name: str, composite: str) -> None:
    found = explained(name, composite).explain(FAMILIES[name].images(3))
    assert found.conservation is not None
    assert float((found.conservation - 1).abs().max()) < 1e-8


def test_the_concepts_of_a_cutting_layer_share_out_the_heatmap(name: str) -> None:
    explainer = explained(name)
    images = FAMILIES[name].images(2)
    layer = [each for each in explainer.automatic_layers() if explainer.cuts(each)][-1]
    order = torch.randperm(explainer.channels(layer), generator=torch.Generator().manual_seed(0))
    groups = [tuple(each.tolist()) for each in order.tensor_split(3)]
    parts = explainer.conditional_heatmaps(images, layer, groups)
    plain = explainer.explain(images).heatmap
    assert plain is not None
    assert relative(parts.sum(0), plain) < 1e-10
    assert min(relative(part, plain) for part in parts) > 1e-3


def test_no_image_sees_the_others_of_its_batch(name: str) -> None:
    explainer = explained(name, zero_bias=False)
    images = FAMILIES[name].images(3)
    whole, alone = explainer.explain(images).heatmap, explainer.explain(images[1:2]).heatmap
    assert whole is not None
    assert alone is not None
    assert relative(whole[1:2], alone) < 1e-10


def relative(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())
