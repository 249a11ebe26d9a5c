"""What the model's answers say about how labels met outputs, before anything rests on it."""

from __future__ import annotations

from dataclasses import replace

from auditor.base.progress import Progress
from auditor.records.accounting import Agreement
from auditor.records.stages import Samples
from auditor.subject import Subject
from auditor.subject.label_check import agreement, confirm


def confirmed(subject: Subject, samples: Samples, progress: Progress) -> tuple[Subject, Agreement]:
    """Return what the data says about how its labels met the outputs, and the subject noting it.

    Raises:
        LabelError: that was a guess, and the answers contradict it or cannot settle it.
    """
    used = samples.valid
    agreed = agreement(subject.matching, samples.labels[used], samples.prediction[used])
    notes = confirm(subject.matching, agreed)
    for note in notes:
        progress.say(f"note: {note}")
    return replace(subject, notes=(*subject.notes, *notes)), agreed
