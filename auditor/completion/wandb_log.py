"""Log an audit to Weights & Biases: figures, an artefact, digests and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditor.completion.logged import failed, figures, files_of, labels_of, missing
from auditor.report.document.result import AuditResult

NAME = "Weights & Biases"
# Nothing is printed, and nothing is collected that the audit does not say itself.
SILENT: dict[str, Any] = {"silent": True, "console": "off", "save_code": False}
SILENT |= {"disable_git": True, "x_save_requirements": False, "host": "-"}
SILENT |= dict.fromkeys(("x_disable_meta", "x_disable_stats", "x_disable_machine_info"), True)


def log_run(
    run: Path, result: AuditResult, summary: Mapping[str, Any], *, project: str = ""
) -> str:
    """Log one run of W&B; where it goes is W&B's own setting (WANDB_MODE, WANDB_BASE_URL).

    Its id is the audit's name, so that the same audit again continues it. Nothing of the machine,
    its repository or what is printed is collected, and nobody is asked to log in. Returns a
    warning, or an empty text.
    """
    try:
        import wandb
    except ImportError:
        return missing(NAME, "wandb")
    try:
        settings = wandb.Settings(**SILENT)
        with wandb.init(
            project=project or None,
            id=run.name,
            name=run.name,
            resume="allow",
            job_type="audit",
            settings=settings,
            force=True,  # without a login it fails, and asks nobody
        ) as logged:
            # Not the config: the same audit judged again has another verdict.
            logged.summary.update(dict(figures(result)) | labels_of(run, result, summary))
            files = wandb.Artifact(f"audit-{run.name}", type="audit")
            for file in files_of(run):
                files.add_file(str(file))
            logged.log_artifact(files)
    except Exception as error:  # W&B, its server and its network raise nearly anything
        return failed(NAME, error)
    return ""
