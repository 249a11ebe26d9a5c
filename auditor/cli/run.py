"""``auditor run``: audit a model from a config file, or from options alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from auditor.errors import ConfigError

if TYPE_CHECKING:
    from auditor.cli.progress import TerminalProgress
    from auditor.config import Config
    from auditor.pipeline import AuditOutcome


@click.command("run")
@click.argument("config_file", metavar="[CONFIG]", required=False, type=click.Path(path_type=Path))
@click.option("--model", help="Model: torchvision:NAME, package.module:factory, file.py:factory.")
@click.option("--weights", help="Checkpoint: .safetensors, or a state dict saved by torch.")
@click.option("--data", help="Folder with one folder per class, or a .csv table.")
@click.option("--class", "classes", multiple=True, help="Audit this class in depth; repeatable.")
@click.option("--layer", "layers", multiple=True, help="Audit this layer; repeatable.")
@click.option("--limit", type=int, help="Use a stratified random sample of this many images.")
@click.option("--seed", type=int, help="Seeds every random choice.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="Where the model runs.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["html", "pdf"]),
    help="Reports to make.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder that holds the runs.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors and the result's path.")
def command(config_file: Path | None, out: Path, quiet: bool, **options: Any) -> None:
    """Audit a model and write its report.

    Give a CONFIG file, or --model and --data. Options win over the file. The path of the run
    folder goes to stdout. The same command continues an audit that was stopped.
    """
    from auditor.cli.progress import TerminalProgress

    config, base = _config(config_file, options)
    audit_and_render(config, base, out, TerminalProgress(quiet=quiet))


def audit_and_render(
    config: Config, base: Path, out: Path, progress: TerminalProgress
) -> AuditOutcome:
    """Audit as ``config`` says, render the reports and print the run folder."""
    from auditor.cli.render import created_now, render_folder
    from auditor.pipeline import run_audit

    outcome = run_audit(
        config,
        base,
        out,
        created=created_now(),
        argv=sys.argv[1:],
        progress=progress,
    )
    for path in render_folder(outcome.run.path, config.report, progress).values():
        progress.say(f"report: {path}")
    click.echo(str(outcome.run.path))
    return outcome


def _config(config_file: Path | None, options: dict[str, Any]) -> tuple[Config, Path]:
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


def _changes(options: dict[str, Any], base: Path) -> dict[str, Any]:
    placed = {
        ("model", "source"): options["model"],
        ("model", "weights"): _from(base, options["weights"]),
        ("model", "device"): options["device"],
        ("data", "source"): _from(base, options["data"]),
        ("data", "limit"): options["limit"],
        ("audit", "classes"): list(options["classes"]) or None,
        ("audit", "layers"): list(options["layers"]) or None,
        ("audit", "seed"): options["seed"],
        ("report", "formats"): list(options["formats"]) or None,
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
