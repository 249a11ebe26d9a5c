"""What a newcomer does wrong: one line, what to do, the documented exit code, no traceback."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
import yaml

from auditor.__main__ import run
from tests.pipeline.small import write_own_model_audit


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_model_audit(tmp_path_factory.mktemp("errors"))


def changed(audit: Path, tmp_path: Path, **changes: dict) -> Path:
    """Return the audit's config with changed sections, beside the original."""
    document = yaml.safe_load(audit.read_text())
    for section, values in changes.items():
        document[section] = {**document.get(section, {}), **values}
    path = audit.parent / f"{tmp_path.name}.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def fails(capsys: pytest.CaptureFixture[str], code: int, *arguments: object) -> str:
    assert run([str(argument) for argument in arguments]) == code
    message = capsys.readouterr().err
    assert "Traceback" not in message
    errors = [line for line in message.splitlines() if line.startswith("auditor: ")]
    assert len(errors) == 1
    return errors[0]


def test_no_such_config(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "No such file" in fails(capsys, 2, "run", tmp_path / "none.yaml")


def test_nothing_to_audit(capsys: pytest.CaptureFixture[str]) -> None:
    assert "auditor demo" in fails(capsys, 2, "run")


def test_unknown_key(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("model: {source: x, weigths: y}\ndata: {source: z}\n")
    message = fails(capsys, 2, "run", path)
    assert f"{path}:1" in message
    assert "Did you mean 'weights'?" in message


def test_no_such_data(capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path) -> None:
    config = changed(audit, tmp_path, data={"source": "nowhere"})
    assert "nowhere" in fails(capsys, 3, "run", config, "--out", tmp_path)


def test_folder_without_images(
    capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty" / "cat").mkdir(parents=True)
    config = changed(audit, tmp_path, data={"source": str(tmp_path / "empty")})
    assert "image" in fails(capsys, 3, "run", config, "--out", tmp_path)


def test_label_without_output(
    capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path
) -> None:
    config = changed(audit, tmp_path, model={"classes": ["cat", "dog", "zebra"]})
    message = fails(capsys, 3, "run", config, "--out", tmp_path)
    assert "horse" in message
    assert "zebra" in message


def test_checkpoint_that_does_not_fit(
    capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path
) -> None:
    torch.save({"0.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "other.pt")
    config = changed(audit, tmp_path, model={"weights": str(tmp_path / "other.pt")})
    assert "0.weight" in fails(capsys, 3, "run", config, "--out", tmp_path)


class Bomb:
    def __reduce__(self) -> tuple:
        return (print, ("code of the checkpoint ran",))


def test_pickle_that_is_no_state_dict(
    capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path
) -> None:
    (tmp_path / "bomb.pt").write_bytes(pickle.dumps(Bomb()))
    config = changed(audit, tmp_path, model={"weights": str(tmp_path / "bomb.pt")})
    message = fails(capsys, 3, "run", config, "--out", tmp_path)
    assert "state_dict" in message
    assert "weights_only=False" not in message


def test_unknown_layer(capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path) -> None:
    message = fails(capsys, 2, "run", audit, "--layer", "features.99", "--out", tmp_path)
    assert "features.99" in message


def test_unknown_class(capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path) -> None:
    message = fails(capsys, 2, "run", audit, "--class", "hors", "--out", tmp_path)
    assert "Did you mean 'horse'?" in message


def test_model_that_torch_cannot_export(
    capsys: pytest.CaptureFixture[str], audit: Path, tmp_path: Path
) -> None:
    (tmp_path / "odd.py").write_text(
        "from torch import nn\n"
        "class Odd(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.head = nn.Linear(3, 3)\n"
        "    def forward(self, x):\n"
        "        y = x.mean((2, 3))\n"
        "        return self.head(y) if y.sum().item() > 0 else self.head(-y)\n"
        "def build():\n"
        "    return Odd()\n"
    )
    config = changed(
        audit,
        tmp_path,
        model={"source": str(tmp_path / "odd.py:build"), "weights": None, "options": {}},
    )
    message = fails(capsys, 3, "run", config, "--out", tmp_path)
    assert "odd.py, line 8" in message
    assert "torch.where" in message


def test_missing_pango_keeps_the_html(
    capsys: pytest.CaptureFixture[str],
    audit: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = tmp_path / "path" / "weasyprint"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise OSError(\"cannot load library 'libpango-1.0-0'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "path"))
    message = fails(capsys, 4, "run", audit, "--out", tmp_path / "runs")
    assert "ango" in message
    (folder,) = (tmp_path / "runs").glob("*/")
    assert (folder / "report.html").is_file()
    assert not (folder / "report.pdf").exists()


def test_render_of_a_folder_that_is_no_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert "manifest.json" in fails(capsys, 5, "render", tmp_path)
