"""From tested surrounds to findings of kind "context"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from scipy.special import softmax

from auditor.causal.images import Stage
from auditor.causal.subgroups import LEAST_CARRIERS, LEAST_SHARE
from auditor.causal.surround_swaps import Swapped, control_plates
from auditor.causal.surround_trials import Context
from auditor.causal.surrounds import laid_on
from auditor.causal.triplets import typical_pairs
from auditor.language.numbers import percent
from auditor.language.speaking import N_, capitalised, joined, ngettext
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Details, Exposure, Grade, Plausibility, Subgroup
from auditor.records.stages import Candidate, Finding, Triplet
from auditor.shortcuts import wording
from auditor.shortcuts.fingerprint import fingerprint, signature
from auditor.shortcuts.grading import STRONG, confidence, grade, reach, severity
from auditor.shortcuts.plausibility import score_of
from auditor.shortcuts.seen import seen
from auditor.shortcuts.statistics import accuracy, gap_p
from auditor.shortcuts.terms.around_the_object import ESTIMATED, MARKED, MISTAKEN
from auditor.shortcuts.tests import (
    COMPONENT_MISTAKES,
    NATURAL_MISTAKES,
    SURROUND_SWAPPED,
    TESTS,
    Results,
)
from auditor.shortcuts.weighing import against
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXT

SHAPE = N_("surroundings of the object")
# Pictures of other classes that are named, and members that are shown.
NAMED, EXAMPLES = 3, 12
# The share of the class's pictures whose object can be told from its surroundings, from which on
# these are more than a guess: in pictures of a texture there is an object now and then.
TOLD = 2 / 3
# The tests on pictures as they are, of which one is enough.
BY_THEMSELVES = NATURAL_MISTAKES, COMPONENT_MISTAKES
STARTS: Mapping[Grade, str] = {
    "A": N_(
        "What surrounds the object decides for '%(name)s': the model can be steered by it, "
        "whatever the object is."
    ),
    "B": N_("Likely shortcut: what surrounds the object counts much for '%(name)s'."),
    "C": N_(
        "What surrounds the object counts for '%(name)s'; whether it belongs to what the class "
        "means, or a part of the object was left in it, a person has to say."
    ),
}

BY_MISTAKES = N_(
    "Pictures of other classes in surroundings like those of '%(name)s' are more "
    "often taken for it. Swapping the surroundings alone did not show that they "
    "decide: a person has to judge."
)


def context_findings(
    stage: Stage, contexts: Sequence[Context], results: Mapping[str, Results]
) -> list[Finding]:
    """Return the contexts that steer a class; ``results`` have q and outcome, by their id.

    With which mistakes go in pictures as they are, those are cues at least, whatever swaps show.
    Of a class of few objects (`TOLD`) they are no more than cues.
    """
    findings = []
    for context in contexts:
        plausibility = plausibility_of(context, results[context.id])
        verdict = grade(results[context.id], plausibility)
        if verdict in ("A", "B") and context.sides.own.told < TOLD:
            verdict = "C"
        if verdict not in STARTS and mistakes_go_with_it(results[context.id]):
            verdict = "C"
        if verdict is not None and verdict in STARTS:
            findings.append(_finding(stage, context, results[context.id], plausibility, verdict))
    return findings


def mistakes_go_with_it(results: Results) -> bool:
    """Say whether pictures as they are show that a surround decides, whatever swaps show."""
    return mistakes_at_least(results) >= STRONG


def mistakes_at_least(results: Results) -> float:
    """Return by how much at least mistakes are more frequent with the surround, by look or concept.

    The larger lower bound of the two, 0 where neither supports it.
    """
    found = [results.get(test.id) for test in BY_THEMSELVES]
    return max((each.low for each in found if each and each.outcome == "supports"), default=0.0)


def plausibility_of(context: Context, results: Results) -> Plausibility:
    """Return how surely the context is off the object: by the user, by estimates, by mistakes."""
    own = context.sides.own
    marked = float(own.marked.mean()) if len(own.rows) else 0.0
    terms = {MARKED: marked} if marked >= 0.5 else {ESTIMATED: float(np.median(own.certainty))}
    if any(test.id in results and results[test.id].has_run for test in BY_THEMSELVES):
        terms[MISTAKEN] = mistakes_at_least(results)
    return Plausibility(terms=terms, score=score_of(terms))


def _finding(
    stage: Stage, context: Context, results: Results, plausibility: Plausibility, verdict: Grade
) -> Finding:
    name = stage.search.class_name(context.members.output)
    candidate = _candidate(context)
    shown = np.flatnonzero(np.isin(context.members.rows, candidate.examples))
    at = np.flatnonzero(np.isin(candidate.rows, context.members.rows[shown]))
    masks = candidate.masks[at]
    looks = without_objects(context.members.pictures[shown], masks), masks
    candidate = replace(candidate, seen=seen(*looks, CONTEXT))
    details = _details(stage, context, results).model_copy(update={"signature": signature(*looks)})
    return Finding(
        candidate=candidate,
        evidence=results,
        plausibility=plausibility,
        grade=verdict,
        severity=severity(verdict, details.exposure),
        confidence=confidence(results),
        lead=_(STARTS[verdict] if reach(results) > 0 else BY_MISTAKES, name=name),
        detail=_detail(stage, context, results),
        reasons=wording.reasons(candidate, plausibility),
        actions=_actions(name, verdict),
        verification=wording.verification(verdict),
        triplets=_triplets(stage, context.swapped, context),
        fingerprint=fingerprint(f"{CONTEXT} of {name}", *looks),
        against=against(name, results, plausibility, details),
        details=details,
    )


def without_objects(
    pictures: UInt8[np.ndarray, "picture h w 3"], surrounds: Bool[np.ndarray, "picture h w"]
) -> UInt8[np.ndarray, "picture h w 3"]:
    """Return pictures with what is no surround in the median colour of what is."""
    plates = pictures.copy()
    for plate, around in zip(plates, surrounds, strict=True):
        plate[~around] = np.median(plate[around], axis=0) if around.any() else 0
    return plates


def _candidate(context: Context) -> Candidate:
    """Return the surround in the members whose margin looks like the class's, or in all."""
    own, members = context.sides.own, context.members
    carry = np.ones(len(own.rows), dtype=bool)
    if context.mistakes is not None:
        carry = np.isin(own.rows, members.rows[context.mistakes.members])
        carry = carry if carry.any() else ~carry
    rows = np.flatnonzero(carry)
    certain = np.argsort(-own.certainty[rows], kind="stable")
    return Candidate(
        id=context.id,
        output=members.output,
        kind=CONTEXT,
        shape=_(SHAPE),
        layer=None,
        concepts=(),
        rows=own.rows[rows],
        masks=~own.objects[rows],
        score=context.share,
        reason=_("what lies around the objects of the class."),
        examples=own.rows[rows][certain][:EXAMPLES],
    )


