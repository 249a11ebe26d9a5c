"""``auditor doctor``: check whether this machine has what an audit needs."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from auditor.base.errors import AuditorError
from auditor.cli.options import AS_JSON, RUNS


@click.command("doctor")
@RUNS
@AS_JSON
def command(out: Path, as_json: bool) -> None:
    """Check this machine: Python, torch, CUDA, Pango, fonts, disk, memory, caches, write access.

    Each line is ok, a note (an audit runs without it), or a fault with the command that fixes it.
    Works without torch. Exits with 3 if there is a fault.
    """
    from auditor.cli.machine import examine

    found = []
    for check in examine(out):
        found.append(check)
        if as_json:
            continue
        click.echo(f"{check.state:<5}  {check.name}: {check.found}")
        if check.fix:
            click.echo(f"       -> {check.fix}")
    if as_json:
        click.echo(json.dumps([asdict(check) for check in found], indent=1))
    bad = [check.name for check in found if check.state == "fault"]
    if bad:
        raise AuditorError(f"fix this before an audit: {', '.join(bad)}.")
    if not as_json:
        click.echo("This machine is ready.", err=True)
