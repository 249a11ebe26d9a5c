"""The drawings of a report by name, each as a file of its own: for a paper or a slide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import escape

from auditor.base.errors import UnknownNameError
from auditor.records.part import Part, Picture
from auditor.report.document.result import AuditResult
from auditor.report.show.pdf import pdf_of
from auditor.report.show.picture_store import read_image

FORMATS = ("svg", "pdf")
SECONDS = 120
# What an item of a list is called by, the first of these that it has.
CALLED = ("id", "name", "class_name", "layer")
SIGNS = re.compile(r"[^\w.-]+")
PAGE = (
    '<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{alt}</title><style>'
    "@page {{ size: {width}px {height}px; margin: 0 }} body {{ margin: 0 }} "
    "img {{ display: block }}"
    '</style></head><body><img src="run-image:{file}" alt="{alt}" width="{width}" '
    'height="{height}"></body></html>'
)


def figures_of(result: AuditResult) -> dict[str, Picture]:
    """Return the drawings of a result by name, in its order: a name says where one stands."""
    found: dict[str, Picture] = {}
    for words, picture in _drawings(result, ()):
        name = SIGNS.sub("_", "-".join(word for word in words if word != "figure"))
        same = sum(known == name or known.startswith(f"{name}.") for known in found)
        found[f"{name}.{same + 1}" if same else name] = picture
    return found


def figure_files(
    result: AuditResult,
    images: Path,
    names: Sequence[str],
    formats: Sequence[str],
    *,
    created: str,
    language: str,
) -> Mapping[str, bytes]:
    """Return file name -> content for the figures ``names`` (default: all) in each of the formats.

    Raises:
        UnknownNameError: There is no such figure or format.
        OutputError: WeasyPrint's libraries are missing, or it failed.
        IntegrityError: A picture is missing or changed.
    """
    known = figures_of(result)
    for kind, asked, there in (("figure", names, known), ("format", formats, FORMATS)):
        for name in asked:
            if name not in there:
                raise UnknownNameError(kind, name, there)
    files = {}
    for name in names or known:
        picture = known[name]
        if "svg" in formats:
            files[f"{name}.svg"] = read_image(images, picture.file)
        if "pdf" in formats:
            files[f"{name}.pdf"] = _pdf(picture, images, f"{name}.pdf", created, language)
    return files


def _pdf(picture: Picture, images: Path, name: str, created: str, language: str) -> bytes:
    read_image(images, picture.file)
    page = PAGE.format(
        language=language,
        alt=escape(picture.alt),
        file=picture.file,
        width=picture.width,
        height=picture.height,
    )
    return pdf_of(page, created, images, attached={}, name=name, timeout=SECONDS)


def _drawings(value: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Picture]]:
    """Yield each drawing in a part of a result, with the words that lead to it."""
    if isinstance(value, Picture):
        if value.file.endswith(".svg"):
            yield words, value
    elif isinstance(value, Part):
        for name in type(value).model_fields:
            yield from _drawings(getattr(value, name), (*words, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _drawings(item, (*words, str(name)))
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value, start=1):
            called = next((getattr(item, key) for key in CALLED if hasattr(item, key)), place)
            yield from _drawings(item, (*words, str(called)))
