"""Run the causal tests of one region and put their results in numbers, before correction."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from torch import Tensor

from auditor.causal.images import Members, Pool, Stage
from auditor.causal.removal import CONTENT, SMOOTH, Removed, removal
from auditor.causal.transplant import (
    Pairing,
    Region,
    Transplanted,
    control_windows,
    controls_of,
    margin,
    pair_up,
    transplant,
    with_controls,
)
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Evidence
from auditor.shortcuts.grading import CLEAR, LEVEL, STRONG
from auditor.shortcuts.statistics import MISS, bootstrap_interval, refined_p
from auditor.shortcuts.tests import (
    EVIDENCE_LOST,
    EVIDENCE_SHARE,
    FLIP_EXCESS,
    REMOVAL,
    CausalTest,
    Results,
    in_order,
)

# The first targets tell of most candidates that nothing comes of them.
FIRST_TARGETS = 16
# After so many a clear effect is clear enough. That is a look more at the data, so that a look has
# a part of what one alone would have: this share of the probability of error of p and interval at
# the early look, the rest at the last. By Bonferroni both together keep the promise of one.
LOOK = 32
# Lower end of a clear effect: grade and confidence count what lies above the effects of what cannot
# be a shortcut, which are known last; above such of up to `STRONG` it is `STRONG` still.
CLEAR_AT_LOOK = 2 * STRONG
SPENT_EARLY = 0.2
SPENT_LAST = 1.0 - SPENT_EARLY
# Sign flips of 7 images cannot reach p = 0.01.
LEAST_IMAGES = 8
# References and controls for each target; fewer where an image costs more.
SLOTS_SMALL, SLOTS_LARGE = 4, 2
SMALL_IMAGE = 128 * 128
# Fewer windows of the model than this do not tell what is usual.
LEAST_COMPARED = 8

# Given transplants, and the share of the probability of error that this look may spend.
Measure = Callable[[Transplanted, float], Sequence[Evidence]]


@dataclass(frozen=True, eq=False)
class Trial:
    """A region with its transplants (None: there were no targets) and its results, q missing.

    ``available`` counts the targets that were there; a hopeless trial stops before all are used,
    and so does one whose effect is clear.
    """

    region: Region
    pairing: Pairing | None
    result: Transplanted | None
    evidence: Results
    available: int

    @property
    def clear(self) -> bool:
        """Say whether it stopped early since its effect was clear, see `stepwise`."""
        fewer = self.result is not None and len(self.result.region) < self.available
        return fewer and self.evidence[FLIP_EXCESS.id].low >= CLEAR_AT_LOOK


def run_trial(
    stage: Stage,
    region: Region,
    next_windows: Bool[np.ndarray, "member h w"],
    comparison: Sequence[float],
    rng: np.random.Generator,
) -> Trial:
    """Put the region into other pictures, and cover it up, on the test half.

    Covering stops after its first infill when both of its effects are bounded, as transplants do.

    Args:
        stage: what all trials share.
        region: the region, its references and its control windows.
        next_windows: the windows of the next relevance rank, the control of covering it up.
        comparison: evidence shares of windows of its size in the model, for the z-score.
        rng: draws references, controls, permutations and resamples.
    """
    output = region.members.output
    targets = stage.targets.without(output)[: stage.config.targets]
    if len(targets) < LEAST_IMAGES or len(stage.others.without(output)) < LEAST_IMAGES:
        why = _(
            "The region cannot be put into other images: %(targets)s images of other classes are "
            "in the test half, and %(least_images)s are needed.",
            targets=len(targets),
            least_images=LEAST_IMAGES,
        )
        missing = [test.missing(why) for test in (FLIP_EXCESS, EVIDENCE_SHARE)]
        removed = removal_evidence(stage, region, next_windows, None, rng)
        return Trial(region, None, None, in_order([*missing, *removed]), len(targets))
    gap = evidence_gap(region.members, stage.targets, targets)

    def measure(result: Transplanted, share: float) -> Sequence[Evidence]:
        return transplant_evidence(stage, result, output, gap, comparison, rng, share)

    pairing, result, moved = stepwise(stage, region, stage.targets, targets, measure, rng)
    removed = removal_evidence(stage, region, next_windows, gap, rng)
    return Trial(region, pairing, result, in_order([*moved, *removed]), len(targets))


def stepwise(
    stage: Stage,
    region: Region,
    pool: Pool,
    targets: Int[np.ndarray, "target"],
    measure: Measure,
    rng: np.random.Generator,
) -> tuple[Pairing, Transplanted, Sequence[Evidence]]:
    """Transplant a region step by step, and stop when what comes of it is known.

    The first targets against one control, the same against the others, and the other targets. After
    each step ``measure`` is asked. No effect can be `CLEAR` any more when the upper ends of all
    intervals are below: more controls could only make an effect smaller. An effect is clear at
    `LOOK` targets when the first of what is measured is at least `CLEAR_AT_LOOK`, and significant
    whatever other tests find; the p-values and intervals of that look and of the last are those of
    `SPENT_EARLY` and `SPENT_LAST`, and hold for both together.
    """
    pairing = draw_pairs(stage, region, pool, targets, rng)
    early = pairing.first(FIRST_TARGETS)
    result = transplant(stage.probe, early, controls_of(early)[:1])
    evidence = measure(result, 1.0)
    if _open(evidence):
        result = with_controls(stage.probe, result, early)
        evidence = measure(result, 1.0)
    if len(targets) > FIRST_TARGETS and _open(evidence):
        for upto, share in _looks(len(targets)):
            more = pairing.at(slice(len(result.region), upto))
            result = result.joined(transplant(stage.probe, more))
            evidence = measure(result, share)
            if _is_clear(stage, evidence[0]):
                break
    return pairing.first(len(result.region)), result, evidence


def _open(evidence: Sequence[Evidence]) -> bool:
    return any(each.high >= CLEAR for each in evidence)


def _looks(targets: int) -> tuple[tuple[int, float], ...]:
    """Return up to which target there is a look, and what it may spend."""
    if targets <= LOOK:
        return ((targets, 1.0),)
    return (LOOK, SPENT_EARLY), (targets, SPENT_LAST)


def last_share(targets: int) -> float:
    """Return which share of the probability of error a trial of so many targets spends at last."""
    return _looks(targets)[-1][1]


def _is_clear(stage: Stage, evidence: Evidence) -> bool:
    sure = evidence.p is not None and evidence.p <= LEVEL / stage.tests
    return sure and not evidence.reason and evidence.low >= CLEAR_AT_LOOK


def draw_pairs(
    stage: Stage,
    region: Region,
    pool: Pool,
    targets: Int[np.ndarray, "target"],
    rng: np.random.Generator,
) -> Pairing:
    """Draw references and control images for every target, which are positions in ``pool``."""
    pixels = region.masks.shape[1] * region.masks.shape[2]
    slots = SLOTS_SMALL if pixels <= SMALL_IMAGE else SLOTS_LARGE
    others = stage.others.without(region.members.output)
    return pair_up(region, pool, targets, stage.others, others, slots, rng)


def evidence_gap(members: Members, pool: Pool, targets: Int[np.ndarray, "target"]) -> float:
    """Return the margin of the class between its test members and the targets."""
    tested = members.logits[~members.discovery]
    of_members = margin(tested if len(tested) else members.logits, members.output).mean()
    return max(float(of_members - margin(pool.logits[targets], members.output).mean()), 1e-6)


def transplant_evidence(
    stage: Stage,
    result: Transplanted,
    output: int,
    gap: float,
    comparison: Sequence[float],
    rng: np.random.Generator,
    share: float = 1.0,
) -> tuple[Evidence, Evidence]:
    """Return flip excess and evidence share of transplants towards ``output``.

    ``share`` is that of `least_effect`.
    """
    reason = unspecific(result, output)
    flips = least_effect(stage, FLIP_EXCESS, result.flips(output), rng, reason=reason, share=share)
    margins = {name: values / gap for name, values in result.margins(output).items()}
    moved = least_effect(stage, EVIDENCE_SHARE, margins, rng, reason=reason, share=share)
    return flips, moved.model_copy(update={"z": z_score(moved.effect, comparison)})


def unspecific(result: Transplanted, output: int) -> str:
    """Return why an effect says nothing of one class alone, nothing where it does."""
    if result.specific(output):
        return ""
    return _("The region raises another class's score more than this one's.")


def z_score(value: float, comparison: Sequence[float]) -> float | None:
    """Return the distance from the median in robust standard deviations, None of few values."""
    if len(comparison) < LEAST_COMPARED:
        return None
    values = np.asarray(comparison)
    middle = float(np.median(values))
    deviation = 1.4826 * float(np.median(np.abs(values - middle)))
    return (value - middle) / max(deviation, 1e-3)


def removal_evidence(
    stage: Stage,
    region: Region,
    windows: Bool[np.ndarray, "member h w"],
    gap: float | None,
    rng: np.random.Generator,
) -> tuple[Evidence, Evidence]:
    """Return which members leave, and which share of the evidence they lose.

    ``gap`` is the margin between members and images of other classes; None: there are none. Members
    that do not carry the region have nothing to lose: they stay, whatever is covered.
    """
    members = region.members
    rows = np.flatnonzero(~members.discovery)
    carry = region.carried[rows]
    if len(rows) < LEAST_IMAGES:
        why = _(
            "%(rows)s correctly classified images of the class are in the test half, and "
            "%(least_images)s are needed.",
            rows=len(rows),
            least_images=LEAST_IMAGES,
        )
        return REMOVAL.missing(why), EVIDENCE_LOST.missing(why)
    if carry.sum() < LEAST_IMAGES:
        why = _too_few(int(carry.sum()), len(rows))
        return REMOVAL.missing(why), EVIDENCE_LOST.missing(why)
    others = stage.others.without(members.output)
    infills: dict[str, Tensor | None] = {SMOOTH: None}
    if len(others):
        drawn = rng.choice(others, size=len(rows))[carry]
        infills[CONTENT] = stage.others.inputs[drawn]
    removed: dict[str, Removed] = {}
    for infill, content in infills.items():
        result = removal(stage.probe, members, rows[carry], region.masks, windows, content)
        result = result.among(carry)
        removed[infill] = result
        effects = [result.left] if gap is None else [result.left, result.lost / gap]
        if all(bootstrap_interval(each[:, None], rng)[1] < CLEAR for each in effects):
            break
    left = {infill: result.left[:, None] for infill, result in removed.items()}
    evidence = least_effect(stage, REMOVAL, left, rng)
    if gap is None:
        why = _("There are no images of other classes to compare the evidence with.")
        return evidence, EVIDENCE_LOST.missing(why)
    lost = {infill: result.lost[:, None] / gap for infill, result in removed.items()}
    return evidence, least_effect(stage, EVIDENCE_LOST, lost, rng)


def _too_few(carry: int, rows: int) -> str:
    """Say that too few test images carry a region to cover it up, and how many would do."""
    if not carry:
        return _(
            "None of the %(rows)s correctly classified test images of the class carries the "
            "region.",
            rows=rows,
        )
    return _(
        "%(carry)s of %(rows)s correctly classified test images of the class carry the region, and "
        "%(least_images)s are needed: about %(needed)s images of the class in all, if as many of "
        "them carry it.",
        carry=carry,
        rows=rows,
        least_images=LEAST_IMAGES,
        needed=math.ceil(2 * LEAST_IMAGES * rows / carry),
    )


def least_effect(
    stage: Stage,
    test: CausalTest,
    effects: Mapping[str, Float[np.ndarray, "target slot"]],
    rng: np.random.Generator,
    *,
    of: str = "",
    reason: str = "",
    share: float = 1.0,
) -> Evidence:
    """Return the effect over the control that leaves least; the largest p, the lowest bounds.

    ``effects`` are by control; ``of`` is the class where one alone was tested, ``reason`` why the
    effect does not count. ``share`` is the part of the probability of error that this look at the
    data may spend: intervals miss with that part of 5 %, and p is divided by it.
    """
    means = {name: float(values.mean()) for name, values in effects.items()}
    bounds = [bootstrap_interval(values, rng, miss=MISS * share) for values in effects.values()]
    tests = math.ceil(stage.tests / share)
    p = max(
        refined_p(values.mean(axis=1), stage.config.permutations, tests, LEVEL, rng)
        for values in effects.values()
    )
    return test.result(
        outcome="inconclusive",
        effect=min(means.values()),
        of=of,
        low=min(low for low, _high in bounds),
        high=min(high for _low, high in bounds),
        n=len(next(iter(effects.values()))),
        p=min(1.0, p / share),
        controls=means,
        reason=reason,
    )


def next_rank(members: Members, region: Region, shape: str) -> Bool[np.ndarray, "member h w"]:
    """Return the most relevant equal-area windows clear of the region."""
    return control_windows(members, region.masks, shape, rank=1.0)
