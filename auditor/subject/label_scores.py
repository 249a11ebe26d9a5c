"""Whether the labels of pictures agree with the outputs that they met, where each has several.

A label's output has to rank the pictures that have it above those that have not (AUROC). The best
assignment of labels to outputs is found on one half of the pictures and measured on the other.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int8
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import roc_auc_score

from auditor.base.errors import LabelError
from auditor.records.several import PRESENT_STATE, UNCERTAIN
from auditor.subject.matching import Matching

# Gain in mean AUROC, on pictures that the assignment was not chosen on, that is no chance.
FAR = 0.1
# Pictures with and without a label, in each half, that rank it.
LEAST = 3


def confirm_labels(
    matching: Matching,
    states: Int8[np.ndarray, "picture label"],
    logits: Float[np.ndarray, "picture label"],
    *,
    part: bool = False,
) -> tuple[str, ...]:
    """Return what a reader must know of how labels met outputs.

    ``part``: these are some of the pictures, so that what they leave open is no error.

    Raises:
        LabelError: it was a guess, and the data contradicts it.
    """
    halves = [
        _ranked(states[start::2], logits[start::2]) for start in (0, 1)
    ]  # (label, output): how output ranks the label's pictures
    known = np.isfinite(halves[0]).all(axis=1) & np.isfinite(halves[1]).all(axis=1)
    names = matching.classes
    if known.sum() < 2:
        said = "too few pictures have labels to tell whether they meet their outputs"
        return (f"CHECK: {said}",) if matching.guess else ()
    rows = np.flatnonzero(known)
    now, best, moved = [], [], {}
    for chosen, measured in (halves, halves[::-1]):
        places, outputs = linear_sum_assignment(chosen[np.ix_(rows, rows)], maximize=True)
        now.append(np.diag(measured)[rows].mean())
        best.append(measured[rows[places], rows[outputs]].mean())
        moved = {
            names[rows[place]]: names[rows[output]]
            for place, output in zip(places, outputs, strict=True)
            if place != output
        }
    before, after = float(np.mean(now)), float(np.mean(best))
    if after - before >= FAR:
        pairs = ", ".join(f"'{label}' by '{output}'" for label, output in list(moved.items())[:5])
        against = (
            f"the outputs rank the pictures of their labels by a mean AUROC of {before:.2f}, and "
            f"by {after:.2f} with another assignment ({pairs})"
        )
        if matching.guess and not part:
            raise LabelError(
                f"how labels met the outputs ({matching.rule}) is a guess, and the data "
                f"contradicts it: {against}. Name the columns in the order of the outputs by "
                "data.columns.label, or set model.classes to the names of the outputs."
            )
        return (f"CHECK how labels met the outputs ({matching.rule}): {against}",)
    if not matching.guess:
        return ()
    return (
        f"how labels met the outputs ({matching.rule}) is a guess: the mean AUROC is {before:.2f}, "
        "and no other assignment is far better; data.columns.label or model.classes states it",
    )


def _ranked(
    states: Int8[np.ndarray, "picture label"], logits: Float[np.ndarray, "picture label"]
) -> Float[np.ndarray, "label output"]:
    """Return the AUROC of every output for every label, NaN where too few pictures tell."""
    count = states.shape[1]
    found = np.full((count, count), np.nan)
    for label in range(count):
        known = states[:, label] != UNCERTAIN
        present = states[known, label] == PRESENT_STATE
        if min(present.sum(), (~present).sum()) >= LEAST:
            found[label] = [
                roc_auc_score(present, logits[known, output]) for output in range(count)
            ]
    return found
