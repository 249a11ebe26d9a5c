"""Parity with zennit-crp 0.6.0 on zennit 0.4.6: conditional heatmaps, relative L2 under 1e-3."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils import fuse_conv_bn_eval

from auditor.relevance.explainer import Explainer
from tests.relevance.test_networks import distance

with warnings.catch_warnings():
    # zennit-crp imports modules that warn about their own future.
    warnings.simplefilter("ignore")
    attribution = pytest.importorskip("crp.attribution")
    zennit_composites = pytest.importorskip("zennit.composites")
    zennit_torchvision = pytest.importorskip("zennit.torchvision")

CASES = [
    ("resnet18", ("layer2.1.conv2", "layer4.1.conv2"), "ResNetCanonizer"),
    ("vgg16", ("features.14", "features.28"), "VGGCanonizer"),
    ("vgg16_bn", ("features.20", "features.40"), "VGGCanonizer"),
]
COMPOSITES = {"epsilon-plus-flat": "EpsilonPlusFlat", "epsilon-alpha2-beta1": "EpsilonAlpha2Beta1"}


def fused(model: nn.Module) -> nn.Module:
    """Return a copy with batch norm folded exactly.

    zennit's own folding leaves the batch norm's 1e-5 in place, which shrinks every layer by
    5e-6 and moves its VGG-16-BN by up to 1 % of a heatmap.
    """
    result = copy.deepcopy(model)
    for module in list(result.modules()):
        before: tuple[str, nn.Module] | None = None
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d) and before is not None:
                setattr(module, before[0], fuse_conv_bn_eval(before[1], child))
                setattr(module, name, nn.Identity())
            before = (name, child) if isinstance(child, nn.Conv2d) else None
    return result


def random_model(name: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(torchvision.models, name)(weights=None, num_classes=10)
        model.train()
        with torch.no_grad():
            model(torch.randn(4, 3, 64, 64))
    return model.eval()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layers", "canonizer"), CASES)
def test_conditional_heatmaps_are_those_of_zennit_crp(
    name: str, layers: tuple[str, str], canonizer: str
) -> None:
    model = random_model(name)
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    theirs = attribution.CondAttribution(fused(model))
    for ours, composite in COMPOSITES.items():
        explainer = Explainer(model, x, ours)
        target = int(explainer.predict(x).argmax())
        for layer in layers:
            total = explainer.explain(x, layers=(layer,), heatmap=False).relevance[layer]
            concepts = total.abs().sum((0, 2, 3)).topk(3).indices.tolist()
            found = explainer.conditional_heatmaps(x, layer, concepts)[:, 0]
            canonizers = [getattr(zennit_torchvision, canonizer)()]
            expected = theirs(
                x.repeat(3, 1, 1, 1).requires_grad_(),
                [{"y": [target], layer: [concept]} for concept in concepts],
                getattr(zennit_composites, composite)(canonizers=canonizers),
            ).heatmap
            for row in range(3):
                assert distance(found[row], expected[row]) < 1e-3
