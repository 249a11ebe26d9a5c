"""The search for clever-Hans candidates: propose on one half of the data, test on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float

from auditor import causal
from auditor.base.registry import import_all
from auditor.causal.by_class import (
    OF_CLASSES,
    SCREENED,
    ClassTests,
    Correction,
    Kept,
    Plan,
    Screening,
    members_of,
    tests_of,
)
from auditor.causal.candidate import Tested
from auditor.causal.context import Search
from auditor.causal.findings import gravest_first, told_from_others
from auditor.causal.global_factors import MOST_TESTS, FactorTrial, factor_trials, factors_of
from auditor.causal.images import Members, Stage, load_pool
from auditor.causal.kinds import CONTEXTS, GEOMETRY, LACKING, TEXTURE, kinds_of
from auditor.causal.lacking import ABSENCE_TESTS, Absences, absence_trials
from auditor.causal.lacking_findings import absence_findings
from auditor.causal.nulls import nulls_of
from auditor.causal.object_geometry import GEOMETRY_TESTS, Geometry, geometry_trials
from auditor.causal.object_surface import SURFACE_TESTS, SurfaceTrials, surface_trials
from auditor.causal.object_trials import all_objects
from auditor.causal.screening import Tried
from auditor.causal.standing import standing_layers
from auditor.causal.surround_findings import context_findings
from auditor.causal.surround_trials import CONTEXT_TESTS, Contexts, context_trials, together
from auditor.causal.transplant import controls_of
from auditor.causal.trial import FIRST_TARGETS, LEAST_IMAGES, Trial, last_share
from auditor.language.numbers import whole_percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import ngettext
from auditor.records.shortcuts import ColumnFactor, Factors, OddSample, SearchLimits
from auditor.records.stages import Finding, ShortcutReport
from auditor.run.tasks import Referring
from auditor.shortcuts.calibration import Nulls
from auditor.shortcuts.grading import CLEAR, LEVEL, LIKELY, above_usual, settled
from auditor.shortcuts.propose.lacking import ABSENCE
from auditor.shortcuts.propose.proposals import MAX_AREA, PROPOSALS, class_means
from auditor.shortcuts.scenes import scale_of
from auditor.shortcuts.statistics import detection_limit, more_than
from auditor.shortcuts.tests import TESTS
from auditor.shortcuts.whole_pictures.columns import COLUMNS, column_factors
from auditor.shortcuts.whole_pictures.global_factors import WHOLE_PICTURES
from auditor.shortcuts.whole_pictures.odd import ODD_SAMPLES, odd_samples
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXT

# Steps that are reported: of each class screening, tests and findings; self-check and factors.
EACH, CLOSING = 3, 2
# Stages of several labels that are kept, each with its own pictures of other labels.
STAGES = 2
# More passes of the self-check than this chance explains are said to be too many.
SURPRISING = 0.05


class Classes(Kept, Protocol):
    """Does the work of each class, here or elsewhere, and keeps what it finds."""

    def each(self, name: str, outputs: Sequence[int]) -> None:
        """Do the work of a stage of `OF_CLASSES` for classes."""

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was put together of all classes, made now where it is not there yet."""


class InMemory:
    """Does the classes one after the other, and keeps everything in memory."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._found: dict[tuple[str, int], Any] = {}
        self._plans: dict[str, Any] = {}

    def plan(self, name: str) -> Any:
        """Return what was put together of all classes."""
        return self._plans[name]

    def of(self, name: str, output: int, shared: Mapping[str, Any]) -> Any:
        """Return the record of a class, with the objects that it was made with."""
        return self._found[name, output]

    def each(self, name: str, outputs: Sequence[int]) -> None:
        """Do the work of a stage for classes."""
        for output in outputs:
            made = OF_CLASSES[name](self._stage, output, self)
            value = made.value if isinstance(made, Referring) else made
            self._found[name, output] = value
            self._stage.search.progress(1)

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what was put together of all classes."""
        self._plans[name] = make()
        return self._plans[name]


def find_shortcuts(
    search: Search, *, stage: Stage | None = None, classes: Classes | None = None
) -> ShortcutReport:
    """Search the audited classes for regions that the model relies on and that look artificial.

    Progress: 1 after a class is screened, tested and graded each (3 for a class that is not
    searched), 1 after the self-check and 1 after the statistics of whole pictures.

    Args:
        search: the model, the data, and what is asked.
        stage: that of `stage_of`, where it is there already.
        classes: who does the work of each class; by default it is done here, in memory.
    """
    stage = stage or stage_of(search)
    classes = classes or InMemory(stage)
    outputs = stage.searched
    search.progress(EACH * (len(search.outputs) - len(outputs)))
    classes.each("screening", outputs)
    screened = [classes.of("screening", output, {}) for output in outputs]
    members = [members_of(stage, output, classes) for output in outputs]
    plan = classes.keep("budget", lambda: _budget(stage, screened, members))
    classes.each("tests", outputs)
    made = [tests_of(stage, output, classes) for output in outputs]
    correction, found = _corrected(stage, classes, members, made)
    classes.each("findings", outputs)
    graded = [classes.of("findings", output, {}) for output in outputs]
    findings = told_from_others([finding for part in graded for finding in part])
    return _report(stage, plan, screened, members, findings, correction, found)


