"""Each recipe's file is what `auditor init` writes, and valid by its own tool, if there is one."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from auditor.cli.init import JOBS, job_texts
from auditor.config.audit import load_config
from auditor.manual import page
from tests.core.test_documented import ROOT

CI = ROOT / "sample_configs" / "ci"
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
