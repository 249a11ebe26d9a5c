"""The colours of the report: one table for its style sheets, its inline SVG and its figures.

The constants are the colours on white paper. `custom_properties` gives them to a style sheet as
``--ink``, ``--muted`` and so on, with those of the dark theme where the medium has one.
"""

from __future__ import annotations

from collections.abc import Mapping

INK = "#1b2530"  # text
MUTED = "#5b6874"  # notes and axes: 5.7 to 1 on white
LINE = "#d5dbe1"  # rules, and the rail under a bar
PAPER = "#ffffff"
SOFT = "#f4f6f8"  # behind controls, code and pictures that do not fill their frame
ACCENT = "#0b5c8a"  # links and measured values
MARK = "#e4eef5"  # behind the current entry of the contents
SPAN = "#8fb6cf"  # an interval
BAR = "#5b7488"  # a bar that is compared with others
GOOD = "#14693f"
BAD = "#b42318"
CRITICAL = "#8f1239"
MEDIUM = "#b45309"
LOW = "#3b6b8f"
WARN = "#8a4b08"
WARN_SOFT = "#fdf3e3"
FOR = "#7fb0d0"  # an edge of a graph that speaks for the class
AGAINST = "#c9584c"
FRAME = "#c2410c"  # around a subspace, on a grey matrix

# Two more for figures, of Okabe and Ito 2008: told apart with every common colour blindness.
VERMILION = "#d55e00"
GREEN = "#009e73"

LIGHT = {
    "ink": INK,
    "muted": MUTED,
    "line": LINE,
    "paper": PAPER,
    "soft": SOFT,
    "accent": ACCENT,
    "mark": MARK,
    "span": SPAN,
    "warn": WARN,
    "warn-soft": WARN_SOFT,
    "plot": PAPER,  # behind figures, which are drawn for white in every theme
}
DARK = {
    "ink": "#e6eaee",
    "muted": "#a5b1bc",
    "line": "#3a4550",
    "paper": "#14191f",
    "soft": "#1d242c",
    "accent": "#7cc0ea",
    "mark": "#1f3342",
    "span": "#2b5674",
    "warn": "#f0b46a",
    "warn-soft": "#33271a",
}
# A printed HTML page: what a printer without colours keeps apart.
PRINTED = {
    "ink": "#000000",
    "muted": "#444444",
    "line": "#bbbbbb",
    "paper": PAPER,
    "soft": SOFT,
    "accent": ACCENT,
    "mark": MARK,
    "span": SPAN,
    "warn": WARN,
    "warn-soft": PAPER,
}
# A reader's choice of theme wins over the system's.
DARK_SYSTEM, DARK_CHOSEN = ':root:not([data-theme="light"])', ':root[data-theme="dark"]'


def custom_properties(medium: str) -> str:
    """Return the style rules that define the colours of ``html`` or ``pdf``."""
    light = _rule(":root", LIGHT)
    if medium == "pdf":
        return light
    every = f":root, {DARK_SYSTEM}, {DARK_CHOSEN}"
    return "\n".join(
        (
            light,
            f"@media (prefers-color-scheme: dark) {{\n{_rule(DARK_SYSTEM, DARK)}\n}}",
            _rule(DARK_CHOSEN, DARK),
            f"@media print {{\n{_rule(every, PRINTED)}\n}}",
        )
    )


def _rule(selector: str, colours: Mapping[str, str]) -> str:
    lines = "".join(f"  --{name}: {colour};\n" for name, colour in colours.items())
    return f"{selector} {{\n{lines}}}"
