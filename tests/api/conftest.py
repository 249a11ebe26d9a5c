"""A finished audit of objects, and the same with a finding written into it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import auditor
from auditor.records.shortcuts import Carrier
from auditor.report.document.result import AuditResult
from tests.api.objects import LEAN, TRANSFORM, Textures, model
from tests.report.conftest import SMALL
from tests.report.example import Example
from tests.runs import list_as_written


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished")
    return auditor.audit(model(), Textures(transform=TRANSFORM), out=out, **LEAN).path


@pytest.fixture
def run(made: Path, tmp_path: Path) -> auditor.Run:
    return auditor.open_run(shutil.copytree(made, tmp_path / made.name))


@pytest.fixture(scope="session")
def found(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run as if the search had found a mark in the first and the fourth picture."""
    run = auditor.open_run(shutil.copytree(made, tmp_path_factory.mktemp("found") / made.name))
    paths = [run.images["path"][row] for row in (0, 3)]
    carriers = [Carrier(picture=path, half="test", box=(5, 6, 20, 10)) for path in paths]
    first = Example(run.path / "images", **SMALL).result().findings[0]
    card = first.model_copy(update={"carriers": carriers, "class_name": "cat"})
    result: AuditResult = run.result.model_copy(update={"findings": [card]})
    (run.path / "audit.json").write_text(result.model_dump_json(indent=1), encoding="utf-8")
    return list_as_written(run.path)


@pytest.fixture
def with_finding(found: Path, tmp_path: Path) -> auditor.Run:
    return auditor.open_run(shutil.copytree(found, tmp_path / found.name))
