"""The section on the data: what was used and set aside, and what whole pictures give away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from auditor.language.speaking import gettext as _
from auditor.records.accounting import Agreement, accounts, lost_share
from auditor.records.shortcuts import Factors, GlobalFactor
from auditor.records.stages import Samples
from auditor.report.document.result import AuditResult, DataCard, Quarantined
from auditor.report.draw.distributions import factors_figure
from auditor.report.sections.section import Audit, Row, Section, Table, cells

# More rows than this make a figure that nobody compares by eye.
MOST_DRAWN = 8


def data_card(
    samples: Samples, *, source: str, digest: str, agreement: Agreement | None = None
) -> DataCard:
    """Count what was used, excluded and quarantined; the sums are checked.

    Raises:
        IntegrityError: they contradict each other.
    """
    manifest = samples.manifest
    by_class = accounts(samples)
    excluded: Counter[str] = Counter()
    for reasons in manifest.excluded.values():
        excluded.update(reasons)
    used = Counter(manifest.classes[label] for label in samples.labels[samples.valid])
    return DataCard(
        source=source,
        digest=digest,
        total=len(manifest),
        used=int(samples.valid.sum()),
        counts=dict(sorted(used.items())),
        excluded=dict(sorted(excluded.items())),
        quarantined=[
            Quarantined(path=path, reason=reason)
            for path, reason in zip(manifest.paths, samples.quarantine, strict=True)
            if reason is not None
        ],
        label_rule=manifest.label_rule,
        metadata=sorted(manifest.metadata),
        discovery=int((samples.valid & samples.discovery).sum()),
        test=int((samples.valid & ~samples.discovery).sum()),
        classes=list(by_class),
        lost_share=lost_share(by_class),
        contradiction=agreement if agreement and agreement.contradicts else None,
    )


def data(audit: Audit) -> DataCard:
    """Return the account of the data."""
    return data_card(
        audit.analysis.samples,
        source=audit.shared.data.source,
        digest=audit.analysis.facts.data_digest,
        agreement=audit.analysis.agreement,
    )


def factors(audit: Audit) -> Factors | None:
    """Return what the search found that is no region, with its figure; None without any of it."""
    report = audit.analysis.shortcuts
    if report is None or not (report.whole.factors or report.whole.columns or report.whole.odd):
        return None
    cards = strongest(report.whole.factors)
    figure = None
    if cards:
        names = [card.what for card in cards]
        figure = audit.store.figure(
            partial(factors_figure, names, [c.own for c in cards], [c.others for c in cards]),
            alt=_("quantiles of the statistics that set classes apart"),
        )
    return report.whole.model_copy(update={"figure": figure, "drawn": len(cards)})


def strongest(factors: Sequence[GlobalFactor], most: int = MOST_DRAWN) -> list[GlobalFactor]:
    """Return the factors with the largest measured effect, in the order in which they are listed.

    Where effects are equal, or none could be measured, those that tell the class best come first.
    """
    order = sorted(range(len(factors)), key=lambda index: _strength(factors[index]), reverse=True)
    return [factors[index] for index in sorted(order[:most])]


def _strength(factor: GlobalFactor) -> tuple[float, float]:
    effects = [abs(test.effect) for test in factor.evidence.values() if test.has_run]
    return max(effects, default=0.0), abs(factor.auc - 0.5)


def factor_rows(result: AuditResult) -> Iterable[Row]:
    """Yield a row for each test of each factor of whole pictures."""
    for factor in result.factors.factors if result.factors else []:
        for test in factor.evidence.values():
            effect = test.interval
            yield FACTORS.of(factor) | {
                "factor": factor.id,
                "class": factor.class_name,
                "pictures": factor.n,
                "median": factor.own[2],
                "median_of_others": factor.others[2],
                "test": test.title,
                "outcome": test.outcome,
                "q_of_test": test.q,
                "reason": test.reason,
                "n": effect.n if effect else None,
                **(cells("effect", effect) if effect else {}),
            }


FACTORS = Table(
    (
        *("factor", "statistic", "unit", "class", "grade", "plausibility", "pictures", "auc", "q"),
        *("median", "median_of_others", "test", "outcome", "effect", "low", "high", "n"),
        *("q_of_test", "reason"),
    ),
    factor_rows,
)
SECTION = Section(
    "data", _("Data"), parts={"data": data, "factors": factors}, tables={"factors": FACTORS}
)
