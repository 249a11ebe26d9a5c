"""The reliability diagram."""

from __future__ import annotations

from auditor.language.speaking import gettext as _
from auditor.report.document.result import Calibration
from auditor.report.draw.colours import ACCENT, LINE, MUTED
from auditor.report.draw.style import Drawing, drawing, new_figure, report_style

SIDE = 2.7


def reliability_figure(found: Calibration) -> Drawing:
    """Draw accuracy over confidence by bin with Wilson intervals, over how many there are."""
    with report_style():
        figure = new_figure(SIDE, SIDE * 1.3)
        upper, lower = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1], "hspace": 0.12}
        )
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
        for each in found.bins:
            value = each.accuracy
            upper.vlines(each.confidence, value.low, value.high, color=ACCENT, linewidth=1.0)
            upper.plot(each.confidence, value.value, "o", color=ACCENT, markersize=4)
            lower.bar(
                each.low, value.n, width=each.high - each.low, align="edge", color=LINE, linewidth=0
            )
        upper.set(xlim=(0, 1), ylim=(0, 1.02), ylabel=_("share that is right"))
        lower.set(xlabel=_("confidence of the model"), ylabel=_("pictures"))
        return drawing(figure)
