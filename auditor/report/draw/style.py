"""One style for all figures: colours, font, and SVG with the same bytes for the same data."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from auditor.language.speaking import translated
from auditor.report.draw.colours import INK, MUTED, PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 96
DOTS_PER_INCH = 200
NO_METADATA = {"Date": None, "Creator": None}

# Fonts that names are drawn with where DejaVu Sans lacks their letters and the machine has them:
# those of Debian's packages first, then those of other systems.
FALLBACKS = (
    *(f"Noto Sans CJK {region}" for region in ("SC", "JP", "KR", "TC")),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai"),
    *("Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Symbols2", "Noto Emoji", "Symbola"),
    *("Noto Sans", "WenQuanYi Zen Hei", "IPAGothic", "NanumGothic", "Arial Unicode MS"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "SimHei"),
    *("Yu Gothic", "MS Gothic", "Malgun Gothic", "Nirmala UI", "Segoe UI Symbol"),
)

STYLE: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9.0,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "text.color": INK,
    # Class and file names are text, also when they hold dollar signs.
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "concept-auditor",
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
}


class Drawing(NamedTuple):
    """A figure as SVG text with its size in CSS pixels."""

    svg: str
    width: int
    height: int


@contextlib.contextmanager
def report_style() -> Iterator[None]:
    """Use the report's style inside the block; matplotlib's own settings are put back after it.

    Signs that no font has are drawn as boxes: names keep their place, and nothing fails.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing from font")
        matplotlib.rcdefaults()
        for key, value in STYLE.items():
            matplotlib.rcParams[key] = value
        matplotlib.rcParams["font.family"] = ["DejaVu Sans", *_fallbacks()]
        yield


@cache
def _fallbacks() -> tuple[str, ...]:
    """Return the fonts of `FALLBACKS` that this machine has.

    Matplotlib keeps a list of fonts from when it was first used; newer ones are entered here.
    """
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    for file in _files_of([name for name in FALLBACKS if name not in known]):
        fontManager.addfont(file)
    installed = {font.name for font in fontManager.ttflist}
    return tuple(name for name in FALLBACKS if name in installed)


def _files_of(families: Sequence[str]) -> list[str]:
    """Return the files that hold these families in their regular style, by fontconfig."""
    listing = shutil.which("fc-list")
    if listing is None:
        return []
    asked = [listing, ":style=Regular", "file", "family"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603
    files = set()
    for line in done.stdout.splitlines():
        file, _colon, names = line.partition(": ")
        if file.lower().endswith((".ttf", ".otf", ".ttc")) and set(names.split(",")) & set(
            families
        ):
            files.add(file)
    return sorted(files)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, outside pyplot's list of figures."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasSVG(figure)
    return figure


def drawing(figure: Figure) -> Drawing:
    """Return the figure as SVG, cut to what is drawn on it."""
    out = io.StringIO()
    box = figure.get_tightbbox().padded(0.04)
    figure.savefig(out, format="svg", bbox_inches=box, dpi=DOTS_PER_INCH, metadata=NO_METADATA)
    width, height = (round(side * PIXELS_PER_INCH) for side in (box.width, box.height))
    return Drawing(svg=out.getvalue(), width=width, height=height)


def short(name: str, length: int = 28) -> str:
    """Return a name on one line, with an ellipsis in its middle when it is too long.

    ``length`` is in Latin letters; those of Chinese, Japanese and Korean, and emoji, are two wide.
    """
    line = " ".join("".join(_drawn(sign) for sign in translated(name)).split())
    if sum(map(_width, line)) <= length:
        return line
    head = (length - 1) * 2 // 3
    return f"{_cut(line, head)}…{_cut(line[::-1], length - 1 - head)[::-1]}"


def _drawn(sign: str) -> str:
    """Return what is drawn of a sign: joiners shape their neighbours, marks of direction do not."""
    if sign.isprintable() or sign in "\u200c\u200d":
        return sign
    return "" if unicodedata.category(sign) == "Cf" else " "


def _width(sign: str) -> int:
    if unicodedata.combining(sign) or sign in "\u200c\u200d\ufe0e\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def _cut(line: str, length: int) -> str:
    """Return as much of the beginning of a line as is at most so wide."""
    width = 0
    for index, sign in enumerate(line):
        width += _width(sign)
        if width > length:
            return line[:index]
    return line
