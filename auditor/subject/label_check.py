"""Whether the data agrees with how its labels met the outputs, once predictions are known.

The best assignment of labels to outputs is found on one half of the pictures and measured on the
other, both ways, so that the search over assignments is not taken for evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Int
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from auditor.base.errors import LabelError
from auditor.records.accounting import Agreement
from auditor.subject.matching import Matching

# Chance of taking a right assignment for a wrong one (one-sided), and the least gain in accuracy on
# the pictures whose label moves: two swapped classes of thirty change the accuracy of all by .07.
FALSE_ALARM = 0.005
FAR = 0.25
# Of two orders that are both used, the one that fits better: no search, so a milder level.
BETWEEN_TWO = 0.05
LISTED = 10


def agreement(
    matching: Matching,
    labels: Int[np.ndarray, "sample"],
    predictions: Int[np.ndarray, "sample"],
) -> Agreement:
    """Compare how labels met outputs with the assignments that the predictions would rather have.

    ``labels`` are outputs as matched, ``predictions`` the outputs that the model chose.
    """
    count = len(matching.classes)
    right = labels == predictions
    held_out, moving = _held_out(labels, predictions, count)
    better = None
    if _wins(held_out, right, FALSE_ALARM) and held_out.sum() - right.sum() >= FAR * moving:
        better = best_assignment(labels, predictions, count)
    expected = _by_chance(labels, predictions, count)
    other, settled = None, True
    if matching.other is not None:
        moved = {at: matching.other[label] for label, at in matching.outputs.items()}
        also = _moved(labels, moved) == predictions
        other = int(also.sum())
        settled = _wins(right, also, BETWEEN_TWO)
        if _wins(also, right, BETWEEN_TWO):
            better, held_out = moved, also
    n = len(labels)
    below = n > 0 and bool(binom.cdf(right.sum(), n, expected / n) < FALSE_ALARM)
    return Agreement(
        n=n,
        right=int(right.sum()),
        best_right=int(held_out.sum()),
        better=better,
        expected=expected,
        below=below,
        other=other,
        settled=settled,
    )


def confirm(matching: Matching, found: Agreement, *, part: bool = False) -> tuple[str, ...]:
    """Return what a reader must know of how labels met outputs.

    ``part``: these are some of the pictures, so that what they leave open is no error.

    Raises:
        LabelError: it was a guess, and the data contradicts it or cannot settle it.
    """
    against = _against(matching, found)
    if against and matching.guess:
        raise LabelError(
            f"how labels met the outputs ({matching.rule}) is a guess, and the data contradicts "
            f"it: {against}. {_lines(matching, found)}"
        )
    if against:
        return (
            f"CHECK how labels met the outputs ({matching.rule}): {against}. "
            f"{_lines(matching, found)}",
        )
    if not matching.guess:
        return ()
    if not found.settled:
        undecided = (
            f"labels met the outputs {matching.rule}, but the libraries that train models differ "
            "in the order of these labels, and the pictures are too few to tell which is meant: of"
            f" {found.n}, {found.right} are right by this order and {found.other} by the other. "
            f"Write the order that the model was trained with: data.labels: order (by code point: "
            f"{_order(matching, natural=False)}) or data.labels: natural "
            f"({_order(matching, natural=True)})"
        )
        if part:
            return (f"CHECK: {undecided}",)
        raise LabelError(f"{undecided}.")
    guess = f"how labels met the outputs ({matching.rule}) is a guess"
    state = f"write data.labels: {matching.insist} to state it"
    right = f"{_share(found.right, found.n)} right"
    if found.best_right > found.right:
        return (
            f"CHECK: {guess}, and the pictures are too few to tell: {right} so, and "
            f"{_share(found.best_right, found.n)} with another assignment; {state}",
        )
    return (f"{guess}: {right}, and no other assignment is better; {state}",)


def best_assignment(
    labels: Int[np.ndarray, "sample"], predictions: Int[np.ndarray, "sample"], count: int
) -> dict[int, int]:
    """Return the output of each label under which most predictions are right, each used once.

    What the data says nothing about stays as it is.
    """
    present = np.unique(labels)
    place = np.searchsorted(present, labels)
    confusion = np.zeros((len(present), count))
    np.add.at(confusion, (place, predictions), 1)
    confusion[np.arange(len(present)), present] += 0.5 / max(len(present), 1)
    rows, columns = linear_sum_assignment(confusion, maximize=True)
    return {int(present[row]): int(column) for row, column in zip(rows, columns, strict=True)}


def proposed_map(matching: Matching, better: Mapping[int, int]) -> dict[str, int]:
    """Return data.labels as a map that sets an assignment; labels without pictures fill gaps."""
    taken = set(better.values())
    free = [at for at in range(len(matching.classes)) if at not in taken]
    found = dict(better)
    for at in dict.fromkeys(matching.outputs.values()):
        if at not in found:
            found[at] = at if at in free else free[0]
            free.remove(found[at])
    return {label: found[at] for label, at in matching.outputs.items()}


def proposed_line(matching: Matching, better: Mapping[int, int]) -> str:
    """Return the line of the config that sets an assignment."""
    mapped = proposed_map(matching, better)
    if matching.other is not None and mapped == dict(matching.other):
        return f"data.labels: {'order' if matching.insist == 'natural' else 'natural'}"
    return f"data.labels: {json.dumps(mapped, ensure_ascii=False)}"


def _against(matching: Matching, found: Agreement) -> str:
    """Return what in the data speaks against the matching, or nothing."""
    if found.better is not None:
        return (
            f"{_share(found.right, found.n)} right so, and {_share(found.best_right, found.n)} "
            "with another assignment of labels to outputs"
        )
    if found.below:
        return (
            f"{_share(found.right, found.n)} right, fewer than by chance "
            f"({found.expected / found.n:.0%}), and no other assignment is far better"
        )
    return ""


def _lines(matching: Matching, found: Agreement) -> str:
    kept = ""
    if matching.guess:
        kept = f", or write data.labels: {matching.insist} to keep it as it is"
    if found.better is None:
        return f"Write data.labels as a map from label to output{kept}."
    unseen = [label for label, at in matching.outputs.items() if at not in found.better]
    hint = ""
    if unseen:
        shown = ", ".join(f"'{label}'" for label in unseen[:LISTED])
        more = ", ..." if len(unseen) > LISTED else ""
        hint = f" (check {shown}{more}: no picture shows which output is meant)"
    return f"To set the other one, write {proposed_line(matching, found.better)}{hint}{kept}."


def _order(matching: Matching, *, natural: bool) -> str:
    assert matching.other is not None
    own = (matching.insist == "natural") == natural
    outputs = matching.outputs if own else matching.other
    names = sorted(outputs, key=lambda label: outputs[label])
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def _share(right: int, n: int) -> str:
    return f"{right} of {n} pictures ({right / max(n, 1):.0%}) are"


def _held_out(
    labels: Int[np.ndarray, "sample"], predictions: Int[np.ndarray, "sample"], count: int
) -> tuple[Bool[np.ndarray, "sample"], int]:
    """Tell which pictures are right by the assignment chosen on the half they are not in.

    Also how many pictures' labels that assignment moves to another output.
    """
    half = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        half[np.flatnonzero(labels == label)[::2]] = True
    chosen = labels.copy()
    for fold in (half, ~half):
        assignment = best_assignment(labels[~fold], predictions[~fold], count)
        chosen[fold] = _moved(labels[fold], assignment)
    return chosen == predictions, int((chosen != labels).sum())


def _moved(labels: Int[np.ndarray, "sample"], to: Mapping[int, int]) -> Int[np.ndarray, "sample"]:
    return np.array([to.get(int(label), int(label)) for label in labels], dtype=np.int64)


def _wins(
    first: Bool[np.ndarray, "sample"], second: Bool[np.ndarray, "sample"], level: float
) -> bool:
    """Tell by a sign test whether the first is right more often than the second."""
    more, fewer = int((first & ~second).sum()), int((second & ~first).sum())
    return bool(binom.sf(more - 1, more + fewer, 0.5) < level) if more else False


def _by_chance(
    labels: Int[np.ndarray, "sample"], predictions: Int[np.ndarray, "sample"], count: int
) -> float:
    """Return how many pictures would be right if predictions were dealt out at random."""
    if not len(labels):
        return 0.0
    own = np.bincount(labels, minlength=count) / len(labels)
    given = np.bincount(predictions, minlength=count) / len(labels)
    return float((own * given).sum() * len(labels))
