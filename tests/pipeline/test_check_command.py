"""``auditor check`` as its user meets it: a report, JSON, and errors with an exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from auditor.__main__ import run
from auditor.cli.check.layout import percent, table
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.test_errors import changed, fails

pytestmark = pytest.mark.usefixtures("hasty")


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_model_audit(tmp_path_factory.mktemp("check"))


def test_the_report_says_what_an_engineer_asks(
    audit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(audit), "--images", "3"]) == 0
    out, err = capsys.readouterr()
    for part in (
        "of the explained logit arrives at the pixels",
        "What this means, and what to do",
        "How much of the explained logit arrives where",
        "Layers whose channels become the concepts",
        "Which rule ran where (composite epsilon-plus-flat",
        "Does it compute what it says?",
        "Every operation has a rule of its own.",
        "The whole audit of 36 images, 3 classes in depth",
        "ru_maxrss",
    ):
        assert part in out, part
    assert max(len(line) for line in out.splitlines()) <= 100
    assert sum(".png" in line for line in out.splitlines()) == 3
    assert "checking 3 images" in err


def test_all_shows_every_operation(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(audit), "--all", "--images", "1", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "f(x)/x" in out
    assert "--all shows" not in out
    assert not err


def test_json_is_the_whole_check(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(audit), "--json", "--images", "2", "--layer", "4"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"]["word"] in {"conserves", "absorbs", "creates"}
    assert [layer["layer"] for layer in found["layers"]] == ["4"]
    kept = sum(found["kept"].values())
    assert found["pixels"] + kept == pytest.approx(1, abs=1e-9)
    assert found["forward_difference"] < 1e-5
    assert found["estimate"]["images"] == 36
    assert found["cost"]["statistics"] > 0
    assert [cost["layer"] for cost in found["cost"]["heatmaps"]] == ["4"]
    assert found["cost"]["batch"] > 1
    assert all(image["path"].endswith(".png") for image in found["images"])


def test_options_alone_are_enough(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = audit.parent
    named = ["--model", f"{folder}/my_model.py:build", "--data", f"{folder}/photos/val"]
    weights = ["--weights", f"{folder}/my_model.safetensors"]
    assert run(["check", *named, *weights, "--images", "1"]) == 0
    assert "at the pixels" in capsys.readouterr().out


# Smooth pictures have logits, photographs do not.
BROKEN = """
import torch
from torch import nn

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.last = nn.Linear(3, 3)
    def forward(self, x):
        x = x + 1e-9 * torch.relu(self.first(x))
        rough = (x[..., 1:] - x[..., :-1]).abs().mean((2, 3))
        return self.last(torch.log(0.06 - rough))

def build():
    return Broken()
"""


def test_a_model_that_gives_nan_is_reported_and_refused(
    audit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    model = {"source": f"{tmp_path}/broken.py:build", "weights": None, "options": {}}
    config = changed(audit, tmp_path, model=model)
    assert run(["check", str(config)]) == 3
    out, err = capsys.readouterr()
    assert "NOT FINITE" in out
    assert "NaN first appears at 'log'" in out
    assert "NaN first appears at 'log'" in err
    assert "Traceback" not in err


def test_nothing_to_check_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "auditor demo" in fails(capsys, 2, "check")


def test_an_unknown_layer_is_an_error(audit: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "features.99" in fails(capsys, 2, "check", audit, "--layer", "features.99")


def test_a_sample_that_is_set_aside_names_the_operation(audit: Path, tmp_path: Path) -> None:
    from auditor.config.audit import load_config
    from auditor.relevance.explainer import Explainer
    from auditor.relevance.over_data.collect import PassPlan, collect_shard
    from auditor.subject import load_subject

    subject = load_subject(load_config(audit), audit.parent)
    with torch.no_grad():
        subject.model[4].weight[0, 0, 0, 0] = torch.nan
    explainer = Explainer(subject.model, subject.example())
    plan = PassPlan(explainer.automatic_layers(), "predicted", 2, 4)
    arrays = collect_shard(explainer, subject, plan, range(4), lambda _: None)
    reasons = json.loads(str(arrays["reasons"]))
    assert not arrays["valid"].any()
    assert set(reasons) == {"0", "1", "2", "3"}
    assert all("the weight of 'conv2d' of module '4'" in reason for reason in reasons.values())


def test_shares_are_short_and_honest() -> None:
    shares = [0.0, 1e-7, 0.00034, 0.0123, 0.5, 0.974, 1.0, 1.012, -0.4, -1.3, 4e6]
    assert [percent(share) for share in shares] == [
        "0 %", "0 %", "0.034 %", "1.2 %", "50 %", "97.4 %", "100 %", "101 %", "-40 %", "-130 %",
        "4.0e+08 %",
    ]  # fmt: skip


def test_a_table_is_no_wider_than_the_page() -> None:
    rows = [["a" * 60, "b" * 60], ["c", "d"]]
    assert all(len(line) <= 100 for line in table(["one", "two"], rows))


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        ("audit.classes=[zebra]", 2, "unknown class 'zebra'"),
        ("audit.samples=[cat/nothing.png]", 2, "cat/nothing.png"),
        ("audit.layers=[nowhere]", 2, "unknown layer 'nowhere'"),
        ("report.sections=[nonsense]", 2, "unknown report section 'nonsense'"),
        ("report.logo=nothing.svg", 4, "nothing.svg"),
        ("policy.decisions=nothing.yaml", 2, "nothing.yaml"),
        ("policy.baseline=nothing", 2, "the baseline 'nothing' is no folder"),
    ],
)
def test_it_refuses_at_once_what_a_run_refuses(
    audit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, code: int, said: str
) -> None:
    refused = []
    for words in (["check"], ["run", "--out", str(tmp_path)]):
        assert run([*words, str(audit), "--set", key, "--quiet"]) == code
        refused.append(capsys.readouterr().err)
    assert said in refused[0]
    assert refused[0] == refused[1]
