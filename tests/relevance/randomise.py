"""Give a model random weights that keep its logits sane, and take its additive constants away."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm)
CONVOLUTIONS = (nn.modules.conv._ConvNd,)
# What is added to the values that relevance flows through. Biases inside attention weights and
# gates are held constant by the rules and may stay.
ADDED = re.compile(
    r"(^|[._])(bias|[qkv]_bias|beta|\w*token\w*|pos_emb\w*|\w*pos_embed\w*|class_embedding"
    r"|position_embeddings?)$"
)
ADDED_BY = re.compile(r"(^|\.)(pos_embd|pos_embed|pos_embedding|position_embedding)\.")
HELD = re.compile(r"(relative_position|attention_bias|rel_pos|logit_scale|temperature)")
SCALES = re.compile(r"(gamma|gain|scale|weight|alpha|lambda|ls\d?)")


def randomise(model: nn.Module, *, seed: int = 0) -> nn.Module:
    """Draw all weights anew and return the model in evaluation."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model.eval()
        known: set[int] = set()
        for module in model.modules():
            if isinstance(module, (*CONVOLUTIONS, nn.Linear)):
                _weighted(module)
                known.update(id(each) for each in module.parameters(recurse=False))
            elif isinstance(module, NORMS):
                _norm(module)
                known.update(id(each) for each in module.parameters(recurse=False))
        for name, parameter in model.named_parameters():
            if id(parameter) not in known:
                _other(name, parameter)
    return model


def without_constants(model: nn.Module) -> nn.Module:
    """Set to zero everything additive: biases, position and class embeddings.

    Relevance then has nowhere to go but to the image. Running means are ``calibrate``'s.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            added = ADDED.search(name) or ADDED_BY.search(name)
            if added and not HELD.search(name):
                parameter.zero_()
    return model


def calibrate(model: nn.Module, batch: Tensor, *, zero_bias: bool = False) -> nn.Module:
    """Give every batch norm the statistics of what reaches it, in order, by one forward pass.

    With ``zero_bias`` the mean stays zero and the variance is the mean square.
    """

    def measure(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(module, nn.modules.batchnorm._BatchNorm)
        if module.running_mean is None or module.running_var is None:
            return
        (values,) = inputs
        axes = [axis for axis in range(values.dim()) if axis != 1]
        mean = torch.zeros_like(module.running_mean) if zero_bias else values.mean(axes)
        square = (values**2).mean(axes) - mean**2
        module.running_mean.copy_(mean)
        module.running_var.copy_(square.clamp_min(1e-2 * float(square.mean()) + 1e-12))

    norms = [each for each in model.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    handles = [each.register_forward_pre_hook(measure) for each in norms]
    try:
        with torch.no_grad():
            model(batch)
    finally:
        for handle in handles:
            handle.remove()
    return model


def _weighted(module: nn.Module) -> None:
    gain = 2.0 if isinstance(module, CONVOLUTIONS) else 1.0
    weight = module.weight
    assert isinstance(weight, Tensor)
    transposed = isinstance(module, nn.modules.conv._ConvTransposeNd)
    inward = weight.numel() / weight.shape[1 if transposed else 0]
    weight.normal_(std=(gain / inward) ** 0.5)
    if isinstance(module.bias, Tensor):
        module.bias.normal_(std=0.1)


def _norm(module: nn.Module) -> None:
    if isinstance(module.weight, Tensor):
        module.weight.uniform_(0.5, 1.5)
    if isinstance(module.bias, Tensor):
        module.bias.normal_(std=0.1)


def _other(name: str, parameter: Tensor) -> None:
    """Draw what was set to a constant: layer scales of 1e-6, gains and heads of zero, tokens."""
    leaf = name.rpartition(".")[2]
    if HELD.search(name) or (parameter.numel() > 1 and float(parameter.std()) > 0):
        return
    if SCALES.search(leaf):
        parameter.uniform_(0.5, 1.5)
    else:
        parameter.normal_(std=0.1)
