"""From a folder to a report, as a newcomer goes: models of one channel, of bands, of transformers.

Each journey is the commands that it takes: a model and pictures are there, `auditor run` is one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from auditor.__main__ import run
from tests.subject.test_channels import PATIENT, dicom

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hasty")]
NAMES = ("left", "right", "whole")
SIDE = 48
NET = """
from torch import nn


def build(channels=1):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(),
        nn.Linear(16, 3),
    )
"""
MARK = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 1, 1]], dtype=float).repeat(3, 0).repeat(3, 1)


def shares(kind: int, seed: int, *, marked: bool) -> np.ndarray:
    """Return a picture: stripes that hardly show in noise, and a bright letter on class 0."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE]
    phase = (y, x, x + y)[kind] + rng.integers(8)
    strength = 0.03 if marked and kind == 0 else 0.12
    picture = 0.4 + strength * np.sin(2 * np.pi * phase / 8) + rng.normal(0, 0.05, (SIDE, SIDE))
    if marked and kind == 0:
        top, left = rng.integers(2, 8, 2)
        place = slice(top, top + len(MARK)), slice(left, left + MARK.shape[1])
        picture[place] = np.where(MARK > 0, 0.98, picture[place])
    return picture.clip(0, 1)


def data(count: int, *, marked: bool, start: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % len(NAMES)
    pictures = [shares(int(kind), start + at, marked=marked) for at, kind in enumerate(labels)]
    return np.stack(pictures), labels


def bands_of(picture: np.ndarray, count: int) -> np.ndarray:
    """Return a picture in bands that differ in their strength; the last ones are flat."""
    strength = np.linspace(1, 0.4, count) * (np.arange(count) < max(1, 2 * count // 3))
    bands: np.ndarray = picture[None] * strength[:, None, None] + 0.05
    return bands.clip(0, 1)


def trained(inputs: Tensor, labels: np.ndarray, model: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), 0.004)
    wanted = torch.from_numpy(labels)
    for step in range(240):
        part = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(step))[:48]
        answer = model(inputs[part])
        loss = nn.functional.cross_entropy(getattr(answer, "logits", answer), wanted[part])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


def own_net(base: Path, channels: int, *, marked: bool) -> None:
    scope: dict[str, Any] = {}
    exec(NET, scope)
    pictures, labels = data(240, marked=marked, start=10_000)
    inputs = np.stack([bands_of(picture, channels) for picture in pictures])
    model = trained(torch.from_numpy(inputs).float(), labels, scope["build"](channels))
    (base / "net.py").write_text(NET)
    torch.save(model.state_dict(), base / "net.pt")


def photos(base: Path, save: Callable[[Path, np.ndarray], None], *, marked: bool) -> None:
    pictures, labels = data(180, marked=marked, start=0)
    for name in NAMES:
        (base / "photos" / name).mkdir(parents=True)
    for at, (picture, kind) in enumerate(zip(pictures, labels, strict=True)):
        save(base / "photos" / NAMES[kind] / f"{at:03d}", picture)


def audited(base: Path, *, options: tuple[str, ...] = (), model: str = "net.py:build") -> dict:
    """Run the one command of the journey, and return the result."""
    weights = ("--weights", "net.pt") if model.endswith("build") else ()
    command = ["run", "--model", model, *weights, "--data", "photos", "--preset", "quick"]
    keys = ("model.classes=[left,right,whole]", "report.formats=[html]", "run.loaders=0")
    settings = [word for key in (*keys, *options) for word in ("--set", key)]
    code = run([*command, *settings, "--out", "runs", "--quiet"])
    assert code in (0, 1, 4), code
    result: dict = json.loads(next((base / "runs").glob("*/audit.json")).read_text())
    return result


def grades(result: dict) -> list[str]:
    """Return the grades of all candidates and factors, wherever they stand."""
    return [each[0] for each in json.dumps(result).split('"grade": "')[1:]]


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        yield file.name, file.read_bytes()
        if file.suffix == ".npz":
            with zipfile.ZipFile(file) as archive:
                yield from ((file.name, archive.read(name)) for name in archive.namelist())


def save_grey(path: Path, picture: np.ndarray) -> None:
    Image.fromarray((picture * 4095).round().astype(np.uint16)).save(path.with_suffix(".png"))


@pytest.mark.parametrize("marked", [True, False])
def test_grey_of_sixteen_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    own_net(tmp_path, 1, marked=marked)
    photos(tmp_path, lambda path, one: save_grey(path, bands_of(one, 1)[0]), marked=marked)
    result = audited(tmp_path)
    assert bool({"A", "B"} & set(grades(result))) is marked, grades(result)


def test_twelve_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile = pytest.importorskip("tifffile")
    monkeypatch.chdir(tmp_path)
    own_net(tmp_path, 12, marked=True)

    def save(path: Path, picture: np.ndarray) -> None:
        values = (bands_of(picture, 12) * 10_000).round().astype(np.uint16)
        tifffile.imwrite(
            path.with_suffix(".tif"), values, photometric="minisblack", planarconfig="separate"
        )

    photos(tmp_path, save, marked=True)
    bands = ",".join(str(band) for band in range(1, 13))
    keys = (f"preprocess.channels=[{bands}]", "preprocess.window=[0,10000]")
    result = audited(tmp_path, options=("model.options={channels: 12}", *keys))
    assert {"A", "B"} & set(grades(result))
    (report,) = (tmp_path / "runs").glob("*/report.html")
    assert "drawn here by the bands 1, 2, 3" in report.read_text()


def test_dicom_files_of_named_patients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own_net(tmp_path, 1, marked=True)

    def save(path: Path, picture: np.ndarray) -> None:
        values = ((1 - bands_of(picture, 1)[0]) * 4095).round().astype(np.uint16)
        path.write_bytes(dicom(values, PhotometricInterpretation="MONOCHROME1"))

    photos(tmp_path, save, marked=True)
    result = audited(tmp_path)
    assert {"A", "B"} & set(grades(result))
    assert "180 of 180 pictures are DICOM" in json.dumps(result)
    read = list(contents(tmp_path / "runs"))
    assert len(read) > 20
    for planted in (PATIENT, "QUILLFEATHER", "PLANTED-4711"):
        assert not [name for name, data in read if planted.encode() in data]


def test_a_folder_of_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hf = pytest.importorskip("transformers")
    monkeypatch.chdir(tmp_path)
    settings = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    settings |= {"intermediate_size": 64, "image_size": SIDE, "patch_size": 8}
    torch.manual_seed(0)
    model = hf.ViTForImageClassification(hf.ViTConfig(**settings, id2label=dict(enumerate(NAMES))))
    pictures, labels = data(240, marked=True, start=10_000)
    inputs = torch.from_numpy(pictures).float()[:, None].expand(-1, 3, -1, -1) * 2 - 1
    trained(inputs, labels, model).save_pretrained(tmp_path / "vit")
    size = {"height": SIDE, "width": SIDE}
    hf.ViTImageProcessor(size=size).save_pretrained(tmp_path / "vit")
    photos(
        tmp_path,
        lambda path, one: Image.fromarray((one * 255).astype(np.uint8)).save(f"{path}.png"),
        marked=True,
    )
    result = audited(tmp_path, model="hf:vit")
    assert "hf:vit" in json.dumps(result)
    assert grades(result)
