"""Normalisation with statistics of the image itself: held constant, but for the mean.

``y = (x - mean) w / std + b`` with std held constant is linear in x: c goes down by
``g - mean(g)`` with ``g = c w / std``; RMS norm has no mean. Sources: Ali et al. 2022 (LayerNorm).
"""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.operations import rows_of
from auditor.relevance.rules.rule import Local, Saved, Weights
from auditor.relevance.sweep.fold import Fold


def norm_prepare(local: Local) -> Saved:
    """Keep ``1 / std``, shaped to multiply c."""
    node, source = local.node, local.source
    if node.operation == "group_norm":
        grouped = _grouped(source, node)
        axes = tuple(range(2, grouped.dim()))
    else:
        grouped, axes = source, _axes(node)
    epsilon = node.arguments["eps"]
    if node.operation == "rms_norm":
        epsilon = torch.finfo(source.dtype).eps if epsilon is None else epsilon
        return Saved((source.square().mean(axes, keepdim=True) + epsilon).rsqrt())
    variance = grouped.var(axes, correction=0, keepdim=True)
    inverse = (variance + epsilon).rsqrt()
    if node.operation == "group_norm":
        each = source.shape[1] // node.arguments["num_groups"]
        inverse = inverse.flatten(1).repeat_interleave(each, 1)
        inverse = inverse.reshape(*inverse.shape, *([1] * (source.dim() - 2)))
    return Saved(inverse)


def norm_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Multiply by the norm's own weight and take the mean away."""
    weight = node.arguments["weight"]
    if weight is not None:
        coefficient = coefficient * _aligned(weight, node)
    if node.operation == "rms_norm":
        return (coefficient,)
    if node.operation == "group_norm":
        grouped = _grouped(coefficient, node)
        centred = grouped - grouped.mean(tuple(range(2, grouped.dim())), keepdim=True)
        return (centred.reshape(node.batch.shape(node.shape, rows_of(node, coefficient))),)
    return (coefficient - coefficient.mean(_axes(node), keepdim=True),)


def _axes(node: Node) -> tuple[int, ...]:
    rank = len(node.shape)
    if node.operation in {"layer_norm", "rms_norm"}:
        return tuple(range(rank - len(node.arguments["normalized_shape"]), rank))
    # Instance norm is captured as a batch norm of one image whose channels are all images'.
    return (0, *range(2, rank))


def _aligned(weight: Tensor, node: Node) -> Tensor:
    """Shape the weight to multiply c: per channel, except for layer and RMS norm."""
    if node.operation in {"layer_norm", "rms_norm"}:
        return weight
    return weight.reshape(-1, *([1] * (len(node.shape) - 2)))


def _grouped(values: Tensor, node: Node) -> Tensor:
    groups = node.arguments["num_groups"]
    return values.reshape(values.shape[0], groups, -1, *values.shape[2:])


def is_held(node: Node) -> bool:
    """Tell whether a norm has one live operand and statistics of each image by itself."""
    if len(node.inputs) != 1 or node.others:
        return False
    if node.operation in {"layer_norm", "rms_norm"}:
        spared = len(node.shape) - len(node.arguments["normalized_shape"])
        return node.batch.axis < spared
    if node.operation == "group_norm":
        return node.batch.axis == 0
    weight = node.arguments["weight"]
    alone = node.batch.axis == 1 and node.shape[0] == 1
    return alone and (weight is None or not isinstance(weight, torch.Tensor))
