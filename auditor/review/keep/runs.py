"""Audits on disk as they are compared: the result, the review, and where they lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.base.errors import ConfigError, IntegrityError
from auditor.base.yaml_text import load
from auditor.language.speaking import SOURCE
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Review, RunRef
from auditor.report.show.render import is_of_this_format, read_result, read_review
from auditor.run.manifest import read_listed, read_manifest

LATEST = "latest"


@dataclass(frozen=True)
class AuditedRun:
    """A finished audit: its folder, its result, and its review where there is one."""

    path: Path
    created: str
    result: AuditResult
    review: Review | None

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.path.resolve().name

    def ref(self) -> RunRef:
        """Return what names the audit in a document."""
        result = self.result
        return RunRef(
            run=result.run,
            folder=self.name,
            created=self.created,
            project=result.scope.name,
            verdict=result.verdict.code,
            model_version=result.scope.model_version,
            model_digest=result.model.digest,
            data_digest=result.data.digest,
            digest=read_manifest(self.path)["files"]["audit.json"],
        )


def read_run(path: Path) -> AuditedRun:
    """Read a finished audit.

    Raises:
        IntegrityError: it is no run, not complete, or broken.
    """
    created = str(read_manifest(path)["created"])
    return AuditedRun(path, created, read_result(path), read_review(path))


def report_language(run: Path) -> str:
    """Return the code of the language that the reports of a run are written in.

    Raises:
        IntegrityError: its config was changed.
    """
    if "config.yaml" not in read_manifest(run)["files"]:
        return SOURCE
    config = load(read_listed(run, "config.yaml").decode(), "config of the run").value
    report = config.get("report") if isinstance(config, dict) else None
    return str((report or {}).get("language", SOURCE))


def run_folders(folder: Path) -> list[Path]:
    """Return every run folder below ``folder`` (itself not counted), oldest first.

    Raises:
        ConfigError: ``folder`` is none.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder. Give the folder that holds the runs.")
    found = [path.parent for path in folder.glob("*/manifest.json")]
    return sorted(found, key=_age)


def earlier_runs(folder: Path, project: str, *, before: str, but: Path) -> Iterator[Path]:
    """Yield complete runs of a project in ``folder``, newest first, begun before ``before``.

    ``but`` is left out. Runs without a readable manifest, and those of a version of auditor whose
    format this one does not read, are passed over: they are no baseline.

    Raises:
        IntegrityError: the audit.json of a run was changed.
    """
    own = but.resolve()
    for path in reversed(run_folders(folder)):
        if path.resolve() == own:
            continue
        try:
            manifest = read_manifest(path)
        except IntegrityError:
            continue
        complete = "audit.json" in manifest["files"]
        earlier = manifest.get("name") == project and str(manifest["created"]) <= before
        if complete and earlier and is_of_this_format(path):
            yield path


def latest_before(run: Path) -> Path | None:
    """Return the newest complete run of the same project beside ``run``, None without one.

    Raises:
        IntegrityError: ``run`` has no manifest, or the earlier run was changed.
    """
    manifest = read_manifest(run)
    found = earlier_runs(
        run.resolve().parent, str(manifest["name"]), before=str(manifest["created"]), but=run
    )
    return next(found, None)


def _age(path: Path) -> tuple[str, str]:
    try:
        return str(read_manifest(path)["created"]), path.name
    except (IntegrityError, KeyError):
        return "", path.name
