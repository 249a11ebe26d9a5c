"""The pages of the manual that are made from the code: the config's keys and the commands."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from auditor.cli import COMMANDS, cli
from auditor.config.audit import Config
from auditor.config.depth import PRESETS
from auditor.config.problems import section_of

CONFIGURATION = """\
# Configuration

An audit is described by one YAML file. `auditor init` writes one for your model and data,
`auditor init --sample NAME` writes a commented example, and `auditor schema config >
audit.schema.json` lets an editor complete and check it.

Every problem of a config is reported at once, each with file and line, the value, the allowed
values and the nearest name. An unknown key is an error.

When a value is given in several places, the first of these wins:

1. options of the command line: `--seed 3`, or `--set audit.seed=3` for any key;
2. environment variables: `AUDITOR_AUDIT__SEED=3`; two underscores separate section and key, and
   values are read as YAML;
3. the config file;
4. the preset (`audit.preset`).

Paths in the file, in the environment and in `--set` start from the config's folder.
"""

COMMANDS_HEAD = """\
# Commands

Messages and progress go to stderr, the result (a path, a verdict, a table) to stdout. Every command
ends with one of the exit codes that the README lists. `auditor COMMAND --help` shows the same text.
"""


Field = tuple[str, type[BaseModel], str]


def fields(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[Field]:
    """Yield every key of the config: ``section.key``, the model that holds it, its name there."""
    for key, info in model.model_fields.items():
        inner, optional = section_of(info.annotation)
        if inner is None or optional:
            yield f"{prefix}{key}", model, key
        if inner is not None:
            yield from fields(inner, f"{prefix}{key}.")


def config_keys() -> dict[str, str]:
    """Return every key of the config as ``section.key`` with its description."""
    return {name: model.model_fields[key].description or "" for name, model, key in fields()}


def configuration_page() -> str:
    """Return the page of the manual with every key of the config."""
    schema = Config.model_json_schema()
    rows = {name: _row(name, model, key, schema) for name, model, key in fields()}
    inner = {key: section_of(info.annotation)[0] for key, info in Config.model_fields.items()}
    parts = [CONFIGURATION, _table([rows[key] for key in inner if inner[key] is None])]
    for section, model in inner.items():
        if model is not None:
            own = [row for name, row in rows.items() if name.split(".")[0] == section]
            parts += [f"## {section}\n\n{(model.__doc__ or '').strip()}\n", _table(own)]
    return "\n".join([*parts, _presets()])


def _presets() -> str:
    """Return a table of what the presets set; `standard` is the defaults."""
    given = [
        {f"{section}.{key}": value for section, keys in PRESETS[preset].items()
         for key, value in keys.items()}
        for preset in ("quick", "deep")
    ]  # fmt: skip
    lines = ["## Presets", "", "`standard` is the defaults. The others change these keys:", ""]
    lines += ["| key | quick | deep |", "|---|---|---|"]
    for key in dict.fromkeys([*given[0], *given[1]]):
        lines.append(f"| `{key}` | {' | '.join(str(keys.get(key, '')) for keys in given)} |")
    return "\n".join([*lines, ""])


def _row(name: str, model: type[BaseModel], key: str, schema: dict[str, Any]) -> str:
    info = model.model_fields[key]
    default = info.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        shown = "required"
    else:
        shown = "" if default is None or default == "" else f"`{_plain(default)}`"
    defined = schema if model is Config else schema["$defs"][model.__name__]
    values = " or ".join(dict.fromkeys(_values(defined["properties"][key])))
    cells = (f"`{name}`", shown, values, info.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(rows: list[str]) -> str:
    return "\n".join(["| key | default | values | meaning |", "|---|---|---|---|", *rows, ""])


def _plain(value: object) -> str:
    """Return a value as YAML writes it on one line."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    return json.dumps(value)


def _values(schema: dict[str, Any]) -> Iterator[str]:
    """Yield in words what a key may hold."""
    if "anyOf" in schema or "oneOf" in schema:
        for branch in schema.get("anyOf", schema.get("oneOf", [])):
            yield from _values(branch)
    elif "enum" in schema or "const" in schema:
        yield ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    elif "pattern" in schema and "<=" in schema["pattern"]:
        yield "`<=` and a share"
    elif "pattern" in schema and ">=" in schema["pattern"]:
        yield "`>=` and a share"
    elif schema.get("type") in ("integer", "number"):
        yield _number(schema)
    elif "prefixItems" in schema:
        items = [" or ".join(_values(item)) for item in schema["prefixItems"]]
        yield f"[{', '.join(items)}]"
    elif schema.get("type") == "array":
        yield f"list of {' or '.join(_values(schema['items']))}"
    elif schema.get("type") != "null":
        words = {"boolean": "`true`, `false`", "string": "text", "object": "mapping"}
        yield words.get(schema.get("type", "object"), "mapping")


def _number(schema: dict[str, Any]) -> str:
    kind = "whole number" if schema["type"] == "integer" else "number"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind} from {low:g} to {high:g}"
    if low is not None:
        return f"{kind}, at least {low:g}"
    if "exclusiveMinimum" in schema:
        return f"{kind} above {schema['exclusiveMinimum']:g}"
    return kind


def commands_page() -> str:
    """Return the page of the manual with every command and option."""
    parts = [COMMANDS_HEAD]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        context = click.Context(command, info_name=f"auditor {name}")
        usage = " ".join([f"auditor {name}", *command.collect_usage_pieces(context)])
        about = inspect.cleandoc(command.help or "")
        parts.append(f"## auditor {name}\n\n`{usage}`\n\n{about}\n")
        records = [
            record
            for parameter in command.get_params(context)
            if isinstance(parameter, click.Option)
            and (record := parameter.get_help_record(context)) is not None
            and "--help" not in record[0]
        ]
        if records:
            lines = ["| option | does |", "|---|---|"]
            for option, text in records:
                cell = option.replace("|", "\\|")
                lines.append(f"| `{cell}` | {text.replace('|', chr(92) + '|')} |")
            parts.append("\n".join([*lines, ""]))
    return "\n".join(parts)


PAGES = {"configuration": configuration_page, "commands": commands_page}
