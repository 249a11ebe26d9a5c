"""P6 and T4: statistics of whole pictures that tell a class, and what happens when they are set.

Pictures of other classes are given the value that is typical of the class, and members the others'
median. The control is the opposite change of the same picture. Of the statistics that tell a class
those are tested that move the model most in a few pictures of the discovery half.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int, UInt8

from auditor.base.streams import stream
from auditor.causal.images import Members, Pool
from auditor.causal.probe import Probe
from auditor.causal.transplant import margin
from auditor.causal.trial import FIRST_TARGETS, IMAGES, LEAST_IMAGES, Stage
from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.stages import Evidence, GlobalFactor, Outcome, Samples
from auditor.shortcuts.grading import CLEAR, FLIPS, LEVEL, REMOVAL, grade
from auditor.shortcuts.statistics import bootstrap_interval, refined_p
from auditor.shortcuts.whole_pictures.adjust import adjusted, opposite
from auditor.shortcuts.whole_pictures.factor_wording import factor_meaning
from auditor.shortcuts.whole_pictures.global_factors import (
    IN_ALL,
    Moved,
    Predictive,
    budgeted,
    implausibility,
    margin_share,
    predictive_statistics,
)
from auditor.shortcuts.whole_pictures.global_statistics import (
    MEASURES,
    STATISTICS,
    at_margin,
    measured,
)

GIVEN, TAKEN = "T4 statistic given", "T4 statistic taken away"
OPPOSITE = "the opposite change of the same picture"
MOST_TESTS = 2 * IN_ALL
PER_CLASS = 80
TRIED_ON = 12
ENDS = (0.05, 0.95)
MOVED = 0.5
# Largest error of a value of a picture that is turned into an input and back, of 255.
EXACT = 1.0
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

Bytes = UInt8[np.ndarray, "picture height width 3"]


@dataclass(frozen=True, eq=False)
class FactorTrial:
    """A predictive statistic with its evidence, q missing.

    ``margin``: how far the class differs at the margin, as a share of how far the whole does.
    """

    id: str
    factor: Predictive
    evidence: tuple[Evidence, ...]
    margin: float


def factor_trials(
    stage: Stage,
    samples: Samples,
    classes: Sequence[Members],
    seed: int,
) -> tuple[list[FactorTrial], list[str]]:
    """Find the statistics that tell a class; test on the test half what the model makes of them.

    Pictures are drawn by label, misclassified ones in proportion: a class of correctly classified
    pictures alone would agree with whatever the model looks at.
    """
    rows, labels, pictures = _drawn(stage.probe, samples, classes, seed)
    if len(np.unique(labels)) < 2:
        return [], []
    values = measured(pictures, stage.probe.sizes([int(row) for row in rows]))
    outputs = [members.output for members in classes]
    found = predictive_statistics(values, labels, outputs, stage.permutations, seed)
    exact = _recoverable(stage.probe, classes)
    by_output = {members.output: members for members in classes}
    moved = _moved(stage, classes, values, found, seed) if exact else {}
    kept = budgeted(found, moved)
    trials = []
    for number, factor in enumerate(kept, start=1):
        name = f"{factor.output}-g{number}"
        evidence = _tested(stage, by_output[factor.output], factor, name, exact, seed)
        margin = _margin_of(factor, pictures, labels) if evidence[0].low > 0 else 1.0
        trials.append(FactorTrial(name, factor, evidence, margin))
    notes = []
    if len(found) > len(kept):
        notes.append(
            _(
                "%(found)s times a statistic of whole pictures tells a class from the others;"
                " %(kept)s were tested: those that are made by processing, then those that moved"
                " the model most when a few other pictures were given them.",
                found=len(found),
                kept=len(kept),
            )
        )
    return trials, notes


def factor_findings(
    trials: Sequence[FactorTrial], evidence: Mapping[str, Sequence[Evidence]], samples: Samples
) -> tuple[GlobalFactor, ...]:
    """Return the factors as records; ``evidence`` has q and outcome, by the trial's id."""
    found = []
    for trial in trials:
        factor, tested = trial.factor, tuple(evidence[trial.id])
        statistic = STATISTICS[factor.statistic]
        plausibility = implausibility(trial.id, factor, tested[0], trial.margin)
        verdict = grade([_as_region(each) for each in tested], plausibility)
        own, others = (
            tuple(float(v) for v in np.quantile(values, QUANTILES))
            for values in (factor.own, factor.others)
        )
        found.append(
            GlobalFactor(
                id=trial.id,
                output=factor.output,
                statistic=factor.statistic,
                unit=statistic.unit,
                own=own,
                others=others,
                n=len(factor.own) + len(factor.others),
                auc=factor.auc,
                p=factor.p,
                q=factor.q,
                evidence=tested,
                plausibility=plausibility,
                grade=verdict,
                meaning=factor_meaning(
                    samples.manifest.classes[factor.output], factor, statistic, verdict, tested
                ),
            )
        )
    order = {"A": 0, "B": 1, "C": 2, "D": 3, None: 4, "U": 5}
    return tuple(sorted(found, key=lambda each: (order[each.grade], -_strength(each))))


