"""Each recipe's file is what `auditor init` writes, and valid by its own tool, if there is one."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from auditor.__main__ import run as command
from auditor.cli import cli
from auditor.cli.init import JOBS, job_texts
from auditor.config.audit import load_config
from auditor.manual import page
from tests.core.test_documented import ROOT

CI = ROOT / "sample_configs" / "ci"
ACTION = ROOT / ".github" / "actions" / "audit" / "action.yml"
WRITTEN = {
    template: job_texts((job,), "audit.yaml")[place]
    for job, places in JOBS.items()
    for template, place in places.items()
}


def tool(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"needs {name}, which is not here")
    return found


def passes(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(CI.iterdir()), ids=lambda path: path.name)
def test_every_file_is_documented(path: Path) -> None:
    assert f"`sample_configs/ci/{path.name}`" in page("scheduling")


def test_every_file_is_one_that_init_writes() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in CI.iterdir()} == WRITTEN


def test_the_config_is_named_in_every_file() -> None:
    for texts in (job_texts((job,), "other.yaml") for job in JOBS):
        assert any("other.yaml" in text for text in texts.values())
        assert not any("audit.yaml" in text for text in texts.values())


@pytest.mark.parametrize(
    ("name", "schema"),
    [("github.yml", "vendor.github-workflows"), ("gitlab.yml", "vendor.gitlab-ci")],
)
def test_ci_services_accept_their_files(name: str, schema: str) -> None:
    passes(tool("check-jsonschema"), "--builtin-schema", schema, str(CI / name))


def test_the_action_and_the_hooks_are_accepted_by_their_tools() -> None:
    passes(tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", str(ACTION))
    passes(tool("pre-commit"), "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml"))


def test_hooks_and_action_call_commands_that_are_there() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    for hook in hooks:
        program, name = hook["entry"].split()
        parameters = cli.get_command(click.Context(cli), name).params
        known = {option for each in parameters for option in each.opts}
        assert program == "auditor"
        assert {each for each in hook["args"] if each.startswith("--")} <= known


def test_one_version_of_torch_and_of_each_action_is_named() -> None:
    """The files name what pyproject.toml asks for, and each action once."""
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked = " ".join(f'"{each}"' for each in needed if each.startswith("torch"))
    named: dict[str, set[str]] = {}
    for path in (CI / "github.yml", CI / "gitlab.yml", ACTION):
        text = path.read_text()
        assert asked in text, path.name
        for action, version in re.findall(r"uses: (actions/\w+(?:-\w+)?)\S*@(v\d+)", text):
            named.setdefault(action, set()).add(version)
    assert len(named) == 4
    assert all(len(versions) == 1 for versions in named.values())


@pytest.mark.parametrize(("code", "judged"), [(0, "pass"), (1, "do_not_use"), (2, None)])
def test_the_action_tells_how_the_audit_ended(
    tmp_path: Path, code: int, judged: str | None
) -> None:
    """The step that audits, with a program in the auditor's place."""
    steps = yaml.safe_load(ACTION.read_text())["runs"]["steps"]
    (script,) = [step["run"] for step in steps if step.get("id") == "audit"]
    program = tmp_path / "bin" / "auditor"
    program.parent.mkdir()
    summary = json.dumps({"code": "needs_look", "judgement": {"code": judged}})
    write = f"mkdir -p runs && echo '{summary}' > runs/summary.json\n" if judged else ""
    program.write_text(f'#!/bin/sh\necho "$@" >&2\n{write}echo runs/a-1\nexit {code}\n')
    program.chmod(0o755)
    (program.parent / "python").symlink_to(sys.executable)
    given = {"CONFIG": "my audit.yaml", "OUT": "runs", "OPTIONS": "--preset quick"}
    done = subprocess.run(
        ["/bin/bash", "-e", "-c", script],
        env=given | {"PATH": f"{program.parent}:/usr/bin:/bin", "GITHUB_OUTPUT": "told"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert done.stderr == "run my audit.yaml --out runs --annotate --preset quick\n"
    told = dict(line.split("=") for line in (tmp_path / "told").read_text().splitlines())
    assert told == {"exit-code": str(code), "folder": "runs/a-1"} | (
        {"verdict": judged} if judged else {}
    )


@pytest.mark.parametrize(
    ("model", "data", "more", "extras"),
    [
        ("timm:resnet18", "photos", {}, ["timm"]),
        ("hf:vit", "s3://bucket/photos", {"mlflow": True}, ["hf", "mlflow", "remote"]),
        ("my.py:build", "table.parquet", {"wandb": True}, ["parquet", "wandb"]),
        ("my.py:build", "scans", {}, ["dicom", "heic"]),
    ],
)
def test_a_job_installs_the_extras_that_its_config_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, data: str, more: dict, extras: list
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("scans/a/1.DCM", "scans/b/2.heic", "photos/a/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    document = {"model": {"source": model}, "data": {"source": data}, "completion": more}
    Path("audit.yaml").write_text(yaml.safe_dump(document))
    assert command(["init", "--ci", "github", "--ci", "gitlab"]) == 0
    for name in (".github/workflows/model-audit.yml", "model-audit.gitlab-ci.yml"):
        text = Path(name).read_text()
        assert f'pip install "concept-auditor[{",".join(extras)}]" $needed' in text


def test_systemd_accepts_service_and_timer(tmp_path: Path) -> None:
    for name in ("model-audit.service", "model-audit.timer"):
        shutil.copy(CI / name, tmp_path)
    said = passes(
        tool("systemd-analyze"), "verify", str(tmp_path / "model-audit.timer"),
        str(tmp_path / "model-audit.service"),
    )  # fmt: skip
    assert "model-audit" not in said  # it warns about a unit by its name
    line = "OnCalendar=Mon *-*-* 05:00:00"
    assert line in (CI / "model-audit.timer").read_text()


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, ""), (1, "The gate failed:"), (4, "incomplete:"), (75, "stopped"), (3, "did not run")],
)
def test_the_script_of_cron_speaks_only_when_somebody_has_to_look(
    tmp_path: Path, code: int, said: str
) -> None:
    script = shutil.copy(CI / "model-audit.sh", tmp_path)
    program = tmp_path / "bin" / "auditor"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $@ >&2\nexit {code}\n")
    program.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", str(script)],
        capture_output=True,
        text=True,
        env={"PATH": f"{program.parent}:/usr/bin:/bin"},
        check=False,
    )
    assert done.returncode == code
    assert said in done.stdout
    assert (done.stdout == "") == (code == 0)
    assert (tmp_path / "runs.log").read_text().startswith("run audit.yaml --out runs")


