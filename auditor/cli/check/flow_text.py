"""The part of a check's report on where relevance goes: layers, causes, modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.cli.layout import indented, table
from auditor.relevance.check.sentences import CAUSES, percent

if TYPE_CHECKING:
    from auditor.relevance.check.at_layers import LayerFlow
    from auditor.relevance.check.explained import Check
    from auditor.relevance.check.flow import Kept

WHOLE = "(the model itself)"
MOST_ROWS = 14
FEWEST_BLOCKS = 5
MOST_ABSORBERS = 6
SHORT = {
    "biases": "biases",
    "nowhere": "bias-only units",
    "stabilisers": "stabilisers",
    "unruled": "no rule",
    "inexact": "inexact rule",
}


def flow(check: Check, *, everything: bool) -> Iterator[str]:
    """Say what arrives at each layer, and what kept the rest."""
    causes = [cause for cause, share in _used(check).items() if share]
    yield "How much of the explained logit arrives where"
    yield from indented(
        "Every row is a point that the whole flow passes through, from the logit (top) to the "
        "pixels. 'Kept' is what stayed between the row above and this one."
    )
    yield ""
    head = ["at", "arrives", *(f"kept: {SHORT[cause]}" for cause in causes)]
    rows = [["logit", "100 %", *("" for _ in causes)]]
    shown = _thinned(check, everything=everything)
    for place in shown:
        kept = place.kept.shares()
        shares = [percent(kept[cause]) for cause in causes]
        rows.append([place.layer, percent(place.arrives), *shares])
    total = check.kept.shares()
    rows.append(["in all", "", *(percent(total[cause]) for cause in causes)])
    yield from table(head, rows)
    yield ""
    for cause in causes:
        yield from indented(f"{SHORT[cause]}: {CAUSES[cause]}.")
    hidden = len(check.flow) - len(shown)
    if hidden:
        yield from indented(f"{hidden} more layers in between: --all shows them.")
    yield ""


def _used(check: Check) -> dict[str, bool]:
    """Tell which causes keep anything worth a column."""
    total = check.kept.shares()
    largest = {
        cause: max((abs(row.kept.shares()[cause]) for row in check.flow), default=0.0)
        for cause in total
    }
    return {cause: largest[cause] >= 5e-6 or cause == "biases" for cause in CAUSES}


def _thinned(check: Check, *, everything: bool) -> list[LayerFlow]:
    """Return at most about ``MOST_ROWS`` rows, blocks if that is enough of them.

    What was kept in the rows left out is added to the next one shown.
    """
    rows = list(check.flow)
    if everything or len(rows) <= MOST_ROWS:
        return rows
    audited = {layer.layer for layer in check.layers}
    places = _outer_blocks(rows)
    if len(places) > MOST_ROWS:
        step = (len(places) - 1) / (MOST_ROWS - 1)
        places = [places[round(number * step)] for number in range(MOST_ROWS)]
    named = {place for place, row in enumerate(rows) if row.layer in audited}
    wanted = {*places, *named, len(rows) - 1}
    found: list[LayerFlow] = []
    carried: Kept | None = None
    for place, row in enumerate(rows):
        kept = row.kept if carried is None else carried.plus(row.kept)
        carried = None if place in wanted else kept
        if place in wanted:
            found.append(replace(row, kept=kept))
    return found


def _outer_blocks(rows: Sequence[LayerFlow]) -> list[int]:
    """Return the places of blocks, no deeper than needed for a few of them; else all places."""
    for depth in range(8):
        places = [i for i, row in enumerate(rows) if row.block and row.layer.count(".") <= depth]
        if len(places) >= FEWEST_BLOCKS:
            return places
    return list(range(len(rows)))


def absorbers(check: Check, *, everything: bool) -> Iterator[str]:
    """Name the modules that keep most."""
    found = [each for each in check.absorbers if abs(each.kept.total) >= 1e-3]
    if not found:
        return
    yield "Which modules keep most of it"
    shown = found if everything else found[:MOST_ABSORBERS]
    rows = []
    for each in shown:
        parts = sorted(each.kept.shares().items(), key=lambda item: -abs(item[1]))
        causes = ", ".join(f"{SHORT[c]} {percent(v)}" for c, v in parts if abs(v) >= 1e-3)
        label = each.module or WHOLE
        rows.append([label, ", ".join(each.operations), percent(each.kept.total), causes])
    yield from table(["module", "operation", "keeps", "of which"], rows, right={2})
    yield ""
