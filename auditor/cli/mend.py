"""``auditor mend``: take a finding out of a model's weights, and say what is left of it."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.options import DEVICE, RunPath, options_of, quiet_option

if TYPE_CHECKING:
    from auditor.causal.mend import Effect, Mended, Way


@click.command("mend")
@click.argument("config_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.argument("run_folder", metavar="RUN", type=RunPath())
@click.option("--finding", required=True, help="Finding of RUN to take out, such as F1.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the mended weights (.safetensors).",
)
@DEVICE
@quiet_option("the path of the weights")
def command(
    config_file: Path,
    run_folder: Path,
    finding: str,
    out: Path,
    device: str | None,
    quiet: bool,
) -> None:
    """Take what a finding rests on out of the weights of the model of CONFIG, audited in RUN.

    Two ways are tried on the discovery half and measured on the test half: the directions in which
    the finding's region moves the model are projected out where a layer is read through weights
    (P-ClArC), one, two, four or eight of them; and the last layer is fitted anew on pictures of all
    classes with the region put in. Written is the way that leaves the fewest pictures turned, if
    they are clearly fewer than before and accuracy, on all classes and on the finding's, falls by
    at most 2 points. It is chosen by the pictures that it is measured on: the mended model's own
    audit is the proof. Exits with 1 if nothing that was tried takes the finding out. The path of
    the weights goes to stdout.
    """
    from auditor.base.errors import ConfigError, GateError
    from auditor.cli.progress import TerminalProgress
    from auditor.pipeline.mending import mend_finding, write_weights
    from auditor.run.storage import check_writable

    if out.suffix != ".safetensors":
        raise ConfigError(f"--out '{out}' must end in .safetensors: that is what is written.")
    if out.exists():
        raise ConfigError(f"--out '{out}' exists: name a new file.")
    check_writable(out.parent)
    progress = TerminalProgress(quiet=quiet)
    config, base = options_of(config_file, device=device)
    tried, title = mend_finding(config, base, run_folder, finding, progress)
    for line in lines_of(tried, f"{finding}, {title}"):
        progress.say(line)
    if tried.model is None:
        raise GateError(
            f"nothing that was tried takes {finding} out of the model at a price of at most 2 "
            "points of accuracy, on all classes or on its own: train again with the region masked, "
            "or put on pictures of all classes at random."
        )
    write_weights(tried.model, out)
    again = ["auditor", "run", config_file, "--weights", out, "--baseline", run_folder]
    for key in ("entry", "prefix"):
        if getattr(config.model, key) is not None:
            again += ["--set", f"model.{key}=null"]
    progress.say(
        "It was chosen by the pictures that it is measured on, which flatters it a little. The "
        f"proof is its own audit: {shlex.join(map(str, again))}"
    )
    click.echo(str(out))


def lines_of(tried: Mended, what: str) -> list[str]:
    """Return what the model does as it is, and what each way of mending it leaves."""
    lines = [f"{what}. As it is: {_in_words(tried.before)}"]
    for index, way in enumerate(tried.ways):
        chosen = " <- written" if index == tried.best else ""
        lines.append(f"{_way_in_words(way)}: {_in_words(way.after)}{chosen}")
    return lines


def _way_in_words(way: Way) -> str:
    where = ", ".join(way.site.modules)
    if not way.directions:
        return f"{where} fitted anew (pull {way.pull:g})"
    several = "1 direction" if way.directions == 1 else f"{way.directions} directions"
    return f"{several} out of what {where} reads"


def _in_words(effect: Effect) -> str:
    from auditor.report.show.formatting import interval

    return (
        f"turns {interval(effect.turned)} of other pictures, a control {interval(effect.control)}; "
        f"accuracy {interval(effect.every)}, of its class {interval(effect.own)}"
    )
