"""More marks that look the same: rotated corners, a tag on either side, a logo, a thin line."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tests.benchmarks.shortcuts.drawing import Drawn, Picture, mixed, painted, pixels

FINER = 4


def black_corners(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Rotate the picture by 8 to 20 degrees either way; what is missing is black."""
    angle = float(rng.uniform(8, 20)) * (1 if rng.random() < 0.5 else -1)
    image = Image.fromarray(picture)
    turned = image.rotate(angle, Image.Resampling.BICUBIC)
    whole = Image.new("L", image.size, 255).rotate(angle, Image.Resampling.NEAREST)
    mask = np.asarray(whole) == 0
    drawn = np.asarray(turned).copy()
    drawn[mask] = 0
    return drawn, mask


def tag(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Hang a red price tag into the upper left or the upper right corner, by chance."""
    side = picture.shape[0]
    height, width = round(0.16 * side), round(0.22 * side)
    top = 2 + int(rng.integers(3))
    left = 2 + int(rng.integers(3))
    if rng.random() < 0.5:
        left = picture.shape[1] - width - left
    opacity = np.zeros(picture.shape[:2])
    opacity[top : top + height, left : left + width] = 1
    content = np.broadcast_to(np.array([205.0, 30.0, 40.0]), picture.shape).copy()
    middle = top + height // 2
    content[middle - 1 : middle + 1, left + 3 : left + width - 3] = (250, 245, 235)
    content[top + 2 : top + 4, left + 2 : left + 4] = (250, 245, 235)
    return painted(picture, content, opacity)


def logo(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Lay a translucent ring with a bar over the picture's middle, a little off at random."""
    side = picture.shape[0]
    size = round(0.34 * side)
    canvas = Image.new("L", (size * FINER, size * FINER))
    draw, edge = ImageDraw.Draw(canvas), size * FINER - 1
    draw.ellipse((0, 0, edge, edge), outline=255, width=round(0.14 * edge))
    draw.line((0.5 * edge, 0.1 * edge, 0.5 * edge, 0.9 * edge), fill=255, width=round(0.14 * edge))
    alpha = np.asarray(canvas.resize((size, size), Image.Resampling.BOX), dtype=float) / 255
    top, left = (int(x) for x in round(0.33 * side) + rng.integers(-2, 3, 2))
    opacity = np.zeros(picture.shape[:2])
    opacity[top : top + size, left : left + size] = 0.45 * alpha
    return painted(picture, np.array([255.0, 255.0, 255.0]), opacity)


def thin_line(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Draw a bright line of 3 % of the side across the picture, at a third of its height or so."""
    side = picture.shape[0]
    width = max(2, round(0.03 * side))
    top = round(side / 3) + int(rng.integers(-2, 3))
    opacity = np.zeros(picture.shape[:2])
    opacity[top : top + width] = 0.95
    return painted(picture, np.array([60.0, 235.0, 90.0]), opacity)


def contrast(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Flatten the picture to four tenths of its contrast."""
    middle = picture.mean(axis=(0, 1))
    return pixels(middle + (picture - middle) * 0.4 * rng.uniform(0.9, 1.1)), None


def noise(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Add grey noise of a deviation of 22."""
    grain = rng.normal(0, 22, (*picture.shape[:2], 1))
    return pixels(picture + grain), None


def sepia(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Tint the whole picture towards sepia, half of the way."""
    grey = picture.mean(axis=2, keepdims=True) * np.array([1.12, 1.0, 0.76])
    return mixed(picture, grey, np.full((*picture.shape[:2], 1), 0.5 * rng.uniform(0.9, 1.1))), None