def stage_of(search: Search) -> Stage:
    """Return the stage of a search: pictures of other classes, and what is known of all classes.

    Targets are of the test half, of which controls are not.
    """
    samples = search.samples
    searched = tuple(
        output
        for output in search.outputs
        if int(samples.discovery[samples.members(output)].sum()) >= LEAST_IMAGES
    )
    means = None
    if search.relevance is not None:
        means = class_means(search.relevance, samples, search.outputs)
    tests = _most_tests(search, searched)
    if not search.several:
        return _stage(search, searched, tests, means)

    @lru_cache(maxsize=STAGES)
    def about(output: int) -> Stage:
        return _stage(search.about(output), searched, tests, means)

    nothing = np.zeros(0, dtype=int)
    targets, others = (load_pool(search, nothing, 0, name=name) for name in ("targets", "others"))
    return Stage(search, targets, others, tests, searched, means, labels=about)


def _most_tests(search: Search, searched: Sequence[int]) -> int:
    """Return how many tests a search runs at most."""
    config = search.config
    tests = sum(TESTS[name].of_regions for name in TESTS)
    tests *= min(config.total, config.per_class * len(searched))
    whole_pictures = WHOLE_PICTURES in search.proposals
    of_objects = (GEOMETRY_TESTS + SURFACE_TESTS) * len(searched)
    of_pictures = MOST_TESTS * (len(searched) if search.several else 1)
    tests += of_pictures + of_objects if whole_pictures else 0
    tests += CONTEXT_TESTS * len(searched) if CONTEXT in search.proposals else 0
    tests += ABSENCE_TESTS * len(searched) if ABSENCE in search.proposals else 0
    return max(1, tests)


