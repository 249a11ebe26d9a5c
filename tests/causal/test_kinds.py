"""Every kind of shortcut has a row, and none says 'searched' when nothing looked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from auditor.causal.global_factors import FactorTrial
from auditor.causal.images import load_members
from auditor.causal.kinds import KINDS, METADATA, Looked, kinds_of, least_share
from auditor.causal.search import find_shortcuts
from auditor.config.audit import ShortcutConfig
from auditor.language.numbers import whole_percent
from auditor.records.shortcuts import KindSearched
from auditor.shortcuts.propose.proposals import PROPOSALS
from auditor.shortcuts.tests import STATISTIC_GIVEN
from auditor.shortcuts.whole_pictures.global_factors import Predictive
from auditor.shortcuts.whole_pictures.global_statistics import STATISTICS
from tests.causal.worlds import World, world

LEADING = dict.fromkeys((0, 1, 2), ("bright", (0,)))


def rows(
    subject: World,
    proposals: Sequence[str] | None = None,
    *,
    classes: Sequence[int] = (0, 1, 2),
    tests: int = 12,
    **found: object,
) -> dict[str, KindSearched]:
    """Return the rows of a search of a world, by kind."""
    names = None if proposals is None else list(proposals)
    stage = subject.stage(36, tests, targets=24)
    config = stage.config.model_copy(update={"proposals": names})
    search = subject.search(LEADING, config=config)
    stage = replace(stage, search=search)
    members = [load_members(search, output) for output in classes]
    return {row.kind: row for row in kinds_of(stage, members, tests, **found)}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def subject() -> World:
    return world()


def searched(found: dict[str, KindSearched]) -> set[str]:
    return {kind for kind, row in found.items() if not row.reason}


OF_REGIONS = {kind.id for kind in KINDS if kind.regions}
OF_PICTURES = {kind.id for kind in KINDS if kind.statistics}


def test_every_kind_has_a_row_in_every_search(subject: World) -> None:
    config = ShortcutConfig(permutations=200, per_class=1, targets=24, proposals=["P1"])
    for made in (world(per_class=5), world(classes=1), subject):
        limits = find_shortcuts(made.search(config=config)).limits
        assert [row.kind for row in limits.kinds] == [kind.id for kind in KINDS]
        for row in limits.kinds:
            assert row.title
            assert bool(row.reason) != bool(row.how)
            assert not row.reason or (row.limit is None and row.n == 0)
    assert "text" in {row.kind for row in limits.kinds if not row.reason}


def test_regions_could_find_no_less_than_their_last_look_allows() -> None:
    """Of 40 targets a fifth of the probability of error is spent at the first 32."""
    subject = world(per_class=60)
    stage = subject.stage(130, 300, targets=40)
    search = subject.search(LEADING, config=stage.config)
    stage = replace(stage, search=search)
    members = [load_members(search, output) for output in (0, 1, 2)]
    found = {row.kind: row for row in kinds_of(stage, members, 300)}
    regions = {found[kind].limit for kind in OF_REGIONS if found[kind].limit is not None}
    pictures = {found[kind].limit for kind in OF_PICTURES if found[kind].limit is not None}
    assert {row.n for row in found.values() if row.limit is not None} == {40}
    assert (regions, pictures) == ({16 / 40}, {15 / 40})


def test_no_kind_is_searched_when_what_looks_for_it_is_off(subject: World) -> None:
    for kind in KINDS:
        without = set(PROPOSALS) - set(kind.regions) - ({"P6"} if kind.statistics else set())
        found = rows(subject, sorted(without))
        if kind.regions or kind.statistics:
            assert "did not run" in found[kind.id].reason
        else:
            assert found[kind.id].reason


def test_all_that_can_be_searched_is_when_all_is_on(subject: World) -> None:
    found = rows(subject)
    assert searched(found) == OF_REGIONS | OF_PICTURES
    for kind in searched(found):
        row = found[kind]
        assert row.limit is not None
        assert 0 < row.limit < 1
        assert row.n == 24


def test_concepts_that_were_not_asked_for_look_for_nothing(subject: World) -> None:
    assert searched(rows(subject, ["P2", "P3", "P4", "P5"])) == set()
    stage = subject.stage(36)
    config = stage.config.model_copy(update={"proposals": ["P1b"]})
    stage = replace(stage, search=subject.search({}, config=config))
    members = [load_members(stage.search, 0)]
    assert not any(not row.reason for row in kinds_of(stage, members, 12))


def test_without_classes_or_other_pictures_nothing_was_searched(subject: World) -> None:
    assert searched(rows(subject, classes=())) == set()
    assert searched(rows(world(classes=1), classes=(0,))) == set()
    few = rows(subject, tests=10**7)
    assert searched(few) == set()
    assert "24 pictures" in few["text"].reason


def test_statistics_that_could_not_be_set_were_not_searched(subject: World) -> None:
    missing = STATISTIC_GIVEN.missing("Not testable: none.")
    values = subject.images[:4, 0, 0, 0]
    factor = Predictive(0, "noise", values, values, 0.5, 0.5)
    found = rows(subject, factors=[FactorTrial("0-g1", factor, {missing.test: missing}, 1.0)])
    assert found["quality"].reason == "Not testable: none."
    assert not found["colour"].reason


def test_columns_are_searched_where_they_were_compared(subject: World) -> None:
    assert "no columns" in rows(subject)[METADATA].reason
    manifest = subject.samples().manifest
    texts = {"site": tuple("ab"[row % 2] for row in range(len(manifest.labels)))}
    config = ShortcutConfig(permutations=200, per_class=1, targets=24)
    for given in (texts, {"site": ("a",) * len(manifest.labels)}):
        samples = replace(subject.samples(), manifest=replace(manifest, metadata=given))
        search = replace(subject.search(config=config), samples=samples)
        (row,) = [row for row in find_shortcuts(search).limits.kinds if row.kind == METADATA]
        assert (not row.reason) == (given is texts)


def test_what_other_searches_found_fills_their_rows(subject: World) -> None:
    found = rows(subject, elsewhere={"contexts": Looked(40, 0.2)})["contexts"]
    assert (found.n, found.limit, found.reason) == (40, 0.2, "")
    assert "objects put on the surroundings of other classes; components" in found.how
    but = rows(subject, elsewhere={"contexts": Looked(40, 0.2, but="not of red")})["contexts"]
    assert but.how == f"{found.how}; not of red"
    alone = rows(subject, elsewhere={"contexts": Looked(40, 0.2, how="by place alone")})["contexts"]
    assert alone.how == "by place alone"


def test_all_statistics_belong_to_a_kind_or_cannot_be_set() -> None:
    named = [name for kind in KINDS for name in kind.statistics]
    assert len(named) == len(set(named))
    of_pictures = {name for name, each in STATISTICS.items() if each.measure and not each.fixed}
    assert set(named) == of_pictures


def test_rare_marks_are_searched_by_what_looks_for_them_alone(subject: World) -> None:
    assert "P1d" in rows(subject, ["P1", "P1b", "P1c"])["rare"].reason
    assert not rows(subject, ["P1d"])["rare"].reason


def test_rare_marks_need_references_enough(subject: World) -> None:
    stage = subject.stage(36)
    members = load_members(stage.search, 0)
    assert members.discovery.sum() == 16
    share = least_share([members])
    assert share is not None
    draws = np.random.default_rng(0).binomial(16, share, 100_000)
    assert (draws >= 4).mean() == pytest.approx(0.95, abs=0.01)
    assert whole_percent(share) in rows(subject)["rare"].how
    assert least_share([]) is None
