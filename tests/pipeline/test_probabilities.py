"""Models that answer with probabilities, through the real commands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from tests.pipeline.small import write_own_model_audit

pytestmark = pytest.mark.usefixtures("hasty")

HEADS = """
from pathlib import Path

from safetensors.torch import load_file
from torch import nn

HEADS = {
    "ensemble": lambda a, b: (a.softmax(1) + b.softmax(1)) / 2,
    "clamped": lambda a, b: a.softmax(1).clamp(1e-6, 1 - 1e-6),
    "binary": lambda a, b: (a.softmax(1)[:, 1] + b.softmax(1)[:, 1]) / 2,
    "ordinal": lambda a, b: a.softmax(1).flip(1).cumsum(1).flip(1)[:, 1:],
    "log10": lambda a, b: a.softmax(1).log10(),
    "sigmoids": lambda a, b: (a.sigmoid() + b.sigmoid()) / 2,
}


class Pair(nn.Module):
    def __init__(self, head):
        super().__init__()
        from my_model import build

        self.a, self.b, self.head = build(), build(), HEADS[head]
        state = load_file(Path(__file__).with_name("my_model.safetensors"))
        self.a.load_state_dict(state)
        self.b.load_state_dict({key: (value * 1.1).to(value) for key, value in state.items()})

    def forward(self, x):
        return self.head(self.a(x), self.b(x))


def make(head):
    return Pair(head)
"""


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = write_own_model_audit(tmp_path_factory.mktemp("heads"), per_class=8)
    (path.parent / "heads.py").write_text(HEADS)
    document = yaml.safe_load(path.read_text())
    document["model"] = {"source": "heads.py:make"}
    path.write_text(yaml.safe_dump(document))
    return path


def asked(audit: Path, head: str, *more: str) -> list[str]:
    options = [f"model.options={{head: {head}}}", *more]
    return [str(audit), *(part for option in options for part in ("--set", option))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("head", "more", "note"),
    [
        ("ensemble", [], "their logarithms, less their mean over the outputs, are"),
        ("clamped", [], "the logits before them are"),
        ("binary", ["data.classes=[cat, dog]", "data.labels={cat: 0, dog: 1}"], "their log-odds"),
    ],
)
def test_probabilities_are_explained_and_it_is_said(
    audit: Path,
    head: str,
    more: list[str],
    note: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(audit.parent)
    command = ["check", *asked(audit, head, *more), "--images", "16", "--quiet"]
    assert run(command) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert note in shown
    assert "CONSERVES" in shown


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("ordinal", "cumulative probabilities"),
        ("sigmoids", "independent probabilities"),
        ("log10", "logarithms of probabilities to another base"),
    ],
)
def test_other_probabilities_are_refused_by_name(
    audit: Path,
    head: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(audit.parent)
    assert run(["check", *asked(audit, head), "--quiet"]) == 3
    assert f"the model's outputs are {words}" in capsys.readouterr().err
