"""Try every proposal cheaply on the discovery half: which region moves the margin, and whose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.images import Members, Pool
from auditor.causal.pixels import blend, distinct, feathered
from auditor.causal.probe import Probe
from auditor.causal.transplant import margin
from auditor.shortcuts.propose.proposals import Proposal

# So many images of 224 x 224 pixels are looked at, over all classes; of smaller ones more.
IMAGES = 6000
LARGE_IMAGE = 224 * 224
# A mark on a few pictures of the class has so many references at least: of fewer, chance would
# choose one of them too often, and the look of a region could not be told.
FEWEST_REFERENCES = 4
# So many members of a small class too, and a quarter of a large one, where as many do as much.
LEAST_REFERENCES = 8
# Members that are tried in any case: a quarter of them are `FEWEST_REFERENCES`.
LEAST_TRIED = 16
# A reference does at least this share of what the `FEWEST_REFERENCES` that do most do.
AS_GOOD = 0.5
# Images that each region is put into: one of the nearest class, two of others.
TARGETS_EACH = 3
# The share of the smaller region from which on it lies in the other one, the ratio of areas from
# which on two are alike in size, and the correlation of effects at which they are one thing.
CONTAINED = 0.5
ALIKE = 0.6
CORRELATED = 0.8
# A member is without the region when its own does at most this share of what the references' do.
WITHOUT = 0.25


@dataclass(frozen=True, eq=False)
class Tried:
    """What other classes need of a screened region: its ``share``, its area and its ``effects``."""

    share: float
    area: float
    effects: Float[np.ndarray, "tried"]


@dataclass(frozen=True, eq=False)
class Screened:
    """A proposal with what it did on the discovery half.

    ``effects`` are margins gained over the control, one for each of ``tried`` (members of the
    discovery half); ``references`` the quarter with the largest; ``targets`` and ``fillers`` the
    images they were measured on, as positions in the pool; ``share`` the mean effect of the
    references over ``gap``, the margin between members and images of other classes.
    """

    proposal: Proposal
    tried: Int[np.ndarray, "tried"]
    effects: Float[np.ndarray, "tried"]
    references: Int[np.ndarray, "reference"]
    targets: Int[np.ndarray, "target"]
    fillers: Int[np.ndarray, "target"]
    share: float

    @property
    def measured(self) -> bool:
        """Say whether there were images of other classes; else ``effects`` are relevance inside."""
        return len(self.targets) > 0 and len(self.fillers) == len(self.targets)

    @property
    def area(self) -> float:
        """The share of the picture that the region covers."""
        return self.proposal.area

    @property
    def reference_effect(self) -> float:
        """Mean margin that the references gain over the control."""
        return float(self.effects[np.isin(self.tried, self.references)].mean())

    @property
    def enough(self) -> bool:
        """Say whether all references do about as much: else fewer have what the best have."""
        used = np.sort(self.effects[np.isin(self.tried, self.references)])
        return bool(len(used)) and bool(used[0] >= AS_GOOD * used[-FEWEST_REFERENCES:].mean())

    @property
    def non_members(self) -> Int[np.ndarray, "member_without"]:
        """Members whose region does almost nothing; empty when there are fewer than four."""
        without = self.tried[self.effects <= WITHOUT * self.reference_effect]
        return without if len(without) >= 4 else without[:0]


def screen(
    probe: Probe,
    members: Members,
    proposals: Sequence[Proposal],
    pool: Pool,
    *,
    classes: int,
    rng: np.random.Generator,
) -> list[Screened]:
    """Measure every proposal on the same targets, and on members, of the discovery half.

    ``classes`` share the budget of `IMAGES`. One of the targets is an image of the class's nearest
    rival, since a region may tell the class from one other class only; the others are not, since
    both may carry what they share. The references are those of `cut`; without images of other
    classes they are the members whose region holds the largest share of relevance.
    """
    discovered = np.flatnonzero(members.discovery)
    most = most_tried(members.inputs.shape[-2:], classes, len(proposals))
    drawn = rng.permutation(discovered)
    candidates = pool.without(members.output)
    targets, fillers = _drawn(pool, candidates, rival_of(pool, members.output))
    measurable = len(fillers) == TARGETS_EACH
    gap = 1.0
    if measurable:
        of_members = margin(members.logits[discovered], members.output).mean()
        gap = float(of_members - margin(pool.logits[candidates], members.output).mean())
    screened = []
    for proposal in proposals:
        tried = _tried(members, proposal, drawn, most)
        if measurable:
            content = members.inputs[torch.from_numpy(tried)]
            masks = proposal.masks[tried]
            effects = effects_of(probe, content, masks, members.output, pool, targets, fillers)
        else:
            effects = _relevance_inside(members, proposal.masks, tried)
        carrying = _carrying(proposal, tried)
        order = carrying[np.argsort(-effects[carrying], kind="stable")]
        best = order[: cut(effects[order], max(LEAST_REFERENCES, -(-len(tried) // 4)))]
        top = tried[best]
        share = float(effects[best].mean()) / max(gap, 1e-6)
        screened.append(Screened(proposal, tried, effects, np.sort(top), targets, fillers, share))
    return screened


def cut(effects: Float[np.ndarray, "ordered"], most: int) -> int:
    """Return how many of the largest effects, in falling order, are those of references.

    At most ``most``, and only those that are `AS_GOOD` as the few largest: where a mark is on a
    tenth of the class, most of a quarter lack it and would speak against it. But at least
    `FEWEST_REFERENCES`, where there are as many.
    """
    few = effects[:FEWEST_REFERENCES]
    if not len(few):
        return 0
    good = int((effects >= AS_GOOD * few.mean()).sum()) if few.mean() > 0 else 0
    return min(len(effects), max(FEWEST_REFERENCES, min(most, good)))


def most_tried(size: Sequence[int], classes: int, proposals: int) -> int:
    """Return on how many members each of a class's proposals is tried.

    ``size`` is (height, width) of the images; the budget of `IMAGES` is shared by all classes.
    """
    images = IMAGES * max(1, LARGE_IMAGE // (size[0] * size[1]))
    budget = images // max(1, 2 * TARGETS_EACH * classes * max(1, proposals))
    return max(LEAST_TRIED, budget)


def rival_of(pool: Pool, output: int) -> int | None:
    """Return the class whose images are nearest to being taken for ``output``, None without any.

    By the mean margin of ``output`` over the images of each other class; ties: the first.
    """
    candidates = pool.without(output)
    if not len(candidates):
        return None
    margins = margin(pool.logits[candidates], output)
    labels = np.unique(pool.labels[candidates])
    means = [margins[pool.labels[candidates] == label].mean() for label in labels]
    return int(labels[int(np.argmax(means))])


def _drawn(
    pool: Pool, candidates: Int[np.ndarray, "candidate"], rival: int | None
) -> tuple[Int[np.ndarray, "target"], Int[np.ndarray, "target"]]:
    """Return targets, the first of the rival and the rest of other classes, and fillers of those.

    Without enough images of other classes they are the first candidates.
    """
    of_rival = candidates[pool.labels[candidates] == rival]
    rest = candidates[pool.labels[candidates] != rival]
    if len(of_rival) and len(rest) >= 2 * TARGETS_EACH - 1:
        candidates = np.concatenate([of_rival[:1], rest])
    return candidates[:TARGETS_EACH], candidates[TARGETS_EACH : 2 * TARGETS_EACH]


def _tried(
    members: Members, proposal: Proposal, drawn: Int[np.ndarray, "discovered"], most: int
) -> Int[np.ndarray, "tried"]:
    """Return ``most`` of the members drawn: the first, and as many that promise most.

    That is those that the proposal says it is of, then those with the largest share of relevance
    inside: a mark on a few members would hardly be met among a few drawn at random.
    """
    if len(drawn) <= most:
        return np.sort(drawn)
    inside = _relevance_inside(members, proposal.masks, drawn)
    lacking = np.zeros(len(drawn), bool) if proposal.carriers is None else ~proposal.carriers[drawn]
    promising = drawn[np.lexsort((-inside, lacking))][: most // 2]
    rest = drawn[~np.isin(drawn, promising)][: most - len(promising)]
    return np.sort(np.concatenate([promising, rest]))


def _carrying(proposal: Proposal, tried: Int[np.ndarray, "tried"]) -> Int[np.ndarray, "carrying"]:
    """Return the places among ``tried`` of the carriers, if enough of them were tried."""
    everyone = np.arange(len(tried))
    if proposal.carriers is None:
        return everyone
    carrying = everyone[proposal.carriers[tried]]
    return carrying if len(carrying) >= FEWEST_REFERENCES else everyone


def effects_of(
    probe: Probe,
    content: Float[Tensor, "sample channel h w"],
    masks: Bool[np.ndarray, "sample h w"],
    output: int,
    pool: Pool,
    targets: Int[np.ndarray, "target"],
    fillers: Int[np.ndarray, "target"],
) -> Float[np.ndarray, "sample"]:
    """Return the margin gained by each image's region over another class's content there.

    Mean over ``targets``; ``fillers`` give the content of the control, one for each target. Images
    with the same mask share their control.
    """
    if not len(content):
        return np.zeros(0)
    effects = np.zeros((len(content), len(targets)))
    different, which = distinct(masks)
    holes = feathered(torch.from_numpy(different))
    hole = holes[torch.from_numpy(which)]
    for column, (target, filler) in enumerate(zip(targets, fillers, strict=True)):
        base, seam = pool.inputs[int(target)], pool.inputs[int(filler)]
        moved = margin(probe.predict(blend(base.expand_as(content), content, hole)), output)
        many = (len(holes), *base.shape)
        control = blend(base.expand(many), seam.expand(many), holes)
        effects[:, column] = moved - margin(probe.predict(control), output)[which]
    mean: np.ndarray = effects.mean(axis=1)
    return mean


def selected(screened: Sequence[Screened], most: int) -> list[Screened]:
    """Return at most ``most`` regions that do something, compact ones first, one of each place.

    In the order of `_compactness`. Left out is a region that contains one already kept or is
    `ALIKE` one in size and lies in it, and one whose effects go with those of one kept: it is
    another part of the same thing. A small part of a region stays: a mark at the border does less
    than a strip that holds the mark and a part of the object, and is what ought to be seen. Regions
    bound to a place and regions that follow relevance do not displace each other: of a frame, the
    most relevant part of every picture does as much, and looks like nothing.
    """
    kept: list[Screened] = []
    for region in sorted(screened, key=_compactness, reverse=True):
        if region.share <= 0 or len(kept) == most:
            break
        if all(
            (
                contained(region, other) <= CONTAINED
                or _core_area(region) < ALIKE * _core_area(other)
            )
            and _correlation(region, other) <= CORRELATED
            for other in kept
            if _bound_to_a_place(region) == _bound_to_a_place(other)
        ):
            kept.append(region)
    return kept


def contained(first: Screened, second: Screened) -> float:
    """Return the share of the smaller region that lies in the other, over all references.

    Of the smaller one that counts which was there before it was grown, of the other all that is
    moved with it: the rim of a grown spot lies outside of a window around the spot, and a window
    beside a spot may hold nothing but its rim.
    """
    rows = np.union1d(first.references, second.references)
    one, two = first.proposal, second.proposal
    cores = one.cores(rows), two.cores(rows)
    areas = [core.sum(axis=(1, 2)) for core in cores]
    inside = np.where(
        areas[0] <= areas[1],
        (cores[0] & two.masks[rows]).sum(axis=(1, 2)),
        (cores[1] & one.masks[rows]).sum(axis=(1, 2)),
    )
    smaller = np.minimum(*areas)
    return float(np.divide(inside, smaller, out=np.zeros(len(rows)), where=smaller > 0).mean())


def _bound_to_a_place(each: Screened) -> bool:
    """Say whether the region is at its place in every picture whatever is relevant there."""
    return each.proposal.placed_by != "relevance"


def _area(each: Screened) -> float:
    return float(each.proposal.masks[each.references].mean())


def _core_area(each: Screened) -> float:
    return float(each.proposal.cores(each.references).mean())


def _correlation(first: Screened, second: Screened) -> float:
    """Return the correlation of two regions' effects, 0 if constant: over members both tried."""
    _both, one, two = np.intersect1d(first.tried, second.tried, return_indices=True)
    effects = first.effects[one], second.effects[two]
    if len(one) < 2 or min(each.std() for each in effects) < 1e-9:
        return 0.0
    return float(np.corrcoef(*effects)[0, 1])


def _relevance_inside(
    members: Members, masks: Bool[np.ndarray, "member h w"], tried: Int[np.ndarray, "tried"]
) -> Float[np.ndarray, "tried"]:
    heat = members.heat[tried].astype(np.float64)
    inside = (heat * masks[tried]).sum(axis=(1, 2))
    total = heat.sum(axis=(1, 2))
    share: np.ndarray = np.divide(inside, total, out=np.zeros_like(inside), where=total > 0)
    return share


def _compactness(each: Screened) -> float:
    """Return the share over the fourth root of the area.

    Larger windows carry more evidence of anything; without this the artefact would be shown as
    part of a window that is mostly something else.
    """
    return each.share / float(max(_area(each), 1e-6) ** 0.25)
