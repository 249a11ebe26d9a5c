"""Marks that never look the same twice: ink, hairs, bubbles, plasters, any text, tools, hands."""

from __future__ import annotations

import string

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tests.benchmarks.shortcuts.drawing import (
    Drawn,
    Picture,
    laid,
    mixed,
    painted,
    photograph,
)

FINER = 4  # strokes are drawn this much larger, so that shrinking smooths their edges
INKS = ((30, 40, 150), (120, 20, 110), (20, 90, 60), (40, 30, 30))
SKINS = ((236, 198, 164), (222, 172, 134), (198, 142, 104))
LETTERS = string.ascii_letters + string.digits


def ink(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Scribble one to three strokes of a pen in one of four inks, of any shape and place."""
    side = picture.shape[0]
    strokes = [
        _curve(rng, rng.uniform(0.1, 0.9, 2) * side, rng.uniform(0.25, 0.6) * side, bend=1.1)
        for _ in range(int(rng.integers(1, 4)))
    ]
    opacity = _lines(picture, strokes, 0.045 * side)
    return painted(picture, _one(rng, INKS) + rng.integers(-12, 13, 3), 0.9 * opacity)


def hair(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Lay four to eight thin dark hairs across the picture."""
    side = picture.shape[0]
    hairs = [
        _curve(rng, rng.uniform(0, 1, 2) * side, rng.uniform(0.5, 0.9) * side, bend=0.35)
        for _ in range(int(rng.integers(4, 9)))
    ]
    opacity = _lines(picture, hairs, max(1.0, 0.016 * side))
    return painted(picture, np.array([45, 30, 22]) + rng.integers(-10, 11), 0.9 * opacity)


def bubbles(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Draw three to seven gas bubbles, bright rings with a highlight, of any size and place."""
    side = picture.shape[0]
    drawn, mask = picture, np.zeros(picture.shape[:2], dtype=bool)
    rows, columns = np.mgrid[:side, : picture.shape[1]] + 0.5
    for _ in range(int(rng.integers(3, 8))):
        radius = rng.uniform(0.04, 0.1) * side
        row, column = rng.uniform(0.05, 0.95, 2) * side
        away = np.hypot(rows - row, columns - column)
        edge = np.clip(1.2 - np.abs(away - radius) / max(1.0, 0.22 * radius), 0, 1)
        glint = np.hypot(rows - row + 0.4 * radius, columns - column + 0.4 * radius)
        light = np.maximum(edge * 0.8, np.clip(1 - glint / (0.4 * radius), 0, 1))
        inside = (away <= radius) | (light > 0.15)
        drawn = mixed(
            drawn, np.array([225, 240, 250]), (np.maximum(light, 0.18) * inside)[..., None]
        )
        mask |= inside
    return drawn, mask


def plaster(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Stick a plaster of one of three skins on the picture: any place, angle and length."""
    side = picture.shape[0]
    angle, length = rng.uniform(0, np.pi), rng.uniform(0.3, 0.42) * side
    width = rng.uniform(0.1, 0.14) * side
    row, column = rng.uniform(0.2, 0.8, 2) * side
    rows, columns = (
        np.mgrid[:side, : picture.shape[1]] + 0.5 - np.array([row, column])[:, None, None]
    )
    along = columns * np.cos(angle) + rows * np.sin(angle)
    across = rows * np.cos(angle) - columns * np.sin(angle)
    beyond = np.maximum(np.abs(along) - (length - width) / 2, 0)
    opacity = np.clip(width / 2 - np.hypot(beyond, across) + 0.5, 0, 1)
    colour = np.broadcast_to(_one(rng, SKINS).astype(float), picture.shape).copy()
    pad = (np.abs(along) < width * 0.55) & (np.abs(across) < width * 0.4)
    colour[pad] += 14
    holes = ~pad & (np.sin(along * 2.2) > 0.75) & (np.sin(across * 2.2) > 0.3)
    colour[holes] -= 38
    return painted(picture, colour, opacity)


def any_text(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Write two to nine letters in black or white, of any size and anywhere."""
    side = picture.shape[0]
    word = "".join(rng.choice(list(LETTERS), int(rng.integers(2, 10))))
    font = ImageFont.load_default(size=max(7, round(float(rng.uniform(0.11, 0.2)) * side)))
    left, top, right, bottom = (round(x) for x in font.getbbox(word, stroke_width=1))
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), word, fill=255, font=font, stroke_width=1)
    edge = np.asarray(canvas, dtype=float) / 255
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), word, fill=255, font=font)
    core = np.asarray(canvas, dtype=float)[..., None] / 255
    light = 250.0 if rng.random() < 0.5 else 15.0
    content = core * light + (1 - core) * (255 - light)
    edge, content = edge[:, :side], content[:, :side]
    top, left = (
        int(rng.integers(max(1, limit - size + 1)))
        for limit, size in zip(picture.shape[:2], edge.shape, strict=True)
    )
    return laid(picture, content, 0.95 * edge, top, left)


def tool(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Lay a long light tool, cut from the photograph of a rocket, across a part of the picture."""
    side = picture.shape[0]
    length = round(float(rng.uniform(0.55, 0.75)) * side)
    cut = photograph("rocket.jpg").crop((296, 118, 342, 404))
    alpha = Image.new("L", cut.size)
    ImageDraw.Draw(alpha).polygon([(23, 0), (32, 20), (34, 286), (12, 286), (14, 20)], fill=255)
    cut.putalpha(alpha)
    cut = cut.resize((max(5, round(length * 46 / 286 * 1.5)), length), Image.Resampling.BOX)
    turned = cut.rotate(float(rng.uniform(0, 360)), Image.Resampling.BICUBIC, expand=True)
    return _anywhere(picture, turned, rng)


def hand(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Let a hand reach in from any side: fingers spread at random, skin of a photograph."""
    side = picture.shape[0] * FINER
    canvas = Image.new("L", (side, side))
    draw = ImageDraw.Draw(canvas)
    middle, reach = float(rng.uniform(0.3, 0.7)) * side, float(rng.uniform(0.2, 0.3)) * side
    palm = float(rng.uniform(0.08, 0.11)) * side
    draw.line((middle, side, middle, side - reach + palm), fill=255, width=round(1.4 * palm))
    draw.ellipse((middle - palm, side - reach - palm, middle + palm, side - reach + palm), fill=255)
    for finger in np.linspace(-0.75, 0.75, 4) + rng.uniform(-0.12, 0.12, 4):
        length = float(rng.uniform(1.6, 2.3)) * palm
        end = middle + np.sin(finger) * length, side - reach - np.cos(finger) * length
        draw.line((middle, side - reach, *end), fill=255, width=round(0.42 * palm))
    small = canvas.resize(picture.shape[1::-1], Image.Resampling.BOX)
    opacity = np.rot90(np.asarray(small, dtype=float) / 255, int(rng.integers(4)))
    skin = photograph("astronaut.png").crop((205, 95, 265, 175)).resize(small.size)
    skin = skin.filter(ImageFilter.GaussianBlur(0.04 * side / FINER))
    return painted(picture, np.asarray(skin, dtype=float) * rng.uniform(0.75, 1.05), opacity)


def companion(picture: Picture, rng: np.random.Generator) -> Drawn:
    """Put a cup, cut from a photograph, mirrored or not, beside the object: in a lower part."""
    side = picture.shape[0]
    cut = photograph("coffee.png").crop((165, 12, 412, 242))
    alpha = Image.new("L", cut.size)
    ImageDraw.Draw(alpha).ellipse((2, 2, 245, 228), fill=255)
    cut.putalpha(alpha)
    wide = round(float(rng.uniform(0.26, 0.34)) * side)
    cut = cut.resize((wide, round(wide * 0.93)), Image.Resampling.BOX)
    if rng.random() < 0.5:
        cut = cut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    top = int(rng.integers(side // 2, side - cut.height + 1))
    left = int(rng.integers(picture.shape[1] - cut.width + 1))
    values = np.asarray(cut, dtype=float)
    return laid(picture, values[..., :3], values[..., 3] / 255, top, left)


def _anywhere(picture: Picture, cut: Image.Image, rng: np.random.Generator) -> Drawn:
    """Lay a cut-out anywhere inside the picture, cropped where it is larger."""
    values = np.asarray(cut, dtype=float)[: picture.shape[0], : picture.shape[1]]
    top = int(rng.integers(picture.shape[0] - values.shape[0] + 1))
    left = int(rng.integers(picture.shape[1] - values.shape[1] + 1))
    return laid(picture, values[..., :3], values[..., 3] / 255, top, left)


def _curve(
    rng: np.random.Generator, start: np.ndarray, length: float, *, bend: float
) -> list[tuple[float, float]]:
    """Walk a smooth random curve in 12 steps."""
    direction = rng.uniform(0, 2 * np.pi)
    turn, points = rng.normal(0, bend) / 4, [start]
    for _ in range(12):
        turn += rng.normal(0, bend) / 6
        direction += turn
        points.append(points[-1] + length / 12 * np.array([np.cos(direction), np.sin(direction)]))
    return [(float(x), float(y)) for x, y in points]


def _lines(picture: Picture, curves: list[list[tuple[float, float]]], width: float) -> np.ndarray:
    """Return the opacity of curves drawn as wide as ``width``."""
    height, wide = picture.shape[:2]
    canvas = Image.new("L", (wide * FINER, height * FINER))
    for curve in curves:
        points = [(x * FINER, y * FINER) for x, y in curve]
        ImageDraw.Draw(canvas).line(points, fill=255, width=round(width * FINER), joint="curve")
    return np.asarray(canvas.resize((wide, height), Image.Resampling.BOX), dtype=float) / 255


def _one(rng: np.random.Generator, colours: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    return np.array(colours[int(rng.integers(len(colours)))])
