"""``auditor demo``: train a small model with a planted shortcut, audit it, show what was found."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.options import quiet_option

if TYPE_CHECKING:
    from auditor.report.document.result import AuditResult


@click.command("demo")
@click.option("--clean", is_flag=True, help="Audit the twin that was trained without date stamps.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder for data, model, config and runs.  [default: auditor-demo or auditor-demo-clean]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of data and training.")
@quiet_option("the findings")
def command(clean: bool, out: Path | None, seed: int, quiet: bool) -> None:
    """Run a whole audit offline, on real photographs with a known shortcut.

    Trains a surface-inspection classifier on crops of photographs in which 80 % of one class carry
    a camera's date stamp, and audits it. The folder keeps everything that the audit needs: change
    demo.yaml or the model and run it again with `auditor run`.
    """
    from auditor.cli.progress import TerminalProgress
    from auditor.cli.run import audit_and_render
    from auditor.config.audit import load_config
    from auditor.demo.prepare import prepare_demo
    from auditor.demo.training import EPOCHS
    from auditor.run.storage import check_writable

    started = time.monotonic()
    folder = out or Path("auditor-demo-clean" if clean else "auditor-demo")
    check_writable(folder)
    progress = TerminalProgress(quiet=quiet)
    with progress.stage("preparing photographs and training the demo model", EPOCHS) as step:
        accuracy = prepare_demo(folder, clean=clean, seed=seed, progress=step)
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
