"""What an organisation brings of its own: templates that win over ours, a style, a logo."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

import jinja2
from PIL import Image, ImageFile

from auditor.base.errors import OutputError, did_you_mean
from auditor.report.draw.colours import custom_properties
from auditor.report.show.templates import environment, template_folder

MOST_STYLE = 200_000
MOST_LOGO = 5_000_000
LOGO_BOX = (720, 240)
LOGO_FORMATS = {"PNG", "JPEG"}
# A style can end its element, or load something; the report refers to nothing outside itself.
REFUSED = re.compile(r"</style|@import|url\s*\(|image-set\s*\(|\\", re.IGNORECASE)


@dataclass(frozen=True)
class Logo:
    """A picture as a data URI, with its size in pixels and what it says."""

    href: str
    width: int
    height: int
    text: str


@dataclass(frozen=True)
class Branding:
    """Folders of templates, the first that has one wins; further style; a logo for the cover."""

    folders: tuple[Path, ...]
    css: str = ""
    logo: Logo | None = None

    def environment(self) -> jinja2.Environment:
        """Return the Jinja environment that finds the templates."""
        return environment(*self.folders)

    def text(self, name: str) -> str:
        """Return a file of the templates that is no template, such as ``pdf/style.css``."""
        paths = (folder / name for folder in self.folders)
        return next(path for path in paths if path.is_file()).read_text(encoding="utf-8")

    def style(self, medium: str) -> str:
        """Return the style of a medium: its colours, ours, and then what was brought."""
        parts = (custom_properties(medium), self.text(f"{medium}/style.css"), self.css)
        return "\n".join(part for part in parts if part)


def plain_branding() -> Branding:
    """Return our own templates with nothing added.

    Raises:
        OutputError: The installation is incomplete.
    """
    return Branding((template_folder(),))


def read_branding(
    *,
    templates: Path | None = None,
    css: Path | None = None,
    logo: Path | None = None,
    logo_text: str = "Logo",
) -> Branding:
    """Read what the config or the command line names; None leaves ours as it is.

    Raises:
        OutputError: A file or folder is missing or cannot be used; the message says which and why.
    """
    ours = template_folder()
    return Branding(
        (*([] if templates is None else [_checked(templates, ours)]), ours),
        "" if css is None else _style(css),
        None if logo is None else _logo(logo, logo_text),
    )


def _checked(folder: Path, ours: Path) -> Path:
    """Return the folder if at least one file in it stands for one of ours."""
    if not folder.is_dir():
        raise OutputError(f"report.template: {folder} is no folder.")
    known = [str(path.relative_to(ours)) for path in sorted(ours.rglob("*")) if path.is_file()]
    given = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    if not set(known) & set(given):
        what = f"'{given[0]}'" if given else "nothing"
        hint = did_you_mean(given[0], known) if given else ""
        raise OutputError(
            f"report.template: {folder} holds {what}, and no file with the path of one of the "
            f"report's templates, such as 'pdf/style.css' or 'sections/summary.html.j2'.{hint}"
        )
    return folder


def _style(path: Path) -> str:
    text = _read(path, "report.css", MOST_STYLE).decode("utf-8", errors="replace")
    if "\ufffd" in text:
        raise OutputError(f"report.css: {path} is not UTF-8 text.")
    refused = REFUSED.search(text)
    if refused is not None:
        line = text.count("\n", 0, refused.start()) + 1
        raise OutputError(
            f"report.css: {path}:{line}: '{refused[0]}' cannot be used, because the report refers "
            "to nothing outside itself: no url(), @import, escapes. For a picture use report.logo."
        )
    return text


def _logo(path: Path, text: str) -> Logo:
    data = _read(path, "report.logo", MOST_LOGO)
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # WeasyPrint sets it for the whole process
    try:
        with Image.open(io.BytesIO(data)) as image:
            kind, picture = image.format, image.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise OutputError(
            f"report.logo: {path} is no picture that can be read. Give a PNG or JPEG file (an SVG "
            "can hold scripts and links: export it as PNG)."
        ) from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    if kind not in LOGO_FORMATS:
        raise OutputError(f"report.logo: {path} is {kind}; give a PNG or JPEG file.")
    picture.thumbnail(LOGO_BOX, Image.Resampling.LANCZOS)
    # On white: what is dark on transparent would be lost on the dark page.
    flat = Image.new("RGB", picture.size, "white")
    flat.paste(picture, mask=picture.getchannel("A"))
    made = io.BytesIO()
    flat.save(made, "PNG", optimize=True)
    href = f"data:image/png;base64,{base64.b64encode(made.getvalue()).decode('ascii')}"
    return Logo(href, flat.width, flat.height, text)


def _read(path: Path, key: str, most: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > most:
            raise OutputError(f"{key}: {path} has {size:,} bytes; {most:,} is the most.")
        return path.read_bytes()
    except OSError as error:
        raise OutputError(f"{key}: {path} cannot be read ({error.strerror}).") from error
