from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.config import PROPOSALS, config_keys, dump_config, load_config, parse_config
from auditor.errors import ConfigError

MINIMAL = {"model": {"source": "torchvision:resnet18"}, "data": {"source": "photos"}}


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "audit.yaml"
    path.write_text(text)
    return path


def test_reads_a_minimal_config(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, yaml.safe_dump(MINIMAL)))
    assert config.model.source == "torchvision:resnet18"
    assert config.audit.target == "predicted"


def test_unknown_key_names_file_line_and_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "model:\n  source: a:b\n  weigts: c\ndata: {source: d}\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert f"{path}:3: unknown key 'model.weigts'. Did you mean 'weights'?" in str(caught.value)


def test_every_problem_is_listed_with_its_line(tmp_path: Path) -> None:
    text = "model: {source: 3}\ndata:\n  source: d\n  limit: none\nextra: 1\n"
    with pytest.raises(ConfigError) as caught:
        load_config(write(tmp_path, text))
    lines = str(caught.value).splitlines()
    assert [line.split(":")[1] for line in lines] == ["1", "4", "5"]
    assert "'data.limit' is 'none'" in lines[1]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "a config is a mapping"),
        ("- a\n", "a config is a mapping"),
        ("a: [1\n", "not valid YAML"),
    ],
)
def test_not_a_config(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        load_config(write(tmp_path, text))


def test_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.yaml")


def test_missing_section_is_named() -> None:
    with pytest.raises(ConfigError, match="'model' is missing"):
        parse_config({"data": {"source": "x"}})


def test_resolved_config_reads_back_the_same() -> None:
    config = parse_config(MINIMAL)
    assert parse_config(yaml.safe_load(dump_config(config))) == config


def test_every_key_has_a_description() -> None:
    keys = dict(config_keys())
    assert len(keys) > 40
    assert [key for key, text in keys.items() if not text.endswith(".")] == []


def test_a_composite_of_ones_own_is_read_strictly(tmp_path: Path) -> None:
    own = {"base": "epsilon", "operations": {"conv2d": "gamma"}}
    config = parse_config(MINIMAL | {"audit": {"composite": own}})
    assert config.model_dump()["audit"]["composite"] == own | {"layers": {}}
    assert parse_config(yaml.safe_load(dump_config(config))) == config
    text = yaml.safe_dump(MINIMAL) + "audit:\n  composite:\n    basis: epsilon\n"
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = f"{path}:7: unknown key 'audit.composite.basis'. Did you mean 'base'?"
    assert message in str(caught.value)


def test_a_composite_is_a_name_or_a_mapping(tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(MINIMAL) + "audit:\n  composite: 3\n")
    with pytest.raises(ConfigError, match=r":6: 'audit.composite' is 3: "):
        load_config(path)


def test_an_unknown_proposal_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(MINIMAL) + "shortcuts:\n  proposals: [P1, P1d]\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    message = str(caught.value)
    assert "'shortcuts.proposals' is ['P1', 'P1d']: unknown proposal 'P1d'" in message
    assert "Did you mean 'P1" in message
    assert "Known: P1, P1b, P1c" in message


def test_proposals_are_kept_in_their_order_and_all_by_default() -> None:
    config = parse_config(MINIMAL | {"shortcuts": {"proposals": ["P6", "P1", "P6"]}})
    assert config.shortcuts.proposals == ["P1", "P6"]
    assert parse_config(MINIMAL).shortcuts.proposals == list(PROPOSALS)
