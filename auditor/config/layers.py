"""Where a config's values come from: preset, file, environment, options; a later layer wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from auditor.base.errors import ConfigError
from auditor.base.yaml_text import NotYamlError, load, read_text
from auditor.config.problems import section_of

Place = tuple[str, ...]
PREFIX = "AUDITOR_"


class Keys(dict[str, Any]):
    """Values that were given key by key (``--set model.options.a=1``): others beside them stay."""


@dataclass(frozen=True)
class Layer:
    """Values as nested mappings; ``origins``: key path -> where it is written, for errors."""

    values: Mapping[str, Any]
    origins: Mapping[Place, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def file_layer(path: Path, what: str = "config") -> Layer:
    """Read a config file as a layer; ``what`` it is called where it cannot be read.

    Raises:
        ConfigError: the file cannot be read, is not YAML or no mapping.
    """
    found = load(read_text(path, what), str(path))
    document, tree = found.value, found.tree
    if not isinstance(document, dict) or tree is None:
        raise ConfigError(f"{path}:1: a config is a mapping of sections such as 'model:', 'data:'.")
    lines = {place: f"{path}:{line}" for place, line in _key_lines(tree)}
    return Layer(document, lines, tuple(_repeated(tree, path)))


def environment_layer(environment: Mapping[str, str], model: type[BaseModel]) -> Layer:
    """Read variables such as ``AUDITOR_AUDIT__SEED=3``: two underscores part section and key."""
    given = [
        (name.removeprefix(PREFIX).lower().split("__"), value, f"environment {name}")
        for name, value in sorted(environment.items())
        if name.startswith(PREFIX) and "__" in name.removeprefix(PREFIX)
    ]
    return merged(
        [_placed(place, read_value(text, where), where) for place, text, where in given], model
    )


def set_layer(settings: Sequence[str], model: type[BaseModel]) -> Layer:
    """Read options such as ``--set audit.seed=3``; values are read as YAML.

    Raises:
        ConfigError: a setting is not ``key=value``.
    """
    layers = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not (equals and key.strip()):
            raise ConfigError(
                f"--set is given '{setting}': write key=value, such as --set audit.seed=3."
            )
        where = f"--set {key.strip()}"
        layers.append(_placed(key.strip().split("."), read_value(text, where), where))
    return merged(layers, model)


def of_mapping(values: Mapping[str, Any], where: str) -> Layer:
    """Return values that all come from one place."""
    return Layer(values, dict.fromkeys(_places(values), where))


def merged(layers: Iterable[Layer], model: type[BaseModel]) -> Layer:
    """Return layers as one: a later value wins; sections are merged key by key."""
    values: dict[str, Any] = {}
    origins: dict[Place, str] = {}
    problems: tuple[str, ...] = ()
    for layer in layers:
        values = _merge(values, layer.values, model)
        origins |= layer.origins
        problems += layer.problems
    return Layer(values, origins, problems)


def read_value(text: str, where: str = "the value") -> Any:
    """Return what a text means as YAML, or the text itself where it is none (such as '>= 0.9').

    Raises:
        ConfigError: it is YAML without measure; ``where`` it was given is said.
    """
    try:
        return load(text, where).value
    except NotYamlError:
        return text


def _placed(place: Sequence[str], value: Any, where: str) -> Layer:
    origins = {tuple(place[:end]): where for end in range(2, len(place) + 1)}
    origins[tuple(place)] = where
    for key in reversed(place[1:]):
        value = Keys({key: value})
    return Layer({place[0]: value}, origins)


def _merge(
    below: Mapping[str, Any], above: Mapping[str, Any], model: type[BaseModel]
) -> dict[str, Any]:
    result = dict(below)
    for key, value in above.items():
        info = model.model_fields.get(str(key))
        inner, optional = section_of(info.annotation) if info else (None, False)
        old = result.get(key)
        if inner is not None and isinstance(old, Mapping) and isinstance(value, Mapping):
            result[key] = _merge(old, value, inner)
        elif inner is None and isinstance(value, Keys) and isinstance(old, Mapping):
            result[key] = Keys(_beside(old, value))
        elif inner is None or optional or value is not None:
            # A section written without keys ("audit:") says nothing.
            result[key] = value
    return result


def _beside(old: Mapping[str, Any], keys: Keys) -> dict[str, Any]:
    """Return a mapping of the user's own with some of its keys set."""
    result = dict(old)
    for key, value in keys.items():
        inner = result.get(key)
        if isinstance(value, Keys) and isinstance(inner, Mapping):
            result[key] = _beside(inner, value)
        else:
            result[key] = value
    return result


def _places(values: Mapping[str, Any], place: Place = ()) -> Iterator[Place]:
    for key, value in values.items():
        yield (*place, key)
        if isinstance(value, Mapping):
            yield from _places(value, (*place, key))


def _key_lines(node: yaml.Node, path: Place = ()) -> Iterator[tuple[Place, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*path, str(key.value))
            yield from _key_lines(value, here)
            yield here, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _key_lines(value, (*path, str(index)))


def _repeated(node: yaml.Node, path: Path, place: Place = ()) -> Iterator[str]:
    """Say which keys are written twice: YAML would keep the last one without a word."""
    if isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield from _repeated(item, path, (*place, str(at)))
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in seen and key.tag != "tag:yaml.org,2002:merge":
            dotted = ".".join((*place, name))
            yield f"{path}:{line}: '{dotted}' is given twice, first in line {seen[name]}: keep one."
        seen.setdefault(name, line)
        yield from _repeated(value, path, (*place, name))
