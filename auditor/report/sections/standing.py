"""How the accuracy of a model stands to chance: what a reader has to know before anything else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.records.stages import Samples
from auditor.report.sections.labels import standing_of_labels
from auditor.shortcuts.statistics import wilson

# A model no worse than chance is called worse in fewer than one of this many audits.
FALSE_ALARMS = 0.01


@dataclass(frozen=True)
class Standing:
    """A sentence for the head of the report; ``worse`` than guessing: nothing else counts then."""

    sentence: str
    worse: bool


def standing(samples: Samples) -> Standing | None:
    """Return what is to be said of the accuracy, None where it is no worse than chance.

    Compared are the classes that the data has, and the answers are those among them: a model with
    many outputs is not held against a guess among few. Exact binomial tests, one-sided.
    """
    if samples.manifest.several is not None:
        sentence = standing_of_labels(samples)
        return Standing(sentence, worse=True) if sentence else None
    labels = samples.labels[samples.valid]
    if not len(labels):
        return None
    present, counts = np.unique(labels, return_counts=True)
    if len(present) == 1:
        answers = samples.prediction[samples.valid]
        chance, choices = 1 / samples.logits.shape[1], samples.logits.shape[1]
    else:
        answers = present[samples.logits[samples.valid][:, present].argmax(axis=1)]
        chance, choices = 1 / len(present), len(present)
    right = int((answers == labels).sum())
    measured = wilson(right, len(labels))
    said = {
        "share": percent(measured.value),
        "low": percent(measured.low),
        "high": percent(measured.high),
        "n": len(labels),
        "chance": percent(chance),
        "choices": choices,
    }
    if binomtest(right, len(labels), chance, alternative="less").pvalue < FALSE_ALARMS:
        return Standing(
            _(
                "The model is worse than guessing: %(share)s of %(n)s pictures are right (95 %% "
                "interval %(low)s to %(high)s), and a guess among %(choices)s classes is right in "
                "%(chance)s. Either labels and outputs are matched wrongly, or the pictures reach "
                "the model otherwise than in training: check data.labels, model.classes and "
                "preprocess before anything else in this report is believed.",
                **said,
            ),
            worse=True,
        )
    most = int(counts.max()) / len(labels)
    if len(present) > 1 and binomtest(right, len(labels), most, alternative="less").pvalue < (
        FALSE_ALARMS
    ):
        name = samples.manifest.classes[int(present[counts.argmax()])]
        return Standing(
            _(
                "Always answering '%(name)s' would be right more often than the model: %(share)s "
                "of %(n)s pictures are right (95 %% interval %(low)s to %(high)s), and "
                "%(most)s are of that class.",
                name=name,
                most=percent(most),
                **said,
            ),
            worse=False,
        )
    return None
