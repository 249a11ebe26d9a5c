"""The search for clever-Hans candidates: propose on one half of the data, test on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from auditor import causal
from auditor.base.registry import import_all
from auditor.causal.candidate import Compared, Tested, tested_candidates
from auditor.causal.causes import causes_of
from auditor.causal.context import Search
from auditor.causal.findings import findings_of, gravest_first
from auditor.causal.global_factors import MOST_TESTS, factor_trials, factors_of
from auditor.causal.images import Members, Stage, load_members, load_pool
from auditor.causal.joining import joined
from auditor.causal.kinds import CONTEXTS, GEOMETRY, kinds_of
from auditor.causal.nulls import self_check
from auditor.causal.object_geometry import GEOMETRY_TESTS, geometry_trials
from auditor.causal.proposing import Means, propose
from auditor.causal.rivals import rivals_of
from auditor.causal.screening import Screened, screen, selected
from auditor.causal.standing import standing_layers
from auditor.causal.surround_findings import context_findings
from auditor.causal.surround_trials import CONTEXT_TESTS, context_trials
from auditor.causal.transplant import controls_of
from auditor.causal.trial import FIRST_TARGETS, LEAST_IMAGES, Trial, last_share
from auditor.language.numbers import whole_percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import ngettext
from auditor.records.shortcuts import ColumnFactor, Factors, OddSample, SearchLimits
from auditor.records.stages import Finding, ShortcutReport
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.grading import CLEAR, LEVEL, LIKELY, above_usual, settled
from auditor.shortcuts.propose.merging import left_out, merged
from auditor.shortcuts.propose.proposals import MAX_AREA, PROPOSALS, class_means
from auditor.shortcuts.scenes import balanced, scene
from auditor.shortcuts.statistics import detection_limit, more_than
from auditor.shortcuts.tests import TESTS
from auditor.shortcuts.whole_pictures.columns import COLUMNS, column_factors
from auditor.shortcuts.whole_pictures.global_factors import WHOLE_PICTURES
from auditor.shortcuts.whole_pictures.odd import ODD_SAMPLES, odd_samples
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXT

# Steps that are reported: of each class its screening and its tests; the self-check and factors.
EACH, CLOSING = 2, 2
# Proposals of a class that follow relevance and are tried.
SCREENED = 8
# More passes of the self-check than this chance explains are said to be too many.
SURPRISING = 0.05


def find_shortcuts(search: Search) -> ShortcutReport:
    """Search the audited classes for regions that the model relies on and that look artificial.

    Progress: 1 after a class is screened and 1 after it is tested (2 for a class that is not
    searched), then 1 after the self-check and 1 after the statistics of whole pictures.
    """
    classes, not_searched = _load_classes(search)
    search.progress(EACH * (len(search.outputs) - len(classes)))
    stage = _stage(search, classes)
    means = None
    if search.relevance is not None:
        means = class_means(search.relevance, search.samples, search.outputs)
    screened, left = _screen_classes(stage, classes, means)
    boxes = search.probe.subject.boxed
    scenes = {c.output: scene(c.pictures, c.heat, c.objects, boxes=boxes) for c in classes}
    rivals = rivals_of(search, classes, stage.others)
    compared = Compared(screened, balanced(scenes), rivals, means)
    layers, notes = standing_layers(search, classes)
    chosen = _within_budget(search, screened)
    tested: list[Tested] = []
    for members in classes:
        layer = layers.get(members.output)
        causes = causes_of(stage, members, chosen[members.output])
        parts = tested_candidates(stage, members, causes, compared, layer)
        tested += joined(stage, members, parts, compared, layer)
        search.progress(1)
    nulls = self_check(stage, classes, tested, compared)
    search.progress(1)
    whole_pictures = WHOLE_PICTURES in search.proposals and bool(classes)
    factors, said = factor_trials(stage, classes) if whole_pictures else ([], [])
    contexts = context_trials(stage, classes, tested)
    geometry = geometry_trials(stage, classes)
    factors = [*factors, *geometry.trials]
    notes += said + geometry.notes
    search.progress(1)
    results, tests = settled(
        {each.id: each.evidence for each in tested}
        | {each.id: each.evidence for each in factors}
        | contexts.results
    )
    surrounds = context_findings(stage, contexts.trials, results)
    findings = gravest_first([*findings_of(stage, tested, results, nulls), *surrounds])
    notes += contexts.notes(len(surrounds))
    notes += [
        *not_tried(left),
        *not_tested(screened, chosen, len(tested)),
        *closing_notes(tested, findings, nulls),
    ]
    columns, odd, odd_total, said = _of_the_data(search, bool(classes))
    notes += said
    kinds = kinds_of(
        stage,
        classes,
        tests,
        factors=factors,
        columns=columns,
        elsewhere={CONTEXTS: contexts.looked(tests), GEOMETRY: geometry.looked(tests)},
    )
    return ShortcutReport(
        tuple(findings),
        _limits(stage, compared, tested, tests, nulls, notes).model_copy(
            update={"not_searched": not_searched, "kinds": kinds}
        ),
        Factors(
            factors=factors_of(search, factors, results),
            columns=tuple(columns),
            odd=tuple(odd),
            odd_total=odd_total,
        ),
    )


def steps_of(outputs: Sequence[int]) -> int:
    """Return what the steps add up to that `find_shortcuts` reports for these classes."""
    return EACH * len(outputs) + CLOSING


def _load_classes(search: Search) -> tuple[list[Members], str]:
    """Load the classes with enough members to choose regions; name the others in a sentence."""
    samples = search.samples
    large, small = [], []
    for output in search.outputs:
        rows = samples.members(output)
        if int(samples.discovery[rows].sum()) < LEAST_IMAGES:
            small.append(f"{search.class_name(output)} ({len(rows)})")
        else:
            large.append(load_members(search, output))
    not_searched = ""
    if small:
        not_searched = _(
            "Not searched, too few correctly classified images: %(small)s. A class needs at "
            "least %(least_images)s in each half of the data, so about %(value)s.",
            small=", ".join(small),
            least_images=LEAST_IMAGES,
            value=2 * LEAST_IMAGES,
        )
    return [members for members in large if len(members.rows)], not_searched


def _stage(search: Search, classes: Sequence[Members]) -> Stage:
    """Load the images of other classes: targets from the test half, controls from the other."""
    samples, config = search.samples, search.config
    present = max(2, len(np.unique(samples.labels[samples.valid])))
    size = config.targets + -(-config.targets // (present - 1)) if classes else 0
    targets = np.flatnonzero(samples.valid & ~samples.discovery)
    others = np.flatnonzero(samples.valid & samples.discovery)
    tests = sum(TESTS[name].of_regions for name in TESTS)
    tests *= min(config.total, config.per_class * len(classes))
    tests += MOST_TESTS + GEOMETRY_TESTS * len(classes) if WHOLE_PICTURES in search.proposals else 0
    tests += CONTEXT_TESTS * len(classes) if CONTEXT in search.proposals else 0
    return Stage(
        search,
        load_pool(search, targets, size, name="targets"),
        load_pool(search, others, size, name="others"),
        max(1, tests),
    )


def _screen_classes(
    stage: Stage, classes: Sequence[Members], means: Means | None
) -> tuple[dict[int, list[Screened]], list[tuple[int, int]]]:
    """Screen every class; return its regions, and how many were left out and not tried."""
    screened: dict[int, list[Screened]] = {}
    left: list[tuple[int, int]] = []
    for members in classes:
        screened[members.output], counts = _screen_class(stage, members, means, len(classes))
        left.append(counts)
        stage.search.progress(1)
    return screened, left


def _screen_class(
    stage: Stage, members: Members, means: Means | None, classes: int
) -> tuple[list[Screened], tuple[int, int]]:
    """Try the proposals of a class; say also how many of them were `left_out`."""
    rng = stage.search.rng("members that are tried", members.output)
    proposed = propose(stage, members, means)
    kept = merged(proposed, SCREENED)
    screened = screen(stage.probe, members, kept, stage.others, classes=classes, rng=rng)
    return screened, left_out(proposed, kept)


def _within_budget(
    search: Search, screened: Mapping[int, Sequence[Screened]]
) -> dict[int, list[Screened]]:
    """Choose the best regions of each class, and over all classes the best of the best."""
    config = search.config
    chosen = {output: selected(group, config.per_class) for output, group in screened.items()}
    shares = sorted((region.share for group in chosen.values() for region in group), reverse=True)
    if len(shares) <= config.total:
        return chosen
    least = shares[config.total - 1]
    return {
        output: [region for region in group if region.share >= least]
        for output, group in chosen.items()
    }


def _limits(
    stage: Stage,
    compared: Compared,
    tested: Sequence[Tested],
    tests: int,
    nulls: Nulls,
    notes: Sequence[str],
) -> SearchLimits:
    """Return what could have been found: with the fewest targets that a transplant could use."""
    trials = [candidate.trial for candidate in tested]
    fewest = min((trial.available for trial in trials if trial.result), default=0)
    pairings = [trial.pairing for trial in trials if trial.pairing is not None]
    targets = {int(row) for pairing in pairings for row in stage.targets.rows[pairing.targets]}
    return SearchLimits(
        ran=True,
        proposed=len(compared.shares),
        tests=tests,
        targets=len(targets),
        detection_limit=detection_limit(
            fewest, tests, level=LEVEL * last_share(fewest), bound=LIKELY
        )
        if fewest
        else None,
        null_rate=sum(nulls.passed) / len(nulls.passed) if nulls.passed else None,
        null_n=len(nulls.passed),
        notes=tuple(notes),
        failed=sum(each.outcome == "error" for made in tested for each in made.evidence.values()),
        switched_off=tuple(sorted(set(PROPOSALS) - set(stage.search.proposals))),
    )


def _of_the_data(
    search: Search, searched: bool
) -> tuple[list[ColumnFactor], list[OddSample], int, list[str]]:
    """Return what needs no model: columns, odd samples, their number, and notes.

    ``searched``: whether any class was large enough to be searched for regions.
    """
    asked, relevance = search.proposals, search.relevance
    columns: list[ColumnFactor] = []
    odd: list[OddSample] = []
    notes: list[str] = []
    total = 0
    if COLUMNS in asked:
        permutations = search.config.permutations
        columns, notes = column_factors(
            search.samples, relevance, search.outputs, permutations, search.seed
        )
    if ODD_SAMPLES in asked and relevance is not None:
        odd, total = odd_samples(relevance, search.samples, search.outputs)
    left = [name for name in asked if PROPOSALS[name].by_concept]
    if relevance is None and left and searched:
        notes.append(
            _(
                "Not asked, because relevance by concept was not given: %(left)s.",
                left=", ".join(left),
            )
        )
    return columns, odd, total, notes


def not_tried(left: Sequence[tuple[int, int]]) -> list[str]:
    """Say which proposals were not tried, by the counts of `left_out` of every class."""
    large, waiting = (sum(counts) for counts in zip(*left, strict=True)) if left else (0, 0)
    if not large + waiting:
        return []
    return [
        _(
            "Regions that were proposed and not tried, over all classes: %(large)s that cover more "
            "than %(share)s of the picture, and %(waiting)s beyond the %(most)s of a class that "
            "hold most relevance.",
            large=large,
            share=whole_percent(MAX_AREA),
            waiting=waiting,
            most=SCREENED,
        )
    ]


def not_tested(
    screened: Mapping[int, Sequence[Screened]],
    chosen: Mapping[int, Sequence[Screened]],
    tested: int,
) -> list[str]:
    """Say how many regions moved the model and were not tested, and why."""
    moved = sum(region.share > 0 for group in screened.values() for region in group)
    wanted = sum(map(len, chosen.values()))
    if moved == tested:
        return []
    return [
        _(
            "Regions that moved the model where they were tried, and were not tested: %(beyond)s "
            "lie in one that was, go with it, or moved less than as many as are tested; the "
            "outlines of %(same)s came to one with another's.",
            beyond=moved - wanted,
            same=wanted - tested,
        )
    ]


def closing_notes(tested: Sequence[Tested], findings: Sequence[Finding], nulls: Nulls) -> list[str]:
    """Return the notes of a finished search, in sentences.

    Args:
        tested: all candidates.
        findings: those that got a grade.
        nulls: what the self-check found.
    """
    notes = []
    listed = sum(1 for each in findings if each.grade != "U")
    graded = {each.candidate.id for each in findings}
    quiet = sum(1 for each in tested if each.id not in graded)
    if quiet:
        notes.append(
            _(
                "Candidates tested: %(trials)s; listed: %(listed)s. The other %(quiet)s are of "
                "the same cause as one that is listed, or neither strong evidence for a class nor "
                "artefacts that the model leaves unused.",
                trials=len(tested),
                listed=listed,
                quiet=quiet,
            )
        )
    dropped = sum(stopped_early(each.trial) for each in tested)
    if dropped:
        notes.append(
            _(
                "The transplants of %(dropped)s of %(trials)s candidates stopped early, after the "
                "first %(first_targets)s target images or before all controls: the upper ends of "
                "the intervals of flip excess and of evidence share had fallen under %(clear)s.",
                dropped=dropped,
                trials=len(tested),
                first_targets=FIRST_TARGETS,
                clear=whole_percent(CLEAR),
            )
        )
    if tested and all(each.trial.result is None for each in tested):
        notes.append(
            _("No region could be transplanted: that needs images of other classes in the data.")
        )
    if nulls.passed:
        notes.append(null_sentence(sum(nulls.passed), len(nulls.passed)))
    held = sum(each.grade == "C" and not above_usual(each.evidence, nulls) for each in findings)
    if held:
        notes.append(
            ngettext(
                "%(num)s candidate has no effect above what cannot be a shortcut in this model "
                "has: it is shown, and not called a shortcut.",
                "%(num)s candidates have no effect above what cannot be a shortcut in this model "
                "has: they are shown, and not called shortcuts.",
                held,
            )
        )
    return notes


def stopped_early(trial: Trial) -> bool:
    """Say whether a trial left targets or controls unused since its effect was bounded."""
    if trial.result is None or trial.pairing is None:
        return False
    fewer = len(trial.result.controls) < len(controls_of(trial.pairing))
    return fewer or (len(trial.result.region) < trial.available and not trial.clear)


def null_sentence(passed: int, tried: int) -> str:
    """Say whether tests of what cannot be a shortcut passed more often than they may."""
    start = _(
        "Self-check: %(passed)s of %(tried)s tests of what cannot be a shortcut passed (windows"
        " of least relevance and at random places, regions tested towards a random wrong class, "
        "random directions); each may pass with a probability of %(level)s.",
        passed=passed,
        tried=tried,
        level=whole_percent(LEVEL),
    )
    if more_than(passed, tried, LEVEL) < SURPRISING:
        return _(
            "%(start)s That is more than chance explains: the tests are too generous on these "
            "pictures, and findings of this audit need a closer look.",
            start=start,
        )
    return start


# A file of this folder may hold the function of a test of the table.
import_all(causal.__name__, causal.__path__)
