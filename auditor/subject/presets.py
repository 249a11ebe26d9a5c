"""Which preprocessing to use: the weights' own preset, the config's keys, the data's own size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, cast, get_args

from auditor.base.errors import ConfigError
from auditor.config.audit import PreprocessConfig
from auditor.language.speaking import gettext as _
from auditor.language.speaking import joined
from auditor.subject.preprocessing import Interpolation, Preprocessing, count_of

DEFAULT_SIZE = 224
LARGEST_NATIVE = 512


def torchvision_preset(transforms: Any, name: str) -> Preprocessing:
    """Return the preprocessing that torchvision publishes with weights ``name``."""
    crop = int(transforms.crop_size[0])
    resize = transforms.resize_size
    return Preprocessing(
        size=(crop, crop),
        resize=int(resize[0]) if len(resize) == 1 else (int(resize[0]), int(resize[1])),
        crop=(crop, crop),
        mean=_three(transforms.mean),
        std=_three(transforms.std),
        interpolation=cast(Interpolation, transforms.interpolation.value),
        origin=_("preset of %(name)s", name=name),
    )


def timm_preset(data: Mapping[str, Any], name: str) -> tuple[Preprocessing, tuple[str, ...]]:
    """Return the preprocessing of timm's evaluation for ``name``, and notes on what differs.

    ``data`` has timm's keys: ``input_size`` (3, height, width), ``crop_pct`` (share of the resized
    picture that is kept), ``crop_mode``, ``interpolation``, ``mean`` and ``std`` of pixels in 0..1.
    """
    height, width = (int(side) for side in data["input_size"][1:])
    share = float(data["crop_pct"])
    whole = (int(height / share), int(width / share))
    squash = data["crop_mode"] != "center" or height != width
    notes: tuple[str, ...] = ()
    if data["crop_mode"] == "border" or (squash and data["crop_mode"] == "center"):
        notes = (
            f"timm keeps the proportions of pictures for {name}; here they are resized to "
            f"{whole[0]} x {whole[1]}: set preprocess to decide otherwise",
        )
    method = data["interpolation"]
    if method not in get_args(Interpolation):
        notes = (*notes, f"timm resizes by '{method}' for {name}; here it is bicubic")
        method = "bicubic"
    preset = Preprocessing(
        size=(height, width),
        resize=whole if squash else whole[0],
        crop=(height, width),
        mean=_three(data["mean"]),
        std=_three(data["std"]),
        interpolation=cast(Interpolation, method),
        origin=_("preset of timm's %(name)s", name=name),
    )
    return preset, notes


def decide_preprocessing(
    config: PreprocessConfig,
    preset: Preprocessing | None,
    sizes: Sequence[tuple[int, int]],
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Return the preprocessing and notes on what had to be assumed.

    ``sizes`` are the (height, width) of pictures of the data, read only when nothing else says
    how large the input is: when all agree (and are no larger than 512) nothing is resized, else
    the shorter side becomes 224. A shorter side without a crop implies the square crop.

    Raises:
        ConfigError: keys that cannot be meant together.
    """
    known = preset is not None
    start = preset or Preprocessing(size=(0, 0))
    _check_units(config, start, known)
    notes: list[str] = []
    resize, crop = _geometry(config, preset)
    if resize is None and crop is None:
        distinct = set(sizes)
        native = next(iter(distinct)) if len(distinct) == 1 else None
        if native is not None and max(native) <= LARGEST_NATIVE:
            size = native
            notes.append(f"preprocess.resize is not given: all pictures are {size[0]} x {size[1]}")
        else:
            resize, crop = DEFAULT_SIZE, (DEFAULT_SIZE, DEFAULT_SIZE)
            size = crop
            notes.append(
                "preprocess.resize is not given: the shorter side becomes "
                f"{DEFAULT_SIZE} pixels, then the centre is cropped"
            )
    else:
        size = crop or cast(tuple[int, int], resize)
    channels = config.channels or start.channels
    count = count_of(channels)
    if not known and count != start.count:
        start = replace(start, mean=(0.0,) * count, std=(1.0,) * count)
    if not known and config.mean is None and config.std is None:
        notes.append("preprocess.mean and std are not given: pixels are used as they are")
    chosen = Preprocessing(
        size=size,
        resize=resize,
        crop=crop,
        mean=config.mean or start.mean,
        std=config.std or start.std,
        scale=config.scale or start.scale,
        channels=channels,
        interpolation=config.interpolation or start.interpolation,
        origin=_origin(config, preset),
        display=config.display,
    )
    _check_channels(chosen)
    return chosen, tuple(notes)


