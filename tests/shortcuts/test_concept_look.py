"""Working names of concepts: what is said of surfaces, forms, colours and places that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from auditor.shortcuts.concept_look import concept_look, surface_of

SIDE, MANY = 96, 8
DOWN, ACROSS = np.mgrid[:SIDE, :SIDE]


def pictures(grey):
    """Return a grey picture per reference; ``grey(rng)`` draws one, in levels."""
    drawn = [grey(np.random.default_rng(place)) for place in range(MANY)]
    shown = np.clip(np.stack(drawn), 0, 255).astype(np.uint8)
    return np.repeat(shown[..., None], 3, axis=-1)


def noise(scale):
    def drawn(rng):
        found = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), scale)
        return 128 + 40 * found / found.std()

    return drawn


def stripes(down, across):
    def drawn(rng):
        return 128 + 80 * np.sin((down * DOWN + across * ACROSS) / 3 + rng.uniform(0, 6))

    return drawn


def middle():
    masks = np.zeros((MANY, SIDE, SIDE), dtype=bool)
    masks[:, 24:72, 24:72] = True
    return masks


SHOWN = {
    "vertical edges": stripes(0, 1),
    "horizontal edges": stripes(1, 0),
    "slanted edges": stripes(0.7, 0.7),
    "smooth": lambda rng: np.full((SIDE, SIDE), 120.0) + rng.normal(0, 2, (SIDE, SIDE)),
    "fine": noise(0.5),
    "coarse": noise(4),
    "shading": lambda rng: 255 * ACROSS / SIDE + rng.uniform(-5, 5),
}


@pytest.mark.parametrize("wanted", SHOWN)
def test_a_surface_is_told(wanted):
    assert surface_of(pictures(SHOWN[wanted]), middle()) == wanted


def test_edges_of_any_direction_are_edges_alone():
    def drawn(rng):
        angle = rng.uniform(0, np.pi)
        return stripes(np.sin(angle), np.cos(angle))(rng)

    assert surface_of(pictures(drawn), middle()) == "edges"


@pytest.mark.parametrize("larger", [1, 3])
def test_the_size_of_the_pictures_does_not_matter(larger):
    shown = pictures(noise(3)).repeat(larger, axis=1).repeat(larger, axis=2)
    masks = middle().repeat(larger, axis=1).repeat(larger, axis=2)
    assert surface_of(shown, masks) == "coarse"


def test_a_mark_that_keeps_to_its_place_is_a_coloured_mark_there():
    shown, masks = pictures(noise(0.5)), np.zeros((MANY, SIDE, SIDE), dtype=bool)
    masks[:, 80:92, 40:56] = True
    shown[masks] = (255, 130, 0)
    assert concept_look(shown, masks) == "orange mark at the bottom"


def test_what_lies_anywhere_is_told_without_a_place():
    shown = pictures(stripes(0, 1))
    masks = np.zeros((MANY, SIDE, SIDE), dtype=bool)
    for place, corner in enumerate([(0, 0), (0, 60), (60, 0), (60, 60)] * 2):
        masks[place, corner[0] : corner[0] + 30, corner[1] : corner[1] + 30] = True
    assert concept_look(shown, masks) == "grey vertical edge"


def test_without_anything_looked_at_there_is_no_name():
    assert concept_look(pictures(noise(1)), np.zeros((MANY, SIDE, SIDE), dtype=bool)) == ""
