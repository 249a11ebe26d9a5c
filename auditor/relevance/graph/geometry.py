"""Where the positions of a layer lie in the picture: a grid of patches, and tokens without a place.

Followed through the graph by `auditor.relevance.graph.places`, and then confirmed on the model:
where a patch of the picture is changed, the positions that answer must lie there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.base.streams import stream
from auditor.language.speaking import gettext as _
from auditor.relevance.graph.channels import as_maps
from auditor.relevance.graph.graph import Graph, Node, evaluate
from auditor.relevance.graph.places import APART, MIXING, Places, places

# Why positions have no place.
WHOLE = _("its positions stand for the whole picture")
NO_GRID = _("its positions form no grid of the picture")
UNCONFIRMED = _("its positions do not answer to the places of the picture that they come from")
LOST = _("its positions cannot be followed through the model")
# Blocks of the picture, along each side, that are changed one at a time.
BLOCKS = 3
# Where the answers lie must go with where the picture was changed, along each axis.
FOLLOWS = 0.9
# What may change the order of positions of feature maps.
REORDERING = MIXING | {
    "permute", "transpose", "roll", "flip", "index", "index_select", "view", "_unsafe_view",
    "reshape", "linear", "movedim",
}  # fmt: skip
# Fewer blocks that are answered to say nothing.
LEAST = 5


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the positions of a layer lie, in the order of its maps (h x w, flattened).

    ``grid``: rows and columns of patches. ``cell``: the patch of each position, counted along the
    rows, -1 for a position without a place (a class token, a register). ``edges``: where the rows,
    and where the columns, begin and end, from 0 to 1.
    """

    grid: tuple[int, int]
    cell: Int[np.ndarray, "position"]
    edges: tuple[Float[np.ndarray, "row_edge"], Float[np.ndarray, "column_edge"]]

    @property
    def placed(self) -> Bool[np.ndarray, "position"]:
        """Mark the positions that have a place."""
        return self.cell >= 0

    def on_grid(
        self, values: Float[np.ndarray, "sample channel h w"]
    ) -> Float[np.ndarray, "sample channel row column"]:
        """Return sums of values over the positions of every patch; the others are left out."""
        flat = values.reshape(*values.shape[:2], -1)
        sums = np.zeros((*values.shape[:2], self.grid[0] * self.grid[1]), dtype=values.dtype)
        for position in np.flatnonzero(self.placed):
            sums[..., self.cell[position]] += flat[..., position]
        return sums.reshape(*values.shape[:2], *self.grid)

    def covered(
        self, masks: Bool[np.ndarray, "sample height width"]
    ) -> Float[np.ndarray, "sample position"]:
        """Return how much of the patch of every position a mask covers, 0 without a place."""
        share = masks.astype(np.float64)
        for axis, edges in enumerate(self.edges, start=1):
            size = share.shape[axis]
            cuts = np.minimum(np.rint(edges * size).astype(int), size)
            starts = np.minimum(cuts[:-1], size - 1)
            lengths = np.maximum(np.diff(cuts), 1)
            sums = np.add.reduceat(share, starts, axis=axis)
            share = sums / lengths.reshape([-1, 1] if axis == 1 else [1, -1])
        flat = share.reshape(len(masks), -1)
        covered: np.ndarray = np.where(self.placed, flat[:, np.maximum(self.cell, 0)], 0.0)
        return covered


def has_place(where: Geometry | str, position: int) -> bool:
    """Tell whether a position of a layer has a place in the picture."""
    return isinstance(where, Geometry) and bool(where.cell[position] >= 0)


def geometry(graph: Graph, node: Node, axis: int) -> Geometry | str:
    """Return where the positions of a node lie, or why that cannot be said.

    Positions that share a patch, as parts of several windows may, are all of that patch.
    """
    try:
        return _located(graph, node, axis)
    except (RuntimeError, TypeError, ValueError, LookupError):
        return LOST  # an operation that is not known to move or to keep values


def _located(graph: Graph, node: Node, axis: int) -> Geometry | str:
    device, dtype = _kind(graph)
    followed = places(graph, {node.name}, device)
    centres = [_centres(each[node.name], node, axis) for each in (followed.rows, followed.columns)]
    placed = np.isfinite(centres).all(axis=0)
    if placed.sum() < 2:
        return WHOLE
    lines = [_lines(each[placed]) for each in centres]
    number = [
        np.searchsorted(edges[1:-1], each) for each, edges in zip(centres, lines, strict=True)
    ]
    rows, columns = (len(edges) - 1 for edges in lines)
    cell = np.where(placed, number[0] * columns + number[1], -1)
    if len(np.unique(cell[placed])) != rows * columns:
        return NO_GRID
    made = Geometry((rows, columns), cell, (lines[0], lines[1]))
    if not _only_convolves(graph, node) and not _confirmed(
        graph, node, axis, made, _noise(graph).to(device, dtype), followed
    ):
        return UNCONFIRMED
    return made


