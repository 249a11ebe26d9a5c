"""Figures of decisions: the plane of two classes, and the curves of concept flipping."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from auditor.language.speaking import gettext as _
from auditor.language.speaking import translated
from auditor.report.draw.colours import ACCENT, GREEN, INK, LINE, MUTED, VERMILION
from auditor.report.draw.style import Drawing, drawing, new_figure, report_style, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Above this many points they are stored as an image inside the SVG.
VECTOR_POINTS = 600
# Ticks of the share of switched concepts; the axis is drawn by its square root.
SHARES = (0.0, 0.04, 0.25, 0.5, 1.0)
ORDERS: Mapping[str, tuple[str, str, str]] = {
    "relevance": (_("relevance"), ACCENT, "-"),
    "activation": (_("activation"), VERMILION, "--"),
    "gradient": (_("gradient × activation"), GREEN, "-."),
    "random": (_("random"), MUTED, ":"),
}


class Panel(NamedTuple):
    """One panel of flipping curves: mean logit after each step, by order."""

    title: str
    switched: Float[np.ndarray, "step"]
    curves: Mapping[str, Float[np.ndarray, "sample step"]]


def plane_figure(
    points: Float[np.ndarray, "sample 2"],
    is_first: Bool[np.ndarray, "sample"],
    mistaken: Bool[np.ndarray, "sample"],
    held_out: Bool[np.ndarray, "sample"],
    line: tuple[float, float, float],
    classes: tuple[str, str],
    axes_names: tuple[str, str],
) -> Drawing:
    """Draw two classes on the plane of two units, with the line that divides them.

    Circles are of the first class, triangles of the second; pale ones chose the axes, full ones
    were held out; crosses are samples decided as the other class. ``line`` is (a, b, c) with
    ``a x + b y = c`` on it.
    """
    with report_style():
        figure = new_figure(3.7, 3.1)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        raster = len(points) > VECTOR_POINTS
        for own, colour, marker, name in (
            (is_first, ACCENT, "o", classes[0]),
            (~is_first, VERMILION, "^", classes[1]),
        ):
            for held, alpha in ((False, 0.25), (True, 0.85)):
                chosen = own & ~mistaken & (held_out == held)
                axes.scatter(
                    points[chosen, 0],
                    points[chosen, 1],
                    s=17,
                    c=colour,
                    marker=marker,
                    alpha=alpha,
                    linewidths=0,
                    label=short(name) if held else None,
                    rasterized=raster,
                )
            crossed = points[own & mistaken]
            axes.scatter(
                crossed[:, 0], crossed[:, 1], s=34, c=colour, marker="x", linewidths=1.6, zorder=3
            )
        _divide(axes, points, line)
        axes.set_xlabel(_("share of relevance of %(short)s", short=short(axes_names[0], 40)))
        axes.set_ylabel(_("share of relevance of %(short)s", short=short(axes_names[1], 40)))
        axes.tick_params(labelsize=8)
        axes.legend(frameon=False, fontsize=8, loc="best")
        return drawing(figure)


def flipping_figure(panels: Sequence[Panel]) -> Drawing:
    """Draw the mean logit while concepts are switched, one panel per way of switching."""
    with report_style():
        width, gap = 2.1, 0.5
        total = len(panels) * width + (len(panels) - 1) * gap
        figure = new_figure(total, 1.9)
        for place, panel in enumerate(panels):
            left = place * (width + gap) / total
            axes = figure.add_axes((left, 0.0, width / total, 1.0))
            for order, values in panel.curves.items():
                name, colour, dashes = ORDERS.get(order, (order, INK, "-"))
                axes.plot(
                    np.sqrt(panel.switched),
                    values.mean(axis=0),
                    dashes,
                    color=colour,
                    linewidth=2.0 if order == "relevance" else 1.4,
                    label=translated(name),
                )
            axes.set_title(translated(panel.title), loc="left")
            axes.set_xticks(np.sqrt(SHARES), ["0", "4 %", "25 %", "50 %", _("all")])
            axes.tick_params(labelsize=7.5)
            axes.grid(axis="y", color=LINE, linewidth=0.5)
            axes.set_xlabel(_("concepts switched"))
            if place == 0:
                axes.set_ylabel(_("score of the class (mean)"))
                axes.legend(
                    frameon=False,
                    fontsize=8,
                    loc="lower left",
                    bbox_to_anchor=(-0.03, 1.1),
                    ncols=2 if len(panels) < 3 else 4,
                )
        return drawing(figure)


def _divide(
    axes: Axes, points: Float[np.ndarray, "sample 2"], line: tuple[float, float, float]
) -> None:
    """Draw the dividing line within the limits that the points need."""
    low, high = points.min(axis=0), points.max(axis=0)
    pad = np.maximum(0.06 * (high - low), 1e-6)
    low, high = low - pad, high + pad
    a, b, c = line
    if abs(b) * (high[1] - low[1]) >= abs(a) * (high[0] - low[0]):
        x = np.array([low[0], high[0]])
        y = (c - a * x) / b if b else np.full(2, np.nan)
    else:
        y = np.array([low[1], high[1]])
        x = (c - b * y) / a
    axes.plot(x, y, color=INK, linewidth=0.9, linestyle="--", zorder=1)
    axes.set_xlim(low[0], high[0])
    axes.set_ylim(low[1], high[1])