def _details(stage: Stage, context: Context, results: Results) -> Details:
    why = _("This is no region that could be told inside the model.")
    missing = {N_("concepts zeroed"): why, N_("direction projected out"): why}
    if context.mistakes is None:
        return Details(missing=missing)
    output, pool, alike = context.members.output, context.mistakes.pool, context.mistakes.alike
    of_class, right = pool.labels == output, pool.predictions == pool.labels
    name = stage.search.class_name(output)
    groups = {_("all of '%(name)s'", name=name): of_class, _("all other classes"): ~of_class}
    table = tuple(_row(group, right[rows], alike[rows]) for group, rows in groups.items())
    classes = [
        label
        for label in np.unique(pool.labels)
        if label == output
        or (
            alike[pool.labels == label].sum() >= LEAST_CARRIERS
            and alike[pool.labels == label].mean() >= LEAST_SHARE
        )
    ]
    lost = max(0.0, results[SURROUND_SWAPPED.id].effect) * float(right[of_class].mean())
    exposure = Exposure(
        share=float(alike[of_class].mean()),
        classes=tuple(stage.search.class_name(int(label)) for label in classes),
        lost=lost,
    )
    return Details(exposure=exposure, subgroups=table, missing=missing)


def _row(
    group: str, right: Bool[np.ndarray, "sample"], has: Bool[np.ndarray, "sample"]
) -> Subgroup:
    with_it, without = accuracy(right[has]), accuracy(right[~has])
    return Subgroup(group=group, carrying=with_it, without=without, p=gap_p(with_it, without))


