"""What a ``preprocessor_config.json`` of Hugging Face says, checked against the library itself.

Source: the image processors of transformers 5 (``image_processing_pil_*.py``).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from auditor.base.errors import ModelError
from auditor.language.speaking import gettext as _
from auditor.subject.limits import Unreadable
from auditor.subject.preprocessing import Interpolation, Preprocessing

INPUTS = "preprocessor_config.json"
METHODS: Mapping[int, Interpolation] = {0: "nearest", 2: "bilinear", 3: "bicubic"}
NATIVE = 384  # ConvNeXt's processor crops only below this size
# Mean difference of two ways to the same input that is rounding: in steps of 8-bit values.
ROUNDING = 2.0
ENLARGED = 256 / 224  # LeViT's processor resizes to this times the stated side


def read_inputs(folder: Path, channels: int) -> tuple[Preprocessing | None, tuple[str, ...]]:
    """Return the preprocessing that a folder states and notes; None where none can be told.

    Raises:
        ModelError: the file cannot be read.
    """
    path = folder / INPUTS
    if not path.is_file():
        return None, (
            f"'{folder.name}' holds no {INPUTS}, which says how pictures become inputs: set "
            "preprocess as in training",
        )
    try:
        stated = json.loads(path.read_text(encoding="utf-8"))
        # MobileViT's processor states a mean and never subtracts it.
        tried = [_preset({**stated, **more}, folder.name) for more in ({}, {"do_normalize": False})]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"the {INPUTS} of '{folder.name}' cannot be read ({type(error).__name__}); save the "
            "image processor again."
        ) from error
    kind = stated.get("image_processor_type") or stated.get("feature_extractor_type")
    preset = next((each for each in tried if each is not None and _same(each, folder)), None)
    if preset is not None:
        lost = stated.get("resample", 2) not in METHODS
        method = f"{kind} resizes by Pillow's filter {stated.get('resample')}; here it is bicubic"
        return _for_channels(preset, channels), (method,) if lost else ()
    return None, (
        f"the image processor of '{folder.name}' ({kind}) does what cannot be told from its "
        f"{INPUTS}: set preprocess as in training",
    )


def _for_channels(preset: Preprocessing, channels: int) -> Preprocessing:
    """Return the preprocessing for grey where the model takes one channel and one mean is stated.

    With other means it stays that of three channels, and `decide_preprocessing` asks for them.
    """
    if channels != 1 or len({*preset.mean}) > 1 or len({*preset.std}) > 1:
        return preset
    return replace(preset, channels="grey", mean=preset.mean[:1], std=preset.std[:1])


def _preset(stated: Mapping[str, Any], name: str) -> Preprocessing | None:
    """Return what the keys of an image processor mean; None where they give no one size."""
    kind = str(stated.get("image_processor_type") or stated.get("feature_extractor_type") or "")
    resize = _resize(stated, kind)
    crop = _sides(stated.get("crop_size")) if stated.get("do_center_crop") else None
    if "ConvNext" in kind or "ConvNeXT" in kind or "PoolFormer" in kind:
        resize, crop = _by_share(stated, resize, crop)
    size = crop or (resize if isinstance(resize, tuple) else None)
    if size is None:
        return None
    scale = float(stated.get("rescale_factor", 1 / 255)) * 255
    scale = scale if stated.get("do_rescale", True) else 255.0
    mean, std = [0.0] * 3, [1.0] * 3
    if stated.get("do_normalize", bool(stated.get("image_mean"))):
        mean, std = _three(stated["image_mean"]), _three(stated["image_std"])
    if stated.get("rescale_offset"):
        mean = [m + 1 for m in mean]
    if "EfficientNet" in kind and stated.get("include_top", True):
        std = [each * each for each in std]
    return Preprocessing(
        size=size,
        resize=resize,
        crop=crop,
        mean=tuple(mean),
        std=tuple(std),
        scale=scale,
        channels="bgr" if stated.get("do_flip_channel_order") else "rgb",
        interpolation=METHODS.get(stated.get("resample", 2), "bicubic"),
        origin=_("preset of %(name)s", name=name),
    )


def _three(stated: Any) -> list[float]:
    """Return a mean or deviation for each of three channels; one is that of all."""
    values = _numbers(stated)
    return values * 3 if len(values) == 1 else values


def _numbers(stated: Any) -> list[float]:
    several = stated if isinstance(stated, list | tuple) else [stated]
    return [float(each) for each in several if each is not None]


def _resize(stated: Mapping[str, Any], kind: str) -> int | tuple[int, int] | None:
    if not stated.get("do_resize", True):
        return None
    size = stated.get("size")
    if isinstance(size, dict) and "shortest_edge" in size:
        side = int(size["shortest_edge"])
        return int(side * ENLARGED) if "Levit" in kind else side
    if isinstance(size, int) and stated.get("do_center_crop"):
        return size
    return _sides(size)


def _by_share(
    stated: Mapping[str, Any], resize: int | tuple[int, int] | None, crop: tuple[int, int] | None
) -> tuple[int | tuple[int, int] | None, tuple[int, int] | None]:
    """Return ConvNeXt's way: below 384 pixels a share of the picture is cropped."""
    if not isinstance(resize, int) or stated.get("do_center_crop"):
        return resize, crop
    if resize >= NATIVE:
        return (resize, resize), None
    return int(resize / float(stated.get("crop_pct", 224 / 256))), (resize, resize)


def _sides(size: Any) -> tuple[int, int] | None:
    if isinstance(size, int):
        return size, size
    if isinstance(size, dict) and {"height", "width"} <= set(size):
        return int(size["height"]), int(size["width"])
    return None


def _same(preset: Preprocessing, folder: Path) -> bool:
    """Return whether the library's own image processor makes the same input of a picture."""
    rows, columns = np.mgrid[0:437, 0:593]
    bands = [np.sin(rows / (40 + 9 * k)) * np.cos(columns / (55 - 7 * k)) for k in range(3)]
    pixels = (127.5 + 120 * np.stack(bands, axis=-1)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    processors = importlib.import_module("transformers").AutoImageProcessor
    try:
        own = processors.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, backend="pil"
        )
        more = {}
        if len(_numbers(own.image_mean)) == 1:  # a model of one channel, shown three
            more = {"image_mean": _three(own.image_mean), "image_std": _three(own.image_std)}
        made = own(picture, **more)["pixel_values"][0]
        theirs = torch.from_numpy(np.array(made, np.float32, order="C"))
    except Exception:  # whatever the library cannot do with its own file
        return False
    try:
        ours = preset.normalise(preset.frame(picture))
    except Unreadable:
        return False
    if theirs.shape != ours.shape:
        return False
    step = preset.scale / 255 / torch.tensor(preset.std).view(-1, 1, 1)
    return bool(((theirs - ours).abs() / step).mean() <= ROUNDING)
