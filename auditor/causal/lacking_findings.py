"""From tested places to findings of kind "absence"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from scipy.special import softmax

from auditor.causal.images import Stage
from auditor.causal.lacking import AGAIN_ON, ANOTHER_PLACE, Lacking, covered_in
from auditor.causal.triplets import typical_pairs
from auditor.language.speaking import N_, capitalised, joined
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Details, Grade, Plausibility
from auditor.records.stages import Candidate, Finding, Triplet
from auditor.shortcuts import wording
from auditor.shortcuts.fingerprint import fingerprint, signature
from auditor.shortcuts.grading import CLEAR, confidence, grade, reach, severity
from auditor.shortcuts.plausibility import score_of
from auditor.shortcuts.propose.lacking import ABSENCE
from auditor.shortcuts.seen import seen
from auditor.shortcuts.terms.same_in_other_classes import SAME_IN_OTHERS
from auditor.shortcuts.tests import PLACE_COVERED, PLACE_FILLED, TESTS, Results
from auditor.shortcuts.weighing import against

SHAPE = N_("place that is covered up")
# Members that are shown.
EXAMPLES = 12
STARTS: Mapping[Grade, str] = {
    "A": N_(
        "'%(name)s' is recognised by what it lacks: pictures of other classes turn into it when "
        "the %(seen)s is covered up."
    ),
    "B": N_(
        "Likely shortcut: pictures of other classes turn into '%(name)s' when the %(seen)s is "
        "covered up, which '%(name)s' lacks."
    ),
    "C": N_(
        "Pictures of other classes turn into '%(name)s' when the %(seen)s is covered up. Whether "
        "it belongs to what these show, a person has to say."
    ),
}

BY_FILLING = N_(
    "Pictures of '%(name)s' are no longer recognised with what other classes have there, the "
    "%(seen)s, put into them; covering it up in those makes few of them '%(name)s'."
)


def absence_findings(
    stage: Stage, trials: Sequence[Lacking], results: Mapping[str, Results]
) -> list[Finding]:
    """Return the places that steer a class; ``results`` have q and outcome, by their id.

    A place that turns `CLEAR` of the pictures is a cue at least. Where the other classes do not
    have one and the same thing there, only covering counts: what is put into pictures of the class
    is the others' objects, laid over its own.
    """
    findings = []
    for trial in trials:
        plausibility = _plausibility(trial)
        counted = dict(results[trial.id])
        if not plausibility.score:
            del counted[PLACE_FILLED.id]
        verdict = grade(counted, plausibility)
        if verdict not in STARTS and reach(counted) >= CLEAR:
            verdict = "C"
        if verdict is not None and verdict in STARTS:
            findings.append(_finding(stage, trial, results[trial.id], plausibility, verdict))
    return findings


def _plausibility(trial: Lacking) -> Plausibility:
    terms = {SAME_IN_OTHERS: trial.alike}
    return Plausibility(terms=terms, score=score_of(terms))


def _finding(
    stage: Stage, trial: Lacking, results: Results, plausibility: Plausibility, verdict: Grade
) -> Finding:
    output = trial.members.output
    name = stage.search.class_name(output)
    others = stage.others.inputs[stage.others.without(output)[:AGAIN_ON]]
    pictures = stage.probe.pictures(others)
    looks = pictures, np.repeat(trial.mask[None], len(pictures), axis=0)
    shown = seen(*looks, ABSENCE)
    rows = trial.members.rows
    candidate = Candidate(
        id=trial.id,
        output=output,
        kind=ABSENCE,
        shape=_(SHAPE),
        layer=None,
        concepts=(),
        rows=rows,
        masks=np.repeat(trial.mask[None], len(rows), axis=0),
        score=trial.share,
        reason=_("the place whose covering in pictures of other classes raises this one most."),
        examples=rows[:EXAMPLES],
        seen=_("missing: %(seen)s", seen=shown),
    )
    why = _("It is not in the pictures of the class.")
    details = Details(
        signature=signature(*looks),
        missing={N_("concepts zeroed"): why, N_("direction projected out"): why},
    )
    told = [
        wording.result_in_words(TESTS[test], each, name)
        for test, each in results.items()
        if each.has_run
    ]
    return Finding(
        candidate=candidate,
        evidence=results,
        plausibility=plausibility,
        grade=verdict,
        severity=severity(verdict, None),
        confidence=confidence(results),
        lead=_(_start(verdict, results), name=name, seen=shown),
        detail=capitalised(joined(told, "; ")) + ".",
        reasons=wording.reasons(candidate, plausibility),
        actions=_actions(name, verdict),
        verification=wording.verification(verdict),
        triplets=_triplets(stage, trial),
        fingerprint=fingerprint(f"{ABSENCE} of {name}", *looks),
        against=against(name, results, plausibility, details),
        details=details,
    )


def _start(verdict: Grade, results: Results) -> str:
    covered = results[PLACE_COVERED.id]
    turned = covered.outcome == "supports" and covered.low >= CLEAR
    return STARTS[verdict] if turned else BY_FILLING


def _actions(name: str, verdict: Grade) -> tuple[str, ...]:
    look = _("Look at the pictures: does what is covered up belong to what the other classes mean?")
    if verdict == "C":
        return (look,)
    return (
        look,
        _(
            "If not, collect pictures of '%(name)s' with it, and of other classes without.",
            name=name,
        ),
        _("Train again with it covered up, or put on pictures of all classes at random."),
        _("Until then, do not rely on '%(name)s' for pictures that lack it.", name=name),
    )


def _triplets(stage: Stage, trial: Lacking) -> tuple[Triplet, ...]:
    """Return typical targets: as they are, with the place covered, with the control covered."""
    output = trial.members.output
    targets = stage.targets.without(output)[: stage.config.targets]
    images = stage.targets.inputs[torch.from_numpy(targets)]
    shown = [images, covered_in(images, trial.mask), covered_in(images, trial.control)]
    logits = np.stack([stage.probe.predict(each) for each in shown], axis=1).astype(np.float64)
    chances, decisions = softmax(logits, axis=2)[..., output], logits.argmax(axis=2)
    changes = (chances[:, 1] - chances[:, 2])[:, None]
    return tuple(
        Triplet(
            target_row=int(stage.targets.rows[targets[at]]),
            reference_row=int(trial.members.rows[0]),
            control=_(ANOTHER_PLACE),
            pictures=stage.probe.pictures(torch.stack([each[at] for each in shown])),
            probabilities=(float(chances[at, 0]), float(chances[at, 1]), float(chances[at, 2])),
            predictions=(int(decisions[at, 0]), int(decisions[at, 1]), int(decisions[at, 2])),
        )
        for at, _slot in typical_pairs(changes, stage.targets.labels[targets])
    )