def _detail(stage: Stage, context: Context, results: Results) -> str:
    """Return the numbers, the class that is touched most, and the mistakes that show it."""
    name = stage.search.class_name(context.members.output)
    told = [
        wording.result_in_words(TESTS[test], each, name)
        for test, each in results.items()
        if each.has_run
    ]
    alone = _(
        "On plain grey %(kept)s of %(objects)s of its objects are recognised; without any object "
        "%(alone)s of %(plates)s of its surroundings are taken for '%(name)s'.",
        kept=context.kept[0],
        objects=context.kept[1],
        alone=context.alone[0],
        plates=context.alone[1],
        name=name,
    )
    return joined(
        [
            capitalised(joined(told, "; ")) + ".",
            alone,
            _worst(stage, context),
            _named(stage, context),
            _explained(context),
        ]
    )


def _worst(stage: Stage, context: Context) -> str:
    """Name the class whose objects turn most often."""
    swapped, output = context.swapped, context.members.output
    turned = (swapped.result.region.argmax(axis=2) == output).mean(axis=1)
    labels = swapped.objects.labels[swapped.chosen]
    shares = {int(label): float(turned[labels == label].mean()) for label in np.unique(labels)}
    most = max(shares, key=lambda label: (shares[label], -label))
    return _(
        "Most of all, objects of '%(other)s' turn into it (%(share)s).",
        other=stage.search.class_name(most),
        share=percent(shares[most]),
    )


def _named(stage: Stage, context: Context) -> str:
    """Name pictures of other classes in such surroundings that are taken for the class."""
    if context.mistakes is None:
        return ""
    pool, output = context.mistakes.pool, context.members.output
    taken = context.mistakes.alike & (pool.labels != output) & (pool.predictions == output)
    paths = stage.samples.manifest.paths
    rows = np.sort(pool.rows[taken])[:NAMED]
    if not len(rows):
        return ""
    return _(
        "Taken for it as they are, for example: %(paths)s.",
        paths=", ".join(paths[int(row)] for row in rows),
    )


def _explained(context: Context) -> str:
    """Say how many of the mistakes the component of the surroundings explains."""
    found = context.components
    if found is None or not len(found.mistakes):
        return ""
    return ngettext(
        "Of %(num)s picture that was looked at and is wrongly taken for it, the surroundings of "
        "%(explained)s hold it.",
        "Of %(num)s pictures that were looked at and are wrongly taken for it, the surroundings of "
        "%(explained)s hold it.",
        len(found.mistakes),
        explained=len(found.explained),
    )


def _actions(name: str, verdict: Grade) -> tuple[str, ...]:
    look = _(
        "Look at the pictures: do these surroundings belong to what '%(name)s' means?", name=name
    )
    if verdict == "C":
        return (look,)
    return (
        look,
        _(
            "If not, collect pictures of '%(name)s' in other surroundings, and of other classes in "
            "these.",
            name=name,
        ),
        _(
            "Train again with objects laid on surroundings of all classes at random, or with the "
            "object cut out."
        ),
        _(
            "Until then, do not rely on '%(name)s' for pictures in such surroundings, or in "
            "unusual ones.",
            name=name,
        ),
    )


def _triplets(stage: Stage, swapped: Swapped, context: Context) -> tuple[Triplet, ...]:
    """Return typical targets: as they are, on a plate of the class, on one of the control."""
    output = context.members.output
    margins = swapped.result.margins(output)
    control = min(margins, key=lambda name: float(margins[name].mean()))
    with_it, without = (
        softmax(logits.astype(np.float64), axis=-1)[..., output]
        for logits in (swapped.result.region, swapped.result.controls[control])
    )
    labels = swapped.objects.labels[swapped.chosen]
    sides, triplets = context.sides, []
    for index, slot in typical_pairs(with_it - without, labels):
        target = int(swapped.chosen[index])
        plates = int(swapped.plates[index, slot]), int(swapped.controls[control][index, slot])
        against = control_plates(stage, sides, control)
        on_them = torch.stack([sides.own.plates[plates[0]], against[plates[1]]])
        laid = laid_on(swapped.objects, np.array([target, target]), on_them)
        images = torch.cat([swapped.objects.inputs[[target]], laid])
        logits = stage.probe.predict(images).astype(np.float64)
        chances, seen = softmax(logits, axis=1)[:, output], logits.argmax(axis=1)
        triplets.append(
            Triplet(
                target_row=int(swapped.objects.rows[target]),
                reference_row=int(sides.own.rows[plates[0]]),
                control=control,
                pictures=stage.probe.pictures(images),
                probabilities=(float(chances[0]), float(chances[1]), float(chances[2])),
                predictions=(int(seen[0]), int(seen[1]), int(seen[2])),
            )
        )
    return tuple(triplets)
