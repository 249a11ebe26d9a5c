"""Whoever does the tasks of an audit, its result is the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.base.errors import IntegrityError
from auditor.run.storage import file_digest
from tests.pipeline.small import write_own_model_audit
from tests.pipeline.tiny import LEAN, loaded_once, run, write_tiny_audit


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with loaded_once():
        yield write_tiny_audit(tmp_path_factory.mktemp("executors"))


def result_in(out: Path) -> str:
    (folder,) = out.glob("*/")
    return file_digest(folder / "audit.json")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--executor", "process"], "Did you mean 'processes'?"),
        (["--workers", "0"], "'run.workers' is 0"),
        (["--shard", "4/3"], "there is no shard 4/3"),
        (["--shard", "0/2", "--set", "audit.max_minutes=5"], "leave that out"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    config: Path, tmp_path: Path, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config, tmp_path / "runs", *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_an_executor_is_no_part_of_the_result(config: Path, tmp_path: Path) -> None:
    assert run(config, tmp_path / "one") == 0
    assert run(config, tmp_path / "two", "--executor", "processes", "--workers", "2") == 0
    assert result_in(tmp_path / "two") == result_in(tmp_path / "one")
    (one,), (two,) = (tmp_path / "one").glob("*/"), (tmp_path / "two").glob("*/")
    done = sorted(path.relative_to(one) for path in (one / "tasks").rglob("*") if path.is_file())
    assert len(done) > 10
    assert [file_digest(two / name) for name in done] == [file_digest(one / name) for name in done]


@pytest.mark.slow
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_jobs_that_share_an_audit_give_the_same_result(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    config = write_own_model_audit(tmp_path, per_class=24, audit=LEAN | {"shard": 4, "batch": 4})
    environment = os.environ | {"SOURCE_DATE_EPOCH": "1767225600"}
    command = [sys.executable, "-m", "auditor", "run", str(config), "--quiet", "--format", "html"]
    alone = [*command, "--out", str(tmp_path / "alone")]
    subprocess.run(alone, check=True, env=environment, stdout=subprocess.DEVNULL)
    jobs = []
    for index in order:
        shared = [*command, "--out", str(tmp_path / "shared"), "--shard", f"{index}/3"]
        jobs.append(subprocess.Popen(shared, env=environment, stdout=subprocess.DEVNULL))
        time.sleep(2)
    assert [job.wait(300) for job in jobs] == [0, 0, 0]
    assert result_in(tmp_path / "shared") == result_in(tmp_path / "alone")


@pytest.mark.slow
def test_a_worker_on_another_model_is_refused(config: Path, tmp_path: Path) -> None:
    from auditor.config.audit import load_config
    from auditor.pipeline.workplace import Elsewhere
    from auditor.run.folder import RunFolder

    assert run(config, tmp_path) == 0
    (folder,) = tmp_path.glob("*/")
    here = Elsewhere(load_config(config), config.parent, RunFolder(folder, "", ""), ())
    assert here(1).opened.layers == ("4",)
    other = load_config(config).model_copy(deep=True)
    weights = config.parent / "my_model.safetensors"
    content = weights.read_bytes()
    try:
        weights.write_bytes(content[:-4] + b"\0\0\0\0")
        with pytest.raises(IntegrityError, match="the model of a worker"):
            Elsewhere(other, config.parent, RunFolder(folder, "", ""), ())(1)
    finally:
        weights.write_bytes(content)
