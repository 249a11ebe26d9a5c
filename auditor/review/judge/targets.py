"""Hold the owner's targets beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Literal

from auditor.base.yaml_text import load
from auditor.config.policy import TargetsConfig, read_bound
from auditor.language.numbers import number, percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.records.part import Interval
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Check, CueAnswer
from auditor.report.show.formatting import interval as in_words
from auditor.review.graded import RANK, Graded, listed
from auditor.review.judge.cue_answers import waiting

State = Literal["met", "not met", "not measured", "open"]
TRUST = ("not trusted", "partly trusted", "trusted")
# Targets whose certain miss is said before all else.
MOST_NAMES = 6
HEADLINES = ("accuracy", "worst_class_accuracy", "worst_group_accuracy", "label_auroc")
TITLES = {
    "accuracy": _("Accuracy"),
    "worst_class_accuracy": _("Accuracy of the worst class"),
    "worst_group_accuracy": _("Accuracy of the worst group"),
    "calibration_error": _("Calibration error"),
    "label_auroc": _("AUROC of the worst label"),
    "label_auprc": _("Average precision of the worst label"),
    "label_f1": _("F1 of the worst label"),
    "largest_severity": _("Largest severity of a finding"),
    "conservation": _("Score that relevance accounts for"),
    "faithfulness": _("Trust in the ranking of concepts"),
}


def check_targets(
    result: AuditResult,
    targets: TargetsConfig,
    findings: Sequence[Graded],
    cues: Sequence[CueAnswer],
    waived: Collection[str],
) -> list[Check]:
    """Return one check per target that is asked for; ``waived`` are ids of findings.

    A figure that was not measured, or not for everything that the target is about, never meets it.
    """
    checks = []
    for name, wanted in targets.asked().items():
        if name == "largest_severity":
            checks.append(_severity(result, wanted, findings, cues, waived))
        elif name == "faithfulness":
            checks.append(_faithfulness(result, wanted))
        else:
            checks.append(_share(result, name, wanted, by_interval=targets.by == "interval"))
    return checks


def _share(result: AuditResult, name: str, wanted: str, *, by_interval: bool) -> Check:
    measured, words, missing = MEASURES[name](result)
    bound = read_bound(wanted)
    at_least = bound.sign == ">="
    share = percent(bound.value)
    asked = (
        _("at least %(value)s", value=share) if at_least else _("at most %(value)s", value=share)
    )
    if measured is None:
        said = _("It was not measured: %(why)s.", why=missing)
        return _check(name, asked, _("not measured"), "not measured", said)
    worst = measured.low if at_least else measured.high
    judged = worst if by_interval else measured.value
    met = judged >= bound.value if at_least else judged <= bound.value
    sure = (worst >= bound.value) if at_least else (worst <= bound.value)
    if at_least and measured.high < bound.value and name in HEADLINES:
        sentence = _(
            "%(value)s misses the target of %(wanted)s: the whole interval lies below it.",
            value=words,
            wanted=asked,
        )
        return _check(name, asked, words, "not met", sentence, measured, headline=True)
    if not met:
        if by_interval:
            sentence = _(
                "%(value)s misses the target: the interval reaches beyond it.", value=words
            )
        else:
            sentence = _("%(value)s misses the target.", value=words)
        return _check(name, asked, words, "not met", sentence, measured)
    if missing:
        sentence = _(
            "%(value)s meets the target, but not everything was measured: %(why)s.",
            value=words,
            why=missing,
        )
        return _check(name, asked, words, "not measured", sentence, measured)
    sentence = _("%(value)s meets the target.", value=words)
    if not sure:
        sentence = _(
            "%(value)s meets the target, but the interval reaches beyond it: more pictures would "
            "make it certain.",
            value=words,
        )
    return _check(name, asked, words, "met", sentence, measured)


def _check(
    name: str,
    wanted: str,
    measured: str,
    state: State,
    sentence: str,
    interval: Interval | None = None,
    findings: Sequence[str] = (),
    *,
    headline: bool = False,
) -> Check:
    return Check(
        name=name,
        title=TITLES[name],
        kind="target",
        wanted=wanted,
        measured=measured,
        interval=interval,
        state=state,
        sentence=sentence,
        findings=list(findings),
        headline=headline,
    )


Measured = tuple[Interval | None, str, str]


def _accuracy(result: AuditResult) -> Measured:
    found = result.performance.accuracy
    if result.performance.labels:
        return None, "", _of_labels()
    return (found, in_words(found), "") if found.n else (None, "", _("no picture could be used"))


def _worst_class(result: AuditResult) -> Measured:
    classes = [item for item in result.performance.classes if item.accuracy.n]
    if result.performance.labels:
        return None, "", _of_labels()
    if not classes:
        return None, "", _("no audited class has a picture")
    worst = min(classes, key=lambda item: (item.accuracy.value, item.name))
    left = len(set(result.data.counts) - {item.name for item in result.performance.classes})
    missing = ""
    if left and not _classes_chosen(result):
        missing = _(
            "%(left)s of %(all)s classes were not audited; name the classes that matter in "
            "audit.classes, or raise audit.max_classes",
            left=left,
            all=len(result.data.counts),
        )
    lost = [each.name for each in result.data.classes if each.name and each.lost and not each.used]
    if lost:
        missing = _(
            "no picture of these classes could be used: %(names)s", names=joined(lost, ", ")
        )
    said = _("%(value)s for '%(name)s'", value=in_words(worst.accuracy), name=worst.name)
    return worst.accuracy, said, missing


def _worst_group(result: AuditResult) -> Measured:
    table = result.performance.groups
    if result.performance.labels:
        return None, "", _of_labels()
    if table is None:
        return None, "", _("the data has no columns of groups; name them in data.groups")
    if table.worst is None:
        return None, "", table.note
    lacking = []
    if table.small:
        lacking.append(
            _(
                "groups with too few pictures: %(small)s of %(all)s",
                small=table.small,
                all=table.groups,
            )
        )
    if table.unknown:
        lacking.append(_("pictures without a group: %(unknown)s", unknown=table.unknown))
    said = _("%(value)s for %(name)s", value=in_words(table.worst), name=table.name)
    return table.worst, said, joined(lacking, "; ")


def _classes_chosen(result: AuditResult) -> bool:
    """Say whether the owner named the classes to audit, so that the others are out of scope."""
    audit = (load(result.config, "config of the run").value or {}).get("audit") or {}
    return audit.get("classes") is not None


def _of_labels() -> str:
    return _(
        "pictures have several labels, of which label_auroc, label_auprc and label_f1 can be asked"
    )


def _worst_label(result: AuditResult, name: str, *, largest: bool = False) -> Measured:
    """Return the worst label's figure by one measure."""
    labels = result.performance.labels
    if not labels:
        return None, "", _("each picture has one class")
    known = {each.name: getattr(each, name) for each in labels}
    measured = {label: found for label, found in known.items() if found is not None}
    if not measured:
        return None, "", _("no label is present in some pictures and absent in others")
    worst = (max if largest else min)(measured, key=lambda label: measured[label].value)
    lacking = [label for label in known if label not in measured]
    missing = ""
    left = result.model.outputs - len(labels)
    if left and not _classes_chosen(result):
        missing = _(
            "%(left)s of %(all)s labels were not audited", left=left, all=result.model.outputs
        )
    if lacking:
        missing = _("not measured of these labels: %(names)s", names=joined(lacking, ", "))
    said = _("%(value)s for '%(name)s'", value=in_words(measured[worst]), name=worst)
    return measured[worst], said, missing


