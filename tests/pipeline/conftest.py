"""Settings of the tests of whole commands."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.pipeline.small import write_own_model_audit
from tests.pipeline.tiny import ENVIRONMENT, LEAN, result_in


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time each cost of a check by one run of it, where no test asks how well it is timed."""
    from auditor.cli.check import rates

    monkeypatch.setattr(rates, "MOST_REPEATS", 1)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], str]:
    """Return the command of an audit that searches its classes, and the digest of its result."""
    folder = tmp_path_factory.mktemp("searched")
    config = write_own_model_audit(
        folder,
        per_class=20,
        audit=LEAN | {"shard": 16},
        shortcuts={"per_class": 2, "permutations": 200},
        report={"formats": ["html"]},
    )
    command = [sys.executable, "-m", "auditor", "run", str(config), "--quiet"]
    subprocess.run([*command, "--out", str(folder / "alone")], check=True, env=ENVIRONMENT)
    return command, result_in(folder / "alone")
