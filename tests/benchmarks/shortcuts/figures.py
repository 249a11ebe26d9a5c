"""The figures of the results page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tests.benchmarks.shortcuts.summary import SEARCH, Model, Planting
from tests.benchmarks.shortcuts.tables import figures_of

mpl.use("agg")


def effect_figure(plantings: Sequence[Planting], path: Path) -> None:
    """Draw the flip excess that was found against the true one; what was missed lies at 0."""
    own = [each for each in plantings if each.local]
    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(each.artefact for each in own):
        rows = [each for each in own if each.artefact == name]
        axes.scatter(
            [each.fe for each in rows],
            [each.outcomes[SEARCH].fe or 0.0 for each in rows],
            label=name, s=24,
        )  # fmt: skip
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.set(xlabel="FE*: flips when the artefact is drawn", ylabel="FE of the finding (0: missed)")
    axes.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def methods_figure(plantings: Sequence[Planting], models: Sequence[Model], path: Path) -> None:
    """Draw the scores of all methods side by side, with intervals."""
    methods = [SEARCH, *sorted({n for p in plantings for n in p.outcomes} - {SEARCH})]
    values = {method: figures_of(plantings, models, method) for method in methods}
    names = ("class first", "member AUC", "AP", "precision@10", "model AUC, clean")
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), sharey=True), names, strict=True):
        places = np.arange(len(methods))[::-1]
        for place, method in zip(places, methods, strict=True):
            value = values[method][name]
            if value is not None:
                middle, low, high = value
                colour = "#0b5" if method == SEARCH else "#789"
                axes.plot([low, high], [place, place], color=colour, linewidth=1.5)
                axes.plot([middle], [place], "o", color=colour, markersize=5)
        axes.set(title=name, xlim=(-0.03, 1.03), yticks=places)
        axes.set_yticklabels(methods, fontsize=8)
        axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=110)
