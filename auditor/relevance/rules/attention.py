"""Scaled dot-product attention: weights held constant (CP-LRP), or live (AttnLRP).

With weights A, output ``o = A v``. CP-LRP: ``c_v = A^T c`` and nothing to queries and keys (Ali et
al. 2022). AttnLRP gives A and v half each, and sends A's half on through the softmax by its
vector-Jacobian product, then half each to queries and keys (Achtibat et al. 2024, eq. 12-15).
Where one factor of a product is constant, the other gets all of it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node, Ref
from auditor.relevance.rules.operations import rows_of, unbroadcast
from auditor.relevance.rules.rule import Local, Saved, Weights
from auditor.relevance.sweep.fold import Fold

ROLES = ("query", "key", "value", "attn_mask")


def is_plain(node: Node) -> bool:
    """Tell whether each live operand has one role, and heads are not shared by ``enable_gqa``."""
    return not node.arguments.get("enable_gqa") and len(_live(node)) == len(node.inputs)


def is_held(node: Node) -> bool:
    """Tell whether relevance flows to the values alone."""
    return _live(node) == ["value"]


def _live(node: Node) -> list[str]:
    return [name for name in ROLES if node.arguments[name] in map(Ref, node.inputs)]


def held_prepare(local: Local) -> Saved:
    """Keep the attention weights."""
    return Saved(None, (attention_weights(local),))


def held_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return ``A^T c``."""
    attention = fold.gather(saved.tensors[0], node.batch)
    flow = attention.mT @ coefficient
    return (unbroadcast(flow, node, 0, rows_of(node, coefficient)),)


def live_prepare(local: Local) -> Saved:
    """Keep the attention weights, queries, keys and values, each for every image and head."""
    heads = local.output.shape[:-2]
    operands = (local.operand(name) for name in ROLES[:3])
    expanded = (each.expand(*heads, *each.shape[-2:]) for each in operands)
    return Saved(None, (attention_weights(local), *expanded))


def live_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return c of queries, keys, values and an additive mask, in the order of the node's inputs."""
    live = _live(node)
    attention, query, key, value = (fold.gather(each, node.batch) for each in saved.tensors)
    flows: dict[str, Tensor] = {}
    if "value" in live:
        parts = 2 if len(live) > 1 else 1
        flows["value"] = attention.mT @ coefficient / parts
        coefficient = coefficient / parts
    weighed = attention * (coefficient @ value.mT)
    logits = weighed - attention * weighed.sum(-1, keepdim=True)
    flows["attn_mask"] = logits
    logits = logits * (scale_of(node, query) / (2 if {"query", "key"} <= set(live) else 1))
    flows["query"], flows["key"] = logits @ key, logits.mT @ query
    roles = {node.inputs.index(node.arguments[name].name): name for name in live}
    return tuple(
        unbroadcast(flows[roles[index]], node, index, rows_of(node, coefficient))
        for index in range(len(node.inputs))
    )


def attention_weights(local: Local) -> Tensor:
    """Return ``softmax(q k^T scale + mask)`` (..., queries, keys), 0 where all is masked."""
    node = local.node
    query, key, mask = (local.operand(name) for name in ("query", "key", "attn_mask"))
    logits: Tensor = query @ key.mT * scale_of(node, query)
    if node.arguments["is_causal"]:
        upper = torch.ones(logits.shape[-2:], dtype=torch.bool, device=logits.device).triu(1)
        logits = logits.masked_fill(upper, -math.inf)
    if mask is not None:
        masked = mask.dtype == torch.bool
        logits = logits.masked_fill(~mask, -math.inf) if masked else logits + mask
    attention = logits.softmax(-1)
    if node.arguments["is_causal"] or mask is not None:
        attention = attention.nan_to_num(0.0)
    return attention.expand(*local.output.shape[:-2], *attention.shape[-2:])


def scale_of(node: Node, query: Tensor) -> float:
    """Return the factor of the logits: given, or one over the root of the head's width."""
    given = node.arguments["scale"]
    return float(given) if given is not None else 1 / math.sqrt(query.shape[-1])
