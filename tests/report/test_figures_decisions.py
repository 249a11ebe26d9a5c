"""Figures of decisions: any names, few points, the same bytes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from auditor.report.draw.decision_plane import Panel, flipping_figure, plane_figure
from tests.report.test_figures import NAMES


def plane(count: int, spread: float, weights: tuple[float, float]):
    generator = np.random.default_rng(0)
    points = generator.normal(0, 1, (count, 2)) * spread
    is_first = np.arange(count) % 2 == 0
    mistaken = np.arange(count) % 5 == 0
    held = np.arange(count) % 3 == 0
    names = (NAMES[0], NAMES[2])
    return plane_figure(points, is_first, mistaken, held, (*weights, 0.0), names, names)


@pytest.mark.parametrize("count", [2, 40, 1500])
@pytest.mark.parametrize("spread", [0.0, 1e-4, 0.3])
@pytest.mark.parametrize("weights", [(1.0, 0.0), (0.0, 1.0), (0.6, -0.8)])
def test_planes_of_any_size(count: int, spread: float, weights: tuple[float, float]) -> None:
    before = dict(matplotlib.rcParams)
    svg, width, height = plane(count, spread, weights)
    assert dict(matplotlib.rcParams) == before
    assert ET.fromstring(svg).tag.endswith("svg")
    assert 200 < width < 700
    assert 200 < height < 600
    assert len(svg) < 400_000


@pytest.mark.parametrize("panels", [1, 3])
def test_curves(panels: int) -> None:
    switched = np.array([0, 0.02, 0.5, 1.0])
    curves = {name: np.random.default_rng(1).random((5, 4)) for name in ("relevance", "random")}
    drawn = flipping_figure([Panel("off, to zero", switched, curves)] * panels)
    assert drawn == flipping_figure([Panel("off, to zero", switched, curves)] * panels)
    assert 180 < drawn.width < 900
