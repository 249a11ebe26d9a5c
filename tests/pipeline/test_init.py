"""``auditor init``: a config that runs as it is written, filled in from model and data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from auditor.config.audit import load_config
from tests.pipeline.small import write_images, write_model


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_model(folder, 3)
    write_images(folder / "photos" / "val", ["cat", "dog", "horse"], 8)
    return folder


GIVEN = [
    "--model",
    "my_model.py:build",
    "--weights",
    "my_model.safetensors",
    "--data",
    "photos/val",
]


def test_the_config_holds_what_model_and_data_say(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert run(["init", *GIVEN, "--preset", "quick", "--ci", "cron", "--ci", "github"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "audit.yaml"
    assert "auditor check audit.yaml" in shown.err
    assert "these may have too few, which the gate calls INCOMPLETE: cat (8)" in shown.err
    config = load_config(project / "audit.yaml")
    assert config.project.name == "my_model"
    assert config.model.classes == ["cat", "dog", "horse"]
    assert config.model.weights == "my_model.safetensors"
    assert config.audit.layers == ["0", "5"]
    assert (config.audit.preset, config.audit.concepts) == ("quick", 3)
    # The model was trained on pixels from -1 to 1: of the usual ways this one fits.
    assert config.preprocess.resize == (64, 64)
    assert (config.preprocess.mean, config.preprocess.std) == ((0.5,) * 3, (0.5,) * 3)
    assert config.gated
    text = (project / "audit.yaml").read_text()
    assert "CHECK, this is the data's order" in text
    assert "# accuracy on 24 images by preprocessing and order of channels:\n" in text
    assert re.search(r"# 0 to 1 +[\d.]{4}  [\d.]{4}\n", text)
    assert re.search(r"# -1 to 1 +1.00  [\d.]{4}\n", text)
    assert re.search(
        r"and by order of labels: as matched .*: 1.00, the best assign.*: 1.00\n", text
    )
    assert "accuracy on 24 images by preprocessing" in shown.err
    assert "and by size: 64 x 64: " in text
    assert text.count("#") > 20
    workflow = (project / ".github/workflows/model-audit.yml").read_text()
    assert "auditor run audit.yaml" in workflow
    assert (project / "model-audit.sh").stat().st_mode & 0o111


def test_nothing_is_replaced_without_force(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    (project / "mine.yaml").write_text("mine")
    assert run(["init", *GIVEN, "--to", "mine.yaml"]) == 2
    assert "mine.yaml exists already" in capsys.readouterr().err
    assert (project / "mine.yaml").read_text() == "mine"
    assert run(["init", *GIVEN, "--to", "mine.yaml", "--force", "--quiet"]) == 0
    assert isinstance(yaml.safe_load((project / "mine.yaml").read_text()), dict)


def test_files_of_a_job_for_a_config_that_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--ci", "gitlab"]) == 2
    assert "audit.yaml does not" in capsys.readouterr().err
    (tmp_path / "audit.yaml").write_text("model: {source: a:b}\ndata: {source: c}\n")
    assert run(["init", "--ci", "gitlab", "--ci", "airflow"]) == 0
    assert (tmp_path / "model-audit.gitlab-ci.yml").is_file()
    assert (tmp_path / "model_audit_dag.py").is_file()


def test_paths_are_seen_from_the_config(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(project)
    (project / "audits").mkdir()
    assert run(["init", *GIVEN, "--to", "audits/a.yaml", "--quiet"]) == 0
    config = load_config(project / "audits" / "a.yaml")
    assert config.model.source == "../my_model.py:build"
    assert config.model.weights == "../my_model.safetensors"
    assert config.data.source == "../photos/val"
