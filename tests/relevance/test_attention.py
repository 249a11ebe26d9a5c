"""Attention, held constant and live, in every spelling, against loops over images and heads."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from auditor.relevance.rules.rule import Settings
from tests.relevance import twins_attention as twins
from tests.relevance.twins_engine import (
    EXACT,
    ROWS,
    Function,
    captured,
    fallbacks,
    images,
    make,
    planned,
)

# Two heads of queries, keys and values of width 3; six queries, five keys.
X = images(3, 6, 6, 3)
KEYS = 5
ADDED = images(6, KEYS, seed=1)
SEEN = torch.tensor([[(i + 2 * j) % 3 != 0 for j in range(KEYS)] for i in range(6)])
EMPTY = SEEN & (torch.arange(6)[:, None] > 1)
NONE = torch.zeros(6, KEYS, dtype=torch.float64)
CAUSAL = torch.tensor([[0.0 if j <= i else -math.inf for j in range(KEYS)] for i in range(6)])


def roles(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values (B, 2, ...): parts of the image, so that R can be read."""
    return x[:, :2], x[:, 2:4, :KEYS], x[:, 4:, :KEYS]


def hidden(seen: Tensor) -> Tensor:
    """Return the mask to add for a boolean mask of what is seen."""
    return torch.zeros(seen.shape, dtype=torch.float64).masked_fill(~seen, -math.inf)


def by_matmul(x: Tensor) -> Tensor:
    q, k, v = roles(x)
    return ((q * 0.7) @ k.transpose(-2, -1) + ADDED).softmax(-1) @ v


def by_bmm(x: Tensor) -> Tensor:
    q, k, v = (each.flatten(0, 1) for each in roles(x))
    return torch.bmm(torch.bmm(q, k.mT).mul(0.7).softmax(2), v).reshape(-1, 2, 6, 3)


def by_baddbmm(x: Tensor) -> Tensor:
    q, k, v = (each.flatten(0, 1) for each in roles(x))
    logits = torch.baddbmm(ADDED[None], q * 0.7, k.mT)
    return torch.bmm(logits.softmax(2), v).reshape(-1, 2, 6, 3)


def by_einsum(x: Tensor) -> Tensor:
    q, k, v = roles(x)
    logits = torch.einsum("bhie,bhje->bhij", q, k) * 0.7
    return torch.einsum("bhje,bhij->bhie", v, logits.softmax(-1))


