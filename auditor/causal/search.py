"""The search for clever-Hans candidates: propose on one half of the data, test on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from auditor.base.streams import stream
from auditor.causal.carrying_images import Pictures, strays
from auditor.causal.control_members import members_without
from auditor.causal.findings import findings_of
from auditor.causal.global_factors import (
    MOST_TESTS,
    FactorTrial,
    factor_findings,
    factor_trials,
)
from auditor.causal.hints import hints_of
from auditor.causal.images import Members, load_members, load_pool
from auditor.causal.latent import (
    ground_of,
    latent_test,
    not_promising,
    promising,
)
from auditor.causal.notes import closing_notes
from auditor.causal.nulls import (
    latent_passes,
    least_relevant_passes,
    wrong_class_passes,
)
from auditor.causal.of_the_data import of_the_data
from auditor.causal.probe import Probe
from auditor.causal.proposing import Leading, Proposing, propose, proposing
from auditor.causal.rivals import Rival, rivals_of, with_rival
from auditor.causal.screening import TARGETS_EACH, Screened, most_tried, screen, selected
from auditor.causal.standing import standing_layer
from auditor.causal.tested import Tested, corrected
from auditor.causal.transplant import Region, control_windows
from auditor.causal.trial import (
    LEAST_IMAGES,
    SLOTS_LARGE,
    SLOTS_SMALL,
    SMALL_IMAGE,
    Stage,
    next_rank,
    run_trial,
)
from auditor.config.audit import ShortcutConfig
from auditor.language.speaking import gettext as _
from auditor.records.stages import (
    LayerRelevance,
    Samples,
    ShortcutReport,
)
from auditor.records.work import Work
from auditor.shortcuts.grading import (
    LEVEL,
    LIKELY,
)
from auditor.shortcuts.plausibility import judge
from auditor.shortcuts.propose.merging import merged
from auditor.shortcuts.scenes import Scene, balanced, scene
from auditor.shortcuts.statistics import detection_limit

EACH, CLOSING = 2, 2
SCREENED = 8
TESTS_EACH = 6
SIMILAR_SIZE = 2.0
# What is counted, not asked for, of the search: proposals of a class after merging were 77 to 162
# of 5 to 10 classes, and a control is shared by the regions of a class that lie at the same place.
PROPOSALS = 16
CONTROLS_SHARED = 0.7
# Images of a candidate over targets times slots: transplants with three controls, removal, rival
# and null tests. Some stop early: one of 30 on the demo, 24 of 50 on ten classes.
ROUNDS = 5.5
# Directions taken out of a layer run the part of the model above it, for each candidate.
ABOVE = 0.13
# Per member of a class: conditional heatmaps, and passes back.
MAPS, EXPLAINED = 6.0, 2.5
# Seconds on the reference machine that run no model: plausibility and statistics of a candidate,
# proposals and scenes of a class, statistics of whole pictures.
CANDIDATE_SECONDS, CLASS_SECONDS, AUDIT_SECONDS = 1.8, 1.9, 6.0


def most_candidates(config: ShortcutConfig, images: int, classes: int) -> int:
    """Return how many candidates the search tests at most, 0 where it cannot run."""
    searched = config.enabled and _members(config, images, classes) >= LEAST_IMAGES
    return min(config.total, classes * config.per_class) if searched else 0


def work_of_search(
    config: ShortcutConfig, images: int, classes: int, size: tuple[int, int]
) -> Work:
    """Return what the search takes in ``images`` of all classes, of a ``size`` (height, width)."""
    candidates = most_candidates(config, images, classes)
    if not candidates:
        return Work()
    members = _members(config, images, classes)
    tried = min(members, most_tried(size, classes, PROPOSALS))
    screened = classes * PROPOSALS * tried * TARGETS_EACH * (1 + CONTROLS_SHARED)
    slots = SLOTS_SMALL if size[0] * size[1] <= SMALL_IMAGE else SLOTS_LARGE
    edited = screened + ROUNDS * candidates * min(config.targets, images // 2) * slots
    fixed = candidates * CANDIDATE_SECONDS + classes * CLASS_SECONDS + AUDIT_SECONDS
    return Work(
        explained=2 * classes * members * EXPLAINED,
        shown=edited * (1 + ABOVE),
        edited=edited,
        maps=2 * classes * members * MAPS,
        fixed=fixed,
    )


def _members(config: ShortcutConfig, images: int, classes: int) -> int:
    """Return how many members of a class each half of the data has, where classes are equal."""
    return min(config.members, images // (2 * max(1, classes)))


def find_shortcuts(
    probe: Probe,
    samples: Samples,
    leading: Leading,
    outputs: Sequence[int],
    config: ShortcutConfig,
    *,
    seed: int,
    layer_relevance: LayerRelevance | None = None,
    progress: Callable[[int], object] | None = None,
) -> ShortcutReport:
    """Search the audited classes for regions that the model relies on and that look artificial.

    Args:
        probe: model and data.
        samples: what the pass found; ``discovery`` marks the half on which regions are chosen.
        leading: per output the layer and the concepts whose regions are proposed (P1b).
        outputs: the audited classes.
        config: budgets, and which proposals are asked.
        seed: every random choice starts from it; same inputs, same report.
        layer_relevance: relevance by concept at the layer of ``leading``, which P2 to P5, P8 and
            part of P7 read; without it they do not run, and the report says so.
        progress: called with 1 after a class is screened and with 1 after it is tested (with 2
            for a class that is not searched), then after the null checks and after the statistics
            of whole pictures: `steps_of` in all.
    """
    step = progress or _silent
    classes, notes = _load_classes(probe, samples, outputs, config, seed)
    step(EACH * (len(outputs) - len(classes)))
    stage = _stage(probe, samples, classes, config, seed)
    asked = proposing(probe, samples, leading, outputs, layer_relevance, config.proposals, seed)
    screened: dict[int, list[Screened]] = {}
    for members in classes:
        screened[members.output] = _screen_class(stage, members, asked, len(classes))
        step(1)
    chosen = _within_budget(screened, config)
    scenes = balanced(
        {
            members.output: scene(members.pictures, members.heat, members.objects)
            for members in classes
        }
    )
    rivals = rivals_of(probe, samples, classes, stage.others, seed)
    tested: list[Tested] = []
    standing, said = _standing(probe, classes, leading)
    notes += said
    for members in classes:
        group = []
        for index, each in enumerate(chosen[members.output]):
            group.append(_test(stage, members, each, index, screened, scenes, rivals, asked))
        layer = leading.get(members.output, ("", ()))[0]
        tested += _with_latent(stage, samples, members, group, standing.get(layer), seed)
        step(1)
    comparison = [each.share for group in screened.values() for each in group]
    nulls = least_relevant_passes(stage, classes, comparison, rivals, seed)
    nulls += wrong_class_passes(stage, tested, comparison, seed)
    nulls += latent_passes([each.latent for each in tested])
    step(1)
    factors: list[FactorTrial] = []
    if "P6" in config.proposals and classes:
        factors, said = factor_trials(stage, samples, classes, seed)
        notes += said
    step(1)
    settled, evidence, tests = corrected(tested, factors)
    findings = findings_of(stage, samples, settled, seed)
    notes += closing_notes(
        [each.trial for each in settled],
        [each.plausibility.candidate for each in settled],
        findings,
        nulls,
    )
    columns, odd, odd_total, said = of_the_data(
        samples, layer_relevance, outputs, config, seed, bool(classes)
    )
    notes += said
    targets = _targets_of(settled)
    return ShortcutReport(
        findings=tuple(findings),
        proposed=sum(len(group) for group in screened.values()),
        tests=tests,
        targets=len({t for each in settled for t in _target_rows(stage, each)}),
        detection_limit=detection_limit(targets, tests, level=LEVEL, bound=LIKELY)
        if targets
        else None,
        null_rate=sum(nulls) / len(nulls) if nulls else None,
        null_n=len(nulls),
        notes=tuple(notes),
        factors=factor_findings(factors, evidence, samples),
        columns=tuple(columns),
        odd=tuple(odd),
        odd_total=odd_total,
    )


def steps_of(outputs: Sequence[int]) -> int:
    """Return what the steps add up to that `find_shortcuts` reports for these classes."""
    return EACH * len(outputs) + CLOSING


def _load_classes(
    probe: Probe,
    samples: Samples,
    outputs: Sequence[int],
    config: ShortcutConfig,
    seed: int,
) -> tuple[list[Members], list[str]]:
    """Load the classes with enough members to choose regions; name the others once."""
    large, small = [], []
    for output in outputs:
        rows = samples.members(output)
        name = samples.manifest.classes[output]
        if int(samples.discovery[rows].sum()) < LEAST_IMAGES:
            small.append(f"{name} ({len(rows)})")
        else:
            large.append(load_members(probe, samples, output, config, seed))
    notes = []
    if small:
        notes.append(
            _(
                "Not searched, too few correctly classified images: %(small)s. A class needs at "
                "least %(least_images)s in each half of the data, so about %(value)s.",
                small=", ".join(small),
                least_images=LEAST_IMAGES,
                value=2 * LEAST_IMAGES,
            )
        )
    return [members for members in large if len(members.rows)], notes


def _stage(
    probe: Probe,
    samples: Samples,
    classes: Sequence[Members],
    config: ShortcutConfig,
    seed: int,
) -> Stage:
    """Load the images of other classes: targets from the test half, controls from the other."""
    present = max(2, len(np.unique(samples.labels[samples.valid])))
    size = config.targets + -(-config.targets // (present - 1))
    halves = {
        "targets": np.flatnonzero(samples.valid & ~samples.discovery),
        "others": np.flatnonzero(samples.valid & samples.discovery),
    }
    size = size if classes else 0
    targets, others = (
        load_pool(probe, samples, rows, size, name=name, seed=seed) for name, rows in halves.items()
    )
    tests = TESTS_EACH * min(config.total, config.per_class * len(classes))
    tests += MOST_TESTS if "P6" in config.proposals else 0
    return Stage(probe, targets, others, config.targets, config.permutations, max(1, tests))


def _standing(
    probe: Probe, classes: Sequence[Members], leading: Leading
) -> tuple[dict[str, str], list[str]]:
    """Return on which layer the regions of each leading layer are looked for, and why there."""
    found: dict[str, str] = {}
    notes: list[str] = []
    for layer in dict.fromkeys(
        leading[each.output][0] for each in classes if each.output in leading
    ):
        if layer:
            found[layer], said = standing_layer(probe, classes, layer)
            notes += said
    return found, notes


def _screen_class(
    stage: Stage,
    members: Members,
    asked: Proposing,
    classes: int,
) -> list[Screened]:
    generator = stream(asked.seed, "members that are tried", members.output)
    kept = merged(propose(asked, members, stage.others), SCREENED)
    return screen(stage.probe, members, kept, stage.others, classes=classes, generator=generator)


def _within_budget(
    screened: Mapping[int, Sequence[Screened]], config: ShortcutConfig
) -> dict[int, list[Screened]]:
    """Keep the best regions of each class, and over all classes the best of the best."""
    chosen = {output: selected(group, config.per_class) for output, group in screened.items()}
    everything = sorted((each.share for group in chosen.values() for each in group), reverse=True)
    if len(everything) <= config.total:
        return chosen
    least = everything[config.total - 1]
    return {
        output: [each for each in group if each.share >= least] for output, group in chosen.items()
    }


def _test(
    stage: Stage,
    members: Members,
    each: Screened,
    index: int,
    screened: Mapping[int, Sequence[Screened]],
    scenes: Mapping[int, Scene],
    rivals: Mapping[int, Rival],
    asked: Proposing,
) -> Tested:
    proposal, candidate = each.proposal, f"{members.output}-{index + 1}"
    name = members.output, *proposal.name
    region = Region(
        members,
        proposal.masks,
        each.references,
        members_without(stage.probe, members, each, stage.others),
        control_windows(members, proposal.masks, proposal.shape, rank=0.5),
    )
    trial = run_trial(
        stage,
        candidate,
        region,
        next_rank(members, region, proposal.shape),
        _comparison(members.output, each, screened),
        stream(asked.seed, "trial", *name),
    )
    generator = stream(asked.seed, "trial on the nearest class", *name)
    trial = with_rival(stage, candidate, trial, rivals.get(members.output), each.share, generator)
    others = [scenes[output] for output in scenes if output != members.output]
    plausibility = judge(
        candidate,
        scenes[members.output],
        each.references,
        proposal.masks,
        others,
        stream(asked.seed, "plausibility", *name),
        hints_of(asked, members.output, each, trial, screened),
    )
    nowhere = Pictures(members.rows[:0], members.inputs[:0], members.heat[:0])
    return Tested(members, each, trial, plausibility, None, not_promising(candidate), nowhere)


def _with_latent(
    stage: Stage,
    samples: Samples,
    members: Members,
    group: Sequence[Tested],
    layer: str | None,
    seed: int,
) -> list[Tested]:
    """Run T3 on the candidates of a class that T1 or T2 found something for."""
    if not any(promising(each.trial) for each in group):
        return [_with_evidence(each) for each in group]
    found = []
    generator = stream(seed, "wrongly decided images", members.output)
    wrong = strays(stage, samples, members, generator)
    generator = stream(seed, "positions of a layer", members.output)
    ground = ground_of(stage, members, layer, wrong, generator) if layer else None
    for each in group:
        latent = each.latent
        if promising(each.trial):
            generator = stream(seed, "direction", members.output, *each.screened.proposal.name)
            latent = latent_test(
                stage, each.plausibility.candidate, each.trial, each.screened, ground, generator
            )
        found.append(_with_evidence(replace(each, layer=layer, latent=latent, strays=wrong)))
    return found


def _with_evidence(each: Tested) -> Tested:
    evidence = (*each.trial.evidence, each.latent.evidence)
    return replace(each, trial=replace(each.trial, evidence=evidence))


def _comparison(
    output: int, each: Screened, screened: Mapping[int, Sequence[Screened]]
) -> list[float]:
    """Return the evidence shares of other classes' regions of similar size, or of all of them."""
    area = each.proposal.masks.mean()
    others = [one for label, group in screened.items() if label != output for one in group]
    similar = [
        one.share
        for one in others
        if 1 / SIMILAR_SIZE <= one.proposal.masks.mean() / area <= SIMILAR_SIZE
    ]
    return similar if len(similar) >= 8 else [one.share for one in others]


def _targets_of(tested: Sequence[Tested]) -> int:
    """Return the fewest targets that a transplant could use, 0 when none ran."""
    return min(
        (each.trial.available for each in tested if each.trial.result is not None), default=0
    )


def _target_rows(stage: Stage, each: Tested) -> list[int]:
    if each.trial.pairing is None:
        return []
    return [int(row) for row in stage.targets.rows[each.trial.pairing.targets]]


def _silent(steps: int) -> None:
    return None
