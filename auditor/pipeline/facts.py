"""The stage that notes what was audited and how: the model, the engine's rules, conservation."""

from __future__ import annotations

from collections import Counter

import numpy as np

from auditor.config.published import shared_config
from auditor.pipeline.analyses import Stages
from auditor.pipeline.analysis import ModelFacts
from auditor.pipeline.identity import model_identity
from auditor.records.stages import Samples
from auditor.relevance.explainer import Explainer
from auditor.report.document.audit import ModelCard, RuleCount
from auditor.subject import Subject

# Samples whose conservation is measured: enough for an interval of the median, one batch of work.
CONSERVATION_SAMPLES = 16


def model_facts(stages: Stages) -> ModelFacts:
    """Return what the report says of the model and the engine."""

    def make() -> ModelFacts:
        subject, explainer, samples = stages.subject, stages.explainer, stages.samples
        with stages.progress.stage("conservation of relevance"):
            counts = Counter((row.operation, row.rule) for row in explainer.rule_table())
            return ModelFacts(
                model=_model_card(stages),
                data_digest=subject.data_digest,
                composite=explainer.composite,
                rules=tuple(
                    RuleCount(operation=operation, rule=rule, nodes=nodes)
                    for (operation, rule), nodes in sorted(counts.items())
                ),
                notes=(*subject.notes, *explainer.notes),
                conservation=_conservation(explainer, subject, samples),
            )

    return stages.once("facts", ["relevance"], make)


def _model_card(stages: Stages) -> ModelCard:
    subject = stages.subject
    height, width = subject.preprocessing.size
    return ModelCard(
        source=shared_config(stages.config.model_dump(mode="json"))["model"]["source"],
        weights=subject.weights,
        digest=model_identity(subject, stages.explainer),
        parameters=subject.parameters,
        outputs=stages.samples.logits.shape[1],
        input_size=(height, width),
        preprocessing=subject.preprocessing.describe(),
    )


def _conservation(explainer: Explainer, subject: Subject, samples: Samples) -> np.ndarray:
    """Return input relevance over the explained logit for samples spread over the data."""
    usable = np.flatnonzero(samples.valid)
    if not len(usable):
        return np.zeros(0)
    picks = np.unique(np.linspace(0, len(usable) - 1, CONSERVATION_SAMPLES).astype(int))
    inputs = subject.load([int(row) for row in usable[picks]])
    out = explainer.explain(inputs, layers=(), heatmap=True)
    assert out.conservation is not None  # heatmap=True
    ratios: np.ndarray = out.conservation.cpu().numpy().astype(float)
    kept: np.ndarray = ratios[np.isfinite(ratios)]
    return kept
