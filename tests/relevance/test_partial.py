"""The part of a model above a layer: the same logits, and hooks as the slow twin of replacing."""

from __future__ import annotations

import pytest
import torch

from auditor.relevance.explainer import Explainer
from tests.relevance import models


@pytest.mark.parametrize("name", ["own", "resnet_basic", "mobilenet", "squeezenet"])
def test_from_any_layer_on_the_logits_are_the_models(name: str) -> None:
    net = models.make(name)
    images = models.images(3, name)
    explainer = Explainer(net, images[:1])
    logits = net(images).detach()
    for layer in explainer.layers[:: max(1, len(explainer.layers) // 8)]:
        above = explainer.upper(images, layer)
        assert torch.allclose(above.logits(), logits, atol=1e-4), layer
        channels = explainer.channels(layer)
        all_kept = torch.ones(3, channels, dtype=torch.bool)
        assert torch.allclose(above.logits(all_kept), logits, atol=1e-4), layer
        gradient = above.gradient(logits.argmax(1))
        assert gradient.shape == above.activation().shape


def test_replacing_is_what_a_hook_does() -> None:
    torch.manual_seed(0)
    net = models.OwnNetwork().eval()
    images = models.images(3).float()
    explainer = Explainer(net, images[:1])
    keep = torch.rand(3, 8) < 0.5
    fill = torch.rand(8)
    wanted = keep[:, :, None, None]

    def hook(_module, _inputs, output):
        return torch.where(wanted, output, fill.reshape(1, -1, 1, 1))

    handle = net.depthwise.register_forward_hook(hook)
    expected = net(images).detach()
    handle.remove()
    found = explainer.upper(images, "depthwise").logits(keep, fill)
    assert torch.allclose(found, expected, atol=1e-4)
