"""The child process that turns a document into a PDF; run by `auditor.report.show.pdf` only.

It reads the document from stdin and fetches nothing but the run's own pictures. Exit codes: 0 done,
3 native libraries are missing, 75 there is no room for the file, 1 anything else, with the reason
in the last line of stderr.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from mimetypes import types_map
from pathlib import Path
from typing import Any

NO_LIBRARIES = 3
NO_ROOM = 75
COVER = '<header class="cover">'
PICTURE = re.compile(r"run-image:([0-9a-f]{32}\.(?:jpg|png|svg))")
# A grid of many cells is a PNG inside its SVG figure.
INSIDE_SVG = re.compile(r"data:image/png;base64,[A-Za-z0-9+/=\s%]+")
# How a file that is attached relates to the document (PDF/A-3), and what it is, by its suffix.
ATTACHED = {
    ".json": ("Source", "The numbers behind this document"),
    ".csv": ("Data", "A table of this document, with all its rows"),
    ".yaml": ("Supplement", "The configuration of the audit"),
}


class Problems(logging.Handler):
    """Collect what WeasyPrint only logs, such as a picture that it could not read."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one message."""
        self.lines.append((record.levelno, record.getMessage()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the PDF and return the exit code."""
    parser = argparse.ArgumentParser(prog="auditor.report.show.pdf_child")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--attach", type=Path, action="append", default=[])
    parser.add_argument("--created", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    created = datetime.fromisoformat(options.created).astimezone(UTC)
    os.environ["SOURCE_DATE_EPOCH"] = str(int(created.timestamp()))
    try:
        import weasyprint
    except OSError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        return NO_LIBRARIES
    problems = Problems()
    logger = logging.getLogger("weasyprint")
    logger.handlers = [problems]
    logger.propagate = False
    document = sys.stdin.buffer.read().decode()
    content = weasyprint.HTML(string=document, url_fetcher=_fetcher(options.images)).write_pdf(
        pdf_variant="pdf/a-3a",
        attachments=[_attachment(path, created) for path in _by_name(options.attach)],
        finisher=partial(_finish, cover=COVER in document),
    )
    try:
        options.out.write_bytes(content)
    except OSError as error:
        sys.stderr.write(f"{error.strerror or error}\n")
        return NO_ROOM
    for _, line in sorted(problems.lines, key=lambda problem: problem[0]):  # the worst is the last
        sys.stderr.write(f"{' '.join(line.split())}\n")
    return 1 if any(level >= logging.ERROR for level, _ in problems.lines) else 0


def _by_name(paths: Sequence[Path]) -> list[Path]:
    """Return the files in the order of their names: a PDF's tree of names has to be sorted."""
    return sorted(paths, key=lambda path: path.name)


def _attachment(path: Path, created: datetime) -> Any:
    """Return a file as WeasyPrint attaches it, with its relationship to the document."""
    import weasyprint

    relationship, description = ATTACHED[path.suffix]
    return weasyprint.Attachment(
        string=path.read_bytes(),
        name=path.name,
        description=description,
        created=created,
        modified=created,
        relationship=relationship,
    )


def _finish(_: Any, pdf: Any, *, cover: bool) -> None:
    """Label the pages as they are numbered, mark decoration, show title and bookmarks."""
    import pydyf

    for item in pdf.objects:
        # A drawing without a text of its own (a bar, a mark) is decoration beside its number.
        if isinstance(item, dict) and item.get("S") == "/Figure" and "Alt" not in item:
            item["S"] = "/NonStruct"
    labels = [0, pydyf.Dictionary({"S": "/D"})]
    if cover:
        labels = [0, pydyf.Dictionary({"P": pydyf.String("Cover")})]
        labels += [1, pydyf.Dictionary({"S": "/D", "St": 2})]
    pdf.catalog["PageLabels"] = pydyf.Dictionary({"Nums": pydyf.Array(labels)})
    pdf.catalog["ViewerPreferences"] = pydyf.Dictionary({"DisplayDocTitle": "true"})
    pdf.catalog["PageMode"] = "/UseOutlines"


def _fetcher(images: Path) -> Any:
    """Return the fetcher: pictures of the run by name, pictures inside figures, nothing else."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class OnlyPictures(URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            if INSIDE_SVG.fullmatch(url):
                return super().fetch(url, headers)
            picture = PICTURE.fullmatch(url)
            if picture is None:
                raise ValueError(f"the report refers to '{url[:80]}', which is no picture of it")
            path = images / picture[1]
            if path.is_symlink() or not path.is_file():
                raise ValueError(f"the picture '{picture[1]}' is missing")
            kind = {"Content-Type": types_map[path.suffix]}
            return URLFetcherResponse(url, path.read_bytes(), kind)

    return OnlyPictures(fail_on_errors=True)


if __name__ == "__main__":
    sys.exit(main())
