"""The options that several commands share, and the config that they give together."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.base.addresses import checked, is_address
from auditor.base.errors import ConfigError
from auditor.config.short_names import KEYS

if TYPE_CHECKING:
    from auditor.config.audit import Config
    from auditor.config.layers import Layer

Command = Callable[..., None]
Decorator = Callable[[Command], Command]

LOST = ("memory://",)
DEVICE = click.option(
    "--device",
    metavar="NAME",
    help="Device that the model runs on: auto, cpu, cuda, cuda:1 or mps.",
)
LAYOUT = click.option(
    "--layout",
    type=click.Choice(["single", "folder"]),
    help="Write the HTML as one file, or as a folder for viewers that forbid inline style and "
    "script.",
)


class RunsFolder(click.Path):
    """A folder of runs, or its address, of which the command is given a copy on this machine."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        """Return the folder."""
        if not is_address(str(value)):
            if "://" in str(value):
                self.fail(f"'{value}' names no folder; write s3://bucket/runs or a path.")
            return super().convert(value, parameter, context)
        from auditor.run.mirror import mirrored

        mirror = mirrored(_lasting(str(value), self))
        context.call_on_close(mirror.close)
        return mirror.root


class RunPath(click.Path):
    """The folder of a run, or its address, of which the command is given a copy."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        """Return the folder of the run."""
        if not is_address(str(value)):
            return super().convert(value, parameter, context)
        from auditor.run.mirror import run_at

        mirror, run = run_at(_lasting(str(value), self))
        context.call_on_close(mirror.close)
        return run


class LocalFolder(click.Path):
    """A folder of this machine that a command writes to: an address is refused."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, parameter: Any, context: Any) -> Any:
        """Return the folder."""
        if "://" in str(value):
            self.fail(f"'{value}' is an address; give a folder of this machine.")
        return super().convert(value, parameter, context)


def _lasting(address: str, kind: click.Path) -> str:
    """Return the address of runs, which has to be there when the command has ended."""
    address = checked(address, "the run folder")
    if address.startswith(LOST):
        kind.fail(
            f"'{address}' lies in the memory of this command and is lost with it; give a folder, "
            "or an address such as s3://bucket/runs."
        )
    return address


RUNS = click.option(
    "--out",
    type=RunsFolder(),
    default=Path("runs"),
    show_default=True,
    help="Folder for the runs, or its address (s3://bucket/runs).",
)
ANNOTATE = click.option(
    "--annotate",
    is_flag=True,
    help="Print verdict and findings as annotations of GitHub Actions (::error title=...::).",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
PACKED = ("webdataset", "hf-dataset")  # data sources whose rest is a path
SOURCES = (
    click.option(
        "--model",
        help="Model: torchvision:NAME, timm:NAME, hf:FOLDER, package.module:factory or "
        "file.py:factory.",
    ),
    click.option(
        "--weights",
        help="Checkpoint or its address: .safetensors, or a state dict saved with torch.save.",
    ),
    click.option(
        "--data",
        help="Folder with one folder per class, a table (.csv, .parquet, .xlsx, COCO's .json), "
        "tars of WebDataset or a data set saved by Hugging Face, also at an address "
        "(s3://bucket/x), or a factory.",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set any key of the config, such as audit.references=8; repeatable.",
    ),
)


def preset_option(default: str | None = None) -> Decorator:
    """Return the option --preset."""
    return click.option(
        "--preset",
        type=click.Choice(["quick", "standard", "deep"]),
        default=default,
        show_default=default is not None,
        help="How thorough the audit is: quick for a pull request, deep for a release.",
    )


def format_option(default: str) -> Decorator:
    """Return the option --format, whose help names the default."""
    return click.option(
        "--format",
        "formats",
        multiple=True,
        type=click.Choice(["html", "pdf"]),
        help=f"Format to write; repeatable.  [default: {default}]",
    )


def quiet_option(rest: str) -> Decorator:
    """Return the option --quiet, whose help names what is printed all the same."""
    return click.option("--quiet", is_flag=True, help=f"Print only errors and {rest}.")


OPTIONS = (
    click.argument(
        "config_file", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path)
    ),
    *SOURCES,
    click.option(
        "--class", "classes", multiple=True, help="Audit this class in depth; repeatable."
    ),
    click.option("--layer", "layers", multiple=True, help="Audit this layer; repeatable."),
    click.option("--limit", type=int, help="Use a stratified random sample of this many images."),
    click.option("--seed", type=int, help="Seed of every random choice."),
    preset_option(),
    DEVICE,
)


