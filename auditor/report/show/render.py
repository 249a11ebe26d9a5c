"""Turn a finished run into its report files. Nothing here knows about models."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

import pydantic

from auditor.base.errors import IntegrityError, OutputError, StorageError, UnknownNameError
from auditor.language.speaking import speaking, translated
from auditor.records.work import Work
from auditor.report.document.result import FORMAT_VERSION, AuditResult, RenderContext
from auditor.report.document.review import Review
from auditor.report.show.branding import Branding
from auditor.report.show.html import html_folder, render_html
from auditor.report.show.pdf import make_pdf
from auditor.report.show.per_picture import picture_files
from auditor.report.show.picture_store import NAME as PICTURE
from auditor.report.show.summary import text_files
from auditor.report.show.tables import csv_files
from auditor.run.manifest import forget, read_listed, read_manifest, write_listed

FORMATS = ("html", "pdf")
LAYOUTS = ("single", "folder")
# Seconds on the reference machine, measured on the demo (6 classes) and on ten classes: of the
# result and its HTML, and of its PDF, with so much for each class.
WRITING, WRITING_CLASS = 8.0, 1.5
PDF, PDF_CLASS = 4.0, 1.0


def work_of_writing(classes: int, formats: Sequence[str]) -> Work:
    """Return what writing the result and its report files takes."""
    pdf = PDF + PDF_CLASS * classes if "pdf" in formats else 0.0
    return Work(fixed=WRITING + WRITING_CLASS * classes + pdf)


def render_run(
    run: Path,
    context: RenderContext,
    *,
    formats: Sequence[str],
    max_html_mb: float,
    pdf_timeout: int,
    branding: Branding | None = None,
    layout: str = "single",
) -> Mapping[str, Path]:
    """Write the report files of the run folder ``run`` and return format -> path.

    ``layout`` single makes report.html, at most ``max_html_mb`` large; folder makes report/, whose
    style, script and pictures are files of their own. ``branding`` is what the organisation brings
    of its own (default: nothing). HTML is written before the PDF is begun, so that a failing PDF
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
        _write_texts(result, context, run, branding)
        images, name = run / "images", name_of(context)
        page, document = f"{name}.html", f"{name}.pdf"
        written: dict[str, Path] = {}
        older = ""
        if "html" in formats:
            before = _listed(run)
            if layout == "folder":
                page = f"{name}/index.html"
                _write_folder(result, context, run, branding)
            else:
                text = render_html(result, context, images, max_mb=max_html_mb, branding=branding)
                write_listed(run, {page: text.encode()})
            written["html"] = run / page
            if "pdf" in formats and before.get(page) != _listed(run)[page]:
                older = _without_older(run, document)
        if "pdf" in formats:
            make = partial(
                make_pdf, result, context, images, timeout=pdf_timeout, branding=branding
            )
            try:
                content = make(audit=read_listed(run, "audit.json"), name=document)
            except (OutputError, StorageError) as error:
                raise type(error)(f"{error}{older}") from error
            write_listed(run, {document: content})
            written["pdf"] = run / document
        return written


def older_reports(
    run: Path, context: RenderContext, before: Mapping[str, str], written: Collection[Path]
) -> list[str]:
    """Return the reports that show an earlier rendering, since only others were drawn again.

    ``before`` are the files of the manifest before the rendering, ``written`` what it wrote.
    """
    name, now = name_of(context), _listed(run)
    drawn = {path.relative_to(run).as_posix() for path in written}
    if all(now[file] == before.get(file) for file in drawn):
        return []
    reports = (f"{name}.html", f"{name}/index.html", f"{name}.pdf")
    return [file for file in reports if file in now and file not in drawn]


def _listed(run: Path) -> Mapping[str, str]:
    files: Mapping[str, str] = read_manifest(run)["files"]
    return files


def _without_older(run: Path, name: str) -> str:
    """Remove the PDF of an earlier rendering, beside which there is new HTML; say what to say."""
    if not (run / name).exists():
        return ""
    forget(run, [name])
    return f" The {name} that was there showed an earlier rendering: it was removed."


def _write_folder(
    result: AuditResult, context: RenderContext, run: Path, branding: Branding | None
) -> None:
    """Write the HTML as a folder, and remove the pictures that only an earlier one showed."""
    name = name_of(context)
    files = html_folder(result, context, run / "images", branding=branding)
    write_listed(run, {f"{name}/{file}": content for file, content in files.items()})
    old = [path.name for path in (run / name / "images").glob("*") if PICTURE.fullmatch(path.name)]
    forget(run, [f"{name}/images/{file}" for file in old if f"images/{file}" not in files])


