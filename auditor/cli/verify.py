"""``auditor verify``: whether the files of a run are as the audit wrote them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from auditor.cli.options import AS_JSON, RunPath


@click.command("verify")
@click.argument("run_folder", metavar="RUN", type=RunPath())
@click.option(
    "--manifest",
    "digest",
    help="SHA-256 that manifest.json must have, as an earlier verification printed it.",
)
@AS_JSON
def command(run_folder: Path, digest: str | None, as_json: bool) -> None:
    """Check every file of RUN against its manifest; exit with 5 if a byte is not as written.

    The digest of the manifest itself goes to stdout: keep it where the run cannot be reached (a
    ticket, a signed commit), and give it to --manifest later.
    """
    from auditor.base.errors import IntegrityError
    from auditor.review.keep.verify import verify
    from auditor.run.mirror import shown

    found = verify(run_folder)
    problems = [f"changed: {name}" for name in found.changed]
    problems += [f"missing: {name}" for name in found.missing]
    problems += [f"not part of the run: {name}" for name in found.extra]
    if not found.complete:
        problems.append("the manifest lists no audit.json: the audit is not complete")
    if digest is not None and digest != found.digest:
        problems.append(f"manifest.json has the digest {found.digest}, not {digest}")
    if as_json:
        click.echo(json.dumps(asdict(found) | {"problems": problems}, indent=1))
    if problems:
        raise IntegrityError(
            f"{shown(run_folder)} is not as it was written ({found.files} files listed):",
            *(f"  {problem}" for problem in problems),
        )
    if not as_json:
        click.echo(f"{found.files} files are as they were written.", err=True)
        click.echo(found.digest)