def shown_only(
    config: PreprocessConfig, preset: Preprocessing | None, shape: tuple[int, int]
) -> tuple[Preprocessing, tuple[str, ...]]:
    """Return the preprocessing of inputs that come ready: it only says how to show them."""
    for key in ("resize", "crop", "interpolation"):
        if getattr(config, key) is not None:
            raise ConfigError(
                f"preprocess.{key} is {getattr(config, key)}, but the dataset hands over inputs "
                "that it preprocessed itself; remove the key, or return pictures."
            )
    assumed, _ = decide_preprocessing(config, preset, (shape,))
    shown = replace(assumed, size=shape, resize=None, crop=None, done_by_dataset=True)
    note = (
        "the dataset preprocesses its inputs itself; pictures in the report assume mean "
        f"{list(shown.mean)} and std {list(shown.std)}"
    )
    return shown, (note,)


def _geometry(
    config: PreprocessConfig, preset: Preprocessing | None
) -> tuple[int | tuple[int, int] | None, tuple[int, int] | None]:
    resize: int | tuple[int, int] | None = config.resize
    crop = (config.crop, config.crop) if isinstance(config.crop, int) else config.crop
    if resize is None and preset is not None:
        resize = preset.resize
    if crop is None and isinstance(resize, int):
        side = resize
        if preset is not None and preset.crop is not None:
            side = min(resize, preset.crop[0])
        crop = (side, side)
    smallest = (resize, resize) if isinstance(resize, int) else resize
    for value in (*(crop or ()), *(smallest or ())):
        if value < 1:
            raise ConfigError(f"preprocess.resize and crop are pixels from 1; got {value}.")
    if crop and smallest and (crop[0] > smallest[0] or crop[1] > smallest[1]):
        raise ConfigError(
            f"preprocess.crop {crop[0]} x {crop[1]} is larger than preprocess.resize {resize}; "
            "resize to at least the crop."
        )
    return resize, crop


def _check_units(config: PreprocessConfig, start: Preprocessing, known: bool) -> None:
    if config.std is not None and min(config.std) <= 0:
        raise ConfigError(f"preprocess.std is {list(config.std)}; every value must be above 0.")
    changed = [
        key
        for key in ("scale", "channels")
        if getattr(config, key) not in (None, getattr(start, key))
    ]
    if known and changed and (config.mean is None or config.std is None):
        key: Literal["scale", "channels"] | str = changed[0]
        raise ConfigError(
            f"preprocess.{key} is {getattr(config, key)} where {start.origin} has "
            f"{getattr(start, key)}: its mean and std no longer apply; give preprocess.mean and "
            "preprocess.std too."
        )


def _check_channels(chosen: Preprocessing) -> None:
    """Refuse means and bands to draw that do not go with the channels.

    Raises:
        ConfigError: they do not.
    """
    for key, values in (("mean", chosen.mean), ("std", chosen.std)):
        if len(values) != chosen.count:
            raise ConfigError(
                f"preprocess.{key} has {len(values)} values for {chosen.count} "
                f"channel{'s' if chosen.count > 1 else ''}; give one for each."
            )
    if chosen.display is None:
        return
    if isinstance(chosen.channels, str):
        raise ConfigError(
            "preprocess.display is for bands; remove it, or list preprocess.channels."
        )
    for band in chosen.display:
        if band not in chosen.channels:
            raise ConfigError(
                f"preprocess.display draws band {band}, which preprocess.channels does not list."
            )


def _origin(config: PreprocessConfig, preset: Preprocessing | None) -> str:
    keys = [
        key
        for key in type(config).model_fields
        if key not in ("range", "exif", "window", "display")
    ]
    given = [key for key in keys if getattr(config, key) is not None]
    if preset is None:
        return _("from the config") if given else _("assumed")
    if not given:
        return preset.origin
    return joined((preset.origin, _("%(keys)s from the config", keys=", ".join(given))), ", ")


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return float(red), float(green), float(blue)
