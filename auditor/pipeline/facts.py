"""The stage that notes what was audited and how: the model, the engine's rules, conservation."""

from __future__ import annotations

from collections import Counter

import numpy as np

from auditor.config.published import shared_config
from auditor.pipeline.context import Context
from auditor.pipeline.identity import model_identity
from auditor.records.stages import Samples
from auditor.report.document.result import ModelCard, RuleCount
from auditor.report.sections.analysis import ModelFacts

# Samples whose conservation is measured: enough for an interval of the median, one batch of work.
CONSERVATION_SAMPLES = 16


def model_facts(context: Context) -> ModelFacts:
    """Return what the report says of the model and the engine."""
    return context.once(
        "facts", "conservation of relevance", lambda _: _facts(context), reads=["relevance"]
    )


def _facts(context: Context) -> ModelFacts:
    subject, explainer = context.subject, context.explainer
    height, width = subject.preprocessing.size
    counts = Counter((node.operation, rule) for node, rule in explainer.rule_table())
    return ModelFacts(
        model=ModelCard(
            source=shared_config(context.config.model_dump(mode="json"))["model"]["source"],
            weights=subject.weights,
            digest=model_identity(subject, explainer),
            parameters=subject.parameters,
            outputs=_outputs(context.samples),
            input_size=(height, width),
            preprocessing=subject.preprocessing.describe(),
        ),
        data_digest=subject.data_digest,
        composite=explainer.composite,
        rules=tuple(
            RuleCount(operation=operation, rule=rule, nodes=nodes)
            for (operation, rule), nodes in sorted(counts.items())
        ),
        notes=(*subject.notes, *explainer.notes, *context.run.batch_notes()),
        conservation=_conservation(context),
    )


def _conservation(context: Context) -> np.ndarray:
    """Return input relevance over the explained logit for samples spread over the data."""
    usable = np.flatnonzero(context.samples.valid)
    if not len(usable):
        return np.zeros(0)
    picks = np.unique(np.linspace(0, len(usable) - 1, CONSERVATION_SAMPLES).astype(int))
    inputs = context.subject.load([int(row) for row in usable[picks]])
    explained = context.explainer.explain(inputs, layers=(), heatmap=True)
    assert explained.conservation is not None  # heatmap=True
    ratios: np.ndarray = explained.conservation.cpu().numpy().astype(float)
    kept: np.ndarray = ratios[np.isfinite(ratios)]
    return kept


def _outputs(samples: Samples) -> int:
    """Return how many outputs the model has, without that of the absence of labels."""
    return int(samples.logits.shape[1]) - (samples.manifest.several is not None)
