"""Relevance of the directions of a dictionary, and of what they leave over.

With ``h = sum over d of z_d v_d + e`` and c = R / h, direction d has ``R_d = z_d <v_d, c>`` and the
rest ``<e, c>``: together all that the layer has (attribution through the decoder of a sparse
autoencoder as in Marks et al. 2024, 'Sparse feature circuits', with c in place of the gradient).
Below, a direction's relevance goes where its coefficient comes from: to the channels by the
encoder's gradient times h, and what that does not explain (its bias) over the channels by h
squared. The rest goes past the directions, so that c of the layer stays what it was.
"""

from __future__ import annotations

import torch
from torch import Tensor

from auditor.relevance.graph.graph import Node
from auditor.relevance.rules.rule import Local, Rule, Saved, Weights
from auditor.relevance.sweep.fold import Fold
from auditor.subject.dictionaries import Dictionary


class Encode:
    """Turn an activation with C channels on ``axis`` into D coefficients there."""

    def __init__(self, dictionary: Dictionary, axis: int) -> None:
        self.dictionary, self.axis = dictionary, axis

    def __call__(self, values: Tensor) -> Tensor:
        """Return the coefficients."""
        last = values.movedim(self.axis, -1)
        made = self.dictionary.encode(last.reshape(-1, last.shape[-1]))
        return made.reshape(*last.shape[:-1], made.shape[-1]).movedim(-1, self.axis)

    def decoded(self, units: Tensor) -> Tensor:
        """Return the sum of the directions with coefficients (..., D, ...)."""
        directions = self.dictionary.directions.to(units)
        return (units.movedim(self.axis, -1) @ directions).movedim(-1, self.axis)

    def along(self, coefficient: Tensor) -> Tensor:
        """Return ``<v_d, c>`` of every direction."""
        directions = self.dictionary.directions.to(coefficient)
        return (coefficient.movedim(self.axis, -1) @ directions.T).movedim(-1, self.axis)

    def down(self, values: Tensor, coefficient: Tensor) -> Tensor:
        """Return c of the channels for c of the directions, with all the relevance of these."""
        with torch.enable_grad():
            leaf = values.detach().requires_grad_()
            units = self(leaf)
        if units.requires_grad:
            (flow,) = torch.autograd.grad(units, leaf, coefficient, materialize_grads=True)
        else:  # an encoder that torch cannot take the gradient of
            flow = torch.zeros_like(values)
        held = (units.detach() * coefficient).sum(self.axis, keepdim=True)
        lack = held - (values * flow).sum(self.axis, keepdim=True)
        square = values.square().sum(self.axis, keepdim=True)
        return flow + values * torch.where(square > 0, lack / square, 0.0)


class Rebuild:
    """Put an activation together of its coefficients and what they leave over."""

    def __init__(self, encode: Encode) -> None:
        self.encode = encode

    def __call__(self, units: Tensor, values: Tensor) -> Tensor:
        """Return the activation; the very same one for its own coefficients."""
        return values + self.encode.decoded(units - self.encode(values))


def _keep(local: Local) -> Saved:
    return Saved(None, (local.source,))


def _encode_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return c of the channels."""
    values = fold.gather(saved.tensors[0], node.batch)
    return (node.target.down(values, coefficient),)  # type: ignore[attr-defined]


def _keep_activation(local: Local) -> Saved:
    return Saved(None, (local.operand("values"),))


def _rebuild_reverse(
    node: Node, weights: Weights, saved: Saved, coefficient: Tensor, fold: Fold
) -> tuple[Tensor, ...]:
    """Return c of the directions, and what goes past them to the channels."""
    encode: Encode = node.target.encode  # type: ignore[attr-defined]
    values = fold.gather(saved.tensors[0], node.batch)
    units = encode.along(coefficient)
    return units, coefficient - encode.down(values, units)


ENCODE = Rule("directions", _encode_reverse, _keep, returns="new")
REBUILD = Rule("directions and the rest", _rebuild_reverse, _keep_activation, returns="new")
