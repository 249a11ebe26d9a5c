"""What the search finds without running the model: columns of metadata (P7), odd samples (P8)."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.causal.proposing import BY_CONCEPT
from auditor.config.audit import PROPOSALS, ShortcutConfig
from auditor.language.speaking import gettext as _
from auditor.records.stages import ColumnFactor, LayerRelevance, OddSample, Samples
from auditor.shortcuts.whole_pictures.columns import column_factors
from auditor.shortcuts.whole_pictures.odd import odd_samples


def of_the_data(
    samples: Samples,
    relevance: LayerRelevance | None,
    outputs: Sequence[int],
    config: ShortcutConfig,
    seed: int,
    searched: bool,
) -> tuple[list[ColumnFactor], list[OddSample], int, list[str]]:
    """Return columns, odd samples and how many of these there are, and what was not asked and why.

    ``searched``: whether any class was large enough to be searched for regions.
    """
    columns: list[ColumnFactor] = []
    odd: list[OddSample] = []
    notes: list[str] = []
    total = 0
    if "P7" in config.proposals:
        columns, notes = column_factors(samples, relevance, outputs, config.permutations, seed)
    if "P8" in config.proposals and relevance is not None:
        odd, total = odd_samples(relevance, samples, outputs)
    left = [name for name in (*BY_CONCEPT, "P8") if name in config.proposals]
    if relevance is None and left and searched:
        notes.append(
            _(
                "Not asked, because relevance by concept was not given: %(left)s.",
                left=", ".join(left),
            )
        )
    if len(config.proposals) < len(PROPOSALS):
        off = [name for name in PROPOSALS if name not in config.proposals]
        notes.append(
            _("Switched off in the config (shortcuts.proposals): %(off)s.", off=", ".join(off))
        )
    return columns, odd, total, notes
