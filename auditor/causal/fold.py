"""Fold a projection into weights: directions are taken out of what a linear operation reads.

``W (a - U U^T (a - m)) + b = (W - W U U^T) a + (b + W U U^T m)``: whatever reads a tensor through
weights alone can read it without some directions of its channels, at the cost of nothing. In a
convolution that pads with zeros the padding is read as if it were the mean along these directions.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from auditor.subject.answers import find_answer
from auditor.subject.calling import ask

# Of the largest value: two tensors that differ by less are the same one.
SAME = 1e-4
Reader = nn.Linear | nn.Conv2d


@dataclass(frozen=True)
class Site:
    """A tensor that directions can be taken out of: the ``modules`` that read it with weights.

    ``blocks``: so many values of each channel stand side by side where a linear layer reads a
    flattened map; else 1.
    """

    modules: tuple[str, ...]
    blocks: int = 1

    def channels(self, model: nn.Module) -> int:
        """Return the number of channels of the tensor."""
        reader = model.get_submodule(self.modules[0])
        width = reader.in_channels if isinstance(reader, nn.Conv2d) else reader.in_features
        assert isinstance(width, int)
        return width // self.blocks


def sites(
    model: nn.Module,
    images: Float[Tensor, "image channel h w"],
    layer: Float[Tensor, "image channel height width"] | None,
    output: str | None,
) -> list[Site]:
    """Return where a layer is read through weights, if it is, and what the last of them reads.

    ``layer`` is its activation on the same images; ``output`` names the result with the logits.
    """
    read, written, result = _passes(model, images)
    answer = tree_leaves(result)
    logits = answer[find_answer(answer if len(answer) > 1 else answer[0], output).place]
    heads = [name for name, value in written.items() if _same(value, logits)]
    found = [Site((name,)) for name in heads[-1:]]
    if layer is not None:
        for blocks in (1, layer[0, 0].numel()):
            names = [name for name, value in read.items() if _reads(value, layer) == blocks]
            if names and (blocks > 1 or names != heads[-1:]):
                found.insert(0, Site(tuple(names), blocks))
                break
    return found


def features(
    model: nn.Module, site: Site, images: Float[Tensor, "image channel h w"]
) -> Float[np.ndarray, "image channel"]:
    """Return the tensor of a site, each channel's mean over positions, for every image."""
    parts = []
    for start in range(0, len(images), 16):
        read, _written, _result = _passes(model, images[start : start + 16], site.modules[:1])
        value = read[site.modules[0]]
        reader = model.get_submodule(site.modules[0])
        if isinstance(reader, nn.Conv2d):
            value = value.flatten(2).mean(dim=2)
        elif site.blocks > 1:
            value = value.reshape(len(value), -1, site.blocks).mean(dim=2)
        else:
            value = value.flatten(1, -2).mean(dim=1) if value.dim() > 2 else value
        parts.append(value.double().cpu())
    pooled: np.ndarray = torch.cat(parts).numpy()
    return pooled


def folded(
    model: nn.Module,
    site: Site,
    basis: Float[np.ndarray, "direction channel"],
    mean: Float[np.ndarray, "channel"],
) -> nn.Module:
    """Return a copy of a model that reads a site without some directions.

    ``basis`` are orthonormal directions; along them every position becomes what ``mean`` is, or 0
    where a reader has no bias to hold that.
    """
    mended = copy.deepcopy(model)
    for name in site.modules:
        reader = mended.get_submodule(name)
        assert isinstance(reader, Reader)
        weight = reader.weight.detach().double()
        shape = weight.shape
        wide = weight.reshape(len(weight), len(mean), -1)
        units = torch.from_numpy(np.ascontiguousarray(basis)).to(wide)
        along = torch.einsum("ocp,dc->odp", wide, units)
        kept = wide - torch.einsum("odp,dc->ocp", along, units)
        with torch.no_grad():
            reader.weight.copy_(kept.reshape(shape).to(reader.weight))
            if reader.bias is not None:
                level = units @ torch.from_numpy(np.ascontiguousarray(mean)).to(wide)
                lost = along.sum(dim=2) @ level
                reader.bias.add_(lost.to(reader.bias))
    return mended


def _passes(
    model: nn.Module, images: Tensor, wanted: Sequence[str] | None = None
) -> tuple[dict[str, Tensor], dict[str, Tensor], Any]:
    """Return what each weighted module reads, what it writes, and what the model returns.

    Modules that run more than once, or whose weights are others' too, are left out.
    """
    read: dict[str, list[Tensor]] = {}
    written: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, inputs: tuple[Any, ...], value: Any) -> None:
            read.setdefault(name, []).append(inputs[0].detach())
            written[name] = value.detach()

        return hook

    handles = [
        module.register_forward_hook(keep(name))
        for name, module in _readers(model)
        if wanted is None or name in wanted
    ]
    try:
        result = ask(model, images)
    finally:
        for handle in handles:
            handle.remove()
    once = {name: values[0] for name, values in read.items() if len(values) == 1}
    return once, {name: written[name] for name in once}, result


def _readers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules that read all their channels through weights which are theirs alone."""
    owners: dict[int, int] = {}
    for _name, each in model.named_parameters(remove_duplicate=False):
        owners[id(each)] = owners.get(id(each), 0) + 1
    for name, module in model.named_modules():
        if type(module) not in (nn.Linear, nn.Conv2d):
            continue
        if isinstance(module, nn.Conv2d) and module.groups != 1:
            continue
        weight = module._parameters.get("weight")
        if weight is not None and owners[id(weight)] == 1:
            yield name, module


def _reads(value: Tensor, layer: Tensor) -> int:
    """Return how many values of each channel of a layer stand side by side in ``value``.

    0: it is another tensor.
    """
    maps = layer.to(value)
    if value.dim() == 4 and _same(value, maps):
        return 1
    tokens = value.flatten(1, -2).transpose(1, 2) if value.dim() > 2 else value[..., None]
    positions = maps.flatten(2)
    if _same(tokens, positions) or _same(tokens, positions.mean(dim=2, keepdim=True)):
        return 1
    return positions.shape[2] if _same(value, maps.flatten(1)) else 0


def _same(first: Any, second: Tensor) -> bool:
    if not isinstance(first, Tensor) or first.shape != second.shape:
        return False
    scale = float(second.abs().max())
    return bool((first - second).abs().max() <= SAME * max(scale, 1e-12))
