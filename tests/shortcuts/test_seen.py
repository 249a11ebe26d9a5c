"""Regions are called after what a person sees in them, in whole phrases of each language."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image, ImageDraw

from auditor.base.heatmaps import resize
from auditor.language.speaking import speaking, translate, translated
from auditor.shortcuts.seen import COLOURS, LOOKS, NEXT_TO, PALETTE, colour_of, seen

SIDE = 64


def photos(count: int = 8, name: str = "gravel") -> np.ndarray:
    """Return crops of a photograph as pictures in grey or colour."""
    whole = getattr(skimage.data, name)()
    rgb = np.repeat(whole[..., None], 3, axis=2) if whole.ndim == 2 else whole[..., :3]
    rng = np.random.default_rng(0)
    crops = []
    for _ in range(count):
        y, x = (int(rng.integers(0, side - 100)) for side in rgb.shape[:2])
        crops.append(resize(rgb[y : y + 100, x : x + 100], SIDE, SIDE))
    return np.stack(crops)


def box(top: int, left: int, bottom: int, right: int, count: int = 8) -> np.ndarray:
    mask = np.zeros((count, SIDE, SIDE), dtype=bool)
    mask[:, top:bottom, left:right] = True
    return mask


def filled(pictures: np.ndarray, masks: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.where(masks[..., None], np.array(colour, dtype=np.uint8), pictures)


@pytest.mark.parametrize(
    ("place", "colour", "said", "german"),
    [
        ((50, 44, 60, 60), (250, 130, 10), "orange mark at the lower right",
         "orangefarbene Marke unten rechts"),
        ((4, 4, 14, 14), (20, 40, 220), "blue mark at the upper left", "blaue Marke oben links"),
        ((27, 27, 38, 38), (0, 150, 0), "green mark in the middle", "grüne Marke in der Mitte"),
        ((56, 0, 64, 64), (0, 0, 0), "black strip at the bottom", "schwarze Leiste unten"),
    ],
)  # fmt: skip
def test_colour_and_place(
    place: tuple[int, int, int, int], colour: tuple[int, int, int], said: str, german: str
) -> None:
    masks = box(*place)
    text = seen(filled(photos(), masks, colour), masks)
    assert text == said
    with speaking("de"):
        assert translated(text) == german


def test_what_moves_is_anywhere_and_what_varies_in_colour_has_none() -> None:
    rng = np.random.default_rng(1)
    masks = np.concatenate([box(y, x, y + 8, x + 8, 1) for y, x in rng.integers(0, 56, (12, 2))])
    pictures = photos(12)
    red = filled(pictures, masks, (220, 20, 20))
    assert seen(red, masks) == "red mark anywhere"
    rgb = [(220, 20, 20), (20, 40, 220), (0, 150, 0)]
    pairs = enumerate(zip(red, masks, strict=True))
    many = np.stack([filled(photo, mask, rgb[i % 3]) for i, (photo, mask) in pairs])
    assert colour_of(many, masks) is None


def test_a_colour_of_half_of_the_references_names_none() -> None:
    masks = box(44, 44, 56, 56)
    green = filled(photos(), masks, (0, 150, 0))
    others = [(220, 20, 20), (20, 40, 220), (250, 130, 10), (130, 40, 170)]
    red_and_more = np.stack(
        [filled(*pair, rgb) for *pair, rgb in zip(green, masks, others, strict=False)]
    )
    assert seen(np.concatenate([green[4:], red_and_more]), masks) == "mark at the lower right"
    assert (
        seen(np.concatenate([green[3:], red_and_more[1:]]), masks)
        == "green mark at the lower right"
    )


def test_a_mark_of_several_colours_is_a_mark_without_one() -> None:
    masks = box(44, 44, 56, 56)
    half = masks.copy()
    half[:, :, :50] = False
    pictures = filled(filled(photos(), masks, (220, 20, 20)), half, (20, 40, 220))
    assert seen(pictures, masks) == "mark at the lower right"
    shaded = filled(filled(photos(), masks, (250, 130, 10)), half, (130, 75, 30))
    assert seen(shaded, masks).endswith("mark at the lower right")
    assert colour_of(shaded, masks) in ("orange", "brown")


def test_neighbours_of_colours_are_colours() -> None:
    assert set(NEXT_TO) == set(COLOURS)
    for name, near in NEXT_TO.items():
        assert set(near) < set(COLOURS) - {name}


def test_borders_frames_and_corners() -> None:
    around = ~box(5, 5, 59, 59)
    assert seen(filled(photos(), around, (0, 0, 0)), around) == "black frame"
    assert seen(photos(), around) == "grey border"
    y, x = np.mgrid[:SIDE, :SIDE]
    cut = np.minimum(y, SIDE - 1 - y) + np.minimum(x, SIDE - 1 - x) < 16
    corners = np.repeat(cut[None], 8, axis=0)
    assert seen(filled(photos(), corners, (5, 5, 5)), corners) == "black corners"


def test_letters_on_a_line_are_like_text() -> None:
    pictures = []
    for photo in photos():
        image = Image.fromarray(photo)
        ImageDraw.Draw(image).text((24, 50), "1 9 8 4", fill=(255, 140, 0))
        pictures.append(np.asarray(image))
    masks = box(50, 22, 63, 62)
    assert seen(np.stack(pictures), masks) == "orange text-like mark at the lower right"


def test_a_part_of_a_photograph_is_no_mark() -> None:
    masks = box(22, 22, 34, 34)
    assert seen(photos(name="chelsea"), masks).endswith("patch in the middle")
    large = box(10, 10, 50, 50)
    assert seen(photos(), large).endswith("texture in the middle")


def test_the_surroundings_of_the_object() -> None:
    masks = ~box(20, 20, 44, 44)
    grass = filled(photos(), masks, (80, 130, 50))
    text = seen(grass, masks, "context")
    assert text == "green surroundings of the object"
    with speaking("de"):
        assert translated(text) == "grüne Umgebung des Objekts"


def test_without_a_region_there_is_still_a_word() -> None:
    assert seen(photos(2), np.zeros((2, SIDE, SIDE), dtype=bool)) == "region"


def test_every_colour_is_named_as_its_examples() -> None:
    for name, examples in PALETTE.items():
        for rgb in examples:
            masks = box(20, 20, 40, 40, 3)
            pictures = filled(np.full((3, SIDE, SIDE, 3), 128, dtype=np.uint8), masks, rgb)
            assert colour_of(pictures, masks) == name
    assert len(set(COLOURS)) == len(COLOURS)


def test_german_nouns_agree_with_the_colours() -> None:
    """All are feminine, so a colour ends alike before each of them."""
    with speaking("de"):
        nouns = {translate(look.coloured) for look in LOOKS.values()}
        colours = {translate(name) for name in COLOURS}
    assert len(nouns) == len(LOOKS)
    assert all(noun.startswith("%(colour)s ") for noun in nouns)
    assert all(colour.endswith("e") for colour in colours)


@pytest.mark.parametrize(("share", "said"), [(0.5, "orange"), (0.45, "orange"), (0.2, "brown")])
def test_orange_that_is_half_brown_at_its_edges_is_orange(share: float, said: str) -> None:
    masks = box(44, 24, 60, 60)
    lines = np.arange(SIDE) - 24 < 36 * share
    shown = filled(photos(), masks, (130, 75, 30))
    shown = filled(shown, masks & lines, (250, 140, 20))
    assert colour_of(shown, masks) == said
