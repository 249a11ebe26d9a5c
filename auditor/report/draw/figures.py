"""The report's figures: arrays in, SVG out. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int

from auditor.language.speaking import gettext as _
from auditor.report.draw.colours import FRAME, INK, MUTED
from auditor.report.draw.style import Drawing, drawing, new_figure, report_style, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Above this many rows or columns numbers in the cells would be too small to read.
WRITTEN_CELLS = 16
# Above this many cells the grid is stored as an image inside the SVG: a tenth of the bytes.
VECTOR_CELLS = 400
# Of more concepts only those with the largest shares are drawn, and the figure says so.
DRAWN_CONCEPTS = 48
# Column labels of so few signs fit over their column without being turned.
SHORT_LABEL = 3


def confusion_figure(matrix: Int[np.ndarray, "label prediction"], names: Sequence[str]) -> Drawing:
    """Draw label x prediction counts; colour is the share of the label's images (row).

    ``names`` are of the columns; the first ones are of the rows too.
    """
    import seaborn

    rows, columns = matrix.shape
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    cell = _cell(max(rows, columns))
    written = max(rows, columns) <= WRITTEN_CELLS
    with report_style():
        figure = new_figure(columns * cell, rows * cell)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        seaborn.heatmap(
            share,
            ax=axes,
            vmin=0.0,
            vmax=1.0,
            cmap="Blues",
            cbar=False,
            annot=matrix if written else False,
            fmt="d",
            annot_kws={"size": 8},
            linewidths=0.5 if written else 0.0,
            linecolor="white",
            rasterized=matrix.size > VECTOR_CELLS,
        )
        _label_cells(axes, list(names[:rows]), list(names))
        axes.set_ylabel(_("label in the data"))
        axes.set_xlabel(_("prediction of the model"))
        _frame(axes)
        return drawing(figure)


def overview_figure(
    shares: Float[np.ndarray, "class concept"],
    class_names: Sequence[str],
    concept_names: Sequence[str],
) -> Drawing:
    """Draw which class rests on which concept: a heat map clustered along both sides.

    Colour is the mean share of relevance (white is zero, blue against). Classes and concepts that
    are used alike stand together; the tree above joins the concepts (average linkage on
    correlation distance, leaves in optimal order). At most `DRAWN_CONCEPTS` concepts are drawn,
    those with the largest share in any class.
    """
    import seaborn

    total = shares.shape[1]
    drawn = np.sort(np.argsort(-np.abs(shares).max(axis=0), kind="stable")[:DRAWN_CONCEPTS])
    shares, concept_names = shares[:, drawn], [concept_names[index] for index in drawn]
    class_order, _unused = _clustered(shares)
    concept_order, tree = _clustered(shares.T)
    ordered = shares[np.ix_(class_order, concept_order)]
    rows, columns = ordered.shape
    limit = float(np.abs(ordered).max()) if ordered.size else 0.0
    cell_x, cell_y = _cell(columns), max(_cell(rows), 0.2)
    with report_style():
        width, height = columns * cell_x, rows * cell_y
        crown = 0.45 if tree is not None else 0.0
        figure = new_figure(width + 0.6, height + crown)
        share = width / (width + 0.6)
        body = height / (height + crown)
        axes = figure.add_axes((0.0, 0.0, share, body))
        bar = figure.add_axes((share + 0.12 / (width + 0.6), 0.0, 0.12 / (width + 0.6), body))
        seaborn.heatmap(
            ordered,
            ax=axes,
            cmap="RdBu_r",
            vmin=-limit or -1.0,
            vmax=limit or 1.0,
            cbar_ax=bar,
            linewidths=0.4,
            linecolor="white",
            rasterized=ordered.size > VECTOR_CELLS,
        )
        bar.set_title(_("share"), loc="left", fontsize=8)
        bar.tick_params(labelsize=8)
        names = [concept_names[index] for index in concept_order]
        _label_cells(axes, [class_names[index] for index in class_order], names)
        if len(drawn) < total:
            note = _(
                "the %(drawn)s of %(total)s leading concepts with the largest shares",
                drawn=len(drawn),
                total=total,
            )
            axes.set_xlabel(note, color=MUTED)
        _frame(axes)
        if tree is not None:
            _draw_tree(figure.add_axes((0.0, body, share, 1 - body)), tree)
        return drawing(figure)


def similarity_figure(
    matrix: Float[np.ndarray, "concept concept"],
    cluster: Int[np.ndarray, "concept"],
    names: Sequence[str],
) -> Drawing:
    """Draw the similarity of the concepts of a layer, sorted by subspace, subspaces framed."""
    import seaborn
    from matplotlib.patches import Rectangle

    order = np.lexsort((np.arange(len(cluster)), cluster))
    ordered, groups = matrix[np.ix_(order, order)], cluster[order]
    count = len(order)
    cell = _cell(count)
    with report_style():
        side = count * cell
        figure = new_figure(side + 0.6, side)
        share = side / (side + 0.6)
        axes = figure.add_axes((0.0, 0.0, share, 1.0))
        bar = figure.add_axes((share + 0.12 / (side + 0.6), 0.0, 0.12 / (side + 0.6), 1.0))
        seaborn.heatmap(
            ordered,
            ax=axes,
            cmap="Greys",
            vmin=0.0,
            vmax=1.0,
            cbar_ax=bar,
            rasterized=ordered.size > VECTOR_CELLS,
        )
        bar.set_title(_("similarity"), loc="left", fontsize=8)
        bar.tick_params(labelsize=8)
        starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
        sizes = np.diff(np.r_[starts, count])
        for start, size in zip(starts, sizes, strict=True):
            corner = (float(start), float(start))
            axes.add_patch(
                Rectangle(
                    corner,
                    size,
                    size,
                    fill=False,
                    edgecolor=FRAME,
                    linewidth=1.6,
                    clip_on=False,
                )
            )
        if count <= DRAWN_CONCEPTS:
            labels = [names[index] for index in order]
            _label_cells(axes, labels, labels)
        else:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.set_xlabel(_("%(count)s concepts, sorted by subspace", count=count), color=MUTED)
        _frame(axes)
        return drawing(figure)


def _clustered(
    rows: Float[np.ndarray, "row column"],
) -> tuple[Int[np.ndarray, "row"], Float[np.ndarray, "link 4"] | None]:
    """Return the order of the rows in which alike ones are neighbours, and their tree."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    count = len(rows)
    if count < 3:
        return np.arange(count), None
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    distance = np.clip(1 - unit @ unit.T, 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    symmetric = (distance + distance.T) / 2
    tree = linkage(squareform(symmetric, checks=False), "average", optimal_ordering=True)
    return leaves_list(tree).astype(int), tree


def _draw_tree(axes: Axes, tree: Float[np.ndarray, "link 4"]) -> None:
    from matplotlib.collections import LineCollection
    from scipy.cluster.hierarchy import dendrogram

    parts = dendrogram(tree, no_plot=True)
    lines = [
        np.column_stack([np.asarray(x) / 10, y])
        for x, y in zip(parts["icoord"], parts["dcoord"], strict=True)
    ]
    axes.add_collection(LineCollection(lines, colors=MUTED, linewidths=0.7))
    axes.set_xlim(0, len(tree) + 1)
    axes.set_ylim(0, float(tree[:, 2].max()) * 1.08 or 1.0)
    axes.set_axis_off()


def _label_cells(axes: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    size = 8.0 if max(len(rows), len(columns)) <= 40 else 6.5
    axes.set_yticks(np.arange(len(rows)) + 0.5, [short(name) for name in rows])
    axes.set_xticks(np.arange(len(columns)) + 0.5, [short(name) for name in columns])
    axes.tick_params(axis="y", labelsize=size, rotation=0)
    upright = len(columns) <= WRITTEN_CELLS and all(len(name) <= SHORT_LABEL for name in columns)
    axes.tick_params(axis="x", labelsize=size, rotation=0 if upright else 90)


def _frame(axes: Axes) -> None:
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_edgecolor(INK)
        spine.set_linewidth(0.6)


def _cell(count: int) -> float:
    """Return the side of a cell in inches: the whole stays within a page's width."""
    return float(np.clip(5.6 / max(count, 1), 0.02, 0.42))
