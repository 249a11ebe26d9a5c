"""The audit in one word and one sentence, and what it does not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from auditor.language.numbers import percent
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined, listed, ngettext
from auditor.records.accounting import OUTSIDE, ClassCount
from auditor.records.shortcuts import GlobalFactor, SearchLimits, Severity
from auditor.report.document.codes import Grounds, code_of
from auditor.report.document.result import DataCard, FindingCard, NotRun, Verdict
from auditor.report.sections.standing import Standing
from auditor.report.show.chosen import SHEET_GRADES
from auditor.shortcuts.cues import inside_the_object
from auditor.shortcuts.grading import severity
from auditor.shortcuts.whole_pictures.global_statistics import STATISTICS

# Of all pictures, and of those of one class: more that cannot be used leave the audit incomplete.
MOST_LOST = 0.01
MOST_LOST_OF_A_CLASS = 0.1
NAMED = 6
# Of what the first page says is not shown: the technical part has all.
MOST_LISTED = 3


def verdict(
    findings: Sequence[FindingCard],
    search: SearchLimits,
    data: DataCard,
    not_run: Sequence[NotRun],
    untested: int,
    factors: Sequence[GlobalFactor] = (),
    accuracy: Standing | None = None,
    cues: Sequence[str] = (),
) -> Verdict:
    """Judge by the findings as if nobody had decided; what did not run never counts as passed.

    ``not_run`` are parts left out by choice: they limit what is passed. ``untested`` counts
    classes with too few images for the causal tests. ``factors`` count like findings. What there
    is to say of the ``accuracy`` comes first: a model that is worse than a guess is not used.
    ``cues`` are ids of findings and factors that a person is asked about.
    """
    everything: list[FindingCard | GlobalFactor] = [*findings, *factors]
    grave = [each for each in everything if each.grade in SHEET_GRADES]
    asked = [each for each in everything if each.id in cues]
    inside = [each for each in asked if _inside(each)]
    open_cues = [each for each in asked if each not in inside]
    gaps = [*_gaps(search, data, untested), *_failed(findings, search)]
    code = code_of(
        Grounds(
            missed=accuracy is not None and accuracy.worse,
            undecided=tuple(_severity(each) for each in grave),
            gaps=bool(gaps),
            unanswered=bool(open_cues),
            conditions=bool(not_run) or accuracy is not None,
        )
    )
    passed = _left_out(not_run), _marked(inside), unsearched(search)
    sentences = {
        "do_not_use": (_fix_first(grave), _besides(gaps), _wait(open_cues)),
        "needs_decision": (_decide(grave), _besides(gaps), _wait(open_cues)),
        "incomplete": (_supply(gaps), _look(open_cues)),
        "needs_look": (_look(open_cues), *passed),
        "conditions": (_nothing(), *passed),
        "pass": (_nothing(), *passed),
    }
    if accuracy is None:
        return Verdict(code=code, sentence=joined(sentences[code]), gaps=gaps)
    return Verdict(
        code=code,
        # Of a model that is worse than a guess what did not run says nothing more.
        sentence=joined(
            (accuracy.sentence, *((_fix_first(grave),) if accuracy.worse else sentences[code]))
        ),
        gaps=gaps,
        headline=accuracy.sentence,
        worse=accuracy.worse,
    )


def unsearched(search: SearchLimits) -> str:
    """Name the kinds of shortcut that were not searched, nothing where all were."""
    titles = [kind.title for kind in search.kinds if kind.reason]
    return _("Not searched: %(kinds)s.", kinds=joined(titles, "; ")) if titles else ""


def _severity(item: FindingCard | GlobalFactor) -> Severity:
    if isinstance(item, FindingCard):
        return item.severity
    assert item.grade is not None
    return severity(item.grade, None)


def _inside(item: FindingCard | GlobalFactor) -> bool:
    return isinstance(item, FindingCard) and inside_the_object(item.outside, item.plausibility)


def _fix_first(findings: Sequence[FindingCard | GlobalFactor]) -> str:
    if not findings:
        return ""
    return _(
        "Use the model only after each finding below is fixed or its risk accepted by a named "
        "person: %(listed)s.",
        listed=_listed(findings),
    )


def _decide(findings: Sequence[FindingCard | GlobalFactor]) -> str:
    return ngettext(
        "A person has to decide about one finding before the model is relied on: %(listed)s. Fix "
        "it, accept its risk until a day, or say that it is part of the class.",
        "A person has to decide about %(num)s findings before the model is relied on: %(listed)s. "
        "Fix each, accept its risk until a day, or say that it is part of the class.",
        len(findings),
        listed=_listed(findings),
    )


def _supply(gaps: Sequence[str]) -> str:
    return _(
        "The audit cannot pass: %(gaps)s. Supply what is missing and audit the model again.",
        gaps=joined(gaps, "; "),
    )


def _besides(gaps: Sequence[str]) -> str:
    if not gaps:
        return ""
    return _("Besides, the audit is not complete: %(gaps)s.", gaps=joined(gaps, "; "))


def _look(asked: Sequence[FindingCard | GlobalFactor]) -> str:
    if not asked:
        return ""
    names = [each.what for each in asked[:NAMED]]
    if len(asked) > NAMED:
        names.append(_("%(more)s more", more=len(asked) - NAMED))
    return ngettext(
        "A person has to look at one thing that steers the model and say whether it is part of "
        "what its class means: %(listed)s.",
        "A person has to look at %(num)s things that steer the model and say of each whether it is "
        "part of what its class means: %(listed)s.",
        len(asked),
        listed=listed(names),
    )


def _wait(asked: Sequence[FindingCard | GlobalFactor]) -> str:
    """Say beside a graver verdict that there are questions too."""
    if not asked:
        return ""
    return ngettext(
        "One more thing steers the model, and a person has to say whether it is part of its class.",
        "%(num)s more things steer the model, and a person has to say of each whether it is part of"
        " its class.",
        len(asked),
    )


def _nothing() -> str:
    return _(
        "Nothing was found that decides for a class and does not look like part of it. What the"
        " search could have missed is stated below."
    )


def _left_out(not_run: Sequence[NotRun]) -> str:
    """Say what was left out by choice, of which nothing is passed."""
    if not not_run:
        return ""
    parts = [_("%(part)s did not run (%(reason)s)", part=e.part, reason=e.reason) for e in not_run]
    return _("This holds without what was left out: %(parts)s.", parts=joined(parts, "; "))


def _marked(inside: Sequence[FindingCard | GlobalFactor]) -> str:
    if not inside:
        return ""
    return _(
        "Confirmed as part of the class by the objects that are marked in the data, inside of "
        "which it lies: %(listed)s.",
        listed=_listed(inside),
    )


def does_not_show(
    search: SearchLimits,
    data: DataCard,
    unsettled: Sequence[str] = (),
    factors: Sequence[GlobalFactor] = (),
) -> list[str]:
    """Say in plain sentences what a reader must not conclude.

    ``unsettled`` names what was tested and neither shown to be used nor ruled out; of ``factors``
    those are named that no test can be made of.
    """
    sentences = []
    if unsettled:
        sentences.append(
            _(
                "Whether the model uses the following, neither shown nor ruled out: %(listed)s. "
                "More pictures would tell.",
                listed=_first_of(unsettled),
            )
        )
    untestable = [each.what for each in factors if each.grade == "U" and cannot_be_set(each)]
    if untestable:
        sentences.append(
            _(
                "Whether the model uses the following, which goes with a class and cannot be "
                "changed in a picture: %(listed)s.",
                listed=_first_of(untestable),
            )
        )
    if search.ran and search.detection_limit is not None:
        sentences.append(
            _(
                "Weak shortcuts: something that makes the model take fewer than "
                "%(detection_limit)s of other pictures for the class may have been missed. That is "
                "the detection limit of %(tests)s tests on %(targets)s pictures.",
                targets=search.targets,
                tests=search.tests,
                detection_limit=percent(search.detection_limit),
            )
        )
    sentences += [
        _(
            "Shortcuts that are not in these images: an artefact that only the training data had "
            "cannot be found here."
        ),
        # Where the kinds are listed one by one, that list says what was not searched.
        *([] if search.kinds else [_neither_region_nor_statistic()]),
        _("How the model behaves on data unlike the %(used)s images audited.", used=data.used),
        _(
            "Whether the model is fair, robust or fit for its purpose: this audit only "
            "examines what its decisions are based on."
        ),
    ]
    return sentences


def _neither_region_nor_statistic() -> str:
    return _(
        "Shortcuts that are neither a region of the picture nor one of the simple statistics of it "
        "(brightness, colour, blur, compression and the like)."
    )


def _gaps(search: SearchLimits, data: DataCard, untested: int) -> list[str]:
    gaps = [*_contradicted(data), *_set_aside(data)]
    if not search.ran:
        gaps.append(_("the search for shortcuts did not run (%(reason)s)", reason=search.reason))
    if untested:
        gaps.append(
            ngettext(
                "%(num)s of the audited classes has too few images for the causal tests",
                "%(num)s of the audited classes have too few images for the causal tests",
                untested,
            )
        )
    elif search.ran and not search.tests:
        gaps.append(_("no candidate could be tested on the model"))
    return gaps


def cannot_be_set(factor: GlobalFactor) -> bool:
    """Say whether no pictures at all would allow to test a factor.

    The shape of a file or a border of one colour cannot be given to another picture.
    """
    return bool(factor.statistic in STATISTICS and STATISTICS[factor.statistic].fixed)


def _failed(findings: Sequence[FindingCard], search: SearchLimits) -> list[str]:
    """Name the findings that could not be tested, and count tests that ended in an error."""
    gaps = []
    untested = [each for each in findings if each.grade == "U"]
    if untested:
        gaps.append(
            ngettext(
                "%(num)s candidate could not be tested (%(listed)s)",
                "%(num)s candidates could not be tested (%(listed)s)",
                len(untested),
                listed=_listed(untested),
            )
        )
    if search.failed:
        gaps.append(
            ngettext(
                "%(num)s causal test ended in an error",
                "%(num)s causal tests ended in an error",
                search.failed,
            )
        )
    return gaps


def _moved(data: DataCard, better: Mapping[int, int]) -> str:
    """Name the classes whose labels another assignment moves, nothing where not all are known."""
    names = [each.name for each in data.classes if each.used and each.name != OUTSIDE]
    if len(names) != len(better):
        return ""
    moved = [name for name, at in zip(names, sorted(better), strict=True) if better[at] != at]
    return _(", which moves those of %(classes)s", classes=listed(moved))


def _contradicted(data: DataCard) -> list[str]:
    """Say with both accuracies that the answers contradict how labels met outputs."""
    found = data.contradiction
    if found is None:
        return []
    said = {
        "rule": data.label_rule,
        "n": found.n,
        "right": found.right,
        "share": percent(found.right / found.n),
    }
    if found.better is None:
        return [
            _(
                "the answers contradict how labels met the outputs (%(rule)s): %(right)s of %(n)s "
                "pictures (%(share)s) are right, fewer than by chance (%(chance)s)",
                chance=percent(found.expected / found.n),
                **said,
            )
        ]
    return [
        _(
            "the answers contradict how labels met the outputs (%(rule)s): %(right)s of %(n)s "
            "pictures (%(share)s) are right so, and %(best)s (%(best_share)s) with another "
            "assignment of labels to outputs%(moved)s",
            best=found.best_right,
            best_share=percent(found.best_right / found.n),
            moved=_moved(data, found.better),
            **said,
        )
    ]


def _set_aside(data: DataCard) -> list[str]:
    """Say which classes lost all or much of their pictures, and what of all of them is lost."""
    named = [each for each in data.classes if each.name]
    gone = [each for each in named if each.lost and not each.used]
    less = [each for each in named if each.used and each.share > MOST_LOST_OF_A_CLASS]
    gaps = [
        _(
            "class '%(name)s': all %(lost)s pictures are set aside (%(reasons)s)",
            name=each.name,
            lost=each.lost,
            reasons=_reasons(each),
        )
        for each in gone[:NAMED]
    ]
    gaps += [
        _(
            "class '%(name)s': %(lost)s of %(pictures)s pictures are set aside (%(reasons)s)",
            name=each.name,
            lost=each.lost,
            pictures=each.lost + each.used,
            reasons=_reasons(each),
        )
        for each in less[: max(0, NAMED - len(gone))]
    ]
    more = len(gone) + len(less) - len(gaps)
    if more:
        gaps.append(
            ngettext(
                "%(num)s more class lost more than a tenth of its pictures",
                "%(num)s more classes lost more than a tenth of their pictures",
                more,
            )
        )
    if data.lost_share > MOST_LOST:
        gaps.append(
            _(
                "%(quarantined)s of %(total)s images could not be used",
                quarantined=data.unusable,
                total=data.found,
            )
        )
    return gaps


def _reasons(of: ClassCount) -> str:
    """Return the reasons of what was set aside, the two most frequent ones."""
    shown = list(of.losses.items())[:2]
    words = [_("%(count)s x %(reason)s", count=count, reason=_(reason)) for reason, count in shown]
    if len(of.losses) > len(shown):
        words.append(_("%(more)s more reasons", more=len(of.losses) - len(shown)))
    return joined(words, "; ")


def _first_of(names: Sequence[str]) -> str:
    """Return the first names and how many more there are: the first page holds no list of all."""
    more = len(names) - MOST_LISTED
    return listed([*names[:MOST_LISTED], *([_("%(more)s more", more=more)] if more > 0 else [])])


def _listed(findings: Sequence[FindingCard | GlobalFactor]) -> str:
    names = [finding.what for finding in findings]
    return listed(names)
