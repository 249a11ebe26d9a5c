"""Make the demo's folder: data, trained model, its source and the config of its audit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.torch import save_file

from auditor.base.errors import ConfigError
from auditor.base.progress import Step
from auditor.base.shipped import shipped
from auditor.demo.photographs import CLASSES, Crops, cut_crops
from auditor.demo.training import predict, train
from auditor.run.storage import storage_error

MARKER = "demo.json"
FORMAT = 1
TRAINING_PER_CLASS = 240
VALIDATION_PER_CLASS = 80
HERE = Path(__file__).parent


def prepare_demo(
    folder: Path,
    *,
    clean: bool = False,
    seed: int = 0,
    progress: Step | None = None,
) -> float:
    """Fill ``folder`` with the demo, or find the same demo there; return its validation accuracy.

    ``clean`` makes the twin whose gravel has no date stamps. ``progress`` is told of every epoch
    of training. A demo.yaml that you changed is kept.

    Raises:
        ConfigError: the folder holds something else, another demo, or a changed one.
        StorageError: the folder cannot be written now.
        DataError: scikit-image does not hold the photographs.
    """
    wanted = {"format": FORMAT, "clean": clean, "seed": seed}
    marker = _read_marker(folder, wanted)
    if marker is not None:
        _check_unchanged(folder, marker["files"])
        return float(marker["facts"]["accuracy"])
    try:
        return _make(folder, wanted, progress)
    except OSError as error:
        raise storage_error(folder, error) from error


def _make(folder: Path, wanted: dict[str, int], progress: Step | None) -> float:
    clean, seed = bool(wanted["clean"]), wanted["seed"]
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / MARKER, json.dumps(wanted | {"finished": False}).encode())
    rng = np.random.default_rng(seed)
    training = cut_crops("train", TRAINING_PER_CLASS, clean=clean, rng=rng)
    validation = cut_crops("val", VALIDATION_PER_CLASS, clean=clean, rng=rng)
    files = _write_crops(folder / "data" / "train", training)
    files += _write_crops(folder / "data" / "val", validation)
    model = train(training.images, training.labels, seed=seed, progress=progress)
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    partial = folder / "model.safetensors.partial"
    save_file(weights, partial)
    partial.replace(folder / "model.safetensors")
    _write(folder / "surface_net.py", (HERE / "surface_net.py").read_bytes())
    _write(folder / "demo.yaml", _config_text(clean).encode())
    files += [folder / "model.safetensors", folder / "surface_net.py"]
    accuracy = float((predict(model, validation.images).argmax(1) == validation.labels).mean())
    digests = {path.relative_to(folder).as_posix(): _digest(path) for path in files}
    marker = wanted | {"finished": True, "facts": {"accuracy": accuracy}, "files": digests}
    _write(folder / MARKER, json.dumps(marker, indent=1).encode())
    return accuracy


def _write_crops(folder: Path, crops: Crops) -> list[Path]:
    written = []
    for row, (image, label) in enumerate(zip(crops.images, crops.labels, strict=True)):
        path = folder / CLASSES[label] / f"{CLASSES[label]}_{row % 1000:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        written.append(path)
    return written


def _config_text(clean: bool) -> str:
    """Return the sample config of the demo, under the twin's name if it is ``clean``."""
    text = shipped("sample_configs/demo.yaml").read_text(encoding="utf-8")
    if not clean:
        return text
    named = text.replace('name: "surface-demo"', 'name: "surface-demo-clean"')
    return named.replace('"Surface inspection demo"', '"Surface inspection demo (clean twin)"')


def _read_marker(folder: Path, wanted: dict[str, int]) -> dict[str, Any] | None:
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
        held = {key: marker[key] for key in ("format", "clean", "seed")}
        finished = bool(marker["finished"])
        complete = not finished or ("facts" in marker and "files" in marker)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"'{path}' is damaged. Delete '{folder}' or name a new folder."
        ) from error
    if held != wanted or not complete:
        raise ConfigError(
            f"'{folder}' holds another demo (clean: {held['clean']}, seed: {held['seed']}, format "
            f"{held['format']}). Name another folder, or delete it."
        )
    return marker if finished else None


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
