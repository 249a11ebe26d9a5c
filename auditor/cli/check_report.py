"""Lay out what a check found as text of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from auditor.relevance.check_layers import FEW
from auditor.relevance.check_words import CAUSES, percent

if TYPE_CHECKING:
    from auditor.cli.check_estimate import Estimate
    from auditor.relevance.check import Check, NodeCheck
    from auditor.relevance.check_flow import Kept
    from auditor.relevance.check_layers import LayerCheck, LayerFlow

WIDTH = 98
WHOLE = "(the model itself)"
NO_RELEVANCE = "none (held constant)"
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


def report(
    check: Check,
    name: str,
    paths: Sequence[str],
    classes: Sequence[str],
    estimate: Estimate | None,
    *,
    everything: bool = False,
) -> str:
    """Return the report; ``everything`` adds the rule of every node."""
    sections: list[Iterable[str]] = [_verdict(check, name)]
    if check.pixels is not None:
        sections += [_flow(check, everything=everything), _absorbers(check, everything=everything)]
    sections += [
        _layers(check),
        _exactness(check),
        _cost(check, estimate),
        _rules(check, everything=everything),
        _images(check, paths, classes),
        _notes(check),
    ]
    return "\n".join(line.rstrip() for section in sections for line in section).rstrip() + "\n"


def _verdict(check: Check, name: str) -> Iterator[str]:
    yield f"{name}: {check.verdict.word.upper()}"
    yield from textwrap.wrap(_sentence(check.verdict.sentence), WIDTH)
    yield ""
    yield "What this means, and what to do"
    for text in check.verdict.advice:
        yield from _item(text)
    yield ""


def _flow(check: Check, *, everything: bool) -> Iterator[str]:
    causes = [cause for cause, share in _used(check).items() if share]
    yield "How much of the explained logit arrives where"
    yield from _indented(
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
    yield from _table(head, rows)
    yield ""
    for cause in causes:
        yield from _indented(f"{SHORT[cause]}: {CAUSES[cause]}.")
    hidden = len(check.flow) - len(shown)
    if hidden:
        yield from _indented(f"{hidden} more layers in between: --all shows them.")
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


def _absorbers(check: Check, *, everything: bool) -> Iterator[str]:
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
    yield from _table(["module", "operation", "keeps", "of which"], rows, right={2})
    yield ""


def _layers(check: Check) -> Iterator[str]:
    if not check.layers:
        return
    yield "Layers whose channels become the concepts"
    for layer in check.layers:
        yield f"  {layer.layer}"
        for text in _layer(layer):
            yield from _item(text, indent=4)
    yield ""


def _layer(layer: LayerCheck) -> Iterator[str]:
    height, width = layer.size
    if layer.kind == "units":
        yield f"{layer.channels} units ({layer.operation})."
    elif layer.kind == "tokens":
        yield (
            f"{layer.channels} dimensions of the embedding at {height * width} tokens "
            f"({layer.operation}): a concept is a direction that all tokens share, and its place "
            "is the tokens where it carries relevance."
        )
    else:
        yield f"{layer.channels} channels at {height} x {width} positions ({layer.operation})."
    yield f"Why this one: {layer.reason}"
    yield _passing(layer)
    if layer.half is not None and layer.top is not None:
        yield _concentration(layer, layer.half)


def _passing(layer: LayerCheck) -> str:
    whole = layer.through + layer.bypass
    if layer.position.cuts:
        arrives = f": {percent(layer.through)} of the logit arrives here" if whole else ""
        return (
            "Cuts the graph: every path passes through it, and its concepts share out all that "
            f"arrives{arrives}."
        )
    if not whole:
        return "Is bypassed: part of the flow goes around it."
    through, around = percent(layer.through / whole), percent(layer.bypass / whole)
    return (
        f"Is bypassed: of what is left of the logit at this depth, {through} passes through it and "
        f"{around} goes around it. Its concepts explain only the part that passes through."
    )


def _concentration(layer: LayerCheck, half: int) -> str:
    what = {"maps": "channel", "tokens": "dimension", "units": "unit"}[layer.kind]
    text = (
        f"The leading {what} holds {percent(layer.top or 0.0)} of the relevance; half of it is in "
        f"{half} and 90 % in {layer.ninety} of {layer.channels}."
    )
    if layer.alike is not None:
        text += (
            f" Heatmaps of the leading {what}s have a mean cosine of {layer.alike:.2f} (1: they "
            "show the same)."
        )
    if layer.unit == "channels":
        return f"{text} Single {what}s can be read."
    why = f"more than {FEW} hold half" if half > FEW else "they show the same place"
    return f"{text} Single {what}s say little here ({why}): read groups of them (subspaces)."


def _rules(check: Check, *, everything: bool) -> Iterator[str]:
    yield f"Which rule ran where (composite {check.composite}, {len(check.rules)} operations)"
    if everything:
        rows = [
            [row.node, row.operation, row.module or "-", _rule(row), percent(row.kept.total)]
            for row in check.rules
        ]
        yield from _table(["node", "operation", "module", "rule", "keeps"], rows, right={4})
    else:
        rows = [
            [rule, operation, str(len(nodes)), _span(nodes)]
            for (rule, operation), nodes in _grouped(check.rules).items()
        ]
        yield from _table(["rule", "operation", "count", "modules"], rows, right={2})
        yield ""
        yield from _indented("--all shows every operation.")
    if not all(row.reached for row in check.rules):
        yield from _indented(
            f"'{NO_RELEVANCE}': the branch only weighs another one (a gate, attention weights), "
            "and relevance goes to what is weighed."
        )
    yield ""
    if check.unruled:
        yield "Operations without a rule of their own (gradient times input ran there)"
        rows = [
            [row.operation, row.module or "-", row.node, percent(row.kept.total)]
            for row in check.unruled
        ]
        yield from _table(["operation", "module", "node", "keeps"], rows, right={3})
        yield ""


def _grouped(rules: Sequence[NodeCheck]) -> dict[tuple[str, str], list[NodeCheck]]:
    found: dict[tuple[str, str], list[NodeCheck]] = {}
    for row in rules:
        found.setdefault((_rule(row), row.operation), []).append(row)
    return found


def _rule(row: NodeCheck) -> str:
    return row.rule if row.reached else NO_RELEVANCE


def _span(nodes: Sequence[NodeCheck]) -> str:
    """Name the first and the last module, the last without what both begin with."""
    first, last = (nodes[place].module for place in (0, -1))
    if first == last:
        return _left(first or WHOLE, 46)
    parts, others = first.split("."), last.split(".")
    same = 0
    while same < min(len(parts), len(others)) - 1 and parts[same] == others[same]:
        same += 1
    rest = ".".join(others[same:]) if len(first) + len(last) > 42 else last
    return f"{_left(first or WHOLE, 23)} to {_left(rest or WHOLE, 20)}"


def _exactness(check: Check) -> Iterator[str]:
    yield "Does it compute what it says?"
    if check.forward_difference is not None:
        yield from _item(
            f"Captured logits against the model's own: {_tiny(check.forward_difference)} of the "
            "largest logit apart."
        )
    for layer in check.layers:
        if layer.additivity is not None:
            yield from _item(
                f"Heatmaps of all concepts of {layer.layer}, added up, against the plain heatmap: "
                f"{_tiny(layer.additivity)} apart (relative L2)."
            )
    problems = [image.non_finite for image in check.images if image.non_finite is not None]
    if problems:
        for text in dict.fromkeys(problem.sentence for problem in problems):
            yield from _item(f"Not finite: {text}.")
    else:
        yield from _item("No NaN and no infinity, forward or on the way back.")
    if not check.unruled:
        yield from _item("Every operation has a rule of its own.")
    yield ""


def _tiny(value: float) -> str:
    return "0" if value == 0 else f"{value:.0e}"


def _cost(check: Check, estimate: Estimate | None) -> Iterator[str]:
    cost = check.cost
    if cost is None:
        return
    threads = f"{cost.threads} thread{'s' if cost.threads > 1 else ''}"
    yield f"What an audit costs here ({cost.device}, {threads}, batches of {cost.batch})"
    rows = [
        ["a forward", f"{_time(cost.forward)} per image"],
        ["relevance of every image", f"{_time(cost.statistics)} per image"],
    ]
    for each in cost.heatmaps:
        label = f"heatmaps of {_left(each.layer, 40)}"
        rows.append(
            [label, f"{_time(each.per_image)} per image + {_time(each.per_map)} per heatmap"]
        )
    if cost.memory_peak is not None:
        rows.append(["memory at its peak", _size(cost.memory_peak)])
    yield from _table([], rows)
    if cost.memory_peak is not None:
        yield from _indented(f"Memory is {cost.memory_method}.")
    if estimate is not None:
        yield ""
        yield from _indented(
            f"The whole audit of {estimate.images:,} images, {estimate.classes} classes in depth, "
            f"takes about {_time(estimate.seconds)}: {_time(estimate.loading_seconds)} for reading "
            f"images, {_time(estimate.statistics_seconds)} for their relevance, "
            f"{_time(estimate.heatmap_seconds)} for {estimate.heatmaps:,} heatmaps of reference "
            f"samples and the atlas, {_time(estimate.search_seconds)} for the search for "
            f"clever-Hans candidates ({estimate.candidates}, {estimate.passes:,} passes of the "
            f"model), {_time(estimate.rest_seconds)} for other analyses and "
            f"{_time(estimate.writing_seconds)} for the reports. This is an estimate: passes are "
            "counted from the config and timed here, now, on these images; what else the machine "
            "does later changes it, and so does how many candidates look promising. On disk: at "
            f"most {_size(estimate.array_bytes)} of arrays and "
            f"{_size(estimate.picture_bytes)} of pictures ({estimate.pictures:,})."
        )
    yield ""


def _images(check: Check, paths: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    yield "Images that were checked"
    rows = []
    for path, image in zip(paths, check.images, strict=True):
        if image.logit is None or image.target is None:
            rows.append([_left(path, 48), "-", "-", "not finite"])
            continue
        arrives = "-" if image.pixels is None else percent(image.pixels)
        name = _left(classes[image.target], 24)
        rows.append([_left(path, 48), name, f"{image.logit:.2f}", arrives])
    yield from _table(["image", "explained class", "logit", "at the pixels"], rows, right={2, 3})
    yield ""


def _notes(check: Check) -> Iterator[str]:
    if check.notes:
        yield "Notes"
        for note in check.notes:
            yield from _item(note)


def _left(text: str, width: int) -> str:
    return text if len(text) <= width else f"..{text[2 - width :]}"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _indented(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _item(text: str, *, indent: int = 2) -> list[str]:
    space = " " * indent
    return textwrap.wrap(
        _sentence(text), WIDTH, initial_indent=f"{space}- ", subsequent_indent=f"{space}  ",
        break_long_words=False,
    )  # fmt: skip


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: set[int] | None = None
) -> Iterator[str]:
    """Align columns; the last is cut where it would run past the page."""
    lines = [*([head] if head else []), *rows]
    columns = max(len(line) for line in lines)
    if right is None:
        right = set(range(1, columns)) if head else set()
    widths = [max(len(line[column]) for line in lines) for column in range(columns)]
    for number, line in enumerate(lines):
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text = "  " + "  ".join(cells)
        yield text if len(text.rstrip()) <= WIDTH + 2 else f"{text[: WIDTH - 2]}.."
        if head and number == 0:
            yield "  " + "  ".join("-" * width for width in widths)[: WIDTH - 2]
