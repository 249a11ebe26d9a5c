"""The frozen records that pass between stages: numpy arrays, strings and numbers, never torch.

Axes: ``sample`` N (rows of one table, numbered once, quarantined rows included), ``output`` K
(outputs of the model), ``class`` (audited classes), ``concept`` C (channels of one layer),
``reference`` k, ``member`` n, image ``height width``. Relevance is signed and in units of the
explained logit; a share is divided by the sum of absolute relevance and has no unit. Unused
slots of an index array hold -1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from pydantic import InstanceOf

from auditor.records.part import Crop, Picture
from auditor.records.several import Several, masked
from auditor.records.shortcuts import Assessment, Factors, Plausibility, SearchLimits

Origin = Literal["relevance", "activation"]


@dataclass(frozen=True)
class Manifest:
    """The validation set before anything is decoded: one row per sample.

    ``paths`` are relative to the data source, with forward slashes, unique, and serve as sample
    ids. ``labels`` are output indices of the model.

    ``found`` counts by class what the source holds, and ``excluded``, by class and reason, what of
    it has no row; the class "" is what belongs to none. Of the reasons ``not_pictures`` are of
    files that are none (hidden, text), ``by_choice`` of what was not asked for; all others are a
    loss. See `auditor.records.accounting`. ``several``: pictures have several labels, each of which
    is asked by itself; None: each has one of the classes.
    """

    paths: tuple[str, ...]
    labels: Int[np.ndarray, "sample"]
    classes: tuple[str, ...]
    metadata: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    excluded: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    label_rule: str = ""
    found: Mapping[str, int] = field(default_factory=dict)
    not_pictures: tuple[str, ...] = ()
    by_choice: tuple[str, ...] = ()
    several: Several | None = None

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True)
class Samples:
    """What the pass found out about every row of the manifest.

    ``target`` is the output that was explained; ``discovery`` marks the half of the data on which
    candidates may be chosen (the other half measures them). Rows that could not be used have
    ``quarantine[i]`` set to a reason, ``valid[i]`` False and zeros everywhere else.
    ``fingerprint`` (`auditor.relevance.over_data.fingerprints`) tells near-duplicates; None: not
    taken.
    """

    manifest: Manifest
    valid: Bool[np.ndarray, "sample"]
    quarantine: tuple[str | None, ...]
    logits: Float[np.ndarray, "sample output"]
    prediction: Int[np.ndarray, "sample"]
    target: Int[np.ndarray, "sample"]
    discovery: Bool[np.ndarray, "sample"]
    fingerprint: UInt8[np.ndarray, "sample byte"] | None = None

    @property
    def labels(self) -> Int[np.ndarray, "sample"]:
        """Output index of each row's label."""
        return self.manifest.labels

    def about(self, output: int) -> Samples:
        """Return the samples as the question about one output has them.

        Of several labels: one row for each picture of which this label is known, labelled and
        decided as the label or as the last output. Of one class for each picture: as they are.
        """
        several = self.manifest.several
        if several is None:
            return self
        present = several.states[:, output] == 1
        labels = np.where(present, output, several.count)
        logits = masked(self.logits, output)
        return replace(
            self,
            manifest=replace(self.manifest, labels=labels, several=None),
            valid=self.valid & several.one_of_each(output, self.labels),
            logits=logits,
            prediction=np.where(logits[:, output] > logits[:, -1], output, several.count),
        )

    def margin(self, output: int) -> Float[np.ndarray, "sample"]:
        """Return logit of ``output`` minus the largest other logit, in logit units."""
        others = np.delete(self.logits, output, axis=1)
        margins: np.ndarray = self.logits[:, output] - others.max(axis=1)
        return margins

    def members(self, output: int) -> Int[np.ndarray, "member"]:
        """Return the valid rows whose label, prediction and explained target are ``output``."""
        own = (self.labels == output) & (self.prediction == output) & (self.target == output)
        return np.flatnonzero(self.valid & own)


@dataclass(frozen=True)
class LayerRelevance:
    """Relevance of every concept of one layer in every sample.

    ``relevance`` is summed over positions; ``peak`` is the flat index into ``size`` (h, w) of the
    most relevant position; ``activation`` is the largest activation over positions. By
    ``largest_relevance`` over positions and ``summed_activation`` reference samples are chosen
    where they are given.
    """

    layer: str
    size: tuple[int, int]
    relevance: Float[np.ndarray, "sample concept"]
    peak: Int[np.ndarray, "sample concept"]
    activation: Float[np.ndarray, "sample concept"]
    cuts: bool
    largest_relevance: Float[np.ndarray, "sample concept"] | None = None
    summed_activation: Float[np.ndarray, "sample concept"] | None = None


@dataclass(frozen=True)
class PictureFacts:
    """What is known of every picture by itself, for the table of all pictures.

    ``predicted`` and ``labelled`` are the probabilities of prediction and label, ``leading`` the
    concepts of ``layer`` with the most relevance for the class explained (-1: no more), ``share``
    theirs of the picture's absolute relevance. Rows that could not be used mean nothing.
    """

    layer: str
    predicted: Float[np.ndarray, "sample"]
    labelled: Float[np.ndarray, "sample"]
    leading: Int[np.ndarray, "sample leading"]
    share: Float[np.ndarray, "sample leading"]


