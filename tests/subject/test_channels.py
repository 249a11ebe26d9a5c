"""Models of one channel and of many: greyscale, 16 bits, DICOM and multi-band TIFF."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from auditor.base.errors import ConfigError, DataError
from auditor.subject import Subject, load_subject
from auditor.subject.depths import Reading
from auditor.subject.images import Unreadable, decode, upright_size
from tests.subject.small import config, image_folder, write_factory

NET = """
import torch
from torch import nn


def net(channels=1):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2),
    )
"""
SIDE = 12
PATIENT = "QUILLFEATHER^ZEBEDIAH"


def values(seed: int = 0, high: int = 4096) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, (SIDE, SIDE), dtype=np.uint16)


def folder(base: Path, save: Any, suffix: str, count: int = 3) -> Path:
    for at, name in enumerate(("a", "b")):
        (base / "photos" / name).mkdir(parents=True)
        for number in range(count):
            save(base / "photos" / name / f"{number}{suffix}", 10 * at + number)
    return base


def load(base: Path, takes: int = 1, **preprocess: Any) -> Subject:
    write_factory(base, NET)
    settings = config("net.py:net", model={"options": {"channels": takes}}, preprocess=preprocess)
    return load_subject(settings, base)


def save_png16(path: Path, seed: int) -> None:
    Image.fromarray(values(seed)).save(path)


def test_a_model_of_one_channel_is_given_grey_and_it_is_said(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"a": 2, "b": 2})
    subject = load(tmp_path)
    inputs = subject.load([0])
    picture = Image.open(tmp_path / "photos/a/000.png")
    assert inputs.shape == (1, 1, 12, 12)
    assert torch.equal(inputs[0, 0], torch.from_numpy(np.array(picture.convert("L")) / 255).float())
    assert "the model takes one channel: pictures are converted to grey (preprocess.channels)" in (
        subject.notes
    )
    assert "4 of 4 pictures have colour, which is converted to grey" in subject.notes
    assert "converted to grey" in subject.preprocessing.describe()
    shown = subject.picture(0)
    assert (shown == shown[..., :1]).all()
    assert torch.allclose(subject.inputs(shown[None]), inputs)


def test_sixteen_bits_are_not_rounded_to_eight(tmp_path: Path) -> None:
    folder(tmp_path, save_png16, ".png")
    subject = load(tmp_path, window=[0, 4095], mean=[0.5], std=[0.25])
    expected = (values(0) / 4095 - 0.5) / 0.25
    assert np.allclose(subject.load([0])[0, 0].numpy(), expected, atol=1e-5)
    found = load(tmp_path)  # the range is that of the data: 12 bits
    assert np.allclose(found.load([0])[0, 0].numpy(), values(0) / 4095, atol=1e-6)


def test_raw_values_are_kept_by_a_scale(tmp_path: Path) -> None:
    folder(tmp_path, save_png16, ".png")
    subject = load(tmp_path, window=[0, 10000], scale=10000)
    assert np.allclose(subject.load([1])[0, 0].numpy(), values(1), atol=0.01)


def test_three_channels_are_given_grey_of_sixteen_bits_and_it_is_said(tmp_path: Path) -> None:
    folder(tmp_path, save_png16, ".png")
    subject = load(tmp_path, 3)
    inputs = subject.load([0])[0]
    assert torch.equal(inputs[0], inputs[2])
    said = "6 of 6 pictures are grey of more than 8 bits: all three channels are the same"
    assert said in subject.notes


def stack(seed: int, bands: int = 12) -> np.ndarray:
    return np.stack([values(100 * seed + band, 10_000) for band in range(bands)])


def save_tiff(path: Path, seed: int, **keys: Any) -> None:
    tifffile = pytest.importorskip("tifffile")
    planes = {"photometric": "minisblack", "planarconfig": "separate"}
    tifffile.imwrite(path, stack(seed), **{**planes, **keys})


def test_twelve_bands_become_twelve_channels(tmp_path: Path) -> None:
    folder(tmp_path, save_tiff, ".tif")
    subject = load(tmp_path, 12, channels=list(range(1, 13)), window=[0, 10000])
    assert np.allclose(subject.load([0])[0].numpy(), stack(0) / 10_000, atol=1e-6)
    assert "each picture is read as its bands 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12" in (
        subject.notes
    )
    shown = subject.picture(0)
    assert np.array_equal(shown[..., 0], np.round(stack(0)[0] / 10_000 * 255).astype(np.uint8))


def test_bands_are_chosen_in_order_each_with_its_window(tmp_path: Path) -> None:
    folder(tmp_path, save_tiff, ".tif")
    windows = [[0, 10000], [0, 5000], [100, 8000], [0, 20000]]
    subject = load(tmp_path, 4, channels=[8, 4, 3, 2], window=windows, display=[4, 3, 2])
    expected = [
        ((stack(0)[band - 1] - low) / (high - low)).clip(0, 1)
        for band, (low, high) in zip([8, 4, 3, 2], windows, strict=True)
    ]
    assert np.allclose(subject.load([0])[0].numpy(), expected, atol=1e-6)
    assert np.array_equal(subject.picture(0)[..., 0], np.round(expected[1] * 255).astype(np.uint8))
    assert "taken as the bands 8, 4, 3, 2, drawn here by the bands 4, 3, 2" in (
        subject.preprocessing.describe()
    )


@pytest.mark.parametrize("keys", [{"planarconfig": "contig"}, {"compression": "zlib"}])
def test_other_layouts_of_a_tiff(tmp_path: Path, keys: dict[str, Any]) -> None:
    def save(path: Path, seed: int) -> None:
        tifffile = pytest.importorskip("tifffile")
        data = stack(seed) if "compression" in keys else np.moveaxis(stack(seed), 0, 2)
        tifffile.imwrite(path, data, **{"photometric": "minisblack", **keys})

    folder(tmp_path, save, ".tif")
    subject = load(tmp_path, 12, channels=list(range(1, 13)), window=[0, 10000])
    assert np.allclose(subject.load([0])[0].numpy(), stack(0) / 10_000, atol=1e-6)


def test_floating_values_need_a_window(tmp_path: Path) -> None:
    def save(path: Path, seed: int) -> None:
        pytest.importorskip("tifffile").imwrite(path, stack(seed, 2).astype(np.float32) / 10_000)

    folder(tmp_path, save, ".tif")
    with pytest.raises(DataError, match=r"floating-point values, .* set preprocess.window"):
        load(tmp_path, 2, channels=[1, 2])
    subject = load(tmp_path, 2, channels=[1, 2], window=[0, 1])
    assert np.allclose(subject.load([0])[0].numpy(), stack(0, 2) / 10_000, atol=1e-6)


def test_a_band_out_of_range_is_named(tmp_path: Path) -> None:
    folder(tmp_path, save_tiff, ".tif")
    with pytest.raises(DataError, match=r"'a/0.tif' has 12 bands, where .* asks for band 13"):
        load(tmp_path, 2, channels=[1, 13], window=[0, 10000])


def test_channels_that_are_not_the_models_are_an_error(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"a": 2, "b": 2})
    with pytest.raises(ConfigError, match=r"gives 1 channel, but the model takes 3 channels"):
        load(tmp_path, 3, channels="grey")
    with pytest.raises(
        ConfigError, match=r"the model takes 5 channels; .*channels: \[1, 2, 3, 4, 5"
    ):
        load(tmp_path, 5)
    with pytest.raises(ConfigError, match=r"preprocess.mean has 3 values for 1 channel"):
        load(tmp_path, 1, mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
    with pytest.raises(ConfigError, match=r"lists 2 windows for 3 bands"):
        load(tmp_path, 3, channels=[1, 2, 3], window=[[0, 1], [0, 1]])
    with pytest.raises(ConfigError, match=r"display draws band 4"):
        load(tmp_path, 3, channels=[1, 2, 3], display=[4])
    with pytest.raises(ConfigError, match=r"window and preprocess.range say the same"):
        load(tmp_path, 3, window=[0, 255], range="16bit")


def test_a_convolution_registered_first_need_not_be_that_of_the_input(tmp_path: Path) -> None:
    image_folder(tmp_path / "photos", {"a": 2, "b": 2})
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n"
        "        self.last = nn.Conv2d(8, 4, 3, padding=1)\n"
        "        self.first = nn.Conv2d(3, 8, 3, padding=1)\n"
        "        self.head = nn.Linear(4 * 144, 2)\n\n    def forward(self, x):\n"
        "        return self.head(self.last(self.first(x).relu()).relu().flatten(1))\n"
    )
    write_factory(tmp_path, text)
    assert load_subject(config("net.py:Net"), tmp_path).load([0]).shape == (1, 3, 12, 12)


def test_without_tifffile_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path, save_tiff, ".tif")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(DataError, match=r"pip install 'concept-auditor\[tiff\]'"):
        load(tmp_path, 12, channels=list(range(1, 13)), window=[0, 10000])


def dicom(pixels: np.ndarray, **tags: Any) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["test"])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    made.PatientName, made.PatientID = PATIENT, "PLANTED-4711"
    made.Rows, made.Columns = pixels.shape[:2]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelRepresentation = 0
    made.PixelData = pixels.astype(np.uint16).tobytes()
    for key, value in tags.items():
        setattr(made, key, value)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made)
    return buffer.getvalue()


GREY = Reading(channels="grey")


def test_dicom_is_read_by_slope_window_and_photometric_interpretation() -> None:
    window = {"WindowCenter": 1000, "WindowWidth": 401, "RescaleSlope": 2, "RescaleIntercept": -50}
    data = dicom(values(), **window)
    units = values() * 2.0 - 50
    expected = ((units - 799.5) / 400).clip(0, 1)
    found = np.asarray(decode(data, GREY)) / 255
    assert np.allclose(found, expected, atol=1e-5)
    inverted = decode(dicom(values(), PhotometricInterpretation="MONOCHROME1", **window), GREY)
    assert np.allclose(np.asarray(inverted) / 255, 1 - expected, atol=1e-5)
    stated = decode(data, Reading((0.0, 4000.0), window=True, channels="grey"))
    assert np.allclose(np.asarray(stated) / 255, (units / 4000).clip(0, 1), atol=1e-5)
    exact = decode(dicom(values(), VOILUTFunction="LINEAR_EXACT", **window), GREY)
    assert np.allclose(np.asarray(exact) / 255, ((units - 799.5) / 401).clip(0, 1), atol=1e-5)
    rgb = np.asarray(decode(data))
    assert rgb.shape == (SIDE, SIDE, 3)
    assert np.array_equal(rgb[..., 1], np.round(expected * 255).astype(np.uint8))
    assert upright_size(data) == (SIDE, SIDE)


def test_dicom_without_a_window_is_read_over_its_bits_or_refused() -> None:
    found = np.asarray(decode(dicom(values()), GREY)) / 255
    assert np.allclose(found, values() / 4095, atol=1e-6)
    with pytest.raises(Unreadable, match=r"states no window; set preprocess.window"):
        decode(dicom(values(), PixelRepresentation=1), GREY)


def test_of_several_frames_the_first_is_read() -> None:
    two = np.stack([values(1), values(2)])
    data = dicom(values(), NumberOfFrames=2, PixelData=two.tobytes())
    assert np.allclose(np.asarray(decode(data, GREY)) / 255, values(1) / 4095, atol=1e-6)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"Rows": 60_000, "Columns": 60_000}, "pixels, where 1 to 100,000,000"),
        ({"PixelData": b"\0" * 10}, "cannot be decoded"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "of the kind PALETTE COLOR"),
    ],
)
def test_what_is_wrong_with_a_dicom_is_said_without_its_tags(
    tags: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = dicom(values(), **tags)
    with pytest.raises(Unreadable, match=reason) as caught:
        decode(data, GREY)
    assert "QUILLFEATHER" not in str(caught.value) + caplog.text


def test_damaged_dicoms_are_reasons() -> None:
    data = dicom(values())
    rng, said = np.random.default_rng(0), []
    for _ in range(60):
        changed = bytearray(data[: int(rng.integers(140, len(data)))])
        for at in rng.integers(132, len(changed), 4):
            changed[at] = int(rng.integers(256))
        try:
            decode(bytes(changed), GREY)
        except Unreadable as reason:
            said.append(str(reason))
    assert said
    assert not any("QUILLFEATHER" in each for each in said)


def test_a_folder_of_dicoms_is_read_and_counted(tmp_path: Path) -> None:
    folder(tmp_path, lambda path, seed: path.write_bytes(dicom(values(seed))), "")
    subject = load(tmp_path)
    assert np.allclose(subject.load([0])[0, 0].numpy(), values(0) / 4095, atol=1e-6)
    assert "6 of 6 pictures are DICOM, each shown by the window that it states" in subject.notes
    assert len(subject.manifest) == 6


def test_without_pydicom_the_reason_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path, lambda path, seed: path.write_bytes(dicom(values(seed))), ".dcm")
    for name in ("pydicom", "pydicom.pixels"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match=r"pip install 'concept-auditor\[dicom\]'"):
        load(tmp_path)


def test_ready_inputs_of_any_channels_are_taken(tmp_path: Path) -> None:
    (tmp_path / "sets.py").write_text(
        "import torch\n\n\nclass Set:\n    classes = ['a', 'b']\n    targets = [0, 0, 1, 1]\n\n"
        "    def __len__(self):\n        return 4\n\n    def __getitem__(self, at):\n"
        "        torch.manual_seed(at)\n        return torch.rand(5, 12, 12), self.targets[at]\n"
    )
    write_factory(tmp_path, NET)
    settings = config("net.py:net", "sets.py:Set", model={"options": {"channels": 5}})
    assert load_subject(settings, tmp_path).load([0, 1]).shape == (2, 5, 12, 12)
    settings = config("net.py:net", "sets.py:Set", model={"options": {"channels": 3}})
    with pytest.raises(ConfigError, match=r"hands over 5 channels, but the model takes 3"):
        load_subject(settings, tmp_path)
