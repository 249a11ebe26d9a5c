"""The section with the verdict: what was found, what did not run, what the audit does not show."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.config.audit import Config
from auditor.config.depth import LEAST_PER_CLASS
from auditor.language.speaking import gettext as _
from auditor.language.speaking import listed
from auditor.records.accounting import BEYOND_LIMIT, ClassCount
from auditor.records.shortcuts import Factors
from auditor.records.stages import Samples, ShortcutReport
from auditor.report.document.result import FindingCard, NotRun, Verdict
from auditor.report.sections import verdict as judging
from auditor.report.sections.section import Audit, Section
from auditor.report.sections.standing import standing
from auditor.shortcuts import cues as asked
from auditor.shortcuts.grading import ruled_out

NAMED = 6


def verdict(audit: Audit) -> Verdict:
    """Judge the audit by what was found and by what did not run."""
    made = audit.made
    return judging.verdict(
        made["findings"],
        made["search"],
        made["data"],
        not_run(audit),
        audit.analysis.searched.count(False),
        made["factors"].factors if made["factors"] else (),
        standing(audit.analysis.samples),
        made["cues"],
    )


def cues(audit: Audit) -> list[str]:
    """Name what a person is asked about: proven to steer a class, and no artefact by its look."""
    made = audit.made
    factors = made["factors"].factors if made["factors"] else ()
    return asked.cues([*made["findings"], *factors])


def does_not_show(audit: Audit) -> list[str]:
    """Say what a reader must not conclude."""
    made = audit.made
    return judging.does_not_show(
        made["search"],
        made["data"],
        unsettled(audit.analysis.shortcuts, made["findings"]),
        made["factors"].factors if made["factors"] else (),
    )


def not_run(audit: Audit) -> list[NotRun]:
    """Name the parts of the audit that were left out by choice."""
    return [
        *_left_out(audit.analysis.left_out),
        *switched_off(audit.made["search"].switched_off),
        *left_by_limit(audit.made["data"].classes),
        *untested_factors(audit.made["factors"]),
        *_over_time(audit.config, audit.analysis.samples),
    ]


def unsettled(report: ShortcutReport | None, cards: Sequence[FindingCard]) -> list[str]:
    """Return what recurs in a class while its use was neither shown nor ruled out."""
    found = zip(report.findings if report else (), cards, strict=True)
    return [card.what for each, card in found if each.grade == "D" and not ruled_out(each.evidence)]


def _left_out(classes: int) -> list[NotRun]:
    if not classes:
        return []
    return [
        NotRun(
            part=_("the audit of %(left_out)s further classes", left_out=classes),
            reason=_(
                "only the classes that most wrong decisions leave or reach were audited in depth; "
                "name others in audit.classes or raise audit.max_classes"
            ),
        )
    ]


def switched_off(proposals: Sequence[str]) -> list[NotRun]:
    """Name the proposals that the search was told to leave out: what they see was not tested."""
    if not proposals:
        return []
    return [
        NotRun(
            part=_("the search by %(proposals)s", proposals=listed(proposals)),
            reason=_("switched off in the config (shortcuts.proposals)"),
        )
    ]


def untested_factors(factors: Factors | None) -> list[NotRun]:
    """Name the statistics of whole pictures that tell a class and could not be set in these."""
    return [
        NotRun(
            part=_("the test of %(what)s", what=factor.what),
            reason=next((e.reason for e in factor.evidence.values() if e.reason), ""),
        )
        for factor in (factors.factors if factors else ())
        if factor.grade == "U" and not judging.cannot_be_set(factor)
    ]


def left_by_limit(classes: Sequence[ClassCount]) -> list[NotRun]:
    """Name the classes of which the limit left no picture."""
    names = [each.name for each in classes if each.pictures and not (each.used or each.losses)]
    if not names:
        return []
    shown = names[:NAMED]
    more = len(names) - len(shown)
    if more:
        shown.append(_("%(more)s more", more=more))
    return [
        NotRun(
            part=_("the audit of these classes: %(names)s", names=listed(shown)),
            reason=_("none of their pictures is among those that data.limit allows"),
        )
    ]


def _over_time(config: Config, samples: Samples) -> list[NotRun]:
    """Say what was left out to keep to audit.max_minutes; see `auditor.cli.budget`."""
    minutes, reduced = config.audit.max_minutes, config.audit.reduced
    if minutes is None or not reduced:
        return []
    excluded = samples.manifest.excluded.values()
    left = sum(reasons.get(BEYOND_LIMIT, 0) for reasons in excluded)
    parts = [_("%(left)s further images", left=left)] if "images" in reduced else []
    if "depth" in reduced:
        parts.append(_("a closer look than the preset quick takes"))
    return [
        NotRun(
            part=listed(parts),
            reason=_(
                "audit.max_minutes is %(minutes)s: by the estimate, from passes of this model "
                "timed on this machine, no more fits. The rule: images are cut first, to a "
                "stratified random sample in which no class that has %(least)s falls below; where "
                "that is not enough, search and pictures take the values of the preset quick",
                minutes=f"{minutes:g}",
                least=LEAST_PER_CLASS,
            ),
        )
    ]


SECTION = Section(
    "summary",
    _("Summary"),
    parts={"cues": cues, "verdict": verdict, "does_not_show": does_not_show, "not_run": not_run},
    needs=("findings", "data"),
    tier="executive",
)
