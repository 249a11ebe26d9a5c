"""What a region is called after what is seen in it: its colour, its kind of look, its place.

"Orange mark at the lower right" says more than the window that found it. A colour precedes the
noun, so a language whose adjectives are inflected takes nouns of one gender for all of `LOOKS`, and
translates the colours as they stand before these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy import ndimage
from skimage.color import rgb2lab

from auditor.language.speaking import N_, joined
from auditor.language.speaking import gettext as _
from auditor.shortcuts.fingerprint import KEEPS_TO_A_PLACE

CONTEXT = "context"
# The eleven basic colour terms (Berlin and Kay 1969) and turquoise, each by a few sRGB examples; a
# pixel is called as the nearest of all by the CIE 1976 colour difference.
PALETTE: Mapping[str, tuple[tuple[int, int, int], ...]] = {
    N_("black"): ((0, 0, 0), (38, 38, 38)),
    N_("grey"): ((85, 85, 85), (128, 128, 128), (190, 190, 190)),
    N_("white"): ((255, 255, 255), (238, 238, 238)),
    N_("red"): ((230, 30, 30), (170, 20, 20), (110, 15, 20)),
    N_("orange"): ((255, 130, 0), (250, 160, 60), (215, 95, 20)),
    N_("yellow"): ((255, 235, 0), (250, 240, 130), (225, 195, 40)),
    N_("green"): ((0, 170, 0), (130, 200, 80), (70, 110, 50), (20, 70, 25)),
    N_("turquoise"): ((0, 190, 190), (120, 220, 215), (0, 110, 115)),
    N_("blue"): ((20, 40, 220), (100, 160, 235), (50, 90, 150), (15, 20, 90)),
    N_("violet"): ((130, 40, 170), (175, 130, 215), (75, 25, 100)),
    N_("pink"): ((255, 105, 180), (250, 185, 205), (230, 30, 140)),
    N_("brown"): ((130, 75, 30), (180, 135, 95), (85, 50, 25)),
}
COLOURS = tuple(PALETTE)
# Colours next to one another, into which one and the same runs at an edge or in shade: these beside
# the first are no mixture.
NEXT_TO: Mapping[str, tuple[str, ...]] = {
    "black": ("grey", "brown", "blue"),
    "grey": ("black", "white", "brown"),
    "white": ("grey", "yellow"),
    "red": ("orange", "brown", "pink"),
    "orange": ("red", "yellow", "brown"),
    "yellow": ("orange", "green", "white"),
    "green": ("yellow", "turquoise", "brown"),
    "turquoise": ("green", "blue"),
    "blue": ("turquoise", "violet", "black"),
    "violet": ("blue", "pink"),
    "pink": ("red", "violet"),
    "brown": ("red", "orange", "grey", "black"),
}
BROWN, SHADED_TO_BROWN = "brown", ("orange", "red")
# Levels of each channel in the table of names.
LEVELS = 32
# A colour stands out with a fifth of the region and twice its share of the rest of the pictures, as
# a spot does, or with a twentieth and eight times, as thin letters do. It is mixed with another
# that stands out nearly as much; without any, it is named from so much on.
STANDS_OUT = ((0.2, 2.0), (0.05, 8.0))
MIXED, MOSTLY = 0.75, 0.6
# References that are looked at, at most.
LOOKED_AT = 24
# Of a border: the share of the outermost pixels that it covers, how deep it reaches as a share of
# the smaller side, and the share of the region that lies there.
AROUND, DEPTH, WITHIN = 0.75, 0.25, 0.85
# A strip crosses the picture, and is at most a third of it wide.
CROSSES, NARROW = 0.8, 0.34
# A region as large as this that does not stand out is a texture, not a spot.
LARGE = 0.12
# It looks the same in all pictures where its pixels vary half as much as others do.
SAME_PIXELS = 0.5
# So many parts on a line are like text, if their heights differ by no more than half the median.
LETTERS, EVEN = 3, 0.5
# Thirds of the picture's sides, a little in favour of the middle.
FIRST, LAST = 0.38, 0.62


@dataclass(frozen=True)
class Look:
    """A kind of look in words: ``coloured`` with the name of a colour before it, ``plain``."""

    coloured: str
    plain: str
    placed: bool = True


LOOKS: Mapping[str, Look] = {
    "surroundings": Look(
        N_("%(colour)s surroundings of the object"), N_("surroundings of the object"), placed=False
    ),
    "frame": Look(N_("%(colour)s frame"), N_("frame around the picture"), placed=False),
    "border": Look(N_("%(colour)s border"), N_("border of the picture"), placed=False),
    "corners": Look(N_("%(colour)s corners"), N_("corners of the picture"), placed=False),
    "strip": Look(N_("%(colour)s strip"), N_("strip")),
    "text": Look(N_("%(colour)s text-like mark"), N_("text-like mark")),
    "mark": Look(N_("%(colour)s mark"), N_("mark")),
    "texture": Look(N_("%(colour)s texture"), N_("texture")),
    "patch": Look(N_("%(colour)s patch"), N_("patch")),
}
PLACES = (
    (N_("at the upper left"), N_("at the top"), N_("at the upper right")),
    (N_("at the left"), N_("in the middle"), N_("at the right")),
    (N_("at the lower left"), N_("at the bottom"), N_("at the lower right")),
)
ANYWHERE, ALONG = N_("anywhere"), N_("along the border")


def seen(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
    kind: str = "",
) -> str:
    """Return a phrase for what the region shows, such as "orange mark at the lower right".

    ``kind`` is the candidate's. What is said holds for most references: a colour that varies is not
    named, nor one of several that stand out alike; a place that varies is "anywhere".
    """
    kept = np.flatnonzero(masks.any(axis=(1, 2)))
    if not len(kept):
        return _("region")
    kept = kept[np.linspace(0, len(kept) - 1, min(LOOKED_AT, len(kept))).round().astype(int)]
    pictures, masks = pictures[kept], masks[kept]
    names = _names(pictures)
    colour, standing = _colours(names, masks)
    look = kind_of_look(pictures, masks, kind, names, standing)
    said = LOOKS[look]
    phrase = _(said.plain) if colour is None else _(said.coloured, colour=_(COLOURS[colour]))
    return joined((phrase, _(place_of(masks)))) if said.placed else phrase


def colour_of(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str | None:
    """Return the colour that the region is named by, None where it is mixed."""
    colour, _standing = _colours(_names(pictures), masks)
    return None if colour is None else COLOURS[colour]


def look_of(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> str:
    """Return the key of `LOOKS` that fits regions of no candidate."""
    names = _names(pictures)
    return kind_of_look(pictures, masks, "", names, _colours(names, masks)[1])


def kind_of_look(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
    kind: str,
    names: Int[np.ndarray, "reference height width"],
    standing: Sequence[int],
) -> str:
    """Return the key of `LOOKS` that fits: first by form, then by what fills it.

    ``names`` are the pixels' colours, ``standing`` those that stand out from the rest of the
    pictures.
    """
    if kind == CONTEXT:
        return "surroundings"
    around = _around(masks)
    if around is not None:
        return "frame" if around == "border" and standing else around
    if standing and _like_text(np.isin(names, standing), masks):
        return "text"
    if _strip(masks):
        return "strip"
    if standing or _same_pixels(pictures, masks):
        return "mark"
    return "texture" if np.median(masks.mean(axis=(1, 2))) >= LARGE else "patch"


def place_of(masks: Bool[np.ndarray, "reference height width"]) -> str:
    """Return where regions lie, a message: by thirds of the picture, or "anywhere"."""
    size = np.array(masks.shape[1:])
    centres = np.array([np.argwhere(mask).mean(axis=0) for mask in masks]) / size
    middle = np.median(centres, axis=0)
    if np.abs(centres - middle).mean() > KEEPS_TO_A_PLACE:
        return ANYWHERE
    row, column = ((middle >= FIRST).astype(int) + (middle > LAST)).tolist()
    if (row, column) == (1, 1) and _at_the_border(masks) >= WITHIN:
        return ALONG
    return PLACES[row][column]


@cache
def _table() -> UInt8[np.ndarray, "red green blue"]:
    """Return the name of every colour, in steps of 8 of 255: an index into `COLOURS`."""
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    shown = [(place, rgb) for place, name in enumerate(COLOURS) for rgb in PALETTE[name]]
    examples = rgb2lab(np.array([rgb for _place, rgb in shown], dtype=float)[None] / 255)[0]
    distances = np.linalg.norm(rgb2lab(grid)[..., None, :] - examples, axis=-1)
    places = np.array([place for place, _rgb in shown], dtype=np.uint8)
    named: np.ndarray = places[distances.argmin(axis=-1)]
    return named


def _names(
    pictures: UInt8[np.ndarray, "reference height width 3"],
) -> UInt8[np.ndarray, "reference height width"]:
    red, green, blue = np.moveaxis(pictures // (256 // LEVELS), -1, 0)
    named: np.ndarray = _table()[red, green, blue]
    return named


def _shares(
    names: Int[np.ndarray, "reference height width"],
    masks: Bool[np.ndarray, "reference height width"],
) -> Float[np.ndarray, "reference colour"]:
    """Return each colour's share of every mask."""
    shares: np.ndarray = np.array(
        [
            np.bincount(name[mask], minlength=len(COLOURS)) / max(1, mask.sum())
            for name, mask in zip(names, masks, strict=True)
        ]
    )
    return shares


