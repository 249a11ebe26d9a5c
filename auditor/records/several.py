"""Several labels for each picture: what is present, absent or uncertain, and what decides it.

A picture has a row for each label that is present, and one row where none is; such a row stands for
its label alone. The outputs of the model are the labels and a last one, `ABSENT`, that is 0 for
every picture: each other output is a label's logit less its threshold. So a label is decided as
present where its output is larger than the last one, as a class is against another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from auditor.language.speaking import N_

# The name of the last output, and what a table says of a label.
ABSENT = N_("label absent")
PRESENT_STATE, ABSENT_STATE, UNCERTAIN = 1, 0, -1
# The logit of a label that a question about another one leaves out: its probability is 0.
LEFT_OUT = -1e4


@dataclass(frozen=True, eq=False)
class Several:
    """The labels of every row's picture.

    ``picture`` numbers the pictures, so that rows of the same one are known; ``states`` says of
    every label of the row's picture whether it is `PRESENT_STATE`, `ABSENT_STATE` or `UNCERTAIN`;
    ``thresholds`` are probabilities above which a label is decided as present.
    """

    picture: Int[np.ndarray, "sample"]
    states: Int8[np.ndarray, "sample label"]
    thresholds: tuple[float, ...]

    @property
    def count(self) -> int:
        """Number of labels, and the output that stands for none of them."""
        return int(self.states.shape[1])

    @property
    def offsets(self) -> Float[np.ndarray, "label"]:
        """The logits of the thresholds."""
        chances = np.array(self.thresholds, dtype=np.float64)
        logits: np.ndarray = np.log(chances / (1 - chances))
        return logits

    @property
    def first(self) -> Bool[np.ndarray, "sample"]:
        """Which rows are the first of their picture."""
        first = np.zeros(len(self.picture), dtype=bool)
        first[np.unique(self.picture, return_index=True)[1]] = True
        return first

    def one_of_each(
        self, label: int, rows: Int[np.ndarray, "sample"]
    ) -> Bool[np.ndarray, "sample"]:
        """Mark a row of every picture of which the label is known: its own one where it has one.

        ``rows`` are the labels that the rows stand for.
        """
        own = rows == label
        having = np.zeros(int(self.picture.max(initial=-1)) + 1, dtype=bool)
        having[self.picture[own]] = True
        known = self.states[:, label] != UNCERTAIN
        chosen: np.ndarray = known & (own | (self.first & ~having[self.picture]))
        return chosen


def masked(
    logits: Float[np.ndarray, "*axes output"], label: int
) -> Float[np.ndarray, "*axes output"]:
    """Return logits that leave only a label and the last output to choose from."""
    kept = np.full_like(logits, LEFT_OUT)
    kept[..., [label, -1]] = logits[..., [label, -1]]
    return kept


def decided(
    logits: Float[np.ndarray, "sample output"], rows: Int[np.ndarray, "sample"]
) -> Int[np.ndarray, "sample"]:
    """Return what the label of every row is decided as: itself, or the last output.

    A row without a label is decided as the label that is surest, or as the last output too.
    """
    last = logits.shape[1] - 1
    own = np.where(rows == last, logits[:, :-1].argmax(axis=1), rows)
    present = logits[np.arange(len(rows)), own] > logits[:, last]
    answers: np.ndarray = np.where(present, own, last)
    return answers
