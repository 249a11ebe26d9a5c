"""What a mistyped name is told: the nearest one when one is close, and nothing misleading else."""

from __future__ import annotations

import pytest

from auditor.__main__ import run
from auditor.base.errors import nearest
from auditor.cli import COMMANDS


@pytest.mark.parametrize(
    ("typed", "known", "meant"),
    [
        ("lable", ["label", "path"], "label"),
        ("clases", ["classes", "limit"], "classes"),
        ("WEIGHTS", ["weights"], "weights"),
        ("path", ["Operator", "Site", "Timestamp"], None),
        ("label", ["Operator", "Table"], None),
        ("camera", ["cat", "dog"], None),
    ],
)
def test_only_what_is_close_is_suggested(typed: str, known: list[str], meant: str | None) -> None:
    assert nearest(typed, known) == meant


@pytest.mark.parametrize(
    ("typed", "meant"), [("rnu", "run"), ("chek", "check"), ("Verify", "verify"), ("dmo", "demo")]
)
def test_a_mistyped_command_names_the_one_meant(
    typed: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([typed]) == 2
    assert f"no such command '{typed}'. Did you mean '{meant}'?" in capsys.readouterr().err


def test_a_word_like_no_command_gets_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit.yaml"]) == 2
    message = capsys.readouterr().err
    assert "Did you mean" not in message
    assert all(name in message for name in COMMANDS)
