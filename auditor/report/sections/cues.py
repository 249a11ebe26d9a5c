"""The section of cues: what is proven to steer a class, and what only a person can say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditor.language.speaking import N_, capitalised, joined
from auditor.language.speaking import gettext as _
from auditor.records.part import Picture
from auditor.records.shortcuts import Evidence, GlobalFactor
from auditor.report.document.answers import cue_state, last_about
from auditor.report.document.result import AuditResult, FindingCard, TripletCard
from auditor.report.document.review import OPEN, CueState, DecisionState, Review
from auditor.report.sections.section import Section
from auditor.shortcuts.cues import inside_the_object, shown_at_once
from auditor.shortcuts.fingerprint import factor_fingerprint
from auditor.shortcuts.signature_text import to_text
from auditor.shortcuts.tests import TESTS
from auditor.shortcuts.wording import result_in_words

# Members of the class that a row shows.
MEMBERS = 3
# What is said of who answered, by the decision that the answer is.
ANSWERED: Mapping[str, str] = {
    "reject": N_("Yes, says %(person)s (%(day)s): %(reason)s"),
    "confirm": N_("No, says %(person)s (%(day)s): %(reason)s"),
    "accept": N_("No, says %(person)s (%(day)s), but its risk is accepted: %(reason)s"),
    "mitigate": N_("No, says %(person)s (%(day)s), and it is being mended: %(reason)s"),
    "unsure": N_("%(person)s was not sure (%(day)s): %(reason)s"),
}
EXPIRED = N_("The answer of %(person)s (%(day)s) has expired: %(reason)s")
INSIDE = N_("Yes, by the masks of the data: it lies inside the objects that are marked there.")


@dataclass(frozen=True)
class Cue:
    """A row: a cue in pictures, its effect in a sentence, and the answer of a person.

    ``members`` have it outlined; ``swap`` shows a picture before and with it. A statistic of whole
    pictures has neither. ``answer`` says who answered what. ``entry`` is the decision that the page
    fills in and exports, without what the person adds.
    """

    id: str
    anchor: str
    title: str
    class_name: str
    kind: str
    members: Sequence[Picture]
    swap: TripletCard | None
    effect: str
    answer: str
    state: CueState
    entry: str

    @property
    def settled(self) -> bool:
        """Say whether it needs no other answer."""
        return self.state not in OPEN


def cues(result: AuditResult, review: Review | None) -> list[Cue]:
    """Return the rows that are shown now: with an answer, and the first of each class without."""
    rows = rows_of(result, review)
    shown = shown_at_once((row.class_name, row.settled) for row in rows)
    return [row for row, now in zip(rows, shown, strict=True) if now]


def rows_of(result: AuditResult, review: Review | None) -> list[Cue]:
    """Return a row for each cue of the result, those of a class together."""
    factors = result.factors.factors if result.factors else ()
    everything: list[FindingCard | GlobalFactor] = [*result.findings, *factors]
    known = {each.id: each for each in everything}
    asked = [known[name] for name in result.cues if name in known]
    classes = list(dict.fromkeys(each.class_name for each in asked))
    asked.sort(key=lambda each: classes.index(each.class_name))
    states = last_about(review.decisions if review else ())
    return [
        _cue(each, number, result.run, states.get(each.id))
        for number, each in enumerate(asked, start=1)
    ]


def _cue(
    item: FindingCard | GlobalFactor, number: int, run: str, last: DecisionState | None
) -> Cue:
    region = item if isinstance(item, FindingCard) else None
    title = region.title if region else capitalised(item.what)
    inside = region is not None and inside_the_object(region.outside, region.plausibility)
    state = cue_state(last, inside=inside)
    return Cue(
        id=item.id,
        anchor=f"cue-{number}",
        title=title,
        class_name=item.class_name,
        kind=region.kind if region else "",
        members=region.outlined[:MEMBERS] if region else (),
        swap=region.triplets[0] if region and region.triplets else None,
        effect=effect_in_words(list(item.evidence.values()), item.class_name) or item.meaning,
        answer=_answer(state, last),
        state=state,
        entry=decision_entry(item, run),
    )


def decision_entry(item: FindingCard | GlobalFactor, run: str) -> str:
    """Return a decision about a finding or cue as JSON, without what a person adds to it."""
    region = item if isinstance(item, FindingCard) else None
    entry = {
        "finding": _fingerprint(item),
        "title": str(region.title if region else capitalised(item.what)),
        "class_name": item.class_name,
        "grade": item.grade,
        "looks": _looks(region),
        "run": run,
    }
    return json.dumps({key: value for key, value in entry.items() if value}, sort_keys=True)


def _fingerprint(item: FindingCard | GlobalFactor) -> str:
    """Return what a finding is known again by."""
    if isinstance(item, FindingCard):
        return item.fingerprint
    return factor_fingerprint(item.class_name, item.statistic, larger=item.auc >= 0.5)


def _looks(region: FindingCard | None) -> str:
    """Return the look of a region as a decisions file holds it."""
    look = region.details.signature if region and region.details else None
    return to_text(look) if look else ""


def effect_in_words(results: Sequence[Evidence], class_name: str) -> str:
    """Return the sentence of the test with the largest lower bound among those that support."""
    passed = [each for each in results if each.outcome == "supports" and each.test in TESTS]
    if not passed:
        return ""
    strongest = max(passed, key=lambda each: each.low)
    said = capitalised(result_in_words(TESTS[strongest.test], strongest, class_name))
    return said if str(said).endswith(".") else joined((said, "."), "")


def _answer(state: CueState, last: DecisionState | None) -> str:
    if state == "inside the marked object":
        return _(INSIDE)
    if last is None:
        return ""
    made = last.decision
    text = EXPIRED if last.state == "expired" else ANSWERED[made.what]
    return _(text, person=made.person, day=made.date, reason=made.reason)


def has_cues(result: AuditResult) -> bool:
    """Say whether a person is asked about a cue."""
    return bool(result.cues)


SECTION = Section("cues", _("Is this part of the class?"), has=has_cues, tier="executive")
