"""What the whole audit will take: passes counted from the config, times what each takes here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.cli.check.search_cost import search_cost

if TYPE_CHECKING:
    from auditor.cli.check.speed import Speed
    from auditor.config.audit import Config
    from auditor.relevance.check.cost import HeatmapCost
    from auditor.relevance.check.explained import Check
    from auditor.subject import Subject

ATLAS_CONCEPTS = 12
PICTURES_EACH = 2
ARRAYS_PER_CHANNEL = 12  # bytes: relevance, activation and peak position
SAMPLES_OF_AN_IMAGE = 3  # at least: 1,742 reference samples of the demo lie in 379 images
STORED_TWICE = 2  # in shards and in the merged record
# Seconds on the reference machine (see `auditor.cli.check.speed`) that run no model.
PER_SAMPLE = 0.0025  # of a reference sample: outline, crop, files
OTHERS = 8.0  # of the other analyses, besides as long as the reference samples
WRITING, WRITING_CLASS = 8.0, 1.5
PDF, PDF_CLASS = 4.0, 1.0


@dataclass(frozen=True)
class Estimate:
    """What the audit takes, in seconds and bytes, by what was timed of this model here and now.

    ``heatmaps`` counts conditional heatmaps: of the reference samples of every concept that leads
    a class, and those of the atlas. ``passes`` counts images that the search shows the model, for
    so many ``candidates``. ``rest_seconds``: the other analyses; ``writing_seconds``: the result
    and the reports.
    """

    images: int
    classes: int
    heatmaps: int
    candidates: int
    passes: int
    loading_seconds: float
    statistics_seconds: float
    heatmap_seconds: float
    search_seconds: float
    rest_seconds: float
    writing_seconds: float
    array_bytes: int
    pictures: int
    picture_bytes: int

    @property
    def seconds(self) -> float:
        """Return all of them."""
        passes = self.loading_seconds + self.statistics_seconds + self.heatmap_seconds
        return passes + self.search_seconds + self.rest_seconds + self.writing_seconds


def estimate(
    check: Check,
    config: Config,
    subject: Subject,
    speed: Speed,
    *,
    load_seconds: float,
    picture_bytes: float,
) -> Estimate | None:
    """Return what the audit takes; None where nothing could be measured.

    ``load_seconds``: of reading one image; ``picture_bytes``: of one picture of the report.
    """
    if check.cost is None:
        return None
    images = min(len(subject.manifest), config.data.limit or len(subject.manifest))
    classes = _classes(config, subject.manifest.labels.tolist())
    arrays = STORED_TWICE * images * 4 * len(subject.manifest.classes)
    heatmaps, pictures, seconds = 0, 0, 0.0
    for layer, cost in zip(check.layers, check.cost.heatmaps, strict=True):
        samples = _reference_samples(config, classes, layer.channels, images)
        atlas = classes * config.audit.atlas_samples if layer is check.layers[-1] else 0
        maps = samples + atlas * ATLAS_CONCEPTS
        heatmaps += maps
        pictures += PICTURES_EACH * samples + 3 * atlas
        seconds += _seconds(cost, maps, min(samples // SAMPLES_OF_AN_IMAGE, images) + atlas)
        seconds += samples * (PICTURES_EACH * speed.picture + PER_SAMPLE * speed.slower)
        arrays += STORED_TWICE * images * layer.channels * ARRAYS_PER_CHANNEL
    search = search_cost(
        config.shortcuts,
        images,
        classes,
        subject.preprocessing.size,
        speed,
        per_map=check.cost.heatmaps[-1].per_map if check.cost.heatmaps else 0.0,
        per_image=check.cost.statistics,
    )
    return Estimate(
        images=images,
        classes=classes,
        heatmaps=heatmaps,
        candidates=search.candidates,
        passes=search.passes,
        loading_seconds=images * load_seconds,
        statistics_seconds=images * check.cost.statistics,
        heatmap_seconds=seconds,
        search_seconds=search.seconds,
        rest_seconds=seconds + OTHERS * speed.slower,
        writing_seconds=_writing(config, classes) * speed.slower,
        array_bytes=arrays,
        pictures=pictures,
        picture_bytes=int(pictures * picture_bytes),
    )


def _writing(config: Config, classes: int) -> float:
    pdf = PDF + PDF_CLASS * classes if "pdf" in config.report.formats else 0.0
    return WRITING + WRITING_CLASS * classes + pdf


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


def _seconds(cost: HeatmapCost, maps: int, runs: int) -> float:
    return maps * cost.per_map + runs * cost.per_image
