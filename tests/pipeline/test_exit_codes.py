"""Every exit code of the README's table, reached through the real command in its own process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import yaml

from tests.core.test_documented import README, exit_codes
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.tiny import TINY

QUICK = TINY | {"composition": 0}
PERMISSIVE = {"policy": {"fail_on": "never", "require_complete": False}}
REACHED = {0, 1, 2, 3, 4, 5, 75, 130}


def auditor(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a job would: no terminal, nothing on stdin."""
    return subprocess.run(
        [sys.executable, "-m", "auditor", *(str(argument) for argument in arguments)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        env=os.environ | environment,
        check=False,
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_own_model_audit(
        tmp_path_factory.mktemp("codes"),
        audit=QUICK,
        shortcuts={"per_class": 1},
        report={"formats": ["html"]},
    )


@pytest.fixture(scope="module")
def finished(config: Path) -> Path:
    """Return the folder of a run that ended with 0: no gate was asked for."""
    out = config.parent / "runs"
    done = auditor("run", config, "--out", out, "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (folder,) = out.glob("*/")
    assert done.stdout.strip() == str(folder)
    return folder


def written(path: Path, document: dict) -> Path:
    path.write_text(yaml.safe_dump(document))
    return path


def last(out: Path) -> dict:
    return json.loads((out / "summary.json").read_text())


def test_the_table_is_what_is_reached_here() -> None:
    table = README.split("| exit code | meaning |")[1].split("\n\n")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.M)} == REACHED
    assert exit_codes() <= REACHED


def test_0_done(finished: Path) -> None:
    summary = last(finished.parent)
    assert (summary["status"], summary["exit_code"], summary["folder"]) == (
        "done",
        0,
        finished.name,
    )
    assert summary["judgement"] is None


def test_0_a_gate_that_passes_and_2_what_it_needs(finished: Path, tmp_path: Path) -> None:
    policy = written(tmp_path / "policy.yaml", PERMISSIVE | {"targets": {"accuracy": 0.5}})
    page = tmp_path / "page.md"
    done = auditor(
        "gate", finished, "--policy", policy, PYTHONPATH=without_torch(tmp_path),
        GITHUB_STEP_SUMMARY=str(page),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("PASS WITH CONDITIONS: ")
    assert "met" in done.stdout
    assert "| Accuracy | at least 50 % |" in page.read_text()
    review = json.loads((finished / "review.json").read_text())
    assert review["judgement"]["code"] == "conditions"
    assert (finished / "junit.xml").is_file()
    assert auditor("verify", finished).returncode == 0


def without_torch(tmp_path: Path) -> str:
    """Return a path on which torch and torchvision cannot be imported."""
    folder = tmp_path / "no_torch"
    for name in ("torch", "torchvision"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "__init__.py").write_text("raise ImportError('torch was imported')\n")
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", str(Path.cwd()))])


def test_1_the_gate_failed(finished: Path, tmp_path: Path) -> None:
    policy = written(tmp_path / "policy.yaml", PERMISSIVE | {"targets": {"accuracy": 1.0}})
    document = yaml.safe_load(policy.read_text())
    document["targets"]["by"] = "interval"
    written(policy, document)
    done = auditor("gate", finished, "--policy", policy)
    assert done.returncode == 1
    assert done.stdout.startswith("DO NOT USE YET: ")
    lenient = auditor("gate", finished, "--policy", policy, "--exit-zero", "--quiet")
    assert lenient.returncode == 0
    assert len(lenient.stdout.splitlines()) == 1


def test_1_also_at_the_end_of_a_run(config: Path, finished: Path) -> None:
    out = finished.parent
    gated = ["--set", "targets.accuracy=1", "--set", "targets.by=interval"]
    done = auditor("run", config, "--out", out, *gated)
    assert done.returncode == 1
    summary = last(out)
    assert (summary["exit_code"], summary["code"]) == (1, "do_not_use")
    assert summary["folder"] == finished.name  # the same evidence, judged
    assert "Targets and policy" in (finished / "report.html").read_text()
    assert auditor("run", config, "--out", out, *gated, "--exit-zero").returncode == 0


def test_2_every_problem_at_once(config: Path, tmp_path: Path) -> None:
    done = auditor(
        "run", config, "--out", tmp_path, "--set", "audit.seeds=1", "--limit", "0",
        AUDITOR_REPORT__TIER="exec",
    )  # fmt: skip
    assert done.returncode == 2
    assert "Did you mean 'seed'?" in done.stderr
    assert "option --limit: 'data.limit' is 0" in done.stderr
    assert "environment AUDITOR_REPORT__TIER: 'report.tier' is 'exec'" in done.stderr
    summary = last(tmp_path)
    assert (summary["status"], summary["exit_code"]) == ("failed", 2)


def test_3_the_audit_could_not_run(config: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    done = auditor(
        "run", config, "--data", "/no/such/folder", "--out", tmp_path / "runs", "--log-json",
        GITHUB_STEP_SUMMARY=str(page),
    )  # fmt: skip
    assert done.returncode == 3
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert (lines[-1]["event"], lines[-1]["exit_code"]) == ("failed", 3)
    summary = last(tmp_path / "runs")
    assert summary["code"] == "incomplete"
    assert "'folder' does not exist" in summary["sentence"]  # the path's folders are not shared
    assert "<error" in (tmp_path / "runs" / "junit.xml").read_text()
    assert "did not finish" in page.read_text()


def test_4_incomplete(finished: Path, tmp_path: Path) -> None:
    policy = written(tmp_path / "policy.yaml", {"policy": {}})
    done = auditor("gate", finished, "--policy", policy)
    assert done.returncode == 4
    assert "too few images for the causal tests" in done.stdout


def test_5_a_changed_file(finished: Path, tmp_path: Path) -> None:
    path = finished / "audit.json"
    before = path.read_bytes()
    try:
        path.write_bytes(before.replace(b'"grade"', b'"grade" ', 1) + b" ")
        done = auditor("gate", finished)
    finally:
        path.write_bytes(before)
    assert done.returncode == 5
    assert "audit.json" in done.stderr
    assert auditor("gate", tmp_path).returncode == 5


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 75), pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow)],
)
def test_75_and_130_stopped_and_resumed(
    config: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out = tmp_path / "runs"
    command = [sys.executable, "-m", "auditor", "run", str(config), "--out", str(out), "--log-json"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        # A test run that was started in the background ignores it, and its children with it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            event = json.loads(line)
            if event["event"] == "stage" and event["stage"] == "reference samples":
                break
        process.send_signal(number)
        sent = time.monotonic()
        rest = process.stderr.read()
        assert process.wait(timeout=15) == code, rest
        assert time.monotonic() - sent < 10
    assert (last(out)["status"], last(out)["exit_code"]) == ("stopped", code)
    resumed = auditor("run", config, "--out", out)
    assert resumed.returncode == 0
    assert "relevance of every image" not in resumed.stderr  # that stage was kept
    (folder,) = out.glob("*/")
    assert (folder / "audit.json").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--baseline", "nosuch"], "the baseline 'nosuch' is no folder"),
        (["--decisions", "nosuch.yaml"], "cannot read the decisions file"),
        (["--class", "cow"], "unknown class 'cow'. Known: cat, dog, horse."),
    ],
)
def test_2_before_the_audit_and_not_after_it(
    config: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    done = auditor("run", config, "--out", tmp_path / "runs", *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "relevance of every image" not in done.stderr
