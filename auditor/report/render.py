"""Turn a finished run into its report files. Nothing here knows about models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pydantic

from auditor.errors import IntegrityError, UnknownNameError
from auditor.language import speaking
from auditor.report.house import House
from auditor.report.html import render_html, write_html_folder
from auditor.report.model import FORMAT_VERSION, AuditResult, RenderContext
from auditor.report.pdf import render_pdf
from auditor.report.review_parts import Review
from auditor.report.summary import text_files
from auditor.report.tables import csv_files
from auditor.runfolder import check_listed, list_files, write_atomic

FORMATS = ("html", "pdf")
LAYOUTS = ("single", "folder")


def render_run(
    run: Path,
    context: RenderContext,
    *,
    formats: Sequence[str],
    max_html_mb: float,
    pdf_timeout: int,
    house: House | None = None,
    layout: str = "single",
) -> Mapping[str, Path]:
    """Write the report files of the run folder ``run`` and return format -> path.

    ``layout`` single makes report.html, at most ``max_html_mb`` large; folder makes report/, whose
    style, script and pictures are files of their own. ``house`` is what the organisation brings of
    its own (default: nothing). HTML is written before the PDF is begun, so that a failing PDF
    leaves it in place. What people and policy made of the audit (review.json) is drawn with it.

    Raises:
        UnknownNameError: A format, layout or language is none of those that there are.
        IntegrityError: audit.json or a picture is missing, broken or changed.
        OutputError: A file could not be made; what was made before it stays.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("report format", name, FORMATS)
    if layout not in LAYOUTS:
        raise UnknownNameError("report layout", layout, LAYOUTS)
    with speaking(context.language):
        result, context = _reviewed(run, context)
        return _write(
            result,
            context,
            run,
            formats=formats,
            max_html_mb=max_html_mb,
            pdf_timeout=pdf_timeout,
            house=house,
            layout=layout,
        )


def _write(
    result: AuditResult,
    context: RenderContext,
    run: Path,
    *,
    formats: Sequence[str],
    max_html_mb: float,
    pdf_timeout: int,
    house: House | None,
    layout: str,
) -> Mapping[str, Path]:
    """Write the report files in the language that is spoken; see `render_run`."""
    _write_texts(result, context, run, house)
    images = run / "images"
    written: dict[str, Path] = {}
    if "html" in formats and layout == "folder":
        written["html"] = write_html_folder(
            result, context, images, run / name_of(context), house=house
        )
    elif "html" in formats:
        text = render_html(result, context, images, max_mb=max_html_mb, house=house)
        written["html"] = run / f"{name_of(context)}.html"
        write_atomic(written["html"], text.encode())
    if "pdf" in formats:
        target = run / f"{name_of(context)}.pdf"
        audit = run / "audit.json"
        files = {"audit": audit, "target": target}
        render_pdf(result, context, images, **files, timeout=pdf_timeout, house=house)
        written["pdf"] = target
    list_files(
        run, [path.parent if path.name == "index.html" else path for path in written.values()]
    )
    return written


def write_texts(run: Path, context: RenderContext) -> None:
    """Write summary.json, summary.md, model_card.md and the tables again, without a report.

    Raises:
        IntegrityError: audit.json or review.json is missing or broken.
    """
    with speaking(context.language):
        result, context = _reviewed(run, context)
        _write_texts(result, context, run, None)


def _reviewed(run: Path, context: RenderContext) -> tuple[AuditResult, RenderContext]:
    check_listed(run, "audit.json")
    review = read_review(run)
    result = judged(with_names(read_result(run / "audit.json"), review), review)
    return result, context.model_copy(update={"review": review})


def with_names(result: AuditResult, review: Review | None) -> AuditResult:
    """Return the result with its concepts called as people decided."""
    states = review.decisions if review else []
    given = {each.concept: each.decision.name for each in states if each.concept}
    if not given:
        return result
    concepts = [
        each.model_copy(update={"name": given[each.id]}) if each.id in given else each
        for each in result.concepts
    ]
    return result.model_copy(update={"concepts": concepts})


def judged(result: AuditResult, review: Review | None) -> AuditResult:
    """Return the result as it is drawn: with the verdict of the judgement, where there is one."""
    if review is None or review.judgement is None:
        return result
    found = review.judgement
    verdict = result.verdict.model_copy(update={"word": found.word, "sentence": found.sentence})
    return result.model_copy(update={"verdict": verdict})


def name_of(context: RenderContext) -> str:
    """Return how the report's files are called: a tier other than the standard one is named."""
    return "report" if context.tier == "standard" else f"report-{context.tier}"


def _write_texts(
    result: AuditResult, context: RenderContext, run: Path, house: House | None
) -> None:
    """Write summary.json, summary.md, model_card.md and ``tables/*.csv``, with any format."""
    texts = text_files(result, context, house=house)
    for name, content in texts.items():
        write_atomic(run / name, content)
    (run / "tables").mkdir(exist_ok=True)
    for name, content in csv_files(result).items():
        write_atomic(run / "tables" / name, content)
    list_files(run, [*(run / name for name in texts), run / "tables"])


def read_result(path: Path) -> AuditResult:
    """Read audit.json.

    Raises:
        IntegrityError: It is missing, no JSON, of another format or version, or does not fit it.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise IntegrityError(
            f"{path} cannot be read ({error.strerror}): the audit is not complete, or this is not "
            "a run folder."
        ) from error
    try:
        document = json.loads(text)
    except ValueError as error:
        raise IntegrityError(f"{path} is no JSON ({error}): it was cut off or changed.") from error
    _check_version(path, document)
    try:
        return AuditResult.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise IntegrityError(
            f"{path} does not fit its format: {place}: {first['msg']} "
            f"({error.error_count()} such problems)."
        ) from error


def read_review(run: Path) -> Review | None:
    """Read review.json of a run folder; None where nobody has reviewed the audit.

    Raises:
        IntegrityError: It is no JSON, of another format or version, or does not fit it.
    """
    path = run / "review.json"
    try:
        return Review.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, pydantic.ValidationError) as error:
        reason = str(error).splitlines()[-1 if isinstance(error, OSError) else 0]
        raise IntegrityError(
            f"{path} cannot be used ({reason}): delete it, or restore it, and compare, review and "
            "judge the run again."
        ) from error


def _check_version(path: Path, document: object) -> None:
    expected = AuditResult.model_fields["format"].default
    if not isinstance(document, dict) or document.get("format") != expected:
        raise IntegrityError(f"{path} is not the result of an audit ('{expected}').")
    version = document.get("version")
    if version != FORMAT_VERSION:
        raise IntegrityError(
            f"{path} has format version {version}; this program reads version {FORMAT_VERSION}: "
            "render it with the version of auditor that made it."
        )
