"""Find the templates and set up Jinja: everything escaped, nothing undefined."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path

import jinja2

from auditor.errors import OutputError
from auditor.report.formatting import FILTERS

PACKAGE = Path(__file__).resolve().parent.parent


def template_folder() -> Path:
    """Return the folder of the templates: inside the package (a wheel), else beside it.

    Raises:
        OutputError: Neither place holds templates, so the installation is incomplete.
    """
    places = (PACKAGE / "templates", PACKAGE.parent / "templates")
    for place in places:
        if (place / "html" / "report.html.j2").is_file():
            return place
    looked = " and ".join(str(place) for place in places)
    raise OutputError(f"the report templates are missing (looked in {looked}): reinstall auditor.")


def environment(*folders: Path) -> jinja2.Environment:
    """Return the Jinja environment of the report: autoescaping always, undefined names fail.

    A template is taken from the first of the folders that has it.
    """
    jinja = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    jinja.filters.update(FILTERS)
    jinja.tests["lone"] = _lone
    jinja.tests["several"] = _several
    return jinja


def _lone(items: Sized) -> bool:
    return len(items) == 1


def _several(items: Sized) -> bool:
    return len(items) > 1
