"""The doctor works without what it looks for, and says what fixes it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli import machine as doctor
from auditor.cli.machine import Checked, examine


def by_name(checks: list[Checked]) -> dict[str, Checked]:
    return {check.name: check for check in checks}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, str]]:
    """Answers of the processes that the doctor asks, by a word of their code."""
    told = {"import torch;": (0, ""), "import torch": (0, ""), "weasyprint": (0, "70.0")}

    def asked(code: str) -> tuple[int, str]:
        return next((answer for word, answer in told.items() if word in code), (0, ""))

    monkeypatch.setattr(doctor, "_asked", asked)
    return told


def test_everything_is_named_and_what_is_missing_has_a_remedy(
    tmp_path: Path, answers: dict[str, tuple[int, str]]
) -> None:
    answers["weasyprint"] = (1, "OSError: cannot load library 'libpango-1.0-0'")
    found = by_name(list(examine(tmp_path / "runs")))
    for name in ("Python", "torch", "CUDA", "Pango (PDF)", "fonts (PDF)", "disk", "memory"):
        assert name in found
    assert {"folder of the runs", "weights cache", "extras"} <= set(found)
    assert all(check.fix for check in found.values() if check.state == "fault")
    assert found["Pango (PDF)"].state == "fault"
    assert "apt install libpango-1.0-0" in found["Pango (PDF)"].fix
    assert not (tmp_path / "runs").exists()


def test_a_package_that_is_missing_or_old_is_named(
    tmp_path: Path, answers: dict[str, tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "torch":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "pillow" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = by_name(list(examine(tmp_path)))
    assert found["torch"].state == "fault"
    assert found["torch"].fix.startswith("python -m pip install 'torch")
    assert "2.10" in found["torch"].fix
    assert found["pillow"].found.startswith("0.1, where >=10.3 is needed")


@pytest.mark.parametrize(
    ("version", "asked", "fits"),
    [
        ("2.10.0+cpu", ">=2.10,<2.15", True),
        ("2.9.1", ">=2.10,<2.15", False),
        ("2.15", "<2.15,>=2.10", False),
        ("70.0", ">=70,<71", True),
        ("1.0", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, asked: str, fits: bool) -> None:
    assert doctor._fits(version, asked) is fits


def test_too_little_disk_or_memory_is_a_fault(
    tmp_path: Path, answers: dict[str, tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "LEAST_DISK", 10**18)
    monkeypatch.setattr(doctor, "LEAST_MEMORY", 10**18)
    found = by_name(list(examine(tmp_path)))
    assert (found["disk"].state, found["memory"].state) == ("fault", "fault")


def test_without_torch_the_command_still_answers(tmp_path: Path) -> None:
    folder = tmp_path / "path"
    for name in ("torch", "numpy", "pydantic"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text("raise ImportError('broken on purpose')\n")
    path = os.pathsep.join([str(folder), str(Path.cwd())])
    done = subprocess.run(
        [sys.executable, "-m", "auditor", "doctor", "--json", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 3
    found = {check["name"]: check for check in json.loads(done.stdout)}
    assert "broken on purpose" in found["torch"]["found"]
    assert "pip install" in found["torch"]["fix"]
    assert "fix this before an audit: torch" in done.stderr
