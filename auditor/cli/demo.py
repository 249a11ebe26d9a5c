"""``auditor demo``: audit a small model with a planted shortcut, and show what was found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.options import LocalFolder, quiet_option
from auditor.demo.names import SHORTCUTS

if TYPE_CHECKING:
    from auditor.report.document.result import AuditResult


class Demo(click.Command):
    """Says what became of an option that is gone."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the options.

        Raises:
            click.UsageError: one of them is wrong.
        """
        if "--clean" in args:
            raise click.UsageError("--clean is gone: use --shortcut none.", context)
        return super().parse_args(context, args)


@click.command("demo", cls=Demo)
@click.option(
    "--shortcut",
    type=click.Choice(SHORTCUTS),
    default=SHORTCUTS[0],
    show_default=True,
    help="What the model was taught to go by: a date stamp, the bench below a part, or nothing.",
)
@click.option(
    "--train", "anew", is_flag=True, help="Train the model here instead of taking it as shipped."
)
@click.option(
    "--out",
    type=LocalFolder(),
    default=None,
    help="Folder for data, model, config and runs.  [default: auditor-demo, or auditor-demo-none "
    "and the like]",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Seed of data and training; a model of another seed than 0 is trained here.",
)
@quiet_option("the findings")
def command(shortcut: str, anew: bool, out: Path | None, seed: int, quiet: bool) -> None:
    """Run a whole audit offline, on real photographs with a known shortcut.

    Audits a surface-inspection classifier that was trained on crops of photographs in which 80 % of
    one class carry a camera's date stamp; or one of machine parts, of which gears lay on gravel in
    92 % of its pictures and the other parts on grass; or one without a planted shortcut. The folder
    keeps everything that the audit needs: change demo.yaml or the model and run it again with
    `auditor run`.
    """
    from auditor.cli.progress import TerminalProgress
    from auditor.cli.run import audit_and_render
    from auditor.config.audit import load_config
    from auditor.demo.prepare import is_trained, prepare_demo
    from auditor.demo.training import EPOCHS
    from auditor.run.storage import check_writable

    started = time.monotonic()
    folder = out or Path("auditor-demo" if shortcut == SHORTCUTS[0] else f"auditor-demo-{shortcut}")
    check_writable(folder)
    progress = TerminalProgress(quiet=quiet)
    trained = is_trained(seed, anew)
    doing = "preparing photographs" + (" and training the demo model" if trained else "")
    with progress.stage(doing, EPOCHS if trained else None) as step:
        accuracy = prepare_demo(folder, shortcut=shortcut, seed=seed, anew=anew, progress=step)
    progress.say(f"demo model: validation accuracy {accuracy:.2f}")
    config_file = folder / "demo.yaml"
    run, result, _code = audit_and_render(
        load_config(config_file), folder.resolve(), folder / "runs", progress
    )
    if quiet:  # otherwise the run has said it
        click.echo(f"{result.verdict.word}: {result.verdict.sentence}", err=True)
    for line in findings_in_lines(result):
        click.echo(line, err=True)
    click.echo(f"Open {run / 'report.html'} in a browser.", err=True)
    click.echo(
        f"took {time.monotonic() - started:.0f} s. Audit it again: auditor run {config_file}",
        err=True,
    )


def findings_in_lines(result: AuditResult) -> list[str]:
    """Return accuracy and leading findings, in at most three lines; the report has the numbers."""
    accuracy = result.performance.accuracy
    lines = [f"accuracy {accuracy.value:.2f} on {accuracy.n} images"]
    strong = [finding for finding in result.findings if finding.grade in ("A", "B")]
    for finding in strong[:2]:
        lines.append(f"{finding.id} grade {finding.grade}, {finding.title}: {finding.lead}")
    if not strong:
        search = result.search
        lines.append(
            f"{search.proposed} regions were proposed and {search.tests} causal tests run: none "
            "found a likely shortcut."
        )
    return lines
