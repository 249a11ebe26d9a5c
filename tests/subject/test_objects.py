"""Masks and boxes of the user: found, checked, and resized like the picture they belong to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.base.errors import ConfigError, DataError, StoppedError
from auditor.subject import load_subject
from auditor.subject.objects import decode_mask
from tests.subject.small import config, image_folder, write_factory

HEIGHT, WIDTH = 20, 30
RESIZE = {"resize": 12, "crop": 12}
# The object in a picture: rows 5 to 15, columns 6 to 12.
OBJECT = (slice(5, 15), slice(6, 12))


def mask_of(height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    mask = np.zeros((height, width), np.uint8)
    mask[OBJECT] = 255
    return Image.fromarray(mask)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_factory(tmp_path)
    image_folder(tmp_path / "photos", {"a": 3, "b": 3}, height=HEIGHT, width=WIDTH)
    return tmp_path


def masks(folder: Path, count: int = 3, **size: int) -> Path:
    for name in ("a", "b"):
        (folder / "masks" / name).mkdir(parents=True)
        for number in range(count):
            mask_of(**size).save(folder / "masks" / name / f"{number:03d}.png")
    return folder


def subject(folder: Path, **keys: Any) -> Any:
    return load_subject(config(data_keys=keys, preprocess=RESIZE), folder)


def table(folder: Path, column: str, cells: list[str]) -> Path:
    lines = [f"path,label,{column}"]
    names = [f"photos/{label}/{number:03d}.png" for label in "ab" for number in range(3)]
    lines += [f'{name},{name[7]},"{cell}"' for name, cell in zip(names, cells, strict=True)]
    (folder / "list.csv").write_text("\n".join(lines) + "\n")
    return folder


def from_table(folder: Path, column: str, kind: str) -> Any:
    keys = {"columns": {kind: column}}
    return load_subject(config(data="list.csv", data_keys=keys, preprocess=RESIZE), folder)


def test_a_mask_is_resized_and_cropped_like_its_picture(folder: Path) -> None:
    found = subject(masks(folder), masks="masks")
    shown = found.objects([0, 4])
    assert shown.shape == (2, 12, 12)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[OBJECT] = 255
    framed = np.asarray(found.preprocessing.frame(Image.fromarray(picture)))[..., 0] / 255
    assert np.allclose(shown[0], framed, atol=1e-6)
    # 20 x 30 is resized to 12 x 18 and loses 3 columns at each side.
    rows, columns = np.argwhere(shown[0] > 0.5).min(axis=0), np.argwhere(shown[0] > 0.5).max(axis=0)
    assert rows.tolist() == [3, 1]
    assert columns.tolist() == [8, 3]


def test_without_masks_nothing_is_known(folder: Path) -> None:
    assert subject(folder).objects([0]) is None


def test_boxes_and_masks_of_a_table_say_the_same(folder: Path) -> None:
    table(masks(folder), "where", ["6 5 6 10"] * 6)
    boxes = from_table(folder, "where", "box")
    assert boxes.manifest.metadata == {}
    by_box = boxes.objects([0, 1])
    table(folder, "where", [f"masks/{label}/00{number}.png" for label in "ab" for number in "012"])
    masked = from_table(folder, "where", "mask")
    assert np.allclose(by_box, masked.objects([0, 1]))
    assert (boxes.boxed, masked.boxed) == (True, False)


def test_rows_without_a_mask_are_not_known_and_counted(folder: Path) -> None:
    found = subject(masks(folder, count=2), masks="masks")
    assert np.isnan(found.objects([2])).all()
    assert not np.isnan(found.objects([1])).any()
    said = "4 of 6 pictures say where their object is; the first that does not: 'a/002.png'"
    assert said in found.notes
    table(folder, "box", ["6 5 6 10", "", "1,1,2,2; 3 3 2 2", "", "", ""])
    found = from_table(folder, "box", "box")
    assert "2 of 6" in " ".join(found.notes)
    assert "does not: 'photos/a/001.png'" in " ".join(found.notes)
    assert found.marks.boxes[2] == ((1, 1, 2, 2), (3, 3, 2, 2))


def test_masks_are_part_of_what_identifies_the_data(folder: Path) -> None:
    plain = subject(folder).data_digest
    first = subject(masks(folder), masks="masks").data_digest
    Image.new("L", (WIDTH, HEIGHT), 255).save(folder / "masks" / "a" / "000.png")
    second = subject(folder, masks="masks").data_digest
    assert len({plain, first, second}) == 3


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("1 2 3", "not four numbers"),
        ("a b c d", "not four numbers"),
        ("1 2 0 4", "no area"),
        ("25 5 10 10", "reaches beyond the picture of 30 x 20"),
    ],
)
def test_wrong_boxes_are_named(folder: Path, cell: str, said: str) -> None:
    table(folder, "box", ["6 5 6 10", cell, "", "", "", ""])
    with pytest.raises(DataError, match=said) as caught:
        from_table(folder, "box", "box")
    assert "photos/a/001.png" in str(caught.value)


def test_masks_of_another_size_or_none_at_all_are_errors(folder: Path) -> None:
    masks(folder, height=HEIGHT + 2)
    with pytest.raises(
        DataError, match=r"mask '000.png' of 'a/000.png' is 22 x 30 .* picture is 20 x 30"
    ):
        subject(folder, masks="masks")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"no mask of any picture; that of 'a/000.png'"):
        subject(folder, masks="empty")
    with pytest.raises(DataError, match=r"'nowhere' is no folder"):
        subject(folder, masks="nowhere")
    (folder / "masks" / "a" / "000.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"'000.png' of 'a/000.png' is not a JPEG"):
        subject(folder, masks="masks")


def test_masks_behind_links_out_of_their_folder_are_refused(folder: Path) -> None:
    masks(folder)
    mask = folder / "masks" / "a" / "000.png"
    mask.rename(folder / "elsewhere.png")
    mask.symlink_to(folder / "elsewhere.png")
    with pytest.raises(DataError, match=r"the mask 'a/000.png' is behind a link.*allow_outside"):
        subject(folder, masks="masks")
    assert subject(folder, masks="masks", allow_outside=True).marks is not None


def test_a_mask_that_changes_is_never_used(folder: Path) -> None:
    found = subject(masks(folder), masks="masks")
    file = folder / "masks" / "a" / "001.png"
    content = file.read_bytes()
    file.unlink()
    assert found.objects([0]) is not None
    with pytest.raises(
        StoppedError, match=r"the mask '001\.png' of 'a/001\.png' could be read.*not exist"
    ):
        found.objects([0, 1])
    Image.new("L", (WIDTH, HEIGHT), 255).save(file)
    with pytest.raises(DataError, match=r"the mask '001\.png' of 'a/001\.png' has changed since"):
        found.objects([1])
    file.write_bytes(content)
    assert not np.isnan(found.objects([1])).any()


def test_wrong_settings_are_errors(folder: Path) -> None:
    masks(folder)
    with pytest.raises(ConfigError, match="set one of them"):
        subject(folder, masks="masks", columns={"box": "box"})
    with pytest.raises(ConfigError, match=r"use data\.masks"):
        subject(folder, columns={"box": "box"})
    table(folder, "box", [""] * 6)
    with pytest.raises(DataError, match="no picture has a mask or box"):
        from_table(folder, "box", "box")
    with pytest.raises(ConfigError, match=r"set data\.columns\.box.*Did you mean 'box'"):
        from_table(folder, "boxx", "box")
    table(folder, "mask", ["masks/a/009.png"] + [""] * 5)
    with pytest.raises(DataError, match=r"list\.csv:2: the mask 'masks/a/009.png' does not exist"):
        from_table(folder, "mask", "mask")


def test_every_kind_of_mask_is_read(tmp_path: Path) -> None:
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[OBJECT] = True
    grey = mask_of()
    ones = Image.fromarray(expected.astype(np.uint8))
    palette = ones.convert("P")
    alpha = Image.merge("RGBA", [Image.new("L", (WIDTH, HEIGHT), 77)] * 3 + [grey])
    kinds = (grey, ones, palette, alpha, grey.convert("RGB"), grey.convert("1"))
    for number, each in enumerate(kinds):
        each.save(tmp_path / f"{number}.png")
        assert np.array_equal(decode_mask((tmp_path / f"{number}.png").read_bytes()), expected)


def test_pictures_go_back_to_the_inputs_they_came_from(folder: Path) -> None:
    found = subject(folder)
    inputs = found.load([0, 1]).cpu()
    again = found.inputs(found.pictures(inputs))
    assert torch.allclose(again, inputs, atol=1e-5)
    assert found.size(0) == (HEIGHT, WIDTH)
