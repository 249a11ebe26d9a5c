"""The stage of what is known of each picture by itself: how sure the model is, what leads."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.special import expit, log_softmax

from auditor.pipeline.context import Context
from auditor.records.stages import LayerRelevance, PictureFacts, Samples
from auditor.report.sections.analysis import LayerAnalysis

LEADING = 3  # concepts of each picture
TOGETHER = 4096  # rows that are in memory at a time


def picture_facts(context: Context, last: LayerAnalysis) -> PictureFacts:
    """Return what is known of every picture, with its leading concepts of the layer ``last``."""
    return context.once(
        "pictures",
        "listing the pictures",
        lambda _: facts_of(context.samples, last.layer),
        reads=["relevance"],
    )


def facts_of(samples: Samples, layer: LayerRelevance, leading: int = LEADING) -> PictureFacts:
    """Return the probabilities of prediction and label, and the ``leading`` concepts, by row.

    Leading are those with the most relevance, of those with any that speaks for the class
    explained; ties go to the lower concept.
    """
    count = len(samples.valid)
    kept = min(leading, layer.relevance.shape[1])
    predicted, labelled = np.zeros(count), np.zeros(count)
    concepts = np.full((count, kept), -1, dtype=np.int64)
    share = np.zeros((count, kept))
    for start in range(0, count, TOGETHER):
        part = slice(start, start + TOGETHER)
        predicted[part], labelled[part] = _chances(samples, part)
        relevance = np.asarray(layer.relevance[part], dtype=np.float64)
        order = np.argsort(-relevance, axis=1, kind="stable")[:, :kept]
        most = np.take_along_axis(relevance, order, axis=1)
        whole = np.abs(relevance).sum(axis=1, keepdims=True)
        used = (most > 0) & samples.valid[part, None]
        concepts[part] = np.where(used, order, -1)
        share[part] = np.where(used, most / np.where(whole > 0, whole, 1), 0)
    return PictureFacts(layer.layer, predicted, labelled, concepts, share)


def _chances(
    samples: Samples, part: slice
) -> tuple[Float[np.ndarray, "row"], Float[np.ndarray, "row"]]:
    """Return the probabilities of prediction and label; of several labels, of the row's own one."""
    logits = np.asarray(samples.logits[part], dtype=np.float64)
    labels, answers = samples.labels[part], samples.prediction[part]
    rows = np.arange(len(logits))
    several = samples.manifest.several
    if several is None:
        chance = np.exp(log_softmax(logits, axis=1))
        return chance[rows, answers], chance[rows, labels]
    own = np.where(labels == several.count, logits[:, :-1].argmax(axis=1), labels)
    present = expit(logits[rows, own] + several.offsets[own])
    predicted, labelled = (
        np.where(each == several.count, 1 - present, present) for each in (answers, labels)
    )
    return predicted, labelled
