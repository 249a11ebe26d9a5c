"""A module of the user's own adds a proposal, a term and a causal test, all in the report."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from auditor.__main__ import run
from auditor.base.errors import ConfigError
from auditor.base.registry import Registry
from auditor.cli.options import config_of
from auditor.shortcuts.namers import NAMERS
from auditor.shortcuts.propose.proposals import PROPOSALS
from auditor.shortcuts.terms import TERMS
from auditor.shortcuts.tests import TESTS
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.tiny import TINY

PLUGIN = """
import numpy as np
import torch
from auditor.shortcuts.namers import NAMERS
from auditor.causal.pixels import blend, feathered
from auditor.causal.trial import least_effect
from auditor.shortcuts.tests import CausalTest, causal_test
from auditor.shortcuts.propose.proposals import Proposal, proposer, region_score
from auditor.shortcuts.terms import term


@proposer("middle")
def middle(view):
    masks = np.zeros(view.heat.shape, bool)
    masks[:, 20:44, 20:44] = True
    score = region_score(view.heat, masks, view.discovery)
    shape = "middle of the picture"
    return [Proposal(shape, masks, score, "the middle of the picture.", "shape")]


@term("too much in the middle", nothing=0.5, fully=1.0, weight=0.9, reason="It sits amidst.")
def too_much_in_the_middle(view):
    return 1.0


@NAMERS.register("bright or dark")
def bright_or_dark(pictures, masks):
    return "bright" if pictures[masks].mean() > 128 else "dark"


DARKENED = CausalTest(
    "darkened",
    kind="light",
    title="Darkened: images that leave the class",
    question="Made dark there: how many pictures are no longer recognised?",
    sentence="made dark, %(effect)s of the class's pictures leave it",
)


@causal_test(DARKENED)
def darkened(stage, trial, rng):
    region = trial.region
    rows = np.flatnonzero(~region.members.discovery)
    images = region.members.inputs[rows]
    left = []
    for masks in (region.masks, region.window):
        weights = feathered(torch.from_numpy(masks[rows]))
        logits = stage.probe.predict(blend(images, torch.zeros_like(images), weights))
        left.append((logits.argmax(axis=1) != region.members.output).astype(float))
    effects = {"another window of it": (left[0] - left[1])[:, None]}
    return least_effect(stage, DARKENED, effects, rng)
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test what its plug-in registered."""
    registries: tuple[Registry, ...] = (PROPOSALS, TERMS, TESTS, NAMERS)
    for registry in registries:
        assert len(registry)
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
        monkeypatch.setattr(registry, "_origins", dict(registry._origins))


def write_audit(folder: Path, *, proposals: list[str]) -> Path:
    shortcuts = {"proposals": proposals, "per_class": 1, "permutations": 200}
    report = {"formats": ["html"]}
    path = write_own_model_audit(
        folder, per_class=40, audit=TINY, shortcuts=shortcuts, report=report
    )
    (folder / "mine.py").write_text(PLUGIN)
    document = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(document | {"plugins": ["mine.py"]}))
    return path


def keep_one_patch(folder: Path) -> None:
    """Leave of each picture's stripes one patch: in the middle for cats, in a corner for others."""
    rng = np.random.default_rng(3)
    for name, start in (("cat", 20), ("dog", 0), ("horse", 40)):
        for path in (folder / "photos" / "val" / name).glob("*.png"):
            shown = np.asarray(Image.open(path))
            grey = np.clip(128 + rng.normal(0, 12, shown.shape), 0, 255).astype(np.uint8)
            patch = np.s_[start : start + 24, start : start + 24]
            grey[patch] = shown[patch]
            Image.fromarray(grey).save(path)


def test_what_a_plugin_registers_is_in_the_report(tmp_path: Path) -> None:
    path = write_audit(tmp_path, proposals=["middle"])
    keep_one_patch(tmp_path)
    document = yaml.safe_load(path.read_text())
    document["audit"]["concept_names"] = "bright or dark"
    path.write_text(yaml.safe_dump(document))
    assert run(["run", str(path), "--out", str(tmp_path / "runs"), "--quiet"]) == 0
    (folder,) = (tmp_path / "runs").glob("*/audit.json")
    findings = json.loads(folder.read_text())["findings"]
    found = [finding for finding in findings if finding["kind"] == "middle"]
    assert found
    assert found[0]["grade"] in ("A", "B")
    assert found[0]["shape"] == "middle of the picture"
    assert found[0]["terms"]["too much in the middle"] == 1.0
    assert found[0]["plausibility"] >= 0.9
    darkened = found[0]["evidence"]["darkened"]
    assert darkened["outcome"] in ("supports", "refutes", "inconclusive")
    assert darkened["n"] > 0
    assert 0 <= darkened["q"] <= 1
    named = [str(concept["seen"]) for concept in json.loads(folder.read_text())["concepts"]]
    assert named
    assert all("bright" in name or "dark" in name for name in named)
    text = (folder.parent / "report.html").read_text()
    assert "middle of the picture" in text
    assert "too much in the middle" in text
    assert "It sits amidst." in text
    assert "Darkened: images that leave the class" in text
    identity = json.loads((folder.parent / "manifest.json").read_text())["identity"]
    assert list(identity["plugins"]) == ["mine.py"]


def test_an_unknown_proposal_is_named_with_the_nearest_also_of_plugins(tmp_path: Path) -> None:
    path = write_audit(tmp_path, proposals=["P1", "midle"])
    with pytest.raises(ConfigError) as caught:
        config_of(path, {})
    message = str(caught.value)
    assert "'shortcuts.proposals' is ['P1', 'midle']: unknown proposal 'midle'." in message
    assert "Did you mean 'middle'? Known: P1, P1b, P1c" in message
    line = path.read_text().splitlines()[int(message.split(":")[1]) - 1]
    assert "proposals" in line
    path.write_text(path.read_text().replace("midle", "middle"))
    assert config_of(path, {})[0].shortcuts.proposals == ["P1", "middle"]


def test_a_plugin_that_cannot_be_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    path = write_audit(tmp_path, proposals=["middle"])
    (tmp_path / "mine.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ConfigError, match=r"'plugins' is \['mine\.py'\]: 'mine\.py' failed"):
        config_of(path, {})
    (tmp_path / "mine.py").unlink()
    with pytest.raises(ConfigError, match=r"the file 'mine\.py' was not found"):
        config_of(path, {})


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    path = write_audit(tmp_path, proposals=["middle"])
    (tmp_path / "mine.py").write_text(PLUGIN.replace('"middle"', '"P1"'))
    with pytest.raises(ConfigError, match="proposal 'P1' is registered twice"):
        config_of(path, {})


def test_one_module_that_registers_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = write_audit(tmp_path, proposals=["middle"])
    (tmp_path / "mine.py").write_text(PLUGIN)
    for _ in range(2):  # imported again, as by the check before a run
        assert config_of(path, {})[0].shortcuts.proposals == ["middle"]
    again = '@proposer("middle")\ndef middle(view):\n    return []\n'
    (tmp_path / "mine.py").write_text(f"{PLUGIN}\n\n{again}")
    with pytest.raises(ConfigError, match="proposal 'middle' is registered twice"):
        config_of(path, {})


def test_an_unknown_namer_of_concepts_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write_audit(tmp_path, proposals=["middle"])
    document = yaml.safe_load(path.read_text())
    document["audit"]["concept_names"] = "mesured"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(
        ConfigError, match=r"unknown namer of concepts 'mesured'\. Did you mean 'measured'"
    ):
        config_of(path, {})
