from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from auditor.base.errors import ConfigError
from auditor.config.audit import (
    Config,
    dump_config,
    load_config,
    load_gate,
    parse_config,
    resolve,
)
from auditor.config.depth import PRESETS
from auditor.config.layers import Layer, environment_layer, file_layer, set_layer
from auditor.config.policy import read_bound
from tests.core.generated_pages import config_keys

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
    keys = config_keys()
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


def test_what_a_check_finds_is_told_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(MINIMAL) + "shortcuts:\n  proposals: [P1, P1d]\n")
    with pytest.raises(ConfigError) as caught:
        resolve(
            [file_layer(path)],
            name=str(path),
            check=lambda _config: [(("shortcuts", "proposals"), "unknown 'P1d'.")],
        )
    assert str(caught.value) == f"{path}:6: 'shortcuts.proposals' is ['P1', 'P1d']: unknown 'P1d'."


def layered(*layers: Layer) -> Config:
    return resolve(list(layers), name="x")


def test_options_beat_environment_beats_file_beats_preset(tmp_path: Path) -> None:
    text = yaml.safe_dump(MINIMAL | {"audit": {"preset": "quick", "references": 5, "seed": 1}})
    file = file_layer(write(tmp_path, text))
    environment = environment_layer(
        {"AUDITOR_AUDIT__SEED": "2", "AUDITOR_DATA__LABELS": "wnid", "AUDITOR_DEBUG": "1"}, Config
    )
    audit = layered(file).audit
    assert (audit.references, audit.seed, audit.concepts) == (5, 1, 3)
    config = layered(file, environment, set_layer(["audit.seed=3"], Config))
    assert (config.audit.seed, config.data.labels) == (3, "wnid")
    assert layered(file, environment).audit.seed == 2
    assert layered(file, set_layer(["audit.preset=deep"], Config)).audit.concepts == 12


@pytest.mark.parametrize("name", ["quick", "standard", "deep"])
def test_a_preset_is_a_valid_part_of_a_config(name: str) -> None:
    config = parse_config(MINIMAL | {"audit": {"preset": name}})
    for section, values in PRESETS[name].items():
        for key, value in values.items():
            assert getattr(getattr(config, section), key) == value
    assert parse_config(yaml.safe_load(dump_config(config))) == config


def test_every_layer_names_where_a_problem_stands(tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(MINIMAL) + "audit: {target: predict}\ntargts: {}\n")
    with pytest.raises(ConfigError) as caught:
        layered(
            file_layer(path),
            environment_layer({"AUDITOR_AUDIT__SEEED": "1", "AUDITOR_DATA__LIMIT": "all"}, Config),
            set_layer(["policy.fail_on=hihg", "targets.accuracy=1.5"], Config),
        )
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    text = str(caught.value)
    assert f"{path}:5: 'audit.target' is 'predict': it should be 'predicted' or 'label'" in text
    assert "did you mean 'predicted'?" in text
    assert f"{path}:6: unknown key 'targts'. Did you mean 'targets'?" in text
    assert (
        "environment AUDITOR_AUDIT__SEEED: unknown key 'audit.seeed'. Did you mean 'seed'?" in text
    )
    assert "environment AUDITOR_DATA__LIMIT: 'data.limit' is 'all': it should be a whole" in text
    assert "--set policy.fail_on: 'policy.fail_on' is 'hihg'" in text
    assert "did you mean 'high'?" in text
    assert "--set targets.accuracy: 'targets.accuracy' is '>= 1.5': a target is '>='" in text


def test_a_value_that_fits_no_form_is_one_problem() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(MINIMAL | {"audit": {"layers": 3}})
    assert str(caught.value) == (
        "options: 'audit.layers' is 3: it should be 'auto'; or it should be a list."
    )


def test_a_key_given_twice_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(MINIMAL) + "audit:\n  seed: 1\n  seed: 2\n")
    with pytest.raises(ConfigError, match=r":7: 'audit.seed' is given twice, first in line 6"):
        load_config(path)


def test_an_empty_section_says_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, yaml.safe_dump(MINIMAL) + "audit:\ntargets:\npolicy:\n")
    config = load_config(path)
    assert (config.audit.seed, config.policy, config.gated) == (0, None, False)


@pytest.mark.parametrize("setting", ["audit.seed", "=3"])
def test_a_setting_is_key_and_value(setting: str) -> None:
    with pytest.raises(ConfigError, match="write key=value"):
        set_layer([setting], Config)


@pytest.mark.parametrize(
    ("text", "bound"), [(">= 0.9", (">=", 0.9)), ("<=5 %", ("<=", 0.05)), (">=.5", (">=", 0.5))]
)
def test_targets_are_bounds(text: str, bound: tuple[str, float]) -> None:
    assert read_bound(text) == bound


@pytest.mark.parametrize("text", ["0.9", "> 0.9", ">= 90", "<= -1", ">= x", ""])
def test_what_is_no_bound(text: str) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        read_bound(text)


def test_a_bare_number_is_the_bound_that_makes_sense() -> None:
    targets = parse_config(MINIMAL | {"targets": {"accuracy": 0.9, "calibration_error": 0.1}})
    assert targets.targets.asked() == {"accuracy": ">= 0.9", "calibration_error": "<= 0.1"}
    assert targets.gated
    with pytest.raises(ConfigError, match="better when it is larger: write '>='"):
        parse_config(MINIMAL | {"targets": {"accuracy": "<= 0.9"}})


def test_what_is_made_of_the_evidence_is_no_part_of_it() -> None:
    config = parse_config(MINIMAL | {"policy": {}, "targets": {"accuracy": 0.9}})
    plain = yaml.safe_load(dump_config(config, evidence=True))
    assert "audit" in plain
    assert not {"policy", "targets", "completion"} & set(plain)


def test_a_policy_is_read_alone_or_from_a_config_below_the_environment(tmp_path: Path) -> None:
    alone = write(tmp_path, "policy: {fail_on: critical}\ntargets: {accuracy: 0.9}\n")
    variables = {"AUDITOR_POLICY__FAIL_ON_NEW": "never", "AUDITOR_AUDIT__SEED": "1"}
    found = load_gate(alone, variables)
    assert (found.policy.fail_on, found.policy.fail_on_new) == ("critical", "never")
    assert found.targets.asked() == {"accuracy": ">= 0.9"}
    with pytest.raises(ConfigError, match=r"unknown key 'polcy'. Did you mean 'policy'"):
        load_gate(write(tmp_path, "polcy: {}\n"))
    whole = write(tmp_path, yaml.safe_dump(MINIMAL))
    assert load_gate(whole).policy.fail_on == "high"
    assert load_gate(whole, variables).policy.fail_on_new == "never"
