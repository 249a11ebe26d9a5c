"""What ``auditor init`` writes is what it tried: the same model and data pass check, and run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.__main__ import run
from auditor.config.audit import load_config
from tests.pipeline.small import write_images, write_model

OWN = ["--model", "my_model.py:build", "--weights", "my_model.safetensors"]
FITTED = [
    "preprocess.resize=[64, 64]",
    "preprocess.mean=[.5, .5, .5]",
    "preprocess.std=[.5, .5, .5]",
]
pytestmark = pytest.mark.usefixtures("hasty")

FACTORY = """
import shutil
from pathlib import Path

from PIL import Image


class Pictures:
    def __init__(self, folder, classes=None):
        self.files = sorted(Path(folder).glob("*/*.png"))
        names = sorted({file.parent.name for file in self.files})
        self.targets = [names.index(file.parent.name) for file in self.files]
        if classes:
            self.classes = classes

    def __len__(self):
        return len(self.files)

    def __getitem__(self, at):
        with Image.open(self.files[at]) as picture:
            return picture.convert("RGB"), self.targets[at]
"""
PROJECTS: dict[str, tuple[list[str], list[str]]] = {
    "folder": ([*OWN, "--data", "photos"], ["data.limit=24"]),
    "table": (
        [*OWN, "--data", "lists/images.csv"],
        ["data.columns={path: file, label: kind}", "data.metadata=[camera]", "audit.max_classes=2"],
    ),
    "numbers": (
        [*OWN, "--data", "lists/images.csv"],
        ["data.columns.path=file", "data.columns.label=number"],
    ),
    "factory": (
        [*OWN, "--data", "pictures.py:Pictures"],
        ["data.options={folder: photos, classes: [cat, dog, horse]}"],
    ),
    "timm": (
        ["--model", "timm:resnet18", "--data", "photos"],
        ["model.options={num_classes: 3}", "preprocess.resize=[64, 64]", "model.classes=names.txt"],
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    write_model(folder, 3)
    names = ["cat", "dog", "horse"]
    write_images(folder / "photos", names, 8)
    (folder / "pictures.py").write_text(FACTORY)
    (folder / "names.txt").write_text("cat\ndog\nhorse\n")
    rows = [
        f"photos/{name}/{at:02d}.png,{name},{number},{'AB'[at % 2]}"
        for number, name in enumerate(names)
        for at in range(8)
    ]
    (folder / "images.csv").write_text("\n".join(["file,kind,number,camera", *rows]) + "\n")
    (folder / "lists").mkdir()
    shutil.copy(folder / "images.csv", folder / "lists")
    shutil.copytree(folder / "photos", folder / "lists" / "photos")
    return folder


def options(settings: list[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def written(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let init write the config of a project, which has everything that init was told."""
    if name == "timm":
        pytest.importorskip("timm")
    monkeypatch.chdir(folder)
    given, settings = PROJECTS[name]
    settings = settings if name == "timm" else [*settings, *FITTED]
    target = folder / f"{name}.yaml"
    command = ["init", *given, *options(settings), "--to", target.name, "--preset", "quick"]
    assert run([*command, "--force", "--quiet"]) == 0
    document = yaml.safe_load(target.read_text())
    for setting in settings:
        key, _, text = setting.partition("=")
        assert at(document, key) == yaml.safe_load(text), setting
    return target


def at(document: Any, key: str) -> Any:
    for part in key.split("."):
        document = document[part]
    return document


QUICK = ("table", "numbers")
CHECKED = [pytest.param(p, marks=() if p in QUICK else pytest.mark.slow) for p in PROJECTS]


@pytest.mark.parametrize("name", CHECKED)
def test_init_then_check(
    project: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(project, name, monkeypatch)
    assert run(["check", str(path), "--images", "2", "--quiet"]) == 0, capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", PROJECTS)
def test_init_then_run(project: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(project, name, monkeypatch)
    smaller = ["shortcuts.enabled=false", "report.formats=[html]", "policy.require_complete=false"]
    out = ["--out", f"runs-{name}", "--quiet", "--exit-zero"]
    assert run(["run", str(path), *out, *options(smaller)]) == 0


GIVEN = {
    "project.name": "pumps - a trial",
    "project.owner": "Ana",
    "project.model_version": "v2",
    "model.device": "cpu",
    "data.classes": ["cat", "dog"],
    "data.labels": {"cat": 0, "dog": 1, "horse": 2},
    "preprocess.interpolation": "bicubic",
    "preprocess.crop": [60, 60],
    "audit.preset": "deep",
    "audit.layers": ["4"],
    "audit.seed": 7,
    "audit.epsilon": 1e-9,
    "audit.composite": {"base": "epsilon-plus-flat", "layers": {"4": "epsilon"}},
    "shortcuts.enabled": False,
    "shortcuts.per_class": 3,
    "report.formats": ["html"],
    "report.title": "Prüfbericht",
    "report.language": "de",
    "targets.accuracy": ">= 0.9",
    "policy.fail_on": "never",
    "policy.baseline": "latest",
    "completion.webhook_variable": "HOOK",
}  # fmt: skip


def test_every_key_that_was_given_stands_in_the_config(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    settings = [
        f"{key}={value if isinstance(value, str) else json.dumps(value)}"
        for key, value in GIVEN.items()
    ]
    settings.append("audit.epsilon=0.000000001")
    command = ["init", *OWN, "--data", "photos", *options(settings), "--to", "all.yaml", "--quiet"]
    assert run(command) == 0
    config = load_config(project / "all.yaml").model_dump(mode="json", exclude_unset=True)
    for key, value in GIVEN.items():
        assert at(config, key) == value, key


def test_paths_of_settings_are_seen_from_the_config(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "audits").mkdir()
    settings = options([*FITTED, "model.classes=names.txt"])
    command = ["init", *OWN, "--data", "photos", *settings, "--to", "audits/a.yaml", "--quiet"]
    assert run(command) == 0
    assert load_config(project / "audits" / "a.yaml").model.classes == "../names.txt"


def test_labels_in_another_order_are_proposed_and_pass(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    swapped = project / "swapped"
    swapped.mkdir()
    for old, new in (("cat", "zebra"), ("dog", "ape"), ("horse", "bear")):
        shutil.copytree(project / "photos" / old, swapped / new)
    command = ["init", *OWN, "--data", "swapped", *options(FITTED), "--to", "swapped.yaml"]
    assert run(command) == 0
    assert "the data contradicts it" in capsys.readouterr().err
    text = (project / "swapped.yaml").read_text()
    assert "# CHECK: the data's order gives accuracy 0." in text
    config = load_config(project / "swapped.yaml")
    assert config.data.labels == {"ape": 1, "bear": 2, "zebra": 0}
    assert config.model.classes is None
    assert run(["check", "swapped.yaml", "--images", "24", "--quiet"]) == 0


def test_images_of_which_none_can_be_read_are_an_error(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    for name in ("cat", "dog", "horse"):
        (project / "broken" / name).mkdir(parents=True)
        (project / "broken" / name / "a.png").write_bytes(b"no picture")
    assert run(["init", *OWN, "--data", "broken", "--to", "broken.yaml", "--quiet"]) == 3
    assert not (project / "broken.yaml").exists()
    assert "a.png" in capsys.readouterr().err
