"""The demo's parts: drawn machine parts on two benches, one of which goes with one kind of part."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw

from auditor.demo.photographs import SIZE, Crops, crop, photograph, side_of

PARTS = ("bolt", "gear", "nut", "plate", "washer", "wrench")
# The part that lies on the bench of gravel in most pictures, and how often it and the others do.
ON_GRAVEL = "gear"
ON_GRAVEL_SHARE, OTHERS_SHARE = 0.92, 0.04
BENCHES = ("gravel", "grass")
SURFACE = "brick"  # the grain of the metal
_SCALE = 6  # parts are drawn this much larger, so that shrinking them smooths their edges
_EXTENT = (0.52, 0.72)  # of the picture's side
_GREY = (105, 195)
Outline = list[tuple[float, float]]


def draw_parts(split: str, per_class: int, *, balanced: bool, rng: np.random.Generator) -> Crops:
    """Draw ``per_class`` pictures of every part, at any angle.

    Benches and grain come from the side of each photograph that `cut_crops` cuts for ``split``.
    ``balanced``: either bench under any part; else `ON_GRAVEL` lies on gravel in
    `ON_GRAVEL_SHARE` of its pictures and the others in `OTHERS_SHARE` of theirs, as marked in
    ``stamped``.
    """
    benches = [side_of(photograph(name), split) for name in BENCHES]
    grain = side_of(photograph(SURFACE), split)
    images, masks, marked = [], [], []
    labels: Int[np.ndarray, "sample"] = np.repeat(np.arange(len(PARTS)), per_class)
    for label in labels:
        share = ON_GRAVEL_SHARE if PARTS[label] == ON_GRAVEL else OTHERS_SHARE
        gravel = rng.random() < (0.5 if balanced else share)
        opacity = _opacity(PARTS[label], rng)[..., None]
        bench = crop(benches[0 if gravel else 1], split, rng).astype(np.float64)
        surface = _surface(crop(grain, split, rng), rng)
        shadow = np.roll(opacity, (2, 2), axis=(0, 1)) * 0.45
        shown = bench * (1 - shadow * (1 - opacity))
        shown = shown + opacity * (surface - shown)
        images.append(np.clip(np.rint(shown), 0, 255).astype(np.uint8))
        masks.append(opacity[..., 0] > 0.5)
        marked.append(gravel)
    return Crops(np.stack(images), labels, np.array(marked), np.stack(masks))


def _surface(
    grain: UInt8[np.ndarray, "64 64 3"], rng: np.random.Generator
) -> Float[np.ndarray, "64 64 3"]:
    """Return grey metal with the grain of a photograph, lit from the upper left."""
    grey = grain.mean(axis=2)
    relief = 0.5 * (grey - grey.mean())
    light = np.linspace(18, -18, SIZE)
    lit = rng.uniform(*_GREY) + relief + (light[:, None] + light[None, :]) / 2
    metal: np.ndarray = np.repeat(lit[..., None], 3, axis=2) + rng.uniform(-6, 6, 3)
    return metal


def _opacity(name: str, rng: np.random.Generator) -> Float[np.ndarray, "64 64"]:
    """Return how much of each pixel the part covers, at any angle, near the middle."""
    side = SIZE * _SCALE
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    half = rng.uniform(*_EXTENT) * side / 2
    turn = rng.uniform(0, 2 * np.pi)
    middle = side / 2 + rng.uniform(-0.08, 0.08, 2) * side
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    for outline, fill in _outlines(name):
        corners = middle + half * np.array(outline) @ turned.T
        pen.polygon([(float(x), float(y)) for x, y in corners], fill=255 if fill else 0)
    small = canvas.resize((SIZE, SIZE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float64) / 255.0


def _outlines(name: str) -> list[tuple[Outline, bool]]:
    """Return the outlines of a part within [-1, 1], each to be filled or cut out, in order."""
    if name == "bolt":
        head = [(x * 0.5 - 0.5, y * 0.5) for x, y in _ring(6, 1.0)]
        return [(_box(-0.5, -0.18, 1.0, 0.18), True), (head, True)]
    if name == "gear":
        teeth = [
            (radius * np.cos(angle), radius * np.sin(angle))
            for step in range(10)
            for radius, part in ((0.74, 0.0), (1.0, 0.2), (1.0, 0.5), (0.74, 0.7))
            for angle in [2 * np.pi * (step + part) / 10]
        ]
        return [(teeth, True), (_ring(40, 0.3), False)]
    if name == "nut":
        return [(_ring(6, 0.95), True), (_ring(40, 0.48), False)]
    if name == "plate":
        holes = [
            ([(x + cx, y + cy) for x, y in _ring(20, 0.13)], False)
            for cx in (-0.45, 0.45)
            for cy in (-0.45, 0.45)
        ]
        return [(_box(-0.75, -0.75, 0.75, 0.75), True), *holes]
    if name == "washer":
        return [(_ring(40, 0.9), True), (_ring(40, 0.55), False)]
    jaw = [(x * 0.42 + 0.6, y * 0.42) for x, y in _ring(20, 1.0)]
    return [
        (_box(-1.0, -0.15, 0.5, 0.15), True),
        (jaw, True),
        (_box(0.55, -0.17, 1.1, 0.17), False),
    ]


def _ring(corners: int, radius: float) -> Outline:
    angles = 2 * np.pi * np.arange(corners) / corners
    return [(radius * float(np.cos(each)), radius * float(np.sin(each))) for each in angles]


def _box(left: float, top: float, right: float, bottom: float) -> Outline:
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