def built_in(
    mask: Tensor | None = None, *, causal: bool = False, scale: float | None = None
) -> Function:
    def attend(x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(
            *roles(x), attn_mask=mask, is_causal=causal, scale=scale
        )

    return attend


@dataclass(frozen=True)
class Case:
    """One spelling, and what it adds to the logits."""

    function: Function
    scale: float = 1 / math.sqrt(3)
    mask: Tensor = field(default_factory=NONE.clone)


CASES = {
    "plain": Case(built_in()),
    "scale": Case(built_in(scale=0.7), 0.7),
    "additive mask": Case(built_in(ADDED), mask=ADDED),
    "boolean mask": Case(built_in(SEEN), mask=hidden(SEEN)),
    "queries that see nothing": Case(built_in(EMPTY), mask=hidden(EMPTY)),
    "causal": Case(built_in(causal=True), mask=CAUSAL),
    "matmul": Case(by_matmul, 0.7, ADDED),
    "bmm": Case(by_bmm, 0.7),
    "baddbmm": Case(by_baddbmm, 0.7, ADDED),
    "einsum": Case(by_einsum, 0.7),
}


def by_loops(case: Case, image: Tensor, c: Tensor, *, live: bool) -> Tensor:
    """Return R of one image for c (2, 6, 3) at its output."""
    q, k, v = (each[0] for each in roles(image[None]))
    result = torch.zeros_like(image)
    output = case.function(image[None])[0]
    for head in range(2):
        R = output[head] * c[head]
        A = twins.weights(q[head], k[head], case.scale, case.mask)
        assert torch.allclose(A @ v[head], output[head])
        if live:
            parts = twins.live(q[head], k[head], v[head], case.scale, case.mask, R)
            result[head], result[2 + head, :KEYS], result[4 + head, :KEYS] = parts
        else:
            result[4 + head, :KEYS] = twins.held(A, v[head], R)
    return result


@pytest.mark.parametrize("name", CASES)
def test_attention_equals_its_loops(name: str) -> None:
    case = CASES[name]
    graph = captured(case.function, X)
    c = images(len(ROWS), 2, 6, 3, seed=2)
    for composite in ("attn-cp-gamma", "attnlrp"):
        made = planned(graph, composite)
        assert fallbacks(made) == set()
        found = made.relevance(X, c.flatten(1), ROWS)
        for row, image in enumerate(ROWS):
            expected = by_loops(case, X[image], c[row], live=composite == "attnlrp")
            assert torch.allclose(found[row], expected, rtol=1e-8, atol=1e-10)
        one_each = made.relevance(X, c[[0, 3, 2]].flatten(1))
        assert torch.allclose(one_each, found[[0, 3, 2]], rtol=1e-10, atol=1e-12)


def test_attnlrp_gives_values_half_and_what_is_left_sums_to_the_softmax() -> None:
    case = CASES["plain"]
    c = images(3, 36, seed=2)
    held = make(case.function, X, "attn-cp-gamma").relevance(X, c)
    live = make(case.function, X, "attnlrp").relevance(X, c)
    assert torch.allclose(live[:, 4:], held[:, 4:] / 2)
    assert float(held[:, :4].abs().max()) == 0
    assert torch.allclose(live[:, :2].sum((2, 3)), live[:, 2:4].sum((2, 3)))


def test_a_constant_factor_leaves_all_to_the_other() -> None:
    constant = images(1, 2, 4, 3, seed=4)
    keys = images(1, 2, KEYS, 3, seed=5)
    scale = 1 / math.sqrt(3)
    functions: dict[str, Function] = {
        "queries": lambda x: F.scaled_dot_product_attention(constant, *roles(x)[1:]),
        "queries and keys": lambda x: F.scaled_dot_product_attention(constant, keys, roles(x)[2]),
    }
    mask = torch.zeros(4, KEYS, dtype=torch.float64)
    c = images(len(ROWS), 2, 4, 3, seed=6)
    for name, function in functions.items():
        found = make(function, X, "attnlrp").relevance(X, c.flatten(1), ROWS)
        for row, image in enumerate(ROWS):
            output = function(X[image][None])[0]
            for head in range(2):
                q, v = constant[0, head], X[image, 4 + head, :KEYS]
                k = X[image, 2 + head, :KEYS] if name == "queries" else keys[0, head]
                R = output[head] * c[row, head]
                A, logits = twins.weights(q, k, scale, mask), scale * q @ k.T
                values = twins.held(A, v, R)
                if name == "queries":
                    below = twins.of_logits(logits, A, twins.of_weights(A, v, R) / 2)
                    expected = twins.of_queries_and_keys(q, k, scale, logits, below)[1]
                    assert torch.allclose(found[row, 2 + head, :KEYS], expected)
                    values = values / 2
                assert torch.allclose(found[row, 4 + head, :KEYS], values)


def grouped(x: Tensor) -> Tensor:
    """Let two heads of queries share each head of keys and values."""
    q, k, v = x[:, :2], x[:, 2:3, :KEYS], x[:, 4:5, :KEYS]
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def broadcast(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x[:, :2], x[:, 2:3, :KEYS], x[:, 4:5, :KEYS])


def copied(x: Tensor) -> Tensor:
    k, v = x[:, 2:3, :KEYS].repeat(1, 2, 1, 1), x[:, 4:5, :KEYS].repeat(1, 2, 1, 1)
    return F.scaled_dot_product_attention(x[:, :2], k, v)


def same(x: Tensor) -> Tensor:
    return F.scaled_dot_product_attention(x, x, x)


def same_by_hand(x: Tensor) -> Tensor:
    return ((x @ (1 * x).mT) / math.sqrt(3)).softmax(-1) @ (1 * x)


def masked_by_image(x: Tensor) -> Tensor:
    q, k, v = roles(x)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=x[:, :2, :, :1])


def masked_by_hand(x: Tensor) -> Tensor:
    q, k, v = roles(x)
    return ((q @ k.mT) / math.sqrt(3) + x[:, :2, :, :1].expand(-1, -1, -1, KEYS)).softmax(-1) @ v


