"""Whatever can be undocumented fails here when it is."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
import yaml

from auditor.base import errors
from auditor.cli import COMMANDS, cli
from auditor.config.audit import PROPOSALS, Config, config_keys, load_config

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SAMPLES = sorted((ROOT / "sample_configs").glob("*.yaml"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_readme(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert f"`auditor {name}" in README
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(option in README for option in parameter.opts), parameter.opts


@pytest.mark.parametrize(("key", "text"), list(config_keys()))
def test_every_config_key_is_in_the_readme(key: str, text: str) -> None:
    assert f"| `{key}` |" in README, key
    assert text.replace("|", "\\|") in README, key


def exit_codes() -> set[int]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.exit_code for kind in kinds if issubclass(kind, errors.AuditorError)} | {0, 130}


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_every_exit_code_is_in_the_readme(code: int) -> None:
    assert f"| {code} |" in README


@pytest.mark.parametrize("name", PROPOSALS)
def test_every_proposal_is_in_the_readme(name: str) -> None:
    assert f"| `{name}` |" in README


def test_every_composite_is_in_the_readme() -> None:
    from auditor.relevance.rules.composites import COMPOSITES, RULES

    for name in (*COMPOSITES, *RULES):
        assert f"`{name}`" in README


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_every_sample_config_is_valid_and_in_the_readme(path: Path) -> None:
    assert isinstance(load_config(path), Config)
    assert f"sample_configs/{path.name}" in README


def test_sample_configs_hold_comments_for_their_reader() -> None:
    assert SAMPLES
    for path in SAMPLES:
        text = path.read_text(encoding="utf-8")
        assert text.count("#") >= 3, path.name
        assert isinstance(yaml.safe_load(text), dict)


def test_the_readme_holds_the_two_commands() -> None:
    assert "python -m pip install -e . && auditor demo" in README
    assert "python -m pip install -e '.[dev]' && pytest" in README
