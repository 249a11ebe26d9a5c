"""Implausibility: a stamp scores, a texture and an object that moves do not."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.likeness import stereotypy
from auditor.shortcuts.plausibility import judge, score_of
from auditor.shortcuts.propose.windows import Shape, masks_of
from auditor.shortcuts.scenes import (
    GROUPS,
    Scene,
    Windows,
    balanced,
    compared_with,
    groups_of,
    percentile,
    prominence,
    scene,
    tightness,
)
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.terms.around_the_object import ESTIMATED, MARKED, MISTAKEN
from auditor.shortcuts.terms.same_in_other_classes import SAME_IN_OTHERS
from auditor.shortcuts.terms.stereotyped_position import spread

SIZE, SIDE = 48, 10
MARK = np.random.default_rng(99).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)


def pictures(seed: int, count: int = 24) -> np.ndarray:
    rough = np.random.default_rng(seed).integers(40, 160, (count, SIZE, SIZE, 3))
    return rough.astype(np.uint8)


def other_scenes() -> list[Scene]:
    heat = np.random.default_rng(5).random((24, SIZE, SIZE))
    return [scene(pictures(seed), heat) for seed in (10, 11, 12)]


def judged(places: np.ndarray, marks: np.ndarray | None) -> float:
    """Judge windows at places into which marks were put, one after the other."""
    shown = pictures(0)
    if marks is not None:
        for turn, (picture, (top, left)) in enumerate(zip(shown, places, strict=True)):
            picture[top : top + SIDE, left : left + SIDE] = marks[turn % len(marks)]
    masks = masks_of(places, Shape("window", SIDE, SIDE), (SIZE, SIZE))
    own = scene(shown, masks.astype(float))
    scenes = balanced({0: own, **dict(enumerate(other_scenes(), start=1))})
    others = [scenes[index] for index in (1, 2, 3)]
    generator = np.random.default_rng(1)
    return judge(scenes[0], np.arange(10), masks, others, generator).score


def test_the_same_mark_at_one_place_is_an_artefact() -> None:
    assert judged(np.tile([34, 34], (24, 1)), MARK[None]) >= 0.75


def anywhere() -> np.ndarray:
    return np.random.default_rng(2).integers(0, SIZE - SIDE, (24, 2))


def test_copies_are_an_artefact_wherever_they_are() -> None:
    assert judged(anywhere(), MARK[None]) >= 0.5


def test_an_object_that_moves_is_none_though_it_looks_alike() -> None:
    of_a_kind = np.random.default_rng(7).integers(-110, 111, (24, *MARK.shape)) + MARK
    assert judged(anywhere(), np.clip(of_a_kind, 0, 255)) < 0.5


def test_a_place_without_a_mark_is_none() -> None:
    assert judged(np.tile([34, 34], (24, 1)), None) < 0.5


def test_too_few_references_say_nothing() -> None:
    masks = np.zeros((24, SIZE, SIZE), bool)
    own = scene(pictures(0), masks.astype(float))
    found = judge(own, np.arange(10), masks, [], np.random.default_rng(0))
    assert (found.terms, found.score) == ({}, 0.0)


def test_many_classes_are_compared_by_a_draw_of_some() -> None:
    few = other_scenes()
    tiny = scene(pictures(1, count=2), np.ones((2, SIZE, SIZE)))
    generator = np.random.default_rng(0)
    before = generator.bit_generator.state
    assert compared_with([*few, tiny], generator) == few
    assert generator.bit_generator.state == before
    many = [few[0]] * GROUPS + [few[1]] * GROUPS + [tiny]
    drawn = compared_with(many, generator)
    assert len(drawn) == GROUPS
    assert {id(each) for each in drawn} == {id(few[0]), id(few[1])}
    assert len(groups_of(drawn, 5, generator)) == GROUPS


def test_one_term_alone_reaches_grade_b_only_for_copies_foreign_things_or_the_users_masks() -> None:
    for name in TERMS:
        alone = score_of({name: 1.0})
        assert alone == pytest.approx(TERMS[name].weight)
        strong = (
            "same look at the same place", "far more alike than usual", "the same mark in it",
            "off the marked object", "made of something foreign", "around the marked object",
            "mistakes go with the surroundings", "the same thing in other classes",
        )  # fmt: skip
        assert (alone >= 0.5) == (name in strong)
    assert score_of({"stereotyped position": 1.0, "near the border": 1.0}) < 0.5
    of_regions = set(TERMS) - {MARKED, ESTIMATED, MISTAKEN, SAME_IN_OTHERS}
    assert score_of(dict.fromkeys(of_regions, 0.3)) == 0.0
    full = score_of(dict.fromkeys(TERMS, 1.0))
    rest = 1.0
    for name in TERMS:
        rest *= 1 - TERMS[name].weight
    assert full == pytest.approx(1 - rest)


def test_percentile_and_tightness_by_hand() -> None:
    assert percentile(2.0, [1.0, 2.0, 3.0, 4.0]) == pytest.approx((1 + 0.5) / 4)
    assert tightness(1.0, [2.0, 4.0, 6.0]) == pytest.approx(1.0 * (1 - 1 / 4))
    assert tightness(5.0, [2.0, 4.0, 6.0]) == 0.0
    assert prominence(8.0, [2.0, 4.0, 6.0]) == pytest.approx(1.0 * (1 - 4 / 8))
    assert prominence(0.0, [2.0, 4.0]) == 0.0


def spread_of(corners: list[list[int]], size: tuple[int, int]) -> float:
    count = len(corners)
    own = scene(np.zeros((count, *size, 3), np.uint8), np.zeros((count, *size)))
    return spread(Windows(own, np.arange(count), np.array(corners), Shape("window", 4, 4)))


def test_spread_is_the_median_distance_in_sides() -> None:
    assert spread_of([[10, 10], [10, 10], [10, 10], [40, 10]], (50, 50)) == 0.0
    assert spread_of([[0, 0], [10, 0], [20, 0]], (60, 30)) == pytest.approx(10 / 60)


def test_stereotypy_against_plain_correlations() -> None:
    crops = np.random.default_rng(0).normal(size=(5, 3, 20))
    best = np.full((5, 5), -np.inf)
    for a in range(5):
        for b in range(5):
            if a != b:
                pairs = [
                    crops[a, 1] @ crops[b, s] / np.linalg.norm(crops[a, 1]) / np.linalg.norm(c)
                    for s, c in enumerate(crops[b])
                ] + [
                    crops[b, 1] @ crops[a, s] / np.linalg.norm(crops[b, 1]) / np.linalg.norm(c)
                    for s, c in enumerate(crops[a])
                ]
                best[a, b] = max(pairs)
    slow = np.median([np.mean(sorted(row[np.isfinite(row)])[-3:]) for row in best])
    assert stereotypy(crops) == pytest.approx(float(slow))
    assert stereotypy(np.ones((4, 3, 6))) == pytest.approx(1.0)


@pytest.mark.parametrize("framed", [True, False])
def test_a_frame_is_judged_by_its_own_pixels(framed: bool) -> None:
    shown = pictures(0)
    ring = np.ones((SIZE, SIZE), bool)
    ring[5:-5, 5:-5] = False
    if framed:
        dark = np.ones((SIZE, SIZE), bool)
        dark[3:-3, 3:-3] = False
        shown[:, dark] = 20
    masks = np.tile(ring, (24, 1, 1))
    own = scene(shown, masks.astype(float))
    scenes = balanced({0: own, **dict(enumerate(other_scenes(), start=1))})
    others = [scenes[index] for index in (1, 2, 3)]
    found = judge(scenes[0], np.arange(10), masks, others, np.random.default_rng(1))
    assert (found.score >= 0.75) == framed
    assert found.score >= 0.75 or found.score < 0.5
