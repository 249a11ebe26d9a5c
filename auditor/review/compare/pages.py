"""A comparison as a page of its own and as Markdown; see ``templates/html/compare.html.j2``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from auditor.language.speaking import SOURCE, constants, speaking
from auditor.report.document.audit import AuditResult, Concept, Crop
from auditor.report.document.review import Comparison
from auditor.report.show import words
from auditor.report.show.branding import plain_branding
from auditor.report.show.embedding import Pictures
from auditor.report.show.html import embedded_page, html_page
from auditor.report.show.limits import Limits
from auditor.report.show.summary import markdown_environment
from auditor.report.show.view import Names


@dataclass(frozen=True)
class ComparisonView(Names):
    """What the templates ask of a view, for a page that holds a comparison alone."""

    result: AuditResult
    limits: Limits = field(default_factory=Limits)

    @cached_property
    def concepts(self) -> Mapping[str, Concept]:
        """Concepts of the later audit by id."""
        return {concept.id: concept for concept in self.result.concepts}

    def face(self, concept: str) -> Crop | None:
        """Return the face of a concept, also of one without a card."""
        return super().face(concept) or self.result.faces.get(concept)

    def has(self, _: str) -> bool:
        """Say that the page has no other section."""
        return False


def comparison_html(
    comparison: Comparison,
    result: AuditResult,
    images: Sequence[Path],
    version: str,
    language: str = SOURCE,
) -> str:
    """Return the comparison as one file that refers to nothing outside itself.

    Args:
        comparison: what changed.
        result: the later audit, for the faces of its concepts.
        images: folders that hold the pictures, looked through in this order.
        version: of the program.
        language: code of the language that it is written in.

    Raises:
        IntegrityError: A picture is missing or changed.
    """

    def draw(pictures: Pictures) -> str:
        return html_page(
            "compare",
            plain_branding(),
            pictures,
            program=f"{result.tool.name} {version}",
            comparison=comparison.translated(),
            view=ComparisonView(result.translated()),
        )

    with speaking(language):
        return embedded_page(draw, images)


def comparison_markdown(comparison: Comparison, language: str = SOURCE) -> str:
    """Return the comparison for a pull request or a job's summary."""
    jinja = markdown_environment(plain_branding())
    with speaking(language):
        template = jinja.get_template("text/compare.md.j2")
        return template.render(comparison=comparison.translated(), words=constants(words))