def _strength(factor: GlobalFactor) -> float:
    best = max((each.low for each in factor.evidence), default=0.0)
    return max(0.0, best) * factor.plausibility.score


def _as_region(evidence: Evidence) -> Evidence:
    """Return evidence under the name of the test for regions that it corresponds to."""
    return replace(evidence, test={GIVEN: FLIPS, TAKEN: REMOVAL}[evidence.test])


def _drawn(
    probe: Probe, samples: Samples, classes: Sequence[Members], seed: int
) -> tuple[Int[np.ndarray, "picture"], Int[np.ndarray, "picture"], Bytes]:
    """Return rows, labels and pictures, as even over classes as they allow.

    Of both halves: which statistic tells a class is a matter of pictures and labels, and nothing of
    what the model says of them enters. Members are loaded already; of the others of each class as
    large a part is loaded.
    """
    rows: list[int] = []
    labels: list[int] = []
    pictures = []
    for members in classes:
        output = members.output
        everyone = samples.members(output)
        labelled = np.flatnonzero(samples.valid & (samples.labels == output))
        missed = np.setdiff1d(labelled, everyone)
        generator = stream(seed, "pictures whose statistics are compared", output)
        chosen = np.sort(generator.permutation(len(members.rows))[:PER_CLASS])
        part = len(chosen) / max(1, len(everyone))
        wanted = np.sort(generator.permutation(missed)[: round(part * len(missed))])
        rows += [int(row) for row in (*members.rows[chosen], *wanted)]
        labels += [output] * (len(chosen) + len(wanted))
        pictures += [members.pictures[chosen], probe.pictures(probe.inputs(wanted))]
    shown = np.concatenate(pictures) if pictures else np.zeros((0, 1, 1, 3), dtype=np.uint8)
    return np.array(rows, dtype=int), np.array(labels, dtype=int), shown


def _recoverable(probe: Probe, classes: Sequence[Members]) -> bool:
    """Say whether inputs can be made from pictures: not where a dataset clipped or warped them."""
    inputs = classes[0].inputs[:4]
    again = probe.from_pictures(classes[0].pictures[:4])
    step = probe.from_pictures(np.full_like(classes[0].pictures[:1], 1))
    step = (step - probe.from_pictures(np.zeros_like(classes[0].pictures[:1]))).abs().amax()
    return bool((again - inputs).abs().amax() <= EXACT * step)


def _moved(
    stage: Stage,
    classes: Sequence[Members],
    values: Mapping[str, Float[np.ndarray, "picture"]],
    found: Sequence[Predictive],
    seed: int,
) -> dict[Moved, float]:
    """Return what a change of a statistic in a few pictures moves the margin of every class by.

    On the discovery half; each picture is changed to the `ENDS` of all pictures' values, the same
    for all classes, so that a look costs no more with many of them. A gain is over the opposite
    change, and a share of the margin between members and images of other classes.
    """
    rows = np.arange(min(TRIED_ON, len(stage.others.rows)))
    wanted = {(each.statistic, each.apart > 0) for each in found}
    moved: dict[Moved, float] = {}
    if not len(rows):
        return moved
    before = stage.probe.pictures(stage.others.inputs[rows])
    for statistic, up in sorted(wanted):
        if STATISTICS[statistic].fixed:
            continue
        grains = _grains(stage.others.rows[rows], seed)
        shown = _pair(before, grains, statistic, float(np.quantile(values[statistic], ENDS[up])))
        after, control = (stage.probe.predict(stage.probe.from_pictures(each)) for each in shown)
        for members in classes:
            others = stage.others.without(members.output)
            few = np.isin(rows, others)
            if few.any():
                own = margin(members.logits[members.discovery], members.output).mean()
                gap = float(own - margin(stage.others.logits[others], members.output).mean())
                gain = margin(after, members.output) - margin(control, members.output)
                gain = gain[few].mean() / max(gap, 1e-6)
                moved[members.output, statistic, up] = float(gain)
    return moved


def _margin_of(factor: Predictive, pictures: Bytes, labels: Int[np.ndarray, "picture"]) -> float:
    """Return `margin_share` of a statistic that the margin has too; 1 of one that is its own."""
    if "margin" in factor.statistic or STATISTICS[factor.statistic].fixed:
        return 1.0
    values = np.array([at_margin(each.astype(np.float64), factor.statistic) for each in pictures])
    own = labels == factor.output
    return margin_share(factor, values[own], values[~own])


