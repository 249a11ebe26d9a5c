"""How a run ends where its last words cannot be written: the first error is what is heard."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from auditor.__main__ import run as auditor
from auditor.base.errors import DataError, StorageError
from auditor.cli import budget
from auditor.cli.budget import Choice
from auditor.cli.ending import Ending
from auditor.pipeline import identity, opening
from auditor.run.folder import open_run
from auditor.run.manifest import read_manifest, write_listed
from tests.pipeline.test_jobs import Labels


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give a function that fills the disk."""

    def broken(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    return lambda: monkeypatch.setattr(os, "write", broken)


def finished(out: Path) -> Path:
    run = open_run(out, "a", "k" * 64, created="2026-01-02T03:04:05Z", facts={})
    summary = json.dumps({"status": "done", "code": "pass"}).encode()
    write_listed(run.path, {"summary.json": summary, "audit.json": b"{}"})
    return run.path


def test_the_first_error_is_raised_and_no_old_summary_stays(
    tmp_path: Path, full: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "summary.json").write_text('{"status": "done"}')
    (tmp_path / "junit.xml").write_text("<old/>")
    ending = Ending(tmp_path, "name")
    full()
    with pytest.raises(DataError, match="the first"), ending.written():
        raise DataError("the first")
    assert "warning: cannot write" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    assert ending.summary["exit_code"] == 3
    assert ending.summary["sentence"] == "The audit did not finish: the first"


def test_a_success_that_cannot_be_told_is_no_success(
    tmp_path: Path, full: Callable[[], None]
) -> None:
    ending = Ending(tmp_path, "name")
    ending.opened(finished(tmp_path))
    with pytest.raises(StorageError, match="No space left"), ending.written():
        full()
    assert ending.summary["exit_code"] == 75
    assert not (tmp_path / "summary.json").exists()


def test_the_verdict_of_the_gate_counts_though_it_cannot_be_written(
    tmp_path: Path, full: Callable[[], None]
) -> None:
    ending = Ending(tmp_path, "name")
    ending.opened(finished(tmp_path))

    def fails_the_gate() -> None:
        full()
        raise click.exceptions.Exit(1)

    with pytest.raises(click.exceptions.Exit) as raised, ending.written():
        fails_the_gate()
    assert raised.value.exit_code == 1


def test_what_an_unfinished_run_failed_of_is_listed(tmp_path: Path) -> None:
    run = open_run(tmp_path, "a", "k" * 64, created="2026-01-02T03:04:05Z", facts={})
    ending = Ending(tmp_path, "name")
    ending.opened(run.path)
    with pytest.raises(DataError), ending.written():
        raise DataError("the first")
    assert set(read_manifest(run.path)["files"]) == {"junit.xml", "summary.json"}
    assert json.loads((tmp_path / "summary.json").read_text())["folder"] == run.path.name


def test_no_room_elsewhere_is_75_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/of somebody")

    monkeypatch.setattr("auditor.cli.run.config_of", broken)
    assert auditor(["run", "a.yaml", "--out", str(tmp_path)]) == 75
    assert "there is no room for /tmp/of somebody" in capsys.readouterr().err
    assert json.loads((tmp_path / "summary.json").read_text())["exit_code"] == 75


@pytest.mark.parametrize("damage", ["{", "", '{"choice": {"limit": 3}, "digest": "0"}', "[]"])
def test_a_damaged_choice_of_the_budget_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    from auditor.config.audit import parse_config

    monkeypatch.setattr("auditor.subject.load_subject", lambda *_: Labels())
    for module, name in (
        (opening, "make_explainer"), (opening, "audited_layers"), (identity, "identity_of")
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_: {})
    monkeypatch.setattr(budget, "choose", lambda *_: Choice(100, False, 60.0))
    said: list[str] = []

    class Telling:
        say = staticmethod(said.append)

        def stage(self, _: str) -> object:
            from contextlib import nullcontext

            return nullcontext()

    config = parse_config(
        {"model": {"source": "a:b"}, "data": {"source": "c"}, "audit": {"max_minutes": 1}}
    )
    for _ in range(2):
        budget.within(config, tmp_path, tmp_path, Telling())  # type: ignore[arg-type]
    assert not any("damaged" in line for line in said)
    (kept,) = (tmp_path / ".budget").iterdir()
    before = kept.read_bytes()
    kept.write_text(damage)
    changed = budget.within(config, tmp_path, tmp_path, Telling())  # type: ignore[arg-type]
    assert changed.data.limit == 100
    assert any("is damaged: the audit's cost is estimated again" in line for line in said)
    assert kept.read_bytes() == before
