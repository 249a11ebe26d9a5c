"""The command lets waiting threads sleep, unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SAY = (
    "import os, sys, auditor.__main__ as entry\n"
    "assert 'torch' not in sys.modules\n"
    "entry.run = lambda arguments: print(os.environ['OMP_WAIT_POLICY']) or 0\n"
    "entry.main()\n"
)


@pytest.mark.parametrize(("given", "expected"), [(None, "passive"), ("active", "active")])
def test_waiting_threads_sleep_unless_told_otherwise(given: str | None, expected: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    if given is not None:
        environment["OMP_WAIT_POLICY"] = given
    done = subprocess.run(
        [sys.executable, "-c", SAY], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
