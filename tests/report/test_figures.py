"""Figures: any size and any name, the same bytes, and matplotlib left as it was."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from auditor.report.draw import style as figure_style
from auditor.report.draw.figures import confusion_figure, overview_figure, similarity_figure
from auditor.report.draw.style import Drawing, short

NAMES = ["$\\frac{1}{0}$", "<b>&amp;", "犬 🐕", "x" * 80, "line\nbreak", "plain"]


def names(count: int) -> list[str]:
    return [f"{NAMES[i % len(NAMES)]} {i}" if i >= len(NAMES) else NAMES[i] for i in range(count)]


def draw(kind: str, count: int) -> Drawing:
    generator = np.random.default_rng(0)
    if kind == "confusion":
        matrix = generator.integers(0, 9, (count, count + 1))
        return confusion_figure(matrix, [*names(count), "another class"])
    if kind == "overview":
        shares = generator.random((count, count + count // 2)) - 0.2
        return overview_figure(shares, names(count), names(count + count // 2))
    similarity = generator.random((count, count))
    return similarity_figure(similarity, np.arange(count) % 3, names(count))


@pytest.mark.parametrize("kind", ["confusion", "overview", "similarity"])
@pytest.mark.parametrize("count", [1, 2, 5, 60])
def test_any_size_and_name_gives_a_figure(kind: str, count: int) -> None:
    before = dict(matplotlib.rcParams)
    svg, width, height = draw(kind, count)
    assert dict(matplotlib.rcParams) == before
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert 40 < width < 1400
    assert 40 < height < 1800
    for element in root.iter():
        for name, value in element.attrib.items():
            if name.endswith("href"):
                assert value.startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"url\((?!#)", svg)
    assert "<text" not in svg
    assert "dc:date" not in svg


def test_the_same_data_gives_the_same_bytes() -> None:
    assert draw("overview", 5) == draw("overview", 5)
    assert draw("confusion", 60) == draw("confusion", 60)


def test_alike_rows_stand_together() -> None:
    from auditor.report.draw.figures import _clustered

    generator = np.random.default_rng(1)
    groups = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])
    rows = generator.random((3, 8))[groups] + generator.normal(0, 0.01, (9, 8))
    order, tree = _clustered(rows)
    assert tree is not None
    changes = (groups[order][1:] != groups[order][:-1]).sum()
    assert changes == 2
    assert sorted(order) == list(range(9))


def test_constant_rows_are_drawn() -> None:
    assert overview_figure(np.zeros((4, 4)), names(4), names(4)).svg


def test_long_names_keep_head_and_tail() -> None:
    assert short("a" * 80 + "Z", 28) == "a" * 18 + "…" + "a" * 8 + "Z"
    assert short("two\nlines") == "two lines"


def test_of_many_concepts_the_largest_are_drawn_and_counted() -> None:
    generator = np.random.default_rng(2)
    shares = generator.random((3, 160)) * 0.1
    largest = np.array([7, 80, 159])
    shares[0, largest] = 1.0
    small = overview_figure(np.delete(shares, largest, axis=1), names(3), names(157))
    svg, width, height = overview_figure(shares, names(3), names(160))
    assert svg != small.svg
    assert width < 900
    kept = np.sort(np.argsort(-np.abs(shares).max(axis=0), kind="stable")[:48])
    alone = overview_figure(shares[:, kept], names(3), [names(160)[i] for i in kept])
    # The same cells, and one line more that says how many of all concepts they are.
    assert 0 < height - alone.height < 40
    assert abs(width - alone.width) < 3


def test_names_of_every_script_are_cut_by_their_width_and_not_inside_a_sign() -> None:
    assert short("猫" * 14) == "猫" * 14
    assert short("猫" * 20) == "猫" * 9 + "…" + "猫" * 4
    assert short("می\u200cخواهم") == "می\u200cخواهم"
    assert short("a\u202eb\u2066c\td") == "abc d"
    assert len(short("x" * 200)) == 28


def test_fonts_of_the_machine_stand_in_where_ours_lacks_letters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from matplotlib.font_manager import fontManager

    other = next(font for font in fontManager.ttflist if font.name != "DejaVu Sans")
    monkeypatch.setattr(figure_style, "FALLBACKS", (other.name, "No Such Font"))
    figure_style._fallbacks.cache_clear()
    with figure_style.report_style():
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", other.name]
    figure_style._fallbacks.cache_clear()
