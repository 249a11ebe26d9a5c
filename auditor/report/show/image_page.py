"""The page of a single image: its own small document, drawn as HTML and as PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from auditor.base.errors import OutputError, StorageError
from auditor.report.document.result import (
    Concept,
    Crop,
    LocalCard,
    Number,
    Part,
    Picture,
    Tool,
    Words,
)
from auditor.report.show.branding import plain_branding
from auditor.report.show.embedding import LinkedPictures, Pictures
from auditor.report.show.html import embedded_page, html_page
from auditor.report.show.limits import PRINTED, Limits
from auditor.report.show.pdf import pdf_of, pdf_page
from auditor.report.show.view import PageView
from auditor.run.storage import remove, write_atomic


class ClassScore(Part):
    """A class with the model's probability and score (logit) for the image."""

    name: str
    probability: Number
    score: Number


class ImagePage(Part):
    """Everything on the page of one image.

    ``cards`` hold a layer each, the last one first. ``known`` are the concepts of a finished
    audit, whose reference samples stand for the concepts. ``conservation`` is the input relevance
    over the explained score. ``size`` is (height, width) as the model sees the image.
    """

    format: Literal["concept-auditor/image"] = "concept-auditor/image"
    version: Literal[1] = 1
    title: Words
    image: str
    size: tuple[int, int]
    model: str
    model_digest: str
    explained: str
    scores: list[ClassScore]
    cards: list[LocalCard]
    known: list[Concept]
    run: str
    composite: str
    conservation: Number | None
    notes: list[Words]
    tool: Tool


def faces_of(concepts: Sequence[Concept], shown: set[str]) -> list[Concept]:
    """Return the concepts that are shown, with their best reference sample only."""
    return [
        concept.model_copy(update={"by_relevance": concept.by_relevance[:1], "by_activation": []})
        for concept in concepts
        if concept.id in shown
    ]


def pictures_of(crops: Sequence[Crop]) -> list[Picture]:
    """Return the pictures of reference samples that the page may show."""
    return [picture for crop in crops for picture in (crop.crop, crop.full)]


def write_page(
    page: ImagePage,
    images: Path,
    folder: Path,
    name: str,
    *,
    formats: Sequence[str],
    created: str,
    timeout: int,
) -> list[Path]:
    """Write ``name``.html and ``name``.pdf into ``folder`` and return their paths.

    The PDF holds the numbers of the page as an attached JSON file.

    Raises:
        OutputError: a file could not be made; what was made before it stays.
        IntegrityError: a picture is missing or changed.
    """
    written = []
    if "html" in formats:
        target = folder / f"{name}.html"
        write_atomic(target, page_html(page, images).encode())
        written.append(target)
    if "pdf" in formats:
        target = folder / f"{name}.pdf"
        view = PageView(page.known, PRINTED)
        document = pdf_page(
            "image",
            plain_branding(),
            LinkedPictures(images),
            tool=page.tool,
            created=created,
            page=page,
            view=view,
        )
        attached = {"image.json": page.model_dump_json(indent=1).encode()}
        try:
            content = pdf_of(
                document, created, images, attached=attached, name=target.name, timeout=timeout
            )
        except (OutputError, StorageError) as error:
            made = f" {written[0]} was made." if written else ""
            if written and target.exists():
                remove(target)
                made += f" The {target.name} that was there showed something else: it was removed."
            raise type(error)(f"{error}{made}") from error
        write_atomic(target, content)
        written.append(target)
    return written


def page_html(page: ImagePage, images: Path) -> str:
    """Return the page as one file that refers to nothing outside itself."""

    def draw(pictures: Pictures) -> str:
        program = f"{page.tool.name} {page.tool.version}"
        view = PageView(page.known, Limits(full=False))
        return html_page("image", plain_branding(), pictures, program=program, page=page, view=view)

    return embedded_page(draw, [images])
