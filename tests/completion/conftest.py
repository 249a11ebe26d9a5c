"""The result that trackers are told of."""

from __future__ import annotations

import pytest

from auditor.report.document.result import AuditResult
from tests.report.example import Example


@pytest.fixture(scope="package")
def result(tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    return Example(
        tmp_path_factory.mktemp("images"), classes=("brick", "coffee"), references=2, rows=2
    ).result()