def _centres(values: Tensor, node: Node, axis: int) -> Float[np.ndarray, "position"]:
    """Return the mean coordinate of every position over its channels, NaN for no place."""
    maps = as_maps(values, node, axis)[0].flatten(1).double().cpu().numpy()
    known = np.isfinite(maps)
    count = known.sum(axis=0)
    total = np.where(known, maps, 0.0).sum(axis=0)
    spread = np.where(known, maps, -np.inf).max(axis=0) - np.where(known, maps, np.inf).min(axis=0)
    single = (count > 0) & (spread < APART)
    centres: np.ndarray = np.divide(total, count, out=np.full(len(count), np.nan), where=single)
    return centres


def _lines(values: Float[np.ndarray, "placed"]) -> Float[np.ndarray, "edge"]:
    """Return the borders between the different coordinates, and those of the picture."""
    different = np.unique(np.round(values, 4))
    between = np.clip((different[1:] + different[:-1]) / 2, 0.0, 1.0)
    return np.concatenate([[0.0], between, [1.0]])


def _only_convolves(graph: Graph, node: Node) -> bool:
    """Tell whether a layer's positions are windows of the picture and nothing was ever reordered.

    Then there is nothing to confirm, and where windows are large nothing would show.
    """
    before = [graph[name] for name in graph.ancestors({node.name})]
    return all(len(each.shape) == 4 and each.operation not in REORDERING for each in before)


def _confirmed(
    graph: Graph, node: Node, axis: int, made: Geometry, images: Tensor, followed: Places
) -> bool:
    """Change blocks of a picture of noise: do the answers lie where the picture was changed?

    What mixes places keeps the values that it had, so that only what stays in place may answer.
    """
    plain = images[:1].expand(images.shape).contiguous()
    held: dict[str, Tensor] = {}

    def value(each: Node) -> Any:
        if each.name == graph.input:
            return values[each.name]
        return held[each.name] if each.name in held else each.call(values)

    values = {graph.input: plain}
    kept = followed.mixing | {node.name}
    evaluated = evaluate(graph, values, kept, value)
    held = {name: evaluated[name] for name in kept}
    base = held.pop(node.name)
    values = {graph.input: images}
    moved = evaluate(graph, values, {node.name}, value)[node.name]
    answer = as_maps((moved - base).abs(), node, axis).sum(1).flatten(1)[1:]
    blocks = np.array([divmod(block, BLOCKS) for block in range(BLOCKS**2)])
    return _follows(answer.double().cpu().numpy(), blocks, made)


def _noise(graph: Graph) -> Tensor:
    """Return a picture of noise, and the same with each block of it changed, row by row."""
    shape = graph[graph.input].shape[1:]
    draws = stream(0, "noise that confirms places")
    plain, other = (draws.normal(size=shape) for _picture in range(2))
    images = np.stack([plain] * (BLOCKS**2 + 1))
    for block, image in enumerate(images[1:]):
        down, across = (
            slice(at * size // BLOCKS, (at + 1) * size // BLOCKS)
            for at, size in zip(divmod(block, BLOCKS), shape[1:], strict=True)
        )
        image[:, down, across] = other[:, down, across]
    return torch.from_numpy(images)


def _follows(
    answer: Float[np.ndarray, "block position"],
    blocks: Int[np.ndarray, "block 2"],
    made: Geometry,
) -> bool:
    energy = answer[:, made.placed]
    answered = energy.sum(axis=1) > 0
    if answered.sum() < LEAST:
        return False
    weights = energy[answered] / energy[answered].sum(axis=1, keepdims=True)
    cell = made.cell[made.placed]
    for axis, at in enumerate((cell // made.grid[1], cell % made.grid[1])):
        if made.grid[axis] == 1:
            continue
        middle, changed = weights @ at, blocks[answered][:, axis]
        if middle.std() == 0 or np.corrcoef(middle, changed)[0, 1] < FOLLOWS:
            return False
    return True


def _kind(graph: Graph) -> tuple[torch.device, torch.dtype]:
    """Return where the model's weights lie, and of which kind they are."""
    for node in graph.nodes:
        for value in node.arguments.values():
            if isinstance(value, Tensor) and value.is_floating_point():
                return value.device, value.dtype
    return torch.device("cpu"), torch.get_default_dtype()
