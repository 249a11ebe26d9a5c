"""Do what the config asks for when an audit is done; nothing here changes the exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.base.errors import AuditorError

if TYPE_CHECKING:
    from auditor.config.audit import Config


def complete(
    config: Config,
    base: Path,
    run: Path | None,
    summary: Mapping[str, Any],
    say: Callable[[str], object],
) -> None:
    """Log, push and tell, each on its own; what fails is said as a warning.

    ``run`` is None, or holds no finished audit, where the audit failed: then only command and
    webhook are told. ``base``: where the path of the README starts.
    """
    asked = config.completion
    tasks: list[Callable[[], str]] = []
    if run is not None and finished(run):
        if asked.mlflow:
            tasks.append(partial(_mlflow, config, run, summary))
        if asked.readme:
            tasks.append(partial(_readme, base / asked.readme, run))
    if asked.webhook_variable:
        from auditor.completion.hooks import post

        tasks.append(partial(post, asked.webhook_variable, summary, seconds=asked.seconds))
    if asked.command:
        from auditor.completion.hooks import run_command

        tasks.append(partial(run_command, asked.command, run, summary, seconds=asked.seconds))
    for task in tasks:
        if warning := _warning(task):
            say(f"warning: {warning}")


def _warning(task: Callable[[], str]) -> str:
    """Return what goes wrong in a task; why the audit itself failed must not be hidden by it."""
    try:
        return task()
    except (AuditorError, OSError) as error:
        return str(error)


def finished(run: Path) -> bool:
    """Say whether a run folder holds a finished audit; False where that cannot be found out."""
    from auditor.run.manifest import is_complete

    try:
        return is_complete(run)
    except AuditorError:
        return False


def _readme(readme: Path, run: Path) -> str:
    from auditor.completion.readme import push_section
    from auditor.run.manifest import read_listed

    return push_section(readme, read_listed(run, "model_card.md").decode())


def _mlflow(config: Config, run: Path, summary: Mapping[str, Any]) -> str:
    import os

    from auditor.completion.mlflow_log import log_run
    from auditor.report.show.render import read_result

    experiment = config.completion.mlflow_experiment
    if not experiment and not os.environ.get("MLFLOW_EXPERIMENT_NAME"):
        experiment = config.project.name
    return log_run(run, read_result(run), summary, experiment=experiment)
