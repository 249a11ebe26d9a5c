"""Reference crops: where they lie, what is dimmed, what happens at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.concepts.crops import COARSE, DIMMED, Box, packed, receptive_crop, unpacked

GREY = np.full((120, 160, 3), 200, dtype=np.uint8)


def spot(row, column, radius, size=(120, 160)):
    """Return a disc of relevance 1."""
    y, x = np.mgrid[: size[0], : size[1]]
    return ((y - row) ** 2 + (x - column) ** 2 <= radius**2).astype(np.float32)


def test_the_box_is_a_square_around_the_field():
    box, crop, _ = receptive_crop(GREY, spot(60, 100, 6), spot(60, 100, 25))
    height, width = box.bottom - box.top, box.right - box.left
    assert height == width == crop.shape[0] == crop.shape[1]
    assert box.top <= 35
    assert box.bottom >= 85
    assert box.left <= 75
    assert box.right >= 125
    assert height < 90
    assert abs((box.top + box.bottom) / 2 - 60) <= 1
    assert abs((box.left + box.right) / 2 - 100) <= 1


def test_a_small_field_still_gives_a_third_of_the_shorter_side():
    box = receptive_crop(GREY, spot(60, 80, 2), spot(60, 80, 2)).box
    assert box.bottom - box.top == 40
    box = receptive_crop(GREY, spot(60, 80, 2), spot(60, 80, 2), minimum=0.5).box
    assert box.bottom - box.top == 60


def test_what_the_concept_does_not_look_at_is_dimmed_but_visible():
    box, crop, _ = receptive_crop(GREY, spot(60, 80, 8), spot(60, 80, 30))
    assert crop[60 - box.top, 80 - box.left].tolist() == [200] * 3
    assert crop[0, 0].tolist() == [round(200 * DIMMED)] * 3
    assert crop.min() > 0


def test_no_crop_is_dark_all_over_when_the_strongest_spot_lies_outside():
    heatmap = spot(20, 20, 8) * 50 + spot(90, 130, 8)
    box, crop, _ = receptive_crop(GREY, heatmap, spot(90, 130, 15))
    assert box.top > 40
    assert box.left > 80
    assert crop.max() == 200


def test_negative_relevance_is_not_looked_at_but_a_negative_field_is_seen():
    heatmap = spot(60, 60, 6) - 9 * spot(60, 100, 6)
    box, crop, _ = receptive_crop(GREY, heatmap, -spot(60, 80, 30))
    assert crop[60 - box.top, 60 - box.left].tolist() == [200] * 3
    assert crop[60 - box.top, 100 - box.left].tolist() == [round(200 * DIMMED)] * 3


def test_without_a_field_the_heatmap_decides():
    box = receptive_crop(GREY, spot(30, 30, 10), None).box
    assert box.top <= 20
    assert box.bottom >= 40
    assert box.bottom - box.top == 40


@pytest.mark.parametrize("heatmap", [np.zeros((120, 160)), -spot(60, 80, 9)])
def test_without_positive_relevance_the_whole_picture_stays(heatmap):
    box, crop, _ = receptive_crop(GREY, heatmap, None)
    assert box == Box(0, 0, 120, 160)
    assert np.array_equal(crop, GREY)


def test_maps_may_be_smaller_than_the_picture():
    small = receptive_crop(GREY, spot(15, 25, 3, (30, 40)), spot(15, 25, 6, (30, 40))).box
    large = receptive_crop(GREY, spot(60, 100, 12), spot(60, 100, 24)).box
    assert max(abs(a - b) for a, b in zip(small, large, strict=True)) <= 8


@settings(max_examples=60, deadline=None)
@given(
    row=st.integers(0, 119), column=st.integers(0, 159), radius=st.integers(1, 200),
    landscape=st.booleans(),
)  # fmt: skip
def test_the_box_lies_inside_the_picture(row, column, radius, landscape):
    picture, field = GREY, spot(row, column, radius)
    if not landscape:
        picture, field = GREY.transpose(1, 0, 2), field.T
    box, crop, _ = receptive_crop(picture, field, field)
    assert 0 <= box.top < box.bottom <= picture.shape[0]
    assert 0 <= box.left < box.right <= picture.shape[1]
    assert crop.shape == (box.bottom - box.top, box.right - box.left, 3)
    assert crop.shape[0] == crop.shape[1] <= 120
    assert crop.dtype == np.uint8


def test_where_a_concept_looks_lies_in_the_box_and_is_kept_as_text():
    sight = receptive_crop(GREY, spot(60, 80, 12), spot(60, 80, 30))
    assert sight.looked_at[60, 80]
    assert not sight.looked_at[10, 10]
    kept = unpacked(packed(sight.looked_at), GREY.shape[:2])
    assert len(packed(sight.looked_at)) == COARSE * COARSE // 4
    both, either = kept & sight.looked_at, kept | sight.looked_at
    assert both.sum() > 0.6 * either.sum()


def test_a_region_smaller_than_a_cell_is_not_lost():
    region = np.zeros((640, 640), dtype=bool)
    region[321, 5] = True
    assert unpacked(packed(region), (640, 640))[321, 5]


def test_a_concept_that_looks_nowhere_keeps_nothing():
    nowhere = receptive_crop(GREY, np.zeros((120, 160)), None).looked_at
    assert not nowhere.any()
    assert not unpacked(packed(nowhere), (120, 160)).any()
