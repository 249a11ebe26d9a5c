"""What the whole audit will cost, from what one batch cost and what the config asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.config import Config
    from auditor.relevance.check import Check
    from auditor.relevance.check_cost import HeatmapCost
    from auditor.subject import Subject

ATLAS_CONCEPTS = 12
PICTURES_EACH = 2
ARRAYS_PER_CHANNEL = 12  # bytes: relevance, activation and peak position
SHOWINGS = 6
PER_CANDIDATE = 2.5  # seconds
WRITING = 25.0  # seconds; what comes besides takes about as long as the reference samples
STORED_TWICE = 2  # in shards and in the merged record


@dataclass(frozen=True)
class Estimate:
    """What the audit takes: upper bounds, but for two rough figures.

    ``search_seconds`` is of the search for candidates, ``rest_seconds`` of the other analyses and
    of writing the reports; both are fitted to audits of seven models, within a factor of two.

    Seconds and bytes; ``heatmaps`` counts conditional heatmaps: two for every reference sample of
    every concept that leads a class, and those of the atlas.
    """

    images: int
    classes: int
    heatmaps: int
    loading_seconds: float
    statistics_seconds: float
    heatmap_seconds: float
    search_seconds: float
    rest_seconds: float
    array_bytes: int
    pictures: int
    picture_bytes: int

    @property
    def seconds(self) -> float:
        """Return all of them."""
        passes = self.loading_seconds + self.statistics_seconds
        return passes + self.heatmap_seconds + self.search_seconds + self.rest_seconds


def estimate(
    check: Check,
    config: Config,
    subject: Subject,
    *,
    load_seconds: float,
    picture_bytes: float,
) -> Estimate | None:
    """Return what the audit costs at most; None where nothing could be measured.

    ``load_seconds``: of reading one image; ``picture_bytes``: of one picture of the report.
    """
    if check.cost is None:
        return None
    images = len(subject.manifest)
    classes = _classes(config, subject.manifest.labels.tolist())
    arrays = STORED_TWICE * images * 4 * len(subject.manifest.classes)
    heatmaps, pictures, seconds = 0, 0, 0.0
    for layer, cost in zip(check.layers, check.cost.heatmaps, strict=True):
        samples = _reference_samples(config, classes, layer.channels, images)
        atlas = classes * config.audit.atlas_samples if layer is check.layers[-1] else 0
        maps = 2 * samples + atlas * ATLAS_CONCEPTS
        heatmaps += maps
        pictures += PICTURES_EACH * samples + 3 * atlas
        seconds += _seconds(cost, maps, min(samples, images * (1 + classes)) + atlas)
        arrays += STORED_TWICE * images * layer.channels * ARRAYS_PER_CHANNEL
    return Estimate(
        images=images,
        classes=classes,
        heatmaps=heatmaps,
        loading_seconds=images * load_seconds,
        statistics_seconds=images * check.cost.statistics,
        heatmap_seconds=seconds,
        search_seconds=_search(config, classes, check.cost.forward),
        rest_seconds=WRITING + seconds,
        array_bytes=arrays,
        pictures=pictures,
        picture_bytes=int(pictures * picture_bytes),
    )


def _classes(config: Config, labels: Sequence[int]) -> int:
    if config.audit.classes is not None:
        return len(config.audit.classes)
    return min(len(set(labels)), config.audit.max_classes)


def _reference_samples(config: Config, classes: int, channels: int, images: int) -> int:
    """Return how many reference samples are drawn at most at one layer."""
    audit = config.audit
    leading = classes * audit.concepts
    shown = min(leading, channels)
    over_all = min(audit.references, images) + min(audit.references, 6, images)
    return shown * over_all + leading * min(audit.class_references, images)


def _search(config: Config, classes: int, forward: float) -> float:
    """Return what the search takes.

    A candidate is shown to targets and members about six times, and costs a fixed time besides.
    """
    if not config.shortcuts.enabled:
        return 0.0
    asked = config.shortcuts
    candidates = min(asked.total, classes * asked.per_class)
    shown = SHOWINGS * (asked.targets + asked.members)
    return candidates * (shown * forward + PER_CANDIDATE)


def _seconds(cost: HeatmapCost, maps: int, runs: int) -> float:
    return maps * cost.per_map + runs * cost.per_image
