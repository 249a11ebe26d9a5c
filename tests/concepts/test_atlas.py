"""The concept atlas of one sample, on pictures whose parts are known."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.concepts.atlas import atlas, region_relevance, superpixels


@pytest.fixture
def halves():
    """A picture of four coloured quarters."""
    picture = np.zeros((64, 96, 3), dtype=np.uint8)
    picture[:32, :48] = (200, 30, 30)
    picture[:32, 48:] = (30, 200, 30)
    picture[32:, :48] = (30, 30, 200)
    picture[32:, 48:] = (200, 200, 40)
    return picture


def heat(top, left, value, size=(64, 96)):
    """Return a heatmap that is ``value`` in one quarter."""
    found = np.zeros(size, dtype=np.float32)
    height, width = size[0] // 2, size[1] // 2
    found[top * height : (top + 1) * height, left * width : (left + 1) * width] = value
    return found


def colour_at(found, row, column):
    """Return the concept that dominates the segment of a pixel."""
    return int(found.dominating[found.segments[row, column]])


def test_superpixels_follow_edges_and_are_numbered_without_gaps(halves):
    segments = superpixels(halves, segments=24)
    assert segments.shape == (64, 96)
    assert np.array_equal(np.unique(segments), np.arange(segments.max() + 1))
    assert 8 <= segments.max() + 1 <= 40
    _, quarter = np.unique(halves.reshape(-1, 3), axis=0, return_inverse=True)
    within = [np.bincount(quarter[segments.ravel() == s]).max() for s in np.unique(segments)]
    assert sum(within) >= 0.95 * segments.size


def test_superpixels_of_a_flat_picture_are_still_a_partition():
    segments = superpixels(np.full((20, 30, 3), 128, dtype=np.uint8), segments=6)
    assert np.array_equal(np.unique(segments), np.arange(segments.max() + 1))


def test_each_part_goes_to_its_strongest_concept(halves):
    maps = np.stack([heat(0, 0, 1.0), heat(0, 1, 3.0) + heat(0, 0, 0.5), heat(1, 0, 2.0)])
    found = atlas(7, "features.7", halves, maps, [40, 11, 99])
    assert (found.row, found.layer, found.concepts) == (7, "features.7", (11, 99, 40))
    assert colour_at(found, 10, 10) == 40
    assert colour_at(found, 10, 80) == 11
    assert colour_at(found, 50, 10) == 99
    assert colour_at(found, 50, 80) == -1
    np.testing.assert_allclose(found.share, np.array([3.5, 2.0, 1.0]) / 6.5)


def test_only_the_most_relevant_concepts_compete(halves):
    maps = np.stack([heat(0, 0, 5.0), heat(0, 1, 1.0), heat(1, 0, 4.0)])
    found = atlas(0, "l", halves, maps, [1, 2, 3], legend=2)
    assert found.concepts == (1, 3)
    assert colour_at(found, 10, 80) == -1
    np.testing.assert_allclose(found.share, [0.5, 0.4])


def test_negligible_and_negative_relevance_stays_uncoloured(halves):
    maps = np.stack([heat(0, 0, 10.0) + heat(0, 1, 0.5) - heat(1, 0, 3.0)])
    found = atlas(0, "l", halves, maps, [5])
    assert colour_at(found, 10, 10) == 5
    assert colour_at(found, 10, 80) == colour_at(found, 50, 10) == -1


def test_without_positive_relevance_nothing_is_coloured(halves):
    for maps, concepts in ((np.stack([-heat(0, 0, 1.0)]), [5]), (np.zeros((0, 64, 96)), [])):
        found = atlas(0, "l", halves, maps, concepts)
        assert (found.dominating == -1).all()
        assert found.concepts == ()
        assert found.share.shape == (0,)


def test_heatmaps_may_be_smaller_than_the_picture(halves):
    maps = np.stack([heat(0, 0, 1.0, (32, 48)), heat(1, 1, 2.0, (32, 48))])
    found = atlas(0, "l", halves, maps, [5, 6])
    assert colour_at(found, 8, 8) == 5
    assert colour_at(found, 56, 88) == 6


def test_as_many_heatmaps_as_concepts(halves):
    with pytest.raises(ValueError, match="2 concepts, but 1 heatmaps"):
        atlas(0, "l", halves, np.zeros((1, 64, 96)), [1, 2])


def test_region_relevance_sums_pixel_by_pixel():
    rng = np.random.default_rng(0)
    maps, mask = rng.normal(size=(3, 5, 6)), rng.random((5, 6)) < 0.4
    expected = [
        sum(maps[c, y, x] for y in range(5) for x in range(6) if mask[y, x]) for c in range(3)
    ]
    np.testing.assert_allclose(region_relevance(maps, mask), expected)
    assert region_relevance(maps, np.zeros((5, 6), dtype=bool)).tolist() == [0, 0, 0]