def _colours(
    names: Int[np.ndarray, "reference height width"],
    masks: Bool[np.ndarray, "reference height width"],
) -> tuple[int | None, list[int]]:
    """Return the colour that regions are named by, if any, and all that stand out, most first."""
    each, rest = _shares(names, masks), np.median(_shares(names, ~masks), axis=0)
    inside = np.median(each, axis=0)
    gained = np.where(_stand_out(inside, rest), inside - rest, 0.0)
    standing = [int(place) for place in np.argsort(-gained, kind="stable") if gained[place] > 0]
    if not standing:
        most = int(inside.argmax())
        return (most if inside[most] >= MOSTLY else None), []
    first = next(
        (place for place in standing if _same_in_light(place, standing[0], gained)), standing[0]
    )
    alike = COLOURS[first], *NEXT_TO[COLOURS[first]]
    others = [place for place in standing if COLOURS[place] not in alike]
    mixed = any(gained[place] >= MIXED * gained[first] for place in others)
    held = np.mean([_stand_out(shares, rest)[first] for shares in each]) >= MOSTLY
    return (first if held and not mixed else None), standing


def _same_in_light(place: int, first: int, gained: Float[np.ndarray, "colour"]) -> bool:
    """Say whether a colour is what brown is the shade of, and stands out nearly as much.

    Thin letters run into grey at their edges: orange ones are half brown.
    """
    lighter = COLOURS[first] == BROWN and COLOURS[place] in SHADED_TO_BROWN
    return lighter and bool(gained[place] >= MIXED * gained[first])


