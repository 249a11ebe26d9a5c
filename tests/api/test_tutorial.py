"""The tutorial notebook: it runs from top to bottom, and holds no outputs."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

PLACE = Path(__file__).resolve().parents[2] / "sample_configs" / "tutorial.ipynb"
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")


def test_it_is_kept_without_outputs() -> None:
    book = nbformat.read(PLACE, as_version=4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.slow
def test_it_runs_and_finds_the_stamp(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    book = nbformat.read(PLACE, as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Jupyter's own packages
        nbclient.NotebookClient(
            book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
        ).execute()
    shown = [
        str(data)
        for cell in book.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for data in output.get("data", {}).values()
    ]
    text = "\n".join(shown)
    assert "DO NOT USE YET" in text
    assert "gravel" in text
    assert "<Gate failed: DO NOT USE YET" in text
    assert "<Explanation of 1 images" in text
    assert any(data.startswith("<iframe srcdoc=") for data in shown)
    assert any("iVBOR" in data for data in shown)  # the heatmap, a PNG
