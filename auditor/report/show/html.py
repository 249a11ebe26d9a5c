"""Render the HTML report: one file that refers to nothing outside itself, or a folder.

The folder is for viewers whose policy forbids style and script inside a page. It needs no size
limit, since a picture is loaded when it is looked at.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

import jinja2
from markupsafe import Markup

from auditor.base.errors import OutputError
from auditor.language.speaking import constants
from auditor.report.document.audit import AuditResult, Picture, RenderContext
from auditor.report.show import crosswalk, words
from auditor.report.show.branding import House, plain_house
from auditor.report.show.embedding import CountingPictures, EmbeddedPictures, LinkedPictures
from auditor.report.show.images import read_image
from auditor.report.show.size_limit import LADDER, Encoded, Step, encode
from auditor.report.show.view import Limits, View

MEGABYTE = 1_000_000
# One picture in this many is encoded first: what is far too large then is not encoded whole.
SAMPLED = 16
LINKED_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def render_html(
    result: AuditResult,
    context: RenderContext,
    images: Path,
    *,
    max_mb: float,
    house: House | None = None,
) -> str:
    """Return report.html, at most ``max_mb`` megabytes (of 1,000,000 bytes) long.

    Pictures are data URIs, each in the file once. When the file would be too large, the steps of
    `LADDER` are taken until it fits, and the report says what was left out.

    Raises:
        OutputError: Even without any picture the report is larger than ``max_mb``.
        IntegrityError: A picture is missing or changed.
    """
    house = house or plain_house()
    jinja = house.environment()
    budget = int(max_mb * MEGABYTE)
    size = 0
    for step in LADDER:
        if step.classes is not None and len(result.classes) <= step.classes:
            continue
        counting = CountingPictures()
        bare = _draw(jinja, house, result, context, step, counting)
        if step.pictures and _is_hopeless(images, counting.pictures, step, budget):
            continue
        encoded = encode_all(images, counting.pictures, step) if step.pictures else {}
        size = len(bare.encode()) + sum(len(item.href) for item in encoded.values())
        if size > budget:
            continue
        pictures = EmbeddedPictures(encoded, counting.uses)
        text = _draw(jinja, house, result, context, step, pictures)
        size = len(text.encode())
        if size <= budget:
            return text
    raise OutputError(
        f"report.html needs {size / MEGABYTE:.1f} MB even without pictures, more than "
        f"report.max_html_mb = {max_mb:g}: raise it, or audit fewer classes."
    )


def html_folder(
    result: AuditResult, context: RenderContext, images: Path, *, house: House | None = None
) -> dict[str, bytes]:
    """Return the report as the files of a folder: name inside of it -> content.

    They are the pictures in images/, style.css, script.js and index.html, which comes last, so that
    an index that is written in this order never names what is not there yet.

    Raises:
        IntegrityError: A picture is missing or changed.
    """
    house = house or plain_house()
    pictures = LinkedPictures(images, "images/")
    text = _draw(house.environment(), house, result, context, LADDER[0], pictures, linked=True)
    files = {f"images/{name}": read_image(images, name) for name in sorted(pictures.checked)}
    files["style.css"] = house.style("html").encode()
    files["script.js"] = house.text("html/script.js").encode()
    return files | {"index.html": text.encode()}


def _is_hopeless(folder: Path, pictures: Mapping[str, Picture], step: Step, budget: int) -> bool:
    """Say whether a sample of the pictures shows that all are far larger than the budget.

    Names are digests, so every n-th of them in order is a random sample, and always the same one.
    """
    names = sorted(pictures)[::SAMPLED]
    if len(names) < 50:
        return False
    sample = encode_all(folder, {name: pictures[name] for name in names}, step)
    size = sum(len(item.href) for item in sample.values())
    return size / len(names) * len(pictures) > 1.3 * budget


def encode_all(folder: Path, pictures: Mapping[str, Picture], step: Step) -> dict[str, Encoded]:
    """Return every picture as a data URI, as large and as fine as a step allows."""
    return {
        name: encode(folder, name, picture.width, picture.height, step)
        for name, picture in pictures.items()
    }


def _draw(
    jinja: jinja2.Environment,
    house: House,
    result: AuditResult,
    context: RenderContext,
    step: Step,
    pictures: CountingPictures | EmbeddedPictures | LinkedPictures,
    *,
    linked: bool = False,
) -> str:
    style = house.style("html")
    script = house.text("html/script.js")
    limits = Limits(examples=step.examples, full=step.full, classes=step.classes)
    view = View(result, context, "html", limits, step.left_out())
    return jinja.get_template("html/report.html.j2").render(
        view=view,
        result=result,
        context=context,
        pictures=pictures,
        words=constants(words),
        crosswalk=constants(crosswalk),
        logo=house.logo,
        style=Markup(style),  # noqa: S704 (ours, and a style that cannot end its element)
        script=Markup(script),  # noqa: S704 (our own file)
        linked=linked,
        policy=LINKED_POLICY if linked else policy_of(style, script),
    )


def policy_of(style: str, script: str) -> Markup:
    """Return the Content-Security-Policy: pictures in the file, this style and this script."""
    return Markup(  # noqa: S704 (hashes of our own files)
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