@dataclass(frozen=True)
class ConceptStatistics:
    """How each audited class uses each concept of one layer, over the class's members.

    ``frequency`` is the share of members that have the concept among their ``top`` most relevant;
    ``rank`` counts from 1 by mean share; ``rank_low`` and ``rank_high`` are a 95 % bootstrap
    interval of it.
    """

    layer: str
    outputs: tuple[int, ...]
    n: Int[np.ndarray, "class"]
    top: int
    mean_share: Float[np.ndarray, "class concept"]
    spread: Float[np.ndarray, "class concept"]
    positive: Float[np.ndarray, "class concept"]
    frequency: Float[np.ndarray, "class concept"]
    rank: Int[np.ndarray, "class concept"]
    rank_low: Int[np.ndarray, "class concept"]
    rank_high: Int[np.ndarray, "class concept"]


@dataclass(frozen=True)
class References:
    """The reference samples of every concept of one layer, best first, ties by sample row.

    ``output`` is None over all data, else only samples explained as that output count.
    ``peaks`` are flat positions in the layer's feature map. ``left_out`` counts, per concept, the
    samples that would be among them but are near-duplicates of a better one (None: not looked for).
    """

    layer: str
    origin: Origin
    output: int | None
    rows: Int[np.ndarray, "concept reference"]
    scores: Float[np.ndarray, "concept reference"]
    peaks: Int[np.ndarray, "concept reference"]
    left_out: Int[np.ndarray, "concept"] | None = None


@dataclass(frozen=True)
class Subspaces:
    """Clusters of concepts of one layer that mean the same, and how much each class uses them.

    ``concepts`` are the concepts that were compared (columns of ``similarity``), ``cluster`` the
    subspace of each, ``share`` the mean relevance share of each subspace per audited class.
    """

    layer: str
    concepts: Int[np.ndarray, "compared"]
    similarity: Float[np.ndarray, "compared compared"]
    cluster: Int[np.ndarray, "compared"]
    share: Float[np.ndarray, "class subspace"]
    silhouette: float
    rule: str


@dataclass(frozen=True)
class Illustration:
    """A reference sample made visible: what the concept sees there, and the whole picture.

    ``output`` is None for references over all data, else the class they were chosen within.
    ``looked_at`` is where in the whole picture the concept looks, as
    `auditor.concepts.crops.packed` writes it.
    """

    layer: str
    concept: int
    output: int | None
    origin: Origin
    row: int
    crop: Crop
    looked_at: str


@dataclass(frozen=True)
class UnitPicture:
    """Where a unit larger than a concept acts in a sample: its conditional heatmap over it.

    ``unit`` is a number within its ``kind`` at the layer (a subspace, a component); ``output`` is
    the class that a component was found in, None over all classes.
    """

    layer: str
    kind: str
    unit: int
    output: int | None
    row: int
    picture: Picture


@dataclass(frozen=True)
class Atlas:
    """Superpixels of one sample and the concept that dominates each (-1: none is positive)."""

    row: int
    layer: str
    segments: Int[np.ndarray, "height width"]
    dominating: Int[np.ndarray, "segment"]
    concepts: tuple[int, ...]
    share: Float[np.ndarray, "concept"]


@dataclass(frozen=True)
class Candidate:
    """Something a class may rest on that may not be the object: a region in each member.

    ``rows`` are members of the class (discovery and test), ``masks`` the region in each of them at
    input resolution. ``kind`` is the proposal's name, such as P1b, ``shape`` says what was placed,
    ``seen`` what a person sees there (`auditor.shortcuts.seen`). ``examples`` are those of ``rows``
    whose region does most, most first; they are what is shown.
    """

    id: str
    output: int
    kind: str
    shape: str
    layer: str | None
    concepts: tuple[int, ...]
    rows: Int[np.ndarray, "member"]
    masks: Bool[np.ndarray, "member height width"]
    score: float
    reason: str
    examples: Int[np.ndarray, "example"] = field(default_factory=lambda: np.zeros(0, dtype=int))
    seen: str = ""


@dataclass(frozen=True)
class Triplet:
    """One target image before, with the candidate's region, and with a control, and what it did.

    ``pictures`` are model inputs shown as pictures; ``probabilities`` are of the candidate's class.
    """

    target_row: int
    reference_row: int
    control: str
    pictures: UInt8[np.ndarray, "3 height width 3"]
    probabilities: tuple[float, float, float]
    predictions: tuple[int, int, int]


class Finding(Assessment):
    """A graded candidate: its regions, what transplants of it show, and what follows."""

    candidate: InstanceOf[Candidate]
    plausibility: Plausibility
    triplets: tuple[InstanceOf[Triplet], ...] = ()


@dataclass(frozen=True)
class ShortcutReport:
    """All findings, best first, the limits of the search, and what it found without a region."""

    findings: tuple[Finding, ...]
    limits: SearchLimits
    whole: Factors = field(default_factory=Factors)
