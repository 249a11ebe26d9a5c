"""How a run ends for the machine that started it: a summary, always; the job's page; exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from auditor.errors import AuditorError, Stopped, StoppedError

# The folders of an absolute path: what is shared names files, not where they lie on a machine.
FOLDERS = re.compile(r"(?<![\w.])/(?:[^\s/'\":]+/)+")
STATUS = {75: "stopped", 130: "stopped"}


class Ending:
    """Knows where a run is, so that a failure can be written down beside it."""

    def __init__(self, out: Path, name: str) -> None:
        self.out, self.name = out, name
        self.folder: Path | None = None

    def opened(self, folder: Path) -> None:
        """Take note of the run folder, once there is one."""
        self.folder = folder

    @contextmanager
    def written(self) -> Iterator[None]:
        """Write OUT/summary.json at the end of the block, however it ends, and raise on."""
        try:
            yield
        except AuditorError as error:
            self.failed(error.exit_code, str(error))
            raise
        except click.exceptions.Exit as ended:
            self.succeeded(ended.exit_code)
            raise
        except (KeyboardInterrupt, Stopped) as error:
            code = StoppedError.exit_code if isinstance(error, Stopped) else 130
            # A second signal must not cut the summary short.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            self.failed(code, "stopped; run the same command again: it goes on from here")
            raise
        except Exception as error:
            self.failed(AuditorError.exit_code, f"unexpected {type(error).__name__}: {error}")
            raise
        self.succeeded(0)

    def succeeded(self, code: int) -> None:
        """Say in OUT/summary.json where the summary of the finished run is, and what it says."""
        assert self.folder is not None
        document = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        self._last(document | {"exit_code": code})

    def failed(self, code: int, message: str) -> None:
        """Say in summary.json and junit.xml that, and why, there is no result."""
        from auditor.review.junit import failed_xml

        message = FOLDERS.sub("", message)
        document = {
            "format": "concept-auditor/summary",
            "version": 1,
            "name": self.name,
            "status": STATUS.get(code, "failed"),
            "exit_code": code,
            "verdict": "INCOMPLETE",
            "sentence": f"The audit did not finish: {message}",
        }
        place = self.folder if self.folder is not None else self.out
        complete = self.folder is not None and (self.folder / "audit.json").exists()
        if not complete:
            _write(place / "junit.xml", failed_xml(self.name, message))
            if self.folder is not None:
                _write(place / "summary.json", _json(document))
        self._last(document)
        if STATUS.get(code) != "stopped":
            job_page(f"# {self.name}: INCOMPLETE\n\nThe audit did not finish (exit code {code}).\n")

    def _last(self, document: dict[str, object]) -> None:
        folder = {"folder": self.folder.name} if self.folder else {}
        _write(self.out / "summary.json", _json(document | folder))


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
    """Write a file of a run that has failed already: a second failure must not hide the first."""
    from auditor.errors import OutputError
    from auditor.runfolder import write_atomic

    try:
        write_atomic(path, content)
    except OutputError as error:
        click.echo(f"warning: {error}", err=True)
