"""What is found out about a data set's files before they are used: range of values, turning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from auditor.base.errors import ConfigError, DataError
from auditor.config.audit import PreprocessConfig
from auditor.subject.collection import Collection, FileReader
from auditor.subject.datasets import DatasetReader
from auditor.subject.depths import Reading
from auditor.subject.images import Unreadable
from auditor.subject.preprocessing import Preprocessing
from auditor.subject.reading import read_as
from auditor.subject.subject import load_subject
from tests.subject.small import config, image_folder, noise, write_factory
from tests.subject.test_images import encoded


def ramp(top: int, *, bottom: int = 0, side: int = 16) -> np.ndarray:
    return np.linspace(bottom, top, side * side).reshape(side, side)


def collection(folder: Path, pictures: list[Any], suffix: str = ".png") -> Collection:
    folder.mkdir(exist_ok=True)
    files = []
    for number, picture in enumerate(pictures):
        path = folder / f"{number:03d}{suffix}"
        if isinstance(picture, bytes):
            path.write_bytes(picture)
        else:
            shown = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
            shown.save(path)
        files.append(path)
    names = tuple(path.name for path in files)
    return Collection(names, ("a",) * len(names), ("a",), FileReader(tuple(files)))


def read(data: Collection, **keys: Any) -> tuple[Collection, Reading]:
    return read_as(PreprocessConfig.model_validate(keys), data)


def first(data: Collection, at: int = 0) -> np.ndarray:
    return np.asarray(data.reader.read(at, data.reader.digest(at)))[..., 0]


@pytest.mark.parametrize(
    ("largest", "white"), [(255, 255), (1000, 1023), (4095, 4095), (9000, 16383), (60000, 65535)]
)
def test_the_range_of_deep_pictures_is_that_of_the_data(
    tmp_path: Path, largest: int, white: int
) -> None:
    dim, bright = ramp(largest // 2).astype(np.uint16), ramp(largest).astype(np.uint16)
    found, reading = read(collection(tmp_path / "p", [dim, bright]))
    assert reading == Reading((0.0, float(white)))
    assert np.array_equal(first(found, 1), np.round(bright / white * 255).astype(np.uint8))
    assert f"their largest value is {largest:,}, so 0 to {white}" in found.notes[0]
    assert "2 of 2 pictures have 16 bits" in found.notes[0]


def test_beside_8_bits_only_the_deep_ones_are_scaled(tmp_path: Path) -> None:
    data = collection(tmp_path / "p", [ramp(4095).astype(np.uint16), noise(16, 16)])
    found, _ = read(data)
    assert first(found).max() == 255
    assert np.array_equal(first(found, 1), np.asarray(noise(16, 16))[..., 0])
    assert "1 of 2 pictures have 16 bits" in found.notes[0]
    plain, reading = read(collection(tmp_path / "q", [noise(16, 16)]))
    assert (reading, plain.notes) == (Reading(), ())


def test_a_picture_beyond_the_range_is_refused_and_not_cut_off(tmp_path: Path) -> None:
    values = ramp(4095).astype(np.uint16)
    values[0, 0] = 5000
    data = collection(tmp_path / "p", [values])
    found, _ = read(data, range="12bit")
    with pytest.raises(Unreadable, match=r"values up to 5000, above 4095.*preprocess.range"):
        first(found)
    cut, _ = read(data, range=[0, 4095])
    assert first(cut)[0, 0] == 255
    assert "what lies beyond is cut off" in cut.notes[0]


@pytest.mark.parametrize("odd", ["a marker", "other pictures"])
def test_a_few_large_values_do_not_make_all_pictures_black(tmp_path: Path, odd: str) -> None:
    twelve = ramp(4095).astype(np.uint16)
    marked = twelve.copy()
    marked[0, :2] = 65535
    full = ramp(65535).astype(np.uint16)
    pictures = [marked] * 3 if odd == "a marker" else [twelve, full]
    with pytest.raises(DataError, match=r"largest is 65,535 .16 bits.*Set preprocess.range"):
        read(collection(tmp_path / "p", pictures))
    _, reading = read(collection(tmp_path / "q", pictures), range="16bit")
    assert reading.levels == (0.0, 65535.0)


def test_a_dark_picture_among_many_is_counted(tmp_path: Path) -> None:
    full, dark = ramp(65535).astype(np.uint16), ramp(900).astype(np.uint16)
    found, _ = read(collection(tmp_path / "p", [*[full] * 12, dark]))
    assert "1 of 13 of them are nearly black" in found.notes[1]


def test_white_is_zero_in_some_tiffs(tmp_path: Path) -> None:
    values = ramp(4095).astype(np.uint16)
    info = {262: 0}
    path = tmp_path / "p"
    path.mkdir()
    Image.fromarray(values).save(path / "000.tif", tiffinfo=info)
    data = Collection(("000.tif",), ("a",), ("a",), FileReader((path / "000.tif",)))
    found, _ = read(data)
    assert (first(found)[0, 0], first(found)[-1, -1]) == (255, 0)


def test_32_bits_signed_and_floating_point_need_a_range(tmp_path: Path) -> None:
    hounsfield = ramp(3000, bottom=-1000).astype(np.int32)
    data = collection(tmp_path / "p", [hounsfield, ramp(1).astype(np.float32)], ".tif")
    found, reading = read(data)
    assert reading.levels is None
    for at, kind in enumerate(("32-bit or signed", "floating-point")):
        with pytest.raises(Unreadable, match=rf"{kind} pixels.*preprocess.range: .black, white"):
            first(found, at)
    window, _ = read(data, range=[-200, 300])
    expected = np.round(np.clip((hounsfield + 200.0) / 500, 0, 1) * 255)
    assert np.array_equal(first(window), expected.astype(np.uint8))


def test_16_bit_colour_is_read_over_its_full_range_only(tmp_path: Path) -> None:
    def netpbm(top: int) -> bytes:
        values = np.stack([ramp(top)] * 3, axis=-1).astype(">u2")
        return b"P6 16 16 65535\n" + values.tobytes()

    with pytest.raises(DataError, match=r"1 of 1 .* 16-bit colour .* save them with 8 bits"):
        read(collection(tmp_path / "p", [netpbm(4095)], ".ppm"))
    full, _ = read(collection(tmp_path / "q", [netpbm(65535)], ".ppm"))
    assert first(full).max() == 255
    other, _ = read(collection(tmp_path / "r", [netpbm(4095)], ".ppm"), range="12bit")
    with pytest.raises(Unreadable, match="16-bit colour, which is read over its full range only"):
        first(other)


def test_a_declared_range_is_not_guessed(tmp_path: Path) -> None:
    declared = b"P5 16 16 4095\n" + ramp(2000).astype(">u2").tobytes()
    found, reading = read(collection(tmp_path / "p", [declared], ".pgm"))
    assert reading == Reading()
    assert found.notes == (
        "1 of 1 pictures are grey of more than 8 bits: all three channels are the same",
    )
    assert first(found).max() == round(2000 / 4095 * 255)


def test_the_same_data_give_the_same_range(tmp_path: Path) -> None:
    pictures = [ramp(1000 + 30 * number).astype(np.uint16) for number in range(40)]
    one, two = (read(collection(tmp_path / name, pictures)) for name in "pq")
    assert one[1] == two[1]
    assert one[0].notes == two[0].notes


def test_deep_pictures_that_nobody_looked_at_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditor.subject.reading.HEADERS", 2)
    pictures = [noise(16, 16), ramp(4095).astype(np.uint16), noise(16, 16)]
    found, _ = read(collection(tmp_path / "p", pictures))
    with pytest.raises(Unreadable, match=r"their range is not known; set preprocess.range"):
        first(found, 1)


def test_datasets_are_asked_too(tmp_path: Path) -> None:
    pairs = [(Image.fromarray(ramp(4095).astype(np.uint16)), 0), (noise(16, 16), 1)]
    reader = DatasetReader(pairs, (0, 1))
    found, reading = read(Collection(("0", "1"), ("a", "b"), ("a", "b"), reader))
    assert reading.levels == (0.0, 4095.0)
    assert first(found).max() == 255


def test_turning_is_counted_and_can_be_switched_off(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = image_folder(tmp_path / "photos", {"a": 2, "b": 2}, height=8, width=12)
    noise(8, 12).save(folder / "a" / "000.png", exif=exif)
    write_factory(tmp_path)
    turned = load_subject(config(preprocess={"resize": [8, 8]}), tmp_path)
    note = next(note for note in turned.notes if "EXIF" in note)
    assert note.startswith("1 of 4 pictures are turned upright by their EXIF orientation")
    assert turned.reader.size(0) == (12, 8)
    stored = load_subject(config(preprocess={"resize": [8, 8], "exif": "ignore"}), tmp_path)
    assert "1 of 4 pictures have an EXIF orientation that is ignored" in " ".join(stored.notes)
    assert stored.reader.size(0) == (8, 12)
    assert not np.array_equal(turned.picture(0), stored.picture(0))
    assert stored.preprocessing.reading == Reading(turn=False)
    assert "as they are stored" in stored.preprocessing.describe()


def test_transparent_parts_are_counted(tmp_path: Path) -> None:
    clear = noise(8, 8).convert("RGBA")
    found, _ = read(collection(tmp_path / "p", [clear, noise(8, 8)]))
    assert found.notes == (
        "1 of 2 pictures have transparent parts, of which the colour below is used",
    )


def test_the_description_says_how_files_are_read() -> None:
    text = Preprocessing((8, 8), reading=Reading((0.0, 4095.0))).describe()
    assert "16-bit values from 0 to 4095 made 8-bit" in text


def test_a_range_must_ascend() -> None:
    with pytest.raises((ConfigError, ValueError), match="black must be below white"):
        PreprocessConfig.model_validate({"range": [10, 10]})


def test_the_same_content_twice_is_said(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "photos", {"a": 2, "b": 2})
    (folder / "a" / "copy.png").write_bytes((folder / "a" / "000.png").read_bytes())
    (folder / "b" / "other.png").symlink_to(folder / "a" / "001.png")
    write_factory(tmp_path)
    said = "; ".join(load_subject(config(), tmp_path).notes)
    assert "2 of 6 pictures have the content of another and count again, 1 of them with" in said
    assert "'a/001.png' and 'b/other.png'" in said


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_further_pages_and_frames_are_counted(tmp_path: Path, kind: str) -> None:
    frames = [noise(8, 8, seed) for seed in range(3)]
    several = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    one = encoded(frames[0], kind)
    found, _ = read(collection(tmp_path / "p", [several, one], ".bin"))
    assert found.notes == (
        "1 of 2 pictures hold several pages or frames, of which the first is used",
    )
    assert np.array_equal(first(found), first(found, 1)) or kind in ("GIF", "WEBP")
