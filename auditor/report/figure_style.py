"""One style for all figures: colours, font, and SVG with the same bytes for the same data."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1b2530"
MUTED = "#5b6874"
ACCENT = "#0b5c8a"
LINE = "#d5dbe1"
PIXELS_PER_INCH = 96
DOTS_PER_INCH = 200
NO_METADATA = {"Date": None, "Creator": None}

STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
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
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


class Drawing(NamedTuple):
    """A figure as SVG text with its size in CSS pixels."""

    svg: str
    width: int
    height: int


@contextlib.contextmanager
def house_style() -> Iterator[None]:
    """Use the report's style inside the block; matplotlib's own settings are put back after it.

    Signs that the font lacks are drawn as boxes: names keep their place, and nothing fails.
    """
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing from font")
        matplotlib.rcdefaults()
        for key, value in STYLE.items():
            matplotlib.rcParams[key] = value
        yield


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
    """Return a name on one line, with an ellipsis in its middle when it is too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if len(line) <= length:
        return line
    head = (length - 1) * 2 // 3
    return f"{line[:head]}…{line[-(length - 1 - head) :]}"
