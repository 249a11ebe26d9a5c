"""Choose which concepts are shown: the leading ones of each class, and who shares them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from auditor.concepts.topk import largest
from auditor.records.stages import ConceptStatistics


def leading_concepts(statistics: ConceptStatistics, count: int) -> dict[int, tuple[int, ...]]:
    """Return, per class, up to ``count`` concepts by mean share, largest first, positive only."""
    chosen = largest(statistics.mean_share, count)
    return {
        output: tuple(int(concept) for concept in chosen[place] if concept >= 0)
        for place, output in enumerate(statistics.outputs)
    }


def shared_with(leading: Mapping[int, Sequence[int]]) -> dict[int, tuple[int, ...]]:
    """Return, per concept, all classes that it leads in, in ascending order."""
    users: dict[int, list[int]] = defaultdict(list)
    for output in sorted(leading):
        for concept in leading[output]:
            users[concept].append(output)
    return {concept: tuple(outputs) for concept, outputs in users.items()}
