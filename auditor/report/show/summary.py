"""What fits a pull request, a job's summary or a model hub: summary.json and Markdown."""

from __future__ import annotations

import json
import re

import jinja2

from auditor.base.errors import on_one_line
from auditor.language.speaking import constants
from auditor.report.document.result import AuditResult, RenderContext
from auditor.report.document.review import Review
from auditor.report.sections.cues import rows_of
from auditor.report.show import words
from auditor.report.show.branding import Branding, plain_branding
from auditor.report.show.limits import Limits
from auditor.report.show.templates import Compiled, speak
from auditor.report.show.view import View

# Whatever Markdown, or the HTML inside it, could take for a mark, a mention or a link; the last
# part is what only means something where a line begins.
MARKS = re.compile(r"([\\`*_\[\]#|<>~&$@]|:(?=//)|(?<=www)\.|^[-+=])")
COMPILED = Compiled()
TEXTS = {"summary.md": "text/summary.md.j2", "model_card.md": "text/model_card.md.j2"}


def summary(result: AuditResult, context: RenderContext) -> dict[str, object]:
    """Return the audit in a few plain keys, for programs; shares are numbers from 0 to 1."""
    accuracy = result.performance.accuracy
    judgement = context.review.judgement if context.review else None
    return {
        "format": "concept-auditor/summary",
        "version": 2,
        "run": result.run,
        "name": result.scope.name,
        "created": context.created,
        "status": "done",
        "verdict": result.verdict.word,
        "code": result.verdict.code,
        "sentence": result.verdict.sentence,
        "headline": result.verdict.headline,
        "accuracy": accuracy.model_dump() if accuracy.n else None,
        "pictures": {
            "found": result.data.found,
            "used": result.data.used,
            "unusable": result.data.unusable,
        },
        "classes": [item.name for item in result.classes],
        "findings": [
            finding.model_dump(
                include={"id", "fingerprint", "title", "class_name", "grade", "severity"}
                | {"confidence", "images", "what"}
            )
            for finding in result.findings
        ],
        "cues": _cues(result, context.review),
        "search": result.search.model_dump(
            include={"ran", "reason", "tests", "targets", "detection_limit", "null_rate"}
        ),
        "not_run": [item.model_dump() for item in result.not_run],
        "judgement": judgement.model_dump() if judgement else None,
        "comparison": _comparison(context),
    }


def _cues(result: AuditResult, review: Review | None) -> dict[str, str]:
    """Return the id of each cue and how it was answered."""
    states = {row.id: row.state for row in rows_of(result, review)}
    return {name: states.get(name, "new") for name in result.cues}


def _comparison(context: RenderContext) -> dict[str, object] | None:
    """Return what changed since the baseline in short, None where nothing was compared."""
    found = context.review.comparison if context.review else None
    if found is None:
        return None
    short = {"status", "id", "earlier_id", "fingerprint", "title", "class_name", "severity"}
    return {
        "baseline": found.earlier.folder,
        "like_for_like": found.like_for_like,
        "sentence": found.sentence,
        "findings": [change.model_dump(include=short) for change in found.findings],
        "metrics": {item.name: item.status for item in found.metrics},
    }


def text_files(
    result: AuditResult, context: RenderContext, *, branding: Branding | None = None
) -> dict[str, bytes]:
    """Return file name -> content of the summary and of the section for a model card."""
    jinja = markdown_environment(branding or plain_branding())
    view = View(result, context, Limits())
    files = {
        name: jinja.get_template(template)
        .render(result=result, context=context, view=view, words=constants(words))
        .encode()
        for name, template in TEXTS.items()
    }
    document = json.dumps(summary(result, context), indent=1, ensure_ascii=False, allow_nan=False)
    return {**files, "summary.json": document.encode()}


def markdown_environment(branding: Branding) -> jinja2.Environment:
    """Return the Jinja environment of Markdown: every value that is printed is plain text."""
    jinja = jinja2.Environment(  # noqa: S701 (no HTML: `finalize` neutralises every value)
        loader=jinja2.FileSystemLoader(branding.folders),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
        bytecode_cache=COMPILED,
    )
    speak(jinja)
    return jinja


def _plain(value: object) -> object:
    """Return text on one line in which nothing is a mark of Markdown."""
    if not isinstance(value, str):
        return value
    return MARKS.sub(r"\\\1", on_one_line(" ".join(value.split())))
