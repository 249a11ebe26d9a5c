"""Read YAML that people wrote: no tags, no bombs, and every problem with its line."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from auditor.base.errors import ConfigError

MOST_BYTES = 2_000_000
# How many values aliases may add to those that are written.
MOST_UNFOLDED = 50_000
MOST_DEEP = 60
MOST_DIGITS = 100
PLAIN = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("null", "bool", "int", "float", "str", "seq", "map", "timestamp", "merge")
}


class NotYamlError(ConfigError):
    """A text that is no YAML, and may be meant as it stands."""


@dataclass(frozen=True)
class Document:
    """What a text says, and its nodes, which know their lines; None: it is empty."""

    value: Any
    tree: yaml.Node | None


def read_text(path: Path, what: str) -> str:
    """Return the text of a file of YAML, called ``what`` where it cannot be read.

    Raises:
        ConfigError: it cannot be read, is no UTF-8, or is far too large for one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(
                f"the {what} {path} has more than {MOST_BYTES // 1_000_000} MB. Give the path of a "
                "YAML file."
            )
        return content.decode()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ConfigError(
            f"cannot read the {what} {path}: {reason}. Give the path of a YAML file."
        ) from error


def load(text: str, where: str) -> Document:
    """Return what a text of YAML says; ``where`` it stands, for errors.

    Raises:
        NotYamlError: it is no YAML, with the line.
        ConfigError: it uses tags or numbers that are not read, contains itself, or is nested or
            repeated without measure.
    """
    try:
        loader = yaml.SafeLoader(text)
        tree = loader.get_single_node()
        if tree is None:
            return Document(None, None)
        _check_size(tree, where)
        for node in _nodes(tree):
            _check_node(node, loader, where)
        # Merging (<<) rewrites the nodes that it reads: the tree stays as it is written.
        return Document(yaml.safe_load(text), tree)
    except RecursionError as error:
        raise ConfigError(f"{where}: nested too deeply to be read.") from error
    except yaml.YAMLError as error:
        reason = str(getattr(error, "problem", None) or error).splitlines()[0]
        raise NotYamlError(f"{where}{_line(error, text)}: not valid YAML: {reason}.") from error


def _line(error: yaml.YAMLError, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return f":{mark.line + 1}"
    position = getattr(error, "position", None)
    return "" if position is None else f":{text.count(chr(10), 0, position) + 1}"


def _check_size(tree: yaml.Node, where: str) -> None:
    """Refuse what aliases make endless, or larger than anybody writes, before it is unfolded."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        known = sizes.get(id(node))
        if known == 0:
            raise ConfigError(f"{where}:{node.start_mark.line + 1}: an alias contains itself.")
        if depth > MOST_DEEP:
            raise ConfigError(
                f"{where}:{node.start_mark.line + 1}: nested more than {MOST_DEEP} levels deep."
            )
        if known is None:
            sizes[id(node)] = 0
            known = 1 + sum(size(child, depth + 1) for child in _children(node))
            sizes[id(node)] = known
        if known > MOST_UNFOLDED + 2 * len(sizes):
            raise ConfigError(
                f"{where}:{node.start_mark.line + 1}: aliases unfold to {known} values and more: "
                "write out what is meant."
            )
        return known

    size(tree, 0)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _nodes(tree: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every node once."""
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting += _children(node)


def _check_node(node: yaml.Node, loader: yaml.SafeLoader, where: str) -> None:
    line = f"{where}:{node.start_mark.line + 1}"
    if node.tag not in PLAIN:
        raise NotYamlError(f"{line}: the tag '{node.tag}' is not read: write a plain value.")
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":merge"):
        return
    if node.tag.endswith((":int", ":float")) and len(node.value) > MOST_DIGITS:
        raise NotYamlError(f"{line}: a number of {len(node.value)} digits is not read.")
    try:
        value = loader.construct_object(node)
    except (ValueError, OverflowError) as error:
        raise NotYamlError(f"{line}: '{node.value[:60]}' is not valid: {error}.") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise NotYamlError(f"{line}: '{node.value[:60]}' is no finite number.")
