"""``review.json``: what people and policy make of an audit, beside the evidence in ``audit.json``.

The evidence stays as it was measured; this document may change: another audit is compared, a
person decides, a decision expires. It says as of which day it was written. The report draws both.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from auditor.records.part import Interval, Number, Part, Picture, Words
from auditor.records.shortcuts import Carrier, Grade, Signature
from auditor.records.shortcuts import Severity as Severity
from auditor.report.document.codes import WORDS, Code

REVIEW_VERSION = 2

ChangeStatus = Literal[
    "new", "persisting", "worse", "better", "gone", "back", "not tested", "was not tested"
]
DecisionKind = Literal["confirm", "reject", "accept", "mitigate", "unsure", "name"]
CueState = Literal[
    "new", "unsure", "expired", "part of the class", "inside the marked object", "a shortcut"
]
# Those that leave the question open.
OPEN: tuple[CueState, ...] = ("new", "unsure", "expired")


class Difference(Part):
    """The later value minus the earlier one, with its 95 % interval (None: it has none).

    ``rule`` says how the interval was computed and whether on the same pictures.
    """

    value: Number
    low: Number | None
    high: Number | None
    rule: Words


class MetricChange(Part):
    """One number of two audits. ``better`` says which direction is the good one.

    ``earlier`` and ``now`` are None where an audit did not measure it; then there is no
    ``difference``. ``n`` pictures were compared. ``status`` is worse or better only where the
    interval of the difference leaves out 0.
    """

    name: str
    title: Words
    unit: Literal["share", "number"]
    better: Literal["higher", "lower", "neither"]
    earlier: Interval | None
    now: Interval | None
    difference: Difference | None
    n: int
    status: Literal["better", "worse", "no clear change", "not compared"]
    sentence: Words


class ConceptChange(Part):
    """A concept of one audit found again in the other, or not, and how a class uses it.

    ``id`` and ``earlier_id`` are ``layer/channel``, None on the side that has none; ``score`` in
    [0, 1] says how surely they are the same; shares are of the relevance of ``class_name``, the
    class where the larger one is largest.
    """

    id: str | None
    earlier_id: str | None
    layer: str
    score: Number | None
    class_name: str
    share: Number | None
    earlier_share: Number | None
    status: Literal["found again", "new", "gone"]
    sentence: Words


class LayerMatch(Part):
    """How many leading concepts of a layer were found again; ``rule`` or ``reason`` says how."""

    layer: str
    matched: int
    earlier: int
    now: int
    rule: Words
    reason: Words


class FindingChange(Part):
    """A finding in two audits. ``sentence`` says what changed and what to do.

    Of the side that does not have it, ``id`` or ``earlier_id`` and its severity are None. For
    "back", ``last_seen`` names the earlier run that had it. ``likeness`` in [0, 1] is that of
    `same_finding`, 1 where the fingerprints are equal. ``effect`` compares the share of other
    pictures that the region turns into the class. ``picture`` and ``earlier_picture`` show it.
    """

    fingerprint: str
    id: str | None
    earlier_id: str | None
    title: Words
    class_name: str
    severity: Severity | None
    earlier_severity: Severity | None
    grade: str | None
    status: ChangeStatus
    likeness: Number | None
    last_seen: str | None = None
    effect: MetricChange | None = None
    picture: Picture | None = None
    earlier_picture: Picture | None = None
    sentence: Words


class Remembered(Part):
    """A finding that an earlier audit had and this one has not: what knows it when it is back."""

    fingerprint: str
    title: Words
    class_name: str
    severity: Severity
    signature: Signature | None
    seen_in: str
    gone_in: str
    carriers: list[Carrier] = Field(default_factory=list)
    data: str = ""


class RunRef(Part):
    """Which audit is meant: ``digest`` is that of audit.json, ``verdict`` that of the evidence.

    ``verdict`` is a code of `auditor.report.document.codes`.
    """

    run: str
    folder: str
    created: str
    project: str
    verdict: Code
    model_version: str
    model_digest: str
    data_digest: str
    digest: str


class Comparison(Part):
    """What changed between an earlier audit and this one.

    ``like_for_like``: the same pictures, classes and settings, so only the model differs;
    ``differences`` says each thing that differs in a sentence, the model among them.
    """

    earlier: RunRef
    now: RunRef
    like_for_like: bool
    differences: list[Words]
    sentence: Words
    metrics: list[MetricChange]
    layers: list[LayerMatch]
    concepts: list[ConceptChange]
    findings: list[FindingChange]
    remembered: list[Remembered] = Field(default_factory=list)
    notes: list[Words] = Field(default_factory=list)


class Decision(Part):
    """What a person decided about a finding or a concept.

    ``fingerprint`` names the finding and ``signature`` what it looks like, by which the next audit
    knows it; ``concept`` is ``layer/channel``, ``name`` what it is called and ``references`` its
    reference samples (these for "name" alone). Of a cue, "reject" says that it is part of the
    class, "confirm" that it is a shortcut, and "unsure" leaves the question open.
    ``date`` and ``expires`` are days (YYYY-MM-DD), ``expires`` the last day on which it holds.
    ``grade`` is that of the finding when it was decided about ("": not known, or a concept).
    ``place`` is ``file:line`` of the decisions file.
    """

    what: DecisionKind
    fingerprint: str = ""
    concept: str = ""
    name: str = ""
    title: str = ""
    class_name: str = ""
    grade: Grade | Literal[""] = ""
    reason: str
    person: str
    role: str = ""
    date: str
    expires: str | None = None
    ticket: str = ""
    run: str = ""
    signature: Signature | None = None
    references: list[str] = Field(default_factory=list)
    place: str = ""


class DecisionState(Part):
    """A decision and what it means in this audit.

    ``finding`` is the id of the finding it is about (None: none, or a concept), ``concept`` the
    concept named; ``likeness`` how surely it is the same. Of several decisions about one thing the
    last counts and the others are "replaced"; what was confirmed or to be mended and is found no
    longer is "settled". "unmatched" is anything else that fits nothing, and that a cue is part of
    its class once it is a likely shortcut (grade A or B).
    """

    decision: Decision
    finding: str | None
    concept: str | None = None
    likeness: Number | None = None
    state: Literal["in force", "expired", "unmatched", "replaced", "settled"]
    sentence: Words


class Check(Part):
    """One target or rule of the policy and what was measured against it.

    ``state`` "open" waits for a person and does not fail the gate.
    ``kind``: a target of the owner or a rule of the policy. ``measured`` in words; ``interval`` is
    the same as a number where it is one, None also where nothing was measured. ``findings`` are the
    ids of those it is about. ``headline``: it is missed for certain, and said before all else.
    """

    name: str
    title: Words
    kind: Literal["target", "rule"]
    wanted: Words
    measured: Words
    interval: Interval | None = None
    state: Literal["met", "not met", "open", "not measured", "waived", "condition", "not asked"]
    sentence: Words
    findings: list[str] = Field(default_factory=list)
    headline: bool = False


class Waived(Part):
    """A finding that would count and does not, by what a person decided.

    It was rejected, its risk is accepted, or it is being mended until a day.
    """

    finding: str
    title: Words
    what: DecisionKind
    person: str
    until: str | None
    sentence: Words


class CueAnswer(Part):
    """A cue of the audit, and what people say of it; ``finding`` is its id.

    ``state``: "new" has no answer, "inside the marked object" is answered by the masks of the data;
    "a shortcut" counts as a finding of this ``severity``, which is "none" of all others.
    ``person`` is who answered last.
    """

    finding: str
    title: Words
    class_name: str
    state: CueState
    severity: Severity
    person: str = ""
    sentence: Words

    @property
    def answered(self) -> bool:
        """Say whether it is decided, and the decision holds."""
        return self.state not in OPEN


class Judgement(Part):
    """What the owner's policy makes of the audit; ``policy`` is the policy as it was applied.

    ``reasons`` are the sentences behind the verdict, the deciding ones first; ``blocking`` are the
    ids of the findings that fail the gate. Waived findings are never dropped. ``cues`` are those
    of the audit with their answers.
    """

    code: Code
    sentence: Words
    reasons: list[Words] = Field(default_factory=list)
    checks: list[Check] = Field(default_factory=list)
    blocking: list[str] = Field(default_factory=list)
    waived: list[Waived] = Field(default_factory=list)
    cues: list[CueAnswer] = Field(default_factory=list)
    policy: dict[str, Any] = Field(default_factory=dict)

    @property
    def word(self) -> str:
        """The verdict in the words of people."""
        return WORDS[self.code]


class Review(Part):
    """``review.json``. ``as_of`` is the day (YYYY-MM-DD) on which expiry was judged."""

    format: Literal["concept-auditor/review"] = "concept-auditor/review"
    version: Literal[2] = 2
    run: str
    as_of: str
    comparison: Comparison | None = None
    decisions: list[DecisionState] = Field(default_factory=list)
    judgement: Judgement | None = None
