"""The part of a check's report on which rule ran where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.cli.check.flow_text import WHOLE
from auditor.cli.layout import indented, shortened, table
from auditor.relevance.check.sentences import percent

if TYPE_CHECKING:
    from auditor.relevance.check.explained import Check, NodeCheck

NO_RELEVANCE = "none (held constant)"


def rules(check: Check, *, everything: bool) -> Iterator[str]:
    """Say which rule ran where, in groups or node by node."""
    yield f"Which rule ran where (composite {check.composite}, {len(check.rules)} operations)"
    if everything:
        rows = [
            [row.node, row.operation, row.module or "-", _rule(row), percent(row.kept.total)]
            for row in check.rules
        ]
        yield from table(["node", "operation", "module", "rule", "keeps"], rows, right={4})
    else:
        rows = [
            [rule, operation, str(len(nodes)), _span(nodes)]
            for (rule, operation), nodes in _grouped(check.rules).items()
        ]
        yield from table(["rule", "operation", "count", "modules"], rows, right={2})
        yield ""
        yield from indented("--all shows every operation.")
    if not all(row.reached for row in check.rules):
        yield from indented(
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
        yield from table(["operation", "module", "node", "keeps"], rows, right={3})
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
        return shortened(first or WHOLE, 46)
    parts, others = first.split("."), last.split(".")
    same = 0
    while same < min(len(parts), len(others)) - 1 and parts[same] == others[same]:
        same += 1
    rest = ".".join(others[same:]) if len(first) + len(last) > 42 else last
    return f"{shortened(first or WHOLE, 23)} to {shortened(rest or WHOLE, 20)}"
