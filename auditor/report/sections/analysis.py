"""What the stages of an audit found: what the sections of the report are built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from numpy import ndarray

from auditor.records.accounting import Agreement
from auditor.records.concepts import (
    ConfusedPair,
    DecisionPlane,
    Empty,
    FlippingCurves,
    Mistakes,
    PositionalComponents,
    RelevanceDirections,
    Strategies,
    UnitChoice,
)
from auditor.records.part import Picture, SampleView
from auditor.records.stages import (
    ConceptStatistics,
    Illustration,
    LayerRelevance,
    References,
    Samples,
    ShortcutReport,
    Subspaces,
    UnitPicture,
)
from auditor.report.document.result import (
    AtlasSample,
    CompositionPart,
    LocalPart,
    ModelCard,
    RuleCount,
)

# Of a finding: photographs with the region outlined, and the regions cut out.
RegionPictures = tuple[tuple[Picture, ...], tuple[Picture, ...]]


@dataclass(frozen=True)
class LayerAnalysis:
    """The concepts of a layer, found by ``stage``; ``leading``: output -> its top concepts."""

    stage: str
    layer: LayerRelevance
    statistics: ConceptStatistics
    by_relevance: References
    by_activation: References
    per_class: tuple[References, ...]
    leading: Mapping[int, tuple[int, ...]]
    subspaces: Subspaces

    @property
    def shown(self) -> tuple[int, ...]:
        """Return the concepts that lead some class, in channel order."""
        return tuple(sorted({c for concepts in self.leading.values() for c in concepts}))


@dataclass(frozen=True)
class LayerDecisions:
    """Where the relevance of a layer lies, and what decides between classes there.

    ``class_components`` has one entry per audited class, or none where only components over all
    classes were looked for; ``planes`` one per compared pair; ``curves`` none where the ranking
    was not tested.
    """

    layer: str
    components: PositionalComponents | Empty
    class_components: tuple[PositionalComponents | Empty, ...]
    decision: UnitChoice | Empty
    directions: RelevanceDirections | Empty
    planes: tuple[DecisionPlane | Empty, ...]
    curves: tuple[FlippingCurves, ...]


@dataclass(frozen=True, eq=False)
class ModelFacts:
    """What the report says of the model, the data and the engine as they were loaded.

    ``conservation`` is the input relevance over the explained logit of samples spread over the
    data; ``notes`` are those of loading and of the engine.
    """

    model: ModelCard
    data_digest: str
    composite: str
    rules: tuple[RuleCount, ...]
    notes: tuple[str, ...]
    conservation: Float[ndarray, "sample"]


@dataclass(frozen=True)
class Analysis:
    """Everything the stages found; ``left_out`` counts classes that are not audited in depth.

    ``names`` are working names of concepts by id.
    ``searched`` says of each audited class whether it has images enough for the causal tests.
    ``pairs`` are the classes compared; ``decisions`` has an entry per layer; ``strategies`` (one
    per class) and ``mistakes`` are of the last one; ``further`` are reference samples of concepts
    that these name and that lead no class. ``atlases`` has an entry per audited class,
    ``regions`` one per finding; ``named`` are reference samples of concepts that atlases and single
    pictures name and that have no card.
    """

    samples: Samples
    outputs: tuple[int, ...]
    left_out: int
    agreement: Agreement
    searched: tuple[bool, ...]
    layers: tuple[LayerAnalysis, ...]
    illustrations: tuple[Illustration, ...]
    names: Mapping[str, str]
    shortcuts: ShortcutReport | None
    compositions: CompositionPart
    local: LocalPart
    pairs: tuple[ConfusedPair, ...]
    decisions: tuple[LayerDecisions, ...]
    strategies: tuple[Strategies | Empty, ...]
    mistakes: Mistakes | Empty
    further: tuple[Illustration, ...]
    units: tuple[UnitPicture, ...]
    views: Mapping[int, SampleView]
    facts: ModelFacts
    atlases: tuple[tuple[AtlasSample, ...], ...]
    regions: tuple[RegionPictures, ...]
    named: tuple[Illustration, ...]

    @property
    def deepest(self) -> str:
        """Return the last audited layer."""
        return self.layers[-1].layer.layer