def _stage(
    search: Search,
    searched: tuple[int, ...],
    tests: int,
    means: Float[np.ndarray, "class concept"] | None,
) -> Stage:
    """Return the stage of a search whose classes share the pictures of all others."""
    samples, config = search.samples, search.config
    present = max(2, len(np.unique(samples.labels[samples.valid])))
    size = config.targets + -(-config.targets // (present - 1)) if searched else 0
    targets = np.flatnonzero(samples.valid & ~samples.discovery)
    others = np.flatnonzero(samples.valid & samples.discovery)
    return Stage(
        search,
        load_pool(search, targets, size, name="targets"),
        load_pool(search, others, size, name="others"),
        tests,
        searched,
        means,
    )


def _budget(stage: Stage, screened: Sequence[Screening], members: Sequence[Members]) -> Plan:
    """Choose over all classes the best of the best regions, and where they are looked for."""
    config = stage.config
    shares = sorted(
        (each.tried[place].share for each in screened for place in each.chosen), reverse=True
    )
    least = shares[config.total - 1] if len(shares) > config.total else -np.inf
    layers, notes = standing_layers(stage.search, members)
    return Plan(
        tried={each.output: each.tried for each in screened},
        chosen={
            each.output: tuple(at for at in each.chosen if each.tried[at].share >= least)
            for each in screened
        },
        scale=scale_of([each.squares for each in screened]) if screened else np.ones(6),
        layers=layers,
        notes=tuple(notes),
    )


def _absences(stage: Stage, members: Sequence[Members]) -> Absences:
    """Look for places that classes may be recognised by what they lack at."""
    if stage.search.several:
        why = _("not searched where pictures have several labels, which lack each other's marks")
        return Absences(why=why)
    return absence_trials(stage, members)


@dataclass(frozen=True, eq=False)
class _Found:
    """What the search found besides the findings of regions; ``tested`` are all candidates.

    ``others`` are findings of contexts and absences; ``tests`` is how many tests the run made.
    """

    tested: Sequence[Tested]
    factors: Sequence[FactorTrial]
    contexts: Contexts
    geometry: Geometry
    surfaces: SurfaceTrials
    absences: Absences
    others: Sequence[Finding]
    tests: int
    notes: Sequence[str]


def _corrected(
    stage: Stage, classes: Classes, members: Sequence[Members], made: Sequence[ClassTests]
) -> tuple[Correction, _Found]:
    """Test what is of all classes, and correct the results of all tests for how many there are."""
    search = stage.search
    tested = [candidate for each in made for candidate in each.tested]
    nulls = nulls_of([each.nulls for each in made])
    search.progress(1)
    whole_pictures = WHOLE_PICTURES in search.proposals
    parts = stage.parts(members) or [(stage, members)]
    of_parts = [factor_trials(*part) for part in parts] if whole_pictures and members else []
    factors = [trial for trials, _notes in of_parts for trial in trials]
    said = [note for _trials, notes in of_parts for note in notes]
    contexts = together([context_trials(*part, tested) for part in parts])
    geometry = all_objects([geometry_trials(*part) for part in parts])
    surfaces = all_objects([surface_trials(*part) for part in parts])
    absences = _absences(stage, members)
    factors = [*factors, *geometry.trials, *surfaces.trials]
    search.progress(1)
    results, tests = settled(
        {each.id: each.evidence for each in tested}
        | {each.id: each.evidence for each in factors}
        | contexts.results
        | absences.results
    )
    surrounds = [
        finding
        for part, classes_of in parts
        for finding in context_findings(part, contexts.of(classes_of), results)
    ]
    lacking = absence_findings(stage, absences.trials, results)
    correction = classes.keep("correction", lambda: Correction(results, nulls))
    notes = [*said, *geometry.notes, *surfaces.notes, *contexts.notes(len(surrounds))]
    of_all = contexts, geometry, surfaces, absences, [*surrounds, *lacking]
    return correction, _Found(tested, factors, *of_all, tests, notes)


def _report(
    stage: Stage,
    plan: Plan,
    screened: Sequence[Screening],
    members: Sequence[Members],
    graded: Sequence[Finding],
    correction: Correction,
    found: _Found,
) -> ShortcutReport:
    search, tested, nulls = stage.search, found.tested, correction.nulls
    findings = gravest_first([*graded, *found.others])
    columns, odd, odd_total, said = _of_the_data(search, bool(stage.searched))
    notes = [
        *plan.notes,
        *found.notes,
        *not_tried([each.left for each in screened]),
        *not_tested(plan.tried, plan.chosen, len(tested)),
        *closing_notes(tested, findings, nulls),
        *said,
    ]
    kinds = kinds_of(
        stage,
        members,
        found.tests,
        factors=found.factors,
        columns=columns,
        elsewhere={
            CONTEXTS: found.contexts.looked(found.tests),
            GEOMETRY: found.geometry.looked(found.tests),
            TEXTURE: found.surfaces.looked(found.tests),
            LACKING: found.absences.looked(found.tests),
        },
    )
    limits = _limits(stage, plan, tested, found.tests, nulls, notes)
    return ShortcutReport(
        tuple(findings),
        limits.model_copy(update={"not_searched": _not_searched(search), "kinds": kinds}),
        Factors(
            factors=factors_of(search, found.factors, correction.results),
            columns=tuple(columns),
            odd=tuple(odd),
            odd_total=odd_total,
        ),
    )


def steps_of(outputs: Sequence[int]) -> int:
    """Return what the steps add up to that `find_shortcuts` reports for these classes."""
    return EACH * len(outputs) + CLOSING


def _not_searched(search: Search) -> str:
    """Name the classes with too few members to choose regions, in a sentence."""
    samples = search.samples
    rows = {output: samples.members(output) for output in search.outputs}
    small = [
        f"{search.class_name(output)} ({len(members)})"
        for output, members in rows.items()
        if int(samples.discovery[members].sum()) < LEAST_IMAGES
    ]
    if not small:
        return ""
    return _(
        "Not searched, too few correctly classified images: %(small)s. A class needs at "
        "least %(least_images)s in each half of the data, so about %(value)s.",
        small=", ".join(small),
        least_images=LEAST_IMAGES,
        value=2 * LEAST_IMAGES,
    )


def _limits(
    stage: Stage,
    plan: Plan,
    tested: Sequence[Tested],
    tests: int,
    nulls: Nulls,
    notes: Sequence[str],
) -> SearchLimits:
    """Return what could have been found: with the fewest targets that a transplant could use."""
    trials = [candidate.trial for candidate in tested]
    fewest = min((trial.available for trial in trials if trial.result), default=0)
    pairings = [trial.pairing for trial in trials if trial.pairing is not None]
    targets = {int(row) for pairing in pairings for row in pairing.pool.rows[pairing.targets]}
    return SearchLimits(
        ran=True,
        proposed=sum(map(len, plan.tried.values())),
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
    tried: Mapping[int, Sequence[Tried]],
    chosen: Mapping[int, Sequence[int]],
    tested: int,
) -> list[str]:
    """Say how many regions moved the model and were not tested, and why."""
    moved = sum(region.share > 0 for group in tried.values() for region in group)
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
