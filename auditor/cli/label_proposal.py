"""What ``auditor init`` proposes for data.labels, from what the model says of a few images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from auditor.base.errors import LabelError
from auditor.records.accounting import Agreement
from auditor.subject.label_check import agreement, confirm, proposed_map

if TYPE_CHECKING:
    from auditor.subject import Subject


@dataclass(frozen=True)
class LabelProposal:
    """What the config says of how labels meet outputs: ``proposed`` for data.labels, and ``why``.

    ``tried`` says how many images are right by each order of the labels. ``assumed``: the names
    of the outputs, in the data's order, may stand as the model's.
    """

    guess: bool
    assumed: bool
    proposed: Any
    why: str
    notes: tuple[str, ...]
    tried: str = ""


def propose_labels(subject: Subject, labels: np.ndarray, predictions: np.ndarray) -> LabelProposal:
    """Propose how labels meet outputs where that is a guess; both arrays are outputs."""
    if subject.manifest.several is not None:
        why = "each picture has several labels (columns of 0 and 1, names or vectors)"
        return LabelProposal(False, True, "multi", why, ())
    found = agreement(subject.matching, labels, predictions)
    tried = _tried(subject, found, labels, predictions)
    return replace(_proposed(subject, labels, predictions), tried=tried)


def _tried(subject: Subject, found: Agreement, labels: np.ndarray, predictions: np.ndarray) -> str:
    """Return the accuracy of each order of the labels that there is."""
    ways = {f"as matched ({subject.matching.rule})": found.right}
    if found.other is not None:
        ways["the other usual order"] = found.other
    every, first = np.unique(subject.manifest.labels, return_index=True)
    by_row = every[np.argsort(first)]
    if subject.matching.guess and list(by_row) != list(every):
        place = dict(zip(by_row.tolist(), every.tolist(), strict=True))
        moved = np.array([place[label] for label in labels.tolist()])
        ways["in the order of the rows"] = int((moved == predictions).sum())
    ways["the best assignment"] = found.best_right
    shown = ", ".join(f"{name}: {right / max(found.n, 1):.2f}" for name, right in ways.items())
    return f"and by order of labels: {shown}"


def _proposed(subject: Subject, labels: np.ndarray, predictions: np.ndarray) -> LabelProposal:
    """Propose how labels meet outputs where that is a guess; both arrays are outputs.

    Where the images agree with it, it may be stated; where another assignment is far better, that
    is proposed; else nothing is, and the audit asks all of its images.
    """
    matching = subject.matching
    found = agreement(matching, labels, predictions)
    try:
        notes = confirm(matching, found, part=True)
    except LabelError as error:
        notes = (f"CHECK: {error}",)
    if not matching.guess:
        return LabelProposal(False, False, None, "", notes)
    now = f"{found.right / found.n:.2f}"
    if found.better is not None:
        better = f"{found.best_right / found.n:.2f}"
        why = f"the data's order gives accuracy {now} on {found.n} images, this {better}"
        return LabelProposal(True, False, proposed_map(matching, found.better), why, notes)
    agrees = found.settled and found.right > found.expected and found.right >= found.best_right
    if agrees and matching.insist == "number":
        why = f"the numbers count the outputs from 0 (accuracy {now} on {found.n} images)"
        return LabelProposal(True, False, "number", why, notes)
    return LabelProposal(True, agrees and not found.below, None, "", notes)
