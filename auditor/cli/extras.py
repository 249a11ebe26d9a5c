"""Which extras of the package an audit needs, so that a job installs them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.base.addresses import is_address

if TYPE_CHECKING:
    from auditor.config.audit import Config

LOOKED_AT = 10_000  # files of a folder of pictures
OF_SUFFIX = {".dcm": "dicom", ".dicom": "dicom", ".tif": "tiff", ".tiff": "tiff"}
OF_SUFFIX |= {".heic": "heic", ".heif": "heic", ".parquet": "parquet", ".xlsx": "excel"}


def extras_of(config: Config, base: Path) -> list[str]:
    """Return the extras that a config needs, by name; paths start from ``base``.

    By where model and data come from, by the endings of the first files of a folder, and by what
    is told when the audit is done. What a model's own code imports is not looked at.
    """
    return sorted({*_of_model(config), *_of_data(config, base), *_of_completion(config)})


def _of_model(config: Config) -> Iterator[str]:
    for kind in ("timm", "hf"):
        if config.model.source.startswith(f"{kind}:"):
            yield kind
    if is_address(config.model.weights or ""):
        yield "remote"


def _of_data(config: Config, base: Path) -> Iterator[str]:
    source = config.data.source
    kind, _colon, rest = source.partition(":")
    if kind == "hf-dataset":
        yield "parquet"
    place = rest if kind in ("hf-dataset", "webdataset") else source
    if is_address(place):
        yield "remote"
    names = [place]
    if (base / place).is_dir():
        names += [path.name for path in islice((base / place).rglob("*"), LOOKED_AT)]
    for name in names:
        if (extra := OF_SUFFIX.get(Path(name).suffix.lower())) is not None:
            yield extra


def _of_completion(config: Config) -> Iterator[str]:
    told = config.completion
    yield from (name for name in ("mlflow", "wandb", "tensorboard") if getattr(told, name))
    if config.run.executor == "ray":
        yield "ray"