def _grains(rows: Int[np.ndarray, "picture"], seed: int) -> list[np.random.Generator]:
    """Return what draws the noise that is added to each picture, by its row of the data."""
    return [stream(seed, "grain", row) for row in rows]


def _pair(
    before: Bytes, grains: Sequence[np.random.Generator], statistic: str, wanted: float
) -> tuple[Bytes, Bytes]:
    """Return pictures with the statistic set, and with the opposite change."""
    after = np.stack(
        [adjusted(one, statistic, wanted, each) for one, each in zip(before, grains, strict=True)]
    )
    control = [opposite(one, new, statistic) for one, new in zip(before, after, strict=True)]
    return after, np.stack(control)


def _tested(
    stage: Stage,
    members: Members,
    factor: Predictive,
    name: str,
    exact: bool,
    seed: int,
) -> tuple[Evidence, Evidence]:
    """Run T4 both ways on the test half."""
    why = STATISTICS[factor.statistic].fixed
    why = _("Not testable: %(why)s.", why=why) if why else ""
    if not exact:
        why = _("Not testable: the data set's inputs cannot be made from pictures.")
    if why:
        return _missing(name, GIVEN, why), _missing(name, TAKEN, why)
    targets = stage.targets.without(members.output)[: stage.most_targets]
    test = np.flatnonzero(~members.discovery)[: stage.most_targets]
    change = factor.statistic, factor.typical
    given = _changed(stage, name, GIVEN, stage.targets, targets, change, members.output, seed)
    change = factor.statistic, float(np.median(factor.others))
    taken = _changed(stage, name, TAKEN, members, test, change, members.output, seed)
    return given, taken


def _changed(
    stage: Stage,
    name: str,
    test: str,
    images: Members | Pool,
    rows: Int[np.ndarray, "row"],
    change: tuple[str, float],
    output: int,
    seed: int,
) -> Evidence:
    """Set the statistic in pictures; few are tried first, the rest when there may be an effect."""
    if len(rows) < LEAST_IMAGES:
        why = _(
            "Not testable: %(rows)s pictures are in the test half, %(least_images)s are needed.",
            rows=len(rows),
            least_images=LEAST_IMAGES,
        )
        return _missing(name, test, why)
    generator = stream(seed, "statistic set", output, change[0], test)
    effects: list[Float[np.ndarray, "row"]] = []
    raised: list[Float[np.ndarray, "output"]] = []
    way: list[float] = []
    for part in (rows[:FIRST_TARGETS], rows[FIRST_TARGETS:]):
        if not len(part):
            break
        before = stage.probe.pictures(images.inputs[part])
        after, control = _pair(before, _grains(images.rows[part], seed), *change)
        logits, other = (
            stage.probe.predict(stage.probe.from_pictures(shown)) for shown in (after, control)
        )
        here, there = logits.argmax(axis=1) == output, other.argmax(axis=1) == output
        sign = 1.0 if test == GIVEN else -1.0
        effects.append(sign * (here.astype(float) - there.astype(float)))
        raised.append(sign * (logits - other).mean(axis=0))
        way += [_way(*pair, *change) for pair in zip(before, after, strict=True)]
        if bootstrap_interval(effects[0][:, None], generator)[1] < CLEAR:
            break
    if np.median(way) < MOVED:
        why = _(
            "Not testable: pictures could be moved only %(median)s of the way.",
            median=percent(np.median(way)),
        )
        return _missing(name, test, why)
    values = np.concatenate(effects)
    low, high = bootstrap_interval(values[:, None], generator)
    specific = int(np.mean(raised, axis=0).argmax()) == output
    return Evidence(
        candidate=name,
        test=test,
        outcome="inconclusive",
        effect=float(values.mean()),
        unit=IMAGES,
        low=low,
        high=high,
        n=len(values),
        p=refined_p(values, stage.permutations, stage.tests, LEVEL, generator),
        controls={OPPOSITE: float(values.mean())},
        reason=""
        if specific
        else _("The change moves another class's score more than this one's."),
    )


def _way(
    before: UInt8[np.ndarray, "h w 3"],
    after: UInt8[np.ndarray, "h w 3"],
    statistic: str,
    wanted: float,
) -> float:
    """Return which part of the way to the wanted value a picture was moved, 1 if it was there."""
    start, end = (MEASURES[statistic](each.astype(np.float64)) for each in (before, after))
    far = abs(start - wanted)
    return 1.0 - abs(end - wanted) / far if far > 1e-9 else 1.0


def _missing(name: str, test: str, why: str) -> Evidence:
    outcome: Outcome = "not applicable"
    return Evidence(name, test, outcome, 0.0, IMAGES, 0.0, 0.0, 0, reason=why)
