"""The stage of composition: what the concepts of a decision are made of, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.base.progress import Step
from auditor.concepts.atlas import region_relevance
from auditor.concepts.composition import spread_rows, step, strongest
from auditor.language.numbers import short_number
from auditor.language.speaking import gettext as _
from auditor.pipeline.context import Context
from auditor.pipeline.illustrate import crop_of
from auditor.records.details import (
    CompositionGraph,
    CompositionStep,
)
from auditor.records.part import Picture
from auditor.records.stages import Finding, LayerRelevance, Samples, ShortcutReport
from auditor.relevance.explainer import Explainer
from auditor.relevance.over_data.flows import chain_of, mean_flow
from auditor.relevance.over_data.heatmaps import (
    Heatmap,
    MapRequest,
    concept_maps,
    sample_concept_maps,
)
from auditor.report.document.result import CompositionPart
from auditor.report.sections.analysis import LayerAnalysis
from auditor.report.sections.composition import Key, composition_card
from auditor.report.sections.findings import finding_ids
from auditor.report.show.picture_store import ImageStore
from auditor.subject import Subject

# Samples that a graph is a mean over, of which a region's concepts are looked up in a few.
SAMPLES = 12
LOOKED_UP = 4
COMPARED = 12
GRADES = ("A", "B")


@dataclass(frozen=True)
class Composer:
    """Decomposes decisions of one subject. ``chain`` are the audited layers, the last one first."""

    subject: Subject
    explainer: Explainer
    samples: Samples
    layers: Mapping[str, LayerRelevance]
    chain: tuple[str, ...]
    keep: int
    batch: int

    def all(
        self,
        outputs: Sequence[int],
        shortcuts: ShortcutReport | None,
        store: ImageStore,
        progress: Step,
    ) -> CompositionPart:
        """Return the graph of every class and of every finding of grade A or B, with crops."""
        reason = self.why_not()
        if reason:
            return CompositionPart(layers=list(self.chain), keep=self.keep, cards=[], reason=reason)
        graphs = []
        for output in outputs:
            graphs.append(self.of_class(output))
            progress(1)
        for finding in graded(shortcuts):
            graphs.append(self.of_finding(finding))
            progress(1)
        crops, findings = self.crops(graphs, store), finding_ids(shortcuts)
        cards = [composition_card(graph, self.samples, findings, crops) for graph in graphs]
        return CompositionPart(layers=list(self.chain), keep=self.keep, cards=cards, reason="")

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the path of every sample."""
        return self.samples.manifest.paths

    def why_not(self) -> str:
        """Return why there can be no graph, or nothing."""
        if self.keep == 0:
            return _("Composition is switched off in the config (audit.composition: 0).")
        if len(self.chain) < 2:
            return _(
                "Only one layer is audited (%(chain)s), so its concepts cannot be traced to a "
                "lower layer. Name a second one in audit.layers.",
                chain=self.chain[0],
            )
        return ""

    def of_class(self, output: int) -> CompositionGraph:
        """Return the graph of a class's own strongest concepts, over its members."""
        return self._graph(output, None, self.samples.members(output), None)

    def of_finding(self, finding: Finding) -> CompositionGraph:
        """Return the graph of the concepts behind a candidate, over the images that carry it."""
        candidate = finding.candidate
        places = spread_rows(np.arange(len(candidate.rows)), SAMPLES)
        top: Sequence[int] = candidate.concepts
        if candidate.layer != self.chain[0] or not len(top):
            top = self._in_region(finding, places)
        return self._graph(candidate.output, candidate.id, candidate.rows, top)

    def crops(self, graphs: Sequence[CompositionGraph], store: ImageStore) -> dict[Key, Picture]:
        """Return the crop of every node of the graphs, each once."""
        wanted: dict[Key, int] = {}
        for graph in graphs:
            for part, rows in zip(graph.steps, graph.best, strict=True):
                for concept, row in zip(part.children, rows, strict=True):
                    wanted.setdefault((part.lower, concept, row), graph.output)
        requests = [self._request(key, output) for key, output in wanted.items()]
        maps = concept_maps(
            self.explainer,
            self.subject.load,
            requests,
            self.samples.target,
            batch=self.batch,
        )
        return {
            key: self._crop(request, *shown, store)
            for key, request, shown in zip(wanted, requests, maps, strict=True)
        }

    def _graph(
        self,
        output: int,
        candidate: str | None,
        members: np.ndarray,
        top: Sequence[int] | None,
    ) -> CompositionGraph:
        rows = spread_rows(members, SAMPLES)
        name = self.samples.manifest.classes[output]
        if not len(rows):
            return _empty(
                output, candidate, rows, _("No image is recognised as '%(name)s'.", name=name)
            )
        logit = float(self.samples.logits[rows, output].mean(dtype=np.float64))
        if logit <= 0:
            why = _(
                "The mean score of '%(name)s' is %(logit)s here. It is not above zero, so "
                "it cannot be divided into shares.",
                name=name,
                logit=short_number(logit, 2),
            )
            return _empty(output, candidate, rows, why)
        steps = self._steps(output, rows, logit, top)
        best = tuple(self._best(part, rows) for part in steps)
        return CompositionGraph(output, candidate, rows, steps, best)

    def _steps(
        self, output: int, rows: np.ndarray, logit: float, top: Sequence[int] | None
    ) -> tuple[CompositionStep, ...]:
        """Follow the flow down: each level is conditioned on all that was kept above it."""
        steps: list[CompositionStep] = []
        kept: dict[str, tuple[int, ...]] = {}
        upper: str | None = None
        parents: tuple[int, ...] = (output,)
        reaches = np.array([logit])
        for lower in self.chain:
            conditions: list[Mapping[str, tuple[int, ...]]] = [{}]
            if upper is not None:
                conditions = [{**kept, upper: (parent,)} for parent in parents]
            arrives, bypass = mean_flow(
                self.explainer,
                self.subject.load,
                [int(row) for row in rows],
                output,
                conditions,
                lower,
                batch=self.batch,
            )
            chosen = strongest(arrives, self.keep)
            if upper is None and top:
                chosen = tuple(int(concept) for concept in top[: self.keep])
            found = step(upper, lower, parents, chosen, reaches, arrives, bypass)
            steps.append(found)
            if upper is not None:
                kept[upper] = parents
            upper, parents, reaches = lower, chosen, found.flow.sum(axis=0)
        return tuple(steps)

    def _in_region(self, finding: Finding, places: np.ndarray) -> tuple[int, ...]:
        """Return the concepts with the most relevance inside a candidate's region, best first."""
        candidate, layer = finding.candidate, self.layers[self.chain[0]]
        mean = layer.relevance[candidate.rows[places]].mean(axis=0)
        compared = [int(c) for c in np.argsort(-mean, kind="stable")[:COMPARED]]
        inside = np.zeros(len(compared))
        for place in places[:: max(1, len(places) // LOOKED_UP)]:
            maps = sample_concept_maps(
                self.explainer,
                self.subject.load,
                layer.layer,
                int(candidate.rows[place]),
                candidate.output,
                compared,
            )
            inside += region_relevance(maps, np.asarray(candidate.masks[place]))
        order = np.argsort(-inside, kind="stable")[: self.keep]
        return tuple(compared[place] for place in order)

    def _best(self, part: CompositionStep, rows: np.ndarray) -> tuple[int, ...]:
        relevance = np.abs(self.layers[part.lower].relevance[rows][:, list(part.children)])
        return tuple(int(row) for row in rows[relevance.argmax(axis=0)])

    def _request(self, key: Key, output: int) -> MapRequest:
        name, concept, row = key
        layer = self.layers[name]
        score = float(layer.relevance[row, concept])
        # The peak is where relevance is largest: of a concept against the class it says nothing.
        peak = int(layer.peak[row, concept]) if score > 0 else None
        return MapRequest(name, (concept,), output, "relevance", row, score, peak)

    def _crop(
        self, request: MapRequest, heatmap: Heatmap, field: Heatmap | None, store: ImageStore
    ) -> Picture:
        heatmap = heatmap if request.score > 0 else -heatmap
        photo, path = self.subject.picture(request.row), self.paths[request.row]
        return crop_of(request, heatmap, field, photo, path, store)


def compositions(
    context: Context, layers: Sequence[LayerAnalysis], shortcuts: ShortcutReport | None
) -> CompositionPart:
    """Return the graph of every class and of every finding of grade A or B, with crops."""
    audit = context.config.audit
    by_name = {analysis.layer.layer: analysis.layer for analysis in layers}
    composer = Composer(
        context.subject,
        context.explainer,
        context.samples,
        by_name,
        chain_of(context.explainer, list(by_name)),
        audit.composition,
        audit.batch,
    )
    return context.once(
        "composition",
        "composition of concepts",
        lambda step: composer.all(context.outputs, shortcuts, context.store, step),
        reads=["relevance", "shortcuts"] if shortcuts else ["relevance"],
        steps=len(context.outputs) + len(graded(shortcuts)),
    )


def graded(shortcuts: ShortcutReport | None) -> list[Finding]:
    """Return the findings that get a graph."""
    return [f for f in shortcuts.findings if f.grade in GRADES] if shortcuts else []


def _empty(output: int, candidate: str | None, rows: np.ndarray, reason: str) -> CompositionGraph:
    return CompositionGraph(output, candidate, rows, (), (), reason)
