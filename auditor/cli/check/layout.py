"""Text of at most 100 columns: paragraphs, lists, tables, shares, times and sizes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

WIDTH = 98


def shortened(text: str, width: int) -> str:
    """Return the end of a text that is too wide."""
    return text if len(text) <= width else f"..{text[2 - width :]}"


def percent(share: float) -> str:
    """Return a share in per cent: two digits where it is small, a decimal near the whole."""
    value = 100 * share
    size = abs(value)
    if size < 0.001:
        return "0 %"
    if size < 1:
        return f"{value:.2g} %"
    if size < 10 or 90 < size < 99.95:
        return f"{value:.1f} %"
    return f"{value:,.0f} %" if size < 1e5 else f"{value:.1e} %"


def in_time(seconds: float) -> str:
    """Write a duration."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def in_bytes(count: float) -> str:
    """Write a number of bytes."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def sentence(text: str) -> str:
    """Begin a text with a capital."""
    return text[:1].upper() + text[1:]


def indented(text: str) -> list[str]:
    """Wrap a paragraph."""
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def item(text: str, *, indent: int = 2) -> list[str]:
    """Wrap an item of a list."""
    space = " " * indent
    return textwrap.wrap(
        sentence(text), WIDTH, initial_indent=f"{space}- ", subsequent_indent=f"{space}  ",
        break_long_words=False,
    )  # fmt: skip


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, right: set[int] | None = None
) -> Iterator[str]:
    """Align columns; the last is cut where it would run past the page."""
    lines = [*([head] if head else []), *rows]
    columns = max(len(line) for line in lines)
    if right is None:
        right = set(range(1, columns)) if head else set()
    widths = [max(len(line[column]) for line in lines) for column in range(columns)]
    for number, line in enumerate(lines):
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text = "  " + "  ".join(cells)
        yield text if len(text.rstrip()) <= WIDTH + 2 else f"{text[: WIDTH - 2]}.."
        if head and number == 0:
            yield "  " + "  ".join("-" * width for width in widths)[: WIDTH - 2]