@pytest.mark.parametrize("composite", ["attn-cp-gamma", "attnlrp"])
def test_spellings_of_one_attention_agree(composite: str) -> None:
    for first, second in (
        (grouped, copied),
        (broadcast, copied),
        (same, same_by_hand),
        (masked_by_image, masked_by_hand),
    ):
        c = images(len(ROWS), first(X)[0].numel(), seed=3)
        made = make(first, X, composite)
        assert fallbacks(made) == set()
        found = made.relevance(X, c, ROWS)
        expected = make(second, X, composite).relevance(X, c, ROWS)
        assert torch.allclose(found, expected, rtol=1e-8, atol=1e-10), first.__name__


def talking(x: Tensor) -> Tensor:
    """Mix heads after the softmax by a linear layer."""
    q, k, v = roles(x)
    attention = (q @ k.mT).softmax(-1).permute(0, 2, 3, 1)
    return F.linear(attention, ADDED[:2, :2]).permute(0, 3, 1, 2) @ v


def test_talking_heads_stay_gates() -> None:
    c = images(3, 36, seed=3)
    made = make(talking, X, "attn-cp-gamma")
    found = made.c(X, c)
    q, k, v = roles(X)
    mixed = torch.einsum("bhij,gh->bgij", torch.softmax(q @ k.mT, -1), ADDED[:2, :2])
    expected = torch.zeros_like(X)
    expected[:, 4:, :KEYS] = torch.einsum("bgij,bgie->bgje", mixed, c.reshape(3, 2, 6, 3))
    assert torch.allclose(found, expected)
    assert talking(X).shape == v[:, :, :1].expand(-1, -1, 6, -1).shape


class Attends(nn.Module):
    """PyTorch's own attention with the batch first or second, and what it is by hand."""

    def __init__(self, *, batch_first: bool, need_weights: bool, mask: Tensor | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.inner = nn.MultiheadAttention(6, 2, batch_first=batch_first).double().eval()
        self.batch_first, self.need_weights, self.mask = batch_first, need_weights, mask
        with torch.no_grad():
            self.inner.in_proj_bias.normal_()
            self.inner.out_proj.bias.normal_()

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        first = tokens if self.batch_first else tokens.transpose(0, 1)
        y, _ = self.inner(first, first, first, need_weights=self.need_weights, attn_mask=self.mask)
        return y if self.batch_first else y.transpose(0, 1)

    def by_hand(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        w, b = self.inner.in_proj_weight.detach(), self.inner.in_proj_bias.detach()
        parts = F.linear(tokens, w, b).chunk(3, -1)
        q, k, v = (each.reshape(-1, 18, 2, 3).transpose(1, 2) for each in parts)
        logits = q @ k.mT / math.sqrt(3)
        logits = logits if self.mask is None else logits + self.mask
        y = (logits.softmax(-1) @ v).transpose(1, 2).reshape(-1, 18, 6)
        out = self.inner.out_proj
        return F.linear(y, out.weight.detach(), out.bias.detach())


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention_is_what_it_is_by_hand(
    batch_first: bool, masked: bool, need_weights: bool
) -> None:
    mask = images(18, 18, seed=8) if masked else None
    module = Attends(batch_first=batch_first, need_weights=need_weights, mask=mask)
    c = images(len(ROWS), 18 * 6, seed=3)
    # Excluded biases and the gamma rule have multipliers that differ from place to place.
    settings = Settings(epsilon=0.0, bias="exclude", gamma=0.25)
    graph, own = captured(module, X), captured(module.by_hand, X)
    for composite in ("attn-cp-gamma", "attnlrp"):
        made = planned(graph, composite, settings)
        found = made.relevance(X, c, ROWS)
        expected = planned(own, composite, settings).relevance(X, c, ROWS)
        assert torch.allclose(found, expected, rtol=1e-8, atol=1e-9)
        assert fallbacks(made) == set()
        for row, image in enumerate(ROWS):
            alone = made.relevance(X[image][None], c[row][None])[0]
            assert torch.allclose(found[row], alone, rtol=1e-9, atol=1e-11)
    assert EXACT.epsilon == 0
