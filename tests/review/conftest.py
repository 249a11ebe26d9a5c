"""A base document for made-up audits, drawn once."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.report.document.result import AuditResult, FindingCard
from tests.report.example import Example


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("review") / "images"


@pytest.fixture(scope="session")
def base(images: Path) -> AuditResult:
    return Example(images, classes=("brick", "coffee", "fur"), references=2, rows=2).result()


@pytest.fixture(scope="session")
def one(base: AuditResult) -> FindingCard:
    """A finding of grade A with all details, to be changed by tests."""
    return base.findings[0]
