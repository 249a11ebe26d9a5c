"""What a command may be told about an audit: a config file, and options that win over it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.errors import ConfigError

if TYPE_CHECKING:
    from auditor.config import Config

Command = Callable[..., None]
OPTIONS = (
    click.argument(
        "config_file", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path)
    ),
    click.option(
        "--model", help="Model: torchvision:NAME, package.module:factory, file.py:factory."
    ),
    click.option("--weights", help="Checkpoint: .safetensors, or a state dict saved by torch."),
    click.option("--data", help="Folder with one folder per class, or a .csv table."),
    click.option(
        "--class", "classes", multiple=True, help="Audit this class in depth; repeatable."
    ),
    click.option("--layer", "layers", multiple=True, help="Audit this layer; repeatable."),
    click.option("--limit", type=int, help="Use a stratified random sample of this many images."),
    click.option("--seed", type=int, help="Seeds every random choice."),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where the model runs."
    ),
)


def audit_options(command: Command) -> Command:
    """Give a command the argument CONFIG and the options that win over it."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def config_of(config_file: Path | None, options: Mapping[str, Any]) -> tuple[Config, Path]:
    """Return the config that a file and options give together, and the folder of its paths.

    Raises:
        ConfigError: neither a file nor a model with data is given, or a value cannot be used.
    """
    from auditor.config import load_config, parse_config

    base = Path.cwd() if config_file is None else config_file.resolve().parent
    changes = _changes(options, base)
    if config_file is not None:
        config = load_config(config_file)
        merged = _merge(config.model_dump(mode="json"), changes)
        return parse_config(merged, name=str(config_file)), base
    if not (options["model"] and options["data"]):
        raise ConfigError(
            "nothing to audit: give a config file, or --model and --data "
            "(try 'auditor demo' for an example)."
        )
    name = str(options["model"]).partition(":")[2] or "audit"
    document = _merge({"project": {"name": name.partition("?")[0]}}, changes)
    return parse_config(document), base


def options_of(
    config_file: Path, *, layers: Sequence[str] = (), device: str | None = None
) -> tuple[Config, Path]:
    """Return the config of a command that takes few options, and the folder of its paths."""
    given = {"layers": layers, "device": device, "classes": ()}
    unused = dict.fromkeys(("model", "weights", "data", "limit", "seed"))
    return config_of(config_file, unused | given)


def _changes(options: Mapping[str, Any], base: Path) -> dict[str, Any]:
    placed = {
        ("model", "source"): options["model"],
        ("model", "weights"): _from(base, options["weights"]),
        ("model", "device"): options["device"],
        ("data", "source"): _from(base, options["data"]),
        ("data", "limit"): options["limit"],
        ("audit", "classes"): list(options["classes"]) or None,
        ("audit", "layers"): list(options["layers"]) or None,
        ("audit", "seed"): options["seed"],
        ("report", "formats"): list(options.get("formats", ())) or None,
        ("report", "layout"): options.get("layout"),
    }
    changes: dict[str, Any] = {}
    for (section, key), value in placed.items():
        if value is not None:
            changes.setdefault(section, {})[key] = value
    return changes


def _from(base: Path, path: str | None) -> str | None:
    """Return a path given on the command line as the config's folder would name it."""
    if path is None or not Path(path).exists():
        return path
    return os.path.relpath(path, base)


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for section, values in changes.items():
        merged[section] = {**merged.get(section, {}), **values}
    return merged
