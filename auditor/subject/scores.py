"""What the numbers are that a model answers with: logits, probabilities, or neither.

Told by the values alone, over many inputs, whatever operation made them.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from auditor.base.errors import ModelError
from auditor.base.streams import stream

Scores = Literal["logits", "probabilities", "log-probabilities", "sigmoids"]
Kind = Literal[
    "logits",
    "probabilities",
    "log-probabilities",
    "other logarithms",
    "cumulative",
    "independent",
    "heads",
    "per cent",
]

# Probabilities below this are taken for it, so that their logarithm is finite.
FLOOR = 1e-12
# Tolerances: of sums of probabilities, which half precision rounds; of what lies in [0, 1], above
# and below.
SUM = 1e-2
EDGE = 1e-4
STILL = 1e-6
# What some probability changes by at least between pictures, noise and inputs far from both.
MOVES = 0.05
NOISE = 4
FAR = 1e4
# Rounds of halving that find the base of logarithms, and how far it may differ between rows.
HALVINGS = 60
SAME_BASE = 1e-3
CERTAIN = 1e-3

_REFUSED: dict[str, str] = {
    "cumulative": "cumulative probabilities (an ordinal classifier: each output is the probability "
    "of more, or of less, than a level), which cannot be audited yet: return the probability of "
    "each level, the differences of neighbours, from a factory",
    "heads": "probabilities of several heads side by side (a first part of them adds up to the "
    "same for every picture), of which one can be audited: name it by model.output where the model "
    "returns them apart, or return that one from a factory",
    "per cent": "a single one between 0 and 100, a probability in per cent as it seems: divide it "
    "by 100 in a factory",
    "other logarithms": "logarithms of probabilities to another base than e (torch.log10 or log2, "
    "as it seems): return natural logarithms, or what stands before the softmax, from a factory",
    "independent": "independent probabilities (a sigmoid for each output, as a multi-label "
    "classifier has): if pictures have several labels, write data.labels: multi; if one class is "
    "right for each picture, return what stands before the sigmoid from a factory",
}


def kind_of(values: Float[Tensor, "row output"], far: Float[Tensor, "other output"]) -> Kind:
    """Return what rows of answers are; rows that are not finite do not count.

    Answers that are nearly the same for every input are taken for logits: nothing tells what they
    are, and a model that barely looks at the picture may give any numbers.
    ``far`` are answers for inputs far outside the range of pictures, where logits leave [0, 1]. A
    single output that always lies there is the probability of the positive class.
    """
    rows, beyond = (each[each.isfinite().all(1)].double() for each in (values, far))
    if not len(rows):
        return "logits"
    whole = float(rows.sum(1).mean())  # 100 where answers are per cent
    if rows.shape[1] > 1 and whole > 1 + SUM and _share(rows, whole):
        rows, beyond = rows / whole, beyond / whole
    everything = torch.cat([rows, beyond])
    moves = bool((everything.amax(0) - everything.amin(0)).amax() > MOVES)
    if rows.shape[1] == 1 and moves and _per_cent(everything):
        return "per cent"
    if moves and whole > 1 + SUM and _share(rows, 1.0) and _has_parts(everything):
        return "heads"
    inside = bool(((everything >= -STILL) & (everything <= 1 + EDGE)).all())
    if rows.shape[1] == 1:
        return "probabilities" if inside and moves else "logits"
    if inside and moves and _share(rows, 1.0):
        return "probabilities"
    if inside and moves:
        return "cumulative" if _in_order(rows) else "independent"
    if not bool((everything <= EDGE).all()):
        return "logits"
    if bool((rows.logsumexp(1).abs() < SUM).all()):
        return "log-probabilities"
    return "other logarithms" if moves and _one_base(rows) else "logits"


def surely_logits(values: Float[Tensor, "row output"]) -> bool:
    """Tell whether some row can be neither probabilities nor their logarithms."""
    finite = values[values.isfinite().all(1)]
    return not bool(((finite >= -STILL).all(1) | (finite <= EDGE).all(1)).all())


def decided(kind: Kind) -> Scores:
    """Return what can be explained.

    Raises:
        ModelError: the answers are probabilities of another kind than of one class among all.
    """
    if kind in ("logits", "probabilities", "log-probabilities"):
        return kind
    raise ModelError(
        f"the model's outputs are {_REFUSED[kind]}, or set model.scores to probabilities (they are "
        "divided by their sum) or to logits (they are taken as they are)."
    )


def decided_labels(kind: Kind) -> Literal["logits", "independent"]:
    """Return what can be explained of a model with several labels for a picture.

    Sigmoids of two or three labels may stand in order by chance.

    Raises:
        ModelError: the answers share one whole, or are no score for each label.
    """
    if kind in ("logits", "independent", "cumulative"):
        return "logits" if kind == "logits" else "independent"
    if kind in ("probabilities", "log-probabilities"):
        raise ModelError(
            f"the model's outputs are {kind} that add up to 1 over all labels (a softmax), so it "
            "chooses one of them, and data.labels: multi needs a score for each label by itself: "
            "leave data.labels out if each picture has one class, or return what stands before the "
            "softmax from a factory if the model was trained with a sigmoid for each label."
        )
    raise ModelError(
        f"the model's outputs are {_REFUSED[kind]}; data.labels: multi needs a logit, or the "
        "probability of a sigmoid, for each label."
    )


def trial_inputs(example: Float[Tensor, "1 channel height width"]) -> tuple[Tensor, Tensor]:
    """Return inputs as pictures might be, and others far outside their range; always the same."""
    drawn = stream(0, "trial inputs").standard_normal((NOISE, *example.shape[1:]))
    noise = torch.from_numpy(drawn).to(example)
    near = torch.cat([-example, 0 * example, noise])
    return near, torch.cat([FAR * example, -FAR * example, FAR * noise])


def log_scores(values: Float[Tensor, "row output"], scores: Scores) -> Float[Tensor, "row output"]:
    """Return logits that have the probabilities: logarithms less their mean over the outputs.

    A single probability p becomes its log-odds, log(p / (1 - p)), and so do "sigmoids", each.
    """
    if scores == "logits":
        return values
    if scores == "log-probabilities":
        return values - values.mean(1, keepdim=True)
    logs = values.clamp(min=FLOOR).log()
    if values.shape[1] == 1 or scores == "sigmoids":
        return logs - (1 - values).clamp(min=FLOOR).log()
    return logs - logs.mean(1, keepdim=True)


def _share(rows: Float[Tensor, "row output"], whole: float) -> bool:
    """Tell whether every row is a whole in parts."""
    sums = rows.sum(1) / whole
    return bool((rows >= -STILL).all()) and bool(((sums - 1).abs() < SUM).all())


def _per_cent(values: Float[Tensor, "row 1"]) -> bool:
    """Tell whether single answers lie between 0 and 100, not in [0, 1], and come up to an end."""
    inside = bool((values >= -STILL).all()) and bool((values <= 100 * (1 + EDGE)).all())
    ends = float(values.min()) < EDGE or float(values.max()) > 100 * (1 - EDGE)
    return inside and ends and float(values.max()) > 1 + EDGE


def _has_parts(rows: Float[Tensor, "row output"]) -> bool:
    """Tell whether the first few outputs, not all at rest, add up to the same in every row."""
    sums = rows.cumsum(1)[:, :-1]
    still = (sums.amax(0) - sums.amin(0) < SUM * sums.mean(0)) & (sums.mean(0) > SUM)
    moved = (rows.amax(0) - rows.amin(0) > MOVES).cumsum(0)[:-1] > 0  # not of outputs at rest
    return bool((still & moved).any())


def _one_base(rows: Float[Tensor, "row output"]) -> bool:
    """Tell whether one number to the power of each entry makes every row add up to 1.

    For any row below 0 there is one such number; that it is the same in all of them is no chance.
    Rows that are all but certain of one output do not tell it and do not count.
    """
    rows = rows[rows.amax(1) < -CERTAIN]
    if len(rows) < 3:
        return False
    low, high = torch.zeros(len(rows)).to(rows), torch.full((len(rows),), 1.0).to(rows)
    high *= rows.shape[1] / -rows.amax(1)  # there the largest entry alone is below 1 / e ** outputs
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = (rows * middle[:, None]).logsumexp(1) > 0
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return bool(high.amax() - high.amin() < SAME_BASE * high.mean())


def _in_order(rows: Float[Tensor, "row output"]) -> bool:
    """Tell whether the outputs of every row rise, or of every row fall."""
    steps = rows.diff(dim=1)
    return bool((steps <= EDGE).all()) or bool((steps >= -EDGE).all())
