"""The figure of global factors: where a class lies, and where the others."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.report.draw.colours import ACCENT, MUTED
from auditor.report.draw.style import Drawing, drawing, new_figure, report_style, short

WIDTH, ROW = 3.6, 0.42


def factors_figure(
    names: Sequence[str],
    own: Sequence[Sequence[float]],
    others: Sequence[Sequence[float]],
) -> Drawing:
    """Draw the 5, 25, 50, 75 and 95 % quantiles of each factor, of the class above the others.

    Every row has its own scale, from the smallest to the largest quantile of it.
    """
    with report_style():
        figure = new_figure(WIDTH, ROW * len(names))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        for row, pair in enumerate(zip(own, others, strict=True)):
            low = min(min(values) for values in pair)
            width = max(max(values) for values in pair) - low or 1.0
            for shift, values, colour in zip((-0.16, 0.16), pair, (ACCENT, MUTED), strict=True):
                at = [(value - low) / width for value in values]
                axes.plot([at[0], at[4]], [row + shift] * 2, color=colour, linewidth=0.8)
                axes.plot([at[1], at[3]], [row + shift] * 2, color=colour, linewidth=4.0)
                axes.plot(at[2], row + shift, "o", color="white", markersize=2.6)
        axes.set_yticks(range(len(names)), [short(name, 44) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(-0.03, 1.03)
        axes.set_xticks([])
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
        return drawing(figure)
