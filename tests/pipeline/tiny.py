"""A tiny audit whose model and data are loaded once, for tests that start it many times."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from auditor.__main__ import run as auditor
from auditor.pipeline import audit as pipeline
from auditor.run.storage import file_digest
from tests.pipeline.small import write_own_model_audit

# As little as there can be of everything, and of what takes longest nothing.
LEAN = {
    "references": 1, "class_references": 1, "concepts": 1, "atlas_samples": 1, "composition": 1,
    "flipping_images": 2, "component_samples": 2, "layers": ["4"], "shard": 8, "batch": 8,
}  # fmt: skip
TINY = LEAN | {"strategies": 0, "mistakes": 0}
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}
AS_OPTIONS = [part for key, value in TINY.items() for part in ("--set", f"audit.{key}={value}")]


def write_tiny_audit(folder: Path) -> Path:
    """Lay out the tiny audit, which has a gate; return its config."""
    return write_own_model_audit(
        folder,
        per_class=5,
        audit=TINY,
        shortcuts={"per_class": 1, "total": 1, "permutations": 200},
        report={"formats": ["html"]},
        targets={"accuracy": 0.1},
        policy={"fail_on": "never", "require_complete": False},
    )


@contextmanager
def loaded_once() -> Iterator[None]:
    """Load model and data for the first start only, and fix the time."""
    patch = pytest.MonkeyPatch()
    patch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    for name in ("load_subject", "make_explainer"):
        patch.setattr(pipeline, name, _once(getattr(pipeline, name)))
    try:
        yield
    finally:
        patch.undo()


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    found: list[Any] = []

    def called(*arguments: Any) -> Any:
        if not found:
            found.append(function(*arguments))
        return found[0]

    return called


def run(config: Path, out: Path, *options: str) -> int:
    """Start the audit and return its exit code."""
    return auditor(["run", str(config), "--out", str(out), "--quiet", *options])


def result_in(out: Path) -> str:
    """Return the digest of the result of the only run in a folder."""
    (folder,) = out.glob("*/")
    return file_digest(folder / "audit.json")


def digests(folder: Path) -> dict[str, str]:
    """Return name -> digest of all that two runs of one audit have alike."""
    names = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    apart = ("manifest.json",)  # the seconds of the stages
    return {
        name: file_digest(path)
        for name, path in names.items()
        if path.is_file() and name not in apart
    }
