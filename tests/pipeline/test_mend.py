"""A mark that a model goes by is taken out of its weights, and the next audit proves it."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import load_file, save_file

from auditor.__main__ import run
from auditor.causal.mend import Effect, improves
from auditor.pipeline import mending
from auditor.records.part import Interval
from auditor.records.shortcuts import Factors, GlobalFactor
from auditor.shortcuts.statistics import wilson
from auditor.shortcuts.whole_pictures.surround_looks import CONTEXT
from tests.pipeline.tiny import TINY

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.see = nn.Conv2d(3, 4, 1)
        self.relu = nn.ReLU()
        self.head = nn.Linear(4, 3)

    def forward(self, images):
        maps = self.relu(self.see(images))
        return self.head(torch.cat([maps[:, :3].mean((2, 3)), maps[:, 3:].amax((2, 3))], 1))


def build():
    return Net()
"""
CLASSES = ("red", "green", "blue")


def write_weights(path: Path) -> None:
    """Class k by the mean of colour k, red also by the brightest pixel."""
    see = torch.cat([torch.eye(3), torch.ones(1, 3)])[..., None, None]
    head = torch.cat([20 * torch.eye(3), torch.zeros(3, 1)], dim=1)
    head[0, 3] = 6.0
    state = {
        "see.weight": see,
        "see.bias": torch.tensor([0, 0, 0, -2.2]),
        "head.weight": head,
        "head.bias": torch.zeros(3),
    }
    save_file({name: value.contiguous() for name, value in state.items()}, path)


