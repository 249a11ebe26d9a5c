"""Figures of a finding: confidence while the concepts of its region are zeroed."""

from __future__ import annotations

from auditor.language.speaking import gettext as _
from auditor.records.shortcuts import Zeroing
from auditor.report.draw.colours import ACCENT, LINE, MUTED, VERMILION
from auditor.report.draw.style import Drawing, drawing, new_figure, report_style, short


def zeroing_figure(curve: Zeroing, class_name: str) -> Drawing:
    """Draw confidence after each number of concepts at zero, against random concepts.

    The band holds 80 % of the random draws.
    """
    with report_style():
        figure = new_figure(3.4, 1.9)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        low, high = zip(*curve.band_own, strict=True)
        axes.fill_between(curve.counts, low, high, color=MUTED, alpha=0.18, linewidth=0)
        axes.plot(
            curve.counts, curve.random_own, ":", color=MUTED, linewidth=1.4,
            label=_("%(short)s, random concepts", short=short(class_name, 20)),
        )  # fmt: skip
        axes.plot(
            curve.counts,
            curve.others,
            "--",
            color=VERMILION,
            linewidth=1.4,
            label=_("other classes"),
        )
        axes.plot(
            curve.counts, curve.own, "-o", color=ACCENT, linewidth=2.0, markersize=3.2,
            label=_("%(short)s, with the region", short=short(class_name, 20)),
        )  # fmt: skip
        axes.set_ylim(-0.02, 1.04)
        axes.set_xticks(list(curve.counts))
        axes.tick_params(labelsize=7.5)
        axes.grid(axis="y", color=LINE, linewidth=0.5)
        axes.set_xlabel(_("concepts of the region at zero"))
        axes.set_ylabel(_("confidence (mean)"))
        axes.legend(frameon=False, fontsize=7.5, loc="lower left", bbox_to_anchor=(-0.03, 1.0))
        return drawing(figure)