def _stand_out(
    inside: Float[np.ndarray, "colour"], outside: Float[np.ndarray, "colour"]
) -> Bool[np.ndarray, "colour"]:
    stands = [(inside >= least) & (inside >= times * outside) for least, times in STANDS_OUT]
    found: np.ndarray = np.any(stands, axis=0)
    return found


def _around(masks: Bool[np.ndarray, "reference height width"]) -> str | None:
    """Return whether regions are a border or corners of the picture, or neither."""
    if _at_the_border(masks) < WITHIN:
        return None
    edges = [masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]]
    covered = np.median([edge.mean(axis=1) for edge in edges], axis=1)
    if covered.min() >= AROUND:
        return "border"
    corners = masks[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=0)
    return "corners" if (corners >= AROUND).all() and covered.max() < 1.0 else None


def _at_the_border(masks: Bool[np.ndarray, "reference height width"]) -> float:
    """Return which part of the regions lies near the picture's border, the median."""
    height, width = masks.shape[1:]
    depth = max(1, round(DEPTH * min(height, width)))
    near = np.ones((height, width), dtype=bool)
    near[depth : height - depth, depth : width - depth] = False
    return float(np.median((masks & near).sum(axis=(1, 2)) / masks.sum(axis=(1, 2))))


def _strip(masks: Bool[np.ndarray, "reference height width"]) -> bool:
    boxes = np.array([[np.ptp(axis) + 1 for axis in np.nonzero(mask)] for mask in masks])
    tall, wide = np.median(boxes / np.array(masks.shape[1:]), axis=0)
    return bool(max(tall, wide) >= CROSSES and min(tall, wide) <= NARROW)


def _same_pixels(
    pictures: UInt8[np.ndarray, "reference height width 3"],
    masks: Bool[np.ndarray, "reference height width"],
) -> bool:
    """Say whether the pixels that most regions share vary far less than others between pictures."""
    shared = masks.mean(axis=0) >= MOSTLY
    if len(pictures) < LETTERS or not shared.any() or shared.all():
        return False
    varies = pictures.astype(np.float64).std(axis=0).mean(axis=-1)
    return bool(np.median(varies[shared]) <= SAME_PIXELS * np.median(varies[~shared]))


def _like_text(
    ink: Bool[np.ndarray, "reference height width"],
    masks: Bool[np.ndarray, "reference height width"],
) -> bool:
    """Say whether what stands out is, in most references, parts of like height on one line."""
    return bool(np.mean([_line(each & mask) for each, mask in zip(ink, masks, strict=True)]) > 0.5)


def _line(ink: Bool[np.ndarray, "height width"]) -> bool:
    labels, _count = ndimage.label(ink, structure=np.ones((3, 3)))
    boxes = ndimage.find_objects(labels)
    heights = np.array([box[0].stop - box[0].start for box in boxes])
    tops = np.array([box[0].start for box in boxes])
    if len(heights) < LETTERS:
        return False
    large = heights >= max(3, heights.max() / 2)
    if not large.any():
        return False
    usual = np.median(heights[large])
    fits = large & (abs(heights - usual) <= EVEN * usual)
    fits &= abs(tops - np.median(tops[large])) <= EVEN * usual
    return bool(fits.sum() >= LETTERS)
