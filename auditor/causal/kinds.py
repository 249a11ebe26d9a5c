"""The kinds of shortcut: which this search looked for, how, and what it would have found.

Every result has a row for every kind, searched or not: what nobody looked for is not ruled out. A
kind counts as searched only where something that looks for it was asked and could be tested.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from auditor.causal.context import Search
from auditor.causal.global_factors import FactorTrial
from auditor.causal.images import Members, Stage
from auditor.causal.screening import FEWEST_REFERENCES
from auditor.causal.trial import LEAST_IMAGES, last_share
from auditor.language.numbers import whole_percent
from auditor.language.speaking import N_, joined, listed
from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import ColumnFactor, KindSearched
from auditor.shortcuts.grading import CLEAR, LEVEL, LIKELY
from auditor.shortcuts.propose.proposals import PROPOSALS
from auditor.shortcuts.statistics import detection_limit, least_prevalence
from auditor.shortcuts.whole_pictures.columns import COLUMNS
from auditor.shortcuts.whole_pictures.global_factors import WHOLE_PICTURES


@dataclass(frozen=True)
class Kind:
    """A kind of shortcut: ``regions`` are the proposals of regions of which one has to be asked.

    ``statistics`` are the statistics of whole pictures that stand for it. A kind with neither is
    looked for elsewhere, or not at all.
    """

    id: str
    title: str
    how: str
    regions: tuple[str, ...] = ()
    statistics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Looked:
    """What came of looking for a kind: ``n`` pictures, the smallest effect, or why it was not.

    ``how`` it was looked for, where that is not as usual; ``but`` says of which classes it was
    not, where others were searched.
    """

    n: int = 0
    limit: float | None = None
    reason: str = ""
    how: str = ""
    but: str = ""


METADATA, RARE, CONTEXTS = "metadata", "rare", "contexts"
GEOMETRY, TEXTURE, LACKING = "geometry", "texture", "absence"
FOLLOWS_RELEVANCE = ("P1", "P1b")
KINDS = (
    Kind(
        "mark_in_place",
        N_("marks in a fixed place"),
        N_("regions put into other pictures, covered up, and taken out of a layer"),
        ("P1", "P1b", "P1c"),
    ),
    Kind(
        "mark_anywhere",
        N_("marks anywhere"),
        N_("regions that follow the relevance in every picture"),
        FOLLOWS_RELEVANCE,
    ),
    Kind(
        "frame",
        N_("frames and borders"),
        N_("border, corners, strips and flat areas put into other pictures and covered up"),
        ("P1", "P1c"),
    ),
    Kind("text", N_("text of any kind"), N_("regions, as marks are"), FOLLOWS_RELEVANCE),
    Kind(
        "varying_mark",
        N_("marks that never look the same"),
        N_("the same regions, whatever they look like; what steers the model is shown"),
        FOLLOWS_RELEVANCE,
    ),
    Kind(
        RARE,
        N_("rare marks"),
        N_("regions of some pictures of a class, from %(share)s of them on"),
        ("P1d",),
    ),
    Kind(
        "other_object",
        N_("objects that come along with the class"),
        N_("regions; whether they belong to the class is asked"),
        FOLLOWS_RELEVANCE,
    ),
    Kind(
        CONTEXTS,
        N_("surroundings and scenes"),
        N_(
            "objects put on the surroundings of other classes; components of the penultimate "
            "layer that are there without the object"
        ),
    ),
    Kind(
        "colour",
        N_("colour and tint of the whole picture"),
        N_("set in other pictures, and taken from the class's own"),
        statistics=(
            "saturation",
            "red-green tint",
            "blue-yellow tint",
            "red-green tint of the margin",
            "blue-yellow tint of the margin",
        ),
    ),
    Kind(
        "quality",
        N_("brightness, contrast, blur, noise and compression"),
        N_("set in other pictures, and taken from the class's own"),
        statistics=(
            "brightness",
            "highlights",
            "contrast",
            "sharpness",
            "noise",
            "JPEG blockiness",
        ),
    ),
    Kind(
        METADATA,
        N_("metadata and groups"),
        N_("columns compared with the label, and with the relevance within a class"),
    ),
    Kind(
        GEOMETRY,
        N_("size, position and orientation of the object"),
        N_("objects made larger or smaller, moved, stretched and turned on their own surroundings"),
    ),
    Kind(
        TEXTURE,
        N_("texture of the object"),
        N_("objects covered with pieces of others' surface, their shape and surroundings kept"),
    ),
    Kind(
        LACKING,
        N_("a class recognised by what it lacks"),
        N_("a place covered up in pictures of other classes, the same in all"),
    ),
)


def kinds_of(
    stage: Stage,
    classes: Sequence[Members],
    tests: int,
    *,
    factors: Sequence[FactorTrial] = (),
    columns: Sequence[ColumnFactor] = (),
    elsewhere: Mapping[str, Looked] | None = None,
) -> tuple[KindSearched, ...]:
    """Return a row for every kind of shortcut.

    Args:
        stage: what all trials share.
        classes: the classes that were large enough to be searched.
        tests: how many tests the run made, which the smallest effects are corrected for.
        factors: the statistics of whole pictures that were tested.
        columns: the columns of metadata that were compared.
        elsewhere: what came of kinds that other searches look for, by kind.
    """
    looked = {
        METADATA: _metadata(stage.search, columns),
        **{kind.id: _regions(stage, classes, tests, kind) for kind in KINDS if kind.regions},
        **{
            kind.id: _statistics(stage, classes, tests, kind, factors)
            for kind in KINDS
            if kind.statistics
        },
        **(elsewhere or {}),
    }
    nobody = Looked(reason=_("nothing in this audit looks for it"))
    return tuple(_row(kind, looked.get(kind.id, nobody), classes) for kind in KINDS)


def looked_on(n: int, tests: int, but: str = "") -> Looked:
    """Return what came of tests on ``n`` pictures in the class with the fewest.

    ``but`` says of which classes none were made: of no class, it is the reason.
    """
    if not n:
        return Looked(reason=but)
    limit = detection_limit(n, tests, level=LEVEL, bound=CLEAR)
    if limit is None:
        return Looked(reason=_("no effect could have passed the tests on %(n)s pictures", n=n))
    return Looked(n, limit, but=but)


def least_share(classes: Sequence[Members]) -> float | None:
    """Return the share of its class that a mark must be on to be chosen, in the smallest class."""
    shares = [
        least_prevalence(int(members.discovery.sum()), FEWEST_REFERENCES) for members in classes
    ]
    known = [share for share in shares if share is not None]
    return max(known) if known and len(known) == len(shares) else None


def _row(kind: Kind, looked: Looked, classes: Sequence[Members]) -> KindSearched:
    how = ""
    if not looked.reason and kind.how:
        share = least_share(classes) if kind.id == RARE else None
        how = _(kind.how, share=whole_percent(share)) if share is not None else _(kind.how)
        how = joined([looked.how or how, looked.but], "; ")
    return KindSearched(
        kind=kind.id,
        title=_(kind.title),
        how=how,
        limit=None if looked.reason else looked.limit,
        n=0 if looked.reason else looked.n,
        reason=looked.reason,
    )


def _regions(stage: Stage, classes: Sequence[Members], tests: int, kind: Kind) -> Looked:
    if not set(kind.regions) & _asked(stage.search):
        return Looked(reason=_off(kind.regions))
    if kind.id == RARE and classes and least_share(classes) is None:
        return Looked(reason=_("a class has too few pictures for a mark on a part of them"))
    return _tested(stage, classes, tests, last_share)


def _statistics(
    stage: Stage, classes: Sequence[Members], tests: int, kind: Kind, factors: Sequence[FactorTrial]
) -> Looked:
    if WHOLE_PICTURES not in stage.search.proposals:
        return Looked(reason=_off((WHOLE_PICTURES,)))
    telling = [each for each in factors if each.factor.statistic in kind.statistics]
    results = [result for each in telling for result in each.evidence.values()]
    if results and not any(result.has_run for result in results):
        return Looked(reason=results[0].reason)
    return _tested(stage, classes, tests)


def _tested(
    stage: Stage,
    classes: Sequence[Members],
    tests: int,
    share: Callable[[int], float] = lambda _targets: 1.0,
) -> Looked:
    """Return on how many pictures of other classes the class with the fewest was tested.

    ``share`` is what of the probability of error is left at the last look at so many pictures.
    """
    if not classes:
        return Looked(reason=_("no class has enough pictures"))
    stages = [(stage.about(each.output), each.output) for each in classes]
    counts = [(len(one.targets.without(at)), len(one.others.without(at))) for one, at in stages]
    n, fillers = map(min, zip(*counts, strict=True))
    if min(n, fillers) < LEAST_IMAGES:
        return Looked(
            reason=_(
                "pictures of other classes: %(n)s in the smaller half, and %(least)s are needed",
                n=min(n, fillers),
                least=LEAST_IMAGES,
            )
        )
    n = min(n, stage.config.targets)
    limit = detection_limit(n, tests, level=LEVEL * share(n), bound=LIKELY)
    if limit is None:
        return Looked(reason=_("no effect could have passed the tests on %(n)s pictures", n=n))
    return Looked(n, limit)


def _metadata(search: Search, columns: Sequence[ColumnFactor]) -> Looked:
    if COLUMNS not in search.proposals:
        return Looked(reason=_off((COLUMNS,)))
    if not search.samples.manifest.metadata:
        return Looked(reason=_("no columns of metadata were given"))
    if not columns:
        return Looked(reason=_("none of the columns that were given could be compared"))
    return Looked(min(column.n for column in columns))


def _asked(search: Search) -> set[str]:
    """Return the proposals that were asked and had what they read."""
    led = any(layer and concepts for layer, concepts in search.leading.values())
    return {
        name
        for name in search.proposals
        if (search.relevance is not None or not PROPOSALS[name].by_concept)
        and (led or name != "P1b")
    }


def _off(names: Sequence[str]) -> str:
    return _("what proposes it did not run: %(names)s", names=listed(names))
