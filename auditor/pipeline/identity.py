"""What a run is the audit of: everything that can change a number or a stored picture.

Two commands with one identity are one audit, which goes on in one folder. Where files lie is no
part of it: what they hold is.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import features

import auditor
from auditor.base.errors import IntegrityError
from auditor.config.audit import NOT_EVIDENCE, Config
from auditor.pipeline.device_class import device_class
from auditor.relevance.explainer import Explainer
from auditor.review.keep.runs import run_folders
from auditor.run.folder import digest_of
from auditor.run.manifest import read_manifest
from auditor.subject import Subject
from auditor.subject.digests import value_digest

# Packages that compute something of an audit, or decode its pictures.
COMPUTING = (
    "torch", "torchvision", "numpy", "scipy", "pandas", "scikit-image", "scikit-learn", "pillow",
)  # fmt: skip
CODECS = ("libjpeg_turbo", "jpg", "jpg_2000", "libtiff", "webp", "avif")
# Keys that say where something lies; what lies there is digested.
PLACES = {
    "model": ("source", "weights"),
    "data": ("source", "masks"),
    "audit": ("units", "names_model", "names_vocabulary"),
}
PARTS = {
    "config": "with another configuration",
    "layers": "at other layers",
    "plugins": "with other plug-ins",
    "model": "with other weights or other code of the model",
    "preprocessing": "with another preprocessing",
    "data": "on other data",
    "units": "with other directions",
    "versions": "with other packages",
    "device": "on another machine",
}


def identity_of(
    config: Config,
    subject: Subject,
    explainer: Explainer,
    layers: Sequence[str],
    plugins: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what identifies an audit, by part, as plain JSON values."""
    return {
        "config": digest_of(_configured(config)),
        "layers": list(layers),
        **subject_identity(subject, explainer),
        "versions": versions(),
        "device": device_class(subject.device),
    } | ({"plugins": dict(plugins)} if plugins else {})


def subject_identity(subject: Subject, explainer: Explainer) -> dict[str, str]:
    """Return the parts of an identity that say which model is audited on which data."""
    units = value_digest({layer: each.digest for layer, each in subject.dictionaries.items()})
    return {
        "model": model_identity(subject, explainer),
        "preprocessing": value_digest(subject.preprocessing),
        "data": value_digest([subject.data_digest, subject.manifest]),
    } | ({"units": units} if subject.dictionaries else {})


def model_identity(subject: Subject, explainer: Explainer) -> str:
    """Return what identifies a model: its parameters and buffers, and the program that runs."""
    return digest_of({"weights": subject.weights_digest, "program": explainer.program})


def versions() -> dict[str, str]:
    """Return the versions of everything that computes or decodes."""
    python = ".".join(platform.python_version_tuple()[:2])
    packages = {name: importlib.metadata.version(name) for name in COMPUTING}
    codecs = {name: features.version(name) for name in CODECS}
    found = {name: version for name, version in codecs.items() if version is not None}
    return {"concept-auditor": auditor.__version__, "python": python} | packages | found


def begun_otherwise(out: Path, name: str, identity: Mapping[str, Any]) -> str | None:
    """Say in one line why the newest run of a project in ``out`` is not gone on with.

    None where one is gone on with, where there is none, or where the newest is finished and of
    something else.
    """
    earlier = [(path, manifest) for path, manifest in _runs(out) if manifest.get("name") == name]
    if not earlier or any(manifest["identity"] == identity for _, manifest in earlier):
        return None
    path, manifest = earlier[-1]
    begun = manifest["identity"]
    differing = [part for part in PARTS if begun.get(part) != identity.get(part)]
    if manifest.get("status") != "running" and not set(differing) <= {"versions", "device"}:
        return None
    why = " and ".join(_in_words(part, begun.get(part), identity.get(part)) for part in differing)
    return f"{path} was begun {why}: starting anew"


def _runs(out: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the runs that say what they are of, oldest first."""
    for path in run_folders(out) if out.is_dir() else ():
        try:
            manifest = read_manifest(path)
        except IntegrityError:
            continue
        if isinstance(manifest.get("identity"), dict):
            yield path, manifest


def _configured(config: Config) -> dict[str, Any]:
    """Return the keys that are evidence, without those that say where something lies."""
    document = config.model_dump(mode="json", exclude={"report", "project", *NOT_EVIDENCE})
    for section, keys in PLACES.items():
        document[section] = {k: v for k, v in document[section].items() if k not in keys}
    if isinstance(config.model.classes, str):
        del document["model"]["classes"]  # a file: the names in it are part of the data
    return document | {"project": config.project.name}


def _in_words(part: str, before: Any, now: Any) -> str:
    if not (isinstance(before, Mapping) and isinstance(now, Mapping)):
        return PARTS[part]
    return f"{PARTS[part]} ({'; '.join(_changes(before, now))})"


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for key in sorted({*before, *now}):
        if before.get(key) != now.get(key):
            yield f"{key}: {before.get(key, 'none')} -> {now.get(key, 'none')}"
