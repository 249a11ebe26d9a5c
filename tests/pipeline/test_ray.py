"""The executor of a Ray cluster: the same bytes, whoever is lost, late or not there at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from auditor.__main__ import run as auditor
from auditor.base.errors import ConfigError, IntegrityError, StoppedError
from auditor.run.executors import ray as executor
from auditor.run.executors.ray import Late, OnRay, shared_out
from auditor.run.manifest import read_manifest
from auditor.run.tasks import Done, Job
from tests.pipeline import placed
from tests.pipeline.tiny import ENVIRONMENT, result_in, write_tiny_audit

RAY = pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed (the extra ray)")


def test_without_the_package_one_sentence_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    config = write_tiny_audit(tmp_path)
    assert auditor(["run", str(config), "--out", str(tmp_path / "runs"), "--executor", "ray"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "pip install 'concept-auditor[ray]'" in line
    with pytest.raises(ConfigError):
        OnRay(placed.setup_of(tmp_path, []))


def test_where_ray_does_not_start_processes_do_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[dict] = []

    def init(**keys: object) -> None:
        tries.append(keys)
        raise TimeoutError("the node did not come up")

    absent = ModuleType("ray")
    vars(absent).update(init=init, is_initialized=lambda: False, shutdown=lambda: None)
    monkeypatch.setitem(sys.modules, "ray", absent)
    monkeypatch.setattr(executor, "PAUSE", 0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    said: list[str] = []
    made = OnRay(placed.setup_of(tmp_path, said))
    try:
        done = list(made(placed.job_of(tmp_path, ["a", "bb", "ccc"], placed.length)))
    finally:
        made.close()
    assert sorted(each.name for each in done) == ["a", "bb", "ccc"]
    assert len(tries) == 3
    assert all(keys["address"] == "local" for keys in tries)
    (line,) = said
    assert "3 tries (TimeoutError: the node did not come up): processes of this machine" in line


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_a_cluster_that_nobody_listens_for_is_not_waited_for(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[dict] = []
    absent = ModuleType("ray")
    vars(absent).update(
        init=lambda **keys: tries.append(keys), is_initialized=lambda: False, shutdown=lambda: None
    )
    monkeypatch.setitem(sys.modules, "ray", absent)
    monkeypatch.setattr(executor, "PAUSE", 0)
    monkeypatch.setenv("RAY_ADDRESS", f"{scheme}127.0.0.1:1")
    said: list[str] = []
    made = OnRay(placed.setup_of(tmp_path, said))
    try:
        done = list(made(placed.job_of(tmp_path, ["a"], placed.length)))
    finally:
        made.close()
    assert [each.name for each in done] == ["a"]
    assert tries == []
    assert "ConnectionRefusedError" in said[0]


@pytest.mark.parametrize(
    ("nodes", "workers", "gpu", "expected"),
    [
        ([2], None, False, (2, 1)),
        ([8], 2, False, (2, 4)),
        ([2, 2], 8, False, (4, 1)),
        ([4, 4], 3, False, (3, 2)),  # with 3 processors each only two would find a place
        ([4, 4], 1, False, (1, 4)),
        ([4, 4], 3, True, (3, 1)),
        ([0], None, True, (0, 1)),
    ],
)
def test_every_worker_finds_a_place(
    tmp_path: Path, nodes: list[int], workers: int | None, gpu: bool, expected: tuple[int, int]
) -> None:
    setup = executor.Setup(lambda _: None, workers, print, gpu)
    assert shared_out(nodes, setup) == expected


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OnRay, list[str]]]:
    """Yield an executor of three workers that finds a task late after two seconds."""
    pytest.importorskip("ray", reason="ray is not installed (the extra ray)")
    folder, said = tmp_path_factory.mktemp("place"), []
    made = OnRay(placed.setup_of(folder, said, workers=3), Late(3, 2))
    yield made, said
    made.close()


def fresh(made: OnRay, job: Job) -> list[Done]:
    """Return what was done, after forgetting which tasks an earlier test began."""
    place = made._setup.elsewhere.args[0]
    for path in place.iterdir():
        path.unlink()
    return list(made(job))


@pytest.mark.slow
def test_a_task_that_is_late_is_begun_elsewhere(
    started: tuple[OnRay, list[str]], tmp_path: Path
) -> None:
    made, said = started
    began = time.monotonic()
    names = ["slow", "a", "b", "last"]
    done = fresh(made, placed.job_of(tmp_path, names, placed.slow_once))
    assert sorted(each.name for each in done) == sorted(names)
    assert time.monotonic() - began < 50
    assert any("task 'slow' of stage 'stage' takes far longer" in line for line in said)


@pytest.mark.slow
def test_a_task_done_twice_has_to_come_out_the_same(
    started: tuple[OnRay, list[str]], tmp_path: Path
) -> None:
    made, _said = started
    job = placed.job_of(tmp_path, ["slow", "a", "b", "last"], placed.another_twice)
    with pytest.raises(IntegrityError, match="task 'slow' of stage 'stage' was done twice"):
        fresh(made, job)


@pytest.mark.slow
def test_a_task_that_ends_every_worker_stops_the_audit(
    started: tuple[OnRay, list[str]], tmp_path: Path
) -> None:
    made, _said = started
    with pytest.raises(StoppedError, match="task 'poison' of stage 'stage' ended 3 workers"):
        fresh(made, placed.job_of(tmp_path, ["a", "poison"], placed.ends_worker))


@RAY
@pytest.mark.slow
def test_a_cluster_of_two_machines_is_joined_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray
    from ray.cluster_utils import Cluster

    if ray.is_initialized():  # by the executor of the tests before
        ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        (tmp_path / "place").mkdir()
        made = OnRay(placed.setup_of(tmp_path / "place", [], workers=4))
        names = [f"{at}" for at in range(12)]
        done = list(made(placed.job_of(tmp_path, names, placed.where)))
        made.close()
        assert len(done) == 12
        nodes = {path.name.partition(".")[0] for path in (tmp_path / "place").iterdir()}
        assert len(nodes) == 2
        ray.init(address=cluster.address, log_to_driver=False)
        assert len([node for node in ray.nodes() if node["Alive"]]) == 2
    finally:
        ray.shutdown()
        cluster.shutdown()


def workers_of(audit: int) -> list[int]:
    """Return the processes that do tasks of Ray below a process."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents = {int(path.name)}
            above = path
            while above.name not in ("0", "1"):
                above = Path("/proc") / (above / "stat").read_text().rpartition(")")[2].split()[1]
                parents.add(int(above.name))
            if (path / "cmdline").read_bytes().startswith(b"ray::Bench") and audit in parents:
                found.append(int(path.name))
        except OSError:
            continue
    return found


def begun(command: list[str], out: Path, task: str) -> subprocess.Popen:
    """Start an audit on Ray, and return it when it has done one of some tasks."""
    command = [*command, "--out", str(out), "--executor", "ray", "--workers", "2"]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while not list(out.glob(f"*/tasks/{task}/*/done.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    return process


@RAY
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="asks /proc for the workers")
def test_a_killed_worker_costs_one_task(searched: tuple[list[str], str], tmp_path: Path) -> None:
    command, alone = searched
    process = begun(command, tmp_path, "screening")
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    assert process.wait(240) == 0
    assert result_in(tmp_path) == alone
    (folder,) = tmp_path.glob("*/")
    took = read_manifest(folder)["tasks"].values()
    assert sum(each["attempts"] - each["done"] for each in took) <= 1


@RAY
@pytest.mark.slow
def test_sigterm_ends_an_audit_on_ray_and_it_goes_on(
    searched: tuple[list[str], str], tmp_path: Path
) -> None:
    command, alone = searched
    process = begun(command, tmp_path, "screening")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 75
    subprocess.run([*command, "--out", str(tmp_path)], check=True, env=ENVIRONMENT)
    assert result_in(tmp_path) == alone
