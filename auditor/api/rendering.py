"""A finished run drawn again, in the way of the command and of the library."""

from __future__ import annotations

import datetime
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.config.audit import Config
    from auditor.report.document.result import RenderContext
    from auditor.report.show.branding import Branding

CALLED = "auditor.audit(model, data, ...)"  # what redoes an audit of objects


def load_sections(config: Config, progress: Any) -> None:
    """Import the plug-ins of an audit, whose sections are drawn too; say which cannot be.

    Their files are looked for from the current folder: a run does not know where its config was.
    """
    if not config.plugins:
        return
    from auditor.base.errors import ConfigError
    from auditor.pipeline.plugins import load_plugins

    try:
        load_plugins(config, Path.cwd(), drawing=True)
    except (ConfigError, ImportError) as error:
        progress.say(
            f"note: sections that plug-ins add are left out: {error} A run's plug-ins are looked "
            "for from the current folder: to have them, call this in the folder of its config."
        )


def config_of_run(run_folder: Path) -> Config:
    """Return the config of a run as the audit wrote it.

    Raises:
        IntegrityError: it is missing or was changed.
    """
    from auditor.config.audit import load_config
    from auditor.run.manifest import read_listed

    read_listed(run_folder, "config.yaml")
    return load_config(run_folder / "config.yaml")


def render_folder(
    run_folder: Path, report: Any, progress: Any, *, base: Path | None = None
) -> Mapping[str, Path]:
    """Render the run as its report config says and return format -> file.

    The config's own templates, style and logo are looked for from ``base`` (default: the current
    folder).
    """
    from auditor.report.show.render import older_reports, render_run
    from auditor.run.manifest import read_manifest

    context = context_of(run_folder, report)
    before = read_manifest(run_folder)["files"]
    with progress.stage(f"rendering {' and '.join(report.formats)}"):
        written = render_run(
            run_folder,
            context,
            formats=report.formats,
            max_html_mb=report.max_html_mb,
            pdf_timeout=report.pdf_timeout,
            branding=branding_of(report, base or Path.cwd()),
            layout=report.layout,
        )
    for name in older_reports(run_folder, context, before, written.values()):
        progress.say(f"note: {name} was not drawn again: it shows an earlier rendering")
    return written


def context_of(run_folder: Path, report: Any) -> RenderContext:
    """Return the times and the command of a run, which its reports state.

    Under SOURCE_DATE_EPOCH, which asks for the same bytes every time, without the seconds of the
    stages: they are another number in every run.
    """
    from auditor.config.published import shared_command
    from auditor.report.document.result import RenderContext
    from auditor.run.manifest import read_manifest

    manifest = read_manifest(run_folder)
    argv = manifest.get("argv", [])
    stages = {name: entry["seconds"] for name, entry in manifest["stages"].items()}
    if "seconds" in manifest:
        stages["result"] = manifest["seconds"]
    if "SOURCE_DATE_EPOCH" in os.environ:
        stages = {}
    return RenderContext(
        created=manifest["created"],
        stages=stages,
        command=shlex.join(["auditor", *shared_command(argv)]) if argv else CALLED,
        tier=report.tier,
        sections=report.sections,
        language=report.language,
    )


def branding_of(report: Any, base: Path) -> Branding:
    """Return what the report config names of the organisation's own; paths start from ``base``.

    Raises:
        OutputError: a file or folder is missing or cannot be used.
    """
    from auditor.report.show.branding import read_branding

    def placed(name: str | None) -> Path | None:
        return None if name is None else base / name

    return read_branding(
        templates=placed(report.template),
        css=placed(report.css),
        logo=placed(report.logo),
        logo_text=report.logo_text,
    )


def created_now() -> str:
    """Return the time in UTC, or the time that SOURCE_DATE_EPOCH fixes."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.now(datetime.UTC)
    if fixed is not None:
        now = datetime.datetime.fromtimestamp(int(fixed), datetime.UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")