def test_make_audits_once_and_again_when_the_model_changes(tmp_path: Path) -> None:
    shutil.copy(CI / "Makefile", tmp_path)
    (tmp_path / "audit.yaml").touch()
    (tmp_path / "model.safetensors").touch()
    make = tool("make")
    assert "auditor run audit.yaml" in passes(make, "-n", cwd=tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "passed").touch()
    assert "auditor" not in passes(make, "-n", "audit", cwd=tmp_path)
    assert "auditor gate" in passes(make, "-n", "gate", cwd=tmp_path)


def test_dvc_reads_the_stage(tmp_path: Path) -> None:
    document = yaml.safe_load((CI / "dvc.yaml").read_text())
    assert document["stages"]["audit"]["cmd"].startswith("auditor run audit.yaml")
    dvc = tool("dvc")
    shutil.copy(CI / "dvc.yaml", tmp_path)
    passes(dvc, "init", "--no-scm", "-q", cwd=tmp_path)
    assert "audit" in passes(dvc, "dag", cwd=tmp_path)


def test_the_dag_is_python_and_its_pod_runs_the_audit() -> None:
    tree = ast.parse((CI / "model_audit_dag.py").read_text())
    (command,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "COMMAND"
    ]
    assert command[:3] == ["auditor", "run", "audit.yaml"]
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)
             and isinstance(node.func, ast.Name)]  # fmt: skip
    assert "KubernetesPodOperator" in calls


def test_the_dag_is_read_by_airflow() -> None:
    pytest.importorskip("airflow.providers.cncf.kubernetes")
    passes(sys.executable, str(CI / "model_audit_dag.py"))


def test_the_config_of_mlflow_is_valid() -> None:
    config = load_config(ROOT / "sample_configs" / "mlflow.yaml")
    assert config.completion.mlflow
    assert config.gated
