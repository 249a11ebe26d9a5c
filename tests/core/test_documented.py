"""Whatever can be undocumented fails here when it is."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
import yaml

import auditor
from auditor.base import errors
from auditor.base.installed import GROUPS, PREFIX
from auditor.cli import COMMANDS, cli
from auditor.config.audit import Config, load_config
from auditor.manual import FOLDER, TOPICS, page, titles
from auditor.shortcuts.propose.proposals import PROPOSALS
from tests.core.generated_pages import PAGES, config_keys

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = README + "".join(page(topic) for topic in TOPICS)
SAMPLES = sorted((ROOT / "sample_configs").glob("*.yaml"))


@pytest.mark.parametrize("topic", PAGES)
def test_pages_are_as_the_code_makes_them(topic: str) -> None:
    text = PAGES[topic]()
    if os.environ.get("ACCEPT_GOLDEN") == "1":
        (FOLDER / f"{topic}.md").write_text(text, encoding="utf-8")
    again = "read the change; then ACCEPT_GOLDEN=1 pytest tests/core/test_documented.py"
    assert page(topic) == text, again


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert f"`auditor {name}" in README
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert any(f"`{option}" in page("commands") for option in parameter.opts)
            assert parameter.help, f"auditor {name} {parameter.opts[0]} has no help"


@pytest.mark.parametrize(("key", "text"), config_keys().items())
def test_every_config_key_is_documented(key: str, text: str) -> None:
    assert f"| `{key}` |" in page("configuration"), key
    assert text, f"{key} has no description"
    assert text.replace("|", "\\|") in page("configuration"), key


def test_every_page_has_a_topic_a_title_and_a_line_in_the_readme() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(TOPICS)
    for topic, title in titles().items():
        assert page(topic).startswith(f"# {title}\n")
        assert f"| `{topic}` |" in README


def test_what_is_named_of_the_source_is_there() -> None:
    """Paths and topics that README and manual name, which must not go stale."""
    for path in re.findall(r"`((?:auditor|tests|sample_configs|\.github)/[\w./-]+)`", DOCS):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / path).is_file(), path
    for topic in re.findall(r"`auditor docs ([a-z-]+)`", DOCS):
        assert topic in TOPICS
    groups = {PREFIX + group for group in GROUPS}
    named = set(re.findall(r"`(auditor\.[a-z_.]+)`", DOCS))
    assert groups <= named
    for name in named - groups:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


@pytest.mark.parametrize("name", auditor.__all__)
def test_every_public_name_is_on_the_page_on_python(name: str) -> None:
    text = page("python")
    thing = getattr(auditor, name)
    assert f"auditor.{name}" in text or f"`{name}`" in text
    if isinstance(thing, type) and name in ("Run", "Finding", "Gate", "Explanation"):
        own = {*vars(thing), *(each.name for each in fields(thing))}
        for attribute in sorted(each for each in own if not each.startswith("_")):
            assert re.search(rf"`{attribute}[`(]", text), f"{name}.{attribute}"
    assert thing.__doc__ or isinstance(thing, str)


def test_the_stub_has_every_public_name() -> None:
    stub = (ROOT / "auditor" / "__init__.pyi").read_text(encoding="utf-8")
    named = set(re.findall(r" as (\w+)$|^(\w+): str$", stub, flags=re.MULTILINE))
    assert {first or second for first, second in named} == set(auditor.__all__)


def test_every_export_is_documented() -> None:
    from auditor.exports import EXPORTS

    for name in EXPORTS:
        assert f"## {name}\n" in page("exports")
        assert f"| `{name}` |" in page("exports")


def test_every_keyword_of_an_audit_is_documented() -> None:
    from auditor.api.auditing import SECTIONS
    from auditor.config.short_names import KEYWORDS

    for name in (*KEYWORDS, *SECTIONS):
        assert f"`{name}`" in page("python"), name


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 220


def exit_codes() -> set[int]:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return {kind.exit_code for kind in kinds if issubclass(kind, errors.AuditorError)} | {0, 130}


@pytest.mark.parametrize("code", sorted(exit_codes()))
def test_every_exit_code_is_in_the_readme(code: int) -> None:
    assert f"| {code} |" in README


@pytest.mark.parametrize("name", sorted(PROPOSALS))
def test_every_proposal_is_documented(name: str) -> None:
    assert f"| `{name}` |" in page("method")


def test_every_composite_is_documented() -> None:
    from auditor.relevance.rules.composites import COMPOSITES, RULES

    for name in (*COMPOSITES, *RULES):
        assert f"`{name}`" in page("method")


@pytest.mark.parametrize("path", SAMPLES, ids=[path.stem for path in SAMPLES])
def test_every_sample_config_is_valid_and_documented(path: Path) -> None:
    assert isinstance(load_config(path), Config)
    assert f"`sample_configs/{path.name}`" in page("getting-started")
    assert f"`{path.stem}`" in README


def test_sample_configs_hold_comments_for_their_reader() -> None:
    assert SAMPLES
    for path in SAMPLES:
        text = path.read_text(encoding="utf-8")
        assert text.count("#") >= 3, path.name
        assert isinstance(yaml.safe_load(text), dict)


def test_the_readme_holds_the_two_commands() -> None:
    assert "python -m pip install -e . && auditor demo" in README
    assert "python -m pip install -e '.[dev]' && pytest" in README
