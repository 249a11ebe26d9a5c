"""Where on its way through the search an artefact was lost: proposed, kept, selected, listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np

from auditor.causal import by_class
from tests.benchmarks.shortcuts.artefacts import ARTEFACTS
from tests.benchmarks.shortcuts.manipulation import Effect
from tests.benchmarks.shortcuts.scores import hits, iou
from tests.benchmarks.shortcuts.worlds import Planted

SHOWN = 4
STAGES = ("proposed", "kept", "selected")


@dataclass
class Trace:
    """What passed each stage: per class its rows and proposals, before and after each choice.

    The lists are in the order in which the classes were searched; ``tested`` is of all classes.
    """

    rows: list[np.ndarray] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    proposed: list[list[Any]] = field(default_factory=list)
    screened: list[list[Any]] = field(default_factory=list)
    selected: list[list[Any]] = field(default_factory=list)
    tested: list[Any] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)

    def looked_at(self, output: int, members: np.ndarray) -> np.ndarray:
        """Return the rows of a class that were loaded; ``members`` where it was not searched."""
        return self.rows[self.outputs.index(output)] if output in self.outputs else members

    def chosen(self, output: int) -> list[Any]:
        """Return the proposals of a class that were chosen for the tests."""
        if output not in self.outputs:
            return []
        return [each.proposal for each in self.selected[self.outputs.index(output)]]


@contextmanager
def traced() -> Iterator[Trace]:
    """Record the stages of every search while the context is open; the search stays as it is."""
    trace = Trace()
    merged, screen, selected = by_class.merged, by_class.screen, by_class.selected
    graded = by_class.graded

    def merging(proposals: Sequence[Any], *rest: Any, **options: Any) -> Any:
        trace.proposed.append(list(proposals))
        return merged(proposals, *rest, **options)

    def screening(probe: Any, members: Any, *rest: Any, **options: Any) -> Any:
        found = screen(probe, members, *rest, **options)
        trace.rows.append(members.rows)
        trace.outputs.append(members.output)
        trace.screened.append(list(found))
        return found

    def selecting(group: Sequence[Any], *rest: Any, **options: Any) -> Any:
        found = selected(group, *rest, **options)
        trace.selected.append(list(found))
        return found

    def finding(
        stage: Any, tested: Sequence[Any], results: Mapping[str, Any], *rest: Any, **options: Any
    ) -> Any:
        trace.tested.extend(tested)
        trace.results.update(results)
        return graded(stage, tested, results, *rest, **options)

    with ExitStack() as stack:
        for name, function in (
            ("merged", merging), ("screen", screening), ("selected", selecting),
            ("graded", finding),
        ):  # fmt: skip
            stack.enter_context(patch.object(by_class, name, function))
        yield trace


def stages_of(trace: Trace, effects: Sequence[Effect], planted: Planted) -> list[dict[str, Any]]:
    """Return per planted class which stages a region on the artefact passed.

    ``best`` are the proposals with the largest IoU on the members that carry the artefact: how they
    were made, whether they hit, their relevance score, evidence share, and the last stage passed.
    """
    found = []
    for effect in effects:
        row: dict[str, Any] = {"searched": effect.output in trace.outputs}
        found.append(row)
        if not row["searched"] or not ARTEFACTS[effect.artefact].local:
            continue
        place = trace.outputs.index(effect.output)
        rows = trace.rows[place]
        carry = planted.carries[effect.plant, rows]
        artefact = planted.masks[effect.plant, rows[carry]]
        shares = {id(each.proposal): each.share for each in trace.screened[place]}
        chosen = {id(each.proposal) for each in trace.selected[place]}
        regions = []
        # An outline that was drawn anew is a proposal of its own.
        known = {id(each) for each in trace.proposed[place]}
        drawn = [each for each in trace.chosen(effect.output) if id(each) not in known]
        for proposal in (*trace.proposed[place], *drawn):
            masks = proposal.masks[carry]
            stage = "selected" if id(proposal) in chosen else "proposed"
            if stage == "proposed" and id(proposal) in shares:
                stage = "kept"
            regions.append(
                {
                    "kind": proposal.kind,
                    "shape": proposal.shape,
                    "hit": hits(masks, artefact),
                    "iou": float(iou(masks, artefact).mean()) if len(masks) else 0.0,
                    "area": float(proposal.masks.mean()),
                    "score": float(proposal.score),
                    "share": shares.get(id(proposal)),
                    "stage": stage,
                }
            )
        struck = [region for region in regions if region["hit"]]
        row["passed"] = max((STAGES.index(r["stage"]) for r in struck), default=-1)
        row["best"] = sorted(struck or regions, key=lambda r: -r["iou"])[:SHOWN]
    return found


def lost_at(row: dict[str, Any]) -> str:
    """Say in words at which stage the artefact was lost; '' where it was tested."""
    if not row.get("searched", True):
        return "the class was not searched"
    if "passed" not in row or row["passed"] == len(STAGES) - 1:
        return ""
    best = row["best"][0] if row["best"] else None
    named = f"{best['kind']} '{best['shape']}', IoU {best['iou']:.2f}" if best else "nothing"
    if row["passed"] < 0:
        return f"no region on it was proposed (nearest: {named})"
    if row["passed"] == 0:
        return f"proposed ({named}) but not among those screened (score {best['score']:.2f})"
    return f"screened ({named}, evidence share {best['share'] or 0:.2f}) but another was preferred"
