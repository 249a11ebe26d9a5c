"""A comparison as a page of its own and as Markdown; see ``templates/html/compare.html.j2``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.language.speaking import SOURCE, constants, speaking
from auditor.report.document.result import AuditResult
from auditor.report.document.review import Comparison
from auditor.report.show import words
from auditor.report.show.branding import plain_branding
from auditor.report.show.embedding import Pictures
from auditor.report.show.html import embedded_page, html_page
from auditor.report.show.limits import Limits
from auditor.report.show.summary import markdown_environment
from auditor.report.show.view import PageView


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
            view=PageView(shown.concepts, Limits(), shown.faces),
        )

    with speaking(language):
        shown = result.translated()
        return embedded_page(draw, images)


def comparison_markdown(comparison: Comparison, language: str = SOURCE) -> str:
    """Return the comparison for a pull request or a job's summary."""
    jinja = markdown_environment(plain_branding())
    with speaking(language):
        template = jinja.get_template("text/compare.md.j2")
        return template.render(comparison=comparison.translated(), words=constants(words))
