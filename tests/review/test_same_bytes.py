"""Two runs of one config on one machine: the same bytes in audit.json and both reports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.review.keep.verify import verify
from tests.pipeline.small import write_own_model_audit

ROOT = Path(__file__).resolve().parents[2]
FILES = ("audit.json", "report.html", "report.pdf", "summary.json", "summary.md", "config.yaml")


def audited(folder: Path, hash_seed: str) -> Path:
    """Audit in a process and a folder of its own, with its own order of sets."""
    write_own_model_audit(folder, per_class=24)
    settings = {"PYTHONHASHSEED": hash_seed, "SOURCE_DATE_EPOCH": "1772409600"}
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "auditor", "run", "own_model.yaml", "--out", "runs", "--quiet"]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **settings, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.strip().splitlines()[-1]


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = audited(tmp_path / "one", "1"), audited(tmp_path / "two", "2")
    assert first != second
    differing = [
        name for name in FILES if (first / name).read_bytes() != (second / name).read_bytes()
    ]
    assert differing == []
    assert (first / "report.pdf").stat().st_size > 50_000
    for run in (first, second):
        found = verify(run)
        assert found.whole, (found.changed, found.missing, found.extra)
