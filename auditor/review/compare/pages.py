"""A comparison as a page of its own and as Markdown; see ``templates/html/compare.html.j2``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from auditor.language.speaking import SOURCE, constants, speaking
from auditor.report.document.audit import AuditResult, Concept, Crop
from auditor.report.document.review import Comparison
from auditor.report.show import words
from auditor.report.show.branding import plain_house
from auditor.report.show.embedding import CountingPictures, EmbeddedPictures
from auditor.report.show.html import encode_all, policy_of
from auditor.report.show.size_limit import LADDER, Encoded
from auditor.report.show.summary import markdown_environment
from auditor.report.show.view import Limits, Medium, Names


@dataclass(frozen=True)
class ComparisonView(Names):
    """What the templates ask of a view, for a page that holds a comparison alone."""

    result: AuditResult
    medium: Medium = "html"
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
    with speaking(language):
        return _embedded(comparison.translated(), result.translated(), images, version)


def _embedded(
    comparison: Comparison, result: AuditResult, images: Sequence[Path], version: str
) -> str:
    counting = CountingPictures()
    _draw(comparison, result, counting, version)
    encoded: dict[str, Encoded] = {}
    for place, folder in enumerate(images):
        last = place == len(images) - 1
        own = {
            name: picture
            for name, picture in counting.pictures.items()
            if name not in encoded and (last or (folder / name).is_file())
        }
        encoded |= encode_all(folder, own, LADDER[0])
    return _draw(comparison, result, EmbeddedPictures(encoded, counting.uses), version)


def comparison_markdown(comparison: Comparison, language: str = SOURCE) -> str:
    """Return the comparison for a pull request or a job's summary."""
    jinja = markdown_environment(plain_house())
    with speaking(language):
        template = jinja.get_template("text/compare.md.j2")
        return template.render(comparison=comparison.translated(), words=constants(words))


def _draw(
    comparison: Comparison,
    result: AuditResult,
    pictures: CountingPictures | EmbeddedPictures,
    version: str,
) -> str:
    house = plain_house()
    style = house.style("html")
    return (
        house.environment()
        .get_template("html/compare.html.j2")
        .render(
            comparison=comparison,
            view=ComparisonView(result),
            pictures=pictures,
            words=constants(words),
            version=version,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=policy_of(style, ""),
        )
    )
