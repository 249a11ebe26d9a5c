"""Where a config's values come from: preset, file, environment, options; a later layer wins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from auditor.config_errors import section_of
from auditor.errors import ConfigError

Place = tuple[str, ...]
PREFIX = "AUDITOR_"


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
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f"cannot read the {what} {path}: {reason}. Give the path of a YAML file."
        ) from error
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        reason = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise ConfigError(f"{path}{line}: not valid YAML: {reason}.") from error
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
    return merged([_placed(place, read_value(text), where) for place, text, where in given], model)


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
        layers.append(_placed(key.strip().split("."), read_value(text), f"--set {key.strip()}"))
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


def read_value(text: str) -> Any:
    """Return what a text means as YAML, or the text itself where it is none (such as '>= 0.9')."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def _placed(place: Sequence[str], value: Any, where: str) -> Layer:
    origins = {tuple(place[:end]): where for end in range(2, len(place) + 1)}
    origins[tuple(place)] = where
    for key in reversed(place[1:]):
        value = {key: value}
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
        elif inner is None or optional or value is not None:
            # A section written without keys ("audit:") says nothing.
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
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in seen:
            dotted = ".".join((*place, name))
            yield f"{path}:{line}: '{dotted}' is given twice, first in line {seen[name]}: keep one."
        seen.setdefault(name, line)
        yield from _repeated(value, path, (*place, name))
