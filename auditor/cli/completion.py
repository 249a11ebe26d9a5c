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
        for key, log in {"mlflow": _mlflow, "wandb": _wandb, "tensorboard": _tensorboard}.items():
            if getattr(asked, key):
                tasks.append(partial(log, config, base, run, summary))
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


def _mlflow(config: Config, base: Path, run: Path, summary: Mapping[str, Any]) -> str:
    from auditor.completion.mlflow_log import log_run
    from auditor.report.show.render import read_result

    experiment = _name(config.completion.mlflow_experiment, "MLFLOW_EXPERIMENT_NAME", config)
    return log_run(run, read_result(run), summary, experiment=experiment)


def _wandb(config: Config, base: Path, run: Path, summary: Mapping[str, Any]) -> str:
    from auditor.completion.wandb_log import log_run
    from auditor.report.show.render import read_result

    project = _name(config.completion.wandb_project, "WANDB_PROJECT", config)
    return log_run(run, read_result(run), summary, project=project)


def _tensorboard(config: Config, base: Path, run: Path, summary: Mapping[str, Any]) -> str:
    from auditor.completion.tensorboard_log import log_run
    from auditor.report.show.render import read_result

    folder = config.completion.tensorboard or ""
    if "://" in folder:
        return (
            f"nothing was logged to TensorBoard: completion.tensorboard is the address {folder}; "
            "give a folder of this machine."
        )
    return log_run(run, read_result(run), summary, folder=base / folder)


def _name(given: str, variable: str, config: Config) -> str:
    """Return where a tracker files an audit; empty where the tracker's own variable says it."""
    import os

    return given or ("" if os.environ.get(variable) else config.project.name)
