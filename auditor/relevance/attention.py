"""Scaled dot-product attention: weights held constant (CP-LRP), or live (AttnLRP).

With weights A, output ``o = A v``. CP-LRP: ``c_v = A^T c`` and nothing to queries and keys (Ali et
al. 2022). AttnLRP gives A and v half each, and sends A's half on through the softmax by its
vector-Jacobian product, then half each to queries and keys (Achtibat et al. 2024, eq. 12-15).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from auditor.relevance.fold import Fold
from auditor.relevance.graph import Node, Ref
from auditor.relevance.operations import rows_of
from auditor.relevance.rule import Local, Saved, Weights


def is_plain(node: Node) -> bool:
    """Tell whether values, and queries and keys where they are live, are operands of the image."""
    values = node.arguments
    roles = [name for name in ("query", "key", "value") if values[name] in map(Ref, node.inputs)]
    live = len(node.inputs)
    grouped = bool(values.get("enable_gqa")) or len(node.input_shapes[0]) < 3
    mask = values["attn_mask"]
    masked_by_image = isinstance(mask, Ref) and mask.name in node.inputs
    return not grouped and not masked_by_image and roles in _forms(live)


def _forms(live: int) -> list[list[str]]:
    return [["value"]] if live == 1 else [["query", "key", "value"]]


def held_prepare(local: Local) -> Saved:
    """Keep the attention weights."""
    return Saved(None, (attention_weights(local),))


def held_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return ``A^T c``."""
    attention = fold.gather(saved.tensors[0], node.batch)
    flow = attention.mT @ coefficient
    shape = node.input_rows(0, rows_of(node, coefficient))
    return (flow if flow.shape == torch.Size(shape) else flow.sum_to_size(shape),)


def live_prepare(local: Local) -> Saved:
    """Keep the attention weights, queries, keys and values."""
    names = ("query", "key", "value")
    operands = tuple(local.values[local.node.arguments[name].name] for name in names)
    return Saved(None, (attention_weights(local), *operands))


def live_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return c of queries, keys and values, in the order of the node's inputs."""
    names = [node.arguments[name].name for name in ("query", "key", "value")]
    places = [node.inputs.index(name) for name in names]
    batches = [node.batch, *(node.input_batches[place] for place in places)]
    attention, query, key, value = (
        fold.gather(each, batch) for each, batch in zip(saved.tensors, batches, strict=True)
    )
    from_value = attention.mT @ coefficient / 2
    weighed = attention * (coefficient @ value.mT) / 2
    logits = (weighed - attention * weighed.sum(-1, keepdim=True)) * scale_of(node, query) / 2
    found = dict(zip(names, (logits @ key, logits.mT @ query, from_value), strict=True))
    return tuple(found[name] for name in node.inputs)


def attention_weights(local: Local) -> Tensor:
    """Return ``softmax(q k^T scale + mask)``, shaped (..., queries, keys)."""
    node = local.node

    def operand(name: str) -> Any:
        value = node.arguments[name]
        return local.values[value.name] if isinstance(value, Ref) else value

    query, key, mask = operand("query"), operand("key"), operand("attn_mask")
    logits: Tensor = query @ key.mT * scale_of(node, query)
    if node.arguments["is_causal"]:
        upper = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
        logits = logits.masked_fill(upper, -math.inf)
    if mask is not None:
        masked = mask.dtype == torch.bool
        logits = logits.masked_fill(~mask, -math.inf) if masked else logits + mask
    return logits.softmax(-1)


def scale_of(node: Node, query: Tensor) -> float:
    """Return the factor of the logits: given, or one over the root of the head's width."""
    given = node.arguments["scale"]
    return float(given) if given is not None else 1 / math.sqrt(query.shape[-1])