def _calibration(result: AuditResult) -> Measured:
    if result.performance.labels:
        return _worst_label(result, "calibration", largest=True)
    found = result.performance.calibration
    if found is None:
        return None, "", _("no picture could be used")
    return found.error, in_words(found.error), ""


def _conservation(result: AuditResult) -> Measured:
    method = result.method
    if method.conservation is None:
        return None, "", _("no relevance reached the pixels of any picture looked at")
    share = max(0.0, 1 - abs(1 - method.conservation))
    # A median over a handful of pictures; it is given no interval in the audit.
    found = Interval(value=share, low=share, high=share, n=method.conservation_n)
    said = _("%(value)s (median of %(n)s pictures)", value=percent(share), n=number(found.n))
    return found, said, ""


MEASURES: dict[str, Callable[[AuditResult], Measured]] = {
    "accuracy": _accuracy,
    "worst_class_accuracy": _worst_class,
    "worst_group_accuracy": _worst_group,
    "calibration_error": _calibration,
    "conservation": _conservation,
    "label_auroc": partial(_worst_label, name="auroc"),
    "label_auprc": partial(_worst_label, name="auprc"),
    "label_f1": partial(_worst_label, name="f1"),
}


def gaps_of(result: AuditResult) -> list[str]:
    """Return what did not run and so cannot be passed."""
    verdict = result.verdict
    if verdict.gaps or verdict.code != "incomplete":
        gaps = list(verdict.gaps)
    else:
        gaps = [verdict.sentence.removesuffix(".")]
    few = [item.name for item in result.classes if item.searched is False]
    if gaps and few and result.search.ran:
        names, more = joined(few[:MOST_NAMES], ", "), len(few) - MOST_NAMES
        if more > 0:
            names = _("%(names)s and %(more)s more", names=names, more=more)
        gaps.append(_("not searched: %(names)s", names=names))
    return gaps


