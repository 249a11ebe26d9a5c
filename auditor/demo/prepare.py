"""Make the demo's folder: data, trained model, its source and the config of its audit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save
from torch import Tensor, nn

from auditor.base.errors import ConfigError
from auditor.base.progress import Step
from auditor.base.shipped import shipped
from auditor.demo.photographs import Crops
from auditor.demo.surface_net import build
from auditor.demo.training import predict, train
from auditor.demo.variants import VARIANTS, Variant
from auditor.run.storage import storage_error

MARKER = "demo.json"
FORMAT = 2
WEIGHTS = "model.safetensors"
TRAINING_PER_CLASS = 240
VALIDATION_PER_CLASS = 80
HERE = Path(__file__).parent


def prepare_demo(
    folder: Path,
    *,
    shortcut: str = "stamp",
    seed: int = 0,
    anew: bool = False,
    progress: Step | None = None,
) -> float:
    """Fill ``folder`` with the demo, or find the same demo there; return its validation accuracy.

    ``shortcut`` is the name of a variant. Its weights of seed 0 are shipped, so that everybody
    audits the same model; those of other seeds are trained, and with ``anew`` these too.
    ``progress`` is told of every epoch of training. A demo.yaml that you changed is kept.

    Raises:
        ConfigError: the folder holds something else, another demo, or a changed one.
        StorageError: the folder cannot be written now.
        DataError: scikit-image does not hold the photographs.
    """
    wanted = {
        "format": FORMAT,
        "shortcut": shortcut,
        "seed": seed,
        "trained": is_trained(seed, anew),
    }
    marker = _read_marker(folder, wanted)
    if marker is not None:
        _check_unchanged(folder, marker["files"])
        return float(marker["facts"]["accuracy"])
    try:
        return _make(folder, wanted, progress)
    except OSError as error:
        raise storage_error(folder, error) from error


def is_trained(seed: int, anew: bool) -> bool:
    """Say whether a demo's model is trained and not taken as shipped."""
    return anew or seed != 0


def _make(folder: Path, wanted: dict[str, Any], progress: Step | None) -> float:
    variant, seed = VARIANTS[wanted["shortcut"]], wanted["seed"]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / MARKER, json.dumps(wanted | {"finished": False}).encode())
    rng = np.random.default_rng(seed)
    training = variant.draw("train", TRAINING_PER_CLASS, rng)
    validation = variant.draw("val", VALIDATION_PER_CLASS, rng)
    files = _write_crops(folder / "data" / "train", training, variant.classes)
    files += _write_crops(folder / "data" / "val", validation, variant.classes)
    if validation.masks is not None:
        shown = replace(validation, images=255 * validation.masks.astype(np.uint8))
        files += _write_crops(folder / "data" / "masks", shown, variant.classes)
    weights = HERE / "weights" / f"{wanted['shortcut']}.safetensors"
    if wanted["trained"]:
        model = train(training.images, training.labels, seed=seed, progress=progress)
        _write(folder / WEIGHTS, save(state_of(model)))
    else:
        model = build()
        model.load_state_dict(load_file(weights))
        _write(folder / WEIGHTS, weights.read_bytes())
    _write(folder / "surface_net.py", (HERE / "surface_net.py").read_bytes())
    _write(folder / "demo.yaml", _config_text(variant).encode())
    files += [folder / WEIGHTS, folder / "surface_net.py"]
    predictions = predict(model.eval(), validation.images).argmax(1)
    accuracy = float((predictions == validation.labels).mean())
    digests = {path.relative_to(folder).as_posix(): _digest(path) for path in files}
    marker = wanted | {"finished": True, "facts": {"accuracy": accuracy}, "files": digests}
    _write(folder / MARKER, json.dumps(marker, indent=1).encode())
    return accuracy


def state_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the weights of a model as they are written."""
    return {name: value.contiguous() for name, value in model.state_dict().items()}


def _write_crops(folder: Path, crops: Crops, classes: Sequence[str]) -> list[Path]:
    written = []
    for row, (image, label) in enumerate(zip(crops.images, crops.labels, strict=True)):
        path = folder / classes[label] / f"{classes[label]}_{row % 1000:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        written.append(path)
    return written


def _config_text(variant: Variant) -> str:
    """Return the sample config of the demo with the changes of a variant."""
    text = shipped("sample_configs/demo.yaml").read_text(encoding="utf-8")
    for old, new in variant.changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _read_marker(folder: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the marker of the finished demo ``wanted``, None when it is still to be made."""
    path = folder / MARKER
    if not path.is_file():
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise ConfigError(
                f"'{folder}' is not empty and holds no demo. Name an empty or a new folder."
            )
        return None
    try:
        marker = json.loads(path.read_text(encoding="utf-8"))
        held = {key: marker[key] for key in wanted}
        finished = bool(marker["finished"])
        complete = not finished or ("facts" in marker and "files" in marker)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"'{path}' is damaged. Delete '{folder}' or name a new folder."
        ) from error
    if held["format"] != FORMAT or not complete:
        raise ConfigError(
            f"'{folder}' holds the demo of another version. Name another folder, or delete it."
        )
    if held != wanted:
        raise ConfigError(
            f"'{folder}' holds the demo {_asked(held)}, and not {_asked(wanted)}. Name another "
            "folder, or delete it."
        )
    return marker if finished else None


def _asked(demo: Mapping[str, Any]) -> str:
    """Return the options that a demo is asked for with."""
    train = " --train" if demo["trained"] and demo["seed"] == 0 else ""
    return f"--shortcut {demo['shortcut']} --seed {demo['seed']}{train}"


def _check_unchanged(folder: Path, files: dict[str, str]) -> None:
    for name, digest in files.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            state = "was changed" if path.is_file() else "is missing"
            raise ConfigError(
                f"'{path}' {state} since the demo was made. Audit the folder as it is with "
                f"`auditor run {folder / 'demo.yaml'}`, or name a new folder for a fresh demo."
            )
    if not (folder / "demo.yaml").is_file():
        raise ConfigError(f"'{folder / 'demo.yaml'}' is missing. Name a new folder for the demo.")


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