def write_texts(run: Path, context: RenderContext) -> None:
    """Write summary.json, summary.md, model_card.md and the tables again, without a report.

    Raises:
        IntegrityError: audit.json or review.json is missing or broken.
    """
    with speaking(context.language):
        result, context = _reviewed(run, context)
        _write_texts(result, context, run, None)


def _reviewed(run: Path, context: RenderContext) -> tuple[AuditResult, RenderContext]:
    review = read_review(run)
    result = judged(with_names(read_result(run), review), review)
    return result.translated(), context.model_copy(update={"review": translated(review)})


def with_names(result: AuditResult, review: Review | None) -> AuditResult:
    """Return the result with its concepts called as people decided."""
    states = review.decisions if review else []
    given = {state.concept: state.decision.name for state in states if state.concept}
    if not given:
        return result
    concepts = [
        concept.model_copy(update={"name": given[concept.id]}) if concept.id in given else concept
        for concept in result.concepts
    ]
    return result.model_copy(update={"concepts": concepts})


def judged(result: AuditResult, review: Review | None) -> AuditResult:
    """Return the result as it is drawn: with the verdict of the judgement, where there is one."""
    if review is None or review.judgement is None:
        return result
    judged_as = {"code": review.judgement.code, "sentence": review.judgement.sentence}
    verdict = result.verdict.model_copy(update=judged_as)
    return result.model_copy(update={"verdict": verdict})


def name_of(context: RenderContext) -> str:
    """Return how the report's files are called: a tier other than the standard one is named."""
    return "report" if context.tier == "standard" else f"report-{context.tier}"


def _write_texts(
    result: AuditResult, context: RenderContext, run: Path, branding: Branding | None
) -> None:
    """Write summary.json, summary.md, model_card.md and ``tables/*.csv``, with any format."""
    made = {**csv_files(result), **picture_files(run, result)}
    tables = {f"tables/{name}": content for name, content in made.items()}
    write_listed(run, text_files(result, context, branding=branding) | tables)


def read_result(run: Path) -> AuditResult:
    """Read audit.json of a run folder, checked against the manifest.

    Raises:
        IntegrityError: It is missing or changed, no JSON, of another format or version, or does
            not fit it.
    """
    return parse_result(read_listed(run, "audit.json"), run / "audit.json")


def parse_result(text: bytes, path: Path) -> AuditResult:
    """Return the audit whose audit.json holds ``text``; ``path`` is where that was read.

    Raises:
        IntegrityError: It is no JSON, of another format or version, or does not fit it.
    """
    _check_version(path, _parsed(text, path))
    try:
        return AuditResult.model_validate_json(text)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        raise IntegrityError(
            f"{path} does not fit its format: {key}: {first['msg']} "
            f"({error.error_count()} such problems)."
        ) from error


def is_of_this_format(run: Path) -> bool:
    """Return whether the audit.json of a run folder is of the version that this program reads.

    Raises:
        IntegrityError: It is missing, changed or no JSON.
    """
    path = run / "audit.json"
    document = _parsed(read_listed(run, "audit.json"), path)
    return isinstance(document, dict) and document.get("version") == FORMAT_VERSION


def read_review(run: Path) -> Review | None:
    """Read review.json of a run folder; None where nobody has reviewed the audit.

    Raises:
        IntegrityError: It is missing though it was there, was changed, or does not fit its format.
    """
    path = run / "review.json"
    if not path.is_symlink() and not path.exists() and "review.json" not in _listed(run):
        return None
    try:
        return Review.model_validate_json(read_listed(run, "review.json"))
    except pydantic.ValidationError as error:
        reason = str(error).splitlines()[0]
        raise IntegrityError(
            f"{path} cannot be used ({reason}): delete it, or restore it, and compare, review and "
            "judge the run again."
        ) from error


def _parsed(text: bytes, path: Path) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise IntegrityError(f"{path} is no JSON ({error}): it was cut off or changed.") from error


def _check_version(path: Path, document: object) -> None:
    expected = AuditResult.model_fields["format"].default
    if not isinstance(document, dict) or document.get("format") != expected:
        raise IntegrityError(f"{path} is not the result of an audit ('{expected}').")
    version = document.get("version")
    if version != FORMAT_VERSION:
        raise IntegrityError(
            f"{path} has format version {version}; this program reads version {FORMAT_VERSION}: "
            "use the version of auditor that made it, or audit again with this one."
        )