def audit_options(command: Command) -> Command:
    """Give a command the argument CONFIG and the options that win over it."""
    return with_options(*OPTIONS)(command)


def with_options(*options: Decorator) -> Decorator:
    """Return a decorator that gives a command several options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def config_of(config_file: Path | None, options: Mapping[str, Any]) -> tuple[Config, Path]:
    """Return the config that everything given makes together, and the folder of its paths.

    Options win over variables of the environment, these over the file, the file over the preset.

    Raises:
        ConfigError: neither a file nor a model with data is given, or values cannot be used.
    """
    from auditor.config.audit import Config, resolve
    from auditor.config.layers import Layer, environment_layer, file_layer, merged, set_layer

    base = Path.cwd() if config_file is None else config_file.resolve().parent
    layers = [] if config_file is None else [file_layer(config_file)]
    layers.append(environment_layer(os.environ, Config))
    layers.append(set_layer(options.get("settings", ()), Config))
    layers += [_option_layer(place, value, flag) for place, value, flag in _given(options, base)]
    if config_file is None:
        values = merged(layers, Config).values
        source = (values.get("model") or {}).get("source")
        if not (source and (values.get("data") or {}).get("source")):
            raise ConfigError(
                "nothing to audit: give a config file, or --model and --data "
                "(try 'auditor demo' for an example)."
            )
        name = (str(source).partition(":")[2] or "audit").partition("?")[0]
        layers.insert(0, Layer({"project": {"name": name}}))
    name = "options" if config_file is None else str(config_file)
    return resolve(layers, name=name, check=lambda config: _problems(config, base)), base


def _problems(config: Config, base: Path) -> Iterable[tuple[tuple[str, ...], str]]:
    """Return what is wrong with plug-ins and the names they register, where there are any."""
    named = config.shortcuts.proposals is not None or bool(config.run.model_fields_set)
    named = named or "concept_names" in config.audit.model_fields_set
    if not (config.plugins or named):
        return ()
    from auditor.pipeline.plugins import problems_with_plugins

    return problems_with_plugins(config, base)


def options_of(
    config_file: Path, *, layers: Sequence[str] = (), device: str | None = None
) -> tuple[Config, Path]:
    """Return the config of a command that takes few options, and the folder of its paths."""
    return config_of(config_file, {"layers": layers, "device": device})


def _option_layer(place: tuple[str, str], value: Any, flag: str) -> Layer:
    from auditor.config.layers import Layer

    section, key = place
    return Layer({section: {key: value}}, {place: f"option {flag}"})


def _given(options: Mapping[str, Any], base: Path) -> Iterator[tuple[tuple[str, str], Any, str]]:
    """Yield the key that an option sets, its value and the option's name, for those given."""
    paths = ("model", "weights", "data")
    for name, place in KEYS.items():
        value = options.get(name)
        if name in paths:
            value = seen_from(base, value)
        if isinstance(value, (tuple, list)):
            value = list(value) or None
        if value is not None:
            flag = {"classes": "class", "layers": "layer", "formats": "format"}.get(name, name)
            yield place, value, f"--{flag.replace('_', '-')}"


def seen_from(base: Path, name: str | None) -> str | None:
    """Return a path, or a file.py:factory, of the command line as the config's folder names it.

    Also in ``webdataset:val-{000..003}.tar``, whose braces stand for several files.
    """
    if name is None or "://" in name:
        return name
    kind, colon, rest = name.partition(":")
    if kind in PACKED:
        path, question, query = rest.partition("?")
        return f"{kind}:{os.path.relpath(path, base)}{question}{query}"
    if Path(name).exists() or (":" not in name and re.search(r"[{*]", name)):
        return os.path.relpath(name, base)
    if kind.endswith(".py") and Path(kind).exists():
        return os.path.relpath(kind, base) + colon + rest
    return name
