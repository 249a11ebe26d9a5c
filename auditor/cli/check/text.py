"""Put a check into words: the numbers come from here, the sentences are in the templates."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import jinja2

from auditor.cli.check import layout
from auditor.cli.check.layout import percent
from auditor.relevance.check.at_layers import FEW
from auditor.relevance.check.flow import Kept
from auditor.report.show.templates import template_folder

if TYPE_CHECKING:
    from auditor.cli.check.estimate import Estimate
    from auditor.cli.check.rates import Rates
    from auditor.relevance.check.at_layers import LayerCheck, LayerFlow
    from auditor.relevance.check.explained import Check, NodeCheck
    from auditor.relevance.sweep.finite import NonFinite

WHOLE = "(the model itself)"
HELD = "none (held constant)"
# What fits a screen: rows of the flow, blocks among them at least, modules that keep most.
MOST_ROWS = 14
FEWEST_BLOCKS = 5
MOST_ABSORBERS = 6
UNSEEN = 5e-6  # a share that is printed as 0 %: a cause without more gets no column
NOTABLE = 0.01  # share of the logit from which on a cause is named in a sentence
LITTLE = 0.2  # share of the logit below which a layer is warned of
MOST_OPERATIONS = 6  # without a rule that are named
SMALL = 1e-3  # share of the logit from which on a module, and a cause within it, is named
CAUSES = {
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
    rates: Rates | None,
    estimate: Estimate | None,
    *,
    everything: bool = False,
) -> str:
    """Return the report; ``everything`` adds every layer and the rule of every node."""
    flow = list(check.flow) if everything else _thinned(check)
    causes = _causes(check)
    text = _environment().get_template("terminal/check.txt.j2").render(
        check=check, verdict=verdict(check), name=name, rates=rates, estimate=estimate,
        everything=everything, few=FEW, held=HELD,
        causes=causes,
        flow=_flow(check, flow, causes),
        hidden=len(check.flow) - len(flow),
        absorbers=_absorbers(check)[: None if everything else MOST_ABSORBERS],
        problems=list(
            dict.fromkeys(image.non_finite.sentence for image in check.images if image.non_finite)
        ),
        costs=[] if rates is None else _costs(rates),
        rules=_rules(check, everything=everything),
        unruled=[
            [row.operation, row.module or "-", row.node, percent(row.kept.total)]
            for row in check.unruled
        ],
        images=_images(check, paths, classes),
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in text.splitlines()).rstrip() + "\n"


def verdict(check: Check) -> dict[str, Any]:
    """Return what a check comes to: a word, a sentence, and advice on what to do."""
    words: Any = _environment().get_template("terminal/check_words.txt.j2").module
    advice = str(words.advice(check, NOTABLE, LITTLE)).split("\n\n")
    return {
        "word": check.word,
        "sentence": _flat(words.sentence(check, check.inexact)),
        "advice": [_flat(text) for text in advice if text.strip()],
    }


def reason(layer: LayerCheck) -> str:
    """Return a sentence on why a layer is audited."""
    words: Any = _environment().get_template("terminal/check_words.txt.j2").module
    return _flat(words.reason(layer))


def unexplained(problems: Sequence[NonFinite | None]) -> str:
    """Return how many images hold a value that is not finite, and where most of these appear."""
    counted = Counter(problem.sentence for problem in problems if problem is not None)
    (first, times), *rest = counted.most_common()
    more = f"; {len(rest)} other origins are listed below" if rest else ""
    return (
        f"{counted.total()} of {len(problems)} images cannot be explained: {first} ({times} of "
        f"them){more}."
    )


@cache
def _environment() -> jinja2.Environment:
    """Return what renders plain text: nothing is escaped, undefined names fail."""
    environment = jinja2.Environment(  # noqa: S701
        loader=jinja2.FileSystemLoader(template_folder()),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        percent=percent,
        tiny=lambda value: "0" if value == 0 else f"{value:.0e}",
        time=layout.in_time,
        bytes=layout.in_bytes,
        item=lambda text, indent=2: _lines(layout.item(_flat(text), indent=indent)),
        indented=lambda text: _lines(layout.indented(_flat(text))),
        wrapped=lambda text: _lines(textwrap.wrap(layout.sentence(text), layout.WIDTH)),
    )
    environment.filters.update(
        unexplained=lambda images: unexplained([image.non_finite for image in images]),
        causes=lambda kept: [row for row in _ranked(kept) if abs(row[1]) > NOTABLE],
        counted=lambda rows: Counter(row.operation for row in rows).most_common(MOST_OPERATIONS),
    )
    environment.globals.update(table=_table, reason=reason)
    return environment


def _flat(text: object) -> str:
    return " ".join(str(text).split())


def _ranked(kept: Kept) -> list[tuple[str, float]]:
    """Return the causes with what they keep, largest first."""
    return sorted(kept.shares().items(), key=lambda part: -abs(part[1]))


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _table(
    rows: Sequence[Sequence[str]], head: Sequence[str] = (), right: Sequence[int] | None = None
) -> str:
    aligned = None if right is None else set(right)
    return "\n".join(layout.table(head, rows, right=aligned))


def _causes(check: Check) -> dict[str, str]:
    """Return the causes that keep anything worth a column, and always the biases."""
    shares = [row.kept.shares() for row in check.flow]
    return {
        cause: title
        for cause, title in CAUSES.items()
        if cause == "biases" or any(abs(share[cause]) >= UNSEEN for share in shares)
    }


def _flow(check: Check, flow: Sequence[LayerFlow], causes: dict[str, str]) -> str:
    def shares(kept: Kept) -> list[str]:
        return [percent(kept.shares()[cause]) for cause in causes]

    head = ["at", "arrives", *(f"kept: {title}" for title in causes.values())]
    rows = [["logit", "100 %", *("" for _ in causes)]]
    rows += [[row.layer, percent(row.arrives), *shares(row.kept)] for row in flow]
    rows += [["in all", "", *shares(check.kept)]]
    return _table(rows, head)


def _thinned(check: Check) -> list[LayerFlow]:
    """Return at most about ``MOST_ROWS`` rows, blocks if that is enough of them.

    What was kept in the rows left out is added to the next one shown.
    """
    rows = check.flow
    if len(rows) <= MOST_ROWS:
        return list(rows)
    audited = {layer.layer for layer in check.layers}
    indices = _outer_blocks(rows)
    if len(indices) > MOST_ROWS:
        step = (len(indices) - 1) / (MOST_ROWS - 1)
        indices = [indices[round(number * step)] for number in range(MOST_ROWS)]
    named = [index for index, row in enumerate(rows) if row.layer in audited]
    shown = sorted({*indices, *named, len(rows) - 1})
    parts = zip([0, *(index + 1 for index in shown)], shown, strict=False)
    return [
        replace(rows[last], kept=Kept.sum(row.kept for row in rows[first : last + 1]))
        for first, last in parts
    ]


def _outer_blocks(rows: Sequence[LayerFlow]) -> list[int]:
    """Return the indices of blocks, no deeper than needed for a few of them; else all."""
    for depth in range(8):
        blocks = [i for i, row in enumerate(rows) if row.block and row.layer.count(".") <= depth]
        if len(blocks) >= FEWEST_BLOCKS:
            return blocks
    return list(range(len(rows)))


def _absorbers(check: Check) -> list[list[str]]:
    rows = []
    for module in check.absorbers:
        if abs(module.kept.total) >= SMALL:
            parts = _ranked(module.kept)
            named = [
                f"{CAUSES[cause]} {percent(kept)}" for cause, kept in parts if abs(kept) >= SMALL
            ]
            label, operations = module.module or WHOLE, ", ".join(module.operations)
            rows.append([label, operations, percent(module.kept.total), ", ".join(named)])
    return rows


def _costs(rates: Rates) -> list[list[str]]:
    rows = [
        ["a forward", f"{layout.in_time(rates.forward)} per image"],
        ["relevance of every image", f"{layout.in_time(rates.statistics)} per image"],
    ]
    for cost in rates.heatmaps:
        image, heatmap = layout.in_time(cost.per_image), layout.in_time(cost.per_map)
        label = f"heatmaps of {layout.shortened(cost.layer, 40)}"
        rows.append([label, f"{image} per image + {heatmap} per heatmap"])
    if rates.memory_peak is not None:
        rows.append(["memory at its peak", layout.in_bytes(rates.memory_peak)])
    return rows


def _rules(check: Check, *, everything: bool) -> str:
    """Return the table of rules, in groups or node by node."""

    def rule(row: NodeCheck) -> str:
        return row.rule if row.reached else HELD

    if everything:
        rows = [
            [row.node, row.operation, row.module or "-", rule(row), percent(row.kept.total)]
            for row in check.rules
        ]
        return _table(rows, ["node", "operation", "module", "rule", "keeps"], [4])
    groups: dict[tuple[str, str], list[NodeCheck]] = {}
    for row in check.rules:
        groups.setdefault((rule(row), row.operation), []).append(row)
    rows = [[*name, str(len(nodes)), _span(nodes)] for name, nodes in groups.items()]
    return _table(rows, ["rule", "operation", "count", "modules"], [2])


def _span(nodes: Sequence[NodeCheck]) -> str:
    """Name the first and the last module, the last without what both begin with."""
    first, last = (nodes[index].module for index in (0, -1))
    if first == last:
        return layout.shortened(first or WHOLE, 46)
    parts, others = first.split("."), last.split(".")
    same = 0
    while same < min(len(parts), len(others)) - 1 and parts[same] == others[same]:
        same += 1
    rest = ".".join(others[same:]) if len(first) + len(last) > 42 else last
    return f"{layout.shortened(first or WHOLE, 23)} to {layout.shortened(rest or WHOLE, 20)}"


def _images(check: Check, paths: Sequence[str], classes: Sequence[str]) -> list[list[Any]]:
    rows = []
    for path, image in zip(paths, check.images, strict=True):
        name = layout.shortened(path, 48)
        if image.logit is None or image.target is None:
            rows.append([name, "-", "-", "not finite"])
            continue
        arrives = "-" if image.pixels is None else percent(image.pixels)
        label = layout.shortened(classes[image.target], 24)
        rows.append([name, label, f"{image.logit:.2f}", arrives])
    return rows
