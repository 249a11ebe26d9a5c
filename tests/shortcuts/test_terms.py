"""The terms of implausibility beyond look and place, each with a region that it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from auditor.base.errors import ConfigError
from auditor.shortcuts.cues import inside_the_object
from auditor.shortcuts.drawn_look import drawn, look_maps
from auditor.shortcuts.plausibility import judge
from auditor.shortcuts.propose.windows import Shape, masks_of
from auditor.shortcuts.region_view import Effects, RegionView, view_of
from auditor.shortcuts.scenes import Scene, Windows, scene
from auditor.shortcuts.terms import TERMS, term
from auditor.shortcuts.terms.in_a_corner import corner_distance, in_a_corner
from auditor.shortcuts.terms.off_the_marked_object import off_the_marked_object
from auditor.shortcuts.terms.off_the_rest_of_the_evidence import off_the_rest_of_the_evidence
from auditor.shortcuts.terms.part_of_the_class_lacks_it import part_of_the_class_lacks_it
from auditor.shortcuts.terms.shared_with_unrelated_classes import shared_raise
from auditor.shortcuts.terms.stereotyped_position import off_prior
from auditor.shortcuts.terms.synthetic_look import synthetic_look

SIZE, SIDE, COUNT = 48, 10, 16
SHAPE = Shape("window", SIDE, SIDE)
ROWS = np.arange(COUNT)


def pictures(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rough = ndimage.gaussian_filter(rng.normal(0, 1, (COUNT, SIZE, SIZE, 3)), (0, 1.2, 1.2, 0))
    return np.clip(128 + 90 * rough, 0, 255).astype(np.uint8)


def scene_of(seed: int, objects: np.ndarray | None = None) -> Scene:
    heat = np.random.default_rng(seed + 50).random((COUNT, SIZE, SIZE))
    return scene(pictures(seed), heat, objects)


def at(top: int, left: int) -> np.ndarray:
    return np.tile([top, left], (COUNT, 1))


def seen(
    own: Scene, top: int, left: int, objects: np.ndarray | None = None, **options: Effects
) -> RegionView:
    """Return the view of a region at one place of every picture, beside four other classes."""
    masks = masks_of(at(top, left), SHAPE, (SIZE, SIZE))
    others = [scene_of(seed, objects) for seed in (10, 11, 12, 13)]
    view = view_of(own, ROWS, masks, others, np.random.default_rng(0), **options)
    assert view is not None
    return view


def windows_at(own: Scene, top: int, left: int) -> Windows:
    return Windows(own, ROWS, at(top, left), SHAPE)


def drawn_scene() -> Scene:
    shown = pictures(0)
    shown[:, 30:40, 30:40] = 230
    for top in (31, 35):
        shown[:, top : top + 2, 31:39] = 20
    return scene(shown, np.ones((COUNT, SIZE, SIZE)))


def test_maps_know_flat_colour_axes_and_strokes() -> None:
    flat = np.full((20, 20, 3), 90, np.uint8)
    maps = look_maps(flat)
    assert maps[0].all()
    assert not maps[1:].any()
    ruler = flat.copy()
    ruler[:, ::6] = 220
    straight = drawn(look_maps(ruler).mean(axis=(1, 2)))
    assert straight[1] == pytest.approx(1.0)
    assert straight[2] > 0.6
    diagonal = np.where((np.indices((20, 20)).sum(axis=0) % 8 < 4)[..., None], 220, 90)
    assert drawn(look_maps(diagonal.repeat(3, axis=2).astype(np.uint8)).mean((1, 2)))[1] < 0.3


def test_a_drawn_mark_stands_out_and_a_natural_window_does_not() -> None:
    mark = synthetic_look(seen(drawn_scene(), 30, 30))
    assert mark is not None
    assert mark > 0.6
    plain = [synthetic_look(seen(scene_of(seed), 30, 30)) or 0.0 for seed in range(6)]
    assert max(plain) < 0.3


def test_corners_are_near_corners_and_the_middle_of_an_edge_is_not() -> None:
    own = scene_of(0)
    assert corner_distance(windows_at(own, 38, 38)) == 0.0
    assert corner_distance(windows_at(own, 38, 19)) == pytest.approx(19 / 48)
    framed = np.zeros((COUNT, SIZE, SIZE))
    for places, near in (((38, 38), 1.0), ((19, 19), 0.2)):
        heat = framed.copy()
        heat[:, places[0] : places[0] + SIDE, places[1] : places[1] + SIDE] = 1.0
        value = in_a_corner(seen(scene(pictures(0), heat), *places))
        assert value is not None
        assert value == near if near == 1.0 else value < near


def test_the_place_of_a_fixed_region_says_nothing_where_relevance_is_elsewhere() -> None:
    heat = np.zeros((COUNT, SIZE, SIZE))
    heat[:, 5:15, 5:15] = 1.0
    assert in_a_corner(seen(scene(pictures(0), heat), 38, 38)) is None


def test_regions_off_the_marked_object_count_and_on_it_do_not() -> None:
    objects = np.zeros((COUNT, SIZE, SIZE), np.float32)
    objects[:, 10:30, 10:30] = 1.0
    own = scene_of(0, objects)
    off, on = (
        off_the_marked_object(seen(own, *place, objects=objects)) for place in ((36, 36), (14, 14))
    )
    assert off is not None
    assert on is not None
    assert off > 0.7
    assert on < 0.1
    assert off_the_marked_object(seen(scene_of(0), 36, 36)) is None
    missing = objects.copy()
    missing[2:] = np.nan
    assert off_the_marked_object(seen(scene_of(0, missing), 36, 36)) is None


@pytest.mark.parametrize(
    ("without", "boxes", "inside"), [(0, False, True), (7, False, False), (0, True, False)]
)
def test_a_region_is_inside_the_object_where_nearly_all_masks_say_so_and_boxes_never_do(
    without: int, boxes: bool, inside: bool
) -> None:
    """Of 7 of 16 references the region lies off the object: the median says that it lies inside."""
    objects = np.zeros((COUNT, SIZE, SIZE), np.float32)
    objects[without:, 4:34, 4:34] = 1.0
    heat = np.random.default_rng(50).random((COUNT, SIZE, SIZE))
    own = scene(pictures(0), heat, objects, boxes=boxes)
    masks = masks_of(at(14, 14), SHAPE, (SIZE, SIZE))
    others = [scene_of(seed, objects) for seed in (10, 11, 12)]
    outside = judge(own, ROWS, masks, others, np.random.default_rng(0)).outside
    assert inside_the_object(outside, 0.0) is inside


def test_masks_of_the_user_lift_a_region_off_the_object_above_grade_b() -> None:
    objects = np.zeros((COUNT, SIZE, SIZE), np.float32)
    objects[:, 4:34, 4:34] = 1.0
    rng = np.random.default_rng(0)
    others = [scene_of(seed, objects) for seed in (10, 11, 12)]
    masks = masks_of(at(37, 37), SHAPE, (SIZE, SIZE))
    with_masks = judge(scene_of(0, objects), ROWS, masks, others, rng)
    assert with_masks.terms["off the marked object"] > 0.8
    assert with_masks.score >= 0.5
    on_object = masks_of(at(10, 10), SHAPE, (SIZE, SIZE))
    inside = judge(scene_of(0, objects), ROWS, on_object, others, rng)
    assert inside.terms["off the marked object"] == 0.0
    without = judge(scene_of(0), ROWS, masks, [scene_of(seed) for seed in (10, 11)], rng)
    assert "off the marked object" not in without.terms
    assert "off the rest of the evidence" in without.terms


def test_the_rest_of_the_evidence_is_where_the_region_is_not() -> None:
    heat = np.full((COUNT, SIZE, SIZE), 0.01)
    heat[:, 8:24, 8:24] = 1.0
    own = scene(pictures(0), heat)
    off = off_the_rest_of_the_evidence(seen(own, 36, 36))
    view = seen(own, 11, 11)
    amid = off_the_rest_of_the_evidence(replace(view, masks=view.masks & False))
    assert off is not None
    assert amid is not None
    assert off > 0.9
    assert amid < 0.2


def lacking(effects: Effects) -> float | None:
    return part_of_the_class_lacks_it(seen(scene_of(0), 30, 30, effects=effects))


def test_a_part_that_lacks_the_region_is_told_from_more_or_less() -> None:
    rng = np.random.default_rng(0)
    usual = [rng.normal(1, 0.5, 30) for _ in range(20)]
    half = np.r_[rng.normal(0, 0.1, 12), rng.normal(3, 0.2, 18)]
    assert lacking(Effects(half, usual)) == 1.0
    assert lacking(Effects(rng.normal(3, 0.3, 30), usual)) == 0.0
    assert lacking(Effects(half, ())) == 0.0
    assert lacking(Effects(np.r_[half[12:], 0.0], usual)) == 0.0
    assert lacking(Effects()) == 0.0


def test_a_rise_is_shared_when_an_unrelated_class_rises_too() -> None:
    raised = np.array([5.0, 4.0, -1.0, 0.0])
    assert shared_raise(raised, 0, [1]) == pytest.approx(2 / 3)
    assert shared_raise(raised, 0, [2, 3]) == 0.0
    assert shared_raise(raised, 0, []) == 0.0
    assert shared_raise(-raised, 0, [1]) == 0.0


def test_a_place_that_every_class_keeps_to_says_little() -> None:
    middle = np.zeros((COUNT, SIZE, SIZE))
    middle[:, 20:28, 20:28] = 1.0
    own = scene_of(0)
    same = [windows_at(scene(pictures(seed), middle), 0, 0).most_relevant() for seed in (10, 11)]
    assert off_prior(windows_at(own, 19, 19), same) == 0.0
    assert off_prior(windows_at(own, 38, 38), same) == 1.0


def test_effects_give_terms_only_when_measured() -> None:
    rng = np.random.default_rng(0)
    masks = masks_of(at(30, 30), SHAPE, (SIZE, SIZE))
    others = [scene_of(seed) for seed in (10, 11)]
    plain = judge(scene_of(0), ROWS, masks, others, rng)
    assert "part of the class lacks it" not in plain.terms
    tried = judge(scene_of(0), ROWS, masks, others, rng, Effects(shared=0.9))
    assert tried.terms["shared with unrelated classes"] == 0.9
    assert tried.terms["part of the class lacks it"] == 0.0
    assert list(tried.terms).index("far more alike than usual") == 0


USABLE = {"nothing": 0.5, "fully": 1.0, "weight": 0.5, "reason": "It is %(share)s so."}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nothing": 1.0}, "'nothing' below 'fully'"),
        ({"weight": 1.5}, "a weight above 0 and up to 1"),
        ({"reason": "It is %(part)s so."}, r"cannot be filled in \(KeyError\('part'\)\)"),
        ({"objection": "100 % natural"}, "a sign for per cent is %%"),
    ],
)
def test_a_term_that_cannot_be_used_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        term("mine", **USABLE | change)  # type: ignore[arg-type]


def test_a_measure_without_a_finite_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TERMS, "_entries", dict(TERMS._entries))
    monkeypatch.setattr(TERMS, "_origins", dict(TERMS._origins))
    term("mine", **USABLE)(lambda view: float("nan"))  # type: ignore[arg-type]
    masks = masks_of(at(0, 0), SHAPE, (SIZE, SIZE))
    others = [scene_of(seed) for seed in (10, 11, 12, 13)]
    with pytest.raises(ConfigError, match="the term 'mine' returned nan"):
        judge(scene_of(0), ROWS, masks, others, np.random.default_rng(0))
