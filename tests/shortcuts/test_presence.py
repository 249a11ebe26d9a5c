"""What a region is made of is known again in any shape and place, and counts if foreign."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.shortcuts.plausibility import judge
from auditor.shortcuts.presence import Presence, presence_of
from auditor.shortcuts.region_view import Effects, view_of
from auditor.shortcuts.scenes import CHANNELS, Scene, scene
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.terms.made_of_something_foreign import made_of_something_foreign
from auditor.shortcuts.terms.much_for_its_size import much_for_its_size
from auditor.shortcuts.visual_words import ABSENT, GRID, WORDS, frequencies, typical, words_of
from tests.shortcuts.test_terms import COUNT, SIZE, pictures, scene_of, seen

INK = (60, 20, 130)
CARRIERS = 10


def inked(shown: np.ndarray, carriers: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw a stroke of another length, direction and place on each of the first pictures."""
    rng = np.random.default_rng(seed)
    masks = np.zeros(shown.shape[:3], bool)
    for picture, mask in zip(shown[:carriers], masks, strict=False):
        row, column = rng.uniform(8, SIZE - 8, 2)
        angle = rng.uniform(0, 2 * np.pi)
        for _step in range(int(rng.integers(10, 24))):
            angle += rng.normal(0, 0.2)
            row, column = row + np.sin(angle), column + np.cos(angle)
            top, left = (int(x) for x in np.clip((row, column), 0, SIZE - 3))
            picture[top : top + 3, left : left + 3] = INK + rng.integers(-10, 11, 3)
            mask[max(0, top - 1) : top + 4, max(0, left - 1) : left + 4] = True
    masks[carriers:, 20:26, 20:26] = True
    return shown, masks


def class_of(carriers: int, others_inked: int = 0) -> tuple[Scene, np.ndarray, list[Scene]]:
    shown, masks = inked(pictures(0), carriers)
    others = [
        scene(inked(pictures(seed), others_inked, seed)[0], np.ones((COUNT, SIZE, SIZE)))
        for seed in (10, 11, 12, 13)
    ]
    return scene(shown, masks.astype(float)), masks, others


def presence(carriers: int, others_inked: int = 0) -> Presence | None:
    own, masks, others = class_of(carriers, others_inked)
    return presence_of(own, np.arange(8), masks, others)


def test_strokes_that_never_look_the_same_are_present_in_those_that_carry_them() -> None:
    found = presence(CARRIERS)
    assert found is not None
    assert found.members[:CARRIERS].min() > 0.5
    assert found.members[CARRIERS:].max() < 0.5
    assert found.has == pytest.approx(CARRIERS / COUNT, abs=0.13)
    assert found.lacks == pytest.approx(1 - CARRIERS / COUNT, abs=0.13)
    assert found.others_have < 0.05


def value(carriers: int, others_inked: int = 0) -> float:
    own, masks, others = class_of(carriers, others_inked)
    view = view_of(own, np.arange(8), masks, others, np.random.default_rng(0))
    assert view is not None
    return made_of_something_foreign(view) or 0.0


def test_ink_is_foreign_and_an_object_of_that_colour_or_ink_in_every_class_is_not() -> None:
    term = TERMS["made of something foreign"]
    assert term.counted(value(CARRIERS)) >= 0.5
    assert value(COUNT) < term.nothing
    assert value(CARRIERS, others_inked=CARRIERS) < term.nothing


def test_pieces_of_the_pictures_themselves_are_not_foreign() -> None:
    own, others = scene_of(0), [scene_of(seed) for seed in (10, 11, 12, 13)]
    masks = np.zeros((COUNT, SIZE, SIZE), bool)
    masks[:, 20:30, 20:30] = True
    found = presence_of(own, np.arange(8), masks, others)
    assert found is None or found.others_have > 0.3
    assert presence_of(own, np.arange(8), masks, []) is None


def test_ink_that_decides_much_for_its_size_looks_like_an_artefact() -> None:
    own, masks, others = class_of(CARRIERS)
    rng = np.random.default_rng(0)
    found = judge(own, np.arange(8), masks, others, rng, Effects(share=0.6))
    assert found.score >= 0.5
    clean = scene_of(0)
    assert judge(clean, np.arange(8), masks, others, rng, Effects(share=0.2)).score < 0.5


def test_much_for_its_size_by_hand() -> None:
    side = 10 / SIZE
    measured = [
        much_for_its_size(seen(scene_of(0), 20, 20, effects=Effects(share=share)))
        for share in (0.0, side, 3 * side, -1.0)
    ]
    assert measured == pytest.approx([0.0, 0.5, 0.75, 0.0])
    assert much_for_its_size(seen(scene_of(0), 20, 20, effects=Effects())) is None
    assert much_for_its_size(seen(scene_of(0), 20, 20)) is None


def test_words_against_one_pixel_at_a_time() -> None:
    shown = pictures(3)[:2].astype(np.float32)
    colours = np.moveaxis(shown @ CHANNELS.T, 3, 1)
    words = words_of(colours)
    cells = np.stack(np.unravel_index(words, GRID))
    for picture, row, column in ((0, 3, 4), (1, 30, 17), (1, 47, 0)):
        red, green, blue = shown[picture, row, column]
        luminance = (red + green + blue) / 3
        assert cells[0, picture, row, column] == min(5, int(luminance // 42.5))
        opponent = (red - green) / 3, (blue - (red + green) / 2) / 3
        for axis, of_colour in enumerate(opponent, start=1):
            below = sum(of_colour >= limit for limit in (-28, -12, -4, 4, 12, 28))
            assert cells[axis, picture, row, column] == below


def test_a_dark_line_and_a_light_one_have_other_words_than_what_is_around() -> None:
    grey = np.full((1, 3, 32, 32), 0.0)
    grey[:, 0] = 120.0
    assert len(np.unique(words_of(grey.copy()))) == 1
    grey[0, 0, 10:12] = 20.0
    grey[0, 0, 20:22] = 220.0
    contrast = np.unravel_index(words_of(grey), GRID)[3][0]
    assert (contrast[10:12] == 0).all()
    assert (contrast[20:22] == GRID[3] - 1).all()
    assert (contrast[30:] == 2).all()


def test_frequencies_count_every_picture_the_same() -> None:
    words = np.zeros((3, 4, 4), np.int16)
    words[1] = WORDS - 1
    weights = np.ones((3, 4, 4))
    weights[0, 0] = 7.0
    weights[2] = 0.0
    shares = frequencies(words, weights)
    assert shares.sum() == pytest.approx(1.0)
    assert shares[: WORDS // 2].sum() == pytest.approx(0.5)
    assert frequencies(words, np.zeros((3, 4, 4))).sum() == 0.0
    ratio = typical(shares, frequencies(words[:1]))
    assert ratio[WORDS - 1] == pytest.approx(np.log((shares[-1] + ABSENT) / ABSENT))
    assert ratio[0] < 0 < ratio[WORDS - 1]
