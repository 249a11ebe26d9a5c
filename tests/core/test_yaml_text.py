"""YAML that people wrote, and YAML that nobody would: an error with file and line, at once."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from auditor.base.errors import ConfigError
from auditor.config.audit import Config, load_config, load_gate, parse_config
from auditor.config.layers import environment_layer, file_layer, read_value, set_layer
from auditor.review.decide.decisions_file import read_decisions

MINIMAL = "model: {source: 'm:f'}\ndata: {source: d}\n"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
)

BAD = {
    "laughs": (LAUGHS, r":\d+: aliases unfold to"),
    "laughs in an option": (MINIMAL + f"project: {{name: {{{LAUGHS.splitlines()[0]}}}}}", "x.yaml"),
    "merges": (MERGES, r":\d+: aliases unfold to"),
    "contains itself": ("a: &a [*a]\n", ":1: an alias contains itself"),
    "contains itself, deeper": ("a: 1\nb: &b {c: {d: [*b]}}\n", ":2: an alias contains itself"),
    "deep": ("a: " + "[" * 200 + "]" * 200 + "\n", ":1: nested more than 60 levels"),
    "very deep": ("a: " + "[" * 20000 + "\n", "nested too deeply"),
    "very deep mapping": ("".join(" " * n + "a:\n" for n in range(900)), "x.yaml"),
    "digits": (f"a: 1\nb: {'9' * 5000}\n", ":2: a number of 5000 digits"),
    "digits of hex": (f"a: 0x{'f' * 5000}\n", ":1: a number of 5002 digits"),
    "infinite": ("a: 1\nb: .inf\n", ":2: '.inf' is no finite number"),
    "not a number": ("a: [1, .nan]\n", ":1: '.nan' is no finite number"),
    "no such day": ("a: 1\nb: 2024-13-45\n", ":2: '2024-13-45' is not valid"),
    "object": ("a: !!python/object/apply:os.system [x]\n", ":1: the tag"),
    "own tag": ("a: 1\nb: !x 2\n", ":2: the tag '!x' is not read"),
    "set": ("a: !!set {b, c}\n", ":1: the tag"),
    "binary": ("a: !!binary aGk=\n", ":1: the tag"),
    "two documents": ("a: 1\n---\nb: 2\n", ":2: not valid YAML"),
    "control character": ("a: 1\nb: x\x07\n", ":2: not valid YAML"),
    "list": ("- a\n", ":1: a config is a mapping"),
    "empty": ("", ":1: a config is a mapping"),
    "comment": ("# nothing\n", ":1: a config is a mapping"),
    "no alias": ("a: *b\n", ":1: not valid YAML"),
    "a list as a key": ("? [a]\n: b\n", "x.yaml:1"),
}


@pytest.mark.parametrize("name", BAD)
def test_each_is_an_error_at_once(tmp_path: Path, name: str) -> None:
    text, said = BAD[name]
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    for read in (load_config, load_gate, read_decisions):
        started = time.monotonic()
        with pytest.raises(ConfigError, match=said):
            read(path)
        # What is expanded does not end; a slow machine under load must not fail.
        assert time.monotonic() - started < 60


def test_what_is_no_text_or_too_much_of_it(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    for content, said in (
        (b"a: \xff\n", "not UTF-8"),
        ("a: ä".encode("utf-16"), "not UTF-8"),
        (b"a: b\n" * 500_000, "more than 2 MB"),
    ):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=said):
            file_layer(path)
    with pytest.raises(ConfigError, match="Is a directory"):
        file_layer(tmp_path)
    with pytest.raises(ConfigError, match="more than 2 MB"):
        file_layer(Path("/dev/zero"))
    with pytest.raises(ConfigError, match="No such file"):
        file_layer(tmp_path / "none.yaml")


def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    """As with ``auditor run <(make-config)``."""
    reading, writing = os.pipe()
    os.write(writing, b"a: 1\n")
    os.close(writing)
    assert file_layer(Path(f"/dev/fd/{reading}")).values == {"a": 1}
    os.close(reading)


def test_aliases_merges_days_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("\ufeffa: &a {x: 1}\nb: *a\nc: {<<: *a, y: 2}\nd: [*a, *a]\n", "utf-8")
    assert file_layer(path).values == {
        "a": {"x": 1},
        "b": {"x": 1},
        "c": {"x": 1, "y": 2},
        "d": [{"x": 1}, {"x": 1}],
    }


def test_a_key_given_twice_in_a_list_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_text("version: 1\ndecisions:\n- what: name\n  reason: a\n  reason: b\n")
    with pytest.raises(ConfigError, match=r":5: 'decisions.0.reason' is given twice, first in"):
        read_decisions(path)


def test_values_of_options_and_environment_are_measured_too() -> None:
    bomb = "{" + ", ".join(LAUGHS.splitlines()) + "}"
    for read in (
        lambda: set_layer([f"model.options={bomb}"], Config),
        lambda: environment_layer({"AUDITOR_MODEL__OPTIONS": bomb}, Config),
        lambda: read_value("[" * 20000),
    ):
        with pytest.raises(ConfigError, match=r"unfold|deep"):
            read()
    for text in (">= 0.9", "2024-13-45", "9" * 5000, "!x 1", "a: b: c", ".inf", "*a"):
        assert read_value(text) == text


def test_keys_of_a_mapping_can_be_set_one_by_one() -> None:
    """The second of two --set of one mapping does not take the first away."""
    given = ["model.options.a=1", "model.options.b.c=2", "model.options.b.d=3"]
    assert set_layer(given, Config).values == {
        "model": {"options": {"a": 1, "b": {"c": 2, "d": 3}}}
    }
    whole = [*given, "model.options={e: 4}", "model.options.f=5"]
    assert set_layer(whole, Config).values == {"model": {"options": {"e": 4, "f": 5}}}


def test_a_number_that_is_none_is_no_setting() -> None:
    values = set_layer(["audit.epsilon=.nan", "model.source=m:f", "data.source=d"], Config).values
    with pytest.raises(ConfigError, match=r"'audit.epsilon' is '.nan'"):
        parse_config(values)
    with pytest.raises(ConfigError, match=r"'audit.epsilon' is nan"):
        parse_config({**values, "audit": {"epsilon": float("nan")}})
