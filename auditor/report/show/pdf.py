"""Render report.pdf in a child process: a crash, a hang or a missing library costs only the PDF."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from auditor.base.errors import OutputError, StorageError
from auditor.language.speaking import constants
from auditor.language.speaking import gettext as _
from auditor.report.document.result import AuditResult, RenderContext, Tool
from auditor.report.show import crosswalk, words
from auditor.report.show.branding import Branding, plain_branding
from auditor.report.show.embedding import LinkedPictures, Pictures
from auditor.report.show.limits import BRIEF, BRIEFLY, PRINTED
from auditor.report.show.pdf_child import NO_LIBRARIES, NO_ROOM
from auditor.report.show.tables import csv_files
from auditor.report.show.view import View
from auditor.run.storage import FULL, storage_error

# WeasyPrint takes the alternative text of a drawing from its title alone.
LABELLED = re.compile(r'(<svg\b[^>]*\baria-label="([^"]*)"[^>]*>)')
INSTALL = (
    "on Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0; "
    "on macOS: brew install pango"
)


def pdf_page(
    template: str,
    branding: Branding,
    pictures: Pictures,
    *,
    tool: Tool,
    created: str,
    **values: Any,
) -> str:
    """Return a document for `pdf_of` from ``pdf/TEMPLATE.html.j2`` and the ``values`` it shows."""
    document = (
        branding.environment()
        .get_template(f"pdf/{template}.html.j2")
        .render(
            pictures=pictures,
            words=constants(words),
            program_name=tool.name,
            program=f"{tool.name} {tool.version}",
            created=created,
            style=Markup(branding.style("pdf")),  # noqa: S704 (it cannot end its element)
            **values,
        )
    )
    return LABELLED.sub(r"\1<title>\2</title>", document)


def pdf_html(
    result: AuditResult, context: RenderContext, images: Path, *, branding: Branding | None = None
) -> str:
    """Return the document that becomes the PDF; its pictures are named, not held.

    Raises:
        IntegrityError: A picture is missing or changed.
    """
    branding = branding or plain_branding()
    whole = context.tier == "technical"
    view = View(result, context, PRINTED if whole else BRIEF, () if whole else (_(BRIEFLY),))
    return pdf_page(
        "report",
        branding,
        LinkedPictures(images),
        tool=result.tool,
        created=context.created,
        view=view,
        result=result,
        context=context,
        crosswalk=constants(crosswalk),
        logo=branding.logo,
    )


def make_pdf(
    result: AuditResult,
    context: RenderContext,
    images: Path,
    *,
    audit: bytes,
    name: str,
    timeout: int,
    branding: Branding | None = None,
) -> bytes:
    """Return the PDF, which is called ``name``; same inputs, same bytes.

    ``audit``, the content of audit.json, the CSV tables and the resolved config are attached to it.

    Raises:
        OutputError: WeasyPrint's libraries are missing, it failed, or ``timeout`` seconds passed.
        StorageError: there is no room for temporary files.
        IntegrityError: A picture is missing or changed.
    """
    document = pdf_html(result, context, images, branding=branding)
    files = {"audit.json": audit, "config.yaml": result.config.encode()}
    files |= csv_files(result)
    return pdf_of(document, context.created, images, attached=files, name=name, timeout=timeout)


def pdf_of(
    document: str,
    created: str,
    images: Path,
    *,
    attached: Mapping[str, bytes],
    name: str,
    timeout: int,
) -> bytes:
    """Turn a document into a PDF in a child process; see `make_pdf`."""
    try:
        with tempfile.TemporaryDirectory(prefix="auditor-pdf-") as folder:
            made = Path(folder) / name
            files = [Path(folder) / file for file in attached]
            for path in files:
                path.write_bytes(attached[path.name])
            _run_child(document, created, images, files, made, timeout)
            return made.read_bytes()
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise storage_error(Path(tempfile.gettempdir()), error) from error


def _run_child(
    document: str, created: str, images: Path, attached: Sequence[Path], made: Path, timeout: int
) -> None:
    # -P keeps the working directory, which may hold anything, off the child's import path.
    command = [sys.executable, "-P", "-m", "auditor.report.show.pdf_child"]
    command += ["--images", str(images)]
    command += [part for path in attached for part in ("--attach", str(path))]
    command += ["--created", created, "--out", str(made)]
    try:
        # The child's stdout is dropped: WeasyPrint prints a banner there when libraries miss.
        done = subprocess.run(  # noqa: S603 (our own module, no shell)
            command,
            input=document.encode(),
            capture_output=True,
            timeout=timeout,
            env=_environment(),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OutputError(
            f"making {made.name} took longer than {timeout} seconds and was stopped; the HTML is "
            "unaffected. Raise report.pdf_timeout, or audit fewer classes."
        ) from error
    if done.returncode == NO_LIBRARIES:
        raise OutputError(
            f"{made.name} could not be made because libraries that WeasyPrint needs are missing "
            f"({_last_line(done.stderr)}); the HTML is unaffected. Install them ({INSTALL}) and "
            "run the same command again."
        )
    if done.returncode == NO_ROOM:
        raise StorageError(
            f"{made.name} could not be made because {made.parent.parent} cannot be written "
            f"({_last_line(done.stderr)}); the HTML is unaffected. Make room there, or set TMPDIR, "
            "and run the same command again."
        )
    if done.returncode != 0 or not made.is_file():
        raise OutputError(
            f"{made.name} could not be made ({_last_line(done.stderr)}); the HTML is unaffected."
        )


def _environment() -> dict[str, str]:
    package_parent = str(Path(__file__).resolve().parents[3])
    paths = [os.environ.get("PYTHONPATH", ""), package_parent]
    # The order of sets of strings depends on the hash seed, and the PDF's bytes on that order.
    fixed = {"PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(p for p in paths if p)}
    return {**os.environ, **fixed}


def _last_line(stderr: bytes) -> str:
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "no reason was given"