def write_pictures(folder: Path) -> None:
    """Noise tinted by class; 70 % of red carry a white mark, lower right."""
    rng = np.random.default_rng(0)
    for kind, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for index in range(40):
            shown = rng.uniform(0.2, 0.5, (32, 32, 3))
            shown[..., kind] += 0.1
            if kind == 0 and index % 10 < 7:
                shown[24:29, 24:29] = 1.0
            pixels = np.rint(255 * np.clip(shown, 0, 1)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:02d}.png")


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the config of an audit that finds the mark, and its run."""
    folder = tmp_path_factory.mktemp("mend")
    (folder / "net.py").write_text(NET)
    write_weights(folder / "net.safetensors")
    write_pictures(folder / "photos")
    document = {
        "version": 1,
        "project": {"name": "net"},
        "model": {
            "source": "net.py:build",
            "weights": "net.safetensors",
            "classes": list(CLASSES),
        },
        "preprocess": {"resize": [32, 32], "scale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]},
        "data": {"source": "photos"},
        "audit": TINY | {"layers": ["relu"], "classes": ["red"]},
        "shortcuts": {"proposals": ["P1"], "per_class": 1, "permutations": 500},
        "report": {"formats": ["html"]},
    }
    config = folder / "net.yaml"
    config.write_text(yaml.safe_dump(document))
    return config, audit(config, folder / "runs")


def audit(config: Path, out: Path, *options: str) -> Path:
    assert run(["run", str(config), "--out", str(out), "--quiet", *options]) == 0
    (run_folder,) = (path.parent for path in out.glob("*/audit.json"))
    return run_folder


def flips(run_folder: Path) -> float:
    """Return the largest flip excess of a finding of the run, 0 without any."""
    findings = json.loads((run_folder / "audit.json").read_text())["findings"]
    return max((each["evidence"]["flip_excess"]["effect"] for each in findings), default=0.0)


def test_the_mended_model_no_longer_goes_by_the_mark(
    audited: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, before = audited
    assert flips(before) > 0.5
    weights = tmp_path / "the mended.safetensors"
    code = run(["mend", str(config), str(before), "--finding", "F1", "--out", str(weights)])
    said = capsys.readouterr()
    assert (code, said.out.strip()) == (0, str(weights))
    assert shlex.join(["auditor", "run", str(config), "--weights", str(weights)]) in said.err
    assert "chosen by the pictures that it is measured on" in said.err
    state = load_file(weights)
    old = load_file(config.parent / "net.safetensors")
    assert {name: value.shape for name, value in state.items()} == {
        name: value.shape for name, value in old.items()
    }
    assert abs(state["head.weight"][0, 3]) < 0.5 * old["head.weight"][0, 3]
    after = audit(config, tmp_path / "runs", "--weights", str(weights))
    assert flips(after) < 0.1
    performance = json.loads((after / "audit.json").read_text())["performance"]
    assert performance["accuracy"]["value"] > 0.95


@pytest.mark.parametrize(
    ("finding", "out", "code", "said"),
    [
        ("F9", "new.safetensors", 2, "finding of this run"),
        ("F1", "new.pt", 2, "must end in .safetensors"),
        ("F1", "net.safetensors", 2, "exists: name a new file"),
    ],
)
def test_what_cannot_be_mended_is_said_in_a_sentence(
    audited: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    finding: str,
    out: str,
    code: int,
    said: str,
) -> None:
    config, before = audited
    target = config.parent / out
    assert (
        run(["mend", str(config), str(before), "--finding", finding, "--out", str(target)]) == code
    )
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("model", "weights", "other.safetensors", "with other weights"),
        ("preprocess", "scale", 2, "with another preprocessing"),
        ("data", "limit", 100, "on other data"),
    ],
)
def test_the_run_has_to_be_of_this_very_model_and_its_data(
    audited: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    section: str,
    key: str,
    value: object,
    said: str,
) -> None:
    config, before = audited
    state = load_file(config.parent / "net.safetensors")
    state["head.weight"][1, 1] += 1.0
    save_file(state, config.parent / "other.safetensors")
    changed = yaml.safe_load(config.read_text())
    changed[section][key] = value
    other = config.parent / "other.yaml"
    other.write_text(yaml.safe_dump(changed))
    arguments = ["--finding", "F1", "--out", str(tmp_path / "m.safetensors")]
    assert run(["mend", str(other), str(before), *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("stage", mending.KEPT)
def test_a_changed_file_of_the_run_is_named_before_it_is_read(
    audited: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    config, before = audited
    damaged = Path(shutil.copytree(before, tmp_path / "run"))
    file = max((damaged / "stages" / stage).glob("*.npy"), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    arguments = ["--finding", "F1", "--out", str(tmp_path / "m.safetensors")]
    assert run(["mend", str(config), str(damaged), *arguments]) == 5
    assert f"{stage}/{file.name} is damaged" in capsys.readouterr().err


def test_what_is_no_region_is_refused_in_a_sentence(
    audited: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config, before = audited
    result = mending.read_result(before)
    context = result.findings[0].model_copy(update={"kind": CONTEXT})
    factor = GlobalFactor.model_construct(id="brightness-0")
    factors = Factors.model_construct(factors=(factor,))
    changed = result.model_copy(update={"findings": [context], "factors": factors})
    monkeypatch.setattr(mending, "read_result", lambda _run: changed)
    for finding, what in (("F1", "the surroundings"), ("brightness-0", "a statistic of whole")):
        arguments = ["--finding", finding, "--out", str(tmp_path / "m.safetensors")]
        assert run(["mend", str(config), str(before), *arguments]) == 2
        assert f"{finding} is {what}" in capsys.readouterr().err


def effect(turned: Interval, own: Interval, every: Interval) -> Effect:
    return Effect(turned=turned, control=wilson(0, 100), own=own, every=every)


BEFORE = effect(wilson(70, 100), wilson(50, 50), wilson(190, 200))


@pytest.mark.parametrize(
    ("after", "best", "better"),
    [
        (effect(wilson(10, 100), wilson(50, 50), wilson(190, 200)), None, True),
        (effect(wilson(10, 100), wilson(49, 50), wilson(186, 200)), None, True),
        # Fewer, but not clearly: the intervals overlap.
        (effect(wilson(60, 100), wilson(50, 50), wilson(190, 200)), None, False),
        # More than 2 points of all classes, of its own, or of nobody knows how many.
        (effect(wilson(10, 100), wilson(50, 50), wilson(185, 200)), None, False),
        (effect(wilson(10, 100), wilson(48, 50), wilson(199, 200)), None, False),
        (effect(wilson(10, 100), wilson(0, 0), wilson(190, 200)), None, False),
        # Against the best so far the share alone counts.
        (effect(wilson(10, 100), wilson(50, 50), wilson(190, 200)), 11, True),
        (effect(wilson(10, 100), wilson(50, 50), wilson(190, 200)), 10, False),
    ],
)
def test_a_way_counts_that_clearly_turns_fewer_and_keeps_both_accuracies(
    after: Effect, best: int | None, better: bool
) -> None:
    known = None if best is None else effect(wilson(best, 100), BEFORE.own, BEFORE.every)
    assert improves(BEFORE, after, known) is better
