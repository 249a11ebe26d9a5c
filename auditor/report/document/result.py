"""``audit.json``: everything a reader of the report sees, versioned, as strict plain JSON.

Templates draw this document and nothing else. It holds no time, path or host: those are arguments
of rendering (`RenderContext`), so that two runs of one audit give the same bytes. Images are named
by content digest and lie in the run folder's ``images/``.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from auditor.records.accounting import Agreement, ClassCount
from auditor.records.concepts import ConceptQuality, MapCard, RankingCard, ReferenceCard
from auditor.records.part import Crop as Crop
from auditor.records.part import Interval as Interval
from auditor.records.part import Number as Number
from auditor.records.part import Part as Part
from auditor.records.part import Picture as Picture
from auditor.records.part import Words as Words
from auditor.records.shortcuts import Assessment, Carrier, Factors, SearchLimits
from auditor.report.document.analyses import (
    ErrorReport,
    Identity,
    LayerUnits,
    LeadUnit,
    Planes,
    StrategyReport,
)
from auditor.report.document.codes import WORDS, Code
from auditor.report.document.review import Review

FORMAT_VERSION = 2


class Tool(Part):
    """The program that made the result, and what it ran on."""

    name: str
    version: str
    packages: dict[str, str]
    device: str


class Scope(Part):
    """What the owner says about the model; empty strings are shown as placeholders."""

    name: str
    title: Words
    owner: str
    purpose: str
    out_of_scope: str
    model_version: str
    prepared_for: str
    prepared_by: str
    classification: str


class ModelCard(Part):
    """The model as audited. ``weights`` is a file name, ``digest`` of its parameters."""

    source: str
    weights: str
    digest: str
    parameters: int
    outputs: int
    input_size: tuple[int, int]
    preprocessing: Words


class Quarantined(Part):
    """An image that could not be used, and why."""

    path: str
    reason: Words


class DataCard(Part):
    """The data as audited. ``excluded``: reason -> count; ``counts``: class -> images used.

    ``total`` counts images that were looked at, ``classes`` all that was found; ``lost_share`` is
    how much of it could not be used; ``contradiction`` what the answers say against the rule by
    which labels met outputs.
    """

    source: str
    digest: str
    total: int
    used: int
    counts: dict[str, int]
    excluded: dict[str, int]
    quarantined: list[Quarantined]
    label_rule: Words
    metadata: list[str]
    discovery: int
    test: int
    classes: list[ClassCount] = Field(default_factory=list)
    lost_share: Number = 0.0
    contradiction: Agreement | None = None

    @property
    def unusable(self) -> int:
        """Number of pictures found that could not be used: not read, or broken."""
        return sum(each.lost for each in self.classes) if self.classes else len(self.quarantined)

    @property
    def found(self) -> int:
        """Number of pictures found, without those that were left out by choice."""
        return self.used + self.unusable


class ClassPerformance(Part):
    """Recall of one class, and the classes its images are most often taken for."""

    name: str
    n: int
    accuracy: Interval
    confused_with: list[tuple[str, int]]


class CalibrationBin(Part):
    """Pictures whose confidence lies between ``low`` and ``high``, with their mean confidence."""

    low: Number
    high: Number
    confidence: Number
    accuracy: Interval


class Calibration(Part):
    """Whether confidence is accuracy. ``error``: expected calibration error with its interval."""

    error: Interval
    confidence: Number
    bins: list[CalibrationBin]
    note: Words
    figure: Picture | None = None


class LabelPerformance(Part):
    """How well the model tells whether one of several labels is present.

    ``threshold`` is the probability from which on it is decided as present, in ``decided`` pictures
    of those of which it is known. ``calibration``: expected calibration error of its probability.
    A measure is None where no picture has the label, or none is known to be without it.
    """

    name: str
    threshold: Number
    present: int
    absent: int
    uncertain: int
    decided: int
    auroc: Interval | None
    auprc: Interval | None
    f1: Interval | None
    calibration: Interval | None


class SliceRow(Part):
    """Accuracy on the pictures with one value of a metadata column."""

    value: Words
    accuracy: Interval


class SliceTable(Part):
    """Accuracy by one metadata column, worst first.

    ``unknown`` pictures have no value there, ``small`` are of values with too few pictures;
    ``note`` says why there are no rows.
    """

    column: str
    rows: list[SliceRow]
    unknown: int
    small: int
    note: Words


class GroupTable(Part):
    """Accuracy of each class with each combination of values of ``columns``, worst first.

    ``worst`` is that of the worst group, called ``name``, with an interval that holds for all
    groups at once. Of ``groups`` in the data ``small`` have too few pictures to be in ``rows``;
    ``unknown`` pictures lack a value. ``note`` says why there are no rows.
    """

    columns: list[str]
    worst: Interval | None
    name: Words
    rows: list[SliceRow]
    groups: int
    small: int
    unknown: int
    note: Words


class Performance(Part):
    """Top-1 accuracy overall, per class and by metadata (Wilson intervals), and calibration.

    ``counts`` has a row for each of ``classes``: its pictures by what they are taken for, one of
    ``classes`` in their order or, last, any other. Empty where there are too many to be read.
    Where pictures have several labels, these are not measured (n of the accuracy is 0): each label
    is, and ``confusion`` shows which labels come together. ``left_out`` says what was not measured.
    """

    accuracy: Interval
    classes: list[ClassPerformance]
    confusion: Picture | None
    counts: list[list[int]] = Field(default_factory=list)
    calibration: Calibration | None = None
    slices: list[SliceTable] = Field(default_factory=list)
    groups: GroupTable | None = None
    labels: list[LabelPerformance] = Field(default_factory=list)
    left_out: Words = ""


class Concept(ConceptQuality):
    """A concept: a channel of a layer, with its reference samples.

    ``id`` is ``layer/channel`` and unique. ``seen`` is a working name by what was measured in the
    reference samples, empty without one. ``jaccard`` compares the sets of reference samples by
    relevance and by activation. ``left_out`` counts near-duplicates that are not among the
    reference samples by relevance (None: not looked for).
    """

    id: str
    layer: str
    channel: int
    name: str
    seen: Words = ""
    by_relevance: list[Crop]
    by_activation: list[Crop]
    jaccard: Number
    subspace: str | None
    classes: list[str]
    left_out: int | None = None
    left_out_by_activation: int | None = None


class ConceptRow(Part):
    """How a class uses a concept: a row of its concept table. Shares have no unit.

    ``crops`` are the concept's reference samples within this class, with heatmaps explained as
    this class; where the class has few, the concept's best samples of other classes follow (their
    label tells). ``shared_with`` are the other audited classes that lead with the concept too.
    """

    concept: str
    rank: int
    rank_low: int
    rank_high: int
    share: Number
    spread: Number
    positive: Number
    frequency: Number
    shared_with: list[str]
    crops: list[Crop]


class LayerTable(Part):
    """The concept table of a class at one layer.

    ``lead`` are larger units, shown first where single channels are not distinct, and
    ``lead_sentence`` says what they are.
    """

    layer: str
    top: int
    coverage: Number
    rows: list[ConceptRow]
    lead: list[LeadUnit] = Field(default_factory=list)
    lead_sentence: Words = ""


class LegendEntry(Part):
    """A colour of an atlas and the concept it stands for."""

    colour: str
    concept: str
    share: Number


class AtlasSample(Part):
    """A sample coloured by the concept that dominates each superpixel.

    ``alone`` is the heatmap without the photograph.
    """

    sample: str
    layer: str
    prediction: str
    photo: Picture
    heatmap: Picture
    atlas: Picture
    legend: list[LegendEntry]
    alone: Picture | None = None


class ClassReport(Part):
    """Everything about one audited class. ``note`` says why a part is empty or small.

    ``searched``: its images were enough for the causal tests (None: made before this was kept).
    """

    name: str
    output: int
    n: int
    members: int
    tables: list[LayerTable]
    atlas: list[AtlasSample]
    note: Words
    searched: bool | None = None


class SubspaceCard(Part):
    """A cluster of concepts that mean the same. ``share``: class -> mean relevance share."""

    id: str
    layer: str
    concepts: list[str]
    similarity: Number
    share: dict[str, Number]


class SubspaceLayer(Part):
    """The subspaces of one layer, and how their number was chosen."""

    layer: str
    compared: int
    rule: Words
    silhouette: Number
    subspaces: list[SubspaceCard]
    figure: Picture | None


class GraphNode(Part):
    """A unit of a composition graph: the class (``concept`` is empty) or a concept.

    ``share`` is the part of the class's score that reaches it through the units drawn above it.
    Of what reaches it, ``rest`` goes to the ``others`` concepts that are not drawn, ``bypass``
    past the next layer, and ``absorbed`` to biases and rounding; with the edges these make 1. They
    are None on the lowest level. ``sample`` is the picture that its crop is from.
    """

    level: int
    concept: str
    share: Number
    rest: Number | None
    others: int
    bypass: Number | None
    absorbed: Number | None
    sample: str
    crop: Picture | None


class GraphEdge(Part):
    """Part of what reaches the node ``source`` that goes on to ``target`` (places in nodes)."""

    source: int
    target: int
    share: Number


class CompositionCard(Part):
    """What the decision for a class is made of, over ``n`` pictures; of a finding if it is named.

    ``reason`` says why there is no graph.
    """

    class_name: str
    finding: str
    n: int
    nodes: list[GraphNode]
    edges: list[GraphEdge]
    reason: Words


class CompositionPart(Part):
    """All composition graphs. ``layers``: the upper one first; ``reason``: why there are none."""

    layers: list[str]
    keep: int
    cards: list[CompositionCard]
    reason: Words


class LocalConceptRow(Part):
    """A leading concept of one picture, with its heatmap there and what it sees there."""

    concept: str
    share: Number
    heatmap: Picture
    crop: Picture


class RegionRow(Part):
    """The relevance of a concept inside a region, in units of the explained score."""

    concept: str
    relevance: Number
    share: Number


class RegionCard(Part):
    """A region of a picture, ``box`` in pixels (x, y, width, height), and its concepts ranked.

    ``part`` is the part of the picture's relevance in the region; a row's ``share`` is part of the
    absolute relevance of the ranked concepts in it.
    """

    box: tuple[int, int, int, int]
    chosen: Words
    picture: Picture
    total: Number
    part: Number
    rows: list[RegionRow]


class LocalCard(Part):
    """One picture looked at closely. ``why``: why this one; ``covered``: see ``compared``.

    The region's ranking is among the ``compared`` concepts with the most relevance in the
    picture, which hold the part ``covered`` of it. ``alone`` is the heatmap without the photograph.
    """

    sample: str
    label: str
    explained: str
    prediction: str
    why: Words
    layer: str
    photo: Picture
    heatmap: Picture
    concepts: list[LocalConceptRow]
    regions: list[RegionCard]
    compared: int
    covered: Number
    alone: Picture | None = None


class LocalPart(Part):
    """The pictures that are looked at closely, and what could not be."""

    cards: list[LocalCard]
    notes: list[Words]


class TripletCard(Part):
    """A target image before, with the candidate's region, and with a control.

    ``steps`` says in a few words what each picture is, where it is something else, as the pictures
    of swapped surroundings are.
    """

    target: str
    reference: str
    control: Words
    pictures: tuple[Picture, Picture, Picture]
    probabilities: tuple[Number, Number, Number]
    predictions: tuple[str, str, str]
    steps: tuple[Words, Words, Words] | None = None


class FindingCard(Assessment):
    """A clever-Hans candidate with its evidence: one sheet of the report.

    ``outlined`` are members with the region outlined, ``aligned`` the regions cut out side by side.
    ``what`` is one short plain phrase for tables and the summary. ``carriers`` are the pictures of
    the class, of those that the search looked at, to take again or to mask: of grade A or B, and no
    context, which every picture has. In nine of ten members no more than ``outside`` of the region
    lies off the masks of the objects, None without masks.
    """

    id: str
    title: Words
    what: Words
    class_name: str
    kind: str
    shape: Words
    images: int
    plausibility: Number
    terms: dict[str, Number]
    outside: Number | None = None
    outlined: list[Picture]
    aligned: list[Picture]
    triplets: list[TripletCard]
    concepts: list[str]
    carriers: list[Carrier] = Field(default_factory=list)


class RuleCount(Part):
    """Which relevance rule ran at how many nodes of an operation."""

    operation: str
    rule: str
    nodes: int


class LayerCard(Part):
    """An audited layer. ``cuts``: every path passes through it, so its concepts share out all."""

    layer: str
    concepts: int
    size: tuple[int, int]
    cuts: bool


class Method(Part):
    """How relevance was computed and how exact it is.

    ``conservation`` is the median over samples of input relevance over the explained logit, with
    the 95 % interval of a median by order statistics (None: fewer than 6 samples, or not kept).
    """

    composite: str
    rules: list[RuleCount]
    layers: list[LayerCard]
    conservation: Number | None
    conservation_n: int
    conservation_low: Number | None = None
    conservation_high: Number | None = None
    notes: list[Words]
    references: list[ReferenceCard] = Field(default_factory=list)


class Verdict(Part):
    """The audit in one word and one sentence; ``gaps``: what did not run and cannot be passed.

    ``code`` is what programs compare: `auditor.report.document.codes` has the table. It is by the
    evidence alone, as if nobody had decided anything. ``headline`` is what stands before all else,
    the sentence begins with it; ``worse``: that the model is worse than a guess.
    """

    code: Code
    sentence: Words
    gaps: list[Words] = Field(default_factory=list)
    headline: Words = ""
    worse: bool = False

    @property
    def word(self) -> str:
        """The verdict in the words of people."""
        return WORDS[self.code]


class NotRun(Part):
    """A part of the audit that did not run, and why."""

    part: Words
    reason: Words


class AuditResult(Part):
    """The whole audit. ``faces``: one reference sample of each concept without a card, by id.

    ``cues`` are the ids of what is proven to steer a class without looking like an artefact, which
    a person is asked about: findings, or factors of whole pictures.
    ``sections`` holds the parts of sections that plug-ins add, by name, as plain values.
    ``language`` is that of sentences which an earlier version wrote out in another than English.
    """

    format: Literal["concept-auditor/audit"] = "concept-auditor/audit"
    version: Literal[2] = 2
    run: str
    tool: Tool
    scope: Scope
    verdict: Verdict
    does_not_show: list[Words]
    model: ModelCard
    data: DataCard
    performance: Performance
    findings: list[FindingCard]
    cues: list[str] = Field(default_factory=list)
    search: SearchLimits
    concepts: list[Concept]
    faces: dict[str, Crop] = Field(default_factory=dict)
    classes: list[ClassReport]
    overview: Picture | None
    subspaces: list[SubspaceLayer]
    composition: CompositionPart | None = None
    local: LocalPart | None = None
    maps: list[MapCard] = Field(default_factory=list)
    units: list[LayerUnits] = Field(default_factory=list)
    planes: Planes | None = None
    strategies: StrategyReport | None = None
    errors: ErrorReport | None = None
    ranking: list[RankingCard] = Field(default_factory=list)
    identity: Identity | None = None
    factors: Factors | None = None
    method: Method
    not_run: list[NotRun]
    config: str
    language: str = "en"
    sections: dict[str, Any] = Field(default_factory=dict)


class RenderContext(Part):
    """What rendering is told besides the result: times and the run's own bookkeeping.

    ``created`` is ISO 8601 in UTC; ``stages`` is stage -> seconds; ``command`` redoes the audit.
    ``tier`` says how much of the result is drawn; ``sections`` names what of it, in order (None:
    all that the tier has); ``language`` is the code of its language. ``review``
    is what people and policy make of it, where there is any.
    """

    created: str
    stages: dict[str, Number] = Field(default_factory=dict)
    command: str = ""
    tier: Literal["executive", "standard", "technical"] = "standard"
    sections: list[str] | None = None
    language: str = "en"
    review: Review | None = None
