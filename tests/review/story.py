"""The subject of the story: one validation set with a date stamp, and three models of it.

The first model was trained where only gravel is stamped, the second where every class is stamped
alike (the artefact is balanced, so it tells nothing), the third as the first, from another seed:
the artefact came back. All are audited on the same pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml
from safetensors.torch import save_file

from auditor.demo.photographs import STAMPED_SHARE, cut_crops
from auditor.demo.prepare import TRAINING_PER_CLASS, prepare_demo
from auditor.demo.stamp import stamp
from auditor.demo.training import train

POLICY = {"fail_on": "high", "fail_on_new": "medium", "decisions": "decisions.yaml"}


def write_story(folder: Path) -> dict[str, Path]:
    """Write data, models and configs; return config files: stamped, balanced and back."""
    prepare_demo(folder)
    _save(folder / "balanced.safetensors", balanced=True, seed=0)
    _save(folder / "back.safetensors", balanced=False, seed=1)
    document = yaml.safe_load((folder / "demo.yaml").read_text())
    configs = {}
    for version, (name, weights) in enumerate(
        (("stamped", "model"), ("balanced", "balanced"), ("back", "back")), start=1
    ):
        changed = document | {
            "project": document["project"] | {"model_version": f"{version}.0"},
            "model": document["model"] | {"weights": f"{weights}.safetensors"},
            "report": document["report"] | {"formats": ["html"]},
            "policy": POLICY,
        }
        configs[name] = folder / f"{name}.yaml"
        configs[name].write_text(yaml.safe_dump(changed))
    (folder / "decisions.yaml").write_text("version: 1\ndecisions:\n")
    return configs


def _save(path: Path, *, balanced: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    crops = cut_crops("train", TRAINING_PER_CLASS, clean=balanced, rng=generator)
    images = crops.images
    if balanced:
        marked = generator.random(len(images)) < STAMPED_SHARE
        both = zip(images, marked, strict=True)
        images = np.stack([stamp(image, generator) if mark else image for image, mark in both])
    model = train(images, crops.labels, seed=seed)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
