"""Render the HTML report: one file that refers to nothing outside itself, or a folder.

The folder is for viewers whose policy forbids style and script inside a page. It needs no size
limit, since a picture is loaded when it is looked at.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from auditor.base.errors import OutputError
from auditor.language.speaking import constants
from auditor.report.document.result import AuditResult, Picture, RenderContext
from auditor.report.draw import colours
from auditor.report.show import crosswalk, words
from auditor.report.show.branding import Branding, plain_branding
from auditor.report.show.embedding import (
    CountingPictures,
    EmbeddedPictures,
    LinkedPictures,
    Pictures,
)
from auditor.report.show.limits import Limits
from auditor.report.show.picture_store import read_image
from auditor.report.show.size_limit import GOAL, LADDER, Step, encode_all
from auditor.report.show.view import View

MEGABYTE = 1_000_000
# One picture in this many is encoded first: what is far too large then is not encoded whole.
SAMPLED = 16
# So many standard errors below the mean of the sample, the others are too large as well.
CERTAIN = 3
LINKED_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="6.5" '
    f'fill="none" stroke="{colours.ACCENT}" stroke-width="3"/>'
    f'<circle cx="8" cy="8" r="2.5" fill="{colours.BAD}"/></svg>'
)


def html_page(
    template: str,
    branding: Branding,
    pictures: Pictures,
    *,
    program: str,
    script: str = "",
    linked: bool = False,
    **values: Any,
) -> str:
    """Return a page of its own from ``html/TEMPLATE.html.j2`` and the ``values`` it shows.

    ``program`` is the name and version that made it. Style and ``script`` stand in the page, which
    may run no other; a ``linked`` page has them, and its pictures, beside it.
    """
    style = branding.style("html")
    return (
        branding.environment()
        .get_template(f"html/{template}.html.j2")
        .render(
            pictures=pictures,
            words=constants(words),
            program=program,
            style=Markup(style),  # noqa: S704 (ours, and a style that cannot end its element)
            script=Markup(script),  # noqa: S704 (our own file)
            linked=linked,
            policy=LINKED_POLICY if linked else policy_of(style, script),
            icon=f"data:image/svg+xml;base64,{base64.b64encode(ICON.encode()).decode('ascii')}",
            **values,
        )
    )


def embedded_page(draw: Callable[[Pictures], str], folders: Sequence[Path]) -> str:
    """Return a page that holds its pictures, which lie in ``folders``, each of them once."""
    counting = CountingPictures()
    draw(counting)
    encoded = encode_all(folders, counting.pictures, LADDER[0])
    return draw(EmbeddedPictures(encoded, counting.uses))


def render_html(
    result: AuditResult,
    context: RenderContext,
    images: Path,
    *,
    max_mb: float,
    branding: Branding | None = None,
) -> str:
    """Return report.html, at most ``max_mb`` megabytes (of 1,000,000 bytes) long.

    Pictures are data URIs, each in the file once. When the file would be too large, the steps of
    `LADDER` are taken until it fits, the easy ones of them until it is no larger than `GOAL`; the
    report says what was left out.

    Raises:
        OutputError: Even without any picture the report is larger than ``max_mb``.
        IntegrityError: A picture is missing or changed.
    """
    limit = int(max_mb * MEGABYTE)
    size = 0
    for step in LADDER:
        budget = min(limit, GOAL) if step.easy else limit
        if step.classes is not None and len(result.classes) <= step.classes:
            continue
        draw = partial(_draw, branding or plain_branding(), result, context, step)
        counting = CountingPictures()
        bare = draw(counting)
        text_size = len(bare.encode())
        if step.pictures and _is_hopeless(images, counting.pictures, step, budget - text_size):
            continue
        encoded = encode_all([images], counting.pictures, step) if step.pictures else {}
        size = text_size + sum(len(item.href) for item in encoded.values())
        if size > budget:
            continue
        text = draw(EmbeddedPictures(encoded, counting.uses))
        size = len(text.encode())
        if size <= budget:
            return text
    raise OutputError(
        f"report.html needs {size / MEGABYTE:.1f} MB even without pictures, more than "
        f"report.max_html_mb = {max_mb:g}: raise it, or audit fewer classes."
    )


def html_folder(
    result: AuditResult, context: RenderContext, images: Path, *, branding: Branding | None = None
) -> dict[str, bytes]:
    """Return the report as the files of a folder: name inside of it -> content.

    They are the pictures in images/, style.css, script.js and index.html, which comes last, so that
    an index that is written in this order never names what is not there yet.

    Raises:
        IntegrityError: A picture is missing or changed.
    """
    branding = branding or plain_branding()
    pictures = LinkedPictures(images, "images/")
    text = _draw(branding, result, context, LADDER[0], pictures, linked=True)
    files = {f"images/{name}": read_image(images, name) for name in sorted(pictures.checked)}
    files["style.css"] = branding.style("html").encode()
    files["script.js"] = branding.text("html/script.js").encode()
    return files | {"index.html": text.encode()}


def _is_hopeless(folder: Path, pictures: Mapping[str, Picture], step: Step, room: int) -> bool:
    """Say whether a sample of the photographs shows that all pictures do not go into ``room``.

    What becomes of a photograph goes with the bytes that it has in the run, which are known of all
    of them. Names are digests, so every n-th of them in order is a random sample, and always the
    same one. Figures stay as they are and are counted.
    """
    figures = {name: each for name, each in pictures.items() if name.endswith(".svg")}
    photographs = sorted(pictures.keys() - figures.keys())
    names = photographs[::SAMPLED]
    if len(names) < 50:
        return False
    if not all((folder / name).is_file() for name in photographs):
        return False  # which is told where they are encoded
    stored = {name: (folder / name).stat().st_size for name in photographs}
    shown = encode_all([folder], {name: pictures[name] for name in names}, step)
    before, after = (
        np.array([of(name) for name in names], dtype=float)
        for of in (stored.__getitem__, lambda name: len(shown[name].href))
    )
    ratio = after.sum() / before.sum()
    error = (after - ratio * before).std(ddof=1) / math.sqrt(len(names))
    least = ratio * sum(stored.values()) - CERTAIN * error * len(photographs)
    drawn = sum(len(item.href) for item in encode_all([folder], figures, step).values())
    return bool(least + drawn > room)


def _draw(
    branding: Branding,
    result: AuditResult,
    context: RenderContext,
    step: Step,
    pictures: Pictures,
    *,
    linked: bool = False,
) -> str:
    limits = Limits(examples=step.examples, full=step.full, classes=step.classes)
    return html_page(
        "report",
        branding,
        pictures,
        program=f"{result.tool.name} {result.tool.version}",
        script=branding.text("html/script.js"),
        linked=linked,
        view=View(result, context, limits, step.left_out()),
        result=result,
        context=context,
        crosswalk=constants(crosswalk),
        logo=branding.logo,
    )


def policy_of(style: str, script: str) -> Markup:
    """Return the Content-Security-Policy: pictures in the file, this style and this script."""
    return Markup(  # noqa: S704 (hashes of our own files)
        f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; "
        f"script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
