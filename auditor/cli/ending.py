"""How a run ends for the machine that started it: a summary, always; the job's page; exit codes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from auditor.base.errors import AuditorError, Stopped, StoppedError, StorageError, on_one_line
from auditor.base.redaction import scrubbed, without_folders
from auditor.run.manifest import read_listed, write_listed
from auditor.run.storage import FULL, remove, write_atomic

STATUS = {75: "stopped", 130: "stopped"}


class Ending:
    """Knows where a run is, so that a failure can be written down beside it.

    ``summary`` is what OUT/summary.json says, or was to say, of how the run ended. Of a run
    ``of_another_job`` nothing is written: that job says how it ended. ``annotate``: a failure is
    also printed as an annotation.
    """

    def __init__(self, out: Path, name: str, *, annotate: bool = False) -> None:
        self.out, self.name, self.annotate = out, name, annotate
        self.folder: Path | None = None
        self.summary: dict[str, object] = {}
        self.of_another_job = False

    def opened(self, folder: Path) -> None:
        """Take note of the run folder, once there is one."""
        self.folder = folder

    @contextmanager
    def written(self) -> Iterator[None]:
        """Write OUT/summary.json at the end of the block, however it ends, and raise on.

        Raises:
            StorageError: the audit went well, but not the writing of its summary.
        """
        try:
            yield
            self.succeeded(0)
        except AuditorError as error:
            self.failed(error.exit_code, str(error))
            raise
        except click.exceptions.Exit as ended:
            try:
                self.succeeded(ended.exit_code)
            except AuditorError as error:  # the verdict of the gate is what counts
                self.failed(ended.exit_code, str(error))
            raise
        except (KeyboardInterrupt, Stopped) as error:
            code = StoppedError.exit_code if isinstance(error, Stopped) else 130
            # A second signal must not cut the summary short.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.failed(code, "stopped; run the same command again: it goes on from here")
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in FULL:
                self.failed(StorageError.exit_code, f"there is no room ({error.strerror})")
                raise
            self.failed(AuditorError.exit_code, f"unexpected {type(error).__name__}: {error}")
            raise

    def succeeded(self, code: int) -> None:
        """Say in OUT/summary.json where the summary of the finished run is, and what it says.

        Raises:
            StorageError: it cannot be written.
            IntegrityError: the summary in the run folder is gone or was changed.
        """
        if self.of_another_job:
            return
        assert self.folder is not None
        document = json.loads(read_listed(self.folder, "summary.json"))
        self.summary = document | {"exit_code": code, "folder": self.folder.name}
        write_atomic(self.out / "summary.json", _json(self.summary))
        remove(self.out / "junit.xml")  # of an attempt that failed before it had a folder

    def failed(self, code: int, message: str) -> None:
        """Say in summary.json and junit.xml that, and why, there is no result.

        What cannot be written is a warning: it must not hide why the audit failed.
        """
        if self.of_another_job:
            return
        from auditor.cli.completion import finished
        from auditor.report.document.codes import WORDS
        from auditor.review.judge.junit import failed_xml

        message = on_one_line(without_folders(scrubbed(message)))
        document: dict[str, object] = {
            "format": "concept-auditor/summary",
            "version": 2,
            "name": self.name,
            "status": STATUS.get(code, "failed"),
            "exit_code": code,
            "verdict": WORDS["incomplete"],
            "code": "incomplete",
            "sentence": f"The audit did not finish: {message}",
        }
        self.summary = document | ({"folder": self.folder.name} if self.folder else {})
        if self.folder is None:
            _write(self.out / "junit.xml", failed_xml(self.name, message))
        elif not finished(self.folder):
            files = {"junit.xml": failed_xml(self.name, message), "summary.json": _json(document)}
            try:
                write_listed(self.folder, files)
            except AuditorError as error:
                click.echo(f"warning: {error}", err=True)
        _write(self.out / "summary.json", _json(self.summary))
        if STATUS.get(code) != "stopped":
            name = on_one_line(self.name)
            if self.annotate:
                from auditor.review.judge.annotations import of_failure

                click.echo(of_failure(str(document["sentence"])), err=True)
            job_page(f"# {name}: INCOMPLETE\n\nThe audit did not finish (exit code {code}).\n")


def annotate(run: Path) -> None:
    """Print verdict and findings of a run as annotations of GitHub Actions, to stderr.

    The service reads them in either stream, and stdout holds the result.
    """
    from auditor.language.speaking import speaking
    from auditor.report.show.render import read_result, read_review
    from auditor.review.judge.annotations import annotation_lines
    from auditor.review.keep.runs import report_language

    with speaking(report_language(run)):
        review = read_review(run)
        judgement = review.judgement.translated() if review and review.judgement else None
        for line in annotation_lines(read_result(run).translated(), judgement):
            click.echo(line, err=True)


def job_summary(markdown: Path) -> None:
    """Add a run's summary.md to the page of the job, where GitHub names a file for it."""
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        job_page(markdown.read_text(encoding="utf-8"))


def job_page(text: str) -> None:
    """Add Markdown to the file that GITHUB_STEP_SUMMARY names; a failure is only a warning."""
    name = os.environ.get("GITHUB_STEP_SUMMARY")
    if not name:
        return
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        click.echo(f"warning: the job's summary {name} cannot be written: {error}.", err=True)


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False).encode()


def _write(path: Path, content: bytes) -> None:
    """Write a file of a run that has failed already: a second failure must not hide the first.

    Where it cannot be written, that of an earlier run is removed: nobody takes it for this one's.
    """
    try:
        write_atomic(path, content)
    except StorageError as error:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        click.echo(f"warning: {error}", err=True)
