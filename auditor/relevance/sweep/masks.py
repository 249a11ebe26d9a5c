"""Apply the masks of conditions to c: a mask on c is a mask on R."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from auditor.relevance.graph.channels import positions as as_positions
from auditor.relevance.sweep.conditions import Mask
from auditor.relevance.sweep.fold import Fold


def masked(
    coefficient: Tensor, masks: Sequence[Mask], fold: Fold, channels: Tensor | None = None
) -> Tensor:
    """Return c of a node for every row of the fold, zero outside of what its mask keeps.

    With ``channels``, only these are in the result: all that some mask keeps.
    """
    node, axis = masks[0].node, masks[0].axis
    shape = list(node.batch.shape(node.shape, len(masks)))
    if channels is not None:
        coefficient = coefficient.index_select(axis, channels)
        shape[axis] = len(channels)
        indices = {channel: index for index, channel in enumerate(channels.tolist())}
        masks = [replace(mask, channels=_renamed(mask, indices)) for mask in masks]
    seed = coefficient.new_zeros(shape)
    if coefficient.dim() == 4 and coefficient.is_contiguous(memory_format=torch.channels_last):
        seed = seed.contiguous(memory_format=torch.channels_last)
    rows, sources = as_positions(seed, node, axis), as_positions(coefficient, node, axis)
    for row, sample, mask in zip(rows, fold.samples, masks, strict=True):
        _write(row, sources[sample], mask)
    return seed


def _renamed(mask: Mask, places: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(places[channel] for channel in mask.channels or ())


def _write(row: Tensor, source: Tensor, mask: Mask) -> None:
    """Copy what the mask keeps of c (C, positions...) of an image."""
    if mask.basis is not None:
        along = mask.basis @ source.flatten(1) if source.dim() > 1 else mask.basis @ source
        source = (mask.basis.T @ along).reshape(source.shape)
    if mask.positions is None or source.dim() == 1:
        if mask.channels is None:
            row.copy_(source)
        else:
            kept = list(mask.channels)
            row[kept] = source[kept]
        return
    places = torch.tensor(mask.positions, device=source.device)
    index = [each[None] for each in torch.unravel_index(places, source.shape[1:])]
    channels = range(source.shape[0]) if mask.channels is None else mask.channels
    where = (torch.tensor(list(channels), device=source.device)[:, None], *index)
    row[where] = source[where]
