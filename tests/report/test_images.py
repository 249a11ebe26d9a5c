"""Pictures: the same bytes for the same picture, nothing in them but the picture."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from auditor.base.errors import IntegrityError
from auditor.base.heatmaps import heat, overlay, relevance_scale, upscale
from auditor.report.draw.pictures import dim, outline, paint_segments
from auditor.report.draw.style import Drawing
from auditor.report.show.picture_store import ImageStore, read_image

PHOTO = skimage.data.chelsea()[40:232, 120:312]


def blob(side: int = 24) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return np.exp(-((y - 6) ** 2 + (x - 6) ** 2) / 9.0) - np.exp(
        -((y - 17) ** 2 + (x - 17) ** 2) / 9.0
    )


def test_a_picture_is_named_by_its_bytes_and_stored_once(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    first = store.jpeg(PHOTO, alt="a cat", side=96)
    again = store.jpeg(PHOTO.copy(), alt="the same cat", side=96)
    assert first.file == again.file
    assert (first.width, first.height) == (96, 96)
    (path,) = tmp_path.iterdir()
    assert path.name == hashlib.sha256(path.read_bytes()).hexdigest()[:32] + ".jpg"
    with Image.open(path) as image:
        assert image.size == (96, 96)
        assert not image.getexif()
        assert "comment" not in image.info


def test_small_pictures_are_enlarged_and_figures_kept(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    assert store.jpeg(PHOTO[:20, :40], alt="x", side=80).height == 40
    assert upscale(PHOTO[:20, :40], 80).shape == (40, 80, 3)
    assert upscale(PHOTO, 80) is PHOTO
    picture = store.figure(lambda: Drawing("<svg/>", 3, 4), alt="figure")
    assert read_image(tmp_path, picture.file) == b"<svg/>"
    flat = store.png(PHOTO, alt="exact")
    with Image.open(io.BytesIO(read_image(tmp_path, flat.file))) as image:
        np.testing.assert_array_equal(np.asarray(image), PHOTO)


def test_a_changed_or_foreign_picture_is_an_error(tmp_path: Path) -> None:
    picture = ImageStore(tmp_path / "images").jpeg(PHOTO, alt="x")
    path = tmp_path / "images" / picture.file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match="changed"):
        read_image(tmp_path / "images", picture.file)
    with pytest.raises(IntegrityError, match="missing"):
        read_image(tmp_path / "images", "0" * 32 + ".png")
    with pytest.raises(IntegrityError, match="not the name"):
        read_image(tmp_path / "images", "../" + picture.file)


def test_the_overlay_is_red_for_blue_against_and_keeps_the_photo() -> None:
    over = overlay(PHOTO, blob()).astype(int)
    plain = overlay(PHOTO, np.zeros((24, 24))).astype(int)
    red, blue = (
        over[48:52, 48:52] - plain[48:52, 48:52],
        over[136:140, 136:140] - plain[136:140, 136:140],
    )
    assert (red[..., 0] - red[..., 2]).mean() > 40
    assert (blue[..., 2] - blue[..., 0]).mean() > 40
    photo = PHOTO.astype(float).mean(axis=2).ravel()
    assert np.corrcoef(photo, plain.mean(axis=2).ravel())[0, 1] > 0.99
    half = overlay(PHOTO, blob(), scale=10.0).astype(int)
    assert np.abs(half - plain).mean() < np.abs(over - plain).mean()


def test_zero_relevance_is_white_and_signs_mirror() -> None:
    np.testing.assert_array_equal(heat(np.zeros((3, 4))), np.full((3, 4, 3), 247, dtype=np.uint8))
    field = blob()
    up, down = heat(field), heat(-field)
    strongest = np.unravel_index(field.argmax(), field.shape)
    assert tuple(up[strongest]) == (178, 24, 43)
    assert tuple(down[strongest]) == (33, 102, 172)
    assert relevance_scale(field) == relevance_scale(-field)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_map_with_nan_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        overlay(PHOTO, np.full((4, 4), bad))


def test_an_outline_follows_the_mask_and_touches_nothing_else() -> None:
    mask = np.zeros((24, 24), dtype=bool)
    mask[16:24, 10:20] = True
    changed = (outline(PHOTO, mask) != PHOTO).any(axis=2)
    big = np.kron(mask, np.ones((8, 8), dtype=bool))
    slow = np.zeros_like(big)
    for y, x in np.argwhere(changed):
        around = big[max(0, y - 4) : y + 5, max(0, x - 4) : x + 5]
        at_edge = y >= 188
        slow[y, x] = (around.any() and not around.all()) or at_edge
    assert slow[changed].all()
    assert changed[128:192, 80].any()
    assert changed[191, 100]
    assert not changed[:100].any()
    assert (outline(PHOTO, np.zeros((24, 24), dtype=bool)) == PHOTO).all()


def test_segments_take_their_colour_and_others_stay_grey() -> None:
    segments = np.repeat(np.arange(2), 12)[None, :].repeat(24, axis=0)
    painted = paint_segments(PHOTO, segments, ["#0000ff", None]).astype(int)
    left, right = painted[:, :90], painted[:, 100:]
    assert (left[..., 2] - left[..., 0]).mean() > 80
    assert np.abs(right[..., 2] - right[..., 0]).max() == 0
    assert (painted[:, 96] == 255).all()


def test_dim_darkens_only_where_the_weight_is_small() -> None:
    weight = np.zeros((192, 192))
    weight[:, 96:] = 1
    dimmed = dim(PHOTO, weight, floor=0.25)
    np.testing.assert_array_equal(dimmed[:, 96:], PHOTO[:, 96:])
    np.testing.assert_array_equal(dimmed[:, :96], np.rint(PHOTO[:, :96] * 0.25))
