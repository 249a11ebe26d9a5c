"""What the whole audit will take: the work that each stage states, by what each takes here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auditor.cli.check.rates import Rates
    from auditor.config.audit import Config
    from auditor.relevance.explainer import Explainer
    from auditor.subject import Subject


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


def estimate(config: Config, subject: Subject, explainer: Explainer, rates: Rates) -> Estimate:
    """Return what the audit of a config takes, of which ``rates`` were measured."""
    from auditor.causal.work import most_candidates, work_of_search
    from auditor.pipeline.analyses import work_of_analyses
    from auditor.pipeline.concepts import pass_plan
    from auditor.pipeline.illustrate import work_of_atlas, work_of_samples
    from auditor.records.work import Work
    from auditor.report.show.render import work_of_writing

    manifest, audit = subject.manifest, config.audit
    images = min(len(manifest), config.data.limit or len(manifest))
    present = len(set(manifest.labels.tolist()))
    classes = min(present, audit.max_classes) if audit.classes is None else len(audit.classes)
    layers = tuple(cost.layer for cost in rates.heatmaps)
    channels = [explainer.channels(layer) for layer in layers]
    reading = Work(read=images)
    relevance = pass_plan(audit, layers).work(images, channels, len(manifest.classes))
    samples = [work_of_samples(audit, images, classes, count) for count in channels]
    atlas = work_of_atlas(audit, classes)
    drawn = sum(rates.seconds(work, layer) for layer, work in enumerate(samples))
    drawn += rates.seconds(atlas)
    search = work_of_search(config.shortcuts, images, classes, subject.preprocessing.size)
    pictures = sum(work.pictures for work in (*samples, atlas))
    return Estimate(
        images=images,
        classes=classes,
        heatmaps=round(sum(work.maps for work in (*samples, atlas))),
        candidates=most_candidates(config.shortcuts, images, classes),
        passes=round(search.edited),
        loading_seconds=rates.seconds(reading),
        statistics_seconds=rates.seconds(relevance),
        heatmap_seconds=drawn,
        search_seconds=rates.seconds(search),
        rest_seconds=drawn + rates.seconds(work_of_analyses()),
        writing_seconds=rates.seconds(work_of_writing(classes, config.report.formats)),
        array_bytes=round(relevance.stored),
        pictures=round(pictures),
        picture_bytes=round(pictures * rates.picture_bytes),
    )
