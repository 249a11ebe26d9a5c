"""The schemas that editors and other programs are given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from auditor.__main__ import run
from tests.core.test_documented import SAMPLES

jsonschema = pytest.importorskip("jsonschema")


def schema(what: str, capsys: pytest.CaptureFixture[str]) -> dict:
    assert run(["schema", what]) == 0
    found: dict = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_the_sample_configs_fit_the_schema(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jsonschema.validate(yaml.safe_load(path.read_text()), schema("config", capsys))


@pytest.mark.parametrize(
    "wrong",
    [
        {"modle": {}},
        {"targets": {"accuracy": "> 0.9"}},
        {"targets": {"accuracy": 2}},
        {"policy": {"fail_on": "hihg"}},
        {"audit": {"seed": -1}},
    ],
)
def test_what_is_wrong_does_not_fit(wrong: dict, capsys: pytest.CaptureFixture[str]) -> None:
    document = {"model": {"source": "a:b"}, "data": {"source": "c"}} | wrong
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema("config", capsys))


def test_the_gate_may_be_a_file_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    found = schema("policy", capsys)
    jsonschema.validate({"targets": {"accuracy": ">= 0.9"}, "policy": {}}, found)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"polcy": {}}, found)


@pytest.mark.parametrize("what", ["audit", "review"])
def test_the_documents_have_schemas(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = schema(what, capsys)
    assert found["properties"]["version"]["const"] == 2