def _severity(
    result: AuditResult,
    wanted: str,
    findings: Sequence[Graded],
    cues: Sequence[CueAnswer],
    waived: Collection[str],
) -> Check:
    open_ones = [item for item in findings if item.id not in waived]
    beyond = [item for item in open_ones if RANK[item.severity] > RANK[wanted]]
    largest = max((item.severity for item in open_ones), key=RANK.__getitem__, default="none")
    asked = _("none") if wanted == "none" else _("at most %(value)s", value=_(wanted))
    name, ids = "largest_severity", [item.id for item in beyond]
    if beyond:
        sentence = _("Beyond the target: %(findings)s.", findings=listed(beyond))
        return _check(name, asked, _(largest), "not met", sentence, findings=ids)
    asked_about = {each.finding for each in cues if not each.answered}
    grave = [item for item in findings if RANK[item.severity_as_shortcut] > RANK[wanted]]
    if any(item.id in asked_about for item in grave):
        sentence = joined((_("No finding that counts is beyond the target."), waiting(cues)))
        return _check(name, asked, _(largest), "open", sentence)
    gaps = gaps_of(result)
    if gaps:
        sentence = _(
            "Nothing beyond the target was found, but not everything ran: %(gaps)s.",
            gaps=joined(gaps, "; "),
        )
        return _check(name, asked, _(largest), "not measured", sentence)
    sentence = _("No finding that counts is beyond the target.")
    return _check(name, asked, _(largest), "met", sentence)


def _faithfulness(result: AuditResult, wanted: str) -> Check:
    name, asked = "faithfulness", _(wanted)
    if wanted != "trusted":
        asked = _("at least %(value)s", value=asked)
    tested = [card for card in result.ranking if card.trust in TRUST]
    words = joined((joined((card.layer, _(card.trust))) for card in result.ranking), "; ")
    words = words or _("not tested")
    worst = min(tested, key=lambda card: TRUST.index(card.trust), default=None)
    if worst is not None and TRUST.index(worst.trust) < TRUST.index(wanted):
        sentence = _("At %(layer)s: %(said)s", layer=worst.layer, said=worst.sentence)
        return _check(name, asked, words, "not met", sentence)
    if worst is None or len(tested) < len(result.ranking):
        sentence = _(
            "The ranking of concepts was not tested at every layer (audit.flipping_images)."
        )
        return _check(name, asked, words, "not measured", sentence)
    sentence = _("The ranking is trusted as far as was asked.")
    return _check(name, asked, words, "met", sentence)
