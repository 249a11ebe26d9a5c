"""P6: each statistic moves with what it is named after, and each change reaches its value."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from auditor.shortcuts.drawn_look import FLAT
from auditor.shortcuts.whole_pictures.adjust import adjusted, opposite
from auditor.shortcuts.whole_pictures.global_statistics import STATISTICS, measured


def photograph(seed: int, size: int = 64) -> np.ndarray:
    """Return smooth colour structure with a little grain, as photographs have."""
    rng = np.random.default_rng(seed)
    rough = rng.normal(0, 1, (size, size, 3))
    smooth = ndimage.gaussian_filter(rough, (3, 3, 0)) * 300 + rng.uniform(90, 150, 3)
    return np.clip(smooth + rng.normal(0, 2, smooth.shape), 0, 255).astype(np.uint8)


def value(picture: np.ndarray, name: str) -> float:
    return STATISTICS[name].of(picture)


def compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(file.getvalue())))


def test_channels_are_reduced_as_numpy_reduces_them() -> None:
    picture = photograph(4)
    picture[10:30, 10:30] = 90
    exact = picture.astype(np.float64)
    span = ndimage.maximum_filter(exact, (3, 3, 1)) - ndimage.minimum_filter(exact, (3, 3, 1))
    assert 0 < value(picture, "flat areas") == (span.max(axis=2) <= FLAT).mean() < 1
    assert value(picture, "contrast") == exact.mean(axis=2).std()
    assert value(picture, "saturation") == (exact.max(axis=2) - exact.min(axis=2)).mean()
    blue_yellow = exact[..., 2] - exact[..., :2].mean(axis=2)
    assert value(picture, "blue-yellow tint") == blue_yellow.mean()
    assert value(picture, "highlights") == np.quantile(exact.max(axis=2), 0.98)


def test_known_values() -> None:
    flat = np.full((32, 32, 3), (100, 50, 30), np.uint8)
    assert value(flat, "brightness") == pytest.approx(60)
    assert value(flat, "contrast") == 0.0
    assert value(flat, "saturation") == 70.0
    assert value(flat, "red-green tint") == 50.0
    assert value(flat, "blue-yellow tint") == -45.0
    assert value(flat, "flat areas") == 1.0
    assert value(flat, "uniform border") == 1.0
    halves = flat.copy()
    halves[:, 16:] = 0
    assert value(halves, "contrast") == pytest.approx(30)


def test_noise_is_measured_in_its_own_units() -> None:
    rng = np.random.default_rng(0)
    grey = 128 + rng.normal(0, 8, (64, 64, 1)).repeat(3, axis=2)
    assert value(np.rint(grey).astype(np.uint8), "noise") == pytest.approx(8, rel=0.35)


def test_each_statistic_answers_to_its_own_change() -> None:
    picture = photograph(1)
    blurred = ndimage.gaussian_filter(picture, (1.5, 1.5, 0))
    assert value(blurred, "sharpness") < 0.7 * value(picture, "sharpness")
    steps = [value(compressed(picture, quality), "JPEG blockiness") for quality in (85, 30, 12, 5)]
    assert steps == sorted(steps)
    # The tables of the standard start at 16 for quality 50: 16 x 50 / quality.
    assert steps[2] == pytest.approx(10 * 50 / 12, rel=0.25)
    assert steps[3] == pytest.approx(10 * 50 / 5, rel=0.25)
    moved = np.roll(compressed(picture, 12), (3, 5), axis=(0, 1))
    assert value(moved, "JPEG blockiness") == pytest.approx(steps[2], rel=0.25)
    brighter = np.clip(picture * 1.2, 0, 255)
    assert value(brighter, "highlights") == pytest.approx(1.2 * value(picture, "highlights"), abs=1)
    framed = picture.copy()
    framed[:3], framed[-3:], framed[:, :3], framed[:, -3:] = 0, 0, 0, 0
    assert value(framed, "uniform border") > 0.95 > value(picture, "uniform border") + 0.3


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("brightness", 1.2),
        ("brightness", 0.8),
        ("contrast", 1.3),
        ("contrast", 0.6),
        ("saturation", 1.5),
        ("saturation", 0.5),
        ("sharpness", 1.15),
        ("sharpness", 0.6),
        ("noise", 3.0),
        ("noise", 0.5),
        ("highlights", 1.2),
        ("highlights", 0.7),
    ],
)
def test_a_change_reaches_the_wanted_value_and_its_opposite_does_not(
    name: str, factor: float
) -> None:
    picture = photograph(2)
    before = value(picture, name)
    wanted = before * factor
    changed = adjusted(picture, name, wanted, np.random.default_rng(0))
    assert abs(value(changed, name) - wanted) < 0.25 * abs(wanted - before)
    control = opposite(picture, changed, name)
    moved = value(control, name) - before
    assert moved * (wanted - before) <= 0.25 * (wanted - before) ** 2
    size = [np.abs(each.astype(float) - picture).mean() for each in (changed, control)]
    assert size[1] == pytest.approx(size[0], rel=0.6)
    assert np.array_equal(changed, adjusted(picture, name, wanted, np.random.default_rng(0)))


@pytest.mark.parametrize(
    "name",
    [
        "red-green tint",
        "blue-yellow tint",
        "red-green tint of the margin",
        "blue-yellow tint of the margin",
    ],
)
@pytest.mark.parametrize("shift", [25.0, -25.0])
def test_tints_move_and_brightness_stays(name: str, shift: float) -> None:
    picture = photograph(3)
    changed = adjusted(picture, name, value(picture, name) + shift, np.random.default_rng(0))
    assert value(changed, name) == pytest.approx(value(picture, name) + shift, abs=2)
    assert value(changed, "brightness") == pytest.approx(value(picture, "brightness"), abs=2)


def test_blocks_can_be_put_in_but_not_taken_out() -> None:
    picture = photograph(2)
    changed = adjusted(picture, "JPEG blockiness", 60.0, np.random.default_rng(0))
    assert value(changed, "JPEG blockiness") == pytest.approx(60, rel=0.15)
    control = opposite(picture, changed, "JPEG blockiness")
    assert value(control, "JPEG blockiness") == 0.0
    assert np.array_equal(
        adjusted(changed, "JPEG blockiness", 0.0, np.random.default_rng(0)), changed
    )


def test_statistics_of_the_files_and_constants_are_left_out() -> None:
    pictures = np.stack([photograph(seed, 32) for seed in range(4)])
    found = measured(pictures, [(40, 30), (30, 40), (30, 40), (30, 40)])
    assert found["portrait format"].tolist() == [1, 0, 0, 0]
    assert found["aspect ratio"].tolist() == pytest.approx([0.75, 4 / 3, 4 / 3, 4 / 3])
    assert "file size in pixels" not in found
    assert set(found) <= set(STATISTICS)


def test_textures_without_blocks_are_all_the_same() -> None:
    assert {value(photograph(seed), "JPEG blockiness") for seed in range(5)} == {0.0}
