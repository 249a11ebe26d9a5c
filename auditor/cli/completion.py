"""Do what the config asks for when an audit is done; nothing here changes the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.config import Config


def complete(
    config: Config,
    base: Path,
    run: Path | None,
    summary: Mapping[str, Any],
    say: Callable[[str], object],
) -> None:
    """Log, push and tell, each on its own; what fails is said as a warning.

    ``run`` is None, or holds no audit.json, where the audit failed: then only command and webhook
    are told. ``base``: where the path of the README starts.
    """
    asked = config.completion
    warnings = []
    if run is not None and (run / "audit.json").is_file():
        if asked.mlflow:
            warnings.append(_mlflow(config, run, summary))
        if asked.readme:
            from auditor.completion.readme import push_section

            section = (run / "model_card.md").read_text(encoding="utf-8")
            warnings.append(push_section(base / asked.readme, section))
    if asked.webhook_variable:
        from auditor.completion.hooks import post

        warnings.append(post(asked.webhook_variable, summary, seconds=asked.seconds))
    if asked.command:
        from auditor.completion.hooks import run_command

        warnings.append(run_command(asked.command, run, summary, seconds=asked.seconds))
    for warning in warnings:
        if warning:
            say(f"warning: {warning}")


def summary_of(out: Path) -> dict[str, Any]:
    """Return OUT/summary.json: how the run ended."""
    document: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return document


def _mlflow(config: Config, run: Path, summary: Mapping[str, Any]) -> str:
    import os

    from auditor.completion.mlflow_log import log_run
    from auditor.report.render import read_result

    experiment = config.completion.mlflow_experiment
    if not experiment and not os.environ.get("MLFLOW_EXPERIMENT_NAME"):
        experiment = config.project.name
    return log_run(run, read_result(run / "audit.json"), summary, experiment=experiment)
