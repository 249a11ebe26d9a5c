"""Run conditions: one forward, one sweep to their first layer, then all of them at once.

The sweep from a condition's layer downwards runs with the conditions folded into the batch axis,
in chunks of a fixed memory budget. Where a condition names several layers, it stops at each of
them, masks c, and goes on with what the mask keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import prod

import torch
from torch import Tensor

from auditor.relevance.graph.graph import CAPTURED, Graph
from auditor.relevance.rules.rule import Saved
from auditor.relevance.rules.weighted import is_convolution
from auditor.relevance.sweep.accumulate import Flow
from auditor.relevance.sweep.conditions import Mask
from auditor.relevance.sweep.fold import Fold, runs
from auditor.relevance.sweep.forward import forward
from auditor.relevance.sweep.masks import masked
from auditor.relevance.sweep.plan import Plan
from auditor.relevance.sweep.reverse import between, one_hot, reverse, reverse_in_parts

# Fixed numbers: the size of a chunk must not depend on what else uses the memory, or the same
# batch would not give the same bits.
BUDGET_BYTES = {"cpu": 1 << 29, "cuda": 1 << 33}
# c of one node in a part of a sweep: what stays in the cache, and what the allocator keeps.
PART_BYTES = {"cpu": 1 << 24}


@dataclass(frozen=True, eq=False)
class Job:
    """One condition on one image; ``row`` is its place in the result."""

    row: int
    image: int
    masks: tuple[Mask, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        """Name the nodes of the masks, from the logits down."""
        return tuple(mask.node.name for mask in self.masks)


@dataclass(frozen=True, eq=False)
class Chunk:
    """What one sweep brought to the wanted nodes, a row per job.

    ``activations`` of the wanted nodes are per image of the fold.
    """

    rows: list[int]
    fold: Fold
    flow: Flow
    activations: dict[str, Tensor]


def sweeps(
    plan: Plan,
    images: Tensor,
    targets: Tensor | None,
    jobs: Sequence[Job],
    wanted: set[str],
    *,
    ends: bool = False,
) -> Iterator[Chunk]:
    """Yield the sweeps of all jobs down to the wanted nodes; each image runs forward once.

    ``targets`` are the classes explained, None for the predicted ones. With ``ends`` the sweeps
    go no further from any wanted node; all conditions must then name the same layers.
    """
    graph = plan.graph
    ordered = sorted(jobs, key=_by_image)
    chains = {job.nodes for job in jobs}
    if ends and len(chains) > 1:
        raise ValueError("conditions on different layers cannot end at the same nodes")
    tops = {chain[0] for chain in chains if chain} | (wanted if () in chains else set())
    needed = between(graph, tops, {graph.output})
    for chain in chains:
        needed |= _segments(graph, chain, wanted)
    keep = {*wanted, *(name for chain in chains for name in chain)}
    most = _budget(images) // max(_bytes(graph, needed, images), 1)
    for group in _image_groups(ordered, max(1, most)):
        used = sorted({job.image for job in group})
        batch = images[used].contiguous(memory_format=torch.channels_last)
        passed = forward(plan, batch, keep | {graph.input}, needed)
        chosen = passed.logits.argmax(1) if targets is None else targets[used]
        seed = one_hot(chosen, passed.logits.shape[1], passed.logits)
        each = Fold.one_each(len(used))
        whole = ends and () in chains
        top = reverse(plan, passed.saved, {graph.output: seed}, tops, each, ends=whole)
        local = {image: index for index, image in enumerate(used)}
        for chain, members in groupby(sorted(group, key=_by_chain), _chain):
            same = list(members)
            size = _rows_per_chunk(graph, chain, _segments(graph, chain, wanted), images)
            for start in range(0, len(same), size):
                part = same[start : start + size]
                fold = Fold(tuple(local[job.image] for job in part), len(used))
                for rows, flow in _follow(plan, passed.saved, top, part, fold, wanted, ends=ends):
                    some = Fold(fold.samples[rows.start : rows.stop], fold.images)
                    numbers = [part[row].row for row in rows]
                    yield Chunk(numbers, some, flow, passed.activations)


def _follow(
    plan: Plan,
    saved: dict[str, Saved],
    top: Flow,
    jobs: Sequence[Job],
    fold: Fold,
    wanted: set[str],
    *,
    ends: bool,
) -> Iterator[tuple[range, Flow]]:
    """Send the c of the first layer down through the masks of every job, in parts."""
    chain = jobs[0].nodes
    everything = range(len(jobs))
    if not chain:
        yield everything, _repeated(plan.graph, top, fold)
        return
    flow, rows_above = top, fold
    for index, name in enumerate(chain):
        if name not in flow.coefficients:
            yield everything, Flow()
            return
        masks = [job.masks[index] for job in jobs]
        channels = None if name in wanted else _few_channels(plan, name, masks)
        seeds = {name: masked(flow.coefficients[name], masks, rows_above, channels)}
        narrowed = {} if channels is None else {name: channels}
        if index + 1 < len(chain):
            flow = reverse(plan, saved, seeds, {chain[index + 1]}, fold, narrowed=narrowed)
        else:
            limit = PART_BYTES.get(seeds[name].device.type)
            yield from reverse_in_parts(
                plan, saved, seeds, wanted, fold, narrowed=narrowed, limit=limit, ends=ends
            )
        rows_above = Fold.one_each(len(jobs))


def _few_channels(plan: Plan, name: str, masks: Sequence[Mask]) -> Tensor | None:
    """Return the channels that some mask keeps, where the weights of all others can be left out."""
    node, axis = masks[0].node, masks[0].axis
    able = plan.rules[name].narrow is not None and is_convolution(node)
    kept = {channel for mask in masks for channel in mask.channels or range(node.shape[axis])}
    if not able or 2 * len(kept) > node.shape[axis]:
        return None
    return torch.tensor(sorted(kept), device=plan.weights[name][0].device)


def _repeated(graph: Graph, top: Flow, fold: Fold) -> Flow:
    """Return the unconditional flow for every row."""

    def rows(values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: fold.gather(each, graph[name].batch) for name, each in values.items()}

    return Flow(rows(top.coefficients), rows(top.relevances))


def relevance_at(flow: Flow, name: str, activation: Tensor) -> Tensor:
    """Return R = a c of a node, plus the R that terminal rules sent there; 0 if nothing came."""
    arrived = flow.relevances.get(name)
    if name in flow.coefficients:
        relevance = activation * flow.coefficients[name]
        return relevance if arrived is None else relevance + arrived
    return torch.zeros_like(activation) if arrived is None else arrived


def _segments(graph: Graph, chain: tuple[str, ...], wanted: set[str]) -> set[str]:
    """Return the nodes whose rules the sweeps below the first mask need."""
    nodes: set[str] = set()
    for above, below in pairwise(chain):
        nodes |= between(graph, {below}, {above})
    return nodes | between(graph, wanted, {chain[-1]}) if chain else nodes


def _by_image(job: Job) -> tuple[int, int]:
    return job.image, job.row


def _chain(job: Job) -> tuple[str, ...]:
    return job.nodes


def _by_chain(job: Job) -> tuple[tuple[str, ...], int, int]:
    return job.nodes, job.image, job.row


def _budget(images: Tensor) -> int:
    return BUDGET_BYTES.get(images.device.type, 1 << 29)


def _bytes(graph: Graph, names: set[str], images: Tensor) -> int:
    """Return the size of some nodes' values for one image."""
    return sum(prod(graph[name].shape) // CAPTURED for name in names) * images.element_size()


def _rows_per_chunk(graph: Graph, chain: tuple[str, ...], lower: set[str], images: Tensor) -> int:
    """Return how many rows start together.

    Below a single mask they are split where c grows; elsewhere c of a node, of its input and a
    copy of one must fit the budget.
    """
    limit = PART_BYTES.get(images.device.type)
    if len(chain) == 1 and limit is not None:
        return max(1, limit // _bytes(graph, set(chain), images))
    sizes = [_bytes(graph, {name}, images) for name in lower] or [1]
    return max(1, _budget(images) // (3 * max(sizes)))


def _image_groups(jobs: Sequence[Job], most: int) -> Iterator[Sequence[Job]]:
    """Cut the jobs, ordered by image, into runs of images whose multipliers fit the budget."""
    spans = [(start, stop) for start, stop, _ in runs([job.image for job in jobs])]
    for first in range(0, len(spans), most):
        group = spans[first : first + most]
        yield jobs[group[0][0] : group[-1][1]]
