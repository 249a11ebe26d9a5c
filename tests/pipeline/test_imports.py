"""What starts fast must not import what is slow."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "numpy", "pandas", "matplotlib", "sklearn", "weasyprint", "pydantic")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["demo", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; from auditor.__main__ import run\n"
        f"assert run({arguments!r}) == 0\n"
        f"assert not set({HEAVY!r}) & set(sys.modules), set({HEAVY!r}) & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_library_does_not_import_torch_until_it_is_used() -> None:
    code = "import sys, auditor; assert 'torch' not in sys.modules; auditor.Explainer"
    subprocess.run([sys.executable, "-c", code], check=True)
