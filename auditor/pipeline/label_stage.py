"""What the model's answers say about how labels met outputs, before anything rests on it."""

from __future__ import annotations

from dataclasses import replace

from auditor.base.progress import Progress
from auditor.records.accounting import Agreement
from auditor.records.stages import Samples
from auditor.subject import Subject
from auditor.subject.label_check import agreement, confirm
from auditor.subject.label_scores import confirm_labels


def confirmed(subject: Subject, samples: Samples, progress: Progress) -> tuple[Subject, Agreement]:
    """Return what the data says about how its labels met the outputs, and the subject noting it.

    Raises:
        LabelError: that was a guess, and the answers contradict it or cannot settle it.
    """
    used = samples.valid
    several = samples.manifest.several
    if several is not None:
        first = used & several.first
        scores = samples.logits[first, :-1]
        notes = confirm_labels(subject.matching, several.states[first], scores)
        for note in notes:
            progress.say(f"note: {note}")
        return replace(subject, notes=(*subject.notes, *notes)), _no_agreement()
    agreed = agreement(subject.matching, samples.labels[used], samples.prediction[used])
    notes = confirm(subject.matching, agreed)
    for note in notes:
        progress.say(f"note: {note}")
    return replace(subject, notes=(*subject.notes, *notes)), agreed


def _no_agreement() -> Agreement:
    """Return what is said of classes where pictures have several labels: nothing."""
    return Agreement(n=0, right=0, best_right=0, better=None, expected=0.0, below=False)
